// SPDX-License-Identifier: MIT
#include "llmroute/route/race.hpp"

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

constexpr Time at(Duration d) { return Time{} + 1h + d; }
constexpr AttemptLimits whole_limits{.connect = 5s, .answer = 20s, .idle = 3s};
constexpr AttemptLimits stream_limits{.connect = 5s, .answer = 20s, .idle = 3s, .content_idle = 7s};

Race whole(Duration deadline = 60s, int attempts = 5) { return Race(deadline, attempts, Delivery::whole, at(0s)); }
Race stream(Duration deadline = 60s) { return Race(deadline, 5, Delivery::stream, at(0s)); }

AttemptId launch(Race& r, Duration when, const AttemptLimits& limits = whole_limits, std::optional<Duration> hedge = {},
                 bool is_hedge = false) {
  return r.launched("p", 0, limits, hedge, is_hedge, at(when));
}
/// Cancels what must be cancelled; then what is wanted.
Race::Turn settled(Race& r, Time now) {
  for (;;)
    if (const Race::Turn t = r.advance(now); t.want != Race::Want::cancel) return t;
}
using Want = Race::Want;

}  // namespace

TEST_CASE("an id is a place in the trail, and what is in none of them is inert") {
  Race r = whole();
  CHECK_FALSE(bool(AttemptId{}));
  CHECK(launch(r, 0s) == AttemptId{0});
  for (const AttemptId stale : {AttemptId{1}, AttemptId{7}, AttemptId{}}) {
    CHECK_FALSE(r.live(stale));
    CHECK(r.over(stale, at(0s)));
    CHECK_FALSE(r.content(stale, at(0s)));
    r.heard(stale, at(0s));
  }
  CHECK(r.live({0}));
  CHECK_FALSE(r.committed());
}

TEST_CASE("a limit holds for all of the nanosecond in which it ends") {
  Race r = whole();
  const AttemptId id = launch(r, 0s);
  CHECK_FALSE(r.over(id, at(20s)));
  CHECK(r.advance(at(20s)).want == Want::wait);
  CHECK(r.over(id, at(20s + 1ns)));
  CHECK(r.advance(at(20s)).until == at(20s + 1ns));
  const Race::Turn turn = r.advance(at(20s + 1ns));
  CHECK(turn.want == Want::cancel);
  CHECK(turn.attempt == id);
  CHECK(r.trail()[0].ending == Ending::failed);
  CHECK(r.trail()[0].kind == Kind::timed_out);
  CHECK(r.advance(at(20s + 1ns)).want == Want::pick);
}

TEST_CASE("silence between bytes ends an attempt, and bytes put its end off; silence before the first is another limit") {
  Race r = whole();
  const AttemptId id = launch(r, 0s);
  CHECK_FALSE(r.over(id, at(10s)));
  r.heard(id, at(10s));
  CHECK_FALSE(r.over(id, at(13s)));
  r.heard(id, at(13s));
  CHECK_FALSE(r.over(id, at(16s)));
  CHECK(r.over(id, at(16s + 1ns)));
}

TEST_CASE("bytes that come after a limit bring nothing back, and content is not the caller's any more") {
  Race r = stream();
  const AttemptId id = launch(r, 0s, stream_limits);
  r.heard(id, at(1s));
  r.heard(id, at(5s));  // a second too late
  CHECK(r.over(id, at(5s)));
  CHECK_FALSE(r.content(id, at(5s)));
  CHECK_FALSE(r.committed());
  Race late = stream(10s);
  const AttemptId other = launch(late, 0s, stream_limits);
  CHECK_FALSE(late.content(other, at(10s + 1ns)));
}

TEST_CASE("what has begun to reach the caller may run past the deadline, but not without content") {
  Race r = stream(10s);
  const AttemptId id = launch(r, 9s, stream_limits);
  CHECK(r.content(id, at(10s)));
  for (Duration t = 11s; t < 40s; t += 2s) {
    CHECK(r.content(id, at(t)));
    CHECK(r.advance(at(t)).want == Want::wait);
  }
  for (Duration t = 41s; t <= 46s; t += 1s) r.heard(id, at(t));  // pings
  CHECK_FALSE(r.over(id, at(46s)));                              // the last content came at 39 s
  CHECK(r.over(id, at(46s + 1ns)));
  CHECK(settled(r, at(46s + 1ns)).want == Want::finish);
  CHECK(r.failure() == Kind::stream_broken);
  CHECK(r.trail()[0].kind == Kind::stream_broken);
}

