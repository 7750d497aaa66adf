// SPDX-License-Identifier: MIT
// What vendors are known to answer with 400, though there is a way to say it.
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "../catch.hpp"
#include "json_path.hpp"
#include "llmroute/dialect/anthropic.hpp"
#include "llmroute/dialect/gemini.hpp"
#include "llmroute/dialect/openai.hpp"
#include "llmroute/local_function.hpp"
#include "llmroute/route/attempt.hpp"
#include "said.hpp"
#include "wired.hpp"

using namespace llmroute;
using namespace std::string_view_literals;

namespace {

using tests::at;
using tests::Said;
using tests::wired;

constexpr Capabilities thinks = Capabilities::assumed() | Capability::reasoning;

Said said_to(const Provider& p, const ChatRequest& request, Capabilities can = Capabilities::assumed(),
             std::int64_t max_output = 0) {
  const Offer offer{.model = {.rest = p.model}, .max_output = max_output, .capabilities = can};
  return tests::said_by(*p.dialect, {.provider = p, .offer = offer, .request = request, .max_tokens = request.max_tokens});
}
Said said_to(std::string_view vendor, const ChatRequest& request, Capabilities can = Capabilities::assumed()) {
  return said_to(wired(vendor, dialect::openai), request, can);
}

const ToolCall weather{.id = "call-1", .name = "weather", .arguments = "{}"};
const Tool weather_tool{.name = "weather"};

constexpr std::string_view thoughtful =
    R"({"choices":[{"message":{"content":"","reasoning_content":"I \"look\" it up.","tool_calls":[)"
    R"({"id":"c1","type":"function","function":{"name":"weather","arguments":"{}"}}]},"finish_reason":"tool_calls"}]})";
constexpr std::string_view thoughtful_stream =
    "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"I \\\"look\\\"\"}}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\" it up.\"}}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"weather\","
    "\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";

}  // namespace

TEST_CASE("results stand right behind their calls, and a system turn between them behind these") {
  const ChatRequest request{.messages = {Message::user("Hi"), Message::assistant("", {weather}), Message::system("Be brief."),
                                         Message::tool("call-1", "sunny"), Message::system("Still.")}};
  const std::string m = at(said_to("openai", request).body, "messages");
  CHECK(at(m, "2.role") == R"("tool")");
  CHECK(at(m, "3.content") == R"("Be brief.")");
  CHECK(at(m, "4.content") == R"("Still.")");
}

