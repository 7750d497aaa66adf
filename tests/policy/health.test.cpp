// SPDX-License-Identifier: MIT
#include "llmroute/policy/health.hpp"

#include <cmath>

#include "../catch.hpp"

using llmroute::Duration;
using llmroute::Health;
using namespace std::chrono_literals;

TEST_CASE("a place has a cache line of its own") {
  STATIC_REQUIRE(sizeof(Health) == 64);
  STATIC_REQUIRE(alignof(Health) == 64);
}

TEST_CASE("what was never measured is zero, the first measure is taken as it is") {
  Health h;
  CHECK(h.latency_ms() == 0);
  h.measured(420ms);
  CHECK(h.latency_ms() == Approx(420));
}

TEST_CASE("about the last five measures count") {
  Health h;
  for (int i = 0; i < 50; ++i) h.measured(100ms);
  CHECK(h.latency_ms() == Approx(100));
  h.measured(200ms);
  CHECK(h.latency_ms() > 110);
  CHECK(h.latency_ms() < 150);
  for (int i = 0; i < 4; ++i) h.measured(200ms);
  CHECK(h.latency_ms() > 180);
  CHECK(h.latency_ms() < 200);
}

TEST_CASE("a measure of no time is still a measure") {
  Health h;
  h.measured(0ns);
  CHECK(h.latency_ms() > 0);
  h.measured(-5s);  // a clock that was wrong
  CHECK(h.latency_ms() > 0);
  h.measured(Duration::max());
  CHECK(std::isfinite(h.latency_ms()));
}

TEST_CASE("what was stopped early counts only where it is slower than what is known") {
  Health h;
  h.at_least(300ms);
  CHECK(h.latency_ms() == Approx(300));
  h.at_least(100ms);
  CHECK(h.latency_ms() == Approx(300));
  h.at_least(1s);
  CHECK(h.latency_ms() > 400);
  CHECK(h.latency_ms() < 1000);
}
