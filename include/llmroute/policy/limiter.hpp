// SPDX-License-Identifier: MIT
// How much of its limits an account has used: requests and tokens a minute, requests a day, calls at once.
#ifndef LLMROUTE_POLICY_LIMITER_HPP
#define LLMROUTE_POLICY_LIMITER_HPP

#include <atomic>
#include <chrono>
#include <cstdint>

#include "llmroute/policy/meter.hpp"
#include "llmroute/policy/told_limit.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/time.hpp"
#include "llmroute/wire/rate_limits.hpp"

namespace llmroute {

/// Of one provider, one quota group or one tenant. The limits are passed in: they may change, what was used stays. What is in
/// flight and what is reserved is counted without a limit too, so that it comes back right whatever was set meanwhile.
class alignas(64) Limiter {
 public:
  enum class Full : std::uint8_t { no, in_flight, requests, tokens, too_large };

  /// Room for one more that uses so many tokens? Takes it: one in flight, one request, and the tokens in reserve. A refusal
  /// has taken nothing. `too_large` goes before the others: waiting does not help it.
  Full take(const RateLimits& limits, std::int64_t tokens, Time now) noexcept {
    // Looked at first, so that who is refused holds nothing meanwhile that another could have had.
    const Refills refills(limits);
    if (const Full refusal = full(limits, refills, tokens, now); refusal != Full::no) return refusal;
    const std::int64_t count = counted_tokens(tokens);
    if (!enter(limits.in_flight)) return Full::in_flight;
    if (!per_minute_.take(refills.minute, 1, now)) return leave(), Full::requests;
    if (!per_day_.take(refills.day, 1, now)) {
      per_minute_.give_back(refills.minute, 1, now, now);
      return leave(), Full::requests;
    }
    if (!tokens_.take(refills.tokens, count, now)) {
      per_minute_.give_back(refills.minute, 1, now, now);
      per_day_.give_back(refills.day, 1, now, now);
      return leave(), Full::tokens;
    }
    told_requests_.take(1, now);
    told_tokens_.take(count, now);
    return Full::no;
  }
  /// What `take` would say.
  Full full(const RateLimits& limits, std::int64_t tokens, Time now) const noexcept {
    return full(limits, Refills(limits), tokens, now);
  }
  /// When there is room, as far as time alone decides; `never`: not at all. What is in flight ends nobody knows when: where it
  /// alone is in the way, in number or by its tokens, that is `now`, though `full` says otherwise. `if_all_comes_back`: at the
  /// earliest, because reserves are seldom used up.
  Time free_at(const RateLimits& limits, std::int64_t tokens, Time now, bool if_all_comes_back = false) const noexcept {
    const Refills refills(limits);
    if (refills.too_large(limits, tokens)) return never;
    return latest(tokens_.free_at(refills.tokens, counted_tokens(tokens), now, if_all_comes_back),
                  latest(per_minute_.free_at(refills.minute, 1, now), per_day_.free_at(refills.day, 1, now)));
  }
  /// It is over: no longer in flight, and the reserve, as many tokens as were taken, becomes what was used.
  void settle(const RateLimits& limits, std::int64_t reserved, std::int64_t used, Time now) noexcept {
    tokens_.settle(Refill(limits.tokens_per_minute, minute), counted_tokens(reserved), counted_tokens(used), now);
    leave();
  }
  /// Nothing was sent after all, though it was taken then. What has refilled since is not given back a second time.
  void give_back(const RateLimits& limits, std::int64_t reserved, Time taken, Time now) noexcept {
    const Refills refills(limits);
    per_minute_.give_back(refills.minute, 1, taken, now);
    per_day_.give_back(refills.day, 1, taken, now);
    told_requests_.give_back(1, now);
    told_tokens_.give_back(counted_tokens(reserved), now);
    settle(limits, reserved, 0, now);
  }
  /// The same for what was taken just now.
  void give_back(const RateLimits& limits, std::int64_t reserved, Time now) noexcept { give_back(limits, reserved, now, now); }

