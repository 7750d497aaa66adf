// SPDX-License-Identifier: MIT
#include "llmroute/drive/callback.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "play.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using sim::Answer;
using tests::Ask;
using tests::Seen;

namespace {

struct After {
  Duration delay = 300ms;
  std::optional<Duration> hedge_after(const Health&, const Query&) const { return delay; }
};

/// What is told, to whom the test listens.
struct Ears {
  std::function<void(const Event&)>* hears;
  void observe(const Event& e) const {
    if (*hears) (*hears)(e);
  }
};

using Prepare = void (*)(sim::World&);

/// One stream request in a world of its own; `at` may do to it what it likes, after so many events of the world.
struct Scene {
  sim::World world{5};
  std::function<void(const Event&)> hears{};
  Router<sim::Network, sim::Clock, After, Ears> router;
  std::function<bool(const Delta&)> takes = [](const Delta&) { return true; };
  std::string text{};
  std::optional<Seen> seen{};
  int outcomes = 0, late = 0;
  bool gone = false;

  using Pending = drive::Pending<detail::Bag<sim::Network, sim::Clock, After, Ears>, std::function<void(Result<Reply>)>,
                                 std::function<bool(const Delta&)>>;
  std::unique_ptr<Pending> pending{};

  static sim::World& filled(sim::World& w, Prepare prepare) {
    for (const char* name : {"one", "two", "three"}) w.add({.name = name, .price = {per_million("1"), per_million("2"), {}}});
    prepare(w);
    return w;
  }
  explicit Scene(Prepare prepare)
      : router(Fleet{filled(world, prepare).providers()}, sim::Network{world}, sim::Clock{world}, After{}, Ears{&hears}) {}

  void start() {
    const std::function<bool(const Delta&)> on_delta = [this](const Delta& d) {
      late += gone || outcomes > 0;
      text += d.text;
      return takes(d);
    };
    const std::function<void(Result<Reply>)> on_done = [this](Result<Reply> r) {
      late += gone;
      ++outcomes;
      seen = Seen::of(r, text);
    };
    pending.reset(new Pending(router.start_stream({.messages = "Hello"}, on_delta, on_done)));
  }
  /// False: there were not so many.
  bool steps(int n) {
    for (int i = 0; i < n; ++i)
      if (!world.step()) return false;
    return true;
  }
  void check_nothing_is_left() {
    CHECK(late == 0);
    CHECK(router.core().in_flight() == 0);
    CHECK(router.core().extra() == 0);
    router.core().pin()->each_lane([](const auto& lane) { CHECK(lane.place->health.in_flight.load() == 0); });
    for (auto& p : world) CHECK(p.counters().in_flight == 0);
  }
  std::uint32_t failures() {
    std::uint32_t n = 0;
    for (const auto& lane : router.core().pin()->group({}).lanes) n += lane.place->health.failures.load();
    return n;
  }
};

// The first is slow, so that a second is asked, which streams; or the first fails in ever so many ways before.
const std::vector<Prepare> scenes{
    [](sim::World& w) {
      w.provider("one").answer_with(Answer::stream({"slow"}, 1s));
      w.provider("two").answer_with(Answer::stream({"a", "b", "c"}, 20ms));
    },
    [](sim::World& w) {
      w.provider("one").answer_with(Answer::stream({"x", "y"}, 400ms).cut_after(0));
      w.provider("two").answer_with(Answer::error(503).after(250ms));
      w.provider("three").answer_with(Answer::stream({"a", "b"}, 20ms).cut_after(2));
    },
    [](sim::World& w) {
      for (auto& p : w) p.answer_with(Answer::error(500)).answer_with(Answer::stream({"again"}, 10ms));
    },
    [](sim::World& w) {
      w.provider("one").answer_with(Answer::error(500).inside_start());
      w.provider("two").answer_with(Answer::hang());
      w.provider("three").answer_with(Answer::stream({"at once"}, 0ms).inside_start());
    },
};

}  // namespace

