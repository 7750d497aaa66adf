// SPDX-License-Identifier: MIT
// RetryPolicy: everybody was asked once and failed, and a moment later one of them may answer.
#ifndef LLMROUTE_EXAMPLES_DEMO_RETRY_HPP
#define LLMROUTE_EXAMPLES_DEMO_RETRY_HPP

#include <iostream>
#include <string_view>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "print.hpp"

namespace demo {

template <llmroute::RetryPolicy Retry>
void survive_a_hiccup(std::string_view name, Retry retry) {
  using namespace llmroute;
  sim::World world;
  for (const char* provider : {"one", "two"}) world.add({.name = provider}).answer_with(sim::Answer::error(503));
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, retry};

  const Result<Reply> reply = router.complete("Anything.");
  std::cout << name;
  print_attempts(reply ? reply->trail : reply.error().trail);
  if (reply)
    std::cout << " after a pause of " << Elapsed(reply->trail[2].started - reply->trail[1].started - reply->trail[1].took);
  std::cout << (reply ? "\n" : ": no answer\n");
}

inline void show_retries() {
  heading("Everybody failed once: is another round worth it?");
  survive_a_hiccup("Off      ", llmroute::retry::Off{});
  survive_a_hiccup("Backoff  ", llmroute::retry::Backoff{});
}

}  // namespace demo

#endif
