// SPDX-License-Identifier: MIT
#include "llmroute/route/eligibility.hpp"

#include <limits>
#include <set>
#include <string>

#include "by_hand.hpp"
#include "catch.hpp"

using namespace llmroute;
using tests::named;

namespace {

Closed closed(const Provider& p, const ChatRequest& request, const Options& options = {}, std::int64_t prompt_tokens = 10) {
  Query q{.request = request, .options = options, .needs = needed_capabilities(request)};
  q.judgement.prompt_tokens = prompt_tokens;
  return closed_by_request(p, Offer::assumed({}, p), q, demands_of(q));
}
std::string fault(const ChatRequest& r) {
  const char* f = fault_of(r);
  return f == nullptr ? "" : f;
}

}  // namespace

TEST_CASE("each reason has words of its own") {
  std::set<std::string_view> words;
  int reasons = 0;
  for (auto c = Closed::open; c <= Closed::unwanted; c = static_cast<Closed>(static_cast<int>(c) + 1), ++reasons)
    words.insert(to_string(c));
  CHECK(words.size() == static_cast<std::size_t>(reasons));
  CHECK(words.count("") == 0);
}

TEST_CASE("what is wrong with a request is said before anybody is asked") {
  const ChatRequest fine{.messages = "Hello"};
  CHECK(fault(fine) == "");
  CHECK_THAT(fault({}), ContainsSubstring("no messages"));
  for (const double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN(), -1e9}) {
    ChatRequest r = fine;
    r.temperature = bad;
    CHECK_THAT(fault(r), ContainsSubstring("no finite number"));
    r = fine;
    r.top_p = bad;
    CHECK_THAT(fault(r), ContainsSubstring("no finite number"));
  }
  ChatRequest r = fine;
  r.max_tokens = -1;
  CHECK_THAT(fault(r), ContainsSubstring("max_tokens"));
  r = fine;
  r.messages.push_back({.role = Message::Role::tool});
  CHECK_THAT(fault(r), ContainsSubstring("tool_call_id"));
  r = fine;
  r.tools = {Tool{}};
  CHECK_THAT(fault(r), ContainsSubstring("no name"));
  r.tools = {Tool{.name = "search"}};
  CHECK(fault(r) == "");
  CHECK_THAT(fault({.messages = "x", .tool_choice = ToolChoice::required()}), ContainsSubstring("there is none"));
  CHECK(fault({.messages = "x", .tool_choice = ToolChoice::required(), .extra = R"({"tools":[]})"}) == "");
  r.tool_choice = {.mode = ToolChoice::Mode::named, .name = "other"};
  CHECK_THAT(fault(r), ContainsSubstring("not among the tools"));
  r.tool_choice.name = "search";
  CHECK(fault(r) == "");
}

TEST_CASE("a provider that lacks what a request needs is closed, and the reason names it") {
  const auto closed_without = [](Capability c, const ChatRequest& r) {
    Provider p = named("one");
    p.capabilities = Capabilities::assumed() | Capability::images | Capability::json_schema;
    CHECK(closed(p, r) == Closed::open);
    p.capabilities = p.capabilities.without(c);
    CHECK(closed(p, {.messages = "Hello"}) == Closed::open);
    return closed(p, r);
  };
  ChatRequest tools{.messages = "Hello"}, json = tools, schema = tools, images = tools;
  tools.tools = {Tool{.name = "search"}};
  json.response_format.kind = ResponseFormat::Kind::json;
  schema.response_format.kind = ResponseFormat::Kind::schema;
  images.messages[0].parts.push_back(Part::image_url("https://example.com/cat.png"));
  CHECK(closed_without(Capability::tools, tools) == Closed::no_tools);
  CHECK(closed_without(Capability::json, json) == Closed::no_json);
  CHECK(closed_without(Capability::json_schema, schema) == Closed::no_json_schema);
  CHECK(closed_without(Capability::images, images) == Closed::no_images);
}

