// SPDX-License-Identifier: MIT
// Where waiting, limits, budgets and rests meet: who holds whose place, who waits for what never comes, and what is given back.
#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "by_hand.hpp"
#include "catch.hpp"
#include "llmroute/route/explain.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

const ChatRequest hello{.messages = "Hello"};
const Options nothing{};
const Options wait{.when_full = WhenFull::wait};  // all of them outlive their exchanges

Provider limited(std::string name, RateLimits limits, std::string group = {}) {
  Provider p = named(std::move(name));
  p.limits = limits;
  p.quota_group = std::move(group);
  return p;
}
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
/// Lets time pass as a driver does that sleeps when it is told to: what came after it, and when.
template <class X>
std::string slept(X& x, Time& now, Time at_most) {
  for (;;) {
    const Step s = x.next(now);
    if (s.what == Step::Do::send) return x.provider(s.attempt).name;
    if (s.what != Step::Do::wait) return "finish";
    REQUIRE(s.until > now);
    if (s.until > at_most) return "wait";
    now = s.until;
  }
}
/// A budget that agrees or not, and cannot be asked beforehand.
struct Purse {
  struct Reservation {};
  bool agrees = false;
  std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) const {
    return agrees ? std::optional<Reservation>(Reservation{}) : std::nullopt;
  }
  void settle(Reservation, Money, Time) const {}
};

/// Throws now and then, wherever it is asked, and counts what it has given out.
struct Unreliable {
  std::uint64_t state = 1;
  int throws_in = 40;  // once in so many
  int reserved = 0, permits = 0;
  std::uint64_t draw() { return state = mix(state, 1); }
  void may_throw() {
    if (draw() % static_cast<std::uint64_t>(throws_in) == 0) throw 1;
  }
};
struct ThrowingRanking {
  Unreliable* u;
  struct State {};
  static constexpr bool watches_load = true;
  double score(const Candidate& c, const Query&, const State&) const { return u->may_throw(), c.in_flight(); }
  void learn(State&, const Event&) const { u->may_throw(); }
};
struct ThrowingBudget {
  Unreliable* u;
  struct Reservation {};
  std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) const {
    u->may_throw();
    if (u->draw() % 5 == 0) return std::nullopt;
    ++u->reserved;
    return Reservation{};
  }
  bool has_room(const Query&, const Provider&, Money, Time) const { return u->may_throw(), u->draw() % 5 != 0; }
  void settle(Reservation, Money, Time) const { --u->reserved, u->may_throw(); }
  void each_alert(FunctionRef<void(const BudgetAlert&)>) const { u->may_throw(); }
};
struct ThrowingCooldown {
  Unreliable* u;
  struct State {};
  struct Permit {};
  Time rest_until(const State&, Time now) const { return u->may_throw(), u->draw() % 6 == 0 ? now + 3s : now; }
  std::optional<Permit> admit(State&, Time, Need) const {
    u->may_throw();
    if (u->draw() % 4 == 0) return std::nullopt;
    ++u->permits;
    return Permit{};
  }
  void report(State&, const Outcome&, Time) const {}
  void report(State&, Permit, const Outcome&, Time) const { --u->permits, u->may_throw(); }
  Duration rest_for(const Outcome&) const { return u->may_throw(), Duration(5s); }
};
struct ThrowingRetry {
  Unreliable* u;
  std::optional<Duration> retry_after(const Outcome&, const Query&) const { return u->may_throw(), Duration(1s); }
  std::optional<int> again(Kind) const { return u->may_throw(), 2; }
};
struct ThrowingHedge {
  Unreliable* u;
  std::optional<Duration> hedge_after(const Health&, const Query&) const { return u->may_throw(), Duration(300ms); }
};

}  // namespace

