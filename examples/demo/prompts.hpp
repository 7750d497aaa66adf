// SPDX-License-Identifier: MIT
// The main job: a dozen prompts, some of them streamed, over three providers of which one limits and one falls silent.
#ifndef LLMROUTE_EXAMPLES_DEMO_PROMPTS_HPP
#define LLMROUTE_EXAMPLES_DEMO_PROMPTS_HPP

#include <chrono>
#include <iostream>
#include <string_view>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/world.hpp>

#include "print.hpp"

namespace demo {

inline constexpr llmroute::Price price_of_universal{.input = llmroute::per_million("2.50"),
                                                    .output = llmroute::per_million("10")};

/// A cheap one that is flaky and goes silent for half a minute, a fast one with a tight rate limit, and one for everything.
inline void add_providers(llmroute::sim::World& world) {
  using namespace llmroute;
  using namespace std::chrono_literals;
  world.add({.name = "frugal",
             .model = "frugal-8b",
             .first_content = 420ms,
             .tokens_per_second = 90,
             .jitter = 0.3,
             .price = {.input = per_million("0.02"), .output = per_million("0.03")},
             .failure_rate = 0.08,
             .outages = {{.from = 45s, .until = 75s, .how = sim::Outage::hangs}},
             .strengths = {"simple", "medium"}});
  world.add({.name = "swift",
             .model = "swift-8b",
             .first_content = 130ms,
             .tokens_per_second = 800,
             .jitter = 0.3,
             .price = {.input = per_million("0.05"), .output = per_million("0.08")},
             .requests_per_minute = 2,
             .strengths = {"code", "simple"}});
  world.add({.name = "universal",
             .model = "universal-1",
             .first_content = 900ms,
             .tokens_per_second = 60,
             .jitter = 0.3,
             .price = price_of_universal,
             .strengths = {"complex"}});
}

/// False: nobody answered any of them.
inline bool ask_a_dozen_prompts(llmroute::RouterRef router, llmroute::sim::World& world) {
  using enum llmroute::Delivery;
  struct Prompt {
    std::string_view text;
    llmroute::Delivery how = whole;
  };
  constexpr Prompt prompts[]{
      {"What is a closure in JavaScript?"},
      {"Fix this async function that has a race condition"},
      {"Design a distributed rate limiter that handles 10K requests/sec"},
      {"Debug this async function"},
      {"How to boil an egg?", stream},
      {"The function returned undefined - what went wrong?"},
      {"Write a haiku about debugging", stream},
      {"Convert 30 miles to kilometres"},
      {"Who painted the ceiling of the Sistine Chapel?"},
      {"Analyze and compare B-trees and LSM trees, and explain why one would choose either", stream},
      {"Refactor this class and fix the import error"},
      {"When is the next leap year?"},
  };

  heading("A dozen prompts: each kind of task has its providers, and who fails or is limited is replaced");
  bool answered = false;
  for (const Prompt& prompt : prompts) {
    if (&prompt != &prompts[0]) world.advance(std::chrono::seconds(7));
    int pieces = 0;
    const auto reply = prompt.how == stream ? router.stream(prompt.text, [&](const llmroute::Delta&) { ++pieces; })
                                            : router.complete(prompt.text);
    if (!reply) {
      std::cout << "   => nobody answers: " << reply.error() << '\n';
      continue;
    }
    answered = true;
    std::cout << "   => " << reply->provider << " answers in " << reply->latency << " for $" << reply->cost;
    if (pieces > 0) std::cout << ", in " << pieces << " pieces, the first after " << reply->first_content;
    std::cout << (pieces > 0 && reply->trail.size() > 1 ? ": its reader saw no failure\n" : "\n");
  }
  return answered;
}

inline void show_status(llmroute::RouterRef router) {
  heading("How is everybody now? router.status() after the dozen prompts; who asked for a rest has not failed");
  std::cout << router.status();
}

}  // namespace demo

#endif
