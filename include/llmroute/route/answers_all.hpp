// SPDX-License-Identifier: MIT
// What a router answers when it could not be made: anything, so that the compiler reports why and nothing else.
#ifndef LLMROUTE_ROUTE_ANSWERS_ALL_HPP
#define LLMROUTE_ROUTE_ANSWERS_ALL_HPP

#include <cstdint>
#include <string_view>

#include "llmroute/chat.hpp"
#include "llmroute/options.hpp"
#include "llmroute/policy/clock.hpp"
#include "llmroute/policy/roles.hpp"
#include "llmroute/result.hpp"
#include "llmroute/route/comparison.hpp"
#include "llmroute/route/explanation.hpp"
#include "llmroute/route/fleet_status.hpp"

namespace llmroute::detail {

/// For calls that return neither a Result<Reply> nor a Result<void>: it becomes whatever is wanted of it.
struct Anything {
  template <class T>
  operator T() const {
    return impossible<T>();
  }
  template <class Stream>
  friend Stream& operator<<(Stream& out, const Anything&) {
    return out;
  }
  explicit operator bool() const noexcept { return false; }
  const Anything* begin() const noexcept { return this; }
  const Anything* end() const noexcept { return this; }
  bool await_ready() const noexcept { return true; }
  template <class Handle>
  void await_suspend(Handle) const noexcept {}
  Result<Reply> await_resume() const { return Failure{}; }
};

/// Every call that a user may make of a Router. Those with named parameters take what stands in braces.
struct AnswersAll {
  template <class... A>
  Result<Reply> complete(A&&...) {
    return Failure{};
  }
  Result<Reply> complete(const ChatRequest&, const Options& = {}, Stopped = {}) { return Failure{}; }
  Result<Reply> complete(std::string_view, const Options& = {}, Stopped = {}) { return Failure{}; }

  template <class... A>
  Result<Reply> stream(A&&...) {
    return Failure{};
  }
  Result<Reply> stream(const ChatRequest&, OnDelta, const Options& = {}, Stopped = {}) { return Failure{}; }
  Result<Reply> stream(std::string_view, OnDelta, const Options& = {}, Stopped = {}) { return Failure{}; }

  template <class... A>
  Anything start(A&&...) {
    return {};
  }
  template <class OnDone>
  Anything start(const ChatRequest&, OnDone&&, const Options& = {}) {
    return {};
  }
  template <class... A>
  Anything start_stream(A&&...) {
    return {};
  }
  template <class OnDeltaOf, class OnDone>
  Anything start_stream(const ChatRequest&, OnDeltaOf&&, OnDone&&, const Options& = {}) {
    return {};
  }
  template <class... A>
  Anything co_complete(A&&...) {
    return {};
  }

  template <class... A>
  Result<void> replace(A&&...) {
    return {};
  }
  Result<void>(check)() const { return {}; }
  bool disable(std::string_view) { return false; }
  bool enable(std::string_view) { return false; }
  void feedback(std::uint64_t, double) {}
  void seed(std::uint64_t) {}
  void close() {}
  template <class T>
  T& policy() {
    return impossible<T&>();
  }
  template <class... A>
  Anything core(A&&...) {
    return {};
  }
  template <class... A>
  Explanation explain(A&&...) const {
    return {};
  }
  Explanation explain(const ChatRequest&, const Options& = {}) const { return {}; }
  Explanation explain(std::string_view, const Options& = {}) const { return {}; }
  template <class... A>
  Result<Prospect> select(A&&...) const {
    return Failure{};
  }
  Result<Prospect> select(const ChatRequest&, const Options& = {}) const { return Failure{}; }
  Result<Prospect> select(std::string_view, const Options& = {}) const { return Failure{}; }
  template <class... A>
  Comparison compare(A&&...) {
    return {};
  }
  Comparison compare(const ChatRequest&, const Options& = {}, Stopped = {}) { return {}; }
  Comparison compare(std::string_view, const Options& = {}, Stopped = {}) { return {}; }
  FleetStatus status() const { return {}; }
};

}  // namespace llmroute::detail

#endif
