// SPDX-License-Identifier: MIT
// An endpoint that can be called. Two keys or two regions of one vendor are two providers.
#ifndef LLMROUTE_PROVIDER_HPP
#define LLMROUTE_PROVIDER_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/limits.hpp"
#include "llmroute/local_function.hpp"
#include "llmroute/money.hpp"
#include "llmroute/options.hpp"
#include "llmroute/secret.hpp"

namespace llmroute {

struct Dialect;
struct Quirks;

/// What a request may need of a model.
enum class Capability : std::uint32_t {
  streaming = 1,
  tools = 2,
  images = 4,
  json = 8,
  json_schema = 16,
  reasoning = 32,  ///< thinks first: its first content may be minutes away
  prefix = 64,     ///< continues an assistant turn that the caller began
  effort = 128     ///< how much it thinks can be asked for
};

class Capabilities {
 public:
  constexpr Capabilities() noexcept = default;
  constexpr Capabilities(Capability c) noexcept : bits_(static_cast<std::uint32_t>(c)) {}

  /// What is assumed of a model that nobody described: it may do anything, but needs no more time than others.
  static constexpr Capabilities assumed() noexcept {
    return Capabilities(Capability::streaming) | Capability::tools | Capability::images | Capability::json |
           Capability::json_schema | Capability::effort;
  }
  constexpr bool has(Capability c) const noexcept { return (bits_ & static_cast<std::uint32_t>(c)) != 0; }
  constexpr bool covers(Capabilities needed) const noexcept { return (needed.bits_ & ~bits_) == 0; }
  constexpr Capabilities without(Capabilities c) const noexcept { return Capabilities(bits_ & ~c.bits_); }

  friend constexpr Capabilities operator|(Capabilities a, Capabilities b) noexcept { return Capabilities(a.bits_ | b.bits_); }
  friend constexpr bool operator==(Capabilities, Capabilities) noexcept = default;

 private:
  constexpr explicit Capabilities(std::uint32_t bits) noexcept : bits_(bits) {}
  std::uint32_t bits_ = 0;
};
constexpr Capabilities operator|(Capability a, Capability b) noexcept { return Capabilities(a) | Capabilities(b); }

/// In which field a key travels, and what stands before it there.
struct KeyField {
  std::string name = "authorization";
  std::string prefix = "Bearer ";
};

/// What costs nothing before a price is charged.
struct FreeAllowance {
  double requests_per_day = 0;
  double tokens_per_day = 0;
};

/// What a vendor gives away, and how much of it at a time.
struct FreeTier {
  RateLimits limits{};
  FreeAllowance free{};
  std::string_view models{};  ///< how the names of the models end that it is for, a text that stays; empty: all

  bool known() const noexcept { return free.requests_per_day > 0 || free.tokens_per_day > 0; }
};

/// Where some providers carry it, requests that ask for no tag go to these, and so do those that ask for any of several tags
/// of which nobody carries one.
inline constexpr std::string_view default_tag = "default";

struct Provider {
  std::string name{};                ///< 1 to 31 bytes, unique in a fleet
  std::string url{};                 ///< what stands before "/chat/completions", or what else its dialect asks for; {model} in
                                     ///< its path stands for the model's name
  std::string vendor{};              ///< whose models and prices it has: "groq"; empty: nobody's that is known
  const Dialect* dialect = nullptr;  ///< null: OpenAI's chat completions
  const Quirks* quirks = nullptr;    ///< how it deviates from its dialect; null: as its vendor is known to
  std::string model{};               ///< for requests that name none; empty: the field is left out
  LocalFunction function{};          ///< answers by itself: it has no URL then, and nothing is sent
  Secret key{};
  bool needs_key = false;      ///< left out of the fleet while it has none
  std::string key_variable{};  ///< where the key was looked for
  std::string key_page{};      ///< where the vendor gives one out
  KeyField key_field{};
  Duration retry_key_after = std::chrono::minutes(15);        ///< a refused key is tried once more by then; zero: never
  std::vector<std::pair<std::string, std::string>> fields{};  ///< sent along with each request
  std::string extra{};                                        ///< a JSON object: members that each request takes along
  bool allow_plain_http = false;                              ///< to other hosts than this one: the key travels readable

  Price price{};                                        ///< of models that the model map knows no price for
  std::int64_t window = 0;                              ///< likewise: context tokens; 0: not known, nothing is refused for it
  Capabilities capabilities = Capabilities::assumed();  ///< likewise
  double markup = 0;                                    ///< on every price: 0.055 is 5.5 %
  FreeAllowance free{};
  FreeTier vendors_free_tier{};  ///< what `free_tier()` takes

  Duration expected_latency{};           ///< until it is measured; zero: not known
  std::vector<std::string> strengths{};  ///< categories that it is good at
  std::vector<std::string> tags{};
  std::string region{};
  RateLimits limits{};        ///< that it lets this account use
  std::string quota_group{};  ///< providers that share an account rest together, and use up the same limits
  double weight = 1;
  double quality = 0;  ///< of its answers, from 0 to 1, as you judge it; 0: not known
  int order = 0;
  Timeouts timeouts{};
  std::string problem{};  ///< what whoever made it knows to be wrong with it: a fleet then refuses it, and says so

  /// The same for an account that pays nothing: with the limits of its vendor's free tier, and free of charge up to these.
  /// What is set already stays. A fleet refuses it where no such tier is known, or none for this model.
  Provider free_tier() const& { return Provider(*this).free_tier(); }
  Provider free_tier() && {
    const FreeTier& tier = vendors_free_tier;
    if (!tier.known()) {
      problem = "has no free tier that is known: set .limits and .free yourself";
    } else if (!std::string_view(model).ends_with(tier.models)) {
      problem = "has a free tier for models alone whose names end in " + std::string(tier.models) + ": set .model to one";
    } else {
      const auto fill = [](double& mine, double theirs) { mine = mine == 0 ? theirs : mine; };
      fill(limits.requests_per_minute, tier.limits.requests_per_minute);
      fill(limits.tokens_per_minute, tier.limits.tokens_per_minute);
      fill(limits.requests_per_day, tier.limits.requests_per_day);
      if (limits.in_flight == 0) limits.in_flight = tier.limits.in_flight;
      fill(free.requests_per_day, tier.free.requests_per_day);
      fill(free.tokens_per_day, tier.free.tokens_per_day);
    }
    return std::move(*this);
  }

  Money with_markup(Money bare) const noexcept {
    if (!(markup > 0)) return bare;
    const double more = static_cast<double>(bare.nanos()) * markup;
    if (!(more < 9e18)) return Money::most();
    const auto whole = static_cast<std::int64_t>(more);
    return bare + Money::nanos(whole + (static_cast<double>(whole) < more));  // rounded up, as prices are
  }
  /// Whose private words its models understand: the vendor's, else its own alone.
  std::string_view family() const noexcept { return vendor.empty() ? name : vendor; }
  bool has_tag(std::string_view tag) const noexcept { return among(tags, tag); }
  /// Whether a category is among its strengths.
  bool is_good_at(std::string_view category) const noexcept { return among(strengths, category); }

 private:
  static bool among(const std::vector<std::string>& all, std::string_view wanted) noexcept {
    for (const std::string& one : all)
      if (one == wanted) return true;
    return false;
  }
};

}  // namespace llmroute

#endif
