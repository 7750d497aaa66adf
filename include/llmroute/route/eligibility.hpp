// SPDX-License-Identifier: MIT
// Who may take a request at all: what the request needs, what the caller allows, and the reason in words where the answer is no.
#ifndef LLMROUTE_ROUTE_ELIGIBILITY_HPP
#define LLMROUTE_ROUTE_ELIGIBILITY_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/limits.hpp"
#include "llmroute/policy/query.hpp"
#include "llmroute/route/closed.hpp"

namespace llmroute {

/// What is wrong with a request that no provider needs to be asked about; null: nothing.
inline const char* fault_of(const ChatRequest& r) noexcept {
  if (r.messages.empty()) return "the request has no messages";
  for (const auto& number : {r.temperature, r.top_p, r.presence_penalty, r.frequency_penalty})
    if (number && !(*number > -1e6 && *number < 1e6)) return "temperature, top_p or a penalty is no finite number";
  if (r.max_tokens.value_or(1) < 1) return "max_tokens is less than 1";
  for (const Message& m : r.messages)
    if (m.role == Message::Role::tool && m.tool_call_id.empty())
      return "a tool's result does not say which call it belongs to: tool_call_id is empty";
  for (const Tool& t : r.tools)
    if (t.name.empty()) return "a tool has no name";
  const bool tools_may_be_extra = !r.extra.empty() || !r.extra_for.empty();
  if (r.tool_choice.mode == ToolChoice::Mode::required && r.tools.empty() && !tools_may_be_extra)
    return "tool_choice requires a tool, and there is none";
  if (r.tool_choice.mode == ToolChoice::Mode::named) {
    for (const Tool& t : r.tools)
      if (t.name == r.tool_choice.name) return nullptr;
    return "tool_choice names a tool that is not among the tools";
  }
  return nullptr;
}

/// The bytes of a request that become prompt tokens.
inline std::int64_t prompt_bytes(const ChatRequest& r) noexcept {
  std::size_t bytes = 0;
  for (const Message& m : r.messages) {
    for (const Part& p : m.parts)
      if (!p.is_image()) bytes += p.content.size();
    for (const ToolCall& c : m.tool_calls) bytes += c.name.size() + c.arguments.size();
  }
  for (const Tool& t : r.tools) bytes += t.name.size() + t.description.size() + t.parameters.size();
  return static_cast<std::int64_t>(bytes + r.response_format.schema.size());
}

/// More than any provider will bill for a prompt: one token a byte at most, and what templates and images add.
inline std::int64_t most_prompt_tokens(const Query& q) noexcept {
  constexpr std::int64_t per_turn = 32, per_image = 4'096;
  std::int64_t tokens = prompt_bytes(q.request) + static_cast<std::int64_t>(q.request.extra.size()) + per_turn;
  for (const auto& [vendor, members] : q.request.extra_for) tokens += static_cast<std::int64_t>(members.size());
  for (const Message& m : q.request.messages) {
    tokens += per_turn + static_cast<std::int64_t>(m.thoughts.size());
    for (const ToolCall& c : m.tool_calls) tokens += static_cast<std::int64_t>(c.signature.size());
    for (const Part& p : m.parts) tokens += p.is_image() ? per_image : 0;
  }
  return tokens < q.prompt_tokens() ? q.prompt_tokens() : tokens;
}

/// Four characters a token, until somebody counts better.
inline std::int64_t estimated_tokens(const ChatRequest& r) noexcept { return (prompt_bytes(r) + 3) / 4; }

inline Capabilities needed_capabilities(const ChatRequest& r) noexcept {
  Capabilities needs;
  if (!r.tools.empty()) needs = needs | Capability::tools;
  if (r.response_format.kind == ResponseFormat::Kind::json) needs = needs | Capability::json;
  if (r.response_format.kind == ResponseFormat::Kind::schema) needs = needs | Capability::json_schema;
  for (const Message& m : r.messages)
    for (const Part& p : m.parts)
      if (p.is_image()) needs = needs | Capability::images;
  return needs;
}

/// What a request asks for beside an answer: most ask for nothing, and then there is little to look at.
struct Demands {
  bool some = false;
  bool default_group = false;      ///< of the providers only those that are tagged "default"
  const Tenant* tenant = nullptr;  ///< who asks; null: nobody whom the fleet knows
};
inline Demands demands_of(const Query& q, const Tenant* tenant = nullptr) noexcept {
  const Options& o = q.options;
  const bool lists = !o.allow.empty() || !o.deny.empty() || !o.all_tags.empty() || !o.any_tag.empty() || !o.regions.empty();
  const bool narrowed = tenant != nullptr && !tenant->providers.empty();
  return {.some = lists || narrowed || !(q.needs == Capabilities()), .tenant = tenant};
}

inline bool carries_any(const Provider& p, const std::vector<std::string>& tags) noexcept {
  for (const std::string& tag : tags)
    if (p.has_tag(tag)) return true;
  return false;
}

inline bool may_use(const Tenant* tenant, const Provider& p) noexcept {
  if (tenant == nullptr || tenant->providers.empty()) return true;
  for (const std::string& one : tenant->providers)
    if (one == p.name || p.has_tag(one)) return true;
  return false;
}

/// What does not change while the request runs: the offer, and the caller's lists.
inline Closed closed_by_request(const Provider& p, const Offer& offer, const Query& q, const Demands& demands) noexcept {
  if (offer.window > 0 && detail::saturating_add(q.prompt_tokens(), q.request.max_tokens.value_or(0)) > offer.window)
    return Closed::window;
  if (!demands.some) return Closed::open;
  if (!offer.capabilities.covers(q.needs)) {
    const auto lacks = [&](Capability c) { return q.needs.has(c) && !offer.capabilities.has(c); };
    return lacks(Capability::tools)    ? Closed::no_tools
           : lacks(Capability::images) ? Closed::no_images
           : lacks(Capability::json)   ? Closed::no_json
                                       : Closed::no_json_schema;
  }
  const Options& o = q.options;
  const auto among = [](const std::vector<std::string>& list, std::string_view name) {
    for (const std::string& one : list)
      if (one == name) return true;
    return false;
  };
  if (!may_use(demands.tenant, p)) return Closed::tenant;
  if (!o.allow.empty() && !among(o.allow, p.name)) return Closed::denied;
  if (!o.deny.empty() && among(o.deny, p.name)) return Closed::denied;
  if (!o.regions.empty() && !among(o.regions, p.region)) return Closed::region;
  for (const std::string& tag : o.all_tags)
    if (!p.has_tag(tag)) return Closed::tags;
  if (demands.default_group) return p.has_tag(default_tag) ? Closed::open : Closed::tags;
  if (!o.any_tag.empty() && !carries_any(p, o.any_tag)) return Closed::tags;
  return Closed::open;
}

/// Of prices per million tokens, which are known: does it charge more for input or for output?
inline bool dearer(const Provider& p, const Price& price, const Price& most) noexcept {
  const auto above = [&](Rate charged, Rate ceiling) {
    if (!ceiling.known()) return false;
    const double markup = p.markup > 0 ? 1 + p.markup : 1;
    return static_cast<double>(charged.nanos_per_million()) * markup > static_cast<double>(ceiling.nanos_per_million());
  };
  return above(price.input, most.input) || above(price.output, most.output);
}

}  // namespace llmroute

#endif
