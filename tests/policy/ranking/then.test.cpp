// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/then.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "llmroute/route/explain.hpp"
#include "policy/ranking/on_table.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;
using ranking::Then, ranking::Tolerance, ranking::within;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan_ = std::nan("");
const ChatRequest hello{.messages = "Hello"};
const Options nothing{};

Provider offering(std::string name, std::string_view per_million_tokens, Duration latency) {
  Provider p = named(std::move(name));
  p.price = {per_million(per_million_tokens), per_million(per_million_tokens), {}};
  p.expected_latency = latency;
  return p;
}
/// Whom a Then wants by these first scores, where each row is better than the one before for the second: the last one within.
std::size_t last_within(Tolerance tolerance, const std::vector<double>& first) {
  std::vector<double> second;
  for (std::size_t i = 0; i < first.size(); ++i) second.push_back(-static_cast<double>(i));
  const Then then{ByRow{&first}, tolerance, ByRow{&second}};
  Table t(first.size());
  return Asked(then, t).pick();
}

}  // namespace

static_assert(RankingStrategy<Then<ranking::Cheapest, ranking::Fastest>> && Picks<Then<ranking::Cheapest, ranking::Fastest>>);
static_assert(!Scores<Then<ranking::Cheapest, ranking::Fastest>>);

TEST_CASE("within 20 % of the cheapest, the fastest") {
  auto core = core_of(Fleet{offering("quickest", "5", 100ms), offering("quicker", "1.3", 200ms),
                            offering("quick", "1.1", 300ms), offering("cheapest", "1", 900ms)},
                      Then{ranking::Cheapest{}, within(0.20), ranking::Fastest{}});
  const auto all = Preview(core, hello, nothing).explain();
  REQUIRE_FALSE(all.refused.has_value());
  std::string order;
  for (const auto& p : all.providers) order += std::string(p.provider) + " ";
  CHECK(order == "quick cheapest quicker quickest ");
  CHECK(all.providers[0].score == all.providers[0].estimate.amount.dollars());  // the first's, which the tolerance is of
}

TEST_CASE("the tolerance is measured from the best that is open") {
  const std::vector<double> first{1, 10, 11, 13}, second{4, 3, 2, 1};
  const Then then{ByRow{&first}, within(0.20), ByRow{&second}};
  Table t(4);
  CHECK(Asked(then, t).pick() == 0);
  t[0].open = false;
  CHECK(Asked(then, t).pick() == 2);
  t[2].open = false;
  CHECK(Asked(then, t).pick() == 1);
  t[1].open = false;
  CHECK(Asked(then, t).pick() == 3);
  t[3].open = false;
  CHECK(Asked(then, t).pick() == none);
}

TEST_CASE("within a share: of positive, negative, zero and infinite scores") {
  CHECK(last_within(within(0.20), {10, 11.9, 12.0, 12.1}) == 2);
  CHECK(last_within(within(0.20), {-10, -8.1, -8.0, -7.9}) == 2);
  CHECK(last_within(within(0.20), {0, 0, 1e-300}) == 1);
  CHECK(last_within(within(0), {5, 5, 5.0000001}) == 1);
  CHECK(last_within({.amount = 2}, {0, 1, 2, 2.1}) == 2);
  CHECK(last_within({.share = 0.1, .amount = 1}, {10, 12, 12.1}) == 1);
  CHECK(last_within(within(0.20), {-inf, -inf, -1e308}) == 1);
  CHECK(last_within(within(0), {-inf, -inf, 0}) == 1);
  CHECK(last_within({.amount = 1e300}, {-inf, 0}) == 0);
  CHECK(last_within(within(1e300), {1e308, 1.7e308, inf, nan_}) == 1);  // whatever is finite is within, and no more
  CHECK(last_within(within(0.20), {nan_, 3, inf, 3.6, nan_}) == 3);
  CHECK(last_within(within(0.20), {nan_, inf}) == none);
}

