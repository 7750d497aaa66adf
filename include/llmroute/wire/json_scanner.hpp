// SPDX-License-Identifier: MIT
//
// The words of JSON: where a string, a number or a literal ends, whether it is well-formed, and what a string says.
// The reader walks with this; the writer borrows from it.
#ifndef LLMROUTE_WIRE_JSON_SCANNER_HPP
#define LLMROUTE_WIRE_JSON_SCANNER_HPP

#include "llmroute/wire/number.hpp"
#include "llmroute/wire/utf8.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace llmroute::json::detail {

// The first byte from `at` on that a JSON string cannot take as it is: a quote, a backslash, a control, or no ASCII.
inline const char* end_of_plain(const char* at, const char* end) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101, high = ones << 7;
  for (std::uint64_t word; end - at >= 8; at += 8) {
    std::memcpy(&word, at, 8);
    // A byte borrows from its neighbour only where it is one of those itself.
    const std::uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    if (((word | (word - ones * 0x20) | (quote - ones) | (backslash - ones)) & high) != 0) break;
  }
  for (; at != end; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') break;
  }
  return at;
}

// Appends what the inside of a valid string literal stands for. Half a surrogate pair becomes U+FFFD.
inline void append_unescaped(std::string_view literal, std::string& out) {
  const auto hex = [literal](std::size_t at) {
    char32_t point = 0;
    for (const char c : literal.substr(at, 4)) {
      point = point * 16 + static_cast<char32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return point;
  };
  for (std::size_t at = 0; at < literal.size();) {
    const std::size_t plain = literal.find('\\', at);
    out.append(literal.substr(at, plain - at));
    if (plain == std::string_view::npos) return;
    const char escape = literal[plain + 1];
    at = plain + 2;
    if (escape == 'u') {
      char32_t point = hex(at);
      at += 4;
      if (point >= 0xD800 && point < 0xDC00 && literal.substr(at, 2) == "\\u") {
        const char32_t second = hex(at + 2);
        if (second >= 0xDC00 && second < 0xE000) {
          point = 0x10000 + ((point - 0xD800) << 10) + (second - 0xDC00);
          at += 6;
        }
      }
      utf8::append(out, point);
    } else {
      constexpr std::string_view letters = "bfnrt", controls = "\b\f\n\r\t";
      const std::size_t index = letters.find(escape);
      out.push_back(index == std::string_view::npos ? escape : controls[index]);
    }
  }
}

// A string between its quotes, as it stands in the text.
struct Literal {
  std::string_view inside;
  bool escaped = false;

  void append_to(std::string& out) const {
    if (escaped) {
      append_unescaped(inside, out);
    } else {
      out.append(inside);
    }
  }

  // What it says, built in `scratch` only if it must be.
  [[nodiscard]] std::string_view text(std::string& scratch) const {
    if (!escaped) return inside;
    scratch.clear();
    append_unescaped(inside, scratch);
    return scratch;
  }
};

// A place in a text. The first failure stays, and takes the place to the end, where nothing matches any more.
class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  bool fail(const char* message) noexcept {
    if (!failed()) {
      error_ = at_end() ? "the text ends too early" : message;
      failed_at_ = at_;
    }
    at_ = end_;
    return false;
  }
  [[nodiscard]] bool failed() const noexcept { return error_ != nullptr; }
  [[nodiscard]] std::string_view error() const noexcept { return failed() ? error_ : std::string_view(); }
  [[nodiscard]] std::size_t offset() const noexcept { return static_cast<std::size_t>((failed() ? failed_at_ : at_) - begin_); }

  [[nodiscard]] bool at_end() const noexcept { return at_ == end_; }
  [[nodiscard]] bool sees(char c) const noexcept { return !at_end() && *at_ == c; }
  // The byte at hand, or the one that no JSON contains.
  [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : *at_; }
  // From `from`, an earlier offset(), to here.
  [[nodiscard]] std::string_view since(std::size_t from) const noexcept {
    return failed() ? std::string_view() : std::string_view(begin_ + from, offset() - from);
  }
  void back_to(std::size_t offset) noexcept { at_ = begin_ + offset; }

  bool take(char c) noexcept {
    if (!sees(c)) return false;
    ++at_;
    return true;
  }
  void skip_space() noexcept {
    while (!at_end() && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  bool word(std::string_view expected) noexcept {
    for (const char c : expected) {
      if (!take(c)) return fail("true, false or null was expected");
    }
    return true;
  }

  bool number() noexcept {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits();
  }

  // At the opening quote.
  bool string(Literal& out) noexcept {
    const char* const from = ++at_;
    out.escaped = false;
    for (;;) {
      at_ = end_of_plain(at_, end_);
      if (at_end()) return fail("");
      const auto byte = static_cast<unsigned char>(*at_);
      if (byte == '"') break;
      if (byte == '\\') {
        out.escaped = true;
        ++at_;
        if (!escape()) return false;
      } else if (byte < 0x20) {
        return fail("a control character in a string must be escaped");
      } else {
        const utf8::Sequence sequence = utf8::sequence(at_, end_);
        if (sequence.found == utf8::Found::cut) at_ = end_;
        if (sequence.found != utf8::Found::whole) return fail("a string is not UTF-8");
        at_ += sequence.length;
      }
    }
    out.inside = {from, static_cast<std::size_t>(at_ - from)};
    ++at_;
    return true;
  }

 private:
  bool digits() noexcept {
    if (!is_digit(peek())) return fail("a digit was expected");
    while (is_digit(peek())) ++at_;
    return true;
  }

  // Behind the backslash. Half a surrogate pair is let through here, as the grammar has it.
  bool escape() noexcept {
    if (take('u')) {
      for (int i = 0; i < 4; ++i, ++at_) {
        const char lower = static_cast<char>(peek() | 0x20);
        if (!is_digit(peek()) && (lower < 'a' || lower > 'f')) return fail("four hexadecimal digits were expected");
      }
      return true;
    }
    if (at_end() || std::string_view("\"\\/bfnrt").find(*at_) == std::string_view::npos) return fail("no such escape");
    ++at_;
    return true;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* failed_at_ = nullptr;
  const char* error_ = nullptr;
};

}  // namespace llmroute::json::detail

#endif
