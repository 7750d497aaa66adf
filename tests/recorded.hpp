// SPDX-License-Identifier: MIT
// Recorded exchanges of real providers, which are not part of this project: LLMROUTE_CORPUS names their folder. Each comes
// with what an independent reader found in it.
#ifndef LLMROUTE_TESTS_RECORDED_HPP
#define LLMROUTE_TESTS_RECORDED_HPP

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "llmroute/chat.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/route/attempt.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"

namespace tests {

inline std::string file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// <folder>/<provider>/<name>/{meta.json, response.body, expected.json}
struct Recorded {
  std::filesystem::path folder{};
  std::string api{}, provider{}, kind{}, fidelity{}, body{}, expected{};
  int status = 0;
  bool streaming = false;
};

/// Calls `difference(recorded)` for each exchange that is `wanted(recorded)`: what differs from its independent reading, in
/// words. At least so many in a hundred have to be read alike.
template <class Wanted, class Difference>
void read_recorded(std::size_t least_percent, Wanted wanted, Difference difference) {
  const char* const folder = std::getenv("LLMROUTE_CORPUS");
  if (folder == nullptr) {
    WARN("skipped: LLMROUTE_CORPUS names no folder of recorded exchanges");
    return;
  }
  std::size_t total = 0, good = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().filename() != "meta.json") continue;
    const auto place = entry.path().parent_path();
    const std::string meta = file(entry.path());
    Recorded recorded;
    recorded.folder = place;
    llmroute::json::Reader in(meta);
    in.object([&](std::string_view key) {
      if (key == "api") in.text(recorded.api);
      else if (key == "provider") in.text(recorded.provider);
      else if (key == "body_kind") in.text(recorded.kind);
      else if (key == "fidelity") in.text(recorded.fidelity);
      else if (key == "status") in.integer(recorded.status);
      else if (key == "streaming") in.boolean(recorded.streaming);
    });
    if (!wanted(recorded)) continue;
    recorded.body = file(place / "response.body");
    recorded.expected = file(place / "expected.json");
    ++total;
    const std::string wrong = difference(recorded);
    good += wrong.empty();
    if (!wrong.empty()) WARN(place.string() << ": " << wrong);
  }
  WARN(good << " of " << total << " recorded exchanges read alike");
  CHECK(total > 0);
  CHECK(good * 100 >= total * least_percent);
}

/// The same for what means the same: members sorted, no blanks, one way to escape.
inline std::string canonical(std::string_view text) {
  using namespace llmroute;
  json::Reader in(text);
  std::string out;
  if (in.kind() == json::Kind::object) {
    std::map<std::string, std::string> members;
    in.object([&](std::string_view key) { members[std::string(key)] = canonical(in.raw()); });
    for (const auto& [key, value] : members) out.append(out.empty() ? "" : ",").append(key).append(":").append(value);
    return "{" + out + "}";
  }
  if (in.kind() == json::Kind::array) {
    in.array([&] { out.append(out.empty() ? "" : ",").append(canonical(in.raw())); });
    return "[" + out + "]";
  }
  double number = 0;
  json::Writer w(out);
  if (in.kind() == json::Kind::string) w.text(in.text());
  else if (in.number(number)) w.number(number);
  else out = in.raw();
  return out;
}

/// What the other reader found, in the words and figures of the wire. A figure that is not there is -1.
struct Expected {
  std::string text{}, reasoning{}, plan{}, refusal{}, finish{}, error_class{}, blocked{}, model{};
  std::vector<llmroute::ToolCall> calls{};       ///< arguments in canonical form
  std::vector<std::string> arguments_as_said{};  ///< empty where they were no text
  std::int64_t prompt = -1, completion = -1, cached = -1, cache_written = -1, thoughts = -1, total = -1, status = -1,
               choices = -1;

  explicit Expected(const std::string& json_text) {
    llmroute::json::Reader in(json_text);
    in.object([&](std::string_view key) {
      for (const auto& [name, to] : {std::pair<std::string_view, std::string*>{"text", &text},
                                     {"reasoning_text", &reasoning},
                                     {"tool_plan", &plan},
                                     {"refusal", &refusal},
                                     {"prompt_block_reason", &blocked},
                                     {"model", &model}})
        if (key == name) in.text(*to);
      for (const auto& [name, to] : {std::pair<std::string_view, std::int64_t*>{"prompt_tokens", &prompt},
                                     {"completion_tokens", &completion},
                                     {"cached_tokens", &cached},
                                     {"cache_creation_tokens", &cache_written},
                                     {"reasoning_tokens", &thoughts},
                                     {"total_tokens", &total},
                                     {"n_choices", &choices}})
        if (key == name) in.integer(*to);
      if (key == "finish_reason_raw" && in.kind() == llmroute::json::Kind::number) finish = in.raw();
      else if (key == "finish_reason_raw") in.text(finish);
      else if (key == "error")
        in.object([&](std::string_view k) {
          if (k == "class") in.text(error_class);
          else if (k == "status") in.integer(status);
        });
      else if (key == "tool_calls") in.array([&] { call(in); });
    });
    REQUIRE(in.done());
  }

 private:
  void call(llmroute::json::Reader& in) {
    llmroute::ToolCall& call = calls.emplace_back();
    std::string& said = arguments_as_said.emplace_back();
    in.object([&](std::string_view k) {
      if (k == "id") in.text(call.id);
      else if (k == "name") in.text(call.name);
      else if (k == "arguments_raw") in.text(said);
      else if (k == "arguments") call.arguments = canonical(in.raw());
    });
  }
};

