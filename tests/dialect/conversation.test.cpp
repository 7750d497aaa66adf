// SPDX-License-Identifier: MIT
// A conversation with tools that one vendor began is sent to each other one, and back. What each of them is sent is read by
// a reader of its own here, strict where that vendor is, and must tell the same story.
#include <cstddef>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "answers.hpp"
#include "json_path.hpp"
#include "llmroute/chat.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "wired.hpp"

using namespace llmroute;
using namespace std::string_view_literals;

namespace {

using tests::Answered;
using tests::at;
using tests::wired;

enum class Format { openai, anthropic, gemini };

struct Vendor {
  std::string_view title;
  Provider provider;
  Format format;
  tests::Answer answer;
  std::string_view thought{};  // what it shows of it
};

const Provider gemini_3 = wired("gemini", dialect::gemini, "gemini-3-pro-preview");

// The same model behind a gateway, which gives it a name of its own: another vendor, whose signatures look like Google's.
std::string behind_gateway(std::string_view answer) {
  std::string out(answer);
  for (std::size_t at = 0; (at = out.find("gemini/", at)) != out.npos;) out.replace(at, 6, "litellm");
  return out;
}

const std::vector<Vendor>& vendors() {
  static const std::string whole = behind_gateway(tests::gemini_compat_answer.whole),
                           stream = behind_gateway(tests::gemini_compat_answer.stream);
  static const std::vector<Vendor> all{
      {"openai", wired("openai", dialect::openai), Format::openai, tests::openai_answer},
      {"mistral", wired("mistral", dialect::openai), Format::openai, tests::mistral_answer, "mistral private thought"},
      {"openrouter", wired("openrouter", dialect::openai), Format::openai, tests::openrouter_answer,
       "openrouter private thought"},
      {"moonshot", wired("moonshot", dialect::openai), Format::openai, tests::moonshot_answer, "moonshot private thought"},
      {"gemini compat", wired("gemini", dialect::openai), Format::openai, tests::gemini_compat_answer},
      {"litellm", wired("litellm", dialect::openai), Format::openai, {whole, stream}},
      {"anthropic", wired("anthropic", dialect::anthropic), Format::anthropic, tests::anthropic_answer,
       R"(anthropic private "thought")"},
      {"gemini native", gemini_3, Format::gemini, tests::gemini_answer, "gemini private thought"}};
  return all;
}

std::vector<std::string> elements(std::string_view list) {
  std::vector<std::string> all;
  json::Reader in(list);
  in.array([&] { all.emplace_back(in.raw()); });
  return all;
}
std::vector<std::string> keys(std::string_view object) {
  std::vector<std::string> all;
  json::Reader in(object);
  in.object([&](std::string_view key) {
    all.emplace_back(key);
    in.skip();
  });
  return all;
}
std::string text_at(std::string_view json, std::string_view path) {
  const std::string raw = at(json, path);
  std::string out;
  if (!json::Reader(raw).text(out)) FAIL_CHECK("no text at " << path << " of " << json);
  return out;
}
bool is_object(std::string_view json) { return json::valid(json) && json::Reader(json).kind() == json::Kind::object; }
// Without blanks: none of the arguments here hold one.
std::string compact(std::string json) {
  std::erase_if(json, [](char c) { return c == ' ' || c == '\n'; });
  return json;
}

// What a body says, a line a turn; each call with its result.
struct Story {
  struct Call {
    std::string id{}, name{}, arguments{}, result{};
    bool answered = false;
  };
  std::string text{};
  std::vector<Call> open{};  // calls of the last assistant turn
  std::set<std::string> ids{};

