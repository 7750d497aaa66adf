// SPDX-License-Identifier: MIT
// The turns of a conversation in Gemini's words, as gemini_encode.hpp needs them: the system's, the user's and the model's.
#ifndef LLMROUTE_DIALECT_GEMINI_TURNS_HPP
#define LLMROUTE_DIALECT_GEMINI_TURNS_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/encoding.hpp"  // is_object
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"

namespace llmroute::dialect::detail {

/// Writes them where their keys have been written.
class GeminiTurns {
 public:
  /// `family`: whose signatures go back. `sign_calls`: calls of others need one too.
  GeminiTurns(const Messages& messages, std::string_view family, bool sign_calls, json::Writer& w, Draft& draft)
      : all_(messages), family_(family), sign_calls_(sign_calls), w_(w), draft_(draft) {}

  // There is one place for all of them, wherever they stood.
  bool has_system() const {
    for (const Message& m : all_)
      for (const Part& part : m.parts)
        if (m.role == Role::system && (part.is_image() || !part.content.empty())) return true;
    return false;
  }
  void system() {
    w_.begin_object().key("parts").begin_array();
    for (const Message& m : all_) {
      if (m.role != Role::system) continue;
      for (const Part& part : m.parts) {
        if (part.is_image()) refuse("Gemini takes no image in a system message");
        else if (!part.content.empty()) w_.begin_object().key("text").text(part.content).end_object();
      }
    }
    w_.end_array().end_object();
  }

  void contents() {
    w_.begin_array();
    bool any = false;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (all_[i].role == Role::tool) {
        i = results(i);
      } else if (all_[i].role != Role::system) {
        turn(all_[i]);
      }
      any = any || turn_;
    }
    close_turn();
    w_.end_array();
    if (!any) refuse("Gemini wants something said by the user: there are no turns, or only system messages and empty ones");
  }

 private:
  using Role = Message::Role;

  // Turns of one side after another become one: Gemini wants them to alternate, and all results of a turn together.
  void open_turn(Role role) {
    const bool model = role == Role::assistant;
    if (turn_ && *turn_ == model) return;
    close_turn();
    turn_ = model;
    signed_ = false;
    w_.begin_object().key("role").text(model ? "model" : "user").key("parts").begin_array();
  }
  void close_turn() {
    if (turn_) w_.end_array().end_object();
    turn_.reset();
  }

  // The signature of what it said goes with the last text, those of calls with each of them.
  void turn(const Message& m) {
    const bool own = !m.vendor.empty() && m.vendor == family_;
    json::Reader in(own ? std::string_view(m.thoughts) : std::string_view());
    const std::string_view signature = in.text();
    std::size_t last = m.parts.size();
    for (std::size_t i = 0; i < m.parts.size(); ++i)
      if (!m.parts[i].is_image() && !m.parts[i].content.empty()) last = i;
    for (std::size_t i = 0; i < m.parts.size(); ++i) write_part(m.role, m.parts[i], i == last ? signature : std::string_view());
    for (const ToolCall& call : m.tool_calls) write_call(call, own);
  }

  // Gemini refuses empty text.
  void write_part(Role role, const Part& part, std::string_view signature = {}) {
    if (part.content.empty() && !part.is_image()) return;
    open_turn(role);
    w_.begin_object();
    if (part.is_image()) image(part);
    else w_.key("text").text(part.content);
    if (!signature.empty()) w_.key("thoughtSignature").text(signature);
    w_.end_object();
  }

  void image(const Part& part) {
    std::string_view data = part.content, type = part.media_type;
    const bool url = part.kind == Part::Kind::image_url;
    const std::size_t mark = data.find(";base64,");
    if (const bool inside = url && data.starts_with("data:") && mark != data.npos; inside || !url) {
      if (inside) type = data.substr(5, mark - 5), data.remove_prefix(mark + 8);
      if (type.empty()) draft_.refuse(Kind::request_invalid, "an image by its bytes needs a media type, such as image/png");
      w_.key("inlineData").begin_object().key("mimeType").text(type).key("data").text(data).end_object();
      return;
    }
    if (type.empty()) type = type_of(data);
    w_.key("fileData").begin_object();
    if (!type.empty()) w_.key("mimeType").text(type);
    w_.key("fileUri").text(data).end_object();
  }

