// SPDX-License-Identifier: MIT
#include "llmroute/dialect/anthropic.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "json_path.hpp"
#include "llmroute/money.hpp"
#include "llmroute/route/attempt.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "said.hpp"

using namespace llmroute;
using namespace std::string_view_literals;

namespace {

using tests::at;

Provider claude() {
  Provider p{.name = "claude", .url = "https://x.example/v1", .dialect = &dialect::anthropic, .key = "sk-test-0123456789"};
  p.key_field = {"x-api-key", ""};
  p.fields = {{"anthropic-version", "2023-06-01"}};
  return p;
}

using tests::Said;
Said say(const ChatRequest& request, Delivery delivery = Delivery::whole, std::int64_t max_output = 0,
         std::string base = "https://x.example/v1") {
  const Provider provider{.url = std::move(base)};
  const Offer offer{.model = {.prefix = "vendor/", .rest = "model-1"}, .max_output = max_output};
  return tests::said_by(
      dialect::anthropic,
      {.provider = provider, .offer = offer, .request = request, .delivery = delivery, .max_tokens = request.max_tokens});
}

std::string sent(const ChatRequest& request, std::string_view path, Delivery delivery = Delivery::whole) {
  const Said said = say(request, delivery);
  CAPTURE(said.body);
  REQUIRE(said.ok);
  return at(said.body, path);
}
std::string refused(const ChatRequest& request) {
  const Said said = say(request);
  CHECK_FALSE(said.ok);
  return said.body;
}
std::string inside(std::string quoted) { return quoted.size() < 2 ? quoted : quoted.substr(1, quoted.size() - 2); }

// The server's side of one call, and what became of it.
struct Run {
  Attempt attempt{};
  Ended ended{};
  std::string text{}, reasoning{}, refusal{};
  std::vector<ToolCall> calls{};
  std::size_t deltas = 0;
  bool read_on = true;

  explicit Run(std::string_view body, int status = 200, std::size_t chunk = 0, std::size_t stop_at = 0,
               Delivery delivery = Delivery::stream) {
    const Provider provider = claude();
    const ChatRequest request{.messages = "Why?"};
    const Offer offer = Offer::assumed({.rest = "m"}, provider);
    const auto sink = [&](const Delta& d) {
      if (d.what == Delta::What::text) text += d.text;
      if (d.what == Delta::What::reasoning) reasoning += d.text;
      if (d.what == Delta::What::refusal) refusal += d.text;
      if (d.what == Delta::What::tool_call) {
        REQUIRE(d.index <= calls.size());
        if (d.index == calls.size()) calls.emplace_back();
        ToolCall& call = calls[d.index];
        call.id += d.id, call.name += d.name, call.arguments += d.text;
      }
      return ++deltas != stop_at;
    };
    REQUIRE(attempt.encode({.provider = provider, .offer = offer, .request = request, .delivery = delivery}));
    attempt.head(status, {});
    while (read_on && !body.empty()) {
      const std::string piece(body.substr(0, chunk == 0 ? body.size() : chunk));  // a copy, so that views cannot outlive it
      body.remove_prefix(piece.size());
      read_on = attempt.body(piece, sink);
    }
    ended = attempt.finish({.error = read_on ? http::Error::none : http::Error::stopped}, sink);
  }
  const ReplyBuilder& got() const { return attempt.reply(); }
};

std::string event(std::string_view name, std::string_view members) {
  std::string out("event: ");
  out.append(name).append("\ndata: {\"type\":\"").append(name).append("\"");
  if (!members.empty()) out.append(",").append(members);
  return out.append("}       \n\n");
}
std::string start(std::string_view usage = R"({"input_tokens":7,"output_tokens":1})") {
  return event("message_start", R"("message":{"id":"msg_1","type":"message","role":"assistant","model":"m-1","content":[],)"
                                R"("stop_reason":null,"usage":)" +
                                    std::string(usage) + "}");
}
std::string block(int index, std::string_view members) {
  return event("content_block_start",
               "\"index\":" + std::to_string(index) + ",\"content_block\":{" + std::string(members) + "}");
}
std::string delta(int index, std::string_view members) {
  return event("content_block_delta", "\"index\":" + std::to_string(index) + ",\"delta\":{" + std::string(members) + "}");
}
std::string text(int index, std::string_view words) {
  return delta(index, "\"type\":\"text_delta\",\"text\":\"" + std::string(words) + "\"");
}
std::string input(int index, std::string_view part) {
  return delta(index, "\"type\":\"input_json_delta\",\"partial_json\":\"" + std::string(part) + "\"");
}
std::string stop(int index) { return event("content_block_stop", "\"index\":" + std::to_string(index)); }
std::string last(std::string_view reason = "end_turn", std::string_view usage = R"({"output_tokens":5})") {
  return event("message_delta", "\"delta\":{\"stop_reason\":\"" + std::string(reason) +
                                    "\",\"stop_sequence\":null},\"usage\":" + std::string(usage)) +
         event("message_stop", "");
}
std::string tool(int index, std::string_view id, std::string_view name, std::string_view arguments = "{}") {
  return block(index, "\"type\":\"tool_use\",\"id\":\"" + std::string(id) + "\",\"name\":\"" + std::string(name) +
                          "\",\"input\":" + std::string(arguments));
}
constexpr auto text_block = R"("type":"text","text":"")"sv;

std::string message(std::string_view content, std::string_view reason = "end_turn",
                    std::string_view usage = R"({"input_tokens":7,"output_tokens":5})") {
  return R"({"id":"msg_1","type":"message","role":"assistant","model":"m-1","content":[)" + std::string(content) +
         R"(],"stop_reason":")" + std::string(reason) + R"(","stop_sequence":null,"usage":)" + std::string(usage) + "}";
}
std::string problem(std::string_view type, std::string_view words) {
  return R"({"type":"error","error":{"type":")" + std::string(type) + R"(","message":")" + std::string(words) +
         R"("},"request_id":"req_1"})";
}
Kind kind(int status, std::string_view body) {
  ReplyBuilder::Error error;
  dialect::anthropic.error(status, body, error);
  return error.kind;
}

