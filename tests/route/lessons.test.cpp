// SPDX-License-Identifier: MIT
#include "llmroute/route/lessons.hpp"

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  Provider provider{};
  Lane<cooldown::Off> lane{.provider = &provider,
                           .offer = {},
                           .index = 0,
                           .own_place = true,
                           .place = {},
                           .standing = {},
                           .limiter = {},
                           .account = {}};
  Time now = Time{} + 100s;

  void ends(Kind kind, Duration hint = {}, Duration unhinted = 60s) {
    lane.place->health.in_flight.fetch_add(1);
    learn(lane, {.ending = Ending::failed, .kind = kind, .retry_after = hint, .total = 1s}, unhinted, now);
  }
  void ends(Ending ending, Duration took) {
    lane.place->health.in_flight.fetch_add(1);
    learn(lane, {.ending = ending, .first_content = took, .total = took}, 60s, now);
  }
};

}  // namespace

TEST_CASE("a hint is believed between a second and five minutes") {
  CHECK(believed(Duration{}) == 0s);
  CHECK(believed(Duration(1)) == 1s);
  CHECK(believed(20s) == 20s);
  CHECK(believed(24h) == 300s);
}

TEST_CASE("what an outcome teaches reaches as far as the table of failures says") {
  Fixture f;
  f.ends(Kind::server_error);
  CHECK(f.lane.place->health.failures.load() == 1);
  CHECK(f.lane.place->asked_rest.get() <= f.now);
  f.ends(Kind::overloaded, 7s);
  CHECK(f.lane.place->asked_rest.get() == f.now + 7s);
  f.ends(Kind::rate_limited, 30s);
  CHECK(f.lane.account->get() == f.now + 30s);
  f.ends(Kind::rate_limited, 5s);  // a shorter one does not shorten it
  CHECK(f.lane.account->get() == f.now + 30s);
  f.ends(Kind::quota_exhausted, 5s);
  CHECK(f.lane.account->get() == f.now + 15min);
  CHECK(f.lane.place->health.failures.load() == 2);  // a limit is no fault
  f.ends(Kind::request_invalid);
  f.ends(Ending::cancelled, 1s);
  CHECK(f.lane.place->health.failures.load() == 2);
  CHECK(f.lane.place->health.in_flight.load() == 0);
}

TEST_CASE("a refused key closes the provider until its next try, a wrong URL for good, a missing model its place alone") {
  Fixture key, url, model;
  key.ends(Kind::unauthorized);
  CHECK_FALSE(key.lane.standing->open(key.now + 14min));
  CHECK(key.lane.standing->open(key.now + 15min));
  url.ends(Kind::misconfigured);
  CHECK_FALSE(url.lane.standing->open(url.now + 24h * 365));
  model.ends(Kind::model_not_found);
  CHECK(model.lane.place->out.load());
  CHECK(model.lane.standing->open(model.now));
}

TEST_CASE("what was stopped before it answered counts as at least that slow") {
  Fixture f;
  f.ends(Ending::won, 100ms);
  const float before = f.lane.place->health.latency_ms();
  f.ends(Ending::lost, 50ms);
  CHECK(f.lane.place->health.latency_ms() == before);
  f.ends(Ending::cut, 10s);
  CHECK(f.lane.place->health.latency_ms() > before);
}
