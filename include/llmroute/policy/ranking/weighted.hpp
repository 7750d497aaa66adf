// SPDX-License-Identifier: MIT
// Draws one at random, in shares.
//
// When to use: the load is to be spread in given shares (`Provider::weight`), or in favour of who has been reliable.
// Not provided: weights by price, load, or rate limits.
//
// | by            | a provider's share                                                                          |
// |---------------|---------------------------------------------------------------------------------------------|
// | `weight`      | its `Provider::weight`; 0: it gets nothing, also when nobody else is left                    |
// | `reliability` | the same times the share of its recent attempts that succeeded, but never under 5 % of it,   |
// |               | so that who is well again is found out                                                      |
//
// A draw takes the same time however many there are: it is thrown again when it falls on one that is closed, or light. Only
// where most are, it walks them once.
#ifndef LLMROUTE_POLICY_RANKING_WEIGHTED_HPP
#define LLMROUTE_POLICY_RANKING_WEIGHTED_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "llmroute/policy/observer.hpp"
#include "llmroute/policy/query.hpp"

namespace llmroute::ranking {

struct Weighted {
  enum class By : std::uint8_t { weight, reliability };
  By by = By::weight;

  static constexpr std::string_view name = "weighted";

  /// The share of the attempts that succeeded, the recent ones weighing most.
  struct State {
    std::atomic<float> reliability{1};
  };

  std::size_t pick(const auto& candidates, const Query& q) const {
    const std::size_t size = candidates.size();
    const double most = candidates.most_weight();
    if (size == 0 || !(most > 0)) return none;
    std::uint64_t bits = mix(q.seed, 0xD1CEu + q.attempt);
    for (int draw = 0; draw < 16; ++draw) {
      bits = mix(bits, 1);
      const auto i = static_cast<std::size_t>(bits % size);
      if (candidates.open(i) && unit(mix(bits, 2)) * most < weight(candidates, i)) return i;
    }
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += candidates.open(i) ? weight(candidates, i) : 0;
    double left = unit(mix(bits, 3)) * sum;
    std::size_t last = none;  // rounding may leave a little over
    for (std::size_t i = 0; i < size && !(left < 0); ++i) {
      if (!candidates.open(i)) continue;
      const double share = weight(candidates, i);
      if (share > 0) last = i, left -= share;
    }
    return last;
  }

  void learn(State& s, const Event& e) const noexcept {
    if (e.what != Event::What::ended || (!e.outcome->ok() && e.outcome->blame() != Blame::failure)) return;
    constexpr float newest = 0.1f;  // about the last twenty count
    const float sample = e.outcome->ok() ? 1 : 0;
    float old = s.reliability.load(std::memory_order_relaxed);
    while (!s.reliability.compare_exchange_weak(old, old + newest * (sample - old), std::memory_order_relaxed)) {
    }
  }

 private:
  double weight(const auto& candidates, std::size_t i) const {
    const double given = candidates[i].provider.weight;
    if (by == By::weight) return given;
    const double measured = static_cast<double>(candidates.state(i).reliability.load(std::memory_order_relaxed));
    return given * (measured < 0.05 ? 0.05 : measured);
  }
};

}  // namespace llmroute::ranking

#endif
