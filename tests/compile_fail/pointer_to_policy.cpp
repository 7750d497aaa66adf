// expect: a pointer is no policy
// names: Http
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};

int main() {
  Http http;
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, &http};
  return !router.complete("hi");
}
