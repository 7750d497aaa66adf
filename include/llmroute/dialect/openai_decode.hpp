// SPDX-License-Identifier: MIT
// An answer in OpenAI's words, as the many providers that imitate them write it: whole, or one chunk of a stream after
// the other.
#ifndef LLMROUTE_DIALECT_OPENAI_DECODE_HPP
#define LLMROUTE_DIALECT_OPENAI_DECODE_HPP

#include <cmath>  // llround
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/deliver.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/errors.hpp"
#include "llmroute/dialect/quirks.hpp"
#include "llmroute/dialect/thoughts.hpp"
#include "llmroute/money.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"

namespace llmroute::dialect::detail {

inline Finish finish_of(std::string_view word) noexcept {
  struct Row {
    std::string_view word;
    Finish finish;
  };
  static constexpr Row rows[]{
      {"stop", Finish::stop},
      {"eos", Finish::stop},
      {"end_turn", Finish::stop},
      {"stop_sequence", Finish::stop},
      {"complete", Finish::stop},
      {"length", Finish::length},
      {"max_tokens", Finish::length},
      {"tool_calls", Finish::tool_calls},
      {"function_call", Finish::tool_calls},
      {"tool_use", Finish::tool_calls},
      {"tool_call", Finish::tool_calls},
      {"content_filter", Finish::content_filter},
      {"safety", Finish::content_filter},
      {"sensitive", Finish::content_filter},
  };
  for (const Row& row : rows)
    if (http::iequals(row.word, word)) return row.finish;
  return Finish::other;
}

/// Reads one JSON text into a builder. Views and pieces are for one text: make a new one for the next.
class OpenAiAnswer {
 public:
  enum class Form : std::uint8_t { chunk, whole };

  OpenAiAnswer(Form form, ReplyBuilder& to)
      : whole_(form == Form::whole), to_(to), text_from_(to.text.size()), reasoning_from_(to.reasoning.size()),
        refusal_from_(to.refusal.size()) {
    to.pieces.clear();
  }

  /// False: it is no JSON object, of which nothing counts (a figure or a word that a cut has shortened reads like any other),
  /// or more tool calls than there can be.
  bool read(std::string_view json) {
    std::string_view choices, error, used, used_at_groq, model, citations, results;
    std::string object;
    json::Reader in(json);
    if (in.kind() == json::Kind::array && json::valid(json)) {  // as Google wraps its errors
      const ErrorWords words = error_words(json);
      to_.malformed = to_.malformed || !words.found;
      if (words.found) set_error(200, words, to_.error);
      return words.found;
    }
    const bool is_object = in.object([&](std::string_view key) {
      if (key == "choices") choices = in.raw();
      else if (key == "usage") used = in.raw();
      else if (key == "x_groq")
        in.object([&](std::string_view k) {
          if (k == "usage") used_at_groq = in.raw();
        });
      else if (key == "model") model = in.raw();
      else if (key == "object") in.text(object);
      else if (key == "citations") citations = in.raw();
      else if (key == "search_results") results = in.raw();
      else if (key == "error" && error_words(in.raw()).found) error = json;  // some put the code beside it
    });
    if (!is_object || !in.done()) return broken();
    keep("citations", citations);
    keep("search_results", results);
    json::Reader choices_in(choices);
    choices_in.array([&](std::size_t position) { choice(choices_in, position, error); });
    if (too_many_) return broken();
    word(model, to_.model);
    if (!to_.usage.reported) usage(used_at_groq);  // it comes again in a later chunk, under its own name
    usage(used);
    // What is no part of a reply says what went wrong, if it says anything.
    const bool counts = !used.empty() || !used_at_groq.empty();
    const bool apart = !choices_ && object.empty() && !counts && !error_words(json).message.empty();
    if (object == "error" || (whole_ && !choices_) || apart) error = json;
    if (const ErrorWords words = error_words(error); words.found) set_error(200, words, to_.error);
    if (to_.finish_reason == "error" && !to_.error.seen) {
      to_.error.seen = true;
      to_.error.kind = Kind::server_error;
      to_.error.message = "finish_reason: error";
    }
    // Some say "stop" to a tool call, above all to one that was asked for by name.
    if (to_.finish == Finish::stop && !to_.tool_calls.empty()) to_.finish = Finish::tool_calls;
    return true;
  }

