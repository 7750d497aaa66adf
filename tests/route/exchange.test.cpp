// SPDX-License-Identifier: MIT
#include "llmroute/route/exchange.hpp"

#include <array>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

/// A transport that is never called: an exchange sees no bytes.
struct NoTransport {
  http::Done perform(const http::Call&) { return {}; }
};
struct StillClock {
  Time now() const { return Time{}; }
};

Provider named(std::string name) {
  Provider p;
  p.url = "https://" + name + ".example/v1";
  p.name = std::move(name);
  p.key = Secret("sk-test");
  p.price = {per_million("1"), per_million("2"), {}};
  return p;
}
Fleet trio() { return Fleet{named("one"), named("two"), named("three")}; }

template <class... Ps>
using CoreWith = Core<detail::Bag<NoTransport, StillClock, Ps...>>;

/// One exchange over a core, driven by hand.
template <class CoreT>
struct Play {
  CoreT& core;
  ChatRequest request{.messages = "Hello"};
  Options options{};
  Time now{};

  template <class F>
  void run(F&& f, Delivery delivery = Delivery::whole, Overlap overlap = Overlap::no) {
    Exchange x(core, request, options, delivery, overlap, now);
    f(x);
  }
};
template <class CoreT>
Play(CoreT&) -> Play<CoreT>;

template <class X>
std::string sent(X& x, Time now) {
  const Step s = x.next(now);
  return s.what == Step::Do::send     ? std::string(x.provider(s.attempt).name)
         : s.what == Step::Do::finish ? "finish"
         : s.what == Step::Do::wait   ? "wait"
                                      : "cancel";
}
Ended failed(Kind kind, int status = 0, Duration retry_after = {}) {
  return {.kind = kind, .status = status, .retry_after = retry_after};
}
Ended good() { return {.ok = true, .status = 200, .usage = {.prompt = 100, .completion = 50, .reported = true}}; }

}  // namespace

TEST_CASE("providers are asked in rank order until one succeeds") {
  CoreWith<> core(trio(), NoTransport{}, StillClock{});
  Play{core}.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    CHECK(x.next(Time{}).what == Step::Do::wait);
    CHECK_FALSE(x.ended({0}, failed(Kind::server_error, 500), Time{} + 1s));
    CHECK(sent(x, Time{} + 1s) == "two");
    CHECK(x.ended({1}, good(), Time{} + 2s));
    CHECK(sent(x, Time{} + 2s) == "finish");
    CHECK(x.race().trail().size() == 2);
    CHECK(x.cost().amount == Money::nanos(200'000));
    CHECK(x.cost().source == Cost::Source::usage);
  });
}

TEST_CASE("what comes of an attempt after it is settled is inert") {
  CoreWith<> core(trio(), NoTransport{}, StillClock{});
  Play{core}.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::server_error, 500), Time{});
    CHECK_FALSE(x.ended({0}, good(), Time{}));
    CHECK_FALSE(x.content({0}, Time{}));
    CHECK_FALSE(x.ended({7}, good(), Time{}));
    CHECK(x.over({0}, Time{}));
    CHECK(sent(x, Time{}) == "two");
  });
}

TEST_CASE("a 429 rests its quota group, and a shorter hint later does not shorten that") {
  Provider a = named("one"), b = named("two"), c = named("three");
  a.quota_group = b.quota_group = "account";
  CoreWith<> core(Fleet{a, b, c}, NoTransport{}, StillClock{});
  Play p{core};
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::rate_limited, 429, 40s), Time{});
    CHECK(sent(x, Time{}) == "three");
  });
  p.now = Time{} + 39s;
  p.run([&](auto& x) { CHECK(sent(x, p.now) == "three"); });
  p.now = Time{} + 40s;
  p.run([&](auto& x) { CHECK(sent(x, p.now) == "one"); });
}

TEST_CASE("a hint is held between 1 s and 300 s") {
  for (const auto& expected : {std::pair<Duration, Duration>{1ms, 1s}, {24h, 300s}}) {
    const Duration hint = expected.first, rest = expected.second;  // clang 14 captures no structured bindings
    CoreWith<> core(trio(), NoTransport{}, StillClock{});
    Play p{core};
    p.run([&](auto& x) {
      CHECK(sent(x, Time{}) == "one");
      x.ended({0}, failed(Kind::rate_limited, 429, hint), Time{});
    });
    p.now = Time{} + rest - 1ns;
    p.run([&](auto& x) { CHECK(sent(x, p.now) == "two"); });
    p.now = Time{} + rest;
    p.run([&](auto& x) { CHECK(sent(x, p.now) == "one"); });
  }
}

