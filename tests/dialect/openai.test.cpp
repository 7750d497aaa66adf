// SPDX-License-Identifier: MIT
#include "llmroute/dialect/openai.hpp"

#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../allocations.hpp"
#include "../catch.hpp"
#include "json_path.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "said.hpp"

using namespace llmroute;
using namespace std::string_view_literals;

namespace {

using tests::at;

using tests::Said;

Said say(const ChatRequest& request, Delivery delivery = Delivery::whole, Provider provider = {.url = "https://x.example/v1"},
         Capabilities capabilities = Capabilities::assumed()) {
  const Offer offer{.model = {.prefix = "vendor/", .rest = "model-1"}, .capabilities = capabilities};
  return tests::said_by(
      dialect::openai,
      {.provider = provider, .offer = offer, .request = request, .delivery = delivery, .max_tokens = request.max_tokens});
}

std::string sent(const ChatRequest& request, std::string_view path, Delivery delivery = Delivery::whole) {
  const Said said = say(request, delivery);
  REQUIRE(said.ok);
  return at(said.body, path);
}

// One event after the other, as a stream brings them.
struct Stream {
  ReplyBuilder got{};
  std::string text{}, reasoning{}, refusal{};
  std::vector<std::string> calls{};  // "index id name arguments" of each piece
  bool more = true;

  explicit Stream(std::initializer_list<std::string_view> events) {
    const auto sink = [&](const Delta& d) {
      if (d.what == Delta::What::text) text += d.text;
      else if (d.what == Delta::What::reasoning) reasoning += d.text;
      else if (d.what == Delta::What::refusal) refusal += d.text;
      else
        calls.push_back(std::to_string(d.index).append(" ").append(d.id).append(" ").append(d.name).append(" ").append(d.text));
    };
    for (const std::string_view e : events)
      if (more) more = dialect::openai.event({}, e, got, sink);
  }
};

std::string delta(std::string_view members) {
  return std::string("{\"choices\":[{\"index\":0,\"delta\":{").append(members).append("}}]}");
}
std::string calls(std::string_view list) { return delta(std::string("\"tool_calls\":[").append(list).append("]")); }

ReplyBuilder whole(std::string_view body, bool expected = true) {
  ReplyBuilder got;
  CHECK(dialect::openai.whole(body, got) == expected);
  return got;
}
ReplyBuilder message(std::string_view members, std::string_view reason = "\"stop\"") {
  return whole(
      std::string("{\"choices\":[{\"message\":{").append(members).append("},\"finish_reason\":").append(reason).append("}]}"));
}
Usage usage(std::string_view members) {
  return whole(std::string("{\"choices\":[{\"message\":{}}],\"usage\":{").append(members).append("}}")).usage;
}

}  // namespace

TEST_CASE("the URL is the provider's with the path behind it") {
  const auto url = [](std::string base) { return say({.messages = "x"}, Delivery::whole, {.url = std::move(base)}).url; };
  CHECK(url("https://x.example/v1") == "https://x.example/v1/chat/completions");
  CHECK(url("https://x.example/v1/") == "https://x.example/v1/chat/completions");
  CHECK(url("https://x.example/openai/deployments/d?api-version=1") ==
        "https://x.example/openai/deployments/d/chat/completions?api-version=1");
  CHECK(url("https://x.example/?a=/") == "https://x.example/chat/completions?a=/");
}

TEST_CASE("the smallest request is a model and a turn") {
  CHECK(say({.messages = "Why \"so\"?\n"}).body ==
        R"({"model":"vendor/model-1","messages":[{"role":"user","content":"Why \"so\"?\n"}]})");
}

TEST_CASE("no model is a request without one") {
  const Provider provider{.url = "http://localhost"};
  const Offer offer{};
  const ChatRequest request{.messages = "x"};
  CHECK(tests::said_by(dialect::openai, {.provider = provider, .offer = offer, .request = request}).body ==
        R"({"messages":[{"role":"user","content":"x"}]})");
}

TEST_CASE("a stream asks for its usage too") {
  CHECK(sent({.messages = "x"}, "stream", Delivery::stream) == "true");
  CHECK(sent({.messages = "x"}, "stream_options", Delivery::stream) == R"({"include_usage":true})");
  CHECK(sent({.messages = "x"}, "stream").empty());
}

TEST_CASE("turns of every role are written") {
  const ChatRequest request{
      .messages = {Message::system("Be brief."), Message::user("Weather?"),
                   Message::assistant(
                       "", {{.id = "c1", .name = "weather", .arguments = "{\"city\":\"Rome\"}"}, {.id = "c2", .name = "now"}}),
                   Message::tool("c1", "sunny"), Message::assistant("Sunny."), Message::assistant(""), Message::user("")}};
  const std::string m = sent(request, "messages");
  CHECK(at(m, "0") == R"({"role":"system","content":"Be brief."})");
  CHECK(at(m, "1") == R"({"role":"user","content":"Weather?"})");
  CHECK(at(m, "2.content") == "null");
  CHECK(at(m, "2.tool_calls.0") ==
        R"({"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}})");
  CHECK(at(m, "2.tool_calls.1.function.arguments") == "\"{}\"");
  CHECK(at(m, "3") == R"({"role":"tool","tool_call_id":"c1","content":"sunny"})");
  CHECK(at(m, "4") == R"({"role":"assistant","content":"Sunny."})");
  CHECK(at(m, "5.content") == "\"\"");
  CHECK(at(m, "6.content") == "\"\"");
}

TEST_CASE("images travel by their URL or as data") {
  const std::string m = sent({.messages = {Message::user({"What is it?", Part::image_url("https://x.example/a.png"),
                                                          Part::image("aGk=", "image/png")})}},
                             "messages.0.content");
  CHECK(at(m, "0") == R"({"type":"text","text":"What is it?"})");
  CHECK(at(m, "1") == R"({"type":"image_url","image_url":{"url":"https://x.example/a.png"}})");
  CHECK(at(m, "2") == R"({"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}})");
  const Said bad = say({.messages = {Message::user({Part::image("aGk=", "")})}});
  CHECK_FALSE(bad.ok);
  CHECK_THAT(bad.body, ContainsSubstring("media type"));
}

TEST_CASE("tools, and which of them to use") {
  ChatRequest r{.messages = "x",
                .tools = {{.name = "f", .description = "does f", .parameters = R"({"type":"object"})"}, {.name = "g"}}};
  CHECK(sent(r, "tools.0") ==
        R"({"type":"function","function":{"name":"f","description":"does f","parameters":{"type":"object"}}})");
  CHECK(sent(r, "tools.1.function") == R"({"name":"g","parameters":{"type":"object","properties":{}}})");
  CHECK(sent(r, "tool_choice").empty());
  r.tool_choice = ToolChoice::none();
  CHECK(sent(r, "tool_choice") == "\"none\"");
  r.tool_choice = ToolChoice::required();
  CHECK(sent(r, "tool_choice") == "\"required\"");
  r.tool_choice = ToolChoice::named("f");
  CHECK(sent(r, "tool_choice") == R"({"type":"function","function":{"name":"f"}})");
  CHECK(sent({.messages = "x", .tool_choice = ToolChoice::none()}, "tool_choice").empty());
}

