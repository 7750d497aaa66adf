// expect: the optional `names`
// names: Guess
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Guess {
  Judgement classify(const ChatRequest&) const { return {}; }
  const char* names() const { return "code"; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Guess{}};
  return !router.complete("hi");
}
