// expect: this type fills no role of a Router
// names: Widget
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Widget {
  int x = 0;
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Widget{}};
  return !router.complete("hi");
}
