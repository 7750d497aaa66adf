// SPDX-License-Identifier: MIT
// Presets: a table of facts about vendors, and a function for each that makes a Provider of them.
// `providers::groq()` takes its key from the environment; `providers::groq({.model = "llama-3.3-70b-versatile"})` also
// changes a field.
//
// | preset                             | key variable                                                       |
// |------------------------------------|--------------------------------------------------------------------|
// | groq, together, openrouter, openai | GROQ_API_KEY, TOGETHER_API_KEY, OPENROUTER_API_KEY, OPENAI_API_KEY |
// | cerebras, mistral, xai, deepseek   | CEREBRAS_API_KEY, MISTRAL_API_KEY, XAI_API_KEY, DEEPSEEK_API_KEY   |
// | fireworks, perplexity              | FIREWORKS_API_KEY, PERPLEXITY_API_KEY                              |
// | gemini, gemini_native, anthropic   | GEMINI_API_KEY, the same, ANTHROPIC_API_KEY                        |
// | ollama, vllm, lm_studio, llama_cpp | none: on this machine, free of charge                              |
// | openai_compatible                  | none, or the one that it is given                                  |
#ifndef LLMROUTE_PROVIDERS_HPP
#define LLMROUTE_PROVIDERS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/dialect/anthropic.hpp"
#include "llmroute/dialect/gemini.hpp"
#include "llmroute/money.hpp"
#include "llmroute/options.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/providers/openrouter.hpp"
#include "llmroute/secret.hpp"
#include "llmroute/time.hpp"
#include "llmroute/wire/headers.hpp"  // iequals

