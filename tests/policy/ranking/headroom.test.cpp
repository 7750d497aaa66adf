// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/headroom.hpp"

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace tests;

namespace {

const ChatRequest hello{.messages = "Hello"};
const Options nothing{};
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// Headroom with what is left written down.
struct Left {
  std::map<std::string, double> left{};
  ranking::Headroom headroom{};
  double score(const Candidate& c, const Query&) const { return headroom.score_of(left.at(c.provider.name)); }
};
using Names = std::vector<std::string>;
Names order(const Left& ranking) {
  std::vector<Provider> all;
  for (const auto& [name, left] : ranking.left) all.push_back(named(name));
  auto core = core_of(Fleet{std::move(all)}, ranking, cooldown::Off{}, retry::Off{});
  const Options options{.attempts = 8};
  Exchange x(core, hello, options, Delivery::whole, Overlap::no, Time{});
  Names names;
  for (Step s = x.next(Time{}); s.what == Step::Do::send; s = x.next(Time{})) {
    names.push_back(x.provider(s.attempt).name);
    x.ended(s.attempt, failed(Kind::server_error, 500), Time{});
  }
  return names;
}

}  // namespace

static_assert(RankingStrategy<ranking::Headroom> && Scores<ranking::Headroom> && Refuses<ranking::Headroom>);

TEST_CASE("Headroom asks in the order of what is left, and asks also who has nothing left") {
  CHECK(order({{{"a", 0.5}, {"b", 0.95}, {"c", 0}, {"d", 0.05}, {"e", 1}}}) == Names{"e", "b", "a", "d", "c"});
}

TEST_CASE("who is close to a limit is behind the others by more than any share, before it answers 429") {
  const ranking::Headroom headroom;
  CHECK(headroom.score_of(1) == 0);
  CHECK(headroom.score_of(0.1) == Approx(0.9));
  CHECK(headroom.score_of(0.0999) > headroom.score_of(0.1) + 1);
  CHECK(headroom.score_of(0) == Approx(2));
  const ranking::Headroom early{.close = 0.5};
  CHECK(early.score_of(0.49) > early.score_of(0.51) + 1);
}

TEST_CASE("what is left and is no number counts as nothing, and still is an order") {
  CHECK(order({{{"a", no_number}, {"b", 0.2}, {"c", 0.1}}}) == Names{"b", "c", "a"});
  const ranking::Headroom headroom;
  CHECK(headroom.score_of(-3) == headroom.score_of(0));
  CHECK(headroom.score_of(7) == headroom.score_of(1));
}

TEST_CASE("Headroom draws among those that have the same left, as where no limit is known") {
  auto core = core_of(Fleet{named("a"), named("b")}, ranking::Headroom{});
  core.seed(tests::seed());
  int a = 0;
  for (int i = 0; i < 4'000; ++i) {
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    a += told(x, Time{}) == "a";
  }
  INFO("--rng-seed " << tests::seed());
  CHECK((a > 1'800 && a < 2'200));  // 6 deviations
}

TEST_CASE("a Headroom whose setting is no share is refused before anything is sent") {
  for (double close : {no_number, -0.1, 1.1}) {
    auto core = core_of(Fleet{named("a")}, ranking::Headroom{.close = close});
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    CHECK(told(x, Time{}) == "finish");
    CHECK(x.failure(Time{}).kind == Kind::misconfigured);
    CHECK_THAT(x.failure(Time{}).message, ContainsSubstring("close is a share"));
  }
}
