// SPDX-License-Identifier: MIT
// The role of classifier: what is one, and what is none.
#include "llmroute/policy/classifier.hpp"

#include "catch.hpp"

using namespace llmroute;

namespace {

struct Smallest {
  Judgement classify(const ChatRequest&) const { return {.category = 3}; }
};
struct AnswersInWords {
  const char* classify(const ChatRequest&) const { return "code"; }
};
struct Changes {
  Judgement classify(const ChatRequest&) { return {}; }
};
struct WantsToEdit {
  Judgement classify(ChatRequest&) const { return {}; }
};

}  // namespace

static_assert(Classifier<Smallest> && Classifier<classify::Off> && Classifier<classify::Keywords>);
static_assert(!Classifier<AnswersInWords> && !Classifier<Changes> && !Classifier<WantsToEdit> && !Classifier<int>);

TEST_CASE("a classifier that is off knows nothing of any request") {
  const Judgement j = classify::Off{}.classify({.messages = "Debug this function error"});
  CHECK(j.category == 0);
  CHECK(j.confidence == 0);
  CHECK(j.prompt_tokens == 0);
}