TEST_CASE("a request that is cancelled at any of its events has one outcome, and everything comes back") {
  for (const Prepare prepare : scenes) {
    bool more = true;
    for (int n = 0; more; ++n) {
      Scene s(prepare);
      s.start();
      more = s.steps(n);
      const bool before = s.outcomes == 0;
      const std::uint32_t failures = s.failures();
      s.pending->cancel();
      CHECK(s.outcomes == 1);  // at once
      if (before) CHECK(s.seen->kind == Kind::cancelled);
      if (before) CHECK(s.seen->text == s.text);
      CHECK(s.failures() == failures);
      s.pending->cancel();
      s.world.run();
      CHECK(s.outcomes == 1);
      s.check_nothing_is_left();
    }
  }
}

TEST_CASE("a request that is destroyed at any of its events calls nothing afterwards, and everything comes back") {
  for (const Prepare prepare : scenes) {
    bool more = true;
    for (int n = 0; more; ++n) {
      Scene s(prepare);
      s.start();
      more = s.steps(n);
      const int outcomes = s.outcomes;
      s.gone = true;
      s.pending.reset();
      s.check_nothing_is_left();
      s.world.run();
      CHECK(s.outcomes == outcomes);
      s.check_nothing_is_left();
    }
  }
}

TEST_CASE("a caller may stop at any piece, or cancel there, and is told so once") {
  for (const bool by_cancel : {false, true})
    for (int n = 1; n <= 3; ++n) {
      Scene s(scenes[0]);
      int pieces = 0;
      s.takes = [&](const Delta&) {
        if (++pieces < n) return true;
        if (by_cancel) s.pending->cancel();
        return by_cancel;
      };
      s.start();
      s.world.run();
      CHECK(pieces == n);
      REQUIRE(s.outcomes == 1);
      CHECK(s.seen->kind == Kind::cancelled);
      CHECK(s.seen->text == std::string("abc").substr(0, static_cast<std::size_t>(n)));
      CHECK(s.seen->path() == "one lost 200, two cancelled 200 hedge");
      CHECK(s.failures() == 0);
      s.check_nothing_is_left();
    }
}

TEST_CASE("an observer may cancel the request that it hears of, whatever it hears") {
  for (const Prepare prepare : scenes)
    for (int n = 0; n < 12; ++n) {
      Scene s(prepare);
      int heard = 0;
      s.hears = [&](const Event&) {
        if (heard++ != n || !s.pending || s.outcomes > 0) return;
        s.pending->cancel();
        CHECK(s.outcomes == 0);  // the handler may destroy what is still at work here
      };
      s.start();
      s.world.run();
      CHECK(s.outcomes == 1);
      s.pending.reset();
      s.check_nothing_is_left();
    }
}

TEST_CASE("an observer that cancels what is being destroyed is late") {
  Scene s(scenes[0]);
  s.start();
  CHECK(s.steps(3));
  Scene::Pending* dying = s.pending.get();
  int heard = 0;
  s.hears = [&](const Event&) { ++heard, dying->cancel(); };
  s.gone = true;
  s.pending.reset();
  CHECK(heard > 0);
  CHECK(s.outcomes == 0);
  s.check_nothing_is_left();
}

#if LLMROUTE_EXCEPTIONS
TEST_CASE("a callback that throws ends its request, at whatever piece, and no provider is blamed for it") {
  for (int n = 1; n <= 3; ++n) {
    Scene s(scenes[0]);
    int pieces = 0;
    s.takes = [&](const Delta&) { return ++pieces < n ? true : throw 42; };
    s.start();
    s.world.run();
    CHECK(pieces == n);
    REQUIRE(s.outcomes == 1);
    CHECK(s.seen->kind == Kind::policy_failed);
    CHECK(s.seen->path() == "one lost 200, two cancelled 200 hedge");
    CHECK(s.failures() == 0);
    s.check_nothing_is_left();
  }
}
#endif

// --- hedges ---

namespace {
Seen hedged(Prepare prepare, Ask ask = {}, Duration delay = 300ms) {
  sim::World world{5};
  Scene::filled(world, prepare);
  const std::vector<Seen> seen = tests::play_callback(world, {std::move(ask)}, {}, After{delay});
  for (auto& p : world) CHECK(p.counters().in_flight == 0);
  return seen[0];
}
Ask streamed() {
  Ask a;
  a.delivery = Delivery::stream;
  return a;
}
}  // namespace

