// SPDX-License-Identifier: MIT
#include "llmroute/dialect/gemini.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "json_path.hpp"
#include "llmroute/route/attempt.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "said.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

using tests::at;

Provider google() {
  return {.name = "gemini",
          .url = "https://g.example/v1beta",
          .dialect = &dialect::gemini,
          .key = "AIza-test-0123456789",
          .key_field = {"x-goog-api-key", ""}};
}

using tests::Said;

Said say(const ChatRequest& request, Delivery delivery = Delivery::whole, std::string_view model = "gemini-2.5-flash",
         std::string base = "https://g.example/v1beta") {
  const Provider provider{.url = std::move(base)};
  const Offer offer{.model = {.rest = model}};
  return tests::said_by(
      dialect::gemini,
      {.provider = provider, .offer = offer, .request = request, .delivery = delivery, .max_tokens = request.max_tokens});
}

std::string sent(const ChatRequest& request, std::string_view path, std::string_view model = "gemini-2.5-flash") {
  const Said said = say(request, Delivery::whole, model);
  INFO(said.body);
  REQUIRE(said.ok);
  return at(said.body, path);
}
std::string refusal(const ChatRequest& request, std::string_view model = "gemini-2.5-flash") {
  const Said said = say(request, Delivery::whole, model);
  CHECK_FALSE(said.ok);
  return said.body;
}

// "user:text+functionResponse model:functionCall": who says what kinds of parts.
std::string outline(const ChatRequest& request) {
  std::string out;
  const std::string contents = sent(request, "contents");
  json::Reader in(contents);
  in.array([&] {
    std::string role, kinds;
    in.object([&](std::string_view key) {
      if (key == "role") in.text(role);
      else if (key == "parts")
        in.array([&] {
          in.object([&](std::string_view kind) {
            if (kind != "thoughtSignature") kinds.append(kinds.empty() ? "" : "+").append(kind);
          });
        });
    });
    out.append(out.empty() ? "" : " ").append(role).append(":").append(kinds);
  });
  return out;
}

// One call, as a transport brings it: in chunks of `step` bytes.
struct Run {
  Attempt attempt{};
  Ended ended{};
  std::string text{}, reasoning{};
  std::vector<ToolCall> calls{};

  explicit Run(std::string_view body, Delivery delivery = Delivery::stream, std::size_t step = 1u << 30, int status = 200,
               http::Error broken = http::Error::none) {
    const Provider provider = google();
    const ChatRequest request{.messages = "Why?"};
    const Offer offer = Offer::assumed({.rest = "gemini-2.5-flash"}, provider);
    const auto sink = [&](const Delta& d) {
      if (d.what == Delta::What::text) text += d.text;
      else if (d.what == Delta::What::reasoning) reasoning += d.text;
      else calls.push_back({std::string(d.id), std::string(d.name), std::string(d.text)});
    };
    REQUIRE(attempt.encode({.provider = provider, .offer = offer, .request = request, .delivery = delivery}));
    attempt.head(status, {});
    bool more = true;
    for (std::size_t i = 0; more && i < body.size(); i += step)
      more = attempt.body(std::string(body.substr(i, step)), sink);  // a copy: views into it must not live on
    ended = attempt.finish({.error = more ? broken : http::Error::stopped}, sink);
  }
  const ReplyBuilder& reply() const { return attempt.reply(); }
};

Run whole(std::string_view body, int status = 200) { return Run(body, Delivery::whole, 1u << 30, status); }

std::string events(std::initializer_list<std::string_view> list, std::string_view line_end = "\r\n") {
  std::string out;
  for (const std::string_view e : list) out.append("data: ").append(e).append(line_end).append(line_end);
  return out;
}
std::string parts(std::string_view list, std::string_view more = "") {
  return std::string(R"({"candidates":[{"content":{"parts":[)")
      .append(list)
      .append(R"(],"role":"model"})")
      .append(more)
      .append("}]}");
}
std::string ends(std::string_view reason) {
  return std::string(R"({"candidates":[{"finishReason":)").append(reason).append("}]}");
}
ReplyBuilder::Error error(int status, std::string_view body) {
  ReplyBuilder::Error e;
  dialect::gemini.error(status, body, e);
  return e;
}

constexpr auto stop = R"(,"finishReason":"STOP")"sv;

}  // namespace