// A reply with all there is: two texts, thoughts, two calls at once, blocks and events that nobody knows, pings.
const std::string long_stream =
    start(R"({"input_tokens":10,"cache_read_input_tokens":3,"cache_creation_input_tokens":2,"output_tokens":1})") +
    event("ping", "") + block(0, R"("type":"thinking","thinking":"","signature":"")") +
    delta(0, R"("type":"thinking_delta","thinking":"h\u00e4")") + delta(0, R"("type":"signature_delta","signature":"x")") +
    stop(0) + block(1, text_block) + text(1, "Hel") + event("ping", "") + text(1, "l\\u00f6 \\ud83d\\ude00") + stop(1) +
    block(2, R"("type":"server_tool_use","id":"s","name":"web_search","input":{})") + input(2, "{}") + stop(2) +
    block(3, R"("type":"of_tomorrow","text":"no","content":[{"type":"text","text":"no"}])") +
    delta(3, R"("type":"of_tomorrow_delta","text":"no")") + stop(3) + event("of_tomorrow", "\"text\":\"no\"") +
    tool(4, "toolu_1", "weather") + input(4, "") + input(4, "{\\\"city\\\":") + input(4, " \\\"Rome\\\"}") + stop(4) +
    tool(5, "toolu_2", "now") + stop(5) + block(6, text_block) + text(6, "!") + stop(6) +
    last(
        "tool_use",
        R"({"input_tokens":11,"cache_read_input_tokens":4,"cache_creation_input_tokens":2,"output_tokens":20,"output_tokens_details":{"thinking_tokens":6}})");

}  // namespace

TEST_CASE("the URL is the provider's with /messages behind it") {
  const auto url = [](std::string base) { return say({.messages = "x"}, Delivery::whole, 0, std::move(base)).url; };
  CHECK(url("https://x.example/v1") == "https://x.example/v1/messages");
  CHECK(url("https://x.example/v1/") == "https://x.example/v1/messages");
  CHECK(url("https://x.example/v1?beta=true") == "https://x.example/v1/messages?beta=true");
}

TEST_CASE("key and version travel in the fields of the provider") {
  const Provider p = claude();
  const ChatRequest request{.messages = "Why?"};
  const Offer offer{};
  Attempt a;
  REQUIRE(a.encode({.provider = p, .offer = offer, .request = request}));
  CHECK(http::find(a.request().fields, "x-api-key") == "sk-test-0123456789");
  CHECK(http::find(a.request().fields, "anthropic-version") == "2023-06-01");
  CHECK_FALSE(http::find(a.request().fields, "authorization"));
}

TEST_CASE("the smallest request has a model, a limit and a turn") {
  CHECK(say({.messages = "Why \"so\"?\n"}).body ==
        R"({"model":"vendor/model-1","max_tokens":4096,)"
        R"("messages":[{"role":"user","content":[{"type":"text","text":"Why \"so\"?\n"}]}]})");
  CHECK(sent({.messages = "x"}, "stream", Delivery::stream) == "true");
  CHECK(sent({.messages = "x"}, "stream").empty());
}

TEST_CASE("a limit is the request's, else the model's, else one that every model can keep") {
  CHECK(at(say({.messages = "x", .max_tokens = 5}, Delivery::whole, 900).body, "max_tokens") == "5");
  CHECK(at(say({.messages = "x"}, Delivery::whole, 900).body, "max_tokens") == "900");
  CHECK(at(say({.messages = "x"}).body, "max_tokens") == "4096");
  CHECK(sent({.messages = "x", .max_tokens = 5, .extra = R"({"max_tokens":6})"}, "max_tokens") == "6");
}

TEST_CASE("system turns stand apart, wherever they stood") {
  const ChatRequest r{.messages = {Message::system("Be brief."), Message::user("a"), Message::system(" \n"),
                                   Message::system("Be kind."), Message::user("b")}};
  CHECK(sent(r, "system") == R"([{"type":"text","text":"Be brief."},{"type":"text","text":"Be kind."}])");
  CHECK(sent(r, "messages") == R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])");
  CHECK(sent({.messages = "x"}, "system").empty());
  CHECK(sent({.messages = {Message::system(" "), Message::user("x")}}, "system").empty());
}

TEST_CASE("turns alternate, and none is empty") {
  const std::string m =
      sent({.messages = {Message::user("a"), Message::user("b"), Message::assistant(""), Message::user({"c", " ", "d"}),
                         Message::assistant("e"), Message::user("\t"), Message::assistant("f"), Message::user("g")}},
           "messages");
  CHECK(at(m, "0.role") + at(m, "1.role") + at(m, "2.role") + at(m, "3.role") == R"("user""assistant""user")");
  CHECK(at(m, "0.content") == R"([{"type":"text","text":"a"},{"type":"text","text":"b"},{"type":"text","text":"c"},)"
                              R"({"type":"text","text":"d"}])");
  CHECK(at(m, "1.content") == R"([{"type":"text","text":"e"},{"type":"text","text":"f"}])");
  CHECK(at(m, "2.content") == R"([{"type":"text","text":"g"}])");
}

TEST_CASE("a conversation without a turn to answer is refused") {
  CHECK_THAT(refused({}), ContainsSubstring("no turn"));
  CHECK_THAT(refused({.messages = {Message::system("Be brief.")}}), ContainsSubstring("no turn"));
  CHECK_THAT(refused({.messages = {Message::user(" \n"), Message::assistant("")}}), ContainsSubstring("no turn"));
  CHECK(sent({.extra = R"({"messages":[1]})"}, "messages") == "[1]");
}

TEST_CASE("what the model shall go on writing does not end in blanks") {
  CHECK(sent({.messages = {Message::user("a"), Message::assistant("{ \n")}}, "messages.1.content.0.text") == "\"{\"");
  CHECK(sent({.messages = {Message::user("a"), Message::assistant("{ "), Message::user("b")}}, "messages.1.content.0.text") ==
        "\"{ \"");
  CHECK(sent({.messages = {Message::user("a ")}}, "messages.0.content.0.text") == "\"a \"");
}

