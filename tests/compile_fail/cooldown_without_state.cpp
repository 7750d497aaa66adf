// expect: it has no nested type `State`
// names: Rest
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Rest {
  Time rest_until(int, Time now) const { return now; }
  void report(int, const Outcome&, Time) const {}
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Rest{}};
  return !router.complete("hi");
}
