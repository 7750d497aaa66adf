// SPDX-License-Identifier: MIT
// What is known of each vendor, a row each: where it is asked, with which key, in which format, and what it gives away.
#ifndef LLMROUTE_PROVIDERS_VENDORS_HPP
#define LLMROUTE_PROVIDERS_VENDORS_HPP

#include <cstddef>
#include <string_view>

#include "llmroute/dialect/anthropic.hpp"
#include "llmroute/dialect/cohere.hpp"
#include "llmroute/dialect/gemini.hpp"
#include "llmroute/dialect/ollama.hpp"
#include "llmroute/provider.hpp"

namespace llmroute::providers::detail {

enum class Where : bool { elsewhere, this_machine };  // there nothing is charged

struct Vendor {
  std::string_view name{};
  std::string_view url{};    ///< empty: each customer has one; {region} in its host stands for one
  std::string_view model{};  ///< empty: whatever the server has
  std::string_view key_variable{};
  std::string_view key_page{};
  int latency_ms = 0;                                   ///< as tutorials of early 2026 saw it; 0: not known
  std::string_view strengths{};                         ///< separated by spaces
  Capabilities capabilities = Capabilities::assumed();  ///< of models that the model map does not list
  Where where = Where::elsewhere;
  std::string_view vendor = name;
  const Dialect* dialect = nullptr;  ///< null: OpenAI's
  std::string_view key_field{};      ///< empty: a bearer token
  std::string_view version_field{};  ///< which version of the API is spoken, where each request has to say so
  std::string_view version{};
  std::string_view url_variable{};      ///< where a customer's URL is looked for
  std::string_view url_path{};          ///< added to a customer's URL that has no path
  std::string_view region_variables{};  ///< where a region is looked for, separated by spaces
  FreeTier free_tier{};                 ///< of an account that pays nothing, as far as it is known
};

inline constexpr Capabilities plain = Capability::streaming | Capability::tools | Capability::json | Capability::effort;

inline constexpr Vendor groq{
    .name = "groq",
    .url = "https://api.groq.com/openai/v1",
    .model = "llama-3.1-8b-instant",
    .key_variable = "GROQ_API_KEY",
    .key_page = "https://console.groq.com/keys",
    .latency_ms = 420,
    .strengths = "simple code fast",
    .free_tier = {.limits = {.requests_per_minute = 30, .tokens_per_minute = 14'400}, .free = {.requests_per_day = 14'400}}};
inline constexpr Vendor cerebras{
    .name = "cerebras",
    .url = "https://api.cerebras.ai/v1",
    .model = "gpt-oss-120b",
    .key_variable = "CEREBRAS_API_KEY",
    .key_page = "https://cloud.cerebras.ai",
    .latency_ms = 380,
    .strengths = "code fast simple",
    .free_tier = {.limits = {.requests_per_minute = 5, .tokens_per_minute = 30'000}, .free = {.tokens_per_day = 1'000'000}}};
inline constexpr Vendor together{.name = "together",
                                 .url = "https://api.together.xyz/v1",
                                 .model = "meta-llama/Llama-3.1-8B-Instruct-Turbo",
                                 .key_variable = "TOGETHER_API_KEY",
                                 .key_page = "https://api.together.ai/settings/api-keys"};
// No markup: its 5.5 % are charged when credit is bought, not on calls. `.markup = 0.055` ranks it by what it costs you.
// An account that has bought ten credits has 1,000 free requests a day.
inline constexpr Vendor openrouter{
    .name = "openrouter",
    .url = "https://openrouter.ai/api/v1",
    .model = "meta-llama/llama-3.1-8b-instruct",
    .key_variable = "OPENROUTER_API_KEY",
    .key_page = "https://openrouter.ai/settings/keys",
    .free_tier = {
        .limits = {.requests_per_minute = 20, .requests_per_day = 50}, .free = {.requests_per_day = 50}, .models = ":free"}};
inline constexpr Vendor openai{.name = "openai",
                               .url = "https://api.openai.com/v1",
                               .model = "gpt-4o-mini",
                               .key_variable = "OPENAI_API_KEY",
                               .key_page = "https://platform.openai.com/api-keys",
                               .latency_ms = 2100,
                               .strengths = "reasoning complex creative"};
// Its models are the customer's deployments.
inline constexpr Vendor azure{.name = "azure",
                              .key_variable = "AZURE_OPENAI_API_KEY",
                              .key_page = "https://portal.azure.com",
                              .key_field = "api-key",
                              .url_variable = "AZURE_OPENAI_ENDPOINT",
                              .url_path = "/openai/v1"};
// JSON it writes to a schema only.
inline constexpr Vendor anthropic{.name = "anthropic",
                                  .url = "https://api.anthropic.com/v1",
                                  .model = "claude-haiku-4-5",
                                  .key_variable = "ANTHROPIC_API_KEY",
                                  .key_page = "https://console.anthropic.com/settings/keys",
                                  .latency_ms = 1800,
                                  .strengths = "reasoning complex analysis",
                                  .capabilities = Capability::streaming | Capability::tools | Capability::images |
                                                  Capability::json_schema | Capability::effort,
                                  .dialect = &dialect::anthropic,
                                  .key_field = "x-api-key",
                                  .version_field = "anthropic-version",
                                  .version = "2023-06-01"};
inline constexpr Vendor gemini{.name = "gemini",
                               .url = "https://generativelanguage.googleapis.com/v1beta/openai",
                               .model = "gemini-2.5-flash",
                               .key_variable = "GEMINI_API_KEY",
                               .key_page = "https://aistudio.google.com/apikey",
                               .latency_ms = 600,
                               .strengths = "multilingual"};
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
inline constexpr Vendor mistral{.name = "mistral",
                                .url = "https://api.mistral.ai/v1",
                                .model = "mistral-small-2603",
                                .key_variable = "MISTRAL_API_KEY",
                                .key_page = "https://console.mistral.ai/api-keys",
                                .latency_ms = 900};
inline constexpr Vendor deepseek{.name = "deepseek",
                                 .url = "https://api.deepseek.com/v1",
                                 .model = "deepseek-v4-flash",
                                 .key_variable = "DEEPSEEK_API_KEY",
                                 .key_page = "https://platform.deepseek.com/api_keys",
                                 .capabilities = plain};
inline constexpr Vendor xai{.name = "xai",
                            .url = "https://api.x.ai/v1",
                            .model = "grok-4-1-fast-non-reasoning",
                            .key_variable = "XAI_API_KEY",
                            .key_page = "https://console.x.ai",
                            .latency_ms = 1200};
inline constexpr Vendor fireworks{.name = "fireworks",
                                  .url = "https://api.fireworks.ai/inference/v1",
                                  .model = "accounts/fireworks/models/llama-v3p1-8b-instruct",
                                  .key_variable = "FIREWORKS_API_KEY",
                                  .key_page = "https://app.fireworks.ai/settings/users/api-keys"};
inline constexpr Vendor perplexity{.name = "perplexity",
                                   .url = "https://api.perplexity.ai",
                                   .model = "sonar",
                                   .key_variable = "PERPLEXITY_API_KEY",
                                   .key_page = "https://www.perplexity.ai/settings/api",
                                   .capabilities = Capability::streaming | Capability::images | Capability::json_schema};
// Which of its partners answers, and at what price, is named behind the colon.
inline constexpr Vendor huggingface{.name = "huggingface",
                                    .url = "https://router.huggingface.co/v1",
                                    .model = "openai/gpt-oss-120b:groq",
                                    .key_variable = "HF_TOKEN",
                                    .key_page = "https://huggingface.co/settings/tokens"};
inline constexpr Vendor bedrock{.name = "bedrock",
                                .url = "https://bedrock-runtime.{region}.amazonaws.com/openai/v1",
                                .model = "openai.gpt-oss-20b-1:0",
                                .key_variable = "AWS_BEARER_TOKEN_BEDROCK",
                                .key_page = "https://console.aws.amazon.com/bedrock/home#/api-keys",
                                .capabilities = plain,
                                .region_variables = "AWS_REGION AWS_DEFAULT_REGION"};
inline constexpr Vendor glm{.name = "glm",
                            .url = "https://api.z.ai/api/paas/v4",
                            .model = "glm-4.7",
                            .key_variable = "ZAI_API_KEY",
                            .key_page = "https://z.ai/manage-apikey/apikey-list",
                            .capabilities = plain,
                            .vendor = "zai"};
inline constexpr Vendor moonshot{.name = "moonshot",
                                 .url = "https://api.moonshot.ai/v1",
                                 .model = "kimi-k2.6",
                                 .key_variable = "MOONSHOT_API_KEY",
                                 .key_page = "https://platform.moonshot.ai/console/api-keys"};
// A trial key has 1,000 calls a month, here spread over its days.
inline constexpr Vendor cohere{
    .name = "cohere",
    .url = "https://api.cohere.ai/compatibility/v1",
    .model = "command-a-03-2025",
    .key_variable = "COHERE_API_KEY",
    .key_page = "https://dashboard.cohere.com/api-keys",
    .capabilities = Capability::streaming | Capability::tools | Capability::json | Capability::json_schema,
    .free_tier = {.limits = {.requests_per_minute = 20}, .free = {.requests_per_day = 32}}};
// Cohere's own format: plans and citations can be told there, and what was read from a cache.
inline constexpr Vendor cohere_native{.name = "cohere",
                                      .url = "https://api.cohere.com/v2",
                                      .model = cohere.model,
                                      .key_variable = cohere.key_variable,
                                      .key_page = cohere.key_page,
                                      .capabilities = cohere.capabilities,
                                      .dialect = &dialect::cohere,
                                      .free_tier = cohere.free_tier};
inline constexpr Vendor nvidia{.name = "nvidia",
                               .url = "https://integrate.api.nvidia.com/v1",
                               .model = "meta/llama-3.3-70b-instruct",
                               .key_variable = "NVIDIA_API_KEY",
                               .key_page = "https://build.nvidia.com/settings/api-keys",
                               .capabilities = plain};
inline constexpr Vendor sambanova{.name = "sambanova",
                                  .url = "https://api.sambanova.ai/v1",
                                  .model = "Meta-Llama-3.3-70B-Instruct",
                                  .key_variable = "SAMBANOVA_API_KEY",
                                  .key_page = "https://cloud.sambanova.ai/apis",
                                  .capabilities = plain};
inline constexpr Vendor deepinfra{.name = "deepinfra",
                                  .url = "https://api.deepinfra.com/v1/openai",
                                  .model = "deepseek-ai/DeepSeek-V3.2",
                                  .key_variable = "DEEPINFRA_API_KEY",
                                  .key_page = "https://deepinfra.com/dash/api_keys",
                                  .capabilities = plain};
// The international one, in Singapore; keys of the one in China are others, and its URL is dashscope.aliyuncs.com.
inline constexpr Vendor alibaba{.name = "alibaba",
                                .url = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
                                .model = "qwen-plus",
                                .key_variable = "DASHSCOPE_API_KEY",
                                .key_page = "https://modelstudio.console.alibabacloud.com/?tab=model#/api-key",
                                .capabilities = plain};

// 127.0.0.1 and not localhost: that may mean ::1 first, where some of these do not listen.
inline constexpr Vendor ollama{.name = "ollama", .url = "http://127.0.0.1:11434/v1", .where = Where::this_machine};
inline constexpr Vendor ollama_native{
    .name = "ollama", .url = "http://127.0.0.1:11434", .where = Where::this_machine, .dialect = &dialect::ollama};
inline constexpr Vendor vllm{.name = "vllm", .url = "http://127.0.0.1:8000/v1", .where = Where::this_machine};
inline constexpr Vendor lm_studio{.name = "lm_studio", .url = "http://127.0.0.1:1234/v1", .where = Where::this_machine};
inline constexpr Vendor llama_cpp{.name = "llama_cpp", .url = "http://127.0.0.1:8080/v1", .where = Where::this_machine};

inline constexpr Vendor in_process{.name = "local", .where = Where::this_machine, .vendor = ""};
inline constexpr Vendor anybody{.name = "openai_compatible", .vendor = ""};

/// Those that a key opens, in the order in which an environment is searched for them: free and fast ones first.
inline constexpr const Vendor* vendors[]{
    &groq, &cerebras,  &together,   &openrouter,  &openai,  &azure,    &anthropic, &gemini, &mistral,   &deepseek,  &xai,
    &glm,  &fireworks, &perplexity, &huggingface, &bedrock, &moonshot, &cohere,    &nvidia, &sambanova, &deepinfra, &alibaba};

constexpr bool sound() noexcept {
  constexpr std::size_t count = sizeof(vendors) / sizeof(vendors[0]);
  for (std::size_t i = 0; i < count; ++i) {
    if (vendors[i]->key_variable.empty() || vendors[i]->url.empty() == vendors[i]->url_variable.empty()) return false;
    for (std::size_t k = 0; k < i; ++k)
      if (vendors[k]->name == vendors[i]->name || vendors[k]->key_variable == vendors[i]->key_variable) return false;
  }
  return true;
}
static_assert(sound(), "a vendor is there twice, or cannot be asked");

}  // namespace llmroute::providers::detail

#endif
