// SPDX-License-Identifier: MIT
// RetryPolicy: everybody was asked once; is another round worth it, and after how long?
//
// | expression                   | result             | when                                                       |
// |------------------------------|--------------------|------------------------------------------------------------|
// | `p.retry_after(last, query)` | optional<Duration> | after the last open candidate failed; nothing: no more     |
// | `p.patience`                 | Duration           | optional: the longest wait before another round, rests included |
// | `p.again(kind)`              | optional<int>      | optional: how often one provider is asked again after such a failure |
//
// | available | when to use                                                                                              |
// |-----------|-----------------------------------------------------------------------------------------------------------|
// | `Backoff` | nearly always: full jitter, counts by kind, no wait beyond two minutes; the default                        |
// | `Off`     | nobody is asked twice: fail over, and then fail                                                            |
//
// `last` is the request's last failure that may pass, where there is one: another provider's, if need be.
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

/// It says how long the wait before another round may be, rests included.
template <class T>
concept Patient = requires(const T& t) {
  { t.patience } -> std::convertible_to<Duration>;
};

template <class T>
concept CountsRetries = requires(const T& t, Kind k) {
  { t.again(k) } -> std::same_as<std::optional<int>>;
};

namespace retry {

/// How often a failure of each kind may be asked again at the same provider; not set: as often as the request has attempts.
struct Counts {
  std::optional<int> server_error{}, timed_out{}, overloaded{}, rate_limited{}, not_sent{}, malformed_reply{};

  constexpr std::optional<int> of(Kind k) const noexcept {
    switch (k) {
      case Kind::not_sent: return not_sent;
      case Kind::timed_out: return timed_out;
      case Kind::rate_limited:
      case Kind::quota_exhausted: return rate_limited;
      case Kind::overloaded: return overloaded;
      case Kind::server_error: return server_error;
      case Kind::malformed_reply: return malformed_reply;
      default: return std::nullopt;
    }
  }
};

struct Off {
  std::optional<Duration> retry_after(const Outcome&, const Query&) const noexcept { return std::nullopt; }
};

/// Full jitter: anywhere between nothing and a bound that doubles with each attempt.
struct Backoff {
  Duration first = std::chrono::milliseconds(500);
  Duration most = std::chrono::seconds(8);
  Duration patience = std::chrono::seconds(120);  ///< no rest that ends later is waited for
  Counts times{};

  std::optional<Duration> retry_after(const Outcome& last, const Query& q) const noexcept {
    const bool may_pass = about(last.kind).onward == Onward::next || last.should_retry.value_or(false);
    if (!last.failed() || !may_pass) return std::nullopt;
    Duration bound = first;
    for (int i = 1; i < q.attempt && bound < most; ++i) bound = bound > most / 2 ? most : bound * 2;
    const double share = unit(mix(q.seed, 0xB0FFu + q.attempt));
    return Duration(static_cast<std::int64_t>(static_cast<double>(shorter(bound, most).count()) * share));
  }
  std::optional<int> again(Kind k) const noexcept { return times.of(k); }
};

}  // namespace retry
}  // namespace llmroute

#endif
