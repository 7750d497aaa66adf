// SPDX-License-Identifier: MIT
// Whom may this request be sent to, and whom does the ranking want now? It knows whom the request was sent to before, and the
// reason for each one that is closed.
#ifndef LLMROUTE_ROUTE_SELECTION_HPP
#define LLMROUTE_ROUTE_SELECTION_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "llmroute/config.hpp"
#include "llmroute/money.hpp"  // saturating_add
#include "llmroute/route/core.hpp"
#include "llmroute/route/eligibility.hpp"

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
      : core_(core), group_(places.group(query.request.model)), query_(query) {}
  void begin() noexcept { demands_ = demands_of(query_); }

  std::size_t size() const noexcept { return group_.lanes.size(); }
  const LaneOf& lane(std::size_t i) const noexcept { return group_.lanes[i]; }
  Offer offer(const LaneOf& l) const {
    Offer scratch;
    const Offer* known = look_up(l, scratch);
    return known == nullptr ? l.offer : *known;
  }
  Candidate candidate(const LaneOf& l, const Offer& o, Time now) const noexcept {
    return {*l.provider, o, l.place->health, query_, l.index, now, l.allowance};
  }

  // --- what has happened ---

  void new_decision() noexcept { refused_count_ = 0; }
  void new_round() noexcept { tried_count_ = 0; }
  /// Whether somebody was asked in this round.
  bool round_has_begun() const noexcept { return tried_count_ > 0; }
  void take(std::size_t i) noexcept { tried_[tried_count_++] = static_cast<std::uint32_t>(i); }
  /// It was taken last and could not be had. False: that is enough for one decision.
  bool put_back(std::size_t i) noexcept {
    --tried_count_;
    if (refused_count_ == refused_.size()) return false;
    refused_[refused_count_++] = static_cast<std::uint32_t>(i);
    return true;
  }
  bool refused_somebody() const noexcept { return refused_count_ > 0; }

  void asked(const LaneOf& l) noexcept { asked_[asked_count_++].lane = &l; }
  bool was_asked(const LaneOf& l) const noexcept {
    for (std::uint8_t k = 0; k < asked_count_; ++k)
      if (asked_[k].lane == &l) return true;
    return false;
  }
  /// The attempt of that number failed: what would be the same again is closed.
  void failed(std::size_t attempt, Kind kind, const Offer& o) noexcept {
    asked_[attempt].failed = true;
    asked_[attempt].kind = kind;
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
        if (l.asked_rest() > now || closed_for_good(l, now) != Closed::open) continue;
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

  /// Until when a lane rests, by its policy or because its provider asked for it.
  Time rest_until(const LaneOf& l, Time now) const {
    const Time asked = l.asked_rest(), policy = policy_rest(l, now);
    return asked < policy ? policy : asked;
  }
  /// When somebody may be asked again, at the earliest; `never`: nobody will.
  Time soonest(Time now) const {
    Time first = never;
    for (const LaneOf& l : group_.lanes)
      if (closed_for_good(l, now) == Closed::open) first = sooner(first, rest_until(l, now));
    return first;
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
    if (const auto ceiling = query_.options.price_ceiling) {
      const Candidate c = candidate(l, *offer, now);
      if (!c.price_known() && !c.is_free()) return Closed::price_unknown;
      if (c.estimate() > *ceiling) return Closed::price;
    }
    for (std::uint8_t k = 0; k < asked_count_; ++k)
      if (const Closed c = closed_by(asked_[k], l); c != Closed::open) return c;
    return Closed::open;
  }
  // What an earlier attempt of this request means for a lane.
  Closed closed_by(const Asked& a, const LaneOf& l) const noexcept {
    if (query_.options.fallback == Fallback::off && a.lane != &l) return Closed::other_provider;
    if (!a.failed) return Closed::open;
    if (a.kind == Kind::content_filtered && vendor(*a.lane->provider) == vendor(*l.provider)) return Closed::filtered;
    if (a.lane == &l && a.kind == Kind::model_not_found) return Closed::no_such_model;  // also where the place is shared
    // It would say the same again.
    if (a.lane == &l && (about(a.kind).onward == Onward::stop || a.kind == Kind::unsupported)) return Closed::tried;
    return Closed::open;
  }
  Closed closed(std::size_t i, Time now) const {
    for (std::uint8_t k = 0; k < tried_count_; ++k)
      if (tried_[k] == i) return Closed::tried;
    for (std::uint8_t k = 0; k < refused_count_; ++k)
      if (refused_[k] == i) return Closed::refused;
    const LaneOf& l = lane(i);
    if (l.asked_rest() > now) return Closed::asked_to_rest;
    if (policy_rest(l, now) > now) return Closed::rests;
    return closed_for_good(l, now);
  }

  const CoreOf& core_;
  const Group<Cooldown, Memory>& group_;
  const Query& query_;
  Demands demands_{};
  std::uint8_t asked_count_ = 0, tried_count_ = 0, refused_count_ = 0;
  std::array<Asked, max_attempts> asked_{};
  std::array<std::uint32_t, max_attempts> tried_{};  // in this round
  std::array<std::uint32_t, 16> refused_{};          // in this decision
  std::int64_t least_window_ = 0;
};

}  // namespace llmroute

#endif