TEST_CASE("a conversation that another vendor began goes on, its calls at once and their results in one turn") {
  const ChatRequest r{.messages = {Message::user("Weather?"),
                                   Message::assistant("I look.", {{"functions.weather:0", "weather", R"({"city":"Rome"})"},
                                                                  {"functions.weather:1", "weather", R"({"city":"Oslo"})"},
                                                                  {"call_ok-1", "now", ""}}),
                                   Message::user("Quickly!"), Message::tool("functions.weather:1", "snow"),
                                   Message::tool("functions.weather:0", "sun"), Message::tool("call_ok-1", ""),
                                   Message::assistant("Sun."), Message::user("Thanks.")}};
  const std::string m = sent(r, "messages");
  CHECK(at(m, "0.role") + at(m, "1.role") + at(m, "2.role") + at(m, "3.role") + at(m, "4.role") + at(m, "5.role") ==
        R"("user""assistant""user""assistant""user")");
  CHECK(at(m, "1.content.0") == R"({"type":"text","text":"I look."})");
  CHECK(at(m, "1.content.1.type") == "\"tool_use\"");
  CHECK(at(m, "1.content.1.name") == "\"weather\"");
  CHECK(at(m, "1.content.1.input") == R"({"city":"Rome"})");
  CHECK(at(m, "1.content.3.input") == "{}");
  const std::string rome = at(m, "1.content.1.id"), oslo = at(m, "1.content.2.id");
  CHECK(at(m, "1.content.3.id") == "\"call_ok-1\"");
  for (const std::string& id : {inside(rome), inside(oslo)}) {
    CHECK(id.size() <= 64);
    CHECK(id.substr(0, 17) == "functions_weather");
    CHECK(id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == id.npos);
  }
  CHECK(rome != oslo);
  CHECK(at(m, "2.content.0") ==
        R"({"type":"tool_result","tool_use_id":)" + oslo + R"(,"content":[{"type":"text","text":"snow"}]})");
  CHECK(at(m, "2.content.1.tool_use_id") == rome);
  CHECK(at(m, "2.content.2") == R"({"type":"tool_result","tool_use_id":"call_ok-1"})");
  CHECK(at(m, "2.content.3") == R"({"type":"text","text":"Quickly!"})");
  CHECK(at(m, "2.content.4").empty());
}

TEST_CASE("ids are told apart: empty ones, equal ones, long ones, and those that differ in what is not allowed") {
  const std::string long_a(65, 'a');
  const std::vector<std::string> given{"", "", "a.b", "a:b", "1", "1", long_a, long_a + "b", std::string(64, 'z'), "a\xFF\"b"};
  ChatRequest r{.messages = {Message::user("x"), Message::assistant("")}};
  for (const std::string& id : given) r.messages[1].tool_calls.push_back({id, "f", "{}"});
  for (const std::string& id : given) r.messages.push_back(Message::tool(id, "r"));
  const std::string m = sent(r, "messages");
  std::vector<std::string> seen;
  for (std::size_t i = 0; i < given.size(); ++i) {
    CAPTURE(i);
    const std::string n = std::to_string(i), id = inside(at(m, "1.content." + n + ".id"));
    CHECK_FALSE(id.empty());
    CHECK(id.size() <= 64);
    CHECK(id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == id.npos);
    CHECK(inside(at(m, "2.content." + n + ".tool_use_id")) == id);
    for (const std::string& other : seen) CHECK(other != id);
    seen.push_back(id);
  }
  CHECK(seen[4] == "1");
  CHECK(seen[8] == given[8]);
  CHECK(sent(r, "messages") == m);
}

TEST_CASE("arguments are an object, or cannot be sent") {
  const auto call = [](std::string arguments) {
    return ChatRequest{.messages = {Message::user("x"), Message::assistant("", {{"a", "f", std::move(arguments)}})}};
  };
  for (const std::string_view none_of_them : {"", " ", "null", "\"\"", "{}"})
    CHECK(sent(call(std::string(none_of_them)), "messages.1.content.0.input") == "{}");
  CHECK(sent(call(R"( {"a": [1, 1e400]} )"), "messages.1.content.0.input") == R"({"a": [1, 1e400]})");
  for (const std::string_view bad : {"{", "[]", "1", "{\"a\":1", "{} {}", "\"x\""})
    CHECK(refused(call(std::string(bad))) ==
          "arguments of a call of \"f\" are no JSON object, and Anthropic takes nothing else");
  std::string deep(127, '[');
  deep = "{\"a\":" + deep + std::string(127, ']') + "}";
  CHECK_FALSE(say(call(deep)).ok);  // the request around it would be too deep
}

TEST_CASE("images travel by their URL or as bytes, and as bytes out of a data URL") {
  const std::string m =
      sent({.messages = {Message::user({"What?", Part::image_url("https://x.example/a.png"), Part::image("aGk=", "image/png"),
                                        Part::image_url("data:image/jpeg;base64,aGk=")})}},
           "messages.0.content");
  CHECK(at(m, "1") == R"({"type":"image","source":{"type":"url","url":"https://x.example/a.png"}})");
  CHECK(at(m, "2") == R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}})");
  CHECK(at(m, "3") == R"({"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"aGk="}})");
  Message result = Message::tool("a", "see");
  result.parts.push_back(Part::image("aGk=", "image/png"));
  CHECK(sent({.messages = {Message::user("x"), Message::assistant("", {{"a", "f", "{}"}}), result}},
             "messages.2.content.0.content.1.type") == "\"image\"");
  CHECK_THAT(refused({.messages = {Message::user({Part::image("aGk=", "")})}}), ContainsSubstring("media type"));
  for (const std::string_view url : {"data:", "data:,", "data:image/png,xx", "data:image/png;base64", "data:;base64,xx"})
    CHECK_FALSE(say({.messages = {Message::user({Part::image_url(std::string(url))})}}).ok);
  for (const Message::Role role : {Message::Role::system, Message::Role::assistant})
    CHECK_THAT(refused({.messages = {Message::user("x"), {.role = role, .parts = {Part::image("aGk=", "image/png")}}}}),
               ContainsSubstring("takes images in turns of the user"));
}

TEST_CASE("tools of this API, and which of them to use") {
  ChatRequest r{.messages = "x",
                .tools = {{.name = "f", .description = "does f", .parameters = R"({"type":"object","properties":{"a":{}}})"},
                          {.name = "g"},
                          {.name = "h", .parameters = R"({"properties":{}})"}}};
  CHECK(sent(r, "tools.0") == R"({"name":"f","description":"does f","input_schema":{"type":"object","properties":{"a":{}}}})");
  CHECK(sent(r, "tools.1") == R"({"name":"g","input_schema":{"type":"object"}})");
  CHECK(sent(r, "tools.2.input_schema") == R"({"type":"object","properties":{}})");
  CHECK(sent(r, "tool_choice").empty());
  r.tool_choice = ToolChoice::none();
  CHECK(sent(r, "tool_choice") == R"({"type":"none"})");
  r.tool_choice = ToolChoice::required();
  CHECK(sent(r, "tool_choice") == R"({"type":"any"})");
  r.tool_choice = ToolChoice::named("f");
  CHECK(sent(r, "tool_choice") == R"({"type":"tool","name":"f"})");
  CHECK(sent({.messages = "x", .tool_choice = ToolChoice::none()}, "tool_choice").empty());
  for (const std::string_view bad : {"{", "[]", "{} {}", "null", "{\"a\":}", "\"x\""})
    CHECK(refused({.messages = "x", .tools = {{.name = "f", .parameters = std::string(bad)}}}) ==
          "parameters of tool \"f\" is not a valid JSON object");
}

