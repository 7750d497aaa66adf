// SPDX-License-Identifier: MIT
#include "llmroute/policy/budget/rules.hpp"

#include "llmroute/policy/budget.hpp"

#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "allocations.hpp"
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

static_assert(Budget<Rules> && TellsRoom<Rules> && Alerts<Rules>);
static_assert(Budget<budget::PerRequest> && TellsRoom<budget::PerRequest> && !Alerts<budget::PerRequest>);
static_assert(std::is_nothrow_move_constructible_v<Rules> && !std::is_copy_constructible_v<Rules>);
static_assert(sizeof(Rules::Reservation) <= 32);

Money n(std::int64_t nanos) { return Money::nanos(nanos); }
Rule all_of(std::int64_t most) { return {.name = "all", .most = n(most)}; }

std::string alerts_of(Rules& l) {
  std::string all;
  l.each_alert([&](const BudgetAlert& a) {
    all += std::string(a.budget) + ' ' + std::to_string(std::lround(a.threshold * 100)) + "% " +
           std::to_string(a.used.nanos()) + '/' + std::to_string(a.most.nanos()) + "; ";
  });
  return all;
}

}  // namespace

TEST_CASE("what is reserved and what is spent are taken from one amount, which is reached and never passed") {
  Rules l{all_of(100)};
  const Asking a;
  const auto first = a.reserve(l, 60), second = a.reserve(l, 40);
  REQUIRE((first && second));
  CHECK_FALSE(a.reserve(l, 1));
  l.settle(*first, n(10), {});
  CHECK(used(l) == n(50));
  CHECK(tests::reserved(l) == n(40));
  CHECK_FALSE(a.reserve(l, 51));
  const auto third = a.reserve(l, 50);
  REQUIRE(third);
  l.settle(*second, n(0), {});
  l.settle(*third, n(50), {});
  CHECK(used(l) == n(60));
  CHECK(tests::reserved(l) == n(0));
}

TEST_CASE("what is billed beyond the reservation is spent, and stops all that costs but not what is free") {
  Rules l{all_of(100)};
  const Asking a;
  l.settle(*a.reserve(l, 10), n(170), {});
  CHECK(used(l) == n(170));
  CHECK_FALSE(a.reserve(l, 1));
  CHECK_FALSE(a.has_room(l, 1));
  const auto free = a.reserve(l, 0);
  REQUIRE(free);
  CHECK(a.has_room(l, 0));
  l.settle(*free, n(5), {});
  CHECK(used(l) == n(175));
  CHECK(l.status().accounts.at(0).left() == Money());
}

