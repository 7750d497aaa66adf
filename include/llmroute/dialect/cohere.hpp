// SPDX-License-Identifier: MIT
// Cohere's chat, version 2:
//
//     Provider{.name = "cohere", .url = "https://api.cohere.com/v2", .dialect = &dialect::cohere,
//              .model = "command-a-03-2025", .key = key}
//
// `documents`, `k` and `safety_mode` are members of `extra`; citations are in `reply.extra`.
//
// Not provided, and why:
// - The plan that a model makes before it calls tools is read as reasoning, and does not go back with its turn.
// - Cohere counts more tokens (`tokens`) than it charges for (`billed_units`). The count is what is reported, as everywhere
//   else, so that costs come out a little high.
#ifndef LLMROUTE_DIALECT_COHERE_HPP
#define LLMROUTE_DIALECT_COHERE_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/deliver.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/encoding.hpp"
#include "llmroute/dialect/errors.hpp"
#include "llmroute/dialect/openai_decode.hpp"  // finish_of
#include "llmroute/dialect/openai_encode.hpp"
#include "llmroute/money.hpp"  // saturating_add
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/json_reader.hpp"

namespace llmroute::dialect {

namespace detail {

/// Writes one request. Turns and tools are OpenAI's, the settings have names of their own.
class CohereRequest : OpenAiRequest {
 public:
  CohereRequest(const Outgoing& outgoing, Draft& draft) : OpenAiRequest(outgoing, draft) {}

