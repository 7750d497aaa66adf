// SPDX-License-Identifier: MIT
#include "llmroute/policy/limiter.hpp"

#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using Full = Limiter::Full;

namespace {

constexpr Time start = Time{} + 1000h;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

static_assert(sizeof(Limiter) == 128 && alignof(Limiter) == 64);
static_assert(noexcept(std::declval<Limiter&>().take(std::declval<const RateLimits&>(), 0, start)));
static_assert(noexcept(std::declval<Limiter&>().told(std::declval<const RateLimits&>(), std::declval<http::LimitReport&>(),
                                                     start)));

int takes_until_full(Limiter& limiter, const RateLimits& limits, std::int64_t tokens, Time now) {
  int taken = 0;
  while (taken < 1000 && limiter.take(limits, tokens, now) == Full::no) ++taken;
  return taken;
}
http::LimitReport requests_left(double limit, double remaining) {
  return {.requests = {.limit = limit, .remaining = remaining}};
}
http::LimitReport tokens_left(double limit, double remaining) { return {.tokens = {.limit = limit, .remaining = remaining}}; }

}  // namespace

TEST_CASE("each limit refuses by its own name, the tenth of ten is allowed") {
  struct Row {
    RateLimits limits;
    Full full;
  };
  const Row rows[]{
      {{.requests_per_minute = 10}, Full::requests},
      {{.requests_per_day = 10}, Full::requests},
      {{.tokens_per_minute = 1000}, Full::tokens},
      {{.in_flight = 10}, Full::in_flight},
      {{.requests_per_minute = 10, .tokens_per_minute = 1000, .requests_per_day = 10, .in_flight = 10}, Full::in_flight},
      {{.requests_per_minute = 10, .tokens_per_minute = 1000, .requests_per_day = 10}, Full::requests}};
  for (const Row& row : rows) {
    Limiter limiter;
    for (int i = 0; i < 10; ++i) {
      CHECK(limiter.full(row.limits, 100, start) == Full::no);
      CHECK(limiter.take(row.limits, 100, start) == Full::no);
    }
    CHECK(limiter.full(row.limits, 100, start) == row.full);
    CHECK(limiter.take(row.limits, 100, start) == row.full);
    CHECK(limiter.in_flight() == 10);
    CHECK(limiter.reserved_tokens() == 1000);
    CHECK(limiter.headroom(row.limits, 100, start) == 0);
  }
}

TEST_CASE("without limits nothing is full, and it is counted all the same") {
  Limiter limiter;
  CHECK(takes_until_full(limiter, {}, 1'000'000, start) == 1000);
  CHECK(limiter.headroom({}, 1'000'000, start) == 1);
  CHECK(limiter.free_at({}, 1'000'000, start) == start);
  CHECK(limiter.in_flight() == 1000);
  CHECK(limiter.full({.in_flight = 1000}, 1, start) == Full::in_flight);
  CHECK(limiter.full({.tokens_per_minute = 1e9}, 1, start) == Full::tokens);
  for (int i = 0; i < 1000; ++i) limiter.settle({}, 1'000'000, 5, start);
  CHECK(limiter.in_flight() == 0);
  CHECK(limiter.reserved_tokens() == 0);
}

TEST_CASE("a refusal has taken nothing") {
  Limiter limiter;
  const RateLimits wide{.requests_per_minute = 20, .tokens_per_minute = 1000, .requests_per_day = 20, .in_flight = 20};
  CHECK(limiter.take(wide, 900, start) == Full::no);
  for (int i = 0; i < 50; ++i) CHECK(limiter.take(wide, 200, start) == Full::tokens);
  CHECK(limiter.in_flight() == 1);
  CHECK(limiter.reserved_tokens() == 900);
  CHECK(takes_until_full(limiter, wide, 1, start) == 19);

  Limiter by_day;
  const RateLimits few_a_day{.requests_per_minute = 20, .requests_per_day = 2};
  CHECK(takes_until_full(by_day, few_a_day, 1, start) == 2);
  for (int i = 0; i < 50; ++i) CHECK(by_day.take(few_a_day, 1, start) == Full::requests);
  CHECK(takes_until_full(by_day, {.requests_per_minute = 20}, 1, start) == 18);
}

TEST_CASE("what is larger than a minute's tokens never fits, and says so before all else") {
  Limiter limiter;
  const RateLimits limits{.tokens_per_minute = 1000, .in_flight = 1};
  CHECK(limiter.take(limits, 1001, start) == Full::too_large);
  CHECK(limiter.free_at(limits, 1001, start) == never);
  CHECK(limiter.take(limits, 1000, start) == Full::no);
  CHECK(limiter.take(limits, 1001, start) == Full::too_large);
  CHECK(limiter.take(limits, std::numeric_limits<std::int64_t>::max(), start) == Full::too_large);
}

