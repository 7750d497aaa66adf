// SPDX-License-Identifier: MIT
// The policies of docs/policies.md: they compile as they stand there, and do what the page says of them.
#include <llmroute/llmroute.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

namespace my_client {
struct Answer {
  int code = 200;
  std::vector<http::Field> fields{};
  std::string body = R"({"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]})";
};
template <class OnPiece>
Answer post(const http::Request&, OnPiece on_piece) {
  Answer a;
  for (std::size_t i = 0; i < a.body.size(); i += 7)
    if (!on_piece(std::string_view(a.body).substr(i, 7))) break;
  return a;
}
}  // namespace my_client

// [readme:transport]
struct MyTransport {
  http::Done perform(const http::Call& call) {
    bool stopped = false, headed = false;
    my_client::post(call.request, [&](std::string_view piece) {
      if (!headed) call.on_head(200, {});  // the status and fields that came, whatever they are
      headed = true;
      stopped = !call.on_body(piece) || call.stopped();
      return !stopped;
    });
    if (stopped) return {http::Error::stopped, {}};
    return headed ? http::Done{} : http::Done{http::Error::connect, "no answer"};
  }
};
static_assert(Transport<MyTransport>);
// [/readme]

// [readme:score]
struct PrivateForLegal {  // legal matters stay in the house; all else goes where the recent answers were fastest
  double score(const Candidate& c, const Query& q) const {
    if (q.category == "legal" && !c.has_tag("private")) return std::numeric_limits<double>::infinity();  // not this one
    return c.latency_ms();
  }
};
static_assert(RankingStrategy<PrivateForLegal>);
// [/readme]

// [readme:remembers]
struct NotTheLastToFail {  // whoever failed most recently comes last
  struct State {
    std::atomic<Time> failed{long_ago};
  };
  void learn(State& s, const Event& e) const {
    if (e.what == Event::What::ended && e.outcome->failed()) s.failed = e.now;
  }
  double score(const Candidate&, const Query&, const State& s) const {
    return static_cast<double>(s.failed.load().time_since_epoch().count());
  }
};
static_assert(RankingStrategy<NotTheLastToFail>);
// [/readme]

// [readme:pick]
struct AnyOpen {  // somebody at random; `pick` sees all of them at once
  std::size_t pick(const auto& candidates, const Query& q) const {
    const std::size_t n = candidates.size(), first = mix(q.seed, q.attempt) % n;
    for (std::size_t i = 0; i < n; ++i)
      if (const std::size_t at = (first + i) % n; candidates.open(at)) return at;
    return none;
  }
};
static_assert(RankingStrategy<AnyOpen>);
// [/readme]

// [readme:cooldown]
struct RestAMinute {
  struct State {  // one for each place, kept by the router
    std::atomic<Time> until{Time::min()};
  };
  Time rest_until(const State& s, Time) const { return s.until; }
  void report(State& s, const Outcome& o, Time now) const {
    if (o.blame() == Blame::failure) s.until = later(now, 1min);
  }
};
static_assert(CooldownPolicy<RestAMinute>);
// [/readme]

// [readme:classifier]
struct ByLength {
  static constexpr std::string_view categories[]{"short", "long"};
  std::span<const std::string_view> names() const { return categories; }
  Judgement classify(const ChatRequest& r) const {
    std::size_t bytes = 0;
    for (const Message& m : r.messages)
      for (const Part& p : m.parts) bytes += p.content.size();
    return {.category = static_cast<std::uint8_t>(bytes > 400 ? 1 : 0), .confidence = 1};
  }
};
static_assert(Classifier<ByLength>);
// [/readme]

// [readme:table]
const models::Table table = models::Table{}
                                .add({.model = "fast", .provider = "groq", .name = "llama-3.1-8b-instant"})
                                .add({.model = "fast", .provider = "my-server", .name = "llama3.1:8b", .price = Price::zero()});
// [/readme]

// [readme:model_map]
struct Prefixed {  // this gateway puts a vendor in front of every name
  std::optional<Offer> resolve(std::string_view model, const Provider& p) const {
    return Offer::assumed(p.name == "gateway" ? ModelName{"openai/", model} : ModelName{{}, model}, p);
  }
};
static_assert(ModelMap<Prefixed>);
// [/readme]

// [readme:retry]
struct OneMoreRound {
  std::optional<Duration> retry_after(const Outcome&, const Query& q) const {
    if (q.attempt >= 4) return std::nullopt;  // so many were sent already
    return 2s;
  }
};
static_assert(RetryPolicy<OneMoreRound>);
// [/readme]

