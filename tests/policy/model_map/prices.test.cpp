// SPDX-License-Identifier: MIT
// Prices from a file: every field, to the last digit; what is kept of an earlier row; and what each mistake is called.
#include "llmroute/policy/model_map/prices.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "llmroute/llmroute.hpp"
#include "llmroute/sim/network.hpp"
#include "llmroute/sim/world.hpp"

using namespace llmroute;
using models::Table;

namespace {

// As it stands in the header.
constexpr std::string_view example = R"({"models": {
  "llama-3.1-8b": {
    "groq": {"input": 0.05, "output": "0.08"},
    "my-server": {"name": "llama3.1:8b", "input": 0, "output": 0}
  },
  "house": {
    "my-server": {
      "comment": "list price of May, per thousand tokens",
      "name": "house-v2.gguf", "per": "1k", "input": 2e-4, "output": 0.0008, "cached": 0.00005,
      "window": 131072, "max_output": 8192, "capabilities": ["streaming", "tools", "json"]
    }
  }
}})";

Provider of(std::string vendor, std::string name = "mine") {
  Provider p;
  p.name = std::move(name);
  p.vendor = std::move(vendor);
  return p;
}

std::string one_row(std::string_view fields) {
  return std::string(R"({"models": {"m": {"p": {)").append(fields).append("}}}}");
}
std::optional<Offer> offer(const Result<Table>& table) {
  INFO((table ? std::string() : table.error().message));
  REQUIRE(table);
  return table->resolve("m", of("", "p"));
}
std::string fault(const Result<Table>& table) {
  if (table) return "nothing";
  CHECK(table.error().kind == Kind::misconfigured);
  return table.error().message;
}
std::string fault(std::string_view text) { return fault(models::parse(text)); }
std::string row_fault(std::string_view fields) { return fault(one_row(fields)); }

// Dollars for a million tokens, from "input" as it stands in a file.
std::string input(std::string_view number, std::string_view more = "") {
  const Result<Table> table =
      models::parse(one_row(std::string("\"input\": ").append(number).append(", \"output\": 1").append(more)));
  return table ? table->resolve("m", of("", "p"))->price.of(1'000'000, 0).text() : table.error().message;
}

std::string content(const std::filesystem::path& path) {
  std::string all;
  if (std::FILE* file = std::fopen(path.string().c_str(), "rb")) {
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) all.push_back(static_cast<char>(c));
    std::fclose(file);
  }
  return all;
}

struct TemporaryFile {
  std::filesystem::path path;
  explicit TemporaryFile(std::string_view text)
      : path(std::filesystem::temp_directory_path() / ("llmroute-prices-" + std::to_string(++made) + ".json")) {
    std::FILE* file = std::fopen(path.string().c_str(), "wb");
    REQUIRE(file != nullptr);
    CHECK(std::fwrite(text.data(), 1, text.size(), file) == text.size());
    std::fclose(file);
  }
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  std::string name() const { return path.string(); }
  static inline std::int64_t made = std::chrono::steady_clock::now().time_since_epoch().count();
};

}  // namespace

static_assert(std::is_same_v<decltype(models::load("prices.json")), Result<Table>>);

TEST_CASE("the example in the header is the one that is tested here") {
  const std::filesystem::path here(__FILE__);
  const std::string header = content(here.parent_path() / "../../../include/llmroute/policy/model_map/prices.hpp");
  if (header.empty()) {
    WARN("the header is not where this file was compiled");
    return;
  }
  std::string commented = "//     ";
  for (const char c : example) {
    commented.push_back(c);
    if (c == '\n') commented += "//     ";
  }
  std::string unix_lines;
  for (const char c : header)
    if (c != '\r') unix_lines.push_back(c);
  CHECK_THAT(unix_lines, ContainsSubstring(commented + "\n//\n"));
}

