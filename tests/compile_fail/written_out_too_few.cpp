// expect: is given one argument for each of them
// names: Cheapest
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};

int main() {
  Router<Http, ranking::Cheapest> router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}};
  return !router.complete("hi");
}