TEST_CASE("room comes back when time says, or when something ends") {
  const RateLimits limits{.requests_per_minute = 2, .tokens_per_minute = 600, .requests_per_day = 3, .in_flight = 3};
  Limiter limiter;
  CHECK(limiter.take(limits, 300, start) == Full::no);
  CHECK(limiter.take(limits, 100, start) == Full::no);
  CHECK(limiter.full(limits, 100, start) == Full::requests);
  CHECK(limiter.free_at(limits, 100, start) == start + 30s);
  CHECK(limiter.take(limits, 100, start + 30s - 1ns) == Full::requests);
  CHECK(limiter.full(limits, 300, start + 30s) == Full::tokens);
  CHECK(limiter.free_at(limits, 300, start + 30s) == start + 30s);
  CHECK(limiter.take(limits, 200, start + 30s) == Full::no);
  CHECK(limiter.full(limits, 0, start + 2h) == Full::in_flight);
  limiter.settle(limits, 300, 300, start + 2h);
  CHECK(limiter.full(limits, 1, start + 2h) == Full::requests);
  CHECK(limiter.free_at(limits, 1, start + 2h) == start + 8h);
  CHECK(limiter.full(limits, 300, start + 8h) == Full::no);
  CHECK(limiter.full(limits, 301, start + 8h) == Full::tokens);
}

TEST_CASE("what was not sent after all comes back, the request too") {
  const RateLimits limits{.requests_per_minute = 10, .tokens_per_minute = 1000, .requests_per_day = 10, .in_flight = 10};
  Limiter limiter;
  CHECK(takes_until_full(limiter, limits, 100, start) == 10);
  limiter.give_back(limits, 100, start);
  CHECK(limiter.in_flight() == 9);
  CHECK(limiter.full(limits, 101, start) == Full::tokens);
  CHECK(takes_until_full(limiter, limits, 100, start) == 1);
  limiter.give_back(limits, 100, start, start + 1s);
  CHECK(takes_until_full(limiter, limits, 100, start + 1s) == 1);
  limiter.give_back(limits, 100, start, start + 2min);  // by then the minute's has refilled by itself
  CHECK(takes_until_full(limiter, {.requests_per_minute = 10}, 0, start + 2min) == 10);
  CHECK(limiter.free_at({.requests_per_day = 10}, 0, start + 2min) ==
        start + 2min + 1s);  // at worst what time has passed is lost
}

