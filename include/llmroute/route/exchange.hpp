// SPDX-License-Identifier: MIT
// One routed request, from its start to its single outcome: a Race and the policies. It decides who is asked and when, and
// sees neither bytes nor HTTP. It reads no clock, does no I/O and allocates nothing.
#ifndef LLMROUTE_ROUTE_EXCHANGE_HPP
#define LLMROUTE_ROUTE_EXCHANGE_HPP

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "llmroute/config.hpp"
#include "llmroute/dialect/dialect.hpp"  // Outgoing
#include "llmroute/route/account.hpp"
#include "llmroute/route/bill.hpp"
#include "llmroute/route/clocks.hpp"
#include "llmroute/route/core.hpp"
#include "llmroute/route/eligibility.hpp"
#include "llmroute/route/ended.hpp"
#include "llmroute/route/lessons.hpp"
#include "llmroute/route/question.hpp"
#include "llmroute/route/race.hpp"
#include "llmroute/route/reservations.hpp"
#include "llmroute/route/room.hpp"
#include "llmroute/route/rounds.hpp"
#include "llmroute/route/selection.hpp"

namespace llmroute {

/// Whether a driver can run two calls of one request at once.
enum class Overlap : bool { no, yes };

namespace detail {
template <class C>
struct PermitOf {
  struct type {};
};
template <Admits C>
struct PermitOf<C> {
  using type = typename C::Permit;
};

/// An array whose elements are not there until they are put: most exchanges have one attempt.
template <class T, std::size_t N>
class Lazy {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  void put(std::size_t i, const T& value) noexcept { ::new (static_cast<void*>(bytes_ + i * sizeof(T))) T(value); }
  T& operator[](std::size_t i) noexcept { return *std::launder(reinterpret_cast<T*>(bytes_ + i * sizeof(T))); }
  const T& operator[](std::size_t i) const noexcept {
    return *std::launder(reinterpret_cast<const T*>(bytes_ + i * sizeof(T)));
  }

 private:
  alignas(T) std::byte bytes_[N * sizeof(T)];
};
}  // namespace detail

template <class Policies>
class Exchange {
  using CoreOf = Core<Policies>;
  using Cooldown = typename CoreOf::Cooldown;
  using Permit = typename detail::PermitOf<Cooldown>::type;
  using Ranking = typename CoreOf::Ranking;
  using LaneOf = typename Selection<Policies>::LaneOf;

 public:
  /// Request and options are borrowed until the exchange is gone.
  Exchange(CoreOf& core, const ChatRequest& request, const Options& options, Delivery delivery, Overlap overlap, Time now)
      : core_(core), pin_(core.pin()), query_{.request = request, .options = options}, selection_(core, *pin_, query_),
        race_(deadline_of(options.timeouts, pin_->fleet().timeouts()), attempts_of(options), delivery, now),
        rounds_(core, query_, selection_, race_), room_(selection_.tenant()), last_now_(now), overlap_(overlap) {
    core_.begin();
    query_.trail = &race_.trail();
    put(query_, core_.next_id(), delivery);
    selection_.begin();
    if (options.replay == Replay::only_if_not_sent) race_.never_twice();
    guarded([&] {
      if (refused(refused_at_sight(core_, pin_->fleet(), query_, selection_.tenant()))) return;
      judge(core_, query_);
      tell({.what = Event::What::classified, .now = last_now_});
      if (refused(refused_by_ranking(core_, query_))) return;
      if (detail::takes_turn(core_.template policy<role::Ranking>(), query_))
        query_.turn = selection_.turns().taken.fetch_add(1, std::memory_order_relaxed);
    });
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    if (finished_) return;
    race_.decide(Kind::cancelled);  // nobody waits for it any more
    for (std::uint8_t i = 0; i < race_.trail().count; ++i) settle({i}, {}, last_now_);
    finish(last_now_);
  }