  /// What this text brought, as views into the builder. False: nobody wants more.
  bool deliver(OnDelta sink) const { return detail::deliver(to_, reasoning_from_, text_from_, refusal_from_, sink); }

 private:
  static constexpr std::int64_t most_calls = 1'024;

  // A list that grows comes whole each time.
  void keep(std::string_view name, std::string_view json) {
    if (json::Reader(json).kind() == json::Kind::array) to_.keep(name, json);
  }

  static void word(std::string_view json, std::string& to) {
    json::Reader in(json);
    const std::string_view text = in.text();
    if (!text.empty()) to = text;
  }

  bool broken() {
    to_.text.resize(text_from_);
    to_.reasoning.resize(reasoning_from_);
    to_.refusal.resize(refusal_from_);
    to_.malformed = true;
    return false;
  }

  void choice(json::Reader& in, std::size_t position, std::string_view& error) {
    choices_ = true;
    std::int64_t index = static_cast<std::int64_t>(position);
    std::string_view said, reason, failed;
    in.object([&](std::string_view key) {
      if (key == "index") in.integer(index);  // it may stand behind what it numbers
      else if (key == (whole_ ? "message" : "delta")) said = in.raw();
      else if (key == "finish_reason") reason = in.raw();
      else if (key == "error") failed = in.raw();
    });
    if (index != 0) return;
    json::Reader reason_in(reason), said_in(said);
    // Azure leaves the message out where it filters all of it.
    if (said_in.kind() == json::Kind::object || reason_in.kind() == json::Kind::string) to_.answered = true;
    word(reason, to_.finish_reason);
    if (!to_.finish_reason.empty()) to_.finish = finish_of(to_.finish_reason);
    message(said_in);
    if (error.empty() && error_words(failed).found) error = failed;
  }

  void message(json::Reader& in) {
    bool thought = false;  // some say the same under both names
    in.object([&](std::string_view key) {
      if (key == "content") content(in);
      else if (key == "reasoning" || key == "reasoning_content") {
        const std::string_view said = in.raw();
        json::Reader said_in(said);
        if (key == "reasoning_content") to_go_back(said);
        thought = thought || (append(said_in, to_.reasoning) && to_.reasoning.size() > reasoning_from_);
      } else if (key == "reasoning_details") details(in);
      else if (key == "annotations") in.array([&] { to_.keep_more("annotations", in.raw()); });
      else if (key == "extra_content") signature_in(in, to_.thoughts, Signature::as_json);
      else if (key == "refusal") append(in, to_.refusal);
      else if (key == "tool_calls") in.array([&] { tool_call(in); });
      else if (key == "function_call") function_call(in);
    });
  }

  // What some vendors want to hear again, as an object that is valid after each piece.
  void to_go_back(std::string_view thought) {
    if (to_.quirks == nullptr || !to_.quirks->hears_thoughts || !ThoughtList::is_text(thought)) return;
    if (!to_.thoughts.starts_with('{')) to_.thoughts = R"({"reasoning_content":""})";
    to_.thoughts.resize(to_.thoughts.size() - 2);
    to_.thoughts.append(thought.substr(1));
    to_.thoughts.push_back('}');
  }

  // OpenRouter's thoughts, which go back as they are. A stream brings them in pieces, the text first, then its signature.
  void details(json::Reader& in) {
    if (whole_ && in.kind() == json::Kind::array) to_.thoughts = in.raw();
    else in.array([&] { detail(in.raw()); });
  }
  void detail(std::string_view json) {
    std::string which, begin;
    std::string_view text, signature;
    std::string text_name;
    json::Writer w(begin);
    json::Reader in(json);
    w.begin_object();
    in.object([&](std::string_view key) {
      const std::string_view value = in.raw();
      if ((key == "text" || key == "summary") && ThoughtList::is_text(value)) text = value, text_name = key;
      else if (key == "signature") signature = ThoughtList::is_text(value) ? value : std::string_view();
      else w.key(key).raw(value);
      if (key == "type" || key == "index") which += value;
    });
    ThoughtList thoughts(to_);
    if (text.empty() && signature.empty()) return thoughts.add(json);
    if (!thoughts.grows(which)) {
      w.key(text_name.empty() ? std::string_view("text") : std::string_view(text_name)).text("").end_object();
      thoughts.begin(begin, which);
    }
    thoughts.grow(text);
    if (signature.empty()) return;
    thoughts.member("signature");
    thoughts.grow(signature);
    to_.growing_thought.clear();
  }