  // Vertex insists on a type for files too.
  static std::string_view type_of(std::string_view url) {
    constexpr std::string_view types[][2]{{".png", "image/png"},   {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"},
                                          {".webp", "image/webp"}, {".gif", "image/gif"},  {".heic", "image/heic"}};
    const std::string_view path = url.substr(0, url.find_first_of("?#"));
    for (const auto& [ending, type] : types)
      if (path.size() > ending.size() && http::iequals(path.substr(path.size() - ending.size()), ending)) return type;
    return {};
  }

  // No ids: Vertex refuses them, here and with results. Names and order tell which result is whose.
  void write_call(const ToolCall& call, bool own) {
    open_turn(Role::assistant);
    w_.begin_object().key("functionCall").begin_object().key("name").text(call.name).key("args");
    if (is_object(arguments_of(call))) w_.raw(arguments_of(call));
    else
      w_.null(), refuse("the arguments of a call of \"" + call.name + "\" are no JSON object, and Gemini takes nothing else");
    w_.end_object();
    // The first call of a turn carries the signature; this is Google's own word for one that is not at hand.
    if (own && !call.signature.empty()) w_.key("thoughtSignature").text(call.signature);
    else if (sign_calls_ && !signed_) w_.key("thoughtSignature").text("skip_thought_signature_validator");
    signed_ = true;
    w_.end_object();
  }

  struct Result {
    const Message* message;
    std::size_t turn, call;
  };

  // The results from `at` on, in the order of their calls. Returns the last message that is one of them.
  std::size_t results(std::size_t at) {
    std::vector<Result> sorted;
    std::size_t last = at;
    for (std::size_t i = at; i < all_.size(); ++i) {
      const Message& m = all_[i];
      if (m.role == Role::system) continue;
      if (m.role != Role::tool) break;
      last = i;
      Result result{&m, 0, 0};
      if (!find_call(result, at, sorted)) {
        refuse("the result \"" + m.tool_call_id + "\" belongs to no tool call of an earlier turn, so the function has no name");
        continue;
      }
      auto place = sorted.begin();
      while (place != sorted.end() && (place->turn != result.turn ? place->turn < result.turn : place->call <= result.call))
        ++place;
      sorted.insert(place, result);
    }
    for (const Result& r : sorted) write_result(all_[r.turn].tool_calls[r.call].name, *r.message);
    for (const Result& r : sorted)
      for (const Part& part : r.message->parts)
        if (part.is_image()) write_part(Role::tool, part);
    return last;
  }

  // The nearest turn with such an id: ids may begin anew with each turn. Some are even the same within one (""): then the
  // next call that has no result yet.
  bool find_call(Result& result, std::size_t before, const std::vector<Result>& taken) const {
    for (std::size_t turn = before; turn-- > 0;) {
      const std::vector<ToolCall>& calls = all_[turn].tool_calls;
      bool found = false;
      for (std::size_t i = 0; i < calls.size(); ++i) {
        if (calls[i].id != result.message->tool_call_id) continue;
        bool is_taken = false;
        for (const Result& r : taken) is_taken = is_taken || (r.turn == turn && r.call == i);
        if (!found || !is_taken) result.turn = turn, result.call = i;
        found = true;
        if (!is_taken) return true;
      }
      if (found) return true;
    }
    return false;
  }

  // Gemini takes an object alone; "output" is its word for what a function says otherwise.
  void write_result(std::string_view name, const Message& m) {
    std::string text;
    for (const Part& part : m.parts)
      if (!part.is_image()) text += part.content;
    open_turn(Role::tool);
    w_.begin_object().key("functionResponse").begin_object().key("name").text(name).key("response");
    if (is_object(text)) w_.raw(text);
    else w_.begin_object().key("output").text(text).end_object();
    w_.end_object().end_object();
  }

  void refuse(std::string why) { draft_.refuse(Kind::unsupported, std::move(why)); }

  const Messages& all_;
  std::string_view family_;
  bool sign_calls_;
  json::Writer& w_;
  Draft& draft_;
  std::optional<bool> turn_{};  // of the model, or not; empty: none is open
  bool signed_ = false;
};

}  // namespace llmroute::dialect::detail

#endif
