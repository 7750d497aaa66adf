// SPDX-License-Identifier: MIT
#include "llmroute/policy/budget/rules.hpp"

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "policy/budget/purse.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using budget::Rules;
using tests::Asking;
using tests::used;

namespace {

Money n(std::int64_t nanos) { return Money::nanos(nanos); }

template <class F>
void at_once(int threads, F&& f) {
  std::atomic<int> ready{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      for (++ready; ready < threads;) std::this_thread::yield();
      f(t);
    });
  for (std::thread& t : all) t.join();
}

/// Two threads that do the same at the same instant, again and again: `f(thread, round)`.
template <class F>
void side_by_side(int rounds, F&& f) {
  std::atomic<int> ready{0};
  at_once(2, [&](int t) {
    for (int round = 0; round < rounds; ++round) {
      ++ready;
      for (int i = 0; ready < 2 * (round + 1); ++i)
        if (i > 1'000) std::this_thread::yield();
      // Whoever waits sees it a moment after the other, so one or the other is held up, now longer and now shorter.
      for (std::atomic<int> hold{t == 0 ? round % 251 : 125}; hold > 0;) --hold;
      f(t, static_cast<std::size_t>(round));
    }
  });
}

}  // namespace

TEST_CASE("of two that ask for the last of the money at the same instant one gets it") {
  constexpr int rounds = 100'000;
  budget::detail::Ledger ledger(rounds, 1, 0);
  std::atomic<int> taken{0};
  for (std::size_t i = 0; i < rounds; ++i) ledger.enter(i, 0);
  side_by_side(rounds, [&](int, std::size_t account) {
    if (ledger.take(account, 100, 100, 0)) ++taken;
  });
  CHECK(taken == rounds);
}

TEST_CASE("what two spend as a window begins is in that window, all of it, and gone when it is over") {
  constexpr int rounds = 50'000;
  budget::detail::Ledger ledger(rounds, 1, 0);
  for (std::size_t i = 0; i < rounds; ++i) {
    ledger.restore(i, 0, 1'000);
    ledger.reserve(i, 100);
  }
  side_by_side(rounds, [&](int, std::size_t account) { ledger.settle(account, 50, 40, 1); });
  int wrong = 0, left = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    wrong += ledger.committed(i, 1) != 80 || ledger.spent(i, 1) != 80;
    left += ledger.committed(i, 2) != 0;
  }
  CHECK(wrong == 0);
  CHECK(left == 0);
}

