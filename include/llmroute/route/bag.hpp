// SPDX-License-Identifier: MIT
// The policies of a router: who plays which role, and where each of them lies. What is wrong with a bag is said by
// route/bag_diagnosis.hpp; here it is sound.
#ifndef LLMROUTE_ROUTE_BAG_HPP
#define LLMROUTE_ROUTE_BAG_HPP

#include <cstddef>
#include <type_traits>
#include <utility>

#include "llmroute/config.hpp"
#include "llmroute/policy/budget.hpp"
#include "llmroute/policy/classifier.hpp"
#include "llmroute/policy/clock.hpp"
#include "llmroute/policy/cooldown.hpp"
#include "llmroute/policy/cooldown/circuit_breaker.hpp"
#include "llmroute/policy/hedge.hpp"
#include "llmroute/policy/model_map.hpp"
#include "llmroute/policy/model_map/table.hpp"
#include "llmroute/policy/observer.hpp"
#include "llmroute/policy/ranking.hpp"
#include "llmroute/policy/retry.hpp"
#include "llmroute/policy/roles.hpp"
#include "llmroute/policy/transport.hpp"

namespace llmroute::detail {

enum class Players : unsigned char { one, any };

/// Whom a role takes, how many of them, and who plays it when nobody was given (void: nobody does).
template <unsigned Number, Players Count, class Otherwise>
struct FactsOf {
  static constexpr unsigned bit = 1u << Number;
  static constexpr bool many = Count == Players::any;
  using Default = Otherwise;
};
template <class R>
struct RoleFacts {
  static constexpr unsigned bit = 0;  // no role of ours
};
template <>
struct RoleFacts<role::Transport> : FactsOf<0, Players::one, void> {
  template <class T>
  static constexpr bool fits = Transport<T> || AsyncTransport<T>;
};
template <>
struct RoleFacts<role::Ranking> : FactsOf<1, Players::one, ranking::Priority> {
  template <class T>
  static constexpr bool fits = RankingStrategy<T>;
};
template <>
struct RoleFacts<role::Cooldown> : FactsOf<2, Players::one, cooldown::CircuitBreaker> {
  template <class T>
  static constexpr bool fits = CooldownPolicy<T>;
};
template <>
struct RoleFacts<role::Classifier> : FactsOf<3, Players::one, classify::Off> {
  template <class T>
  static constexpr bool fits = Classifier<T>;
};
template <>
struct RoleFacts<role::ModelMap> : FactsOf<4, Players::one, models::Table> {
  template <class T>
  static constexpr bool fits = ModelMap<T>;
};
template <>
struct RoleFacts<role::Retry> : FactsOf<5, Players::one, retry::Backoff> {
  template <class T>
  static constexpr bool fits = RetryPolicy<T>;
};
template <>
struct RoleFacts<role::Hedge> : FactsOf<6, Players::one, hedge::Off> {
  template <class T>
  static constexpr bool fits = Hedge<T>;
};
template <>
struct RoleFacts<role::Clock> : FactsOf<7, Players::one, SteadyClock> {
  template <class T>
  static constexpr bool fits = Clock<T>;
};
template <>
struct RoleFacts<role::Observer> : FactsOf<8, Players::any, void> {
  template <class T>
  static constexpr bool fits = Observer<T>;
};
template <>
struct RoleFacts<role::Budget> : FactsOf<9, Players::any, void> {
  template <class T>
  static constexpr bool fits = Budget<T>;
};

using AllRoles = Roles<role::Transport, role::Ranking, role::Cooldown, role::Classifier, role::ModelMap, role::Retry,
                       role::Hedge, role::Clock, role::Observer, role::Budget>;

/// 0: this is no list of roles of ours, or an empty one.
template <class List>
inline constexpr unsigned bits_of = 0;
template <class... R>
inline constexpr unsigned bits_of<Roles<R...>> = ((RoleFacts<R>::bit != 0) && ...) ? (RoleFacts<R>::bit | ... | 0u) : 0u;

/// The roles that a policy names, as bits; `silent` when it names none and may play whatever it models.
inline constexpr unsigned silent = ~0u;
template <class T>
inline constexpr unsigned said_by = silent;
template <class T>
  requires requires { typename T::roles; }
inline constexpr unsigned said_by<T> = bits_of<typename T::roles>;

/// How a policy was passed: as itself, as std::ref(policy), as only<role>(policy). `type` is the policy itself.
template <class P>
struct Passed {
  using type = P;
  static constexpr unsigned said = said_by<P>;
  static constexpr P& reach(P& p) noexcept { return p; }
  static constexpr const P& reach(const P& p) noexcept { return p; }
};
template <ReferenceTo P>
struct Passed<P> {
  using type = typename P::type;
  static constexpr unsigned said = said_by<type>;
  static constexpr type& reach(P& r) noexcept { return r.get(); }
  static constexpr const type& reach(const P& r) noexcept { return r.get(); }
};
template <class R, class P>
struct Passed<Only<R, P>> {
  using type = typename Passed<P>::type;
  static constexpr unsigned said = RoleFacts<R>::bit;
  static constexpr type& reach(Only<R, P>& o) noexcept { return Passed<P>::reach(o.policy); }
  static constexpr const type& reach(const Only<R, P>& o) noexcept { return Passed<P>::reach(o.policy); }
};
template <class P>
using policy_of = typename Passed<P>::type;

template <class P, class... Rs>
constexpr unsigned roles_played(Roles<Rs...>) {
  return (
      ((Passed<P>::said & RoleFacts<Rs>::bit) != 0 && RoleFacts<Rs>::template fits<policy_of<P>> ? RoleFacts<Rs>::bit : 0u) |
      ...);
}
/// The roles that a policy plays, as bits, so that a bag counts and looks up without a template for each pair.
template <class P>
inline constexpr unsigned plays = roles_played<P>(AllRoles{});

// One base class each, so that what has no state takes no room. The number keeps two of the same type apart.
template <class P, std::size_t I>
struct Held {
  LLMROUTE_NO_UNIQUE_ADDRESS P policy;
};
template <std::size_t I, class P>
constexpr auto& held(Held<P, I>& h) noexcept {
  return Passed<P>::reach(h.policy);
}
template <std::size_t I, class P>
constexpr const auto& held(const Held<P, I>& h) noexcept {
  return Passed<P>::reach(h.policy);
}

/// A constructor's argument on its way to the policy `P`. What does not fit is reported by the Router's constructor.
template <class P, class A>
constexpr decltype(auto) pass(std::remove_reference_t<A>& a) noexcept {
  if constexpr (std::is_convertible_v<A, P>) return static_cast<A&&>(a);
  else return impossible<P&&>();
}

template <class Indices, class... Ps>
struct Storage;
template <std::size_t... I, class... Ps>
struct Storage<std::index_sequence<I...>, Ps...> : Held<Ps, I>... {
  template <class... A>
  constexpr explicit Storage(std::in_place_t, A&&... a) : Held<Ps, I>{pass<Ps, A>(a)}... {}
  constexpr Storage() : Held<Ps, I>{impossible<Ps>()}... {}
};

template <class R, bool Needed>
struct Fallback {};
template <class R>
struct Fallback<R, true> {
  LLMROUTE_NO_UNIQUE_ADDRESS typename RoleFacts<R>::Default policy{};
};
/// The defaults of those roles that are not among `Filled`.
template <class List, unsigned Filled>
struct Fallbacks;
template <class... Rs, unsigned Filled>
struct Fallbacks<Roles<Rs...>, Filled>
    : Fallback<Rs, (Filled & RoleFacts<Rs>::bit) == 0 && !std::is_void_v<typename RoleFacts<Rs>::Default>>... {};

template <class... Ps>
inline constexpr unsigned filled_by = (plays<Ps> | ... | 0u);
/// How many of these policies play a role. A default does not count.
template <class R, class... Ps>
inline constexpr std::size_t players = (std::size_t{(plays<Ps> & RoleFacts<R>::bit) != 0} + ... + 0u);

template <class... Ps>
class Bag : Storage<std::index_sequence_for<Ps...>, Ps...>, Fallbacks<AllRoles, filled_by<Ps...>> {
  using Indices = std::index_sequence_for<Ps...>;