TEST_CASE("an image in a tool's result becomes the user's, behind all results") {
  Message seen = Message::tool("call-1", "a photo");
  seen.parts.push_back(Part::image_url("https://x.example/a.png"));
  Message only = Message::tool("call-2", "");
  only.parts.push_back(Part::image_url("https://x.example/b.png"));
  ToolCall second = weather;
  second.id = "call-2";
  const ChatRequest request{.messages = {Message::user("Hi"), Message::assistant("", {weather, second}), seen, only}};
  const std::string m = at(said_to("openai", request).body, "messages");
  CHECK(at(m, "2.content") == R"([{"type":"text","text":"a photo"}])");
  CHECK(at(m, "3.content") == R"("")");
  CHECK(at(m, "4.role") == R"("user")");
  CHECK(at(m, "4.content.0.image_url.url") == R"("https://x.example/a.png")");
  CHECK(at(m, "4.content.1.image_url.url") == R"("https://x.example/b.png")");
}

TEST_CASE("an image that the system or the assistant shows is for somebody else to take") {
  Message m = Message::system("Look.");
  m.parts.push_back(Part::image_url("https://x.example/a.png"));
  const Said said = said_to("openai", {.messages = {m, Message::user("Hi")}});
  CHECK_FALSE(said.ok);
  CHECK(said.kind == Kind::unsupported);
}

TEST_CASE("what a model thought before it called a tool goes back where its vendor insists on it") {
  for (const std::string_view vendor : {"deepseek"sv, "moonshot"sv}) {
    const Provider p = wired(vendor, dialect::openai);
    for (const bool stream : {false, true}) {
      CAPTURE(vendor, stream);
      const auto answered =
          stream ? tests::ask_stream(p, {.messages = "x"}, thoughtful_stream) : tests::ask(p, {.messages = "x"}, thoughtful);
      REQUIRE(answered.reply);
      CHECK(answered.reply->reasoning == "I \"look\" it up.");
      const ChatRequest next{.messages = {Message::user("x"), answered.reply->message(), Message::tool("c1", "sunny")}};
      CHECK(at(said_to(vendor, next, thinks).body, "messages.1.reasoning_content") == R"("I \"look\" it up.")");
      CHECK(said_to("groq", next, thinks).body.find("look") == std::string::npos);
    }
    const ChatRequest foreign{
        .messages = {Message::user("x"), Message::assistant("", {weather}), Message::tool("call-1", "sunny")}};
    CHECK(at(said_to(vendor, foreign, thinks).body, "messages.1.reasoning_content") == R"("")");
    CHECK(at(said_to(vendor, foreign).body, "messages.1.reasoning_content").empty());
  }
}

TEST_CASE("a model that has to call a tool is not asked to think where that is refused") {
  ChatRequest request{.messages = "x", .effort = Effort::high, .tools = {weather_tool}, .tool_choice = ToolChoice::required()};
  const Said said = said_to("deepseek", request, thinks);
  CHECK(at(said.body, "thinking.type") == R"("disabled")");
  CHECK(said.altered == "without effort");
  request.effort.reset();
  CHECK(at(said_to("deepseek", request, thinks).body, "thinking.type") == R"("disabled")");
  CHECK(at(said_to("deepseek", request).body, "thinking").empty());
  request.tool_choice = {};
  CHECK(at(said_to("deepseek", request, thinks).body, "thinking").empty());
}

TEST_CASE("Kimi's models that think keep their own temperature") {
  const Said said = said_to("moonshot", {.messages = "x", .temperature = 0.2, .top_p = 0.5}, thinks);
  CHECK(at(said.body, "temperature").empty());
  CHECK(at(said.body, "top_p").empty());
  CHECK(said.altered == "without temperature, without top_p");
}

TEST_CASE("Gemini 3 gets Google's word for a missing signature also where it speaks OpenAI's words") {
  const ChatRequest request{
      .messages = {Message::user("x"), Message::assistant("", {weather, weather}), Message::tool("call-1", "sunny")}};
  constexpr auto place = "messages.1.tool_calls.0.extra_content.google.thought_signature"sv;
  const auto to = [&](std::string_view vendor, std::string_view model) {
    return said_to(wired(vendor, dialect::openai, model), request).body;
  };
  const std::string body = to("gemini", "gemini-3-pro-preview");
  CHECK(at(body, place) == R"("skip_thought_signature_validator")");
  CHECK(at(body, "messages.1.tool_calls.1.extra_content").empty());
  CHECK(at(to("gemini", "gemini-2.5-flash"), place).empty());
  CHECK(at(to("openai", "gpt-5"), place).empty());
}

TEST_CASE("Mistral goes on with a turn of the assistant's that is marked") {
  const ChatRequest request{
      .messages = {Message::user("x"), Message::assistant("Once"), Message::user("y"), Message::assistant("upon a")}};
  const std::string m = at(said_to("mistral", request).body, "messages");
  CHECK(at(m, "1.prefix").empty());
  CHECK(at(m, "3.prefix") == "true");
  CHECK(at(said_to("groq", request).body, "messages.3.prefix").empty());
}

TEST_CASE("more is never asked for than a model can write") {
  const ChatRequest request{.messages = "x", .max_tokens = 100'000};
  const auto check_of = [&](const Dialect& d, std::string_view path) {
    const Said said = said_to(wired("v", d), request, Capabilities::assumed(), 16'384);
    CHECK(at(said.body, path) == "16384");
    CHECK(said.altered == "max_tokens lowered to 16384");
    CHECK(at(said_to(wired("v", d), request).body, path) == "100000");
  };
  check_of(dialect::openai, "max_tokens");
  check_of(dialect::anthropic, "max_tokens");
  check_of(dialect::gemini, "generationConfig.maxOutputTokens");
}

TEST_CASE("more texts to stop at than a vendor takes are for another one") {
  ChatRequest request{.messages = "x", .stop = {"a", "b", "c", "d"}};
  CHECK(said_to("openai", request).ok);
  request.stop.emplace_back("e");
  const Said said = said_to("openai", request);
  CHECK_FALSE(said.ok);
  CHECK(said.kind == Kind::unsupported);
  CHECK(said_to("openai", request, thinks).ok);  // where it is left out anyway
  CHECK(said_to("mistral", request).ok);
}

TEST_CASE("a URL with a place for the model is not asked without one") {
  Provider p = wired("azure", dialect::openai, "");
  p.url = "https://x.example/deployments/{model}";
  const Said said = said_to(p, {.messages = "x"});
  CHECK_FALSE(said.ok);
  CHECK(said.kind == Kind::unsupported);
}

TEST_CASE("Claude that thinks in any way is asked without a temperature, and what it goes on with is not thought about") {
  const auto claude = [](const ChatRequest& request) {
    return said_to(wired("anthropic", dialect::anthropic), request, thinks, 64'000).body;
  };
  CHECK(
      at(claude({.messages = "x", .temperature = 0.5, .extra = R"({"thinking":{"type":"adaptive"}})"}), "temperature").empty());
  CHECK(at(claude({.messages = "x", .temperature = 0.5, .extra = R"({"thinking":{"type":"disabled"}})"}), "temperature") ==
        "0.5");
  CHECK(at(claude({.messages = {Message::user("x"), Message::assistant("Once")}, .effort = Effort::low}), "thinking").empty());
  CHECK_FALSE(at(claude({.messages = "x", .effort = Effort::low}), "thinking").empty());
}

TEST_CASE("Gemini 2 is not asked for JSON beside tools, nor a Pro for no thought at all") {
  ChatRequest request{.messages = "x", .tools = {weather_tool}, .response_format = ResponseFormat::json()};
  const auto to = [&](std::string_view model) { return said_to(wired("gemini", dialect::gemini, model), request); };
  CHECK(to("gemini-2.5-flash").kind == Kind::unsupported);
  CHECK_FALSE(to("gemini-2.5-flash").ok);
  CHECK(to("gemini-3-pro-preview").ok);
  request = {.messages = "x", .effort = Effort::off};
  CHECK(at(to("gemini-2.5-pro").body, "generationConfig.thinkingConfig.thinkingBudget") == "128");
  CHECK(at(to("gemini-2.5-flash").body, "generationConfig.thinkingConfig.thinkingBudget") == "0");
}

TEST_CASE("a cost that is an object counts by its sum") {
  const auto answered =
      tests::ask(wired("perplexity", dialect::openai), {.messages = "x"},
                 R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,)"
                 R"("completion_tokens":1,"cost":{"request_cost":0.005,"total_cost":0.0051}}})");
  REQUIRE(answered.reply);
  CHECK(answered.reply->cost.amount == Money::nanos(5'100'000));
}

TEST_CASE("a key that is repeated without end is hidden in one pass") {
  Provider p = wired("v", dialect::openai);
  p.key = "sk-0123456789";
  const ChatRequest request{.messages = "x"};
  const Offer offer = Offer::assumed({.rest = "m"}, p);
  Attempt attempt;
  REQUIRE(attempt.encode({.provider = p, .offer = offer, .request = request}));
  attempt.head(200, {});
  std::string body = R"({"error":{"message":")";
  for (int i = 0; i < 400'000; ++i) body += "sk-0123456789";
  attempt.body(body + "\"}}", {});
  const auto began = std::chrono::steady_clock::now();
  const Ended ended = attempt.finish({});
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));  // it were minutes
  CHECK(ended.message.starts_with("******"));
  CHECK(ended.message.find("0123") == std::string::npos);
}

TEST_CASE("a stream is given up when it has filled 64 MiB, with words or with calls") {
  const Provider p = wired("v", dialect::openai);
  const ChatRequest request{.messages = "x"};
  const Offer offer = Offer::assumed({.rest = "m"}, p);
  const std::string much(4u << 20, 'x');
  for (const std::string& delta : {R"("content":")" + much + '"', R"("reasoning":")" + much + '"',
                                   R"("tool_calls":[{"index":0,"id":"c","function":{"name":"n","arguments":")" + much + "\"}}]",
                                   R"("reasoning_details":[{"data":")" + much + "\"}]"}) {
    Attempt attempt;
    REQUIRE(attempt.encode({.provider = p, .offer = offer, .request = request, .delivery = Delivery::stream}));
    attempt.head(200, {});
    int taken = 0;
    while (taken < 40 && attempt.body("data: {\"choices\":[{\"delta\":{" + delta + "}}]}\n\n", {})) ++taken;
    CAPTURE(delta.substr(0, 20));
    CHECK(taken >= 14);
    CHECK(taken <= 16);
    const Ended ended = attempt.finish({.error = http::Error::stopped});
    CHECK(ended.kind == Kind::malformed_reply);
    CHECK(ended.message == "an answer that is too long");
  }
}

TEST_CASE("a function that points to nothing is none") {
  std::string (*nothing)(const ChatRequest&) = nullptr;
  CHECK_FALSE(LocalFunction(nothing));
  CHECK_FALSE(LocalFunction(std::function<std::string(const ChatRequest&)>()));
  CHECK(LocalFunction([](const ChatRequest&) { return "x"; }));
}