TEST_CASE("a 429 without a hint rests for what the cooldown policy says") {
  CoreWith<cooldown::Fixed> core(trio(), NoTransport{}, StillClock{}, cooldown::Fixed{.rest = 25s});
  Play p{core};
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::rate_limited, 429), Time{});
  });
  p.now = Time{} + 24s;
  p.run([&](auto& x) { CHECK(sent(x, p.now) == "two"); });
  p.now = Time{} + 25s;
  p.run([&](auto& x) { CHECK(sent(x, p.now) == "one"); });
}

TEST_CASE("an exhausted quota rests for a quarter of an hour") {
  CoreWith<> core(trio(), NoTransport{}, StillClock{});
  Play p{core};
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::quota_exhausted, 402, 1s), Time{});
  });
  p.now = Time{} + 15min - 1ns;
  p.run([&](auto& x) { CHECK(sent(x, p.now) == "two"); });
  p.now = Time{} + 15min;
  p.run([&](auto& x) { CHECK(sent(x, p.now) == "one"); });
}

TEST_CASE("a refused key is out, but for one probe every quarter of an hour, which brings it back") {
  CoreWith<> core(trio(), NoTransport{}, StillClock{});
  Play p{core};
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::unauthorized, 401), Time{});
  });
  p.now = Time{} + 15min;
  p.run([&](auto& probe) {
    CHECK(sent(probe, p.now) == "one");
    p.run([&](auto& other) { CHECK(sent(other, p.now) == "two"); });  // one at a time
    probe.ended({0}, good(), p.now);
  });
  p.run([&](auto& x) { CHECK(sent(x, p.now) == "one"); });
}

TEST_CASE("a new key brings a provider back whose key was refused; the same key does not") {
  CoreWith<> core(trio(), NoTransport{}, StillClock{});
  Play p{core};
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::unauthorized, 401), Time{});
  });
  REQUIRE(core.replace(trio()));
  p.run([&](auto& x) { CHECK(sent(x, Time{}) == "two"); });
  Provider renewed = named("one");
  renewed.key = Secret("sk-renewed");
  REQUIRE(core.replace(Fleet{renewed, named("two")}));
  p.run([&](auto& x) { CHECK(sent(x, Time{}) == "one"); });
}

TEST_CASE("a model that a provider lacks is closed where it is listed, and for this request only where it is not") {
  CoreWith<> core(Fleet{named("one"), named("two")}, NoTransport{}, StillClock{});
  Play p{core};
  p.request.model = "nobody-listed-this";
  for (int i = 0; i < 2; ++i)
    p.run([&](auto& x) {
      CHECK(sent(x, Time{}) == "one");
      x.ended({0}, failed(Kind::model_not_found, 404), Time{});
      CHECK(sent(x, Time{}) == "two");
      x.ended({1}, failed(Kind::model_not_found, 404), Time{});
      CHECK(sent(x, Time{}) == "finish");
      CHECK(x.failure(Time{}).kind == Kind::model_not_found);
    });
  p.request.model = "gpt-4o";  // listed
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::model_not_found, 404), Time{});
  });
  p.run([&](auto& x) { CHECK(sent(x, Time{}) == "two"); });
  p.request.model = "llama-3.1-8b";  // another place
  p.run([&](auto& x) { CHECK(sent(x, Time{}) == "one"); });
}

TEST_CASE("a context that is too long goes on to a larger window only") {
  Provider small = named("one"), equal = named("two"), large = named("three");
  small.window = equal.window = 8'000;
  large.window = 32'000;
  CoreWith<> core(Fleet{small, equal, large}, NoTransport{}, StillClock{});
  Play{core}.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::context_too_long, 400), Time{});
    CHECK(sent(x, Time{}) == "three");
    x.ended({1}, failed(Kind::context_too_long, 400), Time{});
    CHECK(sent(x, Time{}) == "finish");
    CHECK_THAT(x.failure(Time{}).message, ContainsSubstring("two: its context window is no larger"));
  });
}

TEST_CASE("a content filter stops the request, or goes on to another vendor where the caller asked for that") {
  Provider a = named("one"), b = named("two"), c = named("three");
  a.vendor = b.vendor = "strict";
  CoreWith<> core(Fleet{a, b, c}, NoTransport{}, StillClock{});
  Play p{core};
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::content_filtered, 400), Time{});
    CHECK(sent(x, Time{}) == "finish");
  });
  p.options.also_next_on = {Kind::content_filtered};
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::content_filtered, 400), Time{});
    CHECK(sent(x, Time{}) == "three");
  });
}

