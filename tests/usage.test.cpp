// SPDX-License-Identifier: MIT
#include "llmroute/usage.hpp"

#include <cstdint>
#include <limits>

#include "catch.hpp"

using llmroute::Usage;

TEST_CASE("a usage counts cached and reasoning tokens once, in what they are part of") {
  STATIC_REQUIRE(Usage{.prompt = 100, .completion = 20, .cached = 80, .reasoning = 15}.total() == 120);
}

TEST_CASE("a provider's absurd token counts do not overflow") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  STATIC_REQUIRE(Usage{.prompt = most, .completion = most}.total() == most);
  STATIC_REQUIRE(Usage{.prompt = most, .completion = 1}.total() == most);
}

TEST_CASE("a usage that nobody reported is not one of zero tokens") {
  STATIC_REQUIRE(!Usage{}.reported);
  STATIC_REQUIRE(Usage{} != Usage{.reported = true});
}
