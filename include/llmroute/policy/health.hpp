// SPDX-License-Identifier: MIT
// What is measured of one place: a cache line of relaxed atomics that attempts write and scores read.
#ifndef LLMROUTE_POLICY_HEALTH_HPP
#define LLMROUTE_POLICY_HEALTH_HPP

#include <atomic>
#include <bit>
#include <cstdint>

#include "llmroute/failure.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

struct alignas(64) Health {
  std::atomic<std::int32_t> in_flight{0};
  std::atomic<std::uint32_t> successes{0};
  std::atomic<std::uint32_t> failures{0};
  std::atomic<std::uint32_t> latency_bits{0};  ///< a float of milliseconds; 0: never measured
  std::atomic<std::uint32_t> failures_in_a_row{0};
  std::atomic<Kind> last_failure{};  ///< of any kind, where `last_failed` is a time
  std::atomic<std::int64_t> last_failed{long_ago.time_since_epoch().count()};

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
  void succeeded() noexcept {
    successes.fetch_add(1, std::memory_order_relaxed);
    if (failures_in_a_row.load(std::memory_order_relaxed) != 0) failures_in_a_row.store(0, std::memory_order_relaxed);
  }
  void failed() noexcept {
    failures.fetch_add(1, std::memory_order_relaxed);
    failures_in_a_row.fetch_add(1, std::memory_order_relaxed);
  }
  /// Of any kind, also of those that are not the provider's fault.
  void remember(Kind kind, Time now) noexcept {
    last_failure.store(kind, std::memory_order_relaxed);
    last_failed.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  /// For what was stopped before it answered: counts only where it is slower than what is known.
  void at_least(Duration took) noexcept {
    if (static_cast<float>(took.count()) * 1e-6f > latency_ms()) measured(took);
  }
};

}  // namespace llmroute

#endif
