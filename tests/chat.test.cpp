// SPDX-License-Identifier: MIT
#include "llmroute/chat.hpp"

#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

std::string heard;
bool hear(const Delta& d) {
  heard += d.text;
  return true;
}

std::string spelt(OnDelta on_delta, std::string_view text) {
  std::string taken;
  for (std::size_t i = 0; i < text.size(); ++i) {
    taken += text[i];
    if (!on_delta({.text = text.substr(i, 1)})) break;
  }
  return taken;
}

}  // namespace

TEST_CASE("a bare string is one turn of the user") {
  const std::string prompt = "Why?";
  const std::vector<Messages> all{"Why?", prompt, std::string_view(prompt), std::string("Why?"), {Message::user("Why?")}};
  for (const Messages& m : all) {
    REQUIRE(m.size() == 1);
    CHECK(m[0].role == Message::Role::user);
    CHECK(m[0] == Message::user("Why?"));
  }
}

TEST_CASE("a request is written with the names of its fields") {
  const ChatRequest bare{"Why?"};
  CHECK(bare.messages == Messages("Why?"));
  CHECK(bare.model.empty());
  CHECK_FALSE(bare.max_tokens);
  CHECK_FALSE(bare.temperature);

  const ChatRequest named{.messages = "Why?", .model = "llama-3.1-8b", .max_tokens = 0, .temperature = 0.0};
  CHECK(named.max_tokens == 0);  // zero is a value
  CHECK(named.temperature == 0.0);
  CHECK_FALSE(named.seed);

  const ChatRequest turns{
      .messages = {Message::system("Be brief."), Message::user("Why?"), Message::assistant("Because."), Message::user("Oh.")}};
  REQUIRE(turns.messages.size() == 4);
  CHECK(turns.messages[0].role == Message::Role::system);
  CHECK(turns.messages[2].role == Message::Role::assistant);

  std::vector<Message> kept{Message::user("a"), Message::user("b")};
  CHECK(ChatRequest{.messages = kept}.messages.size() == 2);
  CHECK(ChatRequest{.messages = std::move(kept)}.messages.size() == 2);
}

TEST_CASE("messages behave like the vector they are") {
  Messages m = "Why?";
  m.push_back(Message::assistant("Because."));
  const Messages copy = m;
  CHECK(copy == m);
  m.clear();
  CHECK(copy.size() == 2);
  CHECK(Messages{}.empty());
}

TEST_CASE("a turn is text, images, or both") {
  const Message m =
      Message::user({"What is this?", Part::image_url("https://example.com/cat.png"), Part::image("aGk=", "image/png")});
  REQUIRE(m.parts.size() == 3);
  CHECK_FALSE(m.parts[0].is_image());
  CHECK(m.parts[0] == Part::text("What is this?"));
  CHECK(m.parts[1].is_image());
  CHECK(m.parts[1].kind == Part::Kind::image_url);
  CHECK(m.parts[1].content == "https://example.com/cat.png");
  CHECK(m.parts[2].is_image());
  CHECK(m.parts[2].kind == Part::Kind::image_bytes);
  CHECK(m.parts[2].media_type == "image/png");
  CHECK(m.parts[1] != Part::text("https://example.com/cat.png"));
}

TEST_CASE("a turn without text has no part, and a tool's result says which call it answers") {
  CHECK(Message::assistant("", {{.id = "1", .name = "now", .arguments = "{}"}}).parts.empty());
  const Message result = Message::tool("1", "12:00");
  CHECK(result.role == Message::Role::tool);
  CHECK(result.tool_call_id == "1");
  CHECK(result.parts == std::vector<Part>{Part::text("12:00")});
}

TEST_CASE("a tool choice and a response format say what they are made for") {
  CHECK(ToolChoice{}.mode == ToolChoice::Mode::automatic);
  CHECK(ToolChoice::none().mode == ToolChoice::Mode::none);
  CHECK(ToolChoice::required().mode == ToolChoice::Mode::required);
  CHECK(ToolChoice::named("now").mode == ToolChoice::Mode::named);
  CHECK(ToolChoice::named("now").name == "now");
  CHECK(ResponseFormat{}.kind == ResponseFormat::Kind::text);
  CHECK(ResponseFormat::json().kind == ResponseFormat::Kind::json);
  const ResponseFormat schema = ResponseFormat::of_schema("answer", "{}");
  CHECK(schema.kind == ResponseFormat::Kind::schema);
  CHECK(schema.name == "answer");
  CHECK(schema.schema == "{}");
}

