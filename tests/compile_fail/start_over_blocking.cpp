// expect: start() needs an AsyncTransport
#include <llmroute/llmroute.hpp>

using namespace llmroute;

int main() {
  Router router{Fleet{providers::openai_compatible({.name = "a", .url = "https://a.example/v1"})},
                transport::from([](const http::Request&) { return http::Response{}; })};
  const auto pending = router.start("hi", [](Result<Reply>) {});
}
