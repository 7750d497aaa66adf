// SPDX-License-Identifier: MIT
// A router without its type: two words, borrowed, for class members and function parameters.
#ifndef LLMROUTE_ANY_ROUTER_HPP
#define LLMROUTE_ANY_ROUTER_HPP

#include <concepts>
#include <string_view>
#include <type_traits>

#include "llmroute/chat.hpp"
#include "llmroute/options.hpp"
#include "llmroute/policy/clock.hpp"
#include "llmroute/result.hpp"
#include "llmroute/route/explanation.hpp"
#include "llmroute/route/fleet_status.hpp"

namespace llmroute {

/// `void summarise(RouterRef router);` takes any router. The router outlives it.
class RouterRef {
 public:
  template <class R>
    requires(!std::is_same_v<std::remove_cv_t<R>, RouterRef>) &&
                requires(R& r, const ChatRequest& q, OnDelta d, const Options& o, Stopped s) {
                  { r.stream(q, d, o, s) } -> std::same_as<Result<Reply>>;
                  { r.complete(q, o, s) } -> std::same_as<Result<Reply>>;
                  { r.explain(q, o) } -> std::same_as<Explanation>;
                  { r.status() } -> std::same_as<FleetStatus>;
                }
  RouterRef(R& router) noexcept : router_(&router), calls_(&calls<R>) {}

  Result<Reply> complete(const ChatRequest& request, const Options& options = {}, Stopped stopped = {}) const {
    return calls_->run(router_, request, Delivery::whole, {}, options, stopped);
  }
  Result<Reply> complete(std::string_view prompt, const Options& options = {}, Stopped stopped = {}) const {
    return complete(ChatRequest{.messages = prompt}, options, stopped);
  }
  template <Conversation C>
  Result<Reply> complete(const C& turns, const Options& options = {}, Stopped stopped = {}) const {
    return complete(ChatRequest{.messages = turns}, options, stopped);
  }
  Result<Reply> stream(const ChatRequest& request, OnDelta on_delta, const Options& options = {}, Stopped stopped = {}) const {
    return calls_->run(router_, request, Delivery::stream, on_delta, options, stopped);
  }
  Result<Reply> stream(std::string_view prompt, OnDelta on_delta, const Options& options = {}, Stopped stopped = {}) const {
    return stream(ChatRequest{.messages = prompt}, on_delta, options, stopped);
  }
  template <Conversation C>
  Result<Reply> stream(const C& turns, OnDelta on_delta, const Options& options = {}, Stopped stopped = {}) const {
    return stream(ChatRequest{.messages = turns}, on_delta, options, stopped);
  }

  /// What would happen to a request, and how the providers are: see Router.
  Explanation explain(const ChatRequest& request, const Options& options = {}) const {
    return calls_->explain(router_, request, options);
  }
  Explanation explain(std::string_view prompt, const Options& options = {}) const {
    return explain(ChatRequest{.messages = prompt}, options);
  }
  template <Conversation C>
  Explanation explain(const C& turns, const Options& options = {}) const {
    return explain(ChatRequest{.messages = turns}, options);
  }
  FleetStatus status() const { return calls_->status(router_); }

 private:
  struct Calls {
    Result<Reply> (*run)(void*, const ChatRequest&, Delivery, OnDelta, const Options&, Stopped);
    Explanation (*explain)(const void*, const ChatRequest&, const Options&);
    FleetStatus (*status)(const void*);
  };
  template <class R>
  static Result<Reply> run(void* router, const ChatRequest& q, Delivery how, OnDelta d, const Options& o, Stopped s) {
    R& r = *static_cast<R*>(router);
    return how == Delivery::stream ? r.stream(q, d, o, s) : r.complete(q, o, s);
  }
  template <class R>
  static Explanation explain(const void* router, const ChatRequest& q, const Options& o) {
    return static_cast<const R*>(router)->explain(q, o);
  }
  template <class R>
  static FleetStatus status(const void* router) {
    return static_cast<const R*>(router)->status();
  }
  template <class R>
  static constexpr Calls calls{&run<R>, &explain<R>, &status<R>};

  void* router_;
  const Calls* calls_;
};

}  // namespace llmroute

#endif
