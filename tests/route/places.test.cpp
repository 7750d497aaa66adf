// SPDX-License-Identifier: MIT
#include "llmroute/route/places.hpp"

#include <string>
#include <vector>

#include "by_hand.hpp"
#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using tests::named;

namespace {

/// Lists two names; each provider calls them "<its name>/<name>". Others are sent as they are, but for "nobody".
struct Listed {
  std::optional<Offer> resolve(std::string_view model, const Provider& p) const {
    if (model == "nobody" || (model == "b" && p.name == "one")) return std::nullopt;
    return Offer::assumed(model.size() == 1 ? ModelName{p.name, model} : ModelName{{}, model}, p);
  }
  void each_model(FunctionRef<void(std::string_view)> each) const {
    each("b");
    each("a");
    each("b");
  }
};
using RosterOf = Roster<cooldown::Fixed>;
using Lane = llmroute::Lane<cooldown::Fixed>;

const Lane& lane(const RosterOf& r, std::string_view model, std::size_t i = 0) { return r.group(model).lanes[i]; }

}  // namespace

TEST_CASE("a rest is only ever moved later") {
  Latest l;
  CHECK(l.get() == Time::min());
  for (const auto& [to, is] : {std::pair{5s, 5s}, {3s, 5s}, {-1s, 5s}, {9s, 9s}}) {
    l.extend(Time{} + to);
    CHECK(l.get() == Time{} + is);
  }
  l.extend(never);
  CHECK(l.get() == never);
  l.reset();
  CHECK(l.get() == Time::min());
}

TEST_CASE("what was closed is claimed by one attempt each time that a probe is due, and works again when that succeeds") {
  Standing s;
  const Time now = Time{} + 1h;
  CHECK(s.open(now));
  CHECK(s.claim(now, never));
  s.close(Standing::Why::unauthorized, now + 15min);
  CHECK_FALSE(s.open(now + 15min - 1ns));
  CHECK_FALSE(s.claim(now, never));
  CHECK(s.open(now + 15min));
  CHECK(s.claim(now + 15min, now + 30min));
  CHECK_FALSE(s.claim(now + 15min, now + 30min));
  CHECK(s.claim(now + 30min, now + 45min));
  s.give_back(now + 30min);  // nothing was sent
  CHECK(s.claim(now + 30min, now + 45min));
  s.works();
  CHECK(s.why() == Standing::Why::open);
}

TEST_CASE("what works is a key that was refused, and nothing else") {
  for (const auto why : {Standing::Why::misconfigured, Standing::Why::disabled}) {
    Standing s;
    s.close(why, Time{});
    s.works();
    CHECK(s.why() == why);
    s.reopen();
    CHECK(s.why() == Standing::Why::open);
  }
}

TEST_CASE("who is disabled has no probes and is closed by nothing else") {
  Standing s;
  s.close(Standing::Why::unauthorized, Time{});
  s.close(Standing::Why::disabled, never);
  s.close(Standing::Why::unauthorized, Time{});
  CHECK(s.why() == Standing::Why::disabled);
  CHECK_FALSE(s.open(never));
  CHECK_FALSE(s.claim(never, never));
}

TEST_CASE("a listed name has its providers, each with a place of its own; all other names share one place a provider") {
  const RosterOf r(Fleet{named("one"), named("two")}, Listed{}, nullptr);
  CHECK(r.group("a").lanes.size() == 2);
  REQUIRE(r.group("b").lanes.size() == 1);  // the first does not carry it
  CHECK(lane(r, "b").provider->name == "two");
  CHECK(lane(r, "a", 1).offer.model.text() == "twoa");
  CHECK_FALSE(lane(r, "a").place == lane(r, "x").place);
  CHECK_FALSE(lane(r, "a", 1).place == lane(r, "b").place);
  CHECK(lane(r, "a").own_place);
  CHECK_FALSE(lane(r, "x").own_place);
  CHECK(&r.group("x") == &r.group("y"));
  CHECK_FALSE(r.group("x").resolved);
  CHECK(r.group("a").resolved);
  CHECK(lane(r, "").place == lane(r, "x").place);
  CHECK(lane(r, "a").standing == lane(r, "x").standing);
}

TEST_CASE("a default model that is listed shares the place of its name, and one that is not the provider's other place") {
  Provider a = named("one"), other = named("two"), nothing = named("three");
  a.model = "a";
  other.model = "something-else";
  nothing.model = "nobody";
  const RosterOf r(Fleet{a, other, nothing}, Listed{}, nullptr);
  CHECK(lane(r, "", 0).place == lane(r, "a", 0).place);
  CHECK(lane(r, "", 0).own_place);
  CHECK(lane(r, "", 0).offer.model.text() == "onea");
  CHECK(lane(r, "", 1).place == lane(r, "x", 1).place);
  CHECK(lane(r, "", 1).offer.model == "something-else");
  CHECK(lane(r, "", 2).offer.model == "nobody");
}

