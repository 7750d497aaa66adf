// SPDX-License-Identifier: MIT
// A request in the words of Gemini's generateContent: the URL, which names the model, and the JSON body. What it answers
// is read in gemini_decode.hpp.
#ifndef LLMROUTE_DIALECT_GEMINI_ENCODE_HPP
#define LLMROUTE_DIALECT_GEMINI_ENCODE_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/gemini_turns.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"

namespace llmroute::dialect::detail {

/// Writes one request. `extra` wins: a member that it names is not written a second time, and its `generationConfig` is
/// laid over the one that is written here, so that a thinking budget does not cost the limit on tokens.
class GeminiRequest {
 public:
  GeminiRequest(const Outgoing& outgoing, std::string& body)
      : out_(outgoing), chat_(outgoing.request), w_(body), config_(member(outgoing.request.extra, "generationConfig")) {}

  /// `<base>/models/<name>:generateContent`. Empty: all is well.
  static std::string write_url(const Outgoing& out, std::string& url) {
    const std::string name = out.offer.model.text();
    std::string_view model = name, folder = "/models/";
    if (model.starts_with("models/")) model.remove_prefix(7);
    else if (model.starts_with("tunedModels/")) model.remove_prefix(12), folder = "/tunedModels/";
    if (model.empty()) return "Gemini needs a model: the request names none, and the provider has no default";
    const std::string_view base = out.provider.url;
    const std::size_t query = base.find('?');
    std::string_view front = base.substr(0, query);
    while (front.ends_with('/')) front.remove_suffix(1);
    url.append(front).append(folder);
    escape(url, model);
    const bool stream = out.delivery == Delivery::stream;
    url.append(stream ? ":streamGenerateContent" : ":generateContent");
    if (query != base.npos) url.append(base.substr(query));
    if (stream) url.append(query == base.npos ? "?alt=sse" : "&alt=sse");
    return {};
  }

  /// What cannot be said and why; empty: all is written.
  std::string write() {
    if (!chat_.extra.empty() && !is_object(chat_.extra)) return "extra is not a valid JSON object";
    w_.begin_object();
    turns();
    tools();
    generation();
    json::Reader in(chat_.extra);
    if (!chat_.extra.empty())
      in.object([&](std::string_view key) {
        if (key != "generationConfig") w_.key(key).raw(in.raw());
      });
    w_.end_object();
    if (problem_.empty() && !w_.done()) problem_ = w_.error();
    return problem_;
  }

 private:
  // A model's name may not reach into the rest of the URL: what is not plain is escaped, / and : included.
  static void escape(std::string& url, std::string_view name) {
    constexpr std::string_view hex = "0123456789ABCDEF", also = "-._~@";
    for (const char c : name) {
      const bool plain =
          (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || also.find(c) != also.npos;
      const auto byte = static_cast<unsigned char>(c);
      if (plain) url += c;
      else (url += '%') += hex[byte / 16], url += hex[byte % 16];
    }
  }

  static std::string_view member(std::string_view object, std::string_view name) {
    std::string_view found;
    json::Reader in(object);
    in.object([&](std::string_view key) {
      if (key == name) found = in.raw();
    });
    return found;
  }

  bool wanted(std::string_view name) {
    if (!member(chat_.extra, name).empty()) return false;
    w_.key(name);
    return true;
  }

  void refuse(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
  }

  static bool is_object(std::string_view json) { return GeminiTurns::is_object(json); }

  // From Gemini 3 on calls must be signed; a name that says nothing, such as gemini-flash-latest, is of a new one.
  void turns() {
    const std::string model = out_.offer.model.text();
    const bool old = model.find("gemini-1") != model.npos || model.find("gemini-2") != model.npos;
    GeminiTurns turns(chat_.messages, !old, w_, problem_);
    if (turns.has_system() && wanted("systemInstruction")) turns.system();
    if (wanted("contents")) turns.contents();
  }

  // `parametersJsonSchema` for the reason given at generation().
  void tools() {
    if (!chat_.tools.empty() && wanted("tools")) {
      w_.begin_array().begin_object().key("functionDeclarations").begin_array();
      for (const Tool& tool : chat_.tools) {
        w_.begin_object().key("name").text(tool.name);
        if (!tool.description.empty()) w_.key("description").text(tool.description);
        if (!tool.parameters.empty()) {
          w_.key("parametersJsonSchema");
          schema(tool.parameters, "parameters of tool", tool.name);
        }
        w_.end_object();
      }
      w_.end_array().end_object().end_array();
    }
    using Mode = ToolChoice::Mode;
    const ToolChoice& choice = chat_.tool_choice;
    const bool idle = choice.mode == Mode::automatic || (choice.mode == Mode::none && chat_.tools.empty());
    if (idle || !wanted("toolConfig")) return;
    w_.begin_object().key("functionCallingConfig").begin_object();
    w_.key("mode").text(choice.mode == Mode::none ? "NONE" : "ANY");
    if (choice.mode == Mode::named) w_.key("allowedFunctionNames").begin_array().text(choice.name).end_array();
    w_.end_object().end_object();
  }

  void schema(std::string_view json, std::string_view of, std::string_view name) {
    if (is_object(json)) w_.raw(json);
    else w_.null(), refuse(std::string(of).append(" \"").append(name).append("\" is not a valid JSON object"));
  }

  // `responseJsonSchema` takes a JSON schema as it is. The older `responseSchema` takes a part of OpenAPI's and answers
  // 400 to additionalProperties, $ref and oneOf, which schemas written for other providers are full of.
  void generation() {
    if (!config_.empty() && !is_object(config_)) {
      w_.key("generationConfig").raw(config_);
      return;
    }
    if (out_.max_tokens && setting("maxOutputTokens")) w_.number(*out_.max_tokens);
    number("temperature", chat_.temperature);
    number("topP", chat_.top_p);
    number("presencePenalty", chat_.presence_penalty);
    number("frequencyPenalty", chat_.frequency_penalty);
    // 32 bits are all that Gemini takes; that equal seeds stay equal is all that a seed is for.
    if (chat_.seed && setting("seed")) w_.number(*chat_.seed & 0x7FFF'FFFF);
    if (!chat_.stop.empty() && setting("stopSequences")) {
      w_.begin_array();
      for (const std::string& stop : chat_.stop) w_.text(stop);
      w_.end_array();
    }
    const ResponseFormat& format = chat_.response_format;
    if (format.kind != ResponseFormat::Kind::text && setting("responseMimeType")) w_.text("application/json");
    if (format.kind == ResponseFormat::Kind::schema && member(config_, "responseSchema").empty() &&
        setting("responseJsonSchema"))
      schema(format.schema, "schema of response_format", format.name);
    if (!config_.empty()) begin_config(), w_.members(config_);
    if (configured_) w_.end_object();
  }

  void begin_config() {
    if (!std::exchange(configured_, true)) w_.key("generationConfig").begin_object();
  }
  bool setting(std::string_view name) {
    if (!member(config_, name).empty()) return false;
    begin_config();
    w_.key(name);
    return true;
  }
  void number(std::string_view name, const std::optional<double>& value) {
    if (!value) return;
    if (*value - *value != 0) refuse(std::string(name) += " is not a finite number");
    else if (setting(name)) w_.number(*value);
  }

  const Outgoing& out_;
  const ChatRequest& chat_;
  json::Writer w_;
  std::string_view config_;
  bool configured_ = false;
  std::string problem_{};
};

}  // namespace llmroute::dialect::detail

#endif
