// SPDX-License-Identifier: MIT
// Prints a reply as it is made. A provider that breaks before its first word is replaced without a trace; the callback may stop.
#include <iostream>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

using namespace llmroute;
using namespace std::chrono_literals;

int main() {
  sim::World world;
  world.add({.name = "shaky"}).answer_with(sim::Answer::stream({"never", "seen"}, 20ms).cut_after(0));
  world.add({.name = "steady"}).answer_with(sim::Answer::stream({"Light ", "scatters ", "in ", "the ", "air."}, 20ms));
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}};

  // [readme:streaming]
  const auto reply = router.stream("Why is the sky blue?", [](const Delta& piece) { std::cout << piece.text << std::flush; });
  if (!reply) return std::cerr << reply.error() << '\n', 1;
  std::cout << "\n-- " << reply->provider << ", first word after " << reply->first_content << '\n';
  // [/readme]

  int words = 0;
  const auto enough = router.stream("And the sea?", [&](const Delta&) { return ++words < 3; });
  if (enough || enough.error().kind != Kind::cancelled) return 1;
  std::cout << "stopped after: " << enough.error().partial << '\n';
}
