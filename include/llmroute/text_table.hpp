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

#include "llmroute/wire/printable.hpp"

namespace llmroute::detail {

/// The first so many characters in one line; what was cut shows as "...".
inline std::string shortened(std::string_view text, std::size_t characters) {
  std::string line;
  std::size_t count = 0;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end; ++count) {
    if (count == characters) return line + "...";
    const std::string_view character(at, utf8::sequence(at, end).length);
    const auto lead = static_cast<unsigned char>(*at);
    if (lead < 0x20 || lead == 0x7F) line += ' ';
    else append_printable(line, character, 4);
    at += character.size();
  }
  return line;
}

/// Cells as wide as the widest of their column, in characters. Whatever strangers' words are in one, its row stays one line.
class TextTable {
 public:
  enum class Align : bool { left, right };  // of all columns but the first, which is flush left

  explicit TextTable(Align align = Align::left, std::size_t indent = 0) : align_(align), indent_(indent) {}

  void row(std::initializer_list<std::string_view> cells) {
    std::vector<std::string> fresh;
    for (std::string_view cell : cells) fresh.push_back(printable(cell, 400));
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
      std::string line(indent_, ' ');
      for (std::size_t i = 0; i < row.size(); ++i) {
        const std::string room(widths[i] - width(row[i]), ' ');
        if (i > 0) line += "  ";
        if (i > 0 && align_ == Align::right) line.append(room).append(row[i]);
        else line.append(row[i]).append(room);
      }
      while (!line.empty() && line.back() == ' ') line.pop_back();
      all.append(line).append(1, '\n');
    }
    return all;
  }

 private:
  static std::size_t width(std::string_view cell) noexcept {
    std::size_t n = 0;
    for (char c : cell) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return n;
  }

  std::vector<std::vector<std::string>> rows_{};
  Align align_;
  std::size_t indent_;
};

}  // namespace llmroute::detail

#endif
