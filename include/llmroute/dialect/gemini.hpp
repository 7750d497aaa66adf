// SPDX-License-Identifier: MIT
// Google's generateContent, the native wire format of Gemini, at its own address or at Vertex AI's:
//
//     Provider{.name = "gemini",
//              .url = "https://generativelanguage.googleapis.com/v1beta",
//              .dialect = &dialect::gemini,
//              .model = "gemini-2.5-flash",
//              .key = key,
//              .key_field = {"x-goog-api-key", ""}}
//
// At Vertex the URL ends in /projects/<project>/locations/<location>/publishers/google, and the key is a bearer token.
//
// Not provided, and why:
// - Signatures of thoughts go back to the vendor that gave them alone. Models from Gemini 3 on insist on one with a call:
//   those of other vendors get Google's word for "none at hand".
// - Arguments of a call in pieces (streamFunctionCallArguments, Vertex only) are refused: they are paths, not JSON.
// - Of several candidates the first is read. Pictures, sound, code that Google ran and citations are passed over.
#ifndef LLMROUTE_DIALECT_GEMINI_HPP
#define LLMROUTE_DIALECT_GEMINI_HPP

#include <string_view>

#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/gemini_decode.hpp"
#include "llmroute/dialect/gemini_encode.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/json_reader.hpp"

namespace llmroute::dialect {

struct GeminiGenerate {
  static constexpr std::string_view name = "gemini";
  static constexpr Streams streams =
      Streams::events_or_objects;  // where something on the way drops the alt=sse that is asked for

  static void encode(const Outgoing& outgoing, Draft& draft) { detail::GeminiRequest(outgoing, draft).write(); }

  /// There is no [DONE]: what ends a stream well is a finish reason with nothing behind it, and a connection that ends well.
  static bool event(std::string_view, std::string_view data, ReplyBuilder& builder, OnDelta deliver) {
    if (http::trim(data).empty()) return true;
    detail::GeminiAnswer chunk(builder);
    if (!chunk.read(data)) return false;
    if (deliver && !chunk.deliver(deliver)) return false;
    return !builder.error.seen;
  }

  static bool whole(std::string_view body, ReplyBuilder& builder) {
    json::Reader in(body);
    if (in.kind() != json::Kind::array) {
      if (!detail::GeminiAnswer(builder).read(body)) return false;
      const bool says_something = builder.finish || !builder.text.empty() || !builder.tool_calls.empty();
      return !builder.error.seen && builder.answered && says_something;
    }
    if (!json::valid(body)) {  // first of all, so that nothing of half an answer is kept
      builder.malformed = true;
      return false;
    }
    bool good = true;
    in.array([&] { good = good && detail::GeminiAnswer(builder).read(in.raw()) && !builder.error.seen; });
    return good && builder.answered && builder.finish.has_value();
  }

  static void error(int status, std::string_view body, ReplyBuilder::Error& error) {
    detail::read_gemini_error(status, body, error);
  }
};

/// What `provider.dialect` points to for this format.
inline constexpr const Dialect& gemini = table<GeminiGenerate>;

}  // namespace llmroute::dialect

#endif