  void say(std::string_view who, std::string_view what) {
    flush();
    text.append(who).append(": ").append(what).append("\n");
  }
  std::size_t due() const {
    std::size_t n = 0;
    for (const Call& c : open) n += !c.answered;
    return n;
  }
  void call(Call c) { open.push_back(std::move(c)); }
  void result_of(std::string_view id, std::string result) {
    for (Call& c : open)
      if (c.id == id && !c.answered) {
        c.answered = true;
        c.result = std::move(result);
        return;
      }
    FAIL_CHECK("a result of no call: " << id);
  }
  void flush() {
    for (const Call& c : open) {
      if (!c.answered) FAIL_CHECK("a call without its result: " << c.name);
      text.append("  ").append(c.name).append(compact(c.arguments)).append(" -> ").append(c.result).append("\n");
      if (!c.id.empty() && !ids.insert(c.id).second) FAIL_CHECK("an id that comes twice: " << c.id);
    }
    open.clear();
  }
};

// A string, or a list of parts.
std::string content_of(std::string_view content) {
  json::Reader in(content);
  if (in.kind() == json::Kind::null) return {};
  if (in.kind() == json::Kind::string) return text_at(content, "");
  std::string out;
  for (const std::string& part : elements(content)) {
    const std::string type = text_at(part, "type");
    if (type == "text") out += text_at(part, "text");
    else if (type == "image_url") out += "<" + text_at(part, "image_url.url") + ">";
    else FAIL_CHECK("a part of an unknown type: " << part);
  }
  return out;
}

bool only(std::string_view id, std::string_view extra) {
  for (const char c : id) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!plain && extra.find(c) == extra.npos) return false;
  }
  return !id.empty();
}

Story read_openai(std::string_view vendor, std::string_view body) {
  Story story;
  for (const std::string& turn : elements(at(body, "messages"))) {
    const std::string role = text_at(turn, "role");
    if (role == "tool") {
      story.result_of(text_at(turn, "tool_call_id"), content_of(at(turn, "content")));
      continue;
    }
    story.say(role, content_of(at(turn, "content")));
    const std::string calls = at(turn, "tool_calls");
    CHECK((calls.empty() || (role == "assistant" && !elements(calls).empty())));
    for (const std::string& call : elements(calls)) {
      CHECK(text_at(call, "type") == "function");
      const std::string id = text_at(call, "id"), arguments = text_at(call, "function.arguments");
      CAPTURE(vendor, id, arguments);
      CHECK_FALSE(id.empty());
      if (vendor == "openai") CHECK(id.size() <= 40);
      if (vendor == "mistral") CHECK((id.size() == 9 && only(id, "")));
      CHECK((is_object(arguments)));
      story.call({.id = id, .name = text_at(call, "function.name"), .arguments = arguments});
    }
  }
  story.flush();
  return story;
}

Story read_anthropic(std::string_view body) {
  Story story;
  const std::string system = at(body, "system");
  if (!system.empty()) story.say("system", content_of(system));
  std::string last;
  for (const std::string& turn : elements(at(body, "messages"))) {
    const std::string role = text_at(turn, "role"), content = at(turn, "content");
    CHECK(role != last);
    CHECK((role == "user" || role == "assistant"));
    if (last.empty()) CHECK(role == "user");
    last = role;
    if (json::Reader(content).kind() == json::Kind::string) {
      CHECK_FALSE(content_of(content).empty());
      story.say(role, content_of(content));
      continue;
    }
    std::string text;
    std::vector<Story::Call> calls;
    std::size_t results = 0;
    const std::size_t due = story.due();
    CHECK_FALSE(elements(content).empty());
    for (const std::string& block : elements(content)) {
      const std::string type = text_at(block, "type");
      if (type == "tool_result") {
        CHECK((role == "user" && text.empty()));  // they come first
        story.result_of(text_at(block, "tool_use_id"), content_of(at(block, "content")));
        ++results;
      } else if (type == "text") {
        CHECK_FALSE(text_at(block, "text").empty());
        CHECK(calls.empty());
        text += text_at(block, "text");
      } else if (type == "image") {
        const bool url = text_at(block, "source.type") == "url";
        text += url ? "<" + text_at(block, "source.url") + ">"
                    : "<data:" + text_at(block, "source.media_type") + ";base64," + text_at(block, "source.data") + ">";
      } else if (type == "tool_use") {
        CHECK(role == "assistant");
        CHECK(is_object(at(block, "input")));
        CHECK(only(text_at(block, "id"), "_-"));
        calls.push_back({.id = text_at(block, "id"), .name = text_at(block, "name"), .arguments = at(block, "input")});
      } else {
        CHECK((type == "thinking" || type == "redacted_thinking"));
        CHECK((role == "assistant" && text.empty() && calls.empty()));
      }
    }
    CHECK(results == due);  // all of them at once
    if (!text.empty() || results == 0) story.say(role, text);
    for (Story::Call& c : calls) story.call(std::move(c));
  }
  story.flush();
  return story;
}

