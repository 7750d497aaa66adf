// expect: the first argument of a Router is its Fleet
// names: Provider
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};

int main() {
  Router router{Provider{.name = "a", .url = "https://a.example/v1"}, Http{}};
  return !router.complete("hi");
}
