// SPDX-License-Identifier: MIT
// The breaker under threads: a herd at the half-open instant, and a free run in which everything happens at once.
#include "llmroute/policy/cooldown/circuit_breaker.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "llmroute/chance.hpp"
#include "llmroute/policy/cooldown.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using cooldown::CircuitBreaker;

namespace {

constexpr Outcome failed{.ending = Ending::failed, .kind = Kind::server_error};
constexpr Outcome won{.ending = Ending::won};
constexpr Outcome cancelled{.ending = Ending::cancelled};

/// Spins first, so that those who wait for one thing see it in the same moment.
template <class Done>
void wait(Done is_done) {
  for (int spins = 0; !is_done(); ++spins)
    if (spins > 2000) std::this_thread::yield();
}

/// Runs `work(thread)` on several threads that leave together, once a round.
template <class Prepare, class Work, class Judge>
void herd(int threads, int rounds, Prepare prepare, Work work, Judge judge) {
  std::atomic<int> round{-1}, done{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      for (int r = 0; r < rounds; ++r) {
        wait([&] { return round.load(std::memory_order_acquire) >= r; });
        work(t);
        done.fetch_add(1, std::memory_order_acq_rel);
      }
    });
  for (int r = 0; r < rounds; ++r) {
    prepare(r);
    done.store(0, std::memory_order_relaxed);
    round.store(r, std::memory_order_release);
    wait([&] { return done.load(std::memory_order_acquire) >= threads; });
    judge();
  }
  for (std::thread& t : all) t.join();
}

}  // namespace

TEST_CASE("300 herds of 8 threads at the half-open instant get exactly as many probes as are allowed") {
  for (const int probes : {1, 3}) {
    const CircuitBreaker policy{.failures = 1, .jitter = 0, .probes = probes};
    CircuitBreaker::State state;
    Time now{};
    std::atomic<int> admitted{0};
    std::vector<int> counts;
    herd(
        8, 300,
        [&](int) {
          now += 1h;
          policy.release(state, now);
          policy.report(state, failed, now);
          now += 5s;
          admitted = 0;
        },
        [&](int) {
          for (int i = 0; i < 20; ++i)
            if (policy.admit(state, now, i % 2 ? Need::last_resort : Need::ordinary)) admitted.fetch_add(1);
        },
        [&] { counts.push_back(admitted.load()); });
    REQUIRE(counts.size() == 300);
    for (int n : counts) REQUIRE(n == probes);
  }
}

TEST_CASE("a herd at the instant in which lost probes expire gets as many anew") {
  const CircuitBreaker policy{.failures = 1, .jitter = 0, .probes = 3};
  CircuitBreaker::State state;
  Time now = Time{} + 1s;
  policy.report(state, failed, now);
  now += 5s;
  std::atomic<int> admitted{0};
  std::vector<int> counts;
  herd(
      8, 300,
      [&](int) {
        now += 60s;  // nobody reports, ever
        admitted = 0;
      },
      [&](int) {
        for (int i = 0; i < 5; ++i)
          if (policy.admit(state, now, Need::ordinary)) admitted.fetch_add(1);
      },
      [&] { counts.push_back(admitted.load()); });
  for (int n : counts) REQUIRE(n == 3);
}

TEST_CASE("a herd whose last resort is an open breaker sends one probe") {
  const CircuitBreaker policy{.failures = 1, .jitter = 0, .probes = 4};
  CircuitBreaker::State state;
  Time now{};
  std::atomic<int> admitted{0};
  std::vector<int> counts;
  herd(
      8, 300,
      [&](int) {
        now += 1h;
        policy.release(state, now);
        policy.report(state, failed, now);
        admitted = 0;
      },
      [&](int) {
        for (int i = 0; i < 20; ++i)
          if (policy.admit(state, now + 1s, Need::last_resort)) admitted.fetch_add(1);
      },
      [&] { counts.push_back(admitted.load()); });
  for (int n : counts) REQUIRE(n == 1);
}

