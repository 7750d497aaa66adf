// SPDX-License-Identifier: MIT
// What a policy may be there for, and how it says so. A type that models one role's concept says nothing; one that models
// several must say which it plays.
//
// | in the policy, or where it is passed                  | it plays                                         |
// |-------------------------------------------------------|--------------------------------------------------|
// | nothing                                               | the one role whose concept it models             |
// | `using roles = Roles<role::Ranking, role::Observer>;` | these, and it must model each of them            |
// | `only<role::Ranking>(policy)`                         | this one, whatever the policy says               |
// | `std::ref(policy)`                                    | the same as the policy, which stays the caller's |
#ifndef LLMROUTE_POLICY_ROLES_HPP
#define LLMROUTE_POLICY_ROLES_HPP

#include <concepts>
#include <type_traits>

#include "llmroute/config.hpp"

namespace llmroute {

namespace role {
struct Transport {};
struct Ranking {};
struct Cooldown {};
struct Classifier {};
struct ModelMap {};
struct Retry {};
struct Hedge {};
struct Clock {};
struct Observer {};  ///< any number of them
struct Budget {};    ///< any number of them
}  // namespace role

/// The roles that a policy says it plays.
template <class... R>
struct Roles {};

/// A policy that plays one role and no other, whatever it could. `only<role::Ranking>(policy)` makes one.
template <class R, class P>
struct Only {
  LLMROUTE_NO_UNIQUE_ADDRESS P policy{};
};

/// What std::ref(policy) gives, known by its shape, so that <functional> stays out.
template <class P>
concept ReferenceTo = requires(const P& r) {
  typename P::type;
  { r.get() } -> std::same_as<typename P::type&>;
} && std::convertible_to<const P&, typename P::type&> && std::is_trivially_copyable_v<P>;

namespace detail {

// Compilers name the class whose static_assert fails, so it is called like the fault and carries the user's type.
template <class Policy>
struct policy_cannot_be_copied {
  static_assert(std::is_copy_constructible_v<Policy>,
                "llmroute: this policy keeps what it learns, so it is not copied: std::move it into the Router, or pass "
                "std::ref(policy)");
};

// Gives an expression its type where an error has been reported already. Never defined, never called.
template <class T>
T impossible();

}  // namespace detail

/// `only<role::Ranking>(policy)`: it plays this role, and no other that it could.
template <class R, class P>
constexpr Only<R, std::decay_t<P>> only(P&& policy) {
  using Policy = std::decay_t<P>;
  if constexpr (std::is_convertible_v<P, Policy>) {
    return {static_cast<P&&>(policy)};
  } else {  // what cannot even be moved: the Router says so
    if constexpr (std::is_move_constructible_v<Policy>) static_cast<void>(sizeof(detail::policy_cannot_be_copied<Policy>));
    return detail::impossible<Only<R, Policy>>();
  }
}

}  // namespace llmroute

#endif
