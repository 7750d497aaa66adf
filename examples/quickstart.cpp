// SPDX-License-Identifier: MIT
// Asks the cheapest of three providers, and the next one when it fails. The providers are simulated, so that this runs with no
// key and no network; own_transport.cpp shows what is different in earnest.
// [readme:quickstart]
#include <iostream>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

using namespace llmroute;

int main() {
  sim::World world;  // simulated providers: this needs no key and no network
  world.add({.name = "swift", .price = {.input = per_million("0.05"), .output = per_million("0.04")}, .failure_rate = 1});
  world.add({.name = "frugal", .price = {.input = per_million("0.06"), .output = per_million("0.06")}});
  world.add({.name = "universal", .price = {.input = per_million("2.50"), .output = per_million("10")}});

  Router router{Fleet{world.providers()},
                sim::Network{world},  // how bytes reach a provider
                sim::Clock{world},
                ranking::Cheapest{},                      // try the cheapest first
                cooldown::CircuitBreaker{.failures = 3},  // rest what keeps failing
                classify::Keywords{}};                    // know code from small talk

  Result<Reply> reply = router.complete("What is a closure in JavaScript?");
  if (!reply) return std::cerr << reply.error() << '\n', 1;
  std::cout << reply->text << "\n-- " << reply->provider << ", " << reply->category << ", " << reply->latency << ", $"
            << reply->cost << '\n';
  for (const TrailEntry& attempt : reply->trail)
    if (attempt.ending == Ending::failed) std::cout << "   (" << attempt.provider << " failed: " << attempt.kind << ")\n";
}
// [/readme]