TEST_CASE("what a request needs and allows closes candidates, and the failure says so for each") {
  Provider no_tools = named("one"), small = named("two"), tagless = named("three"), denied = named("four");
  no_tools.capabilities = Capabilities::assumed().without(Capability::tools);
  small.window = 100;
  for (Provider* p : {&no_tools, &small, &denied}) p->tags = {"eu"};
  CoreWith<> core(Fleet{no_tools, small, tagless, denied}, NoTransport{}, StillClock{});
  Play p{core};
  p.request.tools = {Tool{.name = "search"}};
  p.request.max_tokens = 4'000;
  p.options.all_tags = {"eu"};
  p.options.deny = {"four"};
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "finish");
    const Failure f = x.failure(Time{});
    CHECK(f.kind == Kind::no_candidate);
    for (const char* part : {"one: its model takes no tools", "two: the request is longer than its context window",
                             "three: lacks a tag", "four: the request does not allow it"})
      CHECK_THAT(f.message, ContainsSubstring(part));
  });
}

TEST_CASE("a price ceiling closes what costs more, and what nobody knows the price of") {
  Provider dear = named("one"), unknown = named("two"), cheap = named("three");
  dear.price = {per_million("100"), per_million("100"), {}};
  unknown.price = {};
  CoreWith<> core(Fleet{dear, unknown, cheap}, NoTransport{}, StillClock{});
  Play p{core};
  p.options.price_ceiling = Money::nanos(1'000'000);
  p.run([&](auto& x) { CHECK(sent(x, Time{}) == "three"); });
}

TEST_CASE("equal scores are spread by the seed instead of always naming the first") {
  struct Indifferent {
    double score(const Candidate&, const Query&) const { return 1; }
  };
  CoreWith<Indifferent> core(trio(), NoTransport{}, StillClock{}, Indifferent{});
  std::array<int, 3> hits{};
  for (int i = 0; i < 3000; ++i)
    Play{core}.run([&](auto& x) {
      const std::string who = sent(x, Time{});
      ++hits[who == "one" ? 0u : who == "two" ? 1u : 2u];
    });
  for (int n : hits) CHECK((n > 850 && n < 1150));
}

TEST_CASE("infinity and NaN mean: not this one") {
  struct Picky {
    double score(const Candidate& c, const Query&) const {
      return c.index == 0   ? std::numeric_limits<double>::infinity()
             : c.index == 1 ? std::numeric_limits<double>::quiet_NaN()
                            : 5;
    }
  };
  CoreWith<Picky> core(trio(), NoTransport{}, StillClock{}, Picky{});
  Play{core}.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "three");
    x.ended({0}, failed(Kind::request_invalid, 400), Time{});
    CHECK(sent(x, Time{}) == "finish");
  });
}

TEST_CASE("a strategy that names a closed candidate is not believed") {
  struct Stubborn {
    std::size_t pick(const Candidates&, const Query&) const { return 0; }
  };
  CoreWith<Stubborn, retry::Off> core(trio(), NoTransport{}, StillClock{}, Stubborn{}, retry::Off{});
  Play{core}.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::server_error, 500), Time{});
    CHECK(sent(x, Time{}) == "finish");
  });
}

TEST_CASE("everybody is asked once before anybody is asked twice, five times in all") {
  CoreWith<> core(trio(), NoTransport{}, StillClock{});
  Play{core}.run([&](auto& x) {
    Time now{};
    std::vector<std::string> asked;
    for (int steps = 0; steps < 50; ++steps) {
      const Step s = x.next(now);
      if (s.what == Step::Do::finish) break;
      if (s.what == Step::Do::wait) now = s.until;
      if (s.what != Step::Do::send) continue;
      asked.emplace_back(x.provider(s.attempt).name);
      x.ended(s.attempt, failed(Kind::not_sent), now);
    }
    REQUIRE(asked.size() == 5);
    CHECK(asked[0] == "one");
    CHECK(asked[1] == "two");
    CHECK(asked[2] == "three");
    CHECK(asked[3] == "one");
    CHECK(asked[4] == "two");
    CHECK(core.extra() == 0);
  });
}

TEST_CASE("extra attempts are bounded across requests: three, or a fifth of those in flight") {
  CoreWith<cooldown::Off> core(Fleet{named("one")}, NoTransport{}, StillClock{}, cooldown::Off{});
  Play p{core};
  std::vector<Exchange<detail::Bag<NoTransport, StillClock, cooldown::Off>>*> open;
  int again = 0;
  for (int i = 0; i < 10; ++i)
    open.push_back(new Exchange<detail::Bag<NoTransport, StillClock, cooldown::Off>>(core, p.request, p.options,
                                                                                     Delivery::whole, Overlap::no, Time{}));
  for (auto* x : open) {
    CHECK(sent(*x, Time{}) == "one");
    x->ended({0}, failed(Kind::server_error, 500), Time{});
    const Step wait = x->next(Time{});
    REQUIRE(wait.what == Step::Do::wait);
    again += x->next(wait.until).what == Step::Do::send;
  }
  CHECK(again == 3);
  CHECK(core.extra() == 3);
  for (auto* x : open) delete x;
  CHECK(core.extra() == 0);
  CHECK(core.in_flight() == 0);
}

