// SPDX-License-Identifier: MIT
// The presets: each is a provider that a fleet accepts, with its vendor's facts, unless the setup says otherwise.
#include "llmroute/providers.hpp"

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "environment_variable.hpp"
#include "llmroute/fleet.hpp"
#include "llmroute/policy/model_map/table.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using tests::Variable;

namespace {

using Preset = Provider (*)(const providers::Setup&);

/// Each preset by its name in C++, so that the table in the header can be held against it.
struct Named {
  const char* name;
  Preset preset;
};
constexpr Named vendors[]{{"groq", providers::groq},
                          {"cerebras", providers::cerebras},
                          {"together", providers::together},
                          {"openrouter", providers::openrouter},
                          {"openai", providers::openai},
                          {"azure", providers::azure},
                          {"anthropic", providers::anthropic},
                          {"gemini", providers::gemini},
                          {"mistral", providers::mistral},
                          {"deepseek", providers::deepseek},
                          {"xai", providers::xai},
                          {"glm", providers::glm},
                          {"fireworks", providers::fireworks},
                          {"perplexity", providers::perplexity},
                          {"huggingface", providers::huggingface},
                          {"bedrock", providers::bedrock},
                          {"moonshot", providers::moonshot},
                          {"cohere", providers::cohere},
                          {"nvidia", providers::nvidia},
                          {"sambanova", providers::sambanova},
                          {"deepinfra", providers::deepinfra},
                          {"alibaba", providers::alibaba}};
constexpr Preset locals[]{providers::ollama, providers::vllm, providers::lm_studio, providers::llama_cpp};

/// What Azure and Bedrock have to be told: where they are.
Provider placed(Preset preset) {
  const bool at_azure = preset == static_cast<Preset>(providers::azure);
  return preset({.url = at_azure ? "https://acme.openai.azure.com" : "", .key = "k", .region = "us-west-2"});
}

/// No key of any vendor is in the environment, and no place, as long as this lives.
struct NoKeys {
  std::vector<std::unique_ptr<Variable>> gone{};
  NoKeys() {
    for (const auto* v : providers::detail::vendors)
      gone.push_back(std::make_unique<Variable>(std::string(v->key_variable).c_str(), nullptr));
    for (const char* place : {"AZURE_OPENAI_ENDPOINT", "AWS_REGION", "AWS_DEFAULT_REGION"})
      gone.push_back(std::make_unique<Variable>(place, nullptr));
  }
};

std::vector<std::string> names(const Fleet& fleet) {
  std::vector<std::string> all;
  for (const Provider& p : fleet.providers()) all.push_back(p.name);
  return all;
}

}  // namespace

TEST_CASE("groq is what its tutorials say") {
  const Variable key("GROQ_API_KEY", "gsk_test");
  const Provider p = providers::groq();
  CHECK(p.name == "groq");
  CHECK(p.vendor == "groq");
  CHECK(p.url == "https://api.groq.com/openai/v1");
  CHECK(p.model == "llama-3.1-8b-instant");
  CHECK(p.key_variable == "GROQ_API_KEY");
  CHECK(p.key_page == "https://console.groq.com/keys");
  CHECK(p.needs_key);
  CHECK(p.key.same_as(Secret("gsk_test")));
  CHECK(p.expected_latency == 420ms);
  CHECK(p.strengths == std::vector<std::string>{"simple", "code", "fast"});
  CHECK(p.dialect == nullptr);
  CHECK(p.markup == 0);
  CHECK(p.weight == 1);
}

TEST_CASE("every vendor's preset is sound, and says where its key is looked for and given out") {
  std::vector<Provider> all;
  REQUIRE(std::size(vendors) == std::size(providers::detail::vendors));
  for (std::size_t i = 0; i < std::size(vendors); ++i) {
    Provider p = placed(vendors[i].preset);
    CAPTURE(p.name);
    CHECK(p.name == vendors[i].name);
    CHECK(p.name == providers::detail::vendors[i]->name);  // the order of the table is that of the search
    CHECK(p.needs_key);
    CHECK(p.vendor == (p.name == "glm" ? "zai" : p.name));
    CHECK_FALSE(p.key_variable.empty());
    for (const char c : p.key_variable) CHECK(((c >= 'A' && c <= 'Z') || c == '_'));
    CHECK(p.key_page.substr(0, 8) == "https://");
    CHECK(p.url.substr(0, 8) == "https://");
    CHECK(p.url.back() != '/');
    CHECK(p.url.find('{') == p.url.npos);
    CHECK_FALSE(p.has_tag("local"));
    CHECK((Fleet(p).check()));
    all.push_back(std::move(p));
  }
  const Fleet fleet(std::move(all));  // no name is there twice
  CHECK(fleet.problem().empty());
  CHECK(fleet.providers().size() == 22);
}

