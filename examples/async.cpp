// SPDX-License-Identifier: MIT
// Three requests in flight at once on one thread, and one of them is cancelled. The loop is the simulated network's; with an
// asynchronous HTTP client it is the client's own.
#include <iostream>
#include <string_view>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

using namespace llmroute;
using namespace std::chrono_literals;

int main() {
  sim::World world;
  world.add({.name = "swift", .first_content = 150ms, .requests_per_minute = 2});
  world.add({.name = "steady", .first_content = 600ms});
  sim::Network network{world};
  Router router{Fleet{world.providers()}, network, sim::Clock{world}};

  int left = 3;
  const auto tell = [&](std::string_view who) {
    return [&, who](const Result<Reply>& reply) {  // called once, on the network's loop
      --left;
      std::cout << Elapsed(world.elapsed()) << ": " << who << ", ";
      if (reply) std::cout << reply->provider << " answered\n";
      else std::cout << reply.error().kind << '\n';
    };
  };
  // What start() returns is the request in flight: it stays where it is, and destroying it cancels.
  auto first = router.start({.messages = "Name a river."}, tell("first"));
  auto second = router.start({.messages = "Name a mountain."}, tell("second"));
  auto third = router.start({.messages = "Name a city."}, tell("third"));  // swift's limit is reached: steady gets it
  std::cout << "three requests are under way\n";

  world.advance(100ms);
  second.cancel();
  network.run_until([&] { return left == 0; });
  return first.finished() && third.finished() ? 0 : 1;
}
