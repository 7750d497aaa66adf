// SPDX-License-Identifier: MIT
// A breaker for each place: it opens after a few failures in a row, and later lets a counted probe find out whether all
// is well.
//
// When to use: nearly always. It counts failures in a row, because a window that wants a hundred calls before it judges
// would never open over the few calls a minute that language models get.
// Not provided: such windows, failure ratios, growing rests.
//
// | from      | what happens                                          | to                                              |
// |-----------|-------------------------------------------------------|-------------------------------------------------|
// | closed    | `failures` blamed failures in a row; a success resets | open for `open`                                 |
// | open      | `open` has passed and somebody asks                   | half-open, and that is the first probe          |
// | open      | everybody rests                                       | still open, but one probe may go early          |
// | half-open | a probe succeeds                                      | closed                                          |
// | half-open | a probe fails, or meets a rate limit                  | open for `open`                                 |
// | half-open | a probe is cancelled, or meets what blames nobody     | half-open, its permit is back                   |
// | half-open | all probes are out, none reports for `probe_expires`  | half-open, counted anew                         |
//
// A rate limit neither counts as a failure nor resets the count. Each change begins a generation; a permit knows its
// own, and a late result of an older one changes nothing. All of it is one word, so that state, time and count never
// disagree.
#ifndef LLMROUTE_POLICY_COOLDOWN_CIRCUIT_BREAKER_HPP
#define LLMROUTE_POLICY_COOLDOWN_CIRCUIT_BREAKER_HPP

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "llmroute/failure.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

enum class Need : std::uint8_t;  // its words are in policy/cooldown.hpp, the door to here; Need{} is the ordinary one

namespace cooldown {

struct CircuitBreaker {
  int failures = 3;                                   ///< in a row; 1 to 63
  Duration open = std::chrono::seconds(30);           ///< 1 ms to 24 h, like the other one
  int probes = 1;                                     ///< out at once; 1 to 63
  Duration probe_expires = std::chrono::seconds(60);  ///< longer than an attempt may take, or its result comes too late
  Duration rest = std::chrono::seconds(60);           ///< after a 429 without a hint

  /// One word. Nothing else is published with it, so relaxed order is enough.
  struct State {
    std::atomic<std::uint64_t> word{0};
  };
  struct Permit {
    std::uint16_t generation = 0;
    bool probe = false;
  };

  Time rest_until(const State& s, Time now) const noexcept {
    const Word w{s.word.load(std::memory_order_relaxed)};
    const std::int64_t left = w.left(now);
    if (w.phase() == closed || left == 0 || (w.phase() == half_open && w.out() < most_probes())) return now;
    const Time until = later(now, std::chrono::milliseconds(left) - Duration(past_tick(now)));
    // A probe usually reports long before it expires: who waits for it looks again soon.
    return w.phase() == half_open ? sooner(until, later(now, std::chrono::seconds(1))) : until;
  }

  std::optional<Permit> admit(State& s, Time now, Need need) const noexcept {
    Word w{s.word.load(std::memory_order_relaxed)};
    for (;;) {
      Word next = w;
      const bool over = w.left(now) == 0;
      if (w.phase() == closed) return Permit{w.generation(), false};
      if (w.phase() == half_open && w.out() < most_probes() && (w.out() == 0 || !over))
        next = Word::make(half_open, w.generation(), expiry(now), w.streak(), w.out() + 1);
      else if (over) next = Word::make(half_open, w.generation() + 1u, expiry(now), w.streak(), 1);
      else if (need != Need{} && w.out() == 0)  // open, and nobody went early
        next = Word::make(opened, w.generation(), w.until(), w.streak(), 1);
      else return std::nullopt;
      if (s.word.compare_exchange_weak(w.bits, next.bits, std::memory_order_relaxed)) return Permit{next.generation(), true};
    }
  }

  /// For attempts that nobody admitted.
  void report(State& s, const Outcome& o, Time now) const noexcept {
    report(s, Permit{Word{s.word.load(std::memory_order_relaxed)}.generation(), false}, o, now);
  }

  void report(State& s, Permit p, const Outcome& o, Time now) const noexcept {
    Word w{s.word.load(std::memory_order_relaxed)};
    for (;;) {
      if (w.generation() != p.generation) return;
      const Word next = p.probe ? after_probe(w, o, now) : after_ordinary(w, o, now);
      if (next.bits == w.bits || s.word.compare_exchange_weak(w.bits, next.bits, std::memory_order_relaxed)) return;
    }
  }

