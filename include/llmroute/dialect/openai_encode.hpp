// SPDX-License-Identifier: MIT
// A request in OpenAI's words: the URL and the JSON body of a chat completion. What a provider answers is read in
// openai_decode.hpp.
#ifndef LLMROUTE_DIALECT_OPENAI_ENCODE_HPP
#define LLMROUTE_DIALECT_OPENAI_ENCODE_HPP

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/call_ids.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/encoding.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"

namespace llmroute::dialect::detail {

/// Writes one request, with the deviations of its vendor.
class OpenAiRequest : protected RequestWriter {
 public:
  OpenAiRequest(const Outgoing& outgoing, Draft& draft) : RequestWriter(outgoing, draft), ids_(shape(quirks_.call_ids)) {}

  void write() {
    if (!begin()) return;
    model();
    messages();
    tools();
    response_format();
    settings();
    if (out_.delivery == Delivery::stream) {
      if (wanted("stream")) w_.boolean(true);
      if (quirks_.asks_for_usage && wanted("stream_options")) w_.begin_object().key("include_usage").boolean(true).end_object();
    }
    end();
  }

 protected:
  using Role = Message::Role;

  static constexpr IdShape shape(CallIds ids) noexcept {
    switch (ids) {
      case CallIds::up_to_40: return {.most = 40};
      case CallIds::nine_letters_and_digits: return {.letters = letters_digits.substr(0, 62), .least = 9, .most = 9};
      case CallIds::any: break;
    }
    return {.most = static_cast<std::size_t>(-1)};
  }

  void messages() {
    if (!wanted("messages")) return;
    const std::vector<Message>& all = chat_.messages;
    w_.begin_array();
    for (std::size_t i = 0, end = 0; i < all.size(); i = end) {
      end = i;
      if (all[i].role == Role::tool || (i > 0 && !all[i - 1].tool_calls.empty()))
        while (end < all.size() && (all[end].role == Role::tool || all[end].role == Role::system)) ++end;
      if (end == i) turn(all[end++]);
      else results(std::span(all).subspan(i, end - i));
    }
    w_.end_array();
  }

  // They have to stand right behind their calls, and may hold no images: those become the user's.
  void results(std::span<const Message> turns) {
    bool images = false;
    for (const Message& m : turns) {
      if (m.role != Role::tool) continue;
      turn(m);
      for (const Part& part : m.parts) images = images || part.is_image();
    }
    if (images) {
      w_.begin_object().key("role").text("user").key("content").begin_array();
      for (const Message& m : turns)
        for (const Part& p : m.parts)
          if (m.role == Role::tool && p.is_image()) part(p);
      w_.end_array().end_object();
    }
    for (const Message& m : turns)
      if (m.role != Role::tool) turn(m);
  }

  void turn(const Message& message) {
    constexpr std::string_view roles[]{"system", "user", "assistant", "tool"};
    w_.begin_object().key("role").text(roles[static_cast<std::size_t>(message.role)]);
    if (message.role == Role::tool) w_.key("tool_call_id").text(ids_.of_result(message.tool_call_id));
    w_.key("content");
    if (message.parts.empty() && !message.tool_calls.empty()) w_.null();
    else if (message.parts.empty()) w_.text("");
    else if (message.parts.size() == 1 && !message.parts[0].is_image()) w_.text(message.parts[0].content);
    else parts(message);
    if (!message.tool_calls.empty()) {
      w_.key("tool_calls").begin_array();
      bool first = true;
      for (const ToolCall& call : message.tool_calls) {
        w_.begin_object().key("id").text(ids_.of_call(call.id)).key("type").text("function");
        w_.key("function").begin_object().key("name").text(call.name);
        w_.key("arguments").text(arguments_of(call));
        w_.end_object();
        // Google's, in the place where it gave it: the first call of a turn has one.
        std::string_view signature = own(message) ? std::string_view(call.signature) : std::string_view();
        const bool stands_in = signature.empty() && first && !quirks_.unsigned_call.empty();
        if (stands_in && !is_before_gemini_3(out_.offer.model)) signature = quirks_.unsigned_call;
        first = false;
        if (!signature.empty()) {
          w_.key("extra_content").begin_object().key("google").begin_object();
          w_.key("thought_signature").text(signature).end_object().end_object();
        }
        w_.end_object();
      }
      w_.end_array();
    }
    if (own(message)) thoughts(message.thoughts);
    if (quirks_.hears_thoughts && !message.tool_calls.empty()) thought_behind(message);
    const bool unfinished = message.role == Role::assistant && message.tool_calls.empty() && &message == &chat_.messages.back();
    if (unfinished && !quirks_.unfinished_turn.empty()) w_.key(quirks_.unfinished_turn).boolean(true);
    w_.end_object();
  }

  // Those of other vendors stay with them: of a call of theirs there is nothing to tell, and a model that thinks insists on it.
  void thought_behind(const Message& message) {
    const std::string_view own_thought = own(message) ? member(message.thoughts, "reasoning_content") : std::string_view();
    if (!own_thought.empty() && json::valid(message.thoughts)) w_.key("reasoning_content").raw(own_thought);
    else if (reasons_) w_.key("reasoning_content").text("");
  }

