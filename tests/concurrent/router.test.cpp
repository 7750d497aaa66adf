// SPDX-License-Identifier: MIT
#include "llmroute/router.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "llmroute/transport/from.hpp"

using namespace llmroute;

namespace {

Provider named(std::string name, const char* key) {
  Provider p;
  p.url = "https://" + name + ".example/v1";
  p.name = std::move(name);
  p.key = Secret(key);
  return p;
}

/// Counts what it sees; all members are atomic, as a policy's must be.
struct Tally {
  std::atomic<int> sent{0}, ended{0}, finished{0};
  void observe(const Event& e) {
    if (e.what == Event::What::sent) ++sent;
    if (e.what == Event::What::ended) ++ended;
    if (e.what == Event::What::finished) ++finished;
  }
};

}  // namespace

TEST_CASE("many threads ask one router while its fleet is replaced: every request has one outcome and nothing is lost") {
  std::atomic<std::uint64_t> calls{0};
  Tally tally;
  Router router{Fleet{named("a", "k1"), named("b", "k1"), named("c", "k1")}, transport::from([&](const http::Request&) {
                  switch (mix(9, calls++) % 5) {
                    case 0: return http::Response{.status = 500, .body = "{}"};
                    case 1: return http::Response{.status = 429, .fields = {{"retry-after", "1"}}, .body = "{}"};
                    default:
                      return http::Response{.body = R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})"};
                  }
                }),
                std::ref(tally), retry::Off{}};
  std::atomic<int> outcomes{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const auto reply = router.complete("hi");
        ++outcomes;
        if (reply ? reply->text != "hi" || reply->provider.empty() : reply.error().message.empty()) ++wrong;
      }
    });
  threads.emplace_back([&] {
    for (int i = 0; i < 300; ++i) {
      if (!router.replace(Fleet{named("b", i % 2 ? "k1" : "k2"), named("a", "k1"), named(i % 3 ? "c" : "d", "k1")})) ++wrong;
      router.disable("a");
      router.enable("a");
    }
  });
  for (auto& t : threads) t.join();
  CHECK(outcomes == 2000);
  CHECK(wrong == 0);
  CHECK(tally.finished == 2000);
  CHECK(tally.sent == tally.ended);
  CHECK(router.core().in_flight() == 0);
  CHECK(router.core().extra() == 0);
  const auto places = router.core().pin();
  places->each_lane([](const auto& lane) { CHECK(lane.place->health.in_flight.load() == 0); });
}

TEST_CASE("a provider that is disabled while others find out that its key is refused, or works, stays disabled") {
  for (int round = 0; round < 50; ++round) {
    std::atomic<std::uint64_t> calls{0};
    Provider p = named("a", "k1");
    p.retry_key_after = Duration(1);  // a probe is due all the time
    Router router{Fleet{p}, transport::from([&](const http::Request&) {
                    if (mix(11, calls++) % 2 == 0) return http::Response{.status = 401, .body = "{}"};
                    return http::Response{.body = R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})"};
                  }),
                  retry::Off{}, cooldown::Off{}};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) static_cast<void>(router.complete("hi"));
      });
    router.disable("a");
    for (auto& t : threads) t.join();
    const std::uint64_t before = calls;
    CHECK_FALSE(router.complete("hi"));
    CHECK(calls == before);
  }
}