/// A figure that may be missing.
inline std::int64_t or_zero(std::int64_t figure) { return figure < 0 ? 0 : figure; }

/// What a class of errors is here, whoever says it.
inline std::optional<llmroute::Kind> kind_of_class(std::string_view error_class) {
  using llmroute::Kind;
  for (const auto& [name, kind] : {std::pair<std::string_view, Kind>{"auth", Kind::unauthorized},
                                   {"permission", Kind::unauthorized},
                                   {"not_found", Kind::model_not_found},
                                   {"context_length", Kind::context_too_long},
                                   {"rate_limit", Kind::rate_limited},
                                   {"quota", Kind::quota_exhausted},
                                   {"overloaded", Kind::overloaded},
                                   {"content_filter", Kind::content_filtered},
                                   {"invalid_request", Kind::request_invalid},
                                   {"model_output_invalid", Kind::malformed_reply},
                                   {"cancelled", Kind::server_error},
                                   {"server", Kind::server_error}})
    if (name == error_class) return kind;
  return std::nullopt;
}

/// A recorded answer, heard again in chunks of that size, and what a caller of it saw.
struct Replay {
  llmroute::Attempt attempt{};
  llmroute::Ended ended{};
  std::string text{}, reasoning{}, refusal{};
  std::vector<llmroute::ToolCall> calls{};
  bool wanted_stream = false;

  Replay(const llmroute::Dialect& dialect, int status, std::string_view body, llmroute::Delivery delivery, std::size_t step)
      : wanted_stream(delivery == llmroute::Delivery::stream) {
    using namespace llmroute;
    const Provider provider{
        .name = std::string(dialect.name), .url = "https://x.example/v1", .dialect = &dialect, .key = "key-0123456789"};
    const ChatRequest request{.messages = "Why?"};
    const Offer offer = Offer::assumed({.rest = "model-1"}, provider);
    const auto sink = [this](const Delta& d) {
      if (d.what == Delta::What::text) text += d.text;
      else if (d.what == Delta::What::reasoning) reasoning += d.text;
      else if (d.what == Delta::What::refusal) refusal += d.text;
      else {
        if (d.index == calls.size()) calls.emplace_back();
        ToolCall& call = calls.at(d.index);
        call.id += d.id, call.name += d.name, call.arguments += d.text;
      }
    };
    REQUIRE(attempt.encode({.provider = provider, .offer = offer, .request = request, .delivery = delivery}));
    attempt.head(status, {});
    bool more = true;
    for (; more && !body.empty(); body.remove_prefix(step < body.size() ? step : body.size()))
      more = attempt.body(std::string(body.substr(0, step)), sink);
    ended = attempt.finish({.error = more ? http::Error::none : http::Error::stopped}, sink);
  }
};

/// What differs, in words.
struct Differences {
  std::string words{};

  template <class A, class B>
  void same(std::string_view what, const A& a, const B& b) {
    if (!(a == b)) words.append(what).append(" ");
  }
  void failed(const Replay& replay, std::string_view what, llmroute::Kind kind) {
    if (!replay.ended.ok && replay.ended.kind == kind) return;
    words.append(what).append(" is ").append(replay.ended.ok ? "ok" : to_string(replay.ended.kind)).append(" ");
  }
  /// All but the figures, of which each dialect has its own.
  void same_reply(const Expected& expected, const Replay& replay) {
    const llmroute::ReplyBuilder& got = replay.attempt.reply();
    same("text", got.text, expected.text);
    same("reasoning", got.reasoning, expected.plan + expected.reasoning);
    same("finish", got.finish_reason, expected.finish);
    same("model", got.model, expected.model);
    same("how-many-calls", got.tool_calls.size(), expected.calls.size());
    for (std::size_t i = 0; i < got.tool_calls.size() && i < expected.calls.size(); ++i) {
      const llmroute::ToolCall &a = got.tool_calls[i], &b = expected.calls[i];
      same("name", a.name, b.name);
      if (b.arguments == "null") same("no-arguments", a.arguments, "");  // they were "", or "null"
      else same("arguments", canonical(a.arguments), b.arguments);
      if (!b.id.empty()) same("id", a.id, b.id);
      for (std::size_t j = 0; j < i; ++j)
        if (a.id == got.tool_calls[j].id) words += "id-twice ";
    }
    if (!replay.ended.ok || !replay.wanted_stream) return;
    std::vector<llmroute::ToolCall> calls = got.tool_calls;
    for (llmroute::ToolCall& call : calls) call.signature.clear();  // no piece of a stream has it
    same("delivered-text", replay.text, got.text);
    same("delivered-reasoning", replay.reasoning, got.reasoning);
    same("delivered-refusal", replay.refusal, got.refusal);
    same("delivered-calls", replay.calls, calls);
  }
};

/// Calls `difference(expected, replay)` for whole, 7 bytes and 1 byte at a time, until something differs.
template <class Difference>
std::string however_cut(const llmroute::Dialect& dialect, const Recorded& r, Difference difference) {
  const Expected expected(r.expected);
  const auto delivery = r.kind == "json" ? llmroute::Delivery::whole : llmroute::Delivery::stream;
  for (const std::size_t step : {r.body.size() + 1, std::size_t{7}, std::size_t{1}}) {
    std::string wrong = difference(expected, Replay(dialect, r.status, r.body, delivery, step));
    if (!wrong.empty()) return wrong.append("at ").append(std::to_string(step));
  }
  return {};
}

}  // namespace tests

#endif
