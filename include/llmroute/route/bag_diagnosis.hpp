// SPDX-License-Identifier: MIT
// What is wrong with a router's policies: one error, one plain sentence, with the user's type in it. A router whose policies
// do not work out is a Broken: it says why, and answers every call, so that nothing else is reported.
#ifndef LLMROUTE_ROUTE_BAG_DIAGNOSIS_HPP
#define LLMROUTE_ROUTE_BAG_DIAGNOSIS_HPP

#include <type_traits>

#include "llmroute/policy/hedge.hpp"
#include "llmroute/policy/roles.hpp"
#include "llmroute/policy/transport.hpp"
#include "llmroute/route/answers_all.hpp"
#include "llmroute/route/bag.hpp"
#include "llmroute/route/policy_faults.hpp"

namespace llmroute::detail {

// Compilers name the class whose static_assert fails, so each is called like its fault and carries the types it is about.
template <class Policy, Fault F>
struct policy_does_not_fit {
  static_assert(F != Fault::is_fleet, "llmroute: a Router has one Fleet, its first argument");
  static_assert(F != Fault::is_pointer,
                "llmroute: a pointer is no policy: pass the policy itself, or std::ref(policy) to keep it yours");
  static_assert(F != Fault::is_callable,
                "llmroute: a callable is no Transport by itself: wrap it in transport::from(callable)");
  static_assert(F != Fault::fills_no_role,
                "llmroute: this type fills no role of a Router. A Transport has `perform`, a RankingStrategy `score` "
                "or `pick`, a CooldownPolicy `rest_until`, a Classifier `classify`, a ModelMap `resolve`, an "
                "Observer `observe`, a RetryPolicy `retry_after`, a Hedge `hedge_after`, a Budget `reserve`, a Clock "
                "`now`");
  static_assert(F != Fault::several_roles,
                "llmroute: this policy could play several roles; say which in it (`using roles = "
                "llmroute::Roles<llmroute::role::Ranking, ...>;`) or wrap it: only<role::Ranking>(policy)");
  static_assert(F != Fault::bad_roles,
                "llmroute: what a policy plays is llmroute::Roles<...> of types in llmroute::role, at least one");
  static_assert(F != Fault::immovable,
                "llmroute: this policy can be neither moved nor copied into a Router: keep it and pass "
                "std::ref(policy)");

  static_assert(F != Fault::perform,
                "llmroute: this looks like a Transport, but `http::Done perform(const http::Call&)` cannot be called "
                "on it");
  static_assert(F != Fault::start,
                "llmroute: this looks like an AsyncTransport, but lacks one of `Operation` (movable, "
                "default-constructible), `Operation start(const http::Call&, http::Completion)` and `Operation "
                "at(Time, http::Wake)`");
  static_assert(F != Fault::score,
                "llmroute: this looks like a RankingStrategy, but `double score(const Candidate&, const Query&) "
                "const` cannot be called on it (with a third argument, `const State&`, it needs a nested type `State` "
                "and `void learn(State&, const Event&) const` as well)");
  static_assert(F != Fault::pick,
                "llmroute: this looks like a RankingStrategy, but `std::size_t pick(const Candidates&, const Query&) "
                "const` cannot be called on it");
  static_assert(F != Fault::score_or_pick,
                "llmroute: a RankingStrategy has `double score(const Candidate&, const Query&) const` or "
                "`std::size_t pick(const Candidates&, const Query&) const`, and this one has neither");
  static_assert(F != Fault::state,
                "llmroute: this looks like a CooldownPolicy, but it has no nested type `State` that can be "
                "default-constructed (what is remembered of one place)");
  static_assert(F != Fault::report,
                "llmroute: this looks like a CooldownPolicy, but `void report(State&, const Outcome&, Time now) "
                "const` cannot be called on it");
  static_assert(F != Fault::rest_until,
                "llmroute: this looks like a CooldownPolicy, but `Time rest_until(const State&, Time now) const` "
                "cannot be called on it");
  static_assert(F != Fault::classify,
                "llmroute: this looks like a Classifier, but `Judgement classify(const ChatRequest&) const` cannot "
                "be called on it");
  static_assert(F != Fault::resolve,
                "llmroute: this looks like a ModelMap, but `std::optional<Offer> resolve(std::string_view model, "
                "const Provider&) const` cannot be called on it");
  static_assert(F != Fault::retry_after,
                "llmroute: this looks like a RetryPolicy, but `std::optional<Duration> retry_after(const Outcome&, "
                "const Query&) const` cannot be called on it");
  static_assert(F != Fault::hedge_after,
                "llmroute: this looks like a Hedge, but `std::optional<Duration> hedge_after(const Health&, const "
                "Query&) const` cannot be called on it");
  static_assert(F != Fault::now, "llmroute: this looks like a Clock, but `Time now() const` cannot be called on it");
  static_assert(F != Fault::observe,
                "llmroute: this looks like an Observer, but `void observe(const Event&)` cannot be called on it");
  static_assert(F != Fault::reserve,
                "llmroute: this looks like a Budget, but lacks one of `Reservation` (trivially copyable), "
                "`std::optional<Reservation> reserve(const Query&, const Provider&, Money worst, Time now)` and "
                "`void settle(Reservation, Money real, Time now)`");

