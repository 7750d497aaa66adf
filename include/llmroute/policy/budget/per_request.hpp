// SPDX-License-Identifier: MIT
// A ceiling for one request: its attempts together never cost more.
//
//     Router router{fleet, transport, budget::PerRequest{.most = dollars("0.02")}};
//
// When to use: so that no single request runs away, by a dear provider, by a long prompt or by many attempts.
// Not provided: memory. It knows what the attempts before have cost, as far as that is known; of attempts that run at once
// (hedges) each is held to what those before them left, so together they may reserve the ceiling once each.
#ifndef LLMROUTE_POLICY_BUDGET_PER_REQUEST_HPP
#define LLMROUTE_POLICY_BUDGET_PER_REQUEST_HPP

#include <optional>
#include <string_view>

#include "llmroute/money.hpp"
#include "llmroute/policy/query.hpp"

namespace llmroute::budget {

struct PerRequest {
  Money most{};

  struct Reservation {};

  /// What is wrong with it, and what to do; empty: nothing. Until that is set right it refuses everything.
  constexpr std::string_view problem() const noexcept {
    return most < Money() ? "the most that a request may cost is negative: set .most = dollars(\"0.02\"), for example" : "";
  }
  bool has_room(const Query& q, const Provider&, Money worst, Time) const noexcept {
    if (most < Money() || worst < Money() || worst == Money::most()) return false;  // the last: nobody knows the price
    return worst == Money() || q.spent + worst <= most;
  }
  std::optional<Reservation> reserve(const Query& q, const Provider& p, Money worst, Time now) const noexcept {
    return has_room(q, p, worst, now) ? std::optional<Reservation>(Reservation{}) : std::nullopt;
  }
  void settle(Reservation, Money, Time) const noexcept {}
};

}  // namespace llmroute::budget

#endif
