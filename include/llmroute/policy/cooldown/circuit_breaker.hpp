// SPDX-License-Identifier: MIT
// A breaker for each place: it opens after a few failures in a row, or when a good share of the last minute's calls failed,
// and later lets a counted probe find out whether all is well.
//
// When to use: nearly always. It judges by few calls, because a window that wants a hundred of them would never open over the
// few calls a minute that language models get.
// Not provided: slowness as a failure (a ranking moves away from it), and rests that several machines share.
//
// | from      | what happens                                          | to                                              |
// |-----------|-------------------------------------------------------|-------------------------------------------------|
// | closed    | `failures` blamed failures in a row; a success resets | open, one level up                              |
// | closed    | a failure makes it `share` of `at_least` calls        | open, one level up                              |
// | closed    | it stays so for `within`                              | closed, one level down                          |
// | open      | its rest has passed and somebody asks                 | half-open, and that is the first probe          |
// | open      | everybody rests                                       | still open, but one probe may go early          |
// | open      | the early probe fails, or meets a rate limit          | open, rests anew on the same level              |
// | half-open | a probe fails, or meets a rate limit                  | open, one level up                              |
// | both      | a probe succeeds                                      | closed, on its level, nothing counted           |
// | both      | a probe is cancelled, or meets what blames nobody     | as it was, its permit is back                   |
// | half-open | all probes are out, none reports for `probe_expires`  | half-open, counted anew                         |
// | any       | `release`                                             | closed, on the lowest level, nothing counted    |
//
// The level is what makes rests grow: `open`, twice that, four times, up to `longest`. A provider that is up for 5 s and down
// for 5 s climbs, because a probe that succeeds takes no level away; time without an opening does, so nobody is exiled.
//
// A rate limit is not a call that counts: it is no failure and resets nothing. Each change begins a generation; a permit knows
// its own, and a late result of an older one changes nothing. All of it is one word, so that phase, time, level and counts
// never disagree; the calls of the last minute stand apart, each marked with its generation.
#ifndef LLMROUTE_POLICY_COOLDOWN_CIRCUIT_BREAKER_HPP
#define LLMROUTE_POLICY_COOLDOWN_CIRCUIT_BREAKER_HPP

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "llmroute/chance.hpp"
#include "llmroute/failure.hpp"
#include "llmroute/policy/cooldown/phase.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

enum class Need : std::uint8_t;  // its words are in policy/cooldown.hpp, the door to here; Need{} is the ordinary one

namespace cooldown {

/// Counts and times beyond what is said of them are held at the nearest that is.
struct CircuitBreaker {
  int failures = 3;                                   ///< in a row; 1 to 31
  double share = 0.5;                                 ///< of the calls; not above 0, above 1 or NaN: only a row opens it
  int at_least = 5;                                   ///< calls, before their share means anything; 1 or more
  Duration within = std::chrono::seconds(60);         ///< to 24 h; zero, or less: no share, and closing forgets the level
  Duration open = std::chrono::seconds(5);            ///< the first rest; this and `probe_expires` 1 ms to 24 h
  Duration longest = std::chrono::seconds(300);       ///< to 24 h; `open` or less: rests do not grow
  double jitter = 0.2;                                ///< of a rest, less or more; not above 0 or NaN: exact; at most 1
  int probes = 1;                                     ///< out at once; 1 to 31
  Duration probe_expires = std::chrono::seconds(60);  ///< longer than an attempt may take, or its result comes too late
  Duration rest = std::chrono::seconds(60);           ///< after a 429 without a hint

  /// Nothing else is published with these, so relaxed order is enough.
  struct State {
    std::atomic<std::uint64_t> word{0};
    /// A ring of eighths of `within`, each of which expires by itself. Apart, as all read the word and all write here.
    alignas(64) std::array<std::atomic<std::uint64_t>, 8> calls{};
  };
  struct Permit {
    std::uint16_t generation = 0;
    bool probe = false;
  };

