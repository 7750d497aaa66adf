// SPDX-License-Identifier: MIT
#include "llmroute/policy/budget/per_request.hpp"

#include "catch.hpp"
#include "purse.hpp"

using namespace llmroute;
using tests::Asking;

TEST_CASE("a request's attempts together cost no more than its ceiling, to the nano-dollar") {
  const budget::PerRequest b{.most = Money::nanos(100)};
  Asking a;
  CHECK(a.reserve(b, 100));
  CHECK_FALSE(a.reserve(b, 101));
  a.query.spent = Money::nanos(40);
  CHECK(a.reserve(b, 60));
  CHECK_FALSE(a.reserve(b, 61));
  a.query.spent = Money::nanos(130);  // a provider has billed beyond
  CHECK_FALSE(a.reserve(b, 1));
  CHECK(a.reserve(b, 0));
}

TEST_CASE("a ceiling refuses a price that nobody knows, whatever it is, and one that is negative refuses all") {
  const budget::PerRequest all_there_is{.most = Money::most()}, negative{.most = Money::nanos(-1)};
  const Asking a;
  CHECK(a.reserve(all_there_is, Money::most().nanos() - 1));
  CHECK_FALSE(a.reserve(all_there_is, Money::most().nanos()));
  CHECK(all_there_is.problem().empty());
  CHECK_FALSE(a.reserve(negative, 0));
  CHECK_THAT(std::string(negative.problem()), ContainsSubstring("set .most"));
}
