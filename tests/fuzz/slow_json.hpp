// SPDX-License-Identifier: MIT
// JSON read the plain way: by recursive descent into a tree, UTF-8 by decoding it, numbers by strtod. It shares nothing
// with the library, so where the two differ, one of them is wrong.
#ifndef LLMROUTE_TESTS_FUZZ_SLOW_JSON_HPP
#define LLMROUTE_TESTS_FUZZ_SLOW_JSON_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests::slow {

struct Value {
  enum class Kind { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  bool truth = false;
  std::string text{};               // what a string says
  std::vector<Value> items{};       // of an array, or of an object's members
  std::vector<std::string> keys{};  // of an object, in their order
  std::string_view source{};        // as it stands in the text
  std::size_t depth = 0;            // containers in containers, this one included
};

// Bits of a code point that a UTF-8 sequence of that many bytes may have: no overlong forms, no surrogates.
struct Utf8 {
  std::size_t size = 0;  // of the sequence that its first byte announces; 0: none begins so
  std::size_t seen = 0;  // bytes of it that may stand there
  char32_t point = 0;

  explicit Utf8(std::string_view text) {
    const auto at = [text](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
    const char32_t lead = at(0);
    size = lead < 0x80                   ? 1
           : lead >= 0xF0 && lead < 0xF8 ? 4
           : lead >= 0xE0 && lead < 0xF0 ? 3
           : lead >= 0xC0 && lead < 0xE0 ? 2
                                         : 0;
    if (size == 0) return;
    point = size == 1 ? lead : lead & ((char32_t{1} << (7 - size)) - 1);
    while (seen < size) {
      if (seen > 0) {
        if (seen == text.size() || at(seen) >> 6 != 2) return;
        point = point << 6 | (at(seen) & 0x3F);
      }
      const std::size_t open = 6 * (size - 1 - seen);  // bits that are still to come
      const char32_t least = point << open, greatest = least | ((char32_t{1} << open) - 1);
      constexpr char32_t from[]{0, 0x80, 0x800, 0x10000}, to[]{0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
      if (greatest < from[size - 1] || least > to[size - 1] || (least >= 0xD800 && greatest <= 0xDFFF)) return;
      ++seen;
    }
  }
  bool whole() const { return size != 0 && seen == size; }
};

inline void append_utf8(std::string& out, char32_t point) {
  const std::size_t more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  constexpr unsigned lead[]{0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(static_cast<unsigned char>(lead[more] | point >> (6 * more)));
  for (std::size_t i = more; i-- > 0;) out += static_cast<char>(static_cast<unsigned char>(0x80 | (point >> (6 * i) & 0x3F)));
}

inline bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8 next(text);
    if (!next.whole()) return false;
    text.remove_prefix(next.size);
  }
  return true;
}

/// With U+FFFD for each run of bytes that begins like a sequence but is none, as Unicode advises.
inline std::string made_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8 next(text);
    const std::size_t size = next.seen == 0 ? 1 : next.seen;
    if (next.whole()) out += text.substr(0, size);
    else append_utf8(out, 0xFFFD);
    text.remove_prefix(size);
  }
  return out;
}

inline double to_double(std::string_view number) { return std::strtod(std::string(number).c_str(), nullptr); }

/// By moving the point in the digits as they are written.
inline std::optional<std::int64_t> to_integer(std::string_view number) {
  const bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  const std::size_t e = number.find_first_of("eE");
  std::int64_t exponent = 0;
  if (e != number.npos) {
    std::string_view digits = number.substr(e + 1);
    const bool minus = digits.starts_with('-');
    if (minus || digits.starts_with('+')) digits.remove_prefix(1);
    for (const char c : digits) exponent = (std::min)(exponent * 10 + (c - '0'), std::int64_t{1'000'000'000'000});
    if (minus) exponent = -exponent;
    number = number.substr(0, e);
  }
  const std::size_t point = number.find('.');
  std::string digits(number.substr(0, point));
  if (point != number.npos) {
    digits += number.substr(point + 1);
    exponent -= static_cast<std::int64_t>(number.size() - point - 1);
  }
  while (digits.ends_with('0')) digits.pop_back(), ++exponent;
  digits.erase(0, (std::min)(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty()) return 0;
  if (exponent < 0 || exponent > 18) return std::nullopt;
  digits.append(static_cast<std::size_t>(exponent), '0');
  const std::string_view most = negative ? "9223372036854775808" : "9223372036854775807";
  if (digits.size() > most.size() || (digits.size() == most.size() && digits > most)) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : digits) value = value * 10 - (c - '0');
  return negative ? value : -value;
}

