// SPDX-License-Identifier: MIT
#include "llmroute/text_table.hpp"

#include <string>

#include "catch.hpp"

using namespace llmroute;

TEST_CASE("columns are as wide as their widest cell, in characters") {
  detail::TextTable table;
  table.row({"a", "b"});
  table.row({"grün", "", "x"});
  table.row({"last", ""});
  CHECK(table.text() == "a     b\ngrün     x\nlast\n");
}

TEST_CASE("a text is shortened to characters, in one line") {
  CHECK(detail::shortened("short", 5) == "short");
  CHECK(detail::shortened("longer", 5) == "longe...");
  CHECK(detail::shortened("grün\nist\x1b[31m", 35) == "grün ist [31m");
  CHECK(detail::shortened("äöü", 2) == "äö...");
  CHECK(detail::shortened("", 5).empty());
}

TEST_CASE("columns may be flush right, all but the first") {
  detail::TextTable table(detail::TextTable::Align::right, 2);
  table.row({"name", "n"});
  table.row({"ab", "100"});
  table.row({"c", ""});
  CHECK(table.text() == "  name    n\n  ab    100\n  c\n");
}

TEST_CASE("whatever bytes a cell holds, its row is one line of text") {
  detail::TextTable table;
  table.row({"a\x1b[2J\nb",
             "\xC2\x9B"
             "31m",
             "\xFF"});
  CHECK(table.text() == "a\\x1B[2J\\nb  \\x9B31m  \xEF\xBF\xBD\n");
  CHECK(detail::shortened("\xC2\x9B"
                          "31m",
                          35) == "\\x9B31m");
  CHECK(detail::shortened(std::string(1'000, '\x80'), 2) == "\xEF\xBF\xBD\xEF\xBF\xBD...");
}
