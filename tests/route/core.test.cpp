// SPDX-License-Identifier: MIT
#include "llmroute/route/core.hpp"

#include <vector>

#include "by_hand.hpp"
#include "catch.hpp"

using namespace llmroute;
using tests::named;

TEST_CASE("of extra attempts there are three, or a fifth of the requests in flight") {
  auto core = tests::core_of(Fleet{named("one")});
  for (const auto& [in_flight, most] : {std::pair{0, 3}, {1, 3}, {19, 3}, {20, 4}, {100, 20}}) {
    for (int i = 0; i < in_flight; ++i) core.begin();
    int taken = 0;
    while (core.take_extra()) ++taken;
    CHECK(taken == most);
    CHECK(core.extra() == most);  // a refusal takes nothing
    for (int i = 0; i < taken; ++i) core.give_extra();
    for (int i = 0; i < in_flight; ++i) core.end();
  }
  CHECK(core.extra() == 0);
  CHECK(core.in_flight() == 0);
}

TEST_CASE("the same seed gives the same ids in the same order, and no id comes twice") {
  auto a = tests::core_of(Fleet{named("one")}), b = tests::core_of(Fleet{named("one")}),
       c = tests::core_of(Fleet{named("one")});
  a.seed(7), b.seed(7), c.seed(8);
  std::vector<std::uint64_t> ids;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t id = a.next_id();
    CHECK(id == b.next_id());
    CHECK(id != c.next_id());
    for (const std::uint64_t earlier : ids) CHECK(id != earlier);
    ids.push_back(id);
  }
}

TEST_CASE("an unsound fleet is refused and changes nothing; who holds the old one keeps it") {
  auto core = tests::core_of(Fleet{named("one")});
  CHECK_FALSE(core.replace(Fleet{}));
  CHECK_FALSE(core.replace(Fleet{named("twice"), named("twice")}));
  CHECK(core.pin()->fleet().providers()[0].name == "one");
  const auto old = core.pin();
  CHECK(core.replace(Fleet{named("two")}));
  CHECK(old->fleet().providers()[0].name == "one");
  CHECK(core.pin()->fleet().providers()[0].name == "two");
}

#if LLMROUTE_EXCEPTIONS
namespace {
struct Moody {  // a map that throws from the second fleet on, at its second name
  int* fleets;
  std::optional<Offer> resolve(std::string_view model, const Provider& p) const {
    if (model == "b" && ++*fleets > 1) throw 42;
    return Offer::assumed({{}, model}, p);
  }
  void each_model(FunctionRef<void(std::string_view)> each) const {
    each("a");
    each("b");
  }
};
struct Broken {
  std::optional<Offer> resolve(std::string_view, const Provider&) const { throw 42; }
  void each_model(FunctionRef<void(std::string_view)> each) const { each("a"); }
};
}  // namespace

TEST_CASE("a model map that throws while a fleet is taken over refuses it, and nothing of the old one has changed") {
  int fleets = 0;
  auto core = tests::core_of(Fleet{named("one")}, Moody{&fleets});
  const auto before = core.pin();
  const auto& lane = before->group("a").lanes[0];
  lane.standing->close(Standing::Why::unauthorized, never);
  lane.place->out = true;
  Provider renewed = named("one");
  renewed.key = Secret("sk-renewed");
  const auto taken = core.replace(Fleet{renewed});
  REQUIRE_FALSE(taken);
  CHECK(taken.error().kind == Kind::policy_failed);
  CHECK(&*core.pin() == &*before);
  CHECK(lane.standing->why() == Standing::Why::unauthorized);
  CHECK(lane.place->out);
}

TEST_CASE("a model map that throws for the first fleet makes a core that sends nothing and says why") {
  auto core = tests::core_of(Fleet{named("one")}, Broken{});
  CHECK_THAT(core.pin()->fleet().problem(), ContainsSubstring("the model map threw"));
}

TEST_CASE("an observer that throws is counted and silences nobody else") {
  struct Thrower {
    void observe(const Event&) const { throw "loud"; }
  };
  struct Ears {
    int* heard;
    void observe(const Event&) const { ++*heard; }
  };
  int heard = 0;
  auto core = tests::core_of(Fleet{named("one")}, Thrower{}, Ears{&heard});
  core.tell({});
  core.tell({});
  CHECK(core.observer_throws() == 2);
  CHECK(heard == 2);
}
#endif
