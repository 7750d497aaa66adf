// SPDX-License-Identifier: MIT
// How each dialect hands on what one event of a stream brought.
#ifndef LLMROUTE_DIALECT_DELIVER_HPP
#define LLMROUTE_DIALECT_DELIVER_HPP

#include <cstddef>
#include <string_view>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/dialect.hpp"

namespace llmroute::dialect::detail {

/// As views into the builder: what its texts have behind those places, and the pieces of tool calls. False: nobody wants more.
inline bool deliver(const ReplyBuilder& from, std::size_t reasoning_from, std::size_t text_from, std::size_t refusal_from,
                    OnDelta sink) {
  const std::string_view thought = std::string_view(from.reasoning).substr(reasoning_from);
  const std::string_view text = std::string_view(from.text).substr(text_from);
  const std::string_view refusal = std::string_view(from.refusal).substr(refusal_from);
  if (!thought.empty() && !sink({.what = Delta::What::reasoning, .text = thought})) return false;
  if (!text.empty() && !sink({.what = Delta::What::text, .text = text})) return false;
  if (!refusal.empty() && !sink({.what = Delta::What::refusal, .text = refusal})) return false;
  for (const ReplyBuilder::Piece& piece : from.pieces) {
    const ToolCall& call = from.tool_calls[piece.call];
    Delta delta{.what = Delta::What::tool_call, .text = std::string_view(call.arguments).substr(piece.from, piece.size)};
    delta.index = piece.call;
    if (piece.id) delta.id = call.id;
    if (piece.name) delta.name = call.name;
    if (!sink(delta)) return false;
  }
  return true;
}

}  // namespace llmroute::dialect::detail

#endif
