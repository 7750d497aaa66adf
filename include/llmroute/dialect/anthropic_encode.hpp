// SPDX-License-Identifier: MIT
// A request in the words of Anthropic's Messages API: the URL and the JSON body, also for a conversation that another
// vendor's model began. What this API has no word for is dropped where that only loses a hint, and refused elsewhere:
//
// | what is asked                            | what is sent                                                          |
// |------------------------------------------|-----------------------------------------------------------------------|
// | system turns, wherever they stand        | `system`, in their order                                              |
// | user turns and tools' results in a row   | one user turn, the results first; blank texts are left out            |
// | ids of calls, of any shape, also twice   | ids of the shape that is asked for, each once, the same in each turn  |
// | max_tokens, which has to be there        | the request's, else what the offer names, else 4096                   |
// | temperature above 1; top_p beside one    | 1; nothing                                                            |
// | penalties, seed, the name of a schema    | nothing                                                               |
// | JSON without a schema, a blank stop      | refused                                                               |
// | arguments of a call that are no object   | refused                                                               |
// | images in turns of system and assistant  | refused                                                               |
#ifndef LLMROUTE_DIALECT_ANTHROPIC_ENCODE_HPP
#define LLMROUTE_DIALECT_ANTHROPIC_ENCODE_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/encoding.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"

namespace llmroute::dialect::detail {

/// Writes one request. `extra` wins: a member that it names is not written a second time.
class AnthropicRequest {
 public:
  AnthropicRequest(const Outgoing& outgoing, std::string& body) : out_(outgoing), chat_(outgoing.request), w_(body) {}

  /// What cannot be said and why; empty: all is written.
  std::string write() {
    if (!chat_.extra.empty() && !is_object(chat_.extra)) return "extra is not a valid JSON object";
    w_.begin_object();
    if (const ModelName& model = out_.offer.model; !model.empty() && wanted("model")) w_.text(model.prefix, model.rest);
    if (wanted("max_tokens")) {
      constexpr std::int64_t unknown = 4'096;  // what the oldest models that are still served can write
      w_.number(out_.max_tokens.value_or(out_.offer.max_output > 0 ? out_.offer.max_output : unknown));
    }
    system();
    messages();
    tools();
    response_format();
    settings();
    if (out_.delivery == Delivery::stream && wanted("stream")) w_.boolean(true);
    if (!chat_.extra.empty()) w_.members(chat_.extra);
    w_.end_object();
    if (problem_.empty() && !w_.done()) problem_ = w_.error();
    return problem_;
  }

 private:
  using Role = Message::Role;

  bool extra_has(std::string_view name) const { return !chat_.extra.empty() && has_member(chat_.extra, name); }

  bool wanted(std::string_view name) {
    if (extra_has(name)) return false;
    w_.key(name);
    return true;
  }

  void refuse(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
  }
  void refuse(std::string_view what, std::string_view name, std::string_view why) {
    refuse(std::string(what).append(" \"").append(name).append("\" ").append(why));
  }

  static constexpr std::string_view blanks = " \t\r\n\v\f";
  static bool blank(std::string_view text) { return text.find_first_not_of(blanks) == text.npos; }
  static bool says_something(const Message& message) {
    if (message.role == Role::tool || !message.tool_calls.empty()) return true;
    for (const Part& part : message.parts)
      if (part.is_image() || !blank(part.content)) return true;
    return false;
  }

  void system() {
    bool any = false;
    for (const Message& message : chat_.messages) any = any || (message.role == Role::system && says_something(message));
    if (!any || !wanted("system")) return;
    w_.begin_array();
    for (const Message& message : chat_.messages)
      if (message.role == Role::system) parts(message);
    w_.end_array();
  }

