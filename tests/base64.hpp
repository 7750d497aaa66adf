// SPDX-License-Identifier: MIT
// The conformance suites write bytes in base64.
#ifndef LLMROUTE_TESTS_BASE64_HPP
#define LLMROUTE_TESTS_BASE64_HPP

#include <string>
#include <string_view>

namespace tests {

inline std::string from_base64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned held = 0;
  int bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    held = (held << 6 | static_cast<unsigned>(digits.find(c))) & 0xFFFF;
    if ((bits += 6) >= 8) bytes.push_back(static_cast<char>(static_cast<unsigned char>(held >> (bits -= 8))));
  }
  return bytes;
}

}  // namespace tests

#endif
