// SPDX-License-Identifier: MIT
// What a provider's account may still use: its own limits, those that it shares with others, and what it is given for nothing.
#ifndef LLMROUTE_POLICY_QUOTA_HPP
#define LLMROUTE_POLICY_QUOTA_HPP

#include <cstdint>

#include "llmroute/policy/allowance.hpp"
#include "llmroute/policy/limiter.hpp"

namespace llmroute {

/// A view.
struct Quota {
  const Allowance* allowance = nullptr;  ///< null: nothing is given away
  const Limiter* own = nullptr;
  const Limiter* shared = nullptr;  ///< of its quota group; null: it has none
  const RateLimits* shared_limits = &no_limits;

  /// The least share that is left of any limit, before and after one more request.
  double left(const RateLimits& limits, Time now) const noexcept {
    const double mine = own == nullptr ? 1 : own->left(limits, now);
    const double ours = shared == nullptr ? 1 : shared->left(*shared_limits, now);
    return mine < ours ? mine : ours;
  }
  double headroom(const RateLimits& limits, std::int64_t tokens, Time now) const noexcept {
    const double mine = own == nullptr ? 1 : own->headroom(limits, tokens, now);
    const double ours = shared == nullptr ? 1 : shared->headroom(*shared_limits, tokens, now);
    return mine < ours ? mine : ours;
  }
};

}  // namespace llmroute

#endif
