// SPDX-License-Identifier: MIT
// What is measured of one place: a cache line of relaxed atomics that attempts write and scores read.
#ifndef LLMROUTE_POLICY_HEALTH_HPP
#define LLMROUTE_POLICY_HEALTH_HPP

#include <atomic>
#include <bit>
#include <cstdint>

#include "llmroute/time.hpp"

namespace llmroute {

struct alignas(64) Health {
  std::atomic<std::int32_t> in_flight{0};
  std::atomic<std::uint32_t> successes{0};
  std::atomic<std::uint32_t> failures{0};
  std::atomic<std::uint32_t> latency_bits{0};  ///< a float of milliseconds; 0: never measured

  /// Mean time to the first content, the recent ones weighing most; 0: never measured.
  float latency_ms() const noexcept { return std::bit_cast<float>(latency_bits.load(std::memory_order_relaxed)); }

  void measured(Duration took) noexcept {
    constexpr float weight = 0.3f;  // of the newest: about the last five count
    const float ms = static_cast<float>(took.count() < 1 ? 1 : took.count()) * 1e-6f;
    std::uint32_t old = latency_bits.load(std::memory_order_relaxed), fresh;
    do {
      const float mean = std::bit_cast<float>(old);
      fresh = std::bit_cast<std::uint32_t>(old == 0 ? ms : mean + weight * (ms - mean));
    } while (!latency_bits.compare_exchange_weak(old, fresh, std::memory_order_relaxed));
  }
  /// For what was stopped before it answered: counts only where it is slower than what is known.
  void at_least(Duration took) noexcept {
    if (static_cast<float>(took.count()) * 1e-6f > latency_ms()) measured(took);
  }
};

}  // namespace llmroute

#endif
