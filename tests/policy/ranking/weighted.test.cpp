// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/weighted.hpp"

#include <limits>
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

namespace {

using By = ranking::Weighted::By;

Provider at_price(std::string name, std::string_view per_million_tokens) {
  Provider p = named(std::move(name));
  p.price = {per_million(per_million_tokens), per_million(per_million_tokens), {}};
  return p;
}
Provider unpriced(std::string name) {
  Provider p = named(std::move(name));
  p.price = {};
  return p;
}
Provider limited(std::string name, RateLimits limits) {
  Provider p = named(std::move(name));
  p.limits = limits;
  return p;
}
/// The one named is asked and fails, or not.
void ask(auto& core, const std::string& provider, const Ended& e, Time now) {
  const Options only{.allow = {provider}, .attempts = 1};
  Exchange x(core, request, only, Delivery::whole, Overlap::no, now);
  x.ended(x.next(now).attempt, e, now);
  x.next(now);
}
/// Who is asked, in order, when each of them fails.
std::string course(auto& core, Time now) {
  const Options all{.attempts = 8};
  Exchange x(core, request, all, Delivery::whole, Overlap::no, now);
  std::string names;
  for (Step s = x.next(now); s.what == Step::Do::send; s = x.next(now)) {
    names += (names.empty() ? "" : " ") + std::string(x.provider(s.attempt).name);
    x.ended(s.attempt, failed(Kind::server_error, 500), now);
  }
  return names;
}
std::map<std::string, int> drawn_at(auto& core, int requests, Time now) {
  std::map<std::string, int> count;
  for (int i = 0; i < requests; ++i) {
    Exchange x(core, request, nothing, Delivery::whole, Overlap::no, now);
    ++count[told(x, now)];
  }
  return count;
}

}  // namespace

static_assert(Refuses<ranking::Weighted>);

