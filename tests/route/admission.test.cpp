// SPDX-License-Identifier: MIT
// Limits, tenants, waiting for a slot, and the order in which an attempt is admitted.
#include <string>
#include <vector>

#include "by_hand.hpp"
#include "catch.hpp"
#include "llmroute/route/exchange.hpp"
#include "llmroute/route/status.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

const ChatRequest hello{.messages = "Hello"};
const Options nothing{};

Provider limited(std::string name, RateLimits limits, std::string group = {}) {
  Provider p = named(std::move(name));
  p.limits = limits;
  p.quota_group = std::move(group);
  return p;
}

/// A budget that says what happens to it.
struct Purse {
  struct Reservation {};
  int* open;
  bool agrees = true;
  std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) {
    if (!agrees) return std::nullopt;
    ++*open;
    return Reservation{};
  }
  void settle(Reservation, Money, Time) { --*open; }
};

/// Sends one and lets it succeed: who answered, or why nobody did.
template <class C>
std::string sent(C& core, Time now, const Options& options = nothing) {
  Exchange x(core, hello, options, Delivery::whole, Overlap::no, now);
  const Step s = x.next(now);
  if (s.what != Step::Do::send) return s.what == Step::Do::wait ? "wait" : x.failure(now).message;
  const std::string who = x.provider(s.attempt).name;
  x.ended(s.attempt, good(), now);
  x.next(now);
  return who;
}

int in_flight(const auto& core) {
  int n = 0;
  core.pin()->each_lane([&](const auto& l) { n += l.limiter->in_flight() + l.account->limiter.in_flight(); });
  return n;
}

}  // namespace

TEST_CASE("the tenth request of ten a minute is sent, the eleventh goes elsewhere, and a tenth of a minute brings one back") {
  auto core = core_of(Fleet{limited("small", {.requests_per_minute = 10}), named("large")}, ranking::Priority{});
  for (int i = 0; i < 10; ++i) CHECK(sent(core, Time{}) == "small");
  CHECK(sent(core, Time{}) == "large");
  CHECK(sent(core, Time{} + 5999ms) == "large");
  CHECK(sent(core, Time{} + 6s) == "small");
  CHECK(sent(core, Time{} + 6s) == "large");
}

TEST_CASE("where every provider has used up its rate limit the failure says so, and when to come back") {
  auto core = core_of(Fleet{limited("only", {.requests_per_minute = 2})});
  CHECK(sent(core, Time{}) == "only");
  CHECK(sent(core, Time{}) == "only");
  Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  CHECK(told(x, Time{}) == "finish");
  const Failure f = x.failure(Time{});
  CHECK(f.kind == Kind::rate_limited);
  CHECK(f.trail.empty());
  CHECK(f.retry_after == 30s);
  CHECK_THAT(f.message, ContainsSubstring("only: has used up its rate limit"));
}