TEST_CASE("response formats") {
  CHECK(sent({.messages = "x"}, "response_format").empty());
  CHECK(sent({.messages = "x", .response_format = ResponseFormat::json()}, "response_format") == R"({"type":"json_object"})");
  CHECK(sent({.messages = "x", .response_format = ResponseFormat::of_schema("n", R"({"a":1})")}, "response_format") ==
        R"({"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"a":1}}})");
}

TEST_CASE("settings are sent where they are set, zero among them") {
  const ChatRequest r{.messages = "x",
                      .max_tokens = 5,
                      .temperature = 0,
                      .top_p = 0.1,
                      .presence_penalty = -0.5,
                      .frequency_penalty = 1,
                      .seed = -7,
                      .stop = {"\n", "END"}};
  CHECK(sent(r, "max_tokens") == "5");
  CHECK(sent(r, "max_completion_tokens").empty());
  CHECK(sent(r, "temperature") == "0");
  CHECK(sent(r, "top_p") == "0.1");
  CHECK(sent(r, "presence_penalty") == "-0.5");
  CHECK(sent(r, "frequency_penalty") == "1");
  CHECK(sent(r, "seed") == "-7");
  CHECK(sent(r, "stop") == R"(["\n","END"])");
  CHECK_THAT(say({.messages = "x", .temperature = std::numeric_limits<double>::quiet_NaN()}).body,
             ContainsSubstring("temperature"));
  CHECK_FALSE(say({.messages = "x", .top_p = std::numeric_limits<double>::infinity()}).ok);
}

TEST_CASE("each vendor gets the limit under the name that it knows") {
  const ChatRequest r{.messages = "x", .max_tokens = 5};
  const Capabilities thinks = Capabilities::assumed() | Capability::reasoning;
  const Provider openai{.url = "https://x.example", .vendor = "openai"}, other{.url = "https://x.example", .vendor = "groq"};
  CHECK(at(say(r, Delivery::whole, openai, thinks).body, "max_completion_tokens") == "5");
  CHECK(at(say(r, Delivery::whole, openai, thinks).body, "max_tokens").empty());
  CHECK(at(say(r, Delivery::whole, openai).body, "max_completion_tokens") == "5");
  CHECK(at(say(r, Delivery::whole, other, thinks).body, "max_tokens") == "5");
}

TEST_CASE("extra members go along as they are, and replace those of the same name") {
  const ChatRequest r{
      .messages = "x",
      .max_tokens = 5,
      .temperature = 1,
      .extra = R"( {"top_k": 4, "model":"mine", "temp\u0065rature":0.5, "max_completion_tokens":9, "nested":{"stop":1}} )"};
  const std::string body = say(r).body;
  CHECK(at(body, "top_k") == "4");
  CHECK(at(body, "model") == "\"mine\"");
  CHECK(at(body, "temperature") == "0.5");
  CHECK(at(body, "max_tokens").empty());
  CHECK(at(body, "max_completion_tokens") == "9");
  CHECK(sent({.messages = "x", .stop = {"a"}, .extra = R"({"nested":{"stop":1}})"}, "stop") == "[\"a\"]");
  CHECK(sent({.messages = "x", .extra = "{}"}, "model") == "\"vendor/model-1\"");
  for (const std::string_view name :
       {"messages", "stream", "stream_options", "tools", "tool_choice", "response_format", "stop", "seed"}) {
    ChatRequest all{.messages = "x",
                    .seed = 1,
                    .stop = {"a"},
                    .tools = {{.name = "f"}},
                    .tool_choice = ToolChoice::required(),
                    .response_format = ResponseFormat::json(),
                    .extra = "{\"" + std::string(name) + "\":77}"};
    CHECK(sent(all, name, Delivery::stream) == "77");
  }
}

TEST_CASE("JSON of the caller's that is none is refused, and named") {
  for (const std::string_view bad : {"", "{", "[]", "{} {}", "null", "{\"a\":}", "\"x\""}) {
    CAPTURE(bad);
    if (!bad.empty()) CHECK(say({.messages = "x", .extra = std::string(bad)}).body == "extra is not a valid JSON object");
    if (!bad.empty()) {
      const Said tool = say({.messages = "x", .tools = {{.name = "f", .parameters = std::string(bad)}}});
      CHECK_FALSE(tool.ok);
      CHECK(tool.body == "parameters of tool \"f\" is not a valid JSON object");
    }
    const Said schema = say({.messages = "x", .response_format = ResponseFormat::of_schema("s", std::string(bad))});
    CHECK_FALSE(schema.ok);
    CHECK(schema.body == "schema of response_format \"s\" is not a valid JSON object");
  }
}

TEST_CASE("bytes that are no UTF-8 do not tear the request") {
  CHECK(sent({.messages = "a\xFF"}, "messages.0.content") == "\"a\xEF\xBF\xBD\"");
}

TEST_CASE("a whole reply has text, thoughts, a refusal and calls") {
  const ReplyBuilder got = message(R"("role":"assistant","content":"Hi\n","reasoning_content":"hm","refusal":"no","tool_calls":[
      {"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"a","function":{"name":"g","arguments":{"y": 2}}},
      {"id":null,"function":{"name":"h","arguments":null}}])",
                                   "\"tool_calls\"");
  CHECK(got.text == "Hi\n");
  CHECK(got.reasoning == "hm");
  CHECK(got.refusal == "no");
  CHECK(got.tool_calls == std::vector<ToolCall>{{"a", "f", "{\"x\":1}"}, {"a", "g", "{\"y\": 2}"}, {"", "h", ""}});
  CHECK(got.finish == Finish::tool_calls);
  CHECK(got.finish_reason == "tool_calls");
}

TEST_CASE("only the first choice counts, wherever its number stands") {
  const ReplyBuilder got = whole(R"({"choices":[{"message":{"content":"second"},"index":1,"finish_reason":"length"},
                                               {"finish_reason":"stop","message":{"content":"first"},"index":0}]})");
  CHECK(got.text == "first");
  CHECK(got.finish == Finish::stop);
  const Stream s{R"({"choices":[{"delta":{"content":"b"},"index":1},{"delta":{"content":"a"},"index":0}]})"};
  CHECK(s.text == "a");
  CHECK(whole(R"({"choices":[{"index":1,"message":{"content":"x"}}]})", false).text.empty());
}

