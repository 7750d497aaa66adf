// SPDX-License-Identifier: MIT
#include "llmroute/policy/budget/directory.hpp"

#include <set>
#include <string>

#include "catch.hpp"

using llmroute::budget::detail::Directory;

TEST_CASE("whoever comes first has a place of his own, and all who come later share the last") {
  Directory d(3);
  std::set<std::size_t> own;
  for (const char* name : {"a", "b", "c"}) own.insert(d.enter(Directory::key_of(name), name));
  CHECK(own.size() == 3);
  CHECK(own.count(d.others()) == 0);
  CHECK(d.enter(Directory::key_of("b"), "b") == *d.find(Directory::key_of("b")));
  CHECK(d.enter(Directory::key_of("d"), "d") == d.others());
  CHECK(d.find(Directory::key_of("e")) == d.others());
  CHECK(d.name(d.others()) == "(others)");
  CHECK(d.name(*d.find(Directory::key_of("c"))) == "c");
}

TEST_CASE("to look for somebody gives nobody a place") {
  const Directory d(2);
  CHECK_FALSE(d.find(Directory::key_of("a")));
  CHECK_FALSE(d.find(Directory::key_of("a")));
  CHECK(Directory(0).find(Directory::key_of("a")) == 0u);
}

TEST_CASE("names that differ only far behind are two, and a name's key is the same on every machine") {
  const std::string long_name(200, 'x');
  CHECK(Directory::key_of(long_name + "1") != Directory::key_of(long_name + "2"));
  CHECK(Directory::key_of("acme") == 0x00cafe82f1e32c2eull);
  CHECK(Directory::key_of("") != 0);
}
