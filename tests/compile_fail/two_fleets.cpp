// expect: a Router has one Fleet, its first argument
// names: Fleet
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{},
                Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}};
  return !router.complete("hi");
}
