// SPDX-License-Identifier: MIT
#include "llmroute/drive/blocking.hpp"

#include <functional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "llmroute/router.hpp"
#include "llmroute/sim/clock.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view whole = R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})";
constexpr std::string_view piece = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
constexpr std::string_view last =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

Provider named(std::string name) {
  Provider p;
  p.url = "https://" + name + ".example/v1";
  p.name = std::move(name);
  p.key = Secret("sk-test");
  return p;
}

/// A client that does what it is told, however wrong; it notes whom it was sent to, and time passes only in here.
struct Scripted {
  using Play = std::function<http::Done(const http::Call&)>;
  std::vector<Play> plays;
  std::vector<std::string>* sent;
  http::Done perform(const http::Call& call) {
    sent->emplace_back(call.request.url.substr(8, call.request.url.find('.') - 8));
    const Play play = sent->size() <= plays.size() ? plays[sent->size() - 1] : plays.back();
    return play(call);
  }
};

struct Fixture {
  sim::Timeline time{};
  std::vector<std::string> sent{};
  std::string text{};
  std::string trail{};
  OnDelta take{};

  template <class... Ps>
  Result<Reply> ask(Delivery how, std::vector<Scripted::Play> plays, const Options& options = {}, Stopped stopped = {},
                    Ps... ps) {
    Router router{Fleet{named("one"), named("two")}, Scripted{std::move(plays), &sent}, sim::Clock{time}, std::move(ps)...};
    auto on_delta = [&](const Delta& d) { return text += d.text, true; };
    Result<Reply> r = how == Delivery::stream ? router.stream("Hello", take ? take : OnDelta(on_delta), options, stopped)
                                              : router.complete("Hello", options, stopped);
    for (const TrailEntry& e : r ? r->trail : r.error().trail) {
      trail += (trail.empty() ? "" : ", ") + std::string(e.provider.view()) + ' ';
      trail += e.ending == Ending::failed ? to_string(e.kind) : to_string(e.ending);
    }
    CHECK(router.core().in_flight() == 0);
    CHECK(router.core().extra() == 0);
    router.core().pin()->each_lane([](const auto& lane) { CHECK(lane.place->health.in_flight.load() == 0); });
    return r;
  }
};

http::Done answers(const http::Call& call, std::string_view body = whole, int status = 200) {
  call.on_head(status, {});
  if (!call.on_body(body)) return {http::Error::stopped, {}};
  return {};
}
http::Done fine(const http::Call& call) { return answers(call); }
http::Done fine_stream(const http::Call& call) { return answers(call, std::string(piece) + std::string(last)); }

}  // namespace

TEST_CASE("a caller who wants out before anything is sent sends nothing") {
  Fixture f;
  auto out = [] { return true; };
  const auto r = f.ask(Delivery::whole, {fine}, {}, out);
  REQUIRE_FALSE(r);
  CHECK(r.error().kind == Kind::cancelled);
  CHECK(f.sent.empty());
}

TEST_CASE("a caller who wants out between two attempts stops the next, also where the client never asks") {
  Fixture f;
  auto out = [&] { return f.sent.size() == 1; };
  const auto r = f.ask(Delivery::whole, {[](const http::Call& c) { return answers(c, "{}", 500); }, fine}, {}, out);
  REQUIRE_FALSE(r);
  CHECK(r.error().kind == Kind::cancelled);
  CHECK(f.trail == "one server_error");
}

TEST_CASE("a caller who wants out while the router waits for a second round is not kept") {
  Fixture f;
  bool waits = false;
  auto out = [&] { return waits && f.time.elapsed() > 0s; };
  const auto r =
      f.ask(Delivery::whole, {[&](const http::Call& c) { return waits = f.sent.size() == 2, answers(c, "{}", 500); }}, {}, out);
  REQUIRE_FALSE(r);
  CHECK(r.error().kind == Kind::cancelled);
  CHECK(f.sent.size() == 2);
  CHECK(f.time.elapsed() < 100ms);
}

