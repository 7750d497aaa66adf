// SPDX-License-Identifier: MIT
#include "llmroute/policy/meter.hpp"

#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

constexpr Time start = Time{} + 1000h;

int takes_at_once(Meter& meter, const Refill& refill, Time now, int tries) {
  int taken = 0;
  for (int i = 0; i < tries; ++i) taken += meter.take(refill, 1, now) ? 1 : 0;
  return taken;
}

/// A bucket that leaks, exact in whole numbers: one costs `period` units, and `limit` units leak each nanosecond.
struct Bucket {
  std::int64_t limit, period;
  std::int64_t level = 0;
  Time at = start;

  std::int64_t capacity() const { return limit * period; }
  void leak(Time now) {
    const std::int64_t elapsed = (now - at).count();
    level = elapsed > level / limit ? 0 : level - elapsed * limit;
    at = now;
  }
  void add(std::int64_t count, Time now) {
    leak(now);
    level += count * period;
  }
};

using Draws = std::mt19937;
std::int64_t draw(Draws& draws, std::int64_t most) {
  return static_cast<std::int64_t>(draws() % static_cast<std::uint64_t>(most + 1));
}

/// Mostly short steps, now and then one in which everything refills.
Duration step(Draws& draws, const Refill& refill) {
  const std::int64_t capacity = refill.capacity().count();
  switch (draw(draws, 5)) {
    case 0: return Duration::zero();
    case 1: return Duration(draw(draws, 3));
    case 2: return Duration(draw(draws, capacity));
    case 3: return Duration(draw(draws, 2 * capacity));
    default: return Duration(draw(draws, static_cast<std::int64_t>(3 * refill.each())));
  }
}

}  // namespace

TEST_CASE("of a limit's requests at one instant the last is allowed, and not one more") {
  struct Row {
    double limit;
    Duration period;
    int at_once;
  };
  const Row rows[]{
      {10, 1min, 10},      {7, 1min, 7},           {3, 1min, 3},
      {13, 1min, 13},      {1, 1min, 1},           {59, 1min, 59},
      {61, 1min, 61},      {997, 1min, 997},       {14'400, 24h, 14'400},
      {1'000, 24h, 1'000}, {17, 24h, 17},          {0.5, 1min, 1},
      {2.5, 1min, 2},      {1.999, 1min, 1},       {0.1 * 3, 1min, 1},
      {1 / 0.1, 1min, 10}, {100 * 1.1, 1min, 110}, {29 * 0.1 * 10, 1min, 29},
  };
  for (const Row& row : rows) {
    CAPTURE(row.limit);
    for (const Time now : {start, Time{}, Time{} - 1h, long_ago, long_ago + 1ns, Time{} + 1ns}) {
      Meter meter;
      CHECK(takes_at_once(meter, Refill(row.limit, row.period), now, row.at_once + 5) == row.at_once);
    }
  }
}

TEST_CASE("what was used refills one at a time, evenly") {
  Meter meter;
  const Refill ten(10, 1min);
  CHECK(takes_at_once(meter, ten, start, 11) == 10);
  CHECK(meter.free_at(ten, 1, start) == start + 6s);
  CHECK_FALSE(meter.take(ten, 1, start + 6s - 1ns));
  CHECK(meter.take(ten, 1, start + 6s));
  CHECK_FALSE(meter.take(ten, 1, start + 6s));
  CHECK(takes_at_once(meter, ten, start + 24s, 10) == 3);
  CHECK(takes_at_once(meter, ten, start + 10min, 20) == 10);
}

TEST_CASE("a minute's edge does not let a second burst through") {
  Meter meter;
  const Refill ten(10, 1min);
  const Time edge = Time{} + 600min;
  CHECK(takes_at_once(meter, ten, edge - 100ms, 20) == 10);
  CHECK(takes_at_once(meter, ten, edge + 100ms, 20) == 0);
  CHECK(takes_at_once(meter, ten, edge + 5900ms, 20) == 1);
}

TEST_CASE("a limit below one allows one, and the next when it says so") {
  Meter meter;
  const Refill half(0.5, 1min);
  CHECK(meter.take(half, 1, start));
  CHECK(meter.free_at(half, 1, start) == start + 2min);
  CHECK_FALSE(meter.take(half, 1, start + 2min - 1ns));
  CHECK(meter.take(half, 1, start + 2min));
  CHECK_FALSE(meter.take(half, 1, start + 3min));
}