TEST_CASE("what is no reply is none") {
  for (const std::string_view body :
       {"", "{}", "[]", "null", "{\"choices\":null}", "{\"choices\":[]}", "{\"choices\":[{}]}",
        "{\"choices\":[{\"message\":null}]}", "{\"choices\":[{\"message\":{\"content\":\"x\"}}]", "<html>"}) {
    CAPTURE(body);
    CHECK(whole(body, false).text.empty());
  }
  CHECK(whole(R"({"choices":[{"message":{"content":null},"finish_reason":"stop"}]})").answered);
  CHECK(whole(R"({"choices":[{"finish_reason":"content_filter"}]})").finish == Finish::content_filter);
}

TEST_CASE("lists of parts are read, thoughts apart") {
  const ReplyBuilder got =
      message(R"("content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"},
                                                 {"text":"b","type":"text"},{"type":"reference","reference_ids":[1]}])");
  CHECK(got.text == "ab");
  CHECK(got.reasoning == "hm");
  const ReplyBuilder summed =
      message(R"("content":[{"summary":[{"type":"summary_text","text":"h"}],"type":"reasoning"},{"text":"m","type":"reasoning"},
                            {"type":"text","text":"a"}])");
  CHECK(summed.text == "a");
  CHECK(summed.reasoning == "hm");
}

TEST_CASE("thoughts that come under two names come once") {
  CHECK(message(R"("content":"","reasoning":"hm","reasoning_content":"hm")").reasoning == "hm");
  CHECK(message(R"("reasoning":null,"reasoning_content":"hm")").reasoning == "hm");
  CHECK(message(R"("reasoning":"","reasoning_content":"hm")").reasoning == "hm");
  const Stream s{delta(R"("reasoning":"a","reasoning_content":"a")"), delta(R"("reasoning":"b","reasoning_content":"b")")};
  CHECK(s.reasoning == "ab");
}

TEST_CASE("finish reasons, in many words") {
  for (const auto& [said, meant] :
       std::initializer_list<std::pair<std::string_view, Finish>>{{"stop", Finish::stop},
                                                                  {"eos", Finish::stop},
                                                                  {"length", Finish::length},
                                                                  {"MAX_TOKENS", Finish::length},
                                                                  {"tool_calls", Finish::tool_calls},
                                                                  {"function_call", Finish::tool_calls},
                                                                  {"content_filter", Finish::content_filter},
                                                                  {"whatever", Finish::other}})
    CHECK(message("\"content\":\"x\"", "\"" + std::string(said) + "\"").finish == meant);
  CHECK_FALSE(message("\"content\":\"x\"", "null").finish.has_value());
  CHECK_FALSE(message("\"content\":\"x\"", "\"\"").finish.has_value());
  CHECK(message(R"("tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}])", "\"stop\"").finish ==
        Finish::tool_calls);
  CHECK(message(R"("tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}])", "\"length\"").finish == Finish::length);
}

TEST_CASE("events bring text, thoughts and refusals") {
  const Stream s{delta(R"("role":"assistant","content":"")"),
                 delta(R"("reasoning":"hm")"),
                 delta("\"content\":\"a\\u00e9\""),
                 delta("\"content\":null"),
                 delta("\"content\":\"b\""),
                 delta(R"("refusal":"no")"),
                 "{}",
                 "",
                 " ",
                 "[DONE] "};
  CHECK(s.text ==
        "a\xC3\xA9"
        "b");
  CHECK(s.reasoning == "hm");
  CHECK(s.got.refusal == "no");
  CHECK(s.got.complete);
  CHECK(s.more);
}

TEST_CASE("only [DONE] alone ends a stream, and behind it is nothing") {
  CHECK_FALSE(Stream{delta("\"content\":\"[DONE]\"")}.got.complete);
  CHECK(Stream{"[DONE"}.got.malformed);
  CHECK(Stream{delta("\"content\":\"a\""), "[DONE]", delta("\"content\":\"b\""), "garbage"}.text == "a");
}

TEST_CASE("text may follow a finish reason") {
  const Stream s{delta("\"content\":\"a\""), R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})",
                 delta("\"content\":\"b\""), R"({"choices":[{"index":0,"delta":{"content":"c"},"finish_reason":"length"}]})"};
  CHECK(s.text == "abc");
  CHECK(s.got.finish == Finish::length);
}

TEST_CASE("a chunk that carries the message so far too is not read twice") {
  CHECK(Stream{R"({"choices":[{"index":0,"delta":{"content":"b"},"message":{"content":"ab"}}]})"}.text == "b");
}

TEST_CASE("pieces of tool calls are joined by index") {
  const Stream s{
      calls(R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}})"),
      calls(R"({"index":0,"function":{"arguments":"{\"x\""}},{"index":1,"id":"b","function":{"name":"g","arguments":"{"}})"),
      calls(R"({"index":1,"function":{"arguments":"}"}})"), calls(R"({"index":0,"function":{"arguments":":1}"}})")};
  CHECK(s.got.tool_calls == std::vector<ToolCall>{{"a", "f", "{\"x\":1}"}, {"b", "g", "{}"}});
  CHECK(s.calls == std::vector<std::string>{"0 a f ", "0   {\"x\"", "1 b g {", "1   }", "0   :1}"});
}

TEST_CASE("two pieces of one call in one event are told one by one") {
  const Stream s{
      calls(R"({"index":0,"id":"a","function":{"name":"f","arguments":"1"}},{"index":0,"function":{"arguments":"2"}})")};
  CHECK(s.calls == std::vector<std::string>{"0 a f 1", "0   2"});
}

TEST_CASE("a function call of old is a tool call without an id, and an empty one is none") {
  CHECK(message(R"("content":null,"function_call":{"name":"f","arguments":"{}"})", "\"function_call\"").tool_calls ==
        std::vector<ToolCall>{{"", "f", "{}"}});
  CHECK(message(R"("content":"a","function_call":{"arguments":"","name":""})").tool_calls.empty());
  CHECK(message(R"("content":"a","function_call":null)").tool_calls.empty());
  const Stream s{delta(R"("function_call":{"name":"f","arguments":""})"), delta(R"("function_call":{"arguments":"{\"x\""})"),
                 delta(R"("function_call":{"arguments":":1}"})")};
  CHECK(s.got.tool_calls == std::vector<ToolCall>{{"", "f", "{\"x\":1}"}});
  CHECK(s.calls == std::vector<std::string>{"0  f ", "0   {\"x\"", "0   :1}"});
  CHECK(Stream{delta(R"("content":"a","function_call":{"name":"","arguments":""})")}.got.tool_calls.empty());
}

