// SPDX-License-Identifier: MIT
// The role of cooldown: what is one, what is none, and that the policy that does nothing does nothing.
#include "llmroute/policy/cooldown.hpp"

#include <chrono>
#include <optional>
#include <string>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

struct Smallest {
  struct State {
    int failures = 0;
  };
  Time rest_until(const State&, Time now) const { return now; }
  void report(State& s, const Outcome&, Time) const { ++s.failures; }
};
struct NoState {
  Time rest_until(int, Time now) const { return now; }
  void report(int&, const Outcome&, Time) const {}
};
struct ChangesWhatItLooksAt {
  struct State {};
  Time rest_until(State&, Time now) const { return now; }
  void report(State&, const Outcome&, Time) const {}
};
struct AnswersInSeconds {
  struct State {};
  int rest_until(const State&, Time) const { return 0; }
  void report(State&, const Outcome&, Time) const {}
};
struct CannotBeMade {
  struct State {
    explicit State(int) {}
  };
  Time rest_until(const State&, Time now) const { return now; }
  void report(State&, const Outcome&, Time) const {}
};
struct PermitOwnsSomething : Smallest {
  struct Permit {
    std::string text{};
  };
  std::optional<Permit> admit(State&, Time, Need) const { return std::nullopt; }
  using Smallest::report;
  void report(State&, Permit, const Outcome&, Time) const {}
};
struct TakesNoPermitBack : Smallest {
  struct Permit {};
  std::optional<Permit> admit(State&, Time, Need) const { return std::nullopt; }
};

struct ReleasesByHand : Smallest {
  void release(State& s, Time) const { s.failures = 0; }
};
struct CannotReleaseWhatItKeeps : Smallest {
  void release(State&) const {}
};
struct TellsHowItIs : Smallest {
  cooldown::Phase phase(const State&, Time) const { return cooldown::Phase::closed; }
};
struct TellsANumber : Smallest {
  int phase(const State&, Time) const { return 0; }
};

}  // namespace

static_assert(CooldownPolicy<Smallest> && !Admits<Smallest>);
static_assert(CooldownPolicy<cooldown::Off> && !Admits<cooldown::Off>);
static_assert(CooldownPolicy<cooldown::Fixed> && CooldownPolicy<cooldown::CircuitBreaker> && Admits<cooldown::CircuitBreaker>);
static_assert(Releases<ReleasesByHand> && !Releases<Smallest> && !Releases<CannotReleaseWhatItKeeps> &&
              !Releases<cooldown::Off>);
static_assert(TellsPhase<TellsHowItIs> && !TellsPhase<Smallest> && !TellsPhase<TellsANumber>);
static_assert(Releases<cooldown::CircuitBreaker> && Releases<cooldown::ConsecutiveFailures> && Releases<cooldown::Fixed>);
static_assert(TellsPhase<cooldown::CircuitBreaker>);
static_assert(!CooldownPolicy<NoState>);
static_assert(!CooldownPolicy<ChangesWhatItLooksAt>);
static_assert(!CooldownPolicy<AnswersInSeconds>);
static_assert(!CooldownPolicy<CannotBeMade>);
static_assert(!CooldownPolicy<int>);
static_assert(!Admits<PermitOwnsSomething> && !Admits<TakesNoPermitBack>);

TEST_CASE("a phase has a name") {
  CHECK(to_string(cooldown::Phase::closed) == "closed");
  CHECK(to_string(cooldown::Phase::open) == "open");
  CHECK(to_string(cooldown::Phase::half_open) == "half-open");
}

TEST_CASE("a cooldown that is off lets everybody be asked at once") {
  const cooldown::Off off;
  cooldown::Off::State state;
  for (int i = 0; i < 100; ++i) off.report(state, {.ending = Ending::failed, .kind = Kind::server_error}, Time{} + 1s);
  CHECK(off.rest_until(state, Time{} + 1s) == Time{} + 1s);
  CHECK(off.rest_for({.ending = Ending::failed, .kind = Kind::rate_limited}) == 0s);
}
