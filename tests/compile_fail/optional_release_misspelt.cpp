// expect: the optional `release`
// names: Rest
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Rest {
  struct State {};
  Time rest_until(const State&, Time now) const { return now; }
  void report(State&, const Outcome&, Time) const {}
  void releases(State&, Time) const {}
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Rest{}};
  return !router.complete("hi");
}
