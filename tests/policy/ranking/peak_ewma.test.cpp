// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/peak_ewma.hpp"

#include <cmath>
#include <deque>
#include <limits>
#include <list>
#include <string>
#include <vector>

#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

using ranking::PeakEwma;
const ChatRequest hello{.messages = "Hello"};
const Options nothing{};

/// Candidates with their memories, to be set by hand.
struct Table {
  Query query{.request = hello, .options = nothing, .delivery = Delivery::stream};
  Provider provider = named("p");
  std::deque<Health> health;
  std::deque<PeakEwma::State> states;
  std::vector<bool> is_open;
  Time now{Time{} + 1h};
  PeakEwma ranking{};
  mutable int looks = 0;

  explicit Table(std::size_t n) : health(n), states(n), is_open(n, true) {}
  std::size_t size() const { return states.size(); }
  bool open(std::size_t i) const { return ++looks, is_open.at(i); }
  Candidate operator[](std::size_t i) const {
    return {provider, Offer{}, health[i], query, static_cast<std::uint32_t>(i), now};
  }
  const PeakEwma::State& state(std::size_t i) const { return states[i]; }

  double load(std::size_t i) const { return ranking.load((*this)[i], query, states[i]); }
  std::size_t pick(std::uint64_t seed) {
    query.seed = seed;
    return ranking.pick(*this, query);
  }
  void learn(std::size_t i, Event e) {
    e.query = &query;
    e.now = now;
    ranking.learn(states[i], e);
  }
  void ended(std::size_t i, const Outcome& o) { learn(i, {.what = Event::What::ended, .outcome = &o}); }
  /// A stream whose first content came after so long.
  void answered(std::size_t i, Duration took) {
    const Time began = now;
    learn(i, {.what = Event::What::sent});
    now += took;
    learn(i, {.what = Event::What::first_content, .began = began});
    ended(i, {.ending = Ending::won, .first_content = took, .total = took, .content = true});
  }
};
std::uint64_t random_bits(std::uint64_t i) { return mix(tests::seed(), i); }

/// What of an exchange's provider is remembered.
const PeakEwma::State& memory(auto& core, std::size_t i = 0) {
  return core.pin()->group({}).lanes[i].place->memory;  // the core outlives the pin, and nobody replaces its fleet meanwhile
}

}  // namespace

static_assert(RankingStrategy<PeakEwma> && Picks<PeakEwma> && !Scores<PeakEwma> && Remembers<PeakEwma>);
static_assert(Refuses<PeakEwma> && detail::watches_load<PeakEwma>());

