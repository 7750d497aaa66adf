// SPDX-License-Identifier: MIT
// What only OpenRouter understands: which of the endpoints behind it may serve a request, and whose application it is.
//
//     providers::openrouter({.fields = openrouter::App{"https://acme.example", "Acme"}.fields(),
//                            .extra = openrouter::Routing{.only = {"groq", "cerebras"}, .sort = "throughput"}.json()});
//
// For one request alone: `.extra_for = {{"openrouter", openrouter::Routing{.data_collection = "deny"}.json()}}`.
// A model's suffix, `:free`, `:nitro` or `:floor`, is part of its name.
#ifndef LLMROUTE_PROVIDERS_OPENROUTER_HPP
#define LLMROUTE_PROVIDERS_OPENROUTER_HPP

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/money.hpp"
#include "llmroute/wire/json_writer.hpp"

namespace llmroute::openrouter {

/// Where a request may go from there. What is not set is OpenRouter's default.
struct Routing {
  std::vector<std::string> models{};  ///< asked in this order when the request's model fails
  std::vector<std::string> order{};   ///< endpoints that are tried first, by their slugs
  std::vector<std::string> only{};    ///< these endpoints
  std::vector<std::string> ignore{};  ///< none of these
  std::vector<std::string> quantizations{};
  std::optional<bool> allow_fallbacks{};     ///< to endpoints beyond `order`
  std::optional<bool> require_parameters{};  ///< endpoints that take each parameter of the request
  std::optional<bool> zdr{};                 ///< that retain no data
  std::string data_collection{};             ///< "allow", "deny"
  std::string sort{};                        ///< "price", "throughput", "latency"
  Price max_price{};                         ///< no endpoint that is dearer; of input, of output, or of both

  /// Members of a request: `provider` and `models`.
  std::string json() const {
    std::string members;
    json::Writer w(members);
    w.begin_object();
    list(w, "models", models);
    const std::size_t before = members.size();
    w.key("provider").begin_object();
    list(w, "order", order);
    list(w, "only", only);
    list(w, "ignore", ignore);
    list(w, "quantizations", quantizations);
    flag(w, "allow_fallbacks", allow_fallbacks);
    flag(w, "require_parameters", require_parameters);
    flag(w, "zdr", zdr);
    word(w, "data_collection", data_collection);
    word(w, "sort", sort);
    if (max_price.input.known() || max_price.output.known()) {
      w.key("max_price").begin_object();
      rate(w, "prompt", max_price.input);
      rate(w, "completion", max_price.output);
      w.end_object();
    }
    w.end_object();
    if (members.ends_with("{}")) members.resize(before);  // an empty one would take the place of what the provider always says
    w.end_object();
    return members;
  }

 private:
  static void list(json::Writer& w, std::string_view name, const std::vector<std::string>& all) {
    if (all.empty()) return;
    w.key(name).begin_array();
    for (const std::string& one : all) w.text(one);
    w.end_array();
  }
  static void flag(json::Writer& w, std::string_view name, std::optional<bool> value) {
    if (value) w.key(name).boolean(*value);
  }
  static void word(json::Writer& w, std::string_view name, std::string_view value) {
    if (!value.empty()) w.key(name).text(value);
  }
  static void rate(json::Writer& w, std::string_view name, Rate value) {  // it counts in dollars per million tokens too
    if (value.known()) w.key(name).raw(Money::nanos(value.nanos_per_million()).text());
  }
};

/// Whose requests these are, for OpenRouter's rankings.
struct App {
  std::string url{};
  std::string title{};

  std::vector<std::pair<std::string, std::string>> fields() const {
    std::vector<std::pair<std::string, std::string>> all;
    if (!url.empty()) all.emplace_back("http-referer", url);
    if (!title.empty()) all.emplace_back("x-title", title);
    return all;
  }
};

}  // namespace llmroute::openrouter

#endif
