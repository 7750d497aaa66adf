// SPDX-License-Identifier: MIT
#include <llmroute/llmroute.hpp>

#include <cstdio>

int main() {
  const llmroute::Fleet fleet{};
  std::printf("a fleet takes %zu bytes\n", sizeof fleet);
}
