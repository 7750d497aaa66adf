// SPDX-License-Identifier: MIT
// Whom may this request be sent to, and whom does the ranking want now? It knows whom the request was sent to before, and the
// reason for each one that is closed.
#ifndef LLMROUTE_ROUTE_SELECTION_HPP
#define LLMROUTE_ROUTE_SELECTION_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "llmroute/config.hpp"
#include "llmroute/money.hpp"  // saturating_add
#include "llmroute/route/core.hpp"
#include "llmroute/route/eligibility.hpp"
#include "llmroute/route/reservations.hpp"
#include "llmroute/route/waiting.hpp"
#include "llmroute/wire/printable.hpp"

namespace llmroute {

template <class Policies>
class Selection {
  using CoreOf = Core<Policies>;
  using Cooldown = typename CoreOf::Cooldown;
  using Memory = detail::Memory<typename CoreOf::Ranking>;

 public:
  using LaneOf = Lane<Cooldown, Memory>;
  using Choice = detail::Chosen;  // a lane's position

  /// All are borrowed. `begin` comes when the query is complete.
  Selection(const CoreOf& core, const typename CoreOf::Places& places, const Query& query) noexcept
      : core_(core), group_(places.group(query.request.model)), query_(query),
        tenant_(query.options.tenant.empty() ? nullptr : places.tenant(query.options.tenant)) {}
  void begin() noexcept {
    demands_ = demands_of(query_, tenant_ == nullptr ? nullptr : tenant_->tenant);
    const Options& o = query_.options;
    if (!group_.has_default_tag || !o.allow.empty() || !o.all_tags.empty()) return;
    bool is_there = false, is_needed = true;  // for this tenant, to whom the others do not exist
    for (const LaneOf& l : group_.lanes) {
      if (!may_use(demands_.tenant, *l.provider)) continue;
      is_there = is_there || l.provider->has_tag(default_tag);
      is_needed = is_needed && !carries_any(*l.provider, o.any_tag);
    }
    demands_.default_group = is_there && is_needed;
    demands_.some = demands_.some || demands_.default_group;
  }
  /// From then on whoever has a better place in the queue goes first.
  void stand_at(const Waiting::Ticket& ticket) noexcept { ticket_ = &ticket; }
  /// Who asks; null: nobody whom the fleet knows.
  const TenantPlace* tenant() const noexcept { return tenant_; }
  /// Its limits have no room for this request.
  bool tenant_is_full(Time now) const noexcept {
    return tenant_ != nullptr && !tenant_was_charged_ && full(*tenant_->limiter, tenant_->tenant->limits, now) != Closed::open;
  }
  /// What of its limits a request is expected to use.
  std::int64_t tokens() const noexcept { return detail::saturating_add(query_.prompt_tokens(), query_.completion_tokens); }

  std::size_t size() const noexcept { return group_.lanes.size(); }
  const LaneOf& lane(std::size_t i) const noexcept { return group_.lanes[i]; }
  Offer offer(const LaneOf& l) const {
    Offer scratch;
    const Offer* known = look_up(l, scratch);
    return known == nullptr ? l.offer : *known;
  }
  Candidate candidate(const LaneOf& l, const Offer& o, Time now) const noexcept {
    return {*l.provider, o, l.place->health, query_, l.index, now, &l.quota};
  }

  // --- what has happened ---

  void new_decision() noexcept { refused_count_ = 0; }
  void new_round() noexcept { tried_count_ = 0; }
  /// Whether somebody was asked in this round.
  bool round_has_begun() const noexcept { return tried_count_ > 0; }
  void take(std::size_t i) noexcept { tried_[tried_count_++] = static_cast<std::uint32_t>(i); }
  /// It was taken last and could not be had, for this reason. False: that is enough for one decision.
  bool put_back(std::size_t i, Closed why) noexcept {
    --tried_count_;
    if (refused_count_ == refused_.size()) return false;
    refused_[refused_count_++] = {static_cast<std::uint32_t>(i), why};
    return true;
  }
  bool refused_somebody() const noexcept { return refused_count_ > 0; }

