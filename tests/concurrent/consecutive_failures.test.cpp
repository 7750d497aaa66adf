// SPDX-License-Identifier: MIT
// Counted failures under threads: none is lost, and no two early probes are out at once.
#include "llmroute/policy/cooldown/consecutive_failures.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "llmroute/policy/cooldown.hpp"
#include "llmroute/policy/query.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using cooldown::ConsecutiveFailures;

namespace {

constexpr Outcome failed{.ending = Ending::failed, .kind = Kind::server_error};
constexpr Outcome won{.ending = Ending::won};
constexpr Outcome cancelled{.ending = Ending::cancelled};

/// Runs `work(thread)` on four threads that begin together.
template <class Work>
void together(Work work) {
  std::atomic<int> ready{0};
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t)
    all.emplace_back([&, t] {
      ready.fetch_add(1);
      while (ready.load() < 4) std::this_thread::yield();
      work(t);
    });
  for (std::thread& t : all) t.join();
}

}  // namespace

TEST_CASE("consecutive failures that four threads report at once are all counted, and one fewer do not rest") {
  for (const Duration within : {Duration(0s), Duration(60s)})
    for (const int reported : {15, 16})
      for (int round = 0; round < 100; ++round) {
        const ConsecutiveFailures policy{.failures = 16, .within = within};
        ConsecutiveFailures::State state;
        together([&](int t) {
          for (int i = t; i < reported; i += 4) policy.report(state, failed, Time{} + i * 1ms);
        });
        const Time until = policy.rest_until(state, Time{} + 20ms);
        const Time wanted = within == 0s ? Time{} + 60s + 15ms : Time{} + 60s;
        REQUIRE(until == (reported == 16 ? wanted : Time{} + 20ms));
      }
}

TEST_CASE("of thousands of failures at once, the latest ones are kept") {
  constexpr int each = 10'000;
  const ConsecutiveFailures policy{.failures = 5, .within = 60s};
  for (int round = 0; round < 20; ++round) {
    ConsecutiveFailures::State state;
    together([&](int t) {
      for (int i = 0; i < each; ++i) policy.report(state, failed, Time{} + (4 * i + t) * 1us);
    });
    REQUIRE(policy.rest_until(state, Time{} + 1s) == Time{} + 60s + (4 * each - 5) * 1us);
    REQUIRE(state.in_a_row == 4 * each);
  }
}

TEST_CASE("a success among failures of other threads resets, and what fails after it counts") {
  const ConsecutiveFailures policy{.failures = 4};
  for (int round = 0; round < 100; ++round) {
    ConsecutiveFailures::State state;
    together([&](int t) {
      for (int i = 0; i < 50; ++i) policy.report(state, t == 0 ? won : failed, Time{});
    });
    policy.report(state, won, Time{});
    REQUIRE(policy.rest_until(state, Time{}) == Time{});
    together([&](int) { policy.report(state, failed, Time{} + 1s); });
    REQUIRE(policy.rest_until(state, Time{} + 1s) == Time{} + 61s);
  }
}

TEST_CASE("no two early probes are out at once, and each comes back") {
  const ConsecutiveFailures policy{.failures = 1, .after_failure = 24h, .probe_expires = 24h};
  ConsecutiveFailures::State state;
  policy.report(state, failed, Time{});
  std::atomic<int> out{0}, too_many{0}, went{0};
  together([&](int t) {
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      const std::uint64_t dice = mix(tests::seed() + static_cast<std::uint64_t>(t), i);
      const auto permit = policy.admit(state, Time{} + 1s, Need::last_resort);
      if (!permit) continue;
      went.fetch_add(1);
      if (out.fetch_add(1) != 0) too_many.fetch_add(1);
      if (dice % 8 == 0) std::this_thread::yield();
      out.fetch_sub(1);  // before its permit can be another's
      policy.report(state, *permit, dice & 16 ? failed : cancelled, Time{} + 1s);
    }
  });
  CHECK(too_many == 0);
  CHECK(went > 0);
  const auto last = policy.admit(state, Time{} + 2s, Need::last_resort);
  REQUIRE(last);
  CHECK_FALSE(policy.admit(state, Time{} + 2s, Need::last_resort));
}

TEST_CASE("of a herd whose last resort is a resting place, one goes early") {
  for (int round = 0; round < 200; ++round) {
    const ConsecutiveFailures policy{.failures = 1};
    ConsecutiveFailures::State state;
    policy.report(state, failed, Time{});
    std::atomic<int> admitted{0};
    together([&](int) {
      for (int i = 0; i < 5; ++i) admitted += policy.admit(state, Time{} + 1s, Need::last_resort).has_value();
    });
    REQUIRE(admitted == 1);
  }
}
