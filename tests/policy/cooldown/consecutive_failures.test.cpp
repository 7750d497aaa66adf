// SPDX-License-Identifier: MIT
// Failures that are counted: each behaviour by itself, random steps side by side with a plain model, and a router that uses it.
#include "llmroute/policy/cooldown/consecutive_failures.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "catch.hpp"
#include "llmroute/policy/cooldown.hpp"
#include "llmroute/router.hpp"
#include "llmroute/sim/network.hpp"
#include "llmroute/sim/world.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using cooldown::ConsecutiveFailures;
using sim::Answer;

namespace {

constexpr Time at(Duration d) { return Time{} + d; }
constexpr Outcome failed(Kind k = Kind::server_error) { return {.ending = Ending::failed, .kind = k}; }
constexpr Outcome won{.ending = Ending::won};
constexpr Outcome cancelled{.ending = Ending::cancelled};

/// One place and what is told of it.
struct Counted {
  ConsecutiveFailures policy{};
  ConsecutiveFailures::State state{};
  explicit Counted(ConsecutiveFailures p = {}) : policy(p) {}
  void fails(Time now, int times = 1) {
    for (int i = 0; i < times; ++i) policy.report(state, failed(), now);
  }
  void succeeds(Time now) { policy.report(state, won, now); }
  Time rest(Time now) const { return policy.rest_until(state, now); }
  bool well(Time now) const { return rest(now) <= now; }
  auto admit(Time now, Need need = Need::ordinary) { return policy.admit(state, now, need); }
};

constexpr bool early(ConsecutiveFailures::Permit p) { return (p.probe & 1) != 0; }

}  // namespace

static_assert(CooldownPolicy<ConsecutiveFailures>);
static_assert(Admits<ConsecutiveFailures>);
static_assert(RestsFor<ConsecutiveFailures> && Releases<ConsecutiveFailures> && !TellsPhase<ConsecutiveFailures>);
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

TEST_CASE("consecutive failures: a release by hand ends the rest, and the count begins at nothing") {
  for (const Duration within : {0s, 60s}) {
    Counted p(ConsecutiveFailures{.within = within});
    p.fails(at(0s), 3);
    REQUIRE_FALSE(p.well(at(1s)));
    const auto out = p.admit(at(1s), Need::last_resort);
    REQUIRE(out);
    p.policy.release(p.state, at(1s));
    CHECK(p.well(at(1s)));
    p.fails(at(1s), 2);
    CHECK(p.well(at(1s)));
    p.fails(at(1s));
    CHECK_FALSE(p.well(at(1s)));
    const auto next = p.admit(at(1s), Need::last_resort);
    REQUIRE(next);
    p.policy.report(p.state, *out, cancelled, at(1s));  // gives nobody else's back
    CHECK_FALSE(p.admit(at(1s), Need::last_resort));
  }
}

TEST_CASE("consecutive failures: a place of which nothing is known is well") {
  for (const Duration within : {0s, 60s})
    for (const Time now : {at(-100h), at(0s), at(100h)}) {
      Counted p(ConsecutiveFailures{.within = within});
      CHECK(p.rest(now) == now);
      REQUIRE(p.admit(now));
      CHECK_FALSE(early(*p.admit(now, Need::last_resort)));
    }
}

TEST_CASE("consecutive failures: three in a row rest for a minute after the last one") {
  Counted p;
  p.fails(at(0s));
  p.fails(at(100s));
  CHECK(p.well(at(100s)));
  p.fails(at(1000s));
  CHECK(p.rest(at(1000s)) == at(1060s));
  CHECK_FALSE(p.admit(at(1060s) - 1ns));
  CHECK(p.well(at(1060s)));
  CHECK(p.admit(at(1060s)));
}

TEST_CASE("consecutive failures: a success resets") {
  Counted p;
  p.fails(at(0s), 2);
  p.succeeds(at(0s));
  p.fails(at(0s), 2);
  CHECK(p.well(at(0s)));
  p.fails(at(0s));
  CHECK_FALSE(p.well(at(0s)));
  p.succeeds(at(1s));  // of an attempt that was sent before
  CHECK(p.well(at(1s)));
  p.fails(at(1s), 2);
  CHECK(p.well(at(1s)));
}

TEST_CASE("consecutive failures: after the rest everybody may ask, and one more failure rests it again") {
  Counted p;
  p.fails(at(0s), 3);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(early(p.admit(at(60s)).value()));
  p.fails(at(61s));
  CHECK(p.rest(at(61s)) == at(121s));
  p.fails(at(50s));  // told late: it does not shorten the rest
  CHECK(p.rest(at(61s)) == at(121s));
}

