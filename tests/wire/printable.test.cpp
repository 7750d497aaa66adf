// SPDX-License-Identifier: MIT
#include "llmroute/wire/printable.hpp"

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

#include "../catch.hpp"

using llmroute::printable;
using namespace std::string_view_literals;

TEST_CASE("plain text is printed as it is") {
  CHECK(printable("", 500).empty());
  CHECK(printable("Rate limit: try again in 7 s \\ \"ok\"", 500) == "Rate limit: try again in 7 s \\ \"ok\"");
  CHECK(printable("na\xC3\xAFve \xE4\xBD\x99 \xF0\x9F\x98\x80", 500) == "na\xC3\xAFve \xE4\xBD\x99 \xF0\x9F\x98\x80");
}

TEST_CASE("control characters are escaped, those of the second block too") {
  CHECK(printable("a\nb\r\tc"sv, 500) == "a\\nb\\x0D\\x09c");
  CHECK(printable("\x1B[31m\x7F\0!"sv, 500) == "\\x1B[31m\\x7F\\x00!");
  CHECK(printable("\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0", 500) == "\\x80\\x9B\\x9F\xC2\xA0");
}

TEST_CASE("what is no UTF-8 is replaced") {
  CHECK(printable("a\xFF"
                  "b\xC3",
                  500) ==
        "a\xEF\xBF\xBD"
        "b\xEF\xBF\xBD");
  CHECK(printable("\xED\xA0\x80", 500).find('\xED') == std::string::npos);  // half a surrogate pair
}

TEST_CASE("it is cut between characters and between escapes") {
  CHECK(printable("abc", 2) == "ab");
  CHECK(printable("a\xC3\xA9", 2) == "a");
  CHECK(printable("a\n", 2) == "a");
  CHECK(printable("a\n", 3) == "a\\n");
  CHECK(printable("\x01", 3).empty());
  CHECK(printable("\xFF", 2).empty());
  CHECK(printable("abc", 0).empty());
}

TEST_CASE("appending counts what it adds alone") {
  std::string out = "before: ";
  llmroute::append_printable(out, "abc\n", 4);
  CHECK(out == "before: abc");
}

TEST_CASE("whatever the bytes, what comes out is bounded, valid and free of controls") {
  const auto seed = tests::seed();
  INFO("--rng-seed " << seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 30, '\0');
    for (char& c : bytes) c = static_cast<char>(static_cast<unsigned char>(random() % 3 == 0 ? 0xC2 : random() % 256));
    const std::size_t limit = random() % 40;
    const std::string out = printable(bytes, limit);
    REQUIRE(out.size() <= limit);
    REQUIRE(printable(out, out.size()) == out);  // only what is valid and free of controls stays as it is
  }
}
