// SPDX-License-Identifier: MIT
// Where routers are known to go wrong, one test a mistake: whom they ask, whom they let rest and for how long, what they count,
// when they ask again, and what they tell. What tutorials promise is in behaviours_routing and behaviours_policies.
#include <llmroute/llmroute.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <llmroute/policy/observer/stats.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "catch.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using tests::core_of;
using tests::named;

namespace {

using Names = std::vector<std::string>;
const ChatRequest hello{.messages = "Hello"};
const Options plain{};
constexpr Time start{};

Ended good() { return tests::good(); }
Ended failed(Kind kind, int status = 0, Duration hint = {}) { return tests::failed(kind, status, hint); }
Provider limited(std::string name, RateLimits limits) {
  Provider p = named(std::move(name));
  p.limits = limits;
  return p;
}

/// Whom one request was sent to, and what became of it.
struct Course {
  Names asked{};
  Duration waited{};
  std::optional<Failure> failure{};
};
/// One request from `at` on, whose attempts take no time and end as `how(name, number)` says.
template <class C, class How>
Course run(C& core, Time at, const Options& options, How how, Delivery delivery = Delivery::whole) {
  Course c;
  Time now = at;
  Exchange x(core, hello, options, delivery, Overlap::no, now);
  for (Step s = x.next(now); s.what != Step::Do::finish; s = x.next(now)) {
    if (s.what == Step::Do::wait) c.waited += s.until - now, now = s.until;
    if (s.what != Step::Do::send) continue;
    const std::string who = x.provider(s.attempt).name;
    const int number = static_cast<int>(c.asked.size());
    c.asked.push_back(who);
    x.ended(s.attempt, how(who, number), now);
  }
  if (!x.race().winner()) c.failure = x.failure(now);
  return c;
}
/// Who answers a request that goes well wherever it goes; empty: nobody was asked.
template <class C>
std::string answerer(C& core, Time at, const Options& options = plain) {
  const Course c = run(core, at, options, [](auto&, int) { return good(); });
  return c.asked.empty() ? std::string() : c.asked.back();
}
/// One attempt at that provider, which ends so.
template <class C>
void attempt(C& core, Time at, const std::string& who, const Ended& end) {
  const Options one{.allow = {who}, .attempts = 1};
  const Course c = run(core, at, one, [&](auto&, int) { return end; });
  REQUIRE(c.asked == Names{who});
}
Names spread(std::string_view who, std::size_t times) { return Names(times, std::string(who)); }

/// Two providers in a world of virtual time: `first` is asked while it may be.
struct Pair : sim::World {
  sim::ScriptedProvider &first, &second;
  Pair() : first(add({.name = "first"})), second(add({.name = "second"})) {}
};
/// One alone.
struct Lone : sim::World {
  sim::ScriptedProvider& only;
  Lone() : only(add({.name = "only"})) {}
};
template <class... Policies>
auto router_over(sim::World& world, Policies... policies) {
  return Router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, std::move(policies)...};
}
std::string asked_next(const auto& router) {
  const Result<Prospect> p = router.select("Well?");
  return p ? p->provider.text() : "nobody";
}

}  // namespace

// --- whom to ask ---

TEST_CASE("defects: the weights of all providers count, not those of the first") {
  std::vector<Provider> all{named("a"), named("b"), named("c"), named("d")};
  all[0].weight = 0;
  all[1].weight = 3;  // c and d say nothing, and get their share all the same
  auto core = core_of(Fleet{all}, ranking::Weighted{});
  std::map<std::string, int> count;
  for (int i = 0; i < 5000; ++i) ++count[answerer(core, start)];
  CHECK(count["a"] == 0);
  CHECK(std::abs(count["b"] - 3000) < 200);
  CHECK(std::abs(count["c"] - 1000) < 200);
  CHECK(std::abs(count["d"] - 1000) < 200);
}

TEST_CASE("defects: where every weight is zero nobody is asked, and the failure says why") {
  using By = ranking::Weighted::By;
  std::vector<Provider> all{named("a"), named("b")};
  for (Provider& p : all) p.weight = 0;
  for (const By by : {By::weight, By::reliability, By::inverse_square_price, By::rpm, By::tpm}) {
    auto core = core_of(Fleet{all}, ranking::Weighted{.by = by});
    const Course c = run(core, start, plain, [](auto&, int) { return good(); });
    CHECK(c.asked.empty());
    REQUIRE(c.failure);
    CHECK(c.failure->kind == Kind::no_candidate);
    CHECK_THAT(c.failure->message, ContainsSubstring("a: is not wanted by the ranking; b: is not wanted by the ranking"));
  }
}