  /// A quota that is used up does not come back within a minute.
  Duration rest_for(const Outcome& o) const noexcept {
    const Duration plain = longer(rest, Duration::zero());
    return o.kind == Kind::quota_exhausted ? longer(plain, std::chrono::minutes(15)) : plain;
  }

 private:
  enum Phase : std::uint8_t { closed, opened, half_open };

  static constexpr std::int64_t tick = 1'000'000;         // nanoseconds
  static constexpr std::int64_t most_ticks = 86'400'000;  // a day

  // phase 2 | generation 14 | until 36, a time in ticks that wraps after two years | failures in a row 6 | probes out 6.
  // A generation comes round again after 16,384 changes, each of which takes an open period or a report.
  struct Word {
    std::uint64_t bits = 0;

    static constexpr Word make(Phase phase, unsigned generation, std::uint64_t until, unsigned streak, unsigned out) noexcept {
      return {std::uint64_t{phase} << 62 | std::uint64_t{generation & 0x3FFFu} << 48 | (until & mask) << 12 |
              std::uint64_t{streak & 63u} << 6 | std::uint64_t{out & 63u}};
    }
    constexpr Phase phase() const noexcept { return static_cast<Phase>(bits >> 62); }
    constexpr std::uint16_t generation() const noexcept { return static_cast<std::uint16_t>(bits >> 48 & 0x3FFFu); }
    constexpr std::uint64_t until() const noexcept { return bits >> 12 & mask; }
    constexpr unsigned streak() const noexcept { return static_cast<unsigned>(bits >> 6 & 63u); }
    constexpr unsigned out() const noexcept { return static_cast<unsigned>(bits & 63u); }

    /// Ticks until `until`; 0: it has passed. What seems further off than the longest rest has passed long ago.
    constexpr std::int64_t left(Time now) const noexcept {
      const std::uint64_t ahead = (until() - static_cast<std::uint64_t>(floor_tick(now))) & mask;
      return ahead <= static_cast<std::uint64_t>(most_ticks) + 1 ? static_cast<std::int64_t>(ahead) : 0;
    }
    static constexpr std::uint64_t mask = (std::uint64_t{1} << 36) - 1;
  };

  static constexpr std::int64_t past_tick(Time t) noexcept {
    const std::int64_t r = t.time_since_epoch().count() % tick;
    return r < 0 ? r + tick : r;
  }
  static constexpr std::int64_t floor_tick(Time t) noexcept {
    return t.time_since_epoch().count() / tick - (t.time_since_epoch().count() % tick < 0);
  }
  // Rounded up: a rest is never shorter than it says.
  static constexpr std::uint64_t tick_after(Time now, Duration d) noexcept {
    const Time t = later(now, longer(std::chrono::milliseconds(1), shorter(d, std::chrono::hours(24))));
    return static_cast<std::uint64_t>(floor_tick(t) + (past_tick(t) != 0));
  }
  static constexpr unsigned within(int n) noexcept { return n < 1 ? 1u : n > 63 ? 63u : static_cast<unsigned>(n); }
  unsigned most_probes() const noexcept { return within(probes); }
  std::uint64_t expiry(Time now) const noexcept { return tick_after(now, probe_expires); }

  Word after_ordinary(Word w, const Outcome& o, Time now) const noexcept {
    if (w.phase() != closed) return w;
    if (o.ok()) return Word::make(closed, w.generation(), 0, 0, 0);
    if (o.blame() != Blame::failure) return w;
    if (w.streak() + 1 < within(failures)) return Word::make(closed, w.generation(), 0, w.streak() + 1, 0);
    return Word::make(opened, w.generation() + 1u, tick_after(now, open), w.streak() + 1, 0);
  }
  Word after_probe(Word w, const Outcome& o, Time now) const noexcept {
    if (w.phase() == closed || w.out() == 0) return w;
    if (o.ok()) return Word::make(closed, w.generation() + 1u, 0, 0, 0);
    if (o.blame() == Blame::failure || o.blame() == Blame::rest)
      return Word::make(opened, w.generation() + 1u, tick_after(now, open), w.streak(), 0);
    return Word::make(w.phase(), w.generation(), w.until(), w.streak(), w.out() - 1);
  }
};

}  // namespace cooldown
}  // namespace llmroute

#endif
