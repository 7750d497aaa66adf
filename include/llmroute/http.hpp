// SPDX-License-Identifier: MIT
// HTTP as the library and a client of your own speak of it: what is asked, into which sinks the answer goes, how it ended.
#ifndef LLMROUTE_HTTP_HPP
#define LLMROUTE_HTTP_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/function_ref.hpp"
#include "llmroute/time.hpp"

namespace llmroute::http {

struct Field {
  std::string_view name{};
  std::string_view value{};
};

/// Borrowed for the call.
struct Request {
  std::string_view method = "POST";
  std::string_view url{};
  std::span<const Field> fields{};
  std::string_view body{};
};

/// A whole answer, for `transport::from(callable)`; other transports stream into the call's sinks.
struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> fields{};
  std::string body{};
};

/// Why there is no trustworthy answer. A 4xx or 5xx is one.
enum class Error : std::uint8_t { none, resolve, connect, tls, timed_out, stopped, protocol, io };

constexpr std::string_view to_string(Error e) noexcept {
  constexpr std::string_view names[]{"none",      "name not resolved", "could not connect", "TLS failed",
                                     "timed out", "stopped",           "not HTTP",          "connection broken"};
  return names[static_cast<std::size_t>(e)];
}

/// How a call ended. Status, fields and body went through the sinks.
struct Done {
  Error error = Error::none;
  std::string detail{};  ///< in the client's words; never a key
};

/// Zero: none. Best effort: the library's own clock decides, a transport's timers only help it to notice.
struct Limits {
  Duration connect{};
  Duration first_byte{};
  Duration idle{};
  Duration total{};
};

/// One call. Sinks never throw, are called from one thread at a time, and after one has said stop no other is called.
struct Call {
  const Request& request;
  Limits limits{};
  FunctionRef<void(int status, std::span<const Field>)> on_head{};  ///< once, before any body; 1xx stay with the client
  FunctionRef<bool(std::string_view)> on_body{};                    ///< false: stop reading, return Error::stopped
  FunctionRef<bool()> stopped{};                                    ///< true: likewise. Ask at least every 100 ms while waiting
};

using Completion = FunctionRef<void(Done)>;
using Wake = FunctionRef<void()>;

}  // namespace llmroute::http

#endif
