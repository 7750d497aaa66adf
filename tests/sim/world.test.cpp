// SPDX-License-Identifier: MIT
#include "llmroute/sim/world.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../allocations.hpp"
#include "../catch.hpp"
#include "llmroute/wire/url.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

static_assert(Clock<sim::Clock> && WaitingClock<sim::Clock>);
static_assert(!std::is_copy_constructible_v<sim::World>);
static_assert(!std::is_convertible_v<sim::World&, sim::Clock>);

namespace {

// Notes its name and the time when it runs.
struct Note {
  sim::Timeline& timeline;
  std::string& log;
  char name = '?';
  void operator()() const {
    log += name + std::to_string(timeline.elapsed() / 1ms);
    log += ' ';
  }
};

}  // namespace

TEST_CASE("time stands still until somebody waits, and then jumps to what happens next") {
  sim::World world;
  std::string log;
  Note a{world, log, 'a'}, b{world, log, 'b'}, c{world, log, 'c'};
  world.at(Time{} + 30ms, c);
  world.at(Time{} + 10ms, a);
  world.at(Time{} + 20ms, b);
  CHECK(world.now() == Time{});
  CHECK(world.pending() == 3);
  CHECK(world.step());
  CHECK(world.elapsed() == 10ms);
  world.advance(15ms);
  CHECK(log == "a10 b20 ");
  CHECK(world.elapsed() == 25ms);
  world.run();
  CHECK(log == "a10 b20 c30 ");
  CHECK_FALSE(world.step());
}

TEST_CASE("events of one instant run in the order in which they were planned, arrivals before timers") {
  sim::World world;
  std::string log;
  Note a{world, log, 'a'}, b{world, log, 'b'}, c{world, log, 'c'}, d{world, log, 'd'};
  world.at(Time{} + 5ms, a);
  world.at(Time{} + 5ms, b, sim::Timeline::Turn::arrival);
  world.at(Time{} + 5ms, c);
  world.at(Time{} + 5ms, d, sim::Timeline::Turn::arrival);
  world.run();
  CHECK(log == "b5 d5 a5 c5 ");
}

TEST_CASE("an event for the past runs at the present, and never inside the call that plans it") {
  sim::World world;
  world.advance(10ms);
  std::string log;
  Note a{world, log, 'a'};
  world.at(Time{}, a);
  CHECK(log.empty());
  world.advance_to(world.now());
  CHECK(log == "a10 ");
}

TEST_CASE("a cancelled event does not run, and its handle harms nobody who takes its place") {
  sim::World world;
  std::string log;
  Note a{world, log, 'a'}, b{world, log, 'b'};
  const auto first = world.at(Time{} + 10ms, a);
  CHECK(world.cancel(first));
  CHECK_FALSE(world.cancel(first));
  const auto second = world.at(Time{} + 20ms, b);
  CHECK_FALSE(world.cancel(first));
  world.run();
  CHECK(log == "b20 ");
  CHECK_FALSE(world.cancel(second));
  CHECK_FALSE(world.cancel({}));
}

TEST_CASE("any mix of planning and cancelling runs what is left in order, as a plain sorted list would") {
  const std::uint64_t seed = tests::seed();
  INFO("seed " << seed);
  for (std::uint64_t round = 0; round < 200; ++round) {
    const std::uint64_t bits = mix(seed, round);
    sim::World world;
    struct Mark {
      std::vector<int>& ran;
      int id = 0;
      void operator()() const { ran.push_back(id); }
    };
    std::vector<int> ran;
    std::vector<Mark> marks;
    for (int i = 0; i < 60; ++i) marks.push_back({ran, i});
    std::set<std::pair<std::int64_t, int>> expected;
    std::vector<std::pair<sim::Timeline::Event, std::pair<std::int64_t, int>>> planned;
    for (int i = 0; i < 60; ++i) {
      const std::uint64_t draw = mix(bits, static_cast<std::uint64_t>(i));
      const auto when = static_cast<std::int64_t>(draw % 20);
      const std::pair key{when, i};
      planned.emplace_back(world.at(Time{} + Duration(when), marks[static_cast<std::size_t>(i)]), key);
      expected.insert(key);
      if (draw >> 32 & 1) {
        const auto& [event, victim] = planned[(draw >> 40) % planned.size()];
        CHECK(world.cancel(event) == (expected.erase(victim) == 1));
      }
    }
    CHECK(world.pending() == expected.size());
    world.run();
    std::vector<int> order;
    for (const auto& [when, id] : expected) order.push_back(id);
    CHECK(ran == order);
  }
}

TEST_CASE("an event may plan, cancel, and wait itself") {
  sim::World world;
  std::string log;
  Note inner{world, log, 'i'}, victim{world, log, 'v'};
  const auto doomed = world.at(Time{} + 50ms, victim);
  auto outer = [&] {
    world.at(world.now() + 5ms, inner);
    world.cancel(doomed);
    sim::Clock(world).wait_until(world.now() + 20ms);
    log += "o" + std::to_string(world.elapsed() / 1ms);
  };
  world.at(Time{} + 10ms, outer);
  world.advance_to(Time{} + 12ms);
  CHECK(log == "i15 o30");
  CHECK(world.elapsed() == 30ms);
  CHECK(world.pending() == 0);
}