TEST_CASE("a limit that is none limits nothing and counts nothing") {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  for (const double limit : {0.0, -0.0, -5.0, infinite, -infinite, std::numeric_limits<double>::quiet_NaN()}) {
    CAPTURE(limit);
    const Refill no_limit(limit, 1min);
    CHECK_FALSE(no_limit.limits());
    Meter meter;
    CHECK(takes_at_once(meter, no_limit, start, 1000) == 1000);
    CHECK(meter.left(no_limit, 1, start) == 1);
    CHECK(meter.free_at(no_limit, 1, start) == start);
    CHECK(takes_at_once(meter, Refill(3, 1min), start, 5) == 3);
  }
}

TEST_CASE("the share that would be left") {
  Meter meter;
  const Refill ten(10, 1min);
  CHECK(meter.left(ten, 0, start) == 1);
  CHECK(meter.left(ten, 1, start) == Approx(0.9));
  takes_at_once(meter, ten, start, 4);
  CHECK(meter.left(ten, 1, start) == Approx(0.5));
  CHECK(meter.left(ten, 1, start + 12s) == Approx(0.7));
  takes_at_once(meter, ten, start, 6);
  CHECK(meter.left(ten, 1, start) == 0);
}

TEST_CASE("a request that is given back at once leaves no trace, and later only what has not refilled since") {
  const Refill ten(10, 1min);
  SECTION("at once") {
    Meter meter;
    CHECK(takes_at_once(meter, ten, start, 10) == 10);
    meter.give_back(ten, 1, start, start);
    CHECK(takes_at_once(meter, ten, start, 3) == 1);
  }
  SECTION("after it has refilled") {
    Meter meter;
    CHECK(meter.take(ten, 1, start));
    CHECK(takes_at_once(meter, ten, start + 1h, 10) == 10);
    meter.give_back(ten, 1, start, start + 1h);
    CHECK_FALSE(meter.take(ten, 1, start + 1h));
  }
  SECTION("in between") {
    Meter meter;
    CHECK(takes_at_once(meter, ten, start, 10) == 10);
    meter.give_back(ten, 1, start, start + 2s);
    CHECK(meter.take(ten, 1, start + 2s));
    CHECK(meter.free_at(ten, 1, start + 2s) == start + 8s);
  }
  SECTION("by a clock that another thread read before") {
    Meter meter;
    CHECK(takes_at_once(meter, ten, start, 10) == 10);
    meter.give_back(ten, 1, start, start - 1h);
    CHECK(takes_at_once(meter, ten, start, 3) == 1);
  }
}

TEST_CASE("to hear that less is left counts, to hear of more does not") {
  const Refill ten(10, 1min);
  Meter meter;
  meter.at_most(ten, 3, start);
  CHECK(meter.left(ten, 0, start) == Approx(0.3));
  meter.at_most(ten, 8, start);
  CHECK(takes_at_once(meter, ten, start, 9) == 3);
  meter.at_most(ten, 10, start);
  meter.at_most(ten, 25, start);
  meter.at_most(ten, std::numeric_limits<double>::quiet_NaN(), start);
  CHECK_FALSE(meter.take(ten, 1, start));
  CHECK(meter.free_at(ten, 1, start) == start + 6s);
  Meter empty;
  empty.at_most(ten, -1e300, start);
  CHECK(empty.free_at(ten, 1, start) == start + 6s);
  Meter awkward;
  awkward.at_most(Refill(13, 1min), 5, start);
  CHECK(takes_at_once(awkward, Refill(13, 1min), start, 20) == 5);
}

TEST_CASE("no time and no limit overflows") {
  for (const double limit : {1e-300, 1e-9, 0.5, 1.0, 7.0, 1e6, 1e9, 1e12, 1e15, 1e300}) {
    for (const Duration period : {Duration(1min), Duration(24h)}) {
      const Refill refill(limit, period);
      for (const Time now : {long_ago, long_ago + 1ns, Time{} - 1ns, Time{}, start, never - 1h, never - 1ns, never}) {
        CAPTURE(limit, now.time_since_epoch().count());
        Meter meter;
        meter.take(refill, 1, now);
        meter.book(refill, most_counted_tokens, now);
        meter.book(refill, std::numeric_limits<std::int64_t>::max(), now);
        meter.at_most(refill, 0.5, now);
        meter.give_back(refill, std::numeric_limits<std::int64_t>::max(), long_ago, now);
        meter.give_back(refill, std::numeric_limits<std::int64_t>::max(), now, now);
        const double left = meter.left(refill, 1, now);
        CHECK((left >= 0 && left <= 1));
        const Time at = meter.free_at(refill, 1, now);
        CHECK(at >= now);
        if (at != never) CHECK((at == now) == meter.has_room(refill, 1, now));
        CHECK(meter.free_at(refill, 1, long_ago) >= long_ago);
        CHECK(meter.free_at(refill, 1, never) == never);
      }
    }
  }
}

