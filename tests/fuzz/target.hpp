// SPDX-License-Identifier: MIT
// A fuzz target is a function that looks at any bytes and throws where the library does not keep a promise. libFuzzer
// drives it (./dev fuzz, libfuzzer.cpp), and so do the unit tests over its seeds and mutations of them (fuzz.test.cpp).
#ifndef LLMROUTE_TESTS_FUZZ_TARGET_HPP
#define LLMROUTE_TESTS_FUZZ_TARGET_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tests::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view bytes);
  std::span<const std::string_view> seeds;
};

extern const Target json_target, json_writer_target, sse_target, json_stream_target, headers_target, openai_target,
    anthropic_target, gemini_target;

/// A promise that was not kept. libFuzzer catches nothing: there it ends the program, and the input is written down.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void expect(bool kept, std::string_view promise) {
  if (!kept) throw Broken(std::string(promise));
}

/// Decisions that hang on the input alone, so that an input is no more than what is to be read: any file is one.
class Plan {
 public:
  explicit Plan(std::string_view bytes) noexcept {
    for (const char c : bytes) state_ = (state_ ^ static_cast<unsigned char>(c)) * 1'099'511'628'211u;  // FNV-1a
  }
  explicit Plan(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {  // splitmix64
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  /// Less than `count`, which is not 0.
  std::size_t below(std::size_t count) noexcept { return static_cast<std::size_t>(next() % count); }
  bool one_in(std::size_t count) noexcept { return below(count) == 0; }

 private:
  std::uint64_t state_ = 14'695'981'039'346'656'037u;
};

/// How a body is cut: into one piece, into single bytes, or into pieces of random sizes.
enum class Cut { nowhere, everywhere, somewhere };

/// Hands on copies that end where the piece ends and are gone behind the call, for a sanitizer to see who keeps a view.
/// `take(piece)` says whether to go on; returns the last answer.
template <class Take>
bool in_pieces(std::string_view bytes, Cut cut, Plan plan, Take take) {
  const std::size_t most = std::size_t{1} << plan.below(9);
  while (!bytes.empty()) {
    std::size_t size = cut == Cut::nowhere ? bytes.size() : cut == Cut::everywhere ? 1 : 1 + plan.below(most);
    if (size > bytes.size()) size = bytes.size();
    const std::vector<char> piece(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    if (!take(std::string_view(piece.data(), piece.size()))) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

}  // namespace tests::fuzz

#endif
