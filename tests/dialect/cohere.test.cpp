// SPDX-License-Identifier: MIT
#include "llmroute/dialect/cohere.hpp"

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../recorded.hpp"
#include "json_path.hpp"
#include "llmroute/money.hpp"
#include "said.hpp"

using namespace llmroute;
using namespace std::string_view_literals;

namespace {

using tests::at;
using tests::Said;

Said say(const ChatRequest& request, Delivery delivery = Delivery::whole, std::string_view model = "command-1") {
  const Provider provider{.name = "cohere", .url = "https://api.cohere.com/v2", .dialect = &dialect::cohere};
  const Offer offer = Offer::assumed({.rest = model}, provider);
  return tests::said_by(
      dialect::cohere,
      {.provider = provider, .offer = offer, .request = request, .delivery = delivery, .max_tokens = request.max_tokens});
}
std::string sent(const ChatRequest& request, std::string_view path) {
  const Said said = say(request);
  INFO(said.body);
  REQUIRE(said.ok);
  return at(said.body, path);
}
Said refusal(const ChatRequest& request) {
  Said said = say(request);
  CHECK_FALSE(said.ok);
  return said;
}

std::string events(std::initializer_list<std::string_view> list) {
  std::string out;
  for (const std::string_view e : list) out.append("event: message\ndata: ").append(e).append("\n\n");
  return out;
}
std::string message(std::string_view type, std::string_view members, std::string_view index = "0") {
  return std::string("{\"type\":\"")
             .append(type)
             .append("\",\"index\":")
             .append(index)
             .append(",\"delta\":{\"message\":{")
             .append(members) +
         "}}}";
}
std::string text(std::string_view words) {
  return message("content-delta", R"("content":{"text":")" + std::string(words) + "\"}");
}
std::string end(std::string_view reason = "COMPLETE", std::string_view more = "") {
  return std::string(R"({"type":"message-end","delta":{"finish_reason":")")
      .append(reason)
      .append("\"")
      .append(more)
      .append("}}");
}
std::string reply(std::string_view members, std::string_view reason = "COMPLETE", std::string_view usage = "{}") {
  return std::string(R"({"id":"r1","message":{"role":"assistant",)")
      .append(members)
      .append(R"(},"finish_reason":")")
      .append(reason)
      .append(R"(","usage":)")
      .append(usage)
      .append("}");
}

tests::Replay stream(std::string_view body, std::size_t step = 1'000'000) {
  return {dialect::cohere, 200, body, Delivery::stream, step};
}
tests::Replay whole(std::string_view body, int status = 200) {
  return {dialect::cohere, status, body, Delivery::whole, 1'000'000};
}

}  // namespace

TEST_CASE("Cohere is asked in its own words") {
  const ChatRequest request{.messages = {Message::system("Be brief."), Message::user("Why?")},
                            .max_tokens = 50,
                            .temperature = 0.5,
                            .top_p = 0.9,
                            .presence_penalty = 0.1,
                            .frequency_penalty = 0.2,
                            .seed = 7,
                            .stop = {"\n", "END"},
                            .extra = R"({"k":20,"documents":["x"]})"};
  CHECK(say(request).url == "https://api.cohere.com/v2/chat");
  CHECK(say(request).body ==
        R"({"model":"command-1","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Why?"}],)"
        R"("temperature":0.5,"p":0.9,"presence_penalty":0.1,"frequency_penalty":0.2,"seed":7,"stop_sequences":["\n","END"],)"
        R"("max_tokens":50,"stream":false,"k":20,"documents":["x"]})");
  CHECK(say(request).altered.empty());
  CHECK(at(say(request, Delivery::stream).body, "stream") == "true");
  CHECK(sent({.messages = "x", .seed = -1}, "seed") == std::to_string(std::numeric_limits<std::int64_t>::max()));
  CHECK(sent({.messages = "x", .top_p = 0.5, .extra = R"({"p":0.1})"}, "p") == "0.1");
  CHECK(say({.messages = "x"}, Delivery::whole, "").kind == Kind::unsupported);
}

