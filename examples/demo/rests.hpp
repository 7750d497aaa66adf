// SPDX-License-Identifier: MIT
// A provider that says "not now" rests as long as it asked, and its health is not blamed; one that is dead opens its circuit.
#ifndef LLMROUTE_EXAMPLES_DEMO_RESTS_HPP
#define LLMROUTE_EXAMPLES_DEMO_RESTS_HPP

#include <chrono>
#include <iostream>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "print.hpp"

namespace demo {

inline void show_rests() {
  using namespace llmroute;
  using namespace std::chrono_literals;
  heading("Is \"too many requests\" a failure? One provider says it, another is dead");

  sim::World world;
  world.add({.name = "busy"}).answer_with(sim::Answer::rate_limited(45s));
  world.add({.name = "dead", .outages = {{.how = sim::Outage::refuses}}});
  world.add({.name = "steady"});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world},
                cooldown::CircuitBreaker{.failures = 2, .open = 30s}};

  const auto ask = [&] {
    std::cout << "at " << world.elapsed() / 1s << " s: ";
    const Result<Reply> reply = router.complete("Anything.");
    print_attempts(reply ? reply->trail : reply.error().trail);
    std::cout << '\n';
    world.advance(10s);
  };
  for (int i = 0; i < 3; ++i) ask();
  std::cout << router.status();
  world.advance(15s);
  ask();
}

}  // namespace demo

#endif
