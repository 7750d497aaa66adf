// SPDX-License-Identifier: MIT
// The role of ranking, and the two that ship with it: the fleet's own order, and the lowest estimate.
#include "llmroute/policy/ranking.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"
#include "llmroute/policy/model_map/table.hpp"
#include "llmroute/providers.hpp"

using namespace llmroute;

namespace {

struct ByTag {
  double score(const Candidate& c, const Query&) const { return c.has_tag("eu") ? 0 : 1; }
};
struct Whole {
  int score(const Candidate& c, const Query&) const { return static_cast<int>(c.index); }
};
struct First {
  std::size_t pick(const Candidates& c, const Query&) const { return c.size() != 0 ? 0 : none; }
};
struct Inlined {
  std::size_t pick(const auto& c, const Query&) const { return c.size() - 1; }
};
struct Neither {
  double rank(const Candidate&, const Query&) const { return 0; }
};
struct Mutable {
  double score(const Candidate&, const Query&) { return 0; }
};
struct PicksABool {
  bool pick(const Candidates&, const Query&) const { return true; }
};

/// Providers with their offers for one model, as a query of 100 tokens in and 256 out sees them.
struct Market {
  std::vector<Provider> providers;
  models::Table table{};
  ChatRequest request{.messages = "Hello", .model = "llama-3.1-8b"};
  Options options{};
  Query query{.request = request, .options = options, .judgement = {.prompt_tokens = 100}, .completion_tokens = 256};
  Health health{};

  explicit Market(std::vector<Provider> all) : providers(std::move(all)) {}
  Market(const Market&) = delete;

  Candidate operator[](std::size_t i) const {
    const Provider& p = providers[i];
    return {p, table.resolve(request.model, p).value(), health, query, static_cast<std::uint32_t>(i), Time{}};
  }
  template <class Ranking>
  double score(const Ranking& ranking, std::size_t i) const {
    if constexpr (Remembers<Ranking>) return ranking.score((*this)[i], query, typename Ranking::State{});
    else return ranking.score((*this)[i], query);
  }
  template <class Ranking>
  std::vector<std::string> order(const Ranking& ranking) const {
    std::vector<bool> asked(providers.size());
    std::vector<std::string> names;
    while (names.size() < providers.size()) {
      std::size_t best = none;
      double lowest = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < providers.size(); ++i)
        if (const double s = score(ranking, i); !asked[i] && s < lowest) best = i, lowest = s;
      if (best == none) break;
      asked[best] = true;
      names.push_back(providers[best].name);
    }
    return names;
  }
};

using Names = std::vector<std::string>;

}  // namespace

static_assert(RankingStrategy<ranking::Priority> && Scores<ranking::Priority> && !Picks<ranking::Priority>);
static_assert(RankingStrategy<ranking::Cheapest> && Scores<ranking::Cheapest>);
static_assert(RankingStrategy<ByTag> && RankingStrategy<Whole>);
static_assert(RankingStrategy<First> && Picks<First> && Picks<Inlined>);
static_assert(!RankingStrategy<Neither> && !RankingStrategy<Mutable> && !RankingStrategy<PicksABool> && !RankingStrategy<int>);

TEST_CASE("the cheapest is found from the request's tokens, and the figures are exact") {
  const Market m({providers::together(), providers::groq(), providers::openrouter()});
  CHECK(m.order(ranking::Cheapest{}) == Names{"openrouter", "groq", "together"});
  CHECK(m[2].estimate() == Money::nanos(21'360));
  CHECK(m[1].estimate() == Money::nanos(25'480));
  CHECK(m[0].estimate() == Money::nanos(64'080));
  CHECK(m[2].estimate().text() == "0.00002136");
  CHECK(m[1].estimate().text() == "0.00002548");
  CHECK(m[0].estimate().text() == "0.00006408");
  CHECK(m.score(ranking::Cheapest{}, 1) == Approx(0.00002548));
}

TEST_CASE("priority is the order in which the fleet lists them") {
  const Market m({providers::together(), providers::groq(), providers::openrouter()});
  CHECK(m.order(ranking::Priority{}) == Names{"together", "groq", "openrouter"});
}

TEST_CASE("an unknown price ranks last, and is still asked") {
  const Market m({providers::openai_compatible({.name = "mystery"}), providers::together(), providers::groq()});
  CHECK_FALSE(m[0].price_known());
  CHECK(m.order(ranking::Cheapest{}) == Names{"groq", "together", "mystery"});
}

TEST_CASE("a local server costs a known nothing and ranks first") {
  const Market m({providers::groq(), providers::ollama()});
  CHECK(m[1].price_known());
  CHECK(m[1].cost() == 0);
  CHECK(m.order(ranking::Cheapest{}) == Names{"ollama", "groq"});
}

TEST_CASE("markup counts") {
  const Market m({providers::openrouter({.markup = 0.2}), providers::groq(), providers::openrouter({.name = "bare"})});
  CHECK(m[0].estimate() == Money::nanos(25'632));
  CHECK(m.order(ranking::Cheapest{}) == Names{"bare", "groq", "openrouter"});
}

TEST_CASE("the mix of tokens decides between two price lists") {
  const Provider input =
      providers::openai_compatible({.name = "cheap_input", .price = {per_million("1"), per_million("9"), {}}});
  const Provider output =
      providers::openai_compatible({.name = "cheap_output", .price = {per_million("9"), per_million("1"), {}}});
  Market m({input, output});
  CHECK(m.order(ranking::Cheapest{}) == Names{"cheap_output", "cheap_input"});
  m.query.judgement.prompt_tokens = 100'000;
  CHECK(m.order(ranking::Cheapest{}) == Names{"cheap_input", "cheap_output"});
}

TEST_CASE("scoring allocates nothing") {
  const Market m({providers::groq(), providers::together()});
  const Candidate c = m[0];
  const tests::Allocations made;
  const ranking::Cheapest::State state;
  const double cost = ranking::Cheapest{}.score(c, m.query, state), place = ranking::Priority{}.score(c, m.query);
  const std::size_t count = made.count();
  CHECK(count == 0);
  CHECK(cost > place);
}
