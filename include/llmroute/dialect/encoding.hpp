// SPDX-License-Identifier: MIT
// What the dialects need alike to write a request: URLs, a look into JSON that the caller wrote, and the ground that their
// writers stand on.
#ifndef LLMROUTE_DIALECT_ENCODING_HPP
#define LLMROUTE_DIALECT_ENCODING_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/quirks.hpp"
#include "llmroute/function_ref.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"
#include "llmroute/wire/url.hpp"

namespace llmroute::dialect::detail {

/// A valid JSON object and nothing behind it, that may still be put into what a request has around it.
inline bool is_object(std::string_view text) {
  constexpr std::size_t around = 8;
  json::Reader in(text, json::max_depth - around);
  return in.kind() == json::Kind::object && in.done();
}

/// What a call was given, as JSON. Models have several words for "nothing", which providers refuse to hear again.
inline std::string_view arguments_of(const ToolCall& call) {
  const std::string_view said = call.arguments;
  const bool blank = said.find_first_not_of(" \t\r\n") == said.npos;
  return blank || said == "null" || said == R"("")" ? std::string_view("{}") : said;
}

/// A member's value as JSON; empty: there is none.
inline std::string_view member(std::string_view object, std::string_view name) {
  std::string_view found;
  json::Reader in(object);
  in.object([&](std::string_view key) {
    if (key == name) found = in.raw();
  });
  return found;
}

inline bool has_member(std::string_view object, std::string_view name) { return !member(object, name).empty(); }

/// A model's name may not reach into the rest of a URL: what is not plain is escaped, / and : included.
inline void append_escaped(std::string& url, std::string_view name) {
  constexpr std::string_view hex = "0123456789ABCDEF", also = "-._~@";
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || also.find(c) != also.npos;
    const auto byte = static_cast<unsigned char>(c);
    if (plain) url += c;
    else (url += '%') += hex[byte / 16], url += hex[byte % 16];
  }
}

/// Appends `base` + `path`, with the model's name where the base has a place for it; a query in the base stays behind.
inline void append_url(std::string& url, std::string_view base, std::string_view path, const ModelName& model) {
  const std::size_t query = base.find('?');
  std::string_view front = base.substr(0, query);
  while (front.ends_with('/')) front.remove_suffix(1);
  for (std::size_t at = 0; (at = front.find(url::model_placeholder)) != front.npos;
       front.remove_prefix(at + url::model_placeholder.size())) {
    url.append(front.substr(0, at));
    append_escaped(url, model.prefix);
    append_escaped(url, model.rest);
  }
  url.append(front).append(path);
  if (query != base.npos) url.append(base.substr(query));
}

/// From Gemini 3 on calls must be signed. A name that says nothing, such as gemini-flash-latest, is of a new one.
inline bool is_before_gemini_3(const ModelName& name) {
  const std::string model = name.text();
  return model.find("gemini-1") != model.npos || model.find("gemini-2") != model.npos;
}

/// Whether a schema allows no other members and leaves none out, at any depth: what OpenAI wants of a strict one.
inline bool is_closed(std::string_view schema, int depth = 0) {
  std::size_t properties = 0, required = 0;
  bool closed = false, described = false, good = depth < 32;
  json::Reader in(schema);
  if (in.kind() == json::Kind::array) {
    in.array([&] { good = good && is_closed(in.raw(), depth + 1); });
    return good;
  }
  in.object([&](std::string_view key) {
    const std::string_view value = in.raw();
    json::Reader inside(value);
    if (key == "properties") {
      described = true;
      inside.object([&](std::string_view) { ++properties, good = good && is_closed(inside.raw(), depth + 1); });
    } else if (key == "required") {
      inside.array([&] { ++required; });
    } else if (key == "additionalProperties") {
      closed = value == "false";
    } else if (key == "items" || key == "anyOf") {
      good = good && is_closed(value, depth + 1);
    } else if (key == "$defs" || key == "definitions") {
      inside.object([&](std::string_view) { good = good && is_closed(inside.raw(), depth + 1); });
    } else if (key == "type" && value == R"("object")") {
      described = true;
    }
  });
  return good && (!described || (closed && required == properties));
}

/// Members of a request that nobody here knows, from the most to the least particular: what it has for this vendor alone,
/// what it has for all, what the provider always takes along, what its vendor wants.
class Extras {
 public:
  explicit Extras(const Outgoing& out) noexcept : out_(out), vendor_(quirks_of(out.provider).adds) {}