  // Turns have to alternate, none may be empty: what stands together and is of one side becomes one turn.
  void messages() {
    if (!wanted("messages")) return;
    const std::vector<Message>& all = chat_.messages;
    const auto silent = [&](std::size_t i) { return all[i].role == Role::system || !says_something(all[i]); };
    bool any = false;
    w_.begin_array();
    for (std::size_t from = 0, end = 0; from < all.size(); from = end) {
      end = from + 1;
      if (silent(from)) continue;
      const bool assistant = all[from].role == Role::assistant;
      while (end < all.size() && (silent(end) || (all[end].role == Role::assistant) == assistant)) ++end;
      turn(assistant ? "assistant" : "user", from, end);
      any = true;
    }
    w_.end_array();
    if (!any) refuse("there is no turn to answer, or only blank ones");
  }

  void turn(std::string_view role, std::size_t from, std::size_t end) {
    w_.begin_object().key("role").text(role).key("content").begin_array();
    for (std::size_t i = from; i < end; ++i)
      if (chat_.messages[i].role == Role::tool) tool_result(chat_.messages[i]);
    for (std::size_t i = from; i < end; ++i) {
      const Message& message = chat_.messages[i];
      if (message.role != Role::user && message.role != Role::assistant) continue;
      parts(message, message.role == Role::assistant && end == chat_.messages.size());
      for (const ToolCall& call : message.tool_calls) tool_use(call);
    }
    w_.end_array().end_object();
  }

  // `last`: what the model shall go on writing must not end in blanks.
  void parts(const Message& message, bool last = false) {
    for (const Part& part : message.parts) {
      if (part.is_image()) {
        if (message.role == Role::system || message.role == Role::assistant)
          refuse("an image can stand in turns of the user and in results of tools only");
        image(part);
      } else if (!blank(part.content)) {
        std::string_view text = part.content;
        if (last) text = text.substr(0, text.find_last_not_of(blanks) + 1);
        w_.begin_object().key("type").text("text").key("text").text(text).end_object();
      }
    }
  }

  void image(const Part& part) {
    std::string_view media_type = part.media_type, data = part.content;
    bool bytes = part.kind == Part::Kind::image_bytes;
    if (!bytes && data.starts_with("data:")) {  // other vendors take the bytes as an URL
      constexpr std::string_view how = ";base64";
      const std::size_t comma = data.find(',');
      const std::string_view head = data.substr(0, comma);
      if (comma == data.npos || !head.ends_with(how)) return refuse("an image in a data URL has to be in base64");
      media_type = head.substr(5, head.find(';') - 5);
      data.remove_prefix(comma + 1);
      bytes = true;
    }
    if (bytes && media_type.empty()) return refuse("an image by its bytes needs a media type, such as image/png");
    w_.begin_object().key("type").text("image").key("source").begin_object().key("type").text(bytes ? "base64" : "url");
    if (bytes) w_.key("media_type").text(media_type);
    w_.key(bytes ? "data" : "url").text(data).end_object().end_object();
  }

  void tool_use(const ToolCall& call) {
    w_.begin_object().key("type").text("tool_use").key("id").text(shaped(call.id, calls_)).key("name").text(call.name);
    // Models have several words for "no arguments".
    const std::string_view arguments = call.arguments;
    const bool empty = blank(arguments) || arguments == "null" || arguments == "\"\"";
    if (!empty && !is_object(arguments)) return refuse("arguments of a call to tool", call.name, "are not a valid JSON object");
    w_.key("input").raw(empty ? std::string_view("{}") : arguments).end_object();
  }

  void tool_result(const Message& message) {
    w_.begin_object().key("type").text("tool_result").key("tool_use_id").text(shaped(message.tool_call_id, results_));
    bool any = false;
    for (const Part& part : message.parts) any = any || part.is_image() || !blank(part.content);
    if (any) {
      w_.key("content").begin_array();
      parts(message);
      w_.end_array();
    }
    w_.end_object();
  }