TEST_CASE("a schema is sent, JSON without one is refused") {
  const ResponseFormat schema = ResponseFormat::of_schema("n", R"({"type":"object"})");
  CHECK(sent({.messages = "x", .response_format = schema}, "output_config") ==
        R"({"format":{"type":"json_schema","schema":{"type":"object"}}})");
  CHECK(sent({.messages = "x"}, "output_config").empty());
  CHECK_THAT(refused({.messages = "x", .response_format = ResponseFormat::json()}), ContainsSubstring("of_schema"));
  CHECK(refused({.messages = "x", .response_format = ResponseFormat::of_schema("s", "[")}) ==
        "schema of response_format \"s\" is not a valid JSON object");
  CHECK(sent({.messages = "x", .response_format = schema, .extra = R"({"output_config":{"format":7}})"}, "output_config") ==
        R"({"format":7})");
  CHECK(sent({.messages = "x", .response_format = schema, .extra = R"({"output_format":7})"}, "output_config").empty());
  CHECK_THAT(refused({.messages = "x", .response_format = schema, .extra = R"({"output_config":{"effort":"low"}})"}),
             ContainsSubstring("output_config"));
}

TEST_CASE("settings are sent as this API knows them, and what it does not know is left out") {
  const ChatRequest r{.messages = "x",
                      .temperature = 1.5,
                      .top_p = 0.1,
                      .presence_penalty = -0.5,
                      .frequency_penalty = 1,
                      .seed = -7,
                      .stop = {"END", "\nObservation:"}};
  CHECK(sent(r, "temperature") == "1");
  CHECK(sent(r, "stop_sequences") == R"(["END","\nObservation:"])");
  for (const std::string_view name : {"top_p", "presence_penalty", "frequency_penalty", "seed", "stop", "n", "stream_options"})
    CHECK(sent(r, name, Delivery::stream).empty());
  CHECK(sent({.messages = "x", .temperature = 0}, "temperature") == "0");
  CHECK(sent({.messages = "x", .temperature = 0.25}, "temperature") == "0.25");
  CHECK(sent({.messages = "x", .top_p = 0.5}, "top_p") == "0.5");
  CHECK(sent({.messages = "x", .top_p = 0.5, .extra = R"({"temperature":1})"}, "top_p").empty());
  CHECK_THAT(refused({.messages = "x", .temperature = std::numeric_limits<double>::quiet_NaN()}),
             ContainsSubstring("temperature"));
  CHECK_FALSE(say({.messages = "x", .temperature = std::numeric_limits<double>::infinity()}).ok);
  for (const std::string_view stop_word : {"", "\n", " \t"})
    CHECK_THAT(refused({.messages = "x", .stop = {"a", std::string(stop_word)}}), ContainsSubstring("blanks"));
}

TEST_CASE("anthropic: extra members go along as they are, and replace those of the same name") {
  const std::string body =
      say({.messages = "x", .extra = R"( {"metadata":{"user_id":"u"},"thinking":{"type":"enabled"}} )"}).body;
  CHECK(at(body, "metadata") == R"({"user_id":"u"})");
  CHECK(at(body, "thinking.type") == "\"enabled\"");
  for (const std::string_view name :
       {"model", "max_tokens", "system", "messages", "tools", "tool_choice", "temperature", "stop_sequences", "stream"}) {
    CAPTURE(name);
    const ChatRequest all{.messages = {Message::system("s"), Message::user("x")},
                          .temperature = 1,
                          .stop = {"a"},
                          .tools = {{.name = "f"}},
                          .tool_choice = ToolChoice::required(),
                          .extra = "{\"" + std::string(name) + "\":77}"};
    CHECK(sent(all, name, Delivery::stream) == "77");
  }
  for (const std::string_view bad : {"{", "[]", "{} {}", "null"})
    CHECK(refused({.messages = "x", .extra = std::string(bad)}) == "extra is not a valid JSON object");
  CHECK(sent({.messages = "a\xFF"}, "messages.0.content.0.text") == "\"a\xEF\xBF\xBD\"");
}

TEST_CASE("a whole reply has text, thoughts and calls, and passes over what nobody knows") {
  const Run run(message(R"({"type":"thinking","thinking":"hm","signature":"x"},{"type":"redacted_thinking","data":"no"},
      {"text":"Hi\n","type":"text","citations":null},{"type":"server_tool_use","id":"s","name":"w","input":{"q":1}},
      {"type":"web_search_tool_result","content":[{"type":"text","text":"no"}]},{"type":"of_tomorrow","text":"no"},7,null,"no",
      {"type":"text","text":"all"},{"input":{"x": 1},"id":"a","name":"f","type":"tool_use"},{"type":"tool_use","id":"b","name":"g","input":{}},
      {"type":"tool_use","id":"c","name":"h"})",
                        "tool_use"));
  REQUIRE(run.ended.ok);
  CHECK(run.got().text == "Hi\nall");
  CHECK(run.got().reasoning == "hm");
  CHECK(run.got().tool_calls == std::vector<ToolCall>{{"a", "f", "{\"x\": 1}"}, {"b", "g", "{}"}, {"c", "h", "{}"}});
  CHECK(run.got().finish == Finish::tool_calls);
  CHECK(run.got().finish_reason == "tool_use");
  CHECK(run.got().model == "m-1");
  CHECK(run.calls == run.got().tool_calls);  // asked for as a stream, handed on in one piece
}

TEST_CASE("content may be an empty list, and nothing else may stand in its place") {
  const Run run(message(""));
  CHECK(run.ended.ok);
  CHECK(run.got().text.empty());
  for (const std::string_view body :
       {"{}"sv, "[]"sv, "null"sv, R"({"content":null})"sv, R"({"content":"x"})"sv, R"({"content":{}})"sv, "<html>"sv, ""sv,
        R"({"type":"message","role":"assistant"})"sv, R"({"content":[]} {})"sv}) {
    CAPTURE(body);
    CHECK(Run(body).ended.kind == Kind::malformed_reply);
    CHECK_FALSE(Run(body).ended.ok);
  }
}