TEST_CASE("very many tokens a minute are counted to within a nanosecond's worth") {
  for (const double limit : {6e7, 7e7, 1.3e9, 9.9e11, 1e12}) {
    CAPTURE(limit);
    const Refill refill(limit, 1min);
    const auto all = static_cast<std::int64_t>(limit);
    ReservingMeter meter;
    CHECK(meter.take(refill, all, start));
    meter.settle(refill, all, all, start);
    CHECK_FALSE(meter.take(refill, 1, start));
    CHECK(meter.take(refill, all / 2 - 100, start + 30s));
    CHECK_FALSE(meter.take(refill, all / 1000, start + 30s));
  }
}

TEST_CASE("what is reserved does not refill while it is held, and what was used does from its end on") {
  ReservingMeter meter;
  const Refill thousand(1000, 1min);
  CHECK(meter.take(thousand, 1000, start));
  CHECK_FALSE(meter.take(thousand, 1, start + 10min));
  CHECK(meter.free_at(thousand, 1, start + 10min) == start + 10min);
  meter.settle(thousand, 1000, 400, start + 10min);
  CHECK(meter.reserved() == 0);
  CHECK_FALSE(meter.take(thousand, 601, start + 10min));
  CHECK(meter.free_at(thousand, 601, start + 10min) == start + 10min + 60ms);
  CHECK(meter.take(thousand, 600, start + 10min));
  CHECK(meter.left(thousand, 0, start + 10min) == 0);
  CHECK_FALSE(meter.take(thousand, 401, start + 11min));
  CHECK(meter.take(thousand, 400, start + 11min));
}

TEST_CASE("what was used beyond the reserve is owed") {
  ReservingMeter meter;
  const Refill thousand(1000, 1min);
  CHECK(meter.take(thousand, 100, start));
  meter.settle(thousand, 100, 2500, start);
  CHECK(meter.left(thousand, 0, start) == 0);
  CHECK_FALSE(meter.take(thousand, 0, start));
  CHECK(meter.free_at(thousand, 500, start) == start + 2min);
  CHECK_FALSE(meter.take(thousand, 500, start + 2min - 1ns));
  CHECK(meter.take(thousand, 500, start + 2min));
}

TEST_CASE("told of what is left, a reserve counts once") {
  ReservingMeter meter;
  const Refill thousand(1000, 1min);
  CHECK(meter.take(thousand, 300, start));
  meter.at_most(thousand, 500, start);
  CHECK(meter.left(thousand, 0, start) == Approx(0.5));
  meter.at_most(thousand, 900, start);
  CHECK_FALSE(meter.take(thousand, 501, start));
  CHECK(meter.take(thousand, 500, start));
}

