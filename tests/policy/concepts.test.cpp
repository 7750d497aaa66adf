// SPDX-License-Identifier: MIT
// What is a policy and what is none: for each role's concept a type that models it, and near misses that do not.
#include "llmroute/policy/budget.hpp"
#include "llmroute/policy/clock.hpp"
#include "llmroute/policy/cooldown.hpp"
#include "llmroute/policy/hedge.hpp"
#include "llmroute/policy/observer.hpp"
#include "llmroute/policy/roles.hpp"
#include "llmroute/policy/transport.hpp"

#include <functional>
#include <optional>

#include "catch.hpp"

using namespace llmroute;

namespace {

struct Blocking {
  http::Done perform(const http::Call&) { return {}; }
};
struct ReturnsNothing {
  void perform(const http::Call&) {}
};
struct Async {
  struct Operation {};
  Operation start(const http::Call&, http::Completion) { return {}; }
  Operation at(Time, http::Wake) { return {}; }
};
struct AsyncDriven : Async {
  void run_until(FunctionRef<bool()>) {}
};
struct WithoutTimers {
  struct Operation {};
  Operation start(const http::Call&, http::Completion) { return {}; }
};
static_assert(Transport<Blocking> && !Transport<ReturnsNothing> && !Transport<Async>);
static_assert(AsyncTransport<Async> && !AsyncTransport<WithoutTimers> && !AsyncTransport<Blocking>);
static_assert(Runnable<AsyncDriven> && !Runnable<Async>);

struct Purse {
  struct Reservation {};
  std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) { return Reservation{}; }
  void settle(Reservation, Money, Time) {}
};
struct PurseThatNeverSettles {
  struct Reservation {};
  std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) { return Reservation{}; }
};
static_assert(Budget<Purse> && Budget<budget::Off> && !Budget<PurseThatNeverSettles>);

struct Impatient {
  std::optional<Duration> hedge_after(const Health&, const Query&) const { return Duration(1); }
};
struct ImpatientNotConst {
  std::optional<Duration> hedge_after(const Health&, const Query&) { return Duration(1); }
};
static_assert(Hedge<Impatient> && Hedge<hedge::Off> && !Hedge<ImpatientNotConst>);

struct Ears {
  void observe(const Event&) {}
};
static_assert(Observer<Ears> && Observer<observe::Off> && !Observer<Purse>);

struct Sundial {
  std::chrono::system_clock::time_point now() const { return {}; }
};
static_assert(Clock<SteadyClock> && !Clock<Sundial> && !WaitingClock<SteadyClock>);
static_assert(CooldownPolicy<cooldown::Off> && !Admits<cooldown::Off> && RestsFor<cooldown::Off>);
static_assert(Admits<cooldown::CircuitBreaker>);
static_assert(ReferenceTo<std::reference_wrapper<Ears>> && !ReferenceTo<Ears>);

}  // namespace

TEST_CASE("the null objects do nothing: they allow, and ask for nothing") {
  const ChatRequest request{.messages = "hello"};
  const Options options;
  const Query q{.request = request, .options = options};
  CHECK(budget::Off{}.reserve(q, Provider{}, Money::most(), Time{}));
  CHECK_FALSE(hedge::Off{}.hedge_after(Health{}, q));
  CHECK(cooldown::Off{}.rest_until({}, Time{} + Duration(5)) <= Time{} + Duration(5));
}

TEST_CASE("the steady clock goes forward") {
  const SteadyClock clock;
  const Time before = clock.now();
  CHECK(before <= clock.now());
}