TEST_CASE("prompt and answer must fit into the window together; a window that nobody knows refuses nothing") {
  Provider p = named("one");
  ChatRequest r{.messages = "Hello"};
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  CHECK(closed(p, r, {}, most) == Closed::open);
  p.window = 100;
  CHECK(closed(p, r, {}, 100) == Closed::open);
  CHECK(closed(p, r, {}, 101) == Closed::window);
  r.max_tokens = 60;
  CHECK(closed(p, r, {}, 40) == Closed::open);
  CHECK(closed(p, r, {}, 41) == Closed::window);
  r.max_tokens = most;
  CHECK(closed(p, r, {}, most) == Closed::window);
}

TEST_CASE("the caller's lists: allowed, denied, all of these tags, one of those") {
  Provider p = named("one");
  p.tags = {"eu", "fast"};
  const ChatRequest r{.messages = "Hello"};
  CHECK(closed(p, r, {.allow = {"two", "one"}}) == Closed::open);
  CHECK(closed(p, r, {.allow = {"two"}}) == Closed::denied);
  CHECK(closed(p, r, {.deny = {"two"}}) == Closed::open);
  CHECK(closed(p, r, {.allow = {"one"}, .deny = {"one"}}) == Closed::denied);
  CHECK(closed(p, r, {.all_tags = {"eu", "fast"}}) == Closed::open);
  CHECK(closed(p, r, {.all_tags = {"eu", "cheap"}}) == Closed::tags);
  CHECK(closed(p, r, {.any_tag = {"us", "eu"}}) == Closed::open);
  CHECK(closed(p, r, {.any_tag = {"us"}}) == Closed::tags);
}

TEST_CASE("tokens are estimated from all that becomes prompt, four bytes each, rounded up") {
  ChatRequest r{.messages = "Hello"};
  CHECK(prompt_bytes(r) == 5);
  CHECK(estimated_tokens(r) == 2);
  r.tools = {Tool{.name = "find", .description = "Finds", .parameters = "{}"}};
  CHECK(prompt_bytes(r) == 16);
  r.response_format.schema = "{\"a\":1}";
  CHECK(prompt_bytes(r) == 23);
  r.messages[0].parts.push_back(Part::image_url("https://example.com/a/very/long/address/of/a/cat.png"));
  CHECK(prompt_bytes(r) == 23);
}

TEST_CASE("what a prompt can cost at most is a token a byte, with room for templates and images, and no less than was said") {
  ChatRequest request{.messages = {Message::user("hello"), Message::user({Part::image_url("https://a.example/cat.png")})}};
  const Options options;
  Query q{.request = request, .options = options};
  CHECK(most_prompt_tokens(q) == 5 + 3 * 32 + 4'096);
  q.judgement.prompt_tokens = 50'000;
  CHECK(most_prompt_tokens(q) == 50'000);
  ChatRequest more{.messages = {Message::assistant("abc", {{"i", "f", "{}", "sig"}})}, .extra = "{}"};
  more.extra_for = {{"v", "{}"}};
  more.messages[0].thoughts = "[]";
  const Query bytes{.request = more, .options = options};
  CHECK(most_prompt_tokens(bytes) == 2 * 32 + 3 + 1 + 2 + 3 + 2 + 2 + 2);
}

TEST_CASE("a request demands something where it needs a capability, or brings a list of the caller's") {
  const auto demands = [](const ChatRequest& r, const Options& o) {
    return demands_of(Query{.request = r, .options = o, .needs = needed_capabilities(r)}).some;
  };
  const ChatRequest plain{.messages = "Hello"};
  CHECK_FALSE(demands(plain, {}));
  for (const Options& o :
       {Options{.any_tag = {"eu"}}, Options{.all_tags = {"eu"}}, Options{.allow = {"one"}}, Options{.deny = {"one"}}})
    CHECK(demands(plain, o));
  CHECK(demands({.messages = "Hello", .tools = {Tool{.name = "search"}}}, {}));
}
