// SPDX-License-Identifier: MIT
// What docs/vendors.md shows: it compiles as it stands there, and does what the page says of it.
#include <llmroute/llmroute.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "llmroute/providers/openrouter.hpp"

using namespace llmroute;

namespace {

// [readme:quirks]
constexpr Quirks in_house{.members = {{"seed"},                           // it would be refused
                                      {"max_tokens", "max_new_tokens"}},  // its name there
                          .adds = R"({"safe_mode":true})",
                          .stream_end = StreamEnd::said};  // never without [DONE]

Provider house() {
  return providers::openai_compatible({.name = "house", .url = "https://llm.example/v1", .quirks = &in_house});
}
// [/readme]

// [readme:dialect]
struct Lines {  // a server that takes a prompt as it is and answers with plain text
  static constexpr std::string_view name = "lines";
  static constexpr Streams streams = Streams::not_at_all;

  static void encode(const Outgoing& out, Draft& draft) {
    draft.url = out.provider.url + "/ask";
    for (const Message& m : out.request.messages)
      for (const Part& p : m.parts) {
        if (p.is_image()) draft.refuse(Kind::unsupported, "this server takes no images");
        draft.body += p.content + "\n";
      }
    if (out.request.seed) draft.left_out("seed");
  }
  static bool event(std::string_view, std::string_view, ReplyBuilder&, OnDelta) { return true; }
  static bool whole(std::string_view body, ReplyBuilder& reply) {
    reply.text = body;
    return !body.empty();
  }
  static void error(int status, std::string_view body, ReplyBuilder::Error& error) {
    error.kind = dialect::kind_of_status(status, true);
    error.message = body;
  }
};

Provider lines() { return {.name = "lines", .url = "https://lines.example", .dialect = &dialect::table<Lines>}; }
// [/readme]

struct Asked {
  std::vector<std::string> bodies{};
  std::string answer = R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})";
  http::Response operator()(const http::Request& q) {
    bodies.emplace_back(q.body);
    return {.body = answer};
  }
};

}  // namespace

TEST_CASE("docs: an endpoint with deviations of its own") {
  Asked asked;
  Router router{Fleet{house()}, transport::from(std::ref(asked))};
  const auto reply = router.complete({.messages = "x", .max_tokens = 5, .seed = 1});
  REQUIRE(reply);
  CHECK(reply->trail[0].altered == "without seed, max_tokens as max_new_tokens");
  CHECK(asked.bodies.at(0) == R"({"messages":[{"role":"user","content":"x"}],"max_new_tokens":5,"safe_mode":true})");
}

TEST_CASE("docs: what goes along") {
  Asked asked;
  // [readme:extra]
  Fleet fleet{providers::groq({.key = "key-1", .extra = R"({"service_tier":"flex"})"}),
              providers::openrouter({.key = "key-2"})};
  Router router{std::move(fleet), transport::from(std::ref(asked))};

  ChatRequest request{.messages = "Why?"};
  request.extra_for = {{"openrouter", openrouter::Routing{.sort = "throughput"}.json()}, {"groq", R"({"top_k":40})"}};
  Result<Reply> reply = router.complete(request);
  // [/readme]
  REQUIRE(reply);
  CHECK(asked.bodies.at(0).find(R"("top_k":40,"service_tier":"flex")") != std::string::npos);
  CHECK(asked.bodies.at(0).find("throughput") == std::string::npos);
}

TEST_CASE("docs: a wire format of one's own") {
  Asked asked{.answer = "fine, thanks"};
  Router router{Fleet{lines()}, transport::from(std::ref(asked))};
  const auto reply = router.complete({.messages = "How are you?", .seed = 1});
  REQUIRE(reply);
  CHECK(reply->text == "fine, thanks");
  CHECK(reply->trail[0].altered == "without seed");
  CHECK(asked.bodies.at(0) == "How are you?\n");
  const auto image = router.complete({.messages = {Message::user({Part::image_url("https://x.example/a.png")})}});
  REQUIRE_FALSE(image);
  CHECK(image.error().kind == Kind::unsupported);
  CHECK(asked.bodies.size() == 1);
}
