// SPDX-License-Identifier: MIT
// The same scenario through two drivers has the same outcome and the same trail: whatever is decided is decided once.
#include "llmroute/drive/blocking.hpp"
#include "llmroute/drive/callback.hpp"

#include "catch.hpp"
#include "play.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using sim::Answer;
using tests::Ask;
using tests::Seen;

namespace {

constexpr Duration tick = 1ms;  // a blocking caller notices up to so much later

bool near(Duration a, Duration b) { return (a < b ? b - a : a - b) <= 10 * tick; }

/// False: they part, because what one driver noticed a tick later (a rest that ends, a cancel) made a difference. While they
/// have noticed everything at the same time, nothing may differ.
bool same(const std::vector<Ask>& asks, const std::vector<Seen>& blocking, const std::vector<Seen>& callback) {
  REQUIRE(blocking.size() == callback.size());
  bool apart = false;
  for (std::size_t i = 0; i < blocking.size(); ++i) {
    const Seen &b = blocking[i], &c = callback[i];
    INFO("request " << i << "\n  blocking: " << b.path() << " (" << b.message << ")\n  callback: " << c.path() << " ("
                    << c.message << ")");
    for (std::size_t k = 0; k < b.trail.size() && k < c.trail.size(); ++k)
      apart = apart || b.trail[k].took != c.trail[k].took || b.trail[k].started != c.trail[k].started;
    apart = apart || b.latency != c.latency || asks[i].cancel_after > Duration::zero();
    if (apart && (b.path() != c.path() || b.streamed != c.streamed)) return false;
    CHECK(b.ok == c.ok);
    CHECK(b.kind == c.kind);
    CHECK(b.text == c.text);
    CHECK(b.streamed == c.streamed);
    CHECK(b.provider == c.provider);
    CHECK(b.path() == c.path());
    CHECK(b.cost.amount == c.cost.amount);
    CHECK(near(b.latency, c.latency));
    for (std::size_t k = 0; k < b.trail.size() && k < c.trail.size(); ++k) {
      CHECK(near(b.trail[k].took, c.trail[k].took));
      CHECK(near(b.trail[k].started, c.trail[k].started));
      CHECK(b.trail[k].message == c.trail[k].message);
    }
  }
  return true;
}

struct Both {
  std::vector<Seen> seen{};
  bool same = false;
};

/// Three providers with a name and a price each; `prepare` says what goes wrong.
template <class Prepare, class... Policies>
Both play_both(Prepare prepare, const std::vector<Ask>& asks, Policies... policies) {
  std::vector<Seen> results[2];
  for (int driver = 0; driver < 2; ++driver) {
    sim::World world{11};
    for (const char* name : {"one", "two", "three"})
      world.add({.name = name, .price = {.input = per_million("1"), .output = per_million("2")}});
    prepare(world);
    results[driver] = driver == 0 ? tests::play_blocking(world, asks, policies...)
                                  : tests::play_callback(world, asks, results[0], policies...);
    for (auto& p : world) CHECK(p.counters().in_flight == 0);
  }
  const bool alike = same(asks, results[0], results[1]);
  return {results[1], alike};
}
template <class Prepare, class... Policies>
std::vector<Seen> through_both(Prepare prepare, const std::vector<Ask>& asks, Policies... policies) {
  Both both = play_both(prepare, asks, policies...);
  CHECK(both.same);
  return both.seen;
}

Ask stream(Ask a = {}) {
  a.delivery = Delivery::stream;
  return a;
}

}  // namespace

TEST_CASE("the first provider answers") {
  const auto seen = through_both([](sim::World& w) { w.provider("one").answer_with(Answer::reply("blue")); }, {Ask{}});
  CHECK(seen[0].text == "blue");
  CHECK(seen[0].path() == "one won 200");
  CHECK(seen[0].cost.source == Cost::Source::usage);
}

TEST_CASE("each failure moves on to the next provider, and is in the trail") {
  const auto seen = through_both(
      [](sim::World& w) {
        w.provider("one").answer_with(Answer::error(500));
        w.provider("two").answer_with(Answer::refused());
        w.provider("three").answer_with(Answer::reply("third"));
      },
      {Ask{}});
  CHECK(seen[0].path() == "one server_error 500, two not_sent, three won 200");
  CHECK(seen[0].text == "third");
}

TEST_CASE("a stream that fails before its first content fails over without a trace in the text") {
  const auto seen = through_both(
      [](sim::World& w) {
        w.provider("one").answer_with(Answer::stream({"never", "seen"}, 10ms).cut_after(0));
        w.provider("two").answer_with(Answer::stream({"good ", "day"}, 10ms));
      },
      {stream()});
  CHECK(seen[0].path() == "one malformed_reply 200, two won 200");
  CHECK(seen[0].streamed == "good day");
  CHECK(seen[0].text == "good day");
}

