// SPDX-License-Identifier: MIT
// Any callable `http::Response(const http::Request&)` as a Transport: the shortest way to bring an HTTP client. No streaming
// (a streamed reply comes in one piece), no limits but the client's own.
#ifndef LLMROUTE_TRANSPORT_FROM_HPP
#define LLMROUTE_TRANSPORT_FROM_HPP

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "llmroute/config.hpp"
#include "llmroute/policy/transport.hpp"

namespace llmroute::transport {

/// What a callable may return: an answer, or an answer unless there was none.
template <class F>
concept Responds = std::convertible_to<std::invoke_result_t<F&, const http::Request&>, std::optional<http::Response>>;

template <class F>
class From {
 public:
  explicit From(F f) : ask_(std::move(f)) {}

  http::Done perform(const http::Call& call) {
    if (call.stopped && call.stopped()) return {http::Error::stopped, {}};
    std::optional<http::Response> answer;
#if LLMROUTE_EXCEPTIONS
    try {
      answer = ask_(call.request);
    } catch (...) {  // its words could quote the request, or the key
      return {http::Error::io, "the HTTP client threw an exception"};
    }
#else
    answer = ask_(call.request);
#endif
    if (!answer) return {http::Error::connect, "the HTTP client had no answer"};
    if (answer->status < 100) return {http::Error::connect, "the HTTP client gave no status"};
    std::vector<http::Field> fields;
    fields.reserve(answer->fields.size());
    for (const auto& [name, value] : answer->fields) fields.push_back({name, value});
    call.on_head(answer->status, fields);
    if (!answer->body.empty() && !call.on_body(answer->body)) return {http::Error::stopped, {}};
    return {};
  }

 private:
  LLMROUTE_NO_UNIQUE_ADDRESS F ask_;
};

/// `transport::from([](const http::Request& q) { … return http::Response{…}; })`. An empty optional means that nothing
/// was sent (no connection), an exception that there was no answer, whatever was sent. It is called from as many threads as use the router.
template <class F>
auto from(F f) {
  static_assert(std::is_invocable_v<F&, const http::Request&>,
                "llmroute: transport::from takes a callable `http::Response(const http::Request&)`");
  if constexpr (std::is_invocable_v<F&, const http::Request&>)
    static_assert(Responds<F>, "llmroute: the callable of transport::from returns http::Response, or std::optional of it");
  return From<F>(std::move(f));
}

}  // namespace llmroute::transport

#endif