TEST_CASE("the example of the header says what its comment says") {
  const Result<Table> table = models::parse(example);
  INFO((table ? std::string() : table.error().message));
  REQUIRE(table);
  const auto llama = table->resolve("llama-3.1-8b", of("", "my-server"));
  CHECK(llama->model == "llama3.1:8b");
  CHECK(llama->price == Price{Rate::zero(), Rate::zero(), {}});
  const auto house = table->resolve("house", of("", "my-server"));
  CHECK(house->model == "house-v2.gguf");
  CHECK(house->price == Price{per_million("0.2"), per_million("0.8"), per_million("0.05")});
  CHECK(house->window == 131'072);
  CHECK(house->max_output == 8'192);
  CHECK(house->capabilities == (Capability::streaming | Capability::tools | Capability::json));
}

TEST_CASE("every field of a row is read") {
  const Result<Table> table = models::parse(one_row(
      R"("name": "n", "input": 1.5, "output": "2.5", "cached": 0.5, "cache_write": 3, "per": "1M", "window": 4096, "max_output": 1e3,
         "comment": [{"anything": null}],
         "capabilities": ["prefix", "streaming", "tools", "images", "json", "json_schema", "reasoning", "effort"])"));
  const auto all = offer(table);
  CHECK(all->model == "n");
  CHECK(all->price == Price{per_million("1.5"), per_million("2.5"), per_million("0.5"), per_million("3")});
  CHECK(all->window == 4'096);
  CHECK(all->max_output == 1'000);
  CHECK(all->capabilities == (Capabilities::assumed() | Capability::reasoning | Capability::prefix));

  const std::pair<std::string_view, Capability> names[]{
      {"streaming", Capability::streaming},     {"tools", Capability::tools},
      {"images", Capability::images},           {"json", Capability::json},
      {"json_schema", Capability::json_schema}, {"reasoning", Capability::reasoning},
      {"prefix", Capability::prefix},           {"effort", Capability::effort}};
  for (const auto& [name, capability] : names) {
    const auto one = offer(models::parse(one_row(std::string("\"capabilities\": [\"").append(name).append("\"]"))));
    CHECK(one->capabilities == Capabilities(capability));
  }
  CHECK(offer(models::parse(one_row(R"("capabilities": [])")))->capabilities == Capabilities());
}

TEST_CASE("what a row leaves out is as the provider says") {
  Provider p = of("", "p");
  p.price = {per_million("7"), per_million("8"), {}};
  p.window = 99;
  p.capabilities = Capability::images;
  const Result<Table> table = models::parse(one_row(""));
  REQUIRE(table);
  const auto o = table->resolve("m", p);
  CHECK(o->model == "m");
  CHECK(o->price == p.price);
  CHECK(o->window == 99);
  CHECK(o->max_output == 0);
  CHECK(o->capabilities == Capabilities(Capability::images));
}

TEST_CASE("a price is exact, however it is written") {
  CHECK(input("0.05") == "0.05");
  CHECK(input("\"0.05\"") == "0.05");
  CHECK(input("5e-2") == "0.05");
  CHECK(input("\"5E-2\"") == "0.05");
  CHECK(input("0.0005e+2") == "0.05");
  CHECK(input("0.075") == "0.075");
  CHECK(input("1e-3") == "0.001");
  CHECK(input("1E-7") == "0.0000001");
  CHECK(input("0.1") == "0.10");
  CHECK(input("0.30000000000000000000") == "0.30");  // and no 0.30000000000000004
  CHECK(input("0.300000004") == "0.300000004");
  CHECK(input("12345.678901234") == "12345.678901234");  // 14 digits
  CHECK(input("123456789.012345678") == "123456789.012345678");
  CHECK(input("9007199254.740993") == "9007199254.740993");  // no double holds it
  CHECK(input("9223372036.854775807") == "9223372036.854775807");
  CHECK(input("15") == "15.00");
  CHECK(input("1.50e1") == "15.00");
  CHECK(input("0") == "0.00");
  CHECK(input("-0.0") == "0.00");
  CHECK(input("0e999999999999999999999") == "0.00");
  CHECK(input("0.000000001") == "0.000000001");

  const auto sum = offer(models::parse(one_row(R"("input": 0.1, "output": 0.2)")))->price.of(1'000'000, 1'000'000);
  CHECK(sum == dollars("0.3"));
}

TEST_CASE("prices for a thousand tokens are a thousand times as high, wherever the row says so") {
  CHECK(input("0.00005", R"(, "per": "1k")") == "0.05");
  CHECK(input("5e-13", R"(, "per": "1k")") ==
        "prices:1:34: models.m.p.input is no price: it is finer than a nano-dollar for "
        "a million tokens");
  CHECK(input("1e-12", R"(, "per": "1k")") == "0.000000001");
  CHECK(offer(models::parse(one_row(R"("per": "1k", "input": 0.00005, "output": 0.00008)")))->price ==
        Price{per_million("0.05"), per_million("0.08"), {}});
}

TEST_CASE("what is no price is refused, and never rounded") {
  CHECK(input("-0.05") == "prices:1:34: models.m.p.input is no price: it is negative");
  CHECK(input("0.0000000001") ==
        "prices:1:34: models.m.p.input is no price: it is finer than a nano-dollar for a million tokens");
  for (const char* number : {"0.1234567891", "1e-10", "1.5e-9", "\"1e-99999999999999999999\""})
    CHECK_THAT(input(number), ContainsSubstring("input is no price: it is finer than a nano-dollar"));
  for (const char* number : {"9223372036.854775808", "18446744073.709551616", "1e10", "99999999999", "1e99999999999999999999"})
    CHECK_THAT(input(number), ContainsSubstring("input is no price: it is too large"));
  for (const char* number : {"\"\"", "\"$0.05\"", "\"0.05 \"", "\" 0.05\"", "\"0,05\"", "\".05\"", "\"5.\"", "\"05\"",
                             "\"0x5\"", "\"1e\"", "\"inf\"", "\"nan\"", "\"free\"", "true", "null", "[0.05]", "{}"})
    CHECK_THAT(input(number),
               ContainsSubstring("prices:1:34: models.m.p.input is no price: write dollars as 0.05 or \"0.05\""));
}

TEST_CASE("each mistake is named, with its place and what to do") {
  CHECK(
      row_fault(R"("inputt": 0.05)") ==
      "prices:1:35: models.m.p.inputt is unknown: known are name, input, output, cached, cache_write, per, window, max_output, "
      "capabilities, comment");
  CHECK(row_fault(R"("input": 0.05)") == "prices:1:24: models.m.p has no price for output: add \"output\"");
  CHECK(row_fault(R"("output": 0.05)") == "prices:1:24: models.m.p has no price for input: add \"input\"");
  CHECK(row_fault(R"("cached": 0.05)") == "prices:1:24: models.m.p has no price for input: add \"input\"");
  CHECK(row_fault(R"("window": 1, "window": 1)") == "prices:1:48: models.m.p.window is there twice: keep one");
  CHECK(row_fault(R"("window": 1, "win\u0064ow": 1)") == "prices:1:53: models.m.p.window is there twice: keep one");
  CHECK(row_fault(R"("": 1)") == "prices:1:29: models.m.p has a member without a name");
  for (const char* name : {"\"\"", "5", "null"})
    CHECK(row_fault(std::string("\"name\": ") + name) ==
          "prices:1:33: models.m.p.name must be a text that is not empty; or leave it out");
  for (const char* tokens : {"0", "-1", "1.5", "1e30", "\"4096\"", "null"}) {
    CHECK(row_fault(std::string("\"window\": ") + tokens) ==
          "prices:1:35: models.m.p.window is no number of tokens: write a whole one from 1 on; or leave it out");
    CHECK(row_fault(std::string("\"max_output\": ") + tokens) ==
          "prices:1:39: models.m.p.max_output is no number of tokens: write a whole one from 1 on; or leave it out");
  }
  for (const char* per : {"\"1m\"", "\"\"", "1000", "null"})
    CHECK(row_fault(std::string("\"per\": ") + per) ==
          "prices:1:32: models.m.p.per must be \"1M\" or \"1k\": for how many tokens the prices are");
  for (const char* list : {"\"tools\"", "[\"tool\"]", "[\"tools\", 1]", "[null]", "[\"\"]", "{}", "null"})
    CHECK_THAT(row_fault(std::string("\"capabilities\": ") + list),
               ContainsSubstring("models.m.p.capabilities must be a list of: streaming, tools, images, json, json_schema, "
                                 "reasoning, prefix, effort"));

  CHECK(fault("{}") == "prices:1:3: has no \"models\": write {\"models\": {...}}");
  CHECK(fault("[]") == "prices:1:1: must be an object that has \"models\"");
  CHECK(fault("7") == "prices:1:1: must be an object that has \"models\"");
  CHECK(fault(R"({"model": {}})") == "prices:1:11: model is unknown here: known are models, comment");
  CHECK(fault(R"({"models": []})") == "prices:1:12: models must be an object of models");
  CHECK(fault(R"({"models": {"m": 5}})") ==
        "prices:1:18: models.m must be an object of providers, as {\"groq\": {\"input\": 0.05, \"output\": 0.08}}");
  CHECK(fault(R"({"models": {"m": {"input": 5}}})") ==
        "prices:1:28: models.m.input must be an object of fields: name, input, output, ...");
  CHECK(fault(R"({"models": {"": {}}})") == "prices:1:17: models has a member without a name");
  CHECK(fault(R"({"models": {"m": {"": {}}}})") == "prices:1:23: models.m has a member without a name");
  CHECK(fault(R"({"models": {}, "models": {}})") == "prices:1:26: models is there twice: keep one");
  CHECK(fault(R"({"models": {"m": {"p": {}}, "m": {}}})") == "prices:1:34: models.m is there twice: keep one");
  CHECK(fault(R"({"models": {"m": {"p": {}, "p": {}}}})") == "prices:1:33: models.m.p is there twice: keep one");
  CHECK(fault(R"({"models": {"m": {}}})") == "prices:1:18: models.m has no provider: write {\"groq\": {}}");
  CHECK(fault(R"({"comment": 1, "models": {}})") == "nothing");
}

TEST_CASE("of text that is no JSON the line and the column are told, and columns are characters") {
  CHECK(fault("") == "prices:1:1: is no JSON: the text ends too early");
  CHECK(fault("{\"models\": {\r\n  \"m\": {\"p\": {},}}}") == "prices:2:17: is no JSON: a key was expected");
  CHECK(fault("{\"models\": {}} // done") == "prices:1:16: is no JSON: there is more behind the value");
  CHECK(fault("{\"models\": {\"\xC3\xA4\xE2\x82\xAC\": {] }}") == "prices:1:20: is no JSON: a key was expected");
  CHECK(fault("{\"models\": {\"\xE4\": {}}}") == "prices:1:14: is not UTF-8: save it as that");
  CHECK(fault("\xFF\xFE{") == "prices:1:1: is not UTF-8: save it as that");
  CHECK(fault("\xEF\xBB\xBF{\"models\": {}}") == "nothing");
  CHECK(fault("{\"models\": {\"a\\nb\": 5}}").find('\n') == std::string::npos);
  CHECK_THAT(fault(R"({"models": {"m": {"p": {"input": 00.5}}}})"), ContainsSubstring("is no JSON"));
  CHECK_THAT(fault(std::string(200, '[')), ContainsSubstring("must be an object"));
  CHECK_THAT(fault(R"({"comment": )" + std::string(200, '[')), ContainsSubstring("nested too deeply"));
  CHECK(fault(models::parse("[]", {}, "the list")) == "the list:1:1: must be an object that has \"models\"");
}

TEST_CASE("of several mistakes the first is told, and behind it nothing counts") {
  CHECK(
      fault("{\"models\": {\"m\": {\"p\": {\"windo\": 1}, \"p\": {}}}} x") ==
      "prices:1:34: models.m.p.windo is unknown: known are name, input, output, cached, cache_write, per, window, max_output, "
      "capabilities, comment");
}

TEST_CASE("a row that changes a price keeps the name, the window and the capabilities of the preset") {
  const Result<Table> table = models::parse(R"({"models": {"llama-3.1-8b": {"groq": {"input": 0.06}},
                                                          "gpt-4o": {"openai": {"output": "9.5"}}}})");
  REQUIRE(table);
  for (const char* asked : {"llama-3.1-8b", "llama-3.1-8b-instant"}) {
    const auto now = table->resolve(asked, of("groq")), before = Table{}.resolve(asked, of("groq"));
    REQUIRE(now);
    CHECK(now->model == "llama-3.1-8b-instant");
    CHECK(now->price == Price{per_million("0.06"), per_million("0.08"), {}});
    CHECK(now->window == before->window);
    CHECK(now->max_output == before->max_output);
    CHECK(now->capabilities == before->capabilities);
  }
  const auto gpt = table->resolve("gpt-4o", of("openai"));
  CHECK(gpt->price == Price{per_million("2.5"), per_million("9.5"), per_million("1.25")});
  CHECK(gpt->max_output == 16'384);
  CHECK(table->resolve("llama-3.1-8b", of("together"))->price == Table{}.resolve("llama-3.1-8b", of("together"))->price);
}

TEST_CASE("rows of a text win over those of the table that they are added to, field by field, and leave the others alone") {
  const Result<Table> table =
      models::parse(one_row(R"("output": 3)"), Table{}
                                                   .add({.model = "m",
                                                         .provider = "p",
                                                         .name = "a name that is too long for a small string",
                                                         .price = {per_million("1"), per_million("2"), per_million("0.5")},
                                                         .window = 77,
                                                         .max_output = 7,
                                                         .capabilities = Capability::prefix})
                                                   .add({.model = "m", .provider = "q", .name = "untouched"}));
  const auto o = offer(table);
  CHECK(o->model == "a name that is too long for a small string");
  CHECK(o->price == Price{per_million("1"), per_million("3"), per_million("0.5")});
  CHECK(o->window == 77);
  CHECK(o->max_output == 7);
  CHECK(o->capabilities == Capabilities(Capability::prefix));
  CHECK(table->resolve("m", of("", "q"))->model == "untouched");

  // And again, so that files may lie on top of each other.
  const Result<Table> again = models::parse(one_row(R"("window": 78)"), *table);
  CHECK(offer(again)->price.output == per_million("3"));
  CHECK(offer(again)->window == 78);
  CHECK(offer(table)->window == 77);
}

TEST_CASE("a table's row is one's own, the presets', or empty") {
  Table table;
  CHECK(table.row("gpt-4o", "openai").price.input == per_million("2.5"));
  CHECK(table.row("gpt-4o", "groq").name.empty());
  CHECK(table.row("gpt-4o", "groq").provider == "groq");
  models::Row row = table.row("gpt-4o", "openai");
  row.price.input = per_million("3");
  table.add(row);
  CHECK(table.row("gpt-4o", "openai").price == Price{per_million("3"), per_million("10"), per_million("1.25")});
  CHECK(table.resolve("gpt-4o", of("openai"))->window == 128'000);
}

TEST_CASE("a file is read like a text, and its faults bear its name") {
  const TemporaryFile good(example);
  const Result<Table> table = models::load(good.name(), Table{}.add({.model = "own", .provider = "p", .name = "kept"}));
  REQUIRE(table);
  CHECK(table->resolve("house", of("", "my-server"))->window == 131'072);
  CHECK(table->resolve("own", of("", "p"))->model == "kept");

  const TemporaryFile bad(one_row("\n\"input\": -1, \"output\": 1"));
  CHECK(fault(models::load(bad.name())) == bad.name() + ":2:10: models.m.p.input is no price: it is negative");
  const TemporaryFile empty("");
  CHECK(fault(models::load(empty.name())) == empty.name() + ":1:1: is no JSON: the text ends too early");
  CHECK(fault(models::load(good.name() + ".not")) == good.name() + ".not: there is no such file");
  CHECK_FALSE(models::load(""));
  const std::string folder = good.path.parent_path().string();
  CHECK_THAT(fault(models::load(folder)), ContainsSubstring("is a directory") || ContainsSubstring("cannot be opened"));
}

TEST_CASE("a file may be large, but not too large") {
  std::string text(example);
  text.resize(models::detail::largest_price_file, ' ');
  const TemporaryFile full(text);
  CHECK(models::load(full.name()));
  text.push_back(' ');
  const TemporaryFile larger(text);
  CHECK(fault(models::load(larger.name())) == larger.name() + ": is larger than 16 MiB: is it the right file?");
}

TEST_CASE("a text may have thousands of rows, but not so many that reading them takes forever") {
  std::string text = R"({"models": {"m": {"0": {})";
  for (std::size_t i = 1; i < models::detail::most_price_rows; ++i) text += ", \"" + std::to_string(i) + "\": {}";
  CHECK_THAT(fault(text + ", \"one more\": {}}}}"),
             ContainsSubstring(": models.m.one more is one row too many: a text has 5000 at most"));
}

TEST_CASE("a router charges what the file says, for a model that is asked for by its logical name") {
  constexpr std::string_view file = R"({"models": {"everyday": {
    "a": {"name": "llama-3.1-8b-instant", "input": 0.05, "output": 0.08},
    "b": {"name": "meta-llama/Llama-3.1-8B-Instruct-Turbo", "input": "0.18", "output": "0.18"},
    "c": {"name": "meta-llama/llama-3.1-8b-instruct", "input": 6e-2, "output": 6e-2}}}})";
  const struct {
    const char* provider;
    const char* name;
    const char* cost;
  } expected[]{{"a", "llama-3.1-8b-instant", "0.00002548"},
               {"b", "meta-llama/Llama-3.1-8B-Instruct-Turbo", "0.00006408"},
               {"c", "meta-llama/llama-3.1-8b-instruct", "0.00002136"}};
  for (const auto& [provider, name, cost] : expected) {
    Result<Table> table = models::parse(file);
    REQUIRE(table);
    Provider p = of("", provider);
    p.url = "https://api.example/v1";
    std::string sent;
    Router router{Fleet{p}, transport::from([&sent](const http::Request& q) {
                    sent = q.body;
                    return http::Response{.body =
                                              R"({"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],)"
                                              R"("usage":{"prompt_tokens":100,"completion_tokens":256,"total_tokens":356}})"};
                  }),
                  *std::move(table)};
    const Result<Reply> reply = router.complete({.messages = "hello", .model = "everyday"});
    REQUIRE(reply);
    CHECK(reply->cost.amount.text() == cost);
    CHECK(reply->cost.exact());
    CHECK_THAT(sent, ContainsSubstring(std::string("\"model\":\"").append(name).append("\"")));
  }
}