TEST_CASE("tokens are reserved before the send and settled with what was used") {
  // "Hello" is 2 tokens, and 256 are expected back: 258.
  auto core = core_of(Fleet{limited("only", {.tokens_per_minute = 600})});
  Exchange first(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  Exchange second(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  Exchange third(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  const Step one = first.next(Time{});
  CHECK(one.what == Step::Do::send);
  CHECK(told(second, Time{}) == "only");
  CHECK(told(third, Time{}) == "finish");  // 774 are more than 600
  CHECK_THAT(third.failure(Time{}).message, ContainsSubstring("rate limit"));
  first.ended(one.attempt, {.ok = true, .status = 200, .usage = {.prompt = 2, .completion = 3, .reported = true}}, Time{});
  CHECK(sent(core, Time{}) == "only");  // 258 + 5 are used: another 258 fit
}

TEST_CASE("a request that is larger than the tokens a minute is not sent there, however long one waits") {
  auto core = core_of(Fleet{limited("only", {.tokens_per_minute = 100})});
  Options wait;
  wait.when_full = WhenFull::wait;
  Exchange x(core, hello, wait, Delivery::whole, Overlap::no, Time{});
  CHECK(told(x, Time{}) == "finish");
  CHECK_THAT(x.failure(Time{}).message, ContainsSubstring("only: the request is larger than its tokens per minute"));
  CHECK(x.failure(Time{}).retry_after == 0s);
}

TEST_CASE("a ceiling of requests in flight holds until one has ended, however it ended") {
  auto core = core_of(Fleet{limited("only", {.in_flight = 1})}, cooldown::Off{});
  for (const int how : {0, 1, 2, 3}) {
    {
      Exchange first(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
      const Step s = first.next(Time{});
      REQUIRE(s.what == Step::Do::send);
      Exchange second(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
      CHECK(told(second, Time{}) == "finish");
      CHECK_THAT(second.failure(Time{}).message, ContainsSubstring("only: has as many requests in flight as it may"));
      if (how == 0) first.ended(s.attempt, good(), Time{});
      if (how == 1) first.ended(s.attempt, failed(Kind::server_error, 500), Time{});
      if (how == 2) first.cancel();
      if (how == 2) static_cast<void>(first.next(Time{}));
    }  // 3: dropped
    CHECK(in_flight(core) == 0);
  }
}

TEST_CASE("providers of one quota group use up the same limits, and those of their own beside") {
  auto core =
      core_of(Fleet{limited("a", {}, "account"), limited("b", {.requests_per_minute = 1}, "account"), named("c")}.quota_groups(
                  {{.name = "account", .limits = {.requests_per_minute = 3}}}),
              ranking::Priority{});
  CHECK(sent(core, Time{}, {.allow = {"b"}}) == "b");
  CHECK_THAT(sent(core, Time{}, {.allow = {"b"}}), ContainsSubstring("b: has used up its rate limit"));  // its own
  CHECK(sent(core, Time{}) == "a");
  CHECK(sent(core, Time{}) == "a");
  CHECK(sent(core, Time{}) == "c");  // the account's
}

TEST_CASE("a tenant has limits for its requests, however many attempts they take, and may use some providers only") {
  auto core = core_of(Fleet{named("a"), named("b"), named("c")}.tenants({{.name = "acme", .limits = {.requests_per_minute = 2}},
                                                                         {.name = "guest", .providers = {"c"}},
                                                                         {.name = "*", .providers = {"b", "c"}}}),
                      ranking::Priority{}, cooldown::Off{});
  CHECK(sent(core, Time{}, {.tenant = "guest"}) == "c");
  CHECK(sent(core, Time{}, {.tenant = "somebody"}) == "b");
  CHECK_THAT(sent(core, Time{}, {.tenant = "guest", .allow = {"a"}}),
             ContainsSubstring("a: the request's tenant may not use it"));

  const Options acme{.tenant = "acme"};
  {
    Exchange x(core, hello, acme, Delivery::whole, Overlap::no, Time{});
    for (const char* who : {"a", "b", "c"}) {
      const Step s = x.next(Time{});
      REQUIRE(s.what == Step::Do::send);
      CHECK(x.provider(s.attempt).name == who);
      x.ended(s.attempt, failed(Kind::server_error, 500), Time{});
    }
  }
  CHECK(sent(core, Time{}, acme) == "a");
  Exchange x(core, hello, acme, Delivery::whole, Overlap::no, Time{});
  CHECK(told(x, Time{}) == "finish");
  CHECK(x.failure(Time{}).kind == Kind::rate_limited);
  CHECK(x.failure(Time{}).retry_after == 30s);
  CHECK_THAT(x.failure(Time{}).message, ContainsSubstring("tenant \"acme\" has used up its limits"));
  CHECK(sent(core, Time{}) == "a");  // nobody's request is nobody's tenant
}

TEST_CASE("a tenant that the fleet does not know is an error, unless it knows none or all others") {
  auto strict = core_of(Fleet{named("a")}.tenants({{.name = "acme"}}));
  const Options stranger{.tenant = "acne"};
  Exchange x(strict, hello, stranger, Delivery::whole, Overlap::no, Time{});
  CHECK(told(x, Time{}) == "finish");
  CHECK(x.failure(Time{}).kind == Kind::misconfigured);
  CHECK_THAT(x.failure(Time{}).message, ContainsSubstring("options.tenant") && ContainsSubstring("acne"));
  auto easy = core_of(Fleet{named("a")});
  CHECK(sent(easy, Time{}, {.tenant = "acne"}) == "a");
}

TEST_CASE("what a tenant and a quota group have used stays when the fleet is replaced") {
  const auto fleet = [] {
    return Fleet{limited("a", {.requests_per_minute = 9}, "account")}
        .tenants({{.name = "acme", .limits = {.requests_per_minute = 2}}})
        .quota_groups({{.name = "account", .limits = {.requests_per_minute = 3}}});
  };
  auto core = core_of(fleet());
  CHECK(sent(core, Time{}, {.tenant = "acme"}) == "a");
  CHECK(sent(core, Time{}, {.tenant = "acme"}) == "a");
  REQUIRE(core.replace(fleet()));
  CHECK_THAT(sent(core, Time{}, {.tenant = "acme"}), ContainsSubstring("tenant"));
  CHECK(sent(core, Time{}) == "a");
  CHECK_THAT(sent(core, Time{}), ContainsSubstring("rate limit"));
}

TEST_CASE("what runs already counts for a limit that only the next fleet sets") {
  auto core = core_of(Fleet{named("a")});
  Exchange before(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  const Step s = before.next(Time{});
  REQUIRE(s.what == Step::Do::send);
  REQUIRE(core.replace(Fleet{limited("a", {.in_flight = 1})}));
  CHECK_THAT(sent(core, Time{}), ContainsSubstring("as many requests in flight as it may"));
  before.ended(s.attempt, good(), Time{});
  CHECK(sent(core, Time{}) == "a");
}

TEST_CASE("a rest that somebody ordered outlives a new key") {
  auto core = core_of(Fleet{named("a")});
  core.pin()->group({}).lanes[0].standing->ordered_rest().extend(Time{} + 1h);
  Provider rotated = named("a");
  rotated.key = Secret("sk-new");
  REQUIRE(core.replace(Fleet{rotated}));
  CHECK_THAT(sent(core, Time{}), ContainsSubstring("a: was put to rest"));
  CHECK(sent(core, Time{} + 1h) == "a");
}

TEST_CASE("who waits for a slot is asked again when there is one, and sends then") {
  auto core = core_of(Fleet{limited("only", {.requests_per_minute = 1})});
  CHECK(sent(core, Time{}) == "only");
  const Options wait{.when_full = WhenFull::wait};
  Exchange x(core, hello, wait, Delivery::whole, Overlap::no, Time{});
  const Step s = x.next(Time{});
  CHECK(s.what == Step::Do::wait);
  CHECK(s.until == Time{} + 1s);  // it looks now and then, because room may be given back
  CHECK(core.waiting().size() == 1);
  CHECK(told(x, Time{} + 60s - 1ns) == "wait");
  CHECK(told(x, Time{} + 60s) == "only");
  CHECK(core.waiting().size() == 0);
}

TEST_CASE("nobody waits for a slot that comes too late") {
  auto core = core_of(Fleet{limited("only", {.requests_per_minute = 1})});
  CHECK(sent(core, Time{}) == "only");
  const Options wait{.timeouts = {.deadline = 30s}, .when_full = WhenFull::wait};
  Exchange x(core, hello, wait, Delivery::whole, Overlap::no, Time{});
  CHECK(told(x, Time{}) == "finish");
  CHECK(x.failure(Time{}).kind == Kind::rate_limited);
  CHECK(core.waiting().size() == 0);
}

TEST_CASE("of those who wait the lowest priority goes first, then who came first; who came later does not overtake") {
  auto core = core_of(Fleet{limited("only", {.in_flight = 1})}, cooldown::Off{});
  const Options usual{.when_full = WhenFull::wait}, urgent{.priority = -1, .when_full = WhenFull::wait};
  Exchange holds(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  const Step held = holds.next(Time{});
  REQUIRE(held.what == Step::Do::send);
  Exchange first(core, hello, usual, Delivery::whole, Overlap::no, Time{});
  Exchange second(core, hello, usual, Delivery::whole, Overlap::no, Time{});
  Exchange third(core, hello, urgent, Delivery::whole, Overlap::no, Time{});
  for (auto* x : {&first, &second, &third}) CHECK(told(*x, Time{}) == "wait");
  holds.ended(held.attempt, good(), Time{} + 1s);

  Exchange newcomer(core, hello, nothing, Delivery::whole, Overlap::no, Time{} + 1s);
  CHECK(told(newcomer, Time{} + 1s) == "finish");
  CHECK_THAT(newcomer.failure(Time{} + 1s).message, ContainsSubstring("only: others wait for its next slot"));
  CHECK(told(first, Time{} + 1s) == "wait");
  CHECK(told(second, Time{} + 1s) == "wait");
  const Step urgent_one = third.next(Time{} + 1s);
  REQUIRE(urgent_one.what == Step::Do::send);
  CHECK(told(first, Time{} + 2s) == "wait");
  third.ended(urgent_one.attempt, good(), Time{} + 2s);
  CHECK(told(second, Time{} + 2s) == "wait");
  CHECK(told(first, Time{} + 3s) == "only");
}

TEST_CASE("a waiter that is cancelled, dropped or out of time leaves the queue") {
  auto core = core_of(Fleet{limited("only", {.in_flight = 1})});
  Exchange holds(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  REQUIRE(holds.next(Time{}).what == Step::Do::send);
  const Options wait{.timeouts = {.deadline = 10s}, .when_full = WhenFull::wait};
  {
    Exchange dropped(core, hello, wait, Delivery::whole, Overlap::no, Time{});
    Exchange cancelled(core, hello, wait, Delivery::whole, Overlap::no, Time{});
    Exchange late(core, hello, wait, Delivery::whole, Overlap::no, Time{});
    for (auto* x : {&dropped, &cancelled, &late}) CHECK(told(*x, Time{}) == "wait");
    CHECK(core.waiting().size() == 3);
    cancelled.cancel();
    CHECK(told(cancelled, Time{}) == "finish");
    CHECK(core.waiting().size() == 2);
    CHECK(told(late, Time{} + 10s) == "finish");
    CHECK(late.failure(Time{} + 10s).retry_after == 0s);
    CHECK(core.waiting().size() == 1);
  }
  CHECK(core.waiting().size() == 0);
}

TEST_CASE("who may wait, waits for a rest to end as well") {
  auto core = core_of(Fleet{named("only")});
  core.pin()->group({}).lanes[0].account->extend(Time{} + 20s);
  const Options wait{.when_full = WhenFull::wait};
  Exchange x(core, hello, wait, Delivery::whole, Overlap::no, Time{});
  const Step s = x.next(Time{});
  CHECK(s.what == Step::Do::wait);
  CHECK(s.until == Time{} + 1s);
  CHECK(told(x, Time{} + 20s - 1ns) == "wait");
  CHECK(told(x, Time{} + 20s) == "only");
}

TEST_CASE("an attempt is admitted by limits, then budgets, then the cooldown, and a refusal gives everything back") {
  int open = 0;
  const Options acme{.tenant = "acme"};
  const auto fleet = [] {
    return Fleet{limited("only", {.requests_per_minute = 10, .tokens_per_minute = 10'000, .in_flight = 5}, "account")}
        .tenants({{.name = "acme", .limits = {.requests_per_minute = 10, .in_flight = 5}}})
        .quota_groups({{.name = "account", .limits = {.requests_per_minute = 10, .in_flight = 5}}});
  };
  const auto untouched = [](auto& core) {
    const auto pin = core.pin();
    const auto& l = pin->group({}).lanes[0];
    const auto* t = pin->tenant("acme");
    return l.limiter->left(l.provider->limits, Time{}) == 1 && l.account->limiter.left(*l.shared_limits, Time{}) == 1 &&
           t->limiter->left(t->tenant->limits, Time{}) == 1 && l.place->health.in_flight == 0;
  };
  {  // the budget refuses
    auto core = core_of(fleet(), Purse{&open, false});
    Exchange x(core, hello, acme, Delivery::whole, Overlap::no, Time{});
    CHECK(told(x, Time{}) == "finish");
    CHECK(untouched(core));
  }
  {  // the cooldown refuses in the last moment
    struct Shut {
      struct State {};
      struct Permit {};
      Time rest_until(const State&, Time now) const { return now; }
      void report(State&, const Outcome&, Time) const {}
      void report(State&, Permit, const Outcome&, Time) const {}
      std::optional<Permit> admit(State&, Time, Need) const { return std::nullopt; }
    };
    auto core = core_of(fleet(), Purse{&open}, Shut{});
    Exchange x(core, hello, acme, Delivery::whole, Overlap::no, Time{});
    CHECK(told(x, Time{}) == "finish");
    CHECK(untouched(core));
    CHECK(open == 0);
  }
  {  // and a policy that throws
    struct Thrower {
      struct State {};
      struct Permit {};
      Time rest_until(const State&, Time now) const { return now; }
      void report(State&, const Outcome&, Time) const {}
      void report(State&, Permit, const Outcome&, Time) const {}
      std::optional<Permit> admit(State&, Time, Need) const { throw 1; }
    };
    auto core = core_of(fleet(), Purse{&open}, Thrower{});
    Exchange x(core, hello, acme, Delivery::whole, Overlap::no, Time{});
    CHECK(told(x, Time{}) == "finish");
    CHECK(x.failure(Time{}).kind == Kind::policy_failed);
    CHECK(untouched(core));
    CHECK(open == 0);
  }
}

TEST_CASE("an empty budget never burns the probe of a half-open circuit") {
  int open = 0;
  bool agrees = true;
  struct Fickle {
    struct Reservation {};
    int* open;
    bool* agrees;
    std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) {
      if (!*agrees) return std::nullopt;
      ++*open;
      return Reservation{};
    }
    void settle(Reservation, Money, Time) { --*open; }
  };
  auto core = core_of(Fleet{named("only")}, Fickle{&open, &agrees}, cooldown::CircuitBreaker{.failures = 1});
  {
    const Options once{.attempts = 1};
    Exchange fails(core, hello, once, Delivery::whole, Overlap::no, Time{});
    const Step s = fails.next(Time{});
    REQUIRE(s.what == Step::Do::send);
    fails.ended(s.attempt, failed(Kind::server_error, 500), Time{});
  }
  const Time later_on = Time{} + 10min;
  agrees = false;
  for (int i = 0; i < 5; ++i) {
    Exchange refused(core, hello, nothing, Delivery::whole, Overlap::no, later_on);
    CHECK(told(refused, later_on) == "finish");
    CHECK(refused.failure(later_on).kind == Kind::over_budget);
  }
  agrees = true;
  CHECK(sent(core, later_on) == "only");
  CHECK(open == 0);
}

TEST_CASE("a failure is a rate limit where nothing but limits is in the way, and else nobody's") {
  auto core = core_of(Fleet{limited("full", {.in_flight = 1}), named("other")}, ranking::Priority{});
  Exchange holds(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  REQUIRE(told(holds, Time{}) == "full");
  const auto kind = [&](const Options& options) {
    Exchange x(core, hello, options, Delivery::whole, Overlap::no, Time{});
    CHECK(told(x, Time{}) == "finish");
    return x.failure(Time{}).kind;
  };
  CHECK(kind({.deny = {"other"}}) == Kind::rate_limited);
  core.pin()->group({}).lanes[1].account->extend(Time{} + 5s);
  CHECK(kind({}) == Kind::no_candidate);  // one rests, and comes back when that is over
}

TEST_CASE("a name in a request's list that the fleet does not know is named where nobody was asked") {
  auto core = core_of(Fleet{named("groq"), named("together")});
  CHECK_THAT(sent(core, Time{}, {.allow = {"grok"}}), ContainsSubstring("options.allow: the fleet has no provider \"grok\""));
  CHECK(sent(core, Time{}, {.allow = {"grok", "groq"}}) == "groq");
}

TEST_CASE("a status tells what tenants and quota groups have used of their limits") {
  auto core = core_of(Fleet{limited("a", {.requests_per_minute = 4}, "account")}
                          .tenants({{.name = "acme", .limits = {.requests_per_minute = 2}}, {.name = "free rider"}})
                          .quota_groups({{.name = "account", .limits = {.requests_per_minute = 10, .in_flight = 1}}}));
  const Options acme{.tenant = "acme"};
  CHECK(sent(core, Time{}, acme) == "a");
  Exchange holds(core, hello, acme, Delivery::whole, Overlap::no, Time{});
  REQUIRE(told(holds, Time{}) == "a");
  const FleetStatus s = status_of(core);
  REQUIRE(s.tenants.size() == 1);
  CHECK(s.tenants[0].text() == "acme: 1 in flight, 0 % left, has used up its rate limit (30 s left)");
  REQUIRE(s.quota_groups.size() == 1);
  CHECK(s.quota_groups[0].text() == "account: 1 in flight, 0 % left, has as many requests in flight as it may");
  CHECK(s.find("a")->headroom == 0);
  CHECK(s.find("a")->why == Closed::in_flight);
  CHECK_THAT(s.text(),
             ContainsSubstring("0 %") && ContainsSubstring("\ntenant acme: ") && ContainsSubstring("\nquota group account: "));
}
