// SPDX-License-Identifier: MIT
// One routed request, from its start to its single outcome: a Race and the policies. It decides who is asked and when, and
// sees neither bytes nor HTTP. It reads no clock, does no I/O and allocates nothing.
#ifndef LLMROUTE_ROUTE_EXCHANGE_HPP
#define LLMROUTE_ROUTE_EXCHANGE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "llmroute/config.hpp"
#include "llmroute/dialect/dialect.hpp"  // Outgoing
#include "llmroute/route/core.hpp"
#include "llmroute/route/eligibility.hpp"
#include "llmroute/route/ended.hpp"
#include "llmroute/route/race.hpp"
#include "llmroute/route/reservations.hpp"

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
  const T& operator[](std::size_t i) const noexcept { return *std::launder(reinterpret_cast<const T*>(bytes_ + i * sizeof(T))); }

 private:
  alignas(T) std::byte bytes_[N * sizeof(T)];
};

template <class Policy>
constexpr std::string_view name_of() noexcept {
  if constexpr (Named<Policy>) return Policy::name;
  else return {};
}
}  // namespace detail

template <class Policies>
class Exchange {
  using CoreOf = Core<Policies>;
  using Cooldown = typename CoreOf::Cooldown;
  using LaneOf = Lane<Cooldown>;
  using Permit = typename detail::PermitOf<Cooldown>::type;
  using Ranking = typename CoreOf::template Policy<role::Ranking>;

