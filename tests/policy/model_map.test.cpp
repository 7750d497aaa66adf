// SPDX-License-Identifier: MIT
// The role of model map: what is one, what is none, and the one that changes no name.
#include "llmroute/policy/model_map.hpp"

#include <optional>
#include <string>
#include <string_view>

#include "catch.hpp"

using namespace llmroute;

namespace {

struct Smallest {
  std::optional<Offer> resolve(std::string_view, const Provider&) const { return std::nullopt; }
};
struct AlwaysThere {
  Offer resolve(std::string_view, const Provider&) const { return {}; }
};
struct AnswersWithAName {
  std::string resolve(std::string_view, const Provider&) const { return {}; }
};
struct Changes {
  std::optional<Offer> resolve(std::string_view, const Provider&) { return std::nullopt; }
};

}  // namespace

static_assert(ModelMap<Smallest> && !Enumerable<Smallest>);
static_assert(ModelMap<models::Identity> && !Enumerable<models::Identity>);
static_assert(ModelMap<models::Table> && Enumerable<models::Table>);
static_assert(!ModelMap<AlwaysThere> && !ModelMap<AnswersWithAName> && !ModelMap<Changes> && !ModelMap<int>);

TEST_CASE("the identity map asks everybody for the name as it stands, on the provider's own terms") {
  Provider p;
  p.vendor = "groq";
  p.price = Price::zero();
  p.window = 10;
  const auto offer = models::Identity{}.resolve("llama-3.1-8b", p);
  REQUIRE(offer);
  CHECK(offer->model == "llama-3.1-8b");
  CHECK(offer->price == Price::zero());
  CHECK(offer->window == 10);
}
