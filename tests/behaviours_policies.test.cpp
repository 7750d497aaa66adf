// SPDX-License-Identifier: MIT
// What the routers of tutorials do about failures, health and rests, what they count, and how they compare, one test a
// behaviour. Vendors, strategies and kinds of tasks are in behaviours_routing.test.cpp.
#include <llmroute/llmroute.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

/// Two providers: `first` is asked while it may be.
struct Pair : sim::World {
  sim::ScriptedProvider &first, &second;
  Pair() : first(add({.name = "first", .vendor = "groq"})), second(add({.name = "second"})) {}

  Fleet fleet() const { return Fleet{providers()}; }
  /// Keys that were refused are never tried again by themselves.
  Fleet strict_fleet() const {
    std::vector<Provider> all = providers();
    for (Provider& p : all) p.retry_key_after = Duration::zero();
    return Fleet{std::move(all)};
  }
  void fail(int times) {
    for (int i = 0; i < times; ++i) first.answer_with(sim::Answer::error(500));
  }
};
template <class... Policies>
auto router_over(sim::World& world, Fleet fleet, Policies... policies) {
  return Router{std::move(fleet), sim::Network{world}, sim::Clock{world}, std::move(policies)...};
}

std::string next(const auto& router) {
  const Result<Prospect> p = router.select("Well?");
  return p ? p->provider.text() : "nobody";
}
/// Who answers now.
std::string answerer(auto& router) {
  const Result<Reply> reply = router.complete("Well?");
  return reply ? reply->provider.text() : "nobody";
}

/// A rest of one's own, shorter after a timeout than after other failures.
struct ShorterAfterTimeouts {
  struct State {
    std::atomic<Time> until{long_ago};
  };
  Time rest_until(const State& s, Time) const { return s.until; }
  void report(State& s, const Outcome& o, Time now) const {
    if (o.blame() == Blame::failure) s.until = later(now, o.kind == Kind::timed_out ? 10s : 60s);
  }
};

}  // namespace

// --- failures ---

TEMPLATE_TEST_CASE("behaviour: a 429 rests for 60 s, or as long as Retry-After says", "", cooldown::CircuitBreaker,
                   cooldown::ConsecutiveFailures, cooldown::Fixed, ShorterAfterTimeouts) {
  const bool hint = GENERATE(false, true);
  Pair world;
  world.first.answer_with(hint ? sim::Answer::rate_limited(20s) : sim::Answer::error(429));
  auto router = router_over(world, world.fleet(), TestType{});
  const Result<Reply> reply = router.complete("Well?");
  REQUIRE(reply);
  CHECK(reply->provider == "second");
  const Duration left = (hint ? 20s : 60s) - (reply->latency - reply->trail[0].took);  // it came before the reply
  CHECK(router.status().find("first")->rests == left);
  CHECK(router.status().find("first")->failures == 0);  // which is no illness
  world.advance(left - 1ms);
  CHECK(next(router) == "second");
  world.advance(1ms);
  CHECK(next(router) == "first");
}

TEST_CASE("behaviour: a refused key takes a provider out for good, that is until it is replaced or enabled") {
  Pair world;
  world.first.script().key = "sk-old";
  auto router = router_over(world, world.strict_fleet());
  world.first.script().key = "sk-new";
  CHECK(answerer(router) == "second");
  world.advance(24h * 365);
  CHECK(answerer(router) == "second");
  CHECK(world.first.counters().requests == 1);
  CHECK(router.status().find("first")->why == Closed::unauthorized);
  SECTION("replaced") { CHECK(router.replace(world.strict_fleet())); }
  SECTION("enabled") {
    world.first.script().key = "sk-old";
    CHECK(router.enable("first"));
  }
  CHECK(answerer(router) == "first");
}

TEST_CASE("behaviour: a 403, or a 404 of the API, takes the model out for good, until the provider is enabled") {
  const int status = GENERATE(403, 404);
  Pair world;
  world.first.script().model = "llama-3.1-8b-instant";
  auto router = router_over(world, world.strict_fleet());
  world.first.answer_with(sim::Answer::error(status, "", "The model does not exist or you do not have access to it."));
  for (int year = 0; year < 2; ++year) {
    CHECK(router.complete({.messages = "Well?", .model = "llama-3.1-8b"})->provider == "second");
    CHECK(answerer(router) == "second");  // it is the default model, too
    world.advance(24h * 365);
  }
  CHECK(world.first.counters().requests == 1);
  CHECK(router.status().find("first")->why == Closed::no_such_model);
  CHECK(router.complete({.messages = "Well?", .model = "llama-3.3-70b"})->provider == "first");  // another of its models
  CHECK(router.enable("first"));
  CHECK(answerer(router) == "first");
}