TEST_CASE("a Then chooses what a plain reading of its rules would, whatever the two scores return") {
  const std::array<double, 12> values{nan_, inf, -inf, 0, -0.0, 1, 1.05, 1.15, -1, -0.95, 1e308, -1e308};
  std::uint64_t seed = tests::seed();
  std::size_t somebody = 0;
  for (int round = 0; round < 5'000; ++round) {
    constexpr std::size_t n = 6;
    std::vector<double> first, second;
    Table t(n);
    t.query.seed = ++seed;
    for (std::size_t i = 0; i < n; ++i) {
      first.push_back(values[mix(seed, 3 * i) % values.size()]);
      second.push_back(values[mix(seed, 3 * i + 1) % values.size()]);
      t[i].open = mix(seed, 3 * i + 2) % 4 != 0;
    }
    const double share = static_cast<double>(mix(seed, 99) % 4) * 0.1;
    const Then then{ByRow{&first}, within(share), ByRow{&second}};
    const detail::Chosen chosen = Asked(then, t).choose();

    double best = inf, best_second = inf;
    for (std::size_t i = 0; i < n; ++i)
      if (t[i].open && first[i] < best) best = first[i];
    const auto is_within = [&](std::size_t i) {
      if (!t[i].open || std::isnan(first[i]) || first[i] == inf) return false;
      return first[i] == best || (best != -inf && first[i] - best <= share * std::fabs(best));
    };
    for (std::size_t i = 0; i < n; ++i)
      if (is_within(i) && second[i] < best_second) best_second = second[i];
    INFO("seed " << seed);
    if (best_second == inf) {
      REQUIRE(chosen.at == none);
      continue;
    }
    ++somebody;
    REQUIRE(chosen.at != none);
    REQUIRE(is_within(chosen.at));
    REQUIRE(second[chosen.at] == best_second);
    REQUIRE(chosen.score == first[chosen.at]);
  }
  CHECK(somebody > 1'000);
}

TEST_CASE("those that are within and equal for the second are drawn evenly, and the others not at all") {
  const std::vector<double> first{10, 11, 12, 13}, second{0, 0, 0, 0};
  const Then then{ByRow{&first}, within(0.20), ByRow{&second}};
  Table t(4);
  const Asked on(then, t);
  std::array<int, 4> drawn{};
  for (std::uint64_t i = 0; i < 9'000; ++i) {
    t.query.seed = mix(tests::seed(), i);
    ++drawn[on.pick()];
  }
  for (std::size_t i = 0; i < 3; ++i) CHECK((drawn[i] > 2'700 && drawn[i] < 3'300));  // 3,000 each; 6 standard deviations
  CHECK(drawn[3] == 0);
}

TEST_CASE("a score that changes while a Then decides costs it no candidate") {
  struct Restless {  // never the same again, and ever worse
    mutable double last = 1;
    double score(const Candidate&, const Query&) const { return last *= 2; }
  };
  const std::vector<double> second{0, 0, 0};
  const Then then{Restless{}, within(0.1), ByRow{&second}};
  Table t(3);
  CHECK(Asked(then, t).pick() == 0);
}

TEST_CASE("a third is nested in the second") {
  const std::vector<double> first{1, 1, 1, 2}, second{5, 1, 1.05, 0}, third{0, 2, 1, 0};
  const Then then{ByRow{&first}, within(0.1), Then{ByRow{&second}, within(0.1), ByRow{&third}}};
  Table t(4);
  CHECK(Asked(then, t).pick() == 2);
  CHECK(Asked(then, t).choose().score == 1);
}

TEST_CASE("a tolerance that is no share is refused before anything is sent") {
  for (const double bad : {-0.1, inf, nan_}) {
    for (const Tolerance tolerance : {Tolerance{.share = bad}, Tolerance{.amount = bad}}) {
      auto core = core_of(Fleet{named("a")}, Then{ranking::Cheapest{}, tolerance, ranking::Fastest{}});
      Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
      CHECK(told(x, Time{}) == "finish");
      const Failure f = x.failure(Time{});
      CHECK(f.kind == Kind::misconfigured);
      CHECK(f.message == "ranking::Then: the tolerance is negative, infinite or not a number");
    }
  }
}
