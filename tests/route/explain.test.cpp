// SPDX-License-Identifier: MIT
#include "llmroute/route/explain.hpp"

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

const ChatRequest hello{.messages = "Hello"};

Explanation explained(const auto& core, const ChatRequest& request = hello, const Options& options = {}) {
  return Preview(core, request, options).explain();
}
std::string order(const Explanation& e) {
  std::string all;
  for (const Prospect& p : e.providers)
    all += (all.empty() ? "" : " ") + (p.asked() ? "" : "-" + std::string()) + p.provider.text();
  return all;
}
/// Who is really asked, when each of them fails.
std::string asked(auto& core, const ChatRequest& request = hello, const Options& options = {}) {
  Exchange x(core, request, options, Delivery::whole, Overlap::no, Time{});
  std::string all;
  for (Step s = x.next(Time{}); s.what == Step::Do::send; s = x.next(Time{})) {
    all += (all.empty() ? "" : " ") + std::string(x.provider(s.attempt).name);
    x.ended(s.attempt, failed(Kind::server_error, 500), Time{});
  }
  return all;
}
/// Those of an explanation who would be asked.
std::string open(const Explanation& e) {
  std::string all;
  for (const Prospect& p : e.providers)
    if (p.asked()) all += (all.empty() ? "" : " ") + p.provider.text();
  return all;
}
Fleet many(int n) {
  std::vector<Provider> all;
  for (int i = 0; i < n; ++i) all.push_back(named("p" + std::to_string(i)));
  return Fleet{std::move(all)};
}
Fleet trio() {
  Provider dear = named("dear"), cheap = named("cheap"), unknown = named("unknown");
  dear.price = {per_million("10"), per_million("10"), {}};
  unknown.price = {};
  dear.expected_latency = 400ms;
  return Fleet{dear, cheap, unknown};
}

}  // namespace

