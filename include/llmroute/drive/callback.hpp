// SPDX-License-Identifier: MIT
// The callback driver: a request in flight over an AsyncTransport, from its start to one call of its handler.
#ifndef LLMROUTE_DRIVE_CALLBACK_HPP
#define LLMROUTE_DRIVE_CALLBACK_HPP

#include <array>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "llmroute/drive/outcome.hpp"
#include "llmroute/policy/clock.hpp"
#include "llmroute/policy/transport.hpp"

namespace llmroute::drive {

/// Lives where its owner keeps it and allocates nothing itself. Everything of it happens on the transport's loop; the handler
/// is its last act and may destroy it. Destroying it earlier cancels, and nothing is called afterwards; inside `on_delta`
/// return false instead.
template <class Policies, class OnDone, class OnDeltaOf>
class Pending {
  using T = typename Core<Policies>::template Policy<role::Transport>;

 public:
  Pending(Core<Policies>& core, ChatRequest request, Options options, Delivery delivery, OnDeltaOf on_delta, OnDone on_done)
      : transport_(core.template policy<role::Transport>()), clock_(core.template policy<role::Clock>()),
        request_(std::move(request)), options_(std::move(options)), on_delta_(std::move(on_delta)),
        on_done_(std::move(on_done)), x_(core, request_, options_, delivery, Overlap::yes, clock_.now()) {
    for (Leg& leg : legs_) leg.run = this;
    pump();
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending() { finished_ = true; }  // observers hear of what is given up; one that cancels now is late

  /// The handler is told `cancelled`; from inside `on_delta` a moment later.
  void cancel() {
    if (finished_) return;
    x_.cancel();
    if (in_sink_) look_again();
    else pump();
  }
  bool finished() const noexcept { return finished_; }

 private:
  struct Leg {  // one call
    Pending* run = nullptr;
    AttemptId id{};
    bool busy = false;
    Attempt io{};
    std::optional<http::Call> call{};
    typename T::Operation operation{};

    static void head(void* leg, int status, std::span<const http::Field> fields) {
      Leg& l = *static_cast<Leg*>(leg);
      l.run->x_.head(l.id, status, l.run->clock_.now());
      l.io.head(status, fields);
      l.run->look_again();
    }
    static bool body(void* leg, std::string_view bytes) {
      Leg& l = *static_cast<Leg*>(leg);
      l.run->in_sink_ = true;
      l.run->x_.heard(l.id, l.run->clock_.now());
      const bool more = l.io.body(bytes, l.sink());
      l.run->in_sink_ = false;
      l.run->look_again();  // what is due may have changed, and a sink decides nothing itself
      return more && l.run->x_.live(l.id);
    }
    OnDelta sink() noexcept { return FunctionRef<bool(const Delta&)>(this, &Leg::deliver); }
    static bool deliver(void* leg, const Delta& d) {
      Leg& l = *static_cast<Leg*>(leg);
      if (!l.run->x_.content(l.id, l.run->clock_.now())) return false;
      l.run->told_ = &l;
      if (!l.run->takes(d)) l.run->x_.cancel();
      return !l.run->x_.over(l.id, l.run->clock_.now());
    }
    static bool stopped(void* leg) {
      Leg& l = *static_cast<Leg*>(leg);
      return !l.run->x_.live(l.id);
    }
    static void done(void* leg, http::Done how) {
      Leg& l = *static_cast<Leg*>(leg);
      if (l.busy) l.run->completed(l, how);
    }
  };

  void completed(Leg& leg, const http::Done& how) {
    leg.busy = false;
    in_sink_ = true;  // a whole answer to a stream request is delivered by `finish`
    const Ended e = leg.io.finish(how, leg.sink());
    if (x_.ended(leg.id, e, clock_.now())) won_ = &leg;  // an observer may cancel, and shall not find itself destroyed
    in_sink_ = false;
    pump();
  }
  bool takes(const Delta& d) noexcept {
#if LLMROUTE_EXCEPTIONS
    try {
      return OnDelta(on_delta_)(d);
    } catch (...) {  // there is no call on whose stack it could go on
      x_.abandon();
      return true;
    }
#else
    return OnDelta(on_delta_)(d);
#endif
  }

  // From inside a sink, where nothing may be started or destroyed.
  void look_again() {
    if (nudged_) return;
    nudged_ = true;
    nudge_ = transport_.at(clock_.now(), http::Wake(this, [](void* self) {
                             auto* run = static_cast<Pending*>(self);
                             run->nudged_ = false;
                             run->nudge_ = {};
                             run->pump();
                           }));
  }
  // A timer that is early does no harm, so it is only ever moved forward.
  void arm(Time t) {
    if (t >= armed_) return;
    armed_ = t;
    timer_ = transport_.at(t, http::Wake(this, [](void* self) {
                             auto* run = static_cast<Pending*>(self);
                             run->armed_ = never;
                             run->pump();
                           }));
  }

  void pump() {
    if (pumping_) {  // a call that completed inside start()
      again_ = true;
      return;
    }
    pumping_ = true;
    bool over = false;
    do {
      again_ = false;
      for (bool idle = false; !idle && !over;) {
        const Step step = x_.next(clock_.now());
        switch (step.what) {
          case Step::Do::send: begin(step.attempt); break;
          case Step::Do::cancel: stop(step.attempt); break;
          case Step::Do::wait: arm(step.until), idle = true; break;
          case Step::Do::finish: over = true; break;
        }
      }
    } while (again_ && !over);
    pumping_ = false;
    if (!over || finished_) return;
    finished_ = true;
    timer_ = {}, nudge_ = {};
    Leg* leg = won_ != nullptr ? won_ : told_;
    Result<Reply> result = outcome(x_, leg == nullptr ? nullptr : &leg->io, clock_.now());
    OnDone on_done = std::move(on_done_);
    on_done(std::move(result));  // may destroy *this: the last thing
  }
  void begin(AttemptId id) {
    for (Leg& leg : legs_) {
      if (leg.busy) continue;
      leg.operation = {};
      leg.busy = true;
      leg.id = id;
      if (!leg.io.encode(x_.outgoing(id), options_.correlation_id)) return completed(leg, {});
      leg.call.emplace(http::Call{
          leg.io.request(), x_.limits(id, clock_.now()), {&leg, &Leg::head}, {&leg, &Leg::body}, {&leg, &Leg::stopped}});
      auto operation = launch(leg);
      if (leg.busy && leg.id == id) leg.operation = std::move(operation);  // else it completed inline
      return;
    }
  }
  typename T::Operation launch(Leg& leg) {
#if LLMROUTE_EXCEPTIONS
    try {
      return transport_.start(*leg.call, http::Completion(&leg, &Leg::done));
    } catch (...) {
      if (leg.busy) completed(leg, {http::Error::io, "the transport threw an exception"});
      return {};
    }
#else
    return transport_.start(*leg.call, http::Completion(&leg, &Leg::done));
#endif
  }
  void stop(AttemptId id) {
    for (Leg& leg : legs_) {
      if (!leg.busy || leg.id != id) continue;
      leg.operation = {};
      leg.busy = false;
    }
  }

  T& transport_;
  typename Core<Policies>::template Policy<role::Clock>& clock_;
  ChatRequest request_;
  Options options_;
  OnDeltaOf on_delta_;
  OnDone on_done_;
  Exchange<Policies> x_;
  std::array<Leg, 2> legs_{};  // a hedge is one more
  Leg *won_ = nullptr, *told_ = nullptr;
  Time armed_ = never;
  bool pumping_ = false, again_ = false, finished_ = false, in_sink_ = false, nudged_ = false;
  typename T::Operation timer_{}, nudge_{};  // first to go
};

}  // namespace llmroute::drive

#endif
