// SPDX-License-Identifier: MIT
// A request in the words of Anthropic's Messages API: the URL and the JSON body, also for a conversation that another
// vendor's model began. What this API has no word for is dropped where that only loses a hint, and refused elsewhere; then
// another provider is asked.
//
// | what is asked                            | what is sent                                                          |
// |------------------------------------------|-----------------------------------------------------------------------|
// | system turns, wherever they stand        | `system`, in their order                                              |
// | user turns and tools' results in a row   | one user turn, the results first; blank texts are left out            |
// | ids of calls, of any shape, also twice   | ids of the shape that is asked for, each once, the same in each turn  |
// | max_tokens, which has to be there        | the request's, at most what the offer names; else that, else 4096     |
// | temperature above 1; top_p beside one    | 1; nothing                                                            |
// | effort                                   | a number of tokens to think, half of max_tokens at most               |
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
#include <vector>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/call_ids.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/encoding.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"

namespace llmroute::dialect::detail {

/// Writes one request.
class AnthropicRequest : RequestWriter {
 public:
  AnthropicRequest(const Outgoing& outgoing, Draft& draft) : RequestWriter(outgoing, draft) {}

  void write() {
    if (!begin()) return;
    model();
    constexpr std::int64_t unknown = 4'096;  // what the oldest models that are still served can write
    const std::int64_t room = (extras_.has("max_tokens") ? out_.max_tokens : max_tokens())
                                  .value_or(out_.offer.max_output > 0 ? out_.offer.max_output : unknown);
    if (wanted("max_tokens")) w_.number(room);
    think(room);
    system();
    messages();
    tools();
    response_format();
    settings();
    if (out_.delivery == Delivery::stream && wanted("stream")) w_.boolean(true);
    end();
  }

 private:
  using Role = Message::Role;

