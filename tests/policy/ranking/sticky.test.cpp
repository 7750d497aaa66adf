// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/sticky.hpp"

#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "llmroute/route/explain.hpp"
#include "policy/ranking/on_table.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;
using ranking::Order, ranking::Sticky, ranking::Stickiness;

namespace {

const ChatRequest hello{.messages = "Hello"};
const Options nothing{};
const Options chat{.session = "chat"};

/// What the caller says, whenever it likes.
struct Wants {
  const std::string* first;
  const std::string* never;
  double score(const Candidate& c, const Query&) const {
    return c.provider.name == *never ? std::numeric_limits<double>::infinity() : c.provider.name == *first ? 0.25 : 1;
  }
};

struct World {
  std::string wanted = "a", unwanted{};
  CoreWith<Sticky<Wants>, cooldown::Off, retry::Off> core;
  Time now{Time{} + 1h};

  explicit World(Stickiness how = {})
      : core(core_of(Fleet{named("a"), named("b"), named("c")}, Sticky{Wants{&wanted, &unwanted}, how}, cooldown::Off{},
                     retry::Off{})) {}
  World(const World&) = delete;

  /// Who would be asked.
  std::string first(const Options& options = chat, const ChatRequest& request = hello) {
    Exchange x(core, request, options, Delivery::whole, Overlap::no, now);
    return told(x, now);
  }
  /// All who are asked until one succeeds: the first attempts fail as they are told to.
  std::string talk(const Options& options = chat, const ChatRequest& request = hello, std::vector<Ended> failures = {}) {
    Exchange x(core, request, options, Delivery::whole, Overlap::no, now);
    std::string all;
    std::size_t n = 0;
    for (Step s = x.next(now); s.what == Step::Do::send; s = x.next(now)) {
      all += x.provider(s.attempt).name;
      x.ended(s.attempt, n < failures.size() ? failures[n] : good(), now);
      ++n;
    }
    return all;
  }
};

ChatRequest conversation(std::string system, std::string user, std::vector<Message> more = {}) {
  ChatRequest r{.messages = {Message::system(std::move(system)), Message::user(std::move(user))}};
  for (Message& m : more) r.messages.push_back(std::move(m));
  return r;
}

}  // namespace

static_assert(RankingStrategy<Sticky<ranking::Cheapest>> && Picks<Sticky<ranking::Cheapest>> &&
              Remembers<Sticky<ranking::Cheapest>>);
static_assert(std::is_nothrow_move_constructible_v<Sticky<ranking::Cheapest>>);
static_assert(!std::is_copy_constructible_v<Sticky<ranking::Cheapest>>);
static_assert(!std::is_copy_constructible_v<Order<Sticky<ranking::Cheapest>>>);

TEST_CASE("a session stays with the provider that answered it, and others go where the ranking wants them") {
  World w;
  CHECK(w.talk() == "a");
  w.wanted = "b";
  CHECK(w.talk() == "a");
  CHECK(w.talk({.session = "another"}) == "b");
  CHECK(w.talk(nothing) == "b");
  w.wanted = "c";
  CHECK(w.talk() == "a");
  CHECK(w.talk({.session = "another"}) == "b");
  CHECK(w.talk(nothing) == "c");
}

TEST_CASE("being asked binds no session, an answer does") {
  World w;
  CHECK(w.first() == "a");
  w.wanted = "b";
  CHECK(w.first() == "b");
  CHECK(w.talk(chat, hello, {failed(Kind::server_error, 500)}).substr(0, 1) == "b");
  w.wanted = "b";
  CHECK(w.first() != "b");  // with the one that answered in its place
}

TEST_CASE("a session is forgotten once it was not used for so long, and each answer counts anew") {
  World w({.keep = 5min});
  w.talk();
  w.wanted = "b";
  for (int i = 0; i < 10; ++i) {
    w.now += 4min;
    CHECK(w.talk() == "a");
  }
  w.now += 5min - 1s;
  CHECK(w.first() == "a");
  w.now += 1s;
  CHECK(w.first() == "b");
}

TEST_CASE("a session leaves a provider that rests, and does not flip back when that is well again") {
  World w;
  w.talk();
  CHECK(w.talk({.allow = {"a"}}, hello, {failed(Kind::rate_limited, 429, 30s)}) == "a");  // for somebody else
  w.now += 1s;
  w.wanted = "b";
  CHECK(w.talk() == "b");
  w.wanted = "a";
  for (int i = 0; i < 5; ++i) {
    w.now += 20s;
    CHECK(w.talk() == "b");
  }
  CHECK(w.first({.session = "a new one"}) == "a");
}

TEST_CASE("a session comes back to a provider that rested only between two of its requests") {
  World w;
  w.talk();
  w.talk({.allow = {"a"}}, hello, {failed(Kind::rate_limited, 429, 30s)});
  w.wanted = "b";
  CHECK(w.first() == "b");  // which does not answer
  w.now += 31s;
  CHECK(w.first() == "a");
}

