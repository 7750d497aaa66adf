// SPDX-License-Identifier: MIT
// What the routers of tutorials do, one test a behaviour: vendors and their prices, names of models, what a reply tells, the
// strategies, and the kinds of tasks. What they do about failures, and what they count, is in behaviours_policies.test.cpp.
#include <llmroute/llmroute.hpp>

#include <chrono>
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

using Strings = std::vector<std::string>;

/// What went out over the wire for one request, and what the caller got.
struct Exchanged {
  std::string url, body;
  std::vector<std::pair<std::string, std::string>> fields{};
  Cost cost{};
};
Exchanged exchanged(const Provider& p, const ChatRequest& request) {
  Exchanged seen;
  Router router{Fleet{p}, transport::from([&](const http::Request& q) {
                  seen.url = q.url, seen.body = q.body;
                  for (const http::Field& f : q.fields) seen.fields.emplace_back(f.name, f.value);
                  if (q.url.ends_with("/messages"))
                    return http::Response{.body = R"({"type":"message","content":[{"type":"text","text":"Hi"}],)"
                                                  R"("stop_reason":"end_turn",)"
                                                  R"("usage":{"input_tokens":100,"output_tokens":256}})"};
                  return http::Response{.body = R"({"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],)"
                                                R"("usage":{"prompt_tokens":100,"completion_tokens":256}})"};
                })};
  const Result<Reply> reply = router.complete(request);
  REQUIRE(reply);
  seen.cost = reply->cost;
  return seen;
}
ChatRequest for_model(std::string model) { return {.messages = "Name a river.", .model = std::move(model)}; }

/// The providers that would be asked, in order.
Strings order(const Explanation& e) {
  Strings names;
  for (const Prospect& p : e.providers)
    if (p.asked()) names.push_back(p.provider.text());
  return names;
}

std::string category_of(const std::string& prompt) {
  sim::World world;
  world.add({.name = "any"});
  const Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, classify::Keywords{}};
  return router.explain(prompt).category;
}

/// Asks one provider, which answers after that time.
template <class R>
void measure(R& router, sim::World& world, const std::string& provider, Duration latency) {
  world.provider(provider).answer_with(sim::Answer::reply("Yes.").after(latency));
  REQUIRE(router.complete("Well?", {.allow = {provider}}));
}

/// How many of 300 requests went to "shaky" first.
int first_asked(ranking::Weighted ranking) {
  sim::World world;
  world.add({.name = "shaky", .failure_rate = 0.8});
  world.add({.name = "steady"});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ranking, cooldown::Off{}};
  int n = 0;
  for (int i = 0; i < 300; ++i) n += router.complete("Well?")->trail[0].provider == "shaky";
  return n;
}

const std::vector<ranking::ByCategory::List> task_lists{
    {"simple", {"groq", "cerebras"}},     {"code", {"cerebras", "groq"}},        {"medium", {"groq", "anthropic", "openai"}},
    {"complex", {"openai", "anthropic"}}, {"creative", {"anthropic", "openai"}}, {"multilingual", {"google", "anthropic"}}};

}  // namespace

// --- vendors ---

TEST_CASE("behaviour: Groq, Together and OpenRouter are reached under the URLs that they publish") {
  const auto url = [](const Provider& p) { return exchanged(p, for_model("")).url; };
  CHECK(url(providers::groq({.key = "k"})) == "https://api.groq.com/openai/v1/chat/completions");
  CHECK(url(providers::together({.key = "k"})) == "https://api.together.xyz/v1/chat/completions");
  CHECK(url(providers::openrouter({.key = "k"})) == "https://openrouter.ai/api/v1/chat/completions");
}

TEST_CASE("behaviour: the logical name llama-3.1-8b becomes the three names that Groq, Together and OpenRouter have for it") {
  const auto body = [](const Provider& p, const char* model) { return exchanged(p, for_model(model)).body; };
  for (const char* model : {"llama-3.1-8b", ""}) {  // it is their default as well
    CHECK_THAT(body(providers::groq({.key = "k"}), model), ContainsSubstring(R"("model":"llama-3.1-8b-instant")"));
    CHECK_THAT(body(providers::together({.key = "k"}), model),
               ContainsSubstring(R"("model":"meta-llama/Llama-3.1-8B-Instruct-Turbo")"));
    CHECK_THAT(body(providers::openrouter({.key = "k"}), model),
               ContainsSubstring(R"("model":"meta-llama/llama-3.1-8b-instruct")"));
  }
}

