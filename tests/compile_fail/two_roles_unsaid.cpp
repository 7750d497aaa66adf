// expect: this policy could play several roles
// names: Both
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Both {
  double score(const Candidate&, const Query&) const { return 1; }
  Judgement classify(const ChatRequest&) const { return {}; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Both{}};
  return !router.complete("hi");
}