TEST_CASE("a reply is the turn to append to the conversation") {
  const Reply reply{.text = "Let me look.", .tool_calls = {{.id = "1", .name = "now", .arguments = "{\"zone\":\"UTC\"}"}}};
  ChatRequest request{"What time is it?"};
  request.messages.push_back(reply.message());
  request.messages.push_back(Message::tool("1", "12:00"));
  CHECK(request.messages[1].role == Message::Role::assistant);
  CHECK(request.messages[1].parts == std::vector<Part>{Part::text("Let me look.")});
  CHECK(request.messages[1].tool_calls == reply.tool_calls);
  CHECK(reply.text == "Let me look.");  // the reply keeps what it says
}

TEST_CASE("a reply prints as the first page shows it") {
  const Reply reply{.text = "Because.",
                    .cost = {.amount = Money::nanos(25'480), .source = Cost::Source::usage},
                    .latency = 420ms,
                    .provider = ProviderName("groq")};
  std::ostringstream out;
  out << reply.text << "\n-- " << reply.provider << ", " << reply.latency << ", $" << reply.cost << '\n';
  CHECK(out.str() == "Because.\n-- groq, 420 ms, $0.00002548\n");
}

TEST_CASE("each reason to stop has its own name") {
  STATIC_REQUIRE(to_string(Finish::stop) == "stop");
  STATIC_REQUIRE(to_string(Finish::length) == "length");
  STATIC_REQUIRE(to_string(Finish::tool_calls) == "tool_calls");
  STATIC_REQUIRE(to_string(Finish::content_filter) == "content_filter");
  STATIC_REQUIRE(to_string(Finish::other) == "other");
}

TEST_CASE("a listener that returns nothing hears it all") {
  std::string all;
  CHECK(spelt([&](const Delta& d) { all += d.text; }, "hello") == "hello");
  CHECK(all == "hello");
}

TEST_CASE("a listener that returns false stops the stream") {
  std::string all;
  CHECK(spelt([&](const Delta& d) { return all += d.text, all.size() < 3; }, "hello") == "hel");
}

TEST_CASE("const lambdas, function objects and plain functions listen") {
  int pieces = 0;
  const auto counts = [&pieces](const Delta&) { ++pieces; };
  CHECK(spelt(counts, "abc") == "abc");
  CHECK(pieces == 3);

  struct Stops {
    int left = 2;
    bool operator()(Delta) { return --left > 0; }
  } stops;
  CHECK(spelt(stops, "abc") == "ab");
  CHECK(stops.left == 0);

  heard.clear();
  CHECK(spelt(hear, "abc") == "abc");
  CHECK(spelt(&hear, "def") == "def");
  CHECK(heard == "abcdef");
}

TEST_CASE("a listener that is not there knows it") {
  CHECK_FALSE(OnDelta());
  CHECK_FALSE(OnDelta{});
  CHECK(OnDelta(hear));
  const FunctionRef<bool(const Delta&)> ref = hear;
  CHECK(OnDelta(ref));
  CHECK_FALSE(OnDelta(FunctionRef<bool(const Delta&)>()));
}

TEST_CASE("a listener answers with a bool or not at all") {
  auto number = [](const Delta&) { return 0; };  // what printf says of an empty piece is no wish to stop
  auto text = [](const Delta& d) { return d.text; };
  STATIC_REQUIRE(!std::is_constructible_v<OnDelta, decltype(number)&>);
  STATIC_REQUIRE(!std::is_constructible_v<OnDelta, decltype(text)&>);
  STATIC_REQUIRE(!std::is_constructible_v<OnDelta, int>);
  STATIC_REQUIRE(std::is_constructible_v<OnDelta, void (*)(const Delta&)>);
  STATIC_REQUIRE(std::is_trivially_copyable_v<OnDelta>);
}