TEST_CASE("every default model has a known price, but for three vendors whose prices were not recorded") {
  for (const Named& vendor : vendors) {
    const Provider p = placed(vendor.preset);
    CAPTURE(p.name, p.model);
    if (p.name == "azure") {
      CHECK(p.model.empty());
      continue;
    }
    const auto offer = models::Table{}.resolve(p.model, p);
    REQUIRE(offer);
    CHECK(offer->model == p.model);
    const bool unpriced = p.name == "nvidia" || p.name == "deepinfra" || p.name == "alibaba";
    CHECK(offer->price.known() == !unpriced);
  }
}

TEST_CASE("the table in the header says what the presets are") {
  std::string here = __FILE__;
  for (char& c : here) c = c == '\\' ? '/' : c;
  std::ifstream header(here.substr(0, here.rfind("tests/")) + "include/llmroute/providers.hpp");
  REQUIRE(header.is_open());
  std::vector<std::string> lines;
  for (std::string line; std::getline(header, line);)
    if (line.starts_with("// | ")) lines.push_back(line);
  const auto row_of = [&](const std::string& preset) {
    for (const std::string& line : lines)
      for (const char* before : {"| ", ", "})
        for (const char* behind : {" ", ","}) {
          const std::size_t at = line.find(before + preset + behind);
          if (at != line.npos && at < line.find('|', 6)) return line;
        }
    return std::string();
  };
  for (const Named& vendor : vendors) {
    const Provider p = placed(vendor.preset);
    CAPTURE(p.name);
    CHECK_THAT(row_of(vendor.name), ContainsSubstring("| " + p.key_variable + " "));
    CHECK_THAT(row_of(vendor.name), ContainsSubstring("| " + (p.model.empty() ? "none: your deployment" : p.model) + " "));
  }
  CHECK(row_of("gemini_native") == row_of("gemini"));
  CHECK(row_of("cohere_native") == row_of("cohere"));
  for (const char* local : {"ollama", "ollama_native", "vllm", "lm_studio", "llama_cpp"})
    CHECK_THAT(row_of(local), ContainsSubstring("none: on this machine"));
  CHECK(row_of("nobody").empty());
}

TEST_CASE("Gemini can be asked in its own format") {
  const Provider p = providers::gemini_native({.key = "k"});
  CHECK(p.dialect == &dialect::gemini);
  CHECK(p.url == "https://generativelanguage.googleapis.com/v1beta");
  CHECK(p.key_field.name == "x-goog-api-key");
  CHECK(p.key_field.prefix.empty());
  CHECK(p.vendor == "gemini");
  CHECK(p.model == providers::gemini().model);
  CHECK(providers::gemini_native({.key_field = KeyField{}}).key_field.name == "authorization");  // Vertex
  CHECK(Fleet(p).problem().empty());
}

TEST_CASE("Cohere and Ollama can be asked in their own format") {
  const Provider c = providers::cohere_native({.key = "k"});
  CHECK(c.dialect == &dialect::cohere);
  CHECK(c.url == "https://api.cohere.com/v2");
  CHECK(c.key_field.name == "authorization");
  CHECK(c.key_variable == "COHERE_API_KEY");
  CHECK(c.needs_key);
  const Provider o = providers::ollama_native({.model = "qwen3:4b"});
  CHECK(o.dialect == &dialect::ollama);
  CHECK(o.url + "/v1" == providers::ollama().url);
  CHECK(o.vendor == "ollama");
  CHECK_FALSE(o.needs_key);
  CHECK(o.price == Price::zero());
  CHECK(Fleet(c, o).problem().empty());
}

