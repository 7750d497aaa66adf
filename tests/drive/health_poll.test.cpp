// SPDX-License-Identifier: MIT
#include "llmroute/drive/health_poll.hpp"

#include <functional>
#include <map>
#include <string>

#include "catch.hpp"
#include "llmroute/router.hpp"
#include "llmroute/transport/from.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

Provider named(std::string name) {
  Provider p;
  p.url = "https://" + name + ".example/v1";
  p.name = std::move(name);
  p.key = Secret("k");
  return p;
}
struct SetClock {
  Time time = Time{} + 1h;
  Time now() const { return time; }
};

/// Providers that are well or ill as they are told, and count what they get.
struct Ward {
  SetClock clock{};
  std::map<std::string, int> asked{};
  std::map<std::string, bool> ill{};
  std::string last_body{};

  auto transport() {
    return transport::from([this](const http::Request& q) {
      const std::string who(q.url.substr(8, q.url.find('.') - 8));
      ++asked[who];
      last_body = q.body;
      if (ill[who]) return http::Response{.status = 500, .body = "{}"};
      return http::Response{.body = R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})"};
    });
  }
};

}  // namespace

TEST_CASE("a fleet without health checks is never polled") {
  Ward w;
  Router router{Fleet{named("a")}, w.transport(), std::ref(w.clock)};
  CHECK(router.poll() == never);
  CHECK(w.asked.empty());
}

TEST_CASE("each provider is asked for one token as soon as nothing was heard of it for a minute") {
  Ward w;
  Router router{Fleet{named("a"), named("b")}.health_checks({}), w.transport(), std::ref(w.clock)};
  CHECK(router.poll() == w.clock.time + 60s);
  CHECK(w.asked["a"] == 1);
  CHECK(w.asked["b"] == 1);
  CHECK_THAT(w.last_body, ContainsSubstring("\"max_tokens\":1"));

  w.clock.time += 59s;
  CHECK(router.poll() == w.clock.time + 1s);
  CHECK(w.asked["a"] == 1);
  w.clock.time += 1s;
  router.poll();
  CHECK(w.asked["a"] == 2);
  CHECK(w.asked["b"] == 2);
}

TEST_CASE("an answer that a user got is as good as a check") {
  Ward w;
  Router router{Fleet{named("a"), named("b")}.health_checks({}), w.transport(), std::ref(w.clock)};
  REQUIRE(router.complete("Hello", {.allow = {"a"}}));
  w.clock.time += 30s;
  router.poll();
  CHECK(w.asked["a"] == 1);
  CHECK(w.asked["b"] == 1);
}

TEST_CASE("who is ill rests before a user finds out, and is well again before a user is needed to find out") {
  Ward w;
  Router router{Fleet{named("a"), named("b")}.health_checks({}), w.transport(), std::ref(w.clock),
                cooldown::CircuitBreaker{.failures = 3}};
  w.ill["a"] = true;
  for (int i = 0; i < 3; ++i) {
    const Time next = router.poll();
    CHECK(w.asked["a"] == i + 1);
    CHECK(router.status().find("a")->well() == (i < 2));
    if (i < 2) CHECK(next == w.clock.time + 5s);
    if (i < 2) w.clock.time = next;
  }
  const int before = w.asked["a"];
  CHECK(router.complete("Hello")->provider == "b");
  CHECK(w.asked["a"] == before);

  w.ill["a"] = false;
  for (int i = 0; i < 20 && !router.status().find("a")->well(); ++i) w.clock.time = router.poll();
  router.poll();
  CHECK(router.status().find("a")->failures_in_a_row == 0);
  CHECK(router.complete("Hello")->provider == "a");
}

TEST_CASE("who is disabled, or was put to rest, is not checked") {
  Ward w;
  Router router{Fleet{named("a"), named("b")}.health_checks({}), w.transport(), std::ref(w.clock)};
  router.disable("a");
  router.rest("b", 10min);
  CHECK(router.poll() == w.clock.time + 10min);
  CHECK(w.asked.empty());
  router.enable("a");
  router.release("b");
  router.poll();
  CHECK(w.asked["a"] == 1);
  CHECK(w.asked["b"] == 1);
}

TEST_CASE("health checks that make no sense make the fleet unsound") {
  CHECK_THAT(Fleet{named("a")}.health_checks({.every = 0s}).problem(),
             ContainsSubstring("health_checks.every is not positive"));
  CHECK_THAT(Fleet{named("a")}.health_checks({.max_tokens = 0}).problem(), ContainsSubstring("max_tokens"));
  CHECK(Fleet{named("a")}.health_checks({}).problem().empty());
}
