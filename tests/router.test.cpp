// SPDX-License-Identifier: MIT
#include "llmroute/router.hpp"

#include <functional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "llmroute/any_router.hpp"
#include "llmroute/providers.hpp"
#include "llmroute/sim/network.hpp"
#include "llmroute/sim/world.hpp"
#include "llmroute/transport/from.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using sim::Answer;

namespace {

struct Fixture {
  sim::World world{3};
  Fixture() {
    world.add({.name = "one"});
    world.add({.name = "two"});
  }
  template <class... Ps>
  auto router(Ps&&... policies) {
    return Router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, std::forward<Ps>(policies)...};
  }
};

struct Silent {
  http::Done perform(const http::Call&) { return {http::Error::connect, "nobody"}; }
};

}  // namespace

TEST_CASE("the five policies may be written out in the order of the trade") {
  using Named = Router<Silent, ranking::Cheapest, cooldown::Off, classify::Keywords, models::Identity>;
  Provider p;
  p.name = "p";
  p.url = "https://p.example";
  Named router{Fleet{p}, Silent{}, ranking::Cheapest{}, cooldown::Off{}, classify::Keywords{}, models::Identity{}};
  const auto reply = router.complete("hello");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == Kind::not_sent);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Named>);
  STATIC_REQUIRE_FALSE(std::is_move_constructible_v<Named>);
}

TEST_CASE("a stateless policy adds no byte to a router") {
  struct Mine {
    double score(const Candidate&, const Query&) const { return 0; }
  };
  STATIC_REQUIRE(sizeof(Router<Silent, Mine>) == sizeof(Router<Silent>));
  STATIC_REQUIRE(sizeof(Router<Silent, Mine, cooldown::Off, classify::Off, models::Identity, retry::Off>) <=
                 sizeof(Router<Silent>));
}

TEST_CASE("an unsound fleet answers every request with misconfigured, names provider and field, and sends nothing") {
  int calls = 0;
  Provider p;
  p.name = "crooked";
  p.url = "ftp://crooked.example";
  p.key = Secret("sk-very-secret");
  Router router{Fleet{p}, transport::from([&](const http::Request&) { return ++calls, http::Response{}; })};
  const auto reply = router.complete("hello");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == Kind::misconfigured);
  CHECK_THAT(reply.error().message, ContainsSubstring("\"crooked\": url"));
  CHECK(reply.error().message.find("sk-very-secret") == std::string::npos);
  CHECK(calls == 0);
  CHECK_FALSE((router.check)());
}

TEST_CASE("replacing the fleet: an unsound one is refused and the old one stays; a sound one takes over") {
  Fixture f;
  auto router = f.router();
  CHECK_FALSE(router.replace(Fleet{}));
  CHECK(router.complete("hello")->provider == "one");
  auto providers = f.world.providers();
  providers.erase(providers.begin());
  REQUIRE(router.replace(Fleet{providers}));
  CHECK(router.complete("hello")->provider == "two");
}

TEST_CASE("a reply outlives its router and its fleet") {
  Result<Reply> reply = [] {
    Fixture f;
    return f.router().complete({.messages = "hello", .model = "sim-model"});
  }();
  REQUIRE(reply);
  CHECK(reply->provider == "one");
  CHECK(reply->model == "sim-model");
  CHECK(reply->strategy == "priority");
  CHECK(reply->trail[0].provider == "one");
  CHECK(reply->message().role == Message::Role::assistant);
  CHECK(reply->id != 0);
}

TEST_CASE("a provider that is disabled is not asked until it is enabled") {
  Fixture f;
  auto router = f.router();
  CHECK(router.disable("one"));
  CHECK_FALSE(router.disable("three"));
  CHECK(router.complete("hello")->provider == "two");
  CHECK(router.disable("two"));
  const auto nobody = router.complete("hello");
  REQUIRE_FALSE(nobody);
  CHECK_THAT(nobody.error().message, ContainsSubstring("one: is disabled"));
  CHECK(router.enable("one"));
  CHECK(router.complete("hello")->provider == "one");
}

TEST_CASE("a category that the caller names is the one that policies see, and the classifier is not asked") {
  struct Never {
    Judgement classify(const ChatRequest&) const {
      FAIL("was asked");
      return {};
    }
  };
  Fixture f;
  auto router = f.router(Never{});
  CHECK(router.complete("hello", {.category = "poetry"})->category == "poetry");
}