TEST_CASE("an answer of a client that keeps no limits is dropped when it comes too late") {
  const Options hurried{.timeouts = {.deadline = 30s, .attempt = 5s, .first_content = 5s}};
  for (const auto& [how, answer] :
       {std::pair{Delivery::whole, &fine}, {Delivery::stream, &fine}, {Delivery::stream, &fine_stream}}) {
    Fixture f, in_time;
    const auto late = [&, a = answer](const http::Call& c) { return f.time.advance(5s + 1ns), a(c); };
    CHECK(f.ask(how, {late, answer}, hurried));
    CHECK(f.trail == "one timed_out, two won");
    const auto just = [&, a = answer](const http::Call& c) { return in_time.time.advance(5s), a(c); };
    CHECK(in_time.ask(how, {just}, hurried));
    CHECK(in_time.trail == "one won");
  }
}

TEST_CASE("a client that blocks beyond the deadline does not save its provider from blame for its own limit") {
  for (const auto& [error, trail] : {std::pair{http::Error::stopped, "one timed_out"},
                                     {http::Error::timed_out, "one timed_out"},
                                     {http::Error::io, "one server_error"}}) {
    Fixture f;
    const auto hangs = [&, e = error](const http::Call&) { return f.time.advance(60s), http::Done{e, {}}; };
    const auto r = f.ask(Delivery::whole, {hangs}, {.timeouts = {.deadline = 10s}});
    REQUIRE_FALSE(r);
    CHECK(r.error().kind == Kind::deadline_exceeded);
    CHECK(f.trail == trail);  // its share of ten seconds was six
  }
}

TEST_CASE("the next byte notices a silence that the client did not") {
  Fixture f;
  const auto silent = [&](const http::Call& c) {
    c.on_head(200, {});
    CHECK(c.on_body(piece));
    f.time.advance(31s);
    CHECK_FALSE(c.on_body(piece));
    return http::Done{http::Error::stopped, {}};
  };
  const auto r = f.ask(Delivery::stream, {silent});
  REQUIRE_FALSE(r);
  CHECK(r.error().kind == Kind::stream_broken);
  CHECK(f.text == "hi");
}

TEST_CASE("clients that bend the rules do no harm") {
  const auto after = [](Delivery how, Scripted::Play wrong, Scripted::Play right) {
    Fixture f;
    const auto r = f.ask(how, {std::move(wrong), std::move(right)});
    return f.trail + (r ? ": " + r->text : "");
  };
  const auto no_head = [](const http::Call& c) { return c.on_body(whole), http::Done{}; };
  const auto nothing = [](const http::Call&) { return http::Done{}; };
  const auto two_heads = [](const http::Call& c) { return c.on_head(503, {}), answers(c); };
  const auto part = [](const http::Call& c) { return answers(c, whole.substr(0, 30)); };
  const auto body_after_stop = [](const http::Call& c) {
    c.on_head(200, {});
    for (int i = 0; i < 3; ++i) c.on_body("<html>");
    c.on_body(whole);
    return http::Done{};
  };
  CHECK(after(Delivery::whole, no_head, fine) == "one malformed_reply, two won: hi");
  CHECK(after(Delivery::whole, nothing, fine) == "one malformed_reply, two won: hi");
  CHECK(after(Delivery::whole, two_heads, fine) == "one won: hi");
  CHECK(after(Delivery::whole, part, fine) == "one malformed_reply, two won: hi");
  CHECK(after(Delivery::whole, body_after_stop, fine) == "one malformed_reply, two won: hi");
  CHECK(after(Delivery::stream, no_head, fine_stream) == "one malformed_reply, two won: hi");
  CHECK(after(Delivery::stream, [](const http::Call& c) { return answers(c, piece); }, fine_stream) == "one stream_broken");
}