TEST_CASE("by the inverse square of price, prices of 1, 2 and 3 dollars draw 73.5, 18.4 and 8.2 %") {
  auto core = core_of(Fleet{at_price("a", "1"), at_price("b", "2"), at_price("c", "3")},
                      ranking::Weighted{.by = By::inverse_square_price});
  core.seed(tests::seed());
  INFO("--rng-seed " << tests::seed());
  auto count = drawn(core, 20'000);
  CHECK(near_to(count["a"], 20'000 * 36.0 / 49));
  CHECK(near_to(count["b"], 20'000 * 9.0 / 49));
  CHECK(near_to(count["c"], 20'000 * 4.0 / 49));

  Provider half = at_price("half", "1"), marked_up = at_price("marked-up", "1");
  half.weight = 0.5, marked_up.markup = 1;
  auto weighed = core_of(Fleet{at_price("a", "1"), half, marked_up}, ranking::Weighted{.by = By::inverse_square_price});
  weighed.seed(tests::seed());
  count = drawn(weighed, 20'000);
  CHECK(near_to(count["a"], 20'000 * 4.0 / 7));
  CHECK(near_to(count["half"], 20'000 * 2.0 / 7));
  CHECK(near_to(count["marked-up"], 20'000 * 1.0 / 7));
}

TEST_CASE("by price, who had an outage within 30 s is asked only when nobody else is open") {
  auto core = core_of(Fleet{at_price("cheap", "0.01"), at_price("dear", "10")},
                      ranking::Weighted{.by = By::inverse_square_price}, cooldown::Off{});
  const Time now{Time{} + 1h};
  CHECK(drawn_at(core, 200, now)["cheap"] == 200);  // but for one in a million
  ask(core, "cheap", failed(Kind::server_error, 500), now);
  CHECK(drawn_at(core, 200, now + 29s)["dear"] == 200);
  CHECK(drawn_at(core, 200, now + 30s)["cheap"] == 200);
  // Another failure, that is no outage, hides none.
  ask(core, "cheap", failed(Kind::request_invalid, 400), now + 1s);
  CHECK(drawn_at(core, 200, now + 29s)["dear"] == 200);
  const Options denied{.deny = {"dear"}};
  Exchange x(core, request, denied, Delivery::whole, Overlap::no, now + 1s);
  CHECK(told(x, now + 1s) == "cheap");
  ask(core, "dear", failed(Kind::timed_out), now);
  CHECK(drawn_at(core, 200, now + 1s)["cheap"] == 200);  // both had one

  auto impatient = core_of(Fleet{at_price("cheap", "0.01"), at_price("dear", "10")},
                           ranking::Weighted{.by = By::inverse_square_price, .calm = 1s}, cooldown::Off{});
  ask(impatient, "cheap", failed(Kind::server_error, 500), now);
  CHECK(drawn_at(impatient, 200, now + 999ms)["dear"] == 200);
  CHECK(drawn_at(impatient, 200, now + 1s)["cheap"] == 200);
}

TEST_CASE("by price, what costs nothing is asked before all prices, and an unknown price after them, calm ones first") {
  auto core = core_of(Fleet{unpriced("unknown"), at_price("priced", "1"), at_price("free", "0"), unpriced("unknown-ill"),
                            at_price("priced-ill", "0.1"), at_price("free-ill", "0")},
                      ranking::Weighted{.by = By::inverse_square_price}, cooldown::Off{}, retry::Off{});
  const Time now{Time{} + 1h};
  for (const char* name : {"unknown-ill", "priced-ill", "free-ill"}) ask(core, name, failed(Kind::overloaded, 503), now);
  std::string names;
  Options all{.attempts = 6};
  for (int i = 0; i < 6; ++i) {
    Exchange x(core, request, all, Delivery::whole, Overlap::no, now + 1s);
    const std::string name = told(x, now + 1s);
    names += name + " ";
    all.deny.push_back(name);
  }
  CHECK(names == "free priced unknown free-ill priced-ill unknown-ill ");
}

TEST_CASE("by price, what costs nothing is shared out by weight, and so is what nobody knows the price of") {
  for (const char* price : {"0", ""}) {
    Provider one = named("one"), three = named("three"), never_asked = named("never");
    one.price = three.price = never_asked.price = *price != 0 ? Price::zero() : Price{};
    three.weight = 3;
    never_asked.weight = 0;
    auto core = core_of(Fleet{one, three, never_asked}, ranking::Weighted{.by = By::inverse_square_price});
    core.seed(tests::seed());
    auto count = drawn(core, 8'000);
    CHECK(near_to(count["one"], 2'000));
    CHECK(near_to(count["three"], 6'000));
  }
}

TEST_CASE("by limits, each gets its share, and those without one as much as the others on average") {
  // Neither does the first decide for all, nor does who names no limit starve.
  for (By by : {By::rpm, By::tpm}) {
    const auto limits = [&](double n) {
      return by == By::rpm ? RateLimits{.requests_per_minute = n, .tokens_per_minute = 7e9}
                           : RateLimits{.requests_per_minute = 7e9, .tokens_per_minute = n};
    };
    auto core = core_of(Fleet{limited("unlimited", limits(0)), limited("a", limits(1e8)), limited("b", limits(5e8))},
                        ranking::Weighted{.by = by});
    core.seed(tests::seed());
    INFO("--rng-seed " << tests::seed());
    auto count = drawn(core, 18'000);
    CHECK(near_to(count["unlimited"], 6'000));  // 3 of 9
    CHECK(near_to(count["a"], 2'000));
    CHECK(near_to(count["b"], 10'000));
    count = drawn(core, 10'000, {.deny = {"a"}});
    CHECK(near_to(count["unlimited"], 5'000));
    CHECK(near_to(count["b"], 5'000));
  }
}

TEST_CASE("by limits, where nobody has one, the weights alone share it out, and a weight of zero gets nothing") {
  Provider two = weighing("two", 2), zero = weighing("zero", 0);
  zero.limits.requests_per_minute = 1e6;
  auto core = core_of(Fleet{named("one"), two, zero}, ranking::Weighted{.by = By::rpm});
  core.seed(tests::seed());
  auto count = drawn(core, 9'000);
  CHECK(near_to(count["one"], 3'000));
  CHECK(near_to(count["two"], 6'000));
  CHECK(count["zero"] == 0);
  auto alone = core_of(Fleet{zero}, ranking::Weighted{.by = By::rpm});
  CHECK(drawn(alone, 1)["finish"] == 1);
}

TEST_CASE("whatever Weighted draws by, all are asked once when they fail") {
  for (By by : {By::weight, By::reliability, By::inverse_square_price, By::rpm, By::tpm}) {
    Fleet fleet{at_price("a", "0"), at_price("b", "1"), unpriced("c"),
                limited("d", {.requests_per_minute = 5e6, .tokens_per_minute = 5e6})};
    auto core = core_of(std::move(fleet), ranking::Weighted{.by = by}, cooldown::Off{}, retry::Off{});
    const std::string all = course(core, Time{});
    CHECK(all.size() == 7);
    for (const char* name : {"a", "b", "c", "d"}) CHECK(all.find(name) != all.npos);
  }
}

TEST_CASE("a thousand providers are drawn from by price and by limit as they should be") {
  std::vector<Provider> all;
  for (int i = 0; i < 1'000; ++i) {
    Provider p = at_price("p" + std::to_string(i), i == 700 ? "0.1" : "10");
    p.limits.requests_per_minute = i == 700 ? 999e6 : 1e6;
    all.push_back(std::move(p));
  }
  for (By by : {By::inverse_square_price, By::rpm}) {
    auto core = core_of(Fleet{all}, ranking::Weighted{.by = by});
    core.seed(tests::seed());
    auto count = drawn(core, 1'000);
    INFO("--rng-seed " << tests::seed());
    const double expected = by == By::rpm ? 500 : 909;
    CHECK((count["p700"] > expected - 100 && count["p700"] < expected + 100));  // 6 deviations
  }
}

TEST_CASE("a weight or a limit that is no number gets nothing and takes nothing from the others") {
  struct Hand {
    Query query{.request = request, .options = nothing};
    std::vector<Provider> providers{};
    std::vector<Health> health = std::vector<Health>(3);
    std::vector<ranking::Weighted::State> states = std::vector<ranking::Weighted::State>(3);
    std::size_t size() const { return providers.size(); }
    bool open(std::size_t) const { return true; }
    double most_weight() const { return 1; }
    Candidate operator[](std::size_t i) const {
      return {providers[i], Offer::assumed({}, providers[i]), health[i], query, static_cast<std::uint32_t>(i), Time{}};
    }
    const ranking::Weighted::State& state(std::size_t i) const { return states[i]; }
  };
  constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
  for (By by : {By::weight, By::reliability, By::inverse_square_price, By::rpm}) {
    Hand hand;
    hand.providers = {weighing("a", no_number), weighing("b", 1), weighing("c", -1)};
    for (double limit : {0.0, 10.0, no_number, -1.0}) {
      hand.providers[1].limits.requests_per_minute = limit;
      for (std::uint64_t i = 0; i < 200; ++i) {
        hand.query.seed = i;
        CHECK(ranking::Weighted{.by = by}.pick(hand, hand.query) == 1);
      }
    }
  }
  Provider bad = named("bad");
  bad.limits.requests_per_minute = no_number;
  auto core = core_of(Fleet{bad}, ranking::Weighted{.by = By::rpm});
  CHECK(drawn(core, 1)["finish"] == 1);  // a fleet refuses it where it is configured
}

TEST_CASE("a Weighted whose calm is negative is refused before anything is sent") {
  auto core = core_of(Fleet{named("a")}, ranking::Weighted{.calm = -1s});
  Exchange x(core, request, nothing, Delivery::whole, Overlap::no, Time{});
  CHECK(told(x, Time{}) == "finish");
  CHECK(x.failure(Time{}).kind == Kind::misconfigured);
}
