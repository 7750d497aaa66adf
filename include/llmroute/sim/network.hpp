// SPDX-License-Identifier: MIT
// The network of a simulated world, for blocking and for asynchronous callers alike: both hear the same bytes at the
// same virtual instants. In debug builds it stops a driver that breaks the rules of policy/transport.hpp.
#ifndef LLMROUTE_SIM_NETWORK_HPP
#define LLMROUTE_SIM_NETWORK_HPP

#include <cassert>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "llmroute/http.hpp"
#include "llmroute/policy/transport.hpp"
#include "llmroute/sim/provider.hpp"
#include "llmroute/sim/world.hpp"

namespace llmroute::sim {

namespace detail {

// Plays one answer into the sinks of one call, one arrival at a time.
class Playback {
 public:
  Playback(Answer answer, const http::Call& call, Time start)
      : answer_(std::move(answer)), call_(&call), start_(start), last_(start) {
    plan();
  }

  /// When something happens next: bytes, the end, or the end of a limit.
  Time due() const noexcept { return due_; }
  bool at_once() const noexcept { return answer_.at_once; }
  bool stopped() const { return call_->stopped && call_->stopped(); }

  /// Makes it happen. True: that was the end of the call, and `done` says how it ended.
  bool step(http::Done& done) {
    if (out_of_time_ != nullptr) return over(done, limit_, out_of_time_);
    last_ = due_;
    if (!headed_) {
      if (answer_.status == 0) return over(done, answer_.end, to_string(answer_.end));
      headed_ = true;
      head();
    } else if (next_ < answer_.chunks.size()) {
      const std::string& bytes = answer_.chunks[next_++].bytes;
      if (call_->on_body && !call_->on_body(bytes)) return over(done, http::Error::stopped, "the caller had enough");
    } else {
      return over(done, answer_.end, answer_.end == http::Error::none ? "" : to_string(answer_.end));
    }
    plan();
    return false;
  }

 private:
  // Servers, proxies and kernels all give up on a silent connection some day, so nothing here hangs for ever.
  static constexpr Duration longest_silence = std::chrono::hours(1);

  static bool over(http::Done& done, http::Error error, std::string_view detail) {
    done.error = error;
    done.detail.assign(detail);
    return true;
  }

  void head() {
    if (!call_->on_head) return;
    std::vector<http::Field> fields;
    fields.reserve(answer_.fields.size());
    for (const auto& [name, value] : answer_.fields) fields.push_back({name, value});
    call_->on_head(answer_.status, fields);
  }

  void plan() {
    out_of_time_ = nullptr;
    if (answer_.at_once) {
      due_ = start_;
      return;
    }
    if (!headed_) {
      due_ = later(start_, longer(answer_.connect, answer_.head));
    } else if (next_ < answer_.chunks.size()) {
      due_ = later(last_, answer_.chunks[next_].after);
    } else {
      due_ = answer_.hangs ? never : later(last_, answer_.end_after);
    }
    const http::Limits& limits = call_->limits;
    if (!headed_) {
      if (answer_.connect > limits.connect) limit(limits.connect, start_, http::Error::connect, "not reached in time");
      limit(limits.first_byte, start_, http::Error::timed_out, "no first byte in time");
    } else {
      limit(limits.idle, last_, http::Error::timed_out, "no further byte in time");
    }
    limit(limits.total, start_, http::Error::timed_out, "not finished in time");
    limit(longest_silence, last_, http::Error::io, "closed after an hour of silence");
  }
  void limit(Duration d, Time from, http::Error error, const char* what) noexcept {
    if (d <= Duration::zero() || due_ <= later(from, d)) return;  // what comes at the instant of its limit has come
    due_ = later(from, d);
    limit_ = error;
    out_of_time_ = what;
  }

  Answer answer_;
  const http::Call* call_;
  Time start_;
  Time last_;  // when the last bytes came
  Time due_{};
  std::size_t next_ = 0;
  bool headed_ = false;
  http::Error limit_{};
  const char* out_of_time_ = nullptr;
};

// Counts a call among those in flight at its provider.
class Presence {
 public:
  explicit Presence(ScriptedProvider* p) noexcept : provider_(p) {
    if (provider_ != nullptr) provider_->call_began();
  }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  ~Presence() { end(); }
  void end() noexcept {
    if (provider_ != nullptr) provider_->call_ended();
    provider_ = nullptr;
  }

 private:
  ScriptedProvider* provider_;
};

}  // namespace detail

/// A view of a world, so it is passed by value.
class Network {
 public:
  class Operation;

  explicit Network(World& w) noexcept : world_(&w) {}