TEST_CASE("pieces of tool calls without an index are joined by id, else by order") {
  CHECK(Stream{calls(R"({"id":"a","function":{"name":"f","arguments":"1"}})"),
               calls(R"({"id":"b","function":{"name":"g","arguments":"2"}})"),
               calls(R"({"id":"a","function":{"arguments":"3"}})"), calls(R"({"function":{"arguments":"4"}})")}
            .got.tool_calls == std::vector<ToolCall>{{"a", "f", "13"}, {"b", "g", "24"}});
  CHECK(Stream{calls(R"({"id":"","function":{"name":"f","arguments":"1"}},{"id":"","function":{"name":"g","arguments":"2"}})")}
            .got.tool_calls == std::vector<ToolCall>{{"", "f", "1"}, {"", "g", "2"}});
}

TEST_CASE("several calls under one index are several, and what is repeated with each piece counts once") {
  CHECK(Stream{calls(R"({"index":0,"id":"a","function":{"name":"f","arguments":"1"}})"),
               calls(R"({"index":0,"id":"b","function":{"name":"f","arguments":"2"}})"),
               calls(R"({"index":0,"function":{"arguments":"3"}})")}
            .got.tool_calls == std::vector<ToolCall>{{"a", "f", "1"}, {"b", "f", "23"}});
  const Stream same{calls(R"({"index":0,"id":"a","function":{"name":"f","arguments":"1"}})"),
                    calls(R"({"index":0,"id":"a","function":{"name":"f","arguments":"2"}})"),
                    calls(R"({"index":0,"id":"a","function":{"name":"f","arguments":null}})")};
  CHECK(same.got.tool_calls == std::vector<ToolCall>{{"a", "f", "12"}});
  CHECK(same.calls == std::vector<std::string>{"0 a f 1", "0   2"});
}

TEST_CASE("calls may be numbered from one, or with gaps; the caller counts from zero") {
  const Stream s{calls(R"({"index":3,"id":"a","function":{"name":"f","arguments":"1"}})"),
                 calls(R"({"index":7,"id":"b","function":{"name":"g","arguments":"2"}})"),
                 calls(R"({"index":3,"function":{"arguments":"3"}})")};
  CHECK(s.calls == std::vector<std::string>{"0 a f 1", "1 b g 2", "0   3"});
}

TEST_CASE("a piece of a call that says nothing makes none") {
  const Stream s({calls(R"({"index":0,"type":"function"},{"index":0,"function":{"arguments":""}})"),
                  calls(R"({"index":1,"id":"b","function":{"name":"g","arguments":null}})"),
                  calls(R"({"index":0,"id":"a","function":{"name":"f"}})")});
  CHECK(s.calls == std::vector<std::string>{"0 b g ", "1 a f "});  // so that no place is skipped
  CHECK(s.got.tool_calls.size() == 2);
  const ReplyBuilder got = message(R"("content":"x","tool_calls":[null,{},{"id":"","function":{"name":"","arguments":""}}])");
  CHECK(got.tool_calls.empty());
  CHECK(got.finish == Finish::stop);
}

TEST_CASE("an index beyond reason is malformed, and costs no memory") {
  for (const std::string_view index : {"1024", "4000000000", "-2", "9223372036854775807"}) {
    const Stream s{calls(std::string("{\"index\":").append(index).append(",\"id\":\"a\",\"function\":{\"name\":\"f\"}}"))};
    CHECK(s.got.malformed);
    CHECK_FALSE(s.more);
    CHECK(s.got.tool_calls.empty());
  }
  CHECK_FALSE(Stream{calls(R"({"index":1023,"id":"a","function":{"name":"f"}})")}.got.malformed);
  std::string many;
  for (int i = 0; i < 1'024; ++i) many.append(i == 0 ? "" : ",").append(R"({"id":"","function":{"name":"f"}})");
  CHECK_FALSE(Stream{calls(many), calls(R"({"function":{"arguments":"{}"}})")}.got.malformed);
  CHECK(Stream{calls(many), calls(R"({"id":"","function":{"name":"f"}})")}.got.malformed);
}

TEST_CASE("an event that is torn hands nothing on and leaves no trace") {
  const std::string event = delta(R"("content":"second","reasoning":"r")");
  for (std::size_t n = 1; n < event.size(); ++n) {
    const Stream s{delta("\"content\":\"first\""), event.substr(0, n)};
    CHECK(s.got.malformed);
    CHECK_FALSE(s.more);
    CHECK(s.text == "first");
    CHECK(s.got.text == "first");
    CHECK(s.got.reasoning.empty());
  }
}

TEST_CASE("of an event that is torn no finish, figure or piece of a call counts") {
  const std::string first = calls(R"({"index":0,"id":"a","function":{"name":"f","arguments":"{"}})");
  const std::string last =
      R"({"model":"m","choices":[{"index":0,"delta":{"refusal":"no","reasoning_details":[{"type":"reasoning.text","text":"hm"}],"tool_calls":[{"index":0,"function":{"arguments":"}"}},)"
      R"({"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"stop"}],)"
      R"("usage":{"prompt_tokens":15,"completion_tokens":171,"cost":0.5}})";
  for (std::size_t n = 1; n < last.size(); ++n) {
    const Stream s{first, last.substr(0, n)};
    CHECK(s.got.malformed);
    CHECK(s.got.tool_calls == std::vector<ToolCall>{{"a", "f", "{"}});
    CHECK(s.got.call_indices == std::vector<std::int64_t>{0});
    CHECK(s.got.pieces.empty());
    CHECK_FALSE(s.got.finish);
    CHECK(s.got.finish_reason.empty());
    CHECK_FALSE(s.got.usage.reported);
    CHECK_FALSE(s.got.counted.completion);
    CHECK_FALSE(s.got.billed);
    CHECK(s.got.model.empty());
    CHECK(s.got.refusal.empty());
    CHECK(s.got.thoughts.empty());
  }
  const Stream all{first, last};
  CHECK(all.got.tool_calls == std::vector<ToolCall>{{"a", "f", "{}"}, {"b", "g", "{}"}});
  CHECK(all.got.finish == Finish::tool_calls);
  CHECK(all.got.usage == Usage{.prompt = 15, .completion = 171, .reported = true});
  ReplyBuilder alone;
  CHECK_FALSE(dialect::openai.event({}, last.substr(0, last.size() - 1), alone, {}));
  CHECK_FALSE(alone.answered);
}

TEST_CASE("a caller who wants no more stops the reading") {
  ReplyBuilder got;
  int seen = 0;
  const auto sink = [&](const Delta&) { return ++seen < 2; };
  const OnDelta deliver = sink;
  CHECK(dialect::openai.event({}, delta("\"content\":\"a\""), got, deliver));
  CHECK_FALSE(dialect::openai.event({}, delta(R"("content":"b","reasoning":"c")"), got, deliver));
  CHECK(seen == 2);
  CHECK(dialect::openai.event({}, delta("\"content\":\"d\""), got, {}));  // nobody listens
  CHECK(got.text == "abd");
}