Story read_gemini(std::string_view body) {
  Story story;
  const std::string system = at(body, "systemInstruction.parts");
  std::string instruction;
  for (const std::string& part : elements(system)) instruction += text_at(part, "text");
  if (!system.empty()) story.say("system", instruction);
  std::string last;
  for (const std::string& turn : elements(at(body, "contents"))) {
    const std::string role = text_at(turn, "role");
    CHECK((role == "user" || role == "model"));
    if (last.empty()) CHECK(role == "user");
    CHECK(role != last);
    last = role;
    std::string text;
    std::vector<Story::Call> calls;
    std::size_t results = 0;
    const std::size_t due = story.due();
    CHECK_FALSE(elements(at(turn, "parts")).empty());
    for (const std::string& part : elements(at(turn, "parts"))) {
      std::size_t kinds = 0;
      for (const std::string& key : keys(part)) {
        if (key == "thoughtSignature") continue;
        ++kinds;
        if (key == "text") {
          CHECK_FALSE(text_at(part, key).empty());
          text += text_at(part, key);
        } else if (key == "inlineData") {
          text += "<data:" + text_at(part, "inlineData.mimeType") + ";base64," + text_at(part, "inlineData.data") + ">";
        } else if (key == "fileData") {
          text += "<" + text_at(part, "fileData.fileUri") + ">";
        } else if (key == "functionCall") {
          CHECK(role == "model");
          const std::string arguments = at(part, "functionCall.args");
          CHECK((arguments.empty() || is_object(arguments)));
          calls.push_back(
              {.name = text_at(part, "functionCall.name"), .arguments = arguments.empty() ? std::string("{}") : arguments});
        } else {
          REQUIRE(key == "functionResponse");
          CHECK((role == "user" && text.empty()));
          CHECK(is_object(at(part, "functionResponse.response")));
          REQUIRE(results < due);  // by order and name
          CHECK(story.open[results].name == text_at(part, "functionResponse.name"));
          story.open[results].answered = true;
          const std::vector<std::string> names = keys(at(part, "functionResponse.response"));
          REQUIRE(names.size() == 1);
          story.open[results].result = text_at(part, "functionResponse.response." + names[0]);
          ++results;
        }
      }
      CHECK(kinds == 1);
    }
    CHECK(results == due);
    if (!text.empty() || results == 0) story.say(role == "model" ? "assistant" : role, text);
    for (Story::Call& c : calls) story.call(std::move(c));
  }
  story.flush();
  return story;
}

Story read(const Vendor& v, std::string_view body) {
  REQUIRE(json::valid(body));
  if (v.format == Format::openai) return read_openai(v.provider.vendor, body);
  return v.format == Format::anthropic ? read_anthropic(body) : read_gemini(body);
}

// The n-th turn of the assistant, which stands between a user's turns: how a body names it.
std::string place(const Vendor& v, std::string_view body, std::size_t n) {
  const std::string list = v.format == Format::gemini ? "contents" : "messages";
  const std::vector<std::string> turns = elements(at(body, list));
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const std::string role = text_at(turns[i], "role");
    if ((role == "assistant" || role == "model") && n-- == 0) return list + "." + std::to_string(i) + ".";
  }
  FAIL("no such turn");
  return {};
}

