// SPDX-License-Identifier: MIT
// The fleet's own order.
//
// When to use: the providers are written in the order of preference; it is the router's default.
// Not provided: anything measured. Who fails is left to the CooldownPolicy.
#ifndef LLMROUTE_POLICY_RANKING_PRIORITY_HPP
#define LLMROUTE_POLICY_RANKING_PRIORITY_HPP

#include <string_view>

#include "llmroute/policy/query.hpp"

namespace llmroute::ranking {

/// By `Provider::order`, and in the order in which the fleet lists those of the same.
struct Priority {
  static constexpr std::string_view name = "priority";
  double score(const Candidate& c, const Query&) const noexcept { return 1e6 * c.provider.order + c.index; }
};

}  // namespace llmroute::ranking

#endif