TEST_CASE("while somebody else is left, an attempt may use 60 % of the time that is left") {
  CoreWith<> core(Fleet{named("one"), named("two")}, NoTransport{}, StillClock{});
  Play p{core};
  p.options.timeouts.deadline = 100s;
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    CHECK(x.next(Time{}).until == Time{} + 60s + 1ns);
    CHECK(x.next(Time{} + 60s + 1ns).what == Step::Do::cancel);
    CHECK(sent(x, Time{} + 61s) == "two");
    CHECK(x.next(Time{} + 61s).until == Time{} + 100s + 1ns);  // the last one may use all of it
    CHECK(x.next(Time{} + 100s + 1ns).what == Step::Do::cancel);
    CHECK(x.next(Time{} + 100s + 1ns).what == Step::Do::finish);
    CHECK(x.race().trail()[0].kind == Kind::timed_out);
    CHECK(x.race().trail()[1].ending == Ending::cut);
    CHECK(x.failure(Time{} + 100s).kind == Kind::deadline_exceeded);
  });
}

TEST_CASE("no attempt starts with less than a second left, but a shorter deadline is no trap") {
  CoreWith<> core(trio(), NoTransport{}, StillClock{});
  Play p{core};
  p.options.timeouts.deadline = 10s;
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::server_error, 500), Time{} + 9500ms);
    CHECK(sent(x, Time{} + 9500ms) == "finish");
    CHECK(x.failure(Time{}).kind == Kind::deadline_exceeded);
  });
  p.options.timeouts.deadline = 300ms;
  p.run([&](auto& x) { CHECK(sent(x, Time{}) == "one"); });
}

TEST_CASE("a hedge asks another provider, the first content wins, and the loser is cancelled without blame") {
  struct Soon {
    std::optional<Duration> hedge_after(const Health&, const Query&) const { return Duration(2s); }
  };
  CoreWith<Soon> core(trio(), NoTransport{}, StillClock{}, Soon{});
  Play{core}.run(
      [&](auto& x) {
        CHECK(sent(x, Time{}) == "one");
        CHECK(x.next(Time{}).until == Time{} + 2s);
        CHECK(sent(x, Time{} + 2s) == "two");
        CHECK(core.extra() == 1);
        CHECK(x.content({1}, Time{} + 3s));
        CHECK_FALSE(x.content({0}, Time{} + 3s));
        const Step stop = x.next(Time{} + 3s);
        CHECK(stop.what == Step::Do::cancel);
        CHECK(stop.attempt == AttemptId{0});
        CHECK(x.ended({1}, good(), Time{} + 4s));
        CHECK(sent(x, Time{} + 4s) == "finish");
        CHECK(x.race().trail()[0].ending == Ending::lost);
        CHECK(x.race().trail()[1].hedge);
        CHECK(core.extra() == 0);
      },
      Delivery::stream, Overlap::yes);
}

TEST_CASE("when everybody rests, one early probe goes out; never into a rest that a provider asked for") {
  CoreWith<cooldown::CircuitBreaker> core(Fleet{named("one"), named("two")}, NoTransport{}, StillClock{},
                                          cooldown::CircuitBreaker{.failures = 1, .open = 30s, .jitter = 0});
  Play p{core};
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::server_error, 500), Time{});
    CHECK(sent(x, Time{}) == "two");
    x.ended({1}, failed(Kind::rate_limited, 429, 100s), Time{} + 1s);
  });
  p.now = Time{} + 2s;
  p.run([&](auto& probe) {
    CHECK(sent(probe, p.now) == "one");
    p.run([&](auto& x) {
      CHECK(sent(x, p.now) == "finish");
      const Failure f = x.failure(p.now);
      CHECK(f.kind == Kind::no_candidate);
      CHECK_THAT(f.message, ContainsSubstring("two: asked for a rest"));
      CHECK(f.retry_after > 0s);
    });
    probe.ended({0}, good(), p.now);
  });
  p.run([&](auto& x) { CHECK(sent(x, p.now) == "one"); });
}

TEST_CASE("a cancelled probe gives its permit back and changes nothing") {
  CoreWith<cooldown::CircuitBreaker> core(Fleet{named("one")}, NoTransport{}, StillClock{},
                                          cooldown::CircuitBreaker{.failures = 1, .open = 30s, .jitter = 0});
  Play p{core};
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::server_error, 500), Time{});
  });
  p.now = Time{} + 31s;
  for (int i = 0; i < 5; ++i)
    p.run([&](auto& x) {
      CHECK(sent(x, p.now) == "one");
      x.cancel();
      CHECK(sent(x, p.now) == "cancel");
      CHECK(sent(x, p.now) == "finish");
    });
}