TEST_CASE("Gemini's URL names the model and how the answer shall come") {
  const ChatRequest hi{.messages = "Hi"};
  CHECK(say(hi).url == "https://g.example/v1beta/models/gemini-2.5-flash:generateContent");
  CHECK(say(hi, Delivery::stream).url == "https://g.example/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
  CHECK(say(hi, Delivery::whole, "m", "https://g.example/v1beta/").url == "https://g.example/v1beta/models/m:generateContent");
  CHECK(say(hi, Delivery::whole, "m", "https://g.example/v1?a=b").url == "https://g.example/v1/models/m:generateContent?a=b");
  CHECK(say(hi, Delivery::stream, "m", "https://g.example/v1?a=b").url ==
        "https://g.example/v1/models/m:streamGenerateContent?a=b&alt=sse");
  SECTION("a prefix that some names bring along is not doubled") {
    CHECK(say(hi, Delivery::whole, "models/m").url == "https://g.example/v1beta/models/m:generateContent");
    CHECK(say(hi, Delivery::whole, "tunedModels/m-1").url == "https://g.example/v1beta/tunedModels/m-1:generateContent");
  }
  SECTION("a name cannot reach into the rest of it") {
    CHECK(say(hi, Delivery::whole, "../x?key=a#b:c %\xC3\xBC").url ==
          "https://g.example/v1beta/models/..%2Fx%3Fkey%3Da%23b%3Ac%20%25%C3%BC:generateContent");
    CHECK(say(hi, Delivery::whole, "m@001~a_b").url == "https://g.example/v1beta/models/m@001~a_b:generateContent");
  }
  SECTION("without a model there is none") {
    CHECK_THAT(refusal(hi, ""), ContainsSubstring("needs a model"));
    CHECK_THAT(refusal(hi, "models/"), ContainsSubstring("needs a model"));
  }
  SECTION("both pieces of a name are in it, and the body says nothing of it") {
    const Provider provider{.url = "https://g.example/v1beta"};
    const Offer offer{.model = {.prefix = "models/gem", .rest = "ini"}};
    const Said said = tests::said_by(dialect::gemini, {.provider = provider, .offer = offer, .request = hi});
    REQUIRE(said.ok);
    CHECK(said.url == "https://g.example/v1beta/models/gemini:generateContent");
    CHECK(at(said.body, "model").empty());
    CHECK(at(said.body, "stream").empty());
  }
}

TEST_CASE("the key of Gemini travels in a field and never in the URL") {
  const Provider provider = google();
  const ChatRequest request{.messages = "Hi"};
  const Offer offer = Offer::assumed({.rest = "m"}, provider);
  Attempt a;
  REQUIRE(a.encode({.provider = provider, .offer = offer, .request = request, .delivery = Delivery::stream}));
  CHECK(http::find(a.request().fields, "x-goog-api-key").value_or("") == "AIza-test-0123456789");
  CHECK_FALSE(http::find(a.request().fields, "authorization"));
  CHECK(a.request().url.find("AIza") == std::string_view::npos);
}

TEST_CASE("turns become contents, and what the system says has a place of its own") {
  const ChatRequest request{.messages = {Message::system("Be brief."), Message::user("Hi"), Message::assistant("Ho"),
                                         Message::system("In German."), Message::user("Why?")}};
  CHECK(outline(request) == "user:text model:text user:text");
  CHECK(sent(request, "contents.0.parts.0.text") == "\"Hi\"");
  CHECK(sent(request, "contents.1.parts.0.text") == "\"Ho\"");
  CHECK(sent(request, "systemInstruction.parts.0.text") == "\"Be brief.\"");
  CHECK(sent(request, "systemInstruction.parts.1.text") == "\"In German.\"");
  CHECK(sent({.messages = "Hi"}, "systemInstruction").empty());
  CHECK(sent({.messages = "Hi"}, "generationConfig").empty());
  CHECK(sent({.messages = "Hi"}, "toolConfig").empty());

  SECTION("turns of one side after another become one") {
    CHECK(outline({.messages = {Message::user("a"), Message::user("b"), Message::assistant("c"), Message::assistant("d")}}) ==
          "user:text+text model:text+text");
  }
  SECTION("what is empty is left out") {
    CHECK(outline({.messages = {Message::user("a"), Message::assistant(""),
                                Message::user({Part::text(""), Part::text("b")})}}) == "user:text+text");
    CHECK(sent({.messages = {Message::system(""), Message::user("a")}}, "systemInstruction").empty());
  }
  SECTION("nothing at all cannot be said") {
    CHECK_THAT(refusal({}), ContainsSubstring("said by the user"));
    CHECK_THAT(refusal({.messages = {Message::system("x")}}), ContainsSubstring("said by the user"));
    CHECK_THAT(refusal({.messages = ""}), ContainsSubstring("said by the user"));
    CHECK(say({.extra = R"({"contents":[{"parts":[{"text":"x"}]}]})"}).ok);
  }
}

TEST_CASE("images go to Gemini as bytes or as files") {
  const auto image = [](Part p) { return ChatRequest{.messages = {Message::user({"See:", std::move(p)})}}; };
  CHECK(sent(image(Part::image("iVBO", "image/png")), "contents.0.parts.1.inlineData") ==
        R"({"mimeType":"image/png","data":"iVBO"})");
  CHECK(sent(image(Part::image_url("data:image/webp;base64,UklG")), "contents.0.parts.1.inlineData") ==
        R"({"mimeType":"image/webp","data":"UklG"})");
  CHECK(sent(image(Part::image_url("https://x.example/a.JPG?w=1")), "contents.0.parts.1.fileData") ==
        R"({"mimeType":"image/jpeg","fileUri":"https://x.example/a.JPG?w=1"})");
  CHECK(sent(image(Part::image_url("https://x.example/files/7")), "contents.0.parts.1.fileData") ==
        R"({"fileUri":"https://x.example/files/7"})");
  Part typed = Part::image_url("gs://b/o");
  typed.media_type = "image/gif";
  CHECK(sent(image(typed), "contents.0.parts.1.fileData.mimeType") == "\"image/gif\"");
  CHECK_THAT(refusal(image(Part::image("iVBO", ""))), ContainsSubstring("media type"));
  Message system = Message::system("x");
  system.parts.push_back(Part::image("iVBO", "image/png"));
  CHECK_THAT(refusal({.messages = {system, Message::user("a")}}), ContainsSubstring("no image in a system message"));
}

TEST_CASE("settings of Gemini stand in generationConfig") {
  const ChatRequest request{.messages = "Hi",
                            .max_tokens = 64,
                            .temperature = 0.5,
                            .top_p = 0.25,
                            .presence_penalty = 1,
                            .frequency_penalty = -1,
                            .seed = 7,
                            .stop = {"\n", "END"}};
  CHECK(sent(request, "generationConfig.maxOutputTokens") == "64");
  CHECK(sent(request, "generationConfig.temperature") == "0.5");
  CHECK(sent(request, "generationConfig.topP") == "0.25");
  CHECK(sent(request, "generationConfig.presencePenalty") == "1");
  CHECK(sent(request, "generationConfig.frequencyPenalty") == "-1");
  CHECK(sent(request, "generationConfig.seed") == "7");
  CHECK(sent(request, "generationConfig.stopSequences") == R"(["\n","END"])");
  CHECK_THAT(refusal({.messages = "Hi", .top_p = std::numeric_limits<double>::infinity()}),
             ContainsSubstring("topP is not a finite"));

  SECTION("a seed of 64 bits still is a seed") {
    const std::string folded = sent({.messages = "Hi", .seed = (std::int64_t{1} << 40) + 5}, "generationConfig.seed");
    CHECK(folded == "5");
    CHECK(sent({.messages = "Hi", .seed = -1}, "generationConfig.seed") == "2147483647");
  }
  SECTION("JSON, and JSON by a schema, which is passed on as it is") {
    CHECK(sent({.messages = "Hi", .response_format = ResponseFormat::json()}, "generationConfig") ==
          R"({"responseMimeType":"application/json"})");
    const ChatRequest schema{
        .messages = "Hi",
        .response_format = ResponseFormat::of_schema("s", R"({"type":"object","additionalProperties":false})")};
    CHECK(sent(schema, "generationConfig.responseMimeType") == "\"application/json\"");
    CHECK(sent(schema, "generationConfig.responseJsonSchema") == R"({"type":"object","additionalProperties":false})");
    CHECK(sent(schema, "generationConfig.responseSchema").empty());
    CHECK_THAT(refusal({.messages = "Hi", .response_format = ResponseFormat::of_schema("s", "{")}),
               ContainsSubstring("\"s\" is not a valid"));
  }
  SECTION("extra is laid over them, and wins") {
    ChatRequest over = request;
    over.extra = R"({"generationConfig":{"temperature":2,"thinkingConfig":{"thinkingBudget":0}},"cachedContent":"c/1"})";
    CHECK(sent(over, "generationConfig.temperature") == "2");
    CHECK(sent(over, "generationConfig.maxOutputTokens") == "64");
    CHECK(sent(over, "generationConfig.thinkingConfig") == R"({"thinkingBudget":0})");
    CHECK(sent(over, "cachedContent") == "\"c/1\"");
    over.extra = R"({"systemInstruction":{"parts":[{"text":"y"}]},"generationConfig":null})";
    over.messages.push_back(Message::system("x"));
    CHECK(sent(over, "systemInstruction") == R"({"parts":[{"text":"y"}]})");
    CHECK(sent(over, "generationConfig") == "null");
    CHECK_THAT(refusal({.messages = "Hi", .extra = "[1]"}), ContainsSubstring("extra"));
  }
}

TEST_CASE("tools are declared to Gemini with their schemas as they are") {
  ChatRequest request{
      .messages = "Hi",
      .tools = {{.name = "f", .description = "does f", .parameters = R"({"type":"object","$defs":{}})"}, {.name = "g"}}};
  CHECK(sent(request, "tools.0.functionDeclarations.0.name") == "\"f\"");
  CHECK(sent(request, "tools.0.functionDeclarations.0.description") == "\"does f\"");
  CHECK(sent(request, "tools.0.functionDeclarations.0.parametersJsonSchema") == R"({"type":"object","$defs":{}})");
  CHECK(sent(request, "tools.0.functionDeclarations.1") == R"({"name":"g"})");
  CHECK(sent(request, "toolConfig").empty());
  request.tool_choice = ToolChoice::required();
  CHECK(sent(request, "toolConfig.functionCallingConfig") == R"({"mode":"ANY"})");
  request.tool_choice = ToolChoice::none();
  CHECK(sent(request, "toolConfig.functionCallingConfig") == R"({"mode":"NONE"})");
  request.tool_choice = ToolChoice::named("f");
  CHECK(sent(request, "toolConfig.functionCallingConfig") == R"({"mode":"ANY","allowedFunctionNames":["f"]})");
  request.tools[0].parameters = "true";
  CHECK_THAT(refusal(request), ContainsSubstring("parameters of tool \"f\""));
}

TEST_CASE("results go back to Gemini under the name of their function, in the order of the calls") {
  const Message calls = Message::assistant(
      "", {{"a", "weather", R"({"city":"Rome"})"}, {"b", "weather", R"({"city":"Oslo"})"}, {"c", "now", ""}});
  const ChatRequest request{.messages = {Message::user("Compare."), calls, Message::tool("c", "noon"),
                                         Message::tool("b", R"({"t":-3})"), Message::tool("a", "31 C"), Message::user("And?")}};
  CHECK(outline(request) ==
        "user:text model:functionCall+functionCall+functionCall user:functionResponse+functionResponse+functionResponse+text");
  CHECK(sent(request, "contents.1.parts.0.functionCall") == R"({"name":"weather","args":{"city":"Rome"}})");
  CHECK(sent(request, "contents.1.parts.2.functionCall") == R"({"name":"now","args":{}})");
  CHECK(sent(request, "contents.2.parts.0.functionResponse") == R"({"name":"weather","response":{"output":"31 C"}})");
  CHECK(sent(request, "contents.2.parts.1.functionResponse") == R"({"name":"weather","response":{"t":-3}})");
  CHECK(sent(request, "contents.2.parts.2.functionResponse") == R"({"name":"now","response":{"output":"noon"}})");
  CHECK(sent(request, "contents.2.parts.3.text") == "\"And?\"");

  SECTION("of the nearest turn with such an id, and the next call where ids are all the same") {
    CHECK(sent({.messages = {Message::user("x"), Message::assistant("", {{"1", "old", ""}}), Message::tool("1", "o"),
                             Message::assistant("", {{"1", "new", ""}}), Message::tool("1", "n")}},
               "contents.4.parts.0.functionResponse.name") == "\"new\"");
    const ChatRequest nameless{.messages = {Message::user("x"), Message::assistant("", {{"", "f", ""}, {"", "g", ""}}),
                                            Message::tool("", "1"), Message::tool("", "2")}};
    CHECK(sent(nameless, "contents.2.parts.0.functionResponse") == R"({"name":"f","response":{"output":"1"}})");
    CHECK(sent(nameless, "contents.2.parts.1.functionResponse") == R"({"name":"g","response":{"output":"2"}})");
  }
  SECTION("what only looks like an object is a text") {
    for (const std::string_view text : {"", "{", "[1]", "7", "null", "{} x"})
      CHECK(at(sent({.messages = {Message::user("x"), Message::assistant("", {{"1", "f", ""}}),
                                  Message::tool("1", std::string(text))}},
                    "contents.2.parts.0.functionResponse.response"),
               "output") != "");
  }
  SECTION("a picture in a result stands behind the results") {
    Message result = Message::tool("a", "see");
    result.parts.push_back(Part::image("iVBO", "image/png"));
    CHECK(
        outline({.messages = {Message::user("x"), calls, result, Message::tool("b", "1"), Message::tool("c", "2")}}) ==
        "user:text model:functionCall+functionCall+functionCall user:functionResponse+functionResponse+functionResponse+inlineData");
  }
  SECTION("a result of an unknown call, or of a later one, is refused") {
    CHECK_THAT(refusal({.messages = {Message::user("x"), calls, Message::tool("z", "1")}}),
               ContainsSubstring("\"z\" belongs to no tool call"));
    CHECK_THAT(refusal({.messages = {Message::user("x"), Message::tool("a", "1"), calls}}),
               ContainsSubstring("belongs to no tool call"));
  }
  SECTION("and so are arguments that are no object") {
    for (const std::string_view wrong : {"{\"city\":", "[]", "\"x\""})
      CHECK_THAT(refusal({.messages = {Message::user("x"), Message::assistant("", {{"1", "f", std::string(wrong)}})}}),
                 ContainsSubstring("call of \"f\""));
  }
  SECTION("a model that insists on a signature gets one for the first call of each turn, and no other does") {
    for (const std::string_view model : {"gemini-3-flash-preview", "gemini-flash-latest"}) {
      CHECK(sent(request, "contents.1.parts.0.thoughtSignature", model) == "\"skip_thought_signature_validator\"");
      CHECK(sent(request, "contents.1.parts.1.thoughtSignature", model).empty());
    }
    CHECK(sent(request, "contents.1.parts.0.thoughtSignature", "gemini-2.5-pro").empty());
    ChatRequest longer = request;
    longer.messages.push_back(calls);
    CHECK(sent(longer, "contents.3.parts.0.thoughtSignature", "gemini-3-pro") == "\"skip_thought_signature_validator\"");
  }
}

TEST_CASE("a conversation with tools goes through Gemini and back again") {
  const Run r =
      whole(parts(R"({"functionCall":{"name":"f","args":{"n":1}}},{"functionCall":{"name":"f","args":{"n":2}}})", stop));
  REQUIRE(r.ended.ok);
  REQUIRE(r.reply().tool_calls.size() == 2);
  const std::vector<ToolCall>& calls = r.reply().tool_calls;
  const ChatRequest next{.messages = {Message::user("x"), Message::assistant("", calls), Message::tool(calls[1].id, "two"),
                                      Message::tool(calls[0].id, "one")}};
  CHECK(sent(next, "contents.1.parts.1.functionCall") == R"({"name":"f","args":{"n":2}})");
  CHECK(sent(next, "contents.2.parts.0.functionResponse.response.output") == "\"one\"");
  CHECK(sent(next, "contents.2.parts.1.functionResponse.response.output") == "\"two\"");
}

TEST_CASE("a whole answer of Gemini says text, thoughts, calls and why it ended") {
  const Run r = whole(
      R"({"candidates":[{"content":{"parts":[{"text":"Hm.","thought":true},{"thought":true,"text":" So."},{"text":"Hi \ud83d\ude00"},)"
      R"({"text":""},{"inlineData":{"mimeType":"image/png","data":"iVBO"}},{"executableCode":{"code":"1"}},)"
      R"({"functionCall":{"name":"f"},"thoughtSignature":"c2ln"},{"functionCall":{"id":"x1","name":"g","args":{"a":1}}}],"role":"model"},)"
      R"("finishReason":"STOP","index":0}],"modelVersion":"gemini-2.5-flash-001","responseId":"r-1"})");
  REQUIRE(r.ended.ok);
  CHECK(r.reply().reasoning == "Hm. So.");
  CHECK(r.reply().text == "Hi \xF0\x9F\x98\x80");
  CHECK(r.reply().model == "gemini-2.5-flash-001");
  CHECK(r.reply().finish == Finish::tool_calls);
  CHECK(r.reply().finish_reason == "STOP");
  REQUIRE(r.reply().tool_calls.size() == 2);
  CHECK(r.reply().tool_calls[0].name == "f");
  CHECK(r.reply().tool_calls[0].arguments == "{}");
  CHECK_FALSE(r.reply().tool_calls[0].id.empty());
  CHECK(r.reply().tool_calls[1] == ToolCall{"x1", "g", R"({"a":1})"});
  CHECK_FALSE(r.reply().usage.reported);
  CHECK(whole(parts(R"({"functionCall":{"name":"f","args":null}})", stop)).reply().tool_calls[0].arguments == "{}");
}

TEST_CASE("a call without an id gets one that stays the same and is nobody else's") {
  const auto ids = [](const std::string& body) {
    std::vector<std::string> all;
    const Run r = whole(body);
    for (const ToolCall& call : r.reply().tool_calls) all.push_back(call.id);
    return all;
  };
  const std::string twice = R"({"functionCall":{"name":"f","args":{}}},{"functionCall":{"name":"f","args":{}}})";
  const std::string body = parts(twice, stop);
  const auto first = ids(body);
  REQUIRE(first.size() == 2);
  CHECK(first[0] != first[1]);
  CHECK(ids(body) == first);
  for (const std::string& id : first) {
    CHECK(id.size() == 9);
    CHECK(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string::npos);
  }
  SECTION("another one in another reply") {
    const auto named = [&](std::string_view response) {
      return ids(std::string(R"({"responseId":")").append(response).append(R"(",)").append(body.substr(1)));
    };
    CHECK(named("r1") != named("r2"));
    CHECK(named("r1") == named("r1"));
  }
  SECTION("also where the provider gave the same one twice") {
    const auto given = ids(parts(R"({"functionCall":{"id":"a","name":"f"}},{"functionCall":{"id":"a","name":"g"}})", stop));
    CHECK(given[0] == "a");
    CHECK(given[1] != "a");
  }
}

TEST_CASE("reasons to stop mean what other providers mean by theirs, and stay readable") {
  const std::pair<std::string_view, Finish> rows[]{
      {"\"STOP\"", Finish::stop},
      {"\"MAX_TOKENS\"", Finish::length},
      {"\"SAFETY\"", Finish::content_filter},
      {"\"RECITATION\"", Finish::content_filter},
      {"\"BLOCKLIST\"", Finish::content_filter},
      {"\"PROHIBITED_CONTENT\"", Finish::content_filter},
      {"\"SPII\"", Finish::content_filter},
      {"\"IMAGE_SAFETY\"", Finish::content_filter},
      {"\"MALFORMED_FUNCTION_CALL\"", Finish::other},
      {"\"OTHER\"", Finish::other},
      {"\"SOMETHING_NEW\"", Finish::other},
      {"1", Finish::stop},
      {"2", Finish::length},
      {"3", Finish::content_filter},
      {"5", Finish::other},
      {"99", Finish::other},
  };
  for (const auto& [word, finish] : rows) {
    INFO(word);
    const Run r = whole(ends(word));
    CHECK(r.ended.ok);
    CHECK(r.reply().finish == finish);
    std::string plain(word);
    plain.erase(std::remove(plain.begin(), plain.end(), '"'), plain.end());
    CHECK(r.reply().finish_reason == plain);
  }
  for (const std::string_view unset : {"0", "\"FINISH_REASON_UNSPECIFIED\"", "null", "\"\"", "{}"})
    CHECK_FALSE(whole(ends(unset)).ended.ok);
  CHECK(whole(parts(R"({"functionCall":{"name":"f"}})", R"(,"finishReason":"MAX_TOKENS")")).reply().finish == Finish::length);
}

TEST_CASE("an answer of Gemini may lack content, and then says why it ended") {
  for (const std::string_view body :
       {R"({"candidates":[{"finishReason":"STOP"}]})", R"({"candidates":[{"content":{},"finishReason":"STOP"}]})",
        R"({"candidates":[{"content":{"role":"model"},"finishReason":"STOP","index":0}]})",
        R"({"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}]})",
        R"({"candidates":[{"content":{"parts":null},"finishReason":"STOP"}]})"}) {
    const Run r = whole(body);
    CHECK(r.ended.ok);
    CHECK(r.reply().text.empty());
  }
  for (const std::string_view body :
       {"{}", R"({"candidates":[]})", R"({"candidates":[{}]})", R"({"candidates":null})", R"({"candidates":[{"content":{}}]})",
        R"({"candidates":{"content":{}}})", R"({"candidates":[{"index":1,"finishReason":"STOP"}]})",
        R"({"usageMetadata":{"promptTokenCount":1}})", "[]", "[{}]", "7", "<html>", "{\"error\":"}) {
    INFO(body);
    CHECK(whole(body).ended.kind == Kind::malformed_reply);
  }
  CHECK(
      whole(
          R"({"candidates":[{"index":1,"content":{"parts":[{"text":"no"}]},"finishReason":"SAFETY"},{"index":0,"content":{"parts":[{"text":"yes"}]},"finishReason":"STOP"}]})")
          .reply()
          .text == "yes");
}

