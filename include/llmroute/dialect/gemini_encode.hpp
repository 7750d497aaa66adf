// SPDX-License-Identifier: MIT
// A request in the words of Gemini's generateContent: the URL, which names the model, and the JSON body. What it answers
// is read in gemini_decode.hpp.
#ifndef LLMROUTE_DIALECT_GEMINI_ENCODE_HPP
#define LLMROUTE_DIALECT_GEMINI_ENCODE_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/encoding.hpp"
#include "llmroute/dialect/gemini_turns.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"
#include "llmroute/wire/url.hpp"

namespace llmroute::dialect::detail {

/// Writes one request.
class GeminiRequest : NestedSettings {
 public:
  GeminiRequest(const Outgoing& outgoing, Draft& draft) : NestedSettings(outgoing, draft, "generationConfig") {}

  void write() {
    write_url();
    if (!begin()) return;
    turns();
    tools();
    generation();
    end("generationConfig");
  }

 private:
  // `<base>/models/<name>:generateContent`, unless the URL says where the model's name goes.
  void write_url() {
    const std::string name = out_.offer.model.text(), base = out_.provider.url;
    std::string_view model = name, folder = "/models/";
    if (model.starts_with("models/")) model.remove_prefix(7);
    else if (model.starts_with("tunedModels/")) model.remove_prefix(12), folder = "/tunedModels/";
    if (model.empty()) unsaid("Gemini needs a model: the request names none, and the provider has no default");
    const bool stream = out_.delivery == Delivery::stream;
    std::string path;
    if (base.find(url::model_placeholder) == base.npos) append_escaped(path += folder, model);
    path += stream ? ":streamGenerateContent" : ":generateContent";
    append_url(draft_.url, base, path, {.rest = model});
    if (stream) draft_.url.append(base.find('?') == base.npos ? "?alt=sse" : "&alt=sse");
  }

  bool is_old() const { return is_before_gemini_3(out_.offer.model); }

  void turns() {
    GeminiTurns turns(chat_.messages, out_.provider.family(), !is_old(), w_, draft_);
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
    if (chooses_freely() || !wanted("toolConfig")) return;
    w_.begin_object().key("functionCallingConfig").begin_object();
    w_.key("mode").text(choice.mode == Mode::none ? "NONE" : "ANY");
    if (choice.mode == Mode::named) w_.key("allowedFunctionNames").begin_array().text(choice.name).end_array();
    w_.end_object().end_object();
  }

  // `responseJsonSchema` takes a JSON schema as it is. The older `responseSchema` takes a part of OpenAPI's and answers
  // 400 to additionalProperties, $ref and oneOf, which schemas written for other providers are full of.
  void generation() {
    if (!begin_settings()) return;
    if (out_.max_tokens && setting("maxOutputTokens")) w_.number(*max_tokens());
    setting("temperature", chat_.temperature);
    setting("topP", chat_.top_p);
    setting("presencePenalty", chat_.presence_penalty);
    setting("frequencyPenalty", chat_.frequency_penalty);
    // 32 bits are all that Gemini takes; that equal seeds stay equal is all that a seed is for.
    if (chat_.seed && setting("seed")) w_.number(*chat_.seed & 0x7FFF'FFFF);
    if (!chat_.stop.empty() && setting("stopSequences")) strings(chat_.stop);
    if (const auto wish = effort(); wish && setting("thinkingConfig")) think(*wish);
    const ResponseFormat& format = chat_.response_format;
    if (format.kind != ResponseFormat::Kind::text && !chat_.tools.empty() && is_old())
      unsaid("models before Gemini 3 write JSON or call tools, not both");
    if (format.kind != ResponseFormat::Kind::text && setting("responseMimeType")) w_.text("application/json");
    if (format.kind == ResponseFormat::Kind::schema && !is_set("responseSchema") && setting("responseJsonSchema"))
      schema(format.schema, "schema of response_format", format.name);
    end_settings();
  }

  // Up to 2.5 in tokens, later in words.
  void think(Effort effort) {
    constexpr std::int64_t budgets[]{0, 1'024, 8'192, 24'576};
    w_.begin_object();
    constexpr std::int64_t least = 128;  // of a Pro, which cannot but think
    const bool pro = out_.offer.model.text().find("-pro") != std::string::npos;
    const std::int64_t budget = budgets[static_cast<std::size_t>(effort)];
    if (is_old()) w_.key("thinkingBudget").number(pro && budget < least ? least : budget);
    else w_.key("thinkingLevel").text(effort == Effort::off || effort == Effort::low ? "low" : "high");
    w_.end_object();
  }
};

}  // namespace llmroute::dialect::detail

#endif
