// SPDX-License-Identifier: MIT
// The figures: first from events made up one by one, then from a router over simulated providers.
#include "llmroute/policy/observer/stats.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"
#include "llmroute/llmroute.hpp"
#include "llmroute/sim/network.hpp"
#include "llmroute/sim/world.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using observe::Figures;
using observe::Reference;
using observe::Stats;
using observe::Window;

static_assert(Observer<Stats>);
static_assert(std::is_nothrow_move_constructible_v<Stats> && std::is_nothrow_move_assignable_v<Stats>);
static_assert(!std::is_copy_constructible_v<Stats> && !std::is_copy_assignable_v<Stats>);
static_assert(noexcept(std::declval<Stats&>().observe(std::declval<const Event&>())));

namespace {

constexpr Time at(Duration d) { return Time{} + d; }
constexpr Money cents(std::int64_t n) { return Money::nanos(n * 10'000'000); }
constexpr Cost paid(Money m) { return {m, Cost::Source::usage}; }

/// Tells made-up events, each in one line.
struct Teller {
  Stats& stats;
  ChatRequest request{};
  Options options{};

  void ended(std::string_view provider, Ending ending, Duration took, Usage usage = {}, Cost cost = paid({}), Time now = {}) {
    const Query query{.request = request, .options = options, .judgement = {.prompt_tokens = 1000}, .completion_tokens = 100};
    const Outcome o{.ending = ending, .total = took};
    stats.observe({.what = Event::What::ended,
                   .query = &query,
                   .provider = provider,
                   .outcome = &o,
                   .usage = usage,
                   .cost = cost,
                   .now = now});
  }
  void finished(Ending ending, std::string_view category = "", Cost cost = paid({}), std::uint8_t attempts = 1, Time now = {}) {
    const Query query{.request = request, .options = options, .category = category};
    const Outcome o{.ending = ending};
    stats.observe(
        {.what = Event::What::finished, .query = &query, .outcome = &o, .attempt = attempts, .cost = cost, .now = now});
  }
};

constexpr Usage used(std::int64_t prompt, std::int64_t completion, std::int64_t cached = 0) {
  return {.prompt = prompt, .completion = completion, .cached = cached, .reported = true};
}
const Reference reference{.name = "gpt-4o", .price = {per_million("2.5"), per_million("10"), {}}};

std::string printed(const Figures& f) {
  std::ostringstream out;
  out << f;
  return out.str();
}

/// "flaky" is the first choice and always fails, "good" and "dear" answer.
struct Simulated {
  sim::World world{5};
  Simulated() {
    world.add({.name = "flaky", .price = {.input = per_million("1"), .output = per_million("1")}, .failure_rate = 1});
    world.add({.name = "good", .price = {.input = per_million("2"), .output = per_million("3")}});
    world.add({.name = "dear", .price = {.input = per_million("20"), .output = per_million("30")}});
  }
};

}  // namespace

TEST_CASE("without requests everything that would be divided is N/A") {
  const Stats stats{{.reference = reference}};
  for (Window w : {Window::all_time, Window::minute, Window::hour, Window::day}) {
    const Figures f = stats.figures(w, at(5s));
    CHECK(f.requests == 0);
    CHECK_FALSE(f.success_rate());
    CHECK_FALSE(f.savings);
    CHECK(f.providers.empty());
    CHECK(f.categories.empty());
    CHECK_THAT(printed(f), ContainsSubstring("success N/A") && ContainsSubstring("savings against gpt-4o N/A"));
  }
  CHECK(printed(stats.figures()).find("nan") == std::string::npos);
}

TEST_CASE("a provider that never succeeded has no latency, and one that neither succeeded nor failed no success rate") {
  Stats stats;
  Teller tell{stats};
  tell.ended("a", Ending::failed, 1s);
  tell.ended("b", Ending::lost, 1s);
  tell.finished(Ending::cancelled, "code");
  const Figures f = stats.figures();
  REQUIRE(f.providers.size() == 2);
  CHECK(f.providers[0].success_rate() == 0.0);
  CHECK_FALSE(f.providers[0].mean);
  CHECK_FALSE(f.providers[0].p50);
  CHECK_FALSE(f.providers[0].p95);
  CHECK_FALSE(f.providers[1].success_rate());
  REQUIRE(f.categories.size() == 1);
  CHECK_FALSE(f.categories[0].success_rate());
  CHECK_THAT(printed(f), ContainsSubstring("N/A"));
}