TEST_CASE("a prompt that Gemini blocks has failed, with its reason") {
  for (const std::string_view reason : {"\"SAFETY\"", "\"A_NEW_ONE\"", "1"}) {
    const std::string body = std::string(R"({"promptFeedback":{"blockReason":)")
                                 .append(reason)
                                 .append(R"(,"blockReasonMessage":"no"},"usageMetadata":{"promptTokenCount":4}})");
    for (const Delivery delivery : {Delivery::whole, Delivery::stream}) {
      const Run r(delivery == Delivery::whole ? body : events({body}), delivery);
      CHECK(r.ended.kind == Kind::content_filtered);
      CHECK_THAT(std::string(r.ended.message), ContainsSubstring("blocked: ") && ContainsSubstring(": no"));
      CHECK(r.ended.usage.prompt == 4);
    }
  }
  CHECK(whole(R"({"promptFeedback":{"safetyRatings":[]},"candidates":[{"finishReason":"STOP"}]})").ended.ok);
  SECTION("but what the model said and a filter then cut is a reply that says so") {
    const Run r = whole(parts(R"({"text":"Once"})", R"(,"finishReason":"SAFETY")"));
    CHECK(r.ended.ok);
    CHECK(r.reply().finish == Finish::content_filter);
    CHECK(r.reply().text == "Once");
  }
}

