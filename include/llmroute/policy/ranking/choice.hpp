// SPDX-License-Identifier: MIT
// Several strategies under names, one of which each request picks: `{.strategy = "cost"}`.
//
// When to use: the caller knows what matters, request by request. The first is for those that do not say.
// Not provided: a strategy that is chosen by what was learned.
#ifndef LLMROUTE_POLICY_RANKING_CHOICE_HPP
#define LLMROUTE_POLICY_RANKING_CHOICE_HPP

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "llmroute/policy/ranking/cheapest.hpp"
#include "llmroute/policy/ranking/combined.hpp"
#include "llmroute/policy/ranking/fastest.hpp"
#include "llmroute/policy/ranking/priority.hpp"
#include "llmroute/policy/ranking/strategy.hpp"
#include "llmroute/policy/ranking/weighted.hpp"
#include "llmroute/wire/printable.hpp"

namespace llmroute {
namespace ranking {

/// A strategy and what requests call it. `named("cheap", Cheapest{})`, or just `Cheapest{}` under its own name.
template <RankingStrategy R>
struct NamedAs {
  std::string_view name{};
  LLMROUTE_NO_UNIQUE_ADDRESS R ranking{};
};
/// The name is borrowed: a literal outlives every router, a string that is made here does not.
template <class R>
constexpr NamedAs<std::decay_t<R>> named(std::string_view name, R&& ranking) {
  return {name, static_cast<R&&>(ranking)};
}
template <std::same_as<std::string> S, class R>
void named(S&& name, R&& ranking) = delete;

}  // namespace ranking

namespace detail {

template <class Indices, class... R>
class ChoiceOf;
template <std::size_t... I, class... R>
class ChoiceOf<std::index_sequence<I...>, R...> : public Parts<R...> {
 public:
  static constexpr bool chooses_by_name = true;

  constexpr explicit ChoiceOf(ranking::NamedAs<R>... options)
      : Parts<R...>(std::move(options.ranking)...), names_{options.name...} {}

  std::string refuse(const Query& q) const {
    std::string why;
    if (!answered(q, [&]<std::size_t K, class S>(const S& strategy) {
          if constexpr (Refuses<S>) why = strategy.refuse(q);
        })) {
      why = "options.strategy: there is none that is called \"" + printable(q.options.strategy, 100) + "\"; there are ";
      for (std::size_t i = 0; i < sizeof...(R); ++i) why.append(i == 0 ? "" : ", ").append(names_[i]);
    }
    return why;
  }
  std::string_view strategy(const Query& q) const noexcept {
    for (std::size_t i = 0; i < sizeof...(R); ++i)
      if (is_meant(i, q)) return names_[i];
    return {};
  }
  bool takes_turn(const Query& q) const {
    bool takes = false;
    answered(q, [&]<std::size_t K, class S>(const S& strategy) { takes = detail::takes_turn(strategy, q); });
    return takes;
  }

  Chosen choose(const auto& candidates, const Query& q) const {
    Chosen chosen;
    answered(q, [&]<std::size_t K, class S>(const S&) { chosen = this->template ask<K>(candidates, q); });
    return chosen;
  }
  std::size_t pick(const auto& candidates, const Query& q) const { return choose(candidates, q).at; }

 private:
  bool is_meant(std::size_t i, const Query& q) const noexcept {
    return q.options.strategy.empty() ? i == 0 : names_[i] == q.options.strategy;
  }
  /// Calls `f` with the strategy that the request means. False: it means none of them.
  template <class F>
  bool answered(const Query& q, F&& f) const {
    return ((is_meant(I, q) && (f.template operator()<I, R>(this->template part<I>()), true)) || ...);
  }

  std::array<std::string_view, sizeof...(R)> names_;
};

template <class R>
constexpr ranking::NamedAs<R> as_named(ranking::NamedAs<R> n) {
  return n;
}
template <class R>
constexpr ranking::NamedAs<R> as_named(R r) {
  static_assert(Named<R>,
                "llmroute: a strategy in a Choice has a `static constexpr std::string_view name`, or is given one: "
                "named(\"mine\", strategy)");
  if constexpr (Named<R>) return {R::name, std::move(r)};
  else return {{}, std::move(r)};
}
template <class R>
struct RankingOf {
  using type = R;
};
template <class R>
struct RankingOf<ranking::NamedAs<R>> {
  using type = R;
};

}  // namespace detail

namespace ranking {

/// `Choice{Cheapest{}, named("quick", Fastest{})}`.
template <class... R>
class Choice : public detail::ChoiceOf<std::index_sequence_for<R...>, R...> {
  static_assert(sizeof...(R) > 0, "llmroute: a Choice has at least one strategy");

 public:
  template <class... A>
    requires(sizeof...(A) == sizeof...(R))
  constexpr explicit Choice(A... options)
      : detail::ChoiceOf<std::index_sequence_for<R...>, R...>(detail::as_named(std::move(options))...) {}
};
template <class... A>
Choice(A...) -> Choice<typename detail::RankingOf<A>::type...>;

/// Priority, cost, latency, weighted (by reliability): under these names.
inline auto by_name() { return Choice{Priority{}, Cheapest{}, Fastest{}, Weighted{.by = Weighted::By::reliability}}; }

}  // namespace ranking
}  // namespace llmroute

#endif