  void asked(const LaneOf& l) noexcept { asked_[asked_count_++].lane = &l; }
  /// Its limits hold for a request, however many attempts that takes.
  void tenant_was_charged() noexcept { tenant_was_charged_ = true; }
  bool was_asked(const LaneOf& l) const noexcept {
    for (std::uint8_t k = 0; k < asked_count_; ++k)
      if (asked_[k].lane == &l) return true;
    return false;
  }
  /// The attempt of that number failed: what would be the same again is closed.
  void failed(std::size_t attempt, const Outcome& outcome, const Offer& o) noexcept {
    const Kind kind = outcome.kind;
    asked_[attempt].failed = true;
    asked_[attempt].kind = kind;
    asked_[attempt].should_retry = outcome.should_retry;
    if (about(kind).onward != Onward::larger_window) return;
    const std::int64_t too_small = o.window > 0 ? o.window : query_.prompt_tokens();
    if (least_window_ <= too_small) least_window_ = detail::saturating_add(too_small, 1);
  }
  int failures(const LaneOf& l, Kind kind) const noexcept {
    int n = 0;
    for (std::uint8_t k = 0; k < asked_count_; ++k) n += asked_[k].lane == &l && asked_[k].failed && asked_[k].kind == kind;
    return n;
  }

  // --- whom now? ---

  /// Whom the ranking wants among those who are open.
  Choice choose(Time now) const { return choose(View{*this, now}); }
  Turns& turns() const noexcept { return *group_.turns; }

  /// Everybody rests: whose rest ends first? Rests that a provider asked for are never cut short, nor is anybody asked whom the
  /// ranking does not want.
  Choice least_ill(Time now) const {
    Choice best;
    if constexpr (Admits<Cooldown>) {
      Time first = never;
      for (std::size_t i = 0; i < size(); ++i) {
        const LaneOf& l = lane(i);
        if (l.told_to_rest() > now || closed_for_good(l, now) != Closed::open || out_of_room(l, now) != Closed::open) continue;
        const Time rested = policy_rest(l, now);
        if (rested <= now || rested >= first) continue;
        if (const Choice wanted = choose(View{*this, now, i}); wanted.at == i) first = rested, best = wanted;
      }
    }
    return best;
  }
  bool somebody_is_open(Time now) const {
    for (std::size_t i = 0; i < size(); ++i)
      if (closed(i, now) == Closed::open) return true;
    return false;
  }

  /// Until when a lane rests: by its policy, because its provider asked for it, or because somebody ordered it.
  Time rest_until(const LaneOf& l, Time now) const { return latest(l.told_to_rest(), policy_rest(l, now)); }
  /// When a lane may be asked, as far as time alone decides, or if what is reserved comes back meanwhile; `never`: nothing comes
  /// of waiting.
  Time back_at(const LaneOf& l, Time now, bool if_all_comes_back = false) const {
    if (closed_for_good(l, now) != Closed::open) return never;
    Time at = rest_until(l, now);
    const auto wait = [&](const Limiter& limiter, const RateLimits& limits) {
      if (limits.any()) at = latest(at, limiter.free_at(limits, tokens(), now, if_all_comes_back));
    };
    if (tenant_ != nullptr && !tenant_was_charged_) wait(*tenant_->limiter, tenant_->tenant->limits);
    wait(*l.limiter, l.provider->limits);
    wait(l.account->limiter, *l.shared_limits);
    return at;
  }
  /// When somebody may be asked again, at the earliest; `never`: nobody will.
  Time soonest(Time now) const {
    Time first = never;
    for (const LaneOf& l : group_.lanes) first = sooner(first, back_at(l, now));
    return first;
  }
  enum class Waits : bool { for_rests_too, for_room_alone };
  /// When one who only rests, or has no room, may be worth asking, if what is reserved comes back; `never`: waiting helps nobody.
  Time worth_waiting_until(Time now, Waits how = Waits::for_rests_too) const {
    Time first = never;
    for (std::size_t i = 0; i < size(); ++i) {
      const Closed why = closed(i, now);  // or it is open: the room came after the ranking had looked
      if ((why != Closed::open && !passes(why)) || (how == Waits::for_room_alone && rest_until(lane(i), now) > now)) continue;
      if (const Time at = back_at(lane(i), now, true); at < first && is_wanted(i, now)) first = at;
    }
    return first;
  }
  /// When a further round may find somebody, who has been asked or not.
  Time next_round_at(Time now) const {
    Time first = never, unknown = never;
    for (std::size_t i = 0; i < size(); ++i) {
      const Time at = back_at(lane(i), now);
      Time& mine = at <= now && out_of_room(lane(i), now) != Closed::open ? unknown : first;  // nobody knows when it has room
      if (at < mine && is_wanted(i, now)) mine = at;
    }
    return first != never ? first : unknown;
  }
  /// Calls `f` with what is in the way first of each: what it could not take yet, it keeps from nobody.
  template <class F>
  void each_full(Time now, F&& f) const {
    if (tenant_is_full(now)) return f(&*tenant_->limiter);
    for (std::size_t i = 0; i < size(); ++i) {
      const LaneOf& l = lane(i);
      if (is_tried(i) || !l.is_limited() || rest_until(l, now) > now || closed_for_good(l, now) != Closed::open) continue;
      if (full(*l.limiter, l.provider->limits, now) != Closed::open) f(&*l.limiter);
      else if (full(l.account->limiter, *l.shared_limits, now) != Closed::open) f(&l.account->limiter);
    }
  }
  /// What a request that nobody can take ends with: a rate limit, where nothing but limits is in the way.
  Kind kind_of_nobody(Time now) const {
    bool limited = false, else_closed = false;
    Kind kind = Kind::no_candidate;
    for (std::size_t i = 0; i < size(); ++i) {
      const Closed why = why_not(i, now);
      if (why == Closed::tenant_limit) return Kind::rate_limited;
      if (why == Closed::budget) kind = Kind::over_budget;
      if (is_limit(why)) limited = true;
      else if (passes(why)) else_closed = true;
    }
    return kind == Kind::no_candidate && limited && !else_closed ? Kind::rate_limited : kind;
  }
  /// Which limits of its tenant a request has met that ends as `rate_limited` before anybody was asked; empty: others.
  std::string why_rate_limited(Time now) const {
    if (!tenant_is_full(now)) return {};
    const bool too_large = tenant_->limiter->full(tenant_->tenant->limits, tokens(), now) == Limiter::Full::too_large;
    return "tenant \"" + printable(query_.options.tenant, 100) +
           (too_large ? "\": the request is larger than its tokens per minute" : "\" has used up its limits");
  }
  /// Why a provider was not asked; `tried`: it was.
  Closed why_not(const Provider& p, Time now) const {
    for (std::size_t i = 0; i < size(); ++i)
      if (lane(i).provider == &p) return was_asked(lane(i)) ? Closed::tried : why_not(i, now);
    return Closed::not_carried;
  }
  /// What holds for good is named before what passes.
  Closed why_not(std::size_t i, Time now) const {
    const Closed for_good = closed_for_good(lane(i), now);
    return for_good != Closed::open ? for_good : closed(i, now);
  }

