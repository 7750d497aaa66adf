// SPDX-License-Identifier: MIT
// The concept of a RankingStrategy with its optional members, and how the router asks one. What the expressions mean stands in
// policy/ranking.hpp.
#ifndef LLMROUTE_POLICY_RANKING_STRATEGY_HPP
#define LLMROUTE_POLICY_RANKING_STRATEGY_HPP

#include <concepts>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "llmroute/policy/observer.hpp"  // Event
#include "llmroute/policy/query.hpp"

namespace llmroute {

/// It keeps a State for each place.
template <class T>
concept Remembers = requires { typename T::State; } && std::default_initializable<typename T::State> &&
                    requires(const T& t, typename T::State& s, const Event& e) { t.learn(s, e); };
template <class T>
concept ScoresByMemory = Remembers<T> && requires(const T& t, const Candidate& c, const Query& q, const typename T::State& s) {
  { t.score(c, q, s) } -> std::convertible_to<double>;
};
template <class T>
concept Scores = ScoresByMemory<T> || requires(const T& t, const Candidate& c, const Query& q) {
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
template <class T>
concept NamesStrategy = requires(const T& t, const Query& q) {
  { t.strategy(q) } -> std::convertible_to<std::string_view>;
};
template <class T>
concept TakesTurns = requires(const T& t, const Query& q) {
  { t.takes_turn(q) } -> std::same_as<bool>;
};
template <class T>
concept SaysWhetherItWatches = requires {
  { *&T::watches_load } -> std::convertible_to<bool>;
};

namespace detail {

struct Nothing {};
template <class R>
struct MemoryOf {
  using type = Nothing;
};
template <Remembers R>
struct MemoryOf<R> {
  using type = typename R::State;
};
/// What a ranking remembers of one place.
template <class R>
using Memory = typename MemoryOf<R>::type;

template <class R>
constexpr bool watches_load() noexcept {
  if constexpr (SaysWhetherItWatches<R>) return R::watches_load;
  else return false;
}
template <class R>
constexpr bool takes_turn(const R& r, const Query& q) {
  if constexpr (TakesTurns<R>) return r.takes_turn(q);
  else return false;
}
template <class R>
constexpr std::string_view strategy_of(const R& r, const Query& q) {
  if constexpr (NamesStrategy<R>) return r.strategy(q);
  else if constexpr (Named<R>) return R::name;
  else return {};
}

/// Whether `options.strategy` is its own business; else the router refuses a name that is not the ranking's. One that has
/// `strategy` and does not say is believed to look at it.
template <class R>
constexpr bool chooses_by_name() noexcept {
  if constexpr (requires {
                  { *&R::chooses_by_name } -> std::convertible_to<bool>;
                })
    return R::chooses_by_name;
  else return NamesStrategy<R>;
}

struct Chosen {
  std::size_t at = none;
  double score = 0;  ///< 0 from one that picks
};

template <class R, class Group>
double score_of(const R& ranking, const Group& candidates, std::size_t i, const Query& query) {
  if constexpr (ScoresByMemory<R>) return static_cast<double>(ranking.score(candidates[i], query, candidates.state(i)));
  else return static_cast<double>(ranking.score(candidates[i], query));
}

/// The open one whose score is the lowest. NaN and +infinity never win, and ties are drawn by seed.
template <class Group, class Score>
Chosen lowest(const Group& candidates, const Query& query, Score&& score_at) {
  Chosen best{none, std::numeric_limits<double>::infinity()};
  std::uint64_t equals = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!candidates.open(i)) continue;
    const double score = score_at(i);
    if (score < best.score) best = {i, score}, equals = 1;
    else if (score == best.score && best.at != none &&
             mix(query.seed, 0x71E5u + i * max_attempts + query.attempt) % ++equals == 0)
      best.at = i;
  }
  return best;
}

/// Whom a ranking wants among the open ones.
template <class R, class Group>
Chosen choose(const R& ranking, const Group& candidates, const Query& query) {
  if constexpr (requires {
                  { ranking.choose(candidates, query) } -> std::same_as<Chosen>;
                }) {  // it passes the question on
    return ranking.choose(candidates, query);
  } else if constexpr (Scores<R>) {
    return lowest(candidates, query, [&](std::size_t i) { return score_of(ranking, candidates, i, query); });
  } else {
    std::size_t i = none;
    if constexpr (requires {
                    { ranking.pick(candidates, query) } -> std::same_as<std::size_t>;
                  }) {
      i = ranking.pick(candidates, query);
    } else {
      auto at = [&](std::size_t k) { return candidates[k]; };
      auto is_open = [&](std::size_t k) { return candidates.open(k); };
      i = ranking.pick(Candidates(at, is_open, candidates.size(), candidates.most_weight()), query);
    }
    return {i < candidates.size() && candidates.open(i) ? i : none, 0};  // one that names a closed one is not believed
  }
}

}  // namespace detail

}  // namespace llmroute

#endif
