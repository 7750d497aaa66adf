// SPDX-License-Identifier: MIT
// The breaker: each transition by itself, then thousands of random steps side by side with a plain model of it.
#include "llmroute/policy/cooldown/circuit_breaker.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "catch.hpp"
#include "llmroute/policy/cooldown.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using cooldown::CircuitBreaker;

namespace {

constexpr Time at(Duration d) { return Time{} + d; }
constexpr Outcome failed(Kind k = Kind::server_error) { return {.ending = Ending::failed, .kind = k}; }
constexpr Outcome won{.ending = Ending::won};
constexpr Outcome cancelled{.ending = Ending::cancelled};

/// A breaker that has just opened, at time 0.
struct Opened {
  CircuitBreaker policy{};
  CircuitBreaker::State state{};
  explicit Opened(CircuitBreaker p = {}) : policy(p) {
    for (int i = 0; i < p.failures; ++i) policy.report(state, admit(at(0s)).value(), failed(), at(0s));
  }
  std::optional<CircuitBreaker::Permit> admit(Time now, Need need = Need::ordinary) { return policy.admit(state, now, need); }
  Time rest(Time now) const { return policy.rest_until(state, now); }
  bool asks(Time now) const { return rest(now) <= now; }
  std::uint64_t word() const { return state.word.load(); }
};

}  // namespace

static_assert(CooldownPolicy<CircuitBreaker>);
static_assert(Admits<CircuitBreaker>);
static_assert(sizeof(CircuitBreaker::State) == 8);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

TEST_CASE("a breaker that has seen nothing is closed") {
  const CircuitBreaker policy;
  CircuitBreaker::State state;
  CHECK(policy.rest_until(state, at(0s)) == at(0s));
  const auto permit = policy.admit(state, at(0s), Need::ordinary);
  REQUIRE(permit);
  CHECK_FALSE(permit->probe);
}