namespace llmroute::providers {

/// What shall be otherwise than in the preset. A field that is not set leaves it as it is.
struct Setup {
  std::string name{};   ///< two of one vendor need two names
  std::string url{};    ///< what stands before "/chat/completions", for Anthropic before "/messages"
  std::string model{};  ///< for requests that name none
  Secret key{};
  std::string key_variable{};           ///< where to look for the key instead
  std::string vendor{};                 ///< whose models and prices it has, of an endpoint that is not the vendor's own
  std::optional<KeyField> key_field{};  ///< Azure wants {"api-key", ""}
  std::vector<std::pair<std::string, std::string>> fields{};  ///< HTTP fields sent along
  std::string extra{};                                        ///< a JSON object: members that each request takes along
  const Quirks* quirks = nullptr;                             ///< how it deviates from its dialect
  Price price{};  ///< of models that the model map knows no price for; likewise the next two
  std::int64_t window = 0;
  std::optional<Capabilities> capabilities{};
  std::optional<double> markup{};
  Duration expected_latency{};
  std::vector<std::string> strengths{};
  std::vector<std::string> tags{};
  std::string region{};
  std::optional<RateLimits> limits{};
  std::optional<FreeAllowance> free{};
  std::string quota_group{};
  std::optional<double> weight{};
  std::optional<int> order{};
  std::optional<Timeouts> timeouts{};
  bool allow_plain_http = false;
};

namespace detail {

enum class Where : bool { elsewhere, this_machine };  // there nothing is charged

/// One row of facts. Latencies are those that tutorials saw in early 2026; 0: none known.
struct Vendor {
  std::string_view name{};
  std::string_view url{};
  std::string_view model{};
  std::string_view key_variable{};
  std::string_view key_page{};
  int latency_ms = 0;
  std::string_view strengths{};                         ///< separated by spaces
  Capabilities capabilities = Capabilities::assumed();  ///< of models that the model map does not list
  Where where = Where::elsewhere;
  std::string_view vendor = name;
  const Dialect* dialect = nullptr;  ///< null: OpenAI's
  std::string_view key_field{};      ///< empty: a bearer token
  std::string_view version_field{};  ///< which version of the API is spoken, where each request has to say so
  std::string_view version{};
};

inline constexpr Vendor groq{"groq",
                             "https://api.groq.com/openai/v1",
                             "llama-3.1-8b-instant",
                             "GROQ_API_KEY",
                             "https://console.groq.com/keys",
                             420,
                             "simple code fast"};
inline constexpr Vendor together{"together", "https://api.together.xyz/v1", "meta-llama/Llama-3.1-8B-Instruct-Turbo",
                                 "TOGETHER_API_KEY", "https://api.together.ai/settings/api-keys"};
// No markup: its 5.5 % are charged when credit is bought, not on calls. `.markup = 0.055` ranks it by what it costs you.
inline constexpr Vendor openrouter{"openrouter", "https://openrouter.ai/api/v1", "meta-llama/llama-3.1-8b-instruct",
                                   "OPENROUTER_API_KEY", "https://openrouter.ai/settings/keys"};
inline constexpr Vendor openai{
    "openai", "https://api.openai.com/v1", "gpt-4o-mini", "OPENAI_API_KEY", "https://platform.openai.com/api-keys",
    2100,     "reasoning complex creative"};
inline constexpr Vendor cerebras{"cerebras",         "https://api.cerebras.ai/v1", "llama3.1-8b",
                                 "CEREBRAS_API_KEY", "https://cloud.cerebras.ai",  380,
                                 "code fast simple"};
inline constexpr Vendor mistral{"mistral",         "https://api.mistral.ai/v1",           "mistral-small-2603",
                                "MISTRAL_API_KEY", "https://console.mistral.ai/api-keys", 900};
inline constexpr Vendor xai{"xai",         "https://api.x.ai/v1",  "grok-4-1-fast-non-reasoning",
                            "XAI_API_KEY", "https://console.x.ai", 1200};
inline constexpr Vendor deepseek{"deepseek",
                                 "https://api.deepseek.com/v1",
                                 "deepseek-chat",
                                 "DEEPSEEK_API_KEY",
                                 "https://platform.deepseek.com/api_keys",
                                 0,
                                 "",
                                 Capability::streaming | Capability::tools | Capability::json};
inline constexpr Vendor fireworks{"fireworks", "https://api.fireworks.ai/inference/v1",
                                  "accounts/fireworks/models/llama-v3p1-8b-instruct", "FIREWORKS_API_KEY",
                                  "https://app.fireworks.ai/settings/users/api-keys"};
inline constexpr Vendor perplexity{"perplexity",
                                   "https://api.perplexity.ai",
                                   "sonar",
                                   "PERPLEXITY_API_KEY",
                                   "https://www.perplexity.ai/settings/api",
                                   0,
                                   "",
                                   Capability::streaming | Capability::images | Capability::json_schema};
inline constexpr Vendor gemini{"gemini",
                               "https://generativelanguage.googleapis.com/v1beta/openai",
                               "gemini-2.5-flash",
                               "GEMINI_API_KEY",
                               "https://aistudio.google.com/apikey",
                               600,
                               "multilingual"};
// Google's own format: thoughts, blocked prompts and used up quotas can be told there, and schemas are kept to.
inline constexpr Vendor gemini_native{.name = "gemini",
                                      .url = "https://generativelanguage.googleapis.com/v1beta",
                                      .model = gemini.model,
                                      .key_variable = gemini.key_variable,
                                      .key_page = gemini.key_page,
                                      .latency_ms = gemini.latency_ms,
                                      .strengths = gemini.strengths,
                                      .dialect = &dialect::gemini,
                                      .key_field = "x-goog-api-key"};
// JSON it writes to a schema only.
inline constexpr Vendor anthropic{
    .name = "anthropic",
    .url = "https://api.anthropic.com/v1",
    .model = "claude-haiku-4-5",
    .key_variable = "ANTHROPIC_API_KEY",
    .key_page = "https://console.anthropic.com/settings/keys",
    .latency_ms = 1800,
    .strengths = "reasoning complex analysis",
    .capabilities = Capability::streaming | Capability::tools | Capability::images | Capability::json_schema,
    .dialect = &dialect::anthropic,
    .key_field = "x-api-key",
    .version_field = "anthropic-version",
    .version = "2023-06-01"};

// 127.0.0.1 and not localhost: that may mean ::1 first, where some of these do not listen.
inline constexpr Vendor ollama{.name = "ollama", .url = "http://127.0.0.1:11434/v1", .where = Where::this_machine};
inline constexpr Vendor vllm{.name = "vllm", .url = "http://127.0.0.1:8000/v1", .where = Where::this_machine};
inline constexpr Vendor lm_studio{.name = "lm_studio", .url = "http://127.0.0.1:1234/v1", .where = Where::this_machine};
inline constexpr Vendor llama_cpp{.name = "llama_cpp", .url = "http://127.0.0.1:8080/v1", .where = Where::this_machine};

inline constexpr Vendor anybody{.name = "openai_compatible", .vendor = ""};

/// The key in an environment variable, without the line end that `export KEY=$(cat file)` and `.env` files leave.
inline Secret key_in(const std::string& variable) {
  const char* value = variable.empty() ? nullptr : std::getenv(variable.c_str());  // NOLINT(concurrency-mt-unsafe)
  std::string_view key = value == nullptr ? std::string_view() : std::string_view(value);
  constexpr std::string_view blank = " \t\r\n";
  while (!key.empty() && blank.find(key.front()) != blank.npos) key.remove_prefix(1);
  while (!key.empty() && blank.find(key.back()) != blank.npos) key.remove_suffix(1);
  return Secret(key);
}

inline std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    all.emplace_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return all;
}

inline Provider make(const Vendor& v, const Setup& s) {
  Provider p;
  p.name = s.name.empty() ? std::string(v.name) : s.name;
  p.url = s.url.empty() ? std::string(v.url) : s.url;
  p.vendor = s.vendor.empty() ? std::string(v.vendor) : s.vendor;
  p.model = s.model.empty() ? std::string(v.model) : s.model;
  p.key_variable = s.key_variable.empty() ? std::string(v.key_variable) : s.key_variable;
  p.key_page = std::string(v.key_page);
  p.key = s.key.empty() ? key_in(p.key_variable) : s.key;
  p.needs_key = !p.key_variable.empty();
  p.dialect = v.dialect;
  p.quirks = s.quirks;
  p.extra = s.extra;
  p.fields = s.fields;
  bool says_version = v.version_field.empty();
  for (const auto& field : s.fields) says_version = says_version || http::iequals(field.first, v.version_field);
  if (!says_version) p.fields.emplace_back(v.version_field, v.version);
  p.allow_plain_http = s.allow_plain_http;
  p.price = s.price != Price{} ? s.price : v.where == Where::this_machine ? Price::zero() : Price{};
  p.window = s.window;
  p.capabilities = s.capabilities.value_or(v.capabilities);
  p.markup = s.markup.value_or(p.markup);
  if (!v.key_field.empty()) p.key_field = {.name = std::string(v.key_field), .prefix = {}};
  if (s.key_field) p.key_field = *s.key_field;
  p.free = s.free.value_or(p.free);
  p.expected_latency = s.expected_latency != Duration::zero() ? s.expected_latency : std::chrono::milliseconds(v.latency_ms);
  p.strengths = s.strengths.empty() ? words(v.strengths) : s.strengths;
  p.tags = s.tags;
  p.region = s.region;
  p.limits = s.limits.value_or(p.limits);
  p.quota_group = s.quota_group;
  p.weight = s.weight.value_or(p.weight);
  p.order = s.order.value_or(p.order);
  p.timeouts = s.timeouts.value_or(p.timeouts);
  return p;
}

}  // namespace detail