TEST_CASE("tokens are counted as they are billed") {
  const auto used = [](std::string_view figures) {
    const Run r =
        whole(std::string(R"({"candidates":[{"finishReason":"STOP"}],"usageMetadata":{)").append(figures).append("}}"));
    CHECK(r.ended.ok);
    return r.ended.usage;
  };
  CHECK(used(R"("promptTokenCount":5000,"cachedContentTokenCount":4000,"candidatesTokenCount":10,"totalTokenCount":5010)") ==
        Usage{.prompt = 5000, .completion = 10, .cached = 4000, .reported = true});
  CHECK(used(R"("promptTokenCount":10,"candidatesTokenCount":20,"thoughtsTokenCount":400,"totalTokenCount":430)") ==
        Usage{.prompt = 10, .completion = 420, .reasoning = 400, .reported = true});
  CHECK(used(R"("promptTokenCount":10,"thoughtsTokenCount":5)") ==
        Usage{.prompt = 10, .completion = 5, .reasoning = 5, .reported = true});
  CHECK(used(R"("promptTokenCount":10,"toolUsePromptTokenCount":90,"candidatesTokenCount":1)").prompt == 100);
  CHECK_FALSE(used(R"("trafficType":"ON_DEMAND")").reported);
  CHECK_FALSE(used(R"("promptTokenCount":"7")").reported);
  CHECK(used(R"("promptTokenCount":-7,"candidatesTokenCount":3)") == Usage{.completion = 3, .reported = true});
  CHECK(used(R"("promptTokenCount":9223372036854775807,"toolUsePromptTokenCount":9223372036854775807)").prompt ==
        std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("tokens are noted as Google counts them too, thoughts apart") {
  const auto counted = [](std::string_view figures) {
    return whole(std::string(R"({"candidates":[{"finishReason":"STOP"}],"usageMetadata":{)").append(figures).append("}}"))
        .reply()
        .counted;
  };
  const auto thought = counted(R"("promptTokenCount":10,"candidatesTokenCount":20,"thoughtsTokenCount":400)");
  CHECK(thought.prompt == 10);
  CHECK(thought.completion == 20);
  const auto only_thought = counted(R"("promptTokenCount":10,"toolUsePromptTokenCount":90,"thoughtsTokenCount":400)");
  CHECK(only_thought.prompt == 10);
  CHECK_FALSE(only_thought.completion);
  CHECK_FALSE(counted(R"("trafficType":"ON_DEMAND")").prompt);
}

TEST_CASE("figures in a stream are never summed, the last ones count") {
  const auto chunk = [](std::string_view text, std::string_view figures, std::string_view more = "") {
    std::string c = parts(std::string("{\"text\":\"").append(text).append("\"}"), more);
    c.pop_back();
    return c.append(",\"usageMetadata\":{").append(figures).append("}}");
  };
  const Run r(events({chunk("a", R"("trafficType":"X")"),
                      chunk("b", R"("promptTokenCount":7,"candidatesTokenCount":1,"thoughtsTokenCount":9)"),
                      chunk("c", R"("promptTokenCount":8,"candidatesTokenCount":3,"thoughtsTokenCount":9)", stop)}));
  CHECK(r.ended.ok);
  CHECK(r.ended.usage == Usage{.prompt = 8, .completion = 12, .reasoning = 9, .reported = true});
}

TEST_CASE("a stream of Gemini means the same in any chunks, and is no success where it breaks off") {
  const std::string thought = parts(R"({"text":"Hm\u2026","thought":true})"), hello = parts("{\"text\":\"Hell\xC3\xB6\"}"),
                    call = parts(R"({"functionCall":{"name":"f","args":{"a":"\r\n"}}},{"functionCall":{"name":"f"}})"),
                    last = parts(R"({"text":""})", stop);
  for (const std::string_view line_end : {"\r\n", "\n"}) {
    const std::string body = events({thought, hello, call, last}, line_end);
    const Run one(body);
    REQUIRE(one.ended.ok);
    CHECK(one.text == "Hell\xC3\xB6");
    CHECK(one.reasoning == "Hm\xE2\x80\xA6");
    REQUIRE(one.calls.size() == 2);
    CHECK(one.calls[0].arguments == R"({"a":"\r\n"})");
    CHECK(one.calls == one.reply().tool_calls);
    CHECK(one.reply().finish == Finish::tool_calls);
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, body.size()}) {
      const Run cut(body, Delivery::stream, step);
      CHECK(cut.ended.ok);
      CHECK(cut.text == one.text);
      CHECK(cut.reasoning == one.reasoning);
      CHECK(cut.calls == one.calls);
    }
    const std::size_t end = body.find("finishReason");
    for (std::size_t size = 0; size < end; ++size) {
      INFO("cut behind " << size);
      CHECK_FALSE(Run(body.substr(0, size)).ended.ok);
    }
  }
  CHECK(Run(events({hello, hello})).ended.message == "the stream ended before the reply did");
}

