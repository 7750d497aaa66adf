// SPDX-License-Identifier: MIT
#include "llmroute/route/account.hpp"

#include <vector>

#include "catch.hpp"

using namespace llmroute;

namespace {
Provider named(const char* name) {
  Provider p;
  p.name = name;
  return p;
}
}  // namespace

TEST_CASE("a failure lists every attempt with its cause, those that were not asked with their reason, and when to come back") {
  Failure f;
  f.kind = Kind::overloaded;
  f.trail.count = 1;
  f.trail.entries[0].provider = std::string_view("a");
  f.trail.entries[0].ending = Ending::failed;
  f.trail.entries[0].kind = Kind::overloaded;
  f.trail.entries[0].status = 503;
  f.trail.entries[0].message = std::string_view("busy");
  f.retry_after = std::chrono::milliseconds(1500);
  const std::vector<Provider> fleet{named("a"), named("b")};
  const std::string text =
      account_of(f, {}, fleet, [](const Provider& p) { return p.name == "a" ? Closed::tried : Closed::no_tools; });
  CHECK(text == "a: overloaded (HTTP 503), busy; b: its model takes no tools; worth coming back in 2 s");
}

TEST_CASE("where nobody was asked, those whom nothing closes were not wanted; a long fleet is cut") {
  Failure f;
  f.kind = Kind::no_candidate;
  const std::vector<Provider> two{named("a"), named("b")};
  const auto open = [](const Provider&) { return Closed::open; };
  CHECK(account_of(f, {}, two, open) ==
        "a: " + std::string(to_string(Closed::unwanted)) + "; b: " + std::string(to_string(Closed::unwanted)));
  const std::vector<Provider> many(150, named("p"));
  CHECK_THAT(account_of(f, {}, many, open), ContainsSubstring("and: 50 more"));
}

TEST_CASE("a request that was refused says why, and no more") {
  Failure f;
  f.kind = Kind::misconfigured;
  const std::vector<Provider> one{named("a")};
  CHECK(account_of(f, "options.attempts: at least 1", one, [](const Provider&) { return Closed::open; }) ==
        "options.attempts: at least 1");
}
