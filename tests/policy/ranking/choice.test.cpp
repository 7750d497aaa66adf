// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/choice.hpp"

#include <string>

#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

const ChatRequest hello{.messages = "Hello"};
const Options nothing{};

Fleet three() {  // each is best at something else
  Provider first = named("first"), cheap = named("cheap"), quick = named("quick");
  cheap.price = {per_million("0.1"), per_million("0.1"), {}};
  first.expected_latency = 2s;
  cheap.expected_latency = 3s;
  quick.expected_latency = 100ms;
  return Fleet{first, cheap, quick};
}
struct Picky {
  static constexpr std::string_view name = "picky";
  double score(const Candidate&, const Query&) const { return 0; }
  std::string refuse(const Query&) const { return "not today"; }
};
std::string first(auto& core, const Options& options = {}) {
  Exchange x(core, hello, options, Delivery::whole, Overlap::no, Time{});
  return told(x, Time{});
}

}  // namespace

using ByName = decltype(ranking::by_name());
static_assert(RankingStrategy<ByName> && Picks<ByName> && Refuses<ByName> && NamesStrategy<ByName> && Remembers<ByName>);
static_assert(detail::watches_load<ByName>());
static_assert(!detail::watches_load<ranking::Choice<ranking::Priority, ranking::Cheapest>>());

TEST_CASE("a request picks its strategy by name, and the first is for those that do not say") {
  auto core = core_of(three(), ranking::by_name());
  CHECK(first(core) == "first");
  CHECK(first(core, {.strategy = "priority"}) == "first");
  CHECK(first(core, {.strategy = "cost"}) == "cheap");
  CHECK(first(core, {.strategy = "latency"}) == "quick");
  CHECK(first(core, {.strategy = "weighted"}) != "finish");
}

TEST_CASE("the exchange knows which strategy it was") {
  auto core = core_of(three(), ranking::by_name());
  for (const char* name : {"priority", "cost", "latency", "weighted"}) {
    const Options options{.strategy = name};
    Exchange x(core, hello, options, Delivery::whole, Overlap::no, Time{});
    CHECK(x.strategy() == name);
  }
  Exchange unsaid(core, hello, nothing, Delivery::whole, Overlap::no, Time{});
  CHECK(unsaid.strategy() == "priority");
}

TEST_CASE("an unknown strategy is refused before anything is sent, and the known ones are listed") {
  auto core = core_of(three(), ranking::by_name());
  const Options options{.strategy = "cheapest"};
  Exchange x(core, hello, options, Delivery::whole, Overlap::no, Time{});
  CHECK(told(x, Time{}) == "finish");
  const Failure f = x.failure(Time{});
  CHECK(f.kind == Kind::misconfigured);
  CHECK(f.trail.empty());
  CHECK(f.message ==
        "options.strategy: there is none that is called \"cheapest\"; there are priority, cost, latency, weighted");
}

TEST_CASE("strategies have names of one's own, and several may be of one type") {
  using ranking::Cheapest, ranking::named;
  auto core = core_of(three(), ranking::Choice{named("listed", Cheapest{}),
                                               named("charged", Cheapest{.by = Cheapest::By::charged}), ranking::Fastest{}});
  const Options cheap{.allow = {"cheap"}};
  {
    Exchange x(core, hello, cheap, Delivery::whole, Overlap::no, Time{});
    Ended dear = good();
    dear.billed = dollars("5");
    x.ended(x.next(Time{}).attempt, dear, Time{});
  }
  CHECK(first(core, {.strategy = "listed"}) == "cheap");
  CHECK(first(core, {.strategy = "charged"}) != "cheap");  // each remembers for itself
  CHECK(first(core) == "cheap");
}

TEST_CASE("only a request that goes round takes a turn") {
  auto core = core_of(Fleet{tests::named("a"), tests::named("b")}, ranking::Choice{ranking::Cheapest{}, ranking::RoundRobin{}});
  std::string all;
  for (int i = 0; i < 4; ++i) {
    first(core);  // by cost
    all += first(core, {.strategy = "round robin"});
  }
  CHECK(all == "abab");
}

TEST_CASE("a refusal of the strategy that was picked is the router's") {
  auto core = core_of(three(), ranking::Choice{ranking::Priority{}, Picky{}});
  CHECK(first(core) == "first");
  const Options picky{.strategy = "picky"};
  Exchange x(core, hello, picky, Delivery::whole, Overlap::no, Time{});
  CHECK(x.failure(Time{}).message == "not today");
}

template <class Name>
concept Names = requires(Name&& name) { ranking::named(static_cast<Name&&>(name), ranking::Priority{}); };
static_assert(Names<const char*> && Names<std::string_view> && Names<std::string&>);
static_assert(!Names<std::string>);  // it would be gone before the first request