TEST_CASE("an end that more is said behind was none") {
  const std::string early = parts(R"({"text":"One."})", stop), more = parts(R"({"text":" Two."})"),
                    last = parts(R"({"text":" Three."})", stop);
  const Run r(events({early, more, last}));
  CHECK(r.ended.ok);
  CHECK(r.text == "One. Two. Three.");
  CHECK_FALSE(Run(events({early, more})).ended.ok);
  CHECK(Run(events({early, more})).reply().finish_reason.empty());
  CHECK(Run(events({early, R"({"usageMetadata":{"promptTokenCount":1}})"})).ended.ok);
  CHECK(Run(events({early, early})).text == "One.One.");
}

TEST_CASE("an end of Gemini that a connection breaks behind may have been none") {
  const std::string early = events({parts(R"({"text":"One."})", stop)}), half = "data: {\"candidates\":[{\"content\":{\"pa";
  const auto ends_in = [](const std::string& body, http::Error error, bool ok, Kind kind = Kind::malformed_reply) {
    const Ended ended = Run(body, Delivery::stream, 7, 200, error).ended;
    return ended.ok == ok && (ok || ended.kind == kind);
  };
  CHECK(ends_in(early, http::Error::none, true));
  CHECK(ends_in(early.substr(0, early.size() - 4), http::Error::none, true));  // the last line lacks its end, and is whole
  CHECK(ends_in(early, http::Error::io, false));
  CHECK(ends_in(early, http::Error::timed_out, false, Kind::timed_out));
  for (std::size_t size = 1; size <= half.size(); ++size)
    CHECK(ends_in(early + half.substr(0, size), http::Error::none, false));
}

