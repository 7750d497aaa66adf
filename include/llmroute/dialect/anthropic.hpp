// SPDX-License-Identifier: MIT
// Anthropic's Messages API. Its providers need a key field and a version:
//
//     Provider claude{.name = "claude", .url = "https://api.anthropic.com/v1", .dialect = &dialect::anthropic};
//     claude.key_field = {"x-api-key", ""};
//     claude.fields = {{"anthropic-version", "2023-06-01"}};
//
// What of a request is changed, dropped or refused stands in anthropic_encode.hpp.
#ifndef LLMROUTE_DIALECT_ANTHROPIC_HPP
#define LLMROUTE_DIALECT_ANTHROPIC_HPP

#include <string_view>

#include "llmroute/dialect/anthropic_decode.hpp"
#include "llmroute/dialect/anthropic_encode.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/encoding.hpp"  // append_url
#include "llmroute/dialect/errors.hpp"
#include "llmroute/wire/headers.hpp"

namespace llmroute::dialect {

struct AnthropicMessages {
  static constexpr std::string_view name = "anthropic";

  static void encode(const Outgoing& outgoing, Draft& draft) {
    detail::append_url(draft.url, outgoing.provider.url, "/messages", outgoing.offer.model);
    detail::AnthropicRequest(outgoing, draft).write();
  }

  static bool event(std::string_view event_name, std::string_view data, ReplyBuilder& builder, OnDelta deliver) {
    const std::string_view word = http::trim(data);
    if (builder.complete || word.empty() || word == "[DONE]") return true;  // which gateways add, and which ends nothing
    builder.says_end = true;
    detail::AnthropicAnswer answer(builder);
    if (!answer.event(event_name, data)) return false;
    if (deliver && !answer.deliver(deliver)) return false;
    return !builder.error.seen;
  }

  static bool whole(std::string_view body, ReplyBuilder& builder) { return detail::AnthropicAnswer(builder).whole(body); }

  static void error(int status, std::string_view body, ReplyBuilder::Error& error) {
    const ErrorWords words = error_words(body);
    detail::anthropic_error(status, words, error);
    if (!words.found) error.message = detail::trimmed(body);
  }
};

/// What `provider.dialect` points to for this format.
inline constexpr const Dialect& anthropic = table<AnthropicMessages>;

}  // namespace llmroute::dialect

#endif
