// SPDX-License-Identifier: MIT
#include <atomic>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "llmroute/router.hpp"
#include "llmroute/transport/from.hpp"

using namespace llmroute;

namespace {

Provider named(std::string name) {
  Provider p;
  p.url = "https://" + name + ".example/v1";
  p.name = std::move(name);
  p.key = Secret("k");
  return p;
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
