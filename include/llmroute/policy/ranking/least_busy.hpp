// SPDX-License-Identifier: MIT
// Who has the fewest calls in flight.
//
// When to use: equal providers that slow down as they fill up, as several servers of one model of one's own.
// Not provided: capacities that differ (a provider's `limits` and Weighted have them), and calls that others make there.
//
// A call counts from before it is sent until its attempt is settled, however that ends: answered, failed, cancelled, given up
// with its request, or refused by a budget. Only those that are open are compared, and ties are drawn.
#ifndef LLMROUTE_POLICY_RANKING_LEAST_BUSY_HPP
#define LLMROUTE_POLICY_RANKING_LEAST_BUSY_HPP

#include <string_view>

#include "llmroute/policy/query.hpp"

namespace llmroute::ranking {

struct LeastBusy {
  static constexpr std::string_view name = "least busy";
  static constexpr bool watches_load = true;  // two that choose at the same moment do not take the same idle one

  double score(const Candidate& c, const Query&) const noexcept { return c.in_flight(); }
};

}  // namespace llmroute::ranking

#endif
