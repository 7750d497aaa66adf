// SPDX-License-Identifier: MIT
#include "llmroute/sim/network.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using sim::Answer;

static_assert(Transport<sim::Network>);
static_assert(AsyncTransport<sim::Network>);
static_assert(Runnable<sim::Network>);
static_assert(!Transport<sim::World>);
static_assert(std::is_trivially_copyable_v<sim::Network>);
static_assert(!std::is_copy_constructible_v<sim::Network::Operation>);
static_assert(std::is_nothrow_move_constructible_v<sim::Network::Operation>);

namespace {

// Everything that one call hears, and when.
struct Listener {
  sim::World& world;
  http::Request request{.url = "https://p.sim/v1/chat/completions"};
  http::Limits limits{};
  int stop_after = -1;  // bodies
  Time out_at = never;
  std::string heard{};
  int bodies = 0;
  bool over = false;
  http::Done how{};

  void note(std::string_view what) { heard.append(what).append("@" + std::to_string(world.elapsed() / 1us) + ' '); }
  void head(int status, std::span<const http::Field> fields) {
    note("head" + std::to_string(status) + '/' + std::to_string(fields.size()));
  }
  bool body(std::string_view bytes) {
    note(bytes);
    return ++bodies != stop_after;
  }
  bool out() const { return world.now() >= out_at; }
  void done(http::Done d) {
    how = std::move(d);
    over = true;
    note("done:" + std::string(to_string(how.error)) + '(' + how.detail + ')');
  }

  auto head_sink() {
    return FunctionRef<void(int, std::span<const http::Field>)>(
        this, [](void* o, int s, std::span<const http::Field> f) { static_cast<Listener*>(o)->head(s, f); });
  }
  auto body_sink() {
    return FunctionRef<bool(std::string_view)>(this,
                                               [](void* o, std::string_view b) { return static_cast<Listener*>(o)->body(b); });
  }
  auto stopped_sink() {
    return FunctionRef<bool()>(this, [](void* o) { return static_cast<Listener*>(o)->out(); });
  }
  auto completion() {
    return http::Completion(this, [](void* o, http::Done d) { static_cast<Listener*>(o)->done(std::move(d)); });
  }
  http::Call call() { return {request, limits, head_sink(), body_sink(), stopped_sink()}; }
};

std::string performed(const Answer& answer, http::Limits limits = {}, int stop_after = -1) {
  sim::World world;
  world.add({.name = "p"}).answer_with(answer);
  Listener l{.world = world, .limits = limits, .stop_after = stop_after};
  l.done(sim::Network(world).perform(l.call()));
  return l.heard;
}

std::string started(const Answer& answer, http::Limits limits = {}, int stop_after = -1) {
  sim::World world;
  world.add({.name = "p"}).answer_with(answer);
  Listener l{.world = world, .limits = limits, .stop_after = stop_after};
  sim::Network network(world);
  const http::Call call = l.call();
  const auto operation = network.start(call, l.completion());
  network.run_until([&] { return l.over; });
  CHECK(world.pending() == 0);
  return l.heard;
}

Answer plain() {
  return {.head = 10ms, .fields = {{"a", "b"}}, .chunks = {{0ms, "x"}, {5ms, "y"}, {5ms, "z"}}, .end_after = 1ms};
}

}  // namespace

TEST_CASE("an answer is heard piece by piece at its times") {
  const std::string expected = "head200/1@10000 x@10000 y@15000 z@20000 done:none()@21000 ";
  CHECK(performed(plain()) == expected);
  CHECK(started(plain()) == expected);
}

