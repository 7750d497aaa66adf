// SPDX-License-Identifier: MIT
// An answer in the words of Gemini's generateContent: whole, or one chunk of a stream after the other; they look alike.
#ifndef LLMROUTE_DIALECT_GEMINI_DECODE_HPP
#define LLMROUTE_DIALECT_GEMINI_DECODE_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/call_ids.hpp"
#include "llmroute/dialect/deliver.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/errors.hpp"
#include "llmroute/money.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/json_reader.hpp"

namespace llmroute::dialect::detail {

/// What a finish reason means, by its name or by its number (`$alt=json;enum-encoding=int`). Only numbers on which
/// Gemini and Vertex agree have a row.
inline Finish gemini_finish_of(std::string_view word) noexcept {
  struct Row {
    std::string_view word;
    Finish finish;
  };
  static constexpr Row rows[]{
      {"STOP", Finish::stop},
      {"1", Finish::stop},
      {"MAX_TOKENS", Finish::length},
      {"2", Finish::length},
      {"SAFETY", Finish::content_filter},
      {"3", Finish::content_filter},
      {"RECITATION", Finish::content_filter},
      {"4", Finish::content_filter},
      {"BLOCKLIST", Finish::content_filter},
      {"PROHIBITED_CONTENT", Finish::content_filter},
      {"SPII", Finish::content_filter},
      {"7", Finish::content_filter},
      {"8", Finish::content_filter},
      {"MODEL_ARMOR", Finish::content_filter},
      {"IMAGE_SAFETY", Finish::content_filter},
      {"IMAGE_PROHIBITED_CONTENT", Finish::content_filter},
      {"IMAGE_RECITATION", Finish::content_filter},
  };
  for (const Row& row : rows)
    if (http::iequals(row.word, word)) return row.finish;
  return Finish::other;
}

// Whether a quota that is violated is one of a day: the texts do not say, the names of quotas do.
inline bool names_daily_quota(json::Reader& in, int depth = 0) {
  bool daily = false;
  if (depth > 6) return daily;
  in.array([&] { daily = names_daily_quota(in, depth + 1) || daily; });
  in.object([&](std::string_view key) {
    if (key == "quotaId") daily = in.text().find("PerDay") != std::string_view::npos || daily;
    else if (key == "error" || key == "details" || key == "violations") daily = names_daily_quota(in, depth + 1) || daily;
  });
  return daily;
}

/// The error in a body of that status. Google's 504 is a model that took too long, and a quota of a day is one that waiting
/// will not mend soon, whatever `retryDelay` says.
inline void read_gemini_error(int status, std::string_view body, ReplyBuilder::Error& error) {
  read_error(status, body, error);
  const ErrorWords words = error_words(body);
  if (error.kind == Kind::server_error && words.type == "DEADLINE_EXCEEDED") error.kind = Kind::timed_out;
  json::Reader in(body);
  if (error.kind == Kind::rate_limited && names_daily_quota(in)) error.kind = Kind::quota_exhausted;
}

/// Reads one JSON text into a builder. Views and pieces are for one text: make a new one for the next.
class GeminiAnswer {
 public:
  explicit GeminiAnswer(ReplyBuilder& to)
      : to_(to), text_from_(to.text.size()), reasoning_from_(to.reasoning.size()), calls_from_(to.tool_calls.size()) {
    to.pieces.clear();
  }

  /// False: it is no JSON object, and nothing was taken from it; or it is one that cannot be read.
  bool read(std::string_view json) {
    std::string_view candidates, feedback, used, model;
    bool failed = false;
    json::Reader in(json);
    const bool is_object = in.object([&](std::string_view key) {
      if (key == "candidates") candidates = in.raw();
      else if (key == "promptFeedback") feedback = in.raw();
      else if (key == "usageMetadata") used = in.raw();
      else if (key == "modelVersion") model = in.raw();
      else if (key == "responseId") response_ = in.raw();
      else if (key == "error") failed = in.kind() != json::Kind::null;
    });
    if (!is_object || !in.done()) return broken();
    json::Reader candidates_in(candidates), model_in(model);
    candidates_in.array([&](std::size_t position) { candidate(candidates_in, position); });
    if (const std::string_view name = model_in.text(); !name.empty()) to_.model = name;
    usage(used);
    if (failed) read_gemini_error(200, json, to_.error);
    else if (!any_) blocked(feedback);
    if (to_.finish == Finish::stop && !to_.tool_calls.empty()) to_.finish = Finish::tool_calls;  // it has no word for that
    return !too_many_ || broken();
  }

  /// What this text brought, as views into the builder. False: nobody wants more.
  bool deliver(OnDelta sink) const { return detail::deliver(to_, reasoning_from_, text_from_, to_.refusal.size(), sink); }

 private:
  static constexpr std::size_t most_calls = 1'024;

  bool broken() {
    to_.malformed = true;
    return false;
  }

