// SPDX-License-Identifier: MIT
// Time as the library counts it: monotonic, in nanoseconds, read by a driver and passed down.
#ifndef LLMROUTE_TIME_HPP
#define LLMROUTE_TIME_HPP

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace llmroute {

using Duration = std::chrono::nanoseconds;
using Time = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// In parentheses, because <windows.h> makes macros of min and max.
inline constexpr Time never = (Time::max)();
inline constexpr Time long_ago = (Time::min)();
inline constexpr Duration endless = (Duration::max)();

/// `t + d`, held at the ends of the scale instead of wrapping round.
constexpr Time later(Time t, Duration d) noexcept {
  if (d > Duration::zero()) return t > never - d ? never : t + d;
  return t < long_ago - d ? long_ago : t + d;
}

constexpr Duration shorter(Duration a, Duration b) noexcept { return b < a ? b : a; }
constexpr Duration longer(Duration a, Duration b) noexcept { return a < b ? b : a; }
constexpr Time sooner(Time a, Time b) noexcept { return b < a ? b : a; }
constexpr Time latest(Time a, Time b) noexcept { return a < b ? b : a; }

/// A duration that says itself: "420 ms". C++20's own `operator<<` is missing from most standard libraries.
struct Elapsed : Duration {
  constexpr Elapsed() noexcept : Duration(Duration::zero()) {}
  template <class Rep, class Period>
    requires std::is_convertible_v<std::chrono::duration<Rep, Period>, Duration>
  constexpr Elapsed(std::chrono::duration<Rep, Period> d) noexcept : Duration(d) {}

  /// In one unit, with two digits or more.
  std::string text() const {
    const std::int64_t ns = count(), magnitude = ns < 0 ? -(ns + 1) : ns;
    if (magnitude < 10'000) return std::to_string(ns) + " ns";
    if (magnitude < 10'000'000) return std::to_string(ns / 1'000) + " us";
    if (magnitude < 10'000'000'000) return std::to_string(ns / 1'000'000) + " ms";
    const std::int64_t seconds = ns / 1'000'000'000, amount = magnitude / 1'000'000'000;
    if (amount < 7'200) return std::to_string(seconds) + " s";
    if (amount < 36'000) return std::to_string(seconds / 60) + " min";
    if (amount < 360'000) return std::to_string(seconds / 3'600) + " h";
    return std::to_string(seconds / 86'400) + " d";
  }
  template <class Stream>
    requires requires(Stream& s) { s << std::string_view{}; }
  friend Stream& operator<<(Stream& out, const Elapsed& e) {
    out << std::string_view(e.text());
    return out;
  }
};

}  // namespace llmroute

#endif
