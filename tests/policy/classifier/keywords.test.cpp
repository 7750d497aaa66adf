// SPDX-License-Identifier: MIT
// Keywords: the questions that it must tell apart, where its words begin and end, and lists of one's own.
#include "llmroute/policy/classifier/keywords.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"
#include "llmroute/policy/classifier.hpp"

using namespace llmroute;
using classify::Keywords;

namespace {

std::string_view kind(const ChatRequest& request, const Keywords& by = {}) { return by.names()[by.classify(request).category]; }
std::string_view kind(std::string_view prompt, const Keywords& by = {}) { return kind(ChatRequest{.messages = prompt}, by); }

}  // namespace

static_assert(Classifier<Keywords>);

TEST_CASE("the questions of the tutorials are told apart") {
  CHECK(kind("What is a closure in JavaScript?") == "simple");
  CHECK(kind("Design a distributed rate limiter that handles 10K requests/sec") == "complex");
  CHECK(kind("Fix this async function that has a race condition") == "code");
  CHECK(kind("Debug this async function") == "code");
  CHECK(kind("The function returned undefined - what went wrong?") == "code");
  CHECK(kind("Can you analyze the function of mitochondria in cell biology?") != "code");
  CHECK(kind("Write a haiku about debugging") != "code");
}

TEST_CASE("other questions of these kinds are told apart by the same rules") {
  CHECK(kind("When was the Eiffel Tower built?") == "simple");
  CHECK(kind("How to boil an egg") == "simple");
  CHECK(kind("Compare Kafka and RabbitMQ and evaluate both for payments") == "complex");
  CHECK(kind("Explain why this strategy failed") == "complex");
  CHECK(kind("Implement a class for bank accounts") == "code");
  CHECK(kind("My unit test throws an exception") == "code");
  CHECK(kind("What is the function of the liver?") == "simple");
  CHECK(kind("Summarise this letter") == "medium");
  CHECK(kind("Tell me about the error of his ways") == "medium");
}

TEST_CASE("each rule has its threshold") {
  CHECK(kind("analyze this") == "medium");
  CHECK(kind("analyze and compare this") == "complex");
  CHECK(kind("my code") == "medium");
  CHECK(kind("my code, my error") == "code");
  CHECK(kind("where") == "simple");
  CHECK(kind("where " + std::string(193, 'x')) == "simple");
  CHECK(kind("where " + std::string(194, 'x')) == "medium");
  CHECK(kind(std::string(500, 'x')) == "medium");
  CHECK(kind(std::string(501, 'x')) == "complex");
}

TEST_CASE("complex is asked before code, and code before simple") {
  CHECK(kind("Design and optimize this function, fix the error") == "complex");
  CHECK(kind("What is this function error?") == "code");
}

TEST_CASE("a word counts once however often it is said") {
  CHECK(kind("function function function") == "medium");
  CHECK(kind("the function of a function, and whose function") == "medium");
}

TEST_CASE("characters are counted, not bytes") {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "é";
  CHECK(kind(text) == "medium");
  CHECK(kind(text + "é") == "complex");
}

TEST_CASE("only whole words count, in any case") {
  CHECK(kind("FUNCTION and Error") == "code");
  CHECK(kind("function() { error(); }") == "code");
  CHECK(kind("std::function, error.") == "code");
  CHECK(kind("malfunction terrors") == "medium");
  CHECK(kind("for every malfunction a terror") == "medium");
  CHECK(kind("functions errors") == "medium");
  CHECK(kind("my_function the_error") == "medium");
  CHECK(kind("function2 error3") == "medium");
  CHECK(kind("éfunction erroré") == "medium");
  CHECK(kind("\xE2\x80\x9C"
             "function\xE2\x80\x9D\xE2\x80\x94"
             "error") == "code");  // typographic quotes and dash
  CHECK(kind("\xE4\xBF\xAE\xE5\xA4\x8D"
             "function\xE7\x9A\x84"
             "error") == "code");  // between Chinese characters
}

TEST_CASE("a phrase is found across any white space, and only as a whole") {
  CHECK(kind("Well, what\n   IS it?") == "simple");
  CHECK(kind("what island") == "medium");
  CHECK(kind("whatis") == "medium");
  CHECK(kind("what") == "medium");
  CHECK(kind("somewhat is") == "medium");
  CHECK(kind("what ") == "medium");
}