TEST_CASE("a provider stays by name, URL and dialect: its places move along, and the order of the fleet is no matter") {
  static constexpr Dialect other{"other", nullptr, nullptr, nullptr, nullptr};
  const RosterOf before(Fleet{named("one"), named("two"), named("three"), named("four")}, Listed{}, nullptr);
  Provider moved = named("two"), speaks = named("three");
  moved.url = "https://elsewhere.example/v1";
  speaks.dialect = &other;
  const RosterOf after(Fleet{speaks, named("four"), moved, named("one"), named("five")}, Listed{}, &before);
  CHECK(lane(after, "a", 3).place == lane(before, "a", 0).place);
  CHECK(lane(after, "x", 3).place == lane(before, "x", 0).place);
  CHECK(lane(after, "", 3).standing == lane(before, "", 0).standing);
  CHECK(lane(after, "", 3).account == lane(before, "", 0).account);
  CHECK(lane(after, "a", 1).place == lane(before, "a", 3).place);
  for (std::size_t gone : {std::size_t{0}, std::size_t{2}, std::size_t{4}})
    for (std::size_t old = 0; old < 4; ++old) {
      CHECK_FALSE(lane(after, "a", gone).place == lane(before, "a", old).place);
      CHECK_FALSE(lane(after, "", gone).standing == lane(before, "", old).standing);
    }
}

TEST_CASE("the providers of a quota group rest together, also one that joins it later") {
  Provider a = named("one"), b = named("two"), alone = named("three");
  a.quota_group = b.quota_group = "account";
  const RosterOf before(Fleet{a, alone, b}, Listed{}, nullptr);
  CHECK(lane(before, "", 0).account == lane(before, "", 2).account);
  CHECK_FALSE(lane(before, "", 0).account == lane(before, "", 1).account);
  Provider late = named("late");
  late.quota_group = "account";
  const RosterOf after(Fleet{late, b, alone}, Listed{}, &before);
  CHECK(lane(after, "", 0).account == lane(before, "", 0).account);
  CHECK(lane(after, "", 1).account == lane(before, "", 0).account);
  CHECK(lane(after, "", 2).account == lane(before, "", 1).account);
}

TEST_CASE("another key, or another field, opens what was out; the same keeps it out; what was disabled stays so") {
  const auto closed_after = [](Standing::Why why, const Provider& next) {
    const RosterOf before(Fleet{named("one")}, Listed{}, nullptr);
    lane(before, "").standing->close(why, never);
    lane(before, "a").place->out = true;
    const RosterOf after(Fleet{next}, Listed{}, &before);
    CHECK(lane(after, "a").place == lane(before, "a").place);  // what was measured is kept
    CHECK(lane(before, "").standing->why() == why);
    CHECK(lane(after, "a").place->out == (lane(after, "").standing == lane(before, "").standing));
    return lane(after, "").standing->why();
  };
  Provider key = named("one"), field = named("one"), prefix = named("one");
  key.key = Secret("sk-other");
  field.fields = {{"x-org", "acme"}};
  prefix.key_field.prefix = "Token ";
  for (const auto why : {Standing::Why::unauthorized, Standing::Why::misconfigured, Standing::Why::disabled}) {
    CHECK(closed_after(why, named("one")) == why);
    for (const Provider& changed : {key, field, prefix})
      CHECK(closed_after(why, changed) == (why == Standing::Why::disabled ? why : Standing::Why::open));
  }
}

TEST_CASE("names in offers point to what the roster keeps, however many names there are") {
  struct Echo {  // its offers point into the name that it was asked with
    std::optional<Offer> resolve(std::string_view model, const Provider& p) const { return Offer::assumed({{}, model}, p); }
    void each_model(FunctionRef<void(std::string_view)> each) const {
      for (int i = 0; i < 100; ++i) each("model-" + std::to_string(i * 7 % 100));
    }
  };
  Provider p = named("one");
  p.model = "s";  // so short that it lies inside its string
  const RosterOf r(Fleet{p}, Echo{}, nullptr);
  for (int i = 0; i < 100; ++i) CHECK(lane(r, "model-" + std::to_string(i)).offer.model == "model-" + std::to_string(i));
  CHECK(lane(r, "").offer.model == "s");
}

TEST_CASE("a place lives as long as a roster knows it") {
  static int states = 0;
  struct Watched {
    struct State {
      State() { ++states; }
      ~State() { --states; }
    };
    Time rest_until(const State&, Time now) const { return now; }
    void report(State&, const Outcome&, Time) const {}
  };
  {
    auto core = tests::core_of(Fleet{named("one"), named("two")}, Watched{}, models::Identity{});
    CHECK(states == 2);
    for (int i = 0; i < 10; ++i) {
      REQUIRE(core.replace(Fleet{named("two"), named(i % 2 ? "three" : "four")}));
      CHECK(states == 2);
    }
  }
  CHECK(states == 0);
}
