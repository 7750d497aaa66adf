// SPDX-License-Identifier: MIT
// A program without a test framework: the umbrella must compile and run under -fno-exceptions and -fno-rtti, where the
// framework does not.
#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include <cstdio>

#include "consumers/program.hpp"

using namespace llmroute;

int main() {
  sim::World world;
  world.add({.name = "shaky"}).answer_with(sim::Answer::error(500)).answer_with(sim::Answer::stream({"lost"}, {}).cut_after(0));
  world.add({.name = "steady"});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ranking::Cheapest{}, classify::Keywords{}};

  std::size_t streamed = 0;
  const auto whole = router.complete("Why is the sky blue?");
  const auto stream = router.stream("And the sea?", [&](const Delta& d) { streamed += d.text.size(); });
  bool called = false;
  const auto pending = router.start("And the grass?", [&](Result<Reply> r) { called = r.has_value(); });
  world.run();
  if (!whole || !stream || streamed != stream->text.size() || !called) return 1;
  std::printf("%s and %s answered\n", whole->provider.text().c_str(), stream->provider.text().c_str());
  return route_once();
}
