// SPDX-License-Identifier: MIT
// Who has most left of its rate limits.
//
// When to use: several accounts with limits, so that none of them answers 429 while another has room.
// Not provided: keeping to the limits; the router does that whatever the ranking is.
//
// | what is left once it took this request      | its score                                                               |
// |---------------------------------------------|-------------------------------------------------------------------------|
// | all, or no limit is known                   | 0                                                                       |
// | a share                                     | the share that is used; of several limits the one that is used most      |
// | less than `close`                           | the same and 1 more, so that it is moved back before it answers 429,     |
// |                                             | also where a tolerance or a weighted sum would not see the difference    |
#ifndef LLMROUTE_POLICY_RANKING_HEADROOM_HPP
#define LLMROUTE_POLICY_RANKING_HEADROOM_HPP

#include <string>
#include <string_view>

#include "llmroute/policy/query.hpp"

namespace llmroute::ranking {

struct Headroom {
  double close = 0.1;  ///< a share of the limit

  static constexpr std::string_view name = "headroom";

  std::string refuse(const Query&) const {
    return close >= 0 && close <= 1 ? std::string() : "ranking::Headroom: close is a share from 0 to 1";
  }
  double score(const Candidate& c, const Query&) const noexcept { return score_of(c.headroom()); }

  /// Of a share that is left; what is no number counts as nothing left.
  double score_of(double left) const noexcept {
    const double sound = left > 1 ? 1 : left > 0 ? left : 0;
    return 1 - sound + (sound < close ? 1 : 0);
  }
};

}  // namespace llmroute::ranking

#endif