  // Thoughts are part of the tokens that it may write, at least 1024 of them, and leave it no choice of temperature or tool.
  void think(std::int64_t room) {
    const auto wish = effort();
    const std::string_view extra = extras_["thinking"];
    const bool by_itself = adapts();
    thinks_ = by_itself || (!extra.empty() && member(extra, "type") != R"("disabled")");
    if (!wish || *wish == Effort::off || !extra.empty()) return;
    if (must_call() || in_strange_tool_loop() || goes_on() || extras_.has("max_tokens")) return draft_.left_out("effort");
    if (by_itself) {
      w_.key("thinking").begin_object().key("type").text("adaptive").end_object();
      effort_ = to_string(*wish);
      return;
    }
    constexpr std::int64_t budgets[]{0, 2'048, 8'192, 24'576};
    std::int64_t budget = budgets[static_cast<std::size_t>(*wish)];
    if (budget > room / 2) budget = room / 2;
    if (budget < 1'024) return draft_.left_out("effort");
    w_.key("thinking").begin_object().key("type").text("enabled").key("budget_tokens").number(budget).end_object();
    thinks_ = true;
  }

  // Models that find out by themselves how much to think, and take neither a budget for it nor a temperature.
  bool adapts() const {
    const std::string model = out_.offer.model.text();
    for (const std::string_view name : {"opus-4-7", "opus-4-8", "opus-5", "opus-4.7", "opus-4.8"})
      if (model.find(name) != model.npos) return true;
    return false;
  }

  // Between a call and the turn that ends with it, a model that thinks insists on the thoughts that led to the call.
  bool in_strange_tool_loop() const {
    for (auto m = chat_.messages.rbegin(); m != chat_.messages.rend(); ++m)
      if (m->role == Role::assistant) return !m->tool_calls.empty() && !(own(*m) && !m->thoughts.empty());
    return false;
  }

  // What it shall go on writing began without a thought, and would have to begin with one.
  bool goes_on() const {
    for (auto m = chat_.messages.rbegin(); m != chat_.messages.rend(); ++m)
      if (m->role != Role::system && says_something(*m)) return m->role == Role::assistant;
    return false;
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
    if (!any) unsaid("for Anthropic there is no turn to answer, or only blank ones");
  }

  void turn(std::string_view role, std::size_t from, std::size_t end) {
    w_.begin_object().key("role").text(role).key("content").begin_array();
    for (std::size_t i = from; i < end; ++i)
      if (chat_.messages[i].role == Role::tool) tool_result(chat_.messages[i]);
    for (std::size_t i = from; i < end; ++i) {
      const Message& message = chat_.messages[i];
      if (message.role != Role::user && message.role != Role::assistant) continue;
      if (own(message)) thoughts(message.thoughts);
      parts(message, message.role == Role::assistant && end == chat_.messages.size());
      for (const ToolCall& call : message.tool_calls) tool_use(call);
    }
    w_.end_array().end_object();
  }

  // Signed or sealed blocks, as they came: without them the model may not go on where it called a tool.
  void thoughts(std::string_view json) {
    json::Reader in(json);
    if (!json::valid(json)) return;
    in.array([&] {
      const std::string_view block = in.raw();
      if (has_member(block, "signature") || has_member(block, "data")) w_.raw(block);
    });
  }

  // `last`: what the model shall go on writing must not end in blanks.
  void parts(const Message& message, bool last = false) {
    for (const Part& part : message.parts) {
      if (part.is_image()) {
        if (message.role == Role::system || message.role == Role::assistant)
          unsaid("Anthropic takes images in turns of the user and in results of tools only");
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
      if (comma == data.npos || !head.ends_with(how)) return unsaid("Anthropic takes an image in a data URL in base64 only");
      media_type = head.substr(5, head.find(';') - 5);
      data.remove_prefix(comma + 1);
      bytes = true;
    }
    if (bytes && media_type.empty()) return wrong("an image by its bytes needs a media type, such as image/png");
    w_.begin_object().key("type").text("image").key("source").begin_object().key("type").text(bytes ? "base64" : "url");
    if (bytes) w_.key("media_type").text(media_type);
    w_.key(bytes ? "data" : "url").text(data).end_object().end_object();
  }

  void tool_use(const ToolCall& call) {
    w_.begin_object().key("type").text("tool_use").key("id").text(ids_.of_call(call.id)).key("name").text(call.name);
    if (!is_object(arguments_of(call)))
      return unsaid("arguments of a call of \"" + call.name + "\" are no JSON object, and Anthropic takes nothing else");
    w_.key("input").raw(arguments_of(call)).end_object();
  }

  void tool_result(const Message& message) {
    w_.begin_object().key("type").text("tool_result").key("tool_use_id").text(ids_.of_result(message.tool_call_id));
    bool any = false;
    for (const Part& part : message.parts) any = any || part.is_image() || !blank(part.content);
    if (any) {
      w_.key("content").begin_array();
      parts(message);
      w_.end_array();
    }
    w_.end_object();
  }

  void tools() {
    if (!chat_.tools.empty() && wanted("tools")) {
      w_.begin_array();
      for (const Tool& tool : chat_.tools) {
        w_.begin_object().key("name").text(tool.name);
        if (!tool.description.empty()) w_.key("description").text(tool.description);
        const std::string_view schema = tool.parameters.empty() ? std::string_view("{}") : std::string_view(tool.parameters);
        if (!is_object(schema)) return wrong("parameters of tool", tool.name, "is not a valid JSON object");
        w_.key("input_schema").begin_object();
        if (!has_member(schema, "type")) w_.key("type").text("object");  // which is required
        w_.members(schema).end_object().end_object();
      }
      w_.end_array();
    }
    using Mode = ToolChoice::Mode;
    const ToolChoice& choice = chat_.tool_choice;
    if (chooses_freely() || !wanted("tool_choice")) return;
    w_.begin_object().key("type").text(choice.mode == Mode::none ? "none" : choice.mode == Mode::required ? "any" : "tool");
    if (choice.mode == Mode::named) w_.key("name").text(choice.name);
    w_.end_object();
  }

  void response_format() {
    const ResponseFormat& format = chat_.response_format;
    const bool says_format = format.kind != ResponseFormat::Kind::text && !extras_.has("output_format");
    if (!says_format && effort_.empty()) return;
    if (const std::string_view config = extras_["output_config"]; !config.empty()) {
      if (says_format && !has_member(config, "format"))
        unsaid("extra has an output_config without a format, so response_format cannot be said beside it");
      return;
    }
    if (says_format && format.kind == ResponseFormat::Kind::json)
      return unsaid("Anthropic writes JSON to a schema only: use ResponseFormat::of_schema");
    if (says_format && !is_object(format.schema))
      return wrong("schema of response_format", format.name, "is not a valid JSON object");
    w_.key("output_config").begin_object();
    if (!effort_.empty()) w_.key("effort").text(effort_);
    if (says_format)
      w_.key("format").begin_object().key("type").text("json_schema").key("schema").raw(format.schema).end_object();
    w_.end_object();
  }

  void settings() {
    sampling();
    if (chat_.presence_penalty) draft_.left_out("presence_penalty");
    if (chat_.frequency_penalty) draft_.left_out("frequency_penalty");
    if (chat_.seed) draft_.left_out("seed");
    if (chat_.stop.empty() || !wanted("stop_sequences")) return;
    w_.begin_array();
    for (const std::string& stop : chat_.stop) {
      w_.text(stop);
      if (blank(stop)) unsaid("Anthropic cannot stop at blanks: each stop needs a character that is none");
    }
    w_.end_array();
  }

  void sampling() {
    if (thinks_) {
      if (chat_.temperature) draft_.left_out("temperature");
      if (chat_.top_p) draft_.left_out("top_p");
      return;
    }
    const bool hot = chat_.temperature && *chat_.temperature > 1 && *chat_.temperature < 1e300;
    number("temperature", hot ? std::optional<double>(1) : chat_.temperature);
    if (hot && !extras_.has("temperature")) draft_.alter("temperature", " lowered to ", "1");
    if (!chat_.temperature && !extras_.has("temperature")) number("top_p", chat_.top_p);
    else if (chat_.top_p) draft_.left_out("top_p");
  }

  bool thinks_ = false;
  std::string_view effort_{};  // said beside the format
  ShapedIds ids_{{.letters = letters_digits}};
};

}  // namespace llmroute::dialect::detail

#endif
