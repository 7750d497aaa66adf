// SPDX-License-Identifier: MIT
// A router with one provider and a client that answers as it is told: what was sent, and what the router made of the answer.
#ifndef LLMROUTE_TESTS_DIALECT_WIRED_HPP
#define LLMROUTE_TESTS_DIALECT_WIRED_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "../catch.hpp"
#include "llmroute/dialect/anthropic.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/gemini.hpp"
#include "llmroute/dialect/openai.hpp"
#include "llmroute/policy/cooldown.hpp"
#include "llmroute/policy/retry.hpp"
#include "llmroute/router.hpp"
#include "llmroute/transport/from.hpp"

namespace tests {

/// A provider as its vendor is, at no address of anybody.
inline llmroute::Provider wired(std::string_view vendor, const llmroute::Dialect& dialect, std::string_view model = "model-1") {
  return {.name = std::string(vendor),
          .url = "https://wired.example/v1",
          .vendor = std::string(vendor),
          .dialect = &dialect,
          .model = std::string(model)};
}

struct Answered {
  std::string body{};  ///< of the request; empty: nothing was sent
  llmroute::Result<llmroute::Reply> reply;
  std::string text{}, reasoning{};  ///< as they were handed on in a stream
};

/// The answer comes whole.
inline Answered ask(const llmroute::Provider& provider, const llmroute::ChatRequest& request, std::string_view answer,
                    int status = 200) {
  std::string sent;
  llmroute::Router router{llmroute::Fleet{provider}, llmroute::transport::from([&](const llmroute::http::Request& q) {
                            sent = q.body;
                            return llmroute::http::Response{status, {}, std::string(answer)};
                          }),
                          llmroute::retry::Off{}, llmroute::cooldown::Off{}};
  auto reply = router.complete(request);
  return {.body = std::move(sent), .reply = std::move(reply)};
}

/// Hands its answer on in pieces of so many bytes.
struct Piecewise {
  std::string& sent;
  std::string_view answer;
  std::size_t piece;

  llmroute::http::Done perform(const llmroute::http::Call& call) {
    sent = call.request.body;
    const llmroute::http::Field type{"content-type", "text/event-stream"};
    call.on_head(200, {&type, 1});
    for (std::size_t from = 0; from < answer.size(); from += piece)
      if (!call.on_body(answer.substr(from, piece))) return {llmroute::http::Error::stopped, {}};
    return {};
  }
};

/// The answer comes as a stream.
inline Answered ask_stream(const llmroute::Provider& provider, const llmroute::ChatRequest& request, std::string_view answer,
                           std::size_t piece = 7) {
  std::string sent, text, reasoning;
  llmroute::Router router{llmroute::Fleet{provider}, Piecewise{sent, answer, piece}, llmroute::retry::Off{},
                          llmroute::cooldown::Off{}};
  auto reply = router.stream(request, [&](const llmroute::Delta& d) {
    if (d.what == llmroute::Delta::What::text) text += d.text;
    if (d.what == llmroute::Delta::What::reasoning) reasoning += d.text;
  });
  return {.body = std::move(sent), .reply = std::move(reply), .text = std::move(text), .reasoning = std::move(reasoning)};
}

}  // namespace tests

#endif
