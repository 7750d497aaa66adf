// SPDX-License-Identifier: MIT
// Draws one at random, in shares.
//
// When to use: the load is to be spread in given shares (`Provider::weight`), or in favour of who has been reliable, costs
// little, or may be asked often.
// Not provided: weights by load.
//
// | by                     | a provider's share                                                                          |
// |------------------------|---------------------------------------------------------------------------------------------|
// | `weight`               | its `Provider::weight`; 0: it gets nothing, also when nobody else is left                    |
// | `reliability`          | the same times the share of its recent attempts that succeeded, but never under 5 % of it,   |
// |                        | so that who is well again is found out                                                      |
// | `inverse_square_price` | its weight by the square of what this request would cost there: at twice the price a quarter |
// | `rpm`, `tpm`           | its weight times its limit of requests or tokens a minute; without one it gets as much as     |
// |                        | those that have one get on average                                                          |
//
// By price, there are classes, and one is drawn from only when nobody of those before it is open: who costs nothing, the others,
// whose price is not known; and behind these in the same order those that have failed within `calm`, by their own fault.
//
// A draw by weight or reliability takes the same time however many there are: it is thrown again when it falls on one that is
// closed, or light. Only where most are, it walks them once. By price or limit it always does.
#ifndef LLMROUTE_POLICY_RANKING_WEIGHTED_HPP
#define LLMROUTE_POLICY_RANKING_WEIGHTED_HPP

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "llmroute/policy/observer.hpp"
#include "llmroute/policy/query.hpp"

namespace llmroute::ranking {

struct Weighted {
  enum class By : std::uint8_t { weight, reliability, inverse_square_price, rpm, tpm };
  By by = By::weight;
  Duration calm = std::chrono::seconds(30);

  static constexpr std::string_view name = "weighted";

  struct State {
    std::atomic<float> reliability{1};  // the share of the attempts that succeeded, the recent ones weighing most
    std::atomic<std::int64_t> failed{long_ago.time_since_epoch().count()};
  };

  std::string refuse(const Query&) const {
    return calm >= Duration::zero() ? std::string() : "ranking::Weighted: calm is not negative";
  }

  std::size_t pick(const auto& candidates, const Query& q) const {
    const std::size_t size = candidates.size();
    const std::uint64_t bits = mix(q.seed, 0xD1CEu + q.attempt);
    const double most = candidates.most_weight();
    if (size == 0 || !(most > 0)) return none;
    switch (by) {
      case By::inverse_square_price: return by_price(candidates, bits);
      case By::rpm:
      case By::tpm: return by_limit(candidates, bits);
      default: break;
    }
    std::uint64_t thrown = bits;
    for (int draw = 0; draw < 16; ++draw) {
      thrown = mix(thrown, 1);
      const auto i = static_cast<std::size_t>(thrown % size);
      if (candidates.open(i) && unit(mix(thrown, 2)) * most < weight(candidates, i)) return i;
    }
    Urn urn;
    for (std::size_t i = 0; i < size; ++i)
      if (candidates.open(i)) urn.put(i, weight(candidates, i), mix(thrown, 3 + i));
    return urn.drawn;
  }

  void learn(State& s, const Event& e) const noexcept {
    if (e.what != Event::What::ended || (!e.outcome->ok() && e.outcome->blame() != Blame::failure)) return;
    if (!e.outcome->ok()) s.failed.store(e.now.time_since_epoch().count(), std::memory_order_relaxed);
    constexpr float newest = 0.1f;  // about the last twenty count
    const float sample = e.outcome->ok() ? 1 : 0;
    float old = s.reliability.load(std::memory_order_relaxed);
    while (!s.reliability.compare_exchange_weak(old, old + newest * (sample - old), std::memory_order_relaxed)) {
    }
  }

 private:
  /// One of those that were put in, each with the chance that its share is of all.
  struct Urn {
    std::size_t drawn = none;
    double all = 0;
    void put(std::size_t i, double share, std::uint64_t bits) noexcept {
      if (!(share > 0)) return;  // NaN too
      all += share;
      if (drawn == none || unit(bits) * all < share) drawn = i;
    }
  };

  double weight(const auto& candidates, std::size_t i) const {
    const double given = candidates[i].provider.weight;
    if (by == By::weight) return given;
    const double measured = static_cast<double>(candidates.state(i).reliability.load(std::memory_order_relaxed));
    return given * (measured < 0.05 ? 0.05 : measured);
  }

  std::size_t by_price(const auto& candidates, std::uint64_t bits) const {
    Urn urn;
    int first = 6;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!candidates.open(i)) continue;
      const Candidate c = candidates[i];
      if (!(c.provider.weight > 0)) continue;
      const double cost = c.cost();
      const bool known = c.price_known() || c.is_free();
      const int rank = (known ? cost > 0 ? 1 : 0 : 2) + (is_calm(candidates.state(i), c.now) ? 0 : 3);
      if (rank > first) continue;
      if (rank < first) first = rank, urn = {};
      urn.put(i, known && cost > 0 ? c.provider.weight / (cost * cost) : c.provider.weight, mix(bits, i));
    }
    return urn.drawn;
  }
  bool is_calm(const State& s, Time now) const noexcept {
    const Time failed{Duration(s.failed.load(std::memory_order_relaxed))};
    return failed == long_ago || later(failed, calm) <= now;
  }

  std::size_t by_limit(const auto& candidates, std::uint64_t bits) const {
    Urn limited, others;
    double limits = 0, number = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!candidates.open(i)) continue;
      const Provider& p = candidates[i].provider;
      if (!(p.weight > 0)) continue;
      const double limit = by == By::rpm ? p.limits.requests_per_minute : p.limits.tokens_per_minute;
      if (limit > 0) {
        limits += limit, ++number;
        limited.put(i, p.weight * limit, mix(bits, i));
      } else {
        others.put(i, p.weight, mix(bits, i));
      }
    }
    if (limited.drawn == none || others.drawn == none) return limited.drawn == none ? others.drawn : limited.drawn;
    const double average = limits / number;
    return unit(mix(bits, none)) * (limited.all + others.all * average) < limited.all ? limited.drawn : others.drawn;
  }
};

}  // namespace llmroute::ranking

#endif