 private:
  struct Asked {
    const LaneOf* lane = nullptr;
    Kind kind{};
    bool failed = false;
    std::optional<bool> should_retry{};
  };
  struct Refused {
    std::uint32_t lane = 0;
    Closed why = Closed::refused;
  };
  struct View {  // what Candidates is, without the indirection
    const Selection& s;
    Time now;
    std::size_t only = none;  // open, whoever else is
    std::size_t size() const noexcept { return s.size(); }
    bool open(std::size_t i) const {
      if (only != none) return i == only;
      return i < size() && s.closed(i, now) == Closed::open;
    }
    Candidate operator[](std::size_t i) const { return s.candidate(s.lane(i), s.offer(s.lane(i)), now); }
    double most_weight() const noexcept { return s.group_.most_weight; }
    const Memory& state(std::size_t i) const noexcept { return s.lane(i).place->memory; }
  };

  Choice choose(const View& candidates) const {
    return detail::choose(core_.template policy<role::Ranking>(), candidates, query_);
  }

  /// The lane's offer, or what the map says of a name that is not listed.
  const Offer* look_up(const LaneOf& l, Offer& scratch) const {
    if (group_.resolved) return &l.offer;
    const auto resolved = core_.template policy<role::ModelMap>().resolve(query_.request.model, *l.provider);
    if (!resolved) return nullptr;
    scratch = *resolved;
    return &scratch;
  }
  Time policy_rest(const LaneOf& l, Time now) const {
    return core_.template policy<role::Cooldown>().rest_until(l.place->state, now);
  }
  static std::string_view vendor(const Provider& p) noexcept { return p.vendor.empty() ? std::string_view(p.name) : p.vendor; }