  Time rest_until(const State& s, Time now) const noexcept {
    const Word w = Word::of(s.word.load(std::memory_order_relaxed));
    const std::int64_t left = w.left(now);
    if (w.phase == Phase::closed || left == 0 || (w.phase == Phase::half_open && w.out < most_probes())) return now;
    const Time until = later(now, std::chrono::milliseconds(left) - Duration(past_tick(now)));
    // A probe usually reports long before it expires: who waits for it looks again soon.
    return w.phase == Phase::half_open ? sooner(until, later(now, std::chrono::seconds(1))) : until;
  }

  /// For a status: an open one whose rest has passed only waits for somebody to ask.
  Phase phase(const State& s, Time now) const noexcept {
    const Word w = Word::of(s.word.load(std::memory_order_relaxed));
    return w.phase == Phase::open && w.left(now) == 0 ? Phase::half_open : w.phase;
  }

  std::optional<Permit> admit(State& s, Time now, Need need) const noexcept {
    std::uint64_t bits = s.word.load(std::memory_order_relaxed);
    for (;;) {
      const Word w = Word::of(bits);
      if (w.phase == Phase::closed) return Permit{w.generation, false};
      const bool over = w.left(now) == 0;
      Word next = w;
      if (w.phase == Phase::half_open && w.out < most_probes() && (w.out == 0 || !over)) {
        ++next.out;
        next.until = tick_after(now, probe_expires);
      } else if (over) {
        next = changed(w, Phase::half_open, tick_after(now, probe_expires), w.level);
        next.out = 1;
      } else if (need != Need{} && w.out == 0) {  // open, and nobody went early
        next.out = 1;
      } else {
        return std::nullopt;
      }
      if (s.word.compare_exchange_weak(bits, next.bits(), std::memory_order_relaxed)) return Permit{next.generation, true};
    }
  }

  /// For attempts that nobody admitted.
  void report(State& s, const Outcome& o, Time now) const noexcept {
    report(s, Permit{Word::of(s.word.load(std::memory_order_relaxed)).generation, false}, o, now);
  }

  void report(State& s, Permit p, const Outcome& o, Time now) const noexcept {
    std::uint64_t bits = s.word.load(std::memory_order_relaxed);
    bool too_many = false, counted = false;
    for (;;) {
      const Word w = Word::of(bits);
      if (w.generation != p.generation) return;
      if (!p.probe && !counted && w.phase == Phase::closed) {
        counted = true;
        too_many = count(s, w.generation, o, now);
      }
      const std::uint64_t next = (p.probe ? after_probe(w, o, now) : after_ordinary(w, o, too_many, now)).bits();
      if (next == bits || s.word.compare_exchange_weak(bits, next, std::memory_order_relaxed)) return;
    }
  }

  /// Ends any rest, by hand.
  void release(State& s, Time now) const noexcept {
    std::uint64_t bits = s.word.load(std::memory_order_relaxed);
    while (!s.word.compare_exchange_weak(bits, changed(Word::of(bits), Phase::closed, tick_at(now), 0).bits(),
                                         std::memory_order_relaxed)) {
    }
  }

  /// A quota that is used up does not come back within a minute.
  Duration rest_for(const Outcome& o) const noexcept {
    const Duration plain = longer(rest, Duration::zero());
    return o.kind == Kind::quota_exhausted ? longer(plain, std::chrono::minutes(15)) : plain;
  }

 private:
  static constexpr std::int64_t tick = 1'000'000;         // nanoseconds
  static constexpr std::int64_t most_ticks = 86'400'000;  // a day

  // phase 2 | generation 12 | until 36, a time in ticks that wraps after two years | in a row 5 | level 4 | probes out 5.
  // While closed `until` is when that began. A generation comes round again after 4,096 changes, each of which takes a rest
  // or a report.
  struct Word {
    Phase phase = Phase::closed;
    std::uint16_t generation = 0;
    std::uint64_t until = 0;
    unsigned in_a_row = 0, level = 0, out = 0;

