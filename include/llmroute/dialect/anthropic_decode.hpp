// SPDX-License-Identifier: MIT
// An answer of Anthropic's Messages API: whole, or one event of a stream after the other, and what its errors mean.
#ifndef LLMROUTE_DIALECT_ANTHROPIC_DECODE_HPP
#define LLMROUTE_DIALECT_ANTHROPIC_DECODE_HPP

#include <cmath>  // llround
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/deliver.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/errors.hpp"
#include "llmroute/dialect/thoughts.hpp"
#include "llmroute/failure.hpp"
#include "llmroute/money.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/json_reader.hpp"

namespace llmroute::dialect::detail {

// pause_turn, and whatever comes to be, is `other`.
inline Finish anthropic_finish(std::string_view word) noexcept {
  if (word == "end_turn" || word == "stop_sequence") return Finish::stop;
  if (word == "max_tokens" || word == "model_context_window_exceeded") return Finish::length;
  if (word == "tool_use") return Finish::tool_calls;
  return word == "refusal" ? Finish::content_filter : Finish::other;
}

/// Fills `error` with what an answer of that status says of itself. An error type goes before the status, and stands for
/// it in a 200, where phrases then count as they do elsewhere.
inline void anthropic_error(int status, const ErrorWords& words, ReplyBuilder::Error& error) {
  struct Row {
    std::string_view type;
    int status;
    std::optional<Kind> kind{};  ///< where the rules for all vendors say something else
  };
  static constexpr Row rows[]{
      {"invalid_request_error", 400},
      {"authentication_error", 401},
      {"billing_error", 402, Kind::quota_exhausted},
      {"permission_error", 403, Kind::unauthorized},
      {"not_found_error", 404},
      {"request_too_large", 413, Kind::context_too_long},
      {"rate_limit_error", 429},
      {"api_error", 500},
      {"timeout_error", 504, Kind::timed_out},
      {"overloaded_error", 529},
  };
  const Row* said = nullptr;
  for (const Row& row : rows)
    if (http::iequals(row.type, words.type)) said = &row;
  const bool good = status >= 200 && status < 300;
  set_error(good && said != nullptr ? said->status : status, words, error);
  if (said != nullptr && said->kind) error.kind = *said->kind;
}

/// Reads one JSON text into a builder. Views and pieces are for one text: make a new one for the next.
class AnthropicAnswer {
 public:
  explicit AnthropicAnswer(ReplyBuilder& to)
      : to_(to), text_from_(to.text.size()), reasoning_from_(to.reasoning.size()), refusal_from_(to.refusal.size()) {
    to.pieces.clear();
  }

  /// One event. False: it is no JSON object, or brings more tool calls than there can be.
  bool event(std::string_view name, std::string_view json) {
    Members m;
    if (!m.read(json)) return malformed();
    json::Reader type_in(m.type);
    std::string_view type = type_in.text();
    if (type.empty()) type = name;
    if (failed(type, m, json)) return true;
    if (type == "message_start") {
      Members start;
      start.read(m.message);
      to_.answered = json::Reader(m.message).kind() == json::Kind::object;
      word(start.model, to_.model);
      usage(start.usage);
    } else if (type == "content_block_start") {
      to_.answered = true;
      block(m.content_block, m.index);
    } else if (type == "content_block_delta") {
      more(m.delta, m.index);
    } else if (type == "content_block_stop") {
      if (const auto call = call_of(m.index)) close(*call);
    } else if (type == "message_delta") {
      Members delta;
      delta.read(m.delta);
      stopped(delta);
      // The count of a message_start is a beginning: it must not be taken for that of a stream that broke.
      to_.usage.reported = usage(m.usage) || to_.usage.reported;
    } else if (type == "message_stop") {
      for (std::size_t i = 0; i < to_.tool_calls.size(); ++i) close(i);
      to_.usage.reported = to_.usage.reported || to_.usage.total() > 0;
      to_.complete = true;
      finish();
    }
    return !too_many_ || malformed();
  }

  /// A whole reply. False: it is none.
  bool whole(std::string_view json) {
    Members m;
    if (!m.read(json)) return false;
    json::Reader type_in(m.type), content(m.content);
    if (failed(type_in.text(), m, json) || content.kind() != json::Kind::array) return false;
    content.array([&](std::size_t index) { block(content.raw(), static_cast<std::int64_t>(index)); });
    for (std::size_t i = 0; i < to_.tool_calls.size(); ++i) close(i);
    word(m.model, to_.model);
    to_.usage.reported = usage(m.usage);
    stopped(m);
    finish();
    to_.answered = true;
    return !too_many_;
  }