TEST_CASE("an explanation names each provider in order, with what it would cost, and why the others are out") {
  auto core = core_of(trio(), ranking::Cheapest{}, classify::Keywords{});
  const ChatRequest request{.messages = "Debug this async function", .model = "gpt-9", .max_tokens = 1'000};
  const Explanation e = explained(core, request, {.deny = {"unknown"}});
  CHECK(e.category == "code");
  CHECK(e.confidence > 0.5f);
  CHECK(e.strategy == "cost");
  CHECK(e.prompt_tokens == 7);
  CHECK(e.completion_tokens == 1'000);
  CHECK_FALSE(e.refused);
  REQUIRE(e.providers.size() == 3);
  CHECK(e.open() == 2);
  CHECK(order(e) == "cheap dear -unknown");
  CHECK(e.providers[0].model == "gpt-9");
  CHECK(e.providers[0].estimate.amount == Money::nanos(2'007'000));
  CHECK(e.providers[0].score == Approx(0.002007));
  CHECK(e.providers[1].latency == 400ms);
  CHECK(e.providers[2].why == Closed::denied);
  CHECK_FALSE(e.providers[2].estimate.known());
  CHECK(e.text() ==
        "category code, strategy cost, about 7 + 1000 tokens\n"
        "1.  cheap    gpt-9  $0.002007\n"
        "2.  dear     gpt-9  $0.01007   400 ms\n"
        "-   unknown  gpt-9  $?                 the request does not allow it\n");
}

TEST_CASE("an explanation foretells whom the next request asks, draws and turns included") {
  const auto foretold = [](auto ranking) {
    auto core = core_of(Fleet{named("a"), named("b"), named("c"), named("d")}, ranking, cooldown::Off{}, retry::Off{});
    core.seed(tests::seed());
    for (int i = 0; i < 20; ++i) {
      const Explanation e = explained(core);
      CHECK(order(explained(core)) == order(e));  // looking changes nothing
      const auto first = Preview(core, hello, Options{}).select();
      REQUIRE(first);
      CHECK(first->provider == e.providers[0].provider);
      CHECK(asked(core) == order(e));
    }
  };
  foretold(ranking::Priority{});
  foretold(ranking::Weighted{});
  foretold(ranking::RoundRobin{});
  foretold(ranking::Cheapest{});  // equal prices are drawn
  foretold(ranking::by_name());
}

TEST_CASE("an explanation counts the attempts that the request has") {
  for (int attempts : {1, 2, 5, 8, 100}) {
    auto core = core_of(many(10), cooldown::Off{}, retry::Off{});
    const Options options{.attempts = attempts};
    const Explanation e = explained(core, hello, options);
    REQUIRE(e.providers.size() == 10);
    CHECK(e.open() == static_cast<std::size_t>(attempts < 8 ? attempts : 8));
    CHECK(e.providers[9].why == Closed::no_attempt_left);
    CHECK(open(e) == asked(core, hello, options));
  }
  auto core = core_of(many(10), cooldown::Off{}, retry::Off{});
  CHECK(open(explained(core)) == asked(core));
}

TEST_CASE("an explanation of a request without fallback names one provider") {
  auto core = core_of(many(3), cooldown::Off{}, retry::Off{});
  const Options options{.fallback = Fallback::off};
  const Explanation e = explained(core, hello, options);
  CHECK(open(e) == "p0");
  CHECK(e.providers[1].why == Closed::other_provider);
  CHECK(open(e) == asked(core, hello, options));
}

TEST_CASE("in a large fleet nobody who rests is taken for a last resort, and each provider is looked at a few times") {
  struct Counts {
    double score(const Candidate& c, const Query&) const { return ++*scores, c.index; }
    std::size_t* scores;
  };
  std::size_t scores = 0;
  auto core = core_of(many(1'000), Counts{&scores}, cooldown::CircuitBreaker{.failures = 1}, retry::Off{});
  asked(core, hello, {.allow = {"p999"}});
  scores = 0;
  const Explanation e = explained(core);
  CHECK(scores < 7'000);
  REQUIRE(e.providers.size() == 1'000);
  CHECK(e.open() == 5);
  CHECK_FALSE(e.providers[999].last_resort);
  CHECK(e.providers[999].why == Closed::rests);
}

TEST_CASE("what is free is below every ceiling, also where it has no price") {
  Provider p = named("p");
  p.price = {};
  p.free = {.requests_per_day = 1};
  auto core = core_of(Fleet{p}, cooldown::Off{}, retry::Off{});
  const Options options{.price_ceiling = dollars("0.01")};
  CHECK(open(explained(core, hello, options)) == "p");
  CHECK(asked(core, hello, options) == "p");
  CHECK(explained(core, hello, options).providers[0].why == Closed::price_unknown);
}

TEST_CASE("a request without time left is refused in its explanation, too") {
  auto core = core_of(many(1));
  const Options late{.timeouts = {.deadline = 0s}};
  CHECK(explained(core, hello, late).refused == Kind::deadline_exceeded);
  CHECK(asked(core, hello, late).empty());
}

TEST_CASE("a latency that is expected is told as it is, however long") {
  Provider p = named("p");
  p.expected_latency = endless;
  auto core = core_of(Fleet{p});
  CHECK(explained(core).providers[0].latency == endless);
}

TEST_CASE("whatever strangers call their models and categories, an explanation has a line for each provider") {
  auto core = core_of(many(1), ranking::by_name());
  const ChatRequest request{.messages = "Hello", .model = "\x1b[2J\nmodel"};
  CHECK(explained(core, request, {.category = "\x1b[2J\ncode"}).text() ==
        "category \\x1B[2J\\ncode, strategy priority, about 2 + 256 tokens\n1.  p0  \\x1B[2J\\nmodel  $0.000514\n");
  CHECK(explained(core, hello, {.strategy = "\x1b[2J"}).text().find('\x1b') == std::string::npos);
}

TEST_CASE("an explanation tells no observer, takes no probe and reserves nothing") {
  struct Deaf {
    void observe(const Event&) { ++*told; }
    int* told;
  };
  int told = 0;
  auto core = core_of(trio(), Deaf{&told});
  explained(core);
  CHECK(told == 0);
  CHECK(core.in_flight() == 0);
  const auto pin = core.pin();
  CHECK(pin->group({}).lanes[0].place->health.in_flight.load() == 0);
}

TEST_CASE("who rests is out, and for how much longer") {
  auto core = core_of(trio(), cooldown::Fixed{});
  core.policy<role::Clock>().time = Time{} + 100s;
  core.pin()->group({}).lanes[0].account->extend(Time{} + 120s);
  const Explanation e = explained(core);
  CHECK(order(e) == "cheap unknown -dear");
  CHECK(e.providers[2].why == Closed::asked_to_rest);
  CHECK(e.providers[2].rests == 20s);
  CHECK(e.text().find("asked for a rest (20 s left)") != std::string::npos);
}

TEST_CASE("when everybody rests, the one that would be asked early is named") {
  auto core = core_of(Fleet{named("a"), named("b")}, cooldown::CircuitBreaker{.failures = 1, .jitter = 0}, retry::Off{});
  asked(core);
  const Explanation e = explained(core);
  CHECK(order(e) == "a -b");
  CHECK(e.providers[0].last_resort);
  CHECK(e.providers[0].why == Closed::rests);
  const auto first = Preview(core, hello, Options{}).select();
  REQUIRE(first);
  CHECK(first->provider == "a");
  CHECK(asked(core) == "a");
}

TEST_CASE("who does not carry the model, and whom the ranking does not want, are out") {
  struct NotB {
    double score(const Candidate& c, const Query&) const {
      return c.provider.name == "b" ? std::numeric_limits<double>::infinity() : 0;
    }
  };
  struct OnlyAB {
    std::optional<Offer> resolve(std::string_view model, const Provider& p) const {
      if (p.name == "c") return std::nullopt;
      return Offer::assumed({{}, model}, p);
    }
    void each_model(FunctionRef<void(std::string_view)> each) const { each("listed"); }
  };
  auto core = core_of(Fleet{named("a"), named("b"), named("c")}, NotB{}, OnlyAB{});
  for (const char* model : {"listed", "unlisted"}) {
    const Explanation e = explained(core, {.messages = "Hello", .model = model});
    CHECK(order(e) == "a -b -c");
    CHECK(e.providers[1].why == Closed::unwanted);
    CHECK(e.providers[2].why == Closed::not_carried);
  }
}

TEST_CASE("a request that is refused at once says so in its explanation") {
  auto core = core_of(trio(), ranking::by_name());
  const Explanation strategy = explained(core, hello, {.strategy = "best"});
  CHECK(strategy.refused == Kind::misconfigured);
  CHECK(strategy.reason.find("priority, cost") != std::string::npos);
  CHECK(strategy.providers.empty());
  CHECK(explained(core, ChatRequest{}).refused == Kind::request_invalid);
  CHECK(explained(core, hello, {.cache = Switch::on}).refused == Kind::misconfigured);
  auto unsound = core_of(Fleet{});
  CHECK(explained(unsound).refused == Kind::misconfigured);
  const auto none_selected = Preview(core, hello, Options{.strategy = "best"}).select();
  REQUIRE_FALSE(none_selected);
  CHECK(none_selected.error().kind == Kind::misconfigured);
  std::ostringstream out;
  out << strategy;
  CHECK(out.str().find("refused: misconfigured, options.strategy") != std::string::npos);
}

TEST_CASE("a selection that finds nobody lists why, and when it is worth coming back") {
  auto core = core_of(Fleet{named("a"), named("b")}, cooldown::Fixed{});
  core.pin()->group({}).lanes[0].account->extend(Time{} + 20s);
  const Options options{.deny = {"b"}};
  const auto nobody = Preview(core, hello, options).select();
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().kind == Kind::no_candidate);
  CHECK(nobody.error().retry_after == 20s);
  CHECK(nobody.error().message == "a: asked for a rest; b: the request does not allow it; worth coming back in 20 s");
}

#if LLMROUTE_EXCEPTIONS
TEST_CASE("a policy that throws while it is asked is reported, and does not throw at the caller") {
  struct Moody {
    double score(const Candidate&, const Query&) const { throw 1; }
  };
  auto core = core_of(trio(), Moody{});
  CHECK(explained(core).refused == Kind::policy_failed);
  const auto nobody = Preview(core, hello, Options{}).select();
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().kind == Kind::policy_failed);
}
#endif