TEST_CASE("a hundred threads with room for ten send exactly ten") {
  for (int round = 0; round < 5; ++round) {
    Rules l{{.name = "wide", .most = n(1'000'000)},
            {.name = "all", .most = n(1'009), .window = budget::rolling(1h)},
            {.name = "tenant", .most = n(5'000), .window = budget::month(), .each = budget::Each::tenant}};
    std::atomic<int> sent{0};
    at_once(100, [&](int t) {
      if (Asking(std::to_string(t % 3)).reserve(l, 100)) ++sent;
    });
    CHECK(sent == 10);
    for (const char* rule : {"wide", "all"}) CHECK(used(l, rule) == n(1'000));
    CHECK(used(l, "tenant", "0") + used(l, "tenant", "1") + used(l, "tenant", "2") == n(1'000));
  }
}

TEST_CASE("whoever gives back makes room for one more and never for two, however often") {
  Rules l{{.name = "all", .most = n(200)}};
  std::atomic<int> under_way{0}, too_many{0}, sent{0};
  at_once(4, [&](int) {
    for (int i = 0; i < 40'000; ++i) {
      const auto r = Asking().reserve(l, 100);
      if (!r) continue;
      if (++under_way > 2) ++too_many;
      ++sent;
      --under_way;
      l.settle(*r, n(0), {});
    }
  });
  CHECK(too_many == 0);
  CHECK(sent > 1'000);
  CHECK(used(l) == n(0));
}

TEST_CASE("spent and reserved never pass the limit while threads reserve and settle over the edges of windows") {
  constexpr std::int64_t most = 1'000;
  Rules l{{.name = "all", .most = n(most), .window = budget::rolling(1s)},
          {.name = "each", .most = n(most / 2), .window = budget::rolling(100ms), .each = budget::Each::provider}};
  std::atomic<std::int64_t> clock{0}, under_way{0}, worst_seen{0};
  std::atomic<int> agreed{0};
  at_once(4, [&](int t) {
    const Asking a("", t % 2 == 0 ? "one" : "two");
    for (int i = 0; i < 4'000; ++i) {
      const Time now = Time{} + Duration(clock.fetch_add(1'000'000));
      const std::int64_t worst = 200 + (t * 31 + i * 17) % 300;
      const auto r = a.reserve(l, worst, now);
      if (!r) continue;
      ++agreed;
      const std::int64_t together = under_way.fetch_add(worst) + worst;
      for (std::int64_t seen = worst_seen; seen < together && !worst_seen.compare_exchange_weak(seen, together);) {
      }
      if (i % 16 == 0) std::this_thread::yield();
      under_way -= worst;
      l.settle(*r, n(worst / 50), now);
    }
  });
  CHECK(agreed > 100);
  CHECK(worst_seen <= most);
  const Time end = Time{} + Duration(clock.load());
  CHECK(tests::reserved(l, "all", end) == n(0));
  CHECK(used(l, "all", {}, end) <= n(most));
  // Nothing was lost and nothing counted twice: a window later all of it is gone.
  for (const char* of : {"one", "two"}) CHECK(Asking("", of).reserve(l, most / 2, end + 3s));
  CHECK(used(l, "all", {}, end + 3s) == n(most));
}

TEST_CASE("however many threads pass a threshold and ask for alerts, it is told once") {
  for (int round = 0; round < 50; ++round) {
    Rules l{{.name = "all", .most = n(800)}};
    std::atomic<int> half{0}, most{0}, full{0};
    at_once(8, [&](int) {
      const auto r = Asking().reserve(l, 100);
      l.each_alert([&](const BudgetAlert& a) { ++(a.threshold < 0.7 ? half : a.threshold < 0.9 ? most : full); });
      if (r) l.settle(*r, n(100), {});
    });
    l.each_alert([&](const BudgetAlert& a) { ++(a.threshold < 0.7 ? half : a.threshold < 0.9 ? most : full); });
    REQUIRE(half == 1);
    REQUIRE(most == 1);
    REQUIRE(full == 1);
  }
}

TEST_CASE("one may look at, save and ask limits while others use them") {
  Rules l{{.name = "all", .most = n(100'000'000), .window = budget::rolling(50ms)},
          {.name = "tenant", .most = n(100'000'000), .each = budget::Each::tenant}};
  std::atomic<bool> sound{true};
  at_once(3, [&](int t) {
    for (int i = 0; i < 500; ++i) {
      const Time now = Time{} + i * 1ms;
      const Asking a(std::to_string(i % 7));
      if (t == 0) {
        if (!Rules{{.name = "all", .most = n(1)}, {.name = "tenant", .most = n(1)}}.load(l.save())) sound = false;
        if (!a.has_room(l, 1, now) || l.status(now).text().empty()) sound = false;
      } else if (const auto r = a.reserve(l, 10, now)) {
        l.settle(*r, n(3), now);
      }
    }
  });
  CHECK(sound);
}

TEST_CASE("threads that write ahead keep to the limit, and the file says what they did") {
  const std::string path = "llmroute-budget-threads.txt";
  std::remove(path.c_str());
  std::atomic<std::int64_t> spent{0};
  {
    Rules l({{.name = "all", .most = n(5'000)}}, {.durable = path});
    REQUIRE(l.problem().empty());
    at_once(4, [&](int) {
      for (int i = 0; i < 200; ++i)
        if (const auto r = Asking().reserve(l, 100)) {
          l.settle(*r, n(10), {});
          spent += 10;
        }
    });
    CHECK(used(l) == n(spent));
    CHECK(spent > 4'900 - 300);
  }
  CHECK(used(Rules({{.name = "all", .most = n(5'000)}}, {.durable = path})) == n(spent));
  std::remove(path.c_str());
}
