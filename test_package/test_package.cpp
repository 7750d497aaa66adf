// SPDX-License-Identifier: MIT
#include <llmroute/llmroute.hpp>

#include <iostream>

using namespace llmroute;

int main() {
  auto client = transport::from([](const http::Request&) {
    return http::Response{.body = R"({"choices":[{"message":{"content":"Hello!"},"finish_reason":"stop"}]})"};
  });
  Router router{Fleet{providers::groq({.key = "my-key"})}, client};
  Result<Reply> reply = router.complete("Say hello.");
  if (!reply) return std::cerr << reply.error() << '\n', 1;
  std::cout << reply->text << '\n';
}
