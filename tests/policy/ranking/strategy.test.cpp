// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/strategy.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace tests;

namespace {

const ChatRequest hello{.messages = "Hello"};
const Options nothing{};

Fleet many(int n) {
  std::vector<Provider> all;
  for (int i = 0; i < n; ++i) all.push_back(named("p" + std::to_string(i)));
  return Fleet{std::move(all)};
}
struct Same {
  double score(const Candidate&, const Query&) const { return 0; }
};
struct Helped {
  std::size_t choose(const auto& candidates, const Query&) const { return candidates.size() - 1; }
  std::size_t pick(const auto& candidates, const Query& q) const { return choose(candidates, q); }
};

}  // namespace

TEST_CASE("ties are drawn evenly, also among those who are left after a failure") {
  constexpr std::size_t n = 4;
  auto core = core_of(many(n), Same{}, cooldown::Off{}, retry::Off{});
  core.seed(tests::seed());
  std::array<std::array<int, n>, n> drawn{};  // the first, the second
  for (int i = 0; i < 12'000; ++i) {
    Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
    const auto next = [&] {
      const AttemptId id = x.next(Time{}).attempt;
      x.ended(id, failed(Kind::server_error, 500), Time{});
      return static_cast<std::size_t>(x.provider(id).name[1] - '0');
    };
    const std::size_t first = next(), second = next();
    ++drawn[first][second];
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < n; ++k)
      if (i != k) CHECK((drawn[i][k] > 800 && drawn[i][k] < 1'200));  // 1,000 each; 6 standard deviations
}

TEST_CASE("a ranking's own function that is called choose is its own business") {
  auto core = core_of(many(3), Helped{});
  Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  CHECK(told(x, Time{}) == "p2");
}

TEST_CASE("no ranking that ships allocates to decide or to learn") {
  const auto allocates = [](auto ranking) {
    auto core = core_of(many(50), std::move(ranking));
    const Allocations made;
    for (int i = 0; i < 2; ++i) {
      Exchange x(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
      x.ended(x.next(Time{}).attempt, failed(Kind::server_error, 500), Time{});
      x.ended(x.next(Time{}).attempt, good(), Time{});
      x.next(Time{});
    }
    return made.count() > 0;
  };
  using namespace ranking;
  CHECK_FALSE(allocates(Priority{}));
  CHECK_FALSE(allocates(Cheapest{}));
  CHECK_FALSE(allocates(Cheapest{.by = Cheapest::By::charged}));
  CHECK_FALSE(allocates(Fastest{}));
  CHECK_FALSE(allocates(Fastest{.last = 10}));
  CHECK_FALSE(allocates(Fastest{.by = Fastest::By::per_token, .percentile = 0.95}));
  CHECK_FALSE(allocates(LeastBusy{}));
  CHECK_FALSE(allocates(Headroom{}));
  CHECK_FALSE(allocates(PeakEwma{}));
  CHECK_FALSE(allocates(Weighted{}));
  CHECK_FALSE(allocates(Weighted{.by = Weighted::By::reliability}));
  CHECK_FALSE(allocates(Weighted{.by = Weighted::By::inverse_square_price}));
  CHECK_FALSE(allocates(Weighted{.by = Weighted::By::rpm}));
  CHECK_FALSE(allocates(RoundRobin{}));
  CHECK_FALSE(allocates(ByCategory{{{"code", {"p7", "p8"}}}}));
  CHECK_FALSE(allocates(by_name()));
  CHECK_FALSE(allocates(Then{Cheapest{}, within(0.20), Fastest{}}));
  CHECK_FALSE(allocates(Blend{.cost = 0.5, .latency = 0.3, .quality = 0.1, .load = 0.1}));
  CHECK_FALSE(allocates(Order{Weighted{}, {.climb_on = {Kind::timed_out, statuses(500, 599)}}}));
  CHECK_FALSE(allocates(Sticky{Cheapest{}, {.prefix_bytes = 1}}));
  CHECK_FALSE(allocates(Choice{Then{Cheapest{}, within(0.20), RoundRobin{}}, Order{Sticky{Fastest{}}}}));
  CHECK_FALSE(allocates(Choice{PeakEwma{}, LeastBusy{}, Headroom{}}));
}