TEST_CASE("behaviour: a 404 of no API takes the provider out for good") {
  Pair world;
  world.first.answer_with(sim::Answer::html(404));
  auto router = router_over(world, world.strict_fleet());
  CHECK(answerer(router) == "second");
  world.advance(24h * 365);
  CHECK(answerer(router) == "second");
  CHECK(world.first.counters().requests == 1);
  CHECK(router.status().find("first")->why == Closed::misconfigured);
}

TEST_CASE("behaviour: after any other error the next provider is asked, and the first is not out") {
  for (const sim::Answer& answer :
       {sim::Answer::error(500), sim::Answer::error(502), sim::Answer::error(503), sim::Answer::error(529),
        sim::Answer::refused(), sim::Answer::unresolved(), sim::Answer::no_answer(http::Error::io), sim::Answer::html(),
        sim::Answer::json(200, "{}")}) {
    CAPTURE(answer.status, answer.body());
    Pair world;
    world.first.answer_with(answer);
    auto router = router_over(world, world.fleet());
    CHECK(answerer(router) == "second");
    CHECK(answerer(router) == "first");
  }
}

TEST_CASE("behaviour: a timeout is told from other errors, has its own limit, and may have a shorter window") {
  Pair world;
  const bool silent = GENERATE(true, false);
  world.first.answer_with(silent ? sim::Answer::hang() : sim::Answer::error(500).after(5s));
  auto router = router_over(world, world.fleet(), ShorterAfterTimeouts{});
  const Result<Reply> reply = router.complete("Well?", {.timeouts = {.attempt = 6s}});
  REQUIRE(reply);
  CHECK(reply->provider == "second");
  CHECK(reply->trail[0].kind == (silent ? Kind::timed_out : Kind::server_error));
  CHECK(reply->trail[0].took == (silent ? 6s : 5s));
  CHECK(next(router) == "second");
  world.advance(10s);
  CHECK(next(router) == (silent ? "first" : "second"));
  world.advance(50s);
  CHECK(next(router) == "first");
}

TEST_CASE("behaviour: when all have failed the error lists every cause") {
  sim::World world;
  world.add({.name = "broken"}).answer_with(sim::Answer::error(500, "", "out of order"));
  world.add({.name = "absent"}).answer_with(sim::Answer::refused());
  world.add({.name = "locked"}).answer_with(sim::Answer::error(401, "invalid_api_key", "wrong key"));
  world.add({.name = "silent"}).answer_with(sim::Answer::hang());
  auto router = router_over(world, Fleet{world.providers()}, retry::Off{});
  const Result<Reply> reply = router.complete("Well?", {.timeouts = {.attempt = 5s}});
  REQUIRE_FALSE(reply);
  for (const char* cause : {"broken: server_error (HTTP 500), out of order", "absent: not_sent",
                            "locked: unauthorized (HTTP 401), wrong key", "silent: timed_out"})
    CHECK_THAT(reply.error().message, ContainsSubstring(cause));
  CHECK(reply.error().trail.size() == 4);
}

TEST_CASE("behaviour: when all rest the request ends with an error at once, and nothing is sent") {
  Pair world;
  world.first.answer_with(sim::Answer::rate_limited(20s));
  world.second.answer_with(sim::Answer::rate_limited(30s));
  auto router = router_over(world, world.fleet(), retry::Off{});
  CHECK(answerer(router) == "nobody");
  const Time before = world.now();
  const Result<Reply> reply = router.complete("Well?");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == Kind::no_candidate);
  CHECK(reply.error().trail.empty());
  CHECK_THAT(reply.error().message, ContainsSubstring("first: asked for a rest"));
  CHECK_THAT(reply.error().message, ContainsSubstring("second: asked for a rest"));
  CHECK(reply.error().retry_after > 19s);
  CHECK(reply.error().retry_after <= 20s);
  CHECK(world.first.counters().requests + world.second.counters().requests == 2);
  CHECK(world.now() == before);
}

