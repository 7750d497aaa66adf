// SPDX-License-Identifier: MIT
// Aligned columns for people: what a status, an explanation or a comparison prints.
#ifndef LLMROUTE_TEXT_TABLE_HPP
#define LLMROUTE_TEXT_TABLE_HPP

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llmroute::detail {

/// The first so many characters in one line; what was cut shows as "...".
inline std::string shortened(std::string_view text, std::size_t characters) {
  std::string line;
  std::size_t count = 0;
  for (char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (begins && count++ == characters) return line + "...";
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  return line;
}

class TextTable {
 public:
  void row(std::initializer_list<std::string_view> cells) {
    std::vector<std::string> fresh;
    for (std::string_view cell : cells) fresh.emplace_back(cell);
    rows_.push_back(std::move(fresh));
  }

  std::string text() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (i == widths.size()) widths.push_back(0);
        if (const std::size_t w = width(row[i]); widths[i] < w) widths[i] = w;
      }
    std::string all;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i)
        line.append(row[i]).append(i + 1 < row.size() ? widths[i] - width(row[i]) + 2 : 0, ' ');
      while (!line.empty() && line.back() == ' ') line.pop_back();
      all.append(line).append(1, '\n');
    }
    return all;
  }

 private:
  static std::size_t width(std::string_view cell) noexcept {  // characters, not bytes
    std::size_t n = 0;
    for (char c : cell) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return n;
  }
  std::vector<std::vector<std::string>> rows_;
};

/// What `<<` writes, as a string.
template <class T>
std::string said(const T& value) {
  struct Line {
    std::string text{};
    Line& operator<<(std::string_view s) { return text.append(s), *this; }
    Line& operator<<(std::int64_t n) { return text.append(std::to_string(n)), *this; }
  } line;
  line << value;
  return std::move(line.text);
}

}  // namespace llmroute::detail

#endif