  /// Virtual time passes inside, and what else is due in the world happens meanwhile. `stopped` is asked each tick.
  http::Done perform(const http::Call& call) const {
    assert(!world_->in_sink && "from inside a sink, at() is all that may be called");
    ScriptedProvider* const provider = world_->find(call.request);
    detail::Presence presence(provider);
    detail::Playback playback(answer(provider, call.request), call, world_->now());
    http::Done done;
    do {
      while (world_->now() < playback.due()) {
        if (playback.stopped()) return {http::Error::stopped, "the caller wanted out"};
        world_->advance_to(sooner(playback.due(), later(world_->now(), world_->tick)));
      }
    } while (!playback.step(done));
    return done;
  }

  /// Keeps the call's limits as `perform` does, and asks `stopped` whenever something has come.
  Operation start(const http::Call& call, http::Completion done) const;

  /// Wakes at that time, after all that arrives at it. For a time that is past: when the loop runs. For `never`: never.
  Operation at(Time when, http::Wake wake) const;

  /// Returns too when nothing is left to happen.
  void run_until(FunctionRef<bool()> done) const {
    assert(!world_->in_sink && "from inside a sink, at() is all that may be called");
    world_->run_until(done);
  }

 private:
  Answer answer(ScriptedProvider* provider, const http::Request& request) const {
    return provider != nullptr ? provider->answer(request, world_->now()) : Answer::unresolved();
  }
  World* world_;
};

/// A call or a timer that is under way. Destroying it cancels it.
class Network::Operation {
 public:
  Operation() noexcept = default;
  Operation(Operation&& other) noexcept
      : timeline_(std::exchange(other.timeline_, nullptr)), timer_(other.timer_),
        flight_(std::exchange(other.flight_, nullptr)) {}
  Operation& operator=(Operation&& other) noexcept {
    if (this == &other) return *this;
    const Operation old(std::move(*this));
    timeline_ = std::exchange(other.timeline_, nullptr);
    timer_ = other.timer_;
    flight_ = std::exchange(other.flight_, nullptr);
    return *this;
  }
  ~Operation() {
    if (timeline_ != nullptr) timeline_->cancel(timer_);
    if (flight_ == nullptr) return;
    assert(!flight_->in_sink && "an operation must not be destroyed inside its own sinks");
    flight_->world.cancel(flight_->event);
    delete flight_;
  }

 private:
  friend class Network;

  struct Flight {
    World& world;
    http::Completion done;
    detail::Presence presence;
    detail::Playback playback;
    Timeline::Event event{};
    bool in_sink = false;

    Flight(World& w, ScriptedProvider* p, Answer answer, const http::Call& call, http::Completion completion)
        : world(w), done(completion), presence(p), playback(std::move(answer), call, w.now()) {}

    void await() { event = world.at(playback.due(), {this, &arrive}, Timeline::Turn::arrival); }

    bool step(http::Done& how) {
      in_sink = world.in_sink = true;
      const bool over = playback.step(how);
      const bool out = !over && playback.stopped();
      in_sink = world.in_sink = false;
      if (out) how = {http::Error::stopped, "the caller wanted out"};
      return over || out;
    }

    // The last thing that is done for this flight: the completion may delete it.
    void complete(http::Done&& how) {
      presence.end();
      const http::Completion last = done;
      last(std::move(how));
    }

    static void arrive(void* self) {
      Flight& flight = *static_cast<Flight*>(self);
      http::Done how;
      if (flight.step(how)) flight.complete(std::move(how));
      else flight.await();
    }
  };

  explicit Operation(Flight* f) noexcept : flight_(f) {}
  Operation(Timeline& t, Timeline::Event timer) noexcept : timeline_(&t), timer_(timer) {}

  Timeline* timeline_ = nullptr;
  Timeline::Event timer_{};
  Flight* flight_ = nullptr;  // on the heap: it stays where it is while its operation moves
};

inline Network::Operation Network::start(const http::Call& call, http::Completion done) const {
  assert(!world_->in_sink && "from inside a sink, at() is all that may be called");
  ScriptedProvider* const provider = world_->find(call.request);
  Operation operation(new Operation::Flight(*world_, provider, answer(provider, call.request), call, done));
  Operation::Flight& flight = *operation.flight_;
  if (!flight.playback.at_once()) {
    flight.await();
    return operation;
  }
  http::Done how;
  while (!flight.step(how)) {
  }
  flight.complete(std::move(how));
  return operation;
}

inline Network::Operation Network::at(Time when, http::Wake wake) const {
  if (when == never) return {};
  return Operation(*world_, world_->at(when, wake));
}

static_assert(Transport<Network> && AsyncTransport<Network> && Runnable<Network>);

}  // namespace llmroute::sim

#endif
