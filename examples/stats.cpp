// SPDX-License-Identifier: MIT
// Watches a router at work: a line for each attempt, figures by provider and by category, and how the providers are in the end.
#include <iostream>

#include "here.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
  Here here(argc, argv);
  if (!here.live()) here.world().provider("frugal").answer_with(sim::Answer::error(503));

  // [readme:stats]
  observe::Stats stats{{.reference = observe::Reference{.name = "gpt-4o", .price = {per_million("2.50"), per_million("10")}}}};
  observe::Log log{[](std::string_view line) { std::cout << line << '\n'; }};
  Router router{here.fleet(), here.transport(), here.clock(), ranking::Cheapest{}, classify::Keywords{}, std::ref(stats), log};
  // [/readme]

  int answered = 0;
  for (const char* prompt : {"What is a closure in JavaScript?", "Debug this async function", "Name a river.",
                             "Convert 30 miles to kilometres", "Fix this async function that has a race condition"}) {
    answered += router.complete({.messages = prompt, .max_tokens = 30}).has_value();
    if (!here.live()) here.world().advance(20s);
  }

  std::cout << '\n' << stats.figures() << '\n' << stats.figures(observe::Window::minute, here.clock().now());
  std::cout << '\n' << router.status();
  return answered > 0 ? 0 : 1;
}