TEST_CASE("a bill that is absurd or negative leaves the books in order") {
  Rules l{{.name = "all", .most = n(100), .window = budget::rolling(1h)}};
  const Asking a;
  for (int i = 0; i < 4; ++i) l.settle(*a.reserve(l, 0), Money::most(), {});
  CHECK(used(l) > n(1'000'000'000'000'000'000));
  CHECK_FALSE(a.reserve(l, 1));
  CHECK(a.reserve(l, 100, Time{} + 2h));
  CHECK(used(l, "all", {}, Time{} + 2h) == n(100));
  Rules other{all_of(100)};
  other.settle(*a.reserve(other, 70), n(-1'000), {});
  CHECK(used(other) == n(0));
  CHECK_FALSE(a.reserve(other, -1));
  CHECK_FALSE(a.has_room(other, -1));
}

TEST_CASE("a price that nobody knows is refused by a rule that counts it, and by no other") {
  Rules l{{.name = "acme", .most = Rule::largest, .tenant = "acme"}};
  const Asking acme("acme"), other("other");
  CHECK_FALSE(acme.reserve(l, Money::most().nanos()));
  CHECK_FALSE(acme.has_room(l, Money::most().nanos()));
  CHECK(other.reserve(l, Money::most().nanos()));
  CHECK(other.has_room(l, Money::most().nanos()));
}

TEST_CASE("a rule counts whom it is for") {
  Rules l{{.name = "all", .most = n(1'000)},
          {.name = "one", .most = n(100), .provider = "one"},
          {.name = "acme", .most = n(100), .tenant = "acme"},
          {.name = "paid", .most = n(100), .tag = "paid"},
          {.name = "batch", .most = n(100), .asked_tag = "batch"},
          {.name = "acme at one", .most = n(100), .provider = "one", .tenant = "acme"}};
  const auto counted = [&](const Asking& a) {
    const auto r = a.reserve(l, 7);
    REQUIRE(r);
    std::string names;
    for (const auto& account : l.status().accounts)
      if (account.reserved > Money()) names += account.name + ", ";
    l.settle(*r, Money(), {});
    return names;
  };
  Asking tagged("", "two"), any("", "two"), every("", "two");
  tagged.provider.tags = {"eu", "paid"};
  any.options.any_tag = {"batch", "x"};
  every.options.all_tags = {"x", "batch"};
  CHECK(counted(Asking("", "two")) == "all, ");
  CHECK(counted(Asking("", "one")) == "all, one, ");
  CHECK(counted(Asking("acme", "two")) == "all, acme, ");
  CHECK(counted(Asking("acme", "one")) == "all, one, acme, acme at one, ");
  CHECK(counted(tagged) == "all, paid, ");
  CHECK(counted(any) == "all, batch, ");
  CHECK(counted(every) == "all, batch, ");
}

TEST_CASE("each tenant and each provider has an amount of its own, and those beyond the known share one") {
  Rules l(
      {{.name = "tenant", .most = n(100), .each = Each::tenant}, {.name = "provider", .most = n(150), .each = Each::provider}},
      {.tenants = 2, .providers = 2});
  CHECK(Asking("a", "one").reserve(l, 100));
  CHECK_FALSE(Asking("a", "two").reserve(l, 1));
  CHECK_FALSE(Asking("b", "one").reserve(l, 51));
  CHECK(Asking("b", "one").reserve(l, 50));
  CHECK(used(l, "tenant", "b") == n(50));
  CHECK(used(l, "provider", "one") == n(150));
  CHECK(Asking("c", "two").has_room(l, 100));
  CHECK(Asking("c", "two").reserve(l, 60));
  CHECK_FALSE(Asking("d", "three").has_room(l, 41));
  CHECK_FALSE(Asking("d", "three").reserve(l, 41));
  CHECK(Asking("d", "three").reserve(l, 40));
  CHECK(used(l, "tenant", "(others)") == n(100));
}

TEST_CASE("where one rule refuses, what the rules before it gave is given back, and passes no threshold") {
  Rules l{all_of(100), {.name = "acme", .most = n(60), .tenant = "acme"}, {.name = "last", .most = n(1'000)}};
  const Asking acme("acme");
  CHECK_FALSE(acme.reserve(l, 61));
  for (const char* rule : {"all", "acme", "last"}) CHECK(used(l, rule) == n(0));
  CHECK(alerts_of(l).empty());
  CHECK(acme.reserve(l, 60));
}

TEST_CASE("has_room says what reserve would say and changes nothing") {
  Rules l{{.name = "all", .most = n(100), .window = budget::rolling(1h)}};
  const Asking a;
  l.settle(*a.reserve(l, 80), n(80), {});
  const std::string before = l.save();
  CHECK(a.has_room(l, 20));
  CHECK_FALSE(a.has_room(l, 21));
  CHECK(a.has_room(l, 100, Time{} + 2h));
  CHECK_FALSE(a.has_room(l, 101, Time{} + 2h));
  CHECK(l.save() == before);
}

TEST_CASE("a window that rolls forgets nothing before its length has passed, and all by a sixtieth more") {
  const std::int64_t step = Duration(1min).count();
  std::mt19937_64 draw(tests::seed());
  INFO("seed " << tests::seed());
  for (int i = 0; i < 200; ++i) {
    Rules l{{.name = "all", .most = n(100), .window = budget::rolling(1h)}};
    const Asking a;
    const Time spent = Time{} + Duration(static_cast<std::int64_t>(draw() % (3 * 3'600'000'000'000)));
    l.settle(*a.reserve(l, 100, spent), n(100), spent);
    for (const Duration d : {Duration(0), Duration(1), Duration(30min), Duration(59min), Duration(1h)}) {
      REQUIRE_FALSE(a.has_room(l, 1, spent + d));
      REQUIRE_FALSE(a.reserve(l, 1, spent + d));
    }
    REQUIRE(a.has_room(l, 100, spent + 1h + Duration(step)));
    REQUIRE(a.reserve(l, 100, spent + 1h + Duration(step)));
  }
}

TEST_CASE("a window of the calendar is over at its edge, and a reservation is spent in the one where it is settled") {
  tests::put_wall(2026, 1, 31, 23h + 59min);
  Rules l({{.name = "all", .most = n(100), .window = budget::month()}}, {.wall = tests::read_wall});
  const Asking a;
  l.settle(*a.reserve(l, 30), n(30), {});
  const auto open = a.reserve(l, 70);
  REQUIRE(open);
  CHECK_FALSE(a.reserve(l, 1));
  CHECK(l.status().accounts.at(0).ends_in->count() == Duration(1min).count());
  tests::put_wall(2026, 2, 1);
  CHECK(used(l) == n(70));  // still reserved
  CHECK_FALSE(a.reserve(l, 31));
  l.settle(*open, n(60), {});
  CHECK(used(l) == n(60));  // spent in February
  CHECK(a.reserve(l, 40));
  CHECK(l.status().accounts.at(0).ends_in->count() == Duration(28 * 24h).count());
}

TEST_CASE("a wall clock that is set back opens no window again") {
  tests::put_wall(2026, 2, 1, 1s);
  Rules l({{.name = "all", .most = n(100), .window = budget::month()}}, {.wall = tests::read_wall});
  const Asking a;
  l.settle(*a.reserve(l, 100), n(100), {});
  CHECK(alerts_of(l) == "all 50% 100/100; all 80% 100/100; all 100% 100/100; ");
  for (int i = 0; i < 3; ++i) {
    tests::put_wall(2026, 1, 31, 23h);
    CHECK_FALSE(a.has_room(l, 1));
    CHECK_FALSE(a.reserve(l, 1));
    l.settle(*a.reserve(l, 0), n(1), {});
    tests::put_wall(2026, 2, 1, 2s);
    CHECK_FALSE(a.reserve(l, 1));
  }
  CHECK(used(l) == n(103));
  CHECK(alerts_of(l).empty());
  tests::put_wall(2026, 3, 1);
  CHECK(a.reserve(l, 100));
  CHECK(alerts_of(l) == "all 50% 100/100; all 80% 100/100; all 100% 100/100; ");
}

TEST_CASE("each threshold is told once in a window, with what was used as it was passed") {
  tests::put_wall(2026, 5, 1);
  Rules l({{.name = "day", .most = n(100), .window = budget::day(), .alerts = {0.8, 0.5}},
           {.name = "each", .most = n(1'000), .each = Each::tenant, .alerts = {0.09}}},
          {.wall = tests::read_wall});
  const Asking a("acme");
  auto r = a.reserve(l, 49);
  CHECK(alerts_of(l).empty());
  l.settle(*r, n(49), {});
  CHECK(alerts_of(l).empty());
  r = a.reserve(l, 1);
  CHECK(alerts_of(l) == "day 50% 50/100; ");
  l.settle(*r, n(0), {});
  r = a.reserve(l, 1);  // passes it again
  CHECK(alerts_of(l).empty());
  l.settle(*r, n(47), {});  // billed beyond
  CHECK(alerts_of(l) == "day 80% 96/100; each (acme) 9% 96/1000; ");
  tests::put_wall(2026, 5, 2);
  l.settle(*a.reserve(l, 90), n(90), {});
  CHECK(alerts_of(l) == "day 80% 90/100; day 50% 90/100; ");
}

TEST_CASE("an alert of a window that rolls comes again no sooner than a length later") {
  Rules l{{.name = "all", .most = n(100), .window = budget::rolling(1h), .alerts = {0.5}}};
  const Asking a;
  int told = 0;
  for (Time now{}; now < Time{} + 2h; now += 1min) {
    if (const auto r = a.reserve(l, 100, now)) l.settle(*r, n(50), now);
    l.each_alert([&](const BudgetAlert&) { ++told; });
  }
  CHECK(told == 2);
}

TEST_CASE("limits that are wrong say what and what to do, and refuse everything") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::pair<std::vector<Rule>, std::string>> wrong{
      {{}, "no rule"},
      {{{.most = n(1)}}, "no name"},
      {{{.name = std::string(65, 'x')}}, "more than 64 bytes"},
      {{{.name = "a\nb"}}, "cannot be printed"},
      {{{.name = "a", .most = n(-1)}}, "a: .most is negative"},
      {{{.name = "a", .most = Money::most()}}, "above a billion"},
      {{{.name = "a", .window = budget::rolling(0s)}}, "a: .window is empty"},
      {{{.name = "a", .each = static_cast<Each>(7)}}, ".each"},
      {{{.name = "a", .alerts = {nan}}}, ".alerts"},
      {{{.name = "a", .alerts = {0.5, -0.1}}}, ".alerts"},
      {{{.name = "a", .alerts = {0.0}}}, ".alerts"},
      {{{.name = "a", .alerts = {1.01}}}, ".alerts"},
      {{{.name = "a", .alerts = std::vector<double>(9, 0.5)}}, "more than eight"},
      {{{.name = "a"}, {.name = "b"}, {.name = "a"}}, "a: .name is there twice"},
      {std::vector<Rule>(65, Rule{.name = "a"}), "more than 64"}};
  for (const auto& [rules, part] : wrong) {
    Rules l(rules);
    CHECK_THAT(l.problem(), ContainsSubstring(part));
    CHECK_THAT(l.status().text(), ContainsSubstring("refuses everything"));
    CHECK_FALSE(Asking().reserve(l, 0));
    CHECK_FALSE(Asking().has_room(l, 0));
    CHECK(alerts_of(l).empty());
    CHECK(l.save().empty());
    CHECK_FALSE(l.load("x"));
    l.settle({}, n(1), {});
  }
  CHECK(Rules(std::vector<Rule>(1, all_of(0))).problem().empty());
}

TEST_CASE("limits that were moved take their books along, and leave behind what refuses") {
  Rules from{all_of(100)};
  const Asking a;
  const auto r = a.reserve(from, 60);
  Rules to = std::move(from);
  CHECK_FALSE(a.reserve(to, 41));
  to.settle(*r, n(5), {});
  CHECK(used(to) == n(5));
  CHECK_FALSE(a.reserve(from, 1));  // NOLINT(bugprone-use-after-move): what is left behind is to be safe
  CHECK_FALSE(a.has_room(from, 0));
  CHECK_FALSE(from.problem().empty());
  CHECK(from.save().empty());
  CHECK(alerts_of(from).empty());
}

TEST_CASE("a status is a table for people") {
  tests::put_wall(2026, 1, 31, 23h);
  Rules l({{.name = "month", .most = dollars("50"), .window = budget::month()},
           {.name = "tenant", .most = dollars("2"), .each = Each::tenant}},
          {.wall = tests::read_wall});
  const Asking a("ac\nme");
  l.settle(*a.reserve(l, 1'500'000'000), dollars("0.25"), {});
  CHECK(a.reserve(l, 1'000'000'000));
  std::ostringstream out;
  out << l.status();
  CHECK(out.str() ==
        "budget           spent  reserved    left      of  ends in\n"
        "month            $0.25     $1.00  $48.75  $50.00   3600 s\n"
        "tenant (ac\\nme)  $0.25     $1.00   $0.75   $2.00        -\n");
}

TEST_CASE("to reserve, to settle and to look allocates nothing") {
  Rules l{{.name = "all", .most = n(1'000), .window = budget::month()},
          {.name = "tenant", .most = n(1'000), .window = budget::rolling(1h), .each = Each::tenant}};
  const Asking a("a tenant with a name that fits into no small string");
  const tests::Allocations made;
  bool fine = true;
  for (int i = 0; i < 100; ++i) {
    const Time now = Time{} + i * 1min;
    const auto r = a.reserve(l, 10, now);
    fine = fine && r && a.has_room(l, 5, now);
    l.settle(*r, n(1), now);
  }
  const std::size_t count = made.count();
  CHECK(fine);
  CHECK(count == 0);
}

namespace {

// The same in the simplest words: lists of what is open and of what was spent, added up each time.
struct Model {
  struct Spent {
    std::size_t rule;
    std::string of;
    std::int64_t amount, step;
  };
  struct Open {
    std::string tenant, provider;
    std::int64_t worst;
  };
  std::vector<Rule> rules;
  std::vector<Spent> spent{};

  static std::string whose(const Rule& r, const Open& o) {
    return r.each == Each::tenant ? o.tenant : r.each == Each::provider ? o.provider : "";
  }
  std::int64_t used(std::size_t rule, const std::string& of, const std::deque<std::pair<Open, Rules::Reservation>>& open,
                    std::int64_t wall) const {
    const Rule& r = rules[rule];
    std::int64_t sum = 0;
    for (const auto& [o, reservation] : open)
      if (whose(r, o) == of) sum += o.worst;
    for (const Spent& s : spent)
      if (s.rule == rule && s.of == of && r.window.step(wall) - s.step < static_cast<std::int64_t>(r.window.steps()))
        sum += s.amount;
    return sum;
  }
  void spend(const Open& o, std::int64_t amount, std::int64_t wall) {
    for (std::size_t i = 0; i < rules.size(); ++i) spent.push_back({i, whose(rules[i], o), amount, rules[i].window.step(wall)});
  }
};

}  // namespace

TEST_CASE("limits do what a plain model does, through time, over edges and over saving and loading at any point") {
  INFO("seed " << tests::seed());
  const std::vector<Rule> rules{{.name = "ever", .most = n(40'000)},
                                {.name = "hour", .most = n(2'000), .window = budget::rolling(1h)},
                                {.name = "tenant", .most = n(900), .window = budget::rolling(10min), .each = Each::tenant},
                                {.name = "day", .most = n(9'000), .window = budget::day(90min)},
                                {.name = "provider", .most = n(3'000), .window = budget::month(), .each = Each::provider}};
  std::size_t agreed = 0, refused = 0, loads = 0;
  for (std::uint64_t round = 0; round < 30; ++round) {
    std::mt19937_64 draw(tests::seed() + round);
    const auto any = [&](std::int64_t below) { return static_cast<std::int64_t>(draw() % static_cast<std::uint64_t>(below)); };
    tests::put_wall(2026, 2, 27, Duration(any(86'400'000'000'000)));
    Time now = Time{} + Duration(any(1'000'000'000'000'000));
    Rules l(rules, {.wall = tests::read_wall});
    Model model{rules};
    std::deque<std::pair<Model::Open, Rules::Reservation>> open;
    const auto wall = [] { return Duration(tests::on_the_wall().time_since_epoch()).count(); };
    for (int i = 0; i < 600; ++i) {
      const auto what = any(100);
      if (what < 45) {
        const Model::Open o{std::string(1, static_cast<char>('a' + any(3))), std::string(1, static_cast<char>('p' + any(2))),
                            any(400)};
        bool expected = true;
        for (std::size_t r = 0; r < rules.size(); ++r)
          expected = expected && (o.worst == 0 ||
                                  model.used(r, Model::whose(rules[r], o), open, wall()) + o.worst <= rules[r].most.nanos());
        const Asking a(o.tenant, o.provider);
        REQUIRE(a.has_room(l, o.worst, now) == expected);
        const auto r = a.reserve(l, o.worst, now);
        REQUIRE(r.has_value() == expected);
        if (r) open.emplace_back(o, *r);
        ++(expected ? agreed : refused);
      } else if (what < 85) {
        if (open.empty()) continue;
        const auto at = open.begin() + any(static_cast<std::int64_t>(open.size()));
        const std::int64_t real = any(10) == 0 ? any(800) : any(at->first.worst + 1);
        l.settle(at->second, n(real), now);
        model.spend(at->first, real, wall());
        open.erase(at);
      } else if (what < 98) {
        const Duration by(any(10) == 0 ? any(40'000'000'000'000) : any(300'000'000'000));
        now += by;
        tests::on_the_wall() += std::chrono::duration_cast<std::chrono::system_clock::duration>(by);
      } else {
        Rules next(rules, {.wall = tests::read_wall});
        REQUIRE(next.load(l.save()));
        for (const auto& [o, reservation] : open) model.spend(o, o.worst, wall());
        open.clear();
        REQUIRE(next.save() != "");
        l = std::move(next);
        if (any(2) == 0) now = Time{} + Duration(any(1'000'000'000'000'000));  // another process, another steady clock
        ++loads;
      }
      for (const auto& account : l.status(now).accounts)
        for (std::size_t r = 0; r < rules.size(); ++r)
          if (rules[r].name == account.name)
            REQUIRE((account.spent + account.reserved).nanos() == model.used(r, account.of, open, wall()));
    }
  }
  CHECK(agreed > 2'000);
  CHECK(refused > 500);
  CHECK(loads > 50);
}
