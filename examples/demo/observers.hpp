// SPDX-License-Identifier: MIT
// Observers: a line for each attempt in a log, and the figures of many requests in a table.
#ifndef LLMROUTE_EXAMPLES_DEMO_OBSERVERS_HPP
#define LLMROUTE_EXAMPLES_DEMO_OBSERVERS_HPP

#include <cstdint>
#include <iostream>
#include <string_view>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "print.hpp"

namespace demo {

inline void show_log(std::uint64_t seed) {
  using namespace llmroute;
  heading("What is written down? observe::Log, a line for each attempt of one request");

  sim::World world{seed};
  const Price price{per_million("0.05"), per_million("0.08")};
  world.add({.name = "shaky", .price = price}).answer_with(sim::Answer::error(503));
  world.add({.name = "steady", .price = price});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world},
                observe::Log{[](std::string_view line) { std::cout << line << '\n'; }}};
  static_cast<void>(router.complete("Name a river."));
}

inline void show_figures(const llmroute::observe::Stats& stats) {
  heading("What has it cost, and what was saved? observe::Stats of the dozen prompts");
  std::cout << stats.figures();
}

}  // namespace demo

#endif