TEST_CASE("three failures in a row open it for 30 s") {
  Opened b;
  CHECK(b.rest(at(0s)) == at(30s));
  CHECK(b.rest(at(29'999ms)) == at(30s));
  CHECK_FALSE(b.admit(at(29'999ms)));
  CHECK(b.asks(at(30s)));
  CHECK(b.admit(at(30s))->probe);
}

TEST_CASE("two failures do not open it, nor do four with a success between them") {
  const CircuitBreaker policy;
  CircuitBreaker::State state;
  policy.report(state, failed(), at(0s));
  policy.report(state, failed(), at(0s));
  CHECK(policy.rest_until(state, at(0s)) == at(0s));
  policy.report(state, won, at(1s));
  policy.report(state, failed(), at(1s));
  policy.report(state, failed(), at(1s));
  CHECK(policy.rest_until(state, at(1s)) == at(1s));
  policy.report(state, failed(), at(1s));
  CHECK(policy.rest_until(state, at(1s)) == at(31s));
}

TEST_CASE("a rate limit neither counts as a failure nor resets the count") {
  const CircuitBreaker policy;
  CircuitBreaker::State state;
  for (int i = 0; i < 10; ++i) policy.report(state, failed(Kind::rate_limited), at(0s));
  CHECK(policy.rest_until(state, at(0s)) == at(0s));
  policy.report(state, failed(), at(0s));
  policy.report(state, failed(Kind::quota_exhausted), at(0s));
  policy.report(state, failed(), at(0s));
  policy.report(state, failed(Kind::rate_limited), at(0s));
  CHECK(policy.rest_until(state, at(0s)) == at(0s));
  policy.report(state, failed(), at(0s));
  CHECK(policy.rest_until(state, at(0s)) == at(30s));
}

TEST_CASE("the caller's mistakes, its cancellations and a wrong key leave the count alone") {
  const CircuitBreaker policy;
  CircuitBreaker::State state;
  policy.report(state, failed(), at(0s));
  policy.report(state, failed(), at(0s));
  const std::uint64_t before = state.word.load();
  for (Kind k : {Kind::request_invalid, Kind::context_too_long, Kind::content_filtered, Kind::unauthorized,
                 Kind::model_not_found, Kind::misconfigured, Kind::cancelled, Kind::deadline_exceeded, Kind::policy_failed})
    policy.report(state, failed(k), at(0s));
  for (Ending e : {Ending::lost, Ending::cut, Ending::cancelled, Ending::running})
    policy.report(state, {.ending = e, .kind = Kind::server_error}, at(0s));
  CHECK(state.word.load() == before);
}

TEST_CASE("a half-open breaker lets one probe through, and the others come back in a second") {
  Opened b;
  REQUIRE(b.admit(at(31s)));
  CHECK_FALSE(b.admit(at(31s)));
  CHECK_FALSE(b.admit(at(31s), Need::last_resort));
  CHECK(b.rest(at(31s)) == at(32s));
  CHECK(b.rest(at(40s)) == at(41s));
  CHECK(b.rest(at(90'500ms)) == at(91s));
}

TEST_CASE("a probe that succeeds closes it, and the count begins at nothing") {
  Opened b;
  const auto probe = b.admit(at(30s));
  b.policy.report(b.state, *probe, won, at(31s));
  CHECK(b.asks(at(31s)));
  CHECK_FALSE(b.admit(at(31s))->probe);
  b.policy.report(b.state, failed(), at(31s));
  b.policy.report(b.state, failed(), at(31s));
  CHECK(b.asks(at(31s)));
}

TEST_CASE("a probe that fails opens it again, for as long as before") {
  Opened b;
  b.policy.report(b.state, b.admit(at(30s)).value(), failed(), at(35s));
  CHECK(b.rest(at(35s)) == at(65s));
  CHECK_FALSE(b.admit(at(64s)));
  CHECK(b.admit(at(65s)));
}

TEST_CASE("a probe that meets a rate limit opens it again") {
  Opened b;
  b.policy.report(b.state, b.admit(at(30s)).value(), failed(Kind::rate_limited), at(35s));
  CHECK(b.rest(at(35s)) == at(65s));
}

TEST_CASE("a probe that the caller cancels gives its permit back and changes no state") {
  for (const Outcome& nothing : {cancelled, Outcome{.ending = Ending::lost}, Outcome{.ending = Ending::cut},
                                 failed(Kind::request_invalid), failed(Kind::unauthorized), failed(Kind::context_too_long)}) {
    CAPTURE(to_string(nothing.ending), to_string(nothing.kind));
    Opened b;
    const auto first = b.admit(at(30s));
    b.policy.report(b.state, *first, nothing, at(31s));
    CHECK(b.asks(at(31s)));
    const auto second = b.admit(at(31s));
    REQUIRE(second);
    CHECK(second->probe);
    CHECK(second->generation == first->generation);
    CHECK_FALSE(b.admit(at(31s)));
  }
}

TEST_CASE("a permit that comes back twice gives nothing more") {
  Opened b;
  const auto probe = b.admit(at(30s));
  b.policy.report(b.state, *probe, cancelled, at(31s));
  const std::uint64_t before = b.word();
  b.policy.report(b.state, *probe, cancelled, at(31s));
  b.policy.report(b.state, *probe, won, at(31s));
  CHECK(b.word() == before);
}

TEST_CASE("a probe sent after a cancelled one has its full time") {
  Opened b;
  b.policy.report(b.state, b.admit(at(30s)).value(), cancelled, at(80s));
  const auto second = b.admit(at(80s));
  REQUIRE(second);
  CHECK_FALSE(b.admit(at(91s)));  // the first one's minute has passed, the second one's has not
  b.policy.report(b.state, *second, won, at(92s));
  CHECK_FALSE(b.admit(at(92s))->probe);
}

TEST_CASE("a probe that never reports expires, and its late result is inert") {
  Opened b;
  const auto lost = b.admit(at(30s));
  CHECK_FALSE(b.admit(at(89'999ms)));
  CHECK(b.asks(at(90s)));
  const auto fresh = b.admit(at(90s));
  REQUIRE(fresh);
  CHECK(fresh->generation != lost->generation);
  const std::uint64_t before = b.word();
  b.policy.report(b.state, *lost, won, at(91s));
  b.policy.report(b.state, *lost, failed(), at(91s));
  b.policy.report(b.state, *lost, cancelled, at(91s));
  CHECK(b.word() == before);
  CHECK_FALSE(b.admit(at(91s)));
}

TEST_CASE("a slow probe counts as long as nobody has taken its place") {
  Opened b;
  const auto slow = b.admit(at(30s));
  b.policy.report(b.state, *slow, won, at(300s));
  CHECK_FALSE(b.admit(at(300s))->probe);
}

TEST_CASE("what was sent before it opened changes nothing when it ends after") {
  const CircuitBreaker policy;
  CircuitBreaker::State state;
  const auto old = policy.admit(state, at(0s), Need::ordinary);
  for (int i = 0; i < 3; ++i) policy.report(state, failed(), at(0s));
  for (Time now : {at(1s), at(31s)}) {
    const std::uint64_t before = state.word.load();
    for (const Outcome& o : {won, failed(), failed(Kind::rate_limited), cancelled}) policy.report(state, *old, o, now);
    policy.report(state, won, now);  // nor does what nobody admitted
    policy.report(state, failed(), now);
    CHECK(state.word.load() == before);
    if (now == at(1s)) {
      REQUIRE(policy.admit(state, at(31s), Need::ordinary));
    }
  }
}

TEST_CASE("several probes may be out at once where that is asked for, and the first result decides") {
  Opened b(CircuitBreaker{.probes = 3});
  std::vector<CircuitBreaker::Permit> probes;
  while (auto p = b.admit(at(30s))) probes.push_back(*p);
  REQUIRE(probes.size() == 3);
  b.policy.report(b.state, probes[1], cancelled, at(31s));
  CHECK(b.admit(at(31s)));
  CHECK_FALSE(b.admit(at(31s)));
  b.policy.report(b.state, probes[0], failed(), at(32s));
  const std::uint64_t open = b.word();
  b.policy.report(b.state, probes[2], won, at(33s));
  CHECK(b.word() == open);
  CHECK(b.rest(at(33s)) == at(62s));
}

TEST_CASE("one of several probes that is lost leaves the others their permits") {
  Opened b(CircuitBreaker{.probes = 2});
  REQUIRE(b.admit(at(30s)));  // lost
  b.policy.report(b.state, b.admit(at(50s)).value(), cancelled, at(51s));
  const auto third = b.admit(at(60s));  // the lost one still counts
  REQUIRE(third);
  CHECK_FALSE(b.admit(at(60s)));
  b.policy.report(b.state, *third, cancelled, at(61s));
  REQUIRE(b.admit(at(120s)));  // forgotten: nothing came for a minute
  REQUIRE(b.admit(at(120s)));
  CHECK_FALSE(b.admit(at(120s)));
}

TEST_CASE("when everybody rests one probe may go early, and nobody else until the rest is over") {
  Opened b;
  CHECK_FALSE(b.admit(at(10s)));
  const auto early = b.admit(at(10s), Need::last_resort);
  REQUIRE(early);
  CHECK(early->probe);
  CHECK_FALSE(b.admit(at(10s), Need::last_resort));
  CHECK_FALSE(b.admit(at(11s)));
  CHECK(b.rest(at(11s)) == at(30s));

  SECTION("its success closes") {
    b.policy.report(b.state, *early, won, at(12s));
    CHECK_FALSE(b.admit(at(12s))->probe);
  }
  SECTION("its failure rests anew") {
    b.policy.report(b.state, *early, failed(), at(12s));
    CHECK(b.rest(at(12s)) == at(42s));
    CHECK(b.admit(at(13s), Need::last_resort));
  }
  SECTION("its cancellation leaves the rest as it was, and another may go") {
    b.policy.report(b.state, *early, cancelled, at(12s));
    CHECK(b.rest(at(12s)) == at(30s));
    CHECK_FALSE(b.admit(at(12s)));
    CHECK(b.admit(at(12s), Need::last_resort));
  }
  SECTION("when it is still out at the end of the rest, a new probe takes over") {
    REQUIRE(b.admit(at(30s)));
    const std::uint64_t before = b.word();
    b.policy.report(b.state, *early, won, at(31s));
    CHECK(b.word() == before);
  }
}

TEST_CASE("a last resort asks a closed breaker like anybody") {
  const CircuitBreaker policy;
  CircuitBreaker::State state;
  CHECK_FALSE(policy.admit(state, at(0s), Need::last_resort)->probe);
}

TEST_CASE("asking when it may be asked changes nothing") {
  Opened b;
  for (Time now : {at(0s), at(30s), at(31s), at(1000h)}) {
    const std::uint64_t before = b.word();
    (void)b.rest(now);
    CHECK(b.word() == before);
  }
}

TEST_CASE("senseless settings are held within bounds") {
  const CircuitBreaker low{.failures = 0, .open = 0s, .probes = -5, .probe_expires = -1s, .rest = -1s};
  CircuitBreaker::State state;
  low.report(state, failed(), at(0s));
  CHECK(low.rest_until(state, at(0s)) == at(1ms));
  CHECK(low.admit(state, at(1ms), Need::ordinary));
  CHECK_FALSE(low.admit(state, at(1ms), Need::ordinary));
  CHECK(low.admit(state, at(2ms), Need::ordinary));
  CHECK(low.rest_for(failed(Kind::rate_limited)) == 0s);

  const CircuitBreaker high{
      .failures = 1'000'000, .open = Duration::max(), .probes = 1'000'000, .probe_expires = Duration::max()};
  CircuitBreaker::State other;
  for (int i = 0; i < 62; ++i) high.report(other, failed(), at(0s));
  CHECK(high.rest_until(other, at(0s)) == at(0s));
  high.report(other, failed(), at(0s));
  CHECK(high.rest_until(other, at(0s)) == at(24h));
  int admitted = 0;
  while (high.admit(other, at(24h), Need::ordinary)) ++admitted;
  CHECK(admitted == 63);
  CHECK(high.rest_until(other, at(24h)) == at(24h + 1s));
}

TEST_CASE("a rest is never shorter than it says, whatever the clock shows") {
  const CircuitBreaker policy{.failures = 1, .open = 10s};
  for (Duration start : {Duration(1), Duration(999'999), Duration(-1), Duration(-1'000'000), Duration(-123'456'789'012'345),
                         Duration(7h + 5ns)}) {
    CircuitBreaker::State state;
    policy.report(state, failed(), at(start));
    const Time until = policy.rest_until(state, at(start));
    CHECK(until >= at(start) + 10s);
    CHECK(until < at(start) + 10s + 1ms);
    CHECK(policy.rest_until(state, at(start) + 3s + 7ns) == until);
    CHECK_FALSE(policy.admit(state, until - 1ns, Need::ordinary));
    CHECK(policy.admit(state, until, Need::ordinary));
  }
}

TEST_CASE("the ends of time do no harm") {
  const CircuitBreaker policy{.failures = 1};
  for (Time now : {Time::min(), Time::max(), Time::max() - 5s}) {
    CircuitBreaker::State state;
    policy.report(state, failed(), now);
    CHECK(policy.rest_until(state, now) >= now);
    (void)policy.admit(state, now, Need::last_resort);
    CHECK(policy.rest_until(state, now) >= now);
  }
}

TEST_CASE("a breaker that nobody touched for years does not rest on") {
  for (int days : {2, 100, 300, 397, 398, 500, 790, 1000, 5000}) {
    Opened b;
    CAPTURE(days);
    CHECK(b.asks(at(days * 24h)));
    CHECK(b.admit(at(days * 24h)));
  }
}

TEST_CASE("the default rest after a rate limit is a minute, and a quarter of an hour when the quota is used up") {
  CHECK(CircuitBreaker{}.rest_for(failed(Kind::rate_limited)) == 60s);
  CHECK(CircuitBreaker{.rest = 5s}.rest_for(failed(Kind::rate_limited)) == 5s);
  CHECK(CircuitBreaker{}.rest_for(failed(Kind::quota_exhausted)) == 15min);
}

namespace {

/// What the breaker is meant to do, written for reading: no bits, no wrapping, every permit remembered.
struct Model {
  enum class Phase { closed, open, half_open };
  struct Permit {
    std::uint64_t generation;
    bool probe;
  };
  int failures, probes;
  Duration open, expires;
  Phase phase = Phase::closed;
  std::uint64_t generation = 0;
  Time until{};
  int streak = 0, out = 0;

  static Time rounded_up(Time t) { return Time(std::chrono::ceil<std::chrono::milliseconds>(t.time_since_epoch())); }

  Time rest_until(Time now) const {
    if (phase == Phase::closed || until <= now) return now;
    if (phase == Phase::open) return until;
    return out < probes ? now : std::min(until, now + 1s);
  }
  std::optional<Permit> admit(Time now, Need need) {
    if (phase == Phase::closed) return Permit{generation, false};
    if (phase == Phase::open && until > now) {
      if (need == Need::ordinary || out > 0) return std::nullopt;
      out = 1;
      return Permit{generation, true};
    }
    if (phase == Phase::half_open && out >= probes && until > now) return std::nullopt;
    if (phase == Phase::open || (out > 0 && until <= now)) {
      phase = Phase::half_open;
      ++generation;
      out = 0;
    }
    ++out;
    until = rounded_up(now + expires);
    return Permit{generation, true};
  }
  void report(Permit p, const Outcome& o, Time now) {
    if (p.generation != generation) return;
    const bool blamed = o.failed() && about(o.kind).blame == Blame::failure;
    const bool limited = o.failed() && about(o.kind).blame == Blame::rest;
    if (p.probe) {
      if (o.ok()) become(Phase::closed, Time{}), streak = 0;
      else if (blamed || limited) become(Phase::open, rounded_up(now + open));
      else --out;
    } else if (o.ok()) {
      streak = 0;
    } else if (blamed && ++streak >= failures) {
      become(Phase::open, rounded_up(now + open));
    }
  }
  void become(Phase p, Time t) {
    phase = p, until = t, out = 0;
    ++generation;
  }
};

struct Pair {
  CircuitBreaker::Permit real;
  Model::Permit model;
};

}  // namespace

TEST_CASE("the breaker and a plain model of it agree step by step") {
  std::mt19937_64 random(tests::seed());
  INFO("seed " << tests::seed());
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const Kind all[]{Kind::server_error, Kind::timed_out,       Kind::not_sent,
                   Kind::rate_limited, Kind::request_invalid, Kind::unauthorized};

  for (int run = 0; run < 200; ++run) {
    CircuitBreaker policy{.failures = 1 + static_cast<int>(below(4)),
                          .open = std::chrono::milliseconds(1 + below(5000)),
                          .probes = 1 + static_cast<int>(below(4)),
                          .probe_expires = std::chrono::milliseconds(1 + below(8000))};
    CircuitBreaker::State state;
    Model model{.failures = policy.failures, .probes = policy.probes, .open = policy.open, .expires = policy.probe_expires};
    std::vector<Pair> held;
    Time now = at(std::chrono::seconds(below(100'000)));
    const std::uint64_t fault = below(10);  // each run its own mix

    for (int step = 0; step < 1000; ++step) {
      CAPTURE(run, step);
      now += below(3) ? Duration(below(400'000'000)) : Duration(std::chrono::milliseconds(below(1000)));
      const std::uint64_t before = state.word.load();
      const Time real_rest = policy.rest_until(state, now);
      REQUIRE(state.word.load() == before);
      REQUIRE(real_rest == model.rest_until(now));

      if (held.empty() || (held.size() < 12 && below(2))) {
        const Need need = below(4) ? Need::ordinary : Need::last_resort;
        const auto real = policy.admit(state, now, need);
        const auto wanted = model.admit(now, need);
        REQUIRE(real.has_value() == wanted.has_value());
        if (need == Need::ordinary) REQUIRE(real.has_value() == (real_rest <= now));
        if (!real) continue;
        REQUIRE(real->probe == wanted->probe);
        REQUIRE(real->generation == (wanted->generation & 0x3FFF));
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
    // Faults off: whoever waits as long as it is told is served within one open period and one expiry.
    const Time limit = now + policy.open + policy.probe_expires + 2s;
    for (;;) {
      now = std::max(now, policy.rest_until(state, now));
      REQUIRE(now <= limit);
      const auto p = policy.admit(state, now, Need::ordinary);
      if (!p) continue;
      policy.report(state, *p, won, now);
      break;
    }
    REQUIRE_FALSE(policy.admit(state, now, Need::ordinary)->probe);
  }
}

TEST_CASE("generations come round again without harm") {
  Opened b(CircuitBreaker{.failures = 1, .open = 1ms});
  Time now = at(1s);
  const auto first = b.admit(now);
  b.policy.report(b.state, *first, failed(), now);
  for (int i = 0; i < 40'000; ++i) {
    now += 1s;
    const auto p = b.admit(now);
    REQUIRE(p);
    REQUIRE(p->probe);
    REQUIRE_FALSE(b.admit(now));
    b.policy.report(b.state, *p, failed(), now);
    REQUIRE(b.rest(now) == now + 1ms);
  }
}