TEST_CASE("behaviour: a model's name that nobody knows is passed on unchanged, one with :free as well") {
  for (const char* name : {"my-own/tune-7b", "meta-llama/llama-3.1-8b-instruct:free"}) {
    const std::string wanted = std::string(R"("model":")") + name + '"';
    CHECK_THAT(exchanged(providers::groq({.key = "k"}), for_model(name)).body, ContainsSubstring(wanted));
    CHECK_THAT(exchanged(providers::openrouter({.key = "k"}), for_model(name)).body, ContainsSubstring(wanted));
  }
}

TEST_CASE("behaviour: 100 in and 256 out cost $0.00002136 at OpenRouter, $0.00002548 at Groq, $0.00006408 at Together") {
  const auto said = [](const Provider& p) {
    const Router router{Fleet{p}, transport::from([](const http::Request&) { return http::Response{}; })};
    const Explanation e =
        router.explain({.messages = "Why?", .model = "llama-3.1-8b", .max_tokens = 256}, {.prompt_tokens = 100});
    const Cost paid = exchanged(p, for_model("llama-3.1-8b")).cost;
    CHECK(paid.exact());
    CHECK(paid.amount == e.providers.at(0).estimate.amount);
    return paid.amount;
  };
  CHECK(said(providers::openrouter({.key = "k"})) == dollars("0.00002136"));
  CHECK(said(providers::groq({.key = "k"})) == dollars("0.00002548"));
  CHECK(said(providers::together({.key = "k"})) == dollars("0.00006408"));
}

TEST_CASE("behaviour: a markup of 5 to 10 % counts in what is paid and in who is cheapest") {
  const auto paid = [](double markup) {
    return exchanged(providers::openrouter({.key = "k", .markup = markup}), for_model("llama-3.1-8b")).cost.amount;
  };
  CHECK(paid(0.05) == dollars("0.000022428"));
  CHECK(paid(0.10) == dollars("0.000023496"));
  const auto cheapest = [](double markup) {
    const Router router{Fleet{providers::groq({.key = "k"}), providers::openrouter({.key = "k", .markup = markup})},
                        transport::from([](const http::Request&) { return http::Response{}; }), ranking::Cheapest{}};
    return router.select(ChatRequest{.messages = "Why?", .model = "llama-3.1-8b"}, {.prompt_tokens = 100})->provider.text();
  };
  CHECK(cheapest(0.10) == "openrouter");
  CHECK(cheapest(0.20) == "groq");
}

TEST_CASE("behaviour: OpenRouter is told HTTP-Referer and X-Title") {
  const Exchanged sent =
      exchanged(providers::openrouter({.key = "k", .fields = {{"HTTP-Referer", "https://me.example"}, {"X-Title", "Mine"}}}),
                for_model(""));
  const auto value = [&](std::string_view name) {
    for (const auto& field : sent.fields)
      if (field.first == name) return field.second;
    return std::string("absent");
  };
  CHECK(value("HTTP-Referer") == "https://me.example");
  CHECK(value("X-Title") == "Mine");
}

TEST_CASE("behaviour: presets carry the latency to expect and what a vendor is good at") {
  const providers::Setup key{.key = "k"};
  CHECK(providers::groq(key).expected_latency == 420ms);
  CHECK(providers::cerebras(key).expected_latency == 380ms);
  CHECK(providers::openai(key).expected_latency == 2100ms);
  CHECK(providers::anthropic(key).expected_latency == 1800ms);
  CHECK(providers::gemini(key).expected_latency == 600ms);
  CHECK(providers::mistral(key).expected_latency == 900ms);
  CHECK(providers::xai(key).expected_latency == 1200ms);
  CHECK(providers::groq(key).strengths == Strings{"simple", "code", "fast"});
  CHECK(providers::cerebras(key).strengths == Strings{"code", "fast", "simple"});
  CHECK(providers::openai(key).strengths == Strings{"reasoning", "complex", "creative"});
  CHECK(providers::anthropic(key).strengths == Strings{"reasoning", "complex", "analysis"});

  const Router router{Fleet{providers::openai(key), providers::groq(key), providers::cerebras(key)},
                      transport::from([](const http::Request&) { return http::Response{}; }), ranking::Fastest{}};
  CHECK(order(router.explain("Why?")) == Strings{"cerebras", "groq", "openai"});
}