TEST_CASE("the last user turn is looked at, and nothing else") {
  CHECK(kind({.messages = {Message::system("You fix code errors: function, class, import."), Message::user("Hello")}}) ==
        "medium");
  CHECK(kind({.messages = {Message::user("Debug this function error"), Message::assistant("Done."),
                           Message::user("Thanks")}}) == "medium");
  CHECK(kind({.messages = {Message::user("Debug this function"), Message::assistant("", {{"1", "run", "{}"}}),
                           Message::tool("1", "ok")}}) == "code");
  CHECK(kind({.messages = {Message::system("Debug this function error")}}) == "medium");
  CHECK(kind(ChatRequest{}) == "medium");
}

TEST_CASE("all text parts of a turn count, images do not, and no phrase spans two parts") {
  CHECK(kind({.messages = {Message::user({Part("the function"), Part("an error")})}}) == "code");
  CHECK(kind({.messages = {Message::user({Part("what"), Part("is")})}}) == "medium");
  CHECK(kind({.messages = {Message::user(
                  {Part("Look for everything, children"), Part::image_url("https://a/function/error/code")})}}) == "medium");
  CHECK(kind({.messages = {Message::user({Part::image(std::string(900, 'A'), "image/png")})}}) == "medium");
}

TEST_CASE("the names stand in the order in which the categories are asked") {
  const Keywords keywords;
  REQUIRE(keywords.names().size() == 4);
  CHECK(keywords.names()[0] == "complex");
  CHECK(keywords.names()[1] == "code");
  CHECK(keywords.names()[2] == "simple");
  CHECK(keywords.names()[3] == "medium");
}

TEST_CASE("a judgement says how sure it is and how hard the task is") {
  const Keywords keywords;
  const Judgement two = keywords.classify({.messages = "Debug this function"});
  CHECK(two.confidence == Approx(2.0 / 3));
  CHECK(two.difficulty == Approx(0.6));
  const Judgement three = keywords.classify({.messages = "Debug this async function"});
  CHECK(three.confidence == Approx(0.75));
  CHECK(keywords.classify({.messages = std::string(501, 'x')}).confidence == Approx(0.5));
  CHECK(keywords.classify({.messages = "Hello"}).confidence == 0);
  CHECK(keywords.classify({.messages = "Hello"}).difficulty == Approx(0.4));
}

TEST_CASE("categories of one's own are asked in their order, and the last takes what is left") {
  const Keywords keywords{{{.name = "legal", .words = "contract, Liability ,, breach  of contract", .hits = 2, .difficulty = 1},
                           {.name = "short", .words = "hi", .shorter_than = 10},
                           {.name = "long", .longer_than = 30},
                           {.name = "other", .words = "contract"}}};
  REQUIRE(keywords.names().size() == 4);
  CHECK(kind("CONTRACT and liability", keywords) == "legal");
  CHECK(kind("a breach of contract", keywords) == "legal");
  CHECK(kind("contract", keywords) == "other");
  CHECK(keywords.classify({.messages = "contract"}).confidence == 0);
  CHECK(kind("hi", keywords) == "short");
  CHECK(kind("hi, how are you?", keywords) == "other");
  CHECK(kind(std::string(31, 'x'), keywords) == "long");
  CHECK(kind("", keywords) == "other");

  const Keywords copy = keywords;
  CHECK(kind("contract liability", copy) == "legal");
}

TEST_CASE("one category takes everything, none means the default ones, and too many are cut") {
  CHECK(kind("what is it", Keywords{{{.name = "all"}}}) == "all");
  CHECK(kind("what is it", Keywords{{}}) == "simple");
  const Keywords many{std::vector<classify::Category>(300, {.name = "c", .words = "x"})};
  CHECK(many.names().size() == 256);
  CHECK(many.classify({.messages = "y"}).category == 255);
}

TEST_CASE("a category that asks for no word takes nothing but what its length decides") {
  const Keywords keywords{{{.name = "lax", .words = "x", .hits = 0}, {.name = "silent"}, {.name = "rest"}}};
  CHECK(kind("y", keywords) == "rest");
  CHECK(kind("x", keywords) == "lax");
}

TEST_CASE("judging allocates nothing") {
  const ChatRequest request{.messages = "Can you analyze the function of mitochondria in cell biology?"};
  const Keywords keywords;
  const tests::Allocations made;
  const Judgement j = keywords.classify(request);
  const std::size_t count = made.count();
  CHECK(count == 0);
  CHECK(keywords.names()[j.category] == "medium");
}