TEST_CASE("defects: those that cost the same share the load, and a price that is not known comes last") {
  Provider unknown = named("unknown"), dear = named("dear");
  unknown.price = {};
  dear.price = {per_million("9"), per_million("9")};
  auto core = core_of(Fleet{unknown, dear, named("a"), named("b"), named("c")}, ranking::Cheapest{});
  std::map<std::string, int> count;
  for (int i = 0; i < 3000; ++i) ++count[answerer(core, start)];
  for (const char* name : {"a", "b", "c"}) CHECK(std::abs(count[name] - 1000) < 150);
  CHECK(answerer(core, start, {.deny = {"a", "b", "c"}}) == "dear");
  CHECK(answerer(core, start, {.deny = {"a", "b", "c", "dear"}}) == "unknown");
}

TEMPLATE_TEST_CASE("defects: whoever failed is not asked again by the same request while others are idle", "",
                   ranking::Priority, ranking::Cheapest, ranking::Fastest, ranking::PeakEwma, ranking::LeastBusy,
                   ranking::Headroom, ranking::Weighted, ranking::RoundRobin) {
  std::vector<Provider> all{named("a"), named("b"), named("c"), named("d")};
  all[0].price = Price::zero();  // whatever it is that makes one the favourite
  all[0].expected_latency = 1ms;
  all[0].weight = 1000;
  for (std::size_t i = 1; i < all.size(); ++i) all[i].expected_latency = 1s;
  auto core = core_of(Fleet{all}, TestType{}, cooldown::Off{});
  for (int i = 0; i < 50; ++i) {
    Course c = run(core, start + i * 1h, {.attempts = 4}, [](auto&, int) { return failed(Kind::server_error, 500); });
    std::sort(c.asked.begin(), c.asked.end());
    CHECK(c.asked == Names{"a", "b", "c", "d"});
    CHECK(c.waited == 0s);
  }
}

TEMPLATE_TEST_CASE("defects: answers without a single token break no ranking and no figure", "", ranking::Cheapest,
                   ranking::Fastest, ranking::PeakEwma, ranking::Weighted, ranking::Headroom) {
  Pair world;
  const bool charged = GENERATE(true, false);
  TestType policy{};
  if constexpr (std::is_same_v<TestType, ranking::Cheapest>)
    if (charged) policy.by = ranking::Cheapest::By::charged;
  if constexpr (std::is_same_v<TestType, ranking::Fastest>)
    if (charged) policy.by = ranking::Fastest::By::tokens_per_second;
  for (sim::ScriptedProvider& p : world)
    for (int i = 0; i < 40; ++i) p.answer_with(sim::Answer::reply("", {.prompt = 0, .completion = 0, .reported = true}));
  observe::Stats stats;
  auto router = router_over(world, policy, std::ref(stats));
  for (int i = 0; i < 40; ++i) {
    const Result<Reply> reply = router.complete("Well?");
    REQUIRE(reply);
    CHECK(std::isfinite(reply->trail[0].score));
  }
  CHECK(stats.figures().requests == 40);
  CHECK(stats.figures().success_rate() == 1.0);
  CHECK_FALSE(stats.figures().text().empty());
}

TEST_CASE("defects: streams that are abandoned leave nothing in flight, so the load is seen as it is") {
  Pair world;
  sim::Network network{world};
  Router router{Fleet{world.providers()}, network, sim::Clock{world}, ranking::LeastBusy{}};
  for (int i = 0; i < 100; ++i) {
    const auto dropped = router.start(hello, [](const Result<Reply>&) {});
    const auto other = router.start_stream(hello, [](const Delta&) {}, [](const Result<Reply>&) {});
    world.advance(i * 5ms);  // before, between and after the pieces
  }
  for (const ProviderStatus& p : router.status()) CHECK(p.in_flight == 0);
  const auto one = router.start(hello, [](const Result<Reply>&) {});
  const auto two = router.start(hello, [](const Result<Reply>&) {});
  for (const ProviderStatus& p : router.status()) CHECK(p.in_flight == 1);
}

TEST_CASE("defects: a request for one provider by its name is kept away while that rests, and tried again like any other") {
  auto core = core_of(Fleet{named("a"), named("b")}, cooldown::Off{});
  const Options by_name{.allow = {"b"}, .attempts = 3};
  const Course again = run(core, start, by_name, [](auto&, int) { return failed(Kind::server_error, 500); });
  CHECK(again.asked == spread("b", 3));
  attempt(core, start, "b", failed(Kind::rate_limited, 429, 50s));
  CHECK(answerer(core, start + 49s, by_name).empty());
  CHECK(answerer(core, start + 50s, by_name) == "b");
}

