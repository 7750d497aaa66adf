// SPDX-License-Identifier: MIT
// When a slot expires, and that windows agree with a plain list of everything that was ever counted.
#include "llmroute/policy/observer/windows.hpp"

#include <chrono>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using observe::Window;

namespace {

constexpr Time at(Duration d) { return Time{} + d; }
constexpr Window all_windows[]{Window::all_time, Window::minute, Window::hour, Window::day};

/// Of the oldest slot in a window, as the table in the header says it.
Time begin_of(Window w, Time now) {
  const Duration width = w == Window::minute ? Duration(10s) : w == Window::hour ? Duration(5min) : Duration(1h);
  const int before = w == Window::minute ? 6 : w == Window::hour ? 12 : 24;
  const std::int64_t over = now.time_since_epoch().count() % width.count();
  return now - Duration(over < 0 ? over + width.count() : over) - before * width;
}

/// One sum and one count, told the same.
struct Pair {
  observe::detail::Tally<1, 1> tally{};
  void add(Time now, std::uint64_t n = 1) {
    tally.enter(now);
    tally.add(0, n);
    tally.add(1, n);
  }
  std::uint64_t in(Window w, Time now) const {
    const auto n = tally.read(w, now);
    REQUIRE(n[0] == n[1]);
    return n[0];
  }
};

}  // namespace

TEST_CASE("a fresh tally reads zero in every window") {
  const Pair p;
  for (Window w : all_windows) CHECK(p.in(w, at(0s)) == 0);
}

TEST_CASE("a window holds the slot in progress and those before it, to the nanosecond") {
  struct Case {
    Window window;
    Duration width;
    int before;
  };
  for (const Case& c : {Case{Window::minute, 10s, 6}, Case{Window::hour, 5min, 12}, Case{Window::day, 1h, 24}})
    for (const Time begins : {at(0s), at(72h), at(-72h)})
      for (const Duration into : {Duration(0), c.width / 2, c.width - 1ns}) {
        Pair p;
        p.add(begins + into);
        CAPTURE(static_cast<int>(c.window), begins.time_since_epoch().count(), into.count());
        CHECK(p.in(c.window, begins + into) == 1);
        CHECK(p.in(c.window, begins + (c.before + 1) * c.width - 1ns) == 1);
        CHECK(p.in(c.window, begins + (c.before + 1) * c.width) == 0);
        CHECK(p.in(Window::all_time, begins + (c.before + 1) * c.width) == 1);
      }
}

TEST_CASE("a long silence empties the windows, and what comes after it counts alone") {
  Pair p;
  for (int s = 0; s < 200; ++s) p.add(at(std::chrono::seconds(s)));
  CHECK(p.in(Window::minute, at(199s)) == 70);  // the slots from 130 s on
  for (Window w : {Window::minute, Window::hour, Window::day}) CHECK(p.in(w, at(1000h)) == 0);
  p.add(at(1000h));
  for (Window w : {Window::minute, Window::hour, Window::day}) CHECK(p.in(w, at(1000h)) == 1);
  CHECK(p.in(Window::all_time, at(1000h)) == 201);
}

TEST_CASE("windows agree with a plain list of all that was counted") {
  INFO("seed " << tests::seed());
  std::mt19937_64 random(tests::seed());
  for (int run = 0; run < 30; ++run) {
    Pair p;
    std::vector<std::pair<Time, std::uint64_t>> list;
    Time now = at(std::chrono::seconds(random() % 1'000'000) - 500'000s);
    for (int step = 0; step < 300; ++step) {
      constexpr Duration paces[]{0s, 900ms, 9s, 70s, 6min, 70min, 26h};
      const Duration pace = paces[random() % std::size(paces)];
      if (pace > 0s) now += Duration(static_cast<std::int64_t>(random()) & 0x7FFFFFFFFFFFFF) % pace;
      const std::uint64_t n = random() % 3;
      p.add(now, n);
      list.emplace_back(now, n);
      for (Window w : all_windows) {
        std::uint64_t expected = 0;
        for (const auto& [when, number] : list)
          if (w == Window::all_time || when >= begin_of(w, now)) expected += number;
        CAPTURE(run, step, static_cast<int>(w));
        REQUIRE(p.in(w, now) == expected);
      }
    }
  }
}

TEST_CASE("what comes late counts in the newest slot, and is not lost") {
  Pair p;
  p.add(at(25s));
  p.add(at(5s));
  CHECK(p.in(Window::minute, at(25s)) == 2);
  CHECK(p.in(Window::minute, at(89s)) == 2);
  CHECK(p.in(Window::minute, at(90s)) == 0);
}

TEST_CASE("a reader whose clock is behind sees what is newer too") {
  Pair p;
  p.add(at(25s));
  CHECK(p.in(Window::minute, at(5s)) == 1);
}

TEST_CASE("counts may pass 32 bits over all time, and sums in a window as well") {
  observe::detail::Tally<1, 1> tally;
  constexpr std::uint64_t many = 0x1'0000'0003;
  tally.enter(at(0s));
  tally.add(1, many);
  tally.enter(at(1000s));
  tally.add(0, many * 1000);
  tally.add(1, 7);
  CHECK(tally.read(Window::all_time, at(1000s))[1] == many + 7);
  CHECK(tally.read(Window::minute, at(1000s))[0] == many * 1000);
  CHECK(tally.read(Window::minute, at(1000s))[1] == 7);
}

TEST_CASE("what was forgotten is in no window, and counting goes on") {
  Pair p;
  p.add(at(0s), 5);
  p.tally.forget();
  for (Window w : all_windows) CHECK(p.in(w, at(1s)) == 0);
  p.add(at(1s), 2);
  p.add(at(12s), 3);
  for (Window w : all_windows) CHECK(p.in(w, at(12s)) == 5);
  CHECK(p.in(Window::minute, at(71s)) == 3);
}
