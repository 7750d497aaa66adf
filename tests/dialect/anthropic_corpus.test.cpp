// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../recorded.hpp"
#include "llmroute/dialect/anthropic.hpp"
#include "llmroute/route/attempt.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"

using namespace llmroute;

namespace {

// JSON without what two writers do differently: blanks and escapes.
void rewrite(std::string_view text, json::Writer& to) {
  json::Reader in(text);
  std::string s;
  switch (in.kind()) {
    case json::Kind::object:
      to.begin_object();
      in.object([&](std::string_view key) {
        to.key(key);
        rewrite(in.raw(), to);
      });
      to.end_object();
      break;
    case json::Kind::array:
      to.begin_array();
      in.array([&] { rewrite(in.raw(), to); });
      to.end_array();
      break;
    case json::Kind::string:
      in.text(s);
      to.text(s);
      break;
    default: to.raw(text);
  }
}
std::string plain(std::string_view text) {
  std::string out;
  json::Writer to(out);
  rewrite(text, to);
  return to.done() ? out : "not JSON: " + std::string(text);
}

struct Expected {
  std::string text{}, reasoning{}, finish{}, error_class{};
  std::vector<ToolCall> calls{};
  std::int64_t prompt = 0, written = 0, completion = 0, cached = 0, thought = -1;  // -1: that reader did not look

  explicit Expected(const std::string& json_text) {
    json::Reader in(json_text);
    in.object([&](std::string_view key) {
      if (key == "text") in.text(text);
      else if (key == "reasoning_text") in.text(reasoning);
      else if (key == "finish_reason_raw") in.text(finish);
      else if (key == "prompt_tokens") in.integer(prompt);
      else if (key == "completion_tokens") in.integer(completion);
      else if (key == "cached_tokens") in.integer(cached);
      else if (key == "cache_creation_tokens") in.integer(written);
      else if (key == "reasoning_tokens") in.integer(thought);
      else if (key == "error")
        in.object([&](std::string_view k) {
          if (k == "class") in.text(error_class);
        });
      else if (key == "tool_calls")
        in.array([&] {
          ToolCall& call = calls.emplace_back();
          in.object([&](std::string_view k) {
            if (k == "id") in.text(call.id);
            else if (k == "name") in.text(call.name);
            else if (k == "arguments") call.arguments = plain(in.raw());
          });
        });
    });
    REQUIRE(in.done());
  }
};

struct Read {
  Attempt attempt{};
  Ended ended{};
  std::string text{}, reasoning{};
  std::vector<ToolCall> calls{};

  Read(int status, std::string_view body, std::size_t chunk) {
    const Provider p{.name = "anthropic", .url = "https://api.example.com/v1", .dialect = &dialect::anthropic};
    const ChatRequest request{.messages = "Why?"};
    const Offer offer = Offer::assumed({.rest = "claude"}, p);
    const auto sink = [this](const Delta& d) {
      if (d.what == Delta::What::text) text += d.text;
      else if (d.what == Delta::What::reasoning) reasoning += d.text;
      else {
        if (d.index == calls.size()) calls.emplace_back();
        ToolCall& call = calls.at(d.index);
        call.id += d.id, call.name += d.name, call.arguments += d.text;
      }
    };
    REQUIRE(attempt.encode({.provider = p, .offer = offer, .request = request, .delivery = Delivery::stream}));
    attempt.head(status, {});
    bool more = true;
    for (; more && !body.empty(); body.remove_prefix(chunk < body.size() ? chunk : body.size()))
      more = attempt.body(std::string(body.substr(0, chunk)), sink);
    ended = attempt.finish({.error = more ? http::Error::none : http::Error::stopped}, sink);
  }
};

// What differs, in words; empty: nothing.
std::string difference(const Expected& expected, const Read& read) {
  const ReplyBuilder& got = read.attempt.reply();
  if (!expected.error_class.empty()) {
    constexpr std::pair<std::string_view, Kind> kinds_of[]{
        {"auth", Kind::unauthorized},         {"permission", Kind::unauthorized},
        {"not_found", Kind::model_not_found}, {"context_length", Kind::context_too_long},
        {"rate_limit", Kind::rate_limited},   {"quota", Kind::quota_exhausted},
        {"overloaded", Kind::overloaded},     {"content_filter", Kind::content_filtered},
        {"server", Kind::server_error},       {"invalid_request", Kind::request_invalid}};
    for (const auto& [name, kind] : kinds_of)
      if (name == expected.error_class && !read.ended.ok && kind == read.ended.kind) return {};
    return expected.error_class + " is " + std::string(read.ended.ok ? "ok" : to_string(read.ended.kind));
  }
  if (!read.ended.ok) return "failed: " + std::string(to_string(read.ended.kind)) + ": " + std::string(read.ended.message);
  std::string out;
  const auto same = [&](std::string_view what, const auto& a, const auto& b) {
    if (!(a == b)) out.append(what).append(" ");
  };
  std::vector<ToolCall> calls = got.tool_calls;
  for (ToolCall& call : calls) call.arguments = plain(call.arguments);
  same("text", got.text, expected.text);
  same("reasoning", got.reasoning, expected.reasoning);
  same("finish", got.finish_reason, expected.finish);
  same("tool-calls", calls, expected.calls);
  same("prompt-tokens", got.usage.prompt, expected.prompt + expected.cached + expected.written);
  same("completion-tokens", got.usage.completion, expected.completion);
  same("cached-tokens", got.usage.cached, expected.cached);
  if (expected.thought >= 0) same("reasoning-tokens", got.usage.reasoning, expected.thought);
  same("reported", got.usage.reported, true);
  same("delivered-text", read.text, got.text);
  same("delivered-reasoning", read.reasoning, got.reasoning);
  same("delivered-calls", read.calls, got.tool_calls);
  return out;
}

}  // namespace

TEST_CASE("recorded exchanges with the Messages API read as an independent reader reads them") {
  const auto wanted = [](const tests::Recorded& r) {
    return r.api == "anthropic_messages" || (r.api == "error_only" && r.provider == "anthropic");
  };
  tests::read_recorded(98, wanted, [](const tests::Recorded& r) {
    const Expected expected(r.expected);
    std::string wrong;
    for (const std::size_t chunk : {r.body.size() + 1, std::size_t{7}, std::size_t{1}})
      if (wrong.empty()) wrong = difference(expected, Read(r.status, r.body, chunk));
    return wrong;
  });
}
