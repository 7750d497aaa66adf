// SPDX-License-Identifier: MIT
// Budget: may this money be spent? Any number of them; all must agree, in the order given.
//
// | expression                           | result                | when                                                |
// |--------------------------------------|-----------------------|-----------------------------------------------------|
// | `b.reserve(query, provider, worst, now)` | optional<Reservation> | before an attempt is sent, with the most it can cost |
// | `b.settle(reservation, real, now)`   | void                  | exactly once for each reservation; 0 where nothing was sent |
#ifndef LLMROUTE_POLICY_BUDGET_HPP
#define LLMROUTE_POLICY_BUDGET_HPP

#include <concepts>
#include <optional>
#include <type_traits>

#include "llmroute/money.hpp"
#include "llmroute/policy/query.hpp"

namespace llmroute {

template <class T>
concept Budget =
    requires { typename T::Reservation; } && std::is_trivially_copyable_v<typename T::Reservation> &&
    requires(T& t, const Query& q, const Provider& p, Money worst, Money real, typename T::Reservation r, Time now) {
      { t.reserve(q, p, worst, now) } -> std::same_as<std::optional<typename T::Reservation>>;
      t.settle(r, real, now);
    };

namespace budget {
struct Off {
  struct Reservation {};
  std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) const noexcept { return Reservation{}; }
  void settle(Reservation, Money, Time) const noexcept {}
};
}  // namespace budget

}  // namespace llmroute

#endif
