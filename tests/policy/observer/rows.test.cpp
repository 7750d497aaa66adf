// SPDX-License-Identifier: MIT
#include "llmroute/policy/observer/rows.hpp"

#include <string>
#include <utility>

#include "catch.hpp"

using namespace llmroute;

namespace {

using Table = observe::detail::Rows<int>;

std::string said(const Table& t) {
  std::string all;
  t.each([&](const ProviderName& name, int value) { all += name.text() + '=' + std::to_string(value) + ' '; });
  return all;
}

}  // namespace

TEST_CASE("a name has one row, rows come in the order of their first use, and the others are last") {
  Table t(3);
  for (const char* name : {"zeta", "alpha", "zeta", "mu", "alpha", "zeta"}) ++*t.find(name);
  CHECK(said(t) == "zeta=3 alpha=2 mu=1 (others)=0 ");
}

TEST_CASE("names beyond the rows that there are share the last") {
  Table t(2);
  for (const char* name : {"a", "b", "c", "d", "b", "c"}) ++*t.find(name);
  CHECK(said(t) == "a=1 b=2 (others)=3 ");
  Table empty(0);
  ++*empty.find("a");
  CHECK(said(empty) == "(others)=1 ");
}

TEST_CASE("every row can be taken, whatever the names are") {
  Table t(100);
  for (int i = 0; i < 100; ++i) ++*t.find("name " + std::to_string(i));
  const std::string all = said(t);
  for (int i = 0; i < 100; ++i) CHECK(all.find("name " + std::to_string(i) + "=1 ") != all.npos);
  CHECK_THAT(all, ContainsSubstring("(others)=0 "));
}

TEST_CASE("a long name is cut, and what begins with the same 31 bytes is the same") {
  Table t(4);
  const std::string begin(31, 'x');
  ++*t.find(begin + "one");
  ++*t.find(begin + "two");
  ++*t.find("");
  CHECK(said(t) == begin + "=2 =1 (others)=0 ");
}

TEST_CASE("a moved-from table has no rows") {
  Table t(2);
  ++*t.find("a");
  Table other = std::move(t);
  CHECK(t.find("a") == nullptr);
  CHECK(said(t).empty());
  CHECK(t.bytes() == 0);
  CHECK(said(other) == "a=1 (others)=0 ");
}