// [readme:budget]
struct Purse {
  struct Reservation {
    Money worst{};
  };
  std::optional<Reservation> reserve(const Query&, const Provider&, Money worst, Time) {
    std::int64_t left = nanos.load();
    while (left >= worst.nanos())
      if (nanos.compare_exchange_weak(left, left - worst.nanos())) return Reservation{worst};
    return std::nullopt;
  }
  void settle(Reservation r, Money real, Time) { nanos += (r.worst - real).nanos(); }

  std::atomic<std::int64_t> nanos;
};
static_assert(Budget<Purse>);
// [/readme]

// [readme:observer]
struct CountFailures {
  void observe(const Event& e) {
    if (e.what == Event::What::ended && e.outcome->failed()) ++failures;
  }
  std::atomic<int> failures{0};
};
static_assert(Observer<CountFailures>);
// [/readme]

// [readme:hedge]
struct TwiceTheUsual {
  std::optional<Duration> hedge_after(const Health& h, const Query&) const {
    const auto usual = std::chrono::duration<float, std::milli>(h.latency_ms());
    if (usual.count() <= 0) return std::nullopt;  // never measured
    return std::chrono::duration_cast<Duration>(usual * 2);
  }
};
static_assert(Hedge<TwiceTheUsual>);
// [/readme]

// [readme:clock]
struct MyClock {
  Time now() const { return SteadyClock{}.now(); }  // or your event loop's; it must never go back
};
static_assert(Clock<MyClock>);
// [/readme]

// [readme:roles]
class LeastFailed {  // ranks by what it has observed
 public:
  using roles = Roles<role::Ranking, role::Observer>;
  double score(const Candidate& c, const Query&) const {
    const std::lock_guard lock(mutex_);
    const auto found = failures_.find(c.provider.name);
    return found == failures_.end() ? 0 : found->second;
  }
  void observe(const Event& e) {
    if (e.what != Event::What::ended || !e.outcome->failed()) return;
    const std::lock_guard lock(mutex_);
    ++failures_[std::string(e.provider)];
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> failures_;
};
// [/readme]

sim::Network network_of(sim::World& world) { return sim::Network{world}; }

}  // namespace

TEST_CASE("docs: a transport of one's own hands an answer on in pieces") {
  Router router{Fleet{providers::openai_compatible({.name = "any", .url = "https://any.example/v1"})}, MyTransport{},
                MyClock{}};
  const auto reply = router.complete("hello");
  REQUIRE(reply);
  CHECK(reply->text == "hello");
}

TEST_CASE("docs: a score of infinity keeps a provider out") {
  sim::World world;
  world.add({.name = "cloud"});
  world.add({.name = "house", .first_content = 2s, .tags = {"private"}});
  Router router{Fleet{world.providers()}, network_of(world), sim::Clock{world}, PrivateForLegal{}};
  for (int i = 0; i < 5; ++i) CHECK(router.complete("What does this clause mean?", {.category = "legal"})->provider == "house");
  CHECK(router.complete("Why?")->provider == "cloud");
  CHECK(router.complete("Why?")->provider == "cloud");
}

TEST_CASE("docs: a ranking that picks takes any open one, and the next when that one fails") {
  sim::World world;
  world.add({.name = "down", .failure_rate = 1});
  world.add({.name = "up"});
  Router router{Fleet{world.providers()}, network_of(world), sim::Clock{world}, AnyOpen{}, cooldown::Off{}};
  router.seed(tests::seed());
  bool down_was_first = false, up_was_first = false;
  for (int i = 0; i < 40; ++i) {
    const auto reply = router.complete("Why?");
    REQUIRE(reply);
    CHECK(reply->provider == "up");
    (reply->trail.size() == 2 ? down_was_first : up_was_first) = true;
  }
  CHECK(down_was_first);
  CHECK(up_was_first);
}

TEST_CASE("docs: a ranking that remembers puts whoever failed last behind the others") {
  sim::World world;
  world.add({.name = "shaky"}).answer_with(sim::Answer::error(500));
  world.add({.name = "steady"});
  Router router{Fleet{world.providers()}, network_of(world), sim::Clock{world}, NotTheLastToFail{}, cooldown::Off{}};
  const auto failed = router.complete("Why?", {.allow = {"shaky"}, .attempts = 1});
  REQUIRE_FALSE(failed);
  for (int i = 0; i < 5; ++i) CHECK(router.complete("Why?")->trail.size() == 1);
  CHECK(router.select("Why?")->provider == "steady");
}

