// SPDX-License-Identifier: MIT
// Virtual time: it stands still until somebody waits, and then jumps to the next thing that happens. An hour of waiting
// takes no time, and two runs of one program see the same instants. For one thread alone.
#ifndef LLMROUTE_SIM_CLOCK_HPP
#define LLMROUTE_SIM_CLOCK_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "llmroute/function_ref.hpp"
#include "llmroute/policy/clock.hpp"
#include "llmroute/time.hpp"

namespace llmroute::sim {

/// The time and what is to happen in it. Begins at `Time{}`. Whatever runs here may plan, cancel, and even wait itself.
class Timeline {
 public:
  /// Which of two events of one instant comes first. What arrives at the instant of a timer has arrived in time.
  enum class Turn : std::uint8_t { arrival, timer };

  /// Names a planned event. It may be kept for as long as one likes: when the event is past, it names nothing.
  class Event {
    friend class Timeline;
    std::uint32_t slot_ = none_;
    std::uint32_t generation_ = 0;
  };

  Timeline() = default;
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  Time now() const noexcept { return now_; }
  Duration elapsed() const noexcept { return now_ - Time{}; }
  /// How many events are planned.
  std::size_t pending() const noexcept { return heap_.size(); }

  /// How often somebody who waits is asked whether he still wants to.
  Duration tick = std::chrono::milliseconds(1);

  /// Plans a call; the callable is borrowed until then. Never runs it at once, not even for an instant that is past.
  Event at(Time when, FunctionRef<void()> call, Turn turn = Turn::timer) {
    if (free_ == none_) {
      free_ = static_cast<std::uint32_t>(slots_.size());
      slots_.push_back({.position = none_});
    }
    Event event;
    event.slot_ = free_;
    Slot& slot = slots_[free_];
    free_ = slot.position;
    event.generation_ = slot.generation;
    slot.call = call;
    const std::uint64_t order = (turn == Turn::timer ? std::uint64_t{1} << 63 : 0) | sequence_++;
    heap_.emplace_back();
    up(heap_.size() - 1, {.when = when < now_ ? now_ : when, .order = order, .slot = event.slot_});
    return event;
  }

  /// True: it would have come, and does not any more.
  bool cancel(Event e) noexcept {
    if (e.slot_ == none_ || slots_[e.slot_].generation != e.generation_) return false;
    remove(slots_[e.slot_].position);
    release(e.slot_);
    return true;
  }

  /// Goes to the next event and runs it. False: there is none.
  bool step() {
    if (heap_.empty()) return false;
    const Entry first = heap_.front();
    const FunctionRef<void()> call = slots_[first.slot].call;
    remove(0);
    release(first.slot);
    now_ = first.when;  // never backwards: an event that waits itself runs all that is due meanwhile
    call();
    return true;
  }

  /// Runs all events up to `t`, those at `t` included; then it is `t`.
  void advance_to(Time t) {
    while (!heap_.empty() && heap_.front().when <= t) step();
    if (now_ < t && t != never) now_ = t;
  }
  void advance(Duration d) { advance_to(later(now_, d)); }

  /// Runs events until `done` says true, or until none is left: then nothing could make it true any more.
  void run_until(FunctionRef<bool()> done) {
    while (!done() && step()) {
    }
  }
  void run() {
    while (step()) {
    }
  }

 private:
  struct Entry {
    Time when{};
    std::uint64_t order = 0;
    std::uint32_t slot = 0;
  };
  struct Slot {
    FunctionRef<void()> call{};
    std::uint32_t generation = 0;
    std::uint32_t position = 0;  // in the heap; of a free slot, the next free one
  };
  static constexpr std::uint32_t none_ = static_cast<std::uint32_t>(-1);

  static bool before(const Entry& a, const Entry& b) noexcept { return a.when != b.when ? a.when < b.when : a.order < b.order; }
  void place(std::size_t i, const Entry& e) noexcept {
    heap_[i] = e;
    slots_[e.slot].position = static_cast<std::uint32_t>(i);
  }
  void up(std::size_t i, const Entry e) noexcept {
    for (; i > 0 && before(e, heap_[(i - 1) / 2]); i = (i - 1) / 2) place(i, heap_[(i - 1) / 2]);
    place(i, e);
  }
  void down(std::size_t i, const Entry e) noexcept {
    for (std::size_t child = 2 * i + 1; child < heap_.size(); child = 2 * i + 1) {
      if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], e)) break;
      place(i, heap_[child]);
      i = child;
    }
    place(i, e);
  }
  void remove(std::size_t i) noexcept {
    const Entry last = heap_.back();
    heap_.pop_back();
    if (i == heap_.size()) return;
    if (i > 0 && before(last, heap_[(i - 1) / 2])) up(i, last);
    else down(i, last);
  }
  void release(std::uint32_t slot) noexcept {
    ++slots_[slot].generation;
    slots_[slot].position = free_;
    free_ = slot;
  }

  Time now_{};
  std::uint64_t sequence_ = 0;
  std::uint32_t free_ = none_;
  std::vector<Slot> slots_{};
  std::vector<Entry> heap_{};  // by hand, because an event that is cancelled has to be found in it
};

/// The clock of a simulated program: a view, so it is passed by value. Its timeline outlives it.
class Clock {
 public:
  explicit Clock(Timeline& t) noexcept : timeline_(&t) {}

  Time now() const noexcept { return timeline_->now(); }

  /// Lets the time pass and everything happen that is due, until `t` or until `stopped`, asked each tick, says true.
  void wait_until(Time t, Stopped stopped = {}) const {
    if (!stopped) return timeline_->advance_to(t);
    while (now() < t && !stopped()) {
      if (t != never) timeline_->advance_to(sooner(t, later(now(), timeline_->tick)));
      else if (!timeline_->step()) return;  // nothing is left that could end the wait
    }
  }

 private:
  Timeline* timeline_;
};
static_assert(llmroute::WaitingClock<Clock>);

}  // namespace llmroute::sim

#endif