 public:
  /// One argument a policy, in the order of the type.
  template <class... A>
    requires(sizeof...(A) == sizeof...(Ps))
  constexpr explicit Bag(std::in_place_t tag, A&&... a) : Storage<Indices, Ps...>(tag, static_cast<A&&>(a)...) {}
  template <class... A>
    requires(sizeof...(A) != sizeof...(Ps))
  constexpr explicit Bag(std::in_place_t, A&&...) {}  // reported by the Router's constructor, like all that does not fit

  /// How many of the policies given play a role. A default does not count.
  template <class R>
  static constexpr std::size_t count() noexcept {
    return players<R, Ps...>;
  }

  /// Who plays a role that has one player.
  template <class R>
  constexpr auto& get() noexcept {
    return find<R>(*this);
  }
  template <class R>
  constexpr const auto& get() const noexcept {
    return find<R>(*this);
  }

  /// Calls `f` with each player of a role, in the order given; where `f` returns bool, until one says false. Were all true?
  template <class R, class F>
  constexpr bool each(F&& f) {
    return each_of<RoleFacts<R>::bit>(*this, f, Indices{});
  }
  template <class R, class F>
  constexpr bool each(F&& f) const {
    return each_of<RoleFacts<R>::bit>(*this, f, Indices{});
  }

