// SPDX-License-Identifier: MIT
#include "llmroute/any_router.hpp"

#include <string>
#include <type_traits>

#include "catch.hpp"

using namespace llmroute;

namespace {

/// All that a RouterRef asks of what it refers to.
struct Answers {
  std::string log{};
  Result<Reply> complete(const ChatRequest& q, const Options& o, Stopped s) {
    log += "complete " + std::string(q.messages[0].parts[0].content) + " " + o.tenant + (s && s() ? " out" : "");
    Reply r;
    r.text = "whole";
    return r;
  }
  Result<Reply> stream(const ChatRequest& q, OnDelta d, const Options& o, Stopped s) {
    log += "stream " + std::string(q.messages[0].parts[0].content) + " " + o.tenant + (s && s() ? " out" : "");
    Failure f;
    f.kind = d({.text = "piece"}) ? Kind::stream_broken : Kind::cancelled;
    return f;
  }
  Explanation explain(const ChatRequest& q, const Options& o) const {
    Explanation e;
    e.category = std::string(q.messages[0].parts[0].content) + ' ' + o.category;
    return e;
  }
  FleetStatus status() const { return {.problem = "none of it is real"}; }
};
std::string ask(RouterRef router) { return router.complete("from afar")->text; }

}  // namespace

TEST_CASE("a RouterRef is two words, passed by value, and hands everything on") {
  STATIC_REQUIRE(sizeof(RouterRef) == 2 * sizeof(void*));
  STATIC_REQUIRE(std::is_trivially_copyable_v<RouterRef>);
  Answers answers;
  const RouterRef router = answers;
  auto out = [] { return true; };
  CHECK(router.complete("one", {.tenant = "t"}, out)->text == "whole");
  CHECK(answers.log == "complete one t out");
  answers.log.clear();
  std::string text;
  auto take = [&](const Delta& d) { return text += d.text, false; };
  CHECK(router.stream({.messages = "two"}, take, {.tenant = "t"}, out).error().kind == Kind::cancelled);
  CHECK(answers.log == "stream two t out");
  CHECK(text == "piece");
}

TEST_CASE("a RouterRef explains and tells the status like the router that it refers to") {
  Answers answers;
  const RouterRef router = answers;
  CHECK(router.explain("why", {.category = "code"}).category == "why code");
  CHECK(router.explain({.messages = "why"}).category == "why ");
  CHECK(router.status().problem == "none of it is real");
}

TEST_CASE("any router becomes one by itself, and a copy refers to the same") {
  Answers answers;
  CHECK(ask(answers) == "whole");
  const RouterRef first = answers, second = first;
  CHECK(ask(second) == "whole");
  CHECK(answers.log == "complete from afar complete from afar ");
}

TEST_CASE("what answers no requests is no router") {
  STATIC_REQUIRE_FALSE(std::is_constructible_v<RouterRef, int&>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<RouterRef, std::string&>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<RouterRef, Answers>);  // it would be gone
  STATIC_REQUIRE(std::is_constructible_v<RouterRef, Answers&>);
}