    static constexpr Word of(std::uint64_t b) noexcept {
      return {
          static_cast<Phase>(b >> 62),         static_cast<std::uint16_t>(b >> 50 & 0xFFFu), b >> 14 & mask,
          static_cast<unsigned>(b >> 9 & 31u), static_cast<unsigned>(b >> 5 & 15u),          static_cast<unsigned>(b & 31u)};
    }
    constexpr std::uint64_t bits() const noexcept {
      return std::uint64_t{static_cast<std::uint8_t>(phase)} << 62 | std::uint64_t{generation} << 50 | until << 14 |
             std::uint64_t{in_a_row} << 9 | std::uint64_t{level} << 5 | out;
    }
    /// Ticks until `until`; 0: it has passed. What seems further off than the longest rest has passed long ago.
    constexpr std::int64_t left(Time now) const noexcept {
      const std::uint64_t ahead = (until - tick_at(now)) & mask;
      return ahead <= static_cast<std::uint64_t>(most_ticks) + 1 ? static_cast<std::int64_t>(ahead) : 0;
    }
    static constexpr std::uint64_t mask = (std::uint64_t{1} << 36) - 1;
  };

  // An eighth of the window: ring 24, how often it came round | generation 12 | failures 14 | calls 14. One that is of an
  // older generation, or of an older ring, is empty: so whatever changes the generation empties the window with it.
  struct Part {
    std::uint64_t ring = 0;
    std::uint16_t generation = 0;
    unsigned failures = 0, calls = 0;

    static constexpr Part of(std::uint64_t b) noexcept {
      return {b >> 40, static_cast<std::uint16_t>(b >> 28 & 0xFFFu), static_cast<unsigned>(b >> 14 & most),
              static_cast<unsigned>(b & most)};
    }
    constexpr std::uint64_t bits() const noexcept {
      return ring << 40 | std::uint64_t{generation} << 28 | std::uint64_t{failures} << 14 | calls;
    }
    /// A sample of this ring and generation comes too late for it.
    constexpr bool is_after(std::uint64_t r, unsigned g) const noexcept {
      const std::uint64_t rings = (ring - r) & mask;
      return calls != 0 && (rings == 0 ? ((generation - g) & 0xFFFu) - 1u < 2047u : rings < 1024);
    }
    static constexpr std::uint64_t mask = 0xFFFFFF, most = 0x3FFF;
  };

  static constexpr std::int64_t floored(std::int64_t n, std::int64_t by) noexcept { return n / by - (n % by < 0); }
  static constexpr std::int64_t past_tick(Time t) noexcept {
    const std::int64_t at = t.time_since_epoch().count(), r = at % tick;
    return r < 0 ? r + tick : r;
  }
  static constexpr std::uint64_t tick_at(Time t) noexcept {
    return static_cast<std::uint64_t>(floored(t.time_since_epoch().count(), tick)) & Word::mask;
  }
  // Rounded up: a rest is never shorter than it says.
  static constexpr std::uint64_t tick_after(Time now, Duration d) noexcept {
    const Time t = later(now, bounded(d));
    return (tick_at(t) + (past_tick(t) != 0)) & Word::mask;
  }
  static constexpr Duration bounded(Duration d) noexcept {
    return longer(std::chrono::milliseconds(1), shorter(d, std::chrono::hours(24)));
  }
  static constexpr unsigned bounded(int n) noexcept { return n < 1 ? 1u : n > 31 ? 31u : static_cast<unsigned>(n); }
  unsigned most_probes() const noexcept { return bounded(probes); }
  // Of the window; not under a tick.
  std::int64_t eighth() const noexcept { return longer(bounded(within) / 8, Duration(tick)).count(); }

  static constexpr Word changed(const Word& w, Phase to, std::uint64_t until, unsigned level) noexcept {
    return {to, static_cast<std::uint16_t>((w.generation + 1u) & 0xFFFu), until, 0, level, 0};
  }

  Duration top() const noexcept { return longer(bounded(longest), bounded(open)); }
  // Doubled up to 14 times: a day, 14 times doubled, is still a number of nanoseconds.
  Duration rest_at(unsigned level) const noexcept {
    return shorter(bounded(open) * (1 << (level == 0 ? 0 : level - 1)), top());
  }

