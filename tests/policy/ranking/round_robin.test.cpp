// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/round_robin.hpp"

#include <map>
#include <string>

#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace tests;

namespace {

std::string first(auto& core, const ChatRequest& request, const Options& options = {}) {
  Exchange x(core, request, options, Delivery::whole, Overlap::no, Time{});
  return told(x, Time{});
}
const ChatRequest hello{.messages = "Hello"};
const Options nothing{};

}  // namespace

static_assert(RankingStrategy<ranking::RoundRobin> && Picks<ranking::RoundRobin> && TakesTurns<ranking::RoundRobin>);

TEST_CASE("RoundRobin goes round") {
  auto core = core_of(Fleet{named("a"), named("b"), named("c")}, ranking::RoundRobin{});
  std::string all;
  for (int i = 0; i < 7; ++i) all += first(core, hello);
  CHECK(all == "abcabca");
}

TEST_CASE("RoundRobin advances once an exchange, however many attempts that takes") {
  auto core = core_of(Fleet{named("a"), named("b"), named("c")}, ranking::RoundRobin{}, cooldown::Off{});
  {
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    for (const char* expected : {"a", "b", "c"}) {
      const Step s = x.next(Time{});
      CHECK(x.provider(s.attempt).name == expected);
      x.ended(s.attempt, failed(Kind::server_error, 500), Time{});
    }
  }
  CHECK(first(core, hello) == "b");
}

TEST_CASE("RoundRobin counts its turn over the open ones, so that a resting one's load falls on all others") {
  auto core = core_of(Fleet{named("a"), named("b"), named("c"), named("d")}, ranking::RoundRobin{});
  std::map<std::string, int> count;
  for (int i = 0; i < 300; ++i) ++count[first(core, hello, {.deny = {"b"}})];
  CHECK(count == std::map<std::string, int>{{"a", 100}, {"c", 100}, {"d", 100}});
}

TEST_CASE("RoundRobin takes turns for each model apart, so that two that alternate are both spread") {
  auto core = core_of(Fleet{named("a"), named("b")}, ranking::RoundRobin{});
  std::map<std::string, int> count;
  for (int i = 0; i < 100; ++i) {
    ++count["gpt-4o " + first(core, {.messages = "Hello", .model = "gpt-4o"})];
    ++count["sonar " + first(core, {.messages = "Hello", .model = "sonar"})];
  }
  CHECK(count == std::map<std::string, int>{{"gpt-4o a", 50}, {"gpt-4o b", 50}, {"sonar a", 50}, {"sonar b", 50}});
}

TEST_CASE("a turn outlives its fleet") {
  auto core = core_of(Fleet{named("a"), named("b"), named("c")}, ranking::RoundRobin{});
  CHECK(first(core, hello) == "a");
  REQUIRE(core.replace(Fleet{named("a"), named("b"), named("c")}));
  CHECK(first(core, hello) == "b");
}