TEST_CASE("perform and start play every answer alike, to the nanosecond, under every limit") {
  std::vector<Answer> answers{plain(),
                              plain().inside_start(),
                              plain().cut_after(1),
                              plain().drip(1500us),
                              Answer::reply("hello"),
                              Answer::stream({"a", "b", "c"}, 7ms),
                              Answer::stream({"a", "b", "c"}, 7ms).cut_after(2),
                              Answer::error(500),
                              Answer::rate_limited(3s),
                              Answer::refused(),
                              Answer::unresolved(),
                              Answer::unreachable(),
                              Answer::hang(),
                              Answer::html(),
                              Answer::pings(10ms, 4),
                              Answer::no_answer(http::Error::tls, 2500us)};
  const std::vector<http::Limits> limits{
      {},
      {.connect = 3ms},
      {.first_byte = 10ms},
      {.first_byte = 9ms},
      {.idle = 5ms},
      {.idle = 4'999us},
      {.total = 20ms},
      {.total = 14'500us},
      {.connect = 1ms, .first_byte = 12ms, .idle = 6ms, .total = 18ms},
  };
  for (std::size_t a = 0; a < answers.size(); ++a) {
    for (std::size_t l = 0; l < limits.size(); ++l) {
      for (int stop_after : {-1, 1, 2}) {
        CAPTURE(a, l, stop_after);
        CHECK(performed(answers[a], limits[l], stop_after) == started(answers[a], limits[l], stop_after));
      }
    }
  }
}

TEST_CASE("limits hold to the nanosecond, and what comes at the instant of its limit has come") {
  CHECK(performed(plain(), {.first_byte = 10ms}) == performed(plain()));
  CHECK(performed(plain(), {.first_byte = 9'999us}) == "done:timed out(no first byte in time)@9999 ");
  CHECK(performed(plain(), {.idle = 5ms}) == performed(plain()));
  CHECK(performed(plain(), {.idle = 4'999us}) == "head200/1@10000 x@10000 done:timed out(no further byte in time)@14999 ");
  CHECK(performed(plain(), {.total = 21ms}) == performed(plain()));
  CHECK(performed(plain(), {.total = 20ms}) ==
        "head200/1@10000 x@10000 y@15000 z@20000 done:timed out(not finished in time)@20000 ");
  CHECK(performed(Answer::unreachable(), {.connect = 3ms}) == "done:could not connect(not reached in time)@3000 ");
  CHECK(performed(Answer::hang(), {.connect = 3ms, .total = 50ms}) == "done:timed out(not finished in time)@50000 ");
}

TEST_CASE("nothing hangs for ever: an hour of silence ends a connection") {
  CHECK(started(Answer::hang()) == "done:connection broken(closed after an hour of silence)@3600000000 ");
  CHECK(performed(Answer::pings(1ms, 1)) == started(Answer::pings(1ms, 1)));
}

TEST_CASE("a call without a head says why, and a host that is not there is not resolved") {
  CHECK(performed(Answer::refused()) == "done:could not connect(could not connect)@1000 ");
  sim::World world;
  Listener l{.world = world};
  const http::Done done = sim::Network(world).perform(l.call());
  CHECK(done.error == http::Error::resolve);
}

TEST_CASE("a sink that says stop is the last that is called") {
  CHECK(performed(plain(), {}, 2) == "head200/1@10000 x@10000 y@15000 done:stopped(the caller had enough)@15000 ");
  CHECK(started(plain(), {}, 2) == performed(plain(), {}, 2));
}

TEST_CASE("a blocked caller is asked each millisecond whether he wants out") {
  sim::World world;
  world.add({.name = "p"}).answer_with(Answer::hang()).answer_with(plain());
  sim::Network network(world);
  Listener l{.world = world, .out_at = Time{} + 2500us};
  CHECK(network.perform(l.call()).error == http::Error::stopped);
  CHECK(world.elapsed() == 3ms);
  CHECK(l.heard.empty());
  Listener later{.world = world, .out_at = Time{} + 15ms};
  CHECK(network.perform(later.call()).error == http::Error::stopped);
  CHECK(later.heard == "head200/1@13000 x@13000 ");
}

TEST_CASE("an asynchronous caller who wants out is believed when the next piece has come") {
  sim::World world;
  world.add({.name = "p"}).answer_with(plain());
  Listener l{.world = world, .out_at = Time{} + 12ms};
  const http::Call call = l.call();
  sim::Network network(world);
  const auto operation = network.start(call, l.completion());
  world.run();
  CHECK(l.how.error == http::Error::stopped);
  CHECK(l.heard == "head200/1@10000 x@10000 y@15000 done:stopped(the caller wanted out)@15000 ");
}

TEST_CASE("while a caller blocks, the rest of the world goes on") {
  sim::World world;
  world.add({.name = "p"}).answer_with(plain()).answer_with(plain());
  sim::Network network(world);
  Listener other{.world = world};
  const http::Call other_call = other.call();
  const auto operation = network.start(other_call, other.completion());
  Listener l{.world = world};
  CHECK(network.perform(l.call()).error == http::Error::none);
  CHECK(other.over);
  CHECK(other.heard.substr(0, 16) == "head200/1@10000 ");
}

TEST_CASE("an operation that is destroyed at any event point calls nothing afterwards") {
  const Answer answer = Answer::stream({"a", "b"}, 5ms);
  for (int point = 0; point < 12; ++point) {
    CAPTURE(point);
    sim::World world;
    sim::ScriptedProvider& p = world.add({.name = "p"}).answer_with(answer).answer_with(answer);
    sim::Network network(world);
    std::string after_doom, survivor_heard;
    {
      Listener doomed{.world = world}, survivor{.world = world};
      const http::Call doomed_call = doomed.call(), survivor_call = survivor.call();
      std::optional<sim::Network::Operation> first = network.start(doomed_call, doomed.completion());
      const auto second = network.start(survivor_call, survivor.completion());
      for (int i = 0; i < point; ++i) world.step();
      const bool was_over = doomed.over;
      const std::string before = doomed.heard;
      CHECK(p.counters().in_flight == (doomed.over ? 0 : 1) + (survivor.over ? 0 : 1));
      first.reset();
      CHECK(p.counters().in_flight == (survivor.over ? 0 : 1));
      world.run();
      CHECK(doomed.heard == before);
      CHECK(doomed.over == was_over);
      CHECK(survivor.over);
      survivor_heard = survivor.heard;
    }
    CHECK(world.pending() == 0);
    CHECK(p.counters().in_flight == 0);
    CHECK(survivor_heard == started(answer));
  }
}

TEST_CASE("an operation may be destroyed, or replaced by the next call, inside its own completion") {
  sim::World world;
  world.add({.name = "p"}).answer_with(plain()).answer_with(plain().inside_start()).answer_with(plain());
  sim::Network network(world);
  Listener l{.world = world};
  const http::Call call = l.call();
  sim::Network::Operation operation;
  int completions = 0;
  struct Next {
    sim::Network& network;
    const http::Call& call;
    sim::Network::Operation& operation;
    int& completions;
    void operator()(http::Done) {
      if (++completions == 1) operation = network.start(call, *this);
      else if (completions == 2) return;  // inside start(): the operation is not ours yet
      else operation = {};
    }
  } next{network, call, operation, completions};
  operation = network.start(call, next);
  world.run();
  CHECK(completions == 2);
  operation = network.start(call, next);
  world.run();
  CHECK(completions == 3);
  CHECK(world.provider("p").counters().in_flight == 0);
}

TEST_CASE("an answer at once completes before start has returned, and takes no time") {
  sim::World world;
  world.add({.name = "p"}).answer_with(plain().inside_start());
  Listener l{.world = world};
  const http::Call call = l.call();
  const auto operation = sim::Network(world).start(call, l.completion());
  CHECK(l.over);
  CHECK(l.heard == "head200/1@0 x@0 y@0 z@0 done:none()@0 ");
  CHECK(world.pending() == 0);
}

TEST_CASE("nothing else is called inside start, not even for an answer without delay") {
  sim::World world;
  world.add({.name = "p"}).answer_with({.head = 0ms, .chunks = {{0ms, "x"}}});
  Listener l{.world = world};
  const http::Call call = l.call();
  const auto operation = sim::Network(world).start(call, l.completion());
  CHECK(l.heard.empty());
  world.run();
  CHECK(l.heard == "head200/0@0 x@0 done:none()@0 ");
}

TEST_CASE("a timer wakes once, at its time, after what arrives then, and not when it was cancelled") {
  sim::World world;
  world.add({.name = "p"}).answer_with({.head = 5ms, .chunks = {{0ms, "x"}, {0ms, "y"}}});
  sim::Network network(world);
  Listener l{.world = world};
  const http::Call call = l.call();
  auto wake = [&] { l.note("wake"); };
  const auto at_five = network.at(Time{} + 5ms, wake);
  const auto operation = network.start(call, l.completion());
  auto cancelled = network.at(Time{} + 4ms, wake);
  cancelled = {};
  const auto at_never = network.at(never, wake);
  CHECK(world.pending() == 2);
  world.run();
  CHECK(l.heard == "head200/0@5000 x@5000 y@5000 done:none()@5000 wake@5000 ");
}

TEST_CASE("a timer for now wakes from the loop, and may destroy or move itself inside its own wake") {
  sim::World world;
  sim::Network network(world);
  int woken = 0;
  sim::Network::Operation timer;
  struct Again {
    sim::World& world;
    sim::Network& network;
    sim::Network::Operation& timer;
    int& woken;
    void operator()() {
      if (++woken < 3) timer = network.at(world.now() + 1ms, *this);
      else timer = {};
    }
  } again{world, network, timer, woken};
  timer = network.at(world.now(), again);
  CHECK(woken == 0);
  network.run_until([&] { return woken == 3; });
  CHECK(woken == 3);
  CHECK(world.elapsed() == 2ms);
  CHECK(world.pending() == 0);
}

TEST_CASE("a timer may be set from inside a sink") {
  sim::World world;
  world.add({.name = "p"}).answer_with(plain());
  sim::Network network(world);
  std::string log;
  auto wake = [&] { log += "wake" + std::to_string(world.elapsed() / 1ms) + ' '; };
  sim::Network::Operation timer;
  const http::Request request{.url = "https://p.sim/v1/chat/completions"};
  auto body = [&](std::string_view bytes) {
    log.append(bytes).append(" ");
    timer = network.at(world.now(), wake);
    return true;
  };
  const http::Call call{.request = request, .on_body = body};
  auto done = [&](http::Done) { log += "done"; };
  const auto operation = network.start(call, done);
  world.run();
  CHECK(log == "x wake10 y wake15 z wake20 done");
}

TEST_CASE("an operation moves while it is under way") {
  sim::World world;
  world.add({.name = "p"}).answer_with(plain()).answer_with(plain());
  sim::Network network(world);
  Listener l{.world = world}, gone{.world = world};
  const http::Call call = l.call(), gone_call = gone.call();
  std::vector<sim::Network::Operation> operations;
  operations.push_back(network.start(call, l.completion()));
  operations.resize(100);
  sim::Network::Operation held = std::move(operations.front());
  operations.clear();
  world.advance_to(Time{} + 12ms);
  sim::Network::Operation other = network.start(gone_call, gone.completion());
  other = std::move(held);
  auto& same = other;
  other = std::move(same);
  world.run();
  CHECK(l.heard == performed(plain()));
  CHECK(gone.heard.empty());
}

TEST_CASE("calls in flight are counted, and the most that there were at once") {
  sim::World world;
  sim::ScriptedProvider& p = world.add({.name = "p"});
  sim::Network network(world);
  std::vector<Listener> listeners;
  std::vector<http::Call> calls;
  std::vector<sim::Network::Operation> operations;
  listeners.reserve(5), calls.reserve(5);
  for (int i = 0; i < 5; ++i) {
    p.answer_with(plain());
    listeners.push_back({.world = world});
    calls.push_back(listeners.back().call());
    operations.push_back(network.start(calls.back(), listeners.back().completion()));
  }
  CHECK(p.counters().in_flight == 5);
  operations.pop_back();
  CHECK(p.counters().in_flight == 4);
  world.run();
  CHECK(p.counters().in_flight == 0);
  CHECK(p.counters().most_in_flight == 5);
  p.answer_with(plain());
  Listener l{.world = world};
  network.perform(l.call());
  CHECK(p.counters().in_flight == 0);
  CHECK(p.counters().requests == 6);
}
