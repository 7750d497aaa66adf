// SPDX-License-Identifier: MIT
// The plain cooldown: after a rate limit the provider rests a fixed time, unless it named one itself.
//
// When to use: where a failure shall rest nobody; with `after_failure`, where each failure shall rest its place.
// Not provided: counting failures, which is what CircuitBreaker does, and hints, which the router keeps itself.
#ifndef LLMROUTE_POLICY_COOLDOWN_FIXED_HPP
#define LLMROUTE_POLICY_COOLDOWN_FIXED_HPP

#include <atomic>
#include <chrono>
#include <cstdint>

#include "llmroute/failure.hpp"
#include "llmroute/time.hpp"

namespace llmroute::cooldown {

struct Fixed {
  Duration rest = std::chrono::seconds(60);   ///< after a 429 without a hint, of the whole quota group
  Duration after_failure = Duration::zero();  ///< after a failure that is the provider's fault, of this place

  struct State {
    std::atomic<std::int64_t> until{long_ago.time_since_epoch().count()};
  };

  Time rest_until(const State& s, Time now) const noexcept {
    const Time until{Duration(s.until.load(std::memory_order_relaxed))};
    return until > now ? until : now;
  }

  void report(State& s, const Outcome& o, Time now) const noexcept {
    if (o.blame() != Blame::failure || after_failure <= Duration::zero()) return;
    const std::int64_t until = later(now, after_failure).time_since_epoch().count();
    std::int64_t old = s.until.load(std::memory_order_relaxed);
    while (old < until && !s.until.compare_exchange_weak(old, until, std::memory_order_relaxed)) {
    }  // the report of an earlier failure never shortens a rest
  }

  void release(State& s, Time) const noexcept { s.until.store(long_ago.time_since_epoch().count(), std::memory_order_relaxed); }

  /// A quota that is used up does not come back within a minute.
  Duration rest_for(const Outcome& o) const noexcept {
    const Duration plain = longer(rest, Duration::zero());
    return o.kind == Kind::quota_exhausted ? longer(plain, std::chrono::minutes(15)) : plain;
  }
};

}  // namespace llmroute::cooldown

#endif