TEST_CASE("behaviour: the second set of models has its vendors' names") {
  const auto asked = [](const Provider& p, const char* model) { return exchanged(p, for_model(model)).body; };
  CHECK_THAT(asked(providers::groq({.key = "k"}), "llama-3.3-70b"), ContainsSubstring(R"("llama-3.3-70b-versatile")"));
  CHECK_THAT(asked(providers::cerebras({.key = "k"}), "llama-3.3-70b"), ContainsSubstring(R"("llama-3.3-70b")"));
  CHECK_THAT(asked(providers::openai({.key = "k"}), "gpt-4o"), ContainsSubstring(R"("gpt-4o")"));
  CHECK_THAT(asked(providers::anthropic({.key = "k"}), "claude-sonnet-4"), ContainsSubstring(R"("claude-sonnet-4-20250514")"));
}

TEST_CASE(
    "behaviour: prices lie where the vendors' lists say, and one per thousand tokens is a thousandth of one per million") {
  const models::Table table;
  const auto price = [&](const char* model, const char* vendor) { return table.row(model, vendor).price; };
  const auto within = [&](const Price& p, Rate least, Rate greatest) {
    return p.known() && p.input.nanos_per_million() >= least.nanos_per_million() &&
           p.output.nanos_per_million() <= greatest.nanos_per_million();
  };
  CHECK(price("llama-3.3-70b", "groq").input == per_million("0.59"));
  CHECK(price("llama-3.3-70b", "cerebras").input == per_million("0.85"));
  CHECK(price("grok-2", "xai").input == per_million("2"));
  CHECK(price("grok-2", "xai").output == per_million("10"));
  CHECK(within(price("gemini-2.0-flash", "gemini"), per_million("0.075"), per_million("1.50")));
  CHECK(within(price("gpt-4o", "openai"), per_million("0.50"), per_million("30")));
  CHECK(within(price("claude-sonnet-4", "anthropic"), per_million("0.25"), per_million("15")));
  CHECK(per_1k("0.0006") == per_million("0.60"));
  CHECK(per_1k("0.005") == per_million("5"));
}

TEST_CASE("behaviour: Ollama, vLLM and LM Studio need no key and are free of charge") {
  for (const Provider& p : {providers::ollama(), providers::vllm(), providers::lm_studio()}) {
    const Exchanged seen = exchanged(p, for_model(""));
    CHECK_THAT(seen.url, ContainsSubstring("http://127.0.0.1:"));
    CHECK(seen.cost.exact());
    CHECK(seen.cost.amount == Money());
    for (const auto& field : seen.fields) CHECK(field.first != "authorization");
  }
}

TEST_CASE("behaviour: max_tokens and temperature are sent as the request says") {
  const std::string body =
      exchanged(providers::groq({.key = "k"}), {.messages = "Why?", .max_tokens = 256, .temperature = 0.7}).body;
  CHECK_THAT(body, ContainsSubstring(R"("max_tokens":256)"));
  CHECK_THAT(body, ContainsSubstring(R"("temperature":0.7)"));
}

TEST_CASE("behaviour: an estimate falls back to 256 tokens out") {
  sim::World world;
  const Price price{per_million("1"), per_million("2")};
  world.add({.name = "any", .price = price}).answer_with(sim::Answer::reply("Yes.", Usage{}));
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}};
  CHECK(router.explain("Why?").completion_tokens == 256);
  CHECK(router.explain({.messages = "Why?", .max_tokens = 1024}).completion_tokens == 1024);
  const Result<Reply> reply = router.complete("Why?", {.prompt_tokens = 100});  // it reports no tokens
  REQUIRE(reply);
  CHECK(reply->cost.source == Cost::Source::estimated);
  CHECK(reply->cost.amount == dollars("0.000612"));
}

// --- what a reply tells ---

TEST_CASE("behaviour: a reply tells provider, model, text, latency, usage, cost, category, strategy and earlier errors") {
  sim::World world;
  const Price price{per_million("1"), per_million("2")};
  world.add({.name = "first", .price = price}).answer_with(sim::Answer::error(503, "", "busy").after(200ms));
  world.add({.name = "second", .model = "second-8b", .price = {per_million("3"), per_million("4")}});
  world.provider("second").answer_with(
      sim::Answer::reply("Paris.", {.prompt = 10, .completion = 5, .reported = true}).after(1s));
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ranking::by_name(), classify::Keywords{}};
  const Result<Reply> reply = router.complete("What is the capital of France?", {.strategy = "cost"});
  REQUIRE(reply);
  CHECK(reply->provider == "second");
  CHECK(reply->model == "sim-model");  // which is what it called itself
  CHECK(reply->text == "Paris.");
  CHECK(reply->latency == 1200ms);
  CHECK(reply->usage == Usage{.prompt = 10, .completion = 5, .reported = true});
  CHECK(reply->cost.amount == dollars("0.00005"));
  CHECK(reply->category == "simple");
  CHECK(reply->strategy == "cost");
  REQUIRE(reply->trail.size() == 2);
  CHECK(reply->trail[0].provider == "first");
  CHECK(reply->trail[0].kind == Kind::overloaded);
  CHECK(reply->trail[0].status == 503);
  CHECK(reply->trail[0].message == "busy");
  CHECK(reply->trail[1].ending == Ending::won);
}