  /// What of the request is no valid object; empty: all is. A fleet has looked at the provider's.
  std::string_view broken() const {
    for (const auto& [vendor, members] : out_.request.extra_for)
      if (is_for(vendor) && !is_object(members)) return "extra_for";
    if (!out_.request.extra.empty() && !is_object(out_.request.extra)) return "extra";
    return {};
  }

  /// As JSON; empty: nobody says it.
  std::string_view operator[](std::string_view name) const {
    std::string_view found;
    each([&](std::string_view object) {
      if (found.empty()) found = member(object, name);
    });
    return found;
  }
  bool has(std::string_view name) const { return !(*this)[name].empty(); }

  /// Each member once, as the most particular has it.
  void write(json::Writer& w, std::string_view but = {}) const {
    std::size_t rank = 0;
    each([&](std::string_view object) {
      ++rank;
      json::Reader in(object);
      in.object([&](std::string_view key) {
        std::size_t other = 0;
        bool said = key == but;
        each([&](std::string_view before) { said = said || (++other < rank && has_member(before, key)); });
        if (!said) w.key(key).raw(in.raw());
      });
    });
  }

 private:
  bool is_for(std::string_view vendor) const { return vendor == out_.provider.family() || vendor == out_.provider.name; }

  void each(FunctionRef<void(std::string_view)> f) const {
    for (const auto& [vendor, members] : out_.request.extra_for)
      if (is_for(vendor)) f(members);
    for (const std::string_view object : {std::string_view(out_.request.extra), std::string_view(out_.provider.extra), vendor_})
      if (!object.empty()) f(object);
  }

  const Outgoing& out_;
  std::string_view vendor_;
};

/// One request in the making. `extra` wins: a member that it names is not written a second time.
class RequestWriter {
 protected:
  RequestWriter(const Outgoing& outgoing, Draft& draft)
      : out_(outgoing), chat_(outgoing.request), quirks_(quirks_of(outgoing.provider)), extras_(outgoing), draft_(draft),
        w_(draft.body), reasons_(does_reason()) {}

  /// False: the members that nobody here knows are no JSON.
  bool begin() {
    if (const std::string_view broken = extras_.broken(); !broken.empty())
      return wrong(std::string(broken) += " is not a valid JSON object"), false;
    if (out_.offer.model.empty() && out_.provider.url.find(url::model_placeholder) != std::string::npos)
      return unsaid("its URL needs a model's name: the request names none, and the provider has no default"), false;
    w_.begin_object();
    return true;
  }
  void end(std::string_view but = {}) {
    extras_.write(w_, but);
    w_.end_object();
    if (draft_.problem.empty() && !w_.done()) wrong(std::string(w_.error()));
  }

  /// The request itself is wrong, whoever is asked.
  void wrong(std::string why) { draft_.refuse(Kind::request_invalid, std::move(why)); }
  void wrong(std::string_view what, std::string_view name, std::string_view why) {
    wrong(std::string(what).append(" \"").append(name).append("\" ").append(why));
  }
  /// There is no way to say it here. Another provider may have one.
  void unsaid(std::string why) { draft_.refuse(Kind::unsupported, std::move(why)); }

  void model() {
    if (const ModelName& name = out_.offer.model; !name.empty() && wanted("model")) w_.text(name.prefix, name.rest);
  }
  /// The same where nothing can be asked without one. `who`: wants it.
  void needed_model(std::string_view who) {
    if (out_.offer.model.empty() && !extras_.has("model"))
      unsaid(std::string(who) += " needs a model: the request names none, and the provider has no default");
    else model();
  }

  /// Writes the key of a member, under the name that it has there. False: it is said already, or would be refused there.
  bool wanted(std::string_view name) {
    if (extras_.has(name)) return false;
    const MemberRule* rule = quirks_.rule(name, reasons_);
    if (rule != nullptr && rule->name.empty()) return draft_.left_out(name), false;
    if (rule != nullptr) {
      if (extras_.has(rule->name)) return false;
      draft_.alter(name, " as ", rule->name);
    }
    w_.key(rule != nullptr ? rule->name : name);
    return true;
  }

  void number(std::string_view name, const std::optional<double>& value) {
    if (is_finite(name, value) && wanted(name)) w_.number(*value);
  }
  /// False: it is not set, or no number that can be said.
  bool is_finite(std::string_view name, const std::optional<double>& value) {
    if (value && *value - *value != 0) return wrong(std::string(name) += " is not a finite number"), false;
    return value.has_value();
  }

