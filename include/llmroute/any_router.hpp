// SPDX-License-Identifier: MIT
// A router without its type: two words, borrowed, for class members and function parameters.
#ifndef LLMROUTE_ANY_ROUTER_HPP
#define LLMROUTE_ANY_ROUTER_HPP

#include <string_view>
#include <type_traits>

#include "llmroute/chat.hpp"
#include "llmroute/options.hpp"
#include "llmroute/policy/clock.hpp"
#include "llmroute/result.hpp"

namespace llmroute {

/// `void summarise(RouterRef router);` takes any router. The router outlives it.
class RouterRef {
 public:
  template <class R>
    requires(!std::is_same_v<std::remove_cv_t<R>, RouterRef>) &&
                requires(R& r, const ChatRequest& q, OnDelta d, const Options& o, Stopped s) {
                  { r.stream(q, d, o, s) } -> std::same_as<Result<Reply>>;
                  { r.complete(q, o, s) } -> std::same_as<Result<Reply>>;
                }
  RouterRef(R& router) noexcept : router_(&router), run_(&run<R>) {}

  Result<Reply> complete(const ChatRequest& request, const Options& options = {}, Stopped stopped = {}) const {
    return run_(router_, request, Delivery::whole, {}, options, stopped);
  }
  Result<Reply> complete(std::string_view prompt, const Options& options = {}, Stopped stopped = {}) const {
    return complete(ChatRequest{.messages = prompt}, options, stopped);
  }
  template <Conversation C>
  Result<Reply> complete(const C& turns, const Options& options = {}, Stopped stopped = {}) const {
    return complete(ChatRequest{.messages = turns}, options, stopped);
  }
  Result<Reply> stream(const ChatRequest& request, OnDelta on_delta, const Options& options = {}, Stopped stopped = {}) const {
    return run_(router_, request, Delivery::stream, on_delta, options, stopped);
  }
  Result<Reply> stream(std::string_view prompt, OnDelta on_delta, const Options& options = {}, Stopped stopped = {}) const {
    return stream(ChatRequest{.messages = prompt}, on_delta, options, stopped);
  }
  template <Conversation C>
  Result<Reply> stream(const C& turns, OnDelta on_delta, const Options& options = {}, Stopped stopped = {}) const {
    return stream(ChatRequest{.messages = turns}, on_delta, options, stopped);
  }

 private:
  using Run = Result<Reply> (*)(void*, const ChatRequest&, Delivery, OnDelta, const Options&, Stopped);
  template <class R>
  static Result<Reply> run(void* router, const ChatRequest& q, Delivery how, OnDelta d, const Options& o, Stopped s) {
    R& r = *static_cast<R*>(router);
    return how == Delivery::stream ? r.stream(q, d, o, s) : r.complete(q, o, s);
  }

  void* router_;
  Run run_;
};

}  // namespace llmroute

#endif