TEST_CASE("docs: within a fifth of the cheapest the fastest answers") {
  sim::World world;
  world.add({.name = "cheap", .first_content = 800ms, .price = {per_million("1.00"), per_million("1.00")}});
  world.add({.name = "near", .first_content = 300ms, .price = {per_million("1.15"), per_million("1.15")}});
  world.add({.name = "dear", .first_content = 100ms, .price = {per_million("1.30"), per_million("1.30")}});
  // [readme:then]
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world},
                ranking::Then{ranking::Cheapest{}, ranking::within(0.20), ranking::Fastest{}}};
  // [/readme]
  CHECK(router.complete("Why?")->provider == "near");
  world.provider("near").script().failure_rate = 1;
  CHECK(router.complete("Why?")->provider == "cheap");
}

TEST_CASE("docs: an order of stand-ins is climbed on some failures only") {
  sim::World world;
  world.add({.name = "first", .order = 1});
  world.add({.name = "second", .order = 1});
  world.add({.name = "stand-in", .order = 2});
  // [readme:order]
  ranking::Order ladder{ranking::RoundRobin{}, {.climb_on = {Kind::timed_out, 429, ranking::statuses(500, 599)}}};
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ladder};
  // [/readme]
  CHECK(router.complete("Why?")->provider == "first");
  CHECK(router.complete("Why?")->provider == "second");
  for (const char* who : {"first", "second"}) world.provider(who).answer_with(sim::Answer::error(503));
  CHECK(router.complete("Why?")->provider == "stand-in");
  for (const char* who : {"first", "second"}) world.provider(who).answer_with(sim::Answer::html());
  const auto reply = router.complete("Why?", {.attempts = 3});
  REQUIRE(reply);  // in a second round of the same order
  CHECK(reply->provider != "stand-in");
}

TEST_CASE("docs: a session stays with the provider that has its prompt") {
  sim::World world;
  world.add({.name = "cheap", .price = {per_million("1"), per_million("1")}});
  world.add({.name = "dear", .price = {per_million("2"), per_million("2")}});
  // [readme:sticky]
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world},
                ranking::Sticky{ranking::Cheapest{}, {.keep = 10min}}};
  const auto ask = [&] { return router.complete("And then?", {.session = "chat 17"}); };
  // [/readme]
  world.provider("cheap").answer_with(sim::Answer::error(500));
  CHECK(ask()->provider == "dear");
  CHECK(ask()->provider == "dear");  // though the cheap one is well again
  CHECK(router.complete("Why?", {.session = "chat 18"})->provider == "cheap");
  world.advance(11min);
  CHECK(ask()->provider == "cheap");
}

TEST_CASE("docs: a blend takes who is good enough at all of it") {
  sim::World world;
  world.add({.name = "cheap", .first_content = 2s, .price = {per_million("1"), per_million("1")}});
  world.add({.name = "middling", .first_content = 400ms, .price = {per_million("2"), per_million("2")}});
  world.add({.name = "fast", .first_content = 200ms, .price = {per_million("9"), per_million("9")}});
  std::vector<Provider> providers = world.providers();
  for (Provider& p : providers) p.quality = 0.5;
  // [readme:blend]
  Router router{Fleet{std::move(providers)}, sim::Network{world}, sim::Clock{world},
                ranking::Blend{.cost = 0.5, .latency = 0.3, .quality = 0.1, .load = 0.1}};
  // [/readme]
  CHECK(router.complete("Why?")->provider == "middling");
  CHECK(router.complete("Why?")->trail[0].score < 0.3);
}

TEST_CASE("docs: rankings within rankings, and one that each request may pick") {
  sim::World world;
  world.add({.name = "cheap", .price = {per_million("1"), per_million("1")}, .order = 1});
  world.add({.name = "dear", .first_content = 20ms, .price = {per_million("2"), per_million("2")}, .order = 1});
  world.add({.name = "stand-in", .price = {per_million("0.1"), per_million("0.1")}, .order = 2});
  // [readme:nested]
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world},
                ranking::Choice{ranking::named("usual", ranking::Order{ranking::Sticky{ranking::Cheapest{}}}),
                                ranking::named("urgent", ranking::PeakEwma{})}};
  // [/readme]
  CHECK(router.complete("Why?")->provider == "cheap");
  CHECK(router.complete("Why?")->strategy == "usual");
  CHECK(router.complete("Why?", {.strategy = "urgent"})->strategy == "urgent");
}

