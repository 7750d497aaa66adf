// SPDX-License-Identifier: MIT
// The one file that holds the configuration, and the only one that is compiled anew when it changes. What it costs: a call
// through a pointer, some nanoseconds, against the milliseconds of an answer.
#include "router.hpp"

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

using namespace llmroute;

namespace {
struct Simulated : sim::World {  // stands for the program's own HTTP client
  Simulated() {
    add({.name = "swift", .price = {.input = per_million("0.05"), .output = per_million("0.08")}});
    add({.name = "steady", .price = {.input = per_million("0.02"), .output = per_million("0.03")}});
  }
};
}  // namespace

RouterRef router() {
  static Simulated world;
  static Router the_router{Fleet{world.providers()}, sim::Network{world},  sim::Clock{world},
                           ranking::by_name(),       classify::Keywords{}, cooldown::ConsecutiveFailures{}};
  return the_router;
}