TEST_CASE("behaviour: at most 1 + 2 tries, where a request says so") {
  sim::World world;
  world.add({.name = "only", .failure_rate = 1});
  auto router = router_over(world, Fleet{world.providers()}, cooldown::Off{});
  SECTION("by the attempts") { CHECK_FALSE(router.complete("Well?", {.attempts = 3})); }
  SECTION("by the retries of that kind of failure") {
    CHECK_FALSE(router.complete("Well?", {.retries = {{Kind::server_error, 2}}}));
  }
  CHECK(world.provider("only").counters().requests == 3);
}

// --- health ---

TEST_CASE("behaviour: who is not known yet is healthy") {
  Pair world;
  auto router = router_over(world, world.fleet(), cooldown::ConsecutiveFailures{});
  for (const ProviderStatus& p : router.status()) CHECK(p.well());
  CHECK(router.status().providers.size() == 2);
  CHECK(router.explain("Well?").open() == 2);
}

TEST_CASE("behaviour: 3 failures in a row make a provider unhealthy, 2 do not") {
  Pair world;
  world.fail(3);
  auto router = router_over(world, world.fleet(), cooldown::ConsecutiveFailures{});
  CHECK(answerer(router) == "second");
  CHECK(answerer(router) == "second");
  CHECK(next(router) == "first");
  CHECK(answerer(router) == "second");
  CHECK(next(router) == "second");
  CHECK_FALSE(router.status().find("first")->well());
  CHECK(router.status().find("second")->well());
}

TEST_CASE("behaviour: a success resets the failures in a row") {
  Pair world;
  auto router = router_over(world, world.fleet(), cooldown::ConsecutiveFailures{});
  for (int round = 0; round < 3; ++round) {
    world.fail(2);
    CHECK(answerer(router) == "second");
    CHECK(answerer(router) == "second");
    CHECK(router.status().find("first")->failures_in_a_row == 2);
    CHECK(answerer(router) == "first");
    CHECK(router.status().find("first")->failures_in_a_row == 0);
  }
}

TEST_CASE("behaviour: the status has the count of failures of each provider") {
  Pair world;
  world.fail(2);
  auto router = router_over(world, world.fleet());
  for (int i = 0; i < 5; ++i) CHECK(answerer(router) != "nobody");
  CHECK(router.status().find("first")->failures == 2);
  CHECK(router.status().find("first")->successes == 3);
  CHECK(router.status().find("second")->failures == 0);
  CHECK(router.status().find("second")->successes == 2);
}

TEST_CASE("behaviour: who failed 3 times in the last minute is skipped, whatever succeeded between") {
  Pair world;
  auto router = router_over(world, world.fleet(), cooldown::ConsecutiveFailures{.failures = 3, .within = 60s});
  const Time begin = world.now();
  for (int i = 0; i < 3; ++i) {
    CHECK(next(router) == "first");
    world.fail(1);
    CHECK(answerer(router) == "second");
    if (i < 2) CHECK(answerer(router) == "first");
    world.advance(10s);
  }
  CHECK(next(router) == "second");
  world.advance_to(begin + 60s);  // the first failure took a moment
  CHECK(next(router) == "second");
  world.advance(100ms);
  CHECK(next(router) == "first");
}

TEST_CASE("behaviour: if all have failed so, the first of them is tried all the same") {
  Pair world;
  auto router = router_over(world, world.fleet(), cooldown::ConsecutiveFailures{.failures = 3, .within = 60s}, retry::Off{});
  world.fail(3);
  for (int i = 0; i < 3; ++i) world.second.answer_with(sim::Answer::error(500));
  for (int i = 0; i < 3; ++i) CHECK(answerer(router) == "nobody");
  CHECK_FALSE(router.status().find("first")->well());
  CHECK_FALSE(router.status().find("second")->well());
  CHECK(answerer(router) == "first");
}

TEST_CASE("behaviour: the breaker opens after 3 failures for 5 s, a fifth more or less, and then lets 1 probe through") {
  Pair world;
  world.fail(3);
  sim::Network network{world};
  Router router{world.fleet(), network, sim::Clock{world}};
  CHECK(answerer(router) == "second");
  CHECK(answerer(router) == "second");
  CHECK(next(router) == "first");
  const Result<Reply> third = router.complete("Well?");
  REQUIRE(third);
  CHECK(third->provider == "second");
  const Duration left = router.status().find("first")->rests, rest = left + third->latency - third->trail[0].took;
  CHECK((rest >= 4s && rest <= 6s));
  world.advance(left - 10ms);
  CHECK(next(router) == "second");
  world.advance(10ms);
  CHECK(next(router) == "first");

  const bool well = GENERATE(true, false);
  if (!well) world.fail(1);
  std::vector<std::string> who;
  const auto note = [&](const Result<Reply>& r) { who.push_back(r ? r->provider.text() : "nobody"); };
  const auto before = world.first.counters().requests;
  const auto one = router.start("Well?", note);
  const auto other = router.start("Well?", note);
  CHECK(world.first.counters().requests == before + 1);
  CHECK(world.second.counters().in_flight == 1);
  network.run_until([&] { return who.size() == 2; });
  CHECK(next(router) == (well ? "first" : "second"));
  CHECK(router.status().find("first")->well() == well);
}

