// SPDX-License-Identifier: MIT
#include "llmroute/policy/budget/saved.hpp"

#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "purse.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using budget::Each;
using budget::Rule;
using budget::Rules;
using tests::Asking;
using tests::used;

namespace {

Money n(std::int64_t nanos) { return Money::nanos(nanos); }
std::vector<Rule> two_rules() {
  return {{.name = "euro month", .most = n(1'000'000), .window = budget::month(60min)},
          {.name = "tenant", .most = n(900'000), .window = budget::rolling(1h), .each = Each::tenant}};
}
Rules made(std::vector<Rule> rules = two_rules()) { return Rules(std::move(rules), {.wall = tests::read_wall}); }
/// One tenant has spent 100,001 and reserved 50; another has a name that no line could hold.
Rules used_ones() {
  Rules l = made();
  const Asking acme("acme"), odd("two\nlines");
  l.settle(*acme.reserve(l, 200'000), n(100'001), {});
  CHECK(acme.reserve(l, 50));
  l.settle(*odd.reserve(l, 7), n(7), {});
  return l;
}
std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != text.npos);
  text.replace(at, from.size(), to);
  const std::size_t end = text.find("end ");
  if (end == text.npos) return text;
  return text.substr(0, end) + "end " + budget::detail::check_of(text.substr(0, end)) + "\n" + text.substr(end + 13);
}

}  // namespace

TEST_CASE("what is saved can be read by people, and says all of it to the nano-dollar") {
  tests::put_wall(2026, 7, 9);
  const std::string text = used_ones().save();
  CHECK_THAT(text, ContainsSubstring("llmroute budget 1\n"));
  CHECK_THAT(text, ContainsSubstring(" acme\n"));
  CHECK_THAT(text, ContainsSubstring(" two\\nlines\n"));
  CHECK_THAT(text,
             ContainsSubstring("rule month:60min euro month\naccount 0000000000000000 0.00000005\nspent 24318 0.000100008\n"));
  CHECK_THAT(text, ContainsSubstring("rule rolling:3600000000000ns tenant\n"));
}

TEST_CASE("what is loaded goes on from there, and what was reserved is spent") {
  tests::put_wall(2026, 7, 9);
  const std::string text = used_ones().save();
  Rules l = made();
  REQUIRE(l.load(text));
  CHECK(used(l, "euro month") == n(100'058));
  CHECK(tests::reserved(l, "euro month") == n(0));
  CHECK(used(l, "tenant", "acme") == n(100'051));
  CHECK(used(l, "tenant", "two\\nlines") == n(7));
  CHECK(Asking("two\nlines").reserve(l, 849'942));
  CHECK_FALSE(Asking("acme").reserve(l, 800'000));
}

TEST_CASE("windows go on while nobody is there") {
  tests::put_wall(2026, 7, 31, 22h + 30min);
  const std::string text = used_ones().save();
  SECTION("the calendar's is over at its edge") {
    tests::put_wall(2026, 7, 31, 23h);
    Rules l = made();
    REQUIRE(l.load(text));
    CHECK(used(l, "euro month") == n(50));  // what was open is spent now
    CHECK(used(l, "tenant", "acme") == n(100'051));
  }
  SECTION("one that rolls, a length later") {
    tests::put_wall(2026, 8, 1);
    Rules l = made();
    REQUIRE(l.load(text));
    CHECK(used(l, "tenant", "acme") == n(50));
  }
  SECTION("restarting over and over holds nothing back") {
    std::string again = text;
    for (int i = 0; i < 61; ++i) {
      tests::on_the_wall() += 1min;
      Rules l = made();
      REQUIRE(l.load(again));
      again = l.save();
    }
    Rules l = made();
    REQUIRE(l.load(again));
    CHECK(used(l, "tenant", "acme") == n(50));  // spent at the first restart
  }
  SECTION("a wall clock that is set back opens no month again, and holds one that rolls a length from now at most") {
    tests::put_wall(2026, 8, 2);
    Rules first = made();
    REQUIRE(first.load(text));
    first.settle(*Asking("acme").reserve(first, 11), n(11), {});
    tests::put_wall(2026, 7, 31, 1h);
    Rules l = made();
    REQUIRE(l.load(first.save()));
    CHECK(used(l, "euro month") == n(61));
    CHECK_FALSE(Asking("acme").reserve(l, 900'000));  // by now the clock of its windows runs
    CHECK(used(l, "tenant", "acme") == n(61));
    CHECK(used(l, "tenant", "acme", Time{} + 1h) == n(61));
    CHECK(used(l, "tenant", "acme", Time{} + 61min) == n(0));
  }
}

TEST_CASE("rules are known by name: a new one begins at nothing, one that is no more is left out, another window is now") {
  tests::put_wall(2026, 7, 9);
  const std::string text = used_ones().save();
  tests::put_wall(2026, 7, 10);
  Rules l = made({{.name = "new", .most = n(1'000'000)}, {.name = "euro month", .most = n(5), .window = budget::week()}});
  REQUIRE(l.load(text));
  CHECK(used(l, "new") == n(0));
  CHECK(used(l, "euro month") == n(100'058));
  CHECK_FALSE(Asking().reserve(l, 1));
}

TEST_CASE("a threshold that was passed when it was saved is not told again in that window") {
  tests::put_wall(2026, 7, 9);
  Rules before = made();
  before.settle(*Asking("acme").reserve(before, 600'000), n(600'000), {});
  Rules l = made();
  REQUIRE(l.load(before.save()));
  int told = 0;
  l.each_alert([&](const BudgetAlert&) { ++told; });
  CHECK(told == 0);
  CHECK(Asking("acme").reserve(l, 250'000));
  l.each_alert([&](const BudgetAlert& a) { told += a.threshold == 0.8 ? 1 : 100; });
  CHECK(told == 2);
}

TEST_CASE("a text that was cut or changed loads nothing, and its failure says where") {
  tests::put_wall(2026, 7, 9);
  const std::string text = used_ones().save();
  for (std::size_t i = 0; i < text.size(); ++i) {
    Rules l = made();
    const std::string nothing = l.save();
    REQUIRE_FALSE(l.load(std::string_view(text).substr(0, i)));
    REQUIRE(l.save() == nothing);
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    REQUIRE_FALSE(l.load(changed));
    REQUIRE(l.save() == nothing);
  }
  const auto why = [&](const std::string& wrong) { return made().load(wrong).error().message; };
  CHECK_THAT(why(""), ContainsSubstring("line 1") && ContainsSubstring("remove"));
  CHECK_THAT(why(with(text, "budget 1", "budget 2")), ContainsSubstring("line 1") && ContainsSubstring("version"));
  CHECK_THAT(why(with(text, "spent 24318 0.000100008", "spent 24318 -1")), ContainsSubstring("line 6"));
  CHECK_THAT(why(with(text, "spent 24318", "spent 9000000000000000000")), ContainsSubstring("line 6"));
  CHECK_THAT(why(with(text, "rule month", "ruel month")), ContainsSubstring("\"ruel\""));
  CHECK_THAT(why(text.substr(0, text.find("end "))), ContainsSubstring("is missing"));
  std::string more = text;
  more[text.find("0.000100008")] = '9';
  CHECK_THAT(why(more), ContainsSubstring("were changed or cut"));
}

TEST_CASE("what is in use already loads nothing") {
  tests::put_wall(2026, 7, 9);
  Rules l = used_ones();
  const std::string before = l.save();
  const auto loaded = l.load(before);
  REQUIRE_FALSE(loaded);
  CHECK_THAT(loaded.error().message, ContainsSubstring("before anything is reserved"));
  CHECK(l.save() == before);
}
