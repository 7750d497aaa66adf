// SPDX-License-Identifier: MIT
// A router with limits under many threads: what is counted where the calls arrive never exceeds them, and nobody who waits is
// forgotten.
#include "llmroute/limits.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "llmroute/router.hpp"
#include "llmroute/transport/from.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

constexpr int threads = 8;

Provider named(std::string name, RateLimits limits = {}, std::string group = {}) {
  Provider p;
  p.url = "https://" + name + ".example/v1";
  p.name = std::move(name);
  p.key = Secret("k");
  p.limits = limits;
  p.quota_group = std::move(group);
  return p;
}

http::Response fine() {
  return {.body = R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],)"
                  R"("usage":{"prompt_tokens":1,"completion_tokens":1}})"};
}

/// The time that somebody sets; a wait is a look around.
struct SetClock {
  std::atomic<std::int64_t> time{Duration(1000h).count()};
  Time now() const { return Time(Duration(time.load())); }
  void wait_until(Time t, Stopped stopped) const {
    if (now() < t && !(stopped && stopped())) std::this_thread::yield();
  }
};

/// The transport's own count of what is there at once.
class Gauge {
 public:
  explicit Gauge(int most) : most_(most) {}
  void enter() {
    if (in_.fetch_add(1) + 1 > most_) ++over_;
    ++all_;
  }
  void leave() { in_.fetch_sub(1); }
  int over() const { return over_; }
  int all() const { return all_; }

 private:
  int most_;
  std::atomic<int> in_{0}, over_{0}, all_{0};
};

std::string host(const http::Request& q) {
  const std::string url(q.url);
  return url.substr(8, url.find('.') - 8);
}

void on_threads(const std::function<void(int)>& work, int count = threads) {
  std::atomic<int> ready{0};
  std::vector<std::thread> all;
  for (int t = 0; t < count; ++t)
    all.emplace_back([&, t] {
      for (++ready; ready < count;) std::this_thread::yield();
      work(t);
    });
  for (std::thread& t : all) t.join();
}

/// Nothing in flight, nothing reserved, nobody in line.
template <class R>
void all_is_given_back(R& router) {
  CHECK(router.core().in_flight() == 0);
  CHECK(router.core().extra() == 0);
  CHECK(router.core().waiting().size() == 0);
  const auto places = router.core().pin();
  places->each_lane([](const auto& l) {
    CHECK(l.place->health.in_flight.load() == 0);
    for (const Limiter* limiter :
         {static_cast<const Limiter*>(&*l.limiter), static_cast<const Limiter*>(&l.account->limiter)}) {
      CHECK(limiter->in_flight() == 0);
      CHECK(limiter->reserved_tokens() == 0);
    }
  });
  for (const Tenant& t : places->fleet().tenants()) CHECK(places->tenant(t.name)->limiter->in_flight() == 0);
}

}  // namespace

TEST_CASE("no provider, quota group or tenant ever has more in flight than its ceiling, and who waits is served") {
  constexpr int each = 60;
  Gauge one{2}, two{3}, group{4}, acme{3}, alone{1};
  const auto carries = [](const http::Request& q, std::string_view who) { return q.body.find(who) != q.body.npos; };
  const auto fleet = [] {
    return Fleet{named("one", {.in_flight = 2}, "account"), named("two", {.in_flight = 3}, "account"),
                 named("alone", {.in_flight = 1})}
        .quota_groups({{.name = "account", .limits = {.in_flight = 4}}})
        .tenants({{.name = "acme", .limits = {.in_flight = 3}}, {.name = "*"}});
  };
  SetClock clock;
  Router router{fleet(), transport::from([&](const http::Request& q) {
                  const std::string who = host(q);
                  Gauge& own = who == "one" ? one : who == "two" ? two : alone;
                  const bool grouped = &own != &alone, tenant = carries(q, "for acme");
                  own.enter();
                  if (grouped) group.enter();
                  if (tenant) acme.enter();
                  for (int i = 0; i < 20; ++i) std::this_thread::yield();
                  if (tenant) acme.leave();
                  if (grouped) group.leave();
                  own.leave();
                  return fine();
                }),
                std::ref(clock), ranking::LeastBusy{}};
  std::atomic<int> served{0}, left{threads};
  std::thread keeper([&] {  // and the fleet is replaced meanwhile, by one that says the same
    while (left > 0) {
      if (!router.replace(fleet())) served = -1'000'000;
      clock.time += Duration(5ms).count();  // so that who waits looks again
      std::this_thread::yield();
    }
  });
  on_threads([&](int t) {
    const bool acme_asks = t % 2 == 0;
    for (int i = 0; i < each; ++i) {
      const Options o{.tenant = acme_asks ? "acme" : "other",
                      .priority = t % 3,
                      .timeouts = {.deadline = 1000h, .attempt = 1000h},
                      .when_full = WhenFull::wait};
      if (router.complete(acme_asks ? "for acme" : "for another", o)) ++served;
    }
    --left;
  });
  keeper.join();
  CHECK(served == threads * each);
  for (const Gauge* g : {&one, &two, &group, &acme, &alone}) CHECK(g->over() == 0);
  CHECK(acme.all() == threads / 2 * each);
  CHECK(one.all() + two.all() == group.all());
  CHECK(group.all() + alone.all() == threads * each);
  all_is_given_back(router);
}