TEST_CASE("defects: tags decide among those that the tenant may use, and untagged requests go to the default ones of these") {
  const auto tagged = [](std::string name, std::vector<std::string> tags) {
    Provider p = named(std::move(name));
    p.tags = std::move(tags);
    return p;
  };
  auto core = core_of(Fleet{tagged("usual", {"default"}), tagged("fast", {"fast", "team"}), tagged("own", {"team"})}.tenants(
                          {{.name = "guest", .providers = {"own"}}, {.name = "team", .providers = {"team"}}, {.name = "all"}}),
                      ranking::Priority{});
  CHECK(answerer(core, start, {.tenant = "all"}) == "usual");
  CHECK(answerer(core, start, {.tenant = "guest"}) == "own");  // to whom the default one does not exist
  CHECK(answerer(core, start, {.tenant = "team"}) == "fast");
  CHECK(answerer(core, start, {.tenant = "all", .any_tag = {"unheard of"}}) == "usual");
  CHECK(answerer(core, start, {.tenant = "guest", .any_tag = {"fast"}}).empty());
  CHECK(answerer(core, start, {.tenant = "team", .any_tag = {"fast"}}) == "fast");
  CHECK(answerer(core, start, {.tenant = "team", .any_tag = {"fast"}, .deny = {"fast"}}).empty());
  CHECK(answerer(core, start, {.tenant = "team", .all_tags = {"team", "fast"}}) == "fast");
}

// --- rests ---

TEST_CASE("defects: a host that cannot be reached rests like any that fails") {
  const auto dead = GENERATE(as<sim::Answer>{}, sim::Answer::refused(), sim::Answer::unresolved(), sim::Answer::unreachable(),
                             sim::Answer::no_answer(http::Error::tls));
  Pair world;
  for (int i = 0; i < 3; ++i) world.first.answer_with(dead);
  auto router = router_over(world);
  for (int i = 0; i < 3; ++i) {
    CHECK(asked_next(router) == "first");
    const Result<Reply> reply = router.complete("Well?");
    REQUIRE(reply);
    CHECK(reply->trail[0].kind == Kind::not_sent);
  }
  CHECK(router.status().find("first")->failures == 3);
  CHECK(router.status().find("first")->why == Closed::rests);
  CHECK(asked_next(router) == "second");
  world.advance(6s);
  CHECK(router.complete("Well?")->provider == "first");
}

TEST_CASE("defects: models that nobody listed rest like all others, whatever they are called") {
  for (const char* model : {"my-own/tune-7b", "openai/files-and-more", "*"}) {
    auto core = core_of(Fleet{named("a"), named("b")}, ranking::Priority{});
    const ChatRequest request{.messages = "Hello", .model = model};
    const auto asked = [&](const Ended& end) {
      Exchange x(core, request, plain, Delivery::whole, Overlap::no, start);
      const Step s = x.next(start);
      REQUIRE(s.what == Step::Do::send);
      const std::string who = x.provider(s.attempt).name;
      x.ended(s.attempt, end, start);
      return who;
    };
    for (int i = 0; i < 3; ++i) CHECK(asked(failed(i == 1 ? Kind::not_sent : Kind::server_error)) == "a");
    CHECK(asked(failed(Kind::rate_limited, 429, 5s)) == "b");
    Exchange x(core, request, plain, Delivery::whole, Overlap::no, start + 1s);
    CHECK(tests::told(x, start + 1s) == "a");  // early, as the other one asked for its rest
  }
}

TEST_CASE("defects: a lone provider comes back from one refused key and from one 429 by itself") {
  Lone world;
  const bool key = GENERATE(true, false);
  world.only.answer_with(key ? sim::Answer::error(401, "invalid_api_key", "wrong key") : sim::Answer::rate_limited(20s));
  auto router = router_over(world, retry::Off{});
  const Duration rest = key ? Duration(15min) : Duration(20s);
  const Result<Reply> first = router.complete("Well?");
  REQUIRE_FALSE(first);
  CHECK(first.error().kind == (key ? Kind::unauthorized : Kind::rate_limited));
  const Time failed_at = world.now();
  world.advance(rest - 1ms);
  const Result<Reply> early = router.complete("Well?");
  REQUIRE_FALSE(early);
  CHECK_THAT(early.error().message, ContainsSubstring(key ? "only: its key was refused" : "only: asked for a rest"));
  CHECK(world.only.counters().requests == 1);
  CHECK(world.now() - failed_at == rest - 1ms);
  world.advance(1ms);
  CHECK(router.complete("Well?"));
  CHECK(router.complete("Well?"));  // and for good
}

