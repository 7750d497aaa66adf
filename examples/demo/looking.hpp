// SPDX-License-Identifier: MIT
// What a router tells of one request: whom it would ask and why, what became of it, and what everybody else would have said.
#ifndef LLMROUTE_EXAMPLES_DEMO_LOOKING_HPP
#define LLMROUTE_EXAMPLES_DEMO_LOOKING_HPP

#include <chrono>
#include <cstdint>
#include <iostream>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "print.hpp"

namespace demo {

inline void show_looking(std::uint64_t seed) {
  using namespace llmroute;
  using namespace std::chrono_literals;
  heading("Why did it go there? explain before, the trail after, and compare for all of them");

  sim::World world{seed};
  world.add({.name = "universal",
             .model = "universal-1",
             .first_content = 900ms,
             .price = {.input = per_million("2.50"), .output = per_million("10")}});
  world.add({.name = "swift",
             .model = "swift-8b",
             .first_content = 130ms,
             .price = {.input = per_million("0.05"), .output = per_million("0.08")}});
  world.add({.name = "frugal",
             .model = "frugal-8b",
             .first_content = 420ms,
             .price = {.input = per_million("0.02"), .output = per_million("0.03")}});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ranking::Cheapest{}, classify::Keywords{}};

  const ChatRequest request{.messages = "What is a closure in JavaScript?", .max_tokens = 60};
  const Options options{.price_ceiling = Money::parse("0.0001")};
  std::cout << router.explain(request, options);  // sends nothing

  world.provider("frugal").answer_with(sim::Answer::rate_limited(20s));
  const Result<Reply> reply = router.complete(request, options);

  std::cout << "what happened: ";
  print_attempts(reply ? reply->trail : reply.error().trail);
  std::cout << "\ncompare:\n" << router.compare(request);  // asks everybody
}

}  // namespace demo

#endif
