// SPDX-License-Identifier: MIT
// What a decision costs beside time: filtering, ranking, admitting and settling allocate nothing and take no lock.
#include <cstddef>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "by_hand.hpp"
#include "catch.hpp"
#include "llmroute/policy/budget.hpp"
#include "llmroute/policy/budget/rules.hpp"
#include "llmroute/policy/ranking.hpp"
#include "locks.hpp"

#if defined(__unix__)
#include <pthread.h>
#endif

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

Fleet limited_fleet() {
  std::vector<Provider> all;
  for (const char* name : {"a", "b", "c", "d"}) {
    Provider p = named(name);
    p.limits = {.requests_per_minute = 1'000, .tokens_per_minute = 10'000'000, .requests_per_day = 100'000, .in_flight = 50};
    p.quota_group = name[0] < 'c' ? "account" : "";
    p.tags = {"default"};
    p.region = "eu";
    p.quality = 0.5;
    all.push_back(std::move(p));
  }
  return Fleet(std::move(all))
      .tenants({{.name = "acme",
                 .limits = {.requests_per_minute = 1'000, .tokens_per_minute = 10'000'000},
                 .providers = {"default"}}})
      .quota_groups({{.name = "account", .limits = {.requests_per_minute = 1'000}}});
}

struct Used {
  std::size_t allocations = 0, locks = 0;
  int sent = 0;
};
/// Twenty requests of which every other attempt fails.
template <class C>
Used twenty(C& core) {
  const ChatRequest request{.messages = "Hello"};
  Options options{
      .tenant = "acme", .session = "s-1", .regions = {"eu"}, .max_price = Price{per_million("9"), per_million("9")}};
  Used u;
  const Allocations made;
  const std::size_t locks = locks_taken();
  Time now{};
  for (int i = 0; i < 20; ++i) {
    now += 100ms;
    Exchange x(core, request, options, Delivery::whole, Overlap::no, now);
    for (Step s = x.next(now); s.what == Step::Do::send; s = x.next(now)) {
      now += 10ms;
      ++u.sent;
      x.content(s.attempt, now);
      x.ended(s.attempt, u.sent % 2 == 0 ? failed(Kind::stream_broken) : good(), now);
    }
  }
  u.allocations = made.count();
  u.locks = locks_taken() - locks;
  return u;
}
template <class... P>
void costs_nothing(P... policies) {
  auto core = core_of(limited_fleet(), std::move(policies)..., budget::PerRequest{.most = dollars("1")},
                      budget::Rules{{.name = "month", .most = dollars("100"), .window = budget::month()},
                                    {.name = "each", .most = dollars("50"), .each = budget::Each::tenant}});
  const Used u = twenty(core);
  CHECK(u.sent >= 20);
  CHECK(u.allocations == 0);
  CHECK(u.locks == 0);
}

}  // namespace

#if defined(__unix__)
TEST_CASE("the count of locks is one") {
  if (!locks_are_counted()) return;
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  const std::size_t before = locks_taken();
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
  CHECK(locks_taken() == before + 1);
}
#endif

TEST_CASE("a decision with limits, tenants, quota groups, a breaker and budgets allocates nothing and takes no lock") {
  costs_nothing(ranking::Priority{});
  costs_nothing(ranking::Cheapest{});
  costs_nothing(ranking::Fastest{.percentile = 0.95});
  costs_nothing(ranking::Weighted{});
  costs_nothing(ranking::Weighted{.by = ranking::Weighted::By::inverse_square_price});
  costs_nothing(ranking::RoundRobin{});
  costs_nothing(ranking::ByCategory{});
  costs_nothing(ranking::by_name());
  costs_nothing(ranking::LeastBusy{});
  costs_nothing(ranking::Headroom{});
  costs_nothing(ranking::PeakEwma{});
  costs_nothing(ranking::Blend{.cost = 0.4, .latency = 0.3, .quality = 0.2, .load = 0.1});
  costs_nothing(ranking::Then{ranking::Cheapest{}, ranking::within(0.2), ranking::Fastest{}});
  costs_nothing(ranking::Order{ranking::LeastBusy{}});
  costs_nothing(ranking::Sticky{ranking::Cheapest{}});
}
