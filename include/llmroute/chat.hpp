// SPDX-License-Identifier: MIT
// What is asked and what comes back: turns, tools, the request; the reply, and the pieces of one that streams.
#ifndef LLMROUTE_CHAT_HPP
#define LLMROUTE_CHAT_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "llmroute/failure.hpp"
#include "llmroute/function_ref.hpp"
#include "llmroute/money.hpp"
#include "llmroute/time.hpp"
#include "llmroute/usage.hpp"

namespace llmroute {

/// A piece of a turn: text, or an image by URL or by its bytes.
struct Part {
  enum class Kind : std::uint8_t { text, image_url, image_bytes };
  Kind kind = Kind::text;
  std::string content{};     ///< the text, the URL, or the bytes in base64
  std::string media_type{};  ///< of bytes: "image/png"

  Part() = default;
  template <class T>
    requires std::convertible_to<T, std::string_view>
  Part(const T& text) : content(std::string_view(text)) {}

  static Part text(std::string t) { return Part(Kind::text, std::move(t), {}); }
  static Part image_url(std::string url) { return Part(Kind::image_url, std::move(url), {}); }
  static Part image(std::string base64, std::string media_type) {
    return Part(Kind::image_bytes, std::move(base64), std::move(media_type));
  }
  bool is_image() const noexcept { return kind != Kind::text; }
  friend bool operator==(const Part&, const Part&) = default;

 private:
  Part(Kind k, std::string c, std::string m) : kind(k), content(std::move(c)), media_type(std::move(m)) {}
};

/// A model's wish to call a tool. `arguments` is JSON as the model wrote it, which may be cut or wrong.
struct ToolCall {
  std::string id{};
  std::string name{};
  std::string arguments{};
  std::string signature{};  ///< of the thought behind it; only the vendor that gave it can read it
  friend bool operator==(const ToolCall&, const ToolCall&) = default;
};

/// One turn of a conversation: `Message::user("Why?")`.
struct Message {
  enum class Role : std::uint8_t { system, user, assistant, tool };
  Role role = Role::user;
  std::vector<Part> parts{};
  std::vector<ToolCall> tool_calls{};  ///< of an assistant turn
  std::string tool_call_id{};          ///< of a tool's result
  std::string vendor{};                ///< whose model said it; signatures and thoughts go back to that vendor alone
  std::string thoughts{};              ///< JSON that only this vendor understands, such as signed thoughts

  static Message system(std::string text) { return of(Role::system, std::move(text)); }
  static Message user(std::string text) { return of(Role::user, std::move(text)); }
  static Message user(std::initializer_list<Part> parts) { return {.role = Role::user, .parts = parts}; }
  static Message user(std::vector<Part> parts) { return {.role = Role::user, .parts = std::move(parts)}; }
  static Message assistant(std::string text, std::vector<ToolCall> calls = {}) {
    Message m = of(Role::assistant, std::move(text));
    m.tool_calls = std::move(calls);
    return m;
  }
  static Message tool(std::string call_id, std::string result) {
    Message m = of(Role::tool, std::move(result));
    m.tool_call_id = std::move(call_id);
    return m;
  }
  friend bool operator==(const Message&, const Message&) = default;

 private:
  static Message of(Role role, std::string text) {
    Message m{.role = role};
    if (!text.empty()) m.parts.push_back(Part::text(std::move(text)));
    return m;
  }
};

/// The turns of a request. A bare string is one user turn.
struct Messages : std::vector<Message> {
  Messages() = default;
  Messages(std::initializer_list<Message> turns) : vector(turns) {}
  Messages(std::vector<Message> turns) : vector(std::move(turns)) {}
  template <class T>
    requires std::convertible_to<T, std::string_view>
  Messages(const T& prompt) {
    push_back(Message::user(std::string(std::string_view(prompt))));
  }
};

/// Turns that were kept: a Messages, or a std::vector of them.
template <class T>
concept Conversation = std::derived_from<T, std::vector<Message>>;

/// A function that the model may ask for.
struct Tool {
  std::string name{};
  std::string description{};
  std::string parameters{};  ///< a JSON schema; empty: no parameters
};

struct ToolChoice {
  enum class Mode : std::uint8_t { automatic, none, required, named };
  Mode mode = Mode::automatic;
  std::string name{};  ///< of the tool, where it is named

  static ToolChoice none() { return {.mode = Mode::none}; }
  static ToolChoice required() { return {.mode = Mode::required}; }
  static ToolChoice named(std::string tool) { return {.mode = Mode::named, .name = std::move(tool)}; }
};

struct ResponseFormat {
  enum class Kind : std::uint8_t { text, json, schema };
  Kind kind = Kind::text;
  std::string name{};    ///< of the schema
  std::string schema{};  ///< a JSON schema

