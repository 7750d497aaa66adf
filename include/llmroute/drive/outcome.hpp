// SPDX-License-Identifier: MIT
// What every driver hands to the caller in the end: the winner's reply, or the failure with what the caller had got.
#ifndef LLMROUTE_DRIVE_OUTCOME_HPP
#define LLMROUTE_DRIVE_OUTCOME_HPP

#include <utility>

#include "llmroute/result.hpp"
#include "llmroute/route/attempt.hpp"
#include "llmroute/route/exchange.hpp"

namespace llmroute::drive {

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
  r.vendor = x.provider(winner).family();
  r.thoughts = std::move(b.thoughts);
  r.model = b.model.empty() ? x.offer(winner).model.text() : std::move(b.model);
  r.category = x.query().category;
  r.strategy = x.strategy();
  r.id = x.query().id;
  r.request_id = std::move(b.request_id);
  r.trail = x.race().trail();
  r.first_content = x.race().committed() ? Elapsed(x.first_content(winner)) : r.latency;
  return r;
}

}  // namespace llmroute::drive

#endif
