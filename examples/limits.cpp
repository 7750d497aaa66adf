// SPDX-License-Identifier: MIT
// Two tenants, each with limits and a budget: what one has used up is not the other's, and who may wait is asked in time.
#include <functional>
#include <iostream>
#include <utility>
#include <vector>

#include "here.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
  Here here(argc, argv);
  // [readme:limits]
  std::vector<Provider> providers = here.fleet().providers();
  providers[0].limits = {.requests_per_minute = 30, .in_flight = 4};  // as its vendor states them

  Fleet fleet = Fleet{std::move(providers)}.tenants(
      {{.name = "acme", .limits = {.requests_per_minute = 60}}, {.name = "guest", .limits = {.requests_per_minute = 3}}});
  budget::Rules money{
      {.name = "each tenant", .most = dollars("0.50"), .window = budget::rolling(24h), .each = budget::Each::tenant}};
  Router router{std::move(fleet), here.transport(), here.clock(), std::ref(money)};
  // [/readme]

  const ChatRequest request{.messages = "Name a river.", .max_tokens = 30};
  const auto ask = [&](const Options& options) {
    const Result<Reply> reply = router.complete(request, options);
    if (reply) std::cout << options.tenant << ": " << reply->provider << " after " << reply->latency << '\n';
    else std::cout << options.tenant << " got nothing: " << reply.error() << '\n';
    return reply.has_value();
  };
  for (int i = 0; i < 3; ++i)
    if (!ask({.tenant = "guest"})) return 1;

  std::cout << '\n' << router.explain(request, {.tenant = "guest"}) << '\n';  // why nobody would be asked; sends nothing
  if (ask({.tenant = "guest"})) return 1;                                     // the fourth of three a minute is refused
  const bool others = ask({.tenant = "acme"});                                // and nobody else is
  const bool waited = ask({.tenant = "guest", .when_full = WhenFull::wait});

  std::cout << '\n' << router.status() << '\n' << money.status(here.clock().now());
  return others && waited ? 0 : 1;
}
