// SPDX-License-Identifier: MIT
#include "llmroute/policy/budget/window.hpp"

#include <chrono>
#include <random>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

std::int64_t at(int year, unsigned month, unsigned day, std::chrono::nanoseconds of_day = {}) {
  namespace c = std::chrono;
  const c::sys_days date = c::year_month_day{c::year(year), c::month(month), c::day(day)};
  return std::chrono::nanoseconds(date.time_since_epoch()).count() + of_day.count();
}
bool edge(budget::Window w, std::int64_t time) { return w.step(time) == w.step(time - 1) + 1; }

}  // namespace

TEST_CASE("windows of the calendar begin at midnight, on Monday and on the first, to the nanosecond") {
  CHECK(edge(budget::day(), at(2026, 3, 29)));
  CHECK_FALSE(edge(budget::day(), at(2026, 3, 29, 1h)));
  CHECK(edge(budget::week(), at(2026, 11, 16)));  // a Monday
  CHECK_FALSE(edge(budget::week(), at(2026, 11, 15)));
  CHECK_FALSE(edge(budget::week(), at(2026, 11, 17)));
  for (unsigned m = 1; m <= 12; ++m) CHECK(edge(budget::month(), at(2028, m, 1)));
  CHECK_FALSE(edge(budget::month(), at(2028, 2, 29)));
  CHECK_FALSE(edge(budget::month(), at(2028, 3, 2)));
  CHECK(edge(budget::day(), at(1969, 12, 31)));
  CHECK(edge(budget::month(), at(1969, 12, 1)));
}

TEST_CASE("an offset moves the edges of the calendar to where local clocks show midnight") {
  CHECK(edge(budget::day(2h), at(2026, 5, 9, 22h)));
  CHECK_FALSE(edge(budget::day(2h), at(2026, 5, 10)));
  CHECK(edge(budget::month(-5h), at(2026, 5, 1, 5h)));
  CHECK(edge(budget::week(330min), at(2026, 11, 15, 18h + 30min)));
}

TEST_CASE("each step begins where the one before it ends, at any time") {
  std::mt19937_64 draw(tests::seed());
  INFO("seed " << tests::seed());
  for (int i = 0; i < 2'000; ++i) {
    const auto time = static_cast<std::int64_t>(draw() % 4'000'000'000'000'000'000) - 1'000'000'000'000'000'000;
    for (const budget::Window& w : {budget::day(), budget::week(-7h), budget::month(), budget::month(13h), budget::rolling(24h),
                                    budget::rolling(7777us)}) {
      if (!w.problem().empty()) continue;
      const std::int64_t step = w.step(time);
      REQUIRE(w.begin(step) <= time);
      REQUIRE(w.begin(step + 1) > time);
      REQUIRE(w.step(w.begin(step)) == step);
      REQUIRE(w.step(w.begin(step) - 1) == step - 1);
    }
  }
}

TEST_CASE("a window that rolls has sixty steps that are no shorter than it together") {
  for (const Duration length : {Duration(1ms), Duration(1h), Duration(24h) + 1ns}) {
    const budget::Window w = budget::rolling(length);
    CHECK(w.steps() == 61);
    CHECK(w.step_length() * 60 >= length);
    CHECK((w.step_length() - 1ns) * 60 < length);
  }
}

TEST_CASE("a window that cannot be says what to do") {
  CHECK(budget::all_time().problem().empty());
  CHECK(budget::rolling(1ms).problem().empty());
  CHECK(budget::month(-12h).problem().empty());
  for (const budget::Window& w : {budget::rolling(0s), budget::rolling(-1h), budget::rolling(endless), budget::day(19h),
                                  budget::month(-19h), budget::Window{.kind = static_cast<budget::Window::Kind>(9)}})
    CHECK_FALSE(w.problem().empty());
}
