// SPDX-License-Identifier: MIT
// The blocking driver: one call at a time, on the caller's thread.
#ifndef LLMROUTE_DRIVE_BLOCKING_HPP
#define LLMROUTE_DRIVE_BLOCKING_HPP

#include <exception>  // exception_ptr: what the caller's callback threw is the caller's again
#include <span>
#include <thread>  // sleep_for: its only use

#include "llmroute/drive/outcome.hpp"
#include "llmroute/policy/clock.hpp"
#include "llmroute/policy/transport.hpp"

namespace llmroute::drive {

/// Until then, or until the caller wants out.
template <Clock C>
void wait(C& clock, Time until, Stopped stopped) {
  if constexpr (WaitingClock<C>) {
    clock.wait_until(until, stopped);
  } else {
    constexpr Duration slice = std::chrono::milliseconds(50);
    for (Time now = clock.now(); now < until && !(stopped && stopped()); now = clock.now())
      std::this_thread::sleep_for(shorter(until - now, slice));
  }
}

/// The caller's callbacks, behind a wall: sinks never throw.
class Caller {
 public:
  Caller(OnDelta on_delta, Stopped stopped) noexcept : on_delta_(on_delta), stopped_(stopped) {}

  bool takes(const Delta& d) noexcept {
    return guarded([&] { return !on_delta_ || on_delta_(d); }, false);
  }
  bool wants_out() noexcept {
    return guarded([&] { return stopped_ && stopped_(); }, true);
  }
  void rethrow() const {
#if LLMROUTE_EXCEPTIONS
    if (thrown_) std::rethrow_exception(thrown_);
#endif
  }

 private:
  template <class F>
  bool guarded(F&& f, bool otherwise) noexcept {
#if LLMROUTE_EXCEPTIONS
    if (thrown_) return otherwise;
    try {
      return f();
    } catch (...) {
      thrown_ = std::current_exception();
      return otherwise;
    }
#else
    static_cast<void>(otherwise);
    return f();
#endif
  }

  OnDelta on_delta_;
  Stopped stopped_;
#if LLMROUTE_EXCEPTIONS
  std::exception_ptr thrown_{};
#endif
};

template <Transport T>
http::Done perform(T& transport, const http::Call& call) {
#if LLMROUTE_EXCEPTIONS
  try {
    return transport.perform(call);
  } catch (...) {  // its words could quote the request, or the key
    return {http::Error::io, "the transport threw an exception"};
  }
#else
  return transport.perform(call);
#endif
}

template <class Policies>
Result<Reply> blocking(Core<Policies>& core, const ChatRequest& request, const Options& options, Delivery delivery,
                       OnDelta on_delta, Stopped stopped) {
  auto& transport = core.template policy<role::Transport>();
  auto& clock = core.template policy<role::Clock>();
  Exchange<Policies> x(core, request, options, delivery, Overlap::no, clock.now());
  Caller caller(on_delta, stopped);
  Attempt io;  // one call at a time: its buffers are used again
  for (;;) {
    if (caller.wants_out()) x.cancel();
    const Step step = x.next(clock.now());
    switch (step.what) {
      case Step::Do::send: {
        const AttemptId id = step.attempt;
        auto head = [&](int status, std::span<const http::Field> fields) {
          x.head(id, status, clock.now());
          io.head(status, fields);
        };
        auto deliver = [&](const Delta& d) {
          if (!x.content(id, clock.now())) return false;
          if (!caller.takes(d)) x.cancel();
          return !x.over(id, clock.now());
        };
        auto body = [&](std::string_view bytes) {
          x.heard(id, clock.now());
          return io.body(bytes, deliver) && !x.over(id, clock.now());
        };
        auto out = [&] {
          if (caller.wants_out()) x.cancel();
          return x.over(id, clock.now());
        };
        http::Done done;
        if (io.encode(x.outgoing(id), options.correlation_id))
          done = perform(transport, {io.request(), x.limits(id, clock.now()), head, body, out});
        const Ended ended = io.finish(done, deliver);
        x.ended(id, ended, clock.now());
        break;
      }
      case Step::Do::cancel: break;  // nothing else runs
      case Step::Do::wait: {
        auto out = [&] { return caller.wants_out(); };
        wait(clock, step.until, out);
        break;
      }
      case Step::Do::finish: {
        caller.rethrow();
        return outcome(x, &io, clock.now());
      }
    }
  }
}

}  // namespace llmroute::drive

#endif
