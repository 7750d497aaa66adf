// expect: wrap it in transport::from(callable)
// names: lambda
#include <llmroute/llmroute.hpp>

using namespace llmroute;

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}},
                [](const http::Request&) { return http::Response{}; }};
  return !router.complete("hi");
}