// What a vendor must have back of the n-th turn, which `of` gave.
void check_own(const Vendor& of, const Vendor& v, std::string_view body, std::size_t n) {
  const std::string turn = place(v, body, n);
  const auto back = [&](std::string_view path, std::string_view json) {
    CAPTURE(path);
    CHECK(at(body, turn + std::string(path)) == json);
  };
  if (v.title == "openrouter") {
    back("reasoning_details.0.type", R"("reasoning.text")");
    back("reasoning_details.0.text", R"("openrouter private thought")");
    back("reasoning_details.0.signature", R"("openrouter/private+sig==")");
    back("reasoning_details.0.format", R"("anthropic-claude-v1")");
    back("reasoning_details.0.index", "0");
    back("reasoning_details.1.type", R"("reasoning.encrypted")");
    back("reasoning_details.1.data", R"("openrouter/private+data==")");
    back("reasoning_details.1.index", "1");
    back("reasoning_details.2", "");
  } else if (v.title == "anthropic") {
    CHECK(keys(at(body, turn + "content.0")).size() == 3);
    back("content.0.type", R"("thinking")");
    back("content.0.thinking", R"("anthropic private \"thought\"")");
    back("content.0.signature", R"("anthropic/private+sig==")");
    CHECK(keys(at(body, turn + "content.1")).size() == 2);
    back("content.1.type", R"("redacted_thinking")");
    back("content.1.data", R"("anthropic/private+data==")");
    back("content.2.type", R"("text")");
  } else if (v.title == "gemini native") {
    back("parts.0.text", R"("I look both up.")");
    back("parts.0.thoughtSignature", R"("gemini/private+text==")");
    back("parts.1.functionCall.name", R"("weather")");
    back("parts.1.thoughtSignature", R"("gemini/private+call==")");
    back("parts.2.functionCall.name", R"("now")");
    back("parts.2.thoughtSignature", "");
  } else if (v.title == "gemini compat" || v.title == "litellm") {
    back("extra_content.google.thought_signature", "\"" + v.provider.vendor + R"(/private+text==")");
    back("tool_calls.0.extra_content.google.thought_signature", "\"" + v.provider.vendor + R"(/private+call==")");
    back("tool_calls.1.extra_content", "");
  }
  CHECK(of.provider.vendor == v.provider.vendor);
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// A thought that was shown is no part of a turn; what only its vendor can read goes to that vendor alone.
void check_foreign(const Vendor& v, std::string_view body) {
  for (const Vendor& other : vendors()) {
    if (other.provider.vendor == v.provider.vendor) continue;
    const std::string vendor(other.provider.vendor);
    CAPTURE(vendor);
    CHECK_FALSE(has(body, vendor + " private"));
    CHECK_FALSE(has(body, vendor + "/private"));
  }
}

const ChatRequest& beginning() {
  static const ChatRequest request{
      .messages = {Message::system("Be brief."), Message::user("Weather and time?")},
      .tools = {{.name = "weather",
                 .description = "of a city",
                 .parameters = R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})"},
                {.name = "now", .description = "the time"}}};
  return request;
}

Answered ask_as(const Vendor& v, const ChatRequest& request, bool streamed) {
  return streamed ? tests::ask_stream(v.provider, request, v.answer.stream) : tests::ask(v.provider, request, v.answer.whole);
}

std::string why(const Answered& got) { return got.reply ? std::string() : got.reply.error().message; }

// The reply as a turn, with the results of its calls behind it.
void go_on(ChatRequest& request, const Reply& reply, std::initializer_list<std::string_view> results) {
  request.messages.push_back(reply.message());
  REQUIRE(reply.tool_calls.size() == results.size());
  std::size_t i = 0;
  for (const std::string_view result : results)
    request.messages.push_back(Message::tool(reply.tool_calls[i++].id, std::string(result)));
}

constexpr std::string_view first_round =
    "system: Be brief.\n"
    "user: Weather and time?\n"
    "assistant: I look both up.\n"
    "  weather{\"city\":\"Paris\"} -> 18 degrees\n"
    "  now{} -> half past twelve\n";
