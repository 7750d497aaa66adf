// SPDX-License-Identifier: MIT
#include "llmroute/offer.hpp"

#include <string>

#include "catch.hpp"

using namespace llmroute;

TEST_CASE("a model's name is the same text, however it is cut in two") {
  for (const ModelName& m : {ModelName{"openai/gpt-4o", ""}, ModelName{"openai/", "gpt-4o"}, ModelName{"", "openai/gpt-4o"}}) {
    CHECK(m == "openai/gpt-4o");
    CHECK("openai/gpt-4o" == m);
    CHECK(m.text() == "openai/gpt-4o");
    CHECK_FALSE(m.empty());
    CHECK(m != "openai/gpt-4");
    CHECK(m != "openai/gpt-4o-mini");
    CHECK(m != "openai-gpt-4o");
    CHECK(m != "openai/gpt-4x");
    CHECK(m != "");
  }
  CHECK(ModelName{}.empty());
  CHECK(ModelName{} == "");
}

TEST_CASE("what nobody listed is offered as its provider says") {
  const Provider p{.name = "local", .price = Price::zero(), .window = 8192, .capabilities = Capability::tools};
  const Offer o = Offer::assumed({"llama", ""}, p);
  CHECK(o.model == "llama");
  CHECK(o.price == Price::zero());
  CHECK(o.window == 8192);
  CHECK(o.max_output == 0);
  CHECK(o.capabilities == Capabilities(Capability::tools));
}

TEST_CASE("an offer that says nothing has no known price") {
  CHECK_FALSE(Offer{}.price.known());
  CHECK(Offer{}.capabilities == Capabilities::assumed());
}
