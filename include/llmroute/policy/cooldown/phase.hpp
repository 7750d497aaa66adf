// SPDX-License-Identifier: MIT
// What a breaker says of one place when it is asked for its status.
#ifndef LLMROUTE_POLICY_COOLDOWN_PHASE_HPP
#define LLMROUTE_POLICY_COOLDOWN_PHASE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace llmroute::cooldown {

enum class Phase : std::uint8_t {
  closed,    ///< asked like any other
  open,      ///< rests
  half_open  ///< counted probes find out whether all is well
};
constexpr std::string_view to_string(Phase p) noexcept {
  constexpr std::array<std::string_view, 3> names{"closed", "open", "half-open"};
  return names[static_cast<std::size_t>(p)];
}

}  // namespace llmroute::cooldown

#endif
