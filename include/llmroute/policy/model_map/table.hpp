// SPDX-License-Identifier: MIT
// The model map of the presets: one logical name for a model, each vendor's own name for it, and what it costs there.
// It knows a few models at the vendors of `providers.hpp`, and rows of one's own win over those.
//
// When to use: nearly always; it is the router's default.
// Not provided: names by pattern, prices that change while it is in use.
//
// | asked for                            | of                              | answer                                   |
// |--------------------------------------|---------------------------------|------------------------------------------|
// | a logical name, or the vendor's own  | one that has a row for it       | that row                                 |
// | a name that some row knows           | one that only other rows are of | nothing: it does not carry it            |
// | a name that some row knows           | one that no row is of           | the name as it is, the provider's prices |
// | a name that no row knows             | anybody                         | the name as it is, the provider's prices |
//
// A row is of a provider by its name, or by its vendor. So a local server is asked for "llama-3.1-8b" by that name:
// nobody said what else it calls it.
#ifndef LLMROUTE_POLICY_MODEL_MAP_TABLE_HPP
#define LLMROUTE_POLICY_MODEL_MAP_TABLE_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/function_ref.hpp"
#include "llmroute/money.hpp"
#include "llmroute/offer.hpp"
#include "llmroute/provider.hpp"

namespace llmroute::models {

/// What one provider calls a model and asks for it. What is not set is as the provider's own fields say.
struct Row {
  std::string_view model{};     ///< the logical name
  std::string_view provider{};  ///< a provider's name, or its vendor for all providers of that vendor
  std::string_view name{};      ///< what it is called there; empty: the same
  Price price{};
  std::int64_t window = 0;      ///< context tokens
  std::int64_t max_output = 0;  ///< completion tokens
  std::optional<Capabilities> capabilities{};
};

namespace detail {

inline constexpr Capabilities text = Capability::streaming | Capability::tools | Capability::json;
inline constexpr Capabilities schema = text | Capability::json_schema;
inline constexpr Capabilities vision = schema | Capability::images;
inline constexpr Capabilities claude =  // JSON it writes to a schema only
    Capability::streaming | Capability::tools | Capability::images | Capability::json_schema | Capability::effort;
inline constexpr Capabilities thinker = text | Capability::reasoning | Capability::effort;
inline constexpr Capabilities willing_vision = vision | Capability::effort;
inline constexpr Capabilities thinking_vision = vision | Capability::reasoning | Capability::effort;
inline constexpr Capabilities search = Capability::streaming | Capability::images | Capability::json_schema;

constexpr Price usd(std::string_view input, std::string_view output) noexcept {
  return {per_million(input), per_million(output), {}};
}
constexpr Price usd(std::string_view input, std::string_view output, std::string_view cached) noexcept {
  return {per_million(input), per_million(output), per_million(cached)};
}
constexpr Price usd(std::string_view input, std::string_view output, std::string_view cached, std::string_view write) noexcept {
  return {per_million(input), per_million(output), per_million(cached), per_million(write)};
}

// Published prices as of 2026-08-21, in dollars per million tokens; llama-3.1-8b of early 2026. Hugging Face's, which adds
// nothing, are those of the partner that is named; Z.ai's are those of its own page.
// Windows are the vendor's where it publishes one, else the model's own.
inline constexpr Row presets[]{
    {"claude-haiku-4.5", "anthropic", "claude-haiku-4-5", usd("1", "5", "0.1", "1.25"), 200'000, 64'000, claude},
    {"claude-haiku-4.5", "openrouter", "anthropic/claude-haiku-4.5", usd("1", "5", "0.1", "1.25"), 200'000, 64'000,
     willing_vision},
    {"claude-opus-4.5", "anthropic", "claude-opus-4-5", usd("5", "25", "0.5", "6.25"), 200'000, 64'000, claude},
    {"claude-opus-4.5", "openrouter", "anthropic/claude-opus-4.5", usd("5", "25", "0.5", "6.25"), 200'000, 64'000,
     willing_vision},
    {"claude-sonnet-4", "anthropic", "claude-sonnet-4-20250514", usd("3", "15", "0.3", "3.75"), 200'000, 64'000, claude},
    {"claude-sonnet-4", "openrouter", "anthropic/claude-sonnet-4", usd("3", "15", "0.3", "3.75"), 200'000, 64'000,
     willing_vision},
    {"claude-sonnet-4.6", "anthropic", "claude-sonnet-4-6", usd("3", "15", "0.3", "3.75"), 1'000'000, 64'000, claude},
    {"claude-sonnet-4.6", "openrouter", "anthropic/claude-sonnet-4.6", usd("3", "15", "0.3", "3.75"), 1'000'000, 64'000,
     willing_vision},
    {"command-a", "cohere", "command-a-03-2025", usd("2.5", "10"), 256'000, 0, schema},
    {"command-a", "openrouter", "cohere/command-a", usd("2.5", "10"), 256'000, 0, schema},
    {"deepseek-chat", "deepseek", "deepseek-chat", usd("0.27", "1.1", "0.07"), 64'000, 8'192, text},
    {"deepseek-chat", "openrouter", "deepseek/deepseek-chat", usd("0.38", "0.89"), 64'000, 0, schema},
    {"deepseek-v4-flash", "deepseek", "deepseek-v4-flash", usd("0.14", "0.28", "0.0028"), 1'000'000, 384'000, thinker},
    {"deepseek-v4-flash", "fireworks", "accounts/fireworks/models/deepseek-v4-flash", usd("0.14", "0.28", "0.028"), 1'000'000,
     0, thinker},
    {"deepseek-v4-flash", "openrouter", "deepseek/deepseek-v4-flash", usd("0.0983", "0.1966", "0.0197"), 1'000'000, 0, thinker},
    {"deepseek-v4-pro", "deepseek", "deepseek-v4-pro", usd("0.435", "0.87", "0.003625"), 1'000'000, 384'000, thinker},
    {"deepseek-v4-pro", "fireworks", "accounts/fireworks/models/deepseek-v4-pro", usd("1.74", "3.48", "0.145"), 1'000'000, 0,
     thinker},
    {"deepseek-v4-pro", "openrouter", "deepseek/deepseek-v4-pro", usd("0.435", "0.87", "0.003625"), 1'000'000, 0, thinker},
    {"gemini-2.0-flash", "gemini", "gemini-2.0-flash", usd("0.1", "0.4", "0.025"), 1'000'000, 8'192, vision},
    {"gemini-2.0-flash", "openrouter", "google/gemini-2.0-flash-001", usd("0.1", "0.4"), 1'000'000, 8'192, vision},
    {"gemini-2.5-flash", "gemini", "gemini-2.5-flash", usd("0.3", "2.5", "0.03"), 1'000'000, 65'536, willing_vision},
    {"gemini-2.5-flash", "openrouter", "google/gemini-2.5-flash", usd("0.3", "2.5", "0.075"), 1'000'000, 65'536,
     willing_vision},
    {"gemini-2.5-flash-lite", "gemini", "gemini-2.5-flash-lite", usd("0.1", "0.4", "0.01"), 1'000'000, 65'536, willing_vision},
    {"gemini-2.5-flash-lite", "openrouter", "google/gemini-2.5-flash-lite", usd("0.1", "0.4", "0.01"), 1'000'000, 65'536,
     willing_vision},
    {"glm-4.7", "openrouter", "z-ai/glm-4.7", usd("0.4", "1.75", "0.08"), 200'000, 0, thinker},
    {"glm-4.7", "zai", "glm-4.7", usd("0.6", "2.2", "0.11"), 200'000, 0, thinker},
    {"glm-4.7-flash", "openrouter", "z-ai/glm-4.7-flash", usd("0.06", "0.4", "0.01"), 200'000, 0, thinker},
    {"glm-4.7-flash", "zai", "glm-4.7-flash", usd("0", "0", "0"), 200'000, 0, thinker},
    {"gpt-4.1", "openai", "gpt-4.1", usd("2", "8", "0.5"), 1'000'000, 32'768, vision},
    {"gpt-4.1", "openrouter", "openai/gpt-4.1", usd("2", "8", "0.5"), 1'000'000, 32'768, vision},
    {"gpt-4.1-mini", "openai", "gpt-4.1-mini", usd("0.4", "1.6", "0.1"), 1'000'000, 32'768, vision},
    {"gpt-4.1-mini", "openrouter", "openai/gpt-4.1-mini", usd("0.4", "1.6", "0.1"), 1'000'000, 32'768, vision},
    {"gpt-4o", "openai", "gpt-4o", usd("2.5", "10", "1.25"), 128'000, 16'384, vision},
    {"gpt-4o", "openrouter", "openai/gpt-4o", usd("2.5", "10"), 128'000, 16'384, vision},
    {"gpt-4o-mini", "openai", "gpt-4o-mini", usd("0.15", "0.6", "0.075"), 128'000, 16'384, vision},
    {"gpt-4o-mini", "openrouter", "openai/gpt-4o-mini", usd("0.15", "0.6", "0.075"), 128'000, 16'384, vision},
    {"gpt-5", "openai", "gpt-5", usd("1.25", "10", "0.125"), 400'000, 128'000, thinking_vision},
    {"gpt-5", "openrouter", "openai/gpt-5", usd("1.25", "10", "0.125"), 400'000, 128'000, thinking_vision},
    {"gpt-5-mini", "openai", "gpt-5-mini", usd("0.25", "2", "0.025"), 400'000, 128'000, thinking_vision},
    {"gpt-5-mini", "openrouter", "openai/gpt-5-mini", usd("0.25", "2", "0.025"), 400'000, 128'000, thinking_vision},
    {"gpt-oss-120b", "bedrock", "openai.gpt-oss-120b-1:0", usd("0.15", "0.6"), 131'072, 0, thinker},
    {"gpt-oss-120b", "cerebras", "gpt-oss-120b", usd("0.35", "0.75"), 131'072, 0, thinker},
    {"gpt-oss-120b", "fireworks", "accounts/fireworks/models/gpt-oss-120b", usd("0.15", "0.6", "0.07"), 131'072, 0, thinker},
    {"gpt-oss-120b", "groq", "openai/gpt-oss-120b", usd("0.15", "0.6", "0.075"), 131'072, 0, thinker},
    {"gpt-oss-120b", "huggingface", "openai/gpt-oss-120b:groq", usd("0.15", "0.75"), 131'072, 0, thinker},
    {"gpt-oss-120b", "openrouter", "openai/gpt-oss-120b", usd("0.039", "0.18"), 131'072, 0, thinker},
    {"gpt-oss-120b", "sambanova", "gpt-oss-120b", usd("0.22", "0.59"), 131'072, 0, thinker},
    {"gpt-oss-20b", "bedrock", "openai.gpt-oss-20b-1:0", usd("0.07", "0.3"), 131'072, 0, thinker},
    {"gpt-oss-20b", "fireworks", "accounts/fireworks/models/gpt-oss-20b", usd("0.07", "0.3", "0.04"), 131'072, 0, thinker},
    {"gpt-oss-20b", "groq", "openai/gpt-oss-20b", usd("0.075", "0.3", "0.0375"), 131'072, 0, thinker},
    {"gpt-oss-20b", "huggingface", "openai/gpt-oss-20b:groq", usd("0.1", "0.5"), 131'072, 0, thinker},
    {"gpt-oss-20b", "openrouter", "openai/gpt-oss-20b", usd("0.029", "0.14"), 131'072, 0, thinker},
    {"grok-2", "openrouter", "x-ai/grok-2-1212", usd("2", "10"), 32'768, 0, schema},
    {"grok-2", "xai", "grok-2-1212", usd("2", "10"), 32'768, 0, schema},
    {"grok-4.1-fast", "xai", "grok-4-1-fast-non-reasoning", usd("0.2", "0.5", "0.05"), 2'000'000, 0, vision},
    {"kimi-k2.6", "fireworks", "accounts/fireworks/models/kimi-k2p6", usd("0.95", "4", "0.16"), 262'144, 0, thinker},
    {"kimi-k2.6", "moonshot", "kimi-k2.6", usd("0.95", "4", "0.16"), 262'144, 0, thinker | Capability::images},
    {"kimi-k2.6", "openrouter", "moonshotai/kimi-k2.6", usd("0.68", "3.41", "0.34"), 262'144, 0, thinker | Capability::images},
    {"llama-3.1-8b", "cerebras", "llama3.1-8b", usd("0.1", "0.1"), 32'768, 0, schema},
    {"llama-3.1-8b", "fireworks", "accounts/fireworks/models/llama-v3p1-8b-instruct", usd("0.2", "0.2"), 131'000, 0, schema},
    {"llama-3.1-8b", "groq", "llama-3.1-8b-instant", usd("0.05", "0.08"), 131'072, 0, text},
    {"llama-3.1-8b", "openrouter", "meta-llama/llama-3.1-8b-instruct", usd("0.06", "0.06"), 131'072, 0, schema},
    {"llama-3.1-8b", "together", "meta-llama/Llama-3.1-8B-Instruct-Turbo", usd("0.18", "0.18"), 131'072, 0, schema},
    {"llama-3.3-70b", "cerebras", "llama-3.3-70b", usd("0.85", "1.2"), 128'000, 0, schema},
    {"llama-3.3-70b", "fireworks", "accounts/fireworks/models/llama-v3p3-70b-instruct", usd("0.9", "0.9"), 131'072, 0, schema},
    {"llama-3.3-70b", "groq", "llama-3.3-70b-versatile", usd("0.59", "0.79"), 131'072, 0, text},
    {"llama-3.3-70b", "openrouter", "meta-llama/llama-3.3-70b-instruct", usd("0.05", "0.24"), 131'072, 0, schema},
    {"llama-3.3-70b", "sambanova", "Meta-Llama-3.3-70B-Instruct", usd("0.6", "1.2"), 131'072, 0, text},
    {"llama-3.3-70b", "together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", usd("0.88", "0.88"), 131'072, 0, schema},
    {"mistral-large", "mistral", "mistral-large-2512", usd("0.5", "1.5", "0.05"), 256'000, 0, vision},
    {"mistral-large", "openrouter", "mistralai/mistral-large-2512", usd("0.5", "1.5", "0.05"), 256'000, 0, vision},
    {"mistral-small", "mistral", "mistral-small-2603", usd("0.15", "0.6", "0.015"), 0, 0, vision},
    {"mistral-small", "openrouter", "mistralai/mistral-small-2603", usd("0.15", "0.6", "0.015"), 0, 0, vision},
    {"sonar", "openrouter", "perplexity/sonar", usd("1", "1"), 127'072, 0, search},
    {"sonar", "perplexity", "sonar", usd("1", "1"), 127'072, 0, search},
    {"sonar-pro", "openrouter", "perplexity/sonar-pro", usd("3", "15"), 200'000, 0, search},
    {"sonar-pro", "perplexity", "sonar-pro", usd("3", "15"), 200'000, 0, search},
};

constexpr bool sound() noexcept {
  for (std::size_t i = 0; i < sizeof(presets) / sizeof(Row); ++i) {
    if (!presets[i].price.known() || presets[i].price.malformed()) return false;
    for (std::size_t k = 0; k < i; ++k)
      if (presets[k].provider == presets[i].provider &&
          (presets[k].model == presets[i].model || presets[k].name == presets[i].name))
        return false;
  }
  return true;
}
static_assert(sound(), "a preset has no price, or is there twice");

}  // namespace detail

/// The rows that every table begins with.
inline std::span<const Row> preset_rows() noexcept { return detail::presets; }

/// `models::Table{}.add({.model = "fast", .provider = "groq", .name = "llama-3.1-8b-instant"})`. A row owns its texts.
/// Add before the router has it: offers point into the rows.
class Table {
 public:
  /// A row for the same model and provider replaces the earlier one.
  Table& add(const Row& row) & {
    Owned fresh{.model = std::string(row.model),
                .provider = std::string(row.provider),
                .name = std::string(row.name.empty() ? row.model : row.name),
                .price = row.price,
                .window = row.window,
                .max_output = row.max_output,
                .capabilities = row.capabilities};
    for (Owned& old : own_)
      if (old.model == row.model && old.provider == row.provider) return old = std::move(fresh), *this;
    own_.push_back(std::move(fresh));
    return *this;
  }
  Table add(const Row& row) && {
    add(row);
    return std::move(*this);
  }

  /// The row for just these two, one's own or else the presets', to change a field and add it again; empty where there is
  /// none. Good until the next one is added.
  Row row(std::string_view model, std::string_view provider) const noexcept {
    for (const Owned& r : own_)
      if (r.model == model && r.provider == provider)
        return {r.model, r.provider, r.name, r.price, r.window, r.max_output, r.capabilities};
    for (const Row& r : detail::presets)
      if (r.model == model && r.provider == provider) return r;
    return {.model = model, .provider = provider};
  }

  std::optional<Offer> resolve(std::string_view model, const Provider& p) const noexcept {
    if (const Owned* row = find(own_, model, p.name)) return offer(*row, p);
    if (!p.vendor.empty()) {
      if (const Owned* row = find(own_, model, p.vendor)) return offer(*row, p);
      if (const Row* row = find(detail::presets, model, p.vendor)) return offer(*row, p);
    }
    if ((knows(own_, model) || knows(detail::presets, model)) && is_about(p)) return std::nullopt;
    return Offer::assumed({{}, model}, p);
  }

  /// Each logical name once.
  void each_model(FunctionRef<void(std::string_view)> each) const {
    for (const Row& row : detail::presets)
      if (first_of(detail::presets, row)) each(row.model);
    for (const Owned& row : own_)
      if (first_of(own_, row) && !listed(detail::presets, row.model)) each(row.model);
  }

 private:
  struct Owned {
    std::string model, provider, name;
    Price price;
    std::int64_t window, max_output;
    std::optional<Capabilities> capabilities;
  };

  template <class Rows>
  static auto find(const Rows& rows, std::string_view model, std::string_view provider) noexcept -> decltype(&rows[0]) {
    decltype(&rows[0]) by_own_name = nullptr;
    for (const auto& row : rows) {
      if (row.provider != provider) continue;
      if (row.model == model) return &row;
      if (by_own_name == nullptr && row.name == model) by_own_name = &row;
    }
    return by_own_name;
  }
  template <class Rows>
  static bool knows(const Rows& rows, std::string_view name) noexcept {
    for (const auto& row : rows)
      if (row.model == name || row.name == name) return true;
    return false;
  }
  template <class Rows>
  static bool listed(const Rows& rows, std::string_view model) noexcept {
    for (const auto& row : rows)
      if (row.model == model) return true;
    return false;
  }
  template <class Rows, class AnyRow>
  static bool first_of(const Rows& rows, const AnyRow& row) noexcept {
    for (const auto& earlier : rows)
      if (earlier.model == row.model) return &earlier == &row;
    return false;
  }
  bool is_about(const Provider& p) const noexcept {
    for (const Owned& row : own_)
      if (row.provider == p.name || (!p.vendor.empty() && row.provider == p.vendor)) return true;
    for (const Row& row : detail::presets)
      if (row.provider == p.vendor) return true;
    return false;
  }

  template <class AnyRow>
  static Offer offer(const AnyRow& row, const Provider& p) noexcept {
    return {.model = {{}, row.name},
            .price = row.price.known() || row.price.malformed() ? row.price : p.price,
            .window = row.window > 0 ? row.window : p.window,
            .max_output = row.max_output,
            .capabilities = row.capabilities ? *row.capabilities : p.capabilities};
  }

  std::vector<Owned> own_;
};

}  // namespace llmroute::models

#endif
