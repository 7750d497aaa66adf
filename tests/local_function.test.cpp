// SPDX-License-Identifier: MIT
// A provider that is a function: what it may be, and that it is asked, reported and explained like any other, while nothing
// is sent.
#include "llmroute/local_function.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "llmroute/llmroute.hpp"
#include "llmroute/sim/network.hpp"
#include "llmroute/sim/world.hpp"

using namespace llmroute;

namespace {

/// Nobody may call it.
struct NoTransport {
  http::Done perform(const http::Call&) {
    FAIL("something was sent");
    return {};
  }
};

/// The providers of a world, and functions of ours behind them.
Fleet with(const sim::World& world, std::vector<Provider> ours) { return Fleet{world.providers(), std::move(ours)}; }

std::string path(const Trail& trail) {
  std::string all;
  for (const TrailEntry& e : trail)
    all += std::string(e.provider.view()) + ' ' +
           std::string(e.ending == Ending::failed ? to_string(e.kind) : to_string(e.ending)) + '\n';
  return all;
}

const Provider canned =
    providers::local("canned", [](const ChatRequest& q) { return "heard: " + q.messages[0].parts[0].content; });

}  // namespace

TEST_CASE("a function that answers may return a text in any form, or none") {
  const ChatRequest request{.messages = "x"};
  CHECK(LocalFunction([](const ChatRequest&) { return "text"; })(request) == "text");
  CHECK(LocalFunction([](const ChatRequest&) { return std::string("text"); })(request) == "text");
  CHECK(LocalFunction([](const ChatRequest&) { return std::string_view("text"); })(request) == "text");
  CHECK(LocalFunction([](const ChatRequest&) { return std::optional<std::string>(); })(request) == std::nullopt);
  CHECK(LocalFunction([](const ChatRequest&) -> const char* { return nullptr; })(request) == std::nullopt);
  CHECK(LocalFunction([](const auto& q) { return q.messages[0].parts[0].content; })(request) == "x");
  STATIC_REQUIRE(std::is_constructible_v<LocalFunction, std::string (*)(const ChatRequest&)>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<LocalFunction, int (*)(const ChatRequest&)>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<LocalFunction, std::string (*)(int)>);
  CHECK_FALSE(LocalFunction());
}

TEST_CASE("copies of a function are one function") {
  int calls = 0;
  std::optional<LocalFunction> first([&, counted = 0](const ChatRequest&) mutable { return calls = ++counted, "x"; });
  const LocalFunction second = *first;
  LocalFunction third;
  third = second;
  LocalFunction fourth = std::move(third);
  (*first)({});
  first.reset();
  second({});
  fourth({});
  CHECK(calls == 3);
}

TEST_CASE("a function answers a request, at no cost and with nothing sent") {
  Router router{Fleet{canned}, NoTransport{}};
  const Result<Reply> reply = router.complete({.messages = "hello", .model = "any-model"});
  REQUIRE(reply);
  CHECK(reply->text == "heard: hello");
  CHECK(reply->provider.view() == "canned");
  CHECK(reply->finish == Finish::stop);
  CHECK(reply->model == "any-model");
  CHECK(reply->cost.amount == Money());
  CHECK(reply->cost.source == Cost::Source::usage);
  CHECK_FALSE(reply->usage.reported);
  CHECK(path(reply->trail) == "canned won\n");
  CHECK(reply->trail[0].status == 0);
}

TEST_CASE("a function's answer to a stream is one piece") {
  Router router{Fleet{canned}, NoTransport{}};
  std::vector<std::string> pieces;
  const auto reply = router.stream("hello", [&](const Delta& d) { pieces.emplace_back(d.text); });
  REQUIRE(reply);
  CHECK(pieces == std::vector<std::string>{"heard: hello"});
  CHECK(reply->text == "heard: hello");
}

TEST_CASE("a caller that wants no more of a function's answer has cancelled") {
  Router router{Fleet{canned}, NoTransport{}};
  const auto reply = router.stream("hello", [](const Delta&) { return false; });
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == Kind::cancelled);
}

