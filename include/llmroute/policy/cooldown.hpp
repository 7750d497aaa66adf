// SPDX-License-Identifier: MIT
// CooldownPolicy: who must rest, and until when? A policy's settings are a copyable aggregate; what it remembers of one place
// is its `State`, which the router makes and keeps.
//
// | expression                    | result           | when                                                               |
// |-------------------------------|------------------|--------------------------------------------------------------------|
// | `C::State`                    | type             | one a place, default-constructed, never moved                      |
// | `c.rest_until(state, now)`    | Time             | <= now: may be asked. Changes nothing                              |
// | `c.report(state, outcome, now)` | void           | once an attempt, but not for outcomes that say nothing             |
// | `C::Permit`                   | type             | optional, trivially copyable: counted admission                    |
// | `c.admit(state, now, need)`   | optional<Permit> | optional: nothing: not now. Without it whoever has rested is admitted |
// | `c.report(state, permit, outcome, now)` | void   | with `admit`: each permit comes back exactly once, with any outcome |
// | `c.rest_for(outcome)`         | Duration         | optional: how long a 429 rests that brought no hint; else 60 s     |
// | `c.release(state, now)`       | void             | optional: ends any rest, by hand: as if nothing had failed         |
// | `c.phase(state, now)`         | cooldown::Phase  | optional, for the status: closed, open or half-open. Changes nothing |
//
// A 429's own hint is not a matter of this role: the router keeps it for the whole quota group. So a rate limit and a dead
// provider are different things: the one rests as long as it said, and only the other is blamed.
//
// | available             | when to use                                                                                 |
// |-----------------------|---------------------------------------------------------------------------------------------|
// | `CircuitBreaker`      | nearly always: a row of failures or a share of them rests it, for 5 s and longer; the default |
// | `ConsecutiveFailures` | a rest shall be easy to foretell, or failures are to be counted within a minute             |
// | `Fixed`               | only rate limits shall rest anybody, or each failure at once                                |
// | `Off`                 | nothing shall rest but what its provider asked for                                          |
//
// Not provided: slowness as a failure, rests that several machines share.
#ifndef LLMROUTE_POLICY_COOLDOWN_HPP
#define LLMROUTE_POLICY_COOLDOWN_HPP

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "llmroute/failure.hpp"
#include "llmroute/policy/cooldown/phase.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

/// last_resort: everybody rests, and one probe may go early.
enum class Need : std::uint8_t { ordinary, last_resort };

template <class T>
concept CooldownPolicy = requires { typename T::State; } && std::default_initializable<typename T::State> &&
                         requires(const T& t, const typename T::State& seen, typename T::State& s, const Outcome& o, Time now) {
                           { t.rest_until(seen, now) } -> std::same_as<Time>;
                           t.report(s, o, now);
                         };

template <class T>
concept Admits = CooldownPolicy<T> && requires { typename T::Permit; } && std::is_trivially_copyable_v<typename T::Permit> &&
                 requires(const T& t, typename T::State& s, typename T::Permit p, const Outcome& o, Time now) {
                   { t.admit(s, now, Need::ordinary) } -> std::same_as<std::optional<typename T::Permit>>;
                   t.report(s, p, o, now);
                 };

template <class T>
concept RestsFor = requires(const T& t, const Outcome& o) {
  { t.rest_for(o) } -> std::convertible_to<Duration>;
};

template <class T>
concept Releases = CooldownPolicy<T> && requires(const T& t, typename T::State& s, Time now) { t.release(s, now); };

template <class T>
concept TellsPhase = CooldownPolicy<T> && requires(const T& t, const typename T::State& seen, Time now) {
  { t.phase(seen, now) } -> std::same_as<cooldown::Phase>;
};

namespace cooldown {

struct Off {
  struct State {};
  Time rest_until(const State&, Time now) const noexcept { return now; }
  void report(State&, const Outcome&, Time) const noexcept {}
  Duration rest_for(const Outcome&) const noexcept { return Duration::zero(); }
};

}  // namespace cooldown
}  // namespace llmroute

#include "llmroute/policy/cooldown/circuit_breaker.hpp"
#include "llmroute/policy/cooldown/consecutive_failures.hpp"
#include "llmroute/policy/cooldown/fixed.hpp"

#endif
