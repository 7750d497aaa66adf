// SPDX-License-Identifier: MIT
// What every driver hands to the caller in the end: the winner's reply, or the failure with what the caller had got.
#ifndef LLMROUTE_DRIVE_OUTCOME_HPP
#define LLMROUTE_DRIVE_OUTCOME_HPP

#include <string>
#include <utility>
#include <vector>

#include "llmroute/dialect/call_ids.hpp"
#include "llmroute/result.hpp"
#include "llmroute/route/attempt.hpp"
#include "llmroute/route/exchange.hpp"
#include "llmroute/wire/json_writer.hpp"

namespace llmroute::drive {

/// Members as one object; empty where there are none, or where one is no JSON.
inline std::string object_of(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string object;
  if (members.empty()) return object;
  json::Writer w(object);
  w.begin_object();
  for (const auto& [name, value] : members) w.key(name).raw(value);
  if (!w.end_object().done()) object.clear();
  return object;
}

/// `io`: the attempt that has won, or else whose content the caller had; null where there is neither.
template <class Policies>
Result<Reply> outcome(const Exchange<Policies>& x, Attempt* io, Time now) {
  const AttemptId winner = x.race().winner();
  if (!winner) {
    Failure f = x.failure(now);
    if (io != nullptr && x.race().committed()) {
      f.partial = std::move(io->reply().text);
      f.usage = io->reply().usage;
    }
    return f;
  }
  ReplyBuilder& b = io->reply();
  Reply r;
  r.text = std::move(b.text);
  r.reasoning = std::move(b.reasoning);
  r.refusal = std::move(b.refusal);
  r.tool_calls = std::move(b.tool_calls);
  r.finish = b.finish.value_or(Finish::other);
  r.finish_reason = std::move(b.finish_reason);
  r.usage = b.usage;
  r.cost = x.cost();
  r.latency = now - x.race().begun();
  r.provider = std::string_view(x.provider(winner).name);
  r.extra = object_of(b.extra);
  r.vendor = x.provider(winner).family();
  r.thoughts = std::move(b.thoughts);
  r.model = b.model.empty() ? x.offer(winner).model.text() : std::move(b.model);
  r.category = x.query().category;
  r.strategy = x.strategy();
  r.id = x.query().id;
  r.request_id = std::move(b.request_id);
  // Whoever answers a call has to name it, also where its provider did not.
  for (ToolCall& call : r.tool_calls)
    if (call.id.empty()) dialect::detail::make_id(call, std::to_string(r.id), r.tool_calls);
  r.trail = x.race().trail();
  r.first_content = x.race().committed() ? Elapsed(x.first_content(winner)) : r.latency;
  return r;
}

}  // namespace llmroute::drive

#endif
