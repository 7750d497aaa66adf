// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/cheapest.hpp"

#include <string>

#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "llmroute/route/explain.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

Provider priced(std::string name, std::string_view per_million_tokens) {
  Provider p = named(std::move(name));
  p.price = {per_million(per_million_tokens), per_million(per_million_tokens), {}};
  return p;
}
const ChatRequest hello{.messages = "Hello"};
const Options nothing{};

struct Market {
  CoreWith<ranking::Cheapest> core;
  Time now{Time{} + 1h};

  explicit Market(Fleet fleet, ranking::Cheapest c = {}) : core(core_of(std::move(fleet), c)) {}
  std::string first() {
    core.policy<role::Clock>().time = now;
    const auto prospect = Preview(core, hello, nothing).select();
    return prospect ? prospect->provider.text() : prospect.error().message;
  }
  Cost buy(const std::string& provider, Ended e) {
    const Options only{.allow = {provider}};
    Exchange x(core, hello, only, Delivery::whole, Overlap::no, now);
    x.ended(x.next(now).attempt, e, now);
    x.next(now);
    return x.cost();
  }
};
Ended billed(Money amount, std::int64_t tokens) {
  Ended e = good();
  e.billed = amount;
  e.usage = {.prompt = tokens / 2, .completion = tokens - tokens / 2, .reported = true};
  return e;
}

}  // namespace