// --- strategies ---

TEST_CASE("behaviour: by priority the providers are asked as they are written, or by their order where they have one") {
  sim::World world;
  world.add({.name = "dear", .price = {per_million("9"), per_million("9")}, .failure_rate = 1});
  world.add({.name = "slow", .first_content = 9s, .failure_rate = 1});
  world.add({.name = "last"});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ranking::Priority{}};
  const Result<Reply> reply = router.complete("Well?");
  REQUIRE(reply);
  REQUIRE(reply->trail.size() == 3);
  CHECK(reply->trail[0].provider == "dear");
  CHECK(reply->trail[1].provider == "slow");
  CHECK(reply->provider == "last");

  world.provider("last").script().order = -1;
  const Router ordered{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}};
  CHECK(order(ordered.explain("Well?")) == Strings{"last", "dear", "slow"});
}

TEST_CASE("behaviour: by cost the cheapest for this request is asked, and where no price is known last") {
  sim::World world;
  world.add({.name = "unknown"});
  world.add({.name = "cheap in", .price = {per_million("0.01"), per_million("3")}});
  world.add({.name = "cheap out", .price = {per_million("1"), per_million("0.02")}});
  const Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ranking::Cheapest{}};
  const ChatRequest request{.messages = "Well?", .max_tokens = 100};
  CHECK(order(router.explain(request, {.prompt_tokens = 10'000})) == Strings{"cheap in", "cheap out", "unknown"});
  CHECK(order(router.explain(request, {.prompt_tokens = 10})) == Strings{"cheap out", "cheap in", "unknown"});
}

TEST_CASE("behaviour: by latency the lowest mean of the last 10 is asked") {
  sim::World world;
  world.add({.name = "a"});
  world.add({.name = "b"});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ranking::Fastest{.last = 10}};
  measure(router, world, "b", 190ms);
  measure(router, world, "a", 1100ms);
  for (int i = 0; i < 9; ++i) measure(router, world, "a", 100ms);
  CHECK(router.select("Well?")->provider == "b");  // of the last 10 the mean is 200 ms; of fewer it would be 100
  measure(router, world, "a", 100ms);
  CHECK(router.select("Well?")->provider == "a");  // of the last 11 it would be 191 ms
}

TEST_CASE("behaviour: or the lowest moving average, in which the newest counts 0.3") {
  for (const Duration other : {750ms, 770ms}) {
    sim::World world;
    world.add({.name = "a"});
    world.add({.name = "b"});
    Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ranking::Fastest{}};
    measure(router, world, "a", 1000ms);
    measure(router, world, "a", 200ms);
    measure(router, world, "b", other);
    CHECK(static_cast<double>(router.status().find("a")->latency.count()) == Approx(760e6));
    CHECK(router.select("Well?")->provider == (other < 760ms ? "b" : "a"));
  }
}

TEST_CASE("behaviour: weighted by reliability, who fails often is asked less often, and still now and then") {
  CHECK(first_asked({.by = ranking::Weighted::By::weight}) > 110);  // half of 300, whoever fails
  const int by_reliability = first_asked({.by = ranking::Weighted::By::reliability});
  CHECK(by_reliability < 100);  // a sixth
  CHECK(by_reliability > 10);
}

TEST_CASE("behaviour: by task each category has its own order of providers, and what has none the fleet's") {
  sim::World world;
  for (const char* name : {"groq", "cerebras", "anthropic", "openai", "google"}) world.add({.name = name});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ranking::ByCategory{task_lists},
                classify::Keywords{}};
  const auto asked = [&](const char* category) { return order(router.explain("Well?", {.category = category})); };
  CHECK(asked("simple") == Strings{"groq", "cerebras", "anthropic", "openai", "google"});
  CHECK(asked("code") == Strings{"cerebras", "groq", "anthropic", "openai", "google"});
  CHECK(asked("medium") == Strings{"groq", "anthropic", "openai", "cerebras", "google"});
  CHECK(asked("complex") == Strings{"openai", "anthropic", "groq", "cerebras", "google"});
  CHECK(asked("creative") == Strings{"anthropic", "openai", "groq", "cerebras", "google"});
  CHECK(asked("multilingual") == Strings{"google", "anthropic", "groq", "cerebras", "openai"});
  CHECK(asked("summarization") == Strings{"groq", "cerebras", "anthropic", "openai", "google"});

  world.provider("cerebras").answer_with(sim::Answer::error(500));
  const Result<Reply> reply = router.complete("Debug this async function");
  REQUIRE(reply);
  CHECK(reply->trail[0].provider == "cerebras");
  CHECK(reply->provider == "groq");
  CHECK(router.complete("Design a distributed rate limiter that handles 10K requests/sec")->provider == "openai");
}

