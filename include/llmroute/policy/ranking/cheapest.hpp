// SPDX-License-Identifier: MIT
// Who costs least for this request.
//
// When to use: money decides, and any of the providers is good enough.
// Not provided: a limit on what is spent (that is a Budget), and quality per dollar.
//
// | by         | a provider's score                                                                             |
// |------------|------------------------------------------------------------------------------------------------|
// | `estimate` | the price of this request's tokens, markup included; the default                               |
// | `charged`  | what it charged lately per 1,000 tokens, for this request's tokens; its estimate until it has   |
//
// While something is left of a provider's free allowance it costs nothing. Where no price is known it comes last.
#ifndef LLMROUTE_POLICY_RANKING_CHEAPEST_HPP
#define LLMROUTE_POLICY_RANKING_CHEAPEST_HPP

#include <atomic>
#include <cstdint>
#include <string_view>

#include "llmroute/policy/observer.hpp"
#include "llmroute/policy/query.hpp"

namespace llmroute::ranking {

struct Cheapest {
  enum class By : std::uint8_t { estimate, charged };
  By by = By::estimate;

  static constexpr std::string_view name = "cost";

  /// The mean of what 1,000 tokens cost, in dollars, the recent ones weighing most; negative: nothing was charged yet.
  struct State {
    std::atomic<float> per_1k{-1};
  };

  double score(const Candidate& c, const Query& q, const State& s) const noexcept {
    const float per_1k = by == By::charged ? s.per_1k.load(std::memory_order_relaxed) : -1;
    if (per_1k < 0 || c.is_free()) return c.cost();
    return static_cast<double>(per_1k) * 1e-3 *
           (static_cast<double>(q.prompt_tokens()) + static_cast<double>(q.completion_tokens));
  }

  void learn(State& s, const Event& e) const noexcept {
    if (by != By::charged || e.what != Event::What::ended || !e.outcome->ok() || !e.cost.exact() || e.usage.total() <= 0)
      return;
    const bool given_away = e.cost.amount == Money() && e.cost.source == Cost::Source::usage;
    if (given_away) return;         // which tells nothing of what it charges afterwards
    constexpr float weight = 0.3f;  // of the newest: about the last five count
    const auto fresh = static_cast<float>(e.cost.amount.dollars() * 1e3 / static_cast<double>(e.usage.total()));
    float old = s.per_1k.load(std::memory_order_relaxed);
    while (!s.per_1k.compare_exchange_weak(old, old < 0 ? fresh : old + weight * (fresh - old), std::memory_order_relaxed)) {
    }
  }
};

}  // namespace llmroute::ranking

#endif