TEST_CASE("Cohere gets calls, results and images in the form that it took from others") {
  const ChatRequest request{
      .messages = {Message::user({"What?", Part::image("QUJD", "image/png")}),
                   Message::assistant("", {{.id = "", .name = "f", .arguments = ""}}), Message::tool("", "7")},
      .tools = {{.name = "f"}}};
  CHECK(sent(request, "messages.0.content.1") == R"({"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}})");
  CHECK(sent(request, "messages.1.content") == "null");
  CHECK(sent(request, "messages.1.tool_calls.0.function") == R"({"name":"f","arguments":"{}"})");
  CHECK(sent(request, "messages.2.content") == R"("7")");
  CHECK(sent(request, "messages.2.tool_call_id") == sent(request, "messages.1.tool_calls.0.id"));
  CHECK(sent(request, "tools.0.function.name") == R"("f")");
}

TEST_CASE("Cohere may be made to call a tool, and one by name where it is the only one") {
  ChatRequest request{.messages = "x", .tools = {{.name = "f"}, {.name = "g"}}};
  CHECK(sent(request, "tool_choice").empty());
  request.tool_choice = ToolChoice::none();
  CHECK(sent(request, "tool_choice") == R"("NONE")");
  request.tool_choice = ToolChoice::required();
  CHECK(sent(request, "tool_choice") == R"("REQUIRED")");
  CHECK(sent(request, "tools.1.function.name") == R"("g")");
  request.tool_choice = ToolChoice::named("g");
  CHECK(sent(request, "tool_choice") == R"("REQUIRED")");
  CHECK(sent(request, "tools.0.function.name") == R"("g")");
  CHECK(sent(request, "tools.1").empty());
  request.tool_choice = ToolChoice::named("h");
  CHECK(refusal(request).kind == Kind::request_invalid);
  CHECK(sent({.messages = "x", .tool_choice = ToolChoice::none()}, "tool_choice").empty());
}

TEST_CASE("Cohere writes JSON, or JSON of a schema, and thinks as it is told") {
  CHECK(sent({.messages = "x", .response_format = ResponseFormat::json()}, "response_format") == R"({"type":"json_object"})");
  CHECK(sent({.messages = "x", .response_format = ResponseFormat::of_schema("s", R"({"type":"object"})")}, "response_format") ==
        R"({"type":"json_object","json_schema":{"type":"object"}})");
  CHECK(refusal({.messages = "x", .response_format = ResponseFormat::of_schema("s", "7")}).kind == Kind::request_invalid);
  CHECK(sent({.messages = "x", .effort = Effort::off}, "thinking") == R"({"type":"disabled"})");
  CHECK(sent({.messages = "x", .effort = Effort::low}, "thinking") == R"({"type":"enabled","token_budget":1024})");
  CHECK(sent({.messages = "x", .max_tokens = 100, .effort = Effort::high}, "thinking.token_budget") == "50");
  CHECK(sent({.messages = "x"}, "thinking").empty());
}

TEST_CASE("a whole answer of Cohere is read") {
  const tests::Replay r = whole(reply(
      R"("content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi"},{"type":"text","text":"!"}],"citations":[{"start":0},{"start":2}])"));
  const ReplyBuilder& got = r.attempt.reply();
  CHECK(r.ended.ok);
  CHECK(got.text == "Hi!");
  CHECK(got.reasoning == "hm");
  CHECK(got.finish == Finish::stop);
  CHECK(got.finish_reason == "COMPLETE");
  REQUIRE(got.extra.size() == 1);
  CHECK(got.extra[0].first == "citations");
  CHECK(got.extra[0].second == R"([{"start":0},{"start":2}])");
  const tests::Replay tools = whole(reply(
      R"("tool_plan":"I will.","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","function":{"name":"g","arguments":"null"}},{"id":"c","function":{"name":"h","arguments":{"y":2}}}])",
      "TOOL_CALL"));
  CHECK(tools.attempt.reply().reasoning == "I will.");
  CHECK(tools.attempt.reply().finish == Finish::tool_calls);
  CHECK(tools.attempt.reply().tool_calls == std::vector<ToolCall>{{.id = "a", .name = "f", .arguments = R"({"x":1})"},
                                                                  {.id = "b", .name = "g"},
                                                                  {.id = "c", .name = "h", .arguments = R"({"y":2})"}});
}