TEST_CASE("a stream that breaks after content is not replayed: the caller gets what there was") {
  const auto seen = through_both(
      [](sim::World& w) { w.provider("one").answer_with(Answer::stream({"half ", "of it", "rest"}, 10ms).cut_after(2)); },
      {stream()});
  CHECK_FALSE(seen[0].ok);
  CHECK(seen[0].kind == Kind::stream_broken);
  CHECK(seen[0].text == "half of it");
  CHECK(seen[0].streamed == "half of it");
  CHECK(seen[0].path() == "one stream_broken 200");
}

TEST_CASE("a provider that hangs is left when its share of the time is up") {
  const Ask hurried{.options = {.timeouts = {.deadline = 10s}}};
  const auto seen =
      through_both([](sim::World& w) { w.provider("one").answer_with(Answer::hang()); }, {hurried, stream(hurried)});
  CHECK(seen[0].path() == "one timed_out, two won 200");
  CHECK(near(seen[0].trail[0].took, 6s));
}

TEST_CASE("the deadline cuts the last attempt, and nobody is blamed") {
  const auto hang = [](sim::World& w) {
    for (auto& p : w) p.answer_with(Answer::hang());
  };
  const auto seen = through_both(hang, {Ask{.options = {.allow = {"one"}, .timeouts = {.deadline = 4s}}}, Ask{}});
  CHECK(seen[0].kind == Kind::deadline_exceeded);
  CHECK(seen[0].path() == "one cut");
  CHECK(near(seen[0].trail[0].took, 4s));
}

TEST_CASE("a 400 stops the request, because another provider would say the same") {
  const auto seen =
      through_both([](sim::World& w) { w.provider("one").answer_with(Answer::error(400, "invalid_value", "no")); }, {Ask{}});
  CHECK(seen[0].kind == Kind::request_invalid);
  CHECK(seen[0].path() == "one request_invalid 400");
}

TEST_CASE("a 400 goes on where the caller asked for that") {
  const auto seen =
      through_both([](sim::World& w) { w.provider("one").answer_with(Answer::error(400, "invalid_value", "no")); },
                   {Ask{.options = {.also_next_on = {Kind::request_invalid}}}});
  CHECK(seen[0].path() == "one request_invalid 400, two won 200");
}

TEST_CASE("a 429 rests its provider for what Retry-After says") {
  const auto seen = through_both([](sim::World& w) { w.provider("one").answer_with(Answer::rate_limited(20s)); },
                                 {Ask{}, Ask{.pause = 20s}, Ask{}});
  CHECK(seen[0].path() == "one rate_limited 429, two won 200");
  CHECK(seen[1].path() == "two won 200");
  CHECK(seen[2].path() == "one won 200");
}

TEST_CASE("a refused key takes its provider out for later requests, too") {
  const auto seen =
      through_both([](sim::World& w) { w.provider("one").answer_with(Answer::error(401, "invalid_api_key", "bad key")); },
                   {Ask{}, Ask{.pause = 14min}, Ask{.pause = 2min}, Ask{}});
  CHECK(seen[0].path() == "one unauthorized 401, two won 200");
  CHECK(seen[1].path() == "two won 200");
  CHECK(seen[2].path() == "two won 200");
  CHECK(seen[3].path() == "one won 200");  // the one probe after a quarter of an hour
}

TEST_CASE("everybody fails: one failure names every cause, after a second round") {
  const auto broken = [](sim::World& w) {
    for (auto& p : w)
      for (int i = 0; i < 8; ++i) p.answer_with(Answer::error(503));
  };
  const auto seen = through_both(broken, {Ask{}});
  CHECK_FALSE(seen[0].ok);
  CHECK(seen[0].kind == Kind::overloaded);
  CHECK(seen[0].trail.size() == 5);
  for (const char* name : {"one", "two", "three"})
    CHECK_THAT(seen[0].message, ContainsSubstring(std::string(name) + ": overloaded"));
}

TEST_CASE("the caller stops a stream by returning false") {
  const auto seen =
      through_both([](sim::World& w) { w.provider("one").answer_with(Answer::stream({"a", "b", "c", "d"}, 10ms)); },
                   {stream({.stop_after = 2}), Ask{}});
  CHECK(seen[0].kind == Kind::cancelled);
  CHECK(seen[0].streamed == "ab");
  CHECK(seen[0].text == "ab");
  CHECK(seen[1].path() == "one won 200");  // no harm to its health
}

