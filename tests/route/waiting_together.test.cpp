// SPDX-License-Identifier: MIT
// Many requests that wait for room: each waits for what it cannot have, holds back nobody else, and is served in its turn.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "by_hand.hpp"
#include "catch.hpp"
#include "llmroute/route/exchange.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

const ChatRequest hello{.messages = "Hello"};

Provider limited(std::string name, RateLimits limits, std::string group = {}) {
  Provider p = named(std::move(name));
  p.limits = limits;
  p.quota_group = std::move(group);
  return p;
}

Options waits(std::string tenant = {}, std::vector<std::string> allow = {}) {
  return {.tenant = std::move(tenant), .allow = std::move(allow), .when_full = WhenFull::wait};
}

}  // namespace

TEST_CASE("who waits for a limit of its own tenant holds no provider back from others") {
  auto core = core_of(Fleet{limited("only", {.in_flight = 1})}.tenants(
                          {{.name = "used up", .limits = {.requests_per_minute = 1}}, {.name = "other"}}),
                      cooldown::Off{});
  const Options used_up = waits("used up"), other{.tenant = "other"};
  Exchange first(core, hello, used_up, Delivery::whole, Overlap::no, Time{});
  const Step sent = first.next(Time{});
  REQUIRE(sent.what == Step::Do::send);
  Exchange second(core, hello, used_up, Delivery::whole, Overlap::no, Time{});  // for a minute, whoever else has room
  CHECK(told(second, Time{}) == "wait");
  first.ended(sent.attempt, good(), Time{} + 1s);
  Exchange third(core, hello, other, Delivery::whole, Overlap::no, Time{} + 2s);
  CHECK(told(third, Time{} + 2s) == "only");
}

TEST_CASE("who waits for a rest to end holds no slot back from those who may go") {
  auto core = core_of(Fleet{limited("a", {.in_flight = 1}, "account"), limited("b", {.in_flight = 1}, "account")}.quota_groups(
                          {{.name = "account", .limits = {.in_flight = 1}}}),
                      cooldown::Off{});
  const Options only_a = waits({}, {"a"}), only_b{.allow = {"b"}};
  Exchange holds(core, hello, only_b, Delivery::whole, Overlap::no, Time{});
  const Step held = holds.next(Time{});
  REQUIRE(held.what == Step::Do::send);
  core.pin()->group({}).lanes[0].standing->ordered_rest().extend(Time{} + 60s);
  Exchange waiter(core, hello, only_a, Delivery::whole, Overlap::no, Time{});
  CHECK(told(waiter, Time{}) == "wait");
  holds.ended(held.attempt, good(), Time{} + 1s);
  Exchange goes(core, hello, only_b, Delivery::whole, Overlap::no, Time{} + 2s);
  CHECK(told(goes, Time{} + 2s) == "b");
}

TEST_CASE("who waits for a provider's own limit holds no slot of its quota group back from the others of it") {
  auto core = core_of(Fleet{limited("a", {.requests_per_minute = 1}, "account"), limited("b", {}, "account")}.quota_groups(
                          {{.name = "account", .limits = {.in_flight = 1}}}),
                      cooldown::Off{});
  const Options only_a = waits({}, {"a"}), only_b{.allow = {"b"}};
  Exchange holds(core, hello, only_a, Delivery::whole, Overlap::no, Time{});
  const Step held = holds.next(Time{});
  REQUIRE(held.what == Step::Do::send);
  Exchange waiter(core, hello, only_a, Delivery::whole, Overlap::no, Time{});
  CHECK(told(waiter, Time{}) == "wait");
  holds.ended(held.attempt, good(), Time{} + 1s);
  Exchange goes(core, hello, only_b, Delivery::whole, Overlap::no, Time{} + 2s);
  CHECK(told(goes, Time{} + 2s) == "b");
}