TEST_CASE("Cheapest can rank by what each provider really charged lately for 1,000 tokens") {
  Market m(Fleet{priced("terse", "1"), priced("chatty", "2")}, {.by = ranking::Cheapest::By::charged});
  CHECK(m.first() == "terse");  // nothing was charged yet: the estimates
  m.buy("terse", billed(dollars("0.01"), 1'000));
  CHECK(m.first() == "chatty");
  m.buy("chatty", billed(dollars("0.02"), 1'000));
  CHECK(m.first() == "terse");
  for (int i = 0; i < 20; ++i) m.buy("chatty", billed(dollars("0.01"), 2'000));  // 5 thousandths for 1,000
  CHECK(m.first() == "chatty");

  Market estimates(Fleet{priced("terse", "1"), priced("chatty", "2")});
  estimates.buy("terse", billed(dollars("0.01"), 1'000));
  CHECK(estimates.first() == "terse");
}

TEST_CASE("what failed, and what nobody knows the cost of, teaches no price") {
  const ranking::Cheapest cheapest{.by = ranking::Cheapest::By::charged};
  ranking::Cheapest::State state;
  const Outcome won{.ending = Ending::won}, failure{.ending = Ending::failed, .kind = Kind::server_error};
  const Cost exact{dollars("0.01"), Cost::Source::usage}, guess{dollars("0.01"), Cost::Source::estimated};
  const Usage usage{.prompt = 500, .completion = 500, .reported = true};
  cheapest.learn(state, {.what = Event::What::ended, .outcome = &failure, .usage = usage, .cost = exact});
  cheapest.learn(state, {.what = Event::What::ended, .outcome = &won, .usage = usage, .cost = guess});
  cheapest.learn(state, {.what = Event::What::ended, .outcome = &won, .cost = exact});
  CHECK(state.per_1k.load() < 0);
  cheapest.learn(state, {.what = Event::What::ended, .outcome = &won, .usage = usage, .cost = exact});
  CHECK(state.per_1k.load() == Approx(0.01));
}

TEST_CASE("what a provider gives away costs nothing until it is used up, and again after a day") {
  Provider generous = priced("generous", "10");
  generous.free = {.requests_per_day = 2};
  Market m(Fleet{priced("cheap", "1"), generous});
  for (int i = 0; i < 2; ++i) {
    CHECK(m.first() == "generous");
    const Cost cost = m.buy("generous", good());
    CHECK(cost.amount == Money());
    CHECK(cost.exact());
  }
  CHECK(m.first() == "cheap");
  CHECK(m.buy("generous", good()).amount == Money::nanos(1'500'000));  // 150 tokens at 10 dollars a million
  m.now += 24h;
  CHECK(m.first() == "generous");
}

TEST_CASE("a free allowance may be of tokens") {
  Provider generous = priced("generous", "10");
  generous.free = {.tokens_per_day = 200};
  Market m(Fleet{priced("cheap", "1"), generous});
  m.buy("generous", good());  // 150
  CHECK(m.first() == "generous");
  m.buy("generous", good());
  CHECK(m.first() == "cheap");
}

TEST_CASE("one account gives away once, whatever it is called and whatever model is asked for") {
  Provider a = priced("a", "10"), b = priced("b", "10");
  a.free = b.free = {.requests_per_day = 1};
  a.quota_group = b.quota_group = "account";
  Market m(Fleet{a, b, priced("cheap", "1")});
  m.buy("a", good());
  CHECK(m.first() == "cheap");
  CHECK(m.buy("b", good()).amount > Money());
}

TEST_CASE("an allowance without a price ranks first while it lasts, and last after it") {
  Provider unpriced = named("unpriced");
  unpriced.price = {};
  unpriced.free = {.requests_per_day = 1};
  Market m(Fleet{priced("cheap", "1"), unpriced});
  CHECK(m.first() == "unpriced");
  CHECK(m.buy("unpriced", good()).known());
  CHECK(m.first() == "cheap");
}

TEST_CASE("an attempt that was not sent after all takes nothing from the allowance") {
  struct Never {  // a budget that refuses
    struct Reservation {};
    std::optional<Reservation> reserve(const Query&, const Provider& p, Money, Time) {
      return p.name == "generous" ? std::nullopt : std::optional<Reservation>(Reservation{});
    }
    void settle(Reservation, Money, Time) {}
  };
  struct Shut {  // a cooldown that admits nobody
    struct State {};
    struct Permit {};
    Time rest_until(const State&, Time now) const { return now; }
    void report(State&, const Outcome&, Time) const {}
    void report(State&, Permit, const Outcome&, Time) const {}
    std::optional<Permit> admit(State&, Time, Need) const { return std::nullopt; }
  };
  Provider generous = priced("generous", "10");
  generous.free = {.requests_per_day = 1};
  auto refused = core_of(Fleet{generous}, Never{});
  auto shut = core_of(Fleet{generous}, Shut{});
  for (int i = 0; i < 3; ++i) {
    Exchange x(refused, hello, nothing, Delivery::whole, Overlap::no, Time{});
    CHECK(told(x, Time{}) == "finish");
    Exchange y(shut, hello, nothing, Delivery::whole, Overlap::no, Time{});
    CHECK(told(y, Time{}) == "finish");
  }
  const auto left = [](auto& core) {
    const auto pin = core.pin();
    const auto& lane = pin->group({}).lanes[0];
    return lane.account->free.left(lane.provider->free, Time{});
  };
  CHECK(left(refused));
  CHECK(left(shut));
}

TEST_CASE("what was given away says nothing of what is charged afterwards") {
  Provider generous = priced("generous", "10");
  generous.free = {.requests_per_day = 2};
  Market m(Fleet{priced("cheap", "1"), generous}, {.by = ranking::Cheapest::By::charged});
  m.buy("generous", good());
  CHECK(m.first() == "generous");
  m.buy("generous", good());
  CHECK(m.first() == "cheap");
}

TEST_CASE("an answer whose tokens nobody reports takes what was estimated from the allowance") {
  Provider generous = priced("generous", "10");
  generous.free = {.tokens_per_day = 300};  // an estimate is 2 + 256
  Market m(Fleet{generous});
  const Ended unreported{.ok = true, .status = 200};
  CHECK(m.buy("generous", unreported).amount == Money());
  CHECK(m.buy("generous", unreported).amount == Money());
  CHECK(m.buy("generous", unreported).amount > Money());
}
