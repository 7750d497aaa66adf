// SPDX-License-Identifier: MIT
#include "llmroute/wire/utf8.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../catch.hpp"

namespace utf8 = llmroute::utf8;
using namespace std::string_view_literals;
using utf8::Found;

namespace {

utf8::Sequence first_of(std::string_view text) { return utf8::sequence(text.data(), text.data() + text.size()); }

}  // namespace

TEST_CASE("every code point is written as UTF-8 that is read back whole") {
  std::size_t wrong = 0;
  for (char32_t point = 0; point <= 0x10FFFF; ++point) {
    std::string text;
    utf8::append(text, point);
    const utf8::Sequence sequence = first_of(text);
    const std::size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (sequence.found != Found::whole || sequence.length != length || text.size() != length) ++wrong;
    if ((text == utf8::replacement) != (point == 0xFFFD || (point >= 0xD800 && point <= 0xDFFF))) ++wrong;
  }
  CHECK(wrong == 0);
  std::string text;
  utf8::append(text, 0x20AC);
  utf8::append(text, 0x1F600);
  utf8::append(text, 0x110000);
  CHECK(text == "\xE2\x82\xAC\xF0\x9F\x98\x80\xEF\xBF\xBD");
}

TEST_CASE("exactly the well-formed sequences of up to three bytes are whole") {
  // An independent count: decode by arithmetic, then ask whether the shortest form of the result is what was there.
  std::size_t whole = 0, wrong = 0;
  for (std::uint32_t bytes = 0; bytes < 0x1000000; bytes += bytes < 0xC00000 ? 0x10000 : 1) {
    const unsigned a = bytes >> 16, b = bytes >> 8 & 0xFF, c = bytes & 0xFF;
    const std::string text{static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)};
    const utf8::Sequence sequence = first_of(text);
    const bool tail_b = (b & 0xC0) == 0x80, tail_c = (c & 0xC0) == 0x80;
    std::size_t expected = a < 0x80 ? 1 : 0;
    if (a >> 5 == 6 && tail_b && (a & 0x1F) >= 2) expected = 2;
    const unsigned point = (a & 0xF) << 12 | (b & 0x3F) << 6 | (c & 0x3F);
    if (a >> 4 == 14 && tail_b && tail_c && point >= 0x800 && (point < 0xD800 || point > 0xDFFF)) expected = 3;
    if ((sequence.found == Found::whole ? sequence.length : 0) != expected) ++wrong;
    whole += expected == 3 ? 1 : 0;
  }
  CHECK(wrong == 0);
  CHECK(whole == 0x10000 - 0x800 - 0x800);
}

TEST_CASE("what is not well-formed is passed over in as large a piece as could have begun a character") {
  struct Case {
    std::string_view text;
    Found found;
    std::size_t length;
  };
  const Case cases[] = {
      {"\x80"sv, Found::broken, 1},
      {"\xBF\x80"sv, Found::broken, 1},
      {"\xC0\x80"sv, Found::broken, 1},
      {"\xC1\xBF"sv, Found::broken, 1},
      {"\xC2 "sv, Found::broken, 1},
      {"\xE0\x9F\xBF"sv, Found::broken, 1},
      {"\xE2\x82 "sv, Found::broken, 2},
      {"\xE2\x82\xC3"sv, Found::broken, 2},
      {"\xED\xA0\x80"sv, Found::broken, 1},
      {"\xED\x9F\xBF"sv, Found::whole, 3},
      {"\xF0\x8F\xBF\xBF"sv, Found::broken, 1},
      {"\xF0\x90\x80 "sv, Found::broken, 3},
      {"\xF4\x8F\xBF\xBF"sv, Found::whole, 4},
      {"\xF4\x90\x80\x80"sv, Found::broken, 1},
      {"\xF5\x80\x80\x80"sv, Found::broken, 1},
      {"\xFF"sv, Found::broken, 1},
      {"\0"sv, Found::whole, 1},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK(first_of(c.text).found == c.found);
    CHECK(first_of(c.text).length == c.length);
  }
}

TEST_CASE("a sequence whose rest lies behind the end is cut, not broken") {
  for (const std::string_view text : {"\xC3\xA4"sv, "\xE2\x82\xAC"sv, "\xF0\x9F\x98\x80"sv}) {
    for (std::size_t kept = 1; kept < text.size(); ++kept) {
      CHECK(first_of(text.substr(0, kept)).found == Found::cut);
      CHECK(first_of(text.substr(0, kept)).length == kept);
    }
  }
  CHECK(first_of("\xED\xA0"sv).found == Found::broken);
}