TEST_CASE("defects: a hint is read to the millisecond, none switches rests off, and none is for ever") {
  using Hint = std::pair<std::vector<std::pair<std::string, std::string>>, Duration>;
  const Hint hint =
      GENERATE(Hint{{{"retry-after", "0"}}, 1s}, Hint{{{"retry-after", "1.5"}}, 1500ms}, Hint{{{"retry-after", "90"}}, 90s},
               Hint{{{"retry-after", "86400"}}, 300s}, Hint{{{"retry-after", "-5"}}, 60s}, Hint{{{"retry-after", "soon"}}, 60s},
               Hint{{{"retry-after-ms", "2250"}}, 2250ms}, Hint{{{"retry-after-ms", "0"}}, 1s},
               Hint{{{"retry-after", "7"}, {"retry-after-ms", "2250"}}, 2250ms},
               Hint{{{"retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"}}, 1s}, Hint{{}, 60s});
  Pair world;
  sim::Answer answer = sim::Answer::error(429, "", "Slow down.");
  answer.fields.insert(answer.fields.end(), hint.first.begin(), hint.first.end());
  world.first.answer_with(answer);
  auto router = router_over(world);
  CAPTURE(hint.first.empty() ? std::string("none") : hint.first[0].first + ": " + hint.first[0].second);
  const Result<Reply> reply = router.complete("Well?");
  REQUIRE(reply);
  world.advance_to(Time{} + reply->trail[0].took + hint.second - 1us);
  CHECK(asked_next(router) == "second");
  world.advance(1us);
  CHECK(asked_next(router) == "first");
}

TEST_CASE("defects: of two rests the one that ends later holds, whichever was told last") {
  struct Told {
    Duration at, hint;
  };
  const Kind kind = GENERATE(Kind::rate_limited, Kind::overloaded);
  const bool shorter_last = GENERATE(true, false);
  const Told before = shorter_last ? Told{0s, 100s} : Told{0s, 10s}, after = shorter_last ? Told{2s, 3s} : Told{2s, 100s};
  auto core = core_of(Fleet{named("a"), named("b")}, ranking::Priority{});
  Exchange one(core, hello, plain, Delivery::whole, Overlap::no, start);
  Exchange two(core, hello, plain, Delivery::whole, Overlap::no, start);
  const Step first = one.next(start), second = two.next(start);
  one.ended(first.attempt, failed(kind, 429, before.hint), start + before.at);
  two.ended(second.attempt, failed(kind, 429, after.hint), start + after.at);
  const Time end = start + (shorter_last ? 100s : 102s);
  CHECK(answerer(core, end - 1ns) == "b");
  CHECK(answerer(core, end) == "a");
}

TEST_CASE("defects: the time to come back is what is left of the rest that ends first") {
  auto core = core_of(Fleet{named("a"), named("b")}, ranking::Priority{}, retry::Off{});
  attempt(core, start, "a", failed(Kind::rate_limited, 429, 80s));
  attempt(core, start, "b", failed(Kind::rate_limited, 429, 20s));
  for (const Duration passed : {Duration(1s), Duration(7s), Duration(19500ms)}) {
    const Course c = run(core, start + passed, plain, [](auto&, int) { return good(); });
    REQUIRE(c.failure);
    CHECK(c.failure->retry_after == 20s - passed);
    CHECK(c.asked.empty());
    CHECK_THAT(c.failure->message, ContainsSubstring("a: asked for a rest; b: asked for a rest; worth coming back in"));
  }
  const Course of_a = run(core, start + 30s, {.allow = {"a"}}, [](auto&, int) { return good(); });
  CHECK(of_a.failure->retry_after == 50s);
}

TEST_CASE("defects: each failure of a request counts against whoever failed, not the first one alone") {
  auto core = core_of(Fleet{named("a"), named("b")}, ranking::Priority{});
  const auto fails = [](auto&, int) { return failed(Kind::server_error, 500); };
  CHECK(run(core, start, {.attempts = 6}, fails).asked.size() == 6);  // three each
  const FleetStatus status = status_of(core);
  for (const char* name : {"a", "b"}) {
    CHECK(status.find(name)->failures == 3);
    CHECK(status.find(name)->failures_in_a_row == 3);
    CHECK(status.find(name)->why == Closed::rests);
  }
}

