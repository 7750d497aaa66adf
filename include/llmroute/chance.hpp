// SPDX-License-Identifier: MIT
// Chance without a state: whoever has a seed draws from it.
#ifndef LLMROUTE_CHANCE_HPP
#define LLMROUTE_CHANCE_HPP

#include <cstdint>

namespace llmroute {

/// A stateless random source: the same seed and salt give the same bits.
constexpr std::uint64_t mix(std::uint64_t seed, std::uint64_t salt) noexcept {
  std::uint64_t x = seed + 0x9E3779B97F4A7C15ull * (salt + 1);
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}
/// Those bits as a number in (0, 1).
constexpr double unit(std::uint64_t bits) noexcept { return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52; }

}  // namespace llmroute

#endif