TEST_CASE("behaviour: each request chooses its strategy, and one is the default") {
  sim::World world;
  world.add({.name = "preferred", .first_content = 800ms, .price = {per_million("5"), per_million("5")}});
  world.add({.name = "cheap", .first_content = 900ms, .price = {per_million("1"), per_million("1")}});
  world.add({.name = "fast", .first_content = 100ms, .price = {per_million("9"), per_million("9")}});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ranking::by_name()};
  for (const auto& [strategy, provider] :
       {std::pair("", "preferred"), {"priority", "preferred"}, {"cost", "cheap"}, {"latency", "fast"}}) {
    const Result<Reply> reply = router.complete("Well?", {.strategy = strategy});
    REQUIRE(reply);
    CHECK(reply->provider == provider);
    CHECK(reply->strategy == (*strategy == '\0' ? "priority" : strategy));
  }
  CHECK(router.complete("Well?", {.strategy = "weighted"})->strategy == "weighted");
  CHECK(router.complete("Well?", {.strategy = "best"}).error().kind == Kind::misconfigured);
}

// --- kinds of tasks ---

TEST_CASE("behaviour: one of the simple words makes a short question simple") {
  for (const std::string word : {"what is", "how to", "define", "list", "when", "where", "who", "convert", "format"}) {
    CAPTURE(word);
    CHECK(category_of("so " + word + " it") == "simple");
    CHECK(category_of("so " + word + "x it") == "medium");  // whole words
    CHECK(category_of("so x" + word + " it") == "medium");
  }
  CHECK(category_of("what is " + std::string(191, 'x')) == "simple");
  CHECK(category_of("what is " + std::string(192, 'x')) == "medium");  // 200 characters
}

TEST_CASE("behaviour: two of the code words make code, one does not") {
  for (const std::string word :
       {"function", "debug", "error", "implement", "fix", "refactor", "code", "variable", "async", "class", "import"}) {
    CAPTURE(word);
    const std::string other = word == "error" ? "debug" : "error";
    CHECK(category_of(word) == "medium");
    CHECK(category_of(word + " and " + word) == "medium");
    CHECK(category_of(other + " and " + word) == "code");
    CHECK(category_of(other + " and " + word + "x") == "medium");
  }
}

TEST_CASE("behaviour: two of the complex words make it complex, and so do more than 500 characters") {
  for (const std::string word :
       {"analyze", "compare", "evaluate", "design", "architect", "explain why", "trade-off", "optimize", "strategy"}) {
    CAPTURE(word);
    const std::string other = word == "strategy" ? "evaluate" : "strategy";
    CHECK(category_of(word) == "medium");
    CHECK(category_of(word + " and " + other) == "complex");
    CHECK(category_of(other + " and x" + word) == "medium");
  }
  CHECK(category_of(std::string(500, 'x')) == "medium");
  CHECK(category_of(std::string(501, 'x')) == "complex");
}

TEST_CASE("behaviour: complex goes before code, code before simple, and what is left is medium") {
  CHECK(category_of("what is the design of a strategy to debug code?") == "complex");
  CHECK(category_of("what is the error in this code?") == "code");
  CHECK(category_of("what is the error?") == "simple");
  CHECK(category_of("Tell me of Paris.") == "medium");
}

TEST_CASE("behaviour: the examples of tasks are told apart") {
  CHECK(category_of("What is a closure in JavaScript?") == "simple");
  CHECK(category_of("Design a distributed rate limiter that handles 10K requests/sec") == "complex");
  CHECK(category_of("Fix this async function that has a race condition") == "code");
  CHECK(category_of("Debug this async function") == "code");
  CHECK(category_of("The function returned undefined - what went wrong?") == "code");
  CHECK(category_of("Can you analyze the function of mitochondria in cell biology?") != "code");
  CHECK(category_of("Write a haiku about debugging") != "code");
}