TEST_CASE("behaviour: a health check is a request for 1 token within 5 s, and makes a provider well") {
  Pair world;
  world.fail(3);
  auto router = router_over(world, world.fleet());
  for (int i = 0; i < 3; ++i) CHECK(answerer(router) == "second");
  const auto check = [&] {
    return router.complete({.messages = "ping", .max_tokens = 1},
                           {.allow = {"first"}, .timeouts = {.attempt = 5s}, .attempts = 1});
  };
  world.first.answer_with(sim::Answer::hang());
  const Time before = world.now();
  CHECK_FALSE(check());
  CHECK(world.now() - before == 5s);
  CHECK_THAT(world.first.last_request().body, ContainsSubstring(R"("max_tokens":1)"));
  CHECK_FALSE(router.status().find("first")->well());
  CHECK(check());
  CHECK(router.status().find("first")->well());
}

TEST_CASE("behaviour: a stream whose provider breaks before its first word restarts at the next one, unseen") {
  Pair world;
  world.first.answer_with(sim::Answer::stream({"never", "seen"}, 20ms).cut_after(0));
  world.second.answer_with(sim::Answer::stream({"One ", "two."}, 20ms));
  auto router = router_over(world, world.fleet());
  std::string seen;
  const Result<Reply> reply = router.stream("Count.", [&](const Delta& d) { seen += d.text; });
  REQUIRE(reply);
  CHECK(seen == "One two.");
  CHECK(reply->provider == "second");
}

// --- money ---

TEST_CASE("behaviour: a free allowance is used until it is exceeded, and then the price counts") {
  sim::World world;
  const Usage usage{.prompt = 100, .completion = 256, .reported = true};
  world.add({.name = "cheap", .price = {per_million("0.06"), per_million("0.06")}});
  world.add({.name = "generous", .price = {per_million("1"), per_million("1")}});
  std::vector<Provider> all = world.providers();
  const bool requests = GENERATE(true, false);
  if (requests) all[1].free.requests_per_day = 2;
  else all[1].free.tokens_per_day = 400;  // the second request goes beyond
  auto router = router_over(world, Fleet{all}, ranking::Cheapest{});
  for (int day = 0; day < 2; ++day) {
    for (const char* who : {"generous", "generous", "cheap"}) {
      world.provider(who).answer_with(sim::Answer::reply("Yes.", usage));
      const Result<Reply> reply = router.complete("Well?");
      REQUIRE(reply);
      CHECK(reply->provider == who);
      CHECK(reply->cost.exact());
      CHECK(reply->cost.amount == (reply->provider == "cheap" ? dollars("0.00002136") : Money()));
    }
    world.provider("generous").answer_with(sim::Answer::reply("Yes.", usage));
    CHECK(router.complete("Well?", {.allow = {"generous"}})->cost.amount == dollars("0.000356"));
    world.advance(24h);
  }
}

TEST_CASE("behaviour: a request may set a most that it may cost, such as $0.02") {
  sim::World world;
  world.add({.name = "dear", .price = {per_million("20"), per_million("60")}});
  world.add({.name = "cheap", .price = {per_million("1"), per_million("5")}});
  auto router = router_over(world, Fleet{world.providers()});
  const ChatRequest request{.messages = "Well?", .max_tokens = 500};
  CHECK(router.complete(request)->provider == "dear");  // about $0.03
  CHECK(router.complete(request, {.price_ceiling = dollars("0.02")})->provider == "cheap");
  CHECK(router.complete(request, {.price_ceiling = dollars("0.05")})->provider == "dear");
}

// --- figures ---

