// expect: this type fills no role of a Router
// names: Widget
// Only the first is reported.
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Widget {
  int x = 0;
};
struct Guess {
  int classify(int) const;
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Widget{}, Guess{}};
  return !router.complete("hi");
}
