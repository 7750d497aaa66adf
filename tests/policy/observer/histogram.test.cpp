// SPDX-License-Identifier: MIT
#include "llmroute/policy/observer/histogram.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using observe::LatencyClasses;

namespace {

using Counts = std::array<std::uint64_t, LatencyClasses::count>;

}  // namespace

TEST_CASE("a latency is in the class whose middle is within 9.1 % of it") {
  for (double ns = 1 << 20; ns < 4.39e12; ns *= 1.01) {
    const Duration latency(static_cast<std::int64_t>(ns));
    const Duration said = LatencyClasses::middle(LatencyClasses::of(latency));
    CAPTURE(latency.count(), said.count());
    REQUIRE(std::abs(static_cast<double>(said.count()) / ns - 1) < 0.091);
  }
}

TEST_CASE("slower latencies are in later classes, and what is off the scale is in the first or the last") {
  std::size_t before = 0;
  for (double ns = 1; ns < 9e18; ns *= 1.05) {
    const std::size_t i = LatencyClasses::of(Duration(static_cast<std::int64_t>(ns)));
    REQUIRE(i >= before);
    REQUIRE(i <= before + 1);
    before = i;
  }
  CHECK(before == LatencyClasses::count - 1);
  CHECK(LatencyClasses::of(-1s) == 0);
  CHECK(LatencyClasses::of(0s) == 0);
  CHECK(LatencyClasses::of(1ms) == 0);
  CHECK(LatencyClasses::of(endless) == LatencyClasses::count - 1);
  for (std::size_t i = 0; i < LatencyClasses::count; ++i) CHECK(LatencyClasses::of(LatencyClasses::middle(i)) == i);
}

TEST_CASE("a percentile of nothing is nothing, and of one latency it is that one's class") {
  Counts counts{};
  CHECK_FALSE(LatencyClasses::percentile(counts, 50));
  counts[LatencyClasses::of(300ms)] = 1;
  for (unsigned percent : {1u, 50u, 95u, 100u})
    CHECK(LatencyClasses::percentile(counts, percent) == Elapsed(LatencyClasses::middle(LatencyClasses::of(300ms))));
}

TEST_CASE("percentiles are within 9.1 % of those of the sorted list") {
  INFO("seed " << tests::seed());
  std::mt19937_64 random(tests::seed());
  for (int run = 0; run < 200; ++run) {
    Counts counts{};
    std::vector<std::int64_t> all(1 + random() % 500);
    const double fastest = 2e6 * static_cast<double>(1 + random() % 1000), spread = static_cast<double>(random() % 8);
    for (std::int64_t& ns : all) {
      const double chance = static_cast<double>(random() >> 11) * 0x1p-53;
      ns = static_cast<std::int64_t>(std::min(fastest * std::exp(chance * spread), 4.3e12));
      ++counts[LatencyClasses::of(Duration(ns))];
    }
    std::sort(all.begin(), all.end());
    for (unsigned percent : {1u, 50u, 90u, 95u, 99u, 100u}) {
      const auto exact = static_cast<double>(all[(all.size() * percent + 99) / 100 - 1]);
      const auto said = static_cast<double>(LatencyClasses::percentile(counts, percent)->count());
      CAPTURE(run, all.size(), percent, exact, said);
      REQUIRE(std::abs(said / exact - 1) < 0.091);
    }
  }
}

TEST_CASE("counts near the end of 64 bits do not wrap round") {
  Counts counts{};
  counts[10] = counts[20] = std::uint64_t{1} << 62;
  CHECK(LatencyClasses::percentile(counts, 50) == Elapsed(LatencyClasses::middle(10)));
  CHECK(LatencyClasses::percentile(counts, 95) == Elapsed(LatencyClasses::middle(20)));
}
