// SPDX-License-Identifier: MIT
// Whether a provider may be asked at all, whatever it is asked for, and rests that only ever get longer.
#ifndef LLMROUTE_ROUTE_STANDING_HPP
#define LLMROUTE_ROUTE_STANDING_HPP

#include <atomic>
#include <cstdint>

#include "llmroute/route/closed.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

/// A point in time that is only ever moved later, by whoever comes.
class Latest {
 public:
  Time get() const noexcept { return Time(Duration(until_.load(std::memory_order_relaxed))); }
  void extend(Time t) noexcept {
    const std::int64_t wanted = t.time_since_epoch().count();
    std::int64_t old = until_.load(std::memory_order_relaxed);
    while (old < wanted && !until_.compare_exchange_weak(old, wanted, std::memory_order_relaxed)) {
    }
  }
  void reset() noexcept { until_.store(open_, std::memory_order_relaxed); }

 private:
  static constexpr std::int64_t open_ = long_ago.time_since_epoch().count();
  std::atomic<std::int64_t> until_{open_};
};

/// Whether a provider may be asked at all: its key works, its URL is an API, nobody turned it off.
class Standing {
 public:
  enum class Why : std::uint8_t { open, unauthorized, misconfigured, disabled };

  Why why() const noexcept { return why_.load(std::memory_order_acquire); }
  /// From then on one attempt may find out whether it works again.
  Time probe_at() const noexcept { return Time(Duration(probe_at_.load(std::memory_order_relaxed))); }
  bool open(Time now) const noexcept { return why() == Why::open || (why() != Why::disabled && probe_at() <= now); }
  Closed closed(Time now) const noexcept {
    if (open(now)) return Closed::open;
    const Why w = why();
    return w == Why::unauthorized ? Closed::unauthorized : w == Why::disabled ? Closed::disabled : Closed::misconfigured;
  }

  /// Who was disabled stays disabled, whatever an attempt that still ran finds out.
  void close(Why why, Time probe_at) noexcept {
    if (why != Why::disabled) probe_at_.store(probe_at.time_since_epoch().count(), std::memory_order_relaxed);
    Why old = why_.load(std::memory_order_relaxed);
    while ((old != Why::disabled || why == Why::disabled) && !why_.compare_exchange_weak(old, why, std::memory_order_release)) {
    }
  }
  void reopen() noexcept { why_.store(Why::open, std::memory_order_release); }
  /// When an attempt last told how it is.
  Time heard_of() const noexcept { return Time(Duration(heard_of_.load(std::memory_order_relaxed))); }
  void heard(Time now) noexcept { heard_of_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }
  /// Is this caller the one who finds out? What was heard is as of `now` then.
  bool take_check(Time now) noexcept {
    std::int64_t seen = heard_of_.load(std::memory_order_relaxed);
    return Time(Duration(seen)) < now &&
           heard_of_.compare_exchange_strong(seen, now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  /// A rest that somebody ordered.
  Latest& ordered_rest() noexcept { return ordered_rest_; }
  const Latest& ordered_rest() const noexcept { return ordered_rest_; }
  /// A key that was refused was taken after all.
  void works() noexcept {
    Why refused = Why::unauthorized;
    if (why() == refused) why_.compare_exchange_strong(refused, Why::open, std::memory_order_release);
  }

  /// Open, or this caller is the one whose attempt finds out.
  bool claim(Time now, Time next_probe) noexcept {
    if (why() == Why::open) return true;
    if (why() == Why::disabled) return false;
    std::int64_t due = probe_at_.load(std::memory_order_relaxed);
    return Time(Duration(due)) <= now &&
           probe_at_.compare_exchange_strong(due, next_probe.time_since_epoch().count(), std::memory_order_relaxed);
  }
  /// A claim after which nothing was sent.
  void give_back(Time now) noexcept { probe_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }

 private:
  Latest ordered_rest_{};
  std::atomic<std::int64_t> heard_of_{long_ago.time_since_epoch().count()};
  std::atomic<std::int64_t> probe_at_{0};
  std::atomic<Why> why_{Why::open};
};

}  // namespace llmroute

#endif
