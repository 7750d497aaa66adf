// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "llmroute/router.hpp"
#include "llmroute/transport/from.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

constexpr int threads = 8;
constexpr const char* answer = R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})";

Provider provider(std::string name, int order = 0) {
  Provider p;
  p.url = "https://" + name + ".example/v1";
  p.name = std::move(name);
  p.key = Secret("k");
  p.order = order;
  p.price = {per_million("1"), per_million("2"), {}};
  return p;
}
template <class F>
void at_once(F&& f) {
  std::atomic<int> ready{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      for (++ready; ready < threads;) std::this_thread::yield();
      f(t);
    });
  for (auto& t : all) t.join();
}

}  // namespace

TEST_CASE("however many threads ask, each session has one provider once it was answered") {
  Router router{Fleet{provider("a"), provider("b"), provider("c"), provider("d")},
                transport::from([](const http::Request&) { return http::Response{.body = answer}; }),
                ranking::Sticky{ranking::Order{}}};
  std::atomic<int> strayed{0}, failed{0};
  std::array<std::array<int, 4>, threads> bound{};
  at_once([&](int t) {
    for (int s = 0; s < 50; ++s) {
      const Options options{.session = std::to_string(t) + "/" + std::to_string(s)};
      std::string first;
      for (int i = 0; i < 5; ++i) {
        const auto reply = router.complete("hi", options);
        if (!reply) {
          ++failed;
          continue;
        }
        const std::string now(std::string_view(reply->provider));
        if (first.empty()) first = now, ++bound[static_cast<std::size_t>(t)][static_cast<std::size_t>(now[0] - 'a')];
        strayed += now != first;
      }
    }
  });
  CHECK(failed == 0);
  CHECK(strayed < 5 * 20);  // two of 400 sessions may fall on one of the 4,096 entries: about 19 pairs do, a few times each
  for (std::size_t p = 0; p < 4; ++p) {
    int sessions = 0;
    for (const auto& b : bound) sessions += b[p];
    CHECK((sessions > 50 && sessions < 150));  // 100 each, by chance
  }
}

TEST_CASE("threads that share one session of a Sticky all end up with one provider") {
  Router router{Fleet{provider("a"), provider("b"), provider("c")},
                transport::from([](const http::Request&) { return http::Response{.body = answer}; }),
                ranking::Sticky{ranking::Order{}, {.entries = 1}}};
  at_once([&](int) {
    for (int i = 0; i < 100; ++i) static_cast<void>(router.complete("hi", {.session = "shared"}));
  });
  std::array<std::atomic<int>, 3> asked{};
  at_once([&](int) {
    for (int i = 0; i < 20; ++i)
      if (const auto reply = router.complete("hi", {.session = "shared"}))
        ++asked[static_cast<std::size_t>(std::string_view(reply->provider)[0] - 'a')];
  });
  int with_somebody = 0;
  for (const auto& a : asked) with_somebody += a > 0;
  CHECK(with_somebody == 1);
  CHECK(asked[0] + asked[1] + asked[2] == threads * 20);
}

TEST_CASE("however many threads ask, a ladder asks nobody of the second order while the first answers") {
  std::array<std::atomic<int>, 4> asked{};
  std::atomic<bool> ill{false};
  Router router{Fleet{provider("a", 1), provider("b", 1), provider("c", 2), provider("d", 2)},
                transport::from([&](const http::Request& q) {
                  const auto who = static_cast<std::size_t>(q.url[q.url.find("//") + 2] - 'a');
                  ++asked[who];
                  if (ill && who < 2) return http::Response{.status = 503, .body = "{}"};
                  return http::Response{.body = answer};
                }),
                ranking::Order{ranking::Evenly{}, {.climb_on = {ranking::statuses(500, 599)}}}, cooldown::Off{}};
  std::atomic<int> failed{0};
  at_once([&](int) {
    for (int i = 0; i < 200; ++i) failed += !router.complete("hi");
  });
  CHECK(failed == 0);
  CHECK((asked[0] > 600 && asked[1] > 600));
  CHECK(asked[2] + asked[3] == 0);
  ill = true;
  for (auto& a : asked) a = 0;
  at_once([&](int) {
    for (int i = 0; i < 100; ++i) failed += !router.complete("hi");
  });
  CHECK(failed == 0);
  CHECK((asked[0] == threads * 100 && asked[1] == threads * 100));  // both, before anybody of the second
  CHECK(asked[2] + asked[3] == threads * 100);
}

TEST_CASE("however many threads ask, all that a Then and a Blend choose from is what may be asked") {
  std::array<std::atomic<int>, 4> asked{};
  Provider dear = provider("d");
  dear.price = {per_million("10"), per_million("20"), {}};
  const auto count = transport::from([&](const http::Request& q) {
    ++asked[static_cast<std::size_t>(q.url[q.url.find("//") + 2] - 'a')];
    return http::Response{.body = answer};
  });
  using namespace ranking;
  Router router{Fleet{provider("a"), provider("b"), provider("c"), dear}, count,
                Choice{Then{Cheapest{}, within(0.20), Then{Fastest{}, within(1'000), RoundRobin{}}},
                       Blend{.cost = 0.5, .latency = 0.1, .load = 0.2}}};
  std::atomic<int> failed{0};
  at_once([&](int t) {
    const Options options{.strategy = t % 2 == 0 ? "then" : "blend"};
    for (int i = 0; i < 200; ++i) failed += !router.complete("hi", options);
  });
  CHECK(failed == 0);
  CHECK(asked[3] == 0);  // not within 20 %, and by cost alone worse than all else can make up for
  CHECK(asked[0] + asked[1] + asked[2] == threads * 200);
}