TEST_CASE("a stream of Gemini that fails says how") {
  const std::string hello = parts(R"({"text":"Hi"})");
  const Run r(events({hello, R"({"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}})"}));
  CHECK(r.ended.kind == Kind::overloaded);
  CHECK(r.ended.message == "The model is overloaded.");
  CHECK(r.text == "Hi");
  CHECK(Run(events({hello, R"({"error":{"code":499,"message":"gone","status":"CANCELLED"}})"})).ended.kind ==
        Kind::server_error);
  CHECK(Run(events({R"({"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}})"})).ended.kind ==
        Kind::unauthorized);
  CHECK(Run(events({hello, "{\"candidates\":["})).ended.kind == Kind::malformed_reply);
  CHECK(Run(events({hello, "7"})).ended.kind == Kind::malformed_reply);

  SECTION("bare JSON in the middle of it is an error as well") {
    for (const std::string_view bare : {R"({"error":{"code":503,"message":"x","status":"UNAVAILABLE"}})",
                                        "{\r\n  \"error\": {\r\n    \"code\": 503\r\n  }\r\n}\r\n"})
      for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 30}) {
        const Run broken(events({hello}) + std::string(bare), Delivery::stream, step);
        CHECK(broken.ended.kind == Kind::overloaded);
        CHECK(broken.text == "Hi");
      }
  }
  SECTION("arguments in pieces are refused, not guessed") {
    const Run pieces(
        events({parts(R"({"functionCall":{"name":"f","willContinue":true}})"), parts(R"({"functionCall":{}})", stop)}));
    CHECK_FALSE(pieces.ended.ok);
    CHECK(pieces.calls.empty());
    CHECK_THAT(std::string(pieces.ended.message), ContainsSubstring("streamFunctionCallArguments"));
  }
}