TEST_CASE("usage comes anywhere, is never summed, and the last one wins") {
  const Stream s{R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}})",
                 R"({"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":5,"completion_tokens":2}})",
                 R"({"choices":[],"usage":null})", R"({"choices":[],"usage":{}})"};
  CHECK(s.got.usage == Usage{.prompt = 5, .completion = 2, .reported = true});
  CHECK(Stream{R"({"choices":[],"x_groq":{"id":"x","usage":{"prompt_tokens":3,"completion_tokens":4,"queue_time":0.1}}})"}
            .got.usage == Usage{.prompt = 3, .completion = 4, .reported = true});
  CHECK(Stream{R"({"choices":[],"usage":{"prompt_tokens":5}})", R"({"choices":[],"x_groq":{"usage":{"prompt_tokens":3}}})"}
            .got.usage.prompt == 5);
}

TEST_CASE("tokens are noted as the provider counts them too") {
  const ReplyBuilder xai = whole(R"({"choices":[{"message":{}}],"usage":{"prompt_tokens":10,"completion_tokens":5,
      "total_tokens":18,"completion_tokens_details":{"reasoning_tokens":3}}})");
  CHECK(xai.usage.completion == 8);
  CHECK(xai.counted.prompt == 10);
  CHECK(xai.counted.completion == 5);
  ReplyBuilder half = whole(R"({"choices":[{"message":{}}],"usage":{"prompt_tokens":0,"completion_tokens":null}})");
  CHECK(half.counted.prompt == 0);
  CHECK_FALSE(half.counted.completion);
  half.clear();
  CHECK_FALSE(half.counted.prompt);
  const Stream s{R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}})",
                 R"({"choices":[],"usage":{"prompt_tokens":6}})", R"({"choices":[],"usage":null})"};
  CHECK(s.got.counted.prompt == 6);
  CHECK_FALSE(s.got.counted.completion);  // of the last count, not of several
}

TEST_CASE("cached and reasoning tokens are found under each of their names") {
  for (const std::string_view cached :
       {R"("prompt_tokens_details":{"audio":1,"cached_tokens":4})", "\"cached_tokens\":4",
        "\"prompt_cache_hit_tokens\":4,\"prompt_cache_miss_tokens\":6", "\"num_cached_tokens\":4",
        "\"cache_read_input_tokens\":4", "\"prompt_tokens_details\":null,\"cached_tokens\":4"})
    CHECK(usage(std::string(cached) + ",\"prompt_tokens\":10,\"completion_tokens\":1") ==
          Usage{.prompt = 10, .completion = 1, .cached = 4, .reported = true});
  for (const std::string_view thought : {R"("completion_tokens_details":{"reasoning_tokens":3})", "\"reasoning_tokens\":3"})
    CHECK(usage(std::string(thought) + ",\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15") ==
          Usage{.prompt = 10, .completion = 5, .reasoning = 3, .reported = true});
}

TEST_CASE("a figure that comes under two names counts once") {
  CHECK(usage(R"("prompt_tokens":10,"cached_tokens":4,"prompt_tokens_details":{"cached_tokens":4})").cached == 4);
  CHECK(usage(R"("prompt_tokens":10,"cached_tokens":4,"prompt_tokens_details":{"cached_tokens":0})").cached == 4);
}

TEST_CASE("thoughts that a provider counts beside its completion are put into it") {
  CHECK(
      usage(
          R"("prompt_tokens":10,"completion_tokens":5,"total_tokens":18,"completion_tokens_details":{"reasoning_tokens":3})") ==
      Usage{.prompt = 10, .completion = 8, .reasoning = 3, .reported = true});
}

TEST_CASE("usage that makes no sense is none") {
  CHECK_FALSE(usage(R"("prompt_tokens":"many")").reported);
  CHECK_FALSE(usage(R"("prompt_tokens":-1)").reported);
  CHECK_FALSE(usage(R"("prompt_tokens":1e30)").reported);
  CHECK_FALSE(usage("\"total_tokens\":5").reported);
  CHECK(usage(R"("prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807,"reasoning_tokens":1,
                 "total_tokens":9223372036854775807)")
            .reported);
}

