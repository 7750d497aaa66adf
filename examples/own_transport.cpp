// SPDX-License-Identifier: MIT
// Brings an HTTP client of one's own: a callable that takes a request and returns an answer. This one answers from a table,
// where a real program would call libcurl, cpp-httplib, or whatever it has.
#include <iostream>
#include <string>

#include <llmroute/llmroute.hpp>

using namespace llmroute;

namespace my_client {  // stands for the client that the program has already
struct Answer {
  int code;
  std::string text;
};
Answer post(std::string_view url, std::span<const http::Field> fields, std::string_view body) {
  for (const http::Field& f : fields)
    if (f.name == "authorization" && f.value != "Bearer sk-demo") return {401, R"({"error":{"message":"bad key"}})"};
  std::cout << "POST " << url << ' ' << body << '\n';
  if (url.find("first") != url.npos) return {503, R"({"error":{"message":"busy"}})"};
  return {200, R"({"choices":[{"message":{"content":"Hello!"},"finish_reason":"stop"}]})"};
}
}  // namespace my_client

int main() {
  auto transport = transport::from([](const http::Request& q) {
    const auto answer = my_client::post(q.url, q.fields, q.body);
    return http::Response{.status = answer.code, .body = answer.text};
  });
  Router router{Fleet{providers::openai_compatible({.name = "first", .url = "https://first.example/v1", .key = "sk-demo"}),
                      providers::openai_compatible({.name = "second", .url = "https://second.example/v1", .key = "sk-demo"})},
                std::move(transport)};

  const Result<Reply> reply = router.complete({.messages = "Say hello.", .model = "any-model", .max_tokens = 16});
  if (!reply) return std::cerr << reply.error() << '\n', 1;
  std::cout << reply->text << " -- " << reply->provider << '\n';
  return reply->provider == "second" ? 0 : 1;
}
