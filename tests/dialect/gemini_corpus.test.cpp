// SPDX-License-Identifier: MIT
// Recorded answers of Gemini and Vertex, read as an independent reader reads them. Skipped where there are none.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../recorded.hpp"
#include "llmroute/dialect/gemini.hpp"
#include "llmroute/route/attempt.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"

using namespace llmroute;

namespace {

// The same for what means the same: members sorted, no blanks, one way to escape.
std::string canonical(std::string_view text) {
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

struct Expected {
  std::string text{}, reasoning{}, finish{}, error_class{}, blocked{}, model{};
  std::int64_t prompt = 0, completion = 0, cached = 0, thoughts = 0, total = 0, status = 0, choices = 0;
  std::vector<ToolCall> calls{};

  explicit Expected(const std::string& json_text) {
    json::Reader in(json_text);
    in.object([&](std::string_view key) {
      if (key == "text") in.text(text);
      else if (key == "reasoning_text") in.text(reasoning);
      else if (key == "finish_reason_raw" && in.kind() == json::Kind::number) finish = in.raw();
      else if (key == "finish_reason_raw") in.text(finish);
      else if (key == "prompt_block_reason") in.text(blocked);
      else if (key == "model") in.text(model);
      else if (key == "n_choices") in.integer(choices);
      else if (key == "prompt_tokens") in.integer(prompt);
      else if (key == "completion_tokens") in.integer(completion);
      else if (key == "cached_tokens") in.integer(cached);
      else if (key == "reasoning_tokens") in.integer(thoughts);
      else if (key == "total_tokens") in.integer(total);
      else if (key == "error")
        in.object([&](std::string_view k) {
          if (k == "class") in.text(error_class);
          else if (k == "status") in.integer(status);
        });
      else if (key == "tool_calls")
        in.array([&] {
          ToolCall& call = calls.emplace_back();
          in.object([&](std::string_view k) {
            if (k == "id") in.text(call.id);
            else if (k == "name") in.text(call.name);
            else if (k == "arguments") call.arguments = canonical(in.raw());
          });
        });
    });
    REQUIRE(in.done());
  }
};

struct Run {
  Attempt attempt{};
  Ended ended{};
  std::string text{}, reasoning{};
  std::vector<ToolCall> calls{};
  bool streamed = false;

  Run(int status, const std::string& body, Delivery delivery, std::size_t step) : streamed(delivery == Delivery::stream) {
    const Provider provider{
        .name = "gemini", .url = "https://x.example/v1beta", .dialect = &dialect::gemini, .key = "key-0123456789"};
    const ChatRequest request{.messages = "Why?"};
    const Offer offer = Offer::assumed({.rest = "gemini-1"}, provider);
    const auto sink = [&](const Delta& d) {
      if (d.what == Delta::What::text) text += d.text;
      else if (d.what == Delta::What::reasoning) reasoning += d.text;
      else calls.push_back({std::string(d.id), std::string(d.name), std::string(d.text)});
    };
    REQUIRE(attempt.encode({.provider = provider, .offer = offer, .request = request, .delivery = delivery}));
    attempt.head(status, {});
    bool more = true;
    for (std::size_t at = 0; more && at < body.size(); at += step)
      more = attempt.body(std::string_view(body).substr(at, step), sink);
    ended = attempt.finish({.error = more ? http::Error::none : http::Error::stopped}, sink);
  }
};

std::string difference(const Expected& expected, const Run& run) {
  const ReplyBuilder& got = run.attempt.reply();
  std::string out;
  const auto same = [&](std::string_view what, const auto& a, const auto& b) {
    if (!(a == b)) out.append(what).append(" ");
  };
  const auto failed = [&](std::string_view name, Kind kind) {
    if (run.ended.ok || run.ended.kind != kind)
      out.append(name).append(" is ").append(run.ended.ok ? "ok" : to_string(run.ended.kind)).append(" ");
  };
  if (!expected.error_class.empty()) {
    constexpr std::pair<std::string_view, Kind> classes[]{{"auth", Kind::unauthorized},
                                                          {"permission", Kind::unauthorized},
                                                          {"not_found", Kind::model_not_found},
                                                          {"context_length", Kind::context_too_long},
                                                          {"rate_limit", Kind::rate_limited},
                                                          {"quota", Kind::quota_exhausted},
                                                          {"overloaded", Kind::overloaded},
                                                          {"content_filter", Kind::content_filtered},
                                                          {"invalid_request", Kind::request_invalid},
                                                          {"cancelled", Kind::server_error},
                                                          {"server", Kind::server_error}};
    bool known = false;
    for (const auto& [name, kind] : classes)
      if (name == expected.error_class) known = true, failed(name, kind);
    return known ? out : "class " + expected.error_class;
  }
  if (!expected.blocked.empty()) failed("blocked", Kind::content_filtered);
  // An answer with no candidate, or a stream whose candidate never came to an end, is none.
  else if (expected.choices == 0 || expected.finish.empty()) failed("nothing", Kind::malformed_reply);
  else if (!run.ended.ok) return std::string(to_string(run.ended.kind)).append(": ").append(run.ended.message);
  same("text", got.text, expected.text);
  same("reasoning", got.reasoning, expected.reasoning);
  same("finish", got.finish_reason, expected.finish);
  same("model", got.model, expected.model);
  same("how many calls", got.tool_calls.size(), expected.calls.size());
  for (std::size_t i = 0; i < got.tool_calls.size() && i < expected.calls.size(); ++i) {
    const ToolCall &a = got.tool_calls[i], &b = expected.calls[i];
    same("name", a.name, b.name);
    same("arguments", canonical(a.arguments), b.arguments);
    if (!b.id.empty()) same("id", a.id, b.id);
    for (std::size_t j = 0; j < i; ++j)
      if (a.id == got.tool_calls[j].id) out += "id twice ";
  }
  // Back to the figures of the wire: what tools added to the prompt has no name there, but the total tells.
  const Usage& u = got.usage;
  const std::int64_t sum = expected.prompt + expected.completion + expected.thoughts;
  const std::int64_t tools = expected.total > sum ? expected.total - sum : 0;
  same("prompt-tokens", u.prompt - tools, expected.prompt);
  same("completion-tokens", u.completion - u.reasoning, expected.completion);
  same("reasoning-tokens", u.reasoning, expected.thoughts);
  same("cached-tokens", u.cached, expected.cached);
  if (run.ended.ok && run.streamed) {
    same("delivered-text", run.text, got.text);
    same("delivered-reasoning", run.reasoning, got.reasoning);
    std::vector<ToolCall> calls = got.tool_calls;
    for (ToolCall& call : calls) call.signature.clear();  // no piece of a stream has it
    same("delivered-calls", run.calls, calls);
  }
  return out;
}

}  // namespace

TEST_CASE("recorded answers of Gemini read as an independent reader reads them") {
  const auto wanted = [](const tests::Recorded& r) {
    return r.api == "gemini" || (r.api == "error_only" && (r.provider == "gemini" || r.provider == "vertex_gemini"));
  };
  tests::read_recorded(94, wanted, [](const tests::Recorded& r) {
    const Expected expected(r.expected);
    std::string wrong;
    for (const std::size_t step : {std::size_t{1} << 30, std::size_t{7}, std::size_t{1}})
      if (wrong.empty())
        wrong = difference(expected, Run(r.status, r.body, r.kind == "json" ? Delivery::whole : Delivery::stream, step));
    return wrong;
  });
}