  enum class Signature : bool { as_text, as_json };

  // Gemini's, where it speaks OpenAI's words.
  static void signature_in(json::Reader& in, std::string& to, Signature form) {
    in.object([&](std::string_view vendor) {
      if (vendor == "google")
        in.object([&](std::string_view key) {
          if (key != "thought_signature") return;
          if (form == Signature::as_text) in.text(to);
          else if (in.kind() == json::Kind::string) to = in.raw();
        });
    });
  }

  static bool append(json::Reader& in, std::string& to) { return in.append_text(to); }

  // A string, or a list of parts, some of which are thoughts: Mistral's "thinking", or "reasoning" with a summary.
  void content(json::Reader& in) {
    if (append(in, to_.text)) return;
    in.array([&] {
      std::string_view type, text;
      in.object([&](std::string_view key) {
        if (key == "type") type = in.raw();
        else if (key == "text") text = in.raw();
        else if (key == "thinking" || key == "summary") thinking(in);
      });
      json::Reader type_in(type), text_in(text);
      append(text_in, type_in.text() == "reasoning" ? to_.reasoning : to_.text);
    });
  }
  void thinking(json::Reader& in) {
    if (append(in, to_.reasoning)) return;
    in.array([&] {
      in.object([&](std::string_view key) {
        if (key == "text") append(in, to_.reasoning);
      });
    });
  }

  // What is called and with what, as JSON.
  struct Function {
    std::string_view name{}, arguments{};
  };
  static Function function(json::Reader& in) {
    Function said;
    in.object([&](std::string_view key) {
      if (key == "name") said.name = in.raw();
      else if (key == "arguments") said.arguments = in.raw();
    });
    return said;
  }

  void tool_call(json::Reader& in) {
    std::int64_t index = -1;
    std::string_view id_json;
    std::string signature;
    Function said;
    in.object([&](std::string_view key) {
      if (key == "index") in.integer(index);
      else if (key == "extra_content") signature_in(in, signature, Signature::as_text);
      else if (key == "id") id_json = in.raw();
      else if (key == "function") said = function(in);
    });
    add_piece(index, id_json, said, signature);
  }

  // What tool calls were once: one to a reply, without an id. Some send it along empty.
  void function_call(json::Reader& in) {
    const Function said = function(in);
    json::Reader name_in(said.name);
    const bool begins = !name_in.text().empty(), goes_on = !whole_ && !to_.tool_calls.empty();
    if (begins || goes_on) add_piece(-1, {}, said, {});
  }

  void add_piece(std::int64_t index, std::string_view id_json, const Function& said, std::string_view signature) {
    const std::string_view arguments = said.arguments;
    json::Reader id_in(id_json), name_in(said.name), arguments_in(arguments);
    const std::string_view id = id_in.text(), name = name_in.text();
    const json::Kind kind = arguments_in.kind();
    const bool is_container = kind == json::Kind::object || kind == json::Kind::array;
    const bool is_text = kind == json::Kind::string && arguments.size() > 2;  // more than its quotes
    if (id.empty() && name.empty() && !is_container && !is_text) return;      // what says nothing makes no call
    const std::size_t at = call_of(index, id, name);
    if (too_many_) return;
    ToolCall& call = to_.tool_calls[at];
    if (!signature.empty()) call.signature = signature;
    ReplyBuilder::Piece piece{.call = at, .from = call.arguments.size()};
    // Some repeat both with each piece.
    if (call.id.empty() && !id.empty()) call.id = id, piece.id = true;
    if (call.name.empty() && !name.empty()) call.name = name, piece.name = true;
    if (is_container) call.arguments.append(arguments);
    else append(arguments_in, call.arguments);
    piece.size = call.arguments.size() - piece.from;
    if (piece.size != 0 || piece.id || piece.name) to_.pieces.push_back(piece);
  }