  /// What an answer's fields said. Where it is a configured limit that they tell of, no more is left of that than they say;
  /// else it is remembered, and counts in `headroom` alone.
  void told(const RateLimits& limits, const http::LimitReport& report, Time now) noexcept {
    const Refills refills(limits);
    if (ToldLimit::makes_sense(report.requests)) {
      if (same(report.requests, limits.requests_per_minute, minute)) {
        per_minute_.at_most(refills.minute, *report.requests.remaining, now);
        told_requests_.forget();
      } else if (same(report.requests, limits.requests_per_day, day)) {
        per_day_.at_most(refills.day, *report.requests.remaining, now);
        told_requests_.forget();
      } else {
        told_requests_.told(report.requests, now);
      }
    }
    if (ToldLimit::makes_sense(report.tokens)) {
      if (same(report.tokens, limits.tokens_per_minute, minute)) {
        tokens_.at_most(refills.tokens, *report.tokens.remaining, now);
        told_tokens_.forget();
      } else {
        told_tokens_.told(report.tokens, now);
      }
    }
  }
  /// The least share that would be left of any limit once it has taken a request of so many tokens, from 0 to 1; 1: none is known.
  double headroom(const RateLimits& limits, std::int64_t tokens, Time now) const noexcept {
    return least_left(limits, 1, tokens, now);
  }
  /// The same as it is now.
  double left(const RateLimits& limits, Time now) const noexcept { return least_left(limits, 0, 0, now); }

  int in_flight() const noexcept { return in_flight_.load(std::memory_order_acquire); }
  std::int64_t reserved_tokens() const noexcept { return tokens_.reserved(); }

 private:
  static constexpr Duration minute = std::chrono::minutes(1), day = std::chrono::hours(24);

  double least_left(const RateLimits& limits, int requests, std::int64_t tokens, Time now) const noexcept {
    const Refills refills(limits);
    const std::int64_t count = counted_tokens(tokens);
    double least = 1;
    const auto consider = [&least](double share) { least = share < least ? share : least; };
    if (limits.in_flight > 0) {
      const double share = 1 - (static_cast<double>(in_flight()) + requests) / limits.in_flight;
      consider(share > 0 ? share : 0);
    }
    consider(per_minute_.left(refills.minute, requests, now));
    consider(per_day_.left(refills.day, requests, now));
    consider(tokens_.left(refills.tokens, count, now));
    consider(told_requests_.left(requests, now));
    consider(told_tokens_.left(count, now));
    return least;
  }
  struct Refills {
    Refill minute, day, tokens;
    explicit Refills(const RateLimits& limits) noexcept
        : minute(limits.requests_per_minute, Limiter::minute), day(limits.requests_per_day, Limiter::day),
          tokens(limits.tokens_per_minute, Limiter::minute) {}
    // A limit below 1 lets one through.
    bool too_large(const RateLimits& limits, std::int64_t count) const noexcept {
      return tokens.limits() && count > 1 && static_cast<double>(count) > limits.tokens_per_minute;
    }
  };

  Full full(const RateLimits& limits, const Refills& refills, std::int64_t tokens, Time now) const noexcept {
    if (refills.too_large(limits, tokens)) return Full::too_large;
    if (limits.in_flight > 0 && in_flight() >= limits.in_flight) return Full::in_flight;
    if (!per_minute_.has_room(refills.minute, 1, now)) return Full::requests;
    if (!per_day_.has_room(refills.day, 1, now)) return Full::requests;
    return tokens_.has_room(refills.tokens, counted_tokens(tokens), now) ? Full::no : Full::tokens;
  }
  static bool same(const http::Meter& told, double limit, Duration period) noexcept {
    if (!told.limit || !(limit > 0) || (told.period > Duration::zero() && told.period != period)) return false;
    const double apart = *told.limit - limit;
    return (apart < 0 ? -apart : apart) <= limit * 0.01;
  }

  bool enter(int limit) noexcept {
    int now_in = in_flight();
    do {
      if (limit > 0 && now_in >= limit) return false;
    } while (!in_flight_.compare_exchange_weak(now_in, now_in + 1, std::memory_order_acq_rel));
    return true;
  }
  void leave() noexcept { in_flight_.fetch_sub(1, std::memory_order_acq_rel); }

  std::atomic<int> in_flight_{0};
  Meter per_minute_{}, per_day_{};
  ReservingMeter tokens_{};
  ToldLimit told_requests_{}, told_tokens_{};
};
static_assert(sizeof(Limiter) <= 128, "two cache lines an account");

}  // namespace llmroute

#endif
