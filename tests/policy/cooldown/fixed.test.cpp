// SPDX-License-Identifier: MIT
// The fixed rest: what it answers after a rate limit, and what it does with failures when it is told to.
#include "llmroute/policy/cooldown/fixed.hpp"

#include <chrono>

#include "catch.hpp"
#include "llmroute/policy/cooldown.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

constexpr Time at(Duration d) { return Time{} + d; }
constexpr Outcome failed(Kind k) { return {.ending = Ending::failed, .kind = k}; }
constexpr Outcome won{.ending = Ending::won};

}  // namespace

static_assert(CooldownPolicy<cooldown::Fixed>);
static_assert(!Admits<cooldown::Fixed>);
static_assert(Releases<cooldown::Fixed> && !TellsPhase<cooldown::Fixed>);
static_assert(sizeof(cooldown::Fixed::State) == 8);

TEST_CASE("a rate limit without a hint rests 60 s unless another rest is set") {
  CHECK(cooldown::Fixed{}.rest_for(failed(Kind::rate_limited)) == 60s);
  CHECK(cooldown::Fixed{.rest = 5s}.rest_for(failed(Kind::rate_limited)) == 5s);
  CHECK(cooldown::Fixed{.rest = -5s}.rest_for(failed(Kind::rate_limited)) == 0s);
}

TEST_CASE("a used-up quota rests at least a quarter of an hour") {
  CHECK(cooldown::Fixed{}.rest_for(failed(Kind::quota_exhausted)) == 15min);
  CHECK(cooldown::Fixed{.rest = 1h}.rest_for(failed(Kind::quota_exhausted)) == 1h);
}

TEST_CASE("no failure rests a place unless that is asked for") {
  const cooldown::Fixed policy;
  cooldown::Fixed::State state;
  for (int i = 0; i < 10; ++i) policy.report(state, failed(Kind::server_error), at(1s));
  CHECK(policy.rest_until(state, at(1s)) == at(1s));
  CHECK(Time(Duration(state.until.load())) == Time::min());
}

TEST_CASE("a blamed failure rests its place for the time that is asked for") {
  const cooldown::Fixed policy{.after_failure = 10s};
  cooldown::Fixed::State state;
  CHECK(policy.rest_until(state, at(-5s)) == at(-5s));

  SECTION("from the failure on") {
    policy.report(state, failed(Kind::timed_out), at(1s));
    CHECK(policy.rest_until(state, at(1s)) == at(11s));
    CHECK(policy.rest_until(state, at(10'999ms)) == at(11s));
    CHECK(policy.rest_until(state, at(11s)) == at(11s));
    CHECK(policy.rest_until(state, at(12s)) == at(12s));
  }
  SECTION("and the late report of an earlier failure does not shorten it") {
    policy.report(state, failed(Kind::timed_out), at(5s));
    policy.report(state, failed(Kind::timed_out), at(1s));
    CHECK(policy.rest_until(state, at(5s)) == at(15s));
  }
  SECTION("a success, a rate limit, and the caller's own mistakes do nothing") {
    policy.report(state, won, at(1s));
    policy.report(state, failed(Kind::rate_limited), at(1s));
    policy.report(state, failed(Kind::unauthorized), at(1s));
    policy.report(state, failed(Kind::request_invalid), at(1s));
    policy.report(state, {.ending = Ending::cancelled, .kind = Kind::server_error}, at(1s));
    CHECK(policy.rest_until(state, at(1s)) == at(1s));
  }
}

TEST_CASE("a fixed rest ends when it is released by hand, and the next failure rests anew") {
  const cooldown::Fixed policy{.after_failure = Duration::max()};
  cooldown::Fixed::State state;
  policy.report(state, failed(Kind::timed_out), at(1h));
  policy.release(state, at(1h));
  CHECK(policy.rest_until(state, at(1h)) == at(1h));
  policy.report(state, failed(Kind::timed_out), at(1h));
  CHECK(policy.rest_until(state, at(1h)) == never);
}

TEST_CASE("an endless rest neither wraps round nor ends") {
  const cooldown::Fixed policy{.after_failure = Duration::max()};
  cooldown::Fixed::State state;
  policy.report(state, failed(Kind::timed_out), at(1h));
  CHECK(policy.rest_until(state, at(1h)) == never);
}