TEST_CASE("a stream of Cohere is read as it comes, however it is cut") {
  const std::string body = events(
      {R"({"id":"r1","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}})",
       message("content-start", R"("content":{"type":"thinking","thinking":""})"),
       message("content-delta", R"("content":{"thinking":"hm"})"), message("tool-plan-delta", R"("tool_plan":"!")"),
       R"({"type":"content-end","index":0})", message("content-start", R"("content":{"type":"text","text":""})", "1"),
       text("Hi"), message("citation-start", R"("citations":{"start":0})"), R"({"type":"citation-end","index":0})",
       text("\\u00f6"),
       message("tool-call-start", R"("tool_calls":{"id":"a","type":"function","function":{"name":"f","arguments":""}})"),
       message("tool-call-start", R"("tool_calls":{"id":"b","type":"function","function":{"name":"g","arguments":""}})", "1"),
       message("tool-call-delta", R"("tool_calls":{"function":{"arguments":"{\"x\":"}})"),
       message("tool-call-delta", R"("tool_calls":{"function":{"arguments":"null"}})", "1"),
       message("tool-call-delta", R"("tool_calls":{"function":{"arguments":"1}"}})"),
       end("TOOL_CALL", R"(,"usage":{"tokens":{"input_tokens":7,"output_tokens":3}})"), "[DONE]"});
  for (const std::size_t step : {body.size(), std::size_t{7}, std::size_t{1}}) {
    const tests::Replay r = stream(body, step);
    CHECK(r.ended.ok);
    CHECK(r.text == "Hi\xC3\xB6");
    CHECK(r.reasoning == "hm!");
    CHECK(r.calls == std::vector<ToolCall>{{.id = "a", .name = "f", .arguments = R"({"x":1})"}, {.id = "b", .name = "g"}});
    CHECK(r.calls == r.attempt.reply().tool_calls);
    CHECK(r.attempt.reply().extra.at(0).second == R"([{"start":0}])");
    CHECK(r.attempt.reply().finish == Finish::tool_calls);
    CHECK(r.ended.usage == Usage{.prompt = 7, .completion = 3, .reported = true});
  }
}

TEST_CASE("a stream of Cohere is whole with its end, and not without") {
  const std::string body = events({text("Hi"), end()});
  CHECK(stream(body).ended.ok);
  CHECK(stream(events({text("Hi"), end(), "[DONE]", "oops"})).ended.ok);
  CHECK_FALSE(stream(events({text("Hi"), "[DONE]"})).ended.ok);
  CHECK_FALSE(stream(events({text("Hi"), R"({"delta":{"finish_reason":"COMPLETE"}})"})).ended.ok);
  CHECK_FALSE(stream(events({end()})).ended.ok);
  for (std::size_t size = 0; size + 3 < body.size(); ++size)
    if (stream(body.substr(0, size)).ended.ok) FAIL_CHECK("cut at " << size);
  const std::string one = reply(R"("content":[{"type":"text","text":"Hi"}])");
  for (std::size_t size = 0; size < one.size(); ++size) {
    const tests::Replay r = whole(one.substr(0, size));
    CHECK(r.ended.kind == Kind::malformed_reply);
    CHECK(r.attempt.reply().text.empty());
  }
  ReplyBuilder builder;
  CHECK_FALSE(dialect::cohere.event({}, one + "x", builder, {}));
  CHECK(builder.malformed);
  CHECK(builder.text.empty());
  for (const std::string_view other : {"[]"sv, "7"sv, "{}"sv, "<html>"sv})
    CHECK(whole(other).ended.kind == Kind::malformed_reply);
  CHECK(stream(events({text("Hi"), "[1]"})).ended.kind == Kind::malformed_reply);
}