  /// What the driver does next; asked until it says wait or finish.
  Step next(Time now) noexcept {
    last_now_ = now;
    for (;;) {
      const Race::Turn turn = race_.advance(now);
      switch (turn.want) {
        case Race::Want::pick: {
          AttemptId sent;
          guarded([&] { sent = launch(turn.hedge, now); });
          if (sent) return {Step::Do::send, sent};
          break;
        }
        case Race::Want::cancel: settle(turn.attempt, {}, now); return {Step::Do::cancel, turn.attempt};
        case Race::Want::wait: return {Step::Do::wait, {}, turn.until};
        case Race::Want::finish: finish(now); return {Step::Do::finish};
      }
    }
  }
  /// The answer's head came.
  void head(AttemptId id, int status, Time now) noexcept {
    if (!race_.live(id)) return;
    race_.note(id, status, {});
    race_.heard(id, now);
  }
  /// Bytes came, whatever they mean.
  void heard(AttemptId id, Time now) noexcept { race_.heard(id, now); }
  /// Content came. True: it is the caller's. False: drop it and stop.
  bool content(AttemptId id, Time now) noexcept {
    if (race_.live(id) && held_[id.n].first_content < Duration::zero()) {
      held_[id.n].first_content = now - held_[id.n].sent;
      tell(*held_[id.n].lane, {.what = Event::What::first_content,
                               .provider = held_[id.n].lane->provider->name,
                               .entry = &race_.trail()[id.n],
                               .attempt = static_cast<std::uint8_t>(id.n + 1),
                               .began = held_[id.n].sent,
                               .now = now});
    }
    return race_.content(id, now);
  }
  /// The call is over. True: this attempt has won, and its reply is the outcome. Of attempts that are settled it is ignored.
  bool ended(AttemptId id, const Ended& e, Time now) noexcept {
    last_now_ = now;
    if (!race_.live(id)) return false;
    // Stopped by this side: what the client says of it means nothing.
    const bool stopped = e.kind == Kind::cancelled || e.kind == Kind::timed_out;
    race_.note(id, e.status, e.ok || stopped ? std::string_view() : e.message, e.altered);
    race_.ended(id, e.ok, e.kind, onward(e), now);
    settle(id, e, now);
    return race_.winner() == id;
  }
  /// The caller wants out.
  void cancel() noexcept { race_.cancel(); }
  /// A policy or a callback of the user's threw: the request ends, every permit comes back.
  void abandon() noexcept { race_.decide(Kind::policy_failed); }
  /// For transports that block: its time is up, or it is no longer wanted.
  bool over(AttemptId id, Time now) const noexcept { return race_.over(id, now); }
  bool live(AttemptId id) const noexcept { return race_.live(id); }
  http::Limits limits(AttemptId id, Time now) const noexcept { return race_.limits(id, now); }
  Outgoing outgoing(AttemptId id) const noexcept {
    const Held& h = held_[id.n];
    return {*h.lane->provider, h.offer, query_.request, query_.delivery, h.max_tokens};
  }

  const Provider& provider(AttemptId id) const noexcept { return *held_[id.n].lane->provider; }
  const Offer& offer(AttemptId id) const noexcept { return held_[id.n].offer; }
  Duration first_content(AttemptId id) const noexcept { return held_[id.n].sent - race_.begun() + held_[id.n].first_content; }
  const Race& race() const noexcept { return race_; }
  const Query& query() const noexcept { return query_; }
  /// Of all attempts so far.
  Cost cost() const noexcept { return bill_.total(); }
  /// As replies call it.
  std::string_view strategy() const {
    return detail::strategy_of(static_cast<const Ranking&>(core_.template policy<role::Ranking>()), query_);
  }

  /// The outcome, where nobody has won. It lists every cause.
  Failure failure(Time now) const {
    Failure f;
    f.kind = *race_.failure();
    f.id = query_.id;
    f.trail = race_.trail();
    f.cost = bill_.total();
    if (!f.trail.empty()) {
      f.provider = f.trail[f.trail.count - 1u].provider;
      f.status = f.trail[f.trail.count - 1u].status;
    }
    try_to([&] {  // a map of the user's own may throw
      const Time t = selection_.soonest(now);
      if (t != never && t > now) f.retry_after = t - now;
    });
    const auto why_not = [&](const Provider& p) {
      Closed why = Closed::refused;
      try_to([&] { why = selection_.why_not(p, now); });
      return why;
    };
    f.message = account_of(f, refusal_, pin_->fleet().providers(), why_not);
    return f;
  }

 private:
  struct Held {  // what one attempt holds until it is settled
    const LaneOf* lane = nullptr;
    Offer offer{};
    Permit permit{};
    Reservations<Policies> reserved{};
    std::optional<std::int64_t> max_tokens{};
    Money estimate{};
    Time sent{};
    Duration first_content{-1};
    Room::Share room{};
    bool open = false, extra = false, probe = false, free = false;
  };

  /// One more in flight, taken before it is decided whether it may go, so that whoever chooses meanwhile sees it.
  class Seat {
   public:
    explicit Seat(Health& h) noexcept : in_flight_(&h.in_flight) { in_flight_->fetch_add(1, std::memory_order_relaxed); }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    ~Seat() {
      if (in_flight_ != nullptr) in_flight_->fetch_sub(1, std::memory_order_relaxed);
    }
    void keep() noexcept { in_flight_ = nullptr; }  // it is given back when the attempt is settled