TEST_CASE("a limit of its own that ended before the deadline blames an attempt, however late it is noticed") {
  Race noticed = whole(60s);
  launch(noticed, 0s);
  CHECK(settled(noticed, at(2min)).want == Want::finish);
  CHECK(noticed.failure() == Kind::deadline_exceeded);
  CHECK(noticed.trail()[0].kind == Kind::timed_out);
  Race told = whole(60s);
  told.ended(launch(told, 0s), false, Kind::cancelled, Onward::next, at(2min));
  CHECK(told.trail()[0].kind == Kind::timed_out);
}

TEST_CASE("the deadline of the request cuts what it ends, and blames nobody") {
  Race noticed = whole(10s);
  launch(noticed, 0s);
  CHECK(noticed.advance(at(10s)).want == Want::wait);
  CHECK(settled(noticed, at(10s + 1ns)).want == Want::finish);
  CHECK(noticed.trail()[0].ending == Ending::cut);
  Race told = whole(10s);
  told.ended(launch(told, 0s), false, Kind::timed_out, Onward::next, at(10s));
  CHECK(told.trail()[0].ending == Ending::cut);
}

TEST_CASE("a stop that this side asked for is a time-out, whatever the client calls it") {
  for (const Kind said : {Kind::cancelled, Kind::timed_out}) {
    Race r = whole();
    r.ended(launch(r, 0s), false, said, Onward::stop, at(5s));
    CHECK(r.trail()[0].kind == Kind::timed_out);
    CHECK(r.advance(at(5s)).want == Want::pick);
  }
}

TEST_CASE("where nothing may be sent twice, a time-out is the end") {
  Race r = whole();
  r.never_twice();
  launch(r, 0s);
  CHECK(settled(r, at(21s)).want == Want::finish);
  CHECK(r.failure() == Kind::timed_out);
}

TEST_CASE("a second is due when the first has no content by then, once, and not when it fails before") {
  Race r = whole();
  launch(r, 0s, whole_limits, 2s);
  CHECK(r.advance(at(0s)).until == at(2s));
  const Race::Turn turn = r.advance(at(2s));
  CHECK(turn.want == Want::pick);
  CHECK(turn.hedge);
  CHECK(r.advance(at(2s)).want == Want::wait);  // nobody was found: not asked for again

  Race failed = whole();
  failed.ended(launch(failed, 0s, whole_limits, 2s), false, Kind::server_error, Onward::next, at(1s));
  CHECK_FALSE(failed.advance(at(1s)).hedge);
  launch(failed, 1s);
  CHECK(failed.advance(at(5s)).want == Want::wait);

  Race content = stream();
  CHECK(content.content(launch(content, 0s, stream_limits, 2s), at(1s)));
  CHECK(content.advance(at(2s)).want == Want::wait);
}

TEST_CASE("a hedge that is due in the past is due now") {
  for (const Duration soon : {Duration(-5s), Duration::zero(), Duration::min()}) {
    Race r = whole();
    launch(r, 0s, whole_limits, soon);
    CHECK(r.advance(at(0s)).hedge);
  }
}

TEST_CASE("of two, one goes on when the other fails, and a failure that stops the request stops both") {
  for (const AttemptId loser : {AttemptId{0}, AttemptId{1}}) {
    Race r = whole();
    launch(r, 0s, whole_limits, 1s);
    CHECK(r.advance(at(1s)).hedge);
    launch(r, 1s, whole_limits, {}, true);
    r.ended(loser, false, Kind::overloaded, Onward::next, at(2s));
    CHECK(r.advance(at(2s)).want == Want::wait);
    CHECK(r.running() == 1);
    const AttemptId other = loser == AttemptId{0} ? AttemptId{1} : AttemptId{0};
    r.ended(other, true, {}, {}, at(3s));
    CHECK(r.winner() == other);
  }
  Race r = whole();
  launch(r, 0s, whole_limits, 1s);
  launch(r, 1s, whole_limits, {}, true);
  r.ended({1}, false, Kind::request_invalid, Onward::stop, at(2s));
  const Race::Turn turn = r.advance(at(2s));
  CHECK(turn.want == Want::cancel);
  CHECK(turn.attempt == AttemptId{0});
  CHECK(r.trail()[0].ending == Ending::lost);
  CHECK(r.advance(at(2s)).want == Want::finish);
  CHECK(r.failure() == Kind::request_invalid);
}

TEST_CASE("two answers in one instant: the first has won, the other has lost") {
  Race r = whole();
  launch(r, 0s, whole_limits, 1s);
  launch(r, 1s, whole_limits, {}, true);
  r.ended({1}, true, {}, {}, at(2s));
  r.ended({0}, true, {}, {}, at(2s));
  CHECK(r.winner() == AttemptId{1});
  CHECK(r.trail()[0].ending == Ending::lost);
  CHECK(r.advance(at(2s)).want == Want::finish);  // there is nobody left to cancel
}