TEST_CASE("who waits for its tenant's limits keeps nobody else from a provider") {
  const Options acme{.tenant = "acme", .when_full = WhenFull::wait};
  auto core =
      core_of(Fleet{limited("only", {.in_flight = 1})}.tenants({{.name = "acme", .limits = {.requests_per_minute = 1}}}));
  CHECK(sent(core, Time{}, {.tenant = "acme"}) == "only");
  Exchange holds(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  const Step held = holds.next(Time{});
  REQUIRE(held.what == Step::Do::send);
  Exchange waits(core, hello, acme, Delivery::whole, Overlap::no, Time{});
  CHECK(told(waits, Time{}) == "wait");
  holds.ended(held.attempt, good(), Time{} + 1ms);
  CHECK(sent(core, Time{} + 1ms) == "only");
}

TEST_CASE("who waits for a provider's own limit keeps nobody of its quota group from the account") {
  const Options only_b{.allow = {"b"}}, waiting{.allow = {"a"}, .when_full = WhenFull::wait};
  auto core = core_of(Fleet{limited("a", {.requests_per_minute = 1}, "account"), limited("b", {}, "account")}.quota_groups(
                          {{.name = "account", .limits = {.in_flight = 1}}}),
                      ranking::Priority{});
  CHECK(sent(core, Time{}, {.allow = {"a"}}) == "a");
  Exchange holds(core, hello, only_b, Delivery::whole, Overlap::no, Time{});
  const Step held = holds.next(Time{});
  REQUIRE(held.what == Step::Do::send);
  Exchange waits(core, hello, waiting, Delivery::whole, Overlap::no, Time{});
  CHECK(told(waits, Time{}) == "wait");
  holds.ended(held.attempt, good(), Time{} + 1ms);
  CHECK(sent(core, Time{} + 1ms, only_b) == "b");
}

TEST_CASE("who waits for a rest to end keeps nobody from a slot that it could not take") {
  auto core = core_of(Fleet{limited("only", {.in_flight = 1})}, cooldown::CircuitBreaker{.failures = 1});
  const auto pin = core.pin();
  const auto& resting = pin->group({}).lanes[0];
  Exchange holds(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  const Step held = holds.next(Time{});
  REQUIRE(held.what == Step::Do::send);
  resting.place->asked_rest.extend(Time{} + 60s);
  Exchange waits(core, hello, wait, Delivery::whole, Overlap::no, Time{});
  CHECK(told(waits, Time{}) == "wait");
  holds.ended(held.attempt, good(), Time{} + 1ms);
  resting.place->asked_rest.reset();  // as another model of this provider, which shares its limits, never rested
  CHECK(sent(core, Time{} + 1ms) == "only");
}

TEST_CASE("who waits for many full providers keeps nobody from one that it may not use") {
  std::vector<Provider> many;
  for (int i = 0; i < 9; ++i) many.push_back(limited("full" + std::to_string(i), {.requests_per_minute = 1}));
  many.push_back(limited("idle", {.in_flight = 100}));
  auto core = core_of(Fleet{many}, ranking::Priority{});
  const Options others{.deny = {"idle"}}, waiting{.deny = {"idle"}, .when_full = WhenFull::wait};
  for (int i = 0; i < 9; ++i) CHECK(sent(core, Time{}, others) == "full" + std::to_string(i));
  Exchange waits(core, hello, waiting, Delivery::whole, Overlap::no, Time{});
  CHECK(told(waits, Time{}) == "wait");
  CHECK(sent(core, Time{} + 1ms, {.allow = {"idle"}}) == "idle");
}

TEST_CASE("nobody waits for a budget, also where it cannot be asked beforehand") {
  auto core = core_of(Fleet{named("a"), named("b")}, Purse{});
  Exchange x(core, hello, wait, Delivery::whole, Overlap::no, Time{});
  CHECK(told(x, Time{}) == "finish");
  CHECK(x.failure(Time{}).kind == Kind::over_budget);
  CHECK_THAT(x.failure(Time{}).message, ContainsSubstring("a: a budget has no room for it"));
}

TEST_CASE("tokens that come back early are there for who waits") {
  // "Hello" is 2 tokens, and 256 are expected back: two fit, and the third waits for one of them.
  auto core = core_of(Fleet{limited("only", {.tokens_per_minute = 600})});
  CHECK(sent(core, Time{}) == "only");  // 150 are used
  Exchange holds(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  const Step held = holds.next(Time{});
  REQUIRE(held.what == Step::Do::send);
  Exchange waits(core, hello, wait, Delivery::whole, Overlap::no, Time{});
  const Step s = waits.next(Time{});
  REQUIRE(s.what == Step::Do::wait);
  CHECK(s.until < Time{} + 1s);  // 66 too many are 6.6 s of time, were they never given back
  holds.ended(held.attempt, {.ok = true, .status = 200, .usage = {.prompt = 2, .completion = 3, .reported = true}},
              Time{} + 1ms);
  CHECK(told(waits, s.until) == "only");
}

TEST_CASE("who waits for tokens that somebody holds is not refused because time alone would take too long") {
  const Options waiting{.timeouts = {.deadline = 5s}, .when_full = WhenFull::wait};
  auto core = core_of(Fleet{limited("only", {.tokens_per_minute = 600})});
  CHECK(sent(core, Time{}) == "only");
  Exchange holds(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  REQUIRE(holds.next(Time{}).what == Step::Do::send);
  Exchange waits(core, hello, waiting, Delivery::whole, Overlap::no, Time{});
  CHECK(told(waits, Time{}) == "wait");
}

TEST_CASE("a rest that is ended by hand is over for those who wait as well") {
  auto core = core_of(Fleet{named("only")});
  const auto& account = core.pin()->group({}).lanes[0].account;
  account->extend(Time{} + 60s);
  Exchange x(core, hello, wait, Delivery::whole, Overlap::no, Time{});
  Time now{};
  CHECK(slept(x, now, Time{} + 5s) == "wait");
  account->reset();
  CHECK(slept(x, now, now + 1s) == "only");
}

TEST_CASE("a second round begins when somebody rests no more, whoever else has no room") {
  const Options only_full{.allow = {"full"}};
  auto core = core_of(Fleet{named("rests"), limited("full", {.in_flight = 1})}, cooldown::Off{}, ranking::Priority{});
  Exchange holds(core, hello, only_full, Delivery::whole, Overlap::no, Time{});
  REQUIRE(holds.next(Time{}).what == Step::Do::send);
  Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  const Step s = x.next(Time{});
  REQUIRE(s.what == Step::Do::send);
  x.ended(s.attempt, failed(Kind::rate_limited, 429, 20s), Time{});
  Time now{};
  CHECK(slept(x, now, Time{} + 30s) == "rests");
  CHECK(now == Time{} + 20s);
}

TEST_CASE("who waits for a slot that does not come asks the others a second time meanwhile") {
  const Options only_full{.allow = {"full"}};
  auto core = core_of(Fleet{named("fails"), limited("full", {.in_flight = 1})}, cooldown::Off{}, ranking::Priority{});
  Exchange holds(core, hello, only_full, Delivery::whole, Overlap::no, Time{});
  REQUIRE(holds.next(Time{}).what == Step::Do::send);
  Exchange x(core, hello, wait, Delivery::whole, Overlap::no, Time{});
  x.ended(x.next(Time{}).attempt, failed(Kind::server_error, 500), Time{});
  Time now{};
  CHECK(slept(x, now, Time{} + 1s) == "fails");
  CHECK(core.waiting().size() == 0);
}

TEST_CASE("a second round begins when somebody rests no more, whomever the ranking does not want") {
  Provider first = named("first"), second = named("second");
  first.order = 1, second.order = 2;
  auto core = core_of(Fleet{first, second}, cooldown::Off{}, ranking::Order{{.climb_on = {Kind::timed_out}}});
  Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  const Step s = x.next(Time{});
  REQUIRE(s.what == Step::Do::send);
  x.ended(s.attempt, failed(Kind::rate_limited, 429, 20s), Time{});
  Time now{};
  CHECK(slept(x, now, Time{} + 30s) == "first");
  CHECK(now == Time{} + 20s);
}

TEST_CASE("nobody waits for a provider that the ranking does not want") {
  const Options only_second{.allow = {"second"}};
  Provider first = named("first"), second = limited("second", {.in_flight = 1});
  first.order = 1, second.order = 2;
  auto core = core_of(Fleet{first, second}, cooldown::Off{}, ranking::Order{{.climb_on = {Kind::timed_out}}}, retry::Off{});
  Exchange holds(core, hello, only_second, Delivery::whole, Overlap::no, Time{});
  REQUIRE(holds.next(Time{}).what == Step::Do::send);
  Exchange x(core, hello, wait, Delivery::whole, Overlap::no, Time{});
  const Step s = x.next(Time{});
  REQUIRE(s.what == Step::Do::send);
  x.ended(s.attempt, failed(Kind::server_error, 500), Time{});
  CHECK(told(x, Time{}) == "finish");
  CHECK(x.failure(Time{}).kind == Kind::server_error);
}

TEST_CASE("who may wait for a slot does not disturb one that rests after failures") {
  const Options once{.attempts = 1};
  auto core = core_of(Fleet{named("ill"), limited("full", {.in_flight = 1})}, cooldown::CircuitBreaker{.failures = 1},
                      ranking::Priority{});
  {
    Exchange fails(core, hello, once, Delivery::whole, Overlap::no, Time{});
    const Step s = fails.next(Time{});
    REQUIRE(s.what == Step::Do::send);
    fails.ended(s.attempt, failed(Kind::server_error, 500), Time{});
  }
  Exchange holds(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  const Step held = holds.next(Time{});
  REQUIRE(held.what == Step::Do::send);
  REQUIRE(holds.provider(held.attempt).name == "full");
  Exchange x(core, hello, wait, Delivery::whole, Overlap::no, Time{});
  CHECK(told(x, Time{}) == "wait");
  holds.ended(held.attempt, good(), Time{} + 1ms);
  CHECK(told(x, Time{} + 20ms) == "full");
}

TEST_CASE("a request that is larger than its tenant's tokens a minute is told so") {
  auto core = core_of(Fleet{named("only")}.tenants({{.name = "acme", .limits = {.tokens_per_minute = 100}}}));
  for (const WhenFull how : {WhenFull::refuse, WhenFull::wait}) {
    const Options acme{.tenant = "acme", .when_full = how};
    Exchange x(core, hello, acme, Delivery::whole, Overlap::no, Time{});
    CHECK(told(x, Time{}) == "finish");
    CHECK(x.failure(Time{}).retry_after == 0s);
    CHECK_THAT(x.failure(Time{}).message, ContainsSubstring("larger") && !ContainsSubstring("used up"));
  }
}

TEST_CASE("a tenant's limits are the reason only where they are in the way, and select() says what a request would end with") {
  auto core = core_of(Fleet{named("only")}.tenants({{.name = "acme", .limits = {.requests_per_minute = 1}}}));
  const Options acme{.tenant = "acme"}, nowhere{.tenant = "acme", .regions = {"mars"}};
  CHECK(sent(core, Time{}, acme) == "only");
  for (const auto* o : {&acme, &nowhere}) {
    const auto selected = Preview<BagWith<>>(core, hello, *o).select();
    Exchange x(core, hello, *o, Delivery::whole, Overlap::no, Time{});
    CHECK(told(x, Time{}) == "finish");
    const Failure f = x.failure(Time{});
    CHECK(f.kind == (o == &acme ? Kind::rate_limited : Kind::no_candidate));
    REQUIRE_FALSE(selected);
    CHECK(selected.error().kind == f.kind);
    CHECK(selected.error().message == f.message);
    CHECK(selected.error().retry_after == f.retry_after);
  }
}

TEST_CASE("who comes while the early probe of a resting provider is out is told that it rests") {
  auto core = core_of(Fleet{named("only")}, cooldown::CircuitBreaker{.failures = 1});
  {
    Exchange fails(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    fails.ended(fails.next(Time{}).attempt, failed(Kind::server_error, 500), Time{});
  }
  Exchange probe(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  REQUIRE(probe.next(Time{}).what == Step::Do::send);
  CHECK_THAT(sent(core, Time{}), ContainsSubstring("only: rests after failures"));
}

TEST_CASE("a rest that somebody ordered outlives a new key, as being disabled does") {
  const auto with_key = [](const char* key) {
    Provider p = named("only");
    p.key = Secret(key);
    return Fleet{p};
  };
  auto core = core_of(with_key("one"));
  core.pin()->group({}).lanes[0].standing->ordered_rest().extend(Time{} + 60s);
  REQUIRE(core.replace(with_key("two")));
  CHECK_THAT(sent(core, Time{}), ContainsSubstring("was put to rest"));
}

TEST_CASE("room that is given back in the moment in which somebody lines up is not slept past") {
  const Options no_money{.tenant = "poor"};
  // Another request takes the last one of a minute, and its budget refuses it when this one has already lined up.
  struct Meddler {
    struct Reservation {};
    FunctionRef<void()>* meanwhile;
    std::optional<Reservation> reserve(const Query& q, const Provider&, Money, Time) const {
      if (q.options.tenant != "poor") return Reservation{};
      (*meanwhile)();
      return std::nullopt;
    }
    void settle(Reservation, Money, Time) const {}
  };
  FunctionRef<void()> meanwhile{};
  auto core = core_of(Fleet{limited("only", {.requests_per_minute = 1})}, Meddler{&meanwhile});
  Exchange waits(core, hello, wait, Delivery::whole, Overlap::no, Time{});
  std::string first;
  auto line_up = [&] { first = told(waits, Time{}); };
  meanwhile = line_up;
  Exchange poor(core, hello, no_money, Delivery::whole, Overlap::no, Time{});
  CHECK(told(poor, Time{}) == "finish");
  CHECK(first == "wait");
  Time now{};
  CHECK(slept(waits, now, Time{} + 2s) == "only");
}

TEST_CASE("limits and tokens at their ends neither overflow nor leak") {
  constexpr std::int64_t most_tokens = (std::numeric_limits<std::int64_t>::max)();
  ChatRequest huge{.messages = "Hello"};
  huge.max_tokens = most_tokens;
  const Options tenant{.tenant = "acme", .prompt_tokens = most_tokens};
  for (const double limit : {1e-9, 0.5, 1.0, 1e9, 1e15}) {
    auto core = core_of(Fleet{
        limited("only", {.requests_per_minute = 1e15, .tokens_per_minute = limit, .requests_per_day = 1e15, .in_flight = 3},
                "account")}
                            .tenants({{.name = "acme", .limits = {.tokens_per_minute = 1e15, .in_flight = 2}}})
                            .quota_groups({{.name = "account", .limits = {.tokens_per_minute = limit}}}));
    for (Time now : {Time{}, never - 1h}) {
      Exchange x(core, huge, tenant, Delivery::whole, Overlap::no, now);
      const Step s = x.next(now);
      if (s.what == Step::Do::send)
        x.ended(s.attempt, {.ok = true, .usage = {.prompt = most_tokens, .completion = most_tokens, .reported = true}}, now);
      CHECK(x.next(now).what == Step::Do::finish);
      const auto& l = core.pin()->group({}).lanes[0];
      CHECK(l.limiter->in_flight() == 0);
      CHECK(l.limiter->reserved_tokens() == 0);
      CHECK(l.account->limiter.reserved_tokens() == 0);
      CHECK(core.pin()->tenant("acme")->limiter->in_flight() == 0);
      CHECK(core.pin()->tenant("acme")->limiter->reserved_tokens() == 0);
    }
  }
}

TEST_CASE("whatever throws or refuses, wherever it ends, and whichever fleet comes meanwhile, every count comes back") {
  const auto fleet = [](Unreliable& u) {
    const auto some = [&](double most) { return u.draw() % 3 == 0 ? 0 : 1 + static_cast<double>(u.draw() % 100) / 100 * most; };
    std::vector<Provider> providers;
    for (const char* name : {"a", "b", "c"})
      providers.push_back(limited(
          name, {.requests_per_minute = some(50), .tokens_per_minute = some(5000), .in_flight = static_cast<int>(some(3))},
          u.draw() % 3 == 0   ? "account"
          : u.draw() % 2 == 0 ? "other"
                              : ""));
    providers[0].quota_group = "account";
    providers[0].free.requests_per_day = 3;
    return Fleet{providers}
        .tenants({{.name = "acme", .limits = {.tokens_per_minute = some(5000), .in_flight = static_cast<int>(some(3))}},
                  {.name = "*"}})
        .quota_groups(
            {{.name = "account", .limits = {.tokens_per_minute = some(5000), .in_flight = static_cast<int>(some(4))}}});
  };
  constexpr Kind ends[]{Kind::server_error,    Kind::rate_limited, Kind::unauthorized,
                        Kind::request_invalid, Kind::timed_out,    Kind::not_sent};
  const Options all[]{{},
                      {.tenant = "acme"},
                      {.tenant = "acme", .priority = 1, .when_full = WhenFull::wait},
                      {.tenant = "?", .when_full = WhenFull::wait}};
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Unreliable u{.state = mix(seed, 7), .throws_in = seed % 3 == 0 ? 1'000'000 : 60};
    Time now{};
    auto core =
        core_of(fleet(u), ThrowingRanking{&u}, ThrowingBudget{&u}, ThrowingCooldown{&u}, ThrowingRetry{&u}, ThrowingHedge{&u});
    using X = Exchange<BagWith<ThrowingRanking, ThrowingBudget, ThrowingCooldown, ThrowingRetry, ThrowingHedge>>;
    struct Run {
      std::unique_ptr<X> x;
      std::vector<AttemptId> out{};
    };
    std::vector<Run> runs;
    std::vector<decltype(core.pin()->group({}).lanes)> lanes;
    std::vector<Keep<Limiter>> tenants;
    const auto remember = [&] {
      lanes.push_back(core.pin()->group({}).lanes);
      for (const char* t : {"acme", "*"}) tenants.push_back(core.pin()->tenant(t)->limiter);
    };
    remember();
    for (int step = 0; step < 200; ++step) {
      now += std::chrono::milliseconds(u.draw() % 500);
      if (runs.size() < 8)
        runs.push_back({std::make_unique<X>(core, hello, all[u.draw() % 4], Delivery::whole, Overlap::yes, now)});
      if (u.draw() % 40 == 0 && core.replace(fleet(u))) remember();
      const std::size_t i = u.draw() % runs.size();
      Run& r = runs[i];
      if (u.draw() % 12 == 0) r.x->cancel();
      if (!r.out.empty() && u.draw() % 3 == 0) {
        const AttemptId id = r.out[u.draw() % r.out.size()];
        if (u.draw() % 2 == 0) r.x->ended(id, good(), now);
        else r.x->ended(id, failed(ends[u.draw() % 6], 500, std::chrono::seconds(u.draw() % 3)), now);
      }
      bool over = u.draw() % 15 == 0;  // dropped as it is
      for (int k = 0; !over; ++k) {
        REQUIRE(k < 50);
        const Step s = r.x->next(now);
        if (s.what == Step::Do::send) r.out.push_back(s.attempt);
        if (s.what == Step::Do::wait) CHECK(s.until > now);
        if (s.what == Step::Do::wait) break;
        over = s.what == Step::Do::finish;
      }
      for (const auto& some : lanes)
        for (const auto& l : some)
          CHECK((l.limiter->in_flight() >= 0 && l.account->limiter.in_flight() >= 0 && l.limiter->reserved_tokens() >= 0 &&
                 l.place->health.in_flight >= 0));
      if (over) runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(i));
    }
    runs.clear();
    CHECK(u.reserved == 0);
    CHECK(u.permits == 0);
    CHECK(core.extra() == 0);
    CHECK(core.in_flight() == 0);
    CHECK(core.waiting().size() == 0);
    for (const auto& some : lanes)
      for (const auto& l : some) {
        CHECK(l.limiter->in_flight() + l.account->limiter.in_flight() + l.place->health.in_flight == 0);
        CHECK(l.limiter->reserved_tokens() + l.account->limiter.reserved_tokens() == 0);
      }
    for (const auto& t : tenants) CHECK(t->in_flight() + static_cast<int>(t->reserved_tokens()) == 0);
  }
}

TEST_CASE("an attempt with a refused key that the caller cancels does not use up the next one") {
  auto core = core_of(Fleet{named("only")});
  {
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    x.ended(x.next(Time{}).attempt, failed(Kind::unauthorized, 401), Time{});
  }
  CHECK_THAT(sent(core, Time{} + 14min), ContainsSubstring("its key was refused"));
  const Time later_on = Time{} + 16min;
  {
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, later_on);
    REQUIRE(x.next(later_on).what == Step::Do::send);
    x.cancel();
    CHECK(told(x, later_on) == "cancel");
  }
  CHECK(sent(core, later_on) == "only");
}
