// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/combined.hpp"

#include <atomic>
#include <cmath>
#include <string>
#include <vector>

#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "policy/ranking/on_table.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace tests;

namespace {

const ChatRequest hello{.messages = "Hello"};

/// Whoever was asked less often goes first, by its own count.
template <int Step>
struct Counting {
  struct State {
    std::atomic<int> sent{0};
  };
  double score(const Candidate&, const Query&, const State& s) const { return s.sent; }
  void learn(State& s, const Event& e) const {
    if (e.what == Event::What::sent) s.sent += Step;
  }
};
struct LastOpen {  // takes the views that have an indirection
  std::size_t pick(const Candidates& c, const Query&) const {
    std::size_t last = none;
    for (std::size_t i = 0; i < c.size(); ++i)
      if (c.open(i)) last = i;
    return last;
  }
};
struct LastRemembered {  // a pick with a memory
  struct State {
    std::atomic<int> sent{0};
  };
  std::size_t pick(const auto& c, const Query&) const {
    std::size_t best = none;
    for (std::size_t i = 0; i < c.size(); ++i)
      if (c.open(i) && (best == none || c.state(i).sent > c.state(best).sent)) best = i;
    return best;
  }
  void learn(State& s, const Event& e) const { s.sent += e.what == Event::What::sent; }
};
struct Unwilling {
  double score(const Candidate&, const Query&) const { return 0; }
  std::string refuse(const Query& q) const { return q.category == "bad" ? "not that" : ""; }
};
const Event sent{.what = Event::What::sent};

std::string order_of(auto& core, const Options& options = {}) {
  Exchange x(core, hello, options, Delivery::whole, Overlap::no, Time{});
  std::string all;
  for (Step s = x.next(Time{}); s.what == Step::Do::send; s = x.next(Time{})) {
    all += x.provider(s.attempt).name;
    x.ended(s.attempt, failed(Kind::server_error, 500), Time{});
  }
  return all;
}

}  // namespace

using ranking::Choice, ranking::Order, ranking::Sticky, ranking::Then, ranking::within;

TEST_CASE("each part of a combined ranking has its own memory, and learns whoever decided") {
  const Then then{Counting<1>{}, within(0), Counting<10>{}};
  Table t(3);
  Asked on(then, t);
  on.learn(1, sent);
  on.learn(1, sent);
  CHECK(detail::memory_of<0, Counting<1>>(on.memory[1]).sent == 2);
  CHECK(detail::memory_of<1, Counting<10>>(on.memory[1]).sent == 20);
  on.learn(0, sent);
  CHECK(on.pick() == 2);
}

TEST_CASE("parts of one type are kept apart") {
  const Then then{Counting<1>{}, within(0), Counting<1>{}};
  Table t(2);
  Asked on(then, t);
  detail::memory_of<1, Counting<1>>(on.memory[0]).sent = 5;  // the second's: the first holds them equal
  CHECK(on.pick() == 1);
  detail::memory_of<0, Counting<1>>(on.memory[1]).sent = 1;
  CHECK(on.pick() == 0);
}

TEST_CASE("combined rankings are made of combined ones, and carry their memories along") {
  const auto nested = [] {
    return Choice{Then{Counting<1>{}, within(0.5), Order{LastRemembered{}}},
                  Order{Sticky{Then{Counting<1>{}, within(0), LastOpen{}}}}};
  };
  static_assert(Remembers<decltype(nested())> && RankingStrategy<decltype(nested())>);
  auto core = core_of(Fleet{tests::named("a"), tests::named("b"), tests::named("c")}, nested(), cooldown::Off{}, retry::Off{});
  CHECK(order_of(core) == "abc");  // nobody was asked, so the second part decides, which takes the first of equals
  const Options last{.strategy = "order"};
  CHECK(order_of(core, last) == "cba");  // each was asked once
  const Options only_a{.allow = {"a"}};
  order_of(core, only_a);
  CHECK(order_of(core, last) == "cba");
  order_of(core, {.allow = {"c"}});
  order_of(core, {.allow = {"c"}});
  CHECK(order_of(core, last) == "bac");
  order_of(core, {.allow = {"b"}});
  CHECK(order_of(core, {.strategy = "then"}) == "cab");  // 5, 5 and 6 times: all within a half of 5, and whom it remembers best
}

TEST_CASE("a part that takes Candidates sees only those that it may choose from") {
  const std::vector<double> scores{3, 1, 1, 2};
  const Then then{ByRow{&scores}, within(0), LastOpen{}};
  Table t(4);
  CHECK(Asked(then, t).pick() == 2);
  t[2].open = false;
  CHECK(Asked(then, t).pick() == 1);
}

TEST_CASE("a refusal of any part is the combined ranking's") {
  Table t(1);
  const Order order{Then{ranking::Cheapest{}, within(0.2), Sticky{Unwilling{}}}};
  CHECK(order.refuse(t.query).empty());
  t.query.category = "bad";
  CHECK(order.refuse(t.query) == "not that");
  CHECK(Then{Unwilling{}, within(0.2), ranking::Cheapest{}}.refuse(t.query) == "not that");
}

TEST_CASE("a combined ranking takes turns and watches the load where a part does") {
  Table t(1);
  CHECK(Order{Then{ranking::Cheapest{}, within(0.2), Sticky{ranking::RoundRobin{}}}}.takes_turn(t.query));
  CHECK_FALSE(Order{Then{ranking::Cheapest{}, within(0.2), Sticky{ranking::Cheapest{}}}}.takes_turn(t.query));
  STATIC_REQUIRE(decltype(Order{Sticky{ranking::Fastest{}}})::watches_load);
  STATIC_REQUIRE_FALSE(decltype(Order{Sticky{ranking::Cheapest{}}})::watches_load);
}

TEST_CASE("turns are taken among those that a part may choose from") {
  const std::vector<double> scores{1, 9, 1, 9, 1};
  const Then then{ByRow{&scores}, within(0), ranking::RoundRobin{}};
  Table t(5);
  const Asked on(then, t);
  std::string all;
  for (t.query.turn = 0; t.query.turn < 6; ++t.query.turn) all += std::to_string(on.pick());
  CHECK(all == "024024");
}

TEST_CASE("a strategy that a combined ranking does not offer is refused, and one that a part offers is not") {
  const auto failure = [](auto ranking, std::string strategy) {
    auto core = core_of(Fleet{tests::named("a")}, std::move(ranking));
    const Options options{.strategy = std::move(strategy)};
    Exchange x(core, hello, options, Delivery::whole, Overlap::no, Time{});
    return told(x, Time{}) == "a" ? std::string(x.strategy()) : x.failure(Time{}).message;
  };
  const std::string no_choice = "options.strategy: this router's ranking offers no choice by name";
  CHECK(failure(Order{ranking::Cheapest{}}, "cost") == no_choice);
  CHECK(failure(Order{ranking::Cheapest{}}, "order") == "order");
  CHECK(failure(ranking::Blend{.cost = 1}, "cost") == no_choice);
  CHECK(failure(Then{ranking::Cheapest{}, within(0.1), Sticky{ranking::Fastest{}}}, "latency") == no_choice);
  CHECK(failure(Order{Sticky{ranking::by_name()}}, "latency") == "latency");
  CHECK(failure(Order{Sticky{ranking::by_name()}}, "") == "priority");
  CHECK(failure(Sticky{ranking::by_name()}, "nothing").find("there are priority, cost") != std::string::npos);
}