constexpr std::string_view second_round =
    "assistant: I look both up.\n"
    "  weather{\"city\":\"Paris\"} -> 19 degrees\n"
    "  now{} -> one o'clock\n"
    "user: And tomorrow?\n";

}  // namespace

TEST_CASE("each vendor's answer is read alike, whole and as a stream") {
  for (const Vendor& v : vendors()) {
    for (const bool streamed : {false, true}) {
      CAPTURE(v.title, streamed);
      const Answered got = ask_as(v, beginning(), streamed);
      REQUIRE(got.reply);
      const Reply& r = *got.reply;
      CHECK(r.text == "I look both up.");
      CHECK(r.reasoning == v.thought);
      CHECK(r.finish == Finish::tool_calls);
      CHECK(r.vendor == v.provider.vendor);
      REQUIRE(r.tool_calls.size() == 2);
      CHECK(r.tool_calls[0].name == "weather");
      CHECK(compact(r.tool_calls[0].arguments) == R"({"city":"Paris"})");
      CHECK(r.tool_calls[1].name == "now");
      CHECK(r.usage.prompt == 90);
      CHECK(r.usage.completion == 40);
      if (streamed) {
        CHECK(got.text == r.text);
        CHECK(got.reasoning == r.reasoning);
      }
    }
  }
}

TEST_CASE("a conversation with tools goes from any vendor to any other, and back") {
  for (const Vendor& first : vendors()) {
    for (const Vendor& second : vendors()) {
      for (const bool streamed : {false, true}) {
        CAPTURE(first.title, second.title, streamed);
        ChatRequest talk = beginning();
        const Answered one = ask_as(first, talk, streamed);
        REQUIRE(one.reply);
        go_on(talk, *one.reply, {"18 degrees", "half past twelve"});

        const Answered two = ask_as(second, talk, streamed);
        REQUIRE(two.reply);
        INFO(two.body);
        CHECK(read(second, two.body).text == first_round);
        check_foreign(second, two.body);
        if (first.provider.vendor == second.provider.vendor) check_own(first, second, two.body, 0);
        go_on(talk, *two.reply, {"19 degrees", "one o'clock"});
        talk.messages.push_back(Message::user("And tomorrow?"));

        const Answered three = ask_as(first, talk, streamed);
        INFO(why(three));
        REQUIRE(three.reply);
        INFO(three.body);
        CHECK(read(first, three.body).text == std::string(first_round).append(second_round));
        check_foreign(first, three.body);
        check_own(first, first, three.body, 0);
        if (first.provider.vendor == second.provider.vendor) check_own(second, first, three.body, 1);
      }
    }
  }
}

TEST_CASE("a newer Gemini has Google's word in place of the signatures of others' calls, once a turn") {
  const Vendor& gemini = vendors().back();
  for (const Vendor& first : vendors()) {
    if (first.provider.vendor == "gemini") continue;
    CAPTURE(first.title);
    ChatRequest talk = beginning();
    go_on(talk, ask_as(first, talk, false).reply.value(), {"18 degrees", "half past twelve"});
    const std::string body = ask_as(gemini, talk, false).body;
    CHECK(at(body, "contents.1.parts.0.thoughtSignature").empty());
    CHECK(at(body, "contents.1.parts.1.thoughtSignature") == R"("skip_thought_signature_validator")");
    CHECK(at(body, "contents.1.parts.2.thoughtSignature").empty());
  }
}

TEST_CASE("results may come in another order than their calls") {
  for (const Vendor& first : vendors()) {
    for (const Vendor& second : vendors()) {
      CAPTURE(first.title, second.title);
      ChatRequest talk = beginning();
      const Reply reply = ask_as(first, talk, false).reply.value();
      talk.messages.push_back(reply.message());
      talk.messages.push_back(Message::tool(reply.tool_calls.at(1).id, "half past twelve"));
      talk.messages.push_back(Message::tool(reply.tool_calls.at(0).id, "18 degrees"));
      const Answered two = ask_as(second, talk, false);
      INFO(why(two) << two.body);
      CHECK(read(second, two.body).text == first_round);
    }
  }
}

