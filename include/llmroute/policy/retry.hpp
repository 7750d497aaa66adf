// SPDX-License-Identifier: MIT
// RetryPolicy: everybody was asked once; is another round worth it, and after how long?
//
// | expression                   | result             | when                                                       |
// |------------------------------|--------------------|------------------------------------------------------------|
// | `p.retry_after(last, query)` | optional<Duration> | after the last open candidate failed; nothing: no more     |
//
// A server's own hint is a rest and is waited for anyway, so it is not repeated here.
#ifndef LLMROUTE_POLICY_RETRY_HPP
#define LLMROUTE_POLICY_RETRY_HPP

#include <chrono>
#include <concepts>
#include <optional>

#include "llmroute/failure.hpp"
#include "llmroute/policy/query.hpp"

namespace llmroute {

template <class T>
concept RetryPolicy = requires(const T& t, const Outcome& last, const Query& q) {
  { t.retry_after(last, q) } -> std::same_as<std::optional<Duration>>;
};

namespace retry {

struct Off {
  std::optional<Duration> retry_after(const Outcome&, const Query&) const noexcept { return std::nullopt; }
};

/// Full jitter: anywhere between nothing and a bound that doubles with each attempt.
struct Backoff {
  Duration first = std::chrono::milliseconds(500);
  Duration most = std::chrono::seconds(8);
  Duration patience = std::chrono::seconds(120);  ///< a hint beyond it is not worth waiting for

  std::optional<Duration> retry_after(const Outcome& last, const Query& q) const noexcept {
    if (!last.failed() || about(last.kind).onward != Onward::next || last.retry_after > patience) return std::nullopt;
    Duration bound = first;
    for (int i = 1; i < q.attempt && bound < most; ++i) bound = bound > most / 2 ? most : bound * 2;
    const double share = unit(mix(q.seed, 0xB0FFu + q.attempt));
    return Duration(static_cast<std::int64_t>(static_cast<double>(shorter(bound, most).count()) * share));
  }
};

}  // namespace retry
}  // namespace llmroute

#endif
