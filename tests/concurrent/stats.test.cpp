// SPDX-License-Identifier: MIT
// The figures under threads: nothing is lost and nothing counted twice while slots begin, rows are taken and others read.
#include "llmroute/policy/observer/stats.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using observe::Figures;
using observe::Stats;
using observe::Window;

namespace {

constexpr int threads = 4, events = 50'000;
constexpr Time at(Duration d) { return Time{} + d; }

void wait_for(const std::atomic<int>& counter, int value) {
  for (int spins = 0; counter.load() < value; ++spins)
    if (spins > 2000) std::this_thread::yield();
}

/// Runs `work(thread)` on all threads at once.
template <class Work>
void at_once(Work work) {
  std::atomic<int> ready{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      ready.fetch_add(1);
      wait_for(ready, threads);
      work(t);
    });
  for (std::thread& t : all) t.join();
}

void tell(Stats& stats, std::string_view name, bool good, Time now) {
  const ChatRequest request;
  const Options options;
  const Query query{.request = request, .options = options, .category = name};
  const Outcome o{.ending = good ? Ending::won : Ending::failed, .total = 100ms};
  const Cost cost{Money::nanos(7), Cost::Source::usage};
  const Usage usage{.prompt = 2, .completion = 3, .reported = true};
  stats.observe(
      {.what = Event::What::ended, .query = &query, .provider = name, .outcome = &o, .usage = usage, .cost = cost, .now = now});
  const std::uint8_t attempts = good ? 2 : 1;
  stats.observe({.what = Event::What::finished, .query = &query, .outcome = &o, .attempt = attempts, .cost = cost, .now = now});
}

}  // namespace

TEST_CASE("four threads count while slots begin and others read: the totals are exact") {
  Stats stats{{.providers = 5, .categories = 3}};
  std::array<std::string, 8> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = "name " + std::to_string(i);

  std::atomic<std::int64_t> seconds{0};
  std::atomic<bool> done{false};
  int wrong = 0;
  std::thread reader([&] {
    std::uint64_t before = 0;
    while (!done.load()) {
      const Time now = at(std::chrono::seconds(seconds.load()));
      const Figures all = stats.figures(Window::all_time, now);
      wrong += all.requests < before || all.requests > threads * events;
      before = all.requests;
      for (Window w : {Window::minute, Window::hour, Window::day}) wrong += stats.figures(w, now).requests > threads * events;
    }
  });
  at_once([&](int t) {
    for (int i = 0; i < events; ++i) {
      // A slot of ten seconds lasts some twenty events, and each thread has its own idea of what time it is.
      const std::int64_t now = i % 2 == 0 ? seconds.fetch_add(1) : seconds.load();
      tell(stats, names[static_cast<std::size_t>(i + t) % names.size()], i % 5 != 0, at(std::chrono::seconds(now)));
    }
  });
  done = true;
  reader.join();

  constexpr std::uint64_t n = threads * events;
  const Figures f = stats.figures();
  CHECK(wrong == 0);
  CHECK(f.requests == n);
  CHECK(f.answered == n / 5 * 4);
  CHECK(f.failed == n / 5);
  CHECK(f.fallbacks == n / 5 * 4);
  CHECK(f.cost == Money::nanos(7 * static_cast<std::int64_t>(n)));
  CHECK(f.prompt_tokens == 2 * static_cast<std::int64_t>(n));
  CHECK(f.completion_tokens == 3 * static_cast<std::int64_t>(n));
  CHECK(f.providers.size() == 6);
  CHECK(f.categories.size() == 4);
  std::uint64_t attempts = 0;
  for (const auto& p : f.providers) attempts += p.successes + p.failures;
  CHECK(attempts == n);
  for (std::size_t i = 0; i < 5; ++i) CHECK(f.providers[i].successes + f.providers[i].failures == n / names.size());
}

TEST_CASE("threads that come with new names, the same or different ones, share one row for each") {
  std::vector<std::string> names;
  for (int i = 0; i < 512; ++i) names.push_back("name " + std::to_string(i));
  for (const std::size_t apart : {0u, 1u, 5u, 64u}) {
    observe::detail::Rows<std::atomic<int>> rows(names.size());
    std::atomic<int> come{0};
    at_once([&](int t) {
      int wanted = 0;
      for (std::size_t i = 0; i < names.size(); ++i) {
        come.fetch_add(1);
        wait_for(come, wanted += threads);
        rows.find(names[i ^ static_cast<std::size_t>(t) * apart])->fetch_add(1);
      }
    });
    std::size_t shared = 0;
    rows.each([&](const ProviderName& name, const std::atomic<int>& n) { shared += n == threads && name != "(others)"; });
    REQUIRE(shared == names.size());
  }
}

TEST_CASE("reset while others count: what is counted after it is there, and no figure wraps round") {
  Stats stats{{.providers = 2, .categories = 2}};
  at_once([&](int t) {
    for (int i = 0; i < 20'000; ++i) {
      if (t == 0 && i % 100 == 0) stats.reset();
      tell(stats, "a", true, at(std::chrono::seconds(i / 10)));
    }
  });
  const std::uint64_t left = stats.figures(Window::minute, at(2000s)).requests;
  CHECK(left <= 20'000 * threads);
  stats.reset();
  CHECK(stats.figures().requests == 0);
  for (int i = 0; i < 3; ++i) tell(stats, "a", true, at(2000s));
  CHECK(stats.figures(Window::all_time).requests == 3);
  CHECK(stats.figures(Window::minute, at(2000s)).requests == 3);
}
