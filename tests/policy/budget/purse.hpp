// SPDX-License-Identifier: MIT
// What the tests of budgets have in common: a request to ask with, and a wall clock that stands where it is put.
#ifndef LLMROUTE_TESTS_POLICY_BUDGET_PURSE_HPP
#define LLMROUTE_TESTS_POLICY_BUDGET_PURSE_HPP

#include <chrono>
#include <string>
#include <utility>

#include "llmroute/policy/budget/rules.hpp"

namespace tests {

using namespace llmroute;

inline std::chrono::system_clock::time_point& on_the_wall() {
  static std::chrono::system_clock::time_point time{};
  return time;
}
inline std::chrono::system_clock::time_point read_wall() { return on_the_wall(); }

/// "2026-02-01" and a time of that day.
inline void put_wall(int year, unsigned month, unsigned day, std::chrono::nanoseconds of_day = {}) {
  namespace c = std::chrono;
  on_the_wall() = c::sys_days(c::year_month_day{c::year(year), c::month(month), c::day(day)}) +
                  c::duration_cast<c::system_clock::duration>(of_day);
}

struct Asking {
  ChatRequest request{.messages = "Hello"};
  Options options{};
  Query query{.request = request, .options = options};
  Provider provider{};

  explicit Asking(std::string tenant = {}, std::string name = "one") {
    options.tenant = std::move(tenant);
    provider.name = std::move(name);
  }
  template <class B>
  auto reserve(B& b, std::int64_t nanos, Time now = {}) const {
    return b.reserve(query, provider, Money::nanos(nanos), now);
  }
  template <class B>
  bool has_room(const B& b, std::int64_t nanos, Time now = {}) const {
    return b.has_room(query, provider, Money::nanos(nanos), now);
  }
};

/// What is spent and reserved of one rule; of whom, where it is for each.
inline Money used(const budget::Rules& limits, std::string_view rule = "all", std::string_view of = {}, Time now = {}) {
  for (const auto& a : limits.status(now).accounts)
    if (a.name == rule && a.of == of) return a.spent + a.reserved;
  return Money();
}
inline Money reserved(const budget::Rules& limits, std::string_view rule = "all", Time now = {}) {
  for (const auto& a : limits.status(now).accounts)
    if (a.name == rule) return a.reserved;
  return Money();
}

}  // namespace tests

#endif