TEST_CASE("consecutive failures: only what blames the provider counts, and a rate limit neither counts nor resets") {
  for (const Duration within : {0s, 60s}) {
    Counted p(ConsecutiveFailures{.within = within});
    p.fails(at(0s), 2);
    for (const Kind k : {Kind::rate_limited, Kind::quota_exhausted, Kind::request_invalid, Kind::context_too_long,
                         Kind::content_filtered, Kind::unauthorized, Kind::model_not_found, Kind::cancelled,
                         Kind::deadline_exceeded, Kind::over_budget, Kind::misconfigured, Kind::policy_failed})
      p.policy.report(p.state, failed(k), at(0s));
    for (const Ending e : {Ending::lost, Ending::cut, Ending::cancelled, Ending::running})
      p.policy.report(p.state, {.ending = e, .kind = Kind::server_error}, at(0s));
    CHECK(p.well(at(0s)));
    p.fails(at(0s));
    CHECK_FALSE(p.well(at(0s)));
  }
  for (const Kind k :
       {Kind::not_sent, Kind::timed_out, Kind::overloaded, Kind::server_error, Kind::malformed_reply, Kind::stream_broken}) {
    Counted p(ConsecutiveFailures{.failures = 1});
    p.policy.report(p.state, failed(k), at(0s));
    CHECK_FALSE(p.well(at(0s)));
  }
}

TEST_CASE("consecutive failures: three within the last minute rest until fewer than three are younger than that") {
  Counted p(ConsecutiveFailures{.within = 60s});
  p.fails(at(0s));
  p.succeeds(at(1s));
  p.fails(at(20s));
  p.succeeds(at(21s));
  CHECK(p.well(at(21s)));
  p.fails(at(30s));
  CHECK(p.rest(at(30s)) == at(60s));
  p.succeeds(at(31s));  // whatever succeeds
  CHECK(p.rest(at(31s)) == at(60s));
  p.fails(at(40s));
  CHECK(p.rest(at(40s)) == at(80s));
  CHECK_FALSE(p.admit(at(80s) - 1ns));
  CHECK(p.admit(at(80s)));
}

TEST_CASE("consecutive failures: three that are further apart than the time do not rest") {
  Counted p(ConsecutiveFailures{.within = 60s});
  for (int i = 0; i < 50; ++i) {
    p.fails(at(i * 30s));
    CHECK(p.well(at(i * 30s)));
  }
  p.fails(at(49 * 30s + 29s));
  CHECK_FALSE(p.well(at(49 * 30s + 29s)));
}

TEST_CASE("consecutive failures: when everybody rests one probe goes early, and no other before it has reported") {
  for (const Duration within : {0s, 60s}) {
    Counted p(ConsecutiveFailures{.within = within});
    p.fails(at(0s), 3);
    CHECK_FALSE(p.admit(at(10s)));
    const auto probe = p.admit(at(10s), Need::last_resort);
    REQUIRE(probe);
    CHECK(early(*probe));
    CHECK_FALSE(p.admit(at(10s), Need::last_resort));
    CHECK_FALSE(p.admit(at(11s)));
    CHECK(p.rest(at(11s)) == at(60s));

    for (const Outcome& o : {cancelled, failed(Kind::rate_limited), failed(Kind::request_invalid), failed(), won}) {
      CAPTURE(to_string(o.ending), to_string(o.kind));
      Counted q(ConsecutiveFailures{.within = within});
      q.fails(at(0s), 3);
      q.policy.report(q.state, q.admit(at(10s), Need::last_resort).value(), o, at(12s));
      if (within == 0s && o.ok()) CHECK(q.well(at(12s)));
      else CHECK(q.rest(at(12s)) == (within == 0s && o.blame() == Blame::failure ? at(72s) : at(60s)));
      const auto again = q.admit(at(12s), Need::last_resort);
      REQUIRE(again);
      CHECK(early(*again) == !q.well(at(12s)));
    }
  }
}

TEST_CASE("consecutive failures: an early probe that never reports expires, and its late report gives back no other") {
  Counted p(ConsecutiveFailures{.after_failure = 1h, .probe_expires = 60s});
  p.fails(at(0s), 3);
  const auto lost = p.admit(at(10s), Need::last_resort);
  REQUIRE(lost);
  CHECK_FALSE(p.admit(at(69s), Need::last_resort));
  const auto second = p.admit(at(70s), Need::last_resort);
  REQUIRE(second);
  p.policy.report(p.state, *lost, cancelled, at(71s));
  CHECK_FALSE(p.admit(at(71s), Need::last_resort));
  // Two of the same instant are not the same: a clock that is read by many may look back.
  p.policy.report(p.state, *second, cancelled, at(71s));
  const auto third = p.admit(at(10s), Need::last_resort);
  REQUIRE(third);
  CHECK(third->probe != lost->probe);
  CHECK(third->probe != second->probe);
  p.policy.report(p.state, *second, cancelled, at(71s));
  CHECK_FALSE(p.admit(at(11s), Need::last_resort));
  p.policy.report(p.state, *lost, failed(), at(100s));  // late, but it failed
  CHECK(p.rest(at(100s)) == at(3700s));
}