TEST_CASE("counts return to zero whatever the limits were meanwhile") {
  const std::uint32_t seed = tests::seed();
  INFO("seed " << seed);
  std::mt19937 draws(seed);
  const RateLimits various[]{
      {},
      {.in_flight = 3},
      {.tokens_per_minute = 500},
      {.requests_per_minute = 2, .tokens_per_minute = 100'000, .requests_per_day = 50, .in_flight = 7},
      {.requests_per_minute = 0.5, .tokens_per_minute = 0.5},
      {.requests_per_minute = not_a_number, .tokens_per_minute = not_a_number, .requests_per_day = -1, .in_flight = -1}};
  const std::int64_t amounts[]{
      0, 1, 77, 5000, -3, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  Limiter limiter;
  std::vector<std::int64_t> open;
  Time now = start;
  for (int i = 0; i < 20'000; ++i) {
    now += Duration(draws() % 3'000'000'000u);
    const RateLimits& limits = various[draws() % std::size(various)];
    if (open.empty() || draws() % 2 == 0) {
      const std::int64_t tokens = amounts[draws() % std::size(amounts)];
      const Full said = limiter.full(limits, tokens, now);
      const Full taken = limiter.take(limits, tokens, now);
      if (said != taken) FAIL("full says otherwise than take");
      if (taken == Full::no) open.push_back(tokens);
    } else {
      if (draws() % 4 == 0) limiter.give_back(limits, open.back(), now);
      else limiter.settle(limits, open.back(), amounts[draws() % std::size(amounts)], now);
      open.pop_back();
    }
    if (limiter.in_flight() != static_cast<int>(open.size())) FAIL("in flight does not add up");
  }
  for (const std::int64_t tokens : open) limiter.settle(various[draws() % std::size(various)], tokens, 0, now);
  CHECK(limiter.in_flight() == 0);
  CHECK(limiter.reserved_tokens() == 0);
}

TEST_CASE("tokens below zero are none") {
  const RateLimits limits{.tokens_per_minute = 1000};
  Limiter limiter;
  CHECK(limiter.take(limits, -5000, start) == Full::no);
  CHECK(limiter.reserved_tokens() == 0);
  limiter.settle(limits, -5000, -7000, start);
  CHECK(limiter.full(limits, 1000, start) == Full::no);
  CHECK(limiter.headroom(limits, -100, start) == 1);
}

TEST_CASE("headroom is the least share of any limit") {
  Limiter limiter;
  CHECK(limiter.headroom({.requests_per_minute = 10}, 0, start) == Approx(0.9));
  CHECK(limiter.headroom({.requests_per_day = 10}, 0, start) == Approx(0.9));
  CHECK(limiter.headroom({.tokens_per_minute = 1000}, 300, start) == Approx(0.7));
  CHECK(limiter.headroom({.in_flight = 4}, 300, start) == Approx(0.75));
  CHECK(limiter.headroom({.requests_per_minute = 10, .tokens_per_minute = 1000, .requests_per_day = 10, .in_flight = 4}, 500,
                         start) == Approx(0.5));
  CHECK(limiter.headroom({.tokens_per_minute = 1000}, 5000, start) == 0);
  CHECK(limiter.take({.in_flight = 4}, 300, start) == Full::no);
  CHECK(limiter.headroom({.in_flight = 4}, 0, start) == Approx(0.5));
  CHECK(limiter.headroom({.tokens_per_minute = 1000}, 300, start) == Approx(0.4));
}

TEST_CASE("told of less than it believes, a configured limit believes it; told of more, it does not") {
  const RateLimits limits{.requests_per_minute = 10, .tokens_per_minute = 1000, .requests_per_day = 500};
  Limiter limiter;
  SECTION("of requests a minute") {
    limiter.told(limits, requests_left(10, 4), start);
    CHECK(limiter.headroom(limits, 0, start) == Approx(0.3));
    limiter.told(limits, requests_left(10, 9), start);
    CHECK(takes_until_full(limiter, limits, 0, start) == 4);
    CHECK(limiter.free_at(limits, 0, start) == start + 6s);
    CHECK(limiter.take(limits, 0, start + 6s) == Full::no);
  }
  SECTION("of requests a day, known by their number") {
    limiter.told(limits, requests_left(502, 2), start);
    CHECK(takes_until_full(limiter, limits, 0, start) == 2);
  }
  SECTION("of tokens, beside what is reserved") {
    CHECK(limiter.take(limits, 200, start) == Full::no);
    limiter.told(limits, tokens_left(1000, 500), start);
    CHECK(limiter.full(limits, 501, start) == Full::tokens);
    CHECK(limiter.take(limits, 500, start) == Full::no);
  }
  SECTION("not of another number") {
    limiter.told(limits, requests_left(12, 0), start);
    limiter.told(limits, tokens_left(2000, 0), start);
    CHECK(limiter.full(limits, 1000, start) == Full::no);
    CHECK(limiter.headroom(limits, 1, start) == 0);
  }
  SECTION("not of another period") {
    limiter.told(
        limits,
        {.requests = {.limit = 10, .remaining = 0, .period = 1h}, .tokens = {.limit = 1000, .remaining = 0, .period = 24h}},
        start);
    CHECK(limiter.full(limits, 1000, start) == Full::no);
    limiter.told(limits, {.requests = {.limit = 10, .remaining = 0, .period = 1min}}, start);
    CHECK(limiter.full(limits, 1000, start) == Full::requests);
  }
}

TEST_CASE("what is told of a limit that nobody configured counts in headroom, recovers and is used up") {
  Limiter limiter;
  limiter.told({}, {.requests = {.limit = 100, .remaining = 40, .resets_in = 30s}}, start);
  CHECK(limiter.headroom({}, 0, start) == Approx(0.39));
  CHECK(limiter.headroom({}, 0, start + 15s) == Approx(0.69));
  CHECK(limiter.headroom({}, 0, start + 30s - 1ms) == Approx(0.99).epsilon(0.001));
  CHECK(limiter.full({}, 1'000'000, start) == Full::no);
  CHECK(limiter.free_at({}, 1'000'000, start) == start);
  for (int i = 0; i < 20; ++i) CHECK(limiter.take({}, 0, start) == Full::no);
  CHECK(limiter.headroom({}, 0, start) == Approx(0.19));
  limiter.give_back({}, 0, start);
  CHECK(limiter.headroom({}, 0, start) == Approx(0.20));
  CHECK(takes_until_full(limiter, {}, 0, start) == 1000);
  CHECK(limiter.headroom({}, 0, start) == 0);
  CHECK(limiter.headroom({}, 0, start + 25s) > 0.4);  // however many were taken, no more than all of it is used
  CHECK(limiter.headroom({}, 0, start + 1min) == 1);  // forgotten
  limiter.told({}, requests_left(100, 90), start + 2min);
  CHECK(limiter.headroom({}, 0, start + 2min) == Approx(0.89));
}

TEST_CASE("once a configured limit is told to be the tighter one, what was told of another is forgotten") {
  const RateLimits limits{.requests_per_minute = 10, .tokens_per_minute = 1000, .requests_per_day = 500};
  for (const double known : {10.0, 500.0}) {
    Limiter limiter;
    limiter.told(limits, {.requests = {.limit = 77, .remaining = 0, .resets_in = 1h}, .tokens = {.limit = 77, .remaining = 0}},
                 start);
    CHECK(limiter.headroom(limits, 0, start + 1s) == Approx(0).margin(0.05));
    limiter.told(limits, requests_left(known, known * 0.8), start + 1s);
    limiter.told(limits, tokens_left(1000, 900), start + 1s);
    CHECK(limiter.headroom(limits, 0, start + 1s) > 0.6);
  }
}

TEST_CASE("where no reset is told, the rest is back after the period, else a minute") {
  Limiter limiter;
  limiter.told({}, tokens_left(1000, 0), start);
  CHECK(limiter.headroom({}, 0, start) == 0);
  CHECK(limiter.headroom({}, 100, start + 30s) == Approx(0.4));
  limiter.told({}, {.tokens = {.limit = 1000, .remaining = 0, .period = 1h}}, start);
  CHECK(limiter.headroom({}, 0, start + 30min) == Approx(0.5));
  limiter.told({}, {.tokens = {.limit = 1000, .remaining = 100, .resets_in = 0s}}, start);
  CHECK(limiter.headroom({}, 0, start) == 1);
  CHECK(limiter.take({}, 400, start) == Full::no);
  CHECK(limiter.headroom({}, 0, start) == Approx(0.6));
}

TEST_CASE("nothing left of an unknown limit counts, and more than the limit is all of it") {
  Limiter limiter;
  limiter.told({}, {.requests = {.remaining = 0, .resets_in = 10s}}, start);
  CHECK(limiter.headroom({}, 0, start + 5s) == Approx(0.5));
  CHECK(limiter.take({}, 0, start) == Full::no);
  CHECK(limiter.headroom({}, 0, start + 5s) == Approx(0.5));
  limiter.told({}, requests_left(10, 19), start);
  CHECK(limiter.headroom({}, 0, start) == Approx(0.9));
}

TEST_CASE("what makes no sense is not believed") {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  const RateLimits limits{.requests_per_minute = 10, .tokens_per_minute = 1000};
  const http::Meter nonsense[]{{.limit = 10, .remaining = not_a_number},
                               {.limit = not_a_number, .remaining = 0},
                               {.limit = 0, .remaining = 0},
                               {.limit = -10, .remaining = 0},
                               {.limit = 10, .remaining = -1},
                               {.limit = infinite, .remaining = 0},
                               {.limit = 10},
                               {.remaining = 3},
                               {.resets_in = 10s},
                               {.limit = 1000, .remaining = not_a_number}};
  for (const http::Meter& meter : nonsense) {
    Limiter limiter;
    limiter.told(limits, {.requests = meter, .tokens = meter}, start);
    limiter.told({}, {.requests = meter, .tokens = meter}, start);
    CHECK(limiter.headroom({}, 1000, start) == 1);
    CHECK(limiter.headroom(limits, 500, start) == Approx(0.5));
  }
}

TEST_CASE("any answer at any time leaves a share from 0 to 1") {
  const double numbers[]{0, 1e-300, 0.5, 1, 10, 1000, 1e12, 9.2e18, 1e300, -1, not_a_number};
  const Duration durations[]{-1h, Duration::zero(), 1ns, 10s, 24h * 365, endless};
  const Time times[]{long_ago, Time{} - 1h, Time{}, start, never - 1s, never};
  for (const double limit : numbers)
    for (const double remaining : numbers)
      for (const Duration resets_in : durations)
        for (const Time now : times) {
          Limiter limiter;
          const http::Meter meter{.limit = limit, .remaining = remaining, .resets_in = resets_in, .period = resets_in};
          limiter.told({.requests_per_minute = 10}, {.requests = meter, .tokens = meter}, now);
          limiter.take({}, 1000, now);
          limiter.give_back({}, 1000, long_ago, now);
          for (const Time then : {now, later(now, 1s), never}) {
            const double share = limiter.headroom({.requests_per_minute = 10}, 100, then);
            if (!(share >= 0 && share <= 1)) FAIL("a share of " << share);
          }
          if (limiter.in_flight() != 0 || limiter.reserved_tokens() != 0) FAIL("it does not add up");
        }
  SUCCEED();
}

TEST_CASE("a limiter allocates nothing") {
  Limiter limiter;
  const RateLimits limits{.requests_per_minute = 10, .tokens_per_minute = 1000, .requests_per_day = 10, .in_flight = 10};
  tests::Allocations made;
  limiter.take(limits, 100, start);
  limiter.told({}, requests_left(10, 5), start);
  limiter.settle(limits, 100, 50, start);
  const double headroom = limiter.headroom(limits, 100, start);
  const std::size_t count = made.count();
  CHECK(count == 0);
  CHECK(headroom < 1);
}