TEST_CASE("an id that comes again in a later turn means the later call") {
  for (const Vendor& v : vendors()) {
    CAPTURE(v.title);
    ChatRequest talk = beginning();
    for (const std::string_view result : {"18 degrees"sv, "19 degrees"sv}) {
      talk.messages.push_back(
          Message::assistant("", {{.id = "call_0", .name = "weather", .arguments = R"({"city":"Paris"})"}}));
      talk.messages.push_back(Message::tool("call_0", std::string(result)));
    }
    const Answered got = ask_as(v, talk, false);
    INFO(got.body);
    CHECK(read(v, got.body).text ==
          "system: Be brief.\nuser: Weather and time?\n"
          "assistant: \n  weather{\"city\":\"Paris\"} -> 18 degrees\n"
          "assistant: \n  weather{\"city\":\"Paris\"} -> 19 degrees\n");
  }
}

TEST_CASE("pictures, a system turn in the middle and a turn that says nothing go to every vendor") {
  for (const Vendor& v : vendors()) {
    CAPTURE(v.title);
    const ChatRequest talk{.messages = {Message::system("Be brief."),
                                        Message::user({"What are these? ", Part::image_url("https://img.example/a.png"),
                                                       Part::image("aGk=", "image/png")}),
                                        Message::assistant("A cat."), Message::system("Be kind."), Message::user("Sure?"),
                                        Message::assistant(""), Message::user("Well?")}};
    const Answered got = ask_as(v, talk, false);
    REQUIRE(got.reply);
    INFO(got.body);
    const std::string story = read(v, got.body).text;
    const std::string pictures = "What are these? <https://img.example/a.png><data:image/png;base64,aGk=>\nassistant: A cat.\n";
    CHECK(has(story, pictures));
    CHECK(has(story, "Be kind."));
    CHECK(story.find("Be brief.") < story.find("Be kind."));
    CHECK(story.find("A cat.") < story.find("Sure?"));
    CHECK(story.find("Sure?") < story.find("Well?"));
    if (v.format == Format::openai) CHECK(story.find("A cat.") < story.find("Be kind."));
    else CHECK(story.find("Be kind.") < story.find("What are"));
  }
}

TEST_CASE("a refusal is a turn that any vendor can be shown") {
  struct Row {
    std::string_view title, answer, says;
  };
  const std::initializer_list<Row> refusals{
      {"openai",
       R"({"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I cannot."},"finish_reason":"stop"}]})",
       "I cannot."},
      {"anthropic",
       R"({"type":"message","role":"assistant","content":[],"stop_reason":"refusal","usage":{"input_tokens":9,"output_tokens":1}})",
       ""},
      {"anthropic",
       R"({"type":"message","role":"assistant","content":[{"type":"text","text":"I cannot."}],"stop_reason":"refusal","usage":{"input_tokens":9,"output_tokens":1}})",
       "I cannot."},
      {"gemini native", R"({"candidates":[{"finishReason":"SAFETY","index":0}],"usageMetadata":{"promptTokenCount":9}})", ""}};
  for (const Row& row : refusals) {
    for (const Vendor& first : vendors()) {
      if (first.title != row.title) continue;
      ChatRequest talk{.messages = "Do it."};
      const Answered one = tests::ask(first.provider, talk, row.answer);
      REQUIRE(one.reply);
      talk.messages.push_back(one.reply->message());
      talk.messages.push_back(Message::user("Why not?"));
      for (const Vendor& second : vendors()) {
        CAPTURE(row.title, second.title);
        const Answered two = ask_as(second, talk, false);
        INFO(two.body);
        const std::string story = read(second, two.body).text;
        CHECK(story.find("Do it.") < story.find("Why not?"));
        CHECK(has(story, "Why not?"));
        if (!row.says.empty()) CHECK(has(story, std::string("assistant: ").append(row.says)));
      }
    }
  }
}
