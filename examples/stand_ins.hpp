// SPDX-License-Identifier: MIT
// Whom curl_chat asks while no key is set: three providers on this machine, behind a real HTTP server on a free port of
// 127.0.0.1. The cheapest has too much to do, the next one is broken, and the third says word by word what it was told.
#ifndef LLMROUTE_EXAMPLES_STAND_INS_HPP
#define LLMROUTE_EXAMPLES_STAND_INS_HPP

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include <llmroute/llmroute.hpp>

#include "../tests/transport/loopback.hpp"

class StandIns {
 public:
  // A proxy that the environment names would look for 127.0.0.1 on its own machine.
  StandIns() { ::setenv("no_proxy", "127.0.0.1", 1); }

  llmroute::Fleet fleet() const {
    return llmroute::Fleet{provider("busy", "0.01"), provider("broken", "0.02"), provider("steady", "0.05")};
  }

 private:
  llmroute::Provider provider(std::string name, std::string_view price) const {
    std::string url = server_.url("/" + name + "/v1");
    return llmroute::providers::openai_compatible({.name = std::move(name),
                                                   .url = std::move(url),
                                                   .model = "echo-1",
                                                   .price = {llmroute::per_million(price), llmroute::per_million(price)}});
  }

  static void answer(tests::Peer& peer, const tests::Asked& asked) {
    if (asked.body.find(R"("model":"echo-1")") == asked.body.npos)
      return peer.answer("HTTP/1.1 404 Not Found\r\n",
                         R"({"error":{"message":"a stand-in knows no model but echo-1","code":"model_not_found"}})");
    if (asked.path.starts_with("/busy/"))
      return peer.answer("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 20\r\n",
                         R"({"error":{"message":"too many requests"}})");
    if (asked.path.starts_with("/broken/"))
      return peer.answer("HTTP/1.1 500 Internal Server Error\r\n", R"({"error":{"message":"out of order"}})");

    const std::string heard = contents(asked.body);
    const std::string told = "I am no model; with a key, one would answer you here, word by word as I do. I heard: " + heard;
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
    std::size_t words = 0;
    for (std::string_view rest = told; !rest.empty(); ++words) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(word.size() < rest.size() ? word.size() + 1 : word.size());
      event(peer, R"("choices":[{"delta":{"content":")" + std::string(word) + (rest.empty() ? "" : " ") + R"("}}])");
      std::this_thread::sleep_for(std::chrono::milliseconds(40));  // as fast as one reads
    }
    event(peer, R"("choices":[{"delta":{},"finish_reason":"stop"}])");
    event(peer, R"("choices":[],"usage":{"prompt_tokens":)" + std::to_string(heard.size() / 4) + R"(,"completion_tokens":)" +
                    std::to_string(words) + "}");
    peer.send("data: [DONE]\n\n");
    peer.close();
  }
  static void event(tests::Peer& peer, const std::string& members) {
    peer.send(R"(data: {"model":"echo-1",)" + members + "}\n\n");
  }

  /// What all turns say, escaped as it came, so that it can go back as it is.
  static std::string contents(std::string_view body) {
    constexpr std::string_view before = R"("content":")";
    std::string all;
    for (std::size_t at = body.find(before); at != body.npos; at = body.find(before, at)) {
      const std::size_t begin = at + before.size();
      for (at = begin; at < body.size() && body[at] != '"'; ++at) at += body[at] == '\\';
      all += (all.empty() ? "" : " ") + std::string(body.substr(begin, at - begin));
    }
    return all;
  }

  tests::Loopback server_{answer};
};

#endif
