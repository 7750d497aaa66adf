// SPDX-License-Identifier: MIT
// Every fuzz target over its own seeds and some thousand mutations of them, the same each time: what a compiler without
// libFuzzer can say, within two seconds.
#include <cstddef>
#include <string>
#include <string_view>

#include "../catch.hpp"
#include "llmroute/wire/printable.hpp"
#include "target.hpp"

namespace {

using tests::fuzz::Plan;
using tests::fuzz::Target;

// One change; `other` is another seed, to take a piece from.
void mutate(std::string& bytes, std::string_view other, Plan& plan) {
  const auto piece = [&plan](std::string_view of) {
    const std::size_t from = plan.below(of.size() + 1);
    return of.substr(from, plan.below(17));
  };
  const std::size_t at = plan.below(bytes.size() + 1);
  switch (plan.below(8)) {
    case 0:
      if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ 1 << plan.below(8));
      break;
    case 1:
      if (at < bytes.size()) bytes[at] = "\0\n\r\"\\{}[],:0-.eE\xFF\xC3\x80"[plan.below(20)];
      break;
    case 2: bytes.resize(at); break;
    case 3: bytes.erase(at, 1 + plan.below(8)); break;
    case 4: bytes.insert(at, std::string(piece(bytes))); break;
    case 5: bytes.insert(at, piece(other)); break;
    case 6: bytes.replace(at, plan.below(8), piece(other)); break;
    default: bytes = bytes.substr(0, at) + std::string(other.substr(plan.below(other.size() + 1))); break;
  }
}

// Says which input it is that fails.
void run(const Target& target, std::string_view bytes) {
  try {
    target.run(bytes);
  } catch (const tests::fuzz::Broken& broken) {
    FAIL(target.name << ": " << broken.what() << ", but not with " << llmroute::printable(bytes, 4'000));
  }
}

void run_all(const Target& target, std::size_t mutations) {
  REQUIRE(!target.seeds.empty());
  for (const std::string_view seed : target.seeds) run(target, seed);
  Plan plan(target.name);
  for (std::size_t i = 0; i < mutations; ++i) {
    std::string bytes(target.seeds[i % target.seeds.size()]);
    for (std::size_t n = 1 + plan.below(3); n-- > 0;) mutate(bytes, target.seeds[plan.below(target.seeds.size())], plan);
    run(target, bytes);
  }
}

}  // namespace

TEST_CASE("no fuzz target finds a fault in mutations of its seeds") {
  using namespace tests::fuzz;
  SECTION("json") { run_all(json_target, 6'000); }
  SECTION("json_writer") { run_all(json_writer_target, 4'000); }
  SECTION("sse") { run_all(sse_target, 2'000); }
  SECTION("json_stream") { run_all(json_stream_target, 6'000); }
  SECTION("headers") { run_all(headers_target, 1'500); }
  SECTION("openai") { run_all(openai_target, 400); }
  SECTION("anthropic") { run_all(anthropic_target, 400); }
  SECTION("gemini") { run_all(gemini_target, 400); }
}
