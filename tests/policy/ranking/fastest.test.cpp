// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/fastest.hpp"

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

Provider expected(std::string name, Duration latency = {}) {
  Provider p = named(std::move(name));
  p.expected_latency = latency;
  return p;
}

/// Requests that take as long as they are told.
struct Track {
  CoreWith<ranking::Fastest> core;
  Time now{Time{} + 1h};

  explicit Track(Fleet fleet, ranking::Fastest f = {}) : core(core_of(std::move(fleet), f)) {}
  const ChatRequest request{.messages = "Hello"};
  const Options options{.allow = {}};

  /// Who is asked first.
  std::string first() {
    Exchange x(core, request, options, Delivery::whole, Overlap::no, now);
    return told(x, now);
  }
  /// The one named answers after so long, or fails.
  void measure(const std::string& provider, Duration took, std::optional<Kind> failure = {}) {
    const Options only{.allow = {provider}, .attempts = 1};
    Exchange x(core, request, only, Delivery::whole, Overlap::no, now);
    const Step s = x.next(now);
    REQUIRE(s.what == Step::Do::send);
    now += took;
    x.ended(s.attempt, failure ? failed(*failure, 500) : good(), now);
    x.next(now);
  }
};

}  // namespace

static_assert(RankingStrategy<ranking::Fastest> && Scores<ranking::Fastest> && ScoresByMemory<ranking::Fastest>);

TEST_CASE("Fastest goes by what is expected until a provider is measured") {
  Track r(Fleet{expected("openai", 2100ms), expected("groq", 420ms), expected("cerebras", 380ms)});
  CHECK(r.first() == "cerebras");
  r.measure("cerebras", 3s);  // slower than it says
  CHECK(r.first() == "groq");
  r.measure("openai", 100ms);
  CHECK(r.first() == "openai");
}

TEST_CASE("Fastest weighs the newest with 0.3") {
  Track r(Fleet{named("a"), named("b")});
  r.measure("a", 100ms);
  r.measure("b", 150ms);
  CHECK(r.first() == "a");
  r.measure("a", 250ms);  // 100 + 0.3 * 150 = 145
  CHECK(r.first() == "a");
  r.measure("a", 200ms);  // 145 + 0.3 * 55 = 161.5
  CHECK(r.first() == "b");
}

TEST_CASE("Fastest takes the mean of the last ten where it is asked to, and drops the oldest") {
  Track r(Fleet{named("a"), named("b")}, {.last = 10});
  for (int i = 0; i < 10; ++i) r.measure("a", 100ms);
  r.measure("b", 300ms);
  for (int i = 0; i < 4; ++i) r.measure("a", 550ms);  // (6 * 100 + 4 * 550) / 10 = 280
  CHECK(r.first() == "a");
  r.measure("a", 550ms);  // (5 * 100 + 5 * 550) / 10 = 325
  CHECK(r.first() == "b");
  for (int i = 0; i < 10; ++i) r.measure("a", 200ms);  // nothing is left of the slow ones
  CHECK(r.first() == "a");
}

TEST_CASE("Fastest tries who is not measured early, but never twice at once") {
  Track r(Fleet{named("known"), named("new")});
  r.measure("known", 1ms);
  Exchange first(r.core, r.request, r.options, Delivery::whole, Overlap::no, r.now);
  CHECK(told(first, r.now) == "new");
  Exchange second(r.core, r.request, r.options, Delivery::whole, Overlap::no, r.now);
  CHECK(told(second, r.now) == "known");
  Exchange third(r.core, r.request, r.options, Delivery::whole, Overlap::no, r.now);
  CHECK(told(third, r.now) == "known");
  first.cancel();
  first.next(r.now);
  CHECK(r.first() == "new");  // nobody knows it yet
}

TEST_CASE("Fastest asks the only provider there is, measured or not, as often as it must") {
  Track r(Fleet{named("only")});
  Exchange first(r.core, r.request, r.options, Delivery::whole, Overlap::no, r.now);
  CHECK(told(first, r.now) == "only");
  CHECK(r.first() == "only");
}

