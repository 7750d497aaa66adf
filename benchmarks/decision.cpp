// SPDX-License-Identifier: MIT
// What does a routing decision cost beside the loop that one would write by hand? Both choose the cheapest open provider, count
// it as in flight, book the outcome, and are timed in turn, so that a noisy machine slows both. Then the rankings that measure,
// side by side with the cheapest one.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <llmroute/llmroute.hpp>

namespace {
std::size_t allocations = 0;
}
#if defined(__GNUC__)
#define NOT_INLINE __attribute__((noinline))  // GCC warns of malloc and free that it sees through them
#else
#define NOT_INLINE
#endif
NOT_INLINE void* operator new(std::size_t n) {
  ++allocations;
  if (void* p = std::malloc(n)) return p;
  std::abort();
}
NOT_INLINE void operator delete(void* p) noexcept { std::free(p); }
NOT_INLINE void operator delete(void* p, std::size_t) noexcept { std::free(p); }

using namespace llmroute;

namespace {

struct NoTransport {
  http::Done perform(const http::Call&) { return {}; }
};
using Bag = detail::Bag<NoTransport, ranking::Cheapest>;

Provider named(int i) {
  Provider p;
  p.name = "provider-" + std::to_string(i);
  p.url = "https://provider-" + std::to_string(i) + ".example/v1";
  p.price = {Rate::zero(), per_million(std::to_string((i * 7919) % 1000 + 1)), {}};
  return p;
}

// What one writes by hand: a struct of atomics for each provider, and a loop.
struct Handmade {
  struct Entry {
    Price price;
    std::atomic<int> in_flight{0}, failures_in_a_row{0};
    std::atomic<std::int64_t> rest_until{0};
  };
  std::vector<Entry> entries;
  explicit Handmade(const std::vector<Provider>& ps) : entries(ps.size()) {
    for (std::size_t i = 0; i < ps.size(); ++i) entries[i].price = ps[i].price;
  }
  std::size_t decide(const ChatRequest& r, Time now) {
    const std::int64_t in = estimated_tokens(r), out = r.max_tokens.value_or(256);
    std::size_t best = entries.size();
    double least = 1e300;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].rest_until.load(std::memory_order_relaxed) > now.time_since_epoch().count()) continue;
      const double cost = entries[i].price.of(in, out).dollars();
      if (cost < least) least = cost, best = i;
    }
    entries[best].in_flight.fetch_add(1, std::memory_order_relaxed);
    return best;
  }
  void book(std::size_t i) {
    entries[i].in_flight.fetch_sub(1, std::memory_order_relaxed);
    entries[i].failures_in_a_row.store(0, std::memory_order_relaxed);
  }
};

template <class F>
double nanoseconds(int rounds, F&& f) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i) f();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() / rounds;
}
double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

void compare(int providers, int rounds) {
  std::vector<Provider> ps;
  for (int i = 0; i < providers; ++i) ps.push_back(named(i));
  Core<Bag> core(Fleet{ps}, NoTransport{}, ranking::Cheapest{});
  Handmade handmade(ps);
  const ChatRequest request{.messages = "Explain gradient descent in two sentences."};
  const Options options;
  const Ended ended{.ok = true, .status = 200};
  const Time now = SteadyClock{}.now();
  std::size_t sink = 0;

  const auto exchange = [&] {
    Exchange<Bag> x(core, request, options, Delivery::whole, Overlap::no, now);
    const Step s = x.next(now);
    sink += s.attempt.n;
    x.ended(s.attempt, ended, now);
    x.next(now);
  };
  const auto by_hand = [&] {
    const std::size_t i = handmade.decide(request, now);
    sink += i;
    handmade.book(i);
  };
  exchange(), by_hand();
  const std::size_t before = allocations;
  std::vector<double> ours, theirs, ratios;
  ours.reserve(32), theirs.reserve(32), ratios.reserve(32);
  const std::size_t reserved = allocations - before;
  for (int turn = 0; turn < 15; ++turn) {
    ours.push_back(nanoseconds(rounds, exchange));
    theirs.push_back(nanoseconds(rounds, by_hand));
    ratios.push_back(ours.back() / theirs.back());
  }
  const std::size_t made = allocations - before - reserved;
  std::printf("%6d providers: a whole exchange %8.0f ns, by hand %8.0f ns, ratio %5.1f, %zu allocations%s\n", providers,
              median(ours), median(theirs), median(ratios), made, sink == 1 ? " " : "");
}

struct Contestant {
  const char* name;
  std::function<void()> exchange;
  std::vector<double> took{}, ratios{};
};
template <class R>
Contestant contestant(const char* name, R ranking, const std::vector<Provider>& ps) {
  using Policies = detail::Bag<NoTransport, R>;
  auto core = std::make_shared<Core<Policies>>(Fleet{ps}, NoTransport{}, std::move(ranking));
  const Time now = SteadyClock{}.now();
  return {name, [core, now] {
            static const ChatRequest request{.messages = "Explain gradient descent in two sentences."};
            static const Options options;
            static const Ended ended{.ok = true, .status = 200, .usage = {.prompt = 10, .completion = 100, .reported = true}};
            Exchange<Policies> x(*core, request, options, Delivery::whole, Overlap::no, now);
            const Time later = now + std::chrono::milliseconds(400);
            x.ended(x.next(now).attempt, ended, later);
            x.next(later);
          }};
}
/// Of each a whole exchange, and how many times that of the first it takes.
void compare_rankings(int providers, int rounds) {
  std::vector<Provider> ps;
  for (int i = 0; i < providers; ++i) {
    ps.push_back(named(i));
    ps.back().limits.requests_per_minute = i % 3 == 0 ? 0 : i;
  }
  using namespace ranking;
  std::vector<Contestant> all;
  all.push_back(contestant("Cheapest", Cheapest{}, ps));
  all.push_back(contestant("LeastBusy", LeastBusy{}, ps));
  all.push_back(contestant("Headroom", Headroom{}, ps));
  all.push_back(contestant("PeakEwma", PeakEwma{}, ps));
  all.push_back(contestant("Fastest", Fastest{}, ps));
  all.push_back(contestant("Fastest, 95 % by token", Fastest{.by = Fastest::By::per_token, .percentile = 0.95}, ps));
  all.push_back(contestant("Weighted", Weighted{}, ps));
  all.push_back(contestant("Weighted by price", Weighted{.by = Weighted::By::inverse_square_price}, ps));
  all.push_back(contestant("Weighted by rpm", Weighted{.by = Weighted::By::rpm}, ps));
  for (Contestant& c : all) c.exchange();
  for (int turn = 0; turn < 15; ++turn)
    for (Contestant& c : all) {
      c.took.push_back(nanoseconds(rounds, c.exchange));
      c.ratios.push_back(c.took.back() / all.front().took.back());
    }
  std::printf("%6d providers:\n", providers);
  for (const Contestant& c : all) std::printf("  %-24s %8.0f ns, ratio %6.3f\n", c.name, median(c.took), median(c.ratios));
}

}  // namespace

int main() {
  std::printf("sizeof: Exchange %zu, Trail %zu, Options %zu, Router without state of its own %zu bytes\n",
              sizeof(Exchange<Bag>), sizeof(Trail), sizeof(Options), sizeof(Router<NoTransport>));
  compare(1, 200'000);
  compare(3, 200'000);
  compare(10, 100'000);
  compare(100, 20'000);
  compare(1000, 2'000);
  compare_rankings(10, 20'000);
  compare_rankings(1000, 500);
  compare_rankings(10'000, 50);
}
