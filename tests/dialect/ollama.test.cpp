// SPDX-License-Identifier: MIT
#include "llmroute/dialect/ollama.hpp"

#include <initializer_list>
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

Said say(const ChatRequest& request, Delivery delivery = Delivery::whole, std::string_view model = "qwen3:4b",
         std::string base = "http://127.0.0.1:11434") {
  const Provider provider{.name = "local", .url = std::move(base), .vendor = "ollama", .dialect = &dialect::ollama};
  Offer offer = Offer::assumed({.rest = model}, provider);
  return tests::said_by(
      dialect::ollama,
      {.provider = provider, .offer = offer, .request = request, .delivery = delivery, .max_tokens = request.max_tokens});
}
std::string sent(const ChatRequest& request, std::string_view path, std::string_view model = "qwen3:4b") {
  const Said said = say(request, Delivery::whole, model);
  INFO(said.body);
  REQUIRE(said.ok);
  return at(said.body, path);
}
Said refusal(const ChatRequest& request) {
  Said said = say(request);
  CHECK_FALSE(said.ok);
  return said;
}

constexpr auto done = R"({"model":"m","created_at":"t9","message":{"content":""},"done":true,"done_reason":"stop"})"sv;

std::string lines(std::initializer_list<std::string_view> list) {
  std::string out;
  for (const std::string_view line : list) out.append(line).append("\n");
  return out;
}
std::string line(std::string_view message, std::string_view more = R"("done":false)", std::string_view made_at = "t1") {
  return std::string(R"({"model":"m","created_at":")")
             .append(made_at)
             .append(R"(","message":{)")
             .append(message)
             .append("},")
             .append(more) +
         "}";
}

tests::Replay stream(std::string_view body, std::size_t step = 1'000'000, int status = 200) {
  return {dialect::ollama, status, body, Delivery::stream, step};
}
tests::Replay whole(std::string_view body, int status = 200) {
  return {dialect::ollama, status, body, Delivery::whole, 1'000'000};
}

}  // namespace

TEST_CASE("Ollama's URL is what stands before its path") {
  CHECK(say({.messages = "x"}).url == "http://127.0.0.1:11434/api/chat");
  CHECK(say({.messages = "x"}, Delivery::stream, "m", "https://ollama.com/").url == "https://ollama.com/api/chat");
}

TEST_CASE("Ollama is asked in its own words") {
  const ChatRequest request{.messages = {Message::system("Be brief."), Message::user("Why?")},
                            .max_tokens = 50,
                            .temperature = 0.5,
                            .top_p = 0.9,
                            .presence_penalty = 0.1,
                            .frequency_penalty = 0.2,
                            .seed = 7,
                            .stop = {"\n", "END"}};
  CHECK(say(request).body ==
        R"({"model":"qwen3:4b","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Why?"}],)"
        R"("stream":false,"options":{"num_predict":50,"temperature":0.5,"top_p":0.9,"presence_penalty":0.1,)"
        R"("frequency_penalty":0.2,"seed":7,"stop":["\n","END"]}})");
  CHECK(at(say(request, Delivery::stream).body, "stream") == "true");
  CHECK(sent({.messages = "x"}, "options").empty());
  CHECK(say(request).altered.empty());
}

TEST_CASE("what extra says of Ollama's options is laid over them") {
  const auto options = [](std::string extra) {
    return sent({.messages = "x", .max_tokens = 5, .temperature = 1, .extra = std::move(extra)}, "options");
  };
  CHECK(options(R"({"options":{"num_ctx":8192,"temperature":0}})") == R"({"num_predict":5,"num_ctx":8192,"temperature":0})");
  CHECK(options(R"({"options":null})") == "null");
  CHECK(sent({.messages = "x", .extra = R"({"think":true,"keep_alive":"1h","stream":true})"}, "stream") == "true");
  CHECK(sent({.messages = "x", .extra = R"({"keep_alive":"1h"})"}, "keep_alive") == R"("1h")");
}

