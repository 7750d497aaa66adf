// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "llmroute/router.hpp"
#include "llmroute/transport/from.hpp"
#include "route/by_hand.hpp"

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
Fleet letters(int n) {
  std::vector<Provider> all;
  for (int i = 0; i < n; ++i) all.push_back(named(std::string(1, static_cast<char>('a' + i))));
  return Fleet{std::move(all)};
}
/// Eight of them, that begin at the same moment.
template <class F>
void in_eight_threads(F&& f) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (++ready; ready < 8;) std::this_thread::yield();
      f(t);
    });
  for (auto& t : threads) t.join();
}
struct SlowPeak : ranking::PeakEwma {  // the others come in between
  std::size_t pick(const auto& candidates, const Query& q) const {
    const std::size_t at = PeakEwma::pick(candidates, q);
    std::this_thread::yield();
    return at;
  }
};
const ChatRequest hello{.messages = "Hello"};
const Options nothing{};
const Time noon{12h};

/// One request: who was asked, after `during(exchange, attempt)`.
template <class Core, class F>
std::size_t ask(Core& core, Delivery delivery, Time now, F&& during) {
  Exchange x(core, hello, nothing, delivery, Overlap::no, now);
  const AttemptId id = x.next(now).attempt;
  during(x, id);
  return static_cast<std::size_t>(x.provider(id).name[0] - 'a');
}
int in_flight(auto& core) {
  int all = 0;
  const auto pin = core.pin();
  for (const auto& lane : pin->group({}).lanes) all += lane.place->health.in_flight;
  return all;
}

}  // namespace

TEST_CASE("however many threads ask, Fastest has one of them find out about an unmeasured provider") {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> there{0}, most{0};
    std::atomic<bool> measuring{true};
    Router router{Fleet{named("unmeasured"), named("known")}, transport::from([&](const http::Request& q) {
                    if (q.url.find("unmeasured") != q.url.npos && measuring) {
                      const int now = ++there;
                      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
                      }
                      std::this_thread::yield();
                      --there;
                      return http::Response{.status = 429, .body = "{}"};  // so that it stays unmeasured
                    }
                    return http::Response{.body = R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})"};
                  }),
                  ranking::Fastest{}, cooldown::Off{}};
    REQUIRE(router.complete("hi", {.allow = {"known"}}));
    std::atomic<int> ready{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (++ready; ready < 4;) std::this_thread::yield();
        static_cast<void>(router.complete("hi"));
      });
    for (auto& t : threads) t.join();
    CHECK(most == 1);
  }
}

TEST_CASE("however many threads ask, RoundRobin gives each provider the same") {
  std::atomic<int> a{0}, b{0};
  Router router{Fleet{named("a"), named("b")}, transport::from([&](const http::Request& q) {
                  ++(q.url.find("//a.") != q.url.npos ? a : b);
                  return http::Response{.body = R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})"};
                }),
                ranking::RoundRobin{}};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) static_cast<void>(router.complete("hi"));
    });
  for (auto& t : threads) t.join();
  CHECK(a == 1000);
  CHECK(b == 1000);
}

TEST_CASE("eight threads that choose at the same moment never share a provider for LeastBusy, as long as some are idle") {
  struct Slowly : ranking::LeastBusy {  // the others come in between
    double score(const Candidate& c, const Query& q) const {
      const double score = LeastBusy::score(c, q);
      if (c.index == 15) std::this_thread::yield();
      return score;
    }
  };
  for (int round = 0; round < 50; ++round) {
    auto core = tests::core_of(letters(16), Slowly{}, cooldown::Off{});
    std::array<std::atomic<int>, 16> asked{};
    std::atomic<int> there{0};
    in_eight_threads([&](int) {
      ++asked[ask(core, Delivery::whole, noon, [&](auto&, AttemptId) {
        for (++there; there < 8;) std::this_thread::yield();  // until all have chosen
      })];
    });
    for (const auto& n : asked) REQUIRE(n <= 1);
  }
}