TEST_CASE("the cheapest by the file is asked first") {
  sim::World world{tests::seed()};
  world.add({.name = "one"});
  world.add({.name = "two"});
  for (const bool first : {true, false}) {
    Result<Table> table = models::parse(std::string(R"({"models": {"m": {"one": {"input": 1, "output": )") +
                                        (first ? "1" : "3") + R"(}, "two": {"input": 1, "output": 2}}}})");
    REQUIRE(table);
    Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ranking::Cheapest{}, table.value()};
    const Result<Reply> reply = router.complete({.messages = "hello", .model = "m"});
    REQUIRE(reply);
    CHECK(reply->provider == (first ? "one" : "two"));
  }
}

TEST_CASE("a file that was cut anywhere is refused as a whole") {
  for (std::size_t n = 0; n < example.size(); ++n) {
    const std::string part(example.substr(0, n));  // of its own, so that a sanitizer sees who reads behind it
    CAPTURE(n);
    CHECK_THAT(fault(part), ContainsSubstring("is no JSON: the text ends too early"));
  }
}

TEST_CASE("no damage to a file is more than a failure, and one that tells where") {
  INFO("--rng-seed " << tests::seed());
  std::uint64_t state = tests::seed() * 2 + 1;
  const auto draw = [&state](std::size_t below) {
    state = state * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
    return static_cast<std::size_t>((state >> 33) % below);
  };
  constexpr std::string_view bytes = "{}[]\",:.-+eE0123456789\\u \n\xC3\x00\xFF";
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text(example);
    for (std::size_t k = 1 + draw(4); k-- > 0;) {
      const std::size_t at = draw(text.size());
      if (const std::size_t how = draw(4); how == 0) text.erase(at, 1 + draw(8));
      else if (how == 1) text.insert(at, text.substr(draw(text.size()), draw(12)));
      else if (how == 2) text[at] = static_cast<char>(draw(256));
      else text[at] = bytes[draw(bytes.size())];
    }
    text.shrink_to_fit();
    const Result<Table> table = models::parse(text);
    if (table) {
      for (const char* model : {"llama-3.1-8b", "house"})
        if (const auto o = table->resolve(model, of("", "my-server"))) REQUIRE_FALSE(o->price.malformed());
      continue;
    }
    ++refused;
    REQUIRE(table.error().message.substr(0, 7) == "prices:");
  }
  CHECK(refused > 10'000);
}
