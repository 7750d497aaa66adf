// SPDX-License-Identifier: MIT
// Who has answered fastest lately.
//
// When to use: somebody waits for the answer, and the prices are of one kind.
// Not provided: load (whoever is fastest gets every request until it is not: PeakEwma spreads them), and faults: who fails is
// left to the CooldownPolicy.
//
// | by                  | what is measured of a reply                                                                    |
// |---------------------|------------------------------------------------------------------------------------------------|
// | `first_content`     | milliseconds to the first content of a stream, to the end of a whole reply; the default         |
// | `per_token`         | milliseconds by its completion tokens: every reply counts alike                                 |
// | `tokens_per_second` | the same, but the mean is that of the speeds, and the score 1,000 by it                         |
//
// | a place is                                    | its score                                                              |
// |-----------------------------------------------|------------------------------------------------------------------------|
// | measured                                      | the moving average (newest 0.3), the mean of the `last` so many, or     |
// |                                               | what the share `percentile` of these keeps to                           |
// | not measured, or not within `forget`          | what the provider is expected to take; unknown: 0, so it is tried early |
// | the same, and a request is there finding out  | behind those that are measured, so that no two find out at once         |
// | the same, and within `forget` it has failed,  | likewise, unless that was the request's fault                           |
// | or answered without telling its tokens        |                                                                        |
//
// Who loses to a hedge or to the deadline is measured too: it takes at least that long. Streams and whole replies are measured
// apart, and a request goes by those of its own kind where there are any. A measure counts as ten times what is known at most,
// or as a second where that is more.
#ifndef LLMROUTE_POLICY_RANKING_FASTEST_HPP
#define LLMROUTE_POLICY_RANKING_FASTEST_HPP

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "llmroute/policy/observer.hpp"
#include "llmroute/policy/query.hpp"

namespace llmroute::ranking {

struct Fastest {
  enum class By : std::uint8_t { first_content, per_token, tokens_per_second };

  By by = By::first_content;
  int last = 0;           ///< so many, at most 32; 0: the moving average, of which there is no percentile: then all 32
  double percentile = 0;  ///< 0.95: what 95 % of the replies keep to; 0: the mean
  Duration forget = std::chrono::minutes(10);  ///< so that who was slow once is tried again; `endless`: never

  static constexpr std::string_view name = "latency";
  static constexpr bool watches_load = true;

  /// Of streams, or of whole replies.
  struct Measures {
    std::array<std::atomic<float>, 32> latest{};    // milliseconds; a ring that drops the oldest
    std::atomic<std::uint32_t> begun{0}, count{0};  // count: that are written
    std::atomic<float> figure{0};                   // what they come to: found out once a reply and not once a decision
    std::atomic<std::int64_t> measured{long_ago.time_since_epoch().count()};
  };
  struct State {
    std::array<Measures, 2> measures{};  // by Delivery
    std::atomic<std::int64_t> failed{long_ago.time_since_epoch().count()};
  };

  std::string refuse(const Query&) const {
    if (!(percentile >= 0 && percentile <= 1)) return "ranking::Fastest: percentile is a share from 0 to 1";
    return last >= 0 && forget >= Duration::zero() ? std::string() : "ranking::Fastest: neither last nor forget is negative";
  }

  double score(const Candidate& c, const Query& q, const State& s) const noexcept {
    const Measures &own = s.measures[of(q.delivery)], &other = s.measures[1 - of(q.delivery)];
    if (fresh(own.measured, c.now)) return static_cast<double>(own.figure.load(std::memory_order_relaxed));
    if (fresh(other.measured, c.now)) return static_cast<double>(other.figure.load(std::memory_order_relaxed));
    double expected = millis(c.provider.expected_latency);
    if (by != By::first_content && q.completion_tokens > 1) expected /= static_cast<double>(q.completion_tokens);
    constexpr double behind = 1e9;
    return c.in_flight() > 0 || fresh(s.failed, c.now) ? behind + expected : expected;
  }