TEST_CASE("a second provider is asked when the first is slow, and its answer is the one") {
  const Seen whole = hedged([](sim::World& w) {
    w.provider("one").answer_with(Answer::reply("late").after(5s));
    w.provider("two").answer_with(Answer::reply("soon").after(100ms));
  });
  CHECK(whole.path() == "one lost, two won 200 hedge");
  CHECK(whole.text == "soon");
  CHECK(whole.latency == 400ms);
  CHECK(whole.cost.amount > Money::nanos(12'000 + 16'000));  // the loser was paid for, too
  CHECK(whole.cost.source == Cost::Source::estimated);
}

TEST_CASE("the first is not asked twice, and wins where it is sooner") {
  const Seen s = hedged([](sim::World& w) {
    w.provider("one").answer_with(Answer::reply("first").after(500ms));
    w.provider("two").answer_with(Answer::reply("second").after(500ms));
  });
  CHECK(s.path() == "one won 200, two lost hedge");
  const Seen quick = hedged([](sim::World& w) { w.provider("one").answer_with(Answer::reply("first").after(300ms)); });
  CHECK(quick.path() == "one won 200");  // what comes in the instant of the hedge has come
}

TEST_CASE("where the first fails while the second runs, the second goes on, and the other way round") {
  const Seen first = hedged([](sim::World& w) {
    w.provider("one").answer_with(Answer::error(500).after(400ms));
    w.provider("two").answer_with(Answer::reply("second").after(500ms));
  });
  CHECK(first.path() == "one server_error 500, two won 200 hedge");
  const Seen second = hedged([](sim::World& w) {
    w.provider("one").answer_with(Answer::reply("first").after(900ms));
    w.provider("two").answer_with(Answer::error(500).after(100ms));
  });
  CHECK(second.path() == "one won 200, two server_error 500 hedge");
  const Seen both = hedged([](sim::World& w) {
    w.provider("one").answer_with(Answer::error(500).after(500ms));
    w.provider("two").answer_with(Answer::error(500).after(200ms));
    w.provider("three").answer_with(Answer::reply("third").after(100ms));
  });
  CHECK(both.path() == "one server_error 500, two server_error 500 hedge, three won 200");
}

TEST_CASE("a failure that stops the request stops whoever else runs") {
  const Seen s = hedged([](sim::World& w) {
    w.provider("one").answer_with(Answer::hang());
    w.provider("two").answer_with(Answer::error(400, "invalid_value", "no").after(100ms));
  });
  CHECK(s.kind == Kind::request_invalid);
  CHECK(s.path() == "one lost, two request_invalid 400 hedge");
}

TEST_CASE("of two streams the first to say something is the one, from its first piece to its last") {
  const Seen s = hedged(
      [](sim::World& w) {
        w.provider("one").answer_with(Answer::stream({"A", "B", "C"}, 350ms));
        w.provider("two").answer_with(Answer::stream({"a", "b", "c"}, 20ms));
      },
      streamed());
  CHECK(s.path() == "one lost 200, two won 200 hedge");
  CHECK(s.streamed == "abc");
  const Seen broken = hedged(
      [](sim::World& w) {
        w.provider("one").answer_with(Answer::stream({"A", "B", "C"}, 350ms));
        w.provider("two").answer_with(Answer::stream({"a", "b", "c"}, 20ms).cut_after(2));
      },
      streamed());
  CHECK(broken.kind == Kind::stream_broken);  // the first is gone by then, and nothing is replayed
  CHECK(broken.path() == "one lost 200, two stream_broken 200 hedge");
  CHECK(broken.streamed == "ab");
}

TEST_CASE("once a stream has said something, no second one is asked") {
  const Seen s =
      hedged([](sim::World& w) { w.provider("one").answer_with(Answer::stream({"a", "b", "c"}, 200ms)); }, streamed());
  CHECK(s.path() == "one won 200");
  CHECK(s.streamed == "abc");
}