TEST_CASE("finish reasons") {
  for (const auto& [said, meant] :
       std::initializer_list<std::pair<std::string_view, Finish>>{{"end_turn", Finish::stop},
                                                                  {"stop_sequence", Finish::stop},
                                                                  {"max_tokens", Finish::length},
                                                                  {"model_context_window_exceeded", Finish::length},
                                                                  {"tool_use", Finish::tool_calls},
                                                                  {"refusal", Finish::content_filter},
                                                                  {"pause_turn", Finish::other},
                                                                  {"of_tomorrow", Finish::other}}) {
    CAPTURE(said);
    const Run whole(message("", said)), stream(start() + last(said));
    CHECK((whole.ended.ok && stream.ended.ok));
    CHECK(whole.got().finish == meant);
    CHECK(stream.got().finish == meant);
    CHECK(stream.got().finish_reason == said);
  }
  CHECK(Run(message(R"({"type":"tool_use","id":"a","name":"f","input":{}})", "end_turn")).got().finish == Finish::tool_calls);
  CHECK(Run(message(R"({"type":"tool_use","id":"a","name":"f","input":{}})", "max_tokens")).got().finish == Finish::length);
}

TEST_CASE("a refusal is a reply that says why") {
  const Run run(start() +
                event("message_delta",
                      R"("delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","explanation":"No."}},)"
                      R"("usage":{"output_tokens":0})") +
                event("message_stop", ""));
  CHECK(run.ended.ok);
  CHECK(run.got().finish == Finish::content_filter);
  CHECK(run.got().refusal == "No.");
  CHECK(run.refusal == "No.");
  CHECK(Run(message("", R"(refusal","stop_details":{"explanation":"No."},"x":")")).got().refusal == "No.");
}

TEST_CASE("a stream says the same however it is cut into chunks") {
  for (const std::size_t chunk : {std::size_t{0}, std::size_t{1}, std::size_t{7}}) {
    CAPTURE(chunk);
    const Run run(long_stream, 200, chunk);
    REQUIRE(run.ended.ok);
    CHECK(run.attempt.streamed());
    CHECK(run.text == "Hell\xC3\xB6 \xF0\x9F\x98\x80!");
    CHECK(run.reasoning == "h\xC3\xA4");
    CHECK(run.calls == std::vector<ToolCall>{{"toolu_1", "weather", "{\"city\": \"Rome\"}"}, {"toolu_2", "now", "{}"}});
    CHECK(run.got().text == run.text);
    CHECK(run.got().reasoning == run.reasoning);
    CHECK(run.got().tool_calls == run.calls);
    CHECK(run.got().finish == Finish::tool_calls);
    CHECK(run.got().model == "m-1");
    CHECK(run.ended.usage ==
          Usage{.prompt = 17, .completion = 20, .cached = 4, .cache_written = 2, .reasoning = 6, .reported = true});
  }
}

TEST_CASE("lines may end in any way") {
  for (const std::string_view end : {"\r\n"sv, "\r"sv}) {
    std::string body;
    for (const char c : long_stream) c == '\n' ? body.append(end) : body.append(1, c);
    CHECK(Run(body, 200, 1).ended.ok);
    CHECK(Run(body, 200, 1).got().tool_calls == Run(long_stream).got().tool_calls);
  }
}

TEST_CASE("a stream that was cut is never a success") {
  const std::size_t end = long_stream.rfind("message_stop\"}") + 14;  // what follows is blanks
  const std::string whole_text = Run(long_stream).text;
  for (std::size_t size = 0; size < end; ++size) {
    const Run run(std::string_view(long_stream).substr(0, size));
    if (run.ended.ok || run.ended.kind != Kind::malformed_reply || run.text != whole_text.substr(0, run.text.size())) {
      CAPTURE(size);
      CHECK_FALSE(run.ended.ok);
      CHECK(run.ended.kind == Kind::malformed_reply);
      CHECK(run.text == whole_text.substr(0, run.text.size()));
    }
  }
  CHECK(Run(std::string_view(long_stream).substr(0, end)).ended.ok);
  const std::string without_stop = long_stream.substr(0, long_stream.rfind("event: "));
  CHECK_FALSE(Run(without_stop).ended.ok);
  CHECK_FALSE(Run(without_stop + "data: [DONE]\n\n").ended.ok);
  CHECK(Run(long_stream + "event: data\ndata: [DONE]\n\n").ended.ok);
  CHECK_FALSE(Run(last()).ended.ok);  // an end without a beginning
}

TEST_CASE("each part of a whole reply is an error") {
  const std::string body =
      message(R"({"type":"text","text":"Hi"},{"type":"tool_use","id":"a","name":"f","input":{"x":[1,{}]}})");
  REQUIRE(Run(body).ended.ok);
  for (std::size_t size = 0; size < body.size(); ++size) {
    const Run run(std::string_view(body).substr(0, size), 200, 0, 0, Delivery::whole);
    if (run.ended.ok || run.ended.kind != Kind::malformed_reply) {
      CAPTURE(size);
      CHECK(run.ended.kind == Kind::malformed_reply);
      CHECK_FALSE(run.ended.ok);
    }
  }
}

TEST_CASE("a stream that broke has counted nothing, for its beginning counts one token of the reply") {
  const Run run(start() + block(0, text_block) + text(0, "a long reply"));
  CHECK_FALSE(run.ended.ok);
  CHECK_FALSE(run.ended.usage.reported);
  CHECK(run.ended.usage.prompt == 7);
}

