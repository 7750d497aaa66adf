// SPDX-License-Identifier: MIT
// Limits under threads: exactly as many as there is room for, and never more while reserves come back as use.
#include "llmroute/policy/limiter.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using Full = Limiter::Full;

namespace {

constexpr Time start = Time{} + 1000h;

/// Runs `work(thread, round)` on several threads that enter each round together.
template <class Work>
void together(int threads, int rounds, Work work) {
  std::atomic<int> ready{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      for (int round = 0; round < rounds; ++round) {
        for (++ready; ready < threads * (round + 1);) std::this_thread::yield();
        work(t, round);
      }
    });
  for (std::thread& t : all) t.join();
}

}  // namespace

TEST_CASE("a hundred threads with room for ten take exactly ten") {
  const RateLimits various[]{{.in_flight = 10},
                             {.requests_per_minute = 10},
                             {.requests_per_day = 10},
                             {.tokens_per_minute = 1000},
                             {.requests_per_minute = 10, .tokens_per_minute = 1000, .requests_per_day = 10, .in_flight = 10},
                             {.requests_per_minute = 40, .tokens_per_minute = 1050, .requests_per_day = 20, .in_flight = 90}};
  constexpr int rounds = 120;
  std::vector<Limiter> limiters(rounds);
  std::vector<std::atomic<int>> taken(rounds);
  together(100, rounds, [&](int, int round) {
    const auto r = static_cast<std::size_t>(round);
    if (limiters[r].take(various[r % std::size(various)], 100, start) == Full::no) taken[r].fetch_add(1);
  });
  for (std::size_t r = 0; r < rounds; ++r) {
    CAPTURE(r);
    CHECK(taken[r] == 10);
    CHECK(limiters[r].in_flight() == 10);
    CHECK(limiters[r].reserved_tokens() == 1000);
  }
}

TEST_CASE("four threads that each try many times take exactly what there is") {
  const RateLimits various[]{
      {.in_flight = 50}, {.requests_per_minute = 50}, {.requests_per_day = 50}, {.tokens_per_minute = 5000}};
  constexpr int rounds = 800;
  std::vector<Limiter> limiters(rounds);
  std::vector<std::atomic<int>> taken(rounds);
  together(4, rounds, [&](int, int round) {
    const auto r = static_cast<std::size_t>(round);
    for (int i = 0; i < 40; ++i)
      if (limiters[r].take(various[r % std::size(various)], 100, start) == Full::no) taken[r].fetch_add(1);
  });
  int wrong = 0;
  for (std::size_t r = 0; r < rounds; ++r) wrong += taken[r] != 50 ? 1 : 0;
  CHECK(wrong == 0);
}

TEST_CASE("while reserves come back as use, reserved and used never exceed the limit, and what is left can be had") {
  constexpr std::int64_t limit = 60;
  constexpr int rounds = 4000;
  const RateLimits limits{.tokens_per_minute = limit};
  std::vector<Limiter> limiters(rounds);
  // What was certainly held at some instant: added after it was taken, corrected before it is settled.
  std::vector<std::atomic<std::int64_t>> held(rounds), used(rounds);
  std::atomic<int> over{0};
  together(4, rounds, [&](int thread, int round) {
    const auto r = static_cast<std::size_t>(round);
    std::mt19937 draws(static_cast<std::uint32_t>(round * 4 + thread) + tests::seed());
    for (int i = 0; i < 30; ++i) {
      // Mostly of one size: then as much is reserved as before, though something was booked in between.
      const std::int64_t count = 20 + (draws() % 4 == 0 ? static_cast<std::int64_t>(draws() % 20) : 0);
      if (limiters[r].take(limits, count, start) != Full::no) continue;
      if (held[r].fetch_add(count) + count > limit) over.fetch_add(1);
      const auto real = static_cast<std::int64_t>(draws() % static_cast<std::uint32_t>(count + 1)) / (draws() % 2 ? 8 : 1);
      held[r].fetch_sub(count - real);
      limiters[r].settle(limits, count, real, start);
      used[r].fetch_add(real);
    }
  });
  CHECK(over == 0);
  int wrong = 0;
  for (std::size_t r = 0; r < rounds; ++r) {
    if (limiters[r].in_flight() != 0 || limiters[r].reserved_tokens() != 0 || used[r] > limit) ++wrong;
    if (limiters[r].full(limits, limit - used[r], start) != Full::no ||
        limiters[r].full(limits, limit - used[r] + 1, start) == Full::no)
      ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("who asks for all that is left never gets what somebody else has just used of it") {
  constexpr std::int64_t limit = 1'000'000;
  const RateLimits limits{.tokens_per_minute = limit};
  Limiter limiter;
  std::atomic<std::int64_t> held{0}, used{0};
  std::atomic<int> over{0}, taken{0};
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t)
    all.emplace_back([&] {
      for (int i = 0; i < 150'000; ++i) {
        const std::int64_t count = limit - used;
        if (limiter.take(limits, count, start) != Full::no) continue;
        taken.fetch_add(1);
        if (held.fetch_add(count) + count > limit) over.fetch_add(1);
        held.fetch_sub(count - 1);
        limiter.settle(limits, count, 1, start);
        used.fetch_add(1);
      }
    });
  for (std::thread& t : all) t.join();
  CHECK(over == 0);
  CHECK(taken > 100);
  CHECK(used == taken);
  CHECK(limiter.full(limits, limit - used, start) == Full::no);
  CHECK(limiter.full(limits, limit - used + 1, start) == Full::tokens);
}

TEST_CASE("never more than the limit are in flight, not even while somebody is refused") {
  const RateLimits one_at_once{.in_flight = 1};
  Limiter limiter;
  std::atomic<int> over{0}, inside{0};
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t)
    all.emplace_back([&] {
      for (int i = 0; i < 200'000; ++i) {
        if (limiter.take(one_at_once, 0, start) == Full::no) {
          if (limiter.in_flight() > 1) over.fetch_add(1);
          if (inside.fetch_add(1) > 0) over.fetch_add(1);
          inside.fetch_sub(1);
          limiter.settle(one_at_once, 0, 0, start);
        }
        if (limiter.in_flight() > 1) over.fetch_add(1);
      }
    });
  for (std::thread& t : all) t.join();
  CHECK(over == 0);
  CHECK(limiter.in_flight() == 0);
}

