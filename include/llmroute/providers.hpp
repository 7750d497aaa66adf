// SPDX-License-Identifier: MIT
// Presets: a Provider of each vendor in one line. `providers::groq()` takes its key from the environment;
// `providers::groq({.model = "openai/gpt-oss-20b"})` also changes a field; `providers::groq().free_tier()` is for an account
// that pays nothing; `providers::from_environment()` is a fleet of all whose key is there.
//
// | preset                | key variable             | default model                                    |
// |-----------------------|--------------------------|--------------------------------------------------|
// | groq                  | GROQ_API_KEY             | llama-3.1-8b-instant                             |
// | cerebras              | CEREBRAS_API_KEY         | gpt-oss-120b                                     |
// | together              | TOGETHER_API_KEY         | meta-llama/Llama-3.1-8B-Instruct-Turbo           |
// | openrouter            | OPENROUTER_API_KEY       | meta-llama/llama-3.1-8b-instruct                 |
// | openai                | OPENAI_API_KEY           | gpt-4o-mini                                      |
// | azure                 | AZURE_OPENAI_API_KEY     | none: your deployment                            |
// | anthropic             | ANTHROPIC_API_KEY        | claude-haiku-4-5                                 |
// | gemini, gemini_native | GEMINI_API_KEY           | gemini-2.5-flash                                 |
// | mistral               | MISTRAL_API_KEY          | mistral-small-2603                               |
// | deepseek              | DEEPSEEK_API_KEY         | deepseek-v4-flash                                |
// | xai                   | XAI_API_KEY              | grok-4-1-fast-non-reasoning                      |
// | glm                   | ZAI_API_KEY              | glm-4.7                                          |
// | fireworks             | FIREWORKS_API_KEY        | accounts/fireworks/models/llama-v3p1-8b-instruct |
// | perplexity            | PERPLEXITY_API_KEY       | sonar                                            |
// | huggingface           | HF_TOKEN                 | openai/gpt-oss-120b:groq                         |
// | bedrock               | AWS_BEARER_TOKEN_BEDROCK | openai.gpt-oss-20b-1:0                           |
// | moonshot              | MOONSHOT_API_KEY         | kimi-k2.6                                        |
// | cohere, cohere_native | COHERE_API_KEY           | command-a-03-2025                                |
// | nvidia                | NVIDIA_API_KEY           | meta/llama-3.3-70b-instruct                      |
// | sambanova             | SAMBANOVA_API_KEY        | Meta-Llama-3.3-70B-Instruct                      |
// | deepinfra             | DEEPINFRA_API_KEY        | deepseek-ai/DeepSeek-V3.2                        |
// | alibaba               | DASHSCOPE_API_KEY        | qwen-plus                                        |
// | ollama, vllm          | none: on this machine    | none: what was loaded                            |
// | ollama_native         | none: on this machine    | none: `.model` has to name one                   |
// | lm_studio, llama_cpp  | none: on this machine    | none: what was loaded                            |
//
// Known free tiers: groq 30 requests and 14,400 tokens a minute, 14,400 requests a day; cerebras 5 requests and 30,000
// tokens a minute, a million tokens a day; openrouter 20 a minute and 50 a day, of models whose names end in `:free`; cohere
// 20 a minute and 1,000 a month.
//
// `openai_compatible({.name = ..., .url = ...})` is any other server, `local("canned", function)` a function of your own,
// and `each(groq, {"key1", "key2"})` a provider for each key. What a vendor has now says `list_models(transport, provider)`.
#ifndef LLMROUTE_PROVIDERS_HPP
#define LLMROUTE_PROVIDERS_HPP

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "llmroute/fleet.hpp"
#include "llmroute/local_function.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/providers/environment.hpp"
#include "llmroute/providers/list_models.hpp"
#include "llmroute/providers/openrouter.hpp"
#include "llmroute/providers/setup.hpp"
#include "llmroute/providers/vendors.hpp"
#include "llmroute/secret.hpp"

