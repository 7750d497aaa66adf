// SPDX-License-Identifier: MIT
// Limits and waiting through the drivers, over simulated providers: a wait is a wait in virtual time, and both drivers wait
// and send alike.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "play.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using sim::Answer;
using tests::Seen;

namespace {

struct Ask {
  Options options{};
  Duration pause{};
};

/// The providers of a world, with these limits for some of them.
struct Limited {
  std::string name{};
  RateLimits limits{};
  std::string group{};
};
std::vector<Provider> providers_of(const sim::World& world, const std::vector<Limited>& limited) {
  std::vector<Provider> all = world.providers();
  for (Provider& p : all)
    for (const Limited& l : limited)
      if (p.name == l.name) p.limits = l.limits, p.quota_group = l.group;
  return all;
}

template <class R>
Seen blocking(R& router, sim::World& world, const Options& options, Stopped stopped = {}) {
  const Time begun = world.now();
  Seen seen = Seen::of(router.complete("Hello", options, stopped), {});
  seen.begun = begun;
  return seen;
}
template <class R>
Seen callback(R& router, sim::World& world, const Options& options) {
  std::optional<Seen> seen;
  const Time begun = world.now();
  const auto pending = router.start("Hello", [&](Result<Reply> r) { seen = Seen::of(r, {}); }, options);
  world.run_until([&] { return seen.has_value(); });
  seen->begun = begun;
  return *seen;
}

/// Each request after the one before, through one driver and through the other, in a world of its own.
std::vector<Seen> through_both(const std::function<void(sim::World&)>& prepare,
                               const std::function<Fleet(const sim::World&)>& fleet, const std::vector<Ask>& asks) {
  std::vector<Seen> results[2];
  for (int driver = 0; driver < 2; ++driver) {
    sim::World world{3};
    prepare(world);
    sim::Network network{world};
    Router router{fleet(world), network, sim::Clock{world}, ranking::Priority{}};
    for (const Ask& a : asks) {
      results[driver].push_back(driver == 0 ? blocking(router, world, a.options) : callback(router, world, a.options));
      world.advance(a.pause);
    }
    CHECK(router.core().waiting().size() == 0);
    CHECK(router.core().in_flight() == 0);
  }
  for (std::size_t i = 0; i < asks.size(); ++i) {
    const Seen &b = results[0][i], &c = results[1][i];
    INFO("request " << i << ": " << b.path() << " (" << b.message << ") and " << c.path() << " (" << c.message << ")");
    CHECK(b.path() == c.path());
    CHECK(b.ok == c.ok);
    CHECK(b.message == c.message);
    CHECK(b.begun == c.begun);
    CHECK(b.latency == c.latency);
    CHECK(b.retry_after == c.retry_after);
    for (std::size_t k = 0; k < b.trail.size() && k < c.trail.size(); ++k) CHECK(b.trail[k].started == c.trail[k].started);
  }
  return results[1];
}

void two_providers(sim::World& w) {
  for (const char* name : {"one", "two"}) w.add({.name = name, .first_content = 100ms, .tokens_per_second = 0});
}

Options wait(int priority = 0) { return {.priority = priority, .when_full = WhenFull::wait}; }

/// Requests that run side by side through the callback driver.
template <class R>
class Crowd {
 public:
  Crowd(R& router, sim::World& world) : router_(router), world_(world) {}
  void add(std::string name, Options options) {
    const auto n = all_.size();
    all_.push_back({.name = std::move(name)});
    const std::function<void(Result<Reply>)> done = [this, n](Result<Reply> r) { over(n, std::move(r)); };
    all_[n].held = std::make_unique<Held>([&] { return router_.start("Hello", done, std::move(options)); });
  }
  auto& pending(std::size_t n) { return all_[n].held->pending; }
  void destroy(std::size_t n) { all_[n].held.reset(); }
  void run() {
    world_.run_until([this] {
      for (const One& o : all_)
        if (o.held && !o.seen) return false;
      return true;
    });
  }
  const std::string& order() const { return order_; }
  const Seen& seen(std::size_t n) const { return *all_[n].seen; }

