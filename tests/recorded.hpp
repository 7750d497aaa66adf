// SPDX-License-Identifier: MIT
// Recorded exchanges of real providers, which are not part of this project: LLMROUTE_CORPUS names their folder.
#ifndef LLMROUTE_TESTS_RECORDED_HPP
#define LLMROUTE_TESTS_RECORDED_HPP

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "llmroute/wire/json_reader.hpp"

namespace tests {

inline std::string file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// <folder>/<provider>/<name>/{meta.json, response.body, expected.json}
struct Recorded {
  std::filesystem::path folder{};
  std::string api{}, provider{}, kind{}, fidelity{}, body{}, expected{};
  int status = 0;
  bool streaming = false;
};

/// Calls `difference(recorded)` for each exchange that is `wanted(recorded)`: what differs from its independent reading, in
/// words. At least so many in a hundred have to be read alike.
template <class Wanted, class Difference>
void read_recorded(std::size_t least_percent, Wanted wanted, Difference difference) {
  const char* const folder = std::getenv("LLMROUTE_CORPUS");
  if (folder == nullptr) {
    WARN("skipped: LLMROUTE_CORPUS names no folder of recorded exchanges");
    return;
  }
  std::size_t total = 0, good = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().filename() != "meta.json") continue;
    const auto place = entry.path().parent_path();
    const std::string meta = file(entry.path());
    Recorded recorded;
    recorded.folder = place;
    llmroute::json::Reader in(meta);
    in.object([&](std::string_view key) {
      if (key == "api") in.text(recorded.api);
      else if (key == "provider") in.text(recorded.provider);
      else if (key == "body_kind") in.text(recorded.kind);
      else if (key == "fidelity") in.text(recorded.fidelity);
      else if (key == "status") in.integer(recorded.status);
      else if (key == "streaming") in.boolean(recorded.streaming);
    });
    if (!wanted(recorded)) continue;
    recorded.body = file(place / "response.body");
    recorded.expected = file(place / "expected.json");
    ++total;
    const std::string wrong = difference(recorded);
    good += wrong.empty();
    if (!wrong.empty()) WARN(place.string() << ": " << wrong);
  }
  WARN(good << " of " << total << " recorded exchanges read alike");
  CHECK(good * 100 >= total * least_percent);
}

}  // namespace tests

#endif