TEST_CASE("an exchange that is dropped in the middle gives everything back") {
  CoreWith<> core(trio(), NoTransport{}, StillClock{});
  Play{core}.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    CHECK(core.in_flight() == 1);
  });
  CHECK(core.in_flight() == 0);
  const auto places = core.pin();
  places->each_lane([](const auto& lane) { CHECK(lane.place->health.in_flight.load() == 0); });
}

TEST_CASE("budgets reserve the worst case before anything is sent, and are settled exactly once") {
  struct Purse {
    using Reservation = Money;
    Money left = Money::nanos(600'000), reserved{};
    int settled = 0;
    std::optional<Money> reserve(const Query&, const Provider&, Money worst, Time) {
      if (worst > left) return std::nullopt;
      left -= worst, reserved += worst;
      return worst;
    }
    void settle(Money r, Money real, Time) { reserved -= r, left += r - real, ++settled; }
  };
  Purse purse;
  CoreWith<std::reference_wrapper<Purse>, retry::Off> core(trio(), NoTransport{}, StillClock{}, std::ref(purse), retry::Off{});
  Play p{core};
  p.request.max_tokens = 100;
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    CHECK(purse.reserved == Money::nanos(269'000));  // 5 bytes and what templates add, and 100 tokens of output
    x.ended({0}, failed(Kind::server_error, 500), Time{});
    CHECK(purse.reserved == Money());
    CHECK(purse.left == Money::nanos(600'000));
    CHECK(sent(x, Time{}) == "two");
    x.ended({1}, good(), Time{});
  });
  CHECK(purse.settled == 2);
  CHECK(purse.left == Money::nanos(400'000));
  p.request.max_tokens = 100'000;
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "finish");
    CHECK(x.failure(Time{}).kind == Kind::over_budget);
  });
  CHECK(purse.settled == 2);
}

TEST_CASE("a request that may only be sent once stops where it may have been worked on") {
  CoreWith<> core(trio(), NoTransport{}, StillClock{});
  Play p{core};
  p.options.replay = Replay::only_if_not_sent;
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::not_sent), Time{});
    CHECK(sent(x, Time{}) == "two");
    x.ended({1}, failed(Kind::server_error, 502), Time{});
    CHECK(sent(x, Time{}) == "finish");
  });
  p.run([&](auto& x) {
    const Step s = x.next(Time{});
    CHECK(x.next(Time{} + 1h).what == Step::Do::cancel);
    CHECK(x.next(Time{} + 1h).what == Step::Do::finish);
    static_cast<void>(s);
  });
}

TEST_CASE("what cannot be done is refused before anything is sent") {
  CoreWith<> core(trio(), NoTransport{}, StillClock{});
  const auto refusal = [&](ChatRequest request, Options options) {
    Failure f;
    Play p{core};
    p.request = std::move(request);
    p.options = std::move(options);
    p.run([&](auto& x) {
      CHECK(sent(x, Time{}) == "finish");
      f = x.failure(Time{});
      CHECK(f.trail.empty());
    });
    return std::string(to_string(f.kind)) + ": " + f.message;
  };
  CHECK_THAT(refusal({}, {}), ContainsSubstring("request_invalid: the request has no messages"));
  CHECK_THAT(refusal({.messages = "x"}, {.cache = Switch::on}), ContainsSubstring("misconfigured: options.cache"));
  CHECK_THAT(refusal({.messages = "x"}, {.strategy = "cheapest"}), ContainsSubstring("misconfigured: options.strategy"));
  CHECK_THAT(refusal({.messages = "x"}, {.attempts = 0}), ContainsSubstring("misconfigured: options.attempts"));
  CHECK_THAT(refusal({.messages = "x", .max_tokens = 0}, {}), ContainsSubstring("request_invalid: max_tokens"));
}

#if LLMROUTE_EXCEPTIONS
TEST_CASE("a policy that throws ends the exchange with policy_failed, and every permit comes back") {
  struct Moody {
    int* calls;
    double score(const Candidate&, const Query&) const {
      if (++*calls == 5) throw 42;
      return 0;
    }
  };
  struct Nosy {
    void observe(const Event&) const { throw "an observer never harms a request"; }
  };
  int calls = 0;
  CoreWith<Moody, Nosy> core(trio(), NoTransport{}, StillClock{}, Moody{&calls}, Nosy{});
  Play{core}.run([&](auto& x) {
    const Step s = x.next(Time{});
    REQUIRE(s.what == Step::Do::send);
    x.ended(s.attempt, failed(Kind::server_error, 500), Time{});
    CHECK(sent(x, Time{}) == "finish");
    CHECK(x.failure(Time{}).kind == Kind::policy_failed);
  });
  CHECK(core.in_flight() == 0);
  CHECK(core.observer_throws() > 0);
}
#endif