namespace llmroute::providers {

inline Provider groq(const Setup& s = {}) { return detail::make(detail::groq, s); }
inline Provider cerebras(const Setup& s = {}) { return detail::make(detail::cerebras, s); }
inline Provider together(const Setup& s = {}) { return detail::make(detail::together, s); }
inline Provider openrouter(const Setup& s = {}) { return detail::make(detail::openrouter, s); }
inline Provider openai(const Setup& s = {}) { return detail::make(detail::openai, s); }
inline Provider anthropic(const Setup& s = {}) { return detail::make(detail::anthropic, s); }
inline Provider gemini(const Setup& s = {}) { return detail::make(detail::gemini, s); }
inline Provider gemini_native(const Setup& s = {}) { return detail::make(detail::gemini_native, s); }
inline Provider mistral(const Setup& s = {}) { return detail::make(detail::mistral, s); }
inline Provider deepseek(const Setup& s = {}) { return detail::make(detail::deepseek, s); }
inline Provider xai(const Setup& s = {}) { return detail::make(detail::xai, s); }
inline Provider glm(const Setup& s = {}) { return detail::make(detail::glm, s); }
inline Provider fireworks(const Setup& s = {}) { return detail::make(detail::fireworks, s); }
inline Provider perplexity(const Setup& s = {}) { return detail::make(detail::perplexity, s); }
inline Provider huggingface(const Setup& s = {}) { return detail::make(detail::huggingface, s); }
inline Provider moonshot(const Setup& s = {}) { return detail::make(detail::moonshot, s); }
inline Provider cohere(const Setup& s = {}) { return detail::make(detail::cohere, s); }
inline Provider cohere_native(const Setup& s = {}) { return detail::make(detail::cohere_native, s); }
inline Provider nvidia(const Setup& s = {}) { return detail::make(detail::nvidia, s); }
inline Provider sambanova(const Setup& s = {}) { return detail::make(detail::sambanova, s); }
inline Provider deepinfra(const Setup& s = {}) { return detail::make(detail::deepinfra, s); }
inline Provider alibaba(const Setup& s = {}) { return detail::make(detail::alibaba, s); }

/// Azure OpenAI: `azure({.url = "https://acme.openai.azure.com", .model = "my-deployment"})`, the URL also from
/// AZURE_OPENAI_ENDPOINT. One without a path is asked in the v1 form, at /openai/v1. The older form names the deployment
/// in its path: `.url = "https://acme.openai.azure.com/openai/deployments/{model}?api-version=2024-10-21"`.
/// Nobody knows by a deployment's name what it is of. One that reasons refuses `max_tokens` and `temperature`, so say it:
/// `.capabilities = Capabilities::assumed() | Capability::reasoning`.
inline Provider azure(const Setup& s = {}) { return detail::make(detail::azure, s); }
/// Amazon Bedrock's OpenAI-compatible endpoint, in `.region`, or in that of AWS_REGION or AWS_DEFAULT_REGION.
inline Provider bedrock(const Setup& s = {}) { return detail::make(detail::bedrock, s); }

/// A server on this machine, tagged "local". It has whatever models were loaded: without `.model` the field is left out of
/// the request.
inline Provider ollama(const Setup& s = {}) { return detail::make(detail::ollama, s); }
inline Provider ollama_native(const Setup& s = {}) { return detail::make(detail::ollama_native, s); }
inline Provider vllm(const Setup& s = {}) { return detail::make(detail::vllm, s); }
inline Provider lm_studio(const Setup& s = {}) { return detail::make(detail::lm_studio, s); }
inline Provider llama_cpp(const Setup& s = {}) { return detail::make(detail::llama_cpp, s); }

/// Any other endpoint that speaks OpenAI's chat completions. It needs a `.url`, and a key only where one is named.
inline Provider openai_compatible(const Setup& s = {}) { return detail::make(detail::anybody, s); }

/// A function that answers by itself: `local("canned", [](const ChatRequest&) { return "Come back later."; })`. Nothing is
/// sent and nothing charged; it is tagged "local".
inline Provider local(std::string name, LocalFunction function, const Setup& s = {}) {
  Provider p = detail::make(detail::in_process, s);
  p.name = std::move(name);
  p.function = std::move(function);
  if (!p.function) p.problem = "is to be a function, and has none";
  return p;
}

namespace detail {
template <class Preset, class Keys>
std::vector<Provider> each_of(Preset& preset, const Keys& keys, const Setup& s) {
  std::vector<Provider> all;
  for (const auto& key : keys) {
    Provider p = preset(s);
    p.name += "-" + std::to_string(all.size() + 1);
    p.key = Secret(key);  // also an empty one: else it would be the environment's
    all.push_back(std::move(p));
  }
  return all;
}
template <class P>
concept Preset = std::is_invocable_r_v<Provider, P&, const Setup&>;
}  // namespace detail

/// A provider for each key: groq-1, groq-2 and so on. Keys of one account share its limits: `{.quota_group = "account"}`.
/// Any callable is a preset: `each([](const Setup& s) { return groq(s).free_tier(); }, keys)`.
template <detail::Preset P>
std::vector<Provider> each(P preset, std::initializer_list<Secret> keys, const Setup& s = {}) {
  return detail::each_of(preset, keys, s);
}
template <detail::Preset P, class Keys>
  requires requires(const Keys& keys) { Secret(*keys.begin()), keys.end(); }
std::vector<Provider> each(P preset, const Keys& keys, const Setup& s = {}) {
  return detail::each_of(preset, keys, s);
}

/// A fleet of every vendor whose key is set, in the order of the table; of Azure and Bedrock only where they are is known as
/// well. Servers on this machine need no key, and are not in it; beside the others they are in
/// `Fleet{from_environment().providers(), ollama()}`.
inline Fleet from_environment(const Environment& environment = {}) {
  std::vector<Provider> all;
  for (const detail::Vendor* v : detail::vendors) {
    Provider p = detail::make(*v, {.environment = environment});
    if (!p.problem.empty()) {
      p.key = {};
      p.key_variable.append(" with ").append(detail::place_variables(*v));
    }
    all.push_back(std::move(p));
  }
  return Fleet(std::move(all));
}

}  // namespace llmroute::providers

#endif