TEST_CASE("of many requests exactly as many are sent as a limit has room for while the time stands still") {
  struct Case {
    Fleet fleet;
    Options options;
    int expected;
  };
  const auto cases = [] {
    std::vector<Case> all;
    all.push_back({Fleet{named("a", {.requests_per_minute = 10})}, {}, 10});
    all.push_back({Fleet{named("a", {.requests_per_day = 7}), named("b", {.requests_per_minute = 5})}, {}, 12});
    all.push_back({Fleet{named("a", {}, "account"), named("b", {.requests_per_minute = 20}, "account")}.quota_groups(
                       {{.name = "account", .limits = {.requests_per_minute = 9}}}),
                   {},
                   9});
    all.push_back(
        {Fleet{named("a")}.tenants({{.name = "acme", .limits = {.requests_per_minute = 11}}}), {.tenant = "acme"}, 11});
    return all;
  };
  for (int round = 0; round < 15; ++round)
    for (Case& c : cases()) {
      std::atomic<int> calls{0}, served{0}, wrong{0};
      SetClock clock;
      Router router{std::move(c.fleet), transport::from([&](const http::Request&) { return ++calls, fine(); }),
                    std::ref(clock)};
      on_threads([&](int) {
        for (int i = 0; i < 6; ++i) {
          const auto reply = router.complete("hi", c.options);
          if (reply) ++served;
          else if (reply.error().message.find("limit") == std::string::npos) ++wrong;
        }
      });
      CHECK(calls == c.expected);
      CHECK(served == c.expected);
      CHECK(wrong == 0);
      all_is_given_back(router);
    }
}

TEST_CASE("many threads that wait for a rate limit are all served as time passes, and not one before its time") {
  constexpr int each = 5, most = 10;
  SetClock clock;
  const Time begun = clock.now();
  std::atomic<int> calls{0}, early{0}, served{0}, left{threads};
  Router router{Fleet{named("a", {.requests_per_minute = most})}, transport::from([&](const http::Request&) {
                  const int n = ++calls;
                  // Of ten a minute the first ten are there at once, and one comes back each 6 s.
                  if (clock.now() < begun + (n > most ? (n - most) * 6s : 0s)) ++early;
                  return fine();
                }),
                std::ref(clock)};
  std::thread time([&] {
    while (left > 0) {
      clock.time += Duration(200ms).count();
      std::this_thread::yield();
    }
  });
  on_threads([&](int t) {
    // Time goes on while a thread does not run: no attempt may be too slow for that.
    const Options o{.priority = t % 2,
                    .timeouts = {.deadline = 100'000h, .connect = 100'000h, .attempt = 100'000h, .idle = 100'000h},
                    .when_full = WhenFull::wait};
    for (int i = 0; i < each; ++i)
      if (router.complete("hi", o)) ++served;
    --left;
  });
  time.join();
  CHECK(served == threads * each);
  CHECK(calls == threads * each);
  CHECK(early == 0);
  CHECK(clock.now() >= begun + (threads * each - most) * 6s);
  all_is_given_back(router);
}