  /// The one policy of type `T`, given or default; through a reference, the caller's own.
  template <class T>
  constexpr auto& policy() noexcept {
    constexpr std::size_t n = (std::size_t{std::is_same_v<T, policy_of<Ps>>} + ... + 0u);
    constexpr bool defaults = n == 0 && is_default<T>(AllRoles{});
    static_assert(n > 0 || defaults, "llmroute: this Router holds no policy of that type");
    static_assert(n < 2, "llmroute: this Router holds several policies of that type; keep them, and pass std::ref(policy)");
    if constexpr (n == 1) return held<position(std::is_same_v<T, policy_of<Ps>>...)>(*this);
    else if constexpr (defaults) return find_default<T>(AllRoles{});
    else return impossible<T&>();
  }

 private:
  template <class... B>
  static constexpr std::size_t position(B... is_it) noexcept {
    std::size_t i = 0;
    static_cast<void>(((is_it ? true : (++i, false)) || ...));
    return i;
  }

  template <class R, class Self>
  static constexpr auto& find(Self& self) noexcept {
    static_assert(!RoleFacts<R>::many, "llmroute: this role may be played by several; use each");
    using Default = Fallback<R, true>;
    if constexpr ((filled_by<Ps...> & RoleFacts<R>::bit) == 0)
      return static_cast<std::conditional_t<std::is_const_v<Self>, const Default, Default>&>(self).policy;
    else return held<position((plays<Ps> & RoleFacts<R>::bit) != 0 ...)>(self);
  }

  template <unsigned Bit, class Self, class F, std::size_t... I>
  static constexpr bool each_of(Self& self, F& f, std::index_sequence<I...>) {
    return (visit < I, (plays<Ps> & Bit) != 0 > (self, f) && ...);
  }
  template <std::size_t I, bool Plays, class Self, class F>
  static constexpr bool visit([[maybe_unused]] Self& self, [[maybe_unused]] F& f) {
    if constexpr (!Plays) return true;
    else if constexpr (std::is_same_v<decltype(f(held<I>(self))), bool>) return f(held<I>(self));
    else return f(held<I>(self)), true;
  }

  template <class T, class R>
  static constexpr bool stands_in =
      (filled_by<Ps...> & RoleFacts<R>::bit) == 0 && std::is_same_v<T, typename RoleFacts<R>::Default>;
  template <class T, class... Rs>
  static constexpr bool is_default(Roles<Rs...>) noexcept {
    return (stands_in<T, Rs> || ...);
  }
  template <class T, class... Rs>
  constexpr T& find_default(Roles<Rs...>) noexcept {
    T* found = nullptr;
    (look_in<T, Rs>(found), ...);
    return *found;
  }
  template <class T, class R>
  constexpr void look_in([[maybe_unused]] T*& found) noexcept {
    if constexpr (stands_in<T, R>) found = &static_cast<Fallback<R, true>&>(*this).policy;
  }
};

/// The type of who plays a role, given or default.
template <class R, class... Ps>
using policy_of_role = std::remove_reference_t<decltype(std::declval<Bag<Ps...>&>().template get<R>())>;

}  // namespace llmroute::detail

#endif