   private:
    std::atomic<std::int32_t>* in_flight_;
  };

  // --- before the first attempt ---

  template <class F>
  static bool try_to(F&& f) noexcept {
#if LLMROUTE_EXCEPTIONS
    try {
      f();
    } catch (...) {
      return false;
    }
#else
    f();
#endif
    return true;
  }
  template <class F>
  void guarded(F&& f) noexcept {
    if (!try_to(f)) abandon();  // a policy threw: one outcome, every permit back
  }
  bool refused(std::optional<Refusal> refusal) {
    if (!refusal) return false;
    refusal_ = std::move(refusal->why);
    race_.decide(refusal->kind);
    return true;
  }

  // --- an attempt begins ---

  // Everything of the user's that may throw comes before the permit, so that nothing is lost.
  AttemptId launch(bool hedge, Time now) {
    query_.attempt = race_.trail().count;
    query_.spent = spent();
    selection_.new_decision();
    over_budget_ = false;
    int overtaken = 0;
    for (;;) {
      const std::uint64_t launches = core_.launches();
      auto choice = selection_.choose(now);
      Need need = Need::ordinary;
      if (choice.at == none && !hedge && race_.trail().empty() && !selection_.refused_somebody() &&
          !rounds_.waits_for_slot(now)) {
        choice = selection_.least_ill(now);
        need = Need::last_resort;
      }
      if (choice.at == none) {
        if (!hedge) nobody(now);
        return {};
      }
      if (race_.deadline() - now < race_.least_time()) return race_.decide(Kind::deadline_exceeded), AttemptId{};

      Held held;
      held.lane = &selection_.lane(choice.at);
      held.offer = selection_.offer(*held.lane);
      Seat seat(held.lane->place->health);
      if (detail::watches_load<Ranking>() && !core_.launch(launches) && overtaken++ < 16) continue;
      selection_.take(choice.at);
      const AttemptLimits limits = limits_of(held, now);
      std::optional<Duration> hedge_after;
      if (overlap_ == Overlap::yes && !hedge && query_.options.hedge != Switch::off && query_.options.replay == Replay::free)
        hedge_after = core_.template policy<role::Hedge>().hedge_after(held.lane->place->health, query_);

      if (admit(held, hedge, need, now)) {
        held.open = true;
        seat.keep();
        rounds_.launched();
        const AttemptId id = race_.launched(held.lane->provider->name, choice.score, limits, hedge_after, hedge, now);
        held_.put(id.n, held);
        selection_.asked(*held.lane);
        const Candidate candidate = selection_.candidate(*held.lane, held.offer, now);
        tell_alerts(now);
        tell(*held.lane, {.what = Event::What::sent,
                          .provider = held.lane->provider->name,
                          .candidate = &candidate,
                          .entry = &race_.trail()[id.n],
                          .attempt = static_cast<std::uint8_t>(id.n + 1),
                          .now = now});
        return id;
      }
      const bool more = selection_.put_back(choice.at, refused_by_);
      if (hedge || race_.decided()) return {};
      if (!more) return nobody(now), AttemptId{};
    }
  }
  // By this request, with the most that those which still run can cost.
  Money spent() const noexcept {
    Money sum = bill_.total().amount;
    for (std::uint8_t i = 0; i < race_.trail().count; ++i)
      if (held_[i].open) sum += held_[i].reserved.worst();
    return sum;
  }
  // Extra attempts, then limits, budgets, and the permit last: a refusal gives back what was taken before it.
  bool admit(Held& held, bool hedge, Need need, Time now) {
    const LaneOf& l = *held.lane;
    refused_by_ = Closed::refused;
    struct Undo {
      Exchange& x;
      Held& held;
      bool armed = true;
      ~Undo() {
        if (!armed) return;
        if (held.probe) held.lane->standing->give_back(x.last_now_);
        held.reserved.settle(x.core_.policies(), Money(), x.last_now_);
        if (held.free) held.lane->allowance()->give_back();
        x.room_.give_back(*held.lane, held.room, x.last_now_);
        if (held.extra) x.core_.give_extra();
      }
    } undo{*this, held};

    held.sent = now;
    held.estimate = selection_.candidate(l, held.offer, now).estimate();
    held.max_tokens = query_.request.max_tokens;
    const bool again = hedge || selection_.was_asked(l);
    if (again && !core_.take_extra()) return false;
    held.extra = again;

    held.room = room_.take(l, selection_.tokens(), now);
    if (!held.room.taken) return refused_by_ = held.room.why, false;

    held.free = l.allowance() != nullptr && l.allowance()->take(l.provider->free, now);
    if (!held.reserved.take(core_.policies(), query_, *l.provider, held.offer, held.free, held.max_tokens, now)) {
      over_budget_ = true, refused_by_ = Closed::budget;
      tell({.what = Event::What::budget, .provider = l.provider->name, .now = now});
      return false;
    }
    const bool probe = l.standing->why() != Standing::Why::open;
    if (!l.standing->claim(now, later(now, key_pause(*l.provider)))) return false;
    held.probe = probe;
    if constexpr (Admits<Cooldown>) {
      refused_by_ = Closed::rests;
      const auto permit = core_.template policy<role::Cooldown>().admit(l.place->state, now, need);
      if (!permit) return false;
      held.permit = *permit;
    }
    undo.armed = false;
    if (room_.keep(held.room)) selection_.tenant_was_charged();
    return true;
  }
  AttemptLimits limits_of(const Held& held, Time now) const {
    AttemptLimits limits =
        attempt_limits(query_.options.timeouts, *held.lane->provider, pin_->fleet().timeouts(), held.offer, query_.delivery);
    // While somebody else could be asked, one that hangs must leave enough time for that.
    if (selection_.somebody_is_open(now))
      limits.answer = shorter(limits.answer, longer(race_.least_time(), (race_.deadline() - now) / 5 * 3));
    return limits;
  }
  // Everybody was asked once, rests, has no room, or cannot: is it worth waiting, or another round?
  void nobody(Time now) {
    if (rounds_.goes_on(now)) return;
    Kind kind = selection_.kind_of_nobody(now);
    if (over_budget_) kind = Kind::over_budget;
    else if (kind == Kind::rate_limited) refusal_ = selection_.why_rate_limited(now);
    else if (kind == Kind::over_budget) tell({.what = Event::What::budget, .now = now});
    else if (kind == Kind::no_candidate && race_.trail().empty()) refusal_ = stranger();
    race_.give_up(kind);
  }
  // A name in the request's list that nobody in the fleet bears may be why; empty: they are all known.
  std::string stranger() const {
    for (const std::string& name : query_.options.allow) {
      bool known = false;
      for (const Provider& p : pin_->fleet().providers()) known = known || p.name == name;
      if (!known) return "options.allow: the fleet has no provider \"" + printable(name, 100) + "\"";
    }
    return {};
  }
  // --- an attempt ends ---