 public:
  /// Request and options are borrowed until the exchange is gone.
  Exchange(CoreOf& core, const ChatRequest& request, const Options& options, Delivery delivery, Overlap overlap, Time now)
      : core_(core), pin_(core.pin()), group_(&pin_->group(request.model)), query_{.request = request, .options = options},
        race_(deadline_of(options), options.attempts.value_or(5), delivery, now), last_now_(now), overlap_(overlap) {
    core_.begin();
    query_.id = core_.next_id();
    query_.seed = mix(query_.id, 1);
    query_.delivery = delivery;
    query_.needs = needed_capabilities(request);
    demands_ = demands_of(query_);
    query_.completion_tokens = request.max_tokens.value_or(256);
    if (options.replay == Replay::only_if_not_sent) race_.never_twice();
    if (const std::string& problem = pin_->fleet().problem(); !problem.empty()) refuse(Kind::misconfigured, problem);
    else if (const char* option = unsupported(options)) refuse(Kind::misconfigured, option);
    else if (const char* fault = fault_of(request)) refuse(Kind::request_invalid, fault);
    else guarded([&] { judge(); });
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    for (std::uint8_t i = 0; i < race_.trail().count; ++i) settle({i}, {}, last_now_);
    core_.end();
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
        case Race::Want::finish:
          if (!std::exchange(finished_, true)) tell({.what = Event::What::finished, .cost = cost_, .now = now});
          return {Step::Do::finish};
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
    if (race_.live(id) && held_[id.n].first_content < Duration::zero()) held_[id.n].first_content = now - held_[id.n].sent;
    return race_.content(id, now);
  }
  /// The call is over. True: this attempt has won, and its reply is the outcome. Of attempts that are settled it is ignored.
  bool ended(AttemptId id, const Ended& e, Time now) noexcept {
    last_now_ = now;
    if (!race_.live(id)) return false;
    const bool stopped = e.kind == Kind::cancelled || e.kind == Kind::timed_out;  // by this side: the client's words say nothing
    race_.note(id, e.status, e.ok || stopped ? std::string_view() : e.message);
    race_.ended(id, e.ok, e.kind, onward(e.kind), now);
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
  Cost cost() const noexcept { return cost_; }
  static constexpr std::string_view strategy() noexcept { return detail::name_of<Ranking>(); }

  /// The outcome, where nobody has won. It lists every cause.
  Failure failure(Time now) const {
    Failure f;
    f.kind = *race_.failure();
    f.id = query_.id;
    f.trail = race_.trail();
    f.cost = cost_;
    if (!f.trail.empty()) {
      f.provider = f.trail[f.trail.count - 1u].provider;
      f.status = f.trail[f.trail.count - 1u].status;
    }
    f.retry_after = come_back(now);
    f.message = message(f, now);
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
    bool open = false, extra = false, probe = false;
  };

  // --- before the first attempt ---

  template <class F>
  void guarded(F&& f) noexcept {
#if LLMROUTE_EXCEPTIONS
    try {
      f();
    } catch (...) {  // a policy threw: one outcome, every permit back
      abandon();
    }
#else
    f();
#endif
  }
  Duration deadline_of(const Options& o) const noexcept {
    return o.timeouts.deadline.value_or(pin_->fleet().timeouts().deadline.value_or(std::chrono::seconds(300)));
  }
  // An option that would silently do nothing is worse than an error.
  static const char* unsupported(const Options& o) noexcept {
    if (o.cache == Switch::on) return "options.cache: this router has no cache";
    if (o.hedge == Switch::on && std::is_same_v<typename CoreOf::template Policy<role::Hedge>, hedge::Off>)
      return "options.hedge: this router has no Hedge policy";
    if (o.when_full == WhenFull::wait) return "options.when_full: this version does not wait for a slot";
    if (o.broken_stream != BrokenStream::stop) return "options.broken_stream: this version only stops";
    if constexpr (!Refuses<Ranking>)
      if (!o.strategy.empty() && o.strategy != strategy()) return "options.strategy: this router's ranking offers no choice by name";
    if (o.attempts.value_or(1) < 1) return "options.attempts: at least 1";
    for (const auto& t : {o.timeouts.deadline, o.timeouts.connect, o.timeouts.attempt, o.timeouts.first_content, o.timeouts.idle, o.timeouts.content_idle})
      if (t && *t < Duration::zero()) return "options.timeouts: one is negative";
    return nullptr;
  }
  void refuse(Kind kind, std::string_view why) {
    refusal_ = why;
    race_.decide(kind);
  }
  void judge() {
    auto& classifier = core_.template policy<role::Classifier>();
    query_.category = query_.options.category;
    if (query_.category.empty()) {
      query_.judgement = classifier.classify(query_.request);
      if constexpr (NamesCategories<typename CoreOf::template Policy<role::Classifier>>) {
        const std::span<const std::string_view> names = classifier.names();
        if (query_.judgement.category < names.size()) query_.category = names[query_.judgement.category];
      }
    }
    if (const auto said = query_.options.prompt_tokens) query_.judgement.prompt_tokens = *said < 0 ? 0 : *said;
    else if (query_.judgement.prompt_tokens <= 0) query_.judgement.prompt_tokens = estimated_tokens(query_.request);
    tell({.what = Event::What::classified, .now = last_now_});
    if constexpr (Refuses<Ranking>) {
      if (std::string why = core_.template policy<role::Ranking>().refuse(query_); !why.empty()) refuse(Kind::misconfigured, why);
    }
  }

  // --- who may be asked ---

  Candidate view(const LaneOf& l, const Offer& o, Time now) const noexcept {
    return {*l.provider, o, l.place->health, query_, l.index, now};
  }
  /// The lane's offer, or what the map says of a name that is not listed.
  const Offer* offer_of(const LaneOf& l, Offer& scratch) const {
    if (group_->resolved) return &l.offer;
    const auto resolved = core_.template policy<role::ModelMap>().resolve(query_.request.model, *l.provider);
    if (!resolved) return nullptr;
    scratch = *resolved;
    return &scratch;
  }
  static Time asked_rest(const LaneOf& l) noexcept {
    const Time place = l.place->asked_rest.get(), quota = l.quota->get();
    return place < quota ? quota : place;
  }
  Time policy_rest(const LaneOf& l, Time now) const { return core_.template policy<role::Cooldown>().rest_until(l.place->state, now); }

  // What holds for this request however long one waits.
  Closed closed_for_good(const LaneOf& l, Time now) const {
    if (l.place->out.load(std::memory_order_relaxed)) return Closed::no_such_model;
    if (!l.standing->open(now)) {
      const auto why = l.standing->why();
      return why == Standing::Why::unauthorized ? Closed::unauthorized : why == Standing::Why::disabled ? Closed::disabled : Closed::misconfigured;
    }
    Offer scratch;
    const Offer* offer = offer_of(l, scratch);
    if (offer == nullptr) return Closed::not_carried;
    if (const Closed c = closed_by_request(*l.provider, *offer, query_, demands_); c != Closed::open) return c;
    if (least_window_ > 0 && offer->window < least_window_) return Closed::larger_window;
    if (const auto ceiling = query_.options.price_ceiling) {
      const Candidate c = view(l, *offer, now);
      if (!c.price_known() || c.estimate() > *ceiling) return Closed::price;
    }
    for (std::uint8_t i = 0; i < race_.trail().count; ++i) {
      const LaneOf* sent = held_[i].lane;
      if (query_.options.fallback == Fallback::off && sent != &l) return Closed::other_provider;
      const TrailEntry& e = race_.trail()[i];
      if (e.ending != Ending::failed) continue;
      if (e.kind == Kind::content_filtered && vendor(*sent->provider) == vendor(*l.provider)) return Closed::filtered;
      if (sent == &l && e.kind == Kind::model_not_found) return Closed::no_such_model;  // also where the place is shared
      if (sent == &l && about(e.kind).onward == Onward::stop) return Closed::tried;     // it would say the same again
    }
    return Closed::open;
  }
  Closed closed(std::size_t i, Time now) const {
    const LaneOf& l = group_->lanes[i];
    for (std::uint8_t k = 0; k < tried_count_; ++k)
      if (tried_[k] == i) return Closed::tried;
    for (std::uint8_t k = 0; k < refused_count_; ++k)
      if (refused_[k] == i) return Closed::refused;
    if (asked_rest(l) > now) return Closed::asked_to_rest;
    if (policy_rest(l, now) > now) return Closed::rests;
    return closed_for_good(l, now);
  }
  bool open(std::size_t i, Time now) const { return closed(i, now) == Closed::open; }
  static std::string_view vendor(const Provider& p) noexcept { return p.vendor.empty() ? std::string_view(p.name) : p.vendor; }

  /// When somebody may be asked again, at the earliest; `never`: nobody will.
  Time soonest(Time now) const {
    Time first = never;
    for (const LaneOf& l : group_->lanes) {
      if (closed_for_good(l, now) != Closed::open) continue;
      Time t = policy_rest(l, now);
      if (asked_rest(l) > t) t = asked_rest(l);
      first = sooner(first, t);
    }
    return first;
  }
  Duration come_back(Time now) const noexcept {
    Time t = never;
#if LLMROUTE_EXCEPTIONS
    try {
      t = soonest(now);
    } catch (...) {  // a map of the user's own; the hint is all that is lost
    }
#else
    t = soonest(now);
#endif
    return t == never || t <= now ? Duration::zero() : t - now;
  }

  // --- whom now? ---

  struct View {  // what Candidates is, without the indirection
    const Exchange& x;
    Time now;
    std::size_t only = none;  // open, whoever else is
    std::size_t size() const noexcept { return x.group_->lanes.size(); }
    bool open(std::size_t i) const { return only != none ? i == only : i < size() && x.open(i, now); }
    Candidate operator[](std::size_t i) const {
      const LaneOf& l = x.group_->lanes[i];
      Offer scratch;
      const Offer* offer = x.offer_of(l, scratch);
      return x.view(l, offer == nullptr ? l.offer : *offer, now);
    }
  };
  struct Choice {
    std::size_t lane = none;
    double score = 0;
  };
  Choice choose(const View& candidates) const {
    const auto& ranking = core_.template policy<role::Ranking>();
    if constexpr (Scores<Ranking>) {
      Choice best{none, std::numeric_limits<double>::infinity()};
      std::uint64_t equals = 0;
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (!candidates.open(i)) continue;
        const double score = static_cast<double>(ranking.score(candidates[i], query_));
        if (score < best.score) best = {i, score}, equals = 1;  // NaN and +infinity never win
        else if (score == best.score && best.lane != none && mix(query_.seed, i + 0x71E5u + query_.attempt) % ++equals == 0) best.lane = i;
      }
      return best;
    } else {
      std::size_t i = none;
      if constexpr (requires { { ranking.pick(candidates, query_) } -> std::same_as<std::size_t>; }) {
        i = ranking.pick(candidates, query_);
      } else {
        auto at = [&](std::size_t k) { return candidates[k]; };
        auto is_open = [&](std::size_t k) { return candidates.open(k); };
        i = ranking.pick(Candidates(at, is_open, candidates.size()), query_);
      }
      return {candidates.open(i) ? i : none, 0};  // a strategy that names a closed one is not believed
    }
  }
  // Everybody rests: whose rest ends first? Rests that a provider asked for are never cut short, nor is anybody asked whom the
  // ranking does not want.
  Choice least_ill(Time now) const {
    Choice best;
    if constexpr (Admits<Cooldown>) {
      Time first = never;
      for (std::size_t i = 0; i < group_->lanes.size(); ++i) {
        const LaneOf& l = group_->lanes[i];
        if (asked_rest(l) > now || closed_for_good(l, now) != Closed::open) continue;
        const Time rested = policy_rest(l, now);
        if (rested <= now || rested >= first) continue;
        if (const Choice wanted = choose({*this, now, i}); wanted.lane == i) first = rested, best = wanted;
      }
    }
    return best;
  }

