// SPDX-License-Identifier: MIT
// Chance: repeatable, different where it must differ, and spread.
#include "llmroute/chance.hpp"

#include <cstdint>
#include <limits>
#include <set>

#include "catch.hpp"

using namespace llmroute;

TEST_CASE("the same seed and salt give the same bits, others others") {
  STATIC_REQUIRE(mix(1, 2) == mix(1, 2));
  std::set<std::uint64_t> bits;
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    for (std::uint64_t salt = 0; salt < 50; ++salt) bits.insert(mix(seed, salt));
  CHECK(bits.size() == 2'500);
}

TEST_CASE("chance lies strictly between nothing and one") {
  STATIC_REQUIRE(unit(0) > 0);
  STATIC_REQUIRE(unit(std::numeric_limits<std::uint64_t>::max()) < 1);
  double sum = 0;
  int low = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const double u = unit(mix(tests::seed(), i));
    sum += u;
    low += u < 0.1;
  }
  INFO("--rng-seed " << tests::seed());
  CHECK(sum / 10'000 == Approx(0.5).margin(0.02));
  CHECK(low > 800);
  CHECK(low < 1'200);
}