TEST_CASE("whose content is the caller's is settled by the first piece") {
  Race r = stream();
  launch(r, 0s, stream_limits, 1s);
  launch(r, 1s, stream_limits, {}, true);
  CHECK(r.content({1}, at(2s)));
  CHECK_FALSE(r.content({0}, at(2s)));
  CHECK(r.content({1}, at(2s)));
  CHECK(r.over({0}, at(2s)));
  const Race::Turn turn = r.advance(at(2s));
  CHECK(turn.want == Want::cancel);
  CHECK(turn.attempt == AttemptId{0});
  CHECK(r.trail()[0].ending == Ending::lost);
}

TEST_CASE("a caller who wants out gets out, and what then fails is no failure") {
  Race r = whole();
  launch(r, 0s, whole_limits, 1s);
  launch(r, 1s, whole_limits, {}, true);
  r.cancel();
  CHECK(r.over({0}, at(2s)));
  r.ended({0}, false, Kind::server_error, Onward::next, at(2s));
  CHECK(settled(r, at(2s)).want == Want::finish);
  CHECK(r.failure() == Kind::cancelled);
  for (const TrailEntry& e : r.trail()) CHECK(e.ending == Ending::cancelled);
}

TEST_CASE("where a callback of the user's threw, no attempt has failed or lost") {
  Race r = stream();
  const AttemptId id = launch(r, 0s, stream_limits);
  CHECK(r.content(id, at(1s)));
  r.decide(Kind::policy_failed);
  r.ended(id, false, Kind::cancelled, Onward::next, at(1s));
  CHECK(r.trail()[0].ending == Ending::cancelled);
  CHECK(r.failure() == Kind::policy_failed);
}

TEST_CASE("the first decision stands") {
  Race r = whole();
  r.decide(Kind::over_budget);
  r.decide(Kind::cancelled);
  r.cancel();
  CHECK(r.advance(at(0s)).want == Want::finish);
  CHECK(r.failure() == Kind::over_budget);
}

TEST_CASE("there are as many attempts as asked for, at least one and at most eight") {
  for (const auto& [asked, most] : {std::pair{-3, 1}, {0, 1}, {1, 1}, {5, 5}, {8, 8}, {1'000, 8}}) {
    Race r = whole(1h, asked);
    int n = 0;
    while (r.advance(at(0s)).want == Want::pick) {
      r.ended(launch(r, 0s), false, Kind::overloaded, Onward::next, at(0s));
      ++n;
    }
    CHECK(n == most);
    CHECK(r.failure() == Kind::overloaded);
  }
}

TEST_CASE("a pause is waited for, to the deadline at most") {
  Race r = whole(10s);
  r.pause(at(4s));
  CHECK(r.advance(at(0s)).until == at(4s));
  CHECK(r.advance(at(4s)).want == Want::pick);
  r.pause(at(40s));
  CHECK(r.advance(at(4s)).until == at(10s + 1ns));
  CHECK(r.advance(at(10s + 1ns)).want == Want::finish);
}

TEST_CASE("the least time for an attempt is a second, or half of a deadline that is shorter than two") {
  CHECK(whole(300s).least_time() == 1s);
  CHECK(whole(2s).least_time() == 1s);
  CHECK(whole(1s).least_time() == 500ms);
  CHECK(whole(0s).least_time() > 0s);
  CHECK(whole(Duration::max()).least_time() == 1s);
}

TEST_CASE("a client is never told of a limit of zero, which would be none, nor of one that is negative") {
  for (const Duration d : {Duration::zero(), Duration(1ns), Duration(5s), Duration::max()}) {
    const AttemptLimits same{d, d, d, d};
    for (Race r : {whole(d), stream(d)}) {
      const AttemptId id = launch(r, 0s, same);
      for (const Duration late : {Duration::zero(), Duration(10s)}) {
        const http::Limits limits = r.limits(id, at(late));
        CHECK(limits.connect > 0s);
        CHECK(limits.first_byte > 0s);
        CHECK(limits.idle > 0s);
      }
    }
    Race r = whole(d);
    CHECK(r.limits(launch(r, 0s, same), at(1s)).total > 0s);
  }
  Race r = stream();
  CHECK(r.limits(launch(r, 0s, stream_limits), at(0s)).total == 0s);  // its length is nobody's business
}

TEST_CASE("times at the end of the scale do not wrap round") {
  Race r = stream(Duration::max());
  const AttemptLimits unlimited{Duration::max(), Duration::max(), Duration::max(), Duration::max()};
  const AttemptId id = launch(r, 0s, unlimited, Duration::max());
  CHECK(r.advance(at(1h)).until == never);
  CHECK(r.content(id, at(2h)));
  r.heard(id, at(3h));
  CHECK_FALSE(r.over(id, at(1000h)));
  CHECK(r.advance(at(1000h)).until == never);
}