TEST_CASE("behaviour: the figures have cost, requests, latency and success, in all, by provider, by category and by time") {
  sim::World world;
  const Usage usage{.prompt = 1000, .completion = 1000, .reported = true};
  world.add({.name = "groq", .price = {per_million("1"), per_million("2")}});
  world.add({.name = "openai", .price = {per_million("3"), per_million("4")}});
  observe::Stats stats{{.reference = observe::Reference{.name = "gpt-4o", .price = {per_million("2.50"), per_million("10")}}}};
  auto router = router_over(world, Fleet{world.providers()}, classify::Keywords{}, retry::Off{}, std::ref(stats));
  world.provider("groq").answer_with(sim::Answer::reply("Yes.", usage).after(200ms));
  world.provider("groq").answer_with(sim::Answer::reply("Yes.", usage).after(400ms));
  CHECK(router.complete("What is it?"));
  CHECK(router.complete("Debug this code"));
  world.advance(10min);
  world.provider("groq").answer_with(sim::Answer::error(500)).answer_with(sim::Answer::error(500));
  world.provider("openai").answer_with(sim::Answer::reply("Yes.", usage).after(1s)).answer_with(sim::Answer::error(500));
  CHECK(router.complete("Debug this code"));
  CHECK_FALSE(router.complete("What is it?"));

  const observe::Figures all = stats.figures();
  CHECK(all.requests == 4);
  CHECK(all.cost == dollars("0.013"));
  CHECK(all.success_rate() == 0.75);
  CHECK(all.reference == "gpt-4o");
  CHECK(all.savings == dollars("0.0245"));  // 3 times 1,000 tokens in and out for $0.0125 there
  REQUIRE(all.providers.size() == 2);
  CHECK(all.providers[0].name == "groq");
  CHECK(all.providers[0].cost == dollars("0.006"));
  CHECK(all.providers[0].mean == Elapsed(300ms));
  CHECK(all.providers[0].success_rate() == 0.5);
  CHECK(all.providers[1].cost == dollars("0.007"));
  CHECK(all.providers[1].mean == Elapsed(1s));
  REQUIRE(all.categories.size() == 2);
  CHECK(all.categories[0].name == "simple");
  CHECK(all.categories[0].requests == 2);
  CHECK(all.categories[0].cost == dollars("0.003"));
  CHECK(all.categories[1].name == "code");
  CHECK(all.categories[1].cost == dollars("0.01"));

  const auto in = [&](observe::Window window) { return stats.figures(window, world.now()); };
  CHECK(in(observe::Window::minute).requests == 2);
  CHECK(in(observe::Window::minute).cost == dollars("0.007"));
  CHECK(in(observe::Window::hour).requests == 4);
  world.advance(2h);
  CHECK(in(observe::Window::hour).requests == 0);
  CHECK(in(observe::Window::day).cost == dollars("0.013"));
  world.advance(48h);
  CHECK(in(observe::Window::day).requests == 0);
  CHECK(stats.figures().requests == 4);
}

TEST_CASE("behaviour: without requests the success rate is N/A") {
  const observe::Stats stats;
  CHECK_FALSE(stats.figures().success_rate().has_value());
  CHECK_THAT(stats.figures().text(), ContainsSubstring("success N/A"));
}

TEST_CASE("behaviour: a comparison has provider, latency, cost and the first 35 characters, and of who failed the reason") {
  sim::World world;
  const Usage usage{.prompt = 100, .completion = 256, .reported = true};
  world.add({.name = "groq", .price = {per_million("0.05"), per_million("0.08")}});
  world.add({.name = "openai"}).answer_with(sim::Answer::rate_limited(20s));
  world.provider("groq").answer_with(sim::Answer::reply("12345678901234567890123456789012345X and more", usage).after(130ms));
  auto router = router_over(world, Fleet{world.providers()});
  const Comparison compared = router.compare("Well?");
  const std::string text = compared.text();
  const std::string head = text.substr(0, text.find('\n'));
  const std::string good = text.substr(text.find("groq"), text.find("openai") - text.find("groq"));
  const std::string bad = text.substr(text.find("openai"));
  const auto are_in_order = [](std::string_view line, std::vector<std::string_view> cells) {
    std::size_t at = 0;
    for (const std::string_view cell : cells)
      if ((at = line.find(cell, at)) == line.npos) return false;
    return true;
  };
  CAPTURE(text);
  CHECK(are_in_order(head, {"provider", "latency", "cost"}));
  CHECK(are_in_order(good, {"groq", "130 ms", "$0.00002548", "12345678901234567890123456789012345"}));
  CHECK(good.find('X') == good.npos);
  CHECK(are_in_order(bad, {"openai", "FAILED", "-", "rate_limited"}));
}
