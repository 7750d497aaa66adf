// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/least_busy.hpp"

#include <list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

const ChatRequest hello{.messages = "Hello"};
const Options nothing{};

int in_flight(auto& core, const std::string& provider) {
  const auto pin = core.pin();
  for (const auto& lane : pin->group({}).lanes)
    if (lane.provider->name == provider) return lane.place->health.in_flight;
  return -1;
}

/// Calls that go on until they are dropped.
template <class Core>
struct Calls;
template <class Policies>
struct Calls<Core<Policies>> {
  Core<Policies>& core;
  std::list<Options> options{};
  std::list<Exchange<Policies>> all{};

  std::string begin(Options o = {}) {
    options.push_back(std::move(o));
    all.emplace_back(core, hello, options.back(), Delivery::whole, Overlap::no, Time{});
    return told(all.back(), Time{});
  }
  void begin(int calls, const std::string& provider) {
    for (int i = 0; i < calls; ++i) REQUIRE(begin({.allow = {provider}}) == provider);
  }
};
template <class C>
Calls(C&) -> Calls<C>;

struct Purse {  // refuses or throws at "a"
  enum class Does { refuse, fail } does = Does::refuse;
  struct Reservation {};
  std::optional<Reservation> reserve(const Query&, const Provider& p, Money, Time) {
    if (p.name != "a") return Reservation{};
    if (does == Does::fail) throw std::runtime_error("no purse");
    return std::nullopt;
  }
  void settle(Reservation, Money, Time) {}
};
struct Shut {  // admits nobody
  struct State {};
  struct Permit {};
  Time rest_until(const State&, Time now) const { return now; }
  void report(State&, const Outcome&, Time) const {}
  void report(State&, Permit, const Outcome&, Time) const {}
  std::optional<Permit> admit(State&, Time, Need) const { return std::nullopt; }
};

}  // namespace

static_assert(RankingStrategy<ranking::LeastBusy> && Scores<ranking::LeastBusy> && !Remembers<ranking::LeastBusy>);
static_assert(detail::watches_load<ranking::LeastBusy>());

TEST_CASE("LeastBusy goes to whoever has the fewest calls in flight") {
  auto core = core_of(Fleet{named("a"), named("b"), named("c"), named("d")}, ranking::LeastBusy{});
  Calls calls{core};
  calls.begin(4, "a");
  calls.begin(1, "b");
  calls.begin(3, "c");
  calls.begin(2, "d");
  CHECK(calls.begin() == "b");
  CHECK(calls.begin({.deny = {"b"}}) == "d");
  CHECK(calls.begin({.deny = {"b", "d"}}) == "c");
  CHECK(calls.begin({.deny = {"b", "c", "d"}}) == "a");
  CHECK(calls.begin() == "b");
}

TEST_CASE("LeastBusy fills all of them evenly, one call each before any has two") {
  auto core = core_of(Fleet{named("a"), named("b"), named("c")}, ranking::LeastBusy{});
  Calls calls{core};
  std::map<std::string, int> count;
  for (int round = 1; round <= 4; ++round) {
    for (int i = 0; i < 3; ++i) ++count[calls.begin()];
    CHECK(count == std::map<std::string, int>{{"a", round}, {"b", round}, {"c", round}});
  }
}

TEST_CASE("LeastBusy draws among those that are equally busy") {
  auto core = core_of(Fleet{named("a"), named("b"), named("c"), named("d")}, ranking::LeastBusy{});
  core.seed(tests::seed());
  std::map<std::string, int> count;
  for (int i = 0; i < 8'000; ++i) {
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    ++count[told(x, Time{})];
  }
  INFO("--rng-seed " << tests::seed());
  for (const char* name : {"a", "b", "c", "d"}) CHECK((count[name] > 1'750 && count[name] < 2'250));  // 6 deviations
}

