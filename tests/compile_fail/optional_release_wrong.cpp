// expect: the optional `release`
// names: Mine
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Mine {
  struct State {};
  Time rest_until(const State&, Time now) const { return now; }
  void report(State&, const Outcome&, Time) const {}
  void release(State&) const {}
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Mine{}};
  return !router.complete("hi");
}