  // Which call a piece belongs to: by its index, else by its id, else the last one.
  std::size_t call_of(std::int64_t index, std::string_view id, std::string_view name) {
    std::vector<ToolCall>& calls = to_.tool_calls;
    if (whole_) return add_call(index);
    if (index < 0 && id.empty()) return name.empty() && !calls.empty() ? calls.size() - 1 : add_call(index);
    for (std::size_t i = calls.size(); i-- > 0;) {
      if (index < 0 ? calls[i].id != id : to_.call_indices[i] != index) continue;
      // Some send several calls under one index.
      const bool another = !id.empty() && !calls[i].id.empty() && id != calls[i].id && !name.empty();
      return another ? add_call(index) : i;
    }
    return add_call(index);
  }
  std::size_t add_call(std::int64_t index) {
    too_many_ = too_many_ || index >= most_calls || index < -1 || to_.tool_calls.size() == std::size_t{most_calls};
    if (too_many_) return 0;
    to_.tool_calls.emplace_back();
    to_.call_indices.push_back(index);
    return to_.tool_calls.size() - 1;
  }

  // A number, or the sum of an object.
  static bool dollars(json::Reader& in, double& cost) {
    if (in.number(cost)) return true;
    bool said = false;
    in.object([&](std::string_view key) {
      if (key == "total_cost") said = in.number(cost);
    });
    return said;
  }

  // Figures are never summed: many providers repeat them, growing, with each chunk.
  void usage(std::string_view json) {
    json::Reader in(json);
    Usage usage;
    ReplyBuilder::Counted counted;
    std::int64_t total = 0;
    const auto count = [&in](std::int64_t& to) {
      std::int64_t value = 0;
      if (!in.integer(value) || value < 0) return false;
      if (value > to) to = value;  // where one figure comes under two names, the larger one is meant
      return true;
    };
    const auto part = [&](std::string_view name, std::int64_t& to) {
      in.object([&](std::string_view key) {
        if (key == name) count(to);
      });
    };
    double cost = 0;
    in.object([&](std::string_view key) {
      if (key == "prompt_tokens" && count(usage.prompt)) counted.prompt = usage.prompt;
      else if (key == "completion_tokens" && count(usage.completion)) counted.completion = usage.completion;
      else if (key == "total_tokens") count(total);
      else if (key == "prompt_tokens_details")
        in.object([&](std::string_view k) {
          if (k == "cached_tokens") count(usage.cached);
          else if (k == "cache_write_tokens") count(usage.cache_written);
        });
      else if (key == "completion_tokens_details") part("reasoning_tokens", usage.reasoning);
      else if (key == "cached_tokens" || key == "prompt_cache_hit_tokens" || key == "num_cached_tokens" ||
               key == "cache_read_input_tokens")
        count(usage.cached);
      else if (key == "reasoning_tokens") count(usage.reasoning);
      else if (key == "cost" && dollars(in, cost) && cost >= 0 && cost < 9e9)
        to_.billed = Money::nanos(std::llround(cost * 1e9));
    });
    if (!counted.prompt && !counted.completion) return;
    to_.counted = counted;
    // Some count thoughts beside the completion, not in it, and not all of these name them; the total tells.
    const std::int64_t sum = llmroute::detail::saturating_add(usage.prompt, usage.completion);
    const bool beside = to_.quirks != nullptr && to_.quirks->thoughts == Thoughts::beside_completion;
    const bool with_them = usage.reasoning > 0 && total == llmroute::detail::saturating_add(sum, usage.reasoning);
    if (beside && usage.reasoning == 0 && total > sum) usage.reasoning = total - sum;
    if (with_them || (beside && (total > sum || total == 0)))
      usage.completion = llmroute::detail::saturating_add(usage.completion, usage.reasoning);
    usage.reported = true;
    to_.usage = usage;
  }

  bool whole_;
  bool choices_ = false;
  bool too_many_ = false;
  ReplyBuilder& to_;
  std::size_t text_from_, reasoning_from_, refusal_from_;
};

}  // namespace llmroute::dialect::detail

#endif
