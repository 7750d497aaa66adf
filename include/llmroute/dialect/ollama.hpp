// SPDX-License-Identifier: MIT
// Ollama's own chat, for models on this machine and for Ollama's cloud (https://ollama.com, with a key):
//
//     Provider{.name = "ollama",
//              .url = "http://127.0.0.1:11434",   // what stands before /api/chat
//              .dialect = &dialect::ollama,
//              .model = "qwen3:4b"}
//
// Its other interface speaks OpenAI's words. This one can be told how large the window shall be (`"options":{"num_ctx":8192}`)
// and how long a model stays loaded (`"keep_alive":"1h"`): members of `extra`.
//
// Not provided, and why:
// - Images by URL, and a tool choice that forces a call: Ollama has neither, so another provider is asked.
// - What a model thought does not go back with its turn; `Message` keeps no thoughts that are plain text.
#ifndef LLMROUTE_DIALECT_OLLAMA_HPP
#define LLMROUTE_DIALECT_OLLAMA_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/call_ids.hpp"
#include "llmroute/dialect/deliver.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/encoding.hpp"
#include "llmroute/dialect/errors.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_stream.hpp"

namespace llmroute::dialect {

namespace detail {

/// Writes one request. An extra `options` is laid over the one that is written here.
class OllamaRequest : NestedSettings {
 public:
  OllamaRequest(const Outgoing& outgoing, Draft& draft) : NestedSettings(outgoing, draft, "options") {}

  void write() {
    if (!begin()) return;
    needed_model("Ollama");
    messages();
    tools();
    const ResponseFormat& format = chat_.response_format;
    if (format.kind != ResponseFormat::Kind::text && wanted("format")) {
      if (format.kind == ResponseFormat::Kind::json) w_.text("json");
      else schema(format.schema, "schema of response_format", format.name);
    }
    if (const auto wish = effort(); wish && wanted("think")) think(*wish);
    if (wanted("stream")) w_.boolean(out_.delivery == Delivery::stream);  // it would stream unasked
    options();
    end("options");
  }

 private:
  using Role = Message::Role;

  void messages() {
    if (chat_.messages.empty() && !extras_.has("messages"))
      wrong("there are no messages: Ollama would load the model, no more");
    if (!wanted("messages")) return;
    w_.begin_array();
    for (std::size_t i = 0; i < chat_.messages.size(); ++i) turn(i);
    w_.end_array();
  }

  void turn(std::size_t at) {
    constexpr std::string_view roles[]{"system", "user", "assistant", "tool"};
    const Message& message = chat_.messages[at];
    w_.begin_object().key("role").text(roles[static_cast<std::size_t>(message.role)]);
    std::string text;
    bool images = false;
    for (const Part& part : message.parts) {
      if (part.is_image()) images = true;
      else text += part.content;
    }
    w_.key("content").text(text);
    if (images) {
      w_.key("images").begin_array();
      for (const Part& part : message.parts)
        if (part.is_image()) image(part);
      w_.end_array();
    }
    if (!message.tool_calls.empty()) {
      w_.key("tool_calls").begin_array();
      for (const ToolCall& call : message.tool_calls) tool_call(call);
      w_.end_array();
    }
    if (message.role == Role::tool) {
      if (const ToolCall* call = call_of(at)) w_.key("tool_name").text(call->name);
      w_.key("tool_call_id").text(ids_.of_result(message.tool_call_id));
    }
    w_.end_object();
  }

  void image(const Part& part) {
    constexpr std::string_view mark = ";base64,";
    std::string_view data = part.content;
    const std::size_t inside = data.starts_with("data:") ? data.find(mark) : data.npos;
    if (part.kind == Part::Kind::image_url) {
      if (inside == data.npos) unsaid("Ollama takes images by their bytes alone, not by their URL");
      else data.remove_prefix(inside + mark.size());
    }
    w_.text(data);
  }

