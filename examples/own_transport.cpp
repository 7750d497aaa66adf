// SPDX-License-Identifier: MIT
// Brings an HTTP client of one's own: a callable that takes a request and returns an answer. This one answers from a table,
// where a real program would call libcurl, cpp-httplib, or whatever it has.
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <llmroute/llmroute.hpp>

using namespace llmroute;

namespace my_client {  // stands for the client that the program has already
struct Answer {
  int code;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string text;
};
Answer post(std::string_view url, std::span<const http::Field> fields, std::string_view body) {
  for (const http::Field& f : fields)
    if (f.name == "authorization" && f.value != "Bearer my-key") return {401, {}, R"({"error":{"message":"bad key"}})"};
  std::cout << "POST " << url << ' ' << body << '\n';
  if (url.find("groq") != url.npos) return {429, {{"retry-after", "20"}}, R"({"error":{"message":"too many requests"}})"};
  return {200, {}, R"({"choices":[{"message":{"content":"Hello!"},"finish_reason":"stop"}]})"};
}
}  // namespace my_client

int main() {
  // [readme:own_transport]
  auto client = transport::from([](const http::Request& q) {
    auto answer = my_client::post(q.url, q.fields, q.body);
    return http::Response{.status = answer.code, .fields = answer.fields, .body = answer.text};
  });
  Router router{Fleet{providers::groq({.key = "my-key"}), providers::openrouter({.key = "my-key"})}, client};

  Result<Reply> reply = router.complete({.messages = "Say hello.", .model = "llama-3.1-8b", .max_tokens = 16});
  if (!reply) return std::cerr << reply.error() << '\n', 1;
  std::cout << reply->text << " -- " << reply->provider << '\n';
  // [/readme]
  return reply->provider == "openrouter" ? 0 : 1;
}