TEST_CASE("a hedge may complete inside start(), and a delay of nothing asks two at once") {
  const Seen inside = hedged([](sim::World& w) {
    w.provider("one").answer_with(Answer::hang());
    w.provider("two").answer_with(Answer::reply("at once").inside_start());
  });
  CHECK(inside.path() == "one lost, two won 200 hedge");
  const Seen at_once = hedged([](sim::World& w) { w.provider("two").answer_with(Answer::reply("quick").after(1ms)); }, {}, 0ms);
  CHECK(at_once.path() == "one lost, two won 200 hedge");
}

TEST_CASE("no second is asked where the request, its replay or its attempts forbid it, nor where there is nobody else") {
  const auto slow = [](sim::World& w) { w.provider("one").answer_with(Answer::reply("late").after(2s)); };
  for (const Options& o : {Options{.attempts = 1}, Options{.fallback = Fallback::off}, Options{.hedge = Switch::off},
                           Options{.replay = Replay::only_if_not_sent}, Options{.allow = {"one"}}}) {
    Ask ask;
    ask.options = o;
    CHECK(hedged(slow, ask).path() == "one won 200");
  }
}

TEST_CASE("a deadline cuts both, and blames neither") {
  Ask ask;
  ask.options.timeouts.deadline = 2s;
  const Seen s = hedged(
      [](sim::World& w) {
        for (auto& p : w) p.answer_with(Answer::hang());
      },
      ask, 1s);
  CHECK(s.kind == Kind::deadline_exceeded);
  CHECK(s.path() == "one timed_out, two cut hedge");  // the first had its share of the time
}

// --- transports that bend the rules ---

namespace {

/// Nothing happens by itself: the test plays transport and loop.
struct Manual {
  struct Operation {
    int* alive = nullptr;
    Operation() = default;
    explicit Operation(int& n) : alive(&n) { ++n; }
    Operation(Operation&& o) noexcept : alive(std::exchange(o.alive, nullptr)) {}
    Operation& operator=(Operation&& o) noexcept {
      if (alive != nullptr) --*alive;
      alive = std::exchange(o.alive, nullptr);
      return *this;
    }
    ~Operation() {
      if (alive != nullptr) --*alive;
    }
  };
  struct Started {
    const http::Call* call;
    http::Completion done;
  };
  struct State {
    Time now{};
    int operations = 0, timers = 0;
    std::vector<Started> calls{};
    http::Wake wake{};
    std::function<void(const Started&)> in_start{};
  };
  State* state;

  Operation start(const http::Call& call, http::Completion done) {
    state->calls.push_back({&call, done});
    if (state->in_start) state->in_start(state->calls.back());
    return Operation(state->operations);
  }
  Operation at(Time, http::Wake wake) {
    state->wake = wake;
    return Operation(state->timers);
  }
  void run_until(FunctionRef<bool()>) {}  // there is nothing that could happen
};
struct ManualClock {
  Manual::State* state;
  Time now() const { return state->now; }
};
struct ByHand {
  Manual::State state{};
  Router<Manual, ManualClock> router;
  ByHand() : router(Fleet{provider("one"), provider("two")}, Manual{&state}, ManualClock{&state}) {}
  static Provider provider(std::string name) {
    Provider p;
    p.url = "https://" + name + ".example/v1";
    p.name = std::move(name);
    return p;
  }
};
constexpr std::string_view whole = R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})";
void answer(const Manual::Started& s, int status = 200, std::string_view body = whole) {
  s.call->on_head(status, {});
  static_cast<void>(s.call->on_body(body));
}

}  // namespace