  void tool_call(const ToolCall& call) {
    const std::string_view arguments = arguments_of(call);
    if (!is_object(arguments))
      unsaid("the arguments of a call of \"" + call.name + "\" are no JSON object, and Ollama takes nothing else");
    w_.begin_object().key("id").text(ids_.of_call(call.id)).key("function").begin_object();
    w_.key("name").text(call.name).key("arguments").raw(is_object(arguments) ? arguments : std::string_view("{}"));
    w_.end_object().end_object();
  }

  // Whose result that is: of the nearest turn with such an id; where calls of a turn share one, each takes its turn.
  const ToolCall* call_of(std::size_t result) const {
    const std::string_view id = chat_.messages[result].tool_call_id;
    std::size_t skip = 0;
    for (std::size_t turn = result; turn-- > 0;) {
      const Message& message = chat_.messages[turn];
      if (message.role == Role::tool && message.tool_call_id == id) ++skip;
      const ToolCall* last = nullptr;
      for (const ToolCall& call : message.tool_calls) {
        if (call.id != id) continue;
        last = &call;
        if (skip-- == 0) break;
      }
      if (last != nullptr) return last;
    }
    return nullptr;
  }

  void tools() {
    using Mode = ToolChoice::Mode;
    const Mode mode = chat_.tool_choice.mode;
    if (mode == Mode::required || mode == Mode::named) unsaid("Ollama cannot be made to call a tool");
    if (chat_.tools.empty()) return;
    if (mode == Mode::none) draft_.left_out("tools");  // there is no other way to say it
    else if (wanted("tools")) function_tools();
  }

  // GPT-OSS takes a degree and nothing else, all others yes or no.
  void think(Effort effort) {
    const bool degrees = out_.offer.model.text().find("gpt-oss") != std::string::npos;
    if (degrees && effort != Effort::off) w_.text(to_string(effort));
    else w_.boolean(effort != Effort::off);
  }

  void options() {
    if (!begin_settings()) return;
    if (out_.max_tokens && setting("num_predict")) w_.number(*out_.max_tokens);
    setting("temperature", chat_.temperature);
    setting("top_p", chat_.top_p);
    setting("presence_penalty", chat_.presence_penalty);
    setting("frequency_penalty", chat_.frequency_penalty);
    if (chat_.seed && setting("seed")) w_.number(*chat_.seed);
    if (!chat_.stop.empty() && setting("stop")) strings(chat_.stop);
    end_settings();
  }

  ShapedIds ids_{{.most = static_cast<std::size_t>(-1)}};
};

/// Reads one object into a builder: a line of a stream, or a whole reply; they look alike. Make a new one for the next.
class OllamaAnswer {
 public:
  explicit OllamaAnswer(ReplyBuilder& to) : to_(to), text_from_(to.text.size()), reasoning_from_(to.reasoning.size()) {
    to.pieces.clear();
  }

  /// False: it is no JSON object, and nothing was taken from it; or there are more calls than there can be.
  bool read(std::string_view json) {
    std::string_view message;
    std::string model, reason;
    ReplyBuilder::Counted counted;
    bool done = false, failed = false;
    json::Reader in(json);
    const bool is_object = in.object([&](std::string_view key) {
      if (key == "message") message = in.raw();
      else if (key == "model") in.text(model);
      else if (key == "created_at") made_at_ = in.raw();
      else if (key == "done") in.boolean(done);
      else if (key == "done_reason") in.text(reason);
      else if (key == "prompt_eval_count") count(in, counted.prompt);
      else if (key == "eval_count") count(in, counted.completion);
      else if (key == "error") failed = in.kind() != json::Kind::null;
    });
    if (!is_object || !in.done()) return broken();
    if (!model.empty()) to_.model = std::move(model);
    if (counted.prompt || counted.completion) {
      to_.counted = counted;
      to_.usage = {.prompt = counted.prompt.value_or(0), .completion = counted.completion.value_or(0), .reported = true};
    }
    json::Reader message_in(message);
    if (message_in.kind() == json::Kind::object) to_.answered = true;
    message_in.object([&](std::string_view key) {
      if (key == "content") message_in.append_text(to_.text);
      else if (key == "thinking") message_in.append_text(to_.reasoning);
      else if (key == "tool_calls") message_in.array([&] { tool_call(message_in); });
    });
    if (failed) fail(json);
    if (done) finish(reason);
    return !too_many_ || broken();
  }

