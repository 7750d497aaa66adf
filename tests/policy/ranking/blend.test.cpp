// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/blend.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "policy/ranking/on_table.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;
using ranking::Blend;

namespace {

const ChatRequest hello{.messages = "Hello"};

void price(Table& t, std::size_t i, int dollars_per_million) {  // and a table's request has a million tokens
  t[i].provider.price = {per_million(std::to_string(dollars_per_million)), per_million("0"), {}};
}
void latency(Table& t, std::size_t i, int ms) { t[i].health.measured(std::chrono::milliseconds(ms)); }
detail::Chosen choose(const Blend& blend, Table& t) { return Asked(blend, t).choose(); }

}  // namespace

static_assert(RankingStrategy<Blend> && Picks<Blend> && Refuses<Blend> && !Scores<Blend> && !Remembers<Blend>);

TEST_CASE("Blend weighs cost, latency, quality and load, each from 0 for the best to 1 for the worst") {
  Table t(3);
  price(t, 0, 1), price(t, 1, 2), price(t, 2, 5);
  latency(t, 0, 900), latency(t, 1, 500), latency(t, 2, 100);
  t[0].provider.quality = 0.6, t[1].provider.quality = 0.9, t[2].provider.quality = 0.5;
  t[0].health.in_flight = 4, t[1].health.in_flight = 3, t[2].health.in_flight = 0;

  CHECK(choose({.cost = 1}, t).at == 0);
  CHECK(choose({.latency = 1}, t).at == 2);
  CHECK(choose({.quality = 1}, t).at == 1);
  CHECK(choose({.load = 1}, t).at == 2);
  CHECK(choose({.cost = 1, .latency = 1}, t).at == 1);  // 0 + 1, 1/4 + 1/2, 1 + 0
  const detail::Chosen all = choose({.cost = 0.5, .latency = 0.3, .quality = 0.1, .load = 0.1}, t);
  CHECK(all.at == 1);
  CHECK(all.score == Approx(0.5 * 0.25 + 0.3 * 0.5 + 0.1 * 0 + 0.1 * 0.75));
  t[1].open = false;  // the scale is that of the others
  CHECK(choose({.cost = 0.5, .latency = 0.3, .quality = 0.1, .load = 0.1}, t).score == Approx(0.3 + 0.1));
  t[0].open = t[2].open = false;
  CHECK(choose({.cost = 1}, t).at == none);
}

TEST_CASE("a Blend weighs places on a scale, whatever the figures are counted in") {
  for (const int unit : {1, 100}) {
    Table t(3);
    price(t, 0, 1 * unit), price(t, 1, 2 * unit), price(t, 2, 5 * unit);
    latency(t, 0, 9 * unit), latency(t, 1, 5 * unit), latency(t, 2, 1 * unit);
    CHECK(choose({.cost = 1, .latency = 1}, t).at == 1);
    CHECK(choose({.cost = 1, .latency = 1}, t).score == Approx(0.75));
  }
}

TEST_CASE("a cost that nobody knows counts as the worst in a Blend, and spoils no scale") {
  Table t(3);
  price(t, 0, 1), price(t, 1, 3);
  latency(t, 0, 500), latency(t, 1, 300), latency(t, 2, 100);
  CHECK(choose({.cost = 1}, t).at == 0);
  CHECK(choose({.cost = 1, .latency = 0.9}, t).score == Approx(0.9));  // 0 + 1, 1 + 1/2, 1 + 0
  t[0].open = false;
  CHECK(choose({.cost = 1}, t).at == 1);  // alone on its scale it is the best
  CHECK(choose({.cost = 1}, t).score == 0);
  t[1].open = false;
  CHECK(choose({.cost = 1}, t).at == 2);
}

TEST_CASE("a Blend tries early who was not measured, but sends nobody after it, and nobody where it has failed") {
  Table t(2);
  latency(t, 0, 100);
  const Blend blend{.latency = 1};
  CHECK(choose(blend, t).at == 1);
  t[1].health.in_flight = 1;
  CHECK(choose(blend, t).at == 0);
  t[1].health.in_flight = 0;
  t[1].health.failed();
  CHECK(choose(blend, t).at == 0);
  t[1].health.succeeded();
  CHECK(choose(blend, t).at == 1);
  t[1].provider.expected_latency = 200ms;
  CHECK(choose(blend, t).at == 0);
}

TEST_CASE("a quality that nobody knows, or that is no number, counts as the worst in a Blend") {
  Table t(4);
  t[0].provider.quality = std::nan(""), t[1].provider.quality = 0.1, t[2].provider.quality = -3;
  CHECK(choose({.quality = 1}, t).at == 1);
  t[3].provider.quality = 0.2;
  CHECK(choose({.quality = 1}, t).at == 3);
}