TEST_CASE("requests never exceed an exact bucket, nor are they refused without need") {
  const std::uint32_t seed = tests::seed();
  INFO("seed " << seed);
  const std::int64_t limits[]{1, 2, 3, 7, 10, 13, 60, 61, 499, 1000, 14'400};
  int taken = 0, refused = 0;
  for (std::uint32_t round = 0; round < 3000; ++round) {
    CAPTURE(round);
    Draws draws(seed + round);
    const std::int64_t limit = limits[draw(draws, 10)];
    const Duration period = draw(draws, 3) == 0 ? Duration(24h) : Duration(1min);
    const Refill refill(static_cast<double>(limit), period);
    Bucket bucket{limit, period.count()};
    Meter meter;
    Time now = start;
    for (int i = 0; i < 100; ++i) {
      now += step(draws, refill);
      const std::int64_t count = 1 + draw(draws, limit - 1);
      bucket.leak(now);
      const Time at = meter.free_at(refill, count, now);
      if (meter.take(refill, count, now)) {
        ++taken;
        bucket.add(count, now);
        if (bucket.level > bucket.capacity()) FAIL("over the limit");
        if (at != now) FAIL("it was said to be full");
        if (draw(draws, 9) == 0) {
          meter.give_back(refill, count, now, now);
          bucket.level -= count * bucket.period;
        }
      } else {
        ++refused;
        // Each one in the bucket is counted by less than a nanosecond too much.
        const std::int64_t rounding = limit * limit;
        if (bucket.level + count * bucket.period + rounding <= bucket.capacity()) FAIL("refused without need");
        if (!meter.has_room(refill, count, at) || meter.has_room(refill, count, at - 1ns)) FAIL("another time makes room");
      }
    }
  }
  CHECK(taken > 20'000);
  CHECK(refused > 20'000);
}

TEST_CASE("requests that are given back late never let more through than an exact bucket of the others") {
  const std::uint32_t seed = tests::seed();
  INFO("seed " << seed);
  struct Sent {
    Time at;
    bool counts;
  };
  int given_back = 0, taken = 0;
  for (std::uint32_t round = 0; round < 2000; ++round) {
    CAPTURE(round);
    Draws draws(seed + round);
    const std::int64_t limit = 1 + draw(draws, 12);
    const Refill refill(static_cast<double>(limit), 1min);
    Meter meter;
    std::vector<Sent> sent;
    Time now = start;
    for (int i = 0; i < 60; ++i) {
      now += step(draws, refill);
      if (!sent.empty() && draw(draws, 2) == 0) {
        Sent& one = sent[static_cast<std::size_t>(draw(draws, static_cast<std::int64_t>(sent.size()) - 1))];
        if (one.counts) {
          meter.give_back(refill, 1, one.at, now);
          one.counts = false;
          ++given_back;
        }
      } else if (meter.take(refill, 1, now)) {
        ++taken;
        sent.push_back({now, true});
        Bucket bucket{limit, Duration(1min).count()};
        for (const Sent& s : sent)
          if (s.counts) bucket.add(1, s.at);
        if (bucket.level > bucket.capacity()) FAIL("over the limit");
      }
    }
  }
  CHECK(given_back > 5'000);
  CHECK(taken > 20'000);
}

TEST_CASE("what is reserved and used of tokens never exceeds an exact bucket, nor is it refused without need") {
  const std::uint32_t seed = tests::seed();
  INFO("seed " << seed);
  const std::int64_t limits[]{1, 7, 13, 100, 999, 6000, 30'000, 250'000, 1'000'000, 7'777'777};
  int taken = 0, refused = 0;
  for (std::uint32_t round = 0; round < 3000; ++round) {
    CAPTURE(round);
    Draws draws(seed + round);
    const std::int64_t limit = limits[draw(draws, 9)];
    const Refill refill(static_cast<double>(limit), 1min);
    Bucket used{limit, Duration(1min).count()};
    ReservingMeter meter;
    std::vector<std::int64_t> open;
    std::int64_t reserved = 0;
    Time now = start;
    for (int i = 0; i < 100; ++i) {
      now += draw(draws, 1) == 0 ? Duration(draw(draws, 20'000'000'000)) : step(draws, refill);
      used.leak(now);
      if (!open.empty() && draw(draws, 1) == 0) {
        const auto which = static_cast<std::size_t>(draw(draws, static_cast<std::int64_t>(open.size()) - 1));
        const std::int64_t real = draw(draws, open[which]);
        meter.settle(refill, open[which], real, now);
        used.add(real, now);
        reserved -= open[which];
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
      } else {
        const std::int64_t count = draw(draws, draw(draws, 3) == 0 ? limit : limit / 3);
        const std::int64_t level = used.level + (reserved + count) * used.period;
        if (meter.take(refill, count, now)) {
          ++taken;
          open.push_back(count);
          reserved += count;
          if (level > used.capacity()) FAIL("over the limit");
        } else {
          ++refused;
          if (level + (limit + 100) * limit <= used.capacity()) FAIL("refused without need");
        }
      }
      if (meter.reserved() != reserved) FAIL("the reserve does not add up");
    }
  }
  CHECK(taken > 20'000);
  CHECK(refused > 20'000);
}

TEST_CASE("who uses what was reserved, one call after the other, gets the whole rate") {
  for (const std::int64_t limit : {std::int64_t{7}, std::int64_t{6000}, std::int64_t{250'000}, std::int64_t{7'777'777}}) {
    CAPTURE(limit);
    const Refill refill(static_cast<double>(limit), 1min);
    ReservingMeter meter;
    Draws draws(tests::seed());
    const std::int64_t largest = limit / 4 + 1;
    std::int64_t through = 0;
    Time now = start;
    while (now < start + 1h) {
      const std::int64_t count = 1 + draw(draws, largest - 1);
      now = meter.free_at(refill, count, now);
      REQUIRE(meter.take(refill, count, now));
      meter.settle(refill, count, count, now);
      through += count;
    }
    CHECK(static_cast<double>(through) >= 61 * static_cast<double>(limit) * 0.999);
    CHECK(through <= 61 * limit + largest);
  }
}