TEST_CASE("every local preset is sound, needs no key and costs a known nothing") {
  std::vector<Provider> all;
  for (const Preset preset : locals) {
    Provider p = preset({});
    CAPTURE(p.name);
    CHECK_FALSE(p.needs_key);
    CHECK(p.key.empty());
    CHECK(p.key_variable.empty());
    CHECK(p.price == Price::zero());
    CHECK(p.model.empty());
    CHECK(p.has_tag("local"));
    all.push_back(std::move(p));
  }
  const Fleet fleet(std::move(all));
  CHECK(fleet.problem().empty());
  CHECK(fleet.providers().size() == 4);
}

TEST_CASE("a key comes from the environment, without the blanks around it") {
  const Variable key("TOGETHER_API_KEY", " abc\r\n");
  const Provider p = providers::together();
  CHECK(p.key.same_as(Secret("abc")));
  CHECK(Fleet(p).problem().empty());
}

TEST_CASE("a key that is given wins over the environment, as it is") {
  const Variable key("GROQ_API_KEY", "from-environment");
  CHECK(providers::groq({.key = "given"}).key.same_as(Secret("given")));
  CHECK_FALSE(Fleet(providers::groq({.key = "given\n"})).problem().empty());
}

TEST_CASE("another variable may be named, and then that one alone is looked at") {
  const Variable usual("GROQ_API_KEY", "usual"), other("LLMROUTE_TEST_KEY", "other");
  CHECK(providers::groq({.key_variable = "LLMROUTE_TEST_KEY"}).key.same_as(Secret("other")));
  CHECK(providers::groq({.key_variable = "LLMROUTE_TEST_KEY"}).key_variable == "LLMROUTE_TEST_KEY");
  const Variable gone("LLMROUTE_TEST_KEY", nullptr);
  CHECK(providers::groq({.key_variable = "LLMROUTE_TEST_KEY"}).key.empty());
}

TEST_CASE("without its key a provider is left out, and an empty fleet says where to get one") {
  const Variable none("GROQ_API_KEY", nullptr), blank("OPENAI_API_KEY", " \n");
  const Fleet fleet{providers::groq(), providers::openai()};
  CHECK(fleet.left_out().size() == 2);
  CHECK_THAT(fleet.problem(), ContainsSubstring("GROQ_API_KEY (https://console.groq.com/keys)"));
  CHECK_THAT(fleet.problem(), ContainsSubstring("OPENAI_API_KEY"));
}