TEST_CASE("arguments come in pieces, or with the beginning, or not at all") {
  const auto arguments = [](const std::string& events) {
    const Run run(start() + events + last("tool_use"), 200, 7);
    REQUIRE(run.ended.ok);
    CHECK(run.calls == run.got().tool_calls);
    return run.calls.at(0).arguments;
  };
  CHECK(arguments(tool(0, "a", "f") + input(0, "") + input(0, "{\\\"a\\\":1}") + stop(0)) == "{\"a\":1}");
  CHECK(arguments(tool(0, "a", "f") + stop(0)) == "{}");
  CHECK(arguments(tool(0, "a", "f") + input(0, "") + stop(0)) == "{}");
  CHECK(arguments(tool(0, "a", "f")) == "{}");
  CHECK(arguments(tool(0, "a", "f", "null")) == "{}");
  CHECK(arguments(tool(0, "a", "f", "{\"a\":1}") + stop(0)) == "{\"a\":1}");
  CHECK(arguments(tool(0, "a", "f", "{\"a\":1}")) == "{\"a\":1}");
  CHECK(arguments(tool(0, "a", "f", "{\"a\":1}") + input(0, "{\\\"a\\\":") + input(0, "2}") + stop(0)) == "{\"a\":2}");
  CHECK(arguments(tool(0, "a", "f") + input(0, "{\\\"a\\\":") + stop(0)) == "{\"a\":");  // the model was cut
}

TEST_CASE("pieces of two calls may alternate, and pieces of no call are nobody's") {
  const Run run(start() + tool(1, "a", "f") + tool(4, "b", "g") + input(1, "{") + input(4, "[") + input(9, "no") +
                input(1, "}") + input(4, "]") + stop(4) + stop(1) + last("tool_use"));
  CHECK(run.calls == std::vector<ToolCall>{{"a", "f", "{}"}, {"b", "g", "[]"}});
}

TEST_CASE("members may stand in any order") {
  const Run run(
      "data: {\"message\":{\"model\":\"m-1\"},\"type\":\"message_start\"}\n\n"
      "data: {\"content_block\":{\"input\":{},\"name\":\"f\",\"id\":\"a\",\"type\":\"tool_use\"},\"index\":3,\"type\":\"content_block_start\"}\n\n"
      "data: {\"delta\":{\"partial_json\":\"{}\",\"type\":\"input_json_delta\"},\"type\":\"content_block_delta\",\"index\":3}\n\n"
      "data: {\"usage\":{\"output_tokens\":2},\"delta\":{\"stop_reason\":\"tool_use\"},\"type\":\"message_delta\"}\n\n"
      "event: message_stop\ndata: {}\n\n");
  CHECK(run.ended.ok);
  CHECK(run.calls == std::vector<ToolCall>{{"a", "f", "{}"}});
}

TEST_CASE("what comes behind the end counts for nothing") {
  const Run run(start() + last() + block(0, text_block) + text(0, "more") + "event: error\ndata: {\"type\":\"error\"}\n\n");
  CHECK(run.ended.ok);
  CHECK(run.text.empty());
}

TEST_CASE("the last figures count, and those that are not repeated stay") {
  const auto used = [](std::string_view first, std::string_view then) {
    const Run run(start(first) + last("end_turn", then));
    CHECK(run.ended.usage.reported);
    return run.ended.usage;
  };
  constexpr auto all =
      R"({"input_tokens":10,"cache_read_input_tokens":30,"cache_creation_input_tokens":5,"output_tokens":1})"sv;
  CHECK(used(all, R"({"output_tokens":9})") == Usage{45, 9, 30, 5, 0, true});
  CHECK(used(all, R"({"input_tokens":10,"output_tokens":9})") == Usage{45, 9, 30, 5, 0, true});
  CHECK(used(all, R"({"input_tokens":100,"output_tokens":9})") == Usage{100, 9, 30, 5, 0, true});
  CHECK(used(all, all) == Usage{45, 1, 30, 5, 0, true});
  CHECK(used(all, R"({"input_tokens":1,"cache_read_input_tokens":2,"cache_creation_input_tokens":0,"output_tokens":3})") ==
        Usage{3, 3, 2, 0, 0, true});
  CHECK(used(all, R"({"input_tokens":null,"cache_read_input_tokens":null,"output_tokens":9})") == Usage{45, 9, 30, 5, 0, true});
  CHECK(used(all, "null") == Usage{45, 1, 30, 5, 0, true});
  CHECK_FALSE(Run(message("", "end_turn", "null")).ended.usage.reported);
  CHECK(Run(message("", "end_turn", R"({"input_tokens":-5,"output_tokens":9223372036854775807})")).ended.usage ==
        Usage{0, std::numeric_limits<std::int64_t>::max(), 0, 0, 0, true});
  CHECK(
      Run(message("", "end_turn",
                  R"({"input_tokens":9223372036854775807,"cache_read_input_tokens":9223372036854775807,"output_tokens":1e99})"))
          .ended.usage.prompt == std::numeric_limits<std::int64_t>::max());
  CHECK(Run(message("", "end_turn", R"({"input_tokens":1,"output_tokens":1,"cost":0.25})")).ended.billed == dollars("0.25"));
}

TEST_CASE("tokens are noted as Anthropic counts them too, those of a cache apart") {
  constexpr auto all = R"({"input_tokens":10,"cache_read_input_tokens":30,"output_tokens":1})"sv;
  const Run whole(message("", "end_turn", all));
  CHECK(whole.ended.usage.prompt == 40);
  CHECK(whole.got().counted.prompt == 10);
  CHECK(whole.got().counted.completion == 1);
  const Run stream(start(all) + last("end_turn", R"({"output_tokens":9})"));
  CHECK(stream.got().counted.prompt == 10);
  CHECK(stream.got().counted.completion == 9);
  CHECK(Run(start(all) + last("end_turn", R"({"input_tokens":12,"output_tokens":9})")).got().counted.prompt == 12);
  const Run nothing(message("", "end_turn", "null"));
  CHECK_FALSE(nothing.got().counted.prompt);
  CHECK_FALSE(nothing.got().counted.completion);
}

