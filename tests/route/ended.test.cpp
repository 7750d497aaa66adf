// SPDX-License-Identifier: MIT
#include "llmroute/route/ended.hpp"

#include <type_traits>

#include "catch.hpp"

using namespace llmroute;

TEST_CASE("an end says nothing by itself: no success, no answer, no hint, no usage, nothing billed") {
  const Ended e;
  CHECK_FALSE(e.ok);
  CHECK(e.status == 0);
  CHECK(e.retry_after == Duration::zero());
  CHECK(e.message.empty());
  CHECK_FALSE(e.usage.reported);
  CHECK_FALSE(e.billed.has_value());
}

TEST_CASE("an end is handed over without a copy of the provider's words") {
  STATIC_REQUIRE(std::is_trivially_copyable_v<Ended>);
}