TEST_CASE("waiting threads that want out, or whose time is up, leave the way free for the others") {
  SetClock clock;
  std::atomic<bool> open{false};
  std::atomic<int> gone{0}, served{0}, waiting{0};
  Router router{Fleet{named("a", {.in_flight = 1})}, transport::from([&](const http::Request&) {
                  while (!open) std::this_thread::yield();
                  return fine();
                }),
                std::ref(clock)};
  std::thread holds([&] { static_cast<void>(router.complete("hi", {.timeouts = {.deadline = 1000h, .attempt = 1000h}})); });
  while (router.core().pin()->group({}).lanes[0].limiter->in_flight() == 0) std::this_thread::yield();
  std::thread opens([&] {  // once everybody stands in line, and half of them went away
    while (waiting < threads) waiting = static_cast<int>(router.core().waiting().size());
    clock.time += Duration(2min).count();
    while (gone < threads / 2) std::this_thread::yield();
    open = true;
    while (gone + served < threads) {
      clock.time += Duration(5ms).count();
      std::this_thread::yield();
    }
  });
  on_threads([&](int t) {
    Options o{.timeouts = {.deadline = t % 4 == 0 ? Duration(1min) : Duration(1000h), .attempt = 1000h, .idle = 1000h},
              .when_full = WhenFull::wait};
    const auto reply = router.complete("hi", o, [&] { return t % 4 == 2 && waiting >= threads; });
    ++(reply ? served : gone);
  });
  opens.join();
  holds.join();
  CHECK(gone == threads / 2);
  CHECK(served == threads / 2);
  all_is_given_back(router);
}

TEST_CASE("who is put to rest or disabled by name is not asked by any request that begins after that") {
  SetClock clock;
  std::array<std::atomic<int>, 3> calls{};
  Router router{Fleet{named("a", {.in_flight = 3}), named("b"), named("c")}, transport::from([&](const http::Request& q) {
                  ++calls[static_cast<std::size_t>(host(q)[0] - 'a')];
                  return fine();
                }),
                std::ref(clock), ranking::LeastBusy{}};
  std::array<std::atomic<int>, threads> done{};
  std::atomic<bool> over{false};
  std::atomic<int> failed{0}, wrong{0};
  const auto everybody_began_anew = [&] {
    std::array<int, threads> before;
    for (std::size_t t = 0; t < threads; ++t) before[t] = done[t];
    for (std::size_t t = 0; t < threads; ++t)
      while (done[t] < before[t] + 2) std::this_thread::yield();
  };
  std::thread orders([&] {
    for (int i = 0; i < 8; ++i) {
      const bool rests = i % 2 == 0;
      if (!(rests ? router.rest("b", 10min) : router.disable("b"))) ++wrong;
      everybody_began_anew();
      const int asked = calls[1];
      everybody_began_anew();
      if (calls[1] != asked) ++wrong;
      if (!(rests ? router.release("b") : router.enable("b"))) ++wrong;
      while (calls[1] == asked) std::this_thread::yield();  // and is asked again
      if (router.rest("nobody", 1s) || router.release("nobody") || router.disable("nobody") || router.enable("nobody")) ++wrong;
    }
    over = true;
  });
  on_threads([&](int t) {
    while (!over) {
      if (!router.complete("hi")) ++failed;
      ++done[static_cast<std::size_t>(t)];
    }
  });
  orders.join();
  CHECK(wrong == 0);
  CHECK(failed == 0);
  all_is_given_back(router);
}

TEST_CASE("two threads that poll ask each provider once") {
  for (int round = 0; round < 40; ++round) {
    SetClock clock;
    std::array<std::atomic<int>, 4> calls{};
    Router router{Fleet{named("a"), named("b"), named("c", {.requests_per_minute = 5}), named("d")}.health_checks({}),
                  transport::from([&](const http::Request& q) {
                    ++calls[static_cast<std::size_t>(host(q)[0] - 'a')];
                    std::this_thread::yield();
                    return fine();
                  }),
                  std::ref(clock)};
    for (int minute = 1; minute <= 2; ++minute) {
      std::atomic<int> wrong{0};
      on_threads(
          [&](int) {
            const Time again = router.poll();
            if (again <= clock.now() || again > clock.now() + 60s) ++wrong;
          },
          2);
      CHECK(wrong == 0);
      for (const auto& n : calls) CHECK(n == minute);
      clock.time += Duration(1min).count();
    }
    all_is_given_back(router);
  }
}