TEST_CASE("Ollama writes JSON, or JSON of a schema") {
  CHECK(sent({.messages = "x", .response_format = ResponseFormat::json()}, "format") == R"("json")");
  CHECK(sent({.messages = "x", .response_format = ResponseFormat::of_schema("s", R"({"type":"object"})")}, "format") ==
        R"({"type":"object"})");
  CHECK(sent({.messages = "x"}, "format").empty());
  CHECK(refusal({.messages = "x", .response_format = ResponseFormat::of_schema("s", "7")}).kind == Kind::request_invalid);
}

TEST_CASE("how much Ollama thinks is a yes or no, but for the model that takes degrees") {
  const auto think = [](Effort effort, std::string_view model) {
    return sent({.messages = "x", .effort = effort}, "think", model);
  };
  CHECK(think(Effort::off, "qwen3:4b") == "false");
  CHECK(think(Effort::low, "qwen3:4b") == "true");
  CHECK(think(Effort::off, "gpt-oss:20b") == "false");
  CHECK(think(Effort::medium, "gpt-oss:20b") == R"("medium")");
  CHECK(sent({.messages = "x"}, "think").empty());
  CHECK(sent({.messages = "x", .effort = Effort::low, .extra = R"({"think":false})"}, "think") == "false");
}

TEST_CASE("Ollama gets images by their bytes beside the text, and none by a URL") {
  const auto images = [](std::vector<Part> parts) {
    return sent({.messages = {Message::user(std::move(parts))}}, "messages.0");
  };
  CHECK(images({"Look: ", Part::image("QUJD", "image/png"), "well?", Part::image_url("data:image/png;base64,REVG")}) ==
        R"({"role":"user","content":"Look: well?","images":["QUJD","REVG"]})");
  CHECK(refusal({.messages = {Message::user({Part::image_url("https://x.example/a.png")})}}).kind == Kind::unsupported);
  CHECK(refusal({.messages = {Message::user({Part::image_url("data:text/plain,a")})}}).kind == Kind::unsupported);
}

TEST_CASE("a conversation with tools goes to Ollama with objects for arguments and names with results") {
  const ChatRequest request{
      .messages = {Message::user("2+3, 4*5?"),
                   Message::assistant("", {{.id = "a", .name = "add", .arguments = R"({"x":2})"},
                                           {.id = "b", .name = "mul", .arguments = ""}}),
                   Message::tool("b", "20"), Message::tool("a", "5"), Message::tool("?", "whose?")},
      .tools = {{.name = "add", .description = "Adds", .parameters = R"({"type":"object"})"}, {.name = "mul"}}};
  CHECK(sent(request, "messages.1") ==
        R"({"role":"assistant","content":"","tool_calls":[{"id":"a","function":{"name":"add","arguments":{"x":2}}},)"
        R"({"id":"b","function":{"name":"mul","arguments":{}}}]})");
  CHECK(sent(request, "messages.2") == R"({"role":"tool","content":"20","tool_name":"mul","tool_call_id":"b"})");
  CHECK(sent(request, "messages.3") == R"({"role":"tool","content":"5","tool_name":"add","tool_call_id":"a"})");
  CHECK(sent(request, "messages.4") == R"({"role":"tool","content":"whose?","tool_call_id":"?"})");
  CHECK(sent(request, "tools") ==
        R"([{"type":"function","function":{"name":"add","description":"Adds","parameters":{"type":"object"}}},)"
        R"({"type":"function","function":{"name":"mul","parameters":{"type":"object","properties":{}}}}])");

  SECTION("also where calls share an id, or ids begin anew") {
    const std::vector<ToolCall> twice{{.id = "", .name = "f", .arguments = "null"}, {.id = "", .name = "g", .arguments = " "}};
    const ChatRequest again{.messages = {Message::user("x"), Message::assistant("", twice), Message::tool("", "1"),
                                         Message::tool("", "2"), Message::assistant("", {{.id = "", .name = "h"}}),
                                         Message::tool("", "3")}};
    for (const auto& [place, name] :
         {std::pair{"messages.2.tool_name", "\"f\""}, {"messages.3.tool_name", "\"g\""}, {"messages.5.tool_name", "\"h\""}})
      CHECK(sent(again, place) == name);
    CHECK(sent(again, "messages.1.tool_calls.0.function.arguments") == "{}");
    CHECK(sent(again, "messages.1.tool_calls.1.id") == sent(again, "messages.3.tool_call_id"));
    CHECK(sent(again, "messages.1.tool_calls.0.id") != sent(again, "messages.1.tool_calls.1.id"));
  }
  SECTION("arguments that are no object are refused") {
    const Said said = refusal({.messages = {Message::assistant("", {{.id = "a", .name = "f", .arguments = "{\"x\":"}})}});
    CHECK(said.kind == Kind::unsupported);
    CHECK_THAT(said.body, ContainsSubstring("\"f\""));
  }
}