 private:
  using PendingOf = decltype(std::declval<R&>().start("", std::function<void(Result<Reply>)>{}, Options{}));
  struct Held {  // it does not move
    PendingOf pending;
    template <class Begin>
    explicit Held(Begin begin) : pending(begin()) {}
  };
  struct One {
    std::string name{};
    std::unique_ptr<Held> held{};
    std::optional<Seen> seen{};
  };
  void over(std::size_t n, Result<Reply> r) {
    all_[n].seen = Seen::of(r, {});
    order_ += all_[n].name + (r ? " " : "! ");
  }

  R& router_;
  sim::World& world_;
  std::vector<One> all_{};
  std::string order_{};
};

}  // namespace

TEST_CASE("requests that wait for a rate limit are sent when there is room, to the tick the same through both drivers") {
  const auto seen = through_both(
      two_providers, [](const sim::World& w) { return Fleet{providers_of(w, {{"one", {.requests_per_minute = 2}}})}; },
      {{.options = {.allow = {"one"}}},
       {.options = {.allow = {"one"}}},
       {.options = {.allow = {"one"}, .when_full = WhenFull::wait}},
       {.options = {.allow = {"one"}}},
       {},
       {.options = {.allow = {"one"}, .when_full = WhenFull::wait}}});
  CHECK(seen[2].path() == "one won 200");
  CHECK(seen[2].trail[0].started == 29800ms);  // the two before took 100 ms each
  CHECK(seen[2].latency == 29900ms);
  CHECK_FALSE(seen[3].ok);
  CHECK_THAT(seen[3].message, ContainsSubstring("one: has used up its rate limit"));
  CHECK(seen[3].retry_after == 29900ms);
  CHECK(seen[4].path() == "two won 200");
  CHECK(seen[5].path() == "one won 200");
}

TEST_CASE("limits of tokens, tenants and groups, failures and rests: the same trails through both drivers") {
  const auto seen = through_both(
      [](sim::World& w) {
        two_providers(w);
        w.provider("one").answer_with(Answer::error(500)).answer_with(Answer::rate_limited(20s));
        w.provider("two").answer_with(Answer::reply("fine")).answer_with(Answer::error(503)).answer_with(Answer::hang());
      },
      [](const sim::World& w) {
        return Fleet{providers_of(w, {{"one", {.tokens_per_minute = 700}, "account"}, {"two", {}, "account"}})}
            .quota_groups({{.name = "account", .limits = {.requests_per_minute = 6}}})
            .tenants({{.name = "acme", .limits = {.requests_per_minute = 2}}});
      },
      {{},
       {.options = {.tenant = "acme", .timeouts = {.deadline = 90s}, .when_full = WhenFull::wait}},
       {.options = {.timeouts = {.deadline = 90s}, .when_full = WhenFull::wait}},
       {.options = {.tenant = "acme"}},
       {.options = {.tenant = "acme", .when_full = WhenFull::wait}},
       {},
       {},
       {.options = wait()},
       {.options = wait()}});
  CHECK(seen[0].path() == "one server_error 500, two won 200");
  int ok = 0;
  for (const Seen& s : seen) ok += s.ok;
  CHECK(ok >= 6);
}

TEST_CASE("many that wait for one slot are served by priority, then first come, and every one of them") {
  sim::World world{3};
  two_providers(world);
  sim::Network network{world};
  Router router{Fleet{providers_of(world, {{"one", {.in_flight = 1}}})}, network, sim::Clock{world}};
  Crowd crowd{router, world};
  const int priorities[]{0, 1, 0, -1, 5, -1, 0, 1};
  crowd.add("now", {.allow = {"one"}});
  for (std::size_t i = 0; i < std::size(priorities); ++i) {
    Options o = wait(priorities[i]);
    o.allow = {"one"};
    crowd.add(std::to_string(i), std::move(o));
  }
  CHECK(router.core().waiting().size() == std::size(priorities));
  crowd.run();
  CHECK(crowd.order() == "now 3 5 0 2 6 1 7 4 ");
  CHECK(world.provider("one").counters().most_in_flight == 1);
  CHECK(router.core().waiting().size() == 0);
}