  /// No more than the model can write: asked for more, most vendors refuse the request.
  std::optional<std::int64_t> max_tokens() {
    const std::int64_t most = out_.offer.max_output;
    if (!out_.max_tokens || most <= 0 || *out_.max_tokens <= most) return out_.max_tokens;
    draft_.alter("max_tokens", " lowered to ", std::to_string(most));
    return most;
  }

  /// Whether there is no choice of a tool to speak of.
  bool chooses_freely() const noexcept {
    const ToolChoice::Mode mode = chat_.tool_choice.mode;
    return mode == ToolChoice::Mode::automatic || (mode == ToolChoice::Mode::none && chat_.tools.empty());
  }
  /// Whether it has to call a tool, which leaves many models no time to think.
  bool must_call() const noexcept {
    return chat_.tool_choice.mode == ToolChoice::Mode::required || chat_.tool_choice.mode == ToolChoice::Mode::named;
  }

  /// How much to think, where it may be said; else it is a hint that is left out.
  std::optional<Effort> effort() {
    if (chat_.effort && !out_.offer.capabilities.has(Capability::effort) && !reasons_)
      return draft_.left_out("effort"), std::nullopt;
    return chat_.effort;
  }

  // A schema as its author wrote it, if it is one.
  void schema(std::string_view json, std::string_view of, std::string_view name) {
    if (is_object(json)) w_.raw(json);
    else w_.null(), wrong(of, name, "is not a valid JSON object");
  }

  /// The tools in the form in which OpenAI brought them up, and others took it; of all, or of one name.
  void function_tools(std::string_view only = {}) {
    w_.begin_array();
    for (const Tool& tool : chat_.tools) {
      if (!only.empty() && tool.name != only) continue;
      w_.begin_object().key("type").text("function").key("function").begin_object().key("name").text(tool.name);
      if (!tool.description.empty()) w_.key("description").text(tool.description);
      w_.key("parameters");  // some providers insist on it, also where there are none
      if (tool.parameters.empty()) w_.raw(R"({"type":"object","properties":{}})");
      else schema(tool.parameters, "parameters of tool", tool.name);
      w_.end_object().end_object();
    }
    w_.end_array();
  }

  void strings(const std::vector<std::string>& all) {
    w_.begin_array();
    for (const std::string& one : all) w_.text(one);
    w_.end_array();
  }

  /// Whether the private parts of that turn are this vendor's own.
  bool own(const Message& message) const { return !message.vendor.empty() && message.vendor == out_.provider.family(); }

  const Outgoing& out_;
  const ChatRequest& chat_;
  const Quirks& quirks_;
  const Extras extras_;
  Draft& draft_;
  json::Writer w_;
  const bool reasons_;  ///< its model thinks, asked or not

 private:
  // As it was described, else by its name.
  bool does_reason() const {
    const Capabilities can = out_.offer.capabilities;
    return can.has(Capability::reasoning) || (can == Capabilities::assumed() && quirks_.is_thinker(out_.offer.model.text()));
  }
};

/// The same where settings stand in an object of their own. What `extra` has in one of that name is laid over them, so that
/// a thinking budget does not cost the limit on tokens.
class NestedSettings : protected RequestWriter {
 protected:
  NestedSettings(const Outgoing& outgoing, Draft& draft, std::string_view name)
      : RequestWriter(outgoing, draft), settings_name_(name), own_settings_(extras_[name]) {}

  /// False: what `extra` has there is no object, and stands for all of it.
  bool begin_settings() {
    if (own_settings_.empty() || is_object(own_settings_)) return true;
    w_.key(settings_name_).raw(own_settings_);
    return false;
  }
  void end_settings() {
    if (!own_settings_.empty()) open_settings(), w_.members(own_settings_);
    if (settings_open_) w_.end_object();
  }

  bool is_set(std::string_view name) const { return has_member(own_settings_, name); }
  /// Writes its key, unless it is set already.
  bool setting(std::string_view name) {
    if (is_set(name)) return false;
    open_settings();
    w_.key(name);
    return true;
  }
  void setting(std::string_view name, const std::optional<double>& value) {
    if (is_finite(name, value) && setting(name)) w_.number(*value);
  }

 private:
  void open_settings() {
    if (!std::exchange(settings_open_, true)) w_.key(settings_name_).begin_object();
  }

  std::string_view settings_name_, own_settings_;
  bool settings_open_ = false;
};

}  // namespace llmroute::dialect::detail

#endif
