// SPDX-License-Identifier: MIT
// Several strategies under names, one picked by each request; and why each of them asks whom it asks, before it is asked.
#include <iostream>

#include "here.hpp"

using namespace llmroute;

int main(int argc, char** argv) {
  Here here(argc, argv);
  // [readme:strategies]
  Router router{here.fleet(), here.transport(), here.clock(), ranking::by_name()};

  const ChatRequest request{.messages = "Name a river.", .max_tokens = 30};
  for (const char* strategy : {"priority", "cost", "latency", "weighted"}) {
    std::cout << '\n' << router.explain(request, {.strategy = strategy});  // sends nothing
    const Result<Reply> reply = router.complete(request, {.strategy = strategy});
    if (!reply) return std::cerr << reply.error() << '\n', 1;
    std::cout << "=> " << reply->provider << " in " << reply->latency << " for $" << reply->cost << '\n';
  }
  // [/readme]

  const Result<Reply> unknown = router.complete(request, {.strategy = "best"});
  std::cout << '\n' << unknown.error() << '\n';
  return unknown.error().kind == Kind::misconfigured ? 0 : 1;
}
