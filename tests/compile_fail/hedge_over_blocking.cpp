// expect: a Hedge needs two calls at once
// names: AskTwo
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct AskTwo {
  std::optional<Duration> hedge_after(const Health&, const Query&) const { return Duration{1}; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, AskTwo{}};
  return !router.complete("hi");
}