TEST_CASE("errors: their type decides, then the status, then phrases") {
  using K = Kind;
  struct Row {
    int status;
    std::string_view type, words;
    K kind;
  };
  for (const Row& row : std::initializer_list<Row>{
           {401, "authentication_error", "invalid x-api-key", K::unauthorized},
           {403, "permission_error", "Your API key may not use this", K::unauthorized},
           {404, "not_found_error", "model: claude-0", K::model_not_found},
           {404, "not_found_error", "Not Found", K::misconfigured},
           {429, "rate_limit_error", "Number of requests has exceeded your limit", K::rate_limited},
           {529, "overloaded_error", "Overloaded", K::overloaded},
           {500, "overloaded_error", "Overloaded", K::overloaded},
           {400, "invalid_request_error", "Your credit balance is too low to use this API.", K::quota_exhausted},
           {402, "billing_error", "Pay first", K::quota_exhausted},
           {400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", K::context_too_long},
           {400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 9 + 1 > 8", K::context_too_long},
           {413, "request_too_large", "Request exceeds the maximum size", K::context_too_long},
           {500, "api_error", "Internal server error", K::server_error},
           {504, "timeout_error", "Timed out", K::timed_out},
           {400, "invalid_request_error", "temperature: range: 0..1", K::request_invalid}}) {
    CAPTURE(row.status, row.type, row.words);
    const std::string body = problem(row.type, row.words);
    CHECK(kind(row.status, body) == row.kind);
    CHECK(kind(200, body) == row.kind);
    const Run failed(body, row.status), good(body), event(start() + "event: error\ndata: " + body + "\n\n", 200, 7);
    CHECK(failed.ended.kind == row.kind);
    CHECK(good.ended.kind == row.kind);
    CHECK(event.ended.kind == row.kind);
    CHECK_FALSE((failed.ended.ok || good.ended.ok || event.ended.ok));
    CHECK(event.ended.message == row.words);
    CHECK(failed.ended.message == row.words);
  }
  CHECK(kind(529, "") == Kind::overloaded);
  CHECK(kind(413, "<html>413</html>") == Kind::context_too_long);
  CHECK(Run("<html>bad gateway</html>", 502).ended.message == "<html>bad gateway</html>");
  CHECK(kind(200, problem("of_tomorrow", "x")) == Kind::malformed_reply);
}

TEST_CASE("an error ends a stream whatever came before, and the words of a model are none") {
  const std::string text_first = start() + block(0, text_block) + text(0, "Hi");
  const Run run(text_first + "event: error\ndata: " + problem("overloaded_error", "Overloaded") + "\n\n" + last());
  CHECK_FALSE(run.ended.ok);
  CHECK(run.ended.kind == Kind::overloaded);
  CHECK(run.text == "Hi");
  CHECK(Run(text_first + "event: error\ndata: {\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}\n\n").ended.kind ==
        Kind::server_error);
  CHECK_FALSE(Run(text_first + "event: error\ndata: {}\n\n" + last()).ended.ok);
  CHECK_FALSE(Run(text_first + "event: error\ndata: Overloaded\n\n" + last()).ended.ok);
  CHECK(Run(start() + block(0, text_block) + text(0, "prompt is too long, overloaded_error") + last()).ended.ok);
  CHECK(Run(message(R"({"type":"text","text":"{\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}"})")).ended.ok);
}

TEST_CASE("a caller who wants no more gets no more") {
  const Run run(long_stream, 200, 1, 2);
  CHECK(run.deltas == 2);
  CHECK_FALSE(run.ended.ok);
  CHECK(run.ended.kind == Kind::cancelled);
}

TEST_CASE("hostile JSON tears nothing") {
  const auto fails = [](const std::string& body) {
    const Run run(body, 200, 7);
    return !run.ended.ok && run.ended.kind == Kind::malformed_reply;
  };
  const std::string deep(100'000, '[');
  CHECK(fails(start() + "data: {\"type\":\"x\",\"a\":" + deep + "\n\n" + last()));
  CHECK(fails("{\"content\":" + deep));
  CHECK(fails(start() + block(0, text_block) + text(0, "a\xFFz") + last()));
  CHECK(fails(start() + block(0, text_block) + "data: {\"type\":\"content_block_delta\"\n\n" + last()));
  CHECK(fails(start() + "data: [1]\n\n" + last()));
  for (const std::string_view index : {"1e999", "-9223372036854775808", "9223372036854775807", "\"x\"", "null", "-1", "0.5"}) {
    CAPTURE(index);
    const std::string n = "\"index\":" + std::string(index);
    const Run run(start() +
                  event("content_block_start", n + R"(,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}})") +
                  event("content_block_delta", n + R"(,"delta":{"type":"input_json_delta","partial_json":"{}"})") +
                  event("content_block_stop", n) + last("tool_use"));
    CHECK(run.ended.ok);
    CHECK(run.calls == std::vector<ToolCall>{{"a", "f", "{}"}});
  }
  std::string flood = start();
  for (int i = 0; i < 1'025; ++i) flood += tool(i, "a", "f");
  CHECK(fails(flood + last("tool_use")));
  for (const std::string_view odd :
       {R"({"type":7})"sv, R"({"type":"content_block_start"})"sv, R"({"type":"content_block_start","content_block":7})"sv,
        R"({"type":"content_block_delta","delta":[]})"sv, R"({"type":"content_block_stop","index":5})"sv,
        R"({"type":"message_delta","delta":null,"usage":[]})"sv, R"({"type":"message_delta"})"sv})
    CHECK(Run(start() + "data: " + std::string(odd) + "\n\n" + last()).ended.ok);
}

TEST_CASE("thoughts that Anthropic signed are kept, streamed or not, and go back first in their turn") {
  constexpr auto signed_thoughts =
      R"([{"type":"thinking","thinking":"a \"b\"\nc","signature":"S1"},{"type":"redacted_thinking","data":"D"}])"sv;
  ReplyBuilder got;
  CHECK(dialect::anthropic.whole(
      R"({"type":"message","content":[{"type":"thinking","thinking":"a \"b\"\nc","signature":"S1"},)"
      R"({"type":"redacted_thinking","data":"D"},{"type":"text","text":"x"},{"type":"tool_use","id":"t","name":"f","input":{}}],)"
      R"("stop_reason":"tool_use","usage":{}})",
      got));
  CHECK(got.thoughts == signed_thoughts);
  const Run run(start() + block(0, R"("type":"thinking","thinking":"","signature":"")") +
                delta(0, R"("type":"thinking_delta","thinking":"a \"b\"")") +
                delta(0, R"("type":"thinking_delta","thinking":"\nc")") +
                delta(0, R"("type":"signature_delta","signature":"S1")") +
                block(1, R"("type":"redacted_thinking","data":"D")") + block(2, text_block) + text(2, "x") + last());
  CHECK(run.ended.ok);
  CHECK(run.attempt.reply().thoughts == signed_thoughts);

  Message turn = Message::assistant(got.text, got.tool_calls);
  turn.thoughts = got.thoughts;
  turn.vendor = "anthropic";
  const ChatRequest request{.messages = {Message::user("x"), turn, Message::tool("t", "1")}};
  const Offer offer{.model = {.rest = "claude"}};
  Provider p{.name = "c", .url = "https://x.example/v1", .vendor = "anthropic"};
  const auto sent_there = [&] {
    return tests::said_by(dialect::anthropic, {.provider = p, .offer = offer, .request = request});
  };
  const std::string own = sent_there().body;
  CHECK(at(own, "messages.1.content.0") == R"({"type":"thinking","thinking":"a \"b\"\nc","signature":"S1"})");
  CHECK(at(own, "messages.1.content.1.data") == R"("D")");
  CHECK(at(own, "messages.1.content.2.text") == R"("x")");
  p.vendor = "bedrock";
  CHECK(at(sent_there().body, "messages.1.content.0.text") == R"("x")");
}

