// SPDX-License-Identifier: MIT
// Transport: how do bytes reach a provider? The one role without a default: the user brings the HTTP client.
//
// | expression            | result     | when                                                                        |
// |-----------------------|------------|-----------------------------------------------------------------------------|
// | `t.perform(call)`     | http::Done | blocking: one exchange, no redirect, no retry; from several threads at once |
// | `t.start(call, done)` | Operation  | asynchronous: begins a call                                                 |
// | `t.at(time, wake)`    | Operation  | asynchronous: wakes once, at a time; whoever runs the I/O has the timers    |
// | `t.run_until(done)`   | void       | optional: drives the loop on the caller's thread until done() says true     |
//
// The four rules of an AsyncTransport:
//  1. Sinks, completions and wakes of one transport are serialised (one loop or one strand); start, at and destruction
//     happen there too.
//  2. Destroying an operation cancels it; nothing of it is called afterwards. It is destroyed inside its own completion or
//     wake, never inside its own sinks.
//  3. A completion is called at most once and is the last thing its operation does. It may come before start() returned; a wake
//     never comes before at() has.
//  4. From inside a sink, at() is all that may be called. `call` and what it refers to live until the completion or the
//     destruction.
#ifndef LLMROUTE_POLICY_TRANSPORT_HPP
#define LLMROUTE_POLICY_TRANSPORT_HPP

#include <concepts>

#include "llmroute/http.hpp"

namespace llmroute {

template <class T>
concept Transport = requires(T& t, const http::Call& call) {
  { t.perform(call) } -> std::same_as<http::Done>;
};

template <class T>
concept AsyncTransport = requires(T& t, const http::Call& call, http::Completion done, Time when, http::Wake wake) {
  typename T::Operation;
  { t.start(call, done) } -> std::same_as<typename T::Operation>;
  { t.at(when, wake) } -> std::same_as<typename T::Operation>;
} && std::movable<typename T::Operation> && std::default_initializable<typename T::Operation>;

/// An AsyncTransport whose loop a caller can drive, so that blocking calls work over it.
template <class T>
concept Runnable = AsyncTransport<T> && requires(T& t, FunctionRef<bool()> done) { t.run_until(done); };

}  // namespace llmroute

#endif