  // What holds for this request however long one waits.
  Closed closed_for_good(const LaneOf& l, Time now) const {
    if (l.place->out.load(std::memory_order_relaxed)) return Closed::no_such_model;
    if (const Closed c = l.standing->closed(now); c != Closed::open) return c;
    Offer scratch;
    const Offer* offer = look_up(l, scratch);
    if (offer == nullptr) return Closed::not_carried;
    if (const Closed c = closed_by_request(*l.provider, *offer, query_, demands_); c != Closed::open) return c;
    if (least_window_ > 0 && offer->window < least_window_) return Closed::larger_window;
    if (const Options& o = query_.options; o.price_ceiling || o.max_price) {
      const Candidate c = candidate(l, *offer, now);
      if (c.is_free()) return closed_by_history(l);
      if (!c.price_known()) return Closed::price_unknown;
      if (o.price_ceiling && c.estimate() > *o.price_ceiling) return Closed::price;
      if (o.max_price && dearer(*l.provider, offer->price, *o.max_price)) return Closed::price;
    }
    return closed_by_history(l);
  }
  Closed closed_by_history(const LaneOf& l) const {
    for (std::uint8_t k = 0; k < asked_count_; ++k)
      if (const Closed c = closed_by(asked_[k], l); c != Closed::open) return c;
    return Closed::open;
  }
  // What an earlier attempt of this request means for a lane.
  Closed closed_by(const Asked& a, const LaneOf& l) const {
    if (query_.options.fallback == Fallback::off && a.lane != &l) return Closed::other_provider;
    if (!a.failed) return Closed::open;
    if (a.kind == Kind::content_filtered && vendor(*a.lane->provider) == vendor(*l.provider)) return Closed::filtered;
    if (a.lane == &l && a.kind == Kind::model_not_found) return Closed::no_such_model;  // also where the place is shared
    // It would say the same again.
    const bool the_same_again = about(a.kind).onward == Onward::stop || a.kind == Kind::unsupported;
    if (a.lane == &l && !a.should_retry.value_or(!the_same_again)) return Closed::tried;
    if (const auto times = a.lane == &l ? again(a.kind) : std::nullopt; times && failures(l, a.kind) > *times)
      return Closed::tried;
    return Closed::open;
  }
  // How often one that failed so may be asked again.
  std::optional<int> again(Kind kind) const {
    for (const auto& [k, times] : query_.options.retries)
      if (k == kind) return times;
    const auto& policy = core_.template policy<role::Retry>();
    if constexpr (CountsRetries<std::remove_cvref_t<decltype(policy)>>) return policy.again(kind);
    else return std::nullopt;
  }
  bool is_tried(std::size_t i) const noexcept {
    for (std::uint8_t k = 0; k < tried_count_; ++k)
      if (tried_[k] == i) return true;
    return false;
  }
  Closed closed(std::size_t i, Time now) const {
    if (is_tried(i)) return Closed::tried;
    for (std::uint8_t k = 0; k < refused_count_; ++k)
      if (refused_[k].lane == i) return refused_[k].why;
    const LaneOf& l = lane(i);
    if (l.standing->ordered_rest().get() > now) return Closed::put_to_rest;
    if (l.asked_rest() > now) return Closed::asked_to_rest;
    if (policy_rest(l, now) > now) return Closed::rests;
    const Closed for_good = closed_for_good(l, now);
    return for_good != Closed::open ? for_good : out_of_room(l, now);
  }

  // --- limits and budgets ---

  static bool is_limit(Closed c) noexcept {
    return c == Closed::in_flight || c == Closed::rate_limit || c == Closed::queue || c == Closed::tenant_limit;
  }
  static bool passes(Closed c) noexcept {
    return c == Closed::rests || c == Closed::asked_to_rest || c == Closed::put_to_rest || c == Closed::refused || is_limit(c);
  }
  Closed full(const Limiter& limiter, const RateLimits& limits, Time now) const noexcept {
    if (!limits.any()) return Closed::open;
    const Closed c = word_for(limiter.full(limits, tokens(), now));
    if (c != Closed::open) return c;
    return core_.waiting().someone_before(ticket_, query_.options.priority, &limiter, now) ? Closed::queue : Closed::open;
  }
  // What passes: there was room before, and there will be.
  Closed out_of_room(const LaneOf& l, Time now) const {
    if (tenant_is_full(now)) return Closed::tenant_limit;
    if (l.is_limited()) {
      if (const Closed c = full(*l.limiter, l.provider->limits, now); c != Closed::open) return c;
      if (const Closed c = full(l.account->limiter, *l.shared_limits, now); c != Closed::open) return c;
    }
    if constexpr (Reservations<Policies>::any) {
      const Offer o = offer(l);
      const bool free = candidate(l, o, now).is_free();
      if (!Reservations<Policies>::has_room(core_.policies(), query_, *l.provider, o, free, now))
        return free || o.price.known() ? Closed::budget : Closed::price_unknown;
    }
    return Closed::open;
  }
  bool is_wanted(std::size_t i, Time now) const { return choose(View{*this, now, i}).at == i; }

  const CoreOf& core_;
  const Group<Cooldown, Memory>& group_;
  const Query& query_;
  const TenantPlace* tenant_;
  const Waiting::Ticket* ticket_ = nullptr;
  Demands demands_{};
  bool tenant_was_charged_ = false;
  std::uint8_t asked_count_ = 0, tried_count_ = 0, refused_count_ = 0;
  std::array<Asked, max_attempts> asked_{};
  std::array<std::uint32_t, max_attempts> tried_{};  // in this round
  std::array<Refused, 16> refused_{};                // in this decision
  std::int64_t least_window_ = 0;
};

}  // namespace llmroute

#endif