TEST_CASE("what a setup names is so, and the rest stays as the preset says") {
  const Provider p = providers::groq({.name = "groq_eu",
                                      .url = "https://eu.example.com/v1",
                                      .model = "llama-3.3-70b-versatile",
                                      .key = "k",
                                      .fields = {{"x-title", "tests"}},
                                      .price = {per_million("1"), per_million("2"), {}},
                                      .window = 10,
                                      .capabilities = Capability::tools,
                                      .markup = 0.05,
                                      .expected_latency = 1s,
                                      .strengths = {"law"},
                                      .tags = {"eu"},
                                      .region = "eu",
                                      .limits = RateLimits{.in_flight = 3},
                                      .free = FreeAllowance{.requests_per_day = 14'400},
                                      .quota_group = "account",
                                      .weight = 0.0,
                                      .order = 2,
                                      .timeouts = Timeouts{.attempt = 9s},
                                      .allow_plain_http = true});
  CHECK(p.name == "groq_eu");
  CHECK(p.url == "https://eu.example.com/v1");
  CHECK(p.model == "llama-3.3-70b-versatile");
  CHECK(p.vendor == "groq");
  CHECK(p.key_page == "https://console.groq.com/keys");
  CHECK(p.fields.size() == 1);
  CHECK(p.price.input == per_million("1"));
  CHECK(p.window == 10);
  CHECK(p.capabilities == Capabilities(Capability::tools));
  CHECK(p.markup == 0.05);
  CHECK(p.expected_latency == 1s);
  CHECK(p.strengths == std::vector<std::string>{"law"});
  CHECK(p.has_tag("eu"));
  CHECK(p.region == "eu");
  CHECK(p.limits.in_flight == 3);
  CHECK(p.free.requests_per_day == 14'400);
  CHECK(p.quota_group == "account");
  CHECK(p.weight == 0);
  CHECK(p.order == 2);
  CHECK(p.timeouts.attempt == Duration(9s));
  CHECK(p.allow_plain_http);
  CHECK(Fleet(p).problem().empty());
}

TEST_CASE("any other endpoint needs a URL and no key, unless a variable for one is named") {
  const Provider open = providers::openai_compatible({.name = "mine", .url = "https://llm.example.com/v1", .model = "m"});
  CHECK(Fleet(open).problem().empty());
  CHECK(open.vendor.empty());
  CHECK_FALSE(open.needs_key);
  CHECK_FALSE(open.price.known());
  CHECK_FALSE(Fleet(providers::openai_compatible()).problem().empty());

  const Variable gone("LLMROUTE_TEST_KEY", nullptr);
  const Provider closed =
      providers::openai_compatible({.url = "https://llm.example.com/v1", .key_variable = "LLMROUTE_TEST_KEY"});
  CHECK(closed.needs_key);
  CHECK(Fleet(closed, open).left_out().size() == 1);

  const Provider like_groq = providers::openai_compatible({.url = "https://proxy.example.com/v1", .vendor = "groq"});
  CHECK(models::Table{}.resolve("llama-3.1-8b", like_groq)->model == "llama-3.1-8b-instant");
}

TEST_CASE("a local server on another machine is refused until plain http is allowed") {
  CHECK_FALSE(Fleet(providers::ollama({.url = "http://10.0.0.2:11434/v1"})).problem().empty());
  CHECK(Fleet(providers::ollama({.url = "http://10.0.0.2:11434/v1", .allow_plain_http = true})).problem().empty());
}

TEST_CASE("Anthropic speaks its own dialect, with its own field for the key and a version") {
  const Provider p = providers::anthropic({.key = "k"});
  CHECK(p.dialect == &dialect::anthropic);
  CHECK(p.url == "https://api.anthropic.com/v1");
  CHECK(p.key_field.name == "x-api-key");
  CHECK(p.key_field.prefix.empty());
  CHECK(p.fields == std::vector<std::pair<std::string, std::string>>{{"anthropic-version", "2023-06-01"}});
  CHECK(p.capabilities.has(Capability::json_schema));
  CHECK_FALSE(p.capabilities.has(Capability::json));
  const Provider beta = providers::anthropic({.key = "k", .fields = {{"anthropic-beta", "b"}}});
  CHECK(beta.fields.size() == 2);
  const Provider own = providers::anthropic({.key = "k", .fields = {{"Anthropic-Version", "2099-01-01"}}});
  CHECK(own.fields.size() == 1);
  CHECK(providers::openai({.key = "k"}).dialect == nullptr);
}

TEST_CASE("a local server keeps its tag beside those that it is given") {
  CHECK(providers::ollama({.tags = {"gpu"}}).tags == std::vector<std::string>{"gpu", "local"});
  CHECK(providers::vllm({.tags = {"local"}}).tags == std::vector<std::string>{"local"});
  CHECK(providers::openai_compatible({.name = "x", .tags = {"eu"}}).tags == std::vector<std::string>{"eu"});
}

TEST_CASE("Azure is asked in its v1 form where its URL has no path, with its own field for the key") {
  const NoKeys none_set;
  for (const char* url : {"https://acme.openai.azure.com", "https://acme.openai.azure.com/"}) {
    const Provider p = providers::azure({.url = url, .model = "my-deployment", .key = "k"});
    CHECK(p.url == "https://acme.openai.azure.com/openai/v1");
    CHECK(p.model == "my-deployment");
    CHECK(p.key_field.name == "api-key");
    CHECK(p.key_field.prefix.empty());
    CHECK(p.key_variable == "AZURE_OPENAI_API_KEY");
    CHECK(Fleet(p).problem().empty());
  }
  const auto url = [](const char* given) { return providers::azure({.url = given, .key = "k"}).url; };
  CHECK(url("https://acme.openai.azure.com?api-version=preview") ==
        "https://acme.openai.azure.com/openai/v1?api-version=preview");
  CHECK(url("https://acme.openai.azure.com/?api-version=preview") ==
        "https://acme.openai.azure.com/openai/v1?api-version=preview");
  CHECK(url("https://proxy.example/azure") == "https://proxy.example/azure");
  const char* classic = "https://acme.openai.azure.com/openai/deployments/{model}?api-version=2024-10-21";
  CHECK(url(classic) == classic);
  CHECK(Fleet(providers::azure({.url = classic, .key = "k"})).problem().empty());
}

TEST_CASE("Azure's URL comes from the environment where none is given, and a fleet says what is missing") {
  const NoKeys none_set;
  {
    const Variable endpoint("AZURE_OPENAI_ENDPOINT", "https://acme.openai.azure.com/");
    CHECK(providers::azure({.key = "k"}).url == "https://acme.openai.azure.com/openai/v1");
    CHECK(providers::azure({.url = "https://other.example", .key = "k"}).url == "https://other.example/openai/v1");
  }
  const std::string why = Fleet(providers::azure({.key = "k"})).problem();
  CHECK_THAT(why, ContainsSubstring("\"azure\"") && ContainsSubstring("AZURE_OPENAI_ENDPOINT"));
}

TEST_CASE("Bedrock is asked in the region that is given, or else in that of the environment") {
  const NoKeys none_set;
  const auto made = [](std::string region = {}) { return providers::bedrock({.key = "k", .region = std::move(region)}); };
  CHECK(made("eu-west-1").url == "https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1");
  CHECK_THAT(Fleet(made()).problem(), ContainsSubstring("AWS_REGION or AWS_DEFAULT_REGION"));
  const Variable usual("AWS_DEFAULT_REGION", "us-east-1");
  CHECK(made().url == "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1");
  CHECK(made().region == "us-east-1");
  const Variable first("AWS_REGION", "ap-south-1");
  CHECK(made().region == "ap-south-1");
  CHECK(made("eu-west-1").region == "eu-west-1");
  CHECK(Fleet(made()).problem().empty());
  const Provider own = providers::bedrock({.url = "https://vpce-1.example/openai/v1", .key = "k"});
  CHECK(own.url == "https://vpce-1.example/openai/v1");
  CHECK(own.region.empty());
}

TEST_CASE("a region cannot turn Bedrock's host into another one") {
  for (const char* region :
       {"evil.example/", "us-west-2.evil.example", "a@b", "us west", "US-WEST-2", "x?y", "x#y", "{region}"}) {
    CAPTURE(region);
    const Provider p = providers::bedrock({.key = "k", .region = region});
    CHECK_THAT(Fleet(p).problem(), ContainsSubstring("region"));
    CHECK(p.url.find("evil") == p.url.npos);
  }
}

TEST_CASE("a fleet from the environment has every vendor whose key is set, in the order of the table") {
  const NoKeys none_set;
  const Variable a("ANTHROPIC_API_KEY", "k1"), b("GROQ_API_KEY", "k2"), c("ZAI_API_KEY", "k3"), blank("OPENAI_API_KEY", " ");
  const Fleet fleet = providers::from_environment();
  CHECK(fleet.problem().empty());
  CHECK(names(fleet) == std::vector<std::string>{"groq", "anthropic", "glm"});
  CHECK(fleet.providers()[0].key.same_as(Secret("k2")));
  CHECK(fleet.left_out().size() == std::size(vendors) - 3);
}

TEST_CASE("Azure and Bedrock are in it only where their place is known, too") {
  const NoKeys none_set;
  const Variable a("AZURE_OPENAI_API_KEY", "k1"), b("AWS_BEARER_TOKEN_BEDROCK", "k2"), c("GROQ_API_KEY", "k3");
  CHECK(names(providers::from_environment()) == std::vector<std::string>{"groq"});
  const Variable endpoint("AZURE_OPENAI_ENDPOINT", "https://acme.openai.azure.com"), region("AWS_REGION", "us-west-2");
  const Fleet fleet = providers::from_environment();
  CHECK(fleet.problem().empty());
  CHECK(names(fleet) == std::vector<std::string>{"groq", "azure", "bedrock"});
}

TEST_CASE("an empty environment names every variable that was looked for") {
  const NoKeys none_set;
  const Fleet fleet = providers::from_environment();
  CHECK(fleet.providers().empty());
  for (const Named& vendor : vendors) {
    const Provider p = placed(vendor.preset);
    CAPTURE(p.name);
    CHECK_THAT(fleet.problem(), ContainsSubstring(p.key_variable));
    CHECK_THAT(fleet.problem(), ContainsSubstring(p.key_page));
  }
  CHECK_THAT(fleet.problem(), ContainsSubstring("AZURE_OPENAI_API_KEY with AZURE_OPENAI_ENDPOINT"));
  CHECK_THAT(fleet.problem(), ContainsSubstring("AWS_BEARER_TOKEN_BEDROCK with AWS_REGION or AWS_DEFAULT_REGION"));
  CHECK(fleet.problem().find("ollama") == std::string::npos);
}

TEST_CASE("a key alone, without a place, is no key for anything") {
  const NoKeys none_set;
  const Variable a("AZURE_OPENAI_API_KEY", "sk-very-secret");
  const Fleet fleet = providers::from_environment();
  CHECK_THAT(fleet.problem(), ContainsSubstring("AZURE_OPENAI_ENDPOINT"));
  CHECK(fleet.problem().find("secret") == std::string::npos);
}

TEST_CASE("a file of variables stands behind the environment, for a fleet and for one preset") {
  const NoKeys none_set;
  const auto file = providers::Environment::parse(
      "GROQ_API_KEY=from-file\nAZURE_OPENAI_API_KEY=k\nAZURE_OPENAI_ENDPOINT=https://acme.openai.azure.com\nAWS_REGION=eu-west-3\n"
      "AWS_BEARER_TOKEN_BEDROCK=b\nOPENAI_API_KEY=from-file\n");
  REQUIRE(file);
  const Variable wins("OPENAI_API_KEY", "from-environment");
  const Fleet fleet = providers::from_environment(*file);
  CHECK(names(fleet) == std::vector<std::string>{"groq", "openai", "azure", "bedrock"});
  CHECK(fleet.providers()[0].key.same_as(Secret("from-file")));
  CHECK(fleet.providers()[1].key.same_as(Secret("from-environment")));
  CHECK(fleet.providers()[3].url == "https://bedrock-runtime.eu-west-3.amazonaws.com/openai/v1");
  CHECK(providers::groq({.environment = *file}).key.same_as(Secret("from-file")));
  CHECK(providers::groq().key.empty());
  CHECK(std::getenv("GROQ_API_KEY") == nullptr);
}

TEST_CASE("each key of a vendor is a provider of its own") {
  const Variable usual("GROQ_API_KEY", "the environment's");
  const std::vector<Provider> two = providers::each(providers::groq, {"key1", "key2"});
  REQUIRE(two.size() == 2);
  CHECK(two[0].name == "groq-1");
  CHECK(two[1].name == "groq-2");
  CHECK(two[0].key.same_as(Secret("key1")));
  CHECK(two[1].key.same_as(Secret("key2")));
  CHECK(two[1].vendor == "groq");
  CHECK(Fleet(two).problem().empty());

  const std::vector<std::string> texts{"a", "b", "c"};
  CHECK(providers::each(providers::openai, texts).size() == 3);
  CHECK(providers::each(providers::openai, std::vector<Secret>{"a"})[0].key.same_as(Secret("a")));
  CHECK(providers::each(providers::openai, std::array<const char*, 2>{"a", "b"})[1].name == "openai-2");
  CHECK(providers::each(providers::groq, std::vector<std::string>{}).empty());
}

TEST_CASE("the rest of a setup holds for each key, and an empty key is not the environment's") {
  const Variable usual("GROQ_API_KEY", "the environment's");
  const auto all = providers::each(providers::groq, {"key1", ""},
                                   {.name = "fast", .key = "ignored", .tags = {"eu"}, .quota_group = "account"});
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "fast-1");
  CHECK(all[0].has_tag("eu"));
  CHECK(all[1].quota_group == "account");
  CHECK(all[1].key.empty());
  CHECK(names(Fleet(all)) == std::vector<std::string>{"fast-1"});
  const auto mine = [](const providers::Setup& s) { return providers::openai_compatible(s); };
  CHECK(providers::each(mine, {"k"}, {.name = "mine", .url = "https://h/v1"})[0].name == "mine-1");
}

TEST_CASE("a fleet of the environment stands beside others, and may have none that has a key") {
  const NoKeys none_set;
  const auto with_local = [] { return Fleet{providers::from_environment().providers(), providers::ollama()}; };
  CHECK(names(with_local()) == std::vector<std::string>{"ollama"});
  const Variable key("GROQ_API_KEY", "k");
  CHECK(names(with_local()) == std::vector<std::string>{"groq", "ollama"});
}

TEST_CASE("each key may be of the free tier") {
  const auto free = [](const providers::Setup& s) { return providers::groq(s).free_tier(); };
  const std::vector<Provider> two = providers::each(free, {"a", "b"});
  REQUIRE(two.size() == 2);
  CHECK(two[1].name == "groq-2");
  CHECK(two[1].limits.requests_per_minute > 0);
}

TEST_CASE("a fleet takes many providers beside single ones") {
  const std::vector<std::string> keys{"a", "b"};
  const Fleet fleet{providers::openai({.key = "k"}), providers::each(providers::groq, keys), providers::ollama()};
  CHECK(fleet.problem().empty());
  CHECK(names(fleet) == std::vector<std::string>{"openai", "groq-1", "groq-2", "ollama"});
}

TEST_CASE("a free tier is the limits of its row, and so much free of charge") {
  const Provider p = providers::groq({.key = "k"}).free_tier();
  CHECK(p.limits.requests_per_minute == 30);
  CHECK(p.limits.tokens_per_minute == 14'400);
  CHECK(p.free.requests_per_day == 14'400);
  CHECK(Fleet(p).problem().empty());
  CHECK(providers::groq({.key = "k"}).limits.requests_per_minute == 0);
  CHECK(providers::groq({.key = "k"}).free.requests_per_day == 0);

  const Provider cerebras = providers::cerebras({.key = "k"}).free_tier();
  CHECK(cerebras.limits.requests_per_minute == 5);
  CHECK(cerebras.free.tokens_per_day == 1'000'000);
  CHECK(cerebras.free.requests_per_day == 0);
  CHECK(providers::cohere({.key = "k"}).free_tier().limits.requests_per_minute == 20);
}

TEST_CASE("what is set already stays beside a free tier, and a provider that is kept stays as it was") {
  const Provider before = providers::groq({.key = "k", .limits = RateLimits{.requests_per_minute = 10, .in_flight = 2}});
  const Provider after = before.free_tier();
  CHECK(after.limits.requests_per_minute == 10);
  CHECK(after.limits.tokens_per_minute == 14'400);
  CHECK(after.limits.in_flight == 2);
  CHECK(before.limits.tokens_per_minute == 0);
  CHECK(before.free.requests_per_day == 0);
}

TEST_CASE("a free tier that nobody knows of is a problem, and not silently nothing") {
  for (const Preset preset : {static_cast<Preset>(providers::openai), static_cast<Preset>(providers::mistral)}) {
    const std::string why = Fleet(preset({.key = "k"}).free_tier()).problem();
    CHECK_THAT(why, ContainsSubstring("free tier") && ContainsSubstring(".limits"));
  }
  Provider own{.name = "own", .url = "https://h/v1"};
  CHECK_THAT(Fleet(own.free_tier()).problem(), ContainsSubstring("\"own\"") && ContainsSubstring("free tier"));
  own.vendors_free_tier.free.requests_per_day = 5;
  CHECK(own.free_tier().free.requests_per_day == 5);
  CHECK(Fleet(own.free_tier()).problem().empty());
}

TEST_CASE("OpenRouter gives away models whose names end in :free, and no others") {
  CHECK_THAT(Fleet(providers::openrouter({.key = "k"}).free_tier()).problem(), ContainsSubstring(":free"));
  const Provider p = providers::openrouter({.model = "meta-llama/llama-3.3-70b-instruct:free", .key = "k"}).free_tier();
  CHECK(Fleet(p).problem().empty());
  CHECK(p.limits.requests_per_minute == 20);
  CHECK(p.limits.requests_per_day == 50);
  CHECK(p.free.requests_per_day == 50);
}

TEST_CASE("a function is a provider without URL, key and price") {
  const Provider p = providers::local("canned", [](const ChatRequest&) { return "text"; });
  CHECK(p.name == "canned");
  CHECK(p.url.empty());
  CHECK_FALSE(p.needs_key);
  CHECK(p.price == Price::zero());
  CHECK(p.has_tag("local"));
  CHECK(Fleet(p).problem().empty());
  CHECK(providers::local("x", [](const ChatRequest&) { return "text"; }, {.order = 7}).order == 7);
  CHECK_THAT(Fleet(providers::local("nothing", {})).problem(), ContainsSubstring("function"));
}