TEST_CASE("many that wait for a rate limit are sent one each time there is room, in their order") {
  sim::World world{3};
  two_providers(world);
  world.provider("one").script().requests_per_minute = 6;  // whoever sends too early meets a 429
  sim::Network network{world};
  Router router{Fleet{providers_of(world, {{"one", {.requests_per_minute = 6}}})}, network, sim::Clock{world}};
  Crowd crowd{router, world};
  for (int i = 0; i < 12; ++i) {
    Options o = wait(i % 2);
    o.allow = {"one"};
    crowd.add(std::to_string(i), std::move(o));
  }
  crowd.run();
  CHECK(crowd.order() == "0 1 2 3 4 5 6 8 10 7 9 11 ");
  CHECK(world.provider("one").counters().limited == 0);
  CHECK(world.elapsed() >= 60s);
  CHECK(world.elapsed() < 61s);
}

TEST_CASE("a waiter that is cancelled or destroyed leaves its place to the next one") {
  sim::World world{3};
  two_providers(world);
  sim::Network network{world};
  Router router{Fleet{providers_of(world, {{"one", {.in_flight = 1}}})}, network, sim::Clock{world}};
  Crowd crowd{router, world};
  for (const char* name : {"runs", "cancelled", "destroyed", "next", "last"}) {
    Options o = wait();
    o.allow = {"one"};
    crowd.add(name, std::move(o));
  }
  world.advance(50ms);
  crowd.pending(1).cancel();
  CHECK(crowd.order() == "cancelled! ");
  CHECK(crowd.seen(1).kind == Kind::cancelled);
  crowd.destroy(2);
  CHECK(router.core().waiting().size() == 2);
  crowd.run();
  CHECK(crowd.order() == "cancelled! runs next last ");
  CHECK(world.provider("one").counters().requests == 3);
  CHECK(router.core().waiting().size() == 0);
}

TEST_CASE("who blocks and waits gets out as soon as it wants, and holds no place any more") {
  sim::World world{3};
  two_providers(world);
  sim::Network network{world};
  Router router{Fleet{providers_of(world, {{"one", {.requests_per_minute = 1}}})}, network, sim::Clock{world}};
  Options o = wait();
  o.allow = {"one"};
  CHECK(blocking(router, world, o).ok);
  const Time begun = world.now();
  const Seen seen = blocking(router, world, o, [&] { return world.now() - begun >= 700ms; });
  CHECK(seen.kind == Kind::cancelled);
  CHECK(seen.trail.empty());
  CHECK(world.now() - begun == 700ms);
  CHECK(router.core().waiting().size() == 0);
  world.advance_to(Time{} + 60s);
  CHECK(blocking(router, world, o).ok);
  CHECK(world.elapsed() == 60s + 100ms);
}

TEST_CASE("who waits until its deadline fails by then, blames nobody, and says what was in the way") {
  const Ask late{.options = {.allow = {"one"}, .timeouts = {.deadline = 5s}, .when_full = WhenFull::wait}};
  sim::World world{3};
  two_providers(world);
  world.provider("one").answer_with(Answer::hang());
  sim::Network network{world};
  Router router{Fleet{providers_of(world, {{"one", {.in_flight = 1}}})}, network, sim::Clock{world}};
  Crowd crowd{router, world};
  crowd.add("hangs", {.allow = {"one"}, .timeouts = {.deadline = 60s}});
  crowd.add("waits", late.options);
  const Seen seen = blocking(router, world, late.options);  // beside the two
  for (const Seen* s : {&seen, &crowd.seen(1)}) {
    CHECK_FALSE(s->ok);
    CHECK(s->trail.empty());
    CHECK_THAT(s->message, ContainsSubstring("one: has as many requests in flight as it may"));
  }
  CHECK(world.elapsed() <= 5s);
  CHECK(world.elapsed() >= 3900ms);  // no attempt starts with less than a second left
  CHECK(router.core().waiting().size() == 0);
  CHECK(router.core().pin()->group({}).lanes[0].place->health.failures == 0);
}

TEST_CASE("who waits for a rest to end goes on when somebody ends it by hand") {
  sim::World world{3};
  two_providers(world);
  sim::Network network{world};
  Router router{Fleet{world.providers()}, network, sim::Clock{world}};
  CHECK(router.rest("one", 10min));
  Crowd crowd{router, world};
  Options o = wait();
  o.allow = {"one"};
  o.timeouts.deadline = 15min;
  crowd.add("waits", o);
  world.advance(20s);
  CHECK(crowd.order().empty());
  CHECK(router.release("one"));
  crowd.run();
  CHECK(crowd.seen(0).ok);
  CHECK(world.elapsed() <= 22s);
}