TEST_CASE("feedback reaches the observers") {
  struct Ears {
    double score = 0;
    std::uint64_t id = 0;
    void observe(const Event& e) {
      if (e.what == Event::What::feedback) score = e.score, id = e.id;
    }
  };
  Fixture f;
  Ears ears;
  auto router = f.router(std::ref(ears));
  const auto reply = router.complete("hello");
  router.feedback(reply->id, 0.75);
  CHECK(ears.id == reply->id);
  CHECK(ears.score == 0.75);
}

TEST_CASE("what a callback throws is rethrown by the blocking call, and the provider keeps its health") {
#if LLMROUTE_EXCEPTIONS
  Fixture f;
  f.world.provider("one").answer_with(Answer::stream({"a", "b"}, 1ms));
  auto router = f.router();
  CHECK_THROWS_AS(router.stream("hello", [](const Delta&) { throw 7; }), int);
  CHECK(router.complete("again")->provider == "one");
  CHECK(router.core().in_flight() == 0);
#endif
}

TEST_CASE("a transport that throws is a broken connection, and its words are not repeated") {
#if LLMROUTE_EXCEPTIONS
  Provider p;
  p.name = "p";
  p.url = "https://p.example";
  p.key = Secret("sk-in-the-words");
  struct Thrower {
    http::Done perform(const http::Call& call) { throw std::string(call.request.fields.back().value); }
  };
  Router router{Fleet{p}, Thrower{}, retry::Off{}};
  const auto reply = router.complete("hello");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == Kind::server_error);
  CHECK(reply.error().message.find("sk-in-the-words") == std::string::npos);
#endif
}

TEST_CASE("a router without its type is two words and does the same") {
  Fixture f;
  auto router = f.router();
  const RouterRef any = router;
  STATIC_REQUIRE(sizeof(RouterRef) == 2 * sizeof(void*));
  CHECK(any.complete("hello")->provider == "one");
  std::string text;
  const auto reply = any.stream("hello", [&](const Delta& d) { text += d.text; });
  REQUIRE(reply);
  CHECK(text == reply->text);
}

TEST_CASE("blocking calls work over an AsyncTransport that can be driven") {
  struct AsyncOnly {
    using Operation = sim::Network::Operation;
    sim::Network network;
    Operation start(const http::Call& c, http::Completion done) { return network.start(c, done); }
    Operation at(Time t, http::Wake w) { return network.at(t, w); }
    void run_until(FunctionRef<bool()> done) { network.run_until(done); }
  };
  Fixture f;
  f.world.provider("one").answer_with(Answer::error(500));
  Router router{Fleet{f.world.providers()}, AsyncOnly{sim::Network{f.world}}, sim::Clock{f.world}};
  std::string text;
  const auto reply = router.stream("hello", [&](const Delta& d) { text += d.text; });
  REQUIRE(reply);
  CHECK(reply->provider == "two");
  CHECK(text == reply->text);
}

TEST_CASE("a blocking call hedges over a transport that can run two calls at once") {
  struct Soon {
    std::optional<Duration> hedge_after(const Health&, const Query&) const { return Duration(1s); }
  };
  Fixture f;
  f.world.provider("one").answer_with(Answer::hang());
  auto router = f.router(Soon{});
  const auto reply = router.complete("hello");
  REQUIRE(reply);
  CHECK(reply->provider == "two");
  CHECK(reply->trail[0].ending == Ending::lost);
  CHECK(reply->trail[1].hedge);
  CHECK(reply->latency < 5s);
  CHECK(f.world.provider("one").counters().in_flight == 0);
}

TEST_CASE("destroying a request in flight cancels it, and nothing is called afterwards") {
  Fixture f;
  auto router = f.router();
  bool called = false;
  {
    auto pending = router.start({.messages = "hello"}, [&](Result<Reply>) { called = true; });
    CHECK_FALSE(pending.finished());
  }
  f.world.run();
  CHECK_FALSE(called);
  CHECK(router.core().in_flight() == 0);
  CHECK(f.world.provider("one").counters().in_flight == 0);
}

TEST_CASE("a handler may begin the next request, and destroy its own") {
  Fixture f;
  auto router = f.router();
  int done = 0;
  std::function<void()> ask;
  struct Holder {
    decltype(router.start(ChatRequest{}, std::function<void(Result<Reply>)>{})) pending;
  };
  Holder* current = nullptr;
  ask = [&] {
    current = new Holder{router.start({.messages = "hello"}, std::function<void(Result<Reply>)>([&](Result<Reply> r) {
                                        CHECK(r);
                                        Holder* mine = current;
                                        if (++done < 3) ask();
                                        delete mine;
                                      }))};
  };
  ask();
  f.world.run();
  CHECK(done == 3);
  CHECK(router.core().in_flight() == 0);
}