TEST_CASE("whatever happens in eight threads, LeastBusy leaves nothing in flight") {
  auto core = tests::core_of(letters(4), ranking::LeastBusy{}, cooldown::Off{});
  in_eight_threads([&](int) {
    for (int i = 0; i < 500; ++i)
      ask(core, Delivery::whole, noon, [&](auto& x, AttemptId id) {
        if (i % 3 == 0) x.ended(id, tests::good(), noon);
        if (i % 3 == 1) x.ended(id, tests::failed(Kind::server_error, 500), noon);  // else it is dropped
      });
  });
  CHECK(in_flight(core) == 0);
}

TEST_CASE("eight threads share providers without limits evenly for Headroom") {
  auto core = tests::core_of(letters(4), ranking::Headroom{});
  core.seed(tests::seed());
  std::array<std::atomic<int>, 4> count{};
  in_eight_threads([&](int) {
    for (int i = 0; i < 500; ++i)
      ++count[ask(core, Delivery::whole, noon, [](auto& x, AttemptId id) { x.ended(id, tests::good(), noon); })];
  });
  INFO("--rng-seed " << tests::seed());
  for (const auto& n : count) CHECK((n > 835 && n < 1'165));  // 6 deviations
}

TEST_CASE("whatever happens in eight threads while fleets are replaced, PeakEwma counts nobody as waiting in the end") {
  auto core = tests::core_of(letters(5), ranking::PeakEwma{}, cooldown::Off{});
  std::atomic<std::uint64_t> wrong{0};
  in_eight_threads([&](int thread) {
    for (int i = 0; i < 400; ++i) {
      if (thread == 0 && i % 20 == 0) {
        if (!core.replace(letters(i % 40 == 0 ? 4 : 5))) ++wrong;
        continue;
      }
      const Time now = noon + std::chrono::milliseconds(i);
      ask(core, i % 2 == 0 ? Delivery::stream : Delivery::whole, now, [&](auto& x, AttemptId id) {
        if (i % 4 == 0) x.content(id, now + 20ms);
        std::this_thread::yield();
        if (i % 5 < 2) x.ended(id, tests::good(), now + 20ms);
        if (i % 5 == 2) x.ended(id, tests::failed(Kind::timed_out), now + 30ms);
        if (i % 5 == 3) x.cancel(), x.next(now + 1ms);
      });
      const auto pin = core.pin();
      for (const auto& lane : pin->group({}).lanes)
        for (const auto& side : lane.place->memory.sides) wrong += side.waiting.count() > 8;
    }
  });
  CHECK(wrong == 0);
  CHECK(in_flight(core) == 0);
  const auto pin = core.pin();
  for (const auto& lane : pin->group({}).lanes)
    for (const auto& side : lane.place->memory.sides) {
      CHECK(side.waiting.count() == 0);
      CHECK(side.waiting.ms(noon + 1h) == 0);
      CHECK(side.estimate.ms(noon, 60s) <= 5'000);  // the penalty, and no torn word
    }
}

TEST_CASE("of eight threads, one finds out about a provider that PeakEwma does not know") {
  Provider known = named("b");
  known.expected_latency = 1ms;
  for (int round = 0; round < 50; ++round) {
    auto core = tests::core_of(Fleet{named("a"), known}, SlowPeak{});
    std::atomic<int> asked{0}, there{0};
    in_eight_threads([&](int) {
      asked += ask(core, Delivery::whole, noon, [&](auto&, AttemptId) {
                 for (++there; there < 8;) std::this_thread::yield();  // until all have chosen
               }) == 0;
    });
    REQUIRE(asked == 1);
  }
}

TEST_CASE("eight threads that count one another as waiting count exactly") {
  detail::Awaited waiting;
  in_eight_threads([&](int thread) {
    for (int i = 0; i < 100'000; ++i) {
      const Time began = noon + std::chrono::milliseconds(thread * 1'000 + i);
      waiting.add(began);
      waiting.remove(began);
    }
  });
  CHECK(waiting.count() == 0);
  waiting.add(noon);
  CHECK(waiting.ms(noon + 1s) == 1'000);  // nothing is left of the others' times
}

TEST_CASE("what eight threads measure for Fastest is the figure of all that is in its ring") {
  for (const ranking::Fastest& fastest : {ranking::Fastest{.last = 32}, ranking::Fastest{.percentile = 1}}) {
    std::vector<ranking::Fastest::State> states(10'000);  // each a race of its own
    in_eight_threads([&](int thread) {
      for (auto& state : states) {
        const Outcome o{.ending = Ending::won, .first_content = std::chrono::milliseconds(100 + thread * 10)};
        fastest.learn(state, {.what = Event::What::ended, .outcome = &o, .now = noon});
      }
    });
    int wrong = 0;
    for (const auto& state : states) {
      const float expected = fastest.last > 0 ? 135 : 170;
      const float figure = state.measures[0].figure;
      wrong += !(figure > expected - 0.01f && figure < expected + 0.01f);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("eight threads draw by price and by limit in the given shares") {
  using By = ranking::Weighted::By;
  for (By by : {By::inverse_square_price, By::rpm, By::tpm}) {
    Provider one = named("a"), two = named("b");
    one.price = {per_million("2"), per_million("2"), {}};
    two.price = {per_million("1"), per_million("1"), {}};
    one.limits = {.requests_per_minute = 1e7, .tokens_per_minute = 1e9};
    two.limits = {.requests_per_minute = 4e7, .tokens_per_minute = 4e9};
    auto core = tests::core_of(Fleet{one, two}, ranking::Weighted{.by = by}, cooldown::Off{});
    core.seed(tests::seed());
    std::atomic<int> first{0};
    in_eight_threads([&](int) {
      for (int i = 0; i < 500; ++i)
        first += ask(core, Delivery::whole, noon, [](auto& x, AttemptId id) { x.ended(id, tests::good(), noon); }) == 0;
    });
    INFO("--rng-seed " << tests::seed());
    CHECK((first > 648 && first < 952));  // a fifth of 4,000, and 6 deviations
  }
}

TEST_CASE("eight threads get from Priority, Cheapest, ByCategory, Weighted and a Choice of them whom each of them names") {
  Provider dear = named("dear"), cheap = named("cheap"), coder = named("coder");
  dear.price = {per_million("9"), per_million("9")};
  cheap.price = {per_million("1"), per_million("1")};
  coder.price = {per_million("5"), per_million("5")};
  coder.strengths = {"code"};
  dear.weight = 1, cheap.weight = 3, coder.weight = 0;
  auto core = tests::core_of(
      Fleet{dear, cheap, coder},
      ranking::Choice{ranking::Priority{}, ranking::Cheapest{}, ranking::ByCategory{}, ranking::Weighted{}}, cooldown::Off{});
  core.seed(tests::seed());
  const ChatRequest request{.messages = "hi"};
  const Options priority{.strategy = "priority"}, cost{.strategy = "cost"},
      category{.strategy = "category", .category = "code"}, weighted{.strategy = "weighted"};
  std::atomic<int> wrong{0}, light{0};
  in_eight_threads([&](int) {
    const auto first = [&](const Options& options) {
      Exchange x(core, request, options, Delivery::whole, Overlap::no, noon);
      const Step s = x.next(noon);
      const std::string who = s.what == Step::Do::send ? x.provider(s.attempt).name : "nobody";
      x.ended(s.attempt, tests::good(), noon);
      return who;
    };
    for (int i = 0; i < 500; ++i) {
      wrong += first(priority) != "dear";
      wrong += first(cost) != "cheap";
      wrong += first(category) != "coder";
      const std::string drawn = first(weighted);
      wrong += drawn != "dear" && drawn != "cheap";
      light += drawn == "dear";
    }
  });
  INFO("--rng-seed " << tests::seed());
  CHECK(wrong == 0);
  CHECK((light > 835 && light < 1165));  // a quarter of 4,000, and 6 deviations
}
