// expect: wrap it in transport::from(callable)
// names: MyClient
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct MyClient {
  http::Response operator()(const http::Request&) const { return {}; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, MyClient{}};
  return !router.complete("hi");
}
