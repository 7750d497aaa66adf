// SPDX-License-Identifier: MIT
#include "llmroute/policy/allowance.hpp"

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

TEST_CASE("requests and tokens both count, and what is not limited limits nothing") {
  Allowance a;
  const FreeAllowance both{.requests_per_day = 3, .tokens_per_day = 100};
  CHECK(a.left(both, Time{}));
  CHECK(a.take(both, Time{}));
  a.used(99);
  CHECK(a.take(both, Time{}));
  a.used(1);
  CHECK_FALSE(a.left(both, Time{}));
  CHECK_FALSE(a.take(both, Time{}));
  CHECK_FALSE(a.left({.requests_per_day = 3}, Time{}));
  CHECK(a.left({.requests_per_day = 4}, Time{}));
}

TEST_CASE("a day lasts 24 hours from its first request") {
  Allowance a;
  const FreeAllowance one{.requests_per_day = 1};
  const Time noon = Time{} + 12h;
  CHECK(a.take(one, noon));
  CHECK_FALSE(a.left(one, noon + 24h - 1ns));
  CHECK(a.left(one, noon + 24h));
  CHECK(a.take(one, noon + 30h));
  CHECK_FALSE(a.left(one, noon + 53h));
  CHECK(a.left(one, noon + 54h));
}

TEST_CASE("what was not sent after all is given back") {
  Allowance a;
  const FreeAllowance one{.requests_per_day = 1};
  CHECK(a.take(one, Time{}));
  a.give_back();
  CHECK(a.left(one, Time{}));
}
