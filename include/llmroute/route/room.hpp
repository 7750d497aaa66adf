// SPDX-License-Identifier: MIT
// What a request takes of limits: of its tenant's once, however many attempts it needs, and of its providers' and their quota
// groups' for each attempt.
#ifndef LLMROUTE_ROUTE_ROOM_HPP
#define LLMROUTE_ROUTE_ROOM_HPP

#include <cstdint>

#include "llmroute/limits.hpp"
#include "llmroute/money.hpp"  // saturating_add
#include "llmroute/policy/limiter.hpp"
#include "llmroute/route/closed.hpp"
#include "llmroute/route/ended.hpp"
#include "llmroute/route/places.hpp"

namespace llmroute {

/// Of one request.
class Room {
 public:
  /// What one attempt holds.
  struct Share {
    std::int64_t tokens = 0;
    bool taken = false, of_tenant = false;
    Closed why = Closed::open;  ///< where it is not taken
  };

  explicit Room(const TenantPlace* tenant) noexcept : tenant_(tenant) {}

  /// All that an attempt needs, or nothing. Also where nothing is limited: answers may have told of a limit, and another fleet
  /// may set one meanwhile.
  template <class LaneOf>
  Share take(const LaneOf& l, std::int64_t tokens, Time now) noexcept {
    Share s{.tokens = tokens};
    s.of_tenant = tenant_ != nullptr && !charged_;
    if (s.of_tenant && tenant_->limiter->take(tenant_->tenant->limits, tokens, now) != Limiter::Full::no)
      return {.tokens = tokens, .why = Closed::tenant_limit};
    s.why = word_for(l.limiter->take(l.provider->limits, tokens, now));
    Limiter* const group = l.group_limiter();
    if (s.why == Closed::open && group != nullptr) {
      s.why = word_for(group->take(*l.shared_limits, tokens, now));
      if (s.why != Closed::open) l.limiter->give_back(l.provider->limits, tokens, now);
    }
    s.taken = s.why == Closed::open;
    if (!s.taken && s.of_tenant) tenant_->limiter->give_back(tenant_->tenant->limits, tokens, now);
    return s;
  }
  /// Nothing was sent.
  template <class LaneOf>
  void give_back(const LaneOf& l, const Share& s, Time now) noexcept {
    if (!s.taken) return;
    l.limiter->give_back(l.provider->limits, s.tokens, now);
    if (Limiter* const group = l.group_limiter()) group->give_back(*l.shared_limits, s.tokens, now);
    if (s.of_tenant) tenant_->limiter->give_back(tenant_->tenant->limits, s.tokens, now);
  }
  /// It is being sent. True: that was the tenant's part of this request.
  bool keep(const Share& s) noexcept {
    if (!s.of_tenant) return false;
    charged_ = true;
    reserved_ = s.tokens;
    return true;
  }
  /// The attempt is over.
  template <class LaneOf>
  void settle(const LaneOf& l, const Share& s, const Ended& e, const Outcome& o, Time now) noexcept {
    // Whoever refused has used nothing; of the others one that was cut short is not believed to have been cheap.
    const bool refused = o.failed() && (o.kind == Kind::not_sent || e.status >= 300);
    const std::int64_t used = e.usage.reported ? e.usage.total() : refused ? 0 : s.tokens;
    used_ = detail::saturating_add(used_, used);
    const auto book = [&](Limiter& limiter, const RateLimits& limits) {
      limiter.told(limits, e.limits, now);
      limiter.settle(limits, s.tokens, used, now);
    };
    book(*l.limiter, l.provider->limits);
    if (Limiter* const group = l.group_limiter()) book(*group, *l.shared_limits);
  }
  /// The request is over.
  void finish(Time now) noexcept {
    if (charged_) tenant_->limiter->settle(tenant_->tenant->limits, reserved_, used_, now);
  }

 private:
  const TenantPlace* tenant_;  // null: nobody whom the fleet knows
  std::int64_t reserved_ = 0, used_ = 0;
  bool charged_ = false;
};

}  // namespace llmroute

#endif