TEST_CASE("consecutive failures: senseless settings are held within bounds") {
  Counted low(ConsecutiveFailures{.failures = -3, .within = -1s, .after_failure = -1s, .probe_expires = -1s, .rest = -1s});
  low.fails(at(0s));
  CHECK(low.well(at(0s)));  // a rest of no time
  CHECK(low.policy.rest_for(failed(Kind::rate_limited)) == 0s);

  Counted once(ConsecutiveFailures{.failures = 0, .probe_expires = 0s});
  once.fails(at(0s));
  CHECK(once.rest(at(0s)) == at(60s));
  CHECK(once.admit(at(0s), Need::last_resort));
  CHECK_FALSE(once.admit(at(0s), Need::last_resort));
  CHECK(once.admit(at(1ms), Need::last_resort));

  for (const Duration within : {0s, 60s}) {
    Counted high(ConsecutiveFailures{.failures = 1'000'000, .within = within});
    high.fails(at(0s), 15);
    CHECK(high.well(at(0s)));
    high.fails(at(0s));
    CHECK(high.rest(at(0s)) == at(60s));
  }
}

TEST_CASE("consecutive failures: the ends of time do no harm") {
  for (const Duration d : {Duration::min(), Duration::max(), Duration(-1), Duration(1)})
    for (const Time now : {long_ago, long_ago + 1ns, at(-1ns), at(0s), never - 1ns, never}) {
      Counted p(ConsecutiveFailures{.failures = 2, .within = d, .after_failure = d, .probe_expires = d});
      CHECK(p.well(now));
      p.fails(now);
      CHECK(p.well(now));
      p.fails(now);
      CHECK(p.rest(now) >= now);
      for (int i = 0; i < 3; ++i)
        if (const auto permit = p.admit(now, Need::last_resort)) p.policy.report(p.state, *permit, cancelled, now);
      CHECK(p.rest(never) >= never);
    }
  Counted first(ConsecutiveFailures{.failures = 1});
  first.fails(long_ago);
  CHECK_FALSE(first.well(long_ago));
  Counted p(ConsecutiveFailures{.within = Duration::max()});
  p.fails(at(1s), 3);
  CHECK(p.rest(at(1s)) == never);
}

TEST_CASE("consecutive failures: the default rest after a rate limit is a minute, a quarter of an hour for a used-up quota") {
  CHECK(ConsecutiveFailures{}.rest_for(failed(Kind::rate_limited)) == 60s);
  CHECK(ConsecutiveFailures{.rest = 5s}.rest_for(failed(Kind::rate_limited)) == 5s);
  CHECK(ConsecutiveFailures{}.rest_for(failed(Kind::quota_exhausted)) == 15min);
  CHECK(ConsecutiveFailures{.rest = 1h}.rest_for(failed(Kind::quota_exhausted)) == 1h);
}

namespace {

/// What it is meant to do, written for reading: every failure is remembered.
struct Model {
  ConsecutiveFailures settings;
  std::deque<Time> all{};
  std::size_t in_a_row = 0;
  std::optional<std::pair<int, Time>> out{};  // the early probe, and when it expires
  int probes = 0;

  std::size_t younger(Time now) const {
    std::size_t n = 0;
    for (const Time t : all) n += now - t < settings.within;
    return n;
  }
  bool rests(Time now) const {
    const auto limit = static_cast<std::size_t>(settings.failures);
    if (settings.within > 0s) return younger(now) >= limit;
    Time last = long_ago;
    for (const Time t : all) last = t > last ? t : last;
    return in_a_row >= limit && last + settings.after_failure > now;
  }
  /// Nothing: no. 0: like anybody. Else the number of an early probe.
  std::optional<int> admit(Time now, Need need) {
    if (!rests(now)) return 0;
    if (need == Need::ordinary || (out && out->second > now)) return std::nullopt;
    out = {++probes, now + settings.probe_expires};
    return probes;
  }
  void report(int permit, const Outcome& o, Time now) {
    if (out && out->first == permit) out.reset();
    if (o.ok()) in_a_row = 0;
    if (o.failed() && about(o.kind).blame == Blame::failure) {
      all.push_back(now);
      ++in_a_row;
    }
  }
};

}  // namespace

