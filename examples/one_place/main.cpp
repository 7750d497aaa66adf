// SPDX-License-Identifier: MIT
// The rest of a program: it includes ten lines, and compiles without the policies, the wire formats and the drivers.
#include <iostream>

#include "router.hpp"

int main() {
  std::cout << router().explain("What is a closure in JavaScript?", {.strategy = "latency"});
  const auto reply = router().complete("What is a closure in JavaScript?", {.strategy = "latency"});
  if (!reply) return std::cerr << reply.error() << '\n', 1;
  std::cout << reply->text << " -- " << reply->provider << "\n\n" << router().status();
}
