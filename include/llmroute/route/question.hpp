// SPDX-License-Identifier: MIT
// A request on its way to be routed: what is filled in before anybody is chosen, and why some are refused at once.
#ifndef LLMROUTE_ROUTE_QUESTION_HPP
#define LLMROUTE_ROUTE_QUESTION_HPP

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "llmroute/route/core.hpp"
#include "llmroute/route/eligibility.hpp"
#include "llmroute/route/reservations.hpp"
#include "llmroute/wire/printable.hpp"

namespace llmroute {

struct Refusal {
  Kind kind{};
  std::string why{};
};

/// How many attempts a request may have.
inline int attempts_of(const Options& o) noexcept {
  constexpr int usual = 5, most = static_cast<int>(max_attempts);
  const int wanted = o.attempts.value_or(usual);
  return wanted < most ? wanted : most;
}

/// What the request itself says.
inline void put(Query& query, std::uint64_t id, Delivery delivery) noexcept {
  query.id = id;
  query.seed = mix(id, 1);
  query.delivery = delivery;
  query.needs = needed_capabilities(query.request);
  query.completion_tokens = query.request.max_tokens.value_or(256);
}

namespace detail {
// An option that would silently do nothing is worse than an error.
template <class Policies>
const char* unsupported(const Core<Policies>& core, const Query& query) {
  using Ranking = typename Core<Policies>::Ranking;
  const Options& o = query.options;
  if (o.cache == Switch::on) return "options.cache: this router has no cache";
  if (o.hedge == Switch::on && std::is_same_v<typename Core<Policies>::template Policy<role::Hedge>, hedge::Off>)
    return "options.hedge: this router has no Hedge policy";
  if (o.broken_stream != BrokenStream::stop) return "options.broken_stream: this version only stops";
  if constexpr (!chooses_by_name<Ranking>())
    if (!o.strategy.empty() && o.strategy != strategy_of(core.template policy<role::Ranking>(), query))
      return "options.strategy: this router's ranking offers no choice by name";
  if (o.attempts.value_or(1) < 1) return "options.attempts: at least 1";
  if (o.max_price && o.max_price->malformed())
    return "options.max_price: is no price: write dollars as text, per_million(\"0.05\")";
  if (without_time(o.timeouts) != nullptr) return "options.timeouts: one of them leaves no time at all";
  return nullptr;
}
}  // namespace detail

/// Before any policy is asked. `tenant_place`: of who asks, where the fleet knows one.
template <class Policies>
std::optional<Refusal> refused_at_sight(const Core<Policies>& core, const Fleet& fleet, const Query& query,
                                        const TenantPlace* tenant_place) {
  if (const std::string& problem = fleet.problem(); !problem.empty()) return Refusal{Kind::misconfigured, problem};
  if (const std::string& tenant = query.options.tenant; !tenant.empty() && !fleet.tenants().empty() && tenant_place == nullptr)
    return Refusal{Kind::misconfigured, "options.tenant: the fleet has no tenant \"" + printable(tenant, 100) +
                                            "\", nor one called \"*\" for all others"};
  if (const std::string_view problem = Reservations<Policies>::problem(core.policies()); !problem.empty())
    return Refusal{Kind::misconfigured, std::string(problem)};
  if (const char* option = detail::unsupported(core, query)) return Refusal{Kind::misconfigured, option};
  if (const char* fault = fault_of(query.request)) return Refusal{Kind::request_invalid, fault};
  return std::nullopt;
}

/// What kind of task it is, and how long.
template <class Policies>
void judge(const Core<Policies>& core, Query& query) {
  const auto& classifier = core.template policy<role::Classifier>();
  query.category = query.options.category;
  if (query.category.empty()) {
    query.judgement = classifier.classify(query.request);
    if constexpr (NamesCategories<typename Core<Policies>::template Policy<role::Classifier>>) {
      const std::span<const std::string_view> names = classifier.names();
      if (query.judgement.category < names.size()) query.category = names[query.judgement.category];
    }
  }
  if (const auto said = query.options.prompt_tokens) query.judgement.prompt_tokens = *said < 0 ? 0 : *said;
  else if (query.judgement.prompt_tokens <= 0) query.judgement.prompt_tokens = estimated_tokens(query.request);
}

template <class Policies>
std::optional<Refusal> refused_by_ranking([[maybe_unused]] const Core<Policies>& core, [[maybe_unused]] const Query& query) {
  if constexpr (Refuses<typename Core<Policies>::Ranking>)
    if (std::string why = core.template policy<role::Ranking>().refuse(query); !why.empty())
      return Refusal{Kind::misconfigured, std::move(why)};
  return std::nullopt;
}

}  // namespace llmroute

#endif
