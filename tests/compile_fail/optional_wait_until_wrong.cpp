// expect: the optional `wait_until`
// names: Sundial
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Sundial {
  Time now() const { return {}; }
  void wait_until(Time) const {}
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Sundial{}};
  return !router.complete("hi");
}