TEST_CASE("a conversation goes in as it is kept, and the reply is its next turn") {
  Fixture f;
  auto router = f.router();
  std::vector<Message> history{Message::system("Be brief."), Message::user("Hello?")};
  const auto reply = router.complete(history);
  REQUIRE(reply);
  history.push_back(reply->message());
  CHECK(router.stream(history, [](const Delta&) {}));
  CHECK(RouterRef(router).complete(Messages(history)));
}

TEST_CASE("a Retry-After of 0, or of a time that is past, rests its provider for a second") {
  for (const char* hint : {"0", "Sun, 06 Nov 1994 08:49:37 GMT"}) {
    Fixture f;
    f.world.provider("one").answer_with(Answer::error(429).with("retry-after", hint));
    auto router = f.router();
    CHECK(router.complete("hello")->provider == "two");
    f.world.advance(1s - f.world.elapsed() % 1s);
    f.world.advance(1s);
    CHECK(router.complete("hello")->provider == "one");
  }
}

TEST_CASE("a clock that leaves no time is refused, and harms nobody; a deadline that is over says so") {
  Fixture f;
  auto router = f.router();
  const auto refused = router.complete("hello", {.timeouts = {.attempt = 0s}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Kind::misconfigured);
  CHECK_THAT(refused.error().message, ContainsSubstring("options.timeouts"));
  const auto late = router.complete("hello", {.timeouts = {.deadline = 0s}});
  REQUIRE_FALSE(late);
  CHECK(late.error().kind == Kind::deadline_exceeded);
  CHECK_THAT(late.error().message, ContainsSubstring("its time was up"));
  CHECK(f.world.provider("one").counters().requests == 0);
  CHECK(router.complete("hello")->provider == "one");
}

TEST_CASE("a provider that cannot stream is asked for a whole reply, and hands it on in one piece") {
  sim::World world;
  world.add({.name = "plain", .capabilities = Capabilities::assumed().without(Capability::streaming)});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}};
  int pieces = 0;
  std::string text;
  const auto reply = router.stream("hello", [&](const Delta& d) { ++pieces, text += d.text; });
  REQUIRE(reply);
  CHECK(pieces == 1);
  CHECK(text == reply->text);
  CHECK(world.provider("plain").last_request().body.find("stream") == std::string::npos);
}

TEST_CASE("what a provider's own fields hold is not repeated when the provider quotes it") {
  Provider p = providers::openai_compatible({.name = "azure", .url = "https://azure.example/v1", .key = "sk-azure-key-123"});
  p.key_field = {.name = "api-key", .prefix = ""};
  p.fields = {{"x-second-key", "sk-second-key-456"}};
  Router router{Fleet{p}, transport::from([](const http::Request&) {
                  return http::Response{.status = 400,
                                        .body = R"({"error":{"message":"bad sk-azure-key-123 and sk-second-key-456"}})"};
                })};
  const auto reply = router.complete("hello");
  REQUIRE_FALSE(reply);
  CHECK_THAT(reply.error().message, ContainsSubstring("bad *** and ***"));
}

TEST_CASE("the order of a provider comes before its place in the list") {
  sim::World world;
  world.add({.name = "second", .order = 1});
  world.add({.name = "third", .order = 1});
  world.add({.name = "first", .order = -5});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}};
  CHECK(router.complete("hello")->provider == "first");
  CHECK(router.complete("hello", {.deny = {"first"}})->provider == "second");
}

TEST_CASE("a client that reports no status has sent nothing") {
  Provider p = providers::openai_compatible({.name = "p", .url = "https://p.example/v1"});
  Router router{Fleet{p}, transport::from([](const http::Request&) { return http::Response{.status = 0}; }), retry::Off{}};
  CHECK(router.complete("hello").error().kind == Kind::not_sent);
}

TEST_CASE("a seed that is set again gives the same ids again") {
  Fixture f;
  auto router = f.router();
  router.seed(5);
  const auto first = router.complete("hello")->id, second = router.complete("hello")->id;
  router.seed(5);
  CHECK(router.complete("hello")->id == first);
  CHECK(router.complete("hello")->id == second);
}

