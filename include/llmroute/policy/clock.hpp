// SPDX-License-Identifier: MIT
// Clock: what time is it? Monotonic; the simulator's stands still until something happens.
//
// | expression                    | result | when                                                                |
// |-------------------------------|--------|---------------------------------------------------------------------|
// | `c.now()`                     | Time   | once a step and once a sink call                                    |
// | `c.wait_until(time, stopped)` | void   | optional: the blocking driver's waits; else it sleeps in 50 ms bits |
#ifndef LLMROUTE_POLICY_CLOCK_HPP
#define LLMROUTE_POLICY_CLOCK_HPP

#include <concepts>

#include "llmroute/function_ref.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

/// Asked now and then while something blocks; true: the caller wants out.
using Stopped = FunctionRef<bool()>;

template <class T>
concept Clock = requires(const T& t) {
  { t.now() } -> std::same_as<Time>;
};

template <class T>
concept WaitingClock = Clock<T> && requires(const T& t, Time until, Stopped stopped) { t.wait_until(until, stopped); };

struct SteadyClock {
  Time now() const noexcept { return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now()); }
};

}  // namespace llmroute

#endif