TEST_CASE("a clock waits in virtual time, and lets happen what is due") {
  sim::World world;
  const sim::Clock clock(world);
  std::string log;
  Note a{world, log, 'a'};
  world.at(Time{} + 1h, a);
  clock.wait_until(Time{} + 2h);
  CHECK(log == "a3600000 ");
  CHECK(clock.now() == Time{} + 2h);
  clock.wait_until(Time{} + 1h);
  CHECK(clock.now() == Time{} + 2h);
}

TEST_CASE("whoever waits is asked each tick whether he still wants to") {
  sim::World world;
  int asked = 0;
  auto stopped = [&] { return ++asked, world.elapsed() >= 7ms; };
  sim::Clock(world).wait_until(Time{} + 1h, stopped);
  CHECK(world.elapsed() == 7ms);
  CHECK(asked == 8);
  asked = 0;
  world.tick = 100ms;
  sim::Clock(world).wait_until(Time{} + 1h, [&] { return ++asked == 3; });
  CHECK(world.elapsed() == 207ms);
}

TEST_CASE("a wait without an end is over when nothing is left that could end it") {
  sim::World world;
  std::string log;
  Note a{world, log, 'a'};
  world.at(Time{} + 5ms, a);
  sim::Clock(world).wait_until(never, [] { return false; });
  CHECK(log == "a5 ");
  sim::Clock(world).wait_until(never);
  CHECK(world.elapsed() == 5ms);
}

TEST_CASE("run_until stops as soon as its condition holds, and when nothing is left") {
  sim::World world;
  std::string log;
  Note a{world, log, 'a'}, b{world, log, 'b'};
  world.at(Time{} + 5ms, a);
  world.at(Time{} + 6ms, b);
  world.run_until([&] { return !log.empty(); });
  CHECK(log == "a5 ");
  world.run_until([] { return true; });
  CHECK(log == "a5 ");
  world.run_until([] { return false; });
  CHECK(log == "a5 b6 ");
}

TEST_CASE("events allocate nothing once there was room for as many") {
  sim::World world;
  struct Chain {
    sim::World& world;
    int left = 1000;
    void operator()() {
      if (--left > 0) world.at(world.now() + 1ms, *this);
    }
  };
  std::vector<Chain> chains(8, Chain{world});
  for (Chain& c : chains) world.at(Time{} + 1ms, c);
  world.advance(10ms);
  const tests::Allocations during;
  world.run();
  const auto made = during.count();
  CHECK(made == 0);
  CHECK(world.elapsed() == 1s);
}

TEST_CASE("a world gives a fleet's providers, each reachable under its URL with its key") {
  sim::World world{7};
  world.add(
      {.name = "swift", .model = "m", .price = {.input = per_million("0.05"), .output = per_million("0.08")}, .tags = {"eu"}});
  world.add({.name = "Old & odd", .order = 2});
  const std::vector<Provider> all = world.providers();
  REQUIRE(all.size() == 2);
  CHECK(all[0].url == "https://swift.sim/v1");
  CHECK(all[1].url == "https://Old---odd.sim/v1");
  CHECK(all[0].model == "m");
  CHECK(all[0].price.known());
  CHECK(all[0].has_tag("eu"));
  CHECK(all[1].order == 2);
  for (const Provider& p : all) {
    CHECK(url::problem(p.url).empty());
    CHECK_FALSE(p.key.empty());
    CHECK(p.key.problem().empty());
    const std::string endpoint = p.url + "/chat/completions";
    CHECK(world.find({.url = endpoint}) == &world.provider(p.name));
  }
  CHECK(world.find({.url = "https://swift.sim/v10/chat/completions"}) == nullptr);
  CHECK(world.find({.url = "https://elsewhere.sim/v1/chat/completions"}) == nullptr);
}

TEST_CASE("accounts that share an endpoint are told apart by their keys") {
  sim::World world;
  world.add({.name = "one", .url = "https://shared.sim/v1", .key = "k1"});
  world.add({.name = "two", .url = "https://shared.sim/v1", .key = "k2"});
  const auto reached = [&](std::string_view authorization) {
    const http::Field fields[]{{"Authorization", authorization}};
    return world.find({.url = "https://shared.sim/v1/chat/completions", .fields = fields})->script().name;
  };
  CHECK(reached("Bearer k1") == "one");
  CHECK(reached("Bearer k2") == "two");
  CHECK(reached("Bearer k3") == "one");
}

TEST_CASE("a reference to a provider survives the arrival of others") {
  sim::World world;
  sim::ScriptedProvider& first = world.add({.name = "first"});
  for (int i = 0; i < 1000; ++i) world.add({.name = "p" + std::to_string(i)});
  CHECK(&world.provider("first") == &first);
  CHECK(world.size() == 1001);
  CHECK(world.provider("nobody has this name").counters().requests == 0);
}
