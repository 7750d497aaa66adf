// SPDX-License-Identifier: MIT
#include "llmroute/provider.hpp"

#include <limits>
#include <string>
#include <type_traits>

#include "catch.hpp"

using namespace llmroute;

TEST_CASE("a model that nobody described may do anything, but is not waited for as one that thinks") {
  constexpr Capabilities assumed = Capabilities::assumed();
  STATIC_REQUIRE(assumed.has(Capability::streaming));
  STATIC_REQUIRE(assumed.has(Capability::tools));
  STATIC_REQUIRE(assumed.has(Capability::images));
  STATIC_REQUIRE(assumed.has(Capability::json));
  STATIC_REQUIRE(assumed.has(Capability::json_schema));
  STATIC_REQUIRE(!assumed.has(Capability::reasoning));
  STATIC_REQUIRE(!assumed.has(Capability::prefix));
  CHECK(Provider{}.capabilities == assumed);
}

TEST_CASE("capabilities cover a need when all of it is there") {
  constexpr Capabilities can = Capability::tools | Capability::images;
  STATIC_REQUIRE(can.covers({}));
  STATIC_REQUIRE(can.covers(Capability::tools));
  STATIC_REQUIRE(can.covers(can));
  STATIC_REQUIRE(!can.covers(Capability::tools | Capability::json));
  STATIC_REQUIRE(!Capabilities{}.covers(Capability::prefix));
  STATIC_REQUIRE(can.without(Capability::tools) == Capabilities(Capability::images));
  STATIC_REQUIRE(can.without(Capability::prefix) == can);
  STATIC_REQUIRE((can | Capability::tools) == can);
}

TEST_CASE("each capability is its own") {
  constexpr Capability all[]{Capability::streaming,   Capability::tools,     Capability::images, Capability::json,
                             Capability::json_schema, Capability::reasoning, Capability::prefix};
  for (const Capability& a : all)
    for (const Capability& b : all) CHECK(Capabilities(a).has(b) == (&a == &b));
}

TEST_CASE("a tag is there by its whole name") {
  const Provider p{.name = "local", .tags = {"eu", "fast"}};
  CHECK(p.has_tag("eu"));
  CHECK(p.has_tag("fast"));
  CHECK_FALSE(p.has_tag("e"));
  CHECK_FALSE(p.has_tag("EU"));
  CHECK_FALSE(p.has_tag(""));
}

TEST_CASE("a provider that says nothing sends a bearer token, has an unknown price and weighs one") {
  const Provider p;
  CHECK(p.key_field.name == "authorization");
  CHECK(p.key_field.prefix == "Bearer ");
  CHECK_FALSE(p.needs_key);
  CHECK_FALSE(p.price.known());
  CHECK_FALSE(p.price.malformed());
  CHECK_FALSE(p.allow_plain_http);
  CHECK(p.weight == 1);
  CHECK(p.markup == 0);
}

TEST_CASE("a markup is added to a price, to the nearest nano-dollar, and nothing else changes it") {
  Provider p;
  CHECK(p.with_markup(Money::nanos(1'001)) == Money::nanos(1'001));
  p.markup = 0.5;
  CHECK(p.with_markup(Money::nanos(1'000)) == Money::nanos(1'500));
  CHECK(p.with_markup(Money::nanos(1'001)) == Money::nanos(1'502));
  CHECK(p.with_markup(Money{}) == Money{});
  CHECK(p.with_markup(Money::most()) == Money::most());
  p.markup = 1e300;
  CHECK(p.with_markup(Money::nanos(1)) == Money::most());
  for (const double no : {-0.5, std::numeric_limits<double>::quiet_NaN()}) {  // which a fleet refuses
    p.markup = no;
    CHECK(p.with_markup(Money::nanos(1'000)) == Money::nanos(1'000));
  }
}

TEST_CASE("a provider is a value: a copy has its own key") {
  Provider a{.name = "a", .key = "sk-1"};
  const Provider b = a;
  a.key = "sk-2";
  CHECK(b.key.same_as("sk-1"));
  CHECK(a.key.same_as("sk-2"));
  a.key = [] { return std::string("asked"); };
  CHECK(a.key.asked());
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Provider>);
}