TEST_CASE("a caller who cancels while waiting gets out, and no provider is blamed") {
  const auto seen =
      through_both([](sim::World& w) { w.provider("one").answer_with(Answer::hang()); }, {Ask{.cancel_after = 700ms}, Ask{}});
  CHECK(seen[0].kind == Kind::cancelled);
  CHECK(seen[0].path() == "one cancelled");
  CHECK(seen[1].path() == "one won 200");
}

TEST_CASE("a provider without fallback is asked alone") {
  const auto seen =
      through_both([](sim::World& w) { w.provider("one").answer_with(Answer::error(500)).answer_with(Answer::error(500)); },
                   {Ask{.options = {.attempts = 1}}, Ask{.options = {.fallback = Fallback::off}}});
  CHECK(seen[0].path() == "one server_error 500");
  CHECK(seen[1].path() == "one server_error 500, one won 200");
}

TEST_CASE("answers that complete inside start() are no different") {
  const auto seen = through_both(
      [](sim::World& w) {
        w.provider("one").answer_with(Answer::error(500).inside_start());
        w.provider("two").answer_with(Answer::stream({"at ", "once"}, 0ms).inside_start());
      },
      {stream()});
  CHECK(seen[0].path() == "one server_error 500, two won 200");
  CHECK(seen[0].streamed == "at once");
}

TEST_CASE("pings alone do not keep a dead stream alive") {
  const auto seen = through_both([](sim::World& w) { w.provider("one").answer_with(Answer::pings(5s, 1000)); }, {stream()});
  CHECK(seen[0].path() == "one timed_out 200, two won 200");
  CHECK(near(seen[0].trail[0].took, 60s));
}

TEST_CASE("an answer that arrives in the instant in which its limit ends has arrived") {
  const Ask a{.options = {.timeouts = {.attempt = 2s}}};
  const auto in_time = through_both([](sim::World& w) { w.provider("one").answer_with(Answer::reply("just").after(2s)); }, {a});
  CHECK(in_time[0].path() == "one won 200");
  const auto late =
      through_both([](sim::World& w) { w.provider("one").answer_with(Answer::reply("late").after(2s + 1ns)); }, {a});
  CHECK(late[0].path() == "one timed_out, two won 200");
}

TEST_CASE("random fault plans end the same way through both drivers") {
  const std::uint32_t seed = tests::seed();
  int parted = 0;
  for (std::uint64_t plan = 0; plan < 400; ++plan) {
    INFO("seed " << seed << ", plan " << plan);
    const std::uint64_t dice = mix(seed, plan);
    const auto draw = [&](std::uint64_t salt, std::uint64_t n) { return mix(dice, salt) % n; };
    std::vector<Ask> asks;
    for (std::uint64_t i = 0; i < 4; ++i) {
      Ask a;
      a.delivery = draw(i, 2) == 0 ? Delivery::whole : Delivery::stream;
      if (draw(10 + i, 8) == 0) a.stop_after = 1 + draw(20 + i, 3);
      if (draw(30 + i, 8) == 0) a.cancel_after = Duration(1ms) * static_cast<int>(1 + draw(40 + i, 4000)) + 500us;
      if (draw(50 + i, 3) == 0) a.options.timeouts.deadline = Duration(1s) * static_cast<int>(2 + draw(60 + i, 60));
      a.options.attempts = static_cast<int>(1 + draw(70 + i, 8));
      a.pause = Duration(1ms) * static_cast<int>(draw(80 + i, 40'000));
      asks.push_back(a);
    }
    const auto faults = [&](sim::World& w) {
      std::uint64_t n = 100;
      for (auto& p : w)
        for (std::uint64_t i = 0; i < 5; ++i) switch (draw(++n, 14)) {
            case 0: p.answer_with(Answer::error(500)); break;
            case 1: p.answer_with(Answer::error(503).with("retry-after", "7")); break;
            case 2: p.answer_with(Answer::rate_limited(Duration(1s) * static_cast<int>(draw(n + 1000, 90)))); break;
            case 3: p.answer_with(Answer::refused()); break;
            case 4: p.answer_with(Answer::hang()); break;
            case 5: p.answer_with(Answer::html()); break;
            case 6: p.answer_with(Answer::stream({"x ", "y ", "z"}, 15ms).cut_after(draw(n + 1000, 4))); break;
            case 7: p.answer_with(Answer::pings(3s, 50)); break;
            case 8: p.answer_with(Answer::stream({"p ", "q ", "r"}, 200ms)); break;
            case 9: p.answer_with(Answer::error(404, "model_not_found", "no such model")); break;
            case 10: p.answer_with(Answer::error(400, "context_length_exceeded", "too long")); break;
            case 11: p.answer_with(Answer::unreachable()); break;
            default: p.answer_with(Answer::reply("fine")); break;
          }
    };
    parted += !play_both(faults, asks).same;
  }
  CHECK(parted <= 8);  // of 400
}
