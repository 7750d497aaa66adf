// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/order.hpp"

#include <limits>
#include <map>
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
using ranking::Failures, ranking::Order, ranking::statuses;

namespace {

const ChatRequest hello{.messages = "Hello"};
const Options nothing{};

Provider on(int order, std::string name, std::string_view per_million_tokens = "1") {
  Provider p = named(std::move(name));
  p.order = order;
  p.price = {per_million(per_million_tokens), per_million(per_million_tokens), {}};
  return p;
}
/// Two first choices, one stand-in and a last resort, which are the cheaper the later they are.
Fleet ladder() { return Fleet{on(3, "z", "0.1"), on(2, "m", "0.5"), on(1, "a", "9"), on(1, "b", "10")}; }

/// Who is asked, one after the other, where each of them fails in that way.
std::string asked(auto& core, Ended how, Time now = Time{}) {
  Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, now);
  std::string all;
  for (Step s = x.next(now); s.what == Step::Do::send; s = x.next(now)) {
    all += x.provider(s.attempt).name;
    x.ended(s.attempt, how, now);
  }
  return all;
}
template <class R>
std::string asked(Order<R> order, Ended how) {
  auto core = core_of(ladder(), std::move(order), cooldown::Off{}, retry::Off{});
  return asked(core, how);
}
std::string climbing_on(Failures failures, Ended how) { return asked(Order{ranking::Cheapest{}, {.climb_on = failures}}, how); }

}  // namespace

static_assert(RankingStrategy<Order<>> && Picks<Order<>> && Refuses<Order<>>);
static_assert(Failures{Kind::timed_out, 429, statuses(500, 599)}.has(Kind::server_error, 503));
static_assert(!Failures{Kind::timed_out, 429, statuses(500, 599)}.has(Kind::unauthorized, 401));
static_assert(!Failures{}.has(Kind::server_error, 500) && Failures::all().has(Kind::not_sent, 0));

TEST_CASE("all of a lower order are asked before any of a higher one, however cheap that is") {
  CHECK(asked(Order{ranking::Cheapest{}}, failed(Kind::server_error, 500)) == "abmz");
  CHECK(asked(Order{ranking::Priority{}}, failed(Kind::server_error, 500)) == "abmz");
  auto core = core_of(ladder(), Order{ranking::Cheapest{}});
  for (int i = 0; i < 100; ++i) {
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    CHECK(told(x, Time{}) == "a");
  }
}

TEST_CASE("within one order requests are spread evenly, and the others get none") {
  auto core = core_of(Fleet{on(2, "x"), on(1, "a"), on(1, "b"), on(1, "c")}, Order{});
  core.seed(tests::seed());
  std::map<std::string, int> drawn;
  for (int i = 0; i < 9'000; ++i) {
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    ++drawn[told(x, Time{})];
  }
  for (const char* name : {"a", "b", "c"}) CHECK((drawn[name] > 2'700 && drawn[name] < 3'300));  // 3,000 each
  CHECK(drawn.size() == 3);
}

