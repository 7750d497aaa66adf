// SPDX-License-Identifier: MIT
// What one policy lacks for the role that it plays, says, or looks as if it was meant for. The sentences are in
// route/bag_diagnosis.hpp.
//
// A member counts as there, by its name, whether it is private, overloaded, a template or a type. Of a `final` class no more
// is seen than what is public and not overloaded. A likely misspelling counts for the optional member that it is like, but
// only where that one is not there as documented: a name is a policy's own until then.
#ifndef LLMROUTE_ROUTE_POLICY_FAULTS_HPP
#define LLMROUTE_ROUTE_POLICY_FAULTS_HPP

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "llmroute/route/bag.hpp"

namespace llmroute {

class Fleet;

namespace detail {

// A cooldown's concept in two pieces, to say which of them is missing.
template <class T>
concept HasState = requires { typename T::State; } && std::default_initializable<typename T::State>;
template <class T>
concept RestsUntil = HasState<T> && requires(const T& t, const typename T::State& seen, Time now) {
  { t.rest_until(seen, now) } -> std::same_as<Time>;
};

/// Named after the member that is at fault, where it is one.
enum class Fault : std::uint8_t {
  none,
  is_fleet,
  is_pointer,
  is_callable,
  fills_no_role,
  several_roles,
  bad_roles,
  immovable,
  perform,
  start,
  score,
  pick,
  score_or_pick,
  state,
  report,
  rest_until,
  classify,
  resolve,
  retry_after,
  hedge_after,
  now,
  observe,
  reserve,
  run_until,
  refuse,
  name,
  strategy,
  takes_turn,
  watches_load,
  learn,
  admit,
  rest_for,
  release,
  phase,
  patience,
  again,
  has_room,
  each_alert,
  problem,
  names,
  each_model,
  wait_until
};

// Deriving from a policy and from a class of names makes the look-up of a name that both have ambiguous, whatever it is.
template <class T, class Names>
struct Beside : T, Names {};
template <class T, class Names>
  requires(!std::is_class_v<T> || std::is_final_v<T>)
struct Beside<T, Names> : Names {};
template <class... Member>
void found(Member...);  // named only: can all of these be looked up?

/// A role's members by name: `Names` has them and what they are easily mistaken for. `meant`: is a type that fills no role
/// meant for this one? `lacking`: what it lacks for it. `optional`: what is wrong beside, in one that fills it.
template <class R>
struct Look;

template <>
struct Look<role::Transport> {
  struct Names {
    int perform, Operation, run_until, run_till, runs_until, RunUntil, runUntil;
  };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool is_async = requires { typename T::Operation; } || !requires { &B::Operation; };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool meant = requires { &T::perform; } || !requires { &B::perform; } || is_async<T>;
  template <class T>
  static constexpr Fault lacking = is_async<T> ? Fault::start : Fault::perform;
  template <class T, class B = Beside<T, Names>>
  static constexpr bool runs = requires { &T::run_until; } ||
                               !requires { found(&B::run_until, &B::run_till, &B::runs_until, &B::RunUntil, &B::runUntil); };
  template <class T>
  static constexpr Fault optional = !AsyncTransport<T> && is_async<T>              ? Fault::start
                                    : AsyncTransport<T> && !Runnable<T> && runs<T> ? Fault::run_until
                                                                                   : Fault::none;
};

template <>
struct Look<role::Ranking> {
  struct Names {
    int score, pick, refuse, refuses, refused, refuse_query, Refuse, name, Name, get_name, strategy_name;
    int strategy, strategy_of, takes_turn, take_turn, takes_turns, watches_load, watch_load, learn, learns, learn_from;
  };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool scores = requires { &T::score; } || !requires { &B::score; };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool picks = requires { &T::pick; } || !requires { &B::pick; };
  template <class T>
  static constexpr bool meant = scores<T> || picks<T>;
  template <class T>
  static constexpr Fault lacking = scores<T>  ? Fault::score
                                   : picks<T> ? Fault::pick
                                              : Fault::score_or_pick;
  template <class T, class B = Beside<T, Names>>
  static constexpr bool refuses =
      requires { &T::refuse; } || !requires { found(&B::refuse, &B::refuses, &B::refused, &B::refuse_query, &B::Refuse); };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool names =
      requires { &T::name; } || !requires { found(&B::name, &B::Name, &B::get_name, &B::strategy_name); };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool names_one = requires { &T::strategy; } || !requires { found(&B::strategy, &B::strategy_of); };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool turns =
      requires { &T::takes_turn; } || !requires { found(&B::takes_turn, &B::take_turn, &B::takes_turns); };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool watches = requires { &T::watches_load; } || !requires { found(&B::watches_load, &B::watch_load); };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool learns = requires { &T::learn; } || !requires { found(&B::learn, &B::learns, &B::learn_from); };
  template <class T>
  static constexpr Fault optional = !Refuses<T> && refuses<T>                ? Fault::refuse
                                    : !Named<T> && names<T>                  ? Fault::name
                                    : !NamesStrategy<T> && names_one<T>      ? Fault::strategy
                                    : !TakesTurns<T> && turns<T>             ? Fault::takes_turn
                                    : !SaysWhetherItWatches<T> && watches<T> ? Fault::watches_load
                                    : !Remembers<T> && learns<T>             ? Fault::learn
                                                                             : Fault::none;
};

template <>
struct Look<role::Cooldown> {
  struct Names {
    int rest_until, report, Permit, Permits, admit, admits, try_admit, Admit, rest_for, rests_for, rest_after, RestFor, restFor;
    int release, releases, Release, phase, phase_of, get_phase;
  };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool meant =
      !requires { found(&B::rest_until, &B::report); } || requires { &T::rest_until; } || requires { &T::report; };
  template <class T>
  static constexpr Fault lacking = !HasState<T>    ? Fault::state
                                   : RestsUntil<T> ? Fault::report
                                                   : Fault::rest_until;
  template <class T, class B = Beside<T, Names>>
  static constexpr bool admits = requires { &T::admit; } || requires { typename T::Permit; } ||
                                 !requires { found(&B::admit, &B::Permit, &B::Permits, &B::admits, &B::try_admit, &B::Admit); };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool rests_for =
      requires { &T::rest_for; } || !requires { found(&B::rest_for, &B::rests_for, &B::rest_after, &B::RestFor, &B::restFor); };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool releases = requires { &T::release; } || !requires { found(&B::release, &B::releases, &B::Release); };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool tells_phase = requires { &T::phase; } || !requires { found(&B::phase, &B::phase_of, &B::get_phase); };
  template <class T>
  static constexpr Fault optional = !Admits<T> && admits<T>            ? Fault::admit
                                    : !RestsFor<T> && rests_for<T>     ? Fault::rest_for
                                    : !Releases<T> && releases<T>      ? Fault::release
                                    : !TellsPhase<T> && tells_phase<T> ? Fault::phase
                                                                       : Fault::none;
};

template <>
struct Look<role::Classifier> {
  struct Names {
    int classify, names, Names, get_names, getNames, category_names;
  };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool meant = requires { &T::classify; } || !requires { &B::classify; };
  template <class T>
  static constexpr Fault lacking = Fault::classify;
  template <class T, class B = Beside<T, Names>>
  static constexpr bool names =
      requires { &T::names; } || !requires { found(&B::names, &B::Names, &B::get_names, &B::getNames, &B::category_names); };
  template <class T>
  static constexpr Fault optional = !NamesCategories<T> && names<T> ? Fault::names : Fault::none;
};

template <>
struct Look<role::ModelMap> {
  struct Names {
    int resolve, each_model, each_models, for_each_model, every_model, EachModel, eachModel;
  };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool meant = requires { &T::resolve; } || !requires { &B::resolve; };
  template <class T>
  static constexpr Fault lacking = Fault::resolve;
  template <class T, class B = Beside<T, Names>>
  static constexpr bool enumerates = requires { &T::each_model; } || !requires {
    found(&B::each_model, &B::each_models, &B::for_each_model, &B::every_model, &B::EachModel, &B::eachModel);
  };
  template <class T>
  static constexpr Fault optional = !Enumerable<T> && enumerates<T> ? Fault::each_model : Fault::none;
};

template <>
struct Look<role::Clock> {
  struct Names {
    int now, wait_until, wait_till, waits_until, sleep_until, WaitUntil, waitUntil;
  };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool meant = requires { &T::now; } || !requires { &B::now; };
  template <class T>
  static constexpr Fault lacking = Fault::now;
  template <class T, class B = Beside<T, Names>>
  static constexpr bool waits = requires { &T::wait_until; } || !requires {
    found(&B::wait_until, &B::wait_till, &B::waits_until, &B::sleep_until, &B::WaitUntil, &B::waitUntil);
  };
  template <class T>
  static constexpr Fault optional = !WaitingClock<T> && waits<T> ? Fault::wait_until : Fault::none;
};

// The roles that have no optional members.
struct NothingOptional {
  struct Names {
    int hedge_after, observe;
  };
  template <class T>
  static constexpr Fault optional = Fault::none;
};
template <>
struct Look<role::Retry> {
  struct Names {
    int retry_after, patience, Patience, again, Again;
  };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool meant = requires { &T::retry_after; } || !requires { &B::retry_after; };
  template <class T>
  static constexpr Fault lacking = Fault::retry_after;
  template <class T, class B = Beside<T, Names>>
  static constexpr bool patient = requires { &T::patience; } || !requires { found(&B::patience, &B::Patience); };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool counts = requires { &T::again; } || !requires { found(&B::again, &B::Again); };
  template <class T>
  static constexpr Fault optional = !Patient<T> && patient<T>        ? Fault::patience
                                    : !CountsRetries<T> && counts<T> ? Fault::again
                                                                     : Fault::none;
};
template <>
struct Look<role::Hedge> : NothingOptional {
  template <class T, class B = Beside<T, Names>>
  static constexpr bool meant = requires { &T::hedge_after; } || !requires { &B::hedge_after; };
  template <class T>
  static constexpr Fault lacking = Fault::hedge_after;
};
template <>
struct Look<role::Observer> : NothingOptional {
  template <class T, class B = Beside<T, Names>>
  static constexpr bool meant = requires { &T::observe; } || !requires { &B::observe; };
  template <class T>
  static constexpr Fault lacking = Fault::observe;
};
template <>
struct Look<role::Budget> {
  struct Names {
    int settle, Reservation, problem, has_room, have_room, hasRoom, each_alert, each_alerts, alerts_each;
  };
  // Not by `reserve`: every container has one.
  template <class T, class B = Beside<T, Names>>
  static constexpr bool meant =
      requires { &T::settle; } || requires { typename T::Reservation; } || !requires { found(&B::settle, &B::Reservation); };
  template <class T>
  static constexpr Fault lacking = Fault::reserve;
  template <class T, class B = Beside<T, Names>>
  static constexpr bool tells_room =
      requires { &T::has_room; } || !requires { found(&B::has_room, &B::have_room, &B::hasRoom); };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool alerts =
      requires { &T::each_alert; } || !requires { found(&B::each_alert, &B::each_alerts, &B::alerts_each); };
  template <class T, class B = Beside<T, Names>>
  static constexpr bool tells_problem = requires { &T::problem; } || !requires { &B::problem; };
  template <class T>
  static constexpr Fault optional = !TellsRoom<T> && tells_room<T>         ? Fault::has_room
                                    : !Alerts<T> && alerts<T>              ? Fault::each_alert
                                    : !TellsProblem<T> && tells_problem<T> ? Fault::problem
                                                                           : Fault::none;
};

constexpr Fault first(Fault a, Fault b) noexcept { return a != Fault::none ? a : b; }

/// Of a policy that plays nothing and says nothing.
template <class T, class R, class... Rs>
constexpr Fault likeliest(Roles<R, Rs...>) {
  if constexpr (Look<R>::template meant<T>) return Look<R>::template lacking<T>;
  else if constexpr (sizeof...(Rs) > 0) return likeliest<T>(Roles<Rs...>{});
  else return Fault::fills_no_role;
}
/// Of those roles in `Said` that are not in `Played`.
template <class T, unsigned Said, unsigned Played, class R, class... Rs>
constexpr Fault broken_word(Roles<R, Rs...>) {
  if constexpr ((Said & ~Played & RoleFacts<R>::bit) != 0) return Look<R>::template lacking<T>;
  else if constexpr (sizeof...(Rs) > 0) return broken_word<T, Said, Played>(Roles<Rs...>{});
  else return Fault::none;
}
template <class T, unsigned Played, class R>
constexpr Fault optional_fault() {
  if constexpr ((Played & RoleFacts<R>::bit) != 0) return Look<R>::template optional<T>;
  else return Fault::none;
}
template <class T, unsigned Played, class... Rs>
constexpr Fault optional_faults(Roles<Rs...>) {
  Fault found = Fault::none;
  ((found = first(found, optional_fault<T, Played, Rs>())), ...);
  return found;
}

template <class P>
constexpr Fault fault_of() {
  using T = std::remove_cv_t<policy_of<P>>;
  constexpr unsigned said = Passed<P>::said, played = plays<P>;
  if constexpr (said == 0) return Fault::bad_roles;
  else if constexpr (said != silent && said != played) return broken_word<T, said, played>(AllRoles{});
  else if constexpr (played != 0) {
    if constexpr (said == silent && (played & (played - 1)) != 0) return Fault::several_roles;
    else if constexpr (!std::is_move_constructible_v<P>) return Fault::immovable;
    else return optional_faults<T, played>(AllRoles{});
  } else if constexpr (std::is_same_v<T, Fleet>) return Fault::is_fleet;
  else if constexpr (std::is_invocable_v<T&, const http::Request&>) return Fault::is_callable;
  else if constexpr (std::is_pointer_v<T> || requires { typename T::element_type; }) return Fault::is_pointer;
  else return likeliest<T>(AllRoles{});
}
template <class P>
inline constexpr Fault fault = fault_of<P>();

}  // namespace detail
}  // namespace llmroute

#endif