TEST_CASE("consecutive failures and a plain model of them agree step by step") {
  std::mt19937_64 random(tests::seed());
  INFO("seed " << tests::seed());
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const Kind all[]{Kind::server_error, Kind::timed_out, Kind::not_sent, Kind::rate_limited, Kind::request_invalid};
  struct Pair {
    ConsecutiveFailures::Permit real;
    int model;
  };

  for (int run = 0; run < 200; ++run) {
    const ConsecutiveFailures policy{.failures = 1 + static_cast<int>(below(16)),
                                     .within = below(2) ? Duration(1 + below(8'000'000'000)) : 0s,
                                     .after_failure = std::chrono::milliseconds(below(3000)),
                                     .probe_expires = std::chrono::milliseconds(1 + below(2000))};
    ConsecutiveFailures::State state;
    Model model{.settings = policy};
    std::vector<Pair> held;
    Time now = at(std::chrono::seconds(below(100'000)));
    const std::uint64_t fault = 4 + below(7);  // each run its own mix

    for (int step = 0; step < 500; ++step) {
      CAPTURE(run, step);
      now += below(3) ? Duration(2 * below(200'000'000)) : 0s;
      const Time until = policy.rest_until(state, now);
      REQUIRE((until > now) == model.rests(now));
      if (until > now) {
        REQUIRE(model.rests(until - 1ns));
        REQUIRE_FALSE(model.rests(until));
      }
      if (held.empty() || (held.size() < 12 && below(2))) {
        const Need need = below(4) ? Need::ordinary : Need::last_resort;
        const auto real = policy.admit(state, now, need);
        const auto wanted = model.admit(now, need);
        REQUIRE(real.has_value() == wanted.has_value());
        if (!real) {
          if (held.empty()) now = until;  // nothing else would happen
          continue;
        }
        REQUIRE(early(*real) == (*wanted != 0));
        held.push_back({*real, *wanted});
      } else {
        const std::size_t which = below(held.size());
        const Pair p = held[which];
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
        if (below(20) == 0) continue;  // it never reports
        Outcome o = failed(all[below(std::size(all))]);
        if (below(10) >= fault) o = won;
        else if (below(5) == 0) o = cancelled;
        policy.report(state, p.real, o, now);
        model.report(p.model, o, now);
      }
    }
  }
}

namespace {

/// Two simulated providers, asked in this order, over a router that counts.
struct Run {
  sim::World world{5};
  Run() {
    world.add({.name = "one"});
    world.add({.name = "two", .order = 1});
  }
  auto router(ConsecutiveFailures policy) {
    return Router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, policy, retry::Off{}};
  }
  std::uint64_t asked(const char* name) { return world.provider(name).counters().requests; }
};

}  // namespace

TEST_CASE("consecutive failures in a router: a provider that failed three times is skipped, and asked again after its rest") {
  Run run;
  for (int i = 0; i < 3; ++i) run.world.provider("one").answer_with(Answer::error(500));
  auto router = run.router({});
  for (int i = 0; i < 3; ++i) {
    const auto reply = router.complete("hello");
    REQUIRE(reply);
    CHECK(reply->provider == "two");
    CHECK(reply->trail.size() == 2);
  }
  CHECK(run.asked("one") == 3);
  for (int i = 0; i < 5; ++i) {
    const auto reply = router.complete("hello");
    REQUIRE(reply);
    CHECK(reply->provider == "two");
    CHECK(reply->trail.size() == 1);
  }
  CHECK(run.asked("one") == 3);
  run.world.advance(60s);
  CHECK(router.complete("hello")->provider == "one");
}

TEST_CASE("consecutive failures in a router: a rate limit does not count, it rests by its own hint") {
  Run run;
  run.world.provider("one")
      .answer_with(Answer::error(500))
      .answer_with(Answer::rate_limited(5s))
      .answer_with(Answer::rate_limited(5s))
      .answer_with(Answer::error(500));
  auto router = run.router({});
  for (int i = 0; i < 4; ++i) {
    CHECK(router.complete("hello")->provider == "two");
    run.world.advance(5s);
  }
  CHECK(run.asked("one") == 4);
  CHECK(router.complete("hello")->provider == "one");
}

TEST_CASE("consecutive failures in a router: when all rest, one is tried all the same") {
  for (const Duration within : {0s, 60s}) {
    Run run;
    for (const char* name : {"one", "two"})
      for (int i = 0; i < 3; ++i) run.world.provider(name).answer_with(Answer::error(503));
    auto router = run.router({.within = within});
    for (int i = 0; i < 3; ++i) CHECK_FALSE(router.complete("hello"));
    CHECK(run.asked("one") == 3);
    CHECK(run.asked("two") == 3);
    const auto reply = router.complete("hello");
    REQUIRE(reply);
    CHECK(reply->provider == "one");  // its rest ends first
    CHECK(run.asked("one") + run.asked("two") == 7);
  }
}