TEST_CASE("Ollama's model chooses its tools by itself, or gets none") {
  const std::vector<Tool> tools{{.name = "f"}};
  CHECK(refusal({.messages = "x", .tools = tools, .tool_choice = ToolChoice::required()}).kind == Kind::unsupported);
  CHECK(refusal({.messages = "x", .tools = tools, .tool_choice = ToolChoice::named("f")}).kind == Kind::unsupported);
  const ChatRequest off{.messages = "x", .tools = tools, .tool_choice = ToolChoice::none()};
  CHECK(sent(off, "tools").empty());
  CHECK(say(off).altered == "without tools");
  CHECK(say({.messages = "x", .tool_choice = ToolChoice::none()}).altered.empty());
}

TEST_CASE("Ollama is not asked without a model, or to say nothing") {
  CHECK(say({.messages = "x"}, Delivery::whole, "").kind == Kind::unsupported);
  CHECK(say({.messages = "x", .extra = R"({"model":"m"})"}, Delivery::whole, "").ok);
  CHECK(refusal({}).kind == Kind::request_invalid);
}

TEST_CASE("a whole answer of Ollama is read") {
  const tests::Replay r = whole(line(R"("role":"assistant","content":"Hi","thinking":"hm")",
                                     R"("done":true,"done_reason":"length","prompt_eval_count":7,"eval_count":3)"));
  const ReplyBuilder& got = r.attempt.reply();
  CHECK(r.ended.ok);
  CHECK(got.text == "Hi");
  CHECK(got.reasoning == "hm");
  CHECK(got.model == "m");
  CHECK(got.finish == Finish::length);
  CHECK(got.finish_reason == "length");
  CHECK(r.ended.usage == Usage{.prompt = 7, .completion = 3, .reported = true});
}

TEST_CASE("Ollama's tool calls come whole, each with an id") {
  const std::string body = lines(
      {line(R"("content":"","tool_calls":[{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":{"b":1}}}}])"),
       line(R"("content":"","tool_calls":[{"function":{"index":0,"name":"f","arguments":{}}},{"function":{"name":"g"}}])"),
       line(R"("content":"","tool_calls":[{"id":"c1","function":{"name":"h","arguments":"{\"t\":1}"}}])"), done});
  const tests::Replay r = stream(body);
  const std::vector<ToolCall>& calls = r.attempt.reply().tool_calls;
  REQUIRE(r.ended.ok);
  REQUIRE(calls.size() == 4);
  CHECK(calls[0] == ToolCall{.id = "c1", .name = "f", .arguments = R"({"a":{"b":1}})"});
  CHECK(calls[1].arguments == "{}");
  CHECK(calls[2].arguments.empty());
  CHECK(calls[3].arguments == R"({"t":1})");
  CHECK(r.calls == calls);
  CHECK(r.attempt.reply().finish == Finish::tool_calls);
  CHECK(r.attempt.reply().finish_reason == "stop");
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < i; ++j) CHECK(calls[i].id != calls[j].id);
  for (std::size_t i = 1; i < 4; ++i) CHECK(calls[i].id.size() == 9);
  SECTION("an id that is made is the same each time, and another one in each reply") {
    CHECK(stream(body, 1).attempt.reply().tool_calls == calls);
    const auto made = [](std::string_view made_at) {
      return stream(line(R"("tool_calls":[{"function":{"name":"f"}}])", R"("done":true)", made_at))
          .attempt.reply()
          .tool_calls.at(0)
          .id;
    };
    CHECK(made("t1") != made("t2"));
  }
  SECTION("more of them than anybody means are not kept") {
    std::string many = R"({"message":{"tool_calls":[)";
    for (int i = 0; i < 1'025; ++i) many += i == 0 ? R"({"function":{"name":"f"}})" : R"(,{"function":{"name":"f"}})";
    CHECK(stream(many + R"(]},"done":true})").ended.kind == Kind::malformed_reply);
  }
}