TEST_CASE("the success rate is answered of answered and failed, and what the caller cancelled is in neither") {
  Stats stats;
  Teller tell{stats};
  for (int i = 0; i < 3; ++i) tell.finished(Ending::won);
  tell.finished(Ending::failed);
  for (int i = 0; i < 6; ++i) tell.finished(Ending::cancelled);
  const Figures f = stats.figures();
  CHECK(f.requests == 10);
  CHECK(f.answered == 3);
  CHECK(f.failed == 1);
  CHECK(f.cancelled == 6);
  CHECK(f.success_rate() == 0.75);
}

TEST_CASE("an answered request that took a second attempt is a fallback, a failed one is not") {
  Stats stats;
  Teller tell{stats};
  tell.finished(Ending::won, "", paid({}), 1);
  tell.finished(Ending::won, "", paid({}), 2);
  tell.finished(Ending::won, "", paid({}), 5);
  tell.finished(Ending::failed, "", paid({}), 2);
  CHECK(stats.figures().fallbacks == 2);
}

TEST_CASE("each provider has its own successes, failures, tokens, cost and latencies") {
  Stats stats;
  Teller tell{stats};
  tell.ended("swift", Ending::won, 100ms, used(10, 20), paid(cents(1)));
  tell.ended("swift", Ending::won, 300ms, used(30, 40), paid(cents(2)));
  tell.ended("slow", Ending::failed, 9s, used(5, 0), paid(cents(4)));
  tell.ended("slow", Ending::lost, 9s);
  tell.ended("slow", Ending::cut, 9s);
  tell.ended("slow", Ending::cancelled, 9s);
  tell.ended("slow", Ending::won, 2s);
  const Figures f = stats.figures();
  REQUIRE(f.providers.size() == 2);
  const auto& swift = f.providers[0];
  const auto& slow = f.providers[1];
  CHECK(swift.name == "swift");
  CHECK(swift.successes == 2);
  CHECK(swift.failures == 0);
  CHECK(swift.prompt_tokens == 40);
  CHECK(swift.completion_tokens == 60);
  CHECK(swift.cost == cents(3));
  CHECK(swift.mean == Elapsed(200ms));
  CHECK(slow.name == "slow");
  CHECK(slow.successes == 1);
  CHECK(slow.failures == 1);
  CHECK(slow.neither == 3);
  CHECK(slow.success_rate() == 0.5);
  CHECK(slow.mean == Elapsed(2s));
  CHECK(slow.cost == cents(4));
  CHECK(f.prompt_tokens == 45);
  CHECK(f.completion_tokens == 60);
}