  /// What this event brought, as views into the builder. False: nobody wants more.
  bool deliver(OnDelta sink) const { return detail::deliver(to_, reasoning_from_, text_from_, refusal_from_, sink); }

 private:
  static constexpr std::size_t most_calls = 1'024;

  // What is known of the members of an event, a message, a block or a delta, as JSON. They come in any order, `type` also
  // behind what it explains.
  struct Members {
    std::string_view type{}, message{}, content_block{}, delta{}, usage{}, error{}, model{}, content{}, stop_reason{},
        stop_details{}, text{}, thinking{}, signature{}, citation{}, citations{}, partial_json{}, id{}, name{}, input{};
    std::int64_t index = 0;

    bool read(std::string_view json) {
      struct Row {
        std::string_view name;
        std::string_view Members::* to;
      };
      static constexpr Row rows[]{
          {"type", &Members::type},
          {"message", &Members::message},
          {"content_block", &Members::content_block},
          {"delta", &Members::delta},
          {"usage", &Members::usage},
          {"error", &Members::error},
          {"model", &Members::model},
          {"content", &Members::content},
          {"stop_reason", &Members::stop_reason},
          {"stop_details", &Members::stop_details},
          {"text", &Members::text},
          {"thinking", &Members::thinking},
          {"signature", &Members::signature},
          {"citation", &Members::citation},
          {"citations", &Members::citations},
          {"partial_json", &Members::partial_json},
          {"id", &Members::id},
          {"name", &Members::name},
          {"input", &Members::input},
      };
      json::Reader in(json);
      const bool is_object = in.object([&](std::string_view key) {
        if (key == "index") in.integer(index);
        for (const Row& row : rows)
          if (row.name == key) this->*row.to = in.raw();
      });
      if (index < 0) index = 0;
      return is_object && in.done();
    }
  };

  static bool append(std::string_view json, std::string& to) { return json::Reader(json).append_text(to); }
  static void word(std::string_view json, std::string& to) {
    json::Reader in(json);
    const std::string_view text = in.text();
    if (!text.empty()) to = text;
  }

  bool malformed() {
    to_.malformed = true;
    return false;
  }

  bool failed(std::string_view type, const Members& m, std::string_view json) {
    if (type != "error" && (m.error.empty() || !error_words(m.error).found)) return false;
    anthropic_error(200, error_words(json), to_.error);
    return true;
  }

  // Blocks of other types, the calls of the vendor's own tools among them, are passed over.
  void block(std::string_view json, std::int64_t index) {
    Members m;
    m.read(json);
    json::Reader type_in(m.type);
    const std::string_view type = type_in.text();
    if (type == "text") text(m);
    else if (type == "thinking") append(m.thinking, to_.reasoning), thought(m, index);
    else if (type == "redacted_thinking") ThoughtList(to_).add(json);
    if (type != "tool_use") return;
    too_many_ = too_many_ || to_.tool_calls.size() == most_calls;
    if (too_many_) return;
    ToolCall& call = to_.tool_calls.emplace_back();
    word(m.id, call.id);
    word(m.name, call.name);
    bool any = false;
    json::Reader(m.input).object([&](std::string_view) { any = true; });
    if (any) call.arguments = m.input;
    to_.call_indices.push_back(any ? ~index : index);  // negative: the arguments wait, pieces may come in their place
    to_.pieces.push_back({.call = to_.tool_calls.size() - 1, .id = true, .name = true});
  }

  void text(const Members& m) {
    append(m.text, to_.text);
    json::Reader in(m.citations);
    in.array([&] { to_.keep_more("citations", in.raw()); });
  }

  // A thought goes back with its signature, or not at all; some of them are signed alone.
  void thought(const Members& m, std::int64_t index) {
    ThoughtList thoughts(to_);
    thoughts.begin(R"({"type":"thinking","thinking":""})", std::to_string(index));
    thoughts.grow(m.thinking);
    if (m.signature.size() > 2) sign(m.signature);
  }
  void sign(std::string_view signature) {
    ThoughtList thoughts(to_);
    thoughts.member("signature");
    thoughts.grow(signature);
    to_.growing_thought.clear();
  }