TEST_CASE("a cost that is a number or has a sum is billed, any other is not known") {
  const auto billed = [](std::string_view cost) {
    return whole(std::string(R"({"choices":[{"message":{}}],"usage":{"prompt_tokens":1,"cost":)").append(cost).append("}}"))
        .billed;
  };
  CHECK(billed("0.00001425") == Money::nanos(14'250));
  CHECK(billed("2.5e-05") == Money::nanos(25'000));
  CHECK(billed("0") == Money{});
  CHECK(billed("{\"request_cost\":0.09,\"total_cost\":0.1}") == Money::nanos(100'000'000));
  for (const std::string_view none : {"null", "\"0.1\"", "{\"total_cost\":\"0.1\"}", "{\"cost\":0.1}", "-1", "1e300"})
    CHECK_FALSE(billed(none).has_value());
}

TEST_CASE("errors inside of a 200 are seen, in every shape") {
  const ReplyBuilder got = whole(R"({"error":{"message":"busy","code":429},"choices":[{"message":{"content":""}}]})", false);
  CHECK(got.error.seen);
  CHECK(got.error.kind == Kind::rate_limited);
  CHECK(got.error.message == "busy");
  CHECK(whole(R"({"code":"x","error":"words"})", false).error.message == "words");
  CHECK(whole(R"({"object":"error","message":"words","code":null})", false).error.message == "words");
  CHECK(whole(R"({"message":"words"})", false).error.message == "words");
  CHECK(
      whole(R"({"choices":[{"message":{"content":""},"finish_reason":"error","error":{"code":502,"message":"lost"}}]})", false)
          .error.kind == Kind::server_error);
  CHECK(whole(R"({"choices":[{"message":{"content":"x"},"finish_reason":"error"}]})", false).error.seen);
  for (const std::string_view nothing : {"null", "{}", "\"\"", "false"})
    CHECK_FALSE(
        whole(
            std::string("{\"type\":\"t\",\"choices\":[{\"message\":{},\"error\":null}],\"error\":").append(nothing).append("}"))
            .error.seen);
}

TEST_CASE("an error in a stream stops it and keeps what came before") {
  const Stream s{delta("\"content\":\"a\""), R"({"error":{"type":"server_error","message":"lost"}})",
                 delta("\"content\":\"b\"")};
  CHECK(s.got.error.seen);
  CHECK(s.got.error.kind == Kind::server_error);
  CHECK_FALSE(s.more);
  CHECK(s.text == "a");
  CHECK(Stream{R"({"object":"error","message":"x","code":503})"}.got.error.kind == Kind::overloaded);
}

TEST_CASE("the model that answered is noted") {
  CHECK(Stream{R"({"model":"m-2","choices":[]})", R"({"model":"","choices":[]})"}.got.model == "m-2");
}

namespace {

Said say_to(std::string_view vendor, const ChatRequest& request, Capabilities can = Capabilities::assumed()) {
  return say(request, Delivery::stream, {.name = "p", .url = "https://x.example/v1", .vendor = std::string(vendor)}, can);
}

ChatRequest everything() {
  return {.messages = "x",
          .max_tokens = 5,
          .temperature = 0.5,
          .top_p = 0.9,
          .presence_penalty = 0.1,
          .frequency_penalty = 0.2,
          .seed = 7,
          .stop = {"END"}};
}

}  // namespace

TEST_CASE("what a vendor would refuse is left out or renamed, and the draft says so") {
  const Capabilities thinks = Capabilities::assumed() | Capability::reasoning;
  struct Row {
    std::string_view vendor, altered;
    std::vector<std::string_view> sent, not_sent;
    bool reasons = false;
  };
  const Row rows[]{
      {"openai",
       "max_tokens as max_completion_tokens",
       {"max_completion_tokens", "temperature", "stop", "stream_options"},
       {"max_tokens"}},
      {"openai",
       "without temperature, without top_p, without presence_penalty, without frequency_penalty, without stop, "
       "max_tokens as max_completion_tokens",
       {"max_completion_tokens", "seed"},
       {"temperature", "top_p", "presence_penalty", "frequency_penalty", "stop"},
       true},
      {"azure", "", {"max_tokens", "stop"}, {"max_completion_tokens"}},
      {"mistral", "seed as random_seed", {"random_seed", "max_tokens"}, {"seed", "stream_options"}},
      {"cerebras", "without presence_penalty, without frequency_penalty", {"seed"}, {"presence_penalty", "frequency_penalty"}},
      {"xai", "", {"presence_penalty", "stop"}, {}},
      {"xai", "without presence_penalty, without frequency_penalty, without stop", {"temperature"}, {"stop"}, true},
      {"deepseek", "without seed", {"max_tokens"}, {"seed"}},
      {"perplexity", "", {"seed"}, {"stream_options"}},
      {"cohere", "", {"seed"}, {"stream_options"}},
      {"fireworks", "", {"context_length_exceeded_behavior"}, {}},
      {"openrouter", "", {"usage"}, {}},
      {"groq", "", {"max_tokens", "seed", "stop", "presence_penalty", "stream_options"}, {}},
      {"nobody", "", {"max_tokens", "seed", "stop", "presence_penalty", "stream_options"}, {}},
  };
  for (const Row& row : rows) {
    const Said said = say_to(row.vendor, everything(), row.reasons ? thinks : Capabilities::assumed());
    CAPTURE(row.vendor, row.reasons, said.body);
    REQUIRE(said.ok);
    CHECK(said.altered == row.altered);
    for (const std::string_view member : row.sent) CHECK_FALSE(at(said.body, member).empty());
    for (const std::string_view member : row.not_sent) CHECK(at(said.body, member).empty());
  }
}

TEST_CASE("what a request does not hold is not said to be left out") {
  for (const std::string_view vendor : {"openai", "mistral", "cerebras", "deepseek"})
    CHECK(say_to(vendor, {.messages = "x"}).altered.empty());
}

TEST_CASE("a provider may have quirks of its own, which count instead of its vendor's") {
  constexpr Quirks mine{.members = {{"seed"}, {"max_tokens", "n_predict"}}, .adds = R"({"cache_prompt":true})"};
  const Provider p{.name = "p", .url = "https://x.example/v1", .vendor = "openai", .quirks = &mine};
  const Said said = say(everything(), Delivery::whole, p);
  CHECK(said.altered == "without seed, max_tokens as n_predict");
  CHECK(at(said.body, "n_predict") == "5");
  CHECK(at(said.body, "cache_prompt") == "true");
}

TEST_CASE("extra members come from the request for one vendor, from the request, from the provider and from its vendor") {
  Provider p{.name = "or-1", .url = "https://x.example/v1", .vendor = "openrouter"};
  p.extra = R"({"provider":{"sort":"price"},"top_k":1,"min_p":0.1,"usage":{"include":false}})";
  ChatRequest r{.messages = "x", .extra = R"({"top_k":2,"transforms":[]})"};
  r.extra_for = {{"groq", R"({"top_k":9,"service_tier":"flex"})"},
                 {"openrouter", R"({"transforms":["middle-out"],"a":1})"},
                 {"or-1", R"({"a":2,"b":3})"}};
  const std::string body = say(r, Delivery::whole, p).body;
  CHECK(
      body ==
      R"({"model":"vendor/model-1","messages":[{"role":"user","content":"x"}],"transforms":["middle-out"],"a":1,"b":3,"top_k":2,)"
      R"("provider":{"sort":"price"},"min_p":0.1,"usage":{"include":false}})");
  p.vendor = "groq";
  CHECK(at(say(r, Delivery::whole, p).body, "service_tier") == "\"flex\"");
  SECTION("and one that is no JSON is told by its place") {
    const Said wrong = say({.messages = "x", .extra_for = {{"groq", "{"}}}, Delivery::whole, p);
    CHECK(wrong.body == "extra_for is not a valid JSON object");
    CHECK(wrong.kind == Kind::request_invalid);
    CHECK(say({.messages = "x", .extra_for = {{"xai", "{"}}}, Delivery::whole, p).ok);
  }
}

TEST_CASE("a URL may say where the model's name goes") {
  const auto url = [](std::string base) { return say({.messages = "x"}, Delivery::whole, {.url = std::move(base)}).url; };
  CHECK(url("https://a.example/openai/deployments/{model}?api-version=2024-10-21") ==
        "https://a.example/openai/deployments/vendor%2Fmodel-1/chat/completions?api-version=2024-10-21");
  CHECK(url("https://a.example/{model}/v1/{model}") ==
        "https://a.example/vendor%2Fmodel-1/v1/vendor%2Fmodel-1/chat/completions");
}

TEST_CASE("ids of calls are reshaped where the vendor demands it, and stay the same in each turn") {
  const std::string long_id(50, 'x');
  const ChatRequest r{.messages = {Message::user("x"),
                                   Message::assistant("", {{"toolu_01:a", "f", "{}"}, {long_id, "g", "{}"}, {"", "h", "{}"}}),
                                   Message::tool("toolu_01:a", "1"), Message::tool(long_id, "2"), Message::tool("", "3")}};
  const auto ids = [&](std::string_view vendor) {
    const std::string body = say_to(vendor, r).body;
    std::vector<std::string> all;
    for (const std::string_view n : {"0", "1", "2"}) {
      const std::string call = at(body, std::string("messages.1.tool_calls.").append(n).append(".id"));
      CHECK(call == at(body, "messages." + std::to_string(n[0] - '0' + 2) + ".tool_call_id"));
      all.push_back(call.substr(1, call.size() - 2));
    }
    CHECK(all[0] != all[1]);
    CHECK(all[1] != all[2]);
    return all;
  };
  const auto plain = ids("groq"), openai = ids("openai"), mistral = ids("mistral");
  CHECK(plain[0] == "toolu_01:a");
  CHECK(plain[1] == long_id);
  CHECK(plain[2].size() > 4);
  CHECK(openai[0] == "toolu_01:a");
  CHECK(openai[1].size() == 40);
  for (const std::string& id : mistral) {
    CHECK(id.size() == 9);
    CHECK(id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == id.npos);
  }
}

TEST_CASE("thoughts and signatures go back to the vendor that gave them, and to no other") {
  Message turn = Message::assistant("Well", {{"a", "f", "{}", "c2ln"}});
  turn.vendor = "gemini";
  turn.thoughts = R"("dGhvdWdodA==")";
  const ChatRequest r{.messages = {Message::user("x"), turn, Message::tool("a", "1")}};
  const std::string own = say_to("gemini", r).body, other = say_to("openrouter", r).body;
  CHECK(at(own, "messages.1.tool_calls.0.extra_content.google.thought_signature") == R"("c2ln")");
  CHECK(at(own, "messages.1.extra_content.google.thought_signature") == R"("dGhvdWdodA==")");
  CHECK(other.find("c2ln") == other.npos);
  CHECK(other.find("dGhv") == other.npos);
  SECTION("a provider without a vendor is one of its own") {
    Message mine = turn;
    mine.vendor = "p";
    CHECK(at(say_to("", {.messages = {Message::user("x"), mine}}).body, "messages.1.extra_content.google") != "");
  }
  SECTION("OpenRouter's come as a list") {
    Message routed = Message::assistant("Well");
    routed.vendor = "openrouter";
    routed.thoughts = R"([{"type":"reasoning.encrypted","data":"x"}])";
    CHECK(at(say_to("openrouter", {.messages = {routed}}).body, "messages.0.reasoning_details") == routed.thoughts);
    CHECK(at(say_to("groq", {.messages = {routed}}).body, "messages.0.reasoning_details").empty());
    routed.thoughts = "[";
    CHECK(at(say_to("openrouter", {.messages = {routed}}).body, "messages.0.reasoning_details").empty());
  }
}

TEST_CASE("thoughts that only their vendor understands are kept as they came") {
  CHECK(message(R"("content":"x","reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"s"}])").thoughts ==
        R"([{"type":"reasoning.text","text":"hm","signature":"s"}])");
  const ReplyBuilder google = message(
      R"("content":"x","extra_content":{"google":{"thought_signature":"T"}},"tool_calls":[{"id":"","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"S"}}}])");
  CHECK(google.thoughts == R"("T")");
  CHECK(google.tool_calls.at(0).signature == "S");
  SECTION("the pieces of a stream are joined, each thought by itself") {
    const auto thought = [](std::string_view members) {
      return delta(std::string(R"("reasoning_details":[{)").append(members).append("}]"));
    };
    const Stream s({thought(R"("type":"reasoning.text","text":"a \"b","format":"f","index":0)"),
                    thought(R"("type":"reasoning.text","text":"\u00e4c","format":"f","index":0)"),
                    thought(R"("type":"reasoning.text","signature":"S","format":"f","index":0)"),
                    thought(R"("type":"reasoning.encrypted","data":"D","index":1)"),
                    thought(R"("type":"reasoning.summary","summary":"so","index":2)"),
                    thought(R"("type":"reasoning.summary","summary":"!","index":2)"),
                    thought(R"("type":"reasoning.summary","summary":"next","index":3)")});
    CHECK(s.got.thoughts ==
          R"([{"type":"reasoning.text","format":"f","index":0,"text":"a \"b\u00e4c","signature":"S"},)"
          R"({"type":"reasoning.encrypted","data":"D","index":1},{"type":"reasoning.summary","index":2,"summary":"so!"},)"
          R"({"type":"reasoning.summary","index":3,"summary":"next"}])");
    CHECK(json::valid(s.got.thoughts));
  }
}