class Reader {
 public:
  Reader(std::string_view text, std::size_t depth) : text_(text), most_(depth) {}

  /// The value at hand, with the blanks before it passed over.
  std::optional<Value> value(std::size_t depth = 0) {
    blanks();
    const std::size_t from = at_;
    Value out;
    if (!read(out, depth)) return std::nullopt;
    out.source = text_.substr(from, at_ - from);
    return out;
  }
  /// Whether nothing but blanks follows.
  bool at_end() {
    blanks();
    return at_ == text_.size();
  }

 private:
  bool sees(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(char c) { return sees(c) && (++at_, true); }
  void blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool word(std::string_view letters) {
    if (!text_.substr(at_).starts_with(letters)) return false;
    at_ += letters.size();
    return true;
  }
  bool digits() {
    const std::size_t from = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ != from;
  }

  bool read(Value& out, std::size_t depth) {
    if (sees('{') || sees('[')) return depth < most_ && container(out, depth);
    if (sees('"')) {
      out.kind = Value::Kind::string;
      return string(out.text);
    }
    if (word("null")) return true;
    out.kind = Value::Kind::boolean;
    if (word("true")) return out.truth = true;
    if (word("false")) return true;
    out.kind = Value::Kind::number;
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits();
  }

  bool container(Value& out, std::size_t depth) {
    const bool object = text_[at_++] == '{';
    const char end = object ? '}' : ']';
    out.kind = object ? Value::Kind::object : Value::Kind::array;
    out.depth = 1;
    blanks();
    if (take(end)) return true;
    do {
      blanks();
      if (object) {
        if (!sees('"') || !string(out.keys.emplace_back())) return false;
        blanks();
        if (!take(':')) return false;
      }
      auto item = value(depth + 1);
      if (!item) return false;
      out.depth = (std::max)(out.depth, item->depth + 1);
      out.items.push_back(std::move(*item));
      blanks();
    } while (take(','));
    return take(end);
  }

  // Into UTF-16 units first, where they are escaped: what makes a pair is seen at the end.
  bool string(std::string& out) {
    std::vector<std::pair<char32_t, bool>> units;  // and whether it is one of UTF-16
    for (++at_; !take('"');) {
      if (at_ == text_.size()) return false;
      const Utf8 next(text_.substr(at_));
      if (!next.whole() || next.point < 0x20) return false;
      at_ += next.size;
      if (next.point != '\\') {
        units.emplace_back(next.point, false);
        continue;
      }
      if (at_ == text_.size()) return false;
      const char letter = text_[at_++];
      if (letter == 'u') {
        char32_t unit = 0;
        for (int i = 0; i < 4; ++i) {
          constexpr std::string_view hex = "0123456789abcdefABCDEF";
          const std::size_t digit = at_ < text_.size() ? hex.find(text_[at_++]) : hex.npos;
          if (digit == hex.npos) return false;
          unit = unit * 16 + static_cast<char32_t>(digit < 16 ? digit : digit - 6);
        }
        units.emplace_back(unit, true);
      } else {
        constexpr std::string_view letters = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
        const std::size_t index = letters.find(letter);
        if (index == letters.npos) return false;
        units.emplace_back(static_cast<char32_t>(meant[index]), false);
      }
    }
    for (std::size_t i = 0; i < units.size(); ++i) {
      char32_t point = units[i].first;
      if (point >> 11 == 0x1B) {
        const bool pair =
            point >> 10 == 0x36 && i + 1 < units.size() && units[i + 1].second && units[i + 1].first >> 10 == 0x37;
        point = pair ? 0x10000 + (point - 0xD800) * 0x400 + (units[++i].first - 0xDC00) : 0xFFFD;
      }
      append_utf8(out, point);
    }
    return true;
  }

  std::string_view text_;
  std::size_t most_;
  std::size_t at_ = 0;
};

/// The tree of a text that is one value and nothing else, nested at most so deeply.
inline std::optional<Value> json(std::string_view text, std::size_t depth = 128) {
  Reader in(text, depth);
  auto value = in.value();
  return value && in.at_end() ? std::move(value) : std::nullopt;
}

}  // namespace tests::slow

#endif
