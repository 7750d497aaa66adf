// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/weighted.hpp"

#include <map>
#include <string>
#include <vector>

#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

Provider weighing(std::string name, double weight) {
  Provider p = named(std::move(name));
  p.weight = weight;
  return p;
}

const ChatRequest request{.messages = "Hello"};
const Options nothing{};

/// Who is asked first, of so many requests.
std::map<std::string, int> drawn(auto& core, int requests, const Options& options = {}) {
  std::map<std::string, int> count;
  for (int i = 0; i < requests; ++i) {
    Exchange x(core, request, options, Delivery::whole, Overlap::no, Time{});
    ++count[told(x, Time{})];
  }
  return count;
}
bool near_to(int count, double expected) { return count > expected * 0.9 && count < expected * 1.1; }

}  // namespace

static_assert(RankingStrategy<ranking::Weighted> && Picks<ranking::Weighted> && Remembers<ranking::Weighted>);

TEST_CASE("Weighted gives each provider its share") {
  auto core = core_of(Fleet{weighing("a", 1), weighing("b", 3), weighing("c", 6)}, ranking::Weighted{});
  core.seed(tests::seed());
  auto count = drawn(core, 20'000);
  CHECK(near_to(count["a"], 2'000));
  CHECK(near_to(count["b"], 6'000));
  CHECK(near_to(count["c"], 12'000));
}

TEST_CASE("Weighted shares out what a closed one leaves by the weights of the others") {
  auto core = core_of(Fleet{weighing("a", 1), weighing("b", 3), weighing("c", 1000)}, ranking::Weighted{});
  core.seed(tests::seed());
  auto count = drawn(core, 20'000, {.deny = {"c"}});  // nearly every throw falls on the closed one
  CHECK(near_to(count["a"], 5'000));
  CHECK(near_to(count["b"], 15'000));
  CHECK(count["c"] == 0);
}

TEST_CASE("Weighted gives a weight of zero nothing, also when nobody else is left") {
  auto core = core_of(Fleet{weighing("a", 0), weighing("b", 1)}, ranking::Weighted{});
  CHECK(drawn(core, 1'000) == std::map<std::string, int>{{"b", 1'000}});
  CHECK(drawn(core, 1, {.deny = {"b"}}) == std::map<std::string, int>{{"finish", 1}});
  auto all_zero = core_of(Fleet{weighing("a", 0)}, ranking::Weighted{});
  CHECK(drawn(all_zero, 1) == std::map<std::string, int>{{"finish", 1}});
}

TEST_CASE("Weighted asks everybody once when they fail, whatever their weights") {
  auto core = core_of(Fleet{weighing("a", 1), weighing("b", 1e6), weighing("c", 1e-6)}, ranking::Weighted{});
  Exchange x(core, request, nothing, Delivery::whole, Overlap::no, Time{});
  std::map<std::string, int> asked;
  for (int i = 0; i < 3; ++i) {
    const Step s = x.next(Time{});
    REQUIRE(s.what == Step::Do::send);
    ++asked[x.provider(s.attempt).name];
    x.ended(s.attempt, failed(Kind::server_error, 500), Time{});
  }
  CHECK(asked.size() == 3);
}

TEST_CASE("Weighted by reliability prefers who succeeded lately, and never forgets the others") {
  auto core =
      core_of(Fleet{named("good"), named("bad")}, ranking::Weighted{.by = ranking::Weighted::By::reliability}, cooldown::Off{});
  core.seed(tests::seed());
  for (int i = 0; i < 200; ++i) {
    const Options bad{.allow = {"bad"}, .attempts = 1};
    Exchange x(core, request, bad, Delivery::whole, Overlap::no, Time{});
    x.ended(x.next(Time{}).attempt, failed(Kind::server_error, 500), Time{});
  }
  auto count = drawn(core, 20'000);
  CHECK(near_to(count["bad"], 20'000 * 0.05 / 1.05));  // the least share
  for (int i = 0; i < 100; ++i) {
    const Options bad{.allow = {"bad"}};
    Exchange x(core, request, bad, Delivery::whole, Overlap::no, Time{});
    x.ended(x.next(Time{}).attempt, good(), Time{});
  }
  count = drawn(core, 20'000);
  CHECK(near_to(count["bad"], 10'000));
}

TEST_CASE("a rate limit and a cancelled attempt say nothing about reliability") {
  const ranking::Weighted weighted{.by = ranking::Weighted::By::reliability};
  ranking::Weighted::State state;
  for (const Outcome& o : {Outcome{.ending = Ending::failed, .kind = Kind::rate_limited}, Outcome{.ending = Ending::cancelled}})
    weighted.learn(state, {.what = Event::What::ended, .outcome = &o});
  CHECK(state.reliability.load() == 1);
  const Outcome failure{.ending = Ending::failed, .kind = Kind::server_error};
  weighted.learn(state, {.what = Event::What::ended, .outcome = &failure});
  CHECK(state.reliability.load() < 1);
}

TEST_CASE("the same seed draws the same providers") {
  const auto trace = [](std::uint64_t seed) {
    auto core = core_of(Fleet{named("a"), named("b"), named("c")}, ranking::Weighted{});
    core.seed(seed);
    std::string all;
    for (int i = 0; i < 30; ++i) {
      Exchange x(core, request, nothing, Delivery::whole, Overlap::no, Time{});
      all += told(x, Time{});
    }
    return all;
  };
  CHECK(trace(1) == trace(1));
  CHECK(trace(1) != trace(2));
}