TEST_CASE("who waits for tokens looks again when a reserve has come back, not only when all of it were used") {
  auto core = core_of(Fleet{limited("only", {.tokens_per_minute = 600})}, cooldown::Off{});
  const ChatRequest large{.messages = "Hello", .max_tokens = 298}, usual{.messages = "Hello", .max_tokens = 248};
  const Options waiting = waits();
  const Options nothing{};
  {  // 300 are used
    Exchange used(core, large, nothing, Delivery::whole, Overlap::no, Time{});
    const Step s = used.next(Time{});
    REQUIRE(s.what == Step::Do::send);
    used.ended(s.attempt, {.ok = true, .status = 200, .usage = {.prompt = 2, .completion = 298, .reported = true}}, Time{});
  }
  Exchange holds(core, large, nothing, Delivery::whole, Overlap::no, Time{});  // and 300 are held
  const Step held = holds.next(Time{});
  REQUIRE(held.what == Step::Do::send);
  Exchange waiter(core, usual, waiting, Delivery::whole, Overlap::no, Time{});
  const Step s = waiter.next(Time{});
  REQUIRE(s.what == Step::Do::wait);
  CHECK(s.until <= Time{} + 1s);
  holds.ended(held.attempt, {.ok = true, .status = 200, .usage = {.prompt = 2, .completion = 1, .reported = true}},
              Time{} + 500ms);
  CHECK(told(waiter, s.until) == "only");
}

TEST_CASE("whoever comes and goes, of those that wait for one provider the best place is served first") {
  const std::uint32_t base = tests::seed();
  int served = 0;
  for (std::uint64_t run = 0; run < 400; ++run) {
    INFO("--rng-seed " << base << ", run " << run);
    std::uint64_t drawn = mix(base, run);
    const auto dice = [&drawn](std::uint64_t n) { return (drawn = mix(drawn, 1)) % n; };
    RateLimits limits{.in_flight = static_cast<int>(1 + dice(2))};
    if (dice(2) == 0) limits.requests_per_minute = static_cast<double>(2 + dice(20));
    if (dice(3) == 0) limits.tokens_per_minute = static_cast<double>(300 + dice(600));
    auto core = core_of(Fleet{limited("only", limits)}, cooldown::Off{}, retry::Off{});
    struct Ride {
      Options options{};
      std::optional<Exchange<BagWith<cooldown::Off, retry::Off>>> x{};
      std::optional<AttemptId> sent{};
      std::uint64_t place = 0;
      bool waits = false;
    };
    std::vector<std::unique_ptr<Ride>> rides(6);
    std::uint64_t came = 0;
    Time now{};
    for (int step = 0; step < 120; ++step) {
      now += dice(3) == 0 ? Duration(1ms) * static_cast<int>(dice(5000)) : Duration(dice(2));
      auto& ride = rides[dice(rides.size())];
      if (!ride) {
        ride = std::make_unique<Ride>();
        ride->options.when_full = WhenFull::wait;
        ride->options.priority = static_cast<int>(dice(3)) - 1;
        ride->options.timeouts.deadline = Duration(1s) * static_cast<int>(1 + dice(90));
        ride->x.emplace(core, hello, ride->options, Delivery::whole, Overlap::no, now);
      }
      if (dice(30) == 0) {
        ride.reset();
        continue;
      }
      if (ride->sent && dice(2) == 0) {
        const Ended outcomes[]{good(), failed(Kind::server_error, 500), failed(Kind::timed_out)};
        ride->x->ended(*ride->sent, outcomes[dice(3)], now);
      }
      const Step s = ride->x->next(now);
      if (s.what == Step::Do::send) {
        ++served;
        ride->sent = s.attempt;
        for (const auto& other : rides) {
          if (!other || other == ride || !other->waits || other->x->race().deadline() <= now) continue;
          const bool better = other->options.priority != ride->options.priority
                                  ? other->options.priority < ride->options.priority
                                  : !ride->waits || other->place < ride->place;
          CHECK_FALSE(better);
        }
        ride->waits = false;
      } else if (s.what == Step::Do::wait && !ride->sent) {
        if (!ride->waits) ride->place = ++came;
        ride->waits = true;
      } else if (s.what == Step::Do::finish) {
        ride.reset();
      }
    }
    rides.clear();
    CHECK(core.waiting().size() == 0);
  }
  CHECK(served > 2000);
}