TEST_CASE("a decision allocates nothing") {
  CoreWith<ranking::Cheapest> core(trio(), NoTransport{}, StillClock{}, ranking::Cheapest{});
  Play p{core};
  p.run([&](auto& x) { x.ended(x.next(Time{}).attempt, good(), Time{}); });
  const tests::Allocations allocations;
  p.run([&](auto& x) {
    for (int i = 0; i < 3; ++i) x.ended(x.next(Time{}).attempt, failed(Kind::server_error, 500), Time{});
    x.next(Time{});
  });
  const std::size_t made = allocations.count();
  CHECK(made == 0);
}

TEST_CASE("the same seed gives the same trace") {
  const auto trace = [](std::uint64_t seed) {
    struct Dice {
      double score(const Candidate& c, const Query& q) const { return unit(mix(q.seed, c.index)); }
    };
    CoreWith<Dice> core(trio(), NoTransport{}, StillClock{}, Dice{});
    core.seed(seed);
    std::string all;
    for (int i = 0; i < 20; ++i) Play{core}.run([&](auto& x) { all += sent(x, Time{}) + ' '; });
    return all;
  };
  CHECK(trace(1) == trace(1));
  CHECK(trace(1) != trace(2));
}

TEST_CASE("a short deadline leaves time for a provider, also where deciding takes some of it, and for the next one") {
  CoreWith<cooldown::Off> core(trio(), NoTransport{}, StillClock{}, cooldown::Off{});
  Play p{core};
  for (const Duration deadline : {Duration(20ms), Duration(500ms), Duration(1s), Duration(1500ms)}) {
    p.options.timeouts.deadline = deadline;
    p.run([&](auto& x) {
      CHECK(sent(x, Time{} + 1us) == "one");
      x.ended({0}, failed(Kind::not_sent), Time{} + 2us);
      CHECK(sent(x, Time{} + 3us) == "two");
    });
  }
  p.options.timeouts.deadline = 0s;
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "finish");
    CHECK(x.failure(Time{}).kind == Kind::deadline_exceeded);
  });
}

TEST_CASE("whom the ranking does not want is not asked as a last resort either") {
  struct Nobody {
    double score(const Candidate&, const Query&) const { return std::numeric_limits<double>::infinity(); }
  };
  struct NotTheFirst {
    std::size_t pick(const Candidates& c, const Query&) const { return c.open(1) ? 1 : none; }
  };
  CoreWith<Nobody> strict(trio(), NoTransport{}, StillClock{}, Nobody{});
  Play{strict}.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "finish");
    const Failure f = x.failure(Time{});
    CHECK(f.kind == Kind::no_candidate);
    CHECK_THAT(f.message, ContainsSubstring("one: is not wanted by the ranking"));
  });

  using cooldown::CircuitBreaker;
  CoreWith<NotTheFirst, CircuitBreaker> core(Fleet{named("one"), named("two")}, NoTransport{}, StillClock{}, NotTheFirst{},
                                             CircuitBreaker{.failures = 1, .open = 30s, .jitter = 0});
  const auto places = core.pin();
  const auto& lanes = places->group({}).lanes;
  const Outcome broken{.kind = Kind::server_error};
  core.policy<role::Cooldown>().report(lanes[0].place->state, broken, Time{});
  core.policy<role::Cooldown>().report(lanes[1].place->state, broken, Time{} + 1s);
  Play p{core};
  p.now = Time{} + 2s;
  p.run([&](auto& x) { CHECK(sent(x, p.now) == "two"); });  // although the rest of the first ends sooner
}

TEST_CASE("a provider that was disabled stays so, whatever an attempt that still runs finds out") {
  for (const Kind found : {Kind::unauthorized, Kind::misconfigured, Kind::server_error}) {
    CoreWith<> core(trio(), NoTransport{}, StillClock{});
    const auto places = core.pin();
    Standing& one = *places->group({}).lanes[0].standing;
    Play p{core};
    p.run([&](auto& x) {
      CHECK(sent(x, Time{}) == "one");
      one.close(Standing::Why::disabled, never);
      x.ended({0}, failed(found, 401), Time{});
    });
    p.now = Time{} + 1h;
    p.run([&](auto& x) { CHECK(sent(x, p.now) == "two"); });
    CHECK(one.why() == Standing::Why::disabled);
  }
}

TEST_CASE("an answer that an attempt with the old key still gets says nothing of the new one") {
  CoreWith<> core(trio(), NoTransport{}, StillClock{});
  Play p{core};
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    Provider renewed = named("one");
    renewed.key = Secret("sk-renewed");
    REQUIRE(core.replace(Fleet{renewed, named("two")}));
    x.ended({0}, failed(Kind::unauthorized, 401), Time{});
  });
  p.run([&](auto& x) { CHECK(sent(x, Time{}) == "one"); });
}

