// SPDX-License-Identifier: MIT
// RankingStrategy: the same requests under each of the rankings that ship.
#ifndef LLMROUTE_EXAMPLES_DEMO_RANKING_HPP
#define LLMROUTE_EXAMPLES_DEMO_RANKING_HPP

#include <chrono>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <iterator>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "print.hpp"

namespace demo {

inline void show_rankings(std::uint64_t seed) {
  using namespace llmroute;
  using namespace std::chrono_literals;
  heading("Whom to ask first? The same six requests under each ranking, and what they cost and take");

  sim::World world{seed};
  world.add({.name = "universal",
             .first_content = 900ms,
             .price = {.input = per_million("2.50"), .output = per_million("10")},
             .strengths = {"complex"}});
  world.add({.name = "swift",
             .first_content = 130ms,
             .tokens_per_second = 800,
             .price = {.input = per_million("0.05"), .output = per_million("0.08")},
             .strengths = {"code"}});
  world.add({.name = "frugal",
             .first_content = 420ms,
             .price = {.input = per_million("0.02"), .output = per_million("0.03")},
             .strengths = {"simple", "medium"}});

  // `ranking::by_name()` is a Choice of the first four.
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world},
                ranking::Choice{ranking::Priority{}, ranking::Cheapest{}, ranking::Fastest{},
                                ranking::Weighted{.by = ranking::Weighted::By::reliability}, ranking::RoundRobin{},
                                ranking::ByCategory{}}};

  constexpr const char* tasks[]{"simple", "code", "complex", "code", "medium", "simple"};
  std::cout << std::left << std::setw(13) << "strategy";
  for (const char* task : tasks) std::cout << std::setw(11) << task;
  std::cout << std::setw(13) << "cost" << "mean time\n";

  for (const char* strategy : {"priority", "cost", "latency", "weighted", "round robin", "category"}) {
    Money cost;
    Duration time{};
    std::cout << std::setw(13) << strategy;
    for (const char* task : tasks) {
      const Result<Reply> reply =
          router.complete({.messages = "Something to do.", .max_tokens = 20}, {.strategy = strategy, .category = task});
      if (!reply) continue;
      std::cout << std::setw(11) << reply->provider;
      cost += reply->cost.amount;
      time += reply->latency;
    }
    std::cout << std::setw(13) << "$" + cost.text() << Elapsed(time / std::ssize(tasks)) << '\n';
  }

  const Result<Reply> unknown = router.complete("Something to do.", {.strategy = "best"});
  if (!unknown) std::cout << unknown.error() << '\n';
}

}  // namespace demo

#endif