TEST_CASE("what Anthropic would refuse is left out or lowered, and the draft says so") {
  const Provider p{.name = "c", .url = "https://x.example/v1"};
  const Offer offer{.model = {.rest = "claude"}};
  const ChatRequest r{
      .messages = "x", .temperature = 1.5, .top_p = 0.5, .presence_penalty = 1, .frequency_penalty = 1, .seed = 1};
  const Said said = tests::said_by(dialect::anthropic, {.provider = p, .offer = offer, .request = r});
  CHECK(said.altered ==
        "temperature lowered to 1, without top_p, without presence_penalty, without frequency_penalty, without seed");
  CHECK(at(said.body, "temperature") == "1");
}

TEST_CASE("citations of Anthropic's texts are joined") {
  const Run run(start() + block(0, R"("type":"text","text":"","citations":[])") +
                delta(0, R"("type":"citations_delta","citation":{"a":1})") +
                delta(0, R"("type":"citations_delta","citation":{"a":2})") + last());
  CHECK(run.attempt.reply().extra == std::vector<std::pair<std::string, std::string>>{{"citations", R"([{"a":1},{"a":2}])"}});
  CHECK(Run(message(R"({"type":"text","text":"x","citations":[{"b":1}]},{"type":"text","text":"y","citations":[{"b":2}]})"))
            .attempt.reply()
            .extra.at(0)
            .second == R"([{"b":1},{"b":2}])");
}

TEST_CASE("Anthropic gets tokens to think, which leave room to answer, and nothing that it would refuse beside them") {
  const auto said = [](ChatRequest r, std::int64_t max_output = 64'000) {
    const Provider p{.name = "c", .url = "https://x.example/v1", .vendor = "anthropic"};
    const Offer offer{.model = {.rest = "claude"}, .max_output = max_output};
    return tests::said_by(dialect::anthropic, {.provider = p, .offer = offer, .request = r, .max_tokens = r.max_tokens});
  };
  const auto budget = [&](ChatRequest r, std::int64_t max_output = 64'000) {
    return at(said(std::move(r), max_output).body, "thinking.budget_tokens");
  };
  CHECK(budget({.messages = "x", .effort = Effort::low}) == "2048");
  CHECK(budget({.messages = "x", .effort = Effort::high}) == "24576");
  CHECK(budget({.messages = "x", .effort = Effort::high}, 0) == "2048");
  CHECK(budget({.messages = "x", .max_tokens = 3'000, .effort = Effort::high}) == "1500");
  CHECK(budget({.messages = "x", .effort = Effort::off}).empty());
  CHECK(said({.messages = "x", .max_tokens = 2'000, .effort = Effort::high}).altered == "without effort");
  const Said cool = said({.messages = "x", .temperature = 0, .top_p = 0.5, .effort = Effort::low});
  CHECK(cool.altered == "without temperature, without top_p");
  CHECK(at(cool.body, "temperature").empty());
  CHECK(
      said({.messages = "x", .effort = Effort::low, .tools = {{.name = "f"}}, .tool_choice = ToolChoice::required()}).altered ==
      "without effort");
  SECTION("where a tool was called without its thoughts, it cannot begin to think") {
    Message turn = Message::assistant("", {{"t", "f", "{}"}});
    CHECK(said({.messages = {Message::user("x"), turn, Message::tool("t", "1")}, .effort = Effort::low}).altered ==
          "without effort");
    turn.vendor = "anthropic";
    turn.thoughts = R"([{"type":"thinking","thinking":"","signature":"S"}])";
    CHECK(budget({.messages = {Message::user("x"), turn, Message::tool("t", "1")}, .effort = Effort::low}) == "2048");
    CHECK(budget({.messages = {Message::user("x"), Message::assistant("", {{"t", "f", "{}"}}), Message::tool("t", "1"),
                               Message::assistant("y"), Message::user("z")},
                  .effort = Effort::low}) == "2048");
  }
}

TEST_CASE("Claude models that adapt are told an effort, and no temperature") {
  const Provider p{.name = "c", .url = "https://x.example/v1", .vendor = "anthropic"};
  const Offer offer{.model = {.rest = "claude-opus-4-7"}, .max_output = 64'000};
  const auto said = [&](const ChatRequest& r) {
    return tests::said_by(dialect::anthropic, {.provider = p, .offer = offer, .request = r});
  };
  const Said plain = said({.messages = "x", .temperature = 0.5, .effort = Effort::medium});
  CHECK(at(plain.body, "thinking") == R"({"type":"adaptive"})");
  CHECK(at(plain.body, "output_config") == R"({"effort":"medium"})");
  CHECK(plain.altered == "without temperature");
  const Said both = said({.messages = "x", .effort = Effort::high, .response_format = ResponseFormat::of_schema("n", "{}")});
  CHECK(at(both.body, "output_config") == R"({"effort":"high","format":{"type":"json_schema","schema":{}}})");
  CHECK(at(said({.messages = "x"}).body, "thinking").empty());
}

TEST_CASE("a thought without a signature does not go back to Anthropic") {
  Message turn = Message::assistant("y");
  turn.vendor = "anthropic";
  turn.thoughts = R"([{"type":"thinking","thinking":"a"},{"type":"thinking","thinking":"b","signature":"S"}])";
  const Provider p{.name = "c", .url = "https://x.example/v1", .vendor = "anthropic"};
  const Offer offer{.model = {.rest = "claude"}};
  const ChatRequest r{.messages = {Message::user("x"), turn, Message::user("z")}};
  const std::string body = tests::said_by(dialect::anthropic, {.provider = p, .offer = offer, .request = r}).body;
  CHECK(at(body, "messages.1.content.0.thinking") == R"("b")");
  CHECK(at(body, "messages.1.content.1.text") == R"("y")");
}
