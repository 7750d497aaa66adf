// SPDX-License-Identifier: MIT
// What libFuzzer is linked with: LLMROUTE_FUZZ_TARGET is the target's name. Where LLMROUTE_FUZZ_SEEDS names a folder, the
// target's own seeds are written there first.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "target.hpp"

namespace {
const tests::fuzz::Target& target = tests::fuzz::LLMROUTE_FUZZ_TARGET;
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const folder = std::getenv("LLMROUTE_FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  for (std::size_t i = 0; i < target.seeds.size(); ++i) {
    const std::string_view seed = target.seeds[i];
    std::ofstream(std::string(folder).append("/seed-").append(std::to_string(i)), std::ios::binary) << seed;
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target.run(size == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
