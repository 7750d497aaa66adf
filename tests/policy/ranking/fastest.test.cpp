// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/fastest.hpp"

#include <optional>
#include <string>

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
