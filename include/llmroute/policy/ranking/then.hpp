// SPDX-License-Identifier: MIT
// By one figure first, and among those that are about as good by another: `Then{Cheapest{}, within(0.20), Fastest{}}`.
//
// When to use: two things matter, and the second decides wherever the first makes little difference.
// Not provided: several figures that make up for each other; Blend has them.
//
// | part     | what it decides                                                                                  |
// |----------|--------------------------------------------------------------------------------------------------|
// | first    | a score: who is within the tolerance of the best that is open; its score stands in the trail       |
// | second   | whom of these, by score or by pick; where it wants none of them, nobody is wanted                  |
//
// | best score of the first   | within(0.20) of it is                                                             |
// |---------------------------|-----------------------------------------------------------------------------------|
// | 10                        | up to 12                                                                          |
// | 0                         | 0, unless the Tolerance has an amount                                             |
// | -10                       | up to -8: a fifth worse, as above                                                  |
// | -infinity                 | -infinity alone                                                                   |
// | +infinity, NaN            | "not this one", as anywhere: it is never within anything                            |
//
// More than two are nested in the second: `Then{Cheapest{}, within(0.20), Then{Fastest{}, within(0.10), RoundRobin{}}}`.
#ifndef LLMROUTE_POLICY_RANKING_THEN_HPP
#define LLMROUTE_POLICY_RANKING_THEN_HPP

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "llmroute/policy/ranking/combined.hpp"

namespace llmroute::ranking {

/// How much worse than the best still counts as as good.
struct Tolerance {
  double share = 0;   ///< of the best score: 0.20 is a fifth
  double amount = 0;  ///< beside that, in what the score counts: Fastest in milliseconds, Cheapest in dollars
};
constexpr Tolerance within(double share) noexcept { return {.share = share}; }

template <class First, class Second>
class Then : public detail::Parts<First, Second> {
  static_assert(Scores<First> || !RankingStrategy<First>,
                "llmroute: the first of a Then gives scores, and this one picks: nobody can be within 20 % of a pick");

 public:
  static constexpr std::string_view name = "then";

  constexpr Then(First first, Tolerance tolerance, Second second)
      : detail::Parts<First, Second>(std::move(first), std::move(second)), tolerance_(tolerance) {}

  constexpr Then(First first, double share, Second second) : Then(std::move(first), within(share), std::move(second)) {}

  std::string refuse(const Query& q) const {
    if (!sound(tolerance_.share) || !sound(tolerance_.amount))
      return "ranking::Then: the tolerance is negative, infinite or not a number";
    return detail::Parts<First, Second>::refuse(q);
  }

  detail::Chosen choose(const auto& candidates, const Query& q) const {
    if constexpr (!Scores<First> || !RankingStrategy<Second>) return {};  // which was said above
    else {
      const auto score_at = [&](std::size_t i) { return this->template score<0>(candidates, i, q); };
      const detail::Chosen best = detail::lowest(candidates, q, score_at);
      if (best.at == none) return {};
      const double last = worst_beside(best.score);
      const auto wanted = [&](std::size_t i) {
        if (i == best.at) return true;  // whatever its score has become meanwhile
        const double score = score_at(i);
        return score <= last && score < std::numeric_limits<double>::infinity();
      };
      detail::Chosen chosen = this->template ask<1>(detail::Some{candidates, wanted}, q);
      if (chosen.at == none) return {};
      chosen.score = chosen.at == best.at ? best.score : score_at(chosen.at);
      return chosen;
    }
  }
  std::size_t pick(const auto& candidates, const Query& q) const { return choose(candidates, q).at; }

 private:
  static constexpr bool sound(double d) noexcept { return d >= 0 && d < std::numeric_limits<double>::infinity(); }
  double worst_beside(double best) const noexcept {
    if (best == -std::numeric_limits<double>::infinity()) return best;
    return best + tolerance_.share * (best < 0 ? -best : best) + tolerance_.amount;
  }

  Tolerance tolerance_;
};

}  // namespace llmroute::ranking

#endif