TEST_CASE("equals are drawn evenly in a Blend") {
  Table t(4);
  for (std::size_t i = 0; i < 4; ++i) price(t, i, i == 3 ? 2 : 1);
  const Blend blend{.cost = 0.5, .latency = 0.3, .quality = 0.1, .load = 0.1};
  const Asked on(blend, t);
  std::array<int, 4> drawn{};
  for (std::uint64_t i = 0; i < 9'000; ++i) {
    t.query.seed = mix(tests::seed(), i);
    ++drawn[on.pick()];
  }
  for (std::size_t i = 0; i < 3; ++i) CHECK((drawn[i] > 2'700 && drawn[i] < 3'300));  // 3,000 each; 6 standard deviations
  CHECK(drawn[3] == 0);
}

TEST_CASE("a Blend chooses what a plain reading of its rules would") {
  std::uint64_t seed = tests::seed();
  for (int round = 0; round < 3'000; ++round) {
    constexpr std::size_t n = 6;
    ++seed;
    const auto draw = [&](std::uint64_t salt, std::uint64_t below) { return static_cast<int>(mix(seed, salt) % below); };
    Table t(n);
    t.query.seed = seed;
    // The plain figures, lower is better; below zero: not known.
    std::array<std::vector<double>, 4> figures;
    std::array<std::vector<double>, 4> unknown;
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint64_t salt = 10 * i;
      const int dollars = draw(salt, 4), ms = draw(salt + 1, 4) * 100, tenths = draw(salt + 2, 4), load = draw(salt + 3, 3);
      if (dollars > 0) price(t, i, dollars);
      if (ms > 0) latency(t, i, ms);
      t[i].provider.quality = tenths * 0.1;
      t[i].health.in_flight = load;
      t[i].open = draw(salt + 4, 4) != 0;
      figures[0].push_back(dollars > 0 ? dollars : -1), unknown[0].push_back(1);
      figures[1].push_back(ms > 0 ? ms : -1), unknown[1].push_back(load > 0 ? 1 : 0);
      figures[2].push_back(tenths > 0 ? 10 - tenths : -1), unknown[2].push_back(1);
      figures[3].push_back(load), unknown[3].push_back(0);
      if (t[i].open) open.push_back(i);
    }
    const std::array<double, 4> weights{draw(90, 3) * 0.5, draw(91, 3) * 0.5, draw(92, 3) * 0.5, draw(93, 3) * 0.5};
    const auto plain = [&](std::size_t i) {
      double sum = 0;
      for (std::size_t k = 0; k < 4; ++k) {
        std::vector<double> known;
        for (const std::size_t o : open)
          if (figures[k][o] >= 0) known.push_back(figures[k][o]);
        std::sort(known.begin(), known.end());
        const double f = figures[k][i];
        sum += weights[k] * (f < 0                           ? unknown[k][i]
                             : known.front() == known.back() ? 0
                                                             : (f - known.front()) / (known.back() - known.front()));
      }
      return sum;
    };
    double best = std::numeric_limits<double>::infinity();
    for (const std::size_t i : open) best = std::min(best, plain(i));
    const Blend blend{weights[0], weights[1], weights[2], weights[3]};
    const detail::Chosen chosen = choose(blend, t);
    INFO("seed " << seed);
    REQUIRE((chosen.at == none) == open.empty());
    if (open.empty()) continue;
    REQUIRE(t[chosen.at].open);
    REQUIRE(chosen.score == Approx(best).margin(1e-5));
    REQUIRE(plain(chosen.at) == Approx(best).margin(1e-5));
  }
}

TEST_CASE("weights that are no weights are refused before anything is sent, and so is a Blend of nothing") {
  const auto message = [](Blend blend) {
    auto core = core_of(Fleet{named("a")}, blend);
    const Options nothing{};
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    if (told(x, Time{}) != "finish") return std::string();
    const Failure f = x.failure(Time{});
    CHECK(f.kind == Kind::misconfigured);
    CHECK(f.trail.empty());
    return f.message;
  };
  CHECK(message({.cost = 1}).empty());
  CHECK(message({.load = 1e-9}).empty());
  CHECK(message({.cost = -1, .latency = 1}) == "ranking::Blend: the weight of cost is negative, infinite or not a number");
  CHECK(message({.cost = 1, .latency = std::nan("")}) ==
        "ranking::Blend: the weight of latency is negative, infinite or not a number");
  CHECK(message({.cost = 1, .quality = std::numeric_limits<double>::infinity()}).find("of quality is") != std::string::npos);
  CHECK(message({.cost = 1, .load = -0.1}).find("of load is") != std::string::npos);
  CHECK(message({}) == "ranking::Blend: it has no weights, as .cost = 0.5");
}