  // In the form in which they came: OpenRouter's list, or the signature that Gemini gave.
  void thoughts(std::string_view json) {
    json::Reader in(json);
    const json::Kind kind = in.kind();
    if (!json::valid(json)) return;
    if (kind == json::Kind::array) w_.key("reasoning_details").raw(json);
    if (kind == json::Kind::string) {
      w_.key("extra_content").begin_object().key("google").begin_object();
      w_.key("thought_signature").raw(json).end_object().end_object();
    }
  }

  void parts(const Message& message) {
    const bool result = message.role == Role::tool;  // its images stand behind it
    bool any = !result;
    for (const Part& p : message.parts) any = any || !p.is_image();
    if (!any) return w_.text(""), void();
    w_.begin_array();
    for (const Part& p : message.parts) {
      if (p.is_image() && result) continue;
      if (p.is_image() && message.role != Role::user) unsaid("images are taken in turns of the user only");
      part(p);
    }
    w_.end_array();
  }

  void part(const Part& part) {
    w_.begin_object().key("type").text(part.is_image() ? "image_url" : "text");
    if (!part.is_image()) {
      w_.key("text").text(part.content);
    } else {
      w_.key("image_url").begin_object().key("url");
      if (part.kind == Part::Kind::image_url) w_.text(part.content);
      else w_.text("data:", part.media_type, ";base64,", part.content);
      w_.end_object();
      if (part.kind == Part::Kind::image_bytes && part.media_type.empty())
        wrong("an image by its bytes needs a media type, such as image/png");
    }
    w_.end_object();
  }

  void tools() {
    if (!chat_.tools.empty() && wanted("tools")) function_tools();
    using Mode = ToolChoice::Mode;
    const ToolChoice& choice = chat_.tool_choice;
    if (chooses_freely() || !wanted("tool_choice")) return;
    if (choice.mode != Mode::named) {
      w_.text(choice.mode == Mode::none ? "none" : "required");
      return;
    }
    w_.begin_object().key("type").text("function").key("function").begin_object().key("name").text(choice.name);
    w_.end_object().end_object();
  }

  void response_format() {
    const ResponseFormat& format = chat_.response_format;
    if (format.kind == ResponseFormat::Kind::text || !wanted("response_format")) return;
    if (format.kind == ResponseFormat::Kind::json) {
      w_.begin_object().key("type").text("json_object").end_object();
      return;
    }
    const std::string_view name = format.name.empty() ? std::string_view("reply") : std::string_view(format.name);
    w_.begin_object().key("type").text("json_schema").key("json_schema").begin_object();
    const bool strict = is_closed(format.schema);  // it would refuse any other, where it may come near to it
    w_.key("name").text(name);
    if (strict) w_.key("strict").boolean(true);
    else draft_.left_out("strict");
    w_.key("schema");
    schema(format.schema, "schema of response_format", name);
    w_.end_object().end_object();
  }

  void settings() {
    number("temperature", chat_.temperature);
    number("top_p", chat_.top_p);
    number("presence_penalty", chat_.presence_penalty);
    number("frequency_penalty", chat_.frequency_penalty);
    if (chat_.seed && wanted("seed")) w_.number(*chat_.seed);
    if (!chat_.stop.empty() && wanted("stop")) {
      if (quirks_.most_stops != 0 && chat_.stop.size() > quirks_.most_stops) unsaid("it takes fewer texts to stop at");
      strings(chat_.stop);
    }
    if (out_.max_tokens && !extras_.has("max_completion_tokens") && wanted("max_tokens")) w_.number(*max_tokens());
    auto wish = effort();
    if (quirks_.effort == EffortWord::thinking && must_call() && (wish || reasons_)) {
      if (wish && *wish != Effort::off) draft_.left_out("effort");
      wish = Effort::off;
    }
    if (wish) think(*wish);
  }

  void think(Effort effort) {
    const EffortWord form = quirks_.effort;
    const std::string_view word = effort == Effort::off ? std::string_view("none") : to_string(effort);
    switch (form) {
      case EffortWord::reasoning_effort:
        if (effort == Effort::off) return draft_.left_out("effort");
        [[fallthrough]];
      case EffortWord::reasoning_effort_or_none:
        if (wanted("reasoning_effort")) w_.text(word);
        return;
      case EffortWord::reasoning:
        if (!wanted("reasoning")) return;
        w_.begin_object();
        if (effort == Effort::off) w_.key("enabled").boolean(false);
        else w_.key("effort").text(word);
        w_.end_object();
        return;
      case EffortWord::thinking:
        if (wanted("thinking")) w_.begin_object().key("type").text(effort == Effort::off ? "disabled" : "enabled").end_object();
        return;
      case EffortWord::missing: return draft_.left_out("effort");
    }
  }

  ShapedIds ids_;
};

}  // namespace llmroute::dialect::detail

#endif
