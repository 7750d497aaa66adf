// SPDX-License-Identifier: MIT
//
// UTF-8 one sequence at a time: what the JSON reader and writer need to check text and to build it. Well-formed is what
// Unicode (table 3-7) says it is: no overlong forms, no surrogates, nothing above U+10FFFF.
#ifndef LLMROUTE_WIRE_UTF8_HPP
#define LLMROUTE_WIRE_UTF8_HPP

#include <cstddef>
#include <string>
#include <string_view>

namespace llmroute::utf8 {

/// U+FFFD, which stands where the bytes were not text.
inline constexpr std::string_view replacement = "\xEF\xBF\xBD";

enum class Found {
  whole,   ///< a well-formed sequence
  broken,  ///< bytes that begin no well-formed sequence: one U+FFFD stands for all of them
  cut,     ///< the beginning of a sequence whose rest lies behind the end
};

struct Sequence {
  Found found = Found::broken;
  std::size_t length = 1;  ///< in bytes, at least 1 and never past the end
};

/// The sequence that begins at `at`, which must lie before `end`.
[[nodiscard]] constexpr Sequence sequence(const char* at, const char* end) noexcept {
  const auto lead = static_cast<unsigned char>(*at);
  if (lead < 0x80) return {Found::whole, 1};
  if (lead < 0xC2 || lead > 0xF4) return {Found::broken, 1};
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // Only the second byte's range depends on the first; that is where overlong forms, surrogates and > U+10FFFF end.
  unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (std::size_t i = 1; i < length; ++i, low = 0x80, high = 0xBF) {
    if (at + i == end) return {Found::cut, i};
    const auto byte = static_cast<unsigned char>(at[i]);
    if (byte < low || byte > high) return {Found::broken, i};
  }
  return {Found::whole, length};
}

/// Appends one code point; a surrogate or a number above U+10FFFF becomes U+FFFD.
inline void append(std::string& out, char32_t point) {
  const auto byte = [&out](char32_t bits) { out.push_back(static_cast<char>(static_cast<unsigned char>(bits))); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xC0 | point >> 6);
    byte(0x80 | (point & 0x3F));
  } else if ((point >= 0xD800 && point <= 0xDFFF) || point > 0x10FFFF) {
    out.append(replacement);
  } else {
    if (point < 0x10000) {
      byte(0xE0 | point >> 12);
    } else {
      byte(0xF0 | point >> 18);
      byte(0x80 | (point >> 12 & 0x3F));
    }
    byte(0x80 | (point >> 6 & 0x3F));
    byte(0x80 | (point & 0x3F));
  }
}

}  // namespace llmroute::utf8

#endif
