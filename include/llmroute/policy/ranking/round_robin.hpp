// SPDX-License-Identifier: MIT
// Each request of a model goes to the next provider that is open.
//
// When to use: equal providers, as several keys or several servers of one model.
// Not provided: shares that differ; Weighted has them.
//
// The turn advances once a request, and is counted among those that are open: when one rests, its load falls on all others and
// not on its neighbour alone. Models take turns apart, so that two that alternate do not each hit the same provider.
#ifndef LLMROUTE_POLICY_RANKING_ROUND_ROBIN_HPP
#define LLMROUTE_POLICY_RANKING_ROUND_ROBIN_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "llmroute/policy/query.hpp"

namespace llmroute::ranking {

struct RoundRobin {
  static constexpr std::string_view name = "round robin";

  bool takes_turn(const Query&) const noexcept { return true; }

  std::size_t pick(const auto& candidates, const Query& q) const {
    std::uint64_t open = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) open += candidates.open(i);
    if (open == 0) return none;
    std::uint64_t ahead = q.turn % open;
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (candidates.open(i) && ahead-- == 0) return i;
    return none;
  }
};

}  // namespace llmroute::ranking

#endif