  static ResponseFormat json() { return {.kind = Kind::json}; }
  static ResponseFormat of_schema(std::string name, std::string schema) {
    return {.kind = Kind::schema, .name = std::move(name), .schema = std::move(schema)};
  }
};

/// How much a model thinks before it answers.
enum class Effort : std::uint8_t { off, low, medium, high };

constexpr std::string_view to_string(Effort e) noexcept {
  constexpr std::string_view names[]{"off", "low", "medium", "high"};
  return names[static_cast<std::size_t>(e)];
}

/// What is asked. `router.complete({.messages = "Why is the sky blue?", .model = "llama-3.1-8b"})`.
struct ChatRequest {
  Messages messages{};
  std::string model{};  ///< a logical or a vendor's own name; empty: each provider's default model
  std::optional<std::int64_t> max_tokens{};
  std::optional<double> temperature{};
  std::optional<double> top_p{};
  std::optional<double> presence_penalty{};
  std::optional<double> frequency_penalty{};
  std::optional<std::int64_t> seed{};
  std::vector<std::string> stop{};
  std::optional<Effort> effort{};  ///< not set: as its model likes; a model that has no choice is asked without
  std::vector<Tool> tools{};
  ToolChoice tool_choice{};
  ResponseFormat response_format{};
  std::string extra{};                                           ///< a JSON object: members that go to the provider as they are
  std::vector<std::pair<std::string, std::string>> extra_for{};  ///< a vendor or a provider, and an object for it alone
};

/// In one piece, or as it is made.
enum class Delivery : std::uint8_t { whole, stream };

/// Why the model stopped.
enum class Finish : std::uint8_t { stop, length, tool_calls, content_filter, other };

constexpr std::string_view to_string(Finish f) noexcept {
  constexpr std::string_view names[]{"stop", "length", "tool_calls", "content_filter", "other"};
  return names[static_cast<std::size_t>(f)];
}

template <class Stream>
  requires requires(Stream& s) { s << std::string_view{}; }
Stream& operator<<(Stream& out, Finish f) {
  out << to_string(f);
  return out;
}

/// A success. It owns all that it says.
struct Reply {
  std::string text{};
  std::string reasoning{};  ///< what the model showed of its thoughts
  std::string refusal{};    ///< what it said instead of an answer
  std::vector<ToolCall> tool_calls{};
  Finish finish = Finish::stop;
  std::string finish_reason{};  ///< in the provider's word
  Usage usage{};
  Cost cost{};        ///< of all attempts, as far as it is known
  Elapsed latency{};  ///< of the whole request, failed attempts included
  Elapsed first_content{};
  ProviderName provider{};
  std::string vendor{};      ///< of the provider: who understands the next one, and the signatures of tool calls
  std::string thoughts{};    ///< see `Message::thoughts`
  std::string model{};       ///< as the provider named it
  std::string category{};    ///< as the classifier saw it
  std::string strategy{};    ///< that ranked it
  std::string extra{};       ///< a JSON object: what else the provider said, such as citations; empty: nothing
  std::uint64_t id = 0;      ///< of this request, for feedback and logs
  std::string request_id{};  ///< the provider's, for its support
  Trail trail{};

  /// The turn to append to the conversation.
  Message message() const {
    Message m = Message::assistant(text.empty() ? refusal : text, tool_calls);
    m.vendor = vendor;
    m.thoughts = thoughts;
    return m;
  }
};

/// A piece of a reply that streams: views that last for the call.
struct Delta {
  enum class What : std::uint8_t {
    text,
    reasoning,
    refusal,    ///< what it says instead of an answer
    tool_call,  ///< `text` is a piece of the arguments of call number `index`
    discard     ///< what came before is void: another provider begins anew
  };
  What what = What::text;
  std::string_view text{};
  std::size_t index = 0;
  std::string_view id{};    ///< of a tool call, with its first piece; empty: the provider gave none, and the reply will
  std::string_view name{};  ///< likewise
};

/// Takes the pieces of a stream. A callable that returns bool stops it with false; one that returns nothing never does.
class OnDelta {
  using Function = FunctionRef<bool(const Delta&)>;

 public:
  constexpr OnDelta() noexcept = default;
  template <class F>
    requires std::is_same_v<F, Function>  // and nothing that only converts to one
  constexpr OnDelta(F f) noexcept : call_(f) {}
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, OnDelta> && !std::is_same_v<std::remove_cvref_t<F>, Function> &&
             (std::is_void_v<std::invoke_result_t<F&, const Delta&>> ||  // not just anything: printf's 0 is no wish to stop
              std::is_same_v<std::remove_cvref_t<std::invoke_result_t<F&, const Delta&>>, bool>))
  OnDelta(F&& f) noexcept
      : call_(detail::address_of(f), [](void* o, const Delta& d) {
          auto& function = detail::callable_at<std::remove_reference_t<F>>(o);
          if constexpr (std::is_void_v<std::invoke_result_t<F&, const Delta&>>) return function(d), true;
          else return function(d);
        }) {}

  constexpr explicit operator bool() const noexcept { return static_cast<bool>(call_); }
  bool operator()(const Delta& d) const { return call_(d); }

 private:
  Function call_{};
};

}  // namespace llmroute

#endif