  void write() {
    if (!begin()) return;
    needed_model("Cohere");
    messages();
    tools();
    response_format();
    number("temperature", chat_.temperature);
    number("p", chat_.top_p);
    number("presence_penalty", chat_.presence_penalty);
    number("frequency_penalty", chat_.frequency_penalty);
    if (chat_.seed && wanted("seed")) w_.number(*chat_.seed & 0x7FFF'FFFF'FFFF'FFFF);  // it takes none below 0
    if (!chat_.stop.empty() && wanted("stop_sequences")) strings(chat_.stop);
    if (out_.max_tokens && wanted("max_tokens")) w_.number(*out_.max_tokens);
    if (const auto wish = effort(); wish && wanted("thinking")) think(*wish);
    if (wanted("stream")) w_.boolean(out_.delivery == Delivery::stream);
    end();
  }

 private:
  // Thoughts are part of the tokens that it may write.
  void think(Effort effort) {
    constexpr std::int64_t budgets[]{0, 1'024, 8'192, 24'576};
    std::int64_t budget = budgets[static_cast<std::size_t>(effort)];
    if (out_.max_tokens && budget > *out_.max_tokens / 2) budget = *out_.max_tokens / 2;
    w_.begin_object().key("type").text(budget > 0 ? "enabled" : "disabled");
    if (budget > 0) w_.key("token_budget").number(budget);
    w_.end_object();
  }

  // One tool cannot be asked for by its name, but it can be the only one there is.
  void tools() {
    using Mode = ToolChoice::Mode;
    const ToolChoice& choice = chat_.tool_choice;
    std::string_view only;
    if (choice.mode == Mode::named) {
      only = choice.name;
      bool found = false;
      for (const Tool& tool : chat_.tools) found = found || tool.name == only;
      if (!found) wrong("tool_choice", only, "is none of the tools");
    }
    if (!chat_.tools.empty() && wanted("tools")) function_tools(only);
    if (!chooses_freely() && wanted("tool_choice")) w_.text(choice.mode == Mode::none ? "NONE" : "REQUIRED");
  }

  void response_format() {
    const ResponseFormat& format = chat_.response_format;
    if (format.kind == ResponseFormat::Kind::text || !wanted("response_format")) return;
    w_.begin_object().key("type").text("json_object");
    if (format.kind == ResponseFormat::Kind::schema) {
      w_.key("json_schema");
      schema(format.schema, "schema of response_format", format.name);
    }
    w_.end_object();
  }
};

/// Reads one JSON text into a builder: a whole reply, or an event, whose `delta` is made like one. Make a new one for the
/// next.
class CohereAnswer {
 public:
  explicit CohereAnswer(ReplyBuilder& to) : to_(to), text_from_(to.text.size()), reasoning_from_(to.reasoning.size()) {
    to.pieces.clear();
  }

  /// False: it is no JSON object, and nothing was taken from it; or there are more calls than there can be.
  bool read(std::string_view json) {
    std::string_view delta;
    std::string type;
    json::Reader in(json);
    const bool is_object = in.object([&](std::string_view key) {
      if (key == "type") in.text(type);
      else if (key == "index") in.integer(index_);  // it may stand behind what it numbers
      else if (key == "delta" && in.kind() == json::Kind::object) delta = in.raw();
    });
    if (!is_object || !in.done()) return broken();
    json::Reader reply_in(delta.empty() ? json : delta);
    reply(reply_in);
    if (type == "message-end") to_.complete = true;
    if (failed_) fail(delta.empty() ? json : delta);
    return !too_many_ || broken();
  }

  /// What this text brought, as views into the builder. False: nobody wants more.
  bool deliver(OnDelta sink) const { return detail::deliver(to_, reasoning_from_, text_from_, 0, sink); }

 private:
  static constexpr std::int64_t most_calls = 1'024;

  bool broken() {
    to_.malformed = true;
    return false;
  }

  void reply(json::Reader& in) {
    in.object([&](std::string_view key) {
      if (key == "message") message(in);
      else if (key == "finish_reason") finish(in.text());
      else if (key == "usage") usage(in);
      else if (key == "error") failed_ = failed_ || in.kind() == json::Kind::string;
    });
  }

  // In an error this is what a person shall read.
  void message(json::Reader& in) {
    if (in.kind() == json::Kind::string) failed_ = true;
    if (in.kind() == json::Kind::object) to_.answered = true;
    in.object([&](std::string_view key) {
      if (key == "content") one_or_many(in, [&] { content(in); });
      else if (key == "tool_plan") in.append_text(to_.reasoning);
      else if (key == "tool_calls") one_or_many(in, [&] { tool_call(in); });
      else if (key == "citations") one_or_many(in, [&] { to_.keep_more("citations", in.raw()); });
    });
  }

  // A list in a whole reply, one of it in an event.
  template <class Read>
  static void one_or_many(json::Reader& in, Read read) {
    if (in.kind() == json::Kind::array) in.array(read);
    else read();
  }

  void content(json::Reader& in) {
    if (in.append_text(to_.text)) return;
    in.object([&](std::string_view key) {
      if (key == "text") in.append_text(to_.text);
      else if (key == "thinking") in.append_text(to_.reasoning);
    });
  }

  void tool_call(json::Reader& in) {
    if (in.kind() != json::Kind::object) return;
    std::string id, name, arguments;
    in.object([&](std::string_view key) {
      if (key == "id") in.text(id);
      else if (key == "function")
        in.object([&](std::string_view k) {
          if (k == "name") in.text(name);
          else if (k == "arguments" && !in.text(arguments) && in.kind() == json::Kind::object) arguments = in.raw();
        });
    });
    const std::size_t at = call_of(index_);
    if (too_many_) return;
    ToolCall& call = to_.tool_calls[at];
    if (call.arguments.empty() && arguments == "null") arguments.clear();  // its word for none
    to_.pieces.push_back({.call = at,
                          .from = call.arguments.size(),
                          .size = arguments.size(),
                          .id = call.id.empty() && !id.empty(),
                          .name = call.name.empty() && !name.empty()});
    if (call.id.empty()) call.id = id;
    if (call.name.empty()) call.name = name;
    call.arguments += arguments;
  }

  std::size_t call_of(std::int64_t index) {
    for (std::size_t i = to_.tool_calls.size(); index >= 0 && i-- > 0;)
      if (to_.call_indices[i] == index) return i;
    too_many_ = too_many_ || to_.tool_calls.size() == std::size_t{most_calls};
    if (too_many_) return 0;
    to_.tool_calls.emplace_back();
    to_.call_indices.push_back(index);
    return to_.tool_calls.size() - 1;
  }

  void finish(std::string_view reason) {
    if (reason.empty()) return;
    to_.finish_reason = reason;
    to_.finish = finish_of(reason);
    failed_ = failed_ || reason == "ERROR" || reason == "TIMEOUT";
  }

  void fail(std::string_view json) {
    read_error(200, json, to_.error);
    if (to_.error.kind == Kind::malformed_reply) to_.error.kind = Kind::server_error;  // without a code, that is all it says
    if (to_.finish_reason == "TIMEOUT") to_.error.kind = Kind::timed_out;
  }

  // Thoughts are part of the output; pictures stand beside the input, and are charged with it.
  void usage(json::Reader& in) {
    Tokens tokens, billed;
    std::int64_t cached = 0;
    in.object([&](std::string_view key) {
      if (key == "tokens") tokens.read(in);
      else if (key == "billed_units") billed.read(in);
      else if (key == "cached_tokens") count(in, cached);
    });
    const Tokens& known = tokens.input || tokens.output ? tokens : billed;
    if (!known.input && !known.output) return;
    to_.counted = {.prompt = known.input, .completion = known.output};
    to_.usage = {.prompt = llmroute::detail::saturating_add(known.input.value_or(0), known.images),
                 .completion = known.output.value_or(0),
                 .cached = cached,
                 .reasoning = known.reasoning,
                 .reported = true};
  }
  struct Tokens {
    std::optional<std::int64_t> input{}, output{};
    std::int64_t images = 0, reasoning = 0;

    void read(json::Reader& in) {
      std::int64_t value = 0;
      in.object([&](std::string_view key) {
        if (!count(in, value)) return;
        if (key == "input_tokens") input = value;
        else if (key == "output_tokens") output = value;
        else if (key == "reasoning_tokens") reasoning = value;
        else if (key == "image_tokens") images = value;
      });
    }
  };
  static bool count(json::Reader& in, std::int64_t& to) {
    std::int64_t value = 0;
    if (!in.integer(value) || value < 0) return false;
    to = value;
    return true;
  }

  ReplyBuilder& to_;
  std::size_t text_from_, reasoning_from_;
  std::int64_t index_ = -1;
  bool failed_ = false;
  bool too_many_ = false;
};

}  // namespace detail

struct CohereChat {
  static constexpr std::string_view name = "cohere";

  static void encode(const Outgoing& outgoing, Draft& draft) {
    detail::append_url(draft.url, outgoing.provider.url, "/chat", outgoing.offer.model);
    detail::CohereRequest(outgoing, draft).write();
  }

  /// Its own end is `message-end`; a [DONE] behind that says no more.
  static bool event(std::string_view, std::string_view data, ReplyBuilder& builder, OnDelta deliver) {
    const std::string_view word = http::trim(data);
    if (builder.complete || word.empty() || word == "[DONE]") return true;
    builder.says_end = true;
    detail::CohereAnswer chunk(builder);
    if (!chunk.read(data)) return false;
    if (deliver && !chunk.deliver(deliver)) return false;
    return !builder.error.seen;
  }

  static bool whole(std::string_view body, ReplyBuilder& builder) {
    return detail::CohereAnswer(builder).read(body) && !builder.error.seen && builder.answered;
  }

  static void error(int status, std::string_view body, ReplyBuilder::Error& error) { read_error(status, body, error); }
};

/// What `provider.dialect` points to for this format.
inline constexpr const Dialect& cohere = table<CohereChat>;

}  // namespace llmroute::dialect

#endif