TEST_CASE("docs: a cooldown of one's own rests what failed for a minute") {
  sim::World world;
  world.add({.name = "first"}).answer_with(sim::Answer::error(500));
  world.add({.name = "second"});
  Router router{Fleet{world.providers()}, network_of(world), sim::Clock{world}, RestAMinute{}};
  CHECK(router.complete("Why?")->provider == "second");
  world.advance(50s);
  CHECK(router.complete("Why?")->provider == "second");
  world.advance(10s);
  CHECK(router.complete("Why?")->provider == "first");
}

TEST_CASE("docs: a breaker with settings of one's own") {
  sim::World world;
  world.add({.name = "first"});
  world.add({.name = "second"});
  // [readme:breaker]
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world},
                cooldown::CircuitBreaker{.failures = 2, .share = 0.25, .open = 20s, .longest = 2min, .jitter = 0}};
  // [/readme]
  const auto first = [&] { return router.status().providers.at(0); };
  for (int i = 0; i < 2; ++i) world.provider("first").answer_with(sim::Answer::error(500));
  CHECK(router.complete("Why?")->trail.size() == 2);
  CHECK(first().why == Closed::open);
  const Time failed = world.now();
  CHECK(router.complete("Why?")->trail.size() == 2);
  CHECK(first().phase == cooldown::Phase::open);
  CHECK(first().why == Closed::rests);
  CHECK(router.complete("Why?")->provider == "second");
  world.advance_to(failed + 22s);
  CHECK(first().phase == cooldown::Phase::half_open);
  CHECK(router.complete("Why?")->provider == "first");
  CHECK(first().phase == cooldown::Phase::closed);
}

TEST_CASE("docs: a classifier of one's own names the category of the reply") {
  sim::World world;
  world.add({.name = "any"});
  Router router{Fleet{world.providers()}, network_of(world), sim::Clock{world}, ByLength{}};
  CHECK(router.complete("Why?")->category == "short");
  CHECK(router.complete(std::string(500, 'a'))->category == "long");
}

TEST_CASE("docs: rows of one's own and a map of one's own decide what a model is called") {
  const auto asked = [](auto map, std::string_view name) {
    sim::World world;
    sim::ScriptedProvider& provider = world.add({.name = std::string(name)});
    Router router{Fleet{world.providers()}, network_of(world), sim::Clock{world}, map};
    CHECK(router.complete({.messages = "Why?", .model = "fast"}));
    return provider.last_request().body;
  };
  CHECK_THAT(asked(table, "my-server"), ContainsSubstring("\"llama3.1:8b\""));
  CHECK_THAT(asked(Prefixed{}, "gateway"), ContainsSubstring("\"openai/fast\""));
  CHECK_THAT(asked(Prefixed{}, "another"), ContainsSubstring("\"fast\""));
}

TEST_CASE("docs: prices from a file, or what is wrong with it") {
  const auto answer = [](sim::World& world, std::string_view json) -> std::string {
    // [readme:prices]
    // {"models": {"fast": {"groq": {"name": "llama-3.1-8b-instant", "input": 0.05, "output": 0.08}}}}
    Result<models::Table> prices = models::parse(json);  // models::load("prices.json") reads a file
    if (!prices) return prices.error().message;
    Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, *std::move(prices)};
    // [/readme]
    return router.explain({.messages = "Why?", .model = "fast"}).providers[0].estimate.amount.text();
  };
  sim::World world;
  world.add({.name = "groq"});
  CHECK(answer(world, R"({"models": {"fast": {"groq": {"name": "llama-3.1-8b-instant", "input": 1, "output": 2}}}})") ==
        "0.000513");
  CHECK(answer(world, R"({"models": {"fast": {"groq": {"input": -1}}}})") ==
        "prices:1:40: models.fast.groq.input is no price: it is negative");
}

TEST_CASE("docs: a retry policy of one's own asks for another round") {
  sim::World world;
  world.add({.name = "only"}).answer_with(sim::Answer::error(500));
  Router router{Fleet{world.providers()}, network_of(world), sim::Clock{world}, OneMoreRound{}, cooldown::Off{}};
  const auto reply = router.complete("Why?");
  REQUIRE(reply);
  CHECK(reply->trail.size() == 2);
  CHECK(reply->latency > 2s);
}

