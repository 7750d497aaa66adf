// SPDX-License-Identifier: MIT
// How much of something may be used: by a provider's account, by several providers that share one, and by a tenant. A fleet
// holds them, and the router keeps them under any concurrency.
#ifndef LLMROUTE_LIMITS_HPP
#define LLMROUTE_LIMITS_HPP

#include <string>
#include <vector>

namespace llmroute {

/// 0: no limit is known. What is a minute's may be used at once, and comes back evenly.
struct RateLimits {
  double requests_per_minute = 0;
  double tokens_per_minute = 0;  ///< of prompt and completion: estimated before a request is sent, counted when it has ended
  double requests_per_day = 0;
  int in_flight = 0;  ///< at once

  constexpr bool any() const noexcept {
    return requests_per_minute > 0 || tokens_per_minute > 0 || requests_per_day > 0 || in_flight > 0;
  }
  /// The first that is no limit, by its name; null: all are fine.
  constexpr const char* problem() const noexcept {
    constexpr auto fine = [](double d) { return d >= 0 && d <= 1e15; };  // false for NaN too
    if (!fine(requests_per_minute)) return "requests_per_minute";
    if (!fine(tokens_per_minute)) return "tokens_per_minute";
    if (!fine(requests_per_day)) return "requests_per_day";
    if (in_flight < 0) return "in_flight";
    return nullptr;
  }
};

inline constexpr RateLimits no_limits{};

/// The account that the providers share that name it as their `quota_group`.
struct QuotaGroup {
  std::string name{};
  RateLimits limits{};
};

/// Somebody whom the router works for; requests name it in `Options::tenant`.
struct Tenant {
  std::string name{};                    ///< "*": all whom the fleet does not list, together
  RateLimits limits{};                   ///< of its requests, however many attempts they take
  std::vector<std::string> providers{};  ///< that it may use, by name or by tag; empty: all
};

}  // namespace llmroute

#endif