  std::optional<std::size_t> call_of(std::int64_t index) const {
    for (std::size_t i = to_.call_indices.size(); i-- > 0;)
      if (to_.call_indices[i] == index || to_.call_indices[i] == ~index) return i;
    return std::nullopt;
  }

  void more(std::string_view json, std::int64_t index) {
    Members m;
    m.read(json);
    json::Reader type_in(m.type);
    const std::string_view type = type_in.text();
    if (type == "text_delta") append(m.text, to_.text);
    else if (type == "citations_delta") to_.keep_more("citations", m.citation);
    else if (type == "thinking_delta") append(m.thinking, to_.reasoning);
    if (ThoughtList thoughts(to_); thoughts.grows(std::to_string(index))) {
      if (type == "thinking_delta") thoughts.grow(m.thinking);
      else if (type == "signature_delta") sign(m.signature);
    }
    if (type != "input_json_delta") return;
    const auto found = call_of(index);
    std::string part;
    if (!found || !append(m.partial_json, part) || part.empty()) return;
    std::string& arguments = to_.tool_calls[*found].arguments;
    if (to_.call_indices[*found] < 0) arguments.clear();
    to_.call_indices[*found] = index;
    to_.pieces.push_back({.call = *found, .from = arguments.size(), .size = part.size()});
    arguments += part;
  }

  // No more arguments come: those of the beginning count, and where there were none they are {}.
  void close(std::size_t i) {
    std::string& arguments = to_.tool_calls[i].arguments;
    if (to_.call_indices[i] >= 0 && !arguments.empty()) return;
    if (arguments.empty()) arguments = "{}";
    else to_.call_indices[i] = ~to_.call_indices[i];
    to_.pieces.push_back({.call = i, .size = arguments.size()});
  }

  void stopped(const Members& m) {
    word(m.stop_reason, to_.finish_reason);
    json::Reader in(m.stop_details);
    in.object([&](std::string_view key) {
      if (key == "explanation" && to_.refusal.empty()) in.text(to_.refusal);
    });
  }

  // Only when all has been said: a finish lets a stream pass for a whole one.
  void finish() {
    if (to_.finish_reason.empty()) return;
    to_.finish = anthropic_finish(to_.finish_reason);
    if (to_.finish == Finish::stop && !to_.tool_calls.empty()) to_.finish = Finish::tool_calls;
  }

  // Figures are never summed: the last ones count, and one that is not repeated stays. What was read from a cache and what
  // was written to one is counted apart there, and is part of `prompt` here.
  bool usage(std::string_view json) {
    std::int64_t input = -1, read = -1, written = -1, output = -1, thought = -1;
    double cost = 0;
    json::Reader in(json);
    in.object([&](std::string_view key) {
      if (key == "input_tokens") in.integer(input);
      else if (key == "cache_read_input_tokens") in.integer(read);
      else if (key == "cache_creation_input_tokens") in.integer(written);
      else if (key == "output_tokens") in.integer(output);
      else if (key == "output_tokens_details")
        in.object([&](std::string_view k) {
          if (k == "thinking_tokens") in.integer(thought);
        });
      else if (key == "cost" && in.number(cost) && cost >= 0 && cost < 9e9) to_.billed = Money::nanos(std::llround(cost * 1e9));
    });
    if (input >= 0) to_.counted.prompt = input;
    if (output >= 0) to_.counted.completion = output;
    const bool all = input >= 0 && read >= 0 && written >= 0;
    std::int64_t sum = 0;
    for (const std::int64_t part : {input, read, written})
      if (part > 0) sum = llmroute::detail::saturating_add(sum, part);
    if (all || sum > to_.usage.prompt) to_.usage.prompt = sum;
    if (read >= 0) to_.usage.cached = read;
    if (written >= 0) to_.usage.cache_written = written;
    if (output >= 0) to_.usage.completion = output;
    if (thought >= 0) to_.usage.reasoning = thought;
    return input >= 0 || output >= 0;
  }

  ReplyBuilder& to_;
  std::size_t text_from_, reasoning_from_, refusal_from_;
  bool too_many_ = false;
};

}  // namespace llmroute::dialect::detail

#endif
