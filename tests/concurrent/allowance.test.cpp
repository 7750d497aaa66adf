// SPDX-License-Identifier: MIT
#include "llmroute/policy/allowance.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

TEST_CASE("however many threads begin a day together, each of their requests is counted") {
  constexpr int threads = 4, rounds = 2'000;
  const FreeAllowance one_each{.requests_per_day = threads};
  std::vector<Allowance> accounts(rounds);
  std::atomic<int> ready{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) {
        for (++ready; ready < threads * (round + 1);) std::this_thread::yield();
        accounts[static_cast<std::size_t>(round)].take(one_each, Time{} + 48h);
      }
    });
  for (std::thread& t : all) t.join();
  for (const Allowance& a : accounts) CHECK_FALSE(a.left(one_each, Time{} + 48h));
}
