// SPDX-License-Identifier: MIT
// Who has answered fastest lately: to the first content of a stream, to the end of a whole reply.
//
// When to use: somebody waits for the answer, and the prices are of one kind.
// Not provided: percentiles, tokens a second, and load: whoever is fastest gets every request until it is not.
//
// | a place is                                    | its score                                                              |
// |-----------------------------------------------|------------------------------------------------------------------------|
// | measured                                      | the moving average (newest 0.3), or the mean of the `last` so many      |
// | not measured, or not within `forget`          | what the provider is expected to take; unknown: 0, so it is tried early |
// | the same, and a request is there finding out  | behind those that are measured, so that no two find out at once         |
// | the same, and it has failed within `forget`   | likewise, unless that was the request's fault                          |
//
// Who loses to a hedge or to the deadline is measured too: it takes at least that long.
#ifndef LLMROUTE_POLICY_RANKING_FASTEST_HPP
#define LLMROUTE_POLICY_RANKING_FASTEST_HPP

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "llmroute/policy/observer.hpp"
#include "llmroute/policy/query.hpp"

namespace llmroute::ranking {

struct Fastest {
  int last = 0;                                ///< the mean of so many, at most 16; 0: the moving average
  Duration forget = std::chrono::minutes(10);  ///< so that who was slow once is tried again; `endless`: never

  static constexpr std::string_view name = "latency";
  static constexpr bool watches_load = true;

  struct State {
    std::array<std::atomic<float>, 16> latest{};  // milliseconds; a ring that drops the oldest
    std::atomic<std::uint32_t> count{0};
    std::atomic<std::int64_t> measured{long_ago.time_since_epoch().count()}, failed{long_ago.time_since_epoch().count()};
  };

  double score(const Candidate& c, const Query&, const State& s) const noexcept {
    if (fresh(s.measured, c.now)) return latency(c, s);
    const double expected = static_cast<double>(c.provider.expected_latency.count()) * 1e-6;
    constexpr double behind = 1e9;
    return c.in_flight() > 0 || fresh(s.failed, c.now) ? behind + expected : expected;
  }

  void learn(State& s, const Event& e) const noexcept {
    if (e.what != Event::What::ended) return;
    const Outcome& o = *e.outcome;
    const std::int64_t now = e.now.time_since_epoch().count();
    if (o.blame() != Blame::none) return s.failed.store(now, std::memory_order_relaxed);
    if (!o.ok() && o.ending != Ending::lost && o.ending != Ending::cut) return;
    const float ms = static_cast<float>((o.ok() ? o.first_content : o.total).count()) * 1e-6f;
    if (o.ok() || static_cast<double>(ms) > mean(s)) {
      const std::uint32_t n = s.count.fetch_add(1, std::memory_order_relaxed);
      s.latest[n % s.latest.size()].store(ms, std::memory_order_relaxed);
    }
    s.measured.store(now, std::memory_order_relaxed);
  }

 private:
  bool fresh(const std::atomic<std::int64_t>& at, Time now) const noexcept {
    const Time then{Duration(at.load(std::memory_order_relaxed))};
    return then != long_ago && later(then, forget) > now;
  }
  double latency(const Candidate& c, const State& s) const noexcept {
    if (last <= 0 || s.count.load(std::memory_order_relaxed) == 0) return static_cast<double>(c.health.latency_ms());
    return mean(s);
  }
  /// Of the `last` so many; 0: there are none.
  double mean(const State& s) const noexcept {
    const std::size_t measured = s.count.load(std::memory_order_relaxed), size = s.latest.size();
    std::size_t n = last <= 0 ? 0 : static_cast<std::size_t>(last) < size ? static_cast<std::size_t>(last) : size;
    if (measured < n) n = measured;
    if (n == 0) return 0;
    double sum = 0;
    for (std::size_t i = 1; i <= n; ++i)
      sum += static_cast<double>(s.latest[(measured - i) % size].load(std::memory_order_relaxed));
    return sum / static_cast<double>(n);
  }
};

}  // namespace llmroute::ranking

#endif