  // --- an attempt begins ---

  // Everything of the user's that may throw comes before the permit, so that nothing is lost.
  AttemptId launch(bool hedge, Time now) {
    query_.attempt = race_.trail().count;
    refused_count_ = 0;
    for (;;) {
      Choice choice = choose({*this, now});
      Need need = Need::ordinary;
      if (choice.lane == none && !hedge && race_.trail().empty() && refused_count_ == 0) {
        choice = least_ill(now);
        need = Need::last_resort;
      }
      if (choice.lane == none) {
        if (!hedge) nobody(now);
        return {};
      }
      if (race_.deadline() - now < race_.least_time()) return race_.decide(Kind::deadline_exceeded), AttemptId{};

      Held held;
      held.lane = &group_->lanes[choice.lane];
      Offer scratch;
      const Offer* offer = offer_of(*held.lane, scratch);
      held.offer = offer == nullptr ? held.lane->offer : *offer;
      tried_[tried_count_++] = static_cast<std::uint32_t>(choice.lane);
      const AttemptLimits limits = limits_of(held, now);
      std::optional<Duration> hedge_after;
      if (overlap_ == Overlap::yes && !hedge && query_.options.hedge != Switch::off && query_.options.replay == Replay::free)
        hedge_after = core_.template policy<role::Hedge>().hedge_after(held.lane->place->health, query_);

      if (admit(held, hedge, need, now)) {
        held.open = true;
        held.lane->place->health.in_flight.fetch_add(1, std::memory_order_relaxed);
        const AttemptId id = race_.launched(held.lane->provider->name, choice.score, limits, hedge_after, hedge, now);
        held_.put(id.n, held);
        tell({.what = Event::What::sent, .provider = held.lane->provider->name, .score = choice.score, .now = now});
        return id;
      }
      --tried_count_;
      if (hedge || race_.decided()) return {};
      if (refused_count_ == refused_.size()) return nobody(now), AttemptId{};
      refused_[refused_count_++] = static_cast<std::uint32_t>(choice.lane);
    }
  }
  // Extra attempts, then budgets, then the permit last: a refusal gives back what was taken before it.
  bool admit(Held& held, bool hedge, Need need, Time now) {
    const LaneOf& l = *held.lane;
    struct Undo {
      Exchange& x;
      Held& held;
      bool armed = true;
      ~Undo() {
        if (!armed) return;
        if (held.probe) held.lane->standing->give_back(x.last_now_);
        held.reserved.settle(x.core_.policies(), Money(), x.last_now_);
        if (held.extra) x.core_.give_extra();
      }
    } undo{*this, held};

    held.sent = now;
    held.estimate = view(l, held.offer, now).estimate();
    held.max_tokens = query_.request.max_tokens;
    bool again = hedge;
    for (std::uint8_t i = 0; i < race_.trail().count; ++i) again = again || held_[i].lane == held.lane;
    if (again && !core_.take_extra()) return false;
    held.extra = again;
    if (!held.reserved.take(core_.policies(), query_, *l.provider, held.offer, held.max_tokens, now)) {
      over_budget_ = true;
      tell({.what = Event::What::budget, .provider = l.provider->name, .now = now});
      return false;
    }
    const bool probe = l.standing->why() != Standing::Why::open;
    if (!l.standing->claim(now, later(now, key_pause(*l.provider)))) return false;
    held.probe = probe;
    if constexpr (Admits<Cooldown>) {
      const auto permit = core_.template policy<role::Cooldown>().admit(l.place->state, now, need);
      if (!permit) return false;
      held.permit = *permit;
    }
    undo.armed = false;
    return true;
  }
  bool somebody_else(Time now) const {
    for (std::size_t i = 0; i < group_->lanes.size(); ++i)
      if (open(i, now)) return true;
    return false;
  }
  AttemptLimits limits_of(const Held& held, Time now) const {
    const Provider& p = *held.lane->provider;
    const auto chosen = [&](std::optional<Duration> Timeouts::*which, Duration otherwise) {
      const auto& request = query_.options.timeouts.*which;
      const auto& provider = p.timeouts.*which;
      return request ? *request : provider ? *provider : (pin_->fleet().timeouts().*which).value_or(otherwise);
    };
    using std::chrono::seconds;
    const bool stream = query_.delivery == Delivery::stream, reasons = held.offer.capabilities.has(Capability::reasoning);
    AttemptLimits limits{.connect = chosen(&Timeouts::connect, seconds(5)),
                         .answer = stream ? chosen(&Timeouts::first_content, seconds(reasons ? 300 : 60))
                                          : chosen(&Timeouts::attempt, seconds(120)),
                         .idle = chosen(&Timeouts::idle, seconds(30)),
                         .content_idle = stream ? chosen(&Timeouts::content_idle, seconds(120)) : Duration::zero()};
    // While somebody else could be asked, one that hangs must leave enough time for that.
    if (somebody_else(now)) limits.answer = shorter(limits.answer, longer(race_.least_time(), (race_.deadline() - now) / 5 * 3));
    return limits;
  }
  // Everybody was asked once, rests, or cannot: is another round worth it?
  void nobody(Time now) {
    if (last_ && tried_count_ > 0) {
      if (const auto pause = another_round()) {
        const Time rested = soonest(now), again = later(now, *pause);
        const Time begin = rested > again ? rested : again;
        if (begin < race_.deadline() && race_.deadline() - begin >= race_.least_time()) {
          tried_count_ = 0;
          return race_.pause(begin > now ? begin : later(now, Duration(1)));
        }
      }
    }
    race_.give_up(over_budget_ ? Kind::over_budget : Kind::no_candidate);
  }
  std::optional<Duration> another_round() {
    const auto policy = core_.template policy<role::Retry>().retry_after(*last_, query_);
    for (const auto& [kind, most] : query_.options.retries) {
      if (kind != last_->kind) continue;
      int rounds = 0;  // in which the one that failed last failed like this
      for (std::uint8_t i = 0; i < race_.trail().count; ++i) {
        const TrailEntry& e = race_.trail()[i];
        rounds += held_[i].lane == last_lane_ && e.ending == Ending::failed && e.kind == kind;
      }
      if (rounds > most) return std::nullopt;
      return policy.value_or(Duration::zero());
    }
    return policy;
  }

