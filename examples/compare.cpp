// SPDX-License-Identifier: MIT
// Puts one question to every provider, and prints what each of them takes, costs and says. One of the simulated ones fails.
#include <iostream>

#include "here.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
  Here here(argc, argv);
  if (!here.live()) here.world().provider("universal").answer_with(sim::Answer::rate_limited(20s));
  Router router{here.fleet(), here.transport(), here.clock()};

  // [readme:compare]
  const Comparison answers = router.compare({.messages = "What is a closure in JavaScript?", .max_tokens = 60});
  std::cout << answers;
  // [/readme]

  int answered = 0;
  for (const Comparison::Row& row : answers) answered += row.reply.has_value();
  return answered > 0 ? 0 : 1;
}