TEST_CASE("docs: how often who failed is asked again, by the kind of its failure") {
  sim::World world;
  world.add({.name = "only"});
  // [readme:backoff]
  retry::Backoff patient{.first = 250ms, .most = 4s, .patience = 30s, .times = {.server_error = 2, .timed_out = 1}};
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, cooldown::Off{}, patient};
  // [/readme]
  const auto failing = [&](const sim::Answer& a, const Options& options = {}) {
    for (int i = 0; i < 5; ++i) world.provider("only").answer_with(a);
    const auto reply = router.complete("Why?", options);
    const std::size_t sent = reply ? reply->trail.size() : reply.error().trail.size();
    for (std::size_t i = sent; i < 5; ++i) static_cast<void>(router.complete("Why?", {.attempts = 1}));  // the rest of them
    return sent;
  };
  CHECK(failing(sim::Answer::error(500)) == 3);
  CHECK(failing(sim::Answer::error(503)) == 5);  // no count: as often as the request has attempts
  CHECK(failing(sim::Answer::error(500), {.retries = {{Kind::server_error, 0}}}) == 1);
  CHECK(failing(sim::Answer::error(503).with("x-should-retry", "false")) == 1);
  CHECK(failing(sim::Answer::rate_limited(40s)) == 1);  // longer than its patience
}

TEST_CASE("docs: a purse that stays the caller's is never overdrawn, and what was not used comes back") {
  sim::World world;
  world.add({.name = "priced", .price = {.input = per_million("1"), .output = per_million("1")}});
  // [readme:ref]
  Purse purse{.nanos = 5'000'000};  // half a cent
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, std::ref(purse)};
  // [/readme]
  const auto reply = router.complete("Why?");
  REQUIRE(reply);
  CHECK(purse.nanos == 5'000'000 - reply->cost.amount.nanos());
  purse.nanos = 1;
  CHECK(router.complete("Why?").error().kind == Kind::over_budget);
  CHECK(purse.nanos == 1);
}

TEST_CASE("docs: limits that stay the caller's count what was spent, for all and for each tenant") {
  sim::World world;
  world.add({.name = "priced", .price = {.input = per_million("1"), .output = per_million("1")}});
  // [readme:limits]
  budget::Rules limits{
      {.name = "month", .most = dollars("50"), .window = budget::month()},
      {.name = "each tenant", .most = dollars("2"), .window = budget::rolling(24h), .each = budget::Each::tenant}};
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, std::ref(limits)};
  // [/readme]
  const auto reply = router.complete("Why?");
  REQUIRE(reply);
  const auto status = limits.status(world.now());
  REQUIRE(status.accounts.size() == 2);
  for (const auto& account : status.accounts) CHECK(account.spent == reply->cost.amount);
}

TEST_CASE("docs: an observer counts, and a policy of two roles learns from what it observes") {
  sim::World world;
  world.add({.name = "down", .failure_rate = 1});
  world.add({.name = "up"});
  CountFailures count;
  LeastFailed ranking;
  Router router{Fleet{world.providers()}, network_of(world), sim::Clock{world},
                std::ref(count),          std::ref(ranking), cooldown::Off{}};
  for (int i = 0; i < 10; ++i) CHECK(router.complete("Why?")->provider == "up");
  CHECK(count.failures <= 1);
}

TEST_CASE("docs: only<> restricts a policy to one of its roles") {
  sim::World world;
  world.add({.name = "any"});
  LeastFailed learned;
  // [readme:only]
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ranking::Cheapest{},
                only<role::Observer>(std::ref(learned))};
  // [/readme]
  CHECK(router.complete("Why?")->strategy == "cost");
}

TEST_CASE("docs: a hedge asks a second provider when the first takes twice as long as usual") {
  sim::World world;
  world.add({.name = "first", .first_content = 300ms, .tokens_per_second = 0});
  world.add({.name = "second", .first_content = 300ms, .tokens_per_second = 0});
  sim::Network network{world};
  Router router{Fleet{world.providers()}, network, sim::Clock{world}, TwiceTheUsual{}};
  const auto ask = [&] {
    std::string who;
    const auto pending = router.start({.messages = "Why?"},
                                      [&](const Result<Reply>& r) { who = r ? std::string(r->provider.view()) : "nobody"; });
    network.run_until([&] { return !who.empty(); });
    return who;
  };
  CHECK(ask() == "first");
  world.provider("first").answer_with(sim::Answer::reply("late").after(20s));
  CHECK(ask() == "second");
  CHECK(world.elapsed() < 2s);
}
