// SPDX-License-Identifier: MIT
// Further rounds: when everybody was asked once, who is asked again, after how long, and when that is enough.
#include <string>

#include "by_hand.hpp"
#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

const ChatRequest hello{.messages = "Hello"};

struct Course {
  int sent = 0;
  Duration waited{};
  std::string order{};
  Kind kind{};
};
/// Everybody fails as `how` says for (provider, attempt) until the request ends.
template <class C, class How>
Course run(C& core, const Options& options, How how) {
  Course c;
  Time now{};
  Exchange x(core, hello, options, Delivery::whole, Overlap::no, now);
  for (Step s = x.next(now); s.what != Step::Do::finish; s = x.next(now)) {
    if (s.what == Step::Do::wait) c.waited += s.until - now, now = s.until;
    if (s.what != Step::Do::send) continue;
    c.order += x.provider(s.attempt).name;
    x.ended(s.attempt, how(x.provider(s.attempt).name, c.sent++), now);
  }
  c.kind = *x.race().failure();
  return c;
}
Ended said(Kind kind, int status, http::Verdict verdict) {
  Ended e = failed(kind, status);
  e.limits.verdict = verdict;
  return e;
}
Fleet two() { return Fleet{named("a"), named("b")}; }

}  // namespace

TEST_CASE("a back-off asks again after a failure of each kind as often as it is told to") {
  const auto times = [](retry::Counts counts, Kind kind) {
    auto core = core_of(Fleet{named("a")}, cooldown::Off{}, retry::Backoff{.times = counts});
    return run(core, {.attempts = 8}, [&](auto&, int) { return failed(kind, 500); }).sent;
  };
  CHECK(times({.server_error = 2, .timed_out = 1}, Kind::server_error) == 3);
  CHECK(times({.server_error = 2, .timed_out = 1}, Kind::timed_out) == 2);
  CHECK(times({.server_error = 0}, Kind::server_error) == 1);
  CHECK(times({.server_error = 0}, Kind::overloaded) == 8);
  CHECK(times({.not_sent = 4}, Kind::not_sent) == 5);
  CHECK(times({.overloaded = 3}, Kind::overloaded) == 4);
  CHECK(times({.malformed_reply = 1}, Kind::malformed_reply) == 2);
}

TEST_CASE("counts are kept for each provider: one that has used its own up does not end it for the other") {
  auto core =
      core_of(two(), cooldown::Off{}, ranking::Priority{}, retry::Backoff{.times = {.server_error = 1, .overloaded = 3}});
  const Course c = run(core, {.attempts = 8}, [](const std::string& who, int) {
    return who == "a" ? failed(Kind::server_error, 500) : failed(Kind::overloaded, 503);
  });
  CHECK(c.order == "ababbb");
}

TEST_CASE("a request's own counts go before the policy's") {
  auto core = core_of(Fleet{named("a")}, cooldown::Off{}, retry::Backoff{.times = {.server_error = 5}});
  CHECK(run(core, {.attempts = 8, .retries = {{Kind::server_error, 1}}}, [](auto&, int) {
          return failed(Kind::server_error, 500);
        }).sent == 2);
}

TEST_CASE("a provider that says x-should-retry: false is not asked again, the others are") {
  auto core = core_of(two(), cooldown::Off{}, ranking::Priority{});
  const Course c = run(core, {.attempts = 6}, [](const std::string& who, int) {
    return said(Kind::server_error, 500, who == "a" ? http::Verdict::do_not_retry : http::Verdict::nothing_said);
  });
  CHECK(c.order == "abbbbb");
}

TEST_CASE("a provider that says x-should-retry: true is believed where the status alone would end the request") {
  auto core = core_of(two(), cooldown::Off{}, ranking::Priority{});
  CHECK(run(core, {}, [](auto&, int) { return failed(Kind::request_invalid, 400); }).order == "a");
  const Course c =
      run(core, {.attempts = 4}, [](auto&, int) { return said(Kind::request_invalid, 400, http::Verdict::retry); });
  CHECK(c.order.substr(0, 2) == "ab");
  const Options only_once{.replay = Replay::only_if_not_sent};
  Exchange x(core, hello, only_once, Delivery::whole, Overlap::no, Time{});
  const Step s = x.next(Time{});
  x.ended(s.attempt, said(Kind::request_invalid, 400, http::Verdict::retry), Time{});
  CHECK(told(x, Time{}) == "finish");  // what must not be done twice is not
}

TEST_CASE("nobody sleeps after the last attempt") {
  for (const int attempts : {1, 2, 3, 5}) {
    auto core = core_of(Fleet{named("a")}, cooldown::Off{}, retry::Backoff{});
    Time now{}, ended{};
    const Options options{.attempts = attempts};
    Exchange x(core, hello, options, Delivery::whole, Overlap::no, now);
    int sent = 0;
    for (Step s = x.next(now); s.what != Step::Do::finish; s = x.next(now)) {
      if (s.what == Step::Do::wait) now = s.until;
      if (s.what != Step::Do::send) continue;
      ++sent;
      x.ended(s.attempt, failed(Kind::server_error, 500), ended = now);
    }
    CHECK(sent == attempts);
    CHECK(now == ended);
  }
}

TEST_CASE("two minutes are worth waiting for a rest to end, and no more, unless the policy says otherwise") {
  const auto waits = [](Duration hint, retry::Backoff policy) {
    auto core = core_of(Fleet{named("a")}, cooldown::Off{}, policy);
    // The hint comes with the first failure, and the last one brings none: it is the rest that counts.
    return run(core, {.timeouts = {.deadline = 30min}, .attempts = 2},
               [&](auto&, int) { return failed(Kind::rate_limited, 429, hint); });
  };
  CHECK(waits(110s, {}).sent == 2);
  CHECK(waits(110s, {}).waited >= 110s);
  CHECK(waits(130s, {}).sent == 1);
  CHECK(waits(130s, {}).waited == 0s);
  CHECK(waits(130s, {.patience = 5min}).sent == 2);
}

TEST_CASE("a rest of the whole account that an earlier failure asked for is not waited for beyond patience either") {
  auto core = core_of(Fleet{named("a"), named("b")}, cooldown::Off{}, ranking::Priority{});
  const Course c = run(core, {.timeouts = {.deadline = 30min}, .attempts = 4},
                       [](const std::string&, int) { return failed(Kind::rate_limited, 429, 4min); });
  CHECK(c.order == "ab");
  CHECK(c.waited == 0s);
}

TEST_CASE("a hint is a rest, and the back-off is not added to it") {
  auto core = core_of(Fleet{named("a")}, cooldown::Off{}, retry::Backoff{.first = 8s});
  const Course c = run(core, {.attempts = 2}, [](auto&, int) { return failed(Kind::rate_limited, 429, 20s); });
  CHECK(c.sent == 2);
  CHECK(c.waited == 20s);
}

TEST_CASE("failover needs no extra attempt: an outage of the first provider stops nobody") {
  auto core = core_of(two(), cooldown::Off{}, ranking::Priority{});
  while (core.take_extra()) {
  }
  const Options once{.attempts = 2};
  Exchange x(core, hello, once, Delivery::whole, Overlap::no, Time{});
  for (const char* who : {"a", "b"}) {
    const Step s = x.next(Time{});
    REQUIRE(s.what == Step::Do::send);
    CHECK(x.provider(s.attempt).name == who);
    x.ended(s.attempt, failed(Kind::server_error, 500), Time{});
  }
}