  /// What this text brought, as views into the builder. False: nobody wants more.
  bool deliver(OnDelta sink) const { return detail::deliver(to_, reasoning_from_, text_from_, 0, sink); }

 private:
  static constexpr std::size_t most_calls = 1'024;

  bool broken() {
    to_.malformed = true;
    return false;
  }

  // The count of the prompt is left out where all of it was in a cache.
  static void count(json::Reader& in, std::optional<std::int64_t>& to) {
    std::int64_t value = 0;
    if (in.integer(value) && value >= 0) to = value;
  }

  // A line says no code: that it says an error at all is what is known.
  void fail(std::string_view json) {
    read_error(200, json, to_.error);
    if (to_.error.kind == Kind::malformed_reply) to_.error.kind = Kind::server_error;
  }

  // Older ones give no reason. One says "load" or "unload" to a request that asks nothing.
  void finish(std::string& reason) {
    to_.complete = true;
    to_.finish = reason.empty() || reason == "stop" ? Finish::stop : reason == "length" ? Finish::length : Finish::other;
    if (to_.finish == Finish::stop && !to_.tool_calls.empty()) to_.finish = Finish::tool_calls;  // it has no word for that
    if (reason == "load" || reason == "unload") to_.answered = false;
    to_.finish_reason = std::move(reason);
  }

  // Whole, each in one line; the numbers that some have begin anew with each.
  void tool_call(json::Reader& in) {
    ToolCall call;
    in.object([&](std::string_view key) {
      if (key == "id") in.text(call.id);
      else if (key == "function")
        in.object([&](std::string_view k) {
          if (k == "name") in.text(call.name);
          else if (k == "arguments" && in.kind() != json::Kind::null && !in.text(call.arguments)) call.arguments = in.raw();
        });
    });
    too_many_ = too_many_ || to_.tool_calls.size() == most_calls;
    if (too_many_) return;
    if (call.id.empty() || is_taken(call.id, to_.tool_calls)) make_id(call, made_at_, to_.tool_calls);
    const std::size_t size = call.arguments.size();
    to_.pieces.push_back({.call = to_.tool_calls.size(), .from = 0, .size = size, .id = true, .name = true});
    to_.tool_calls.push_back(std::move(call));
  }

  ReplyBuilder& to_;
  std::size_t text_from_, reasoning_from_;
  std::string_view made_at_{};  // as JSON
  bool too_many_ = false;
};

}  // namespace detail

struct OllamaChat {
  static constexpr std::string_view name = "ollama";
  static constexpr Streams streams = Streams::events_or_objects;

  static void encode(const Outgoing& outgoing, Draft& draft) {
    detail::append_url(draft.url, outgoing.provider.url, "/api/chat", outgoing.offer.model);
    detail::OllamaRequest(outgoing, draft).write();
  }

  static bool event(std::string_view, std::string_view data, ReplyBuilder& builder, OnDelta deliver) {
    if (builder.complete) return true;
    detail::OllamaAnswer line(builder);
    if (!line.read(data)) return false;
    if (deliver && !line.deliver(deliver)) return false;
    return !builder.error.seen;
  }

  /// Also a stream that nobody asked for: some proxies know no other way.
  static bool whole(std::string_view body, ReplyBuilder& builder) {
    json_stream::Parser lines;
    lines.feed(body, [&](std::string_view line) { return event({}, line, builder, {}); });
    return builder.complete && builder.answered && !builder.error.seen && !builder.malformed;
  }

  static void error(int status, std::string_view body, ReplyBuilder::Error& error) { read_error(status, body, error); }
};

/// What `provider.dialect` points to for this format.
inline constexpr const Dialect& ollama = table<OllamaChat>;

}  // namespace llmroute::dialect

#endif
