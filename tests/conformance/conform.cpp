// SPDX-License-Identifier: MIT
// The program `conform`: see conform.hpp, or call it with --help.
#include "conformance/conform.hpp"

#include <iostream>
#include <string_view>
#include <vector>

int main(int count, char** words) {
  std::ios::sync_with_stdio(false);
  const std::vector<std::string_view> args(words + (count > 0), words + count);
  return conform::run(args, std::cin, std::cout, std::cerr);
}
