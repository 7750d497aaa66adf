// SPDX-License-Identifier: MIT
// The queue under threads: those that wait for one slot get it in their order, and tickets come and go at any time.
#include "llmroute/route/waiting.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "llmroute/policy/limiter.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using Key = Waiting::Key;

namespace {
constexpr Time now = Time{} + 1000h;
}  // namespace

TEST_CASE("threads that wait for one slot get it in the order in which they lined up, and nobody slips in between") {
  constexpr std::size_t waiters = 12;
  const RateLimits one_at_once{.in_flight = 1};
  for (int round = 0; round < 20; ++round) {
    Limiter limiter;
    const Key keys[]{&limiter};
    Waiting queue;
    std::array<Waiting::Ticket, waiters> tickets;
    // Two priorities, in turn: the odd ones go first.
    for (std::size_t i = 0; i < waiters; ++i) tickets[i].wait_for(queue, i % 2 ? -1 : 0, now + 1h, keys);
    std::vector<std::size_t> order;  // the slot guards it
    std::atomic<int> slipped_in{0}, left{waiters};
    std::vector<std::thread> all;
    for (std::size_t i = 0; i < waiters; ++i)
      all.emplace_back([&, i] {
        while (queue.someone_before(&tickets[i], 0, &limiter, now) || limiter.take(one_at_once, 0, now) != Limiter::Full::no)
          std::this_thread::yield();
        order.push_back(i);
        tickets[i].leave();
        left.fetch_sub(1);
        limiter.settle(one_at_once, 0, 0, now);
      });
    all.emplace_back([&] {  // a newcomer, again and again
      while (left > 1) {
        if (!queue.someone_before(nullptr, 0, &limiter, now) && left > 1) slipped_in.fetch_add(1);
        std::this_thread::yield();
      }
    });
    for (std::thread& t : all) t.join();
    std::vector<std::size_t> expected;
    for (const std::size_t first : {std::size_t{1}, std::size_t{0}})
      for (std::size_t i = first; i < waiters; i += 2) expected.push_back(i);
    REQUIRE(order == expected);
    CHECK(slipped_in == 0);
    CHECK(queue.size() == 0);
  }
}

TEST_CASE("tickets that come and go on many threads leave the line whole") {
  Waiting queue;
  const int limiters[3]{};
  std::atomic<int> asked{0}, ready{0};
  std::vector<std::thread> all;
  for (std::uint32_t t = 0; t < 4; ++t)
    all.emplace_back([&, t] {
      std::mt19937 draws(t + tests::seed());
      for (++ready; ready < 4;) std::this_thread::yield();
      for (int i = 0; i < 50'000; ++i) {
        Waiting::Ticket first, second;
        const Key keys[]{&limiters[draws() % 3], &limiters[draws() % 3]};
        first.wait_for(queue, static_cast<int>(draws() % 3), now + 1s, keys);
        if (draws() % 2 == 0) second.wait_for(queue, static_cast<int>(draws() % 3), now, keys);
        if (queue.someone_before(&second, 1, keys[0], now)) asked.fetch_add(1);
        if (draws() % 2 == 0) first.wait_for(queue, static_cast<int>(draws() % 3), now + 2s, {});
        if (draws() % 2 == 0) first.leave();
      }
    });
  for (std::thread& t : all) t.join();
  CHECK(asked > 0);
  CHECK(queue.size() == 0);
  CHECK_FALSE(queue.someone_before(nullptr, 100, &limiters[0], now));
  Waiting::Ticket alone;
  const Key keys[]{&limiters[0]};
  alone.wait_for(queue, 0, never, keys);
  CHECK_FALSE(queue.someone_before(&alone, 0, &limiters[0], now));
  CHECK(queue.someone_before(nullptr, 0, &limiters[0], now));
}