  // An id of 1 to 64 letters, digits, _ and -. `before`: what was written so far; some vendors give an id twice, or none at
  // all, and then results belong to calls in their order.
  static std::string shaped(std::string_view id, std::vector<std::string_view>& before) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-",
                               hex = "0123456789abcdef";
    std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a: what is cut or replaced must not make two ids one
    const auto mix = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3U; };
    bool again = false;
    for (const std::string_view other : before)
      if (other == id) mix('#'), again = true;
    before.push_back(id);
    if (!again && !id.empty() && id.size() <= 64 && id.find_first_not_of(allowed) == id.npos) return std::string(id);
    for (const char c : id) mix(static_cast<unsigned char>(c));
    std::string out(id.empty() ? std::string_view("call") : id.substr(0, 40));
    for (char& c : out)
      if (allowed.find(c) == allowed.npos) c = '_';
    out.push_back('_');
    for (int shift = 60; shift >= 0; shift -= 4) out.push_back(hex[static_cast<std::size_t>(hash >> shift & 15)]);
    return out;
  }

  void tools() {
    if (!chat_.tools.empty() && wanted("tools")) {
      w_.begin_array();
      for (const Tool& tool : chat_.tools) {
        w_.begin_object().key("name").text(tool.name);
        if (!tool.description.empty()) w_.key("description").text(tool.description);
        const std::string_view schema = tool.parameters.empty() ? std::string_view("{}") : std::string_view(tool.parameters);
        if (!is_object(schema)) return refuse("parameters of tool", tool.name, "is not a valid JSON object");
        w_.key("input_schema").begin_object();
        if (!has_member(schema, "type")) w_.key("type").text("object");  // which is required
        w_.members(schema).end_object().end_object();
      }
      w_.end_array();
    }
    using Mode = ToolChoice::Mode;
    const ToolChoice& choice = chat_.tool_choice;
    const bool idle = choice.mode == Mode::automatic || (choice.mode == Mode::none && chat_.tools.empty());
    if (idle || !wanted("tool_choice")) return;
    w_.begin_object().key("type").text(choice.mode == Mode::none ? "none" : choice.mode == Mode::required ? "any" : "tool");
    if (choice.mode == Mode::named) w_.key("name").text(choice.name);
    w_.end_object();
  }

  void response_format() {
    const ResponseFormat& format = chat_.response_format;
    if (format.kind == ResponseFormat::Kind::text || extra_has("output_format")) return;
    if (extra_has("output_config")) {
      json::Reader in(chat_.extra);
      bool said = false;
      in.object([&](std::string_view key) { said = key == "output_config" ? has_member(in.raw(), "format") : said; });
      if (!said) refuse("extra has an output_config without a format, so response_format cannot be said beside it");
      return;
    }
    if (format.kind == ResponseFormat::Kind::json)
      return refuse("this API writes JSON to a schema only: use ResponseFormat::of_schema");
    if (!is_object(format.schema)) return refuse("schema of response_format", format.name, "is not a valid JSON object");
    w_.key("output_config").begin_object().key("format").begin_object().key("type").text("json_schema");
    w_.key("schema").raw(format.schema).end_object().end_object();
  }

  void settings() {
    number("temperature", chat_.temperature, 1);
    if (!chat_.temperature && !extra_has("temperature")) number("top_p", chat_.top_p);
    if (chat_.stop.empty() || !wanted("stop_sequences")) return;
    w_.begin_array();
    for (const std::string& stop : chat_.stop) {
      w_.text(stop);
      if (blank(stop)) refuse("this API cannot stop at blanks: each stop needs a character that is none");
    }
    w_.end_array();
  }

  void number(std::string_view name, const std::optional<double>& value, double at_most = 1e300) {
    if (!value) return;
    if (*value - *value != 0) refuse(std::string(name) += " is not a finite number");
    else if (wanted(name)) w_.number(*value > at_most ? at_most : *value);
  }

  const Outgoing& out_;
  const ChatRequest& chat_;
  json::Writer w_;
  std::vector<std::string_view> calls_{}, results_{};
  std::string problem_{};
};

}  // namespace llmroute::dialect::detail

#endif