  void learn(State& s, const Event& e) const noexcept {
    if (e.what != Event::What::ended) return;
    const Outcome& o = *e.outcome;
    const std::int64_t now = e.now.time_since_epoch().count();
    if (o.blame() != Blame::none) return s.failed.store(now, std::memory_order_relaxed);
    if (!o.ok() && o.ending != Ending::lost && o.ending != Ending::cut) return;

    const Duration took = o.ok() && by == By::first_content ? o.first_content : o.total;
    const std::int64_t parts = by == By::first_content ? 1 : o.ok() ? e.usage.completion : expected_tokens(e);
    // A coarse clock may see no time pass until some content, but no reply is that quick.
    const Duration shortest = by == By::first_content ? Duration::zero() : Duration(1);
    if (took < shortest || parts <= 0) return s.failed.store(now, std::memory_order_relaxed);
    Measures& m = s.measures[of(e.query == nullptr ? Delivery::whole : e.query->delivery)];
    add(m, longer(took, Duration(1)), static_cast<double>(parts), o.ok());
    m.measured.store(now, std::memory_order_release);
  }

 private:
  static constexpr std::size_t of(Delivery d) noexcept { return d == Delivery::stream ? 1 : 0; }
  static double millis(Duration d) noexcept { return static_cast<double>(d.count()) * 1e-6; }
  static std::int64_t expected_tokens(const Event& e) noexcept { return e.query == nullptr ? 0 : e.query->completion_tokens; }
  bool fresh(const std::atomic<std::int64_t>& at, Time now) const noexcept {
    const Time then{Duration(at.load(std::memory_order_acquire))};
    return then != long_ago && later(then, forget) > now;
  }

  void add(Measures& m, Duration took, double parts, bool exact) const noexcept {
    const float ms = static_cast<float>(millis(took) / parts), second = static_cast<float>(1'000 / parts);
    const auto bounded = [=](float known) {  // or one reply of many minutes would count for hours
      const float most = 10 * known > second ? 10 * known : second;
      return known > 0 && ms > most ? most : ms;
    };
    constexpr float newest = 0.3f;
    float known = m.figure.load(std::memory_order_relaxed), fresh;
    if (known > 0 && !exact && !(ms > known)) return;  // it may have taken longer
    if (last <= 0 && percentile <= 0) {
      do {
        fresh = known > 0 ? mean_of(known, bounded(known), newest) : ms;
      } while (!m.figure.compare_exchange_weak(known, fresh, std::memory_order_relaxed));
      return;
    }
    const std::uint32_t at = m.begun.fetch_add(1, std::memory_order_relaxed);
    m.latest[at % m.latest.size()].store(bounded(known), std::memory_order_relaxed);
    m.count.fetch_add(1);
    std::uint32_t seen;
    do {  // until nobody came in between: whoever is last has seen all
      seen = m.count.load();
      m.figure.store(figure(m, m.begun.load(std::memory_order_relaxed)));
    } while (m.count.load() != seen);
  }
  float mean_of(float known, float sample, float share) const noexcept {
    if (by == By::tokens_per_second) return 1 / (1 / known + share * (1 / sample - 1 / known));
    return known + share * (sample - known);
  }
  /// What the last of so many come to.
  float figure(const Measures& m, std::size_t begun) const noexcept {
    constexpr std::size_t size = 32;
    std::size_t n = last > 0 && static_cast<std::size_t>(last) < size ? static_cast<std::size_t>(last) : size;
    if (begun < n) n = begun;
    std::array<float, size> sorted;
    float sum = 0;
    std::size_t written = 0;
    for (std::size_t i = 1; i <= n; ++i) {
      const float ms = m.latest[(begun - i) % size].load(std::memory_order_relaxed);
      if (!(ms > 0)) continue;  // begun, and not written yet
      sum += by == By::tokens_per_second ? 1 / ms : ms;
      std::size_t k = written++;
      for (; k > 0 && sorted[k - 1] > ms; --k) sorted[k] = sorted[k - 1];
      sorted[k] = ms;
    }
    if (written == 0) return 0;
    if (percentile > 0) {
      const auto k = static_cast<std::size_t>(percentile * static_cast<double>(written) - 1e-9);  // the nearest rank
      return sorted[k < written ? k : written - 1];
    }
    const float mean = sum / static_cast<float>(written);
    return by == By::tokens_per_second ? 1 / mean : mean;
  }
};

}  // namespace llmroute::ranking

#endif
