// SPDX-License-Identifier: MIT
// The presets: each is a provider that a fleet accepts, with its vendor's facts, unless the setup says otherwise.
#include "llmroute/providers.hpp"

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "catch.hpp"
#include "llmroute/fleet.hpp"
#include "llmroute/policy/model_map/table.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

/// An environment variable that has a value, or none, for as long as this lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    const char* old = std::getenv(name);
    had_ = old != nullptr;
    if (had_) before_ = old;
    set(value);
  }
  Variable(const Variable&) = delete;
  ~Variable() { set(had_ ? before_.c_str() : nullptr); }

 private:
  void set(const char* value) {
#if defined(_WIN32)
    _putenv_s(name_, value == nullptr ? "" : value);
#else
    if (value == nullptr) unsetenv(name_);
    else setenv(name_, value, 1);
#endif
  }
  const char* name_;
  bool had_ = false;
  std::string before_;
};

using Preset = Provider (*)(const providers::Setup&);
constexpr Preset vendors[]{providers::groq,      providers::together,   providers::openrouter, providers::openai,
                           providers::cerebras,  providers::mistral,    providers::xai,        providers::deepseek,
                           providers::fireworks, providers::perplexity, providers::gemini,     providers::anthropic};
constexpr Preset locals[]{providers::ollama, providers::vllm, providers::lm_studio, providers::llama_cpp};

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

TEST_CASE("every vendor's preset is sound, needs a key, and its default model has a known price") {
  std::vector<Provider> all;
  for (const Preset preset : vendors) {
    Provider p = preset({.key = "k"});
    CAPTURE(p.name);
    CHECK(p.needs_key);
    CHECK(p.vendor == p.name);
    CHECK_FALSE(p.key_variable.empty());
    CHECK(p.key_page.substr(0, 8) == "https://");
    CHECK(p.url.substr(0, 8) == "https://");
    CHECK(p.url.back() != '/');
    const auto offer = models::Table{}.resolve(p.model, p);
    REQUIRE(offer);
    CHECK(offer->price.known());
    CHECK(offer->model == p.model);
    all.push_back(std::move(p));
  }
  const Fleet fleet(std::move(all));
  CHECK(fleet.problem().empty());
  CHECK(fleet.providers().size() == 12);
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