TEST_CASE("a caller who wants no more of a stream gets no more") {
  ReplyBuilder builder;
  int heard = 0;
  const auto once = [&](const Delta&) { return ++heard > 1; };
  CHECK_FALSE(dialect::gemini.event({}, parts(R"({"text":"a","thought":true},{"text":"b"})"), builder, once));
  CHECK(heard == 1);
  CHECK(dialect::gemini.event({}, "  ", builder, {}));
}

TEST_CASE("a stream that is an array of chunks is read as it comes, a whole reply that is one once it is whole") {
  const std::string body =
      "[" + parts(R"({"text":"One"})") + "\n,\r\n" + parts(R"({"text":" two"},{"functionCall":{"name":"f"}})", stop) + "]";
  const std::size_t first = body.find("\n,"), second = body.size() - 1;
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, body.size()}) {
    const Run r(body, Delivery::stream, step);
    CHECK(r.ended.ok);
    CHECK(whole(body).ended.ok);
    CHECK(r.text == "One two");
    CHECK(r.calls == r.reply().tool_calls);
    CHECK(r.reply().finish == Finish::tool_calls);
  }
  CHECK_FALSE(whole("[" + parts(R"({"text":"One"})") + "]").ended.ok);
  CHECK(whole("[" + parts(R"({"text":"One"})") + R"(,{"error":{"code":503,"status":"UNAVAILABLE"}}])").ended.kind ==
        Kind::overloaded);
  for (std::size_t size = 0; size < body.size(); ++size) {
    const Run cut(body.substr(0, size));
    CHECK_FALSE(cut.ended.ok);
    CHECK(cut.text == cut.reply().text);
    CHECK(cut.text == (size < first ? "" : size < second ? "One" : "One two"));
    const Run unasked = whole(body.substr(0, size));
    CHECK_FALSE(unasked.ended.ok);
    CHECK(unasked.reply().text.empty());
  }
}

TEST_CASE("half of a whole answer is none, wherever it was cut") {
  const std::string body = parts(R"({"text":"Hi"},{"functionCall":{"name":"f","args":{"a":[1]}}})", stop);
  REQUIRE(whole(body).ended.ok);
  for (std::size_t size = 0; size < body.size(); ++size) {
    const Run cut = whole(body.substr(0, size));
    CHECK(cut.ended.kind == Kind::malformed_reply);
    CHECK(cut.reply().text.empty());
  }
  CHECK_FALSE(whole(body + "x").ended.ok);
}