  static_assert(F != Fault::run_until,
                "llmroute: this AsyncTransport has, or means to have, the optional `run_until`, but `void "
                "run_until(FunctionRef<bool()> done)` cannot be called on it");
  static_assert(F != Fault::refuse,
                "llmroute: this RankingStrategy has, or means to have, the optional `refuse`, but `std::string "
                "refuse(const Query&) const` cannot be called on it");
  static_assert(F != Fault::name,
                "llmroute: this RankingStrategy has, or means to have, the optional `name`, but that is no static "
                "member that converts to std::string_view");
  static_assert(F != Fault::strategy,
                "llmroute: this RankingStrategy has, or means to have, the optional `strategy`, but `std::string_view "
                "strategy(const Query&) const` cannot be called on it");
  static_assert(F != Fault::takes_turn,
                "llmroute: this RankingStrategy has, or means to have, the optional `takes_turn`, but `bool "
                "takes_turn(const Query&) const` cannot be called on it");
  static_assert(F != Fault::watches_load,
                "llmroute: this RankingStrategy has, or means to have, the optional `watches_load`, but that is no "
                "static member that converts to bool");
  static_assert(F != Fault::learn,
                "llmroute: this RankingStrategy has, or means to have, a memory of each place, but lacks one of `State` "
                "(default-constructible) and `void learn(State&, const Event&) const`");
  static_assert(F != Fault::admit,
                "llmroute: this CooldownPolicy has, or means to have, the optional counted admission, but lacks one "
                "of `Permit` (trivially copyable), `std::optional<Permit> admit(State&, Time now, Need) const` and "
                "`void report(State&, Permit, const Outcome&, Time now) const`");
  static_assert(F != Fault::rest_for,
                "llmroute: this CooldownPolicy has, or means to have, the optional `rest_for`, but `Duration "
                "rest_for(const Outcome&) const` cannot be called on it");
  static_assert(F != Fault::release,
                "llmroute: this CooldownPolicy has, or means to have, the optional `release`, but `void release(State&, "
                "Time now) const` cannot be called on it");
  static_assert(F != Fault::phase,
                "llmroute: this CooldownPolicy has, or means to have, the optional `phase`, but `cooldown::Phase "
                "phase(const State&, Time now) const` cannot be called on it");
  static_assert(F != Fault::patience,
                "llmroute: this RetryPolicy has, or means to have, the optional `patience`, but that is no member that "
                "converts to Duration");
  static_assert(F != Fault::again,
                "llmroute: this RetryPolicy has, or means to have, the optional `again`, but `std::optional<int> "
                "again(Kind) const` cannot be called on it");
  static_assert(F != Fault::has_room,
                "llmroute: this Budget has, or means to have, the optional `has_room`, but `bool has_room(const Query&, "
                "const Provider&, Money worst, Time now) const` cannot be called on it");
  static_assert(F != Fault::each_alert,
                "llmroute: this Budget has, or means to have, the optional `each_alert`, but `void "
                "each_alert(FunctionRef<void(const BudgetAlert&)>)` cannot be called on it");
  static_assert(F != Fault::problem,
                "llmroute: this Budget has, or means to have, the optional `problem`, but `std::string_view problem() "
                "const` cannot be called on it");
  static_assert(F != Fault::names,
                "llmroute: this Classifier has, or means to have, the optional `names`, but `std::span<const "
                "std::string_view> names() const` cannot be called on it");
  static_assert(F != Fault::each_model,
                "llmroute: this ModelMap has, or means to have, the optional `each_model`, but `void "
                "each_model(FunctionRef<void(std::string_view)>) const` cannot be called on it");
  static_assert(F != Fault::wait_until,
                "llmroute: this Clock has, or means to have, the optional `wait_until`, but `void wait_until(Time, "
                "Stopped) const` cannot be called on it");
};
template <class Role, class... Policies>
struct role_is_filled_twice {
  static_assert(sizeof...(Policies) < 2,
                "llmroute: two policies fill the same role; drop one, or restrict one with only<role::...>(policy)");
};
template <class... Policies>
struct transport_is_missing {
  static_assert(sizeof...(Policies) + 1 == 0,
                "llmroute: a Router needs a Transport, the HTTP client that you bring: transport::from(callable), or "
                "a type of yours that has `perform`");
};
template <class... HedgeAndTransport>
struct hedge_needs_an_async_transport {
  static_assert((AsyncTransport<HedgeAndTransport> && ...),
                "llmroute: a Hedge needs two calls at once: this Transport is blocking, and a Hedge takes an "
                "AsyncTransport (`start` and `at`)");
};
template <class Policy, class Given>
struct policy_is_another_one {
  static_assert(std::is_convertible_v<Given, Policy>,
                "llmroute: a Router whose policies are written out is given them in that order; this one is another "
                "type");
};
template <class... Policies>
struct arguments_are_miscounted {
  static_assert(sizeof...(Policies) + 1 == 0,
                "llmroute: a Router whose policies are written out is given one argument for each of them");
};
/// A first argument that is no Fleet: what a Router's deduction guide makes of it.
template <class Given>
struct NoFleet {};
template <class Given>
struct fleet_must_come_first {
  static_assert(std::is_same_v<Given, Fleet>,
                "llmroute: the first argument of a Router is its Fleet; the policies follow in any order");
};
struct nothing_is_wrong {};

// The fault that is reported: the first in this order, and no other. Only its name is made here, which reports nothing yet.
template <class... Ps>
struct Unfit {
  using type = nothing_is_wrong;
};
template <class P, class... Ps>
struct Unfit<P, Ps...> : Unfit<Ps...> {};
template <class P, class... Ps>
  requires(fault<P> != Fault::none)
struct Unfit<P, Ps...> {
  using type = policy_does_not_fit<policy_of<P>, fault<P>>;
};

template <class Found, class R, class... Ps>
struct Fillers {
  using type = Found;
};
template <template <class...> class Fault, class... Found, class R, class P, class... Ps>
struct Fillers<Fault<Found...>, R, P, Ps...>
    : Fillers<std::conditional_t<(plays<P> & RoleFacts<R>::bit) != 0, Fault<Found..., policy_of<P>>, Fault<Found...>>, R,
              Ps...> {};

template <class List, class... Ps>
struct Crowded {
  using type = nothing_is_wrong;
};
template <class R, class... Rs, class... Ps>
struct Crowded<Roles<R, Rs...>, Ps...> : Crowded<Roles<Rs...>, Ps...> {};
template <class R, class... Rs, class... Ps>
  requires(!RoleFacts<R>::many && players<R, Ps...> > 1)
struct Crowded<Roles<R, Rs...>, Ps...> : Fillers<role_is_filled_twice<R>, R, Ps...> {};

template <class List, class... Ps>
inline constexpr bool is_crowded = false;
template <class... Rs, class... Ps>
inline constexpr bool is_crowded<Roles<Rs...>, Ps...> = ((!RoleFacts<Rs>::many && players<Rs, Ps...> > 1) || ...);

template <class... Ps>
inline constexpr bool each_fits = ((fault<Ps> == Fault::none) && ...);
template <class... Ps>
inline constexpr bool hedges =
    (((plays<Ps> & RoleFacts<role::Hedge>::bit) != 0 && !std::is_same_v<std::remove_cv_t<policy_of<Ps>>, hedge::Off>) || ...);
template <class... Ps>
inline constexpr bool runs_two_calls =
    (((plays<Ps> & RoleFacts<role::Transport>::bit) != 0 && AsyncTransport<policy_of<Ps>>) || ...);

/// What is wrong with these policies together: a type whose instantiation says it.
template <class... Ps>
constexpr auto verdict() {
  if constexpr (!each_fits<Ps...>) return std::type_identity<typename Unfit<Ps...>::type>{};
  else if constexpr (is_crowded<AllRoles, Ps...>) return std::type_identity<typename Crowded<AllRoles, Ps...>::type>{};
  else if constexpr (players<role::Transport, Ps...> == 0) return std::type_identity<transport_is_missing<Ps...>>{};
  else if constexpr (hedges<Ps...> && !runs_two_calls<Ps...>)
    return std::type_identity<typename Fillers<typename Fillers<hedge_needs_an_async_transport<>, role::Hedge, Ps...>::type,
                                               role::Transport, Ps...>::type>{};
  else return std::type_identity<nothing_is_wrong>{};
}
template <class... Ps>
using Verdict = typename decltype(verdict<Ps...>())::type;

/// May a Router be made of these policies?
template <class... Ps>
inline constexpr bool sound = std::is_same_v<Verdict<Ps...>, nothing_is_wrong>;
template <class F>
inline constexpr bool sound<NoFleet<F>> = false;

template <class R, class... A>
struct FirstMisfit;
template <template <class...> class R, class P, class... Ps, class A, class... As>
struct FirstMisfit<R<P, Ps...>, A, As...> : FirstMisfit<R<Ps...>, As...> {};
template <template <class...> class R, class P, class... Ps, class A, class... As>
  requires(!std::is_convertible_v<A, P>)
struct FirstMisfit<R<P, Ps...>, A, As...> {
  using Given = std::remove_cvref_t<A>;
  using type = std::conditional_t<std::is_same_v<P, Given>, policy_cannot_be_copied<P>, policy_is_another_one<P, Given>>;
};

template <class R, class... A>
struct ArgumentsOf {
  using type = nothing_is_wrong;
};
template <template <class...> class R, class... Ps, class... A>
  requires(sound<Ps...> && sizeof...(Ps) != sizeof...(A))
struct ArgumentsOf<R<Ps...>, A...> {
  using type = arguments_are_miscounted<Ps...>;
};
template <template <class...> class R, class... Ps, class... A>
  requires(sound<Ps...> && sizeof...(Ps) == sizeof...(A)) && (!(std::is_convertible_v<A, Ps> && ...))
struct ArgumentsOf<R<Ps...>, A...> : FirstMisfit<R<Ps...>, A...> {};

/// What is wrong with the arguments `A...` of the constructor of a Router `R` whose policies are sound. Said there and not
/// where they are stored, because a compiler lists all calls on the way before it comes to the sentence.
template <class R, class... A>
using Arguments = typename ArgumentsOf<R, A...>::type;

template <class... Ps>
struct Broken : Verdict<Ps...>, AnswersAll {
  template <class... A>
  explicit Broken(A&&...) {}
};
template <class F>
struct Broken<NoFleet<F>> : fleet_must_come_first<F>, AnswersAll {
  template <class... A>
  explicit Broken(A&&...) {}
};

/// What a Router of these policies is: `Sound<Ps...>`, or a Broken.
template <template <class...> class Sound, class... Ps>
struct RouterFor {
  using type = std::conditional_t<sound<Ps...>, Sound<Ps...>, Broken<Ps...>>;
};

}  // namespace llmroute::detail

#endif