  Word opened(const Word& w, unsigned level, const Outcome& o, Time now) const noexcept {
    Word next = changed(w, Phase::open, 0, level);
    const double spread = jitter > 0 ? (jitter < 1 ? jitter : 1) : 0;
    Duration d = rest_at(level);
    if (spread > 0) {
      const double chance = 2 * unit(mix(o.seed, next.generation)) - 1;
      d += Duration(static_cast<std::int64_t>(static_cast<double>(d.count()) * spread * chance));
      if (d > top()) d = top() - (d - top());  // mirrored, so that the longest rests are spread as well
    }
    next.until = tick_after(now, d);
    return next;
  }
  // A level that rests for the longest time has none above it, or who is well again would climb down for nothing.
  unsigned above(unsigned level) const noexcept {
    return level == 15 || (level > 0 && rest_at(level) >= top()) ? level : level + 1;
  }
  // What it has climbed down since it closed.
  unsigned level_now(const Word& w, Time now) const noexcept {
    if (within <= Duration::zero()) return 0;
    if (w.left(now) > 0) return w.level;  // another thread's time is ahead of this one's
    const std::uint64_t down = ((tick_at(now) - w.until) & Word::mask) / static_cast<std::uint64_t>(8 * eighth() / tick);
    return down < w.level ? w.level - static_cast<unsigned>(down) : 0;
  }

  Word after_ordinary(const Word& w, const Outcome& o, bool too_many, Time now) const noexcept {
    Word next = w;
    if (w.phase != Phase::closed) return next;
    if (o.ok()) next.in_a_row = 0;
    if (o.blame() != Blame::failure) return next;
    if (++next.in_a_row >= bounded(failures) || too_many) return opened(w, above(level_now(w, now)), o, now);
    return next;
  }
  Word after_probe(const Word& w, const Outcome& o, Time now) const noexcept {
    if (w.phase == Phase::closed || w.out == 0) return w;
    if (o.ok()) return changed(w, Phase::closed, tick_at(now), w.level);
    if (o.blame() == Blame::failure || o.blame() == Blame::rest)
      return opened(w, w.phase == Phase::open ? w.level : above(w.level), o, now);
    Word next = w;
    --next.out;
    return next;
  }

  /// Adds a call, and says whether too many of the last ones failed.
  bool count(State& s, std::uint16_t generation, const Outcome& o, Time now) const noexcept {
    const bool failed = o.blame() == Blame::failure;
    if (!(share > 0 && share <= 1) || within <= Duration::zero() || !(failed || o.ok())) return false;
    const auto at = static_cast<std::uint64_t>(floored(now.time_since_epoch().count(), eighth()));
    auto& slot = s.calls[at % 8];
    const std::uint64_t ring = at >> 3 & Part::mask;
    std::uint64_t bits = slot.load(std::memory_order_relaxed);
    for (;;) {
      Part part = Part::of(bits);
      if (part.is_after(ring, generation)) break;
      if (part.ring != ring || part.generation != generation) part = {ring, generation};
      if (part.calls == Part::most) part.calls /= 2, part.failures /= 2;  // full: what it says is their share
      ++part.calls;
      part.failures += failed;
      if (slot.compare_exchange_weak(bits, part.bits(), std::memory_order_relaxed)) break;
    }
    if (!failed) return false;

    std::uint64_t bad = 0, all = 0;
    for (std::uint64_t age = 0; age < 8; ++age) {
      const Part part = Part::of(s.calls[(at - age) % 8].load(std::memory_order_relaxed));
      if (part.ring != ((at - age) >> 3 & Part::mask) || part.generation != generation) continue;
      bad += part.failures;
      all += part.calls;
    }
    return all >= (at_least < 1 ? 1u : static_cast<unsigned>(at_least)) &&
           static_cast<double>(bad) / static_cast<double>(all) >= share;
  }
};

}  // namespace cooldown
}  // namespace llmroute

#endif