TEST_CASE("after a caller has had enough of a stream, no piece comes any more, whatever the client still has") {
  Fixture f;
  int pieces = 0;
  auto enough = [&](const Delta&) { return ++pieces < 2; };
  f.take = enough;
  const auto deaf = [](const http::Call& c) {
    c.on_head(200, {});
    for (int i = 0; i < 10; ++i) c.on_body(piece);
    c.on_body(last);
    return http::Done{};
  };
  const auto r = f.ask(Delivery::stream, {deaf});
  REQUIRE_FALSE(r);
  CHECK(r.error().kind == Kind::cancelled);
  CHECK(r.error().partial == "hihi");
  CHECK(pieces == 2);
  CHECK(f.trail == "one cancelled");
}

TEST_CASE("a key that its function does not give sends nothing to that provider") {
  std::vector<std::string> sent;
  Provider p = named("one");
  p.key = Secret([] { return std::string("no\nkey"); });
  Router router{Fleet{p, named("two")}, Scripted{{fine}, &sent}, cooldown::Off{}};
  const auto r = router.complete("Hello");
  REQUIRE(r);
  CHECK(r->trail[0].kind == Kind::not_sent);
  CHECK(sent == std::vector<std::string>{"two"});
}

TEST_CASE("a client never hears of limits that are zero or less, however little time is left") {
  for (const Duration deadline : {Duration(1ns), Duration(1s), Duration::max()}) {
    Fixture f;
    const auto notes = [&](const http::Call& c) {
      CHECK(c.limits.connect > 0s);
      CHECK(c.limits.first_byte > 0s);
      CHECK(c.limits.idle > 0s);
      CHECK(c.limits.total > 0s);
      return answers(c);
    };
    CHECK(f.ask(Delivery::whole, {notes}, {.timeouts = {.deadline = deadline}}));
    CHECK(f.sent.size() == 1);
  }
}

TEST_CASE("waiting is the clock's business where it can wait, and ends at once for a time that is past") {
  sim::Timeline time;
  sim::Clock clock{time};
  drive::wait(clock, time.now() + 1h, {});
  CHECK(time.elapsed() == 1h);
  struct Past {
    int* asked;
    Time now() const { return ++*asked, Time{} + 1h; }
  };
  int asked = 0;
  Past past{&asked};
  drive::wait(past, Time{} + 1h, {});
  CHECK(asked == 1);
  auto out = [] { return true; };
  drive::wait(past, never, out);
  CHECK(asked == 2);
}

TEST_CASE("a caller without callbacks takes everything and never wants out") {
  drive::Caller nobody({}, {});
  CHECK(nobody.takes({}));
  CHECK_FALSE(nobody.wants_out());
}

#if LLMROUTE_EXCEPTIONS
TEST_CASE("what a caller's callback throws stays behind a wall until it is thrown again, and no callback is asked any more") {
  int calls = 0;
  auto throws = [&](const Delta&) -> bool {
    ++calls;
    throw 7;
  };
  auto out = [&]() -> bool { return ++calls, false; };
  drive::Caller caller(throws, out);
  CHECK_FALSE(caller.takes({}));
  CHECK_FALSE(caller.takes({}));
  CHECK(caller.wants_out());
  CHECK(calls == 1);
  CHECK_THROWS_AS(caller.rethrow(), int);
}

TEST_CASE("a client that throws in the middle is a broken connection: before content the next is asked, afterwards nobody") {
  for (const bool content : {false, true}) {
    Fixture f;
    const auto throws = [&](const http::Call& c) -> http::Done {
      c.on_head(200, {});
      if (content) c.on_body(piece);
      throw 42;
    };
    CHECK(f.ask(Delivery::stream, {throws, fine_stream}).has_value() == !content);
    CHECK(f.trail == (content ? "one stream_broken" : "one malformed_reply, two won"));
  }
}
#endif
