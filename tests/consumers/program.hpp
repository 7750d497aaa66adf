// SPDX-License-Identifier: MIT
// What each consumer builds, whichever way it got at the library: the first provider is busy, the second answers.
#ifndef LLMROUTE_TESTS_CONSUMERS_PROGRAM_HPP
#define LLMROUTE_TESTS_CONSUMERS_PROGRAM_HPP

#include <llmroute/llmroute.hpp>

#include <cstdio>

inline int route_once() {
  llmroute::Router router{
      llmroute::Fleet{
          llmroute::providers::openai_compatible({.name = "first", .url = "https://first.example/v1", .key = "k"}),
          llmroute::providers::openai_compatible({.name = "second", .url = "https://second.example/v1", .key = "k"})},
      llmroute::transport::from([](const llmroute::http::Request& q) {
        if (q.url.find("first") != q.url.npos) return llmroute::http::Response{.status = 503, .body = "{}"};
        return llmroute::http::Response{.body = R"({"choices":[{"message":{"content":"Hello!"},"finish_reason":"stop"}]})"};
      })};
  const llmroute::Result<llmroute::Reply> reply = router.complete("Say hello.");
  std::printf("%s\n", reply ? reply->text.c_str() : reply.error().message.c_str());
  return reply && reply->provider == "second" && reply->text == "Hello!" ? 0 : 1;
}

#endif