TEST_CASE("defects: so many failures as are set rest a provider, also where it is the number that is the default") {
  for (int n = 1; n <= 5; ++n) {
    const auto needed = [n](auto policy) {
      policy.failures = n;
      for (int failures = 1; failures < 20; ++failures) {
        auto core = core_of(Fleet{named("a"), named("b")}, ranking::Priority{}, policy);
        for (int i = 0; i < failures; ++i) attempt(core, start, "a", failed(Kind::server_error, 500));
        if (answerer(core, start + 1s) == "b") return failures;
      }
      return 20;
    };
    CHECK(needed(cooldown::CircuitBreaker{.share = 0}) == n);
    CHECK(needed(cooldown::ConsecutiveFailures{}) == n);
  }
}

TEST_CASE("defects: a rest of zero is a setting like any other") {
  auto fixed = core_of(Fleet{named("a"), named("b")}, ranking::Priority{}, cooldown::Fixed{.rest = 0s});
  attempt(fixed, start, "a", failed(Kind::rate_limited, 429));
  CHECK(answerer(fixed, start) == "a");
  auto breaker = core_of(Fleet{named("a"), named("b")}, ranking::Priority{}, cooldown::CircuitBreaker{.rest = 0s});
  attempt(breaker, start, "a", failed(Kind::rate_limited, 429));
  CHECK(answerer(breaker, start) == "a");
  attempt(breaker, start, "a", failed(Kind::rate_limited, 429, 9s));  // what the provider asks for holds all the same
  CHECK(answerer(breaker, start) == "b");
}

TEST_CASE("defects: counts and rests are kept for hours") {
  Provider daily = limited("daily", {.requests_per_day = 3}), key = named("key");
  key.retry_key_after = 24h;
  auto core = core_of(Fleet{named("row"), daily, key, named("ordered"), named("spare")}, ranking::Priority{});
  attempt(core, start, "key", failed(Kind::unauthorized, 401));
  core.pin()->each_lane([](const auto& l) {
    if (l.provider->name == "ordered") l.standing->ordered_rest().extend(start + 20h);
  });
  for (int i = 0; i < 3; ++i) attempt(core, start, "daily", good());
  for (int hour : {0, 2, 4}) attempt(core, start + hour * 1h, "row", failed(Kind::server_error, 500));

  const auto asked = [&](const char* who, Duration at) { return answerer(core, start + at, {.allow = {who, "spare"}}) == who; };
  CHECK_FALSE(asked("row", 4h + 1s));  // the third in a row, though the first was four hours ago
  CHECK_FALSE(asked("daily", 7h));     // an eighth of a day brings no third of its requests back
  CHECK(asked("daily", 8h));
  CHECK_FALSE(asked("ordered", 20h - 1s));
  CHECK(asked("ordered", 20h));
  CHECK_FALSE(asked("key", 24h - 1s));
  CHECK(asked("key", 24h));
}

TEST_CASE("defects: five hundred providers keep their rests and their counts beside each other") {
  constexpr int size = 500;
  std::vector<Provider> all;
  for (int i = 0; i < size; ++i) all.push_back(named("p" + std::to_string(i)));
  auto core = core_of(Fleet{all}, cooldown::CircuitBreaker{.open = 100s, .jitter = 0});
  const auto name = [](int i) { return "p" + std::to_string(i); };
  for (int i = 0; i < size; ++i) {
    if (i % 2 == 0) attempt(core, start, name(i), failed(Kind::rate_limited, 429, 50s + i % 7 * 1s));
    else attempt(core, start, name(i), failed(Kind::server_error, 500)), attempt(core, start, name(i), failed(Kind::timed_out));
  }
  for (int i = 1; i < size; i += 2) attempt(core, start, name(i), failed(Kind::not_sent));
  const FleetStatus status = status_of(core);
  for (int i = 0; i < size; ++i) {
    const ProviderStatus* p = status.find(name(i));
    REQUIRE(p != nullptr);
    CHECK(p->why == (i % 2 == 0 ? Closed::asked_to_rest : Closed::rests));
    CHECK(p->rests == (i % 2 == 0 ? 50s + i % 7 * 1s : 100s));
    CHECK(p->failures == (i % 2 == 0 ? 0u : 3u));
  }
  CHECK(answerer(core, start + 49s) != "");  // a last resort, and no rest that was asked for is cut short
  for (int i = 0; i < size; i += 2) CHECK(answerer(core, start + 49s, {.allow = {name(i)}}).empty());
}

