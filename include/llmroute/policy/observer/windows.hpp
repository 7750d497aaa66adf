// SPDX-License-Identifier: MIT
// Counters that can be read over all time and over the last minute, hour and day. They only ever grow: as a slot of time
// begins they are copied, and a window is what they are now less what they were then.
//
// | window   | slots                                    | so it covers |
// |----------|------------------------------------------|--------------|
// | all_time | none                                     | everything   |
// | minute   | the 10 s in progress and 6 before them   | 60 to 70 s   |
// | hour     | the 5 min in progress and 12 before them | 60 to 65 min |
// | day      | the hour in progress and 24 before it    | 24 to 25 h   |
//
// Slots begin at multiples of their width on the clock of the events, and one that is silent costs nothing. All time is
// exact. A window neither loses nor repeats what is counted by one thread in the order of time; otherwise:
//   - what comes after somebody has begun a later slot counts in that one;
//   - who finds a slot just begun waits for its copy, but a bounded number of looks: should the thread that copies be
//     interrupted just then, what the others count meanwhile may be taken for older than the slot.
#ifndef LLMROUTE_POLICY_OBSERVER_WINDOWS_HPP
#define LLMROUTE_POLICY_OBSERVER_WINDOWS_HPP

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "llmroute/time.hpp"

namespace llmroute::observe {

/// Which part of the past a reading is about.
enum class Window : std::uint8_t { all_time, minute, hour, day };

namespace detail {

struct Ring {
  std::size_t first;  // of its marks, among those of all rings
  std::size_t size;   // slots in the window, the one in progress among them
  Duration width;

  constexpr std::int64_t slot(Time t) const noexcept {
    const std::int64_t ns = t.time_since_epoch().count();
    return ns / width.count() - (ns % width.count() < 0);
  }
  constexpr std::size_t place(std::int64_t slot) const noexcept {
    const auto n = static_cast<std::int64_t>(size);
    return first + static_cast<std::size_t>((slot % n + n) % n);
  }
};

/// In the order of Window, which has one more in front.
inline constexpr std::array<Ring, 3> rings{{{0, 7, std::chrono::seconds(10)},  //
                                            {7, 13, std::chrono::minutes(5)},
                                            {20, 25, std::chrono::hours(1)}}};

/// `Sums` counters of any size, and then `Counts` of which no window sees 2^32, as a mark keeps but the low half of those.
template <std::size_t Sums, std::size_t Counts = 0>
class Tally {
 public:
  using Reading = std::array<std::uint64_t, Sums + Counts>;

  /// Before anything is added that happened at that time.
  void enter(Time now) noexcept {
    for (std::size_t i = 0; i < rings.size(); ++i) {
      const std::int64_t slot = rings[i].slot(now);
      if (marks_[rings[i].place(slot)].slot.load(std::memory_order_acquire) != slot) begin(i, slot);
    }
  }
  void add(std::size_t i, std::uint64_t n = 1) noexcept {
    if (n != 0) live_[i].fetch_add(n, std::memory_order_relaxed);
  }

  Reading read(Window w, Time now) const noexcept {
    Reading then{}, result{};
    const bool windowed = w != Window::all_time;
    if (windowed && !find(rings[static_cast<std::size_t>(w) - 1], now, then)) return result;
    for (std::size_t i = 0; i < result.size(); ++i) {
      const std::uint64_t forgotten = forgotten_[i].load(std::memory_order_acquire);
      const std::uint64_t live = live_[i].load(std::memory_order_relaxed);  // after the others, so that it is not below them
      result[i] = live - forgotten;
      const std::uint64_t recent = i < Sums ? live - then[i] : static_cast<std::uint32_t>(live - then[i]);
      if (windowed && recent < result[i]) result[i] = recent;
    }
    return result;
  }

  /// Reads as empty from here on. Nothing is set back, so that whoever counts just now does no harm.
  void forget() noexcept {
    for (std::size_t i = 0; i < live_.size(); ++i)
      forgotten_[i].store(live_[i].load(std::memory_order_relaxed), std::memory_order_release);
  }

 private:
  static constexpr std::int64_t unused = (std::numeric_limits<std::int64_t>::min)(), writing = unused + 1;
  static constexpr int most_looks = 2000;  // a copy takes some hundred

  // What the counters were as a slot began. It holds while `slot` says so: a reader asks before and after.
  struct Mark {
    std::atomic<std::int64_t> slot{unused};
    std::array<std::atomic<std::uint64_t>, Sums> sums{};
    std::array<std::atomic<std::uint32_t>, Counts> counts{};
  };

  void begin(std::size_t ring, std::int64_t slot) noexcept {
    Mark& mark = marks_[rings[ring].place(slot)];
    std::int64_t newest = newest_[ring].load(std::memory_order_relaxed);
    while (newest < slot)
      if (newest_[ring].compare_exchange_weak(newest, slot, std::memory_order_relaxed)) return write(mark, slot);
    if (newest > slot) return;
    for (int i = 0; i < most_looks && mark.slot.load(std::memory_order_acquire) != slot; ++i) {
    }
  }
  void write(Mark& mark, std::int64_t slot) noexcept {
    // Still being written since a whole window ago: that slot goes without, and the next one has a mark again.
    if (mark.slot.exchange(writing, std::memory_order_relaxed) == writing) return;
    const std::atomic<std::uint64_t>* from = live_.data();
    for (auto& to : mark.sums) to.store((from++)->load(std::memory_order_relaxed), std::memory_order_release);
    for (auto& to : mark.counts)
      to.store(static_cast<std::uint32_t>((from++)->load(std::memory_order_relaxed)), std::memory_order_release);
    mark.slot.store(slot, std::memory_order_release);
  }

  /// The counters as the window's oldest slot began in which anything happened. False: nothing has.
  bool find(const Ring& ring, Time now, Reading& then) const noexcept {
    const std::int64_t from = ring.slot(now) - static_cast<std::int64_t>(ring.size) + 1;
    for (;;) {
      const Mark* oldest = nullptr;
      std::int64_t slot = (std::numeric_limits<std::int64_t>::max)();
      for (std::size_t i = 0; i < ring.size; ++i) {
        const std::int64_t s = marks_[ring.first + i].slot.load(std::memory_order_acquire);
        if (s >= from && s < slot) oldest = &marks_[ring.first + i], slot = s;
      }
      if (oldest == nullptr) return false;
      std::uint64_t* to = then.data();
      for (const auto& n : oldest->sums) *to++ = n.load(std::memory_order_acquire);
      for (const auto& n : oldest->counts) *to++ = n.load(std::memory_order_acquire);
      if (oldest->slot.load(std::memory_order_relaxed) == slot) return true;
    }
  }

  std::array<std::atomic<std::uint64_t>, Sums + Counts> live_{};
  std::array<std::atomic<std::uint64_t>, Sums + Counts> forgotten_{};
  std::array<std::atomic<std::int64_t>, rings.size()> newest_{{{unused}, {unused}, {unused}}};
  std::array<Mark, rings.back().first + rings.back().size> marks_{};
};

}  // namespace detail
}  // namespace llmroute::observe

#endif