TEST_CASE("Fastest does not take who fails fast for fast") {
  Track r(Fleet{named("steady"), named("broken")});
  r.measure("steady", 400ms);
  r.measure("broken", 1ms, Kind::server_error);
  CHECK(r.first() == "steady");
  r.now += 10min;
  r.measure("steady", 400ms);
  CHECK(r.first() == "broken");  // by then it may be well
}

TEST_CASE("Fastest forgets a measure after ten minutes, so that who was slow once is tried again") {
  Track r(Fleet{named("a"), named("b")});
  r.measure("a", 5s);
  r.measure("b", 100ms);
  CHECK(r.first() == "b");
  r.now += 9min;
  r.measure("b", 100ms);
  CHECK(r.first() == "b");
  r.now += 1min;
  CHECK(r.first() == "a");
  r.measure("a", 50ms);
  CHECK(r.first() == "b");  // 5000 + 0.3 * (50 - 5000): what is remembered counts again

  Track never_forgets(Fleet{named("a"), named("b")}, {.forget = endless});
  never_forgets.measure("a", 5s);
  never_forgets.measure("b", 100ms);
  never_forgets.now += 1000h;
  CHECK(never_forgets.first() == "b");
}

TEST_CASE("Fastest does not hold a caller's mistake against who is not measured yet") {
  Track r(Fleet{named("known"), named("new")});
  r.measure("known", 400ms);
  r.measure("new", 1ms, Kind::request_invalid);
  CHECK(r.first() == "new");
  r.measure("new", 1ms, Kind::server_error);
  CHECK(r.first() == "known");
}

TEST_CASE("who loses to a hedge takes at least that long for Fastest, and is not asked first again and again") {
  struct Eager {
    std::optional<Duration> hedge_after(const Health&, const Query&) const { return 50ms; }
  };
  for (int last : {0, 10}) {
    auto core = core_of(Fleet{named("known"), named("hangs")}, ranking::Fastest{.last = last}, Eager{});
    const ChatRequest request{.messages = "Hello"};
    const Options options, only_known{.allow = {"known"}};
    Time now{Time{} + 1h};
    const auto answers = [&](Exchange<BagWith<ranking::Fastest, Eager>>& x, AttemptId id) {
      x.ended(id, good(), now += 10ms);
      while (x.next(now).what != Step::Do::finish) {
      }
    };
    Exchange known(core, request, only_known, Delivery::whole, Overlap::yes, now);
    answers(known, known.next(now).attempt);
    Exchange hedged(core, request, options, Delivery::whole, Overlap::yes, now);
    CHECK(told(hedged, now) == "hangs");
    now = hedged.next(now).until;
    const Step hedge = hedged.next(now);
    REQUIRE(hedge.what == Step::Do::send);
    answers(hedged, hedge.attempt);
    Exchange next(core, request, options, Delivery::whole, Overlap::yes, now);
    CHECK(told(next, now) == "known");
  }
}

namespace {

using By = ranking::Fastest::By;

/// Measures that are learnt by hand, and the score that they come to.
struct Bench {
  ranking::Fastest fastest{};
  ranking::Fastest::State state{};
  Provider provider = named("p");
  Health health{};
  ChatRequest request{.messages = "Hello"};
  Options options{};
  Query query{.request = request, .options = options};
  Time now{Time{} + 1h};

  explicit Bench(ranking::Fastest f) : fastest(f) {}
  double score() { return fastest.score(Candidate{provider, Offer{}, health, query, 0, now}, query, state); }
  void learn(const Outcome& o, std::int64_t tokens = 100) {
    fastest.learn(state, {.what = Event::What::ended,
                          .query = &query,
                          .outcome = &o,
                          .usage = {.completion = tokens, .reported = true},
                          .now = now});
  }
  void answers(Duration total, std::int64_t tokens = 100) {
    learn({.ending = Ending::won, .first_content = total, .total = total}, tokens);
  }
};

}  // namespace

static_assert(Refuses<ranking::Fastest>);