TEST_CASE("failures that many threads report at once are all counted") {
  const CircuitBreaker policy{.failures = 28, .share = 0, .jitter = 0};
  CircuitBreaker::State state;
  Time now{};
  std::vector<bool> opened;
  herd(
      4, 500,
      [&](int) {
        now += 1h;
        policy.release(state, now);
      },
      [&](int) {
        for (int i = 0; i < 7; ++i)
          if (const auto p = policy.admit(state, now, Need::ordinary)) policy.report(state, *p, failed, now);
      },
      [&] { opened.push_back(policy.rest_until(state, now) == now + 5s); });
  for (bool o : opened) REQUIRE(o);
}

TEST_CASE("calls that many threads report at once are all counted in the window") {
  const CircuitBreaker policy{.failures = 31, .share = 0.5, .at_least = 242, .jitter = 0};
  CircuitBreaker::State state;
  Time now{};
  std::vector<bool> early, opened;
  herd(
      4, 500,
      [&](int) {
        now += 1h;
        policy.release(state, now);
      },
      [&](int) {
        for (int i = 0; i < 60; ++i)
          policy.report(state, CircuitBreaker::Permit{policy.admit(state, now, Need{})->generation}, i % 2 ? failed : won, now);
      },
      [&] {
        early.push_back(policy.rest_until(state, now) != now);
        policy.report(state, failed, now);  // the 241st, and 121 failed
        early.push_back(policy.rest_until(state, now) != now);
        policy.report(state, failed, now);
        opened.push_back(policy.rest_until(state, now) == now + 5s);
      });
  for (bool e : early) REQUIRE_FALSE(e);
  for (bool o : opened) REQUIRE(o);
}

TEST_CASE("permits that many threads take and give back add up") {
  const CircuitBreaker policy{.failures = 1, .jitter = 0, .probes = 31};
  CircuitBreaker::State state;
  policy.report(state, failed, Time{});
  const Time now = Time{} + 5s;
  herd(
      3, 20, [](int) {},
      [&](int) {
        for (int i = 0; i < 30'000; ++i)
          if (const auto p = policy.admit(state, now, Need::ordinary)) policy.report(state, *p, cancelled, now);
      },
      [] {});
  int left = 0;
  while (policy.admit(state, now, Need::ordinary)) ++left;
  CHECK(left == 31);
}

TEST_CASE("in a free run no more probes are out than are allowed, and it always recovers") {
  const CircuitBreaker policy{.failures = 2, .open = 2ms, .longest = 4ms, .probes = 2, .probe_expires = 24h};
  CircuitBreaker::State state;
  std::atomic<std::int64_t> clock{1'000'000'000};
  std::atomic<int> too_many{0}, probes_seen{0};
  std::array<std::atomic<int>, 1 << 12> out{};  // by generation
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 4'000; ++i) {  // too few for a generation to come round
        const std::uint64_t dice = mix(tests::seed() + t, i);
        const Time now{Duration(clock.fetch_add(100'000))};
        const auto p = policy.admit(state, now, dice % 16 == 0 ? Need::last_resort : Need::ordinary);
        if (!p) continue;
        if (p->probe) {
          probes_seen.fetch_add(1);
          if (out[p->generation].fetch_add(1) + 1 > policy.probes) too_many.fetch_add(1);
          if (dice & 0x1000) std::this_thread::yield();
          out[p->generation].fetch_sub(1);  // before its permit can be given to another
        }
        if ((dice >> 20) % 512 == 0) policy.release(state, now);
        policy.report(state, *p, dice >> 8 & 1 ? failed : dice >> 9 & 1 ? won : cancelled, now);
      }
    });
  for (std::thread& t : threads) t.join();
  CHECK(too_many == 0);
  CHECK(probes_seen > 0);
  const Time later_on = Time{Duration(clock.load())} + 1h;
  const auto p = policy.admit(state, later_on, Need::ordinary);
  REQUIRE(p);
  policy.report(state, *p, won, later_on);
  CHECK_FALSE(policy.admit(state, later_on, Need::ordinary)->probe);
}
