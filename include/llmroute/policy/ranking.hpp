// SPDX-License-Identifier: MIT
// RankingStrategy: whom to try first? Asked again for each further attempt; those already tried are closed by then.
//
// | expression                   | result      | when                                                                    |
// |------------------------------|-------------|-------------------------------------------------------------------------|
// | `r.score(candidate, query)`  | double      | for each open candidate; the lowest goes first, ties are drawn by seed, +infinity and NaN mean "not this one" |
// | `r.pick(candidates, query)`  | std::size_t | instead: a position, or `none`. Take `const auto&` to have it inlined   |
// | `r.refuse(query)`            | std::string | optional: before anything is sent; not empty: why not                   |
// | `R::name`                    | string_view | optional: what replies call the strategy                                |
#ifndef LLMROUTE_POLICY_RANKING_HPP
#define LLMROUTE_POLICY_RANKING_HPP

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

#include "llmroute/policy/query.hpp"

namespace llmroute {

template <class T>
concept Scores = requires(const T& t, const Candidate& c, const Query& q) {
  { t.score(c, q) } -> std::convertible_to<double>;
};
template <class T>
concept Picks = requires(const T& t, const Candidates& c, const Query& q) {
  { t.pick(c, q) } -> std::same_as<std::size_t>;
};
/// Where a type has both, it is asked for scores.
template <class T>
concept RankingStrategy = Scores<T> || Picks<T>;

template <class T>
concept Refuses = requires(const T& t, const Query& q) {
  { t.refuse(q) } -> std::same_as<std::string>;
};
template <class T>
concept Named = requires {
  { *&T::name } -> std::convertible_to<std::string_view>;  // by its address, which leaves out what is not static
};

namespace ranking {

/// By `Provider::order`, and in the order in which the fleet lists those of the same.
struct Priority {
  static constexpr std::string_view name = "priority";
  double score(const Candidate& c, const Query&) const noexcept { return 1e6 * c.provider.order + c.index; }
};

/// The lowest estimate for this request's tokens; unknown prices last.
struct Cheapest {
  static constexpr std::string_view name = "cost";
  double score(const Candidate& c, const Query&) const noexcept { return c.cost(); }
};

}  // namespace ranking
}  // namespace llmroute

#endif