TEST_CASE("defects: those who share an account honour a 429 together, instead of asking the next one at once") {
  std::vector<Provider> all{named("a"), named("b"), named("c")};
  for (Provider& p : all) p.quota_group = "account";
  auto core = core_of(Fleet{all}, ranking::Priority{});
  const Course c = run(core, start, {.attempts = 3},
                       [](auto&, int number) { return number == 0 ? failed(Kind::rate_limited, 429, 20s) : good(); });
  CHECK(c.asked.size() == 2);
  CHECK(c.waited == 20s);  // and without a wait, where somebody has an account of his own
  all.push_back(named("d"));
  auto wider = core_of(Fleet{all}, ranking::Priority{});
  const Course d =
      run(wider, start, plain, [](auto&, int number) { return number == 0 ? failed(Kind::rate_limited, 429, 20s) : good(); });
  CHECK(d.asked == Names{"a", "d"});
  CHECK(d.waited == 0s);
}

TEST_CASE("defects: a health check that meets a rate limit makes nobody ill") {
  Lone world;
  for (int i = 0; i < 5; ++i) world.only.answer_with(sim::Answer::rate_limited(1s));
  Router router{Fleet{world.providers()}.health_checks({}), sim::Network{world}, sim::Clock{world}};
  for (int i = 0; i < 5; ++i) {
    router.poll();
    world.advance(61s);
  }
  CHECK(world.only.counters().requests == 5);
  CHECK(router.status().find("only")->failures == 0);
  CHECK(router.status().find("only")->well());
}

// --- limits ---

TEST_CASE("defects: requests that fail use up the rate too") {
  auto core = core_of(Fleet{limited("a", {.requests_per_minute = 3}), named("b")}, ranking::Priority{}, cooldown::Off{});
  for (const Kind kind : {Kind::server_error, Kind::timed_out, Kind::request_invalid})
    attempt(core, start, "a", failed(kind, 500));
  CHECK(answerer(core, start) == "b");
}

TEST_CASE("defects: the tenth of ten is sent, blocking or not, and the eleventh is not") {
  Lone world;
  std::vector<Provider> all = world.providers();
  all[0].limits = {.requests_per_minute = 10};
  world.only.script().first_content = world.only.script().round_trip = 0s;  // or some of it would be back meanwhile
  world.only.script().tokens_per_second = 0;
  const bool blocking = GENERATE(true, false);
  sim::Network network{world};
  Router router{Fleet{all}, network, sim::Clock{world}};
  int answered = 0, refused = 0;
  const auto count = [&](const Result<Reply>& r) { ++(r ? answered : refused); };
  for (int i = 0; i < 12; ++i) {
    if (blocking) {
      count(router.complete("Well?"));
    } else {
      const auto pending = router.start("Well?", count);
      network.run_until([&] { return answered + refused == i + 1; });
    }
  }
  CHECK(answered == 10);
  CHECK(refused == 2);
  CHECK(world.only.counters().requests == 10);
}

