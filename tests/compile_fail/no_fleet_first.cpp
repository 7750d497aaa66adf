// expect: the first argument of a Router is its Fleet
// names: Http
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};

int main() {
  Router router{Http{}, Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}};
  return !router.complete("hi");
}