TEST_CASE("a function that has nothing to say is asked, and says so") {
  Router router{Fleet{providers::local("empty", [](const ChatRequest&) { return ""; })}, NoTransport{}};
  int pieces = 0;
  const auto reply = router.stream("hello", [&](const Delta&) { ++pieces; });
  REQUIRE(reply);
  CHECK(reply->text.empty());
  CHECK(pieces == 0);
}

TEST_CASE("a function without an answer has failed, and the next one is asked") {
  Router router{Fleet{providers::local("mute", [](const ChatRequest&) { return std::optional<std::string>(); }), canned},
                NoTransport{}};
  const auto reply = router.complete("hello");
  REQUIRE(reply);
  CHECK(path(reply->trail) == "mute server_error\ncanned won\n");
  CHECK(reply->trail[0].message.view() == "the function gave no answer");
  CHECK(reply->cost.amount == Money());
  const FleetStatus status = router.status();
  REQUIRE(status.find("mute") != nullptr);
  CHECK(status.find("mute")->last_failure == Kind::server_error);
}

#if LLMROUTE_EXCEPTIONS
TEST_CASE("a function that throws has failed, and is not quoted") {
  const auto thrower = [](const ChatRequest& q) -> std::string { throw std::runtime_error(q.messages[0].parts[0].content); };
  Router router{Fleet{providers::local("thrower", thrower)}, NoTransport{}};
  const ChatRequest request{.messages = "my secret"};
  const auto reply = router.complete(request, {.attempts = 1});
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == Kind::server_error);
  CHECK(reply.error().trail[0].message.view() == "the function threw an exception");
  CHECK(reply.error().message.find("my secret") == std::string::npos);
}
#endif

TEST_CASE("a function stands in where a provider fails, whole and streamed, blocking and with callbacks") {
  for (const bool stream : {false, true}) {
    sim::World world;
    world.add({.name = "broken", .failure_rate = 1});
    CAPTURE(stream);
    std::string streamed;
    const auto take = [&](const Delta& d) { streamed += d.text; };
    {
      Router router{with(world, {canned}), sim::Network{world}, sim::Clock{world}};
      const auto reply = stream ? router.stream("hello", take) : router.complete("hello");
      REQUIRE(reply);
      CHECK(reply->text == "heard: hello");
      CHECK(reply->trail.size() == 2);
      CHECK(reply->provider.view() == "canned");
      CHECK(streamed == (stream ? "heard: hello" : ""));
    }
    streamed.clear();
    sim::Network network{world};
    Router router{with(world, {canned}), network, sim::Clock{world}};
    std::optional<Result<Reply>> got;
    const auto done = [&](Result<Reply> r) { got = std::move(r); };
    const ChatRequest request{.messages = "hello"};
    const auto follow = [&](auto pending_of) {
      auto pending = pending_of();
      network.run_until([&] { return got.has_value(); });
    };
    if (stream) follow([&] { return router.start_stream(request, take, done); });
    else follow([&] { return router.start(request, done); });
    REQUIRE(got);
    REQUIRE(*got);
    CHECK((*got)->text == "heard: hello");
    CHECK((*got)->trail.size() == 2);
    CHECK(streamed == (stream ? "heard: hello" : ""));
  }
}

TEST_CASE("a function is explained and has a status like any other provider") {
  Router router{Fleet{canned, providers::groq({.key = "k"})}, NoTransport{}, ranking::Cheapest{}};
  const auto explained = router.explain("hello");
  REQUIRE(explained.providers.size() == 2);
  CHECK(explained.providers[0].provider == "canned");
  CHECK(explained.providers[0].asked());
  CHECK(explained.providers[0].estimate.amount == Money());
  CHECK(router.complete("hello"));
  const FleetStatus status = router.status();
  REQUIRE(status.find("canned") != nullptr);
  CHECK(status.find("canned")->well());
  CHECK(status.find("canned")->successes == 1);
}

TEST_CASE("a function that replaces another one of its name answers from then on") {
  Router router{Fleet{canned}, NoTransport{}};
  CHECK(router.complete("a")->text == "heard: a");
  CHECK(router.replace(Fleet{providers::local("canned", [](const ChatRequest&) { return "another"; })}));
  CHECK(router.complete("a")->text == "another");
}
