// SPDX-License-Identifier: MIT
// A limit that nobody configured, as the provider's answers tell of it: good enough to rank by, not to refuse by.
#ifndef LLMROUTE_POLICY_TOLD_LIMIT_HPP
#define LLMROUTE_POLICY_TOLD_LIMIT_HPP

#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>

#include "llmroute/policy/meter.hpp"
#include "llmroute/time.hpp"
#include "llmroute/wire/rate_limits.hpp"

namespace llmroute {

/// The newest counts. Who reads while it changes may see something of both.
class ToldLimit {
 public:
  /// Is anything to be learned from it?
  static bool makes_sense(const http::Meter& meter) noexcept {
    if (!meter.remaining || !(*meter.remaining >= 0)) return false;
    return meter.limit ? *meter.limit > 0 && *meter.limit < 1e18 : *meter.remaining <= 0;
  }

  /// Of what makes sense. The rest recovers evenly until it resets, or within a minute where that was not told.
  void told(const http::Meter& meter, Time now) noexcept {
    const Duration minute = std::chrono::minutes(1), period = meter.period > Duration::zero() ? meter.period : minute;
    const Duration resets_in = longer(meter.resets_in.value_or(period), Duration::zero());
    const double share = meter.share_left().value_or(0), used = resets_in > Duration::zero() && share < 1 ? 1 - share : 0;
    const auto refills_in =
        static_cast<float>(static_cast<double>((used > 0 ? resets_in : period).count()) / (used > 0 ? used : 1));
    // By the rounded scale, so that nothing left is exactly that.
    full_at_.store(later(now, held(used * double{refills_in})).time_since_epoch().count(), std::memory_order_relaxed);
    until_.store(later(now, longer(resets_in, minute)).time_since_epoch().count(), std::memory_order_relaxed);
    const auto limit = static_cast<float>(meter.limit.value_or(0));
    scale_.store(std::uint64_t{std::bit_cast<std::uint32_t>(refills_in)} << 32 | std::bit_cast<std::uint32_t>(limit),
                 std::memory_order_relaxed);
  }
  void forget() noexcept { scale_.store(0, std::memory_order_relaxed); }

  void take(std::int64_t count, Time now) noexcept {
    const Scale scale = current(now);
    if (scale.limit <= 0 || count <= 0) return;
    std::int64_t at = full_at_.load(std::memory_order_relaxed), next;
    do {
      const Time from = Time(Duration(at)) < now ? now : Time(Duration(at));
      next = sooner(later(from, scale.cost(count)), later(now, held(scale.refills_in))).time_since_epoch().count();
    } while (!full_at_.compare_exchange_weak(at, next, std::memory_order_relaxed));
  }
  void give_back(std::int64_t count, Time now) noexcept {
    const Scale scale = current(now);
    if (scale.limit <= 0 || count <= 0) return;
    std::int64_t at = full_at_.load(std::memory_order_relaxed);
    while (!full_at_.compare_exchange_weak(at, later(Time(Duration(at)), -scale.cost(count)).time_since_epoch().count(),
                                           std::memory_order_relaxed)) {
    }
  }

  /// The share that would be left after so many more, from 0 to 1; 1 where nothing is known, or nothing any more.
  double left(std::int64_t count, Time now) const noexcept {
    const Scale scale = current(now);
    if (!(scale.refills_in > 0)) return 1;
    const Time full_at(Duration(full_at_.load(std::memory_order_relaxed)));
    const double share = 1 - static_cast<double>(time_until(full_at, now)) / scale.refills_in -
                         (scale.limit > 0 ? static_cast<double>(count) / scale.limit : 0);
    return share > 0 ? share : 0;
  }

 private:
  struct Scale {
    double refills_in = 0;  // nanoseconds from empty to full; 0: nothing is known
    double limit = 0;       // 0: not told
    Duration cost(std::int64_t count) const noexcept { return held(static_cast<double>(count) / limit * refills_in); }
  };
  static Duration held(double ns) noexcept { return Duration(static_cast<std::int64_t>(ns < 0x1p60 ? ns : 0x1p60)); }

  Scale current(Time now) const noexcept {
    const std::uint64_t word = scale_.load(std::memory_order_relaxed);
    if (word == 0 || Time(Duration(until_.load(std::memory_order_relaxed))) <= now) return {};
    return {std::bit_cast<float>(static_cast<std::uint32_t>(word >> 32)),
            std::bit_cast<float>(static_cast<std::uint32_t>(word))};
  }

  std::atomic<std::int64_t> full_at_{0};
  std::atomic<std::int64_t> until_{0};   // what was told is forgotten by then
  std::atomic<std::uint64_t> scale_{0};  // two floats
};

}  // namespace llmroute

#endif
