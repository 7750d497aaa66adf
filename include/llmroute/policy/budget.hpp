// SPDX-License-Identifier: MIT
// Budget: may this money be spent? Any number of them; all must agree, in the order given.
//
// | expression                           | result                | when                                                |
// |--------------------------------------|-----------------------|-----------------------------------------------------|
// | `b.reserve(query, provider, worst, now)` | optional<Reservation> | before an attempt is sent, with the most it can cost |
// | `b.settle(reservation, real, now)`   | void                  | exactly once for each reservation; 0 where nothing was sent |
// | `b.has_room(query, provider, worst, now)` | bool             | optional: what `reserve` would say; changes nothing |
// | `b.each_alert(f)`                    | void                  | optional: calls `f(const BudgetAlert&)` for each threshold that was passed since |
// | `b.problem()`                        | string_view           | optional: not empty: why no request may be sent at all |
//
// | available    | when to use                                                                                              |
// |--------------|----------------------------------------------------------------------------------------------------------|
// | `PerRequest` | a ceiling for each request: its attempts together                                                        |
// | `Rules`     | rules that must all agree: by window, provider, tenant or tag; alerts; saved, loaded, written ahead      |
// | `Off`        | a role that is to be filled and do nothing                                                               |
//
// `Rules` is in a header of its own, policy/budget/rules.hpp. Not provided: a limit that several processes share.
#ifndef LLMROUTE_POLICY_BUDGET_HPP
#define LLMROUTE_POLICY_BUDGET_HPP

#include <concepts>
#include <optional>
#include <string_view>
#include <type_traits>

#include "llmroute/function_ref.hpp"
#include "llmroute/money.hpp"
#include "llmroute/policy/budget/per_request.hpp"
#include "llmroute/policy/observer.hpp"  // BudgetAlert
#include "llmroute/policy/query.hpp"

namespace llmroute {

template <class T>
concept Budget =
    requires { typename T::Reservation; } && std::is_trivially_copyable_v<typename T::Reservation> &&
    requires(T& t, const Query& q, const Provider& p, Money worst, Money real, typename T::Reservation r, Time now) {
      { t.reserve(q, p, worst, now) } -> std::same_as<std::optional<typename T::Reservation>>;
      t.settle(r, real, now);
    };

/// It can be asked without taking anything.
template <class T>
concept TellsRoom = Budget<T> && requires(const T& t, const Query& q, const Provider& p, Money worst, Time now) {
  { t.has_room(q, p, worst, now) } -> std::same_as<bool>;
};
/// It may be wrong in itself, and says how.
template <class T>
concept TellsProblem = Budget<T> && requires(const T& t) {
  { t.problem() } -> std::convertible_to<std::string_view>;
};
template <class T>
concept Alerts = Budget<T> && requires(T& t, FunctionRef<void(const BudgetAlert&)> f) { t.each_alert(f); };

namespace budget {
struct Off {
  struct Reservation {};
  std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) const noexcept { return Reservation{}; }
  void settle(Reservation, Money, Time) const noexcept {}
};
}  // namespace budget

}  // namespace llmroute

#endif
