// SPDX-License-Identifier: MIT
#include "llmroute/text_table.hpp"

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

TEST_CASE("columns may be flush right, all but the first, and control characters break no line") {
  detail::TextTable table(detail::TextTable::Align::right, 2);
  table.row({"name", "n"});
  table.row({"a\nb", "100"});
  table.row({"c\x1b", ""});
  CHECK(table.text() == "  name    n\n  a?b   100\n  c?\n");
}