TEST_CASE("where a probe is refused in the last moment, the next request may make it") {
  struct Door {
    struct State {};
    struct Permit {};
    bool* shut;
    Time rest_until(const State&, Time now) const { return now; }
    std::optional<Permit> admit(State&, Time, Need) const { return *shut ? std::nullopt : std::optional(Permit{}); }
    void report(State&, const Outcome&, Time) const {}
    void report(State&, Permit, const Outcome&, Time) const {}
  };
  bool shut = false;
  CoreWith<Door> core(Fleet{named("one")}, NoTransport{}, StillClock{}, Door{&shut});
  Play p{core};
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::unauthorized, 401), Time{});
  });
  p.now = Time{} + 15min;
  shut = true;
  p.run([&](auto& x) { CHECK(sent(x, p.now) == "finish"); });
  shut = false;
  p.run([&](auto& x) { CHECK(sent(x, p.now) == "one"); });  // dropped: nothing was found out
  p.run([&](auto& x) {
    CHECK(sent(x, p.now) == "one");
    p.run([&](auto& other) { CHECK(sent(other, p.now) == "finish"); });  // that is the one probe
    x.ended({0}, failed(Kind::unauthorized, 401), p.now);
  });
  p.run([&](auto& x) { CHECK(sent(x, p.now) == "finish"); });
}

TEST_CASE("a refused extra attempt leaves the way free for somebody who was not asked yet") {
  CoreWith<cooldown::Off> core(Fleet{named("one"), named("two")}, NoTransport{}, StillClock{}, cooldown::Off{});
  core.pin()->group({}).lanes[1].account->extend(Time{} + 1s);
  Play{core}.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::server_error, 500), Time{});
    const Step wait = x.next(Time{});
    REQUIRE(wait.what == Step::Do::wait);
    for (int i = 0; i < 3; ++i) CHECK(core.take_extra());
    const Time later = wait.until > Time{} + 1s ? wait.until : Time{} + 1s;
    CHECK(sent(x, later) == "two");
  });
  for (int i = 0; i < 3; ++i) core.give_extra();
  CHECK(core.extra() == 0);
}

TEST_CASE("retries of a kind are counted for each provider, not for all of them together") {
  for (const int most : {0, 1, 2}) {
    CoreWith<cooldown::Off, retry::Off> core(trio(), NoTransport{}, StillClock{}, cooldown::Off{}, retry::Off{});
    Play p{core};
    p.options.attempts = 8;
    p.options.retries = {{Kind::server_error, most}};
    p.run([&](auto& x) {
      Time now{};
      int asked = 0;
      for (Step s = x.next(now); s.what != Step::Do::finish; s = x.next(now)) {
        if (s.what == Step::Do::wait) now = s.until;
        if (s.what != Step::Do::send) continue;
        x.ended(s.attempt, failed(Kind::server_error, 500), now);
        ++asked;
      }
      CHECK(asked == (most == 0 ? 3 : most == 1 ? 6 : 8));
    });
  }
}

TEST_CASE("a second round is without those who have no way to say it") {
  struct AtOnce {
    std::optional<Duration> retry_after(const Outcome&, const Query&) const { return 1s; }
  };
  CoreWith<AtOnce> core(Fleet{named("one"), named("two")}, NoTransport{}, StillClock{}, AtOnce{});
  Play{core}.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "one");
    x.ended({0}, failed(Kind::unsupported), Time{});
    CHECK(sent(x, Time{}) == "two");
    x.ended({1}, failed(Kind::server_error, 500), Time{});
    CHECK(sent(x, Time{}) == "wait");
    CHECK(sent(x, Time{} + 1s) == "two");
    x.ended({2}, failed(Kind::unsupported), Time{} + 1s);
    CHECK(sent(x, Time{} + 1s) == "finish");
    CHECK(x.failure(Time{} + 1s).kind == Kind::unsupported);
  });
}

TEST_CASE("a second round waits for the back-off and for the shortest rest, whichever is longer") {
  struct Patient {
    Duration after;
    std::optional<Duration> retry_after(const Outcome&, const Query&) const { return after; }
  };
  for (const auto& expected : {std::pair<Duration, Duration>{2s, 20s}, {25s, 25s}, {-5s, 20s}}) {
    const Duration back_off = expected.first, begins = expected.second;
    CoreWith<Patient> core(Fleet{named("one"), named("two")}, NoTransport{}, StillClock{}, Patient{back_off});
    Play{core}.run([&](auto& x) {
      CHECK(sent(x, Time{}) == "one");
      x.ended({0}, failed(Kind::rate_limited, 429, 40s), Time{});
      CHECK(sent(x, Time{}) == "two");
      x.ended({1}, failed(Kind::rate_limited, 429, 20s), Time{});
      const Step wait = x.next(Time{});
      CHECK(wait.what == Step::Do::wait);
      CHECK(wait.until == Time{} + begins);
      CHECK(sent(x, wait.until) == "two");
    });
  }
  CoreWith<Patient> core(trio(), NoTransport{}, StillClock{}, Patient{400s});  // beyond the deadline
  Play{core}.run([&](auto& x) {
    for (std::uint8_t i = 0; i < 3; ++i) {
      x.next(Time{});
      x.ended({i}, failed(Kind::server_error, 500), Time{});
    }
    CHECK(sent(x, Time{}) == "finish");
    CHECK(x.failure(Time{}).kind == Kind::server_error);
  });
}

