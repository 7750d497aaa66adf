// SPDX-License-Identifier: MIT
// The tokens that a provider says it has counted.
#ifndef LLMROUTE_USAGE_HPP
#define LLMROUTE_USAGE_HPP

#include <cstdint>

#include "llmroute/money.hpp"

namespace llmroute {

/// Counted alike for all vendors, whatever they call the parts: of `prompt`, `cached` was read from a cache and
/// `cache_written` written to one; of `completion`, `reasoning` was thought.
struct Usage {
  std::int64_t prompt = 0;
  std::int64_t completion = 0;
  std::int64_t cached = 0;
  std::int64_t cache_written = 0;
  std::int64_t reasoning = 0;
  bool reported = false;  ///< false: the provider said nothing, the figures are estimates or zero

  constexpr std::int64_t total() const noexcept { return detail::saturating_add(prompt, completion); }
  friend constexpr bool operator==(const Usage&, const Usage&) noexcept = default;
};

}  // namespace llmroute

#endif
