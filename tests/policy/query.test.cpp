// SPDX-License-Identifier: MIT
#include "llmroute/policy/query.hpp"

#include <cstdint>
#include <limits>

#include "../allocations.hpp"
#include "../catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

struct World {
  ChatRequest request{"Why?"};
  Options options{};
  Provider provider{.name = "groq", .tags = {"eu"}};
  Health health{};
  Query query{.request = request, .options = options};
  Price price{.input = per_million("0.05"), .output = per_million("0.08")};

  Candidate candidate() const { return {provider, {.price = price}, health, query, 0, Time{}}; }
};

}  // namespace

TEST_CASE("a candidate's cost is that of the query's tokens") {
  World w;
  w.query.judgement.prompt_tokens = 100;
  CHECK(w.query.prompt_tokens() == 100);
  CHECK(w.query.completion_tokens == 256);
  CHECK(w.candidate().price_known());
  CHECK(w.candidate().estimate() == Money::nanos(25'480));
  CHECK(w.candidate().cost() == Approx(0.00002548));
}

TEST_CASE("a markup is on every price, and no markup makes a cost wrap round") {
  World w;
  w.query.judgement.prompt_tokens = 100;
  w.provider.markup = 0.055;
  CHECK(w.candidate().estimate() == Money::nanos(26'882));  // 25,480 nano-dollars and 5.5 %
  w.provider.markup = 1e300;
  CHECK(w.candidate().estimate() == Money::most());
  w.query.judgement.prompt_tokens = std::numeric_limits<std::int64_t>::max();
  CHECK(w.candidate().estimate() == Money::most());
  w.provider.markup = 0.5;
  w.price = {.input = per_million("9223372036"), .output = per_million("9223372036")};
  CHECK(w.candidate().estimate() == Money::most());
}

TEST_CASE("an unknown price ranks behind every known one, and a free one before") {
  World w;
  w.price = {.input = per_million("9223372036"), .output = per_million("9223372036")};
  w.query.judgement.prompt_tokens = 100'000;
  const double dear = w.candidate().cost();
  w.price = {};
  CHECK_FALSE(w.candidate().price_known());
  CHECK(w.candidate().cost() > dear);
  w.price = Price::zero();
  CHECK(w.candidate().price_known());
  CHECK(w.candidate().cost() == 0);
}

TEST_CASE("a latency is what was measured, else what is expected, else not known") {
  World w;
  CHECK(w.candidate().latency_ms() == 0);
  w.provider.expected_latency = 130ms;
  CHECK(w.candidate().latency_ms() == Approx(130));
  w.health.measured(420ms);
  CHECK(w.candidate().latency_ms() == Approx(420));
}

TEST_CASE("a success rate is that of the attempts, and whole before the first") {
  World w;
  CHECK(w.candidate().success() == 1);
  w.health.failures = 1;
  CHECK(w.candidate().success() == 0);
  w.health.successes = 3;
  CHECK(w.candidate().success() == Approx(0.75));
  w.health.in_flight = 2;
  CHECK(w.candidate().in_flight() == 2);
  CHECK(w.candidate().has_tag("eu"));
  CHECK_FALSE(w.candidate().has_tag("us"));
}

TEST_CASE("the candidates of a decision are looked at one by one, without an allocation") {
  World w;
  const auto at = [&w](std::size_t i) {
    Candidate c = w.candidate();
    return Candidate{c.provider, c.offer, c.health, c.query, static_cast<std::uint32_t>(i), c.now};
  };
  const auto open = [](std::size_t i) { return i != 1; };
  const tests::Allocations made;
  const Candidates all(at, open, 3);
  double cost = 0;
  std::size_t found = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all.open(i)) {
      const Candidate c = all[i];
      found += c.index;
      cost += c.cost() + c.latency_ms() + c.success();
    }
  const std::size_t count = made.count();
  CHECK(count == 0);
  CHECK(found == 2);
  CHECK(cost > 0);
  STATIC_REQUIRE(none > 1'000'000);
}
