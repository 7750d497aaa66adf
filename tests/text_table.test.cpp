// SPDX-License-Identifier: MIT
#include "llmroute/text_table.hpp"

#include "catch.hpp"
#include "llmroute/time.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

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

TEST_CASE("what prints itself becomes a string") { CHECK(detail::said(Elapsed(420ms)) == "420 ms"); }