TEST_CASE("of two distinct ones that are drawn evenly, the one with the lower load wins") {
  Table t(5);
  for (std::size_t i = 0; i < 5; ++i)  // all at the same time
    t.states[i].sides[1].estimate.measured(100.0 * static_cast<double>(i + 1), t.now, t.ranking.decay);
  std::vector<int> count(5);
  for (std::uint64_t i = 0; i < 20'000; ++i) ++count.at(t.pick(random_bits(i)));
  INFO("--rng-seed " << tests::seed());
  // The best wins each of its 4 pairs of 10, the next 3, and so on.
  for (std::size_t i = 0; i < 4; ++i) {
    const double expected = 20'000 * static_cast<double>(4 - i) / 10;
    CHECK((count[i] > expected - 400 && count[i] < expected + 400));  // nearly 6 deviations
  }
  CHECK(count[4] == 0);
}

TEST_CASE("equal loads are drawn evenly, also where nearly all are closed") {
  Table t(3);
  std::vector<int> count(3);
  for (std::uint64_t i = 0; i < 9'000; ++i) ++count.at(t.pick(random_bits(i)));
  INFO("--rng-seed " << tests::seed());
  for (int n : count) CHECK((n > 2'730 && n < 3'270));  // 6 deviations

  Table sparse(3'000);
  sparse.is_open.assign(3'000, false);
  for (std::size_t i : {700u, 1'500u, 2'999u}) sparse.is_open[i] = true;
  int first = 0, second = 0, third = 0;
  for (std::uint64_t i = 0; i < 1'800; ++i) {
    const std::size_t at = sparse.pick(random_bits(i));
    ++(at == 700 ? first : at == 1'500 ? second : third);
    REQUIRE((at == 700 || at == 1'500 || at == 2'999));
  }
  for (int n : {first, second, third}) CHECK((n > 480 && n < 720));  // 6 deviations
}

TEST_CASE("PeakEwma finds the better one of the only two that are open, the only one, and nobody") {
  Table t(1'000);
  t.is_open.assign(1'000, false);
  CHECK(t.pick(1) == none);
  t.is_open[17] = true;
  for (std::uint64_t i = 0; i < 50; ++i) CHECK(t.pick(random_bits(i)) == 17);
  t.is_open[800] = true;
  t.answered(17, 500ms);
  t.answered(800, 400ms);
  for (std::uint64_t i = 0; i < 50; ++i) CHECK(t.pick(random_bits(i)) == 800);
  t.answered(800, 600ms);
  for (std::uint64_t i = 0; i < 50; ++i) CHECK(t.pick(random_bits(i)) == 17);
  Table empty(0);
  CHECK(empty.pick(1) == none);
}

TEST_CASE("PeakEwma looks at a few of ten thousand, as long as a fair share of them is open") {
  Table t(10'000);
  for (std::size_t i = 0; i < t.size(); ++i) t.is_open[i] = i % 2 == 0;
  int most = 0;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    t.looks = 0;
    t.pick(mix(7, i));
    most = t.looks > most ? t.looks : most;
  }
  CHECK(most <= 24);
}

TEST_CASE("a slower answer counts at once, a faster one as much as the last measure is old") {
  Table t(1);
  t.answered(0, 400ms);
  CHECK(t.load(0) == Approx(400));
  t.answered(0, 3s);
  CHECK(t.load(0) == Approx(3'000));
  t.now += 60s;
  t.answered(0, 400ms);
  const double share = std::exp(-60.4 / 60);
  CHECK(t.load(0) == Approx(3'000 * share + 400 * (1 - share)));
}

TEST_CASE("a burst of fast answers does not wipe out a slow one of a moment ago") {
  Table t(1);
  t.answered(0, 3s);
  for (int i = 0; i < 100; ++i) t.answered(0, 1ms);
  CHECK(t.load(0) > 2'900);
}

TEST_CASE("who was slow once is asked again after a while") {
  Table t(2);
  t.answered(0, 20s);
  t.answered(1, 400ms);
  CHECK(t.pick(1) == 1);
  for (int i = 0; i < 10; ++i) {
    t.now += 30s;
    t.answered(1, 400ms);
  }
  CHECK(t.pick(1) == 0);  // 20 s * e^-5 = 135 ms
}

TEST_CASE("a load is the latency times the calls in flight and one more") {
  Table t(2);
  for (std::size_t i : {0u, 1u}) t.states[i].sides[1].estimate.measured(i == 0 ? 400 : 1'000, t.now, t.ranking.decay);
  t.health[0].in_flight = 1;
  CHECK(t.load(0) == Approx(800));
  CHECK(t.pick(1) == 0);
  t.health[0].in_flight = 2;
  CHECK(t.pick(1) == 1);
  t.health[0].in_flight = -1;  // of a user's own test
  CHECK(t.load(0) == Approx(400));
}

TEST_CASE("a provider that hangs looks slow before anything has timed out") {
  auto core = core_of(Fleet{named("hangs"), named("well")}, PeakEwma{}, cooldown::Off{});
  Time now{Time{} + 1h};
  const auto answered = [&](const char* name, Duration took) {
    const Options only{.allow = {name}};
    Exchange x(core, hello, only, Delivery::stream, Overlap::no, now);
    const AttemptId id = x.next(now).attempt;
    x.content(id, now += took);
    x.ended(id, good(), now);
  };
  answered("hangs", 100ms);
  answered("well", 1s);
  const Options only{.allow = {"hangs"}};
  std::list<Exchange<BagWith<PeakEwma, cooldown::Off>>> waiting;
  const auto first = [&] {
    Exchange x(core, hello, nothing, Delivery::stream, Overlap::no, now);
    return told(x, now);
  };
  for (int i = 0; i < 2; ++i) {
    waiting.emplace_back(core, hello, only, Delivery::stream, Overlap::no, now);
    waiting.back().next(now);
  }
  CHECK(first() == "hangs");  // 3 * 100 ms, as far as one knows
  now += 400ms;
  CHECK(first() == "well");
  CHECK(memory(core).sides[1].waiting.count() == 2);
  for (auto& x : waiting) x.content({0}, now);  // slow, and there after all
  CHECK(memory(core).sides[1].waiting.count() == 0);
}

TEST_CASE("the ages of those that wait are a mean, and an answer ends one's waiting") {
  detail::Awaited w;
  const Time t{1h};
  CHECK(w.ms(t) == 0);
  w.add(t);
  w.add(t + 2s);
  CHECK(w.count() == 2);
  CHECK(w.ms(t + 4s) == 3'000);
  CHECK(w.ms(t + 1s) == 0);  // of a clock that was read before
  w.remove(t);
  CHECK(w.ms(t + 4s) == 2'000);
  w.remove(t + 2s);
  CHECK(w.ms(t + 4s) == 0);
}

TEST_CASE("what waits is counted exactly whatever the clock's epoch, and never below zero") {
  for (const Time t : {Time{} - 100h, Time{}, Time{} + 24h * 365 * 50, Time{} + 24h * 365 * 250}) {
    detail::Awaited w;
    w.remove(t);
    CHECK(w.count() == 0);
    for (int i = 0; i < 10'000; ++i) w.add(t + std::chrono::milliseconds(i));
    CHECK(w.count() == 10'000);
    CHECK(w.ms(t + 60s) == Approx(60'000 - 4'999.5));
    for (int i = 0; i < 10'000; ++i) w.remove(t + std::chrono::milliseconds(i));
    w.remove(t);
    CHECK(w.count() == 0);
    CHECK(w.ms(t + 60s) == 0);
  }
}

TEST_CASE("a measure's time comes round after 49 days, and a clock that was read a moment ago is not that old") {
  using days = std::chrono::duration<int, std::ratio<86'400>>;
  detail::PeakEstimate e;
  const Time round = Time{} + std::chrono::milliseconds(0x1'0000'0000);
  e.measured(1'000, round - 30s, 60s);
  CHECK(e.ms(round + 30s, 60s) == Approx(1'000 * std::exp(-1)));
  CHECK(e.ms(round - 31s, 60s) == Approx(1'000));
  e.measured(500, round - 31s, 60s);  // comes late, from another thread: nothing is that much younger
  CHECK(e.ms(round - 30s, 60s) == Approx(1'000));
  CHECK(e.ms(round + days(40), 60s) < 1e-6);
}

TEST_CASE("a failure counts as at least five seconds, its hint up to five minutes, and the time that it took") {
  const auto after = [](Outcome o) {
    Table t(1);
    t.answered(0, 400ms);
    o.ending = Ending::failed;
    t.ended(0, o);
    return t.load(0);
  };
  CHECK(after({.kind = Kind::server_error, .total = 1ms}) == Approx(5'000));  // failing fast is not being fast
  CHECK(after({.kind = Kind::rate_limited, .retry_after = 20s}) == Approx(20'000));
  CHECK(after({.kind = Kind::rate_limited, .retry_after = 1s}) == Approx(5'000));
  CHECK(after({.kind = Kind::quota_exhausted, .retry_after = 24h}) == Approx(300'000));
  CHECK(after({.kind = Kind::timed_out, .total = 30s}) == Approx(30'000));
  CHECK(after({.kind = Kind::stream_broken, .first_content = 1s, .total = 90s, .content = true}) == Approx(5'000));
  CHECK(after({.kind = Kind::request_invalid, .total = 30s}) == Approx(400));
  CHECK(after({.kind = Kind::context_too_long, .total = 1ms}) == Approx(400));

  Table t(1);
  t.answered(0, 20s);
  t.ended(0, {.kind = Kind::server_error});
  CHECK(t.load(0) == Approx(20'000));  // a penalty makes nobody look faster
  t.ended(0, {.kind = Kind::server_error, .retry_after = -1s, .first_content = -1s, .total = -1s});
  CHECK(t.load(0) == Approx(20'000));
}

TEST_CASE("a failure of a whole reply counts for streams too") {
  Table t(1);
  t.answered(0, 400ms);
  t.query.delivery = Delivery::whole;
  t.ended(0, {.kind = Kind::server_error});
  t.query.delivery = Delivery::stream;
  CHECK(t.load(0) == Approx(5'000));
}

TEST_CASE("who was stopped before it answered was at least that slow, and never looks faster for it") {
  for (Ending ending : {Ending::lost, Ending::cut, Ending::cancelled}) {
    Table t(1);
    t.answered(0, 400ms);
    t.ended(0, {.ending = ending, .first_content = 100ms, .total = 100ms});
    CHECK(t.load(0) == Approx(400));
    t.ended(0, {.ending = ending, .first_content = 2s, .total = 2s});
    CHECK(t.load(0) == Approx(2'000));
    t.ended(0, {.ending = ending, .first_content = 400ms, .total = 20s, .content = true});
    CHECK(t.load(0) == Approx(2'000));  // the caller had read enough
  }
}

TEST_CASE("who was never measured is tried early, by one request at a time") {
  Table t(2);
  t.answered(0, 10ms);
  CHECK(t.pick(1) == 1);
  t.health[1].in_flight = 1;  // somebody is finding out
  CHECK(t.pick(1) == 0);
  t.health[0].in_flight = 30;
  CHECK(t.pick(1) == 0);

  t.provider.expected_latency = 2s;
  t.health[1].in_flight = 0;
  CHECK(t.load(1) == Approx(2'000));
  t.health[1].in_flight = 2;
  CHECK(t.load(1) == Approx(6'000));
}

TEST_CASE("a failure ends the finding out, a caller's mistake does not") {
  Table t(2);
  t.answered(0, 400ms);
  t.ended(1, {.kind = Kind::request_invalid});
  CHECK(t.pick(1) == 1);
  t.ended(1, {.kind = Kind::server_error});
  CHECK(t.pick(1) == 0);
}

TEST_CASE("PeakEwma keeps streams and whole replies apart, and goes by the other where one was not measured") {
  Table t(1);
  t.query.delivery = Delivery::whole;
  t.ended(0, {.ending = Ending::won, .first_content = 20s, .total = 20s});
  CHECK(t.load(0) == Approx(20'000));
  t.query.delivery = Delivery::stream;
  CHECK(t.load(0) == Approx(20'000));
  t.answered(0, 400ms);
  CHECK(t.load(0) == Approx(400));
  t.query.delivery = Delivery::whole;
  CHECK(t.load(0) == Approx(20'000 * std::exp(-0.4 / 60)));
  // A whole reply that is being written says nothing about streams.
  t.learn(0, {.what = Event::What::sent});
  t.query.delivery = Delivery::stream;
  t.now += 10s;
  CHECK(t.load(0) < 400);
}

TEST_CASE("an attempt waits from when it is sent to its first content or its end, and once") {
  auto core = core_of(Fleet{named("a")}, PeakEwma{}, cooldown::Off{}, retry::Off{});
  for (Delivery delivery : {Delivery::whole, Delivery::stream}) {
    const auto run = [&](auto&& end) {
      const auto waiting = [&] { return memory(core).sides[delivery == Delivery::stream ? 1 : 0].waiting.count(); };
      Exchange watched(core, hello, nothing, delivery, Overlap::no, Time{});  // so that one too many is seen
      watched.next(Time{});
      {
        Exchange x(core, hello, nothing, delivery, Overlap::no, Time{});
        const AttemptId id = x.next(Time{}).attempt;
        CHECK(waiting() == 2);
        end(x, id);
      }
      CHECK(waiting() == 1);
      watched.cancel();
      watched.next(Time{});
      CHECK(waiting() == 0);
    };
    run([](auto& x, AttemptId id) { x.ended(id, good(), Time{} + 1s); });
    run([](auto& x, AttemptId id) { x.ended(id, failed(Kind::server_error, 500), Time{} + 1s); });
    run([](auto& x, AttemptId id) {
      x.content(id, Time{} + 1s);
      x.content(id, Time{} + 2s);
      x.ended(id, good(), Time{} + 3s);
    });
    run([](auto& x, AttemptId id) {  // all at once, as a coarse clock sees it
      x.content(id, Time{});
      x.ended(id, good(), Time{});
    });
    run([](auto& x, AttemptId id) {
      x.content(id, Time{} + 1s);
      x.ended(id, failed(Kind::stream_broken), Time{} + 1s);
    });
    run([](auto& x, AttemptId) {
      x.cancel();
      x.next(Time{} + 1s);
    });
    run([](auto& x, AttemptId) { x.next(Time{} + 24h); });
    run([](auto&, AttemptId) {});  // dropped
  }
}

TEST_CASE("an attempt that ends after its fleet was replaced ends its waiting where it began") {
  auto core = core_of(Fleet{named("a"), named("b")}, PeakEwma{});
  const Options only{.allow = {"a"}};
  Exchange x(core, hello, only, Delivery::stream, Overlap::no, Time{});
  const AttemptId id = x.next(Time{}).attempt;
  REQUIRE(core.replace(Fleet{named("b"), named("a")}));
  CHECK(memory(core, 1).sides[1].waiting.count() == 1);
  x.ended(id, good(), Time{} + 1s);
  CHECK(memory(core, 1).sides[1].waiting.count() == 0);
  CHECK(memory(core, 1).sides[1].estimate.ms(Time{} + 1s, 60s) == Approx(1'000));

  Exchange y(core, hello, only, Delivery::stream, Overlap::no, Time{});
  y.next(Time{});
  REQUIRE(core.replace(Fleet{named("b")}));
  REQUIRE(core.replace(Fleet{named("b"), named("a")}));  // another place by that name
  y.cancel();
  y.next(Time{} + 1s);
  CHECK(memory(core, 1).sides[1].waiting.count() == 0);
}

TEST_CASE("a PeakEwma whose settings are none is refused before anything is sent") {
  for (const PeakEwma& bad : {PeakEwma{.decay = 0s}, PeakEwma{.decay = -1s}, PeakEwma{.penalty = -1s}}) {
    auto core = core_of(Fleet{named("a")}, bad);
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    CHECK(told(x, Time{}) == "finish");
    CHECK(x.failure(Time{}).kind == Kind::misconfigured);
  }
}

TEST_CASE("PeakEwma goes to the slow and to the broken only where both are drawn, and spreads the rest") {
  auto core = core_of(Fleet{named("slow"), named("broken"), named("a"), named("b"), named("c")}, PeakEwma{}, cooldown::Off{});
  core.seed(tests::seed());
  Time now{Time{} + 1h};
  std::vector<int> count(5);
  const Options one{.attempts = 1};
  for (int i = 0; i < 2'000; ++i, now += 50ms) {
    Exchange x(core, hello, one, Delivery::whole, Overlap::no, now);
    const AttemptId id = x.next(now).attempt;
    const std::string& name = x.provider(id).name;
    const std::size_t at = name == "slow" ? 0 : name == "broken" ? 1 : static_cast<std::size_t>(name[0] - 'a') + 2;
    ++count[at];
    if (at == 1) x.ended(id, failed(Kind::server_error, 500), now);
    else x.ended(id, good(), now + (at == 0 ? 4s : 200ms));
  }
  INFO("--rng-seed " << tests::seed());
  CHECK(count[0] + count[1] < 280);  // of ten pairs one is of these two: 200, and 6 deviations
  for (std::size_t i : {2u, 3u, 4u}) CHECK(count[i] > 500);
}