TEST_CASE("a full window drops the oldest and never freezes") {
  for (const ranking::Fastest& f : {ranking::Fastest{.last = 10}, ranking::Fastest{}, ranking::Fastest{.percentile = 0.5}}) {
    Bench b(f);
    for (int i = 0; i < 10; ++i) b.answers(100ms);
    CHECK(b.score() == Approx(100));
    for (int i = 0; i < 500; ++i) b.answers(5s);
    CHECK(b.score() == Approx(5'000));
    for (int i = 0; i < 500; ++i) b.answers(100ms);
    CHECK(b.score() == Approx(100));
  }
}

TEST_CASE("one answer of a thousand seconds does not poison what is known, many do count") {
  Bench b({.last = 10});
  for (int i = 0; i < 10; ++i) b.answers(400ms);
  b.answers(1'000s);
  CHECK(b.score() == Approx(760));  // (9 * 400 + 4000) / 10
  for (int i = 0; i < 3; ++i) b.answers(400ms);
  b.learn({.ending = Ending::failed, .kind = Kind::timed_out, .total = 1'000s});  // left to the cooldown
  CHECK(b.score() == Approx(760));
  for (int i = 0; i < 30; ++i) b.answers(1'000s);
  CHECK(b.score() == Approx(1e6));

  Bench quick({.last = 10});
  quick.answers(0s);  // of a cache, or as a coarse clock sees it
  for (int i = 0; i < 9; ++i) quick.answers(400ms);
  CHECK(quick.score() == Approx(360).epsilon(0.001));

  Bench average({});
  average.answers(400ms);
  average.answers(1'000s);
  CHECK(average.score() == Approx(400 + 0.3 * 3'600));
}

TEST_CASE("who fails fast keeps the latency that it answers with") {
  for (const ranking::Fastest& f : {ranking::Fastest{}, ranking::Fastest{.last = 10}, ranking::Fastest{.by = By::per_token}}) {
    Bench b(f);
    b.answers(400ms, 1);
    for (int i = 0; i < 50; ++i)
      b.learn({.ending = Ending::failed, .kind = Kind::server_error, .first_content = 1ms, .total = 1ms});
    CHECK(b.score() == Approx(400));
  }
}

TEST_CASE("Fastest measures streams and whole replies apart, each by its own number") {
  for (int last : {0, 10}) {
    Bench b({.last = last});
    for (int i = 0; i < 3; ++i) b.answers(20s);
    b.query.delivery = Delivery::stream;
    CHECK(b.score() == Approx(20'000));  // better than nothing
    for (int i = 0; i < 3; ++i) b.learn({.ending = Ending::won, .first_content = 300ms, .total = 20s, .content = true});
    CHECK(b.score() == Approx(300));
    b.query.delivery = Delivery::whole;
    CHECK(b.score() == Approx(20'000));
    b.now += 6min;
    b.query.delivery = Delivery::stream;
    b.learn({.ending = Ending::won, .first_content = 300ms, .total = 20s, .content = true});
    b.now += 6min;
    b.query.delivery = Delivery::whole;
    CHECK(b.score() == Approx(300));  // those of whole replies are forgotten by now
  }
}

TEST_CASE("a percentile is what so many of the last replies keep to") {
  const auto of_twenty = [](double percentile) {
    Bench b({.last = 20, .percentile = percentile});
    b.answers(90s);  // falls out
    for (int i = 20; i > 0; --i) b.answers(std::chrono::milliseconds(i));
    return b.score();
  };
  CHECK(of_twenty(0.95) == Approx(19));
  CHECK(of_twenty(0.951) == Approx(20));
  CHECK(of_twenty(0.5) == Approx(10));
  CHECK(of_twenty(1) == Approx(20));
  CHECK(of_twenty(0.0001) == Approx(1));

  Track t(Fleet{named("steady"), named("erratic")}, {.percentile = 0.9});
  for (int i = 0; i < 20; ++i) {
    t.measure("steady", 400ms);
    t.measure("erratic", i % 5 == 0 ? 900ms : 100ms);
  }
  CHECK(t.first() == "steady");
  t.core.policy<role::Ranking>().percentile = 0;  // from then on the moving average
  for (int i = 0; i < 20; ++i) {
    t.measure("steady", 400ms);
    t.measure("erratic", i == 0 ? 900ms : 100ms);
  }
  CHECK(t.first() == "erratic");
}

TEST_CASE("the time by token does not hold long answers against who gives them") {
  Bench terse({.by = By::per_token}), talkative({.by = By::per_token});
  terse.answers(1s, 20);
  talkative.answers(10s, 1'000);
  CHECK(terse.score() == Approx(50));
  CHECK(talkative.score() == Approx(10));
}

TEST_CASE("tokens a second are a mean of speeds, times by token one of times") {
  const auto score = [](ranking::Fastest f, std::int64_t first, std::int64_t second) {
    Bench b(f);
    b.answers(1s, first);
    b.answers(1s, second);
    return b.score();
  };
  const ranking::Fastest times{.by = By::per_token, .last = 10}, speeds{.by = By::tokens_per_second, .last = 10};
  CHECK(score(times, 100, 20) == Approx(30));                                    // 10 and 50 ms
  CHECK(score(times, 40, 40) == Approx(25));                                     // so this one goes first
  CHECK(score(speeds, 100, 20) == Approx(1'000.0 / 60));                         // 60 a second
  CHECK(score(speeds, 40, 40) == Approx(25));                                    // and here the other
  CHECK(score({.by = By::tokens_per_second}, 100, 20) == Approx(1'000.0 / 76));  // 100 - 0.3 * 80
  CHECK(score({.by = By::tokens_per_second, .percentile = 1}, 100, 20) == Approx(50));
}

TEST_CASE("without tokens no time by token is measured, and nobody finds out about that again and again") {
  for (std::int64_t tokens : {std::int64_t{0}, std::int64_t{-5}, std::numeric_limits<std::int64_t>::min()}) {
    for (By by : {By::per_token, By::tokens_per_second}) {
      Bench b({.by = by});
      CHECK(b.score() == 0);
      b.answers(1s, tokens);
      CHECK(b.score() >= 1e9);  // behind those that are measured
      b.answers(1s, 100);
      b.answers(1s, tokens);
      b.answers(0s, 100);  // at any speed at all
      CHECK(b.score() == Approx(10));
    }
  }
}

TEST_CASE("a time that is negative is not measured") {
  for (int last : {0, 10}) {
    Bench b({.last = last});
    b.answers(400ms);
    b.answers(-5s);
    b.learn({.ending = Ending::lost, .total = -1s});
    CHECK(b.score() == Approx(400));
    b.answers(0s);  // of a coarse clock
    CHECK(b.score() < 400);
    CHECK(b.score() > 0);
  }
}

TEST_CASE("before the first measure there is a score, whatever is asked for") {
  for (By by : {By::first_content, By::per_token, By::tokens_per_second})
    for (double percentile : {0.0, 0.95})
      for (int last : {0, 10}) {
        Bench b({.by = by, .last = last, .percentile = percentile});
        CHECK(b.score() == 0);
        b.learn({.ending = Ending::cancelled, .total = 1s});
        CHECK(b.score() == 0);
        b.provider.expected_latency = 2'560ms;
        CHECK(b.score() == Approx(by == By::first_content ? 2'560 : 10));  // of 256 tokens
      }
}

TEST_CASE("who loses by time by token took at least that long for what was expected") {
  Bench b({.by = By::per_token});
  b.answers(1s, 100);
  b.learn({.ending = Ending::lost, .total = 1s}, 0);  // 4 ms a token
  CHECK(b.score() == Approx(10));
  b.learn({.ending = Ending::cut, .total = 25'600ms}, 0);  // 100
  CHECK(b.score() == Approx(10 + 0.3 * 90));
}

TEST_CASE("a Fastest whose settings are none is refused before anything is sent") {
  constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
  for (const ranking::Fastest& bad :
       {ranking::Fastest{.last = -1}, ranking::Fastest{.percentile = -0.1}, ranking::Fastest{.percentile = 95},
        ranking::Fastest{.percentile = no_number}, ranking::Fastest{.forget = -1s}}) {
    Track t(Fleet{named("a")}, bad);
    Exchange x(t.core, t.request, t.options, Delivery::whole, Overlap::no, t.now);
    CHECK(told(x, t.now) == "finish");
    CHECK(x.failure(t.now).kind == Kind::misconfigured);
  }
}
