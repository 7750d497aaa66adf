// SPDX-License-Identifier: MIT
// OpenAI's chat completions, the wire format that most providers speak or imitate, and the one of a provider that names
// no dialect.
#ifndef LLMROUTE_DIALECT_OPENAI_HPP
#define LLMROUTE_DIALECT_OPENAI_HPP

#include <string_view>

#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/encoding.hpp"  // append_url
#include "llmroute/dialect/errors.hpp"
#include "llmroute/dialect/openai_decode.hpp"
#include "llmroute/dialect/openai_encode.hpp"
#include "llmroute/dialect/quirks.hpp"
#include "llmroute/wire/headers.hpp"

namespace llmroute::dialect {

struct OpenAiChat {
  static constexpr std::string_view name = "openai";

  static void encode(const Outgoing& outgoing, Draft& draft) {
    detail::append_url(draft.url, outgoing.provider.url, "/chat/completions", outgoing.offer.model);
    detail::OpenAiRequest(outgoing, draft).write();
  }

  static bool event(std::string_view, std::string_view data, ReplyBuilder& builder, OnDelta deliver) {
    const std::string_view word = http::trim(data);
    if (builder.complete || word.empty()) return true;
    builder.says_end = builder.quirks != nullptr && builder.quirks->stream_end == StreamEnd::said;
    if (word == "[DONE]") {
      builder.complete = true;  // the connection is left to end by itself, so that it can be used again
      return true;
    }
    detail::OpenAiAnswer chunk(detail::OpenAiAnswer::Form::chunk, builder);
    if (!chunk.read(data)) return false;
    if (deliver && !chunk.deliver(deliver)) return false;
    return !builder.error.seen;
  }

  static bool whole(std::string_view body, ReplyBuilder& builder) {
    detail::OpenAiAnswer answer(detail::OpenAiAnswer::Form::whole, builder);
    return answer.read(body) && !builder.error.seen && builder.answered;
  }

  static void error(int status, std::string_view body, ReplyBuilder::Error& error) { read_error(status, body, error); }
};

/// What `provider.dialect` points to for this format.
inline constexpr const Dialect& openai = table<OpenAiChat>;

}  // namespace llmroute::dialect

#endif