TEST_CASE("a session leaves a provider that has failed twice in a row; once is an accident") {
  World w;
  w.talk();
  w.wanted = "b";
  const Options only_a{.allow = {"a"}};
  w.talk(only_a, hello, {failed(Kind::server_error, 500)});
  CHECK(w.first() == "a");
  w.talk(only_a, hello, {failed(Kind::server_error, 500)});
  CHECK(w.first() == "b");
}

TEST_CASE("whom the inner ranking does not want at all, a session does not stay with") {
  World w;
  w.talk();
  w.wanted = "b", w.unwanted = "a";
  CHECK(w.first() == "b");
}

TEST_CASE("one may be allowed to ask only others") {
  World w;
  w.talk();
  CHECK(w.talk({.session = "chat", .deny = {"a"}}) != "a");
}

TEST_CASE("sessions of the same name are each tenant's own, and each model's") {
  World w;
  w.talk({.tenant = "one", .session = "chat"});
  w.wanted = "b";
  CHECK(w.first({.tenant = "one", .session = "chat"}) == "a");
  CHECK(w.first({.tenant = "two", .session = "chat"}) == "b");
  CHECK(w.first({.tenant = "onec", .session = "hat"}) == "b");
  CHECK(w.first({.tenant = "one", .session = std::string("chat\0", 5)}) == "b");
  CHECK(w.first(chat) == "b");
  CHECK(w.first({.tenant = "one", .session = "chat"}, {.messages = "Hello", .model = "another"}) == "b");
}