TEST_CASE("a stream of Ollama is whole when it says that it is done") {
  CHECK(stream(lines({line(R"("content":"Hi")"), done})).ended.ok);
  CHECK(stream(lines({line(R"("content":"Hi")"), R"({"done":true})"})).ended.ok);  // an old one, without a reason
  CHECK_FALSE(stream(lines({line(R"("content":"Hi")")})).ended.ok);
  CHECK_FALSE(stream(lines({line(R"("content":"Hi")", R"("done":false,"done_reason":"stop")")})).ended.ok);
  CHECK_FALSE(whole(line(R"("content":"Hi")")).ended.ok);
  SECTION("a model that was only loaded has not answered") {
    for (const std::string_view reason : {"load", "unload"}) {
      const std::string body = line(R"("content":"")", R"("done":true,"done_reason":")" + std::string(reason) + "\"");
      CHECK(stream(body).ended.kind == Kind::malformed_reply);
      CHECK(whole(body).ended.kind == Kind::malformed_reply);
    }
  }
}

TEST_CASE("half of a whole answer of Ollama is none, and leaves nothing") {
  const std::string body = line(R"("content":"Hi","tool_calls":[{"function":{"name":"f"}}])", R"("done":true)");
  for (std::size_t size = 0; size < body.size(); ++size) {
    const tests::Replay r = whole(body.substr(0, size));
    CHECK(r.ended.kind == Kind::malformed_reply);
    CHECK(r.attempt.reply().text.empty());
    CHECK(r.attempt.reply().tool_calls.empty());
  }
  ReplyBuilder builder;
  CHECK_FALSE(dialect::ollama.event({}, body + "x", builder, {}));
  CHECK(builder.malformed);
  CHECK(builder.text.empty());
  for (const std::string_view other : {"[]"sv, "7"sv, "\"x\""sv, "null"sv, "{}"sv, "{\"done\":true}"sv, "<html>"sv})
    CHECK_FALSE(whole(other).ended.ok);
}

TEST_CASE("what Ollama does not count is not reported") {
  const auto usage = [](std::string_view counts) {
    return stream(line(R"("content":"x")", R"("done":true)" + std::string(counts))).ended.usage;
  };
  CHECK(usage("") == Usage{});
  CHECK(usage(R"(,"eval_count":3)") == Usage{.completion = 3, .reported = true});  // the prompt was in its cache
  CHECK(usage(R"(,"prompt_eval_count":-1,"eval_count":"3")") == Usage{});
}

TEST_CASE("what a reply of Ollama's cloud costs is its tokens by their prices") {
  const Usage u =
      stream(line(R"("content":"x","thinking":"hm")", R"("done":true,"prompt_eval_count":1000,"eval_count":200)")).ended.usage;
  const Price price{.input = per_million("0.30"), .output = per_million("2.50")};
  CHECK(price.of(u.prompt, u.completion, u.cached) == Money::nanos(300'000 + 500'000));
}

TEST_CASE("errors of Ollama are told by their status, and in a stream by that they are there") {
  const auto kind = [](int status, std::string_view error) {
    return whole("{\"error\":\"" + std::string(error) + "\"}", status).ended.kind;
  };
  CHECK(kind(404, "model 'x' not found") == Kind::model_not_found);
  CHECK(kind(400, "invalid options") == Kind::request_invalid);
  CHECK(kind(401, "unauthorized") == Kind::unauthorized);
  CHECK(kind(429, "too many requests") == Kind::rate_limited);
  CHECK(kind(503, "server busy, please try again. maximum pending requests exceeded") == Kind::overloaded);
  CHECK(kind(500, "model runner has unexpectedly stopped") == Kind::server_error);
  CHECK(kind(200, "model runner has unexpectedly stopped") == Kind::server_error);
  CHECK(whole(R"({"error":"model 'x' not found"})", 404).ended.message == "model 'x' not found");
  const tests::Replay r = stream(lines({line(R"("content":"Hi")"), R"({"error":"gone"})", done}));
  CHECK(r.ended.kind == Kind::server_error);
  CHECK(r.ended.message == "gone");
  CHECK(r.text == "Hi");
}