TEST_CASE("Cheapest asks in the order of the estimates, with the figures of the trade") {
  Provider groq = providers::groq({.key = "k"}), together = providers::together({.key = "k"}),
           openrouter = providers::openrouter({.key = "k"});
  std::vector<std::string> asked, sent;
  struct Notes {
    std::vector<std::string>* asked;
    void observe(const Event& e) {
      if (e.what == Event::What::sent) asked->push_back(std::string(e.provider) + ' ' + e.candidate->estimate().text());
    }
  };
  Router router{Fleet{groq, together, openrouter}, transport::from([&](const http::Request& q) {
                  sent.emplace_back(q.url);
                  return http::Response{.status = 500};
                }),
                ranking::Cheapest{}, retry::Off{}, Notes{&asked}};
  const std::string prompt(400, 'x');  // 100 tokens
  CHECK_FALSE(router.complete({.messages = prompt, .model = "llama-3.1-8b", .max_tokens = 256}));
  CHECK(asked == std::vector<std::string>{"openrouter 0.00002136", "groq 0.00002548", "together 0.00006408"});
  CHECK(sent.front() == "https://openrouter.ai/api/v1/chat/completions");
}

TEST_CASE("without a key the error lists every variable that was looked for, and where the vendor gives one out") {
  Provider p = providers::groq({.key_variable = "LLMROUTE_TEST_NO_SUCH_VARIABLE"});
  Router router{Fleet{p}, Silent{}};
  const auto reply = router.complete("hello");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == Kind::misconfigured);
  CHECK_THAT(reply.error().message, ContainsSubstring("LLMROUTE_TEST_NO_SUCH_VARIABLE"));
  CHECK_THAT(reply.error().message, ContainsSubstring("https://console.groq.com/keys"));
}

TEST_CASE("explain, select and status look at a router without sending anything") {
  Fixture f;
  const auto router = f.router(classify::Keywords{});
  const Explanation e = router.explain("What is a closure in JavaScript?");
  CHECK(e.category == "simple");
  CHECK(e.open() == 2);
  CHECK(router.explain({.messages = "Hello", .model = "m"}).providers[0].model == "m");
  CHECK(router.explain(Messages{Message::user("Hello")}, {.deny = {"one"}}).providers[0].provider == "two");
  REQUIRE(router.select("Hello"));
  CHECK(router.select("Hello")->provider == "one");
  CHECK(router.select("Hello", {.deny = {"one"}})->provider == "two");
  CHECK(router.select(Messages{Message::user("Hello")})->provider == "one");
  CHECK_FALSE(router.select("Hello", {.allow = {"nobody"}}));
  CHECK(router.status().providers.size() == 2);
  for (const sim::ScriptedProvider& p : f.world) CHECK(p.counters().requests == 0);
}

TEST_CASE("compare asks every provider once, and a failed one shows FAILED and why") {
  Fixture f;
  f.world.provider("one").answer_with(Answer::reply("An answer that is longer than thirty-five characters"));
  f.world.provider("two").answer_with(Answer::rate_limited(20s));
  auto router = f.router();
  const Comparison c = router.compare("Hello");
  REQUIRE(c.rows.size() == 2);
  CHECK(c.rows[0].provider == "one");
  REQUIRE(c.rows[0].reply);
  CHECK(c.rows[0].failure.empty());
  CHECK_FALSE(c.rows[1].reply);
  CHECK(c.rows[1].reply.error().kind == Kind::rate_limited);
  CHECK_THAT(c.rows[1].failure, ContainsSubstring("rate_limited"));
  const std::string text = c.text();
  CHECK_THAT(text, ContainsSubstring("An answer that is longer than thirt..."));
  CHECK_THAT(text, ContainsSubstring("two       FAILED"));
  for (const sim::ScriptedProvider& p : f.world) CHECK(p.counters().requests == 1);

  const Comparison again = router.compare("Hello", {.deny = {"one"}});
  REQUIRE(again.rows.size() == 1);
  CHECK(again.rows[0].failure == "not asked: asked for a rest (20 s left)");  // it is asked for nothing while it rests
  CHECK(f.world.provider("two").counters().requests == 1);
  CHECK(router.compare(Messages{Message::user("Hello")}, {.allow = {"one"}}).rows.size() == 1);
}

TEST_CASE("compare tells what is wrong with a request that nobody is asked") {
  Fixture f;
  auto router = f.router();
  const Comparison c = router.compare(ChatRequest{});
  REQUIRE(c.rows.size() == 2);
  CHECK(c.rows[0].failure == "request_invalid, the request has no messages");
}

