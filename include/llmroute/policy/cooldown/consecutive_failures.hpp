// SPDX-License-Identifier: MIT
// The count that most people write first: a place that failed so many times rests for a while, and is then asked again like
// any other.
//
// When to use: where a rest shall be easy to foretell: three failures in a row rest for a minute; or, with `within`, three
// failures within the last minute, however much succeeded between them, which catches what fails every other time.
// Not provided: a half-open state in which a few probes find out whether all is well, which is what CircuitBreaker does, and
// growing rests. All requests that come at the end of a rest ask the place at once.
//
// | counts        | what happens                                     | to                                                 |
// |---------------|--------------------------------------------------|----------------------------------------------------|
// | in a row      | `failures` blamed failures; a success resets     | rests, `after_failure` from the latest failure on  |
// | in a row      | rests, and a success is reported all the same    | well, and the count begins at nothing              |
// | in a row      | the rest is over, and it fails once more         | rests again; a success resets                      |
// | with `within` | `failures` of them are younger than `within`     | rests until fewer are, whatever succeeds           |
// | both          | a rate limit, a cancellation, what blames nobody | as it was                                          |
// | both          | everybody rests                                  | still rests, but one probe may go early            |
// | both          | it is out, and does not report for so long       | another may go after `probe_expires`               |
// | both          | `release`                                        | well, and the count begins at nothing              |
//
// It counts results as they come: one of an attempt that was sent before the rest counts like any other.
#ifndef LLMROUTE_POLICY_COOLDOWN_CONSECUTIVE_FAILURES_HPP
#define LLMROUTE_POLICY_COOLDOWN_CONSECUTIVE_FAILURES_HPP

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "llmroute/failure.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

enum class Need : std::uint8_t;  // its words are in policy/cooldown.hpp, the door to here; Need{} is the ordinary one

namespace cooldown {

struct ConsecutiveFailures {
  int failures = 3;                                   ///< 1 to 16
  Duration within = Duration::zero();                 ///< zero, or less: in a row; else so many within this time
  Duration after_failure = std::chrono::seconds(60);  ///< in a row: the rest after the latest one; less than zero is zero
  Duration probe_expires = std::chrono::seconds(60);  ///< for an early probe that never reports; at least 1 ms
  Duration rest = std::chrono::seconds(60);           ///< after a 429 without a hint, of the whole quota group

  struct State {
    struct Instant {
      std::atomic<std::int64_t> at{long_ago.time_since_epoch().count()};
    };
    std::array<Instant, 16> failed{};  ///< the latest failures, in no order; `long_ago`: there was none
    std::atomic<std::uint64_t> in_a_row{0};
    std::atomic<std::int64_t> probe{long_ago.time_since_epoch().count()};  ///< odd: one is out, and expires then
  };
  struct Permit {
    std::int64_t probe = 0;  ///< odd: an early probe, like no other one before it
  };

  Time rest_until(const State& s, Time now) const noexcept {
    if (counts_in_a_row() && s.in_a_row.load(std::memory_order_acquire) < most()) return now;
    const std::int64_t oldest = oldest_of(s).at;
    if (oldest == unset) return now;
    const Time until = later(time(oldest), counts_in_a_row() ? longer(after_failure, Duration::zero()) : within);
    return until > now ? until : now;
  }

  std::optional<Permit> admit(State& s, Time now, Need need) const noexcept {
    if (rest_until(s, now) <= now) return Permit{};
    if (need == Need{}) return std::nullopt;
    const Time expiry = later(now, longer(std::chrono::milliseconds(1), probe_expires));
    std::int64_t old = s.probe.load(std::memory_order_relaxed);
    for (;;) {
      if (is_probe(old) && time(old) > now) return std::nullopt;
      // Beyond all that were before, so that a permit that expired gives nobody else's back.
      const Time mine = longest(expiry - Duration(1), later(time(old), Duration(2)));
      const Permit permit{mine.time_since_epoch().count() | 1};
      if (s.probe.compare_exchange_weak(old, permit.probe, std::memory_order_relaxed)) return permit;
    }
  }

  /// For attempts that nobody admitted.
  void report(State& s, const Outcome& o, Time now) const noexcept { report(s, Permit{}, o, now); }

  void report(State& s, Permit p, const Outcome& o, Time now) const noexcept {
    if (o.ok()) {
      s.in_a_row.store(0, std::memory_order_relaxed);
    } else if (o.blame() == Blame::failure) {
      keep(s, now);
      s.in_a_row.fetch_add(1, std::memory_order_release);  // whoever sees the count sees the time too
    }
    if (is_probe(p.probe)) s.probe.compare_exchange_strong(p.probe, p.probe - 1, std::memory_order_relaxed);
  }

  /// Forgets all failures. A probe that is out gives nothing back any more.
  void release(State& s, Time) const noexcept {
    for (auto& f : s.failed) f.at.store(unset, std::memory_order_relaxed);
    s.in_a_row.store(0, std::memory_order_relaxed);
    std::int64_t probe = s.probe.load(std::memory_order_relaxed);
    while (is_probe(probe) && !s.probe.compare_exchange_weak(probe, probe - 1, std::memory_order_relaxed)) {
    }
  }

  /// A quota that is used up does not come back within a minute.
  Duration rest_for(const Outcome& o) const noexcept {
    const Duration plain = longer(rest, Duration::zero());
    return o.kind == Kind::quota_exhausted ? longer(plain, std::chrono::minutes(15)) : plain;
  }

 private:
  static constexpr std::int64_t unset = long_ago.time_since_epoch().count();

  struct Oldest {
    std::size_t position = 0;
    std::int64_t at = unset;
  };

  static constexpr Time time(std::int64_t at) noexcept { return Time(Duration(at)); }
  static constexpr Time longest(Time a, Time b) noexcept { return a < b ? b : a; }
  static constexpr bool is_probe(std::int64_t permit) noexcept { return (permit & 1) != 0; }
  constexpr bool counts_in_a_row() const noexcept { return within <= Duration::zero(); }
  constexpr unsigned most() const noexcept { return failures < 1 ? 1u : failures > 16 ? 16u : static_cast<unsigned>(failures); }
  // In a row only the latest failure's time matters; else that of the last one that makes them too many.
  constexpr std::size_t kept() const noexcept { return counts_in_a_row() ? 1 : most(); }

  Oldest oldest_of(const State& s) const noexcept {
    Oldest oldest{0, s.failed[0].at.load(std::memory_order_relaxed)};
    for (std::size_t i = 1; i < kept(); ++i)
      if (const std::int64_t at = s.failed[i].at.load(std::memory_order_relaxed); at < oldest.at) oldest = {i, at};
    return oldest;
  }
  // Times only grow, so what was the oldest when it was looked at is the oldest as long as it has not changed.
  void keep(State& s, Time now) const noexcept {
    const std::int64_t at = longest(now, time(unset + 1)).time_since_epoch().count();
    for (;;) {
      Oldest oldest = oldest_of(s);
      if (oldest.at >= at) return;
      if (s.failed[oldest.position].at.compare_exchange_weak(oldest.at, at, std::memory_order_relaxed)) return;
    }
  }
};

}  // namespace cooldown
}  // namespace llmroute

#endif
