// SPDX-License-Identifier: MIT
#include "llmroute/text.hpp"

#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>

#include "catch.hpp"

using llmroute::ProviderName;
using llmroute::Text;
using namespace std::string_literals;
using namespace std::string_view_literals;

TEST_CASE("a text that fits is kept as it is") {
  STATIC_REQUIRE(ProviderName{}.empty());
  STATIC_REQUIRE(ProviderName("groq"sv) == "groq"sv);
  STATIC_REQUIRE(ProviderName("groq"sv).size() == 4);
  const std::string full(31, 'x');
  CHECK(ProviderName(full).view() == full);
  CHECK(Text<4>("a\0b"sv).view() == "a\0b"sv);
  CHECK(Text<4>("ab\xC3\xA9\xA9"sv.substr(0, 4)) == "ab\xC3\xA9");  // what follows is not looked at
}

TEST_CASE("a text that does not fit is cut, but never inside a character") {
  CHECK(Text<3>("abcd"sv) == "abc");
  CHECK(Text<3>("ab\xC3\xA9"sv) == "ab");              // two bytes, one of which would fit
  CHECK(Text<4>("ab\xC3\xA9 and"sv) == "ab\xC3\xA9");  // both fit
  CHECK(Text<4>("\xF0\x9F\x98\x80\xF0\x9F\x98\x80"sv) == "\xF0\x9F\x98\x80");
  CHECK(Text<5>("abcd\xF0\x9F\x98\x80"sv) == "abcd");
  CHECK(Text<6>("abcd\xF0\x9F\x98\x80"sv) == "abcd");
  CHECK(Text<7>("abcd\xF0\x9F\x98\x80"sv) == "abcd");
  CHECK(Text<3>("\xF0\x9F\x98\x80"sv).empty());
}

TEST_CASE("bytes that are no characters do not make a text vanish") {
  const std::string stray(600, '\x80');
  CHECK(Text<500>(stray).size() >= 497);
}

TEST_CASE("a shorter text leaves nothing of a longer one behind") {
  Text<31> t("a long name"sv);
  t = Text<31>("b"sv);
  CHECK(t == "b");
  CHECK(t.view().size() == 1);
  t = {};
  CHECK(t.empty());
}

TEST_CASE("texts compare with texts, views, strings and literals") {
  const ProviderName groq("groq"sv);
  CHECK(groq == ProviderName("groq"sv));
  CHECK(groq != ProviderName("groc"sv));
  CHECK(groq == "groq");
  CHECK("groq" == groq);
  CHECK(groq == std::string("groq"));
  CHECK(std::string("groq") == groq);
  CHECK(groq != "groq2"sv);
  const std::string_view view = groq;
  CHECK(view.data() == groq.view().data());
}

TEST_CASE("a text prints its bytes, and may be copied as memory") {
  std::ostringstream out;
  out << ProviderName("groq"sv) << '|' << Text<8>("a\0b"sv);
  CHECK(out.str() == "groq|a\0b"s);
  STATIC_REQUIRE(std::is_trivially_copyable_v<Text<500>>);
  STATIC_REQUIRE(ProviderName::capacity() == 31);
}