TEST_CASE("without a session a long beginning stays with its provider, whatever follows") {
  World w;
  const std::string system(4'000, 's'), question(96, 'q');
  w.talk(nothing, conversation(system, question));
  w.wanted = "b";
  CHECK(w.first(nothing, conversation(system, question)) == "a");
  CHECK(w.first(nothing, conversation(system, question, {Message::assistant("Yes"), Message::user("And?")})) == "a");
  CHECK(w.first(nothing, conversation(system, std::string(96, 'r'))) == "b");
  CHECK(w.first(nothing, conversation("S" + system.substr(1), question)) == "b");
  CHECK(w.first(nothing, conversation(system + "q", question.substr(1))) == "b");
  CHECK(w.first({.tenant = "another"}, conversation(system, question)) == "b");
  CHECK(w.first(chat, conversation(system, question)) == "b");  // a session of its own
}

TEST_CASE("a beginning that is too short to be cached does not bind") {
  World w;
  const ChatRequest one_less = conversation(std::string(4'000, 's'), std::string(95, 'q'));
  w.talk(nothing, one_less);
  w.wanted = "b";
  CHECK(w.first(nothing, one_less) == "b");

  World eager({.prefix_bytes = 1});
  eager.talk(nothing);
  eager.wanted = "b";
  CHECK(eager.first(nothing) == "a");
  CHECK(eager.first(nothing, ChatRequest{.messages = "Hello?"}) == "b");

  World every({.prefix_bytes = 0});  // nothing at all is no beginning
  const ChatRequest wordless{.messages = {Message::user({Part::image_url("https://example.com/a.png")})}};
  every.talk(nothing, wordless);
  every.wanted = "b";
  CHECK(every.first(nothing, wordless) == "b");
}

TEST_CASE("images count in a beginning by their end, and as no text") {
  World w;
  const auto with_image = [](char fill, char last, std::size_t text) {
    return ChatRequest{.messages = {Message::user(
                           {Part::image(std::string(10'000, fill) + last, "image/png"), Part::text(std::string(text, 't'))})}};
  };
  w.talk(nothing, with_image('A', 'x', 100));
  w.talk(nothing, with_image('A', 'x', 5'000));
  w.wanted = "b";
  CHECK(w.first(nothing, with_image('A', 'x', 100)) == "b");
  CHECK(w.first(nothing, with_image('A', 'x', 5'000)) == "a");
  CHECK(w.first(nothing, with_image('A', 'y', 5'000)) == "b");
}

TEST_CASE("sessions that fall on one entry push each other out and never mislead") {
  World w({.entries = 1});
  w.talk({.session = "one"});
  w.wanted = "b";
  CHECK(w.first({.session = "one"}) == "a");
  for (int i = 0; i < 1'000; ++i) CHECK(w.first({.session = "two" + std::to_string(i)}) == "b");
  w.talk({.session = "two"});
  w.wanted = "c";
  CHECK(w.first({.session = "two"}) == "b");
  CHECK(w.first({.session = "one"}) == "c");
}

TEST_CASE("as many sessions are kept as there is room for, or nearly") {
  World w({.entries = 4096});
  for (int i = 0; i < 1'000; ++i) w.talk({.session = std::to_string(i)});
  w.wanted = "b";
  int kept = 0;
  for (int i = 0; i < 1'000; ++i) kept += w.first({.session = std::to_string(i)}) == "a";
  CHECK(kept > 850);  // of random ones on 4,096 entries 887 are left
}

TEST_CASE("a session stays over a replacement of the fleet, by its provider's name") {
  World w;
  w.talk();
  w.wanted = "b";
  REQUIRE(w.core.replace(Fleet{named("c"), named("b"), named("a")}));
  CHECK(w.first() == "a");
  REQUIRE(w.core.replace(Fleet{named("c"), named("b")}));
  CHECK(w.first() == "b");
}

TEST_CASE("the trail has the inner ranking's score, also of one with whom a session stays") {
  World w;
  w.talk();
  w.wanted = "b";
  w.core.policy<role::Clock>().time = w.now;
  const auto kept = Preview(w.core, hello, chat).select();
  REQUIRE(kept);
  CHECK(kept->provider == "a");
  CHECK(kept->score == 1);
  const auto fresh = Preview(w.core, hello, nothing).select();
  REQUIRE(fresh);
  CHECK(fresh->provider == "b");
  CHECK(fresh->score == 0.25);
}

TEST_CASE("a session climbs with the ladder, and goes down it again") {
  Provider first = named("first"), other = named("other"), stand_in = named("stand-in"), reserve = named("reserve");
  stand_in.order = reserve.order = 2;
  auto core =
      core_of(Fleet{first, other, stand_in, reserve}, Order{Sticky{ranking::Priority{}}}, cooldown::Off{}, retry::Off{});
  const auto talk = [&](const Options& options, Time now) {
    Exchange x(core, hello, options, Delivery::whole, Overlap::no, now);
    const AttemptId id = x.next(now).attempt;
    x.ended(id, good(), now);
    return std::string(x.provider(id).name);
  };
  CHECK(talk({.session = "chat", .allow = {"reserve"}}, Time{}) == "reserve");
  CHECK(talk({.session = "chat", .deny = {"first", "other"}}, Time{}) == "reserve");
  CHECK(talk({.session = "chat"}, Time{}) == "first");
}

TEST_CASE("neither sessions nor long prompts make a Sticky allocate in a decision") {
  World w;
  const ChatRequest longer = conversation(std::string(10'000, 's'), "?");
  const Options session{.tenant = "a tenant with a long name that is no small string", .session = "likewise a session's name"};
  w.talk(session), w.talk(nothing, longer);
  const auto allocates = [&](const Options& options, const ChatRequest& request) {
    const Allocations made;
    Exchange x(w.core, request, options, Delivery::whole, Overlap::no, w.now);
    x.ended(x.next(w.now).attempt, good(), w.now);
    x.next(w.now);
    return made.count() > 0;
  };
  CHECK_FALSE(allocates(session, hello));
  CHECK_FALSE(allocates(nothing, longer));
  CHECK_FALSE(allocates(nothing, hello));
}

TEST_CASE("what a Sticky cannot keep is refused before anything is sent") {
  const auto message = [](Stickiness how) {
    World w(how);
    Exchange x(w.core, hello, nothing, Delivery::whole, Overlap::no, w.now);
    return told(x, w.now) == "finish" ? x.failure(w.now).message : std::string();
  };
  CHECK(message({}).empty());
  CHECK(message({.keep = endless}).empty());
  CHECK(message({.keep = 0s}) == "ranking::Sticky: keep is not longer than zero");
  CHECK(message({.keep = -1s}) == "ranking::Sticky: keep is not longer than zero");
  CHECK(message({.entries = 0}) == "ranking::Sticky: entries is not from 1 to 16,777,216");
  CHECK(message({.entries = static_cast<std::size_t>(-1)}) == "ranking::Sticky: entries is not from 1 to 16,777,216");
}

TEST_CASE("a table that was moved keeps what it knows, and the one that is left knows nothing") {
  detail::StickyTable table(8, 5min);
  const Time now{1h};
  table.remember(7, 5, now);
  detail::StickyTable moved(std::move(table));
  CHECK(moved.recall(7, now) == 5);
  CHECK(table.recall(7, now) == 0);
  table.remember(7, 5, now);
  CHECK(table.recall(7, now) == 0);
}

TEST_CASE("the time of an entry is compared whatever the clock says, and keep is never exceeded") {
  for (const Duration keep : {Duration(1s), Duration(5min), Duration(24h * 365), endless})
    for (const Time then : {Time{}, Time{} + 1h, Time{} + 24h * 365 * 50}) {
      detail::StickyTable table(1, keep);
      table.remember(~std::uint64_t{0}, 0xABCDE, then);
      CHECK(table.recall(~std::uint64_t{0}, then) == 0xABCDE);
      CHECK(table.recall(~std::uint64_t{0}, then - keep / 512) == 0xABCDE);  // read a little earlier, by another thread
      CHECK(table.recall(~std::uint64_t{0}, later(then, keep / 100 * 99)) == 0xABCDE);
      if (keep != endless) CHECK(table.recall(~std::uint64_t{0}, later(then, keep)) == 0);
      CHECK(table.recall(~std::uint64_t{0} >> 1, then) == 0);
    }
}
