// SPDX-License-Identifier: MIT
// What a preset makes a Provider of: a vendor's row, and what its caller wants otherwise.
#ifndef LLMROUTE_PROVIDERS_SETUP_HPP
#define LLMROUTE_PROVIDERS_SETUP_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/money.hpp"
#include "llmroute/options.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/providers/environment.hpp"
#include "llmroute/providers/vendors.hpp"
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
  std::string key_variable{};  ///< where to look for the key instead
  Environment environment{};   ///< `env_file(".env")`: looked in behind the process's own
  std::string vendor{};        ///< whose models and prices it has, of an endpoint that is not the vendor's own
  std::optional<KeyField> key_field{};
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
  std::string region{};  ///< of Bedrock also where it is asked
  RateLimits limits{};
  std::optional<FreeAllowance> free{};
  std::string quota_group{};
  std::optional<double> weight{};
  std::optional<int> order{};
  std::optional<Timeouts> timeouts{};
  bool allow_plain_http = false;
};

namespace detail {

inline std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    all.emplace_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return all;
}

/// Where a customer's URL or region is looked for: "A or B".
inline std::string place_variables(const Vendor& v) {
  std::string all(v.url_variable);
  for (const std::string& one : words(v.region_variables)) all.append(all.empty() ? "" : " or ").append(one);
  return all;
}

/// The URL with `path` in it where it has none.
inline std::string with_path(std::string url, std::string_view path) {
  const std::size_t scheme = url.find("://");
  if (scheme == url.npos || path.empty()) return url;
  const std::size_t end = url.find_first_of("/?#", scheme + 3);
  if (end == url.npos) return url.append(path);
  const bool slash = url[end] == '/';
  if (slash && end + 1 < url.size() && url[end + 1] != '?') return url;
  return url.replace(end, slash ? 1 : 0, path);
}

/// A region becomes part of a host, so it may not reach beyond its place there.
inline bool is_region(std::string_view region) noexcept {
  for (const char c : region)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  return !region.empty();
}

inline void locate(Provider& p, const Vendor& v, const Setup& s) {
  p.region = s.region;
  p.url = !s.url.empty() ? s.url : !v.url.empty() ? std::string(v.url) : s.environment.text(std::string(v.url_variable));
  p.url = with_path(std::move(p.url), v.url_path);
  if (p.url.empty() && !v.url_variable.empty()) p.problem = "has no URL: set .url, or " + place_variables(v);
  constexpr std::string_view placeholder = "{region}";
  const std::size_t at = s.url.empty() ? v.url.find(placeholder) : v.url.npos;
  if (at == v.url.npos) return;
  for (const std::string& variable : words(v.region_variables))
    if (p.region.empty()) p.region = s.environment.text(variable);
  if (p.region.empty()) p.problem = "has no region: set .region, or " + place_variables(v);
  else if (!is_region(p.region)) p.problem = "has a region that is no name of one";
  else p.url.replace(at, placeholder.size(), p.region);
}

inline Provider make(const Vendor& v, const Setup& s) {
  Provider p;
  p.name = s.name.empty() ? std::string(v.name) : s.name;
  p.vendor = s.vendor.empty() ? std::string(v.vendor) : s.vendor;
  p.model = s.model.empty() ? std::string(v.model) : s.model;
  locate(p, v, s);
  p.key_variable = s.key_variable.empty() ? std::string(v.key_variable) : s.key_variable;
  p.key_page = std::string(v.key_page);
  p.key = s.key.empty() ? s.environment.key(p.key_variable) : s.key;
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
  p.vendors_free_tier = v.free_tier;
  p.expected_latency = s.expected_latency != Duration::zero() ? s.expected_latency : std::chrono::milliseconds(v.latency_ms);
  p.strengths = s.strengths.empty() ? words(v.strengths) : s.strengths;
  p.tags = s.tags;
  if (v.where == Where::this_machine && !p.has_tag("local")) p.tags.emplace_back("local");
  if (s.limits.any()) p.limits = s.limits;
  p.quota_group = s.quota_group;
  p.weight = s.weight.value_or(p.weight);
  p.order = s.order.value_or(p.order);
  p.timeouts = s.timeouts.value_or(p.timeouts);
  return p;
}

}  // namespace detail

}  // namespace llmroute::providers

#endif
