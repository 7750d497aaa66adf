// SPDX-License-Identifier: MIT
// Of two that are drawn, the one that is expected to answer sooner: by its latency of late and by how many wait there.
//
// When to use: many requests over many providers, where latencies change from minute to minute.
// Not provided: the best of all; a decision looks at two, and takes the same time for ten thousand.
//
// | a place                                   | counts as                                                                |
// |-------------------------------------------|--------------------------------------------------------------------------|
// | has answered slower than it is known for  | that slow, at once                                                       |
// | has answered faster                       | nearer to that, the more the longer ago the last measure is              |
// | was not asked for a while                 | faster with time, by e^(-t / `decay`), so that it is asked again         |
// | has some that wait for their content      | at least as slow as these have waited on average                         |
// | has failed, and it was its fault          | at least as slow as `penalty`, the hint it gave, and the time it took    |
// | was stopped: hedge, deadline or caller    | at least that slow                                                       |
// | was never measured                        | what it is expected to take; unknown: 0, and last while somebody is      |
// |                                           | there finding out                                                        |
//
// Times are to the first content of a stream, or to the end of a whole reply; the two are kept apart, and where one was not
// measured the other counts. The load is the time, as many times as there are calls in flight and one more.
#ifndef LLMROUTE_POLICY_RANKING_PEAK_EWMA_HPP
#define LLMROUTE_POLICY_RANKING_PEAK_EWMA_HPP

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>  // exp
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "llmroute/policy/observer.hpp"
#include "llmroute/policy/query.hpp"

namespace llmroute {
namespace detail {

/// Milliseconds and when they were measured, in one word, so that they are always of the same measure.
class PeakEstimate {
 public:
  bool known() const noexcept { return word_.load(std::memory_order_relaxed) >> 32 != 0; }
  double ms(Time now, Duration decay) const noexcept {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    return value(word) * kept(word, stamp(now), decay);
  }
  void measured(double ms, Time now, Duration decay) noexcept {
    change(now, [&](std::uint64_t word, std::uint32_t at) {
      const double old = value(word), share = kept(word, at, decay);
      return ms >= old ? ms : old * share + ms * (1 - share);
    });
  }
  void at_least(double ms, Time now, Duration decay) noexcept {
    change(now, [&](std::uint64_t word, std::uint32_t at) { return ms > value(word) * kept(word, at, decay) ? ms : 0; });
  }

 private:
  static std::uint32_t stamp(Time t) noexcept { return static_cast<std::uint32_t>(t.time_since_epoch().count() / 1'000'000); }
  static double value(std::uint64_t word) noexcept {
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(word >> 32)));
  }
  // Stamps come round after 49 days. A clock that was read a moment before another thread's is not 49 days old.
  static std::uint32_t since(std::uint64_t word, std::uint32_t now) noexcept {
    const std::uint32_t ms = now - static_cast<std::uint32_t>(word);
    return ms > 0xFFFFFFFFu - 600'000u ? 0 : ms;
  }
  static double kept(std::uint64_t word, std::uint32_t now, Duration decay) noexcept {
    const std::uint32_t ms = since(word, now);
    return ms == 0 ? 1 : std::exp(-static_cast<double>(ms) * 1e6 / static_cast<double>(decay.count()));
  }
  /// `f(word, now)`: the new milliseconds, or 0 to leave it.
  template <class F>
  void change(Time now, F&& f) noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed), fresh;
    do {
      const std::uint32_t at = stamp(now);
      const double ms = f(old, at);
      if (!(ms > 0)) return;
      const bool late = old >> 32 != 0 && since(old, at) == 0;
      const std::uint32_t newer = late ? static_cast<std::uint32_t>(old) : at;
      fresh = std::uint64_t{std::bit_cast<std::uint32_t>(static_cast<float>(ms))} << 32 | newer;
    } while (!word_.compare_exchange_weak(old, fresh, std::memory_order_relaxed));
  }
  std::atomic<std::uint64_t> word_{0};
};

/// How many wait for their first content, and the sum of when they began, in one word, so that neither is without the other.
class Awaited {
 public:
  void add(Time began) noexcept { word_.fetch_add(millis(began) << bits | 1, std::memory_order_relaxed); }
  void remove(Time began) noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed);
    while (count(old) > 0 &&  // one that nobody added takes nothing away
           !word_.compare_exchange_weak(old, old - (millis(began) << bits | 1), std::memory_order_relaxed)) {
    }
  }
  std::uint64_t count() const noexcept { return count(word_.load(std::memory_order_relaxed)); }
  /// How long they have waited on average; 0: nobody waits.
  double ms(Time now) const noexcept {
    const std::uint64_t word = word_.load(std::memory_order_relaxed), n = count(word);
    if (n == 0) return 0;
    const std::uint64_t all = (n * millis(now) << bits) - (word - n);  // exact however often the sum has come round
    const std::int64_t sum = static_cast<std::int64_t>(all) >> bits;
    return sum > 0 ? static_cast<double>(sum) / static_cast<double>(n) : 0;
  }

 private:
  static constexpr int bits = 20;  // of the count; a million at one place
  static std::uint64_t count(std::uint64_t word) noexcept { return word & ((std::uint64_t{1} << bits) - 1); }
  static std::uint64_t millis(Time t) noexcept { return static_cast<std::uint64_t>(t.time_since_epoch().count() / 1'000'000); }
  std::atomic<std::uint64_t> word_{0};
};

}  // namespace detail