// --- Headroom: moved back before a 429 ---

namespace {

/// So many requests, one after another; how many 429 they have met.
template <class Ranking>
std::uint64_t limited_of(sim::World& world, Fleet fleet, int requests, Ranking ranking) {
  sim::Network network{world};
  Router router{std::move(fleet), network, sim::Clock{world}, ranking, cooldown::Off{}};
  int failed = 0;
  for (int i = 0; i < requests; ++i) failed += blocking(router, world, {}).ok ? 0 : 1;
  CHECK(failed == 0);
  std::uint64_t limited = 0;
  for (auto& p : world) limited += p.counters().limited;
  return limited;
}
void three_with_limits(sim::World& w) {
  for (const char* name : {"one", "two", "three"})
    w.add({.name = name, .first_content = 100ms, .tokens_per_second = 0, .requests_per_minute = 12});
}

}  // namespace

TEST_CASE("by what answers say, Headroom moves a provider back before it refuses, and a plain order runs into it") {
  sim::World naive{3}, wise{3};
  three_with_limits(naive);
  three_with_limits(wise);
  CHECK(limited_of(naive, Fleet{naive.providers()}, 33, ranking::Priority{}) >= 2);
  CHECK(limited_of(wise, Fleet{wise.providers()}, 33, ranking::Headroom{}) == 0);
  for (auto& p : wise) CHECK(p.counters().answered == 11);
}

TEST_CASE("by configured limits nobody meets a 429 whatever the order, and Headroom leaves each provider some room") {
  std::vector<Limited> limited;
  for (const char* name : {"one", "two", "three"}) limited.push_back({name, {.requests_per_minute = 12}});
  sim::World world{3}, wise{3};
  three_with_limits(world);
  three_with_limits(wise);
  for (sim::World* w : {&world, &wise})
    for (auto& p : *w) p.script().requests_per_minute = 12;
  CHECK(limited_of(world, Fleet{providers_of(world, limited)}, 33, ranking::Priority{}) == 0);
  CHECK(world.provider("one").counters().answered > 11);
  CHECK(limited_of(wise, Fleet{providers_of(wise, limited)}, 33, ranking::Headroom{}) == 0);
  for (auto& p : wise) CHECK(p.counters().answered == 11);
}

TEST_CASE("two providers of one quota group share what is left, by headers as by configuration") {
  for (const bool configured : {false, true}) {
    INFO(configured);
    const auto fleet = [&](sim::World& world) {
      for (const char* name : {"shared", "alone"})
        world.add({.name = name, .first_content = 100ms, .tokens_per_second = 0, .requests_per_minute = 12});
      std::vector<Provider> all = world.providers();
      all.push_back(all[0]);  // one account, two models
      all[2].name = "shared too";
      all[0].quota_group = all[2].quota_group = "account";
      if (!configured) return Fleet{std::move(all)};
      all[1].limits = {.requests_per_minute = 12};
      return Fleet{std::move(all)}.quota_groups({{.name = "account", .limits = {.requests_per_minute = 12}}});
    };
    sim::World world{3};
    CHECK(limited_of(world, fleet(world), 22, ranking::Headroom{}) == 0);
    CHECK(world.provider("shared").counters().answered == 11);
    CHECK(world.provider("alone").counters().answered == 11);
  }
}

TEST_CASE("requests that run side by side do not all go where the last answer said that there is room") {
  sim::World world{3};
  three_with_limits(world);
  sim::Network network{world};
  Router router{Fleet{world.providers()}, network, sim::Clock{world}, ranking::Headroom{}};
  for (const char* name : {"one", "two", "three"}) CHECK(blocking(router, world, {.allow = {name}}).ok);
  Crowd crowd{router, world};
  for (int i = 0; i < 30; ++i) crowd.add(std::to_string(i), {});
  crowd.run();
  for (auto& p : world) {
    CHECK(p.counters().limited == 0);
    CHECK(p.counters().answered == 11);
  }
}
