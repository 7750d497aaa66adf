// SPDX-License-Identifier: MIT
// The smallest whole program; compile_cost.sh counts what the compiler has to do for it.
#include <llmroute/llmroute.hpp>

int main() {
  using namespace llmroute;
  Router router{Fleet{providers::groq()}, transport::from([](const http::Request&) { return http::Response{}; })};
  return router.complete("hello") ? 0 : 1;
}