  // --- an attempt ends ---

  Onward onward(Kind kind) const noexcept {
    if (query_.options.replay == Replay::only_if_not_sent && !never_worked_on(kind)) return Onward::stop;
    const Onward usual = about(kind).onward;
    if (usual == Onward::next || usual == Onward::larger_window) return usual;
    for (Kind k : query_.options.also_next_on)
      if (k == kind) return kind == Kind::content_filtered ? Onward::other_vendor : Onward::next;
    return Onward::stop;
  }
  static bool never_worked_on(Kind k) noexcept {
    return k == Kind::not_sent || about(k).blame == Blame::rest || about(k).blame == Blame::provider_out || about(k).blame == Blame::offer_out;
  }
  static Duration key_pause(const Provider& p) noexcept {
    return p.retry_key_after > Duration::zero() ? p.retry_key_after : endless;
  }
  // Every attempt comes through here once, however it ended: reservations, counts, rests, the permit, observers.
  void settle(AttemptId id, const Ended& e, Time now) noexcept {
    Held& held = held_[id.n];
    if (!std::exchange(held.open, false)) return;
    const LaneOf& l = *held.lane;
    const TrailEntry& entry = race_.trail()[id.n];
    Outcome o{.ending = entry.ending == Ending::running ? Ending::cancelled : entry.ending, .kind = entry.kind, .retry_after = e.retry_after};
    o.total = now - held.sent;
    o.first_content = held.first_content < Duration::zero() ? o.total : held.first_content;

    const Cost cost = cost_of(held, e, o);
    add(cost);
    held.reserved.settle(core_.policies(), cost.amount, now);
    if (held.extra) core_.give_extra();
    learn(l, held, o, now);
    guarded([&] {
      auto& cooldown = core_.template policy<role::Cooldown>();
      if constexpr (Admits<Cooldown>) cooldown.report(l.place->state, held.permit, o, now);
      else if (!o.says_nothing()) cooldown.report(l.place->state, o, now);
    });
    if (o.failed()) last_ = o, last_lane_ = &l;
    tell({.what = Event::What::ended, .provider = l.provider->name, .outcome = &o, .usage = e.usage, .cost = cost, .now = now});
  }
  void learn(const LaneOf& l, const Held& held, const Outcome& o, Time now) noexcept {
    Health& health = l.place->health;
    health.in_flight.fetch_sub(1, std::memory_order_relaxed);
    if (o.ok()) {
      health.successes.fetch_add(1, std::memory_order_relaxed);
      health.measured(o.first_content);
      l.standing->works();
    }
    if (o.ending == Ending::lost || o.ending == Ending::cut) health.at_least(o.total);
    if (!o.failed()) return;

    using std::chrono::seconds;
    constexpr Duration shortest = seconds(1), longest = seconds(300), quota = std::chrono::minutes(15);
    const Duration asked = o.retry_after > Duration::zero() ? shorter(longer(o.retry_after, shortest), longest) : Duration::zero();
    switch (o.blame()) {
      case Blame::none: break;
      case Blame::failure:
        health.failures.fetch_add(1, std::memory_order_relaxed);
        if (asked > Duration::zero()) l.place->asked_rest.extend(later(now, asked));
        break;
      case Blame::rest: {
        Duration rest = asked > Duration::zero() ? asked : rest_without_hint(o);
        if (o.kind == Kind::quota_exhausted) rest = longer(rest, quota);
        l.quota->extend(later(now, rest));
        break;
      }
      case Blame::provider_out:
        if (o.kind == Kind::unauthorized) l.standing->close(Standing::Why::unauthorized, later(now, key_pause(*l.provider)));
        else l.standing->close(Standing::Why::misconfigured, never);
        break;
      case Blame::offer_out:
        if (l.own_place) l.place->out.store(true, std::memory_order_relaxed);
        break;
    }
    if (about(o.kind).onward == Onward::larger_window) {
      const std::int64_t too_small = held.offer.window > 0 ? held.offer.window : query_.prompt_tokens();
      if (least_window_ <= too_small) least_window_ = detail::saturating_add(too_small, 1);
    }
    if (o.blame() != Blame::none && o.blame() != Blame::failure)
      tell({.what = Event::What::rested, .provider = l.provider->name, .outcome = &o, .now = now});
  }
  Duration rest_without_hint(const Outcome& o) noexcept {
    Duration rest = std::chrono::seconds(60);
    guarded([&] {
      auto& cooldown = core_.template policy<role::Cooldown>();
      if constexpr (RestsFor<Cooldown>) rest = cooldown.rest_for(o);
    });
    return rest;
  }