inline Provider groq(const Setup& s = {}) { return detail::make(detail::groq, s); }
inline Provider together(const Setup& s = {}) { return detail::make(detail::together, s); }
inline Provider openrouter(const Setup& s = {}) { return detail::make(detail::openrouter, s); }
inline Provider openai(const Setup& s = {}) { return detail::make(detail::openai, s); }
inline Provider cerebras(const Setup& s = {}) { return detail::make(detail::cerebras, s); }
inline Provider mistral(const Setup& s = {}) { return detail::make(detail::mistral, s); }
inline Provider xai(const Setup& s = {}) { return detail::make(detail::xai, s); }
inline Provider deepseek(const Setup& s = {}) { return detail::make(detail::deepseek, s); }
inline Provider fireworks(const Setup& s = {}) { return detail::make(detail::fireworks, s); }
inline Provider perplexity(const Setup& s = {}) { return detail::make(detail::perplexity, s); }
inline Provider gemini(const Setup& s = {}) { return detail::make(detail::gemini, s); }
inline Provider gemini_native(const Setup& s = {}) { return detail::make(detail::gemini_native, s); }
inline Provider anthropic(const Setup& s = {}) { return detail::make(detail::anthropic, s); }

/// A server on this machine. It has whatever models were loaded: without `.model` the field is left out of the request.
inline Provider ollama(const Setup& s = {}) { return detail::make(detail::ollama, s); }
inline Provider vllm(const Setup& s = {}) { return detail::make(detail::vllm, s); }
inline Provider lm_studio(const Setup& s = {}) { return detail::make(detail::lm_studio, s); }
inline Provider llama_cpp(const Setup& s = {}) { return detail::make(detail::llama_cpp, s); }

/// Any other endpoint that speaks OpenAI's chat completions. It needs a `.url`, and a key only where one is named.
inline Provider openai_compatible(const Setup& s = {}) { return detail::make(detail::anybody, s); }

}  // namespace llmroute::providers

#endif