// A router that counts by name takes whoever is drawn, also the busiest, as soon as the least busy one may not be asked.
TEST_CASE("an idle provider that rests, is denied or has left does not hide who is least busy of the others") {
  auto core = core_of(Fleet{named("idle"), named("busy"), named("quiet")}, ranking::LeastBusy{});
  Calls calls{core};
  calls.begin(50, "busy");
  calls.begin(1, "quiet");
  for (int i = 0; i < 20; ++i) {
    Calls apart{core};
    CHECK(apart.begin({.deny = {"idle"}}) == "quiet");
  }
  {
    const Options only{.allow = {"idle"}};
    Exchange x(core, hello, only, Delivery::whole, Overlap::no, Time{});
    x.ended(x.next(Time{}).attempt, failed(Kind::rate_limited, 429, 60s), Time{});
  }
  for (int i = 0; i < 20; ++i) {
    Calls apart{core};
    CHECK(apart.begin() == "quiet");
  }
  REQUIRE(core.replace(Fleet{named("busy"), named("quiet")}));
  for (int i = 0; i < 20; ++i) {
    Calls apart{core};
    CHECK(apart.begin() == "quiet");
  }
}

TEST_CASE("a call is given back once however it ends, and the count never goes below zero") {
  auto core = core_of(Fleet{named("a")}, ranking::LeastBusy{}, cooldown::Off{}, retry::Off{});
  for (int round = 0; round < 3; ++round) {
    const auto run = [&](auto&& end) {
      Exchange x(core, hello, nothing, Delivery::stream, Overlap::no, Time{});
      const AttemptId id = x.next(Time{}).attempt;
      CHECK(in_flight(core, "a") == 1);
      end(x, id);
      CHECK(in_flight(core, "a") == 0);
    };
    run([](auto& x, AttemptId id) {  // answered, and told so twice
      x.ended(id, good(), Time{});
      x.ended(id, good(), Time{});
      x.next(Time{});
    });
    run([](auto& x, AttemptId id) { x.ended(id, failed(Kind::server_error, 500), Time{}); });
    run([](auto& x, AttemptId) {  // cancelled before anything came
      x.cancel();
      x.next(Time{});
    });
    run([](auto& x, AttemptId id) {  // cancelled in the middle of a stream
      x.content(id, Time{});
      x.cancel();
      x.next(Time{});
      x.ended(id, failed(Kind::cancelled), Time{});
    });
    run([](auto& x, AttemptId) { x.next(Time{} + 24h); });  // its time is up
    run([](auto& x, AttemptId) {                            // a callback threw
      x.abandon();
      x.next(Time{});
    });
    {
      Exchange dropped(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
      dropped.next(Time{});
      CHECK(in_flight(core, "a") == 1);
    }
    CHECK(in_flight(core, "a") == 0);
  }
}

TEST_CASE("a call that a budget or a cooldown refuses, or whose policy throws, is given back too") {
  const auto refused = [](auto core) {
    for (int i = 0; i < 3; ++i) {
      Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
      told(x, Time{});
      CHECK(in_flight(core, "a") == 0);
    }
  };
  refused(core_of(Fleet{named("a")}, ranking::LeastBusy{}, Purse{}));
  refused(core_of(Fleet{named("a")}, ranking::LeastBusy{}, Purse{Purse::Does::fail}));
  refused(core_of(Fleet{named("a")}, ranking::LeastBusy{}, Shut{}));
}

TEST_CASE("a call that is in flight while the fleet is replaced is given back to the same count") {
  auto core = core_of(Fleet{named("a"), named("b")}, ranking::LeastBusy{});
  {
    Calls calls{core};
    calls.begin(2, "a");
    REQUIRE(core.replace(Fleet{named("b"), named("a")}));
    CHECK(in_flight(core, "a") == 2);
    CHECK(calls.begin() == "b");
    REQUIRE(core.replace(Fleet{named("b")}));
    REQUIRE(core.replace(Fleet{named("b"), named("a")}));
  }
  CHECK(in_flight(core, "a") == 0);
  CHECK(in_flight(core, "b") == 0);
}
