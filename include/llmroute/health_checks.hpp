// SPDX-License-Identifier: MIT
// Small requests that find out who is well before a user does. A fleet holds the settings, and a timer of the program's own
// calls `router.poll(now)`.
#ifndef LLMROUTE_HEALTH_CHECKS_HPP
#define LLMROUTE_HEALTH_CHECKS_HPP

#include <chrono>
#include <cstdint>
#include <string>

#include "llmroute/time.hpp"

namespace llmroute {

/// Each provider is asked for its default model, and only if nothing was heard of it for a while: an answer that a user got is as
/// good as a check. What comes of it counts like any request's: for the CooldownPolicy, for rankings that measure, for budgets.
struct HealthChecks {
  Duration every = std::chrono::seconds(60);  ///< after it was heard of
  Duration again = std::chrono::seconds(5);   ///< after it failed, until it rests; then at the end of the rest
  Duration timeout = std::chrono::seconds(5);
  std::string prompt = "Hi";
  std::int64_t max_tokens = 1;

  /// As requests and observers call them.
  static constexpr const char* category = "health check";

  /// The first field that makes no sense, and why; null: all are fine.
  const char* problem() const noexcept {
    if (every <= Duration::zero()) return "every is not positive";
    if (again <= Duration::zero()) return "again is not positive";
    if (timeout <= Duration::zero()) return "timeout is not positive";
    if (prompt.empty()) return "prompt is empty";
    if (max_tokens < 1) return "max_tokens is less than 1";
    return nullptr;
  }
};

}  // namespace llmroute

#endif
