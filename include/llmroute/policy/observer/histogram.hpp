// SPDX-License-Identifier: MIT
// How latencies are counted so that percentiles can be read from a few numbers: four classes an octave, as wide as they are
// slow. A percentile is the middle of its class, so it is off by at most 9.1 %.
//
// | latency                        | its class                 | said of it          |
// |--------------------------------|---------------------------|---------------------|
// | below 1.05 ms (2^20 ns)        | the first                 | 0.5 ms              |
// | up to 73 min (2^42 ns)         | 4 an octave, 88 in all    | right within 9.1 %  |
// | beyond                         | the last                  | 73 min              |
#ifndef LLMROUTE_POLICY_OBSERVER_HISTOGRAM_HPP
#define LLMROUTE_POLICY_OBSERVER_HISTOGRAM_HPP

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "llmroute/time.hpp"

namespace llmroute::observe {

struct LatencyClasses {
  static constexpr std::size_t count = 90;

  static constexpr std::size_t of(Duration latency) noexcept {
    if (latency.count() < std::int64_t{1} << lowest) return 0;
    const auto ns = static_cast<std::uint64_t>(latency.count());
    const int octave = static_cast<int>(std::bit_width(ns)) - 1 - lowest;
    if (octave >= octaves) return count - 1;
    const std::uint64_t step = ns >> octave;                                              // 2^20 to 2^21
    const int quarter = (step >= 1'246'974) + (step >= 1'482'910) + (step >= 1'763'488);  // 2^20.25, 2^20.5, 2^20.75
    return 1 + static_cast<std::size_t>(octave) * 4 + static_cast<std::size_t>(quarter);
  }

  /// What is said of a latency in that class.
  static constexpr Duration middle(std::size_t i) noexcept {
    constexpr std::int64_t middles[]{1'143'480, 1'359'835, 1'617'125, 1'923'097};  // 2^20.125, 2^20.375 and so on
    if (i == 0) return Duration(std::int64_t{1} << (lowest - 1));
    if (i >= count - 1) return Duration(std::int64_t{1} << (lowest + octaves));
    return Duration(middles[(i - 1) % 4] << ((i - 1) / 4));
  }

  /// The smallest latency that is not below `percent` of those counted; nothing: none was. `counts` has one of each class.
  static constexpr std::optional<Elapsed> percentile(std::span<const std::uint64_t> counts, unsigned percent) noexcept {
    std::uint64_t all = 0, below = 0;
    for (std::uint64_t n : counts) all += n;
    if (all == 0) return std::nullopt;
    const std::uint64_t rank = all / 100 * percent + (all % 100 * percent + 99) / 100;
    std::size_t i = 0;
    while (i + 1 < counts.size() && (below += counts[i]) < rank) ++i;
    return Elapsed(middle(i));
  }

 private:
  static constexpr int lowest = 20, octaves = 22;
};

}  // namespace llmroute::observe

#endif
