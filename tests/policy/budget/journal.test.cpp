// SPDX-License-Identifier: MIT
#include "llmroute/policy/budget/journal.hpp"

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "purse.hpp"

#if defined(__linux__)
#include <sys/resource.h>

#include <csignal>
#endif

using namespace llmroute;
using namespace std::chrono_literals;
using budget::Each;
using budget::Rule;
using budget::Rules;
using tests::Asking;
using tests::used;

namespace {

Money n(std::int64_t nanos) { return Money::nanos(nanos); }

/// A file in the folder where the tests run, and none once it is gone.
struct File {
  std::string path = "llmroute-budget-test.txt";
  File() { remove(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { remove(); }
  void remove() const {
    std::remove(path.c_str());
    std::remove((path + ".new").c_str());
  }
  std::string text() const {
    std::string t;
    CHECK(read_text_file(path, std::size_t{1} << 30, t));
    return t;
  }
  void write(std::string_view text) const {
    std::FILE* f = std::fopen(path.c_str(), "wb");
    REQUIRE(f != nullptr);
    CHECK(std::fwrite(text.data(), 1, text.size(), f) == text.size());
    std::fclose(f);
  }
};

std::vector<Rule> rules() {
  return {{.name = "all", .most = n(1'000)}, {.name = "tenant", .most = n(900), .window = budget::day(), .each = Each::tenant}};
}
Rules open(const File& f, std::vector<Rule> r = rules()) {
  return Rules(std::move(r), {.durable = f.path, .wall = tests::read_wall});
}

}  // namespace

TEST_CASE("a reservation is in the file before reserve returns, and a settlement before settle does") {
  const File f;
  tests::put_wall(2026, 7, 9);
  Rules l = open(f);
  REQUIRE(l.problem().empty());
  const std::string head = f.text();
  const auto r = Asking("acme").reserve(l, 250);
  REQUIRE(r);
  CHECK_THAT(f.text(), ContainsSubstring(" reserve ") && ContainsSubstring(" 0.00000025\n") && ContainsSubstring("acme"));
  l.settle(*r, n(40), {});
  CHECK_THAT(f.text(), ContainsSubstring(" settle ") && ContainsSubstring(" 0.00000025 0.00000004 "));
  const std::string before = f.text();
  CHECK_FALSE(Asking("acme").reserve(l, 961));
  CHECK(f.text() == before);
}

TEST_CASE("after a crash, what was settled is spent and what was open is spent in full") {
  const File f;
  tests::put_wall(2026, 7, 9);
  {
    Rules l = open(f);
    l.settle(*Asking("acme").reserve(l, 250), n(40), {});
    CHECK(Asking("acme").reserve(l, 100));
    CHECK(Asking("beta").reserve(l, 3));
    const auto billed_beyond = Asking("beta").reserve(l, 0);
    l.settle(*billed_beyond, n(5), {});
  }  // a crash looks the same: nothing is written when it goes
  for (int restart = 0; restart < 3; ++restart) {
    Rules l = open(f);
    REQUIRE(l.problem().empty());
    CHECK(used(l) == n(148));
    CHECK(tests::reserved(l) == n(0));
    CHECK(used(l, "tenant", "acme") == n(140));
    CHECK(used(l, "tenant", "beta") == n(8));
    CHECK_FALSE(Asking("acme").reserve(l, 761));
  }
  tests::put_wall(2026, 7, 10);
  Rules l = open(f);
  CHECK(used(l, "tenant", "acme") == n(0));
  CHECK(used(l) == n(148));
}

TEST_CASE("what was settled on another day than it was reserved is spent on that day, also when it is read back") {
  const File f;
  tests::put_wall(2026, 7, 9);
  {
    Rules l = open(f);
    const auto r = Asking("acme").reserve(l, 250);
    l.settle(*Asking("acme").reserve(l, 11), n(11), {});
    tests::put_wall(2026, 7, 10);
    l.settle(*r, n(40), {});
  }
  Rules l = open(f);
  CHECK(used(l, "tenant", "acme") == n(40));
  CHECK(used(l) == n(51));
}

TEST_CASE("wherever the file was cut, no reservation that was sent is forgotten, and none is counted twice") {
  const File f;
  tests::put_wall(2026, 7, 9);
  std::vector<std::pair<std::size_t, std::int64_t>> sizes;  // of the file after each step, and what is used by then
  std::size_t head = 0;
  {
    Rules l = open(f);
    head = f.text().size();
    std::vector<Rules::Reservation> held;
    const auto note = [&] { sizes.emplace_back(f.text().size(), used(l).nanos()); };
    note();
    for (std::int64_t i = 0; i < 6; ++i) {
      held.push_back(*Asking(i % 2 == 0 ? "acme" : "beta").reserve(l, 50 + i));
      note();
      if (i % 3 != 2) continue;
      l.settle(held[static_cast<std::size_t>(i - 1)], n(i), {});
      note();
    }
  }
  const std::string whole = f.text();
  REQUIRE(whole.size() == sizes.back().first);
  std::size_t refused = 0;
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    f.write(std::string_view(whole).substr(0, cut));
    const Rules l = open(f);
    if (cut < head) {  // it is replaced as a whole, so that is no crash of ours: nothing may be sent
      REQUIRE_FALSE(l.problem().empty());
      ++refused;
      continue;
    }
    REQUIRE(l.problem().empty());
    // As of the last step that is whole, or the next one: its line may lack no more than its end.
    std::size_t at = 0;
    while (at + 1 < sizes.size() && sizes[at + 1].first <= cut) ++at;
    const std::int64_t now = used(l).nanos();
    const bool next = at + 1 < sizes.size() && cut + 1 == sizes[at + 1].first && now == sizes[at + 1].second;
    REQUIRE((now == sizes[at].second || next));
  }
  CHECK(refused == head);
}

TEST_CASE("a file that is damaged, of another format or out of reach refuses everything and says why") {
  const File f;
  tests::put_wall(2026, 7, 9);
  {
    Rules l = open(f);
    for (int i = 0; i < 3; ++i) CHECK(Asking("acme").reserve(l, 100));
  }
  std::string damaged = f.text();
  const std::size_t first = damaged.find("reserve");
  damaged[damaged.find("0.0000001", first)] = '1';
  const auto problem = [&](const std::string& text) {
    f.write(text);
    Rules l = open(f);
    CHECK_FALSE(Asking().reserve(l, 0));
    CHECK(f.text() == text);  // for whoever looks into it
    return l.problem();
  };
  CHECK_THAT(problem(damaged), ContainsSubstring("is damaged") && ContainsSubstring(f.path));
  CHECK_THAT(problem(""), ContainsSubstring("there is nothing"));
  CHECK_THAT(problem("hello\n"), ContainsSubstring("does not read"));
  Rules nowhere(rules(), {.durable = "no such folder/at all"});
  CHECK_THAT(nowhere.problem(), ContainsSubstring("cannot be written"));
  CHECK_FALSE(Asking().reserve(nowhere, 0));
  Rules folder(rules(), {.durable = "."});
  CHECK_THAT(folder.problem(), ContainsSubstring("directory") || ContainsSubstring("cannot be"));
}

TEST_CASE("a long file is written anew from time to time, and says the same") {
  const File f;
  tests::put_wall(2026, 7, 9);
  std::size_t largest = 0;
  {
    Rules l = open(f, {{.name = "all", .most = n(1'000'000)}});
    const auto open_all_along = Asking().reserve(l, 1'000);
    REQUIRE(open_all_along);
    std::size_t bytes = 0;
    for (int i = 0; i < 8'000; ++i) {
      const auto r = Asking().reserve(l, 10);
      l.settle(*r, n(2), {});
      bytes += 200;
    }
    largest = f.text().size();
    CHECK(bytes > 1'100'000);
  }
  CHECK(largest < 1'050'000);
  const Rules l = open(f, {{.name = "all", .most = n(1'000'000)}});
  CHECK(used(l) == n(17'000));
  CHECK(f.text().size() < 200);
}

TEST_CASE("limits that are durable load a text into their file") {
  const File f;
  tests::put_wall(2026, 7, 9);
  Rules old(rules(), {.wall = tests::read_wall});
  old.settle(*Asking("acme").reserve(old, 77), n(77), {});
  {
    Rules l = open(f);
    REQUIRE(l.load(old.save()));
  }
  CHECK(used(open(f)) == n(77));
}

TEST_CASE("where a new file could not take the old one's place, the new one is read") {
  const File f;
  tests::put_wall(2026, 7, 9);
  {
    Rules l = open(f);
    CHECK(Asking("acme").reserve(l, 77));
  }
  REQUIRE(std::rename(f.path.c_str(), (f.path + ".new").c_str()) == 0);
  CHECK(used(open(f)) == n(77));
}

#if defined(__linux__)
TEST_CASE("a reservation that cannot be written is refused and takes nothing, and the file is right once there is room") {
  const File f;
  tests::put_wall(2026, 7, 9);
  {
    Rules l = open(f);
    const auto held = Asking("acme").reserve(l, 100);
    REQUIRE(held);
    struct rlimit was{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &was) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit tight{20, was.rlim_max};
    // Nothing is asserted meanwhile: what the tests print may be a file as well.
    const bool set = setrlimit(RLIMIT_FSIZE, &tight) == 0;
    const bool refused = !Asking("acme").reserve(l, 50), again = !Asking("acme").reserve(l, 50);
    const bool free = Asking("acme").reserve(l, 0).has_value();
    l.settle(*held, n(30), {});
    setrlimit(RLIMIT_FSIZE, &was);
    std::signal(SIGXFSZ, handler);
    CHECK(set);
    CHECK(refused);
    CHECK(again);
    CHECK(free);  // costs nothing, so there is nothing to write
    CHECK(used(l) == n(30));
    CHECK(Asking("beta").reserve(l, 7));
  }
  const Rules l = open(f);
  CHECK(l.problem().empty());
  CHECK(used(l) == n(37));
}
#endif