TEST_CASE("compare says why it asks nobody at all") {
  Fixture f;
  auto router = f.router();
  const Comparison nobody = router.compare("Hello", {.allow = {"three"}});
  CHECK(nobody.rows.empty());
  CHECK(nobody.text() == "nobody is asked: the request allows none of the fleet's providers\n");
  Router unsound{Fleet{}, transport::from([](const http::Request&) { return http::Response{}; })};
  CHECK(unsound.compare("Hello").text() == "nobody is asked: the fleet has no provider: give it at least one\n");
}

TEST_CASE("a reply names the strategy that its request picked") {
  Fixture f;
  auto router = f.router(ranking::by_name());
  CHECK(router.complete("Hello")->strategy == "priority");
  CHECK(router.complete("Hello", {.strategy = "latency"})->strategy == "latency");
  const auto unknown = router.complete("Hello", {.strategy = "best"});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().kind == Kind::misconfigured);
}

TEST_CASE("a RouterRef explains and tells the status") {
  Fixture f;
  auto router = f.router();
  const RouterRef any = router;
  CHECK(any.explain("Hello").open() == 2);
  REQUIRE(any.complete("Hello"));
  CHECK(any.status().find("one")->successes == 1);
}

TEST_CASE("what one provider's format cannot say is asked of the next one, and nobody is blamed") {
  std::vector<std::string> asked;
  const auto answer = [&](const http::Request& q) {
    asked.emplace_back(q.url);
    return http::Response{
        .body =
            R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}})"};
  };
  Provider claude = providers::anthropic({.key = Secret("k")}), other = providers::mistral({.key = Secret("k")});
  claude.capabilities = Capabilities::assumed();
  Router router{Fleet{claude, other}, transport::from(answer)};
  const ChatRequest request{
      .messages = {Message::user("x"), Message::assistant("", {{"a", "f", "true"}}), Message::tool("a", "1")},
      .seed = 4,
      .stop = {" "}};
  const Result<Reply> reply = router.complete(request);
  REQUIRE(reply);
  REQUIRE(reply->trail.size() == 2);
  CHECK(reply->trail[0].kind == Kind::unsupported);
  CHECK(reply->trail[0].message == "arguments of a call of \"f\" are no JSON object, and Anthropic takes nothing else");
  CHECK(reply->trail[0].status == 0);
  CHECK(reply->trail[1].altered == "seed as random_seed");
  CHECK(reply->cost.source == Cost::Source::usage);  // what was not sent has cost nothing, for sure
  CHECK(asked == std::vector<std::string>{"https://api.mistral.ai/v1/chat/completions"});
  CHECK(reply->vendor == "mistral");
  CHECK(reply->message().vendor == "mistral");
  const auto status = router.status();
  REQUIRE(status.providers.size() == 2);
  CHECK(status.providers[0].failures == 0);
  SECTION("alone, it is the outcome, and says why") {
    Router alone{Fleet{claude}, transport::from(answer)};
    const Result<Reply> none_left = alone.complete(request);
    REQUIRE_FALSE(none_left);
    CHECK(none_left.error().kind == Kind::unsupported);
    CHECK(none_left.error().message.find("takes nothing else") != std::string::npos);
    CHECK(none_left.error().trail.size() == 1);  // and is not asked again
    CHECK(asked.size() == 1);
  }
  SECTION("what is wrong wherever it is asked stops") {
    const Result<Reply> wrong = router.complete({.messages = "x", .extra = "{"});
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().kind == Kind::request_invalid);
    CHECK(wrong.error().trail.size() == 1);
  }
}

TEST_CASE("a reply keeps what only its vendor understands, and what the library has no word for") {
  const auto answer = [](const http::Request&) {
    return http::Response{.body =
                              R"({"citations":["https://a.example"],"choices":[{"message":{"content":"hi","annotations":[1],)"
                              R"("reasoning_details":[{"type":"reasoning.encrypted","data":"D"}]},"finish_reason":"stop"}]})"};
  };
  Router router{Fleet{providers::openrouter({.key = Secret("k")})}, transport::from(answer)};
  const Result<Reply> reply = router.complete("x");
  REQUIRE(reply);
  CHECK(reply->extra == R"({"citations":["https://a.example"],"annotations":[1]})");
  CHECK(reply->thoughts == R"([{"type":"reasoning.encrypted","data":"D"}])");
  CHECK(reply->message().thoughts == reply->thoughts);
  CHECK(reply->message().vendor == "openrouter");
}