TEST_CASE("counts of tokens at the end of the scale close a window instead of wrapping round") {
  Provider p = named("one");
  p.window = 128'000;
  CoreWith<> core(Fleet{p, named("two")}, NoTransport{}, StillClock{});
  Play play{core};
  play.request.max_tokens = std::numeric_limits<std::int64_t>::max();
  play.options.prompt_tokens = std::numeric_limits<std::int64_t>::max();
  play.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "two");
    x.ended({0}, failed(Kind::context_too_long, 400), Time{});
    CHECK(sent(x, Time{}) == "finish");
  });
}

TEST_CASE("what was never sent costs nothing, and what was sent and not counted keeps its estimate") {
  CoreWith<retry::Off> core(trio(), NoTransport{}, StillClock{}, retry::Off{});
  const auto cost_after = [&](const Ended& e) {
    Cost cost;
    Play p{core};
    p.options.attempts = 1;
    p.run([&](auto& x) {
      x.next(Time{});
      x.ended({0}, e, Time{});
      x.next(Time{});
      cost = x.failure(Time{}).cost;
    });
    return cost;
  };
  CHECK(cost_after(failed(Kind::not_sent)).amount == Money());
  CHECK(cost_after(failed(Kind::request_invalid)).amount == Money());  // no dialect could say it
  CHECK(cost_after(failed(Kind::request_invalid, 400)).amount == Money());
  CHECK(cost_after(failed(Kind::server_error)).amount > Money());  // broken: who knows
  CHECK(cost_after(failed(Kind::server_error)).source == Cost::Source::estimated);
}

TEST_CASE("a fleet of a thousand providers: the best is found, and a decision over it allocates nothing") {
  std::vector<Provider> many;
  for (int i = 0; i < 1'000; ++i) many.push_back(named("p" + std::to_string(i)));
  struct Last {
    double score(const Candidate& c, const Query&) const { return -static_cast<double>(c.index); }
  };
  CoreWith<Last, models::Identity> core(Fleet{many}, NoTransport{}, StillClock{}, Last{}, models::Identity{});
  Play p{core};
  p.run([&](auto& x) {
    for (const char* name : {"p999", "p998", "p997", "p996", "p995"}) {
      const tests::Allocations allocations;
      const Step s = x.next(Time{});
      const std::size_t made = allocations.count();
      CHECK(made == 0);
      CHECK(x.provider(s.attempt).name == name);
      x.ended(s.attempt, failed(Kind::server_error, 500), Time{});
    }
    CHECK(sent(x, Time{}) == "finish");
  });
  p.options.deny = {"p0"};
  for (const auto& lane : core.pin()->group({}).lanes) lane.standing->close(Standing::Why::disabled, never);
  p.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "finish");
    CHECK_THAT(x.failure(Time{}).message, ContainsSubstring("p0: is disabled") && ContainsSubstring("and: 900 more"));
  });
}

#if LLMROUTE_EXCEPTIONS
TEST_CASE("a policy that threw is named as the cause") {
  struct Thrower {
    double score(const Candidate&, const Query&) const { throw 42; }
  };
  CoreWith<Thrower> core(trio(), NoTransport{}, StillClock{}, Thrower{});
  Play{core}.run([&](auto& x) {
    CHECK(sent(x, Time{}) == "finish");
    CHECK_THAT(x.failure(Time{}).message, ContainsSubstring("a policy or a callback threw"));
  });
}
#endif

TEST_CASE("an exchange that is dropped before its end is told to observers as cancelled, once") {
  struct Ends {
    std::vector<std::string>* log;
    void observe(const Event& e) const {
      if (e.what == Event::What::ended || e.what == Event::What::finished) log->emplace_back(to_string(e.outcome->ending));
    }
  };
  std::vector<std::string> log;
  CoreWith<Ends> core(trio(), NoTransport{}, StillClock{}, Ends{&log});
  Play{core}.run([&](auto& x) { CHECK(sent(x, Time{}) == "one"); });
  CHECK(log == std::vector<std::string>{"cancelled", "cancelled"});  // the attempt and the request
  log.clear();
  Play{core}.run([&](auto& x) {
    x.ended(x.next(Time{}).attempt, good(), Time{});
    x.next(Time{});
  });
  CHECK(log == std::vector<std::string>{"won", "won"});
  CHECK(core.in_flight() == 0);
}