TEST_CASE("defects: the edge of a minute lets no second burst through") {
  auto core =
      core_of(Fleet{limited("a", {.requests_per_minute = 10, .tokens_per_minute = 100'000}), named("b")}, ranking::Priority{});
  const Time edge = start + 1h;
  const auto burst = [&](Time at) {
    int n = 0;
    for (int i = 0; i < 20; ++i) n += answerer(core, at) == "a";
    return n;
  };
  CHECK(burst(edge - 1ms) == 10);
  CHECK(burst(edge) == 0);
  CHECK(burst(edge + 30s) == 5);
  CHECK(burst(edge + 60s) == 5);
}

TEST_CASE(
    "defects: a burst reserves its tokens before it is sent, and what was cut short is not given back as if it were free") {
  // "Hello" is 2 tokens, and 256 are expected back.
  auto core = core_of(Fleet{limited("a", {.tokens_per_minute = 1000}), named("b")}, ranking::Priority{}, cooldown::Off{});
  std::deque<Exchange<tests::BagWith<ranking::Priority, cooldown::Off>>> burst;
  int at_a = 0;
  for (int i = 0; i < 5; ++i) {
    auto& x = burst.emplace_back(core, hello, plain, Delivery::stream, Overlap::no, start);
    at_a += tests::told(x, start) == "a";
  }
  CHECK(at_a == 3);
  SECTION("what was never sent uses nothing") {
    for (auto& x : burst) x.ended({0}, failed(Kind::not_sent), start);
    CHECK(answerer(core, start) == "a");
  }
  SECTION("what broke off without a word of its tokens has used what it had reserved") {
    for (auto& x : burst) x.content({0}, start), x.ended({0}, failed(Kind::stream_broken, 200), start);
    CHECK(answerer(core, start) == "b");
  }
  SECTION("what was abandoned, too") {
    burst.clear();
    CHECK(answerer(core, start) == "b");
  }
}

// --- asking again ---

TEST_CASE("defects: each further failure is judged anew: a 400 ends the request, in whatever attempt it comes") {
  for (std::size_t nth = 0; nth < 5; ++nth) {
    auto core = core_of(Fleet{named("a"), named("b")}, ranking::Priority{}, cooldown::Off{});
    const Course c = run(core, start, plain, [&](auto&, int number) {
      return number < static_cast<int>(nth) ? failed(Kind::server_error, 500) : failed(Kind::request_invalid, 400);
    });
    CHECK(c.asked.size() == nth + 1);
    REQUIRE(c.failure);
    CHECK(c.failure->kind == Kind::request_invalid);
    CHECK(c.failure->trail.size() == nth + 1);
  }
}

TEST_CASE("defects: no count of retries makes what everybody would refuse be asked again") {
  constexpr retry::Counts many{
      .server_error = 7, .timed_out = 7, .overloaded = 7, .rate_limited = 7, .not_sent = 7, .malformed_reply = 7};
  for (const Kind kind : {Kind::request_invalid, Kind::context_too_long, Kind::content_filtered}) {
    Options options{.attempts = 8, .retries = {{kind, 5}, {Kind::server_error, 5}}};
    auto core = core_of(Fleet{named("a")}, cooldown::Off{}, retry::Backoff{.times = many});
    const auto refuses = [&](auto&, int) { return failed(kind, 400); };
    CHECK(run(core, start, options, refuses).asked == Names{"a"});
    options.also_next_on = {kind};  // which is for others, and not for whoever said so
    CHECK(run(core, start, options, refuses).asked == Names{"a"});
  }
}

TEST_CASE("defects: a provider's own word on asking again goes before its status, both ways") {
  Lone world;
  auto router = router_over(world, cooldown::Off{});
  for (int i = 0; i < 2; ++i) world.only.answer_with(sim::Answer::error(500).with("x-should-retry", "false"));
  CHECK_FALSE(router.complete("Well?"));
  CHECK(world.only.counters().requests == 1);

  Lone other;
  auto believing = router_over(other, cooldown::Off{});
  other.only.answer_with(sim::Answer::error(400).with("x-should-retry", "true"));
  CHECK(believing.complete("Well?"));
  CHECK(other.only.counters().requests == 2);
}

TEST_CASE("defects: one who asked for a long rest last keeps nobody from asking the others again") {
  auto core = core_of(Fleet{named("a"), named("b")}, ranking::Priority{});
  const Course c = run(core, start, plain, [](const std::string& who, int number) {
    if (who == "b") return failed(Kind::rate_limited, 429, 200s);
    return number == 0 ? failed(Kind::server_error, 500) : good();
  });
  CHECK(c.asked == Names{"a", "b", "a"});
  CHECK(c.waited <= 8s);
}

TEST_CASE("defects: a window that was too small last keeps nobody from asking a larger one again") {
  Provider large = named("large"), tiny = named("small");
  large.window = 100'000, tiny.window = 1'000;
  auto core = core_of(Fleet{large, tiny}, ranking::Priority{});
  const Course c = run(core, start, plain, [](const std::string& who, int number) {
    if (who == "small") return failed(Kind::context_too_long, 400);
    return number == 0 ? failed(Kind::server_error, 500) : good();
  });
  CHECK(c.asked == Names{"large", "small", "large"});
  const Course too_long = run(core, start + 1h, plain, [](auto&, int) { return failed(Kind::context_too_long, 400); });
  CHECK(too_long.asked == Names{"large"});  // nobody has a larger one
  CHECK(too_long.waited == 0s);
}

TEST_CASE("defects: a request has as many attempts as it says, blocking or not, and both count the same") {
  Lone world;
  world.only.script().failure_rate = 1;
  sim::Network network{world};
  Router router{Fleet{world.providers()}, network, sim::Clock{world}, cooldown::Off{}};
  const Options three{.attempts = 3};
  std::optional<std::size_t> tried;
  if (GENERATE(true, false)) {
    tried = router.complete("Well?", three).error().trail.size();
  } else {
    const auto pending = router.start(hello, [&](const Result<Reply>& r) { tried = r.error().trail.size(); }, three);
    network.run_until([&] { return tried.has_value(); });
  }
  CHECK(tried == 3u);
  CHECK(world.only.counters().requests == 3);
  CHECK(router.status().find("only")->failures == 3);
}

TEST_CASE("defects: whole replies and streams fail over alike until there is content") {
  for (const KindRow& row : kinds) {
    const auto kind = static_cast<Kind>(&row - kinds.data());
    if (kind >= Kind::stream_broken && kind != Kind::misconfigured) continue;  // of requests, not of answers
    CAPTURE(row.name);
    const auto asked = [&](Delivery delivery) {
      auto core = core_of(Fleet{named("a"), named("b")}, ranking::Priority{});
      const auto fails = [&](auto&, int) { return failed(kind, 500); };
      return run(core, start, plain, fails, delivery).asked;
    };
    CHECK(asked(Delivery::whole) == asked(Delivery::stream));
    CHECK((asked(Delivery::stream).size() > 1) == (row.onward == Onward::next));
  }
}

// --- what is told ---

TEST_CASE("defects: requests that run at once tell nothing of each other") {
  auto core = core_of(Fleet{named("a"), named("b")}, ranking::Priority{}, cooldown::Off{}, retry::Off{});
  const Options only_a{.allow = {"a"}}, only_b{.allow = {"b"}};
  Exchange one(core, hello, only_a, Delivery::whole, Overlap::no, start);
  Exchange two(core, hello, only_b, Delivery::whole, Overlap::no, start);
  const Step s = one.next(start), t = two.next(start);
  Ended first = failed(Kind::server_error, 500), second = failed(Kind::overloaded, 503);
  first.message = "one's secret", second.message = "two's secret";
  two.ended(t.attempt, second, start + 1s);
  one.ended(s.attempt, first, start + 2s);
  for (auto* x : {&one, &two}) {
    CHECK(tests::told(*x, start + 2s) == "finish");
    const Failure f = x->failure(start + 2s);
    const bool is_one = x == &one;
    REQUIRE(f.trail.size() == 1);  // each attempt once
    CHECK(f.kind == (is_one ? Kind::server_error : Kind::overloaded));
    CHECK(f.provider == (is_one ? "a" : "b"));
    CHECK(f.status == (is_one ? 500 : 503));
    CHECK_THAT(f.message, ContainsSubstring(is_one ? "one's secret" : "two's secret"));
    CHECK_THAT(f.message, !ContainsSubstring(is_one ? "two's secret" : "one's secret"));
  }
  CHECK(one.query().id != two.query().id);
}

TEST_CASE("defects: where two raced and both failed, the failure has both causes") {
  struct AtOnce {
    std::optional<Duration> hedge_after(const Health&, const Query&) const { return Duration(0); }
  };
  auto core = core_of(Fleet{named("a"), named("b")}, ranking::Priority{}, AtOnce{}, retry::Off{});
  Exchange x(core, hello, plain, Delivery::whole, Overlap::yes, start);
  CHECK(tests::told(x, start) == "a");
  CHECK(tests::told(x, start) == "b");
  x.ended({1}, failed(Kind::overloaded, 503), start + 1s);
  x.ended({0}, failed(Kind::rate_limited, 429, 9s), start + 2s);
  CHECK(tests::told(x, start + 2s) == "finish");
  const Failure f = x.failure(start + 2s);
  CHECK(f.trail.size() == 2);
  CHECK_THAT(f.message, ContainsSubstring("a: rate_limited (HTTP 429)") && ContainsSubstring("b: overloaded (HTTP 503)"));
}

TEST_CASE("defects: a failure keeps the cause of every attempt, and is of the kind of the last") {
  auto core = core_of(Fleet{named("a"), named("b"), named("c")}, ranking::Priority{}, cooldown::Off{}, retry::Off{});
  constexpr Kind kinds_in_turn[]{Kind::timed_out, Kind::unauthorized, Kind::malformed_reply};
  const Course c = run(core, start, plain, [&](auto&, int number) { return failed(kinds_in_turn[number], 0); });
  REQUIRE(c.failure);
  CHECK(c.failure->kind == Kind::malformed_reply);
  CHECK(c.failure->provider == "c");
  REQUIRE(c.failure->trail.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(c.failure->trail[i].kind == kinds_in_turn[i]);
  CHECK_THAT(c.failure->message, ContainsSubstring("a: timed_out; b: unauthorized; c: malformed_reply"));
}
