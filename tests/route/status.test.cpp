// SPDX-License-Identifier: MIT
#include "llmroute/route/status.hpp"

#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

const ChatRequest hello{.messages = "Hello"};

void ends(auto& core, std::string provider, Ended e, Duration took = 100ms, std::string model = {}) {
  const ChatRequest request{.messages = "Hello", .model = std::move(model)};
  const Options only{.allow = {std::move(provider)}, .attempts = 1};
  Time& now = core.template policy<role::Clock>().time;
  Exchange x(core, request, only, Delivery::whole, Overlap::no, now);
  const Step s = x.next(now);
  REQUIRE(s.what == Step::Do::send);
  now += took;
  x.ended(s.attempt, e, now);
  x.next(now);
}

}  // namespace

TEST_CASE("a provider that nobody asked yet is well") {
  auto core = core_of(Fleet{named("a"), named("b")});
  const FleetStatus status = status_of(core);
  REQUIRE(status.providers.size() == 2);
  const ProviderStatus& a = status.providers[0];
  CHECK(a.provider == "a");
  CHECK(a.well());
  CHECK(a.rests == Duration::zero());
  CHECK(a.latency == Duration::zero());
  CHECK_FALSE(a.last_failure);
  CHECK(status.text() ==
        "provider  model  ok  faults  in a row  latency  in flight  left  state  last failure\n"
        "a         -      0   0       0         -        0          -     well\n"
        "b         -      0   0       0         -        0          -     well\n");
}

TEST_CASE("a status counts successes, failures, failures in a row, and tells the last failure and the latency") {
  auto core = core_of(Fleet{named("a")}, cooldown::Off{});
  ends(core, "a", good(), 200ms);
  for (int i = 0; i < 2; ++i) ends(core, "a", failed(Kind::server_error, 500));
  core.policy<role::Clock>().time += 5s;
  ProviderStatus a = status_of(core).providers[0];
  CHECK(a.successes == 1);
  CHECK(a.failures == 2);
  CHECK(a.failures_in_a_row == 2);
  CHECK(a.last_failure == Kind::server_error);
  CHECK(a.last_failure_ago == 5s);
  CHECK((a.latency > 199ms && a.latency < 201ms));
  CHECK(a.well());
  ends(core, "a", good());
  a = status_of(core).providers[0];
  CHECK(a.failures_in_a_row == 0);
  CHECK(a.last_failure == Kind::server_error);
}

TEST_CASE("a status says who rests, why, and for how much longer") {
  auto core = core_of(Fleet{named("a"), named("b"), named("c"), named("d"), named("e")},
                      cooldown::CircuitBreaker{.failures = 1, .open = 30s, .jitter = 0});
  ends(core, "a", failed(Kind::server_error, 500), 0ms);
  ends(core, "b", failed(Kind::rate_limited, 429, 20s), 0ms);
  ends(core, "c", failed(Kind::unauthorized, 401), 0ms);
  ends(core, "d", failed(Kind::misconfigured, 405), 0ms);
  const FleetStatus status = status_of(core);
  const auto is = [&](const char* name, Closed why, Duration rests) {
    const ProviderStatus* p = status.find(name);
    REQUIRE(p != nullptr);
    CHECK(p->why == why);
    CHECK(p->rests == rests);
  };
  is("a", Closed::rests, 30s);
  is("b", Closed::asked_to_rest, 20s);
  is("c", Closed::unauthorized, 15min);
  is("d", Closed::misconfigured, 0s);
  is("e", Closed::open, 0s);
  CHECK(status.find("b")->failures_in_a_row == 0);  // a rate limit is no fault
  CHECK(status.find("b")->last_failure == Kind::rate_limited);
  CHECK(status.find("nobody") == nullptr);
  CHECK(status.text().find("rests after failures, 30 s left") != std::string::npos);
  CHECK(status.text().find("server_error, 0 ns ago") != std::string::npos);
}

TEST_CASE("a status shows what is in flight") {
  auto core = core_of(Fleet{named("a")});
  const Options options;
  Exchange x(core, hello, options, Delivery::whole, Overlap::no, Time{});
  x.next(Time{});
  CHECK(status_of(core).providers[0].in_flight == 1);
}

TEST_CASE("a model with a health of its own has a row of its own, once it is used") {
  auto core = core_of(Fleet{named("a"), named("b")});
  ends(core, "a", failed(Kind::model_not_found, 404), 0ms, "gpt-4o");
  ends(core, "a", good(), 10ms, "unlisted");
  const FleetStatus status = status_of(core);
  REQUIRE(status.providers.size() == 3);
  CHECK(status.providers[0].model.empty());  // and all that nobody listed
  CHECK(status.providers[0].successes == 1);
  CHECK(status.providers[1].model == "gpt-4o");
  CHECK(status.providers[1].why == Closed::no_such_model);
  CHECK(status.providers[2].provider == "b");
}

TEST_CASE("the status of an unsound fleet is its problem") {
  auto core = core_of(Fleet{});
  const FleetStatus status = status_of(core);
  CHECK(status.providers.empty());
  std::ostringstream out;
  out << status;
  CHECK(out.str().find("nothing is sent: the fleet has no provider") == 0);
}

TEST_CASE("what failed after the clock was read did not fail in the future") {
  auto core = core_of(Fleet{named("a")});
  core.pin()->group({}).lanes[0].place->health.remember(Kind::server_error, Time{} + 5s);
  CHECK(status_of(core).providers[0].last_failure_ago == 0s);
}

TEST_CASE("the status of many providers with many models is in the fleet's order") {
  struct Hundred {
    std::optional<Offer> resolve(std::string_view model, const Provider& p) const { return Offer::assumed({{}, model}, p); }
    void each_model(FunctionRef<void(std::string_view)> each) const {
      for (int i = 0; i < 100; ++i) each("m" + std::to_string(i));
    }
  };
  std::vector<Provider> all;
  for (int i = 0; i < 50; ++i) all.push_back(named("p" + std::to_string(i)));
  auto core = core_of(Fleet{std::move(all)}, Hundred{});
  ends(core, "p7", good(), 10ms, "m42");
  const FleetStatus status = status_of(core);
  REQUIRE(status.providers.size() == 51);
  CHECK(status.providers[7].model.empty());
  CHECK(status.providers[8].provider == "p7");
  CHECK(status.providers[8].model == "m42");
  CHECK(status.providers[9].provider == "p8");
}