TEST_CASE("a completion that comes twice counts once") {
  ByHand h;
  std::vector<std::string> seen;
  {
    auto pending = h.router.start({.messages = "Hello"}, [&](Result<Reply> r) {
      const Seen s = Seen::of(r, {});
      seen.push_back(s.path() + ": " + s.text + (r ? std::to_string(r->tool_calls.size()) : ""));
    });
    answer(h.state.calls[0], 500);
    const Manual::Started first = h.state.calls[0];
    h.state.in_start = [&](const Manual::Started& s) {
      answer(s, 200,
             R"({"choices":[{"message":{"content":"hi","tool_calls":[{"id":"1","type":"function",)"
             R"("function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}]})");
      s.done({});
      s.done({});
    };
    first.done({});
    CHECK(seen == std::vector<std::string>{"one server_error 500, two won 200: hi1"});
    CHECK(pending.finished());
  }
  CHECK(h.state.operations == 0);
  CHECK(h.state.timers == 0);
  CHECK(h.router.core().in_flight() == 0);
}

TEST_CASE("a wake that comes early or for nothing does no harm") {
  ByHand h;
  int outcomes = 0;
  auto pending = h.router.start({.messages = "Hello"}, [&](Result<Reply>) { ++outcomes; });
  for (int i = 0; i < 5; ++i) h.state.wake();
  CHECK(outcomes == 0);
  CHECK(h.state.calls.size() == 1);
  h.state.now += 10min;
  h.state.wake();
  CHECK(outcomes == 1);
  CHECK(h.state.operations == 0);
  CHECK(h.state.timers == 0);
}

TEST_CASE("a loop that ends with nothing left to happen gives the blocking caller an outcome all the same") {
  ByHand h;
  const auto r = h.router.complete("Hello");
  REQUIRE_FALSE(r);
  CHECK(r.error().kind == Kind::cancelled);
  CHECK(h.state.operations == 0);
  CHECK(h.router.core().in_flight() == 0);
}

TEST_CASE("a time without end needs no timer") {
  ByHand h;
  const Timeouts unlimited{Duration::max(), Duration::max(), Duration::max(),
                           Duration::max(), Duration::max(), Duration::max()};
  h.state.now = Time{} + 1h;
  int outcomes = 0;
  auto pending = h.router.start({.messages = "Hello"}, [&](Result<Reply> r) { outcomes += r.has_value(); },
                                {.allow = {"one"}, .timeouts = unlimited});
  CHECK(h.state.timers == 0);
  h.state.now += 1000h;
  answer(h.state.calls[0]);
  h.state.calls[0].done({});
  CHECK(outcomes == 1);
}

namespace {
struct Suicidal {
  struct Holder;
  std::unique_ptr<Holder>* holder;
  std::string* noted;
  std::string own;
  void operator()(Result<Reply>);
};
struct Suicidal::Holder {
  drive::Pending<detail::Bag<Manual, ManualClock>, Suicidal, bool (*)(const Delta&)> pending;
};
void Suicidal::operator()(Result<Reply>) {
  holder->reset();
  *noted = own;
}
}  // namespace

TEST_CASE("a handler may destroy its request and still use what it holds itself") {
  ByHand h;
  std::unique_ptr<Suicidal::Holder> holder;
  std::string noted;
  Suicidal handler{&holder, &noted, "a text that is too long to lie inside its string"};
  bool (*ignore)(const Delta&) = [](const Delta&) { return true; };
  holder.reset(new Suicidal::Holder{h.router.start_stream({.messages = "Hello"}, ignore, handler)});
  answer(h.state.calls[0]);
  h.state.calls[0].done({});
  CHECK_FALSE(holder);
  CHECK(noted == handler.own);
}

#if LLMROUTE_EXCEPTIONS
TEST_CASE("a transport that throws in start() is a broken connection, also where it had called its completion before") {
  for (const bool completed : {false, true}) {
    ByHand h;
    h.state.in_start = [&](const Manual::Started& s) {
      if (h.state.calls.size() > 1) return;
      if (completed) answer(s, 500), s.done({});
      throw 42;
    };
    std::string path;
    auto pending = h.router.start({.messages = "Hello"}, [&](Result<Reply> r) { path = Seen::of(r, {}).path(); });
    REQUIRE(h.state.calls.size() == 2);
    answer(h.state.calls[1]);
    h.state.calls[1].done({});
    CHECK(path == (completed ? "one server_error 500, two won 200" : "one server_error, two won 200"));
    CHECK(h.router.core().in_flight() == 0);
  }
}
#endif
