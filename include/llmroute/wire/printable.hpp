// SPDX-License-Identifier: MIT
// Makes a stranger's words fit for a log or a terminal: one line of valid UTF-8 without control characters, and not
// longer than it may be.
#ifndef LLMROUTE_WIRE_PRINTABLE_HPP
#define LLMROUTE_WIRE_PRINTABLE_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "llmroute/wire/utf8.hpp"

namespace llmroute {

/// Appends `text` in at most `limit` bytes: a line end as the two characters \ and n, any other control character as
/// \xNN, what is no UTF-8 as U+FFFD. It is cut between characters, never inside of one or of what stands for one.
inline void append_printable(std::string& out, std::string_view text, std::size_t limit) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  const std::size_t end_of_room = out.size() + limit;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    const utf8::Sequence sequence = utf8::sequence(at, end);
    std::string_view piece(at, sequence.length);
    char escape[4] = {'\\', 'x', '0', '0'};
    const auto lead = static_cast<unsigned char>(piece[0]);
    // U+0080 to U+009F are control characters too: terminals take U+009B for the start of a command.
    const bool second_block = lead == 0xC2 && piece.size() == 2 && static_cast<unsigned char>(piece[1]) < 0xA0;
    if (sequence.found != utf8::Found::whole) {
      piece = utf8::replacement;
    } else if (lead == '\n') {
      piece = "\\n";
    } else if (lead < 0x20 || lead == 0x7F || second_block) {
      const auto code = static_cast<unsigned char>(piece.back());  // of U+0080 and up, the second byte is the code point
      escape[2] = hex[code / 16];
      escape[3] = hex[code % 16];
      piece = {escape, 4};
    }
    if (piece.size() > end_of_room - out.size()) return;
    out.append(piece);
    at += sequence.length;
  }
}

/// The same as a string of its own.
inline std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  append_printable(out, text, limit);
  return out;
}

/// Puts *** in the place of a secret, wherever it stands: in one pass, as a stranger may have repeated it without end. One that
/// is shorter than `least` could be part of any word, and stays.
inline void hide(std::string& words, std::string_view secret, std::size_t least) {
  if (secret.empty() || secret.size() < least || words.find(secret) == words.npos) return;
  std::string out;
  std::size_t from = 0;
  for (std::size_t at = 0; (at = words.find(secret, from)) != words.npos; from = at + secret.size())
    out.append(words, from, at - from).append("***");
  words = std::move(out.append(words, from));
}

}  // namespace llmroute

#endif