namespace ranking {

struct PeakEwma {
  Duration decay = std::chrono::seconds(60);
  Duration penalty = std::chrono::seconds(5);

  static constexpr std::string_view name = "peak ewma";
  static constexpr bool watches_load = true;

  struct State {
    struct Side {
      detail::PeakEstimate estimate{};
      detail::Awaited waiting{};
    };
    std::array<Side, 2> sides{};  // by Delivery
  };

  std::string refuse(const Query&) const {
    return decay > Duration::zero() && penalty >= Duration::zero()
               ? std::string()
               : "ranking::PeakEwma: decay is longer than zero, and penalty not negative";
  }

  std::size_t pick(const auto& candidates, const Query& q) const {
    const Pair pair = draw(candidates, mix(q.seed, 0x9EA4u + q.attempt));
    if (pair.b == none) return pair.a;
    const double a = load(candidates[pair.a], q, candidates.state(pair.a));
    const double b = load(candidates[pair.b], q, candidates.state(pair.b));
    return b < a ? pair.b : pair.a;
  }

  void learn(State& s, const Event& e) const noexcept {
    State::Side& side = s.sides[of(e.query == nullptr ? Delivery::whole : e.query->delivery)];
    switch (e.what) {
      case Event::What::sent: return side.waiting.add(e.now);
      case Event::What::first_content:
        side.waiting.remove(e.began);
        return side.estimate.measured(millis(e.now - e.began), e.now, decay);
      case Event::What::ended: break;
      default: return;
    }
    const Outcome& o = *e.outcome;
    if (!o.content) side.waiting.remove(e.now - o.total);
    if (o.blame() != Blame::none) {
      constexpr Duration longest = std::chrono::minutes(5);  // an account that is used up for a day rests by itself
      const Duration hint = shorter(o.retry_after, longest), took = o.content ? o.first_content : o.total;
      for (State::Side& each : s.sides) each.estimate.at_least(millis(longer(longer(hint, penalty), took)), e.now, decay);
    } else if (!o.content && o.ok()) {
      side.estimate.measured(millis(o.first_content), e.now, decay);
    } else if (!o.content && o.says_nothing()) {
      side.estimate.at_least(millis(o.total), e.now, decay);
    }
  }

  /// Lower is better.
  double load(const Candidate& c, const Query& q, const State& s) const noexcept {
    const State::Side &own = s.sides[of(q.delivery)], &other = s.sides[1 - of(q.delivery)];
    const int there = c.in_flight();
    double ms = 0;
    if (own.estimate.known()) ms = own.estimate.ms(c.now, decay);
    else if (other.estimate.known()) ms = larger(other.estimate.ms(c.now, decay), other.waiting.ms(c.now));
    else if (c.provider.expected_latency > Duration::zero()) ms = millis(c.provider.expected_latency);
    else if (there > 0) ms = 1e9;
    ms = larger(ms, own.waiting.ms(c.now));
    return ms * (there > 0 ? there + 1 : 1);
  }

 private:
  struct Pair {
    std::size_t a = none, b = none;
  };
  static Pair draw(const auto& candidates, std::uint64_t bits) {
    const std::size_t size = candidates.size();
    Pair pair;
    for (int i = 0; i < 24 && size > 1; ++i) {
      bits = mix(bits, 1);
      const auto at = static_cast<std::size_t>(bits % size);
      if (at == pair.a || !candidates.open(at)) continue;
      if (pair.a != none) return {pair.a, at};
      pair.a = at;
    }
    // Most are closed: each open one comes into the sample in place of an earlier one, with the same chance for all.
    pair = {};
    std::uint64_t open = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (!candidates.open(i)) continue;
      const std::uint64_t place = mix(bits, 2 + i) % ++open;
      if (place == 0) {
        if (open == 2) pair.b = pair.a;
        pair.a = i;
      } else if (place == 1) {
        pair.b = i;
      }
    }
    return pair;
  }
  static constexpr std::size_t of(Delivery d) noexcept { return d == Delivery::stream ? 1 : 0; }
  static double millis(Duration d) noexcept { return static_cast<double>(d.count() < 1 ? 1 : d.count()) * 1e-6; }
  static double larger(double a, double b) noexcept { return a < b ? b : a; }
};

}  // namespace ranking
}  // namespace llmroute

#endif