TEST_CASE("thoughts count as completion, also where the vendor counts them beside it") {
  const auto read = [](std::string_view vendor, std::string_view members) {
    ReplyBuilder got;
    got.quirks = &dialect::quirks_of(vendor);
    CHECK(dialect::openai.whole(std::string("{\"choices\":[{\"message\":{}}],\"usage\":{").append(members).append("}}"), got));
    return got.usage;
  };
  const Usage all{.prompt = 35, .completion = 74, .reasoning = 62, .reported = true};
  CHECK(
      read(
          "xai",
          R"("prompt_tokens":35,"completion_tokens":12,"total_tokens":109,"completion_tokens_details":{"reasoning_tokens":62})") ==
      all);
  CHECK(read("gemini", R"("prompt_tokens":35,"completion_tokens":12,"total_tokens":109)") == all);
  CHECK(read("xai", R"("prompt_tokens":35,"completion_tokens":12,"completion_tokens_details":{"reasoning_tokens":62})") == all);
  CHECK(
      read(
          "openai",
          R"("prompt_tokens":35,"completion_tokens":74,"total_tokens":109,"completion_tokens_details":{"reasoning_tokens":62})") ==
      all);
  CHECK(read("openai", R"("prompt_tokens":35,"completion_tokens":12,"total_tokens":109)").completion == 12);
  CHECK(
      read("openrouter",
           R"("prompt_tokens":35,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":5})") ==
      Usage{.prompt = 35, .completion = 1, .cached = 4, .cache_written = 5, .reported = true});
}

TEST_CASE("citations are kept as they came, for whoever knows them") {
  using Members = std::vector<std::pair<std::string, std::string>>;
  CHECK(
      whole(
          R"({"citations":["a"],"search_results":[{"url":"b"}],"choices":[{"message":{"content":"x","annotations":[{"c":1}]}}]})")
          .extra ==
      Members{{"citations", R"(["a"])"}, {"search_results", R"([{"url":"b"}])"}, {"annotations", R"([{"c":1}])"}});
  SECTION("a list that comes whole each time counts once, one that comes in pieces is joined") {
    const Stream s({R"({"citations":["a"],"choices":[{"delta":{"annotations":[]}}]})",
                    R"({"citations":["a","b"],"choices":[{"delta":{"annotations":[1]}}]})",
                    R"({"citations":["a","b"],"choices":[{"delta":{"annotations":[2,{"n":3}]}}]})"});
    CHECK(s.got.extra == Members{{"citations", R"(["a","b"])"}, {"annotations", R"([1,2,{"n":3}])"}});
  }
}

