// SPDX-License-Identifier: MIT
// Asks the cheapest of three providers, and the next one when it fails. The providers are simulated, so that this runs with no
// key and no network; the comment at the end says what is different in earnest.
#include <iostream>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

using namespace llmroute;

int main() {
  sim::World world;
  world.add({.name = "swift", .price = {.input = per_million("0.05"), .output = per_million("0.04")}, .failure_rate = 1});
  world.add({.name = "frugal", .price = {.input = per_million("0.06"), .output = per_million("0.06")}});
  world.add({.name = "universal", .price = {.input = per_million("0.18"), .output = per_million("0.18")}});

  Router router{
      Fleet{world.providers()},
      sim::Network{world},  // how bytes reach a provider
      sim::Clock{world},
      ranking::Cheapest{},                      // try the cheapest first
      cooldown::CircuitBreaker{.failures = 3},  // rest what keeps failing
      classify::Keywords{},                     // know code from small talk
  };

  for (const char* prompt : {"Explain gradient descent in two sentences.", "What is a closure?"}) {
    Result<Reply> reply = router.complete(prompt);
    if (!reply) return std::cerr << reply.error() << '\n', 1;
    std::cout << reply->text << "\n-- " << reply->provider << ", " << reply->category << ", " << reply->latency << ", $" << reply->cost
              << '\n';
    for (const TrailEntry& attempt : reply->trail)
      if (attempt.ending == Ending::failed) std::cout << "   (" << attempt.provider << " had failed: " << attempt.kind << ")\n";
  }
}

// In earnest: Fleet{providers::groq(), providers::together(), providers::openrouter()}, whose keys come from the environment,
// and an HTTP client of yours (see own_transport.cpp) in place of the network and the clock.