TEST_CASE("p50 and p95 are within 10 % of those of the sorted latencies") {
  INFO("seed " << tests::seed());
  std::mt19937_64 random(tests::seed());
  Stats stats;
  Teller tell{stats};
  std::vector<std::int64_t> all;
  for (int i = 0; i < 2000; ++i) {
    const Duration took =
        50ms * static_cast<std::int64_t>(1 + random() % 20) + Duration(random() % 30'000'000'000 / (1 + random() % 9));
    all.push_back(took.count());
    tell.ended("p", Ending::won, took);
    tell.ended("p", Ending::failed, 1h);  // of successes only
  }
  std::sort(all.begin(), all.end());
  const auto p = stats.figures().providers.at(0);
  CHECK(static_cast<double>(p.p50.value().count()) == Approx(static_cast<double>(all[999])).epsilon(0.1));
  CHECK(static_cast<double>(p.p95.value().count()) == Approx(static_cast<double>(all[1899])).epsilon(0.1));
}

TEST_CASE("categories have their requests, successes and cost, and a request without one is shown as (none)") {
  Stats stats;
  Teller tell{stats};
  tell.finished(Ending::won, "code", paid(cents(3)));
  tell.finished(Ending::failed, "code", paid(cents(1)));
  tell.finished(Ending::won, "", paid(cents(5)));
  const Figures f = stats.figures();
  REQUIRE(f.categories.size() == 2);
  CHECK(f.categories[0].name == "code");
  CHECK(f.categories[0].requests == 2);
  CHECK(f.categories[0].answered == 1);
  CHECK(f.categories[0].failed == 1);
  CHECK(f.categories[0].success_rate() == 0.5);
  CHECK(f.categories[0].cost == cents(4));
  CHECK(f.categories[1].name == "(none)");
  CHECK(f.categories[1].cost == cents(5));
  CHECK(f.cost == cents(9));
}

TEST_CASE("an attempt of unknown cost is counted apart, and the printed sums say so") {
  Stats stats{{.reference = reference}};
  Teller tell{stats};
  tell.ended("a", Ending::won, 1s, used(1000, 0), Cost{});
  tell.ended("a", Ending::won, 1s, used(1000, 0), paid(cents(1)));
  tell.finished(Ending::won, "", Cost{cents(1), Cost::Source::unknown});
  const Figures f = stats.figures();
  CHECK(f.unknown_costs == 1);
  CHECK(f.providers.at(0).unknown_costs == 1);
  CHECK(f.cost == cents(1));
  CHECK_THAT(printed(f), ContainsSubstring("cost $0.01 and 1 attempt of unknown cost"));
  CHECK_THAT(printed(f), ContainsSubstring("savings against gpt-4o at most -$0.005"));
  CHECK_THAT(printed(f), ContainsSubstring("$0.01 and 1 unknown"));
}

TEST_CASE("savings are what the answers' tokens cost at the reference, less what the requests did cost") {
  Stats stats{{.reference = reference}};
  Teller tell{stats};
  SECTION("saved") {
    tell.ended("a", Ending::won, 1s, used(1'000'000, 100'000), paid(cents(40)));
    tell.finished(Ending::won, "", paid(cents(40)));
    CHECK(stats.figures().savings == cents(350 - 40));
  }
  SECTION("lost, and shown as it is") {
    tell.ended("a", Ending::won, 1s, used(1'000'000, 0), paid(cents(300)));
    tell.finished(Ending::won, "", paid(cents(300)));
    CHECK(stats.figures().savings == Money() - cents(50));
    CHECK_THAT(printed(stats.figures()), ContainsSubstring("savings against gpt-4o -$0.50"));
  }
  SECTION("an attempt that failed saves nothing, and its cost counts") {
    tell.ended("a", Ending::failed, 1s, used(1'000'000, 0), paid(cents(10)));
    tell.ended("b", Ending::won, 1s, used(1'000'000, 0), paid(cents(20)));
    tell.finished(Ending::won, "", paid(cents(30)), 1);
    CHECK(stats.figures().savings == cents(250 - 30));
  }
  SECTION("where no tokens are reported, those that the cost was estimated from are taken") {
    tell.ended("a", Ending::won, 1s, {}, {cents(0), Cost::Source::estimated});
    tell.finished(Ending::won, "", {cents(0), Cost::Source::estimated});
    CHECK(stats.figures().savings == reference.price.of(1000, 100));
  }
}

TEST_CASE("a reference may charge a markup, and less for what was cached") {
  Reference r = reference;
  r.price.cached = per_million("1");
  r.markup = 0.1;
  Stats stats{{.reference = r}};
  Teller tell{stats};
  tell.ended("a", Ending::won, 1s, used(1'000'000, 0, 500'000));
  tell.finished(Ending::won);
  CHECK(stats.figures().savings->dollars() == Approx((1.25 + 0.5) * 1.1));
}

TEST_CASE("a reference can be made of a provider and its offer") {
  Provider p;
  p.name = "openai";
  p.markup = 0.05;
  const Reference r = Reference::of(p, {.model = {"openai/", "gpt-4o"}, .price = reference.price});
  CHECK(r.name == "openai openai/gpt-4o");
  CHECK(r.price == reference.price);
  CHECK(r.markup == 0.05);
  p.price = reference.price;
  CHECK(Reference::of(p, Offer::assumed({}, p)).name == "openai");
}

TEST_CASE("without a reference, or without its price, there are no savings") {
  for (const auto& r : {std::optional<Reference>(), std::optional<Reference>(Reference{.name = "unpriced"})}) {
    Stats stats{{.reference = r}};
    Teller tell{stats};
    tell.ended("a", Ending::won, 1s, used(1000, 1000), paid(cents(1)));
    tell.finished(Ending::won, "", paid(cents(1)));
    CHECK_FALSE(stats.figures().savings);
    CHECK_THAT(printed(stats.figures()), ContainsSubstring("N/A"));
  }
}

TEST_CASE("a window has what ended in it, of every figure") {
  Stats stats{{.reference = reference}};
  Teller tell{stats};
  const auto one = [&](Duration when, std::string_view provider, Duration took) {
    tell.ended(provider, Ending::won, took, used(1'000'000, 0), paid(cents(1)), at(when));
    tell.finished(Ending::won, provider, paid(cents(1)), 2, at(when));
  };
  one(1h, "old", 8s);
  one(10h, "a", 100ms);
  one(10h + 2min, "b", 200ms);
  one(10h + 2min, "b", 400ms);

  const Figures minute = stats.figures(Window::minute, at(10h + 2min + 30s));
  CHECK(minute.window == Window::minute);
  CHECK(minute.requests == 2);
  CHECK(minute.fallbacks == 2);
  CHECK(minute.cost == cents(2));
  CHECK(minute.savings == cents(498));
  CHECK(minute.prompt_tokens == 2'000'000);
  REQUIRE(minute.providers.size() == 1);
  CHECK(minute.providers[0].name == "b");
  CHECK(minute.providers[0].mean == Elapsed(300ms));
  CHECK(minute.providers[0].p95.value() < Duration(450ms));
  REQUIRE(minute.categories.size() == 1);
  CHECK(minute.categories[0].answered == 2);
  CHECK(stats.figures(Window::hour, at(10h + 2min)).requests == 3);
  CHECK(stats.figures(Window::day, at(10h + 2min)).requests == 4);
  CHECK(stats.figures(Window::day, at(26h)).requests == 3);  // the hour that began at 1 h has gone
  CHECK(stats.figures(Window::day, at(100h)).requests == 0);
  CHECK(stats.figures(Window::all_time, at(100h)).requests == 4);
  CHECK_THAT(printed(minute), ContainsSubstring("last minute: 2 requests"));
}

TEST_CASE("memory is bounded: ten thousand names end in (others), and the totals are exact") {
  Stats stats;
  Teller tell{stats};
  const std::size_t before = stats.bytes();
  CHECK(before < 1'000'000);
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = "name " + std::to_string(i);
    tell.ended(name, Ending::won, 1s, used(1, 2), paid(Money::nanos(3)));
    tell.finished(Ending::won, name, paid(Money::nanos(3)));
  }
  CHECK(stats.bytes() == before);
  const Figures f = stats.figures();
  CHECK(f.requests == 10'000);
  CHECK(f.prompt_tokens == 10'000);
  CHECK(f.completion_tokens == 20'000);
  CHECK(f.cost == Money::nanos(30'000));
  REQUIRE(f.providers.size() == 33);
  for (std::size_t i = 0; i < 32; ++i) {
    CHECK(f.providers[i].name == "name " + std::to_string(i));
    CHECK(f.providers[i].successes == 1);
  }
  CHECK(f.providers.back().name == "(others)");
  CHECK(f.providers.back().successes == 10'000 - 32);
  REQUIRE(f.categories.size() == 17);
  CHECK(f.categories.back().name == "(others)");
  CHECK(f.categories.back().requests == 10'000 - 16);
}

TEST_CASE("to observe allocates nothing: not for a new name, not for a new slot") {
  Stats stats{{.reference = reference, .providers = 8}};
  Teller tell{stats};
  const std::string names[]{"a", "b", "c", "d", "e", "f", "g", "h", "i", "a name longer than any that a fleet would take"};
  const tests::Allocations made;
  for (int i = 0; i < 1000; ++i) {
    tell.ended(names[i % 10], i % 3 ? Ending::won : Ending::failed, 1s, used(1, 1), paid({}), at(i * 7min));
    tell.finished(Ending::won, names[i % 10], paid({}), 0, at(i * 7min));
  }
  const auto count = made.count();
  CHECK(count == 0);
}

TEST_CASE("reset begins all figures anew") {
  Stats stats;
  Teller tell{stats};
  tell.ended("a", Ending::won, 1s);
  tell.finished(Ending::won, "code");
  stats.reset();
  for (Window w : {Window::all_time, Window::minute, Window::day})
    CHECK(printed(stats.figures(w, at(1s))) == printed({.window = w}));
  tell.ended("b", Ending::won, 1s);
  tell.finished(Ending::failed, "code");
  const Figures f = stats.figures(Window::minute, at(1s));
  REQUIRE(f.providers.size() == 1);
  CHECK(f.providers[0].name == "b");
  CHECK(f.failed == 1);
  CHECK(f.answered == 0);
}

TEST_CASE("a moved-from one ignores events and reads as empty; the figures have moved along") {
  Stats stats{{.reference = reference}};
  Teller tell{stats};
  tell.finished(Ending::won);
  Stats other = std::move(stats);
  tell.ended("a", Ending::won, 1s);
  tell.finished(Ending::won);
  stats.reset();
  CHECK(stats.figures().requests == 0);
  CHECK(stats.figures().providers.empty());
  CHECK_FALSE(stats.figures().savings);
  CHECK(stats.bytes() == 0);
  CHECK(other.figures().requests == 1);
  stats = std::move(other);
  CHECK(stats.figures().requests == 1);
}

TEST_CASE("events that tell of no end count nothing") {
  Stats stats;
  const Outcome o{.ending = Ending::failed};
  for (auto what :
       {Event::What::classified, Event::What::sent, Event::What::rested, Event::What::budget, Event::What::feedback})
    stats.observe({.what = what, .provider = "a", .outcome = &o});
  stats.observe({.what = Event::What::finished});
  CHECK(printed(stats.figures()) == printed({}));
}

TEST_CASE("the table is aligned, and a name cannot break its lines") {
  Stats stats;
  Teller tell{stats};
  tell.ended("a\nb", Ending::won, 1500ms, used(123456, 7), paid(cents(123)));
  tell.ended("längst", Ending::failed, 1s);
  tell.finished(Ending::won, "code", paid(cents(123)), 2);
  tell.finished(Ending::won, "code");
  tell.finished(Ending::failed, "code");
  CHECK(printed(stats.figures()) ==
        "all time: 3 requests, 2 answered, 1 failed, 0 cancelled; success 66.6 %; 1 fallback\n"
        "  tokens 123456 in, 7 out; cost $1.23; savings N/A\n"
        "  provider  ok  failed  neither  success     mean      p50      p95  tokens in  tokens out   cost\n"
        "  a\\nb       1       0        0  100.0 %  1500 ms  1392 ms  1392 ms     123456           7  $1.23\n"
        "  längst     0       1        0    0.0 %      N/A      N/A      N/A          0           0  $0.00\n"
        "  category  requests  answered  failed  cancelled  success   cost\n"
        "  code             3         2       1          0   66.6 %  $1.23\n");
}

TEST_CASE("a router over simulated providers is counted right, fallbacks and all") {
  Simulated s;
  Stats stats{{.reference = Reference{.name = "dear", .price = s.world.provider("dear").script().price}}};
  Router router{
      Fleet{s.world.providers()}, sim::Network{s.world}, sim::Clock{s.world}, cooldown::Off{}, retry::Off{}, std::ref(stats)};
  Money cost, at_dear;
  std::int64_t prompt = 0, completion = 0;
  for (int i = 0; i < 10; ++i) {
    const auto reply = router.complete("hello", {.category = i % 2 ? "odd" : "even"});
    REQUIRE(reply);
    cost += reply->cost.amount;
    prompt += reply->usage.prompt;
    completion += reply->usage.completion;
    at_dear += s.world.provider("dear").script().price.of(reply->usage.prompt, reply->usage.completion);
  }
  REQUIRE(router.complete("hello", {.category = "direct", .deny = {"flaky"}}));
  REQUIRE_FALSE(router.complete("hello", {.category = "doomed", .allow = {"flaky"}}));
  REQUIRE_FALSE(router.complete("hello", {.category = "gone"}, [] { return true; }));

  const Figures f = stats.figures(Window::minute, s.world.now());
  CHECK(f.requests == 13);
  CHECK(f.answered == 11);
  CHECK(f.failed == 1);
  CHECK(f.cancelled == 1);
  CHECK(f.fallbacks == 10);
  REQUIRE(f.categories.size() == 5);
  CHECK(f.categories[0].name == "even");
  CHECK(f.categories[0].requests == 5);
  CHECK(f.categories[0].cost + f.categories[1].cost == cost);
  REQUIRE(f.providers.size() == 2);
  CHECK(f.providers[0].name == "flaky");
  CHECK(f.providers[0].successes == 0);
  CHECK(f.providers[0].failures == 11);
  CHECK(f.providers[1].name == "good");
  CHECK(f.providers[1].successes == 11);
  CHECK(f.providers[1].prompt_tokens > prompt);
  CHECK(f.providers[1].completion_tokens > completion);
  CHECK(f.providers[0].cost + f.providers[1].cost == f.cost);
  CHECK(f.unknown_costs == 0);
  CHECK(f.savings.value() > at_dear - cost);  // the eleventh answer saved something too
}

TEST_CASE("a router may keep it, and hands it out by its type") {
  Simulated s;
  Router router{Fleet{s.world.providers()}, sim::Network{s.world}, sim::Clock{s.world}, Stats{}};
  REQUIRE(router.complete("hello"));
  const Figures f = router.policy<Stats>().figures(Window::hour, s.world.now());
  CHECK(f.requests == 1);
  CHECK(f.fallbacks == 1);
  CHECK(f.success_rate() == 1.0);
}

TEST_CASE("the cost of the providers is the cost of the requests, hedges and time-outs among them") {
  INFO("seed " << tests::seed());
  sim::World world{tests::seed()};
  for (const char* name : {"a", "b", "c", "d"})
    world.add({.name = name,
               .jitter = 0.9,
               .price = {.input = per_million("1"), .output = per_million("7")},
               .failure_rate = 0.3,
               .outages = {{.from = 20s, .until = 40s, .how = sim::Outage::hangs}}});
  struct Soon {
    std::optional<Duration> hedge_after(const Health&, const Query&) const { return Duration(400ms); }
  };
  Stats stats;
  Router router{Fleet{world.providers()}.timeouts({.deadline = 4s, .attempt = 2s}), sim::Network{world}, sim::Clock{world},
                Soon{}, std::ref(stats)};
  Money cost;
  std::uint64_t answered = 0, failed = 0;
  for (int i = 0; i < 200; ++i) {
    const auto reply = i % 3 ? router.complete("hello") : router.stream("hello", [](const Delta&) {});
    cost += reply ? reply->cost.amount : reply.error().cost.amount;
    ++(reply ? answered : failed);
  }
  const Figures f = stats.figures();
  CHECK(f.answered == answered);
  CHECK(f.failed == failed);
  CHECK(f.cost == cost);
  Money of_providers;
  std::uint64_t successes = 0, neither = 0;
  for (const auto& p : f.providers) of_providers += p.cost, successes += p.successes, neither += p.neither;
  CHECK(of_providers == cost);
  CHECK(successes == answered);
  CHECK(neither > 0);
}
