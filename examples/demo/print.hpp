// SPDX-License-Identifier: MIT
// What several acts of the demo print alike.
#ifndef LLMROUTE_EXAMPLES_DEMO_PRINT_HPP
#define LLMROUTE_EXAMPLES_DEMO_PRINT_HPP

#include <iostream>
#include <string_view>

#include <llmroute/failure.hpp>

namespace demo {

inline void heading(std::string_view question) { std::cout << "\n== " << question << '\n'; }

/// "swift (rate_limited), frugal (won)": who was asked in which order, and how it went.
inline void print_attempts(const llmroute::Trail& trail) {
  std::string_view before;
  for (const llmroute::TrailEntry& attempt : trail) {
    const bool failed = attempt.ending == llmroute::Ending::failed;
    std::cout << before << attempt.provider << " (" << (failed ? to_string(attempt.kind) : to_string(attempt.ending)) << ')';
    before = ", ";
  }
}

}  // namespace demo

#endif