TEST_CASE("Cohere's words for an end are told apart") {
  const auto finish = [](std::string_view word) { return whole(reply(R"("content":[])", word)).attempt.reply().finish; };
  CHECK(finish("COMPLETE") == Finish::stop);
  CHECK(finish("STOP_SEQUENCE") == Finish::stop);
  CHECK(finish("MAX_TOKENS") == Finish::length);
  CHECK(finish("TOOL_CALL") == Finish::tool_calls);
  CHECK(finish("NEW_WORD") == Finish::other);
  const auto kind = [](std::string_view word) {
    return stream(events({text("Hi"), end(word, R"(,"error":"no luck")")})).ended;
  };
  CHECK(kind("ERROR").kind == Kind::server_error);
  CHECK(kind("TIMEOUT").kind == Kind::timed_out);
  CHECK(stream(events({text("Hi"), end("ERROR", R"(,"error":"no luck")")})).attempt.reply().error.message == "no luck");
  CHECK(whole(reply(R"("content":[])", "ERROR")).ended.kind == Kind::server_error);
}

TEST_CASE("Cohere's tokens count, what it charges for only where that is all it says") {
  const auto usage = [](std::string_view json) { return whole(reply(R"("content":[])", "COMPLETE", json)).ended.usage; };
  CHECK(usage(R"({"billed_units":{"input_tokens":8,"output_tokens":2},"tokens":{"input_tokens":500,"output_tokens":4}})") ==
        Usage{.prompt = 500, .completion = 4, .reported = true});
  CHECK(usage(R"({"billed_units":{"input_tokens":8,"output_tokens":2}})") ==
        Usage{.prompt = 8, .completion = 2, .reported = true});
  CHECK(usage(R"({"tokens":{"input_tokens":500.0,"output_tokens":-4},"cached_tokens":480})") ==
        Usage{.prompt = 500, .cached = 480, .reported = true});
  CHECK(usage(R"({"tokens":{"input_tokens":34,"output_tokens":70,"image_tokens":259}})") ==
        Usage{.prompt = 293, .completion = 70, .reported = true});
  CHECK(usage(R"({"tokens":{"input_tokens":10,"output_tokens":400,"reasoning_tokens":300}})") ==
        Usage{.prompt = 10, .completion = 400, .reasoning = 300, .reported = true});
  CHECK(usage("{}") == Usage{});

  SECTION("costs by hand: a plain exchange, one from a cache, one that thought") {
    const Price price{.input = per_million("0.30"), .output = per_million("2.50"), .cached = per_million("0.075")};
    const auto cost = [&](std::string_view json) {
      const Usage u = usage(json);
      return price.of(u.prompt, u.completion, u.cached);
    };
    CHECK(cost(R"({"tokens":{"input_tokens":1000,"output_tokens":200}})") == Money::nanos(300'000 + 500'000));
    CHECK(cost(R"({"tokens":{"input_tokens":1000,"output_tokens":200},"cached_tokens":400})") ==
          Money::nanos(180'000 + 30'000 + 500'000));
    CHECK(cost(R"({"tokens":{"input_tokens":10,"output_tokens":400,"reasoning_tokens":300}})") ==
          Money::nanos(3'000 + 1'000'000));
  }
}

TEST_CASE("errors of Cohere are told by their type, else by their status") {
  const auto kind = [](int status, std::string_view body) { return whole(body, status).ended.kind; };
  CHECK(kind(401, R"({"id":"1","message":"invalid api token"})") == Kind::unauthorized);
  CHECK(kind(404, R"({"id":"1","message":"model 'x' not found"})") == Kind::model_not_found);
  CHECK(kind(400, R"({"id":"1","error_type":"TOO_MANY_TOKENS","message":"too long"})") == Kind::context_too_long);
  CHECK(kind(400, R"({"id":"1","message":"too many tokens: size limit exceeded by 7 tokens"})") == Kind::context_too_long);
  CHECK(kind(429, R"({"message":"You are using a Trial key, which is limited to 40 API calls / minute."})") ==
        Kind::rate_limited);
  CHECK(kind(400, R"({"message":"invalid request: x"})") == Kind::request_invalid);
  CHECK(kind(500, R"({"message":"internal server error"})") == Kind::server_error);
  CHECK(kind(200, R"({"id":"1","message":"something broke"})") == Kind::server_error);
  const tests::Replay r = stream(events({text("Hi"), R"({"message":"something broke"})", end()}));
  CHECK(r.ended.kind == Kind::server_error);
  CHECK(r.ended.message == "something broke");
  CHECK(r.text == "Hi");
}