TEST_CASE("hostile JSON costs Gemini's reader nothing but the answer") {
  const auto nested = [](std::string_view open, std::string_view close) {
    std::string out;
    for (int i = 0; i < 5'000; ++i) out += open;
    for (int i = 0; i < 5'000; ++i) out += close;
    return out;
  };
  CHECK_FALSE(whole(nested("[", "]")).ended.ok);
  CHECK_FALSE(whole(parts(R"({"functionCall":{"name":"f","args":)" + nested("{\"a\":", "}") + "}}", stop)).ended.ok);
  CHECK(error(400, nested("{\"error\":", "}")).kind == Kind::request_invalid);
  CHECK(error(429, nested("[", "]")).kind == Kind::rate_limited);
  std::string deep = R"({"status":"RESOURCE_EXHAUSTED","details":)";
  for (int i = 0; i < 100; ++i) deep += R"({"details":)";
  deep += "1" + std::string(101, '}');
  CHECK(error(429, deep).kind == Kind::rate_limited);

  std::string many;
  for (int i = 0; i < 1'025; ++i) many += R"({"functionCall":{"name":"f"}},)";
  many.pop_back();
  CHECK(whole(parts(many, stop)).ended.kind == Kind::malformed_reply);
  CHECK(Run(events({parts(many, stop)})).ended.kind == Kind::malformed_reply);

  for (const std::string_view body :
       {R"({"candidates":[1,"x",null,[]]})", R"({"candidates":[{"content":7,"finishReason":["STOP"]}]})",
        R"({"candidates":[{"content":{"parts":{"text":"x"}}}]})",
        R"({"candidates":[{"content":{"parts":[7,[],"x",{"text":{}},{"functionCall":"f"}]}}]})",
        R"({"usageMetadata":[],"promptFeedback":"x","error":null})"})
    CHECK_FALSE(whole(body).ended.ok);
  CHECK(whole(parts(R"({"functionCall":{"name":7,"id":{},"args":"x"}})", stop)).reply().tool_calls[0].arguments == "\"x\"");
}

TEST_CASE("an error of Gemini is told by its words before its status") {
  const auto of = [](int status, std::string_view word, std::string_view message, std::string_view details = "[]") {
    const std::string object = std::string(R"({"error":{"code":)")
                                   .append(std::to_string(status))
                                   .append(R"(,"message":")")
                                   .append(message)
                                   .append(R"(","status":")")
                                   .append(word)
                                   .append(R"(","details":)")
                                   .append(details)
                                   .append("}}");
    const ReplyBuilder::Error bare = error(status, object), wrapped = error(status, "[" + object + "\n]");
    CHECK(bare.kind == wrapped.kind);
    CHECK(bare.message == wrapped.message);
    CHECK(bare.retry_after == wrapped.retry_after);
    CHECK(bare.message == message);
    return bare;
  };
  CHECK(of(400, "INVALID_ARGUMENT", "Bad field.").kind == Kind::request_invalid);
  CHECK(of(400, "INVALID_ARGUMENT", "x", R"([{"@type":"ErrorInfo","reason":"API_KEY_INVALID"}])").kind == Kind::unauthorized);
  CHECK(of(400, "INVALID_ARGUMENT", "API key not valid. Please pass one.").kind == Kind::unauthorized);
  CHECK(of(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens allowed (8).").kind ==
        Kind::context_too_long);
  CHECK(of(400, "FAILED_PRECONDITION", "User location is not supported for the API use.").kind == Kind::unauthorized);
  CHECK(of(401, "UNAUTHENTICATED", "x").kind == Kind::unauthorized);
  CHECK(of(403, "PERMISSION_DENIED", "x").kind == Kind::unauthorized);
  CHECK(of(404, "NOT_FOUND", "models/x is not found").kind == Kind::model_not_found);
  CHECK(of(499, "CANCELLED", "x").kind == Kind::server_error);
  CHECK(of(500, "INTERNAL", "x").kind == Kind::server_error);
  CHECK(of(503, "UNAVAILABLE", "x").kind == Kind::overloaded);
  CHECK(of(504, "DEADLINE_EXCEEDED", "x").kind == Kind::timed_out);
  CHECK(error(404, "<html>").kind == Kind::misconfigured);
  CHECK(error(403, "<html>").kind == Kind::model_not_found);
  CHECK(error(502, "").kind == Kind::server_error);

  SECTION("a quota of a minute is waited for as told, one of a day is used up") {
    const auto quota = [](std::string_view id, std::string_view delay) {
      return std::string(R"([{"@type":"QuotaFailure","violations":[{"quotaMetric":"m","quotaId":")")
          .append(id)
          .append(R"("}]},{"@type":"RetryInfo","retryDelay":")")
          .append(delay)
          .append("\"}]");
    };
    const auto minute = of(429, "RESOURCE_EXHAUSTED", "x", quota("GenerateRequestsPerMinutePerProjectPerModel", "26s"));
    CHECK(minute.kind == Kind::rate_limited);
    CHECK(minute.retry_after == 26s);
    CHECK(of(429, "RESOURCE_EXHAUSTED", "x", quota("PerMinute", "26.5s")).retry_after == 26'500ms);
    CHECK(of(429, "RESOURCE_EXHAUSTED", "x", quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "26s")).kind ==
          Kind::quota_exhausted);
    CHECK(of(429, "RESOURCE_EXHAUSTED", "Quota PerDay? Who knows.").kind == Kind::rate_limited);
    CHECK(of(400, "INVALID_ARGUMENT", "x", quota("PerDay", "1s")).kind == Kind::request_invalid);
  }
}

TEST_CASE("what Google found is kept as it came") {
  ReplyBuilder got;
  CHECK(dialect::gemini.whole(
      R"({"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP","groundingMetadata":{"a":[1]}},)"
      R"({"index":1,"content":{"parts":[]},"citationMetadata":{}}]})",
      got));
  CHECK(got.extra == std::vector<std::pair<std::string, std::string>>{{"groundingMetadata", R"({"a":[1]})"}});
}

TEST_CASE("signatures are kept, of calls and of what was said, and go back in their places") {
  ReplyBuilder got;
  CHECK(dialect::gemini.whole(
      R"({"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"x","thoughtSignature":"T"},)"
      R"({"functionCall":{"name":"f","args":{}},"thoughtSignature":"S"},{"functionCall":{"name":"g","args":{}}}]},"finishReason":"STOP"}]})",
      got));
  CHECK(got.thoughts == R"("T")");
  REQUIRE(got.tool_calls.size() == 2);
  CHECK(got.tool_calls[0].signature == "S");
  CHECK(got.tool_calls[1].signature.empty());
  Message turn = Message::assistant(got.text, got.tool_calls);
  turn.thoughts = got.thoughts;
  turn.vendor = "google-1";
  const Offer offer{.model = {.rest = "gemini-3-pro"}};
  ChatRequest request{.messages = {Message::user("x"), turn, Message::tool(got.tool_calls[0].id, "1")}};
  const auto sent_to = [&](std::string name) {
    const Provider p{.name = std::move(name), .url = "https://g.example/v1beta"};
    return tests::said_by(dialect::gemini, {.provider = p, .offer = offer, .request = request}).body;
  };
  const std::string own = sent_to("google-1"), other = sent_to("google-2");
  CHECK(at(own, "contents.1.parts.0.thoughtSignature") == R"("T")");
  CHECK(at(own, "contents.1.parts.1.thoughtSignature") == R"("S")");
  CHECK(at(own, "contents.1.parts.2.thoughtSignature").empty());
  CHECK(at(other, "contents.1.parts.0.thoughtSignature").empty());
  CHECK(at(other, "contents.1.parts.1.thoughtSignature") == R"("skip_thought_signature_validator")");
}

TEST_CASE("Gemini is told how much to think in tokens, from version 3 on in words") {
  const auto config = [](std::string_view model, Effort effort) {
    return sent({.messages = "x", .effort = effort}, "generationConfig.thinkingConfig", model);
  };
  CHECK(config("gemini-2.5-flash", Effort::off) == R"({"thinkingBudget":0})");
  CHECK(config("gemini-2.5-flash", Effort::high) == R"({"thinkingBudget":24576})");
  CHECK(config("gemini-3-pro", Effort::low) == R"({"thinkingLevel":"low"})");
  CHECK(config("gemini-3-pro", Effort::high) == R"({"thinkingLevel":"high"})");
}
