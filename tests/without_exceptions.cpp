// SPDX-License-Identifier: MIT
// A program without a test framework: the umbrella must compile and run under -fno-exceptions and -fno-rtti, where the
// framework does not.
#include <llmroute/llmroute.hpp>

#include <cstdio>

int main() {
  const llmroute::Fleet fleet{};
  std::printf("a fleet takes %zu bytes\n", sizeof fleet);
}
