// SPDX-License-Identifier: MIT
// A conversation with a tool that begins at one vendor and goes on at another, because the first is busy by then. Both answer
// from a table here, each in its own wire format.
#include <iostream>
#include <string>
#include <string_view>

#include <llmroute/llmroute.hpp>

using namespace llmroute;

namespace {

http::Response pretend(const http::Request& q) {
  const bool has_result = q.body.find("21 degrees") != q.body.npos;
  if (q.url.starts_with("https://api.anthropic.com/")) {
    if (has_result) return {529, {}, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"};
    return {.body = R"({"type":"message","content":[)"
                    R"({"type":"thinking","thinking":"I need the weather.","signature":"c2lnbmVk"},)"
                    R"({"type":"tool_use","id":"toolu_01A","name":"weather","input":{"city":"Paris"}}],)"
                    R"("stop_reason":"tool_use","usage":{"input_tokens":40,"output_tokens":20}})"};
  }
  std::cout << "the other vendor is sent " << q.body.substr(q.body.find(R"("messages")")) << '\n';
  return {.body = R"({"choices":[{"message":{"content":"It is 21 degrees in Paris."},"finish_reason":"stop"}]})"};
}

}  // namespace

int main() {
  Router router{Fleet{providers::anthropic({.key = "key-1"}), providers::mistral({.key = "key-2"})}, transport::from(pretend)};

  // [readme:tools]
  ChatRequest chat{.messages = {Message::user("How warm is it in Paris?")},
                   .tools = {{.name = "weather",
                              .description = "Today's weather in a city",
                              .parameters = R"({"type":"object","properties":{"city":{"type":"string"}}})"}}};
  Result<Reply> reply = router.complete(chat);
  while (reply && !reply->tool_calls.empty()) {
    chat.messages.push_back(reply->message());
    for (const ToolCall& call : reply->tool_calls) {
      std::cout << reply->provider << " asks " << call.name << ' ' << call.arguments << '\n';
      chat.messages.push_back(Message::tool(call.id, "21 degrees, sunny"));
    }
    reply = router.complete(chat);
  }
  if (!reply) return std::cerr << reply.error() << '\n', 1;
  std::cout << reply->text << " -- " << reply->provider << '\n';
  // [/readme]
  return reply->provider == "mistral" ? 0 : 1;
}
