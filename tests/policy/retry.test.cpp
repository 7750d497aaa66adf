// SPDX-License-Identifier: MIT
#include "llmroute/policy/retry.hpp"

#include <cstdint>
#include <optional>

#include "../catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

struct NoOptional {
  Duration retry_after(const Outcome&, const Query&) const { return 1s; }
};
struct NotConst {
  std::optional<Duration> retry_after(const Outcome&, const Query&) { return 1s; }
};
struct OneSecond {
  std::optional<Duration> retry_after(const Outcome&, const Query&) const { return 1s; }
};

static_assert(RetryPolicy<retry::Off>);
static_assert(RetryPolicy<retry::Backoff>);
static_assert(RetryPolicy<OneSecond>);
static_assert(!RetryPolicy<NoOptional>);
static_assert(!RetryPolicy<NotConst>);
static_assert(!RetryPolicy<int>);

struct World {
  ChatRequest request{"Why?"};
  Options options{};
  Query query{.request = request, .options = options};

  Query after(std::uint8_t attempts, std::uint64_t seed = 1) const {
    Query q = query;
    q.attempt = attempts;
    q.seed = seed;
    return q;
  }
};

constexpr Outcome failed(Kind k, Duration hint = {}) { return {.ending = Ending::failed, .kind = k, .retry_after = hint}; }

struct Range {
  Duration least = Duration::max(), most{};
};
Range waits(const retry::Backoff& policy, const World& w, std::uint8_t attempts) {
  Range r;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const std::optional<Duration> wait = policy.retry_after(failed(Kind::server_error), w.after(attempts, seed));
    REQUIRE(wait);
    r = {shorter(r.least, *wait), longer(r.most, *wait)};
  }
  return r;
}

}  // namespace

TEST_CASE("no retry policy asks nobody twice") {
  const World w;
  CHECK_FALSE(retry::Off{}.retry_after(failed(Kind::server_error), w.after(1)));
}

TEST_CASE("a wait lies anywhere below a bound that doubles with each attempt, up to the longest") {
  const World w;
  const retry::Backoff policy;
  const struct {
    std::uint8_t attempts;
    Duration bound;
  } expected[]{{0, 500ms}, {1, 500ms}, {2, 1s}, {3, 2s}, {4, 4s}, {5, 8s}, {6, 8s}, {255, 8s}};
  for (const auto& [attempts, bound] : expected) {
    CAPTURE(int(attempts));
    const Range r = waits(policy, w, attempts);
    CHECK(r.least >= 0ns);
    CHECK(r.least < bound / 10);
    CHECK(r.most < bound);
    CHECK(r.most > bound * 9 / 10);
  }
}

TEST_CASE("bounds at the end of the scale do not overflow") {
  const World w;
  const Range r = waits({.first = Duration::max() / 2 + 1ns, .most = Duration::max()}, w, 255);
  CHECK(r.least >= 0ns);
  CHECK(r.most > Duration::max() / 10 * 9);
  CHECK(waits({.first = 10s, .most = 1s}, w, 1).most < 1s);
  CHECK(waits({.first = 0s}, w, 8).most == 0ns);
}

TEST_CASE("the same seed waits the same time, another attempt another") {
  const World w;
  const retry::Backoff policy;
  const Outcome o = failed(Kind::overloaded);
  CHECK(policy.retry_after(o, w.after(2, 7)) == policy.retry_after(o, w.after(2, 7)));
  CHECK(policy.retry_after(o, w.after(2, 7)) != policy.retry_after(o, w.after(2, 8)));
  CHECK(policy.retry_after(o, w.after(7, 7)) != policy.retry_after(o, w.after(8, 7)));
}

TEST_CASE("a failure that everybody would repeat is not asked again") {
  const World w;
  const retry::Backoff policy;
  for (const Kind k : {Kind::request_invalid, Kind::context_too_long, Kind::content_filtered, Kind::stream_broken,
                       Kind::cancelled, Kind::over_budget, Kind::deadline_exceeded, Kind::no_candidate, Kind::policy_failed}) {
    CAPTURE(to_string(k));
    CHECK_FALSE(policy.retry_after(failed(k), w.after(1)));
  }
  for (const Kind k :
       {Kind::not_sent, Kind::timed_out, Kind::rate_limited, Kind::overloaded, Kind::server_error, Kind::malformed_reply}) {
    CAPTURE(to_string(k));
    CHECK(policy.retry_after(failed(k), w.after(1)));
  }
  for (const Ending e : {Ending::won, Ending::lost, Ending::cut, Ending::cancelled})
    CHECK_FALSE(policy.retry_after({.ending = e, .kind = Kind::server_error}, w.after(1)));
}

TEST_CASE("a hint is no part of the wait: it is a rest, which is kept elsewhere and ends nobody else's request") {
  const World w;
  const retry::Backoff policy;
  for (const Duration hint : {0s, 20s, 121s, 3600s}) {
    const auto wait = policy.retry_after(failed(Kind::rate_limited, hint), w.after(1));
    REQUIRE(wait);
    CHECK(*wait < Duration(8s));
  }
}

TEST_CASE("a provider that says that its failure may pass is believed, whatever the failure") {
  const World w;
  const retry::Backoff policy;
  Outcome o = failed(Kind::request_invalid);
  CHECK_FALSE(policy.retry_after(o, w.after(1)));
  o.should_retry = true;
  CHECK(policy.retry_after(o, w.after(1)));
  o = failed(Kind::server_error);
  o.should_retry = false;  // who said so is not asked again; others are
  CHECK(policy.retry_after(o, w.after(1)));
}