  void candidate(json::Reader& in, std::size_t position) {
    any_ = true;
    auto index = static_cast<std::int64_t>(position);
    std::string_view content, reason, grounding, citations;
    in.object([&](std::string_view key) {
      if (key == "index") in.integer(index);
      else if (key == "content") content = in.raw();
      else if (key == "finishReason") reason = in.raw();
      else if (key == "groundingMetadata") grounding = in.raw();
      else if (key == "citationMetadata") citations = in.raw();
    });
    if (index != 0) return;
    if (!grounding.empty()) to_.keep("groundingMetadata", grounding);
    if (!citations.empty()) to_.keep("citationMetadata", citations);
    json::Reader content_in(content), reason_in(reason);
    if (content_in.kind() == json::Kind::object) to_.answered = true;
    content_in.object([&](std::string_view key) {
      if (key == "parts") content_in.array([&] { part(content_in); });
    });
    // With tools of Google's own an end is announced more than once. Where more came behind it, it was none: a stream that
    // is cut then must not pass for a whole one.
    if (to_.text.size() > text_from_ || to_.reasoning.size() > reasoning_from_ || to_.tool_calls.size() > calls_from_) {
      to_.finish.reset();
      to_.finish_reason.clear();
    }
    const std::string_view word = reason_in.kind() == json::Kind::number ? reason : reason_in.text();
    if (word.empty() || word == "0" || word == "FINISH_REASON_UNSPECIFIED") return;
    to_.answered = true;
    to_.finish_reason = word;
    to_.finish = gemini_finish_of(word);
  }

  // Code that Google ran, what it found and pictures are no text, and passed over.
  void part(json::Reader& in) {
    bool thought = false;
    std::string_view text, call, signature;
    in.object([&](std::string_view key) {
      if (key == "thought") in.boolean(thought);  // it may stand behind the text
      else if (key == "thoughtSignature") signature = in.raw();
      else if (key == "text") text = in.raw();
      else if (key == "functionCall") call = in.raw();
    });
    json::Reader text_in(text), call_in(call);
    text_in.append_text(thought ? to_.reasoning : to_.text);
    if (call_in.kind() == json::Kind::object) tool_call(call_in, signature);
    else if (signature.size() > 2 && signature.front() == '"') to_.thoughts = signature;
  }

  void tool_call(json::Reader& in, std::string_view signature) {
    ToolCall call;
    json::Reader(signature).text(call.signature);
    bool piecemeal = false;
    in.object([&](std::string_view key) {
      if (key == "name") in.text(call.name);
      else if (key == "id") in.text(call.id);
      else if (key == "args" && in.kind() != json::Kind::null) call.arguments = in.raw();
      else if (key == "partialArgs" || key == "willContinue") piecemeal = true;
    });
    if (piecemeal && !to_.error.seen) {  // half of its arguments would be a call that the model never made
      to_.error.seen = true;
      to_.error.kind = Kind::request_invalid;
      to_.error.message = "arguments in pieces cannot be read: leave streamFunctionCallArguments out of the request";
    }
    too_many_ = too_many_ || to_.tool_calls.size() == most_calls;
    if (too_many_ || piecemeal) return;
    if (call.arguments.empty()) call.arguments = "{}";
    if (call.id.empty() || is_taken(call.id, to_.tool_calls)) make_id(call, response_, to_.tool_calls);
    const std::size_t size = call.arguments.size();
    to_.pieces.push_back({.call = to_.tool_calls.size(), .from = 0, .size = size, .id = true, .name = true});
    to_.call_indices.push_back(-1);
    to_.tool_calls.push_back(std::move(call));
  }

  // A prompt that was refused has no candidates, and a Reply without a word would say less than a failure.
  void blocked(std::string_view feedback) {
    std::string reason, message;
    json::Reader in(feedback);
    in.object([&](std::string_view key) {
      if (key == "blockReason" && !in.text(reason) && in.kind() == json::Kind::number) reason = in.raw();
      else if (key == "blockReasonMessage") in.text(message);
    });
    if (reason.empty()) return;
    to_.error.seen = true;
    to_.error.kind = Kind::content_filtered;
    to_.error.message = "the prompt was blocked: " + reason;
    if (!message.empty()) to_.error.message.append(": ").append(message);
  }

  // Never summed: each chunk repeats the figures, growing. Thoughts stand beside the candidates and what tools of Google's
  // own added beside the prompt; both are billed with them. Vertex begins with figures that count nothing.
  void usage(std::string_view json) {
    Usage usage;
    ReplyBuilder::Counted counted;
    std::int64_t tools = 0;
    bool any = false;
    json::Reader in(json);
    const auto count = [&in](std::int64_t& to) {
      std::int64_t value = 0;
      if (!in.integer(value) || value < 0) return false;
      to = value;
      return true;
    };
    in.object([&](std::string_view key) {
      if (key == "promptTokenCount" && count(usage.prompt)) counted.prompt = usage.prompt;
      else if (key == "toolUsePromptTokenCount") count(tools);
      else if (key == "cachedContentTokenCount") count(usage.cached);
      else if (key == "candidatesTokenCount" && count(usage.completion)) counted.completion = usage.completion;
      else if (key == "thoughtsTokenCount") any = count(usage.reasoning) || any;
    });
    if (!any && !counted.prompt && !counted.completion) return;
    to_.counted = counted;
    usage.prompt = llmroute::detail::saturating_add(usage.prompt, tools);
    usage.completion = llmroute::detail::saturating_add(usage.completion, usage.reasoning);
    usage.reported = true;
    to_.usage = usage;
  }

  ReplyBuilder& to_;
  std::size_t text_from_, reasoning_from_, calls_from_;
  std::string_view response_{};  // its id, as JSON
  bool any_ = false;
  bool too_many_ = false;
};

}  // namespace llmroute::dialect::detail

#endif