TEST_CASE("reading a reply allocates what it hands out, and nothing else") {
  const std::string text(300, 'x');
  const std::string body = R"({"id":"chatcmpl-1","object":"chat.completion","model":"vendor/model-with-a-long-name-indeed-1",)"
                           R"("choices":[{"index":0,"message":{"role":"assistant","content":")" +
                           text + R"(","reasoning":")" + text +
                           R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10},)"
                           R"("system_fingerprint":"fp_0123456789abcdef0123456789abcdef"})";
  const std::string chunk = delta(R"("content":")" + text + "\"");
  const auto sink = [](const Delta&) { return true; };
  ReplyBuilder got;
  for (const bool again : {false, true}) {  // buffers are used again
    got.clear();
    const tests::Allocations made;
    const bool read = dialect::openai.whole(body, got);
    const std::size_t counted = made.count();
    CHECK(read);
    CHECK(counted <= (again ? 0U : 3U));  // text, reasoning, model
    got.clear();
    const tests::Allocations streamed;
    const bool more = dialect::openai.event({}, chunk, got, sink);
    const std::size_t of_a_chunk = streamed.count();
    CHECK(of_a_chunk == 0);
    CHECK(more);
  }
}

TEST_CASE("how much a model shall think is said in its vendor's words, or left out where it has no choice") {
  const auto body = [](std::string_view vendor, Effort effort, Capabilities can = Capabilities::assumed()) {
    return say_to(vendor, {.messages = "x", .effort = effort}, can);
  };
  CHECK(at(body("openai", Effort::low).body, "reasoning_effort") == "\"low\"");
  CHECK(body("openai", Effort::off).altered == "without effort");
  CHECK(at(body("openai", Effort::off).body, "reasoning_effort").empty());
  CHECK(at(body("gemini", Effort::off).body, "reasoning_effort") == "\"none\"");
  CHECK(at(body("openrouter", Effort::high).body, "reasoning") == R"({"effort":"high"})");
  CHECK(at(body("openrouter", Effort::off).body, "reasoning") == R"({"enabled":false})");
  CHECK(at(body("deepseek", Effort::medium).body, "thinking") == R"({"type":"enabled"})");
  CHECK(at(body("zai", Effort::off).body, "thinking") == R"({"type":"disabled"})");
  CHECK(body("mistral", Effort::high).altered == "without effort");
  const Said has_none = body("openai", Effort::high, Capability::streaming);
  CHECK(has_none.altered == "without effort");
  CHECK(at(has_none.body, "reasoning_effort").empty());
  CHECK(at(body("openai", Effort::high, Capability::reasoning).body, "reasoning_effort") == "\"high\"");
  CHECK(at(say({.messages = "x", .effort = Effort::low, .extra = R"({"reasoning_effort":"minimal"})"}).body,
           "reasoning_effort") == "\"minimal\"");
}

TEST_CASE("a refusal streams like text, and is not taken for it") {
  const Stream s({delta(R"("content":null,"refusal":"I can")"), delta(R"("refusal":"not.")")});
  CHECK(s.refusal == "I cannot.");
  CHECK(s.got.refusal == "I cannot.");
  CHECK(s.text.empty());
}

TEST_CASE("thoughts are JSON after each event, whatever comes before what") {
  const std::string grows = delta(R"("reasoning_details":[{"type":"reasoning.text","index":0,"text":"a"}])"),
                    redacted = delta(R"("reasoning_details":[{"type":"reasoning.encrypted","data":"x"}])"),
                    alone = delta(R"("extra_content":{"google":{"thought_signature":""}})");
  for (const auto& [first, second, third] : std::initializer_list<std::array<std::string_view, 3>>{
           {grows, alone, grows}, {alone, grows, grows}, {alone, redacted, grows}, {grows, redacted, alone}}) {
    CAPTURE(first, second, third);
    CHECK(json::valid(Stream({first, second}).got.thoughts));
    CHECK(json::valid(Stream({first, second, third}).got.thoughts));
  }
  CHECK(at(Stream({grows, alone, grows}).got.thoughts, "0.text") == "\"a\"");
}

TEST_CASE("a schema is called strict where it is closed all through, and else it is only followed as well as may be") {
  const auto strict = [](std::string schema) {
    const Said said = say({.messages = "x", .response_format = ResponseFormat::of_schema("n", std::move(schema))});
    const bool is = at(said.body, "response_format.json_schema.strict") == "true";
    CHECK(said.altered == (is ? "" : "without strict"));
    return is;
  };
  CHECK(strict(R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false})"));
  CHECK_FALSE(strict(R"({"type":"object","properties":{"a":{"type":"string"}}})"));
  CHECK_FALSE(strict(R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]})"));
  CHECK_FALSE(strict(R"({"type":"object","properties":{"a":{},"b":{}},"required":["a"],"additionalProperties":false})"));
  constexpr std::string_view open = R"({"type":"object"})", closed = R"({"type":"object","additionalProperties":false})";
  for (const std::string_view inner : {open, closed}) {
    const std::string in(inner);
    CAPTURE(in);
    for (const std::string& schema :
         {R"({"type":"object","properties":{"a":)" + in + R"(},"required":["a"],"additionalProperties":false})",
          R"({"type":"array","items":)" + in + "}", R"({"anyOf":[{"type":"string"},)" + in + "]}",
          R"({"$defs":{"d":)" + in + R"(},"type":"string"})", R"({"definitions":{"d":)" + in + R"(},"type":"string"})"})
      CHECK(strict(schema) == (inner == closed));
  }
}

TEST_CASE("a model that nobody described is known to reason by its name") {
  const auto said = [](std::string_view model, Capabilities can) {
    const Provider p{.name = "p", .url = "https://x.example/v1", .vendor = "openai"};
    const Offer offer{.model = {.rest = model}, .capabilities = can};
    const ChatRequest r{.messages = "x", .temperature = 0.5};
    return tests::said_by(dialect::openai, {.provider = p, .offer = offer, .request = r}).altered;
  };
  CHECK(said("o4-mini", Capabilities::assumed()) == "without temperature");
  CHECK(said("gpt-5.1", Capabilities::assumed()) == "without temperature");
  CHECK(said("gpt-4o", Capabilities::assumed()).empty());
  CHECK(said("gpt-5-chat", Capability::streaming).empty());
}