  Cost cost_of(const Held& held, const Ended& e, const Outcome& o) const noexcept {
    if (e.billed) return {*e.billed, Cost::Source::billed};
    const Price& price = held.offer.price;
    if (e.usage.reported) {
      if (!price.known()) return {};
      return {held.lane->provider->with_markup(price.of(e.usage.prompt, e.usage.completion, e.usage.cached)), Cost::Source::usage};
    }
    // An answer that refuses costs nothing, and neither does what was never sent.
    const bool sent = o.kind != Kind::not_sent && (o.kind != Kind::request_invalid || e.status != 0);
    if (o.failed() && (!sent || e.status >= 300)) return {Money(), Cost::Source::usage};
    if (!price.known()) return {};
    return {held.estimate, price == Price::free() ? Cost::Source::usage : Cost::Source::estimated};
  }
  void add(const Cost& c) noexcept {  // the sum is known as well as its least known part
    cost_.amount += c.amount;
    cost_.source = std::exchange(settled_, true) ? (c.source < cost_.source ? c.source : cost_.source) : c.source;
  }

  void tell(Event e) noexcept {
    e.id = query_.id;
    e.query = &query_;
    core_.tell(e);
  }

  // --- what is said ---

  std::string message(const Failure& f, Time now) const {
    std::string text = refusal_;
    const auto also = [&](std::string_view name, std::string_view what) {
      text += text.empty() ? "" : "; ";
      text.append(name).append(": ").append(what);
    };
    for (const TrailEntry& e : f.trail) {
      if (e.ending == Ending::won) continue;
      std::string what(e.ending == Ending::failed ? to_string(e.kind) : to_string(e.ending));
      if (e.status != 0) what += " (HTTP " + std::to_string(e.status) + ")";
      if (!e.message.empty()) what.append(", ").append(e.message.view());
      also(e.provider, what);
    }
    if (f.kind == Kind::policy_failed) text += "a policy or a callback threw an exception";
    if (f.kind == Kind::no_candidate || f.kind == Kind::over_budget || !f.trail.empty()) everyone_else(also, now);
    if (f.retry_after > Duration::zero())
      text += (text.empty() ? "" : "; ") + std::string("worth coming back in ") +
              std::to_string((f.retry_after.count() + 999'999'999) / 1'000'000'000) + " s";
    return text;
  }
  // Those that were not asked, and why.
  template <class Also>
  void everyone_else(Also&& also, Time now) const {
    int said = 0, more = 0;
    for (const Provider& p : pin_->fleet().providers()) {
      Closed why = Closed::not_carried;
      for (std::size_t i = 0; i < group_->lanes.size(); ++i)
        if (group_->lanes[i].provider == &p) why = reason(i, now);
      if (why == Closed::open && race_.failure() == Kind::no_candidate) why = Closed::unwanted;
      if (why == Closed::tried || why == Closed::open) continue;
      if (++said <= 16) also(p.name, to_string(why));
      else ++more;
    }
    if (more > 0) also("and", std::to_string(more) + " more");
  }
  Closed reason(std::size_t i, Time now) const {
    for (std::uint8_t k = 0; k < race_.trail().count; ++k)
      if (held_[k].lane == &group_->lanes[i]) return Closed::tried;
#if LLMROUTE_EXCEPTIONS
    try {
#endif
      const Closed for_good = closed_for_good(group_->lanes[i], now);
      return for_good != Closed::open ? for_good : closed(i, now);
#if LLMROUTE_EXCEPTIONS
    } catch (...) {
      return Closed::refused;
    }
#endif
  }

  CoreOf& core_;
  typename Snapshot<typename CoreOf::Places>::Pin pin_;
  const Group<Cooldown>* group_;
  Query query_;
  Race race_;
  detail::Lazy<Held, max_attempts> held_;
  std::array<std::uint32_t, max_attempts> tried_{};     // in this round
  std::array<std::uint32_t, 16> refused_{};             // in this decision
  std::uint8_t tried_count_ = 0, refused_count_ = 0;
  std::int64_t least_window_ = 0;
  std::optional<Outcome> last_{};  // the last failure
  const LaneOf* last_lane_ = nullptr;
  Cost cost_{};
  std::string refusal_{};
  Time last_now_;
  Overlap overlap_;
  Demands demands_{};
  bool finished_ = false, settled_ = false, over_budget_ = false;
};

}  // namespace llmroute

#endif
