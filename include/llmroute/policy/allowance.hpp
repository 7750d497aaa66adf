// SPDX-License-Identifier: MIT
// What is left of what a provider gives away each day. One account's, kept by the router; while something is left, estimates
// and costs are zero.
#ifndef LLMROUTE_POLICY_ALLOWANCE_HPP
#define LLMROUTE_POLICY_ALLOWANCE_HPP

#include <atomic>
#include <chrono>
#include <cstdint>

#include "llmroute/provider.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

/// For a provider that gives something away. A day begins with its first request and lasts 24 hours: vendors' own days begin
/// at hours that they do not tell.
class Allowance {
 public:
  bool left(const FreeAllowance& given, Time now) const noexcept {
    if (day_is_over(now)) return true;
    return within(given.requests_per_day, requests_.load(std::memory_order_relaxed)) &&
           within(given.tokens_per_day, tokens_.load(std::memory_order_relaxed));
  }
  /// Counts a request that is sent now. True: it is free.
  bool take(const FreeAllowance& given, Time now) noexcept {
    std::int64_t began = began_.load(std::memory_order_acquire);
    const std::int64_t requests = requests_.load(std::memory_order_relaxed), tokens = tokens_.load(std::memory_order_relaxed);
    if (day_is_over(now) && began_.compare_exchange_strong(began, now.time_since_epoch().count(), std::memory_order_release)) {
      requests_.fetch_sub(requests, std::memory_order_relaxed);  // what others count meanwhile is of the new day
      tokens_.fetch_sub(tokens, std::memory_order_relaxed);
    }
    return within(given.requests_per_day, requests_.fetch_add(1, std::memory_order_relaxed)) &&
           within(given.tokens_per_day, tokens_.load(std::memory_order_relaxed));
  }
  /// The request was not sent after all.
  void give_back() noexcept { requests_.fetch_sub(1, std::memory_order_relaxed); }
  void used(std::int64_t tokens) noexcept { tokens_.fetch_add(tokens, std::memory_order_relaxed); }

 private:
  static bool within(double limit, std::int64_t so_far) noexcept {  // one that is not set limits nothing
    return limit <= 0 || static_cast<double>(so_far) < limit;
  }
  bool day_is_over(Time now) const noexcept {
    return later(Time(Duration(began_.load(std::memory_order_relaxed))), std::chrono::hours(24)) <= now;
  }

  std::atomic<std::int64_t> began_{long_ago.time_since_epoch().count()};
  std::atomic<std::int64_t> requests_{0}, tokens_{0};
};

}  // namespace llmroute

#endif
