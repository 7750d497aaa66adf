// SPDX-License-Identifier: MIT
// Cost, latency, quality and load at once, by weights: `Blend{.cost = 0.5, .latency = 0.3, .quality = 0.1, .load = 0.1}`.
//
// When to use: several things matter, and much of one makes up for little of another.
// Not provided: figures of one's own, and a limit that none may pass; a score of +infinity or options.max_price is one.
//
// Each figure is brought to one scale among those that are open: the best is 0, the worst 1, and where all are equal all are 0.
//
// | figure    | is                                          | where it is not known                                          |
// |-----------|---------------------------------------------|----------------------------------------------------------------|
// | `cost`    | the estimate for this request               | 1, as the worst                                                |
// | `latency` | measured to the first content, or expected  | 0, so that it is tried early; 1 while a request is there finding |
// |           |                                             | out, and after a failure, so that no two find out at once       |
// | `quality` | `Provider::quality`, the highest is best    | 1, as the worst                                                |
// | `load`    | requests in flight                          |                                                                |
//
// The weighted sum stands in the trail. Weights need not add up to 1. One that is negative or not a number is refused.
#ifndef LLMROUTE_POLICY_RANKING_BLEND_HPP
#define LLMROUTE_POLICY_RANKING_BLEND_HPP

#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "llmroute/policy/ranking/strategy.hpp"

namespace llmroute::ranking {

struct Blend {
  double cost = 0;
  double latency = 0;
  double quality = 0;
  double load = 0;

  static constexpr std::string_view name = "blend";
  static constexpr bool watches_load = true;
  static constexpr bool chooses_by_name = false;

  std::string refuse(const Query&) const {
    constexpr std::array<std::string_view, 4> names{"cost", "latency", "quality", "load"};
    const std::array<double, 4> weights{cost, latency, quality, load};
    bool some = false;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      if (!(weights[k] >= 0 && weights[k] < std::numeric_limits<double>::infinity()))
        return "ranking::Blend: the weight of " + std::string(names[k]) + " is negative, infinite or not a number";
      some = some || weights[k] > 0;
    }
    return some ? std::string() : std::string("ranking::Blend: it has no weights, as .cost = 0.5");
  }

  detail::Chosen choose(const auto& candidates, const Query& q) const {
    Range costs, latencies, qualities, loads;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!candidates.open(i)) continue;
      const Candidate c = candidates[i];
      if (cost > 0) costs.take(cost_of(c));
      if (latency > 0) latencies.take(latency_of(c));
      if (quality > 0) qualities.take(quality_of(c));
      if (load > 0) loads.take(load_of(c));
    }
    return detail::lowest(candidates, q, [&](std::size_t i) {
      const Candidate c = candidates[i];
      double sum = 0;
      if (cost > 0) sum += cost * costs.place(cost_of(c), 1);
      if (latency > 0) sum += latency * latencies.place(latency_of(c), is_found_out(c) ? 1 : 0);
      if (quality > 0) sum += quality * qualities.place(quality_of(c), 1);
      if (load > 0) sum += load * loads.place(load_of(c), 0);
      return sum;
    });
  }
  std::size_t pick(const auto& candidates, const Query& q) const { return choose(candidates, q).at; }

 private:
  // Lower is better, and infinity is not known.
  static constexpr double unknown = std::numeric_limits<double>::infinity();
  static double cost_of(const Candidate& c) noexcept { return c.price_known() || c.is_free() ? c.cost() : unknown; }
  static double latency_of(const Candidate& c) noexcept {
    const double ms = c.latency_ms();
    return ms > 0 ? ms : unknown;
  }
  static double quality_of(const Candidate& c) noexcept {
    const double q = c.provider.quality;
    return q > 0 && q < unknown ? -q : unknown;
  }
  static double load_of(const Candidate& c) noexcept { return static_cast<double>(c.in_flight()); }
  static bool is_found_out(const Candidate& c) noexcept {
    return c.in_flight() > 0 || c.health.failures_in_a_row.load(std::memory_order_relaxed) > 0;
  }

  struct Range {
    double best = unknown, worst = -unknown;
    void take(double figure) noexcept {
      if (figure == unknown) return;
      if (figure < best) best = figure;
      if (figure > worst) worst = figure;
    }
    /// From 0 to 1, also where a figure has changed between the two walks.
    double place(double figure, double otherwise) const noexcept {
      if (figure == unknown) return otherwise;
      const double place = worst > best ? (figure - best) / (worst - best) : 0;
      return place < 0 ? 0 : place > 1 ? 1 : place;
    }
  };
};

}  // namespace llmroute::ranking

#endif