  Onward onward(const Ended& e) const noexcept {
    const Kind kind = e.kind;
    if (query_.options.replay == Replay::only_if_not_sent && !never_worked_on(kind)) return Onward::stop;
    const Onward usual = about(kind).onward;
    if (usual == Onward::next || usual == Onward::larger_window) return usual;
    for (Kind k : query_.options.also_next_on)
      if (k == kind) return kind == Kind::content_filtered ? Onward::other_vendor : Onward::next;
    return e.limits.verdict == http::Verdict::retry ? Onward::next : Onward::stop;  // the provider knows better
  }
  static bool never_worked_on(Kind k) noexcept {
    return k == Kind::not_sent || k == Kind::unsupported || about(k).blame == Blame::rest ||
           about(k).blame == Blame::provider_out || about(k).blame == Blame::offer_out;
  }
  // Every attempt comes through here once, however it ended: reservations, counts, rests, the permit, observers.
  void settle(AttemptId id, const Ended& e, Time now) noexcept {
    Held& held = held_[id.n];
    if (!std::exchange(held.open, false)) return;
    const LaneOf& l = *held.lane;
    const TrailEntry& entry = race_.trail()[id.n];
    Outcome o{.ending = entry.ending == Ending::running ? Ending::cancelled : entry.ending,
              .kind = entry.kind,
              .retry_after = e.retry_after,
              .seed = mix(query_.seed, 0xA77Eu + id.n)};
    if (e.limits.verdict != http::Verdict::nothing_said) o.should_retry = e.limits.verdict == http::Verdict::retry;
    o.total = now - held.sent;
    o.content = held.first_content >= Duration::zero();
    o.first_content = o.content ? held.first_content : o.total;

    const Cost cost =
        held.free && !e.billed ? Cost{Money(), Cost::Source::usage} : cost_of(*l.provider, held.offer, held.estimate, e, o);
    if (held.free) l.allowance()->used(e.usage.reported || !o.ok() ? e.usage.total() : selection_.tokens());
    room_.settle(l, held.room, e, o, now);
    bill_.add(cost);
    held.reserved.settle(core_.policies(), cost.amount, now);
    if (held.extra) core_.give_extra();
    // Whether the key works was not found out: the next one may.
    if (held.probe && o.says_nothing() && l.standing->why() == Standing::Why::unauthorized) l.standing->give_back(now);
    learn(l, o, rest_without_hint(o), now);
    guarded([&] {
      auto& cooldown = core_.template policy<role::Cooldown>();
      if constexpr (Admits<Cooldown>) cooldown.report(l.place->state, held.permit, o, now);
      else if (!o.says_nothing()) cooldown.report(l.place->state, o, now);
    });
    if (o.failed()) {
      rounds_.failed(o);
      query_.last_failure = &entry;
      selection_.failed(id.n, o, held.offer);
    }
    tell_alerts(now);
    tell(l, {.what = Event::What::ended,
             .provider = l.provider->name,
             .outcome = &o,
             .entry = &entry,
             .attempt = static_cast<std::uint8_t>(id.n + 1),
             .usage = e.usage,
             .cost = cost,
             .now = now});
    if (o.failed()) tell_rest(l, o, entry, now);
  }
  void tell_alerts(Time now) noexcept {
    guarded([&] {
      Reservations<Policies>::each_alert(
          core_.policies(), [&](const BudgetAlert& a) { tell({.what = Event::What::budget, .alert = &a, .now = now}); });
    });
  }
  Duration rest_without_hint(const Outcome& o) noexcept {
    Duration rest = std::chrono::seconds(60);
    if (o.blame() != Blame::rest || o.retry_after > Duration::zero()) return rest;
    guarded([&] {
      auto& cooldown = core_.template policy<role::Cooldown>();
      if constexpr (RestsFor<Cooldown>) rest = cooldown.rest_for(o);
    });
    return rest;
  }