TEST_CASE("weights count within an order alone") {
  Provider heavy = on(2, "heavy"), one = on(1, "one"), three = on(1, "three"), weightless = on(1, "weightless");
  heavy.weight = 1'000, three.weight = 3, weightless.weight = 0;
  auto core = core_of(Fleet{heavy, one, three, weightless}, Order{ranking::Weighted{}});
  core.seed(tests::seed());
  std::map<std::string, int> drawn;
  for (int i = 0; i < 8'000; ++i) {
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    ++drawn[told(x, Time{})];
  }
  CHECK((drawn["one"] > 1'760 && drawn["one"] < 2'240));
  CHECK(drawn["one"] + drawn["three"] == 8'000);
}

TEST_CASE("a first choice that has failed is not asked again while a stand-in was not") {
  auto core = core_of(Fleet{on(1, "a"), on(2, "m"), on(3, "z")}, Order{}, cooldown::Off{});  // and more rounds may follow
  Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  std::string all;
  for (int i = 0; i < 3; ++i) {
    const AttemptId id = x.next(Time{}).attempt;
    all += x.provider(id).name;
    x.ended(id, failed(Kind::server_error, 500), Time{});
  }
  CHECK(all == "amz");
}

TEST_CASE("a 404 of a first choice climbs one order and passes none over") {
  CHECK(asked(Order{ranking::Cheapest{}}, failed(Kind::model_not_found, 404)) == "abmz");
  CHECK(climbing_on({404}, failed(Kind::model_not_found, 404)) == "abmz");
  CHECK(climbing_on({Kind::model_not_found}, failed(Kind::model_not_found, 404)) == "abmz");
}

TEST_CASE("only the failures that are named climb, by kind or by status; the others end within their order") {
  const Failures some{Kind::timed_out, 429, statuses(500, 599)};
  CHECK(climbing_on(some, failed(Kind::server_error, 500)) == "abmz");
  CHECK(climbing_on(some, failed(Kind::overloaded, 599)) == "abmz");
  CHECK(climbing_on(some, failed(Kind::rate_limited, 429)) == "abmz");
  CHECK(climbing_on(some, failed(Kind::timed_out)) == "abmz");
  CHECK(climbing_on(some, failed(Kind::unauthorized, 401)) == "ab");
  CHECK(climbing_on(some, failed(Kind::server_error, 499)) == "ab");
  CHECK(climbing_on(some, failed(Kind::server_error, 600)) == "ab");
  CHECK(climbing_on(some, failed(Kind::rate_limited, 428)) == "ab");
  CHECK(climbing_on({}, failed(Kind::server_error, 500)) == "ab");
}

TEST_CASE("a failure without an answer has no status by which it could climb") {
  CHECK(climbing_on({statuses(100, 599)}, failed(Kind::not_sent)) == "ab");
  CHECK(climbing_on({Kind::not_sent}, failed(Kind::not_sent)) == "abmz");
}

TEST_CASE("a request that may not climb ends with the failure that it had") {
  auto core = core_of(ladder(), Order{ranking::Cheapest{}, {.climb_on = {statuses(500, 599)}}}, cooldown::Off{}, retry::Off{});
  Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  x.ended(x.next(Time{}).attempt, failed(Kind::server_error, 500), Time{});
  x.ended(x.next(Time{}).attempt, failed(Kind::unauthorized, 401), Time{});
  CHECK(told(x, Time{}) == "finish");
  const Failure f = x.failure(Time{});
  CHECK(f.kind == Kind::unauthorized);
  CHECK(f.provider == "b");
  CHECK(f.status == 401);
  CHECK(f.trail.size() == 2);
}

TEST_CASE("the latest failure decides whether it climbs, and from the order where it was") {
  Table t(4);
  for (std::size_t i = 0; i < 4; ++i) t[i].provider.order = static_cast<int>(i);
  const Order order{ranking::Priority{}, {.climb_on = {429}}};
  TrailEntry failure{.provider = std::string_view("p1"), .kind = Kind::server_error, .status = 500};
  t.query.last_failure = &failure;
  t[1].open = false;
  CHECK(Asked(order, t).pick() == 0);  // a lower one that is open again
  t[0].open = false;
  CHECK(Asked(order, t).pick() == none);
  failure.status = 429;
  CHECK(Asked(order, t).pick() == 2);
}

TEST_CASE("a rest always climbs: nobody was asked, so nothing has failed") {
  auto core = core_of(Fleet{on(2, "m"), on(1, "a")}, Order{ranking::Cheapest{}, {.climb_on = {}}}, retry::Off{});
  CHECK(asked(core, failed(Kind::rate_limited, 429, 60s)) == "a");
  CHECK(asked(core, failed(Kind::server_error, 500), Time{} + 1s) == "m");
  CHECK(asked(core, failed(Kind::server_error, 500), Time{} + 61s) == "a");
}

TEST_CASE("a hedge is no failure: it climbs when nobody else of its order is open") {
  const Order order{ranking::Priority{}, {.climb_on = {}}};
  Table t(3);
  t[2].provider.order = 1;
  t.query.attempt = 1;  // one is still running
  t[0].open = false;
  CHECK(Asked(order, t).pick() == 1);
  t[1].open = false;
  CHECK(Asked(order, t).pick() == 2);
}

TEST_CASE("a second round stays where the ladder was held") {
  auto core = core_of(Fleet{on(2, "m"), on(1, "a")}, Order{ranking::Cheapest{}, {.climb_on = {429}}}, cooldown::Off{});
  Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  std::string all;
  Time now{};
  for (Step s = x.next(now); s.what != Step::Do::finish; s = x.next(now)) {
    if (s.what == Step::Do::wait) {
      now = s.until;
      continue;
    }
    all += x.provider(s.attempt).name;
    x.ended(s.attempt, failed(Kind::server_error, 500), now);
  }
  CHECK(all.size() > 1);
  CHECK(all.find('m') == std::string::npos);
}

TEST_CASE("an order in which the inner ranking wants nobody is passed over") {
  const std::vector<double> scores{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 5, 6};
  const Order order{ByRow{&scores}};
  Table t(4);
  for (std::size_t i = 0; i < 4; ++i) t[i].provider.order = i < 2 ? -7 : 4;
  CHECK(Asked(order, t).pick() == 2);
  CHECK(Asked(order, t).choose().score == 5);
  t[2].open = t[3].open = false;
  CHECK(Asked(order, t).pick() == none);
}

TEST_CASE("the whole range of an int may be an order") {
  Table t(2);
  t[0].provider.order = (std::numeric_limits<int>::max)();
  t[1].provider.order = (std::numeric_limits<int>::min)();
  CHECK(Asked(Order{}, t).pick() == 1);
  t[1].open = false;
  CHECK(Asked(Order{}, t).pick() == 0);
}

TEST_CASE("statuses that are none are refused before anything is sent") {
  for (const Failures& failures :
       {Failures{42}, Failures{600}, Failures{429, statuses(500, 600)}, Failures{statuses(599, 500)}, Failures{-1}}) {
    auto core = core_of(ladder(), Order{ranking::Cheapest{}, {.climb_on = failures}});
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    CHECK(told(x, Time{}) == "finish");
    CHECK(x.failure(Time{}).message == "ranking::Order: climb_on has a status that is not from 100 to 599");
  }
}
