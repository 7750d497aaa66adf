// SPDX-License-Identifier: MIT
// The table of models: what the presets know, whose rows win, and what becomes of names that it does not know.
#include "llmroute/policy/model_map/table.hpp"

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"
#include "llmroute/policy/model_map.hpp"

using namespace llmroute;
using models::Table;

namespace {

Provider of(std::string vendor, std::string name = "mine") {
  Provider p;
  p.name = std::move(name);
  p.vendor = std::move(vendor);
  return p;
}
std::string name(const std::optional<Offer>& o) { return o ? o->model.text() : "nothing"; }
const Price some_price{per_million("7"), per_million("8"), {}};

}  // namespace

static_assert(ModelMap<Table> && Enumerable<Table>);

TEST_CASE("the presets know one model by three names, at three prices") {
  const Table table;
  CHECK(name(table.resolve("llama-3.1-8b", of("groq"))) == "llama-3.1-8b-instant");
  CHECK(name(table.resolve("llama-3.1-8b", of("together"))) == "meta-llama/Llama-3.1-8B-Instruct-Turbo");
  CHECK(name(table.resolve("llama-3.1-8b", of("openrouter"))) == "meta-llama/llama-3.1-8b-instruct");
  CHECK(table.resolve("llama-3.1-8b", of("groq"))->price.of(100, 256) == Money::nanos(25'480));
  CHECK(table.resolve("llama-3.1-8b", of("together"))->price.of(100, 256) == Money::nanos(64'080));
  CHECK(table.resolve("llama-3.1-8b", of("openrouter"))->price.of(100, 256) == Money::nanos(21'360));
}

TEST_CASE("the presets know the models that everybody asks for, at the vendors that carry them") {
  const Table table;
  struct {
    std::string_view model;
    std::initializer_list<const char*> vendors;
  } const known[]{{"llama-3.1-8b", {"groq", "together", "openrouter", "cerebras", "fireworks"}},
                  {"llama-3.3-70b", {"groq", "together", "openrouter", "cerebras", "fireworks"}},
                  {"gpt-4o", {"openai", "openrouter"}},
                  {"claude-sonnet-4", {"anthropic", "openrouter"}},
                  {"gemini-2.0-flash", {"gemini", "openrouter"}},
                  {"mistral-large", {"mistral", "openrouter"}},
                  {"grok-2", {"xai", "openrouter"}},
                  {"deepseek-chat", {"deepseek", "openrouter"}}};
  for (const auto& [model, vendors] : known) {
    for (const char* vendor : vendors) {
      CAPTURE(model, vendor);
      const auto offer = table.resolve(model, of(vendor));
      REQUIRE(offer);
      CHECK(offer->price.known());
      CHECK(offer->window >= 32'768);
    }
  }
  CHECK(table.resolve("gpt-4o", of("openai"))->price.of(1'000'000, 1'000'000) == Money::nanos(12'500'000'000));
  CHECK(table.resolve("gpt-4o", of("openai"))->price.of(1'000'000, 0, 1'000'000) == Money::nanos(1'250'000'000));
}

TEST_CASE("a vendor's own name is found like the logical one") {
  const Table table;
  const auto offer = table.resolve("llama-3.1-8b-instant", of("groq"));
  REQUIRE(offer);
  CHECK(offer->model == "llama-3.1-8b-instant");
  CHECK(offer->price == table.resolve("llama-3.1-8b", of("groq"))->price);
  CHECK(offer->window == table.resolve("llama-3.1-8b", of("groq"))->window);
}

TEST_CASE("a vendor that the table is about and that does not carry a known model is not asked for it") {
  const Table table;
  CHECK(name(table.resolve("gpt-4o", of("groq"))) == "nothing");
  CHECK(name(table.resolve("claude-sonnet-4", of("openai"))) == "nothing");
  CHECK(name(table.resolve("llama-3.1-8b-instant", of("together"))) == "nothing");
}

TEST_CASE("a name that the table does not know is sent as it is, on the provider's own terms") {
  Provider p = of("groq");
  p.price = some_price;
  p.window = 4096;
  p.capabilities = Capability::streaming;
  const std::string asked = "qwen/qwen3-32b";
  const auto offer = Table{}.resolve(asked, p);
  REQUIRE(offer);
  CHECK(offer->model == asked);
  CHECK(offer->model.rest.data() == asked.data());
  CHECK(offer->price == some_price);
  CHECK(offer->window == 4096);
  CHECK(offer->capabilities == Capabilities(Capability::streaming));
}

TEST_CASE("a provider that no row is about is asked for every name as it is") {
  Provider local = of("");
  local.price = Price::zero();
  for (const char* model : {"llama-3.1-8b", "gpt-4o", "llama-3.1-8b-instant", "whatever"}) {
    const auto offer = Table{}.resolve(model, local);
    REQUIRE(offer);
    CHECK(offer->model == model);
    CHECK(offer->price == Price::zero());
  }
  CHECK(name(Table{}.resolve("llama-3.1-8b", of("ollama"))) == "llama-3.1-8b");
  CHECK(name(Table{}.resolve("llama-3.1-8b", of("", "groq"))) == "llama-3.1-8b");  // a name is not a vendor
}

TEST_CASE("a row of one's own is for a provider by its name, or for all of a vendor") {
  const Table table =
      Table{}
          .add({.model = "fast", .provider = "groq", .name = "llama-3.1-8b-instant", .price = some_price, .window = 99})
          .add({.model = "fast", .provider = "local", .name = "tiny.gguf"});
  const auto offer = table.resolve("fast", of("groq", "a"));
  REQUIRE(offer);
  CHECK(offer->model == "llama-3.1-8b-instant");
  CHECK(offer->price == some_price);
  CHECK(offer->window == 99);
  CHECK(name(table.resolve("fast", of("", "groq"))) == "llama-3.1-8b-instant");
  CHECK(name(table.resolve("fast", of("", "local"))) == "tiny.gguf");
  CHECK(name(table.resolve("tiny.gguf", of("", "local"))) == "tiny.gguf");
  CHECK(name(table.resolve("fast", of("openai"))) == "nothing");
  CHECK(name(table.resolve("gpt-4o", of("", "local"))) == "nothing");  // now a row is about it
  CHECK(name(table.resolve("fast", of("", "stranger"))) == "fast");
  CHECK(name(table.resolve("new", of("", "local"))) == "new");
}

TEST_CASE("rows of one's own win over the presets, and a provider's name over its vendor") {
  Table table;
  table.add({.model = "llama-3.1-8b", .provider = "groq", .name = "by-vendor"});
  CHECK(name(table.resolve("llama-3.1-8b", of("groq", "mine"))) == "by-vendor");
  table.add({.model = "llama-3.1-8b", .provider = "mine", .name = "by-name"});
  CHECK(name(table.resolve("llama-3.1-8b", of("groq", "mine"))) == "by-name");
  CHECK(name(table.resolve("llama-3.1-8b", of("groq", "other"))) == "by-vendor");
  CHECK(name(table.resolve("llama-3.1-8b", of("together", "theirs"))) == "meta-llama/Llama-3.1-8B-Instruct-Turbo");
  CHECK(name(table.resolve("llama-3.3-70b", of("groq", "mine"))) == "llama-3.3-70b-versatile");
  table.add({.model = "llama-3.1-8b", .provider = "mine", .name = "newer"});
  CHECK(name(table.resolve("llama-3.1-8b", of("groq", "mine"))) == "newer");
}

TEST_CASE("a logical name wins over another row's own name") {
  const Table table =
      Table{}.add({.model = "a", .provider = "p", .name = "b"}).add({.model = "b", .provider = "p", .name = "c"});
  CHECK(name(table.resolve("a", of("", "p"))) == "b");
  CHECK(name(table.resolve("b", of("", "p"))) == "c");
  CHECK(name(table.resolve("c", of("", "p"))) == "c");
}

TEST_CASE("what a row leaves open is as the provider says") {
  Provider p = of("", "p");
  p.price = some_price;
  p.window = 4096;
  p.capabilities = Capability::tools;
  const Table table = Table{}
                          .add({.model = "plain", .provider = "p"})
                          .add({.model = "free", .provider = "p", .price = Price::zero(), .capabilities = Capability::images})
                          .add({.model = "typo", .provider = "p", .price = {per_million("five"), per_million("5"), {}}});
  CHECK(name(table.resolve("plain", p)) == "plain");
  CHECK(table.resolve("plain", p)->price == some_price);
  CHECK(table.resolve("plain", p)->window == 4096);
  CHECK(table.resolve("plain", p)->capabilities == Capabilities(Capability::tools));
  CHECK(table.resolve("free", p)->price == Price::zero());
  CHECK(table.resolve("free", p)->capabilities == Capabilities(Capability::images));
  CHECK(table.resolve("typo", p)->price.malformed());  // and not silently the provider's
}

TEST_CASE("each logical name is listed once, one's own after those of the presets") {
  Table table;
  table.add({.model = "fast", .provider = "groq"});
  table.add({.model = "fast", .provider = "openai"});
  table.add({.model = "gpt-4o", .provider = "local"});
  std::vector<std::string> seen;
  auto each = [&](std::string_view model) { seen.emplace_back(model); };
  table.each_model(each);
  for (std::size_t i = 0; i < seen.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) CHECK(seen[i] != seen[k]);
  for (std::string_view wanted : {"llama-3.1-8b", "llama-3.3-70b", "gpt-4o", "claude-sonnet-4", "gemini-2.0-flash",
                                  "mistral-large", "grok-2", "deepseek-chat", "fast"}) {
    bool found = false;
    for (const std::string& s : seen) found = found || s == wanted;
    CAPTURE(wanted);
    CHECK(found);
  }
  CHECK(seen.back() == "fast");
}

TEST_CASE("offers point into the table, wherever it was moved") {
  std::optional<Table> first = Table{}.add({.model = "m", .provider = "p", .name = "short"});
  const auto before = first->resolve("m", of("", "p"));
  const Table moved = *std::move(first);
  first.reset();
  CHECK(before->model == "short");
  CHECK(name(moved.resolve("m", of("", "p"))) == "short");
}

TEST_CASE("looking up allocates nothing") {
  const Table table = Table{}.add({.model = "fast", .provider = "groq", .name = "a name that is too long for a small string"});
  const Provider groq = of("groq"), local = of("");
  const tests::Allocations made;
  const bool all = table.resolve("fast", groq) && table.resolve("llama-3.1-8b", groq) && table.resolve("unknown", groq) &&
                   table.resolve("gpt-4o", local) && !table.resolve("gpt-4o", groq);
  const std::size_t count = made.count();
  CHECK(all);
  CHECK(count == 0);
}