TEST_CASE("what is refused at the last moment, and what is given back, leaves no trace in the limits before") {
  const RateLimits one_slot[]{{.requests_per_minute = 1000, .requests_per_day = 1},
                              {.requests_per_minute = 1000, .tokens_per_minute = 100, .requests_per_day = 1000}};
  for (const RateLimits& limits : one_slot) {
    Limiter limiter;
    std::atomic<int> taken{0};
    std::vector<std::thread> all;
    for (int t = 0; t < 4; ++t)
      all.emplace_back([&] {
        for (int i = 0; i < 100'000; ++i) {
          if (limiter.take(limits, 100, start) != Full::no) continue;
          taken.fetch_add(1);
          limiter.give_back(limits, 100, start);
        }
      });
    for (std::thread& t : all) t.join();
    CHECK(taken > 0);
    CHECK(limiter.in_flight() == 0);
    CHECK(limiter.reserved_tokens() == 0);
    CHECK(limiter.headroom(limits, 0, start) == Approx(limits.requests_per_day > 1 ? 0.999 : 0));
    CHECK(limiter.headroom({.requests_per_minute = 1000}, 0, start) == Approx(0.999).epsilon(1e-9));
  }
}

TEST_CASE("everything at once ends with nothing in flight and nothing reserved") {
  const RateLimits various[]{{},
                             {.in_flight = 3},
                             {.tokens_per_minute = 5000},
                             {.requests_per_minute = 600, .tokens_per_minute = 1e6, .requests_per_day = 1e6, .in_flight = 7}};
  const http::LimitReport reports[]{
      {.requests = {.limit = 600, .remaining = 300, .resets_in = 1s}, .tokens = {.limit = 5000, .remaining = 9}},
      {.requests = {.limit = 50, .remaining = 3}, .tokens = {.limit = 1e7, .remaining = 9e5}}};
  Limiter limiter;
  std::atomic<int> senseless{0}, taken{0};
  std::vector<std::thread> all;
  for (std::uint32_t t = 0; t < 4; ++t)
    all.emplace_back([&, t] {
      std::mt19937 draws(t + tests::seed());
      Time now = start;
      for (int i = 0; i < 20'000; ++i) {
        now += Duration(draws() % 20'000'000u);
        const auto count = static_cast<std::int64_t>(draws() % 3000);
        if (limiter.take(various[draws() % 4], count, now) == Full::no) {
          taken.fetch_add(1);
          const RateLimits& by_now = various[draws() % 4];
          if (draws() % 3 == 0) limiter.told(by_now, reports[draws() % 2], now);
          if (draws() % 3 == 0) limiter.give_back(by_now, count, now);
          else limiter.settle(by_now, count, static_cast<std::int64_t>(draws() % 4000), now);
        }
        const double share = limiter.headroom(various[draws() % 4], count, now);
        if (!(share >= 0 && share <= 1)) senseless.fetch_add(1);
      }
    });
  for (std::thread& t : all) t.join();
  CHECK(senseless == 0);
  CHECK(taken > 1'000);
  CHECK(limiter.in_flight() == 0);
  CHECK(limiter.reserved_tokens() == 0);
}