  void tell(Event e) noexcept {
    e.id = query_.id;
    e.query = &query_;
    core_.tell(e);
  }
  /// Also to the ranking, of the place.
  void tell(const LaneOf& l, Event e) noexcept {
    if constexpr (Remembers<Ranking>) {
      e.id = query_.id;
      e.query = &query_;
      guarded([&] { core_.template policy<role::Ranking>().learn(l.place->memory, e); });
    }
    tell(e);
  }
  void tell_rest(const LaneOf& l, const Outcome& o, const TrailEntry& entry, Time now) noexcept {
    guarded([&] {
      const bool out = o.blame() == Blame::provider_out || (o.blame() == Blame::offer_out && l.own_place);
      const Time until = out ? l.standing->open(now) ? never : l.standing->probe_at() : selection_.rest_until(l, now);
      if (until > now)
        tell({.what = Event::What::rested,
              .provider = l.provider->name,
              .outcome = &o,
              .entry = &entry,
              .until = until,
              .now = now});
    });
  }
  void finish(Time now) noexcept {
    if (std::exchange(finished_, true)) return;
    core_.end();
    rounds_.leave();
    room_.finish(now);
    const AttemptId winner = race_.winner();
    Outcome o = winner ? Outcome{.ending = Ending::won} : Outcome{.ending = Ending::failed, .kind = *race_.failure()};
    if (o.failed() && o.kind == Kind::cancelled) o.ending = Ending::cancelled;
    o.total = o.first_content = now - race_.begun();
    if (winner && held_[winner.n].first_content >= Duration::zero()) o.first_content = first_content(winner);
    const TrailEntry* last = race_.trail().empty() ? nullptr : &race_.trail()[winner ? winner.n : race_.trail().count - 1u];
    tell({.what = Event::What::finished,
          .provider = last == nullptr ? std::string_view() : last->provider.view(),
          .outcome = &o,
          .entry = last,
          .attempt = race_.trail().count,
          .cost = bill_.total(),
          .now = now});
  }

  CoreOf& core_;
  typename Snapshot<typename CoreOf::Places>::Pin pin_;
  Query query_;
  Selection<Policies> selection_;
  Race race_;
  Rounds<Policies> rounds_;
  Room room_;
  detail::Lazy<Held, max_attempts> held_;
  Bill bill_{};
  std::string refusal_{};
  Time last_now_;
  Overlap overlap_;
  Closed refused_by_ = Closed::refused;  // the last one that could not be had
  bool finished_ = false, over_budget_ = false;
};

}  // namespace llmroute

#endif
