// SPDX-License-Identifier: MIT
// Recorded traffic through the program: what it says of each exchange against an independent reading, in chunks of any size.
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "conformance/conform.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"
#include "recorded.hpp"

using namespace llmroute;

namespace {

std::string_view dialect_of(const tests::Recorded& r) {
  const bool google = r.provider == "gemini" || r.provider == "vertex_gemini";
  if (r.api == "openai_chat") return "openai";
  if (r.api == "anthropic_messages") return "anthropic";
  if (r.api == "gemini") return "gemini";
  // Errors of other calls than a chat: its provider's words.
  return r.api != "error_only" ? "" : google ? "gemini" : r.provider == "anthropic" ? "anthropic" : "openai";
}
bool is_spoken(const tests::Recorded& r) { return !dialect_of(r).empty(); }
// What is a recording, and not what a test suite made of one.
bool is_faithful(const tests::Recorded& r) { return is_spoken(r) && r.fidelity != "fixture" && r.fidelity != "reframed"; }

std::string verdict(const tests::Recorded& r, std::string_view chunk) {
  std::string line;
  json::Writer w(line);
  w.begin_object();
  w.key("dir").text(r.folder.string()).key("dialect").text(dialect_of(r)).key("vendor").text(r.provider);
  w.key("status").number(r.status).key("stream").boolean(r.streaming);
  w.end_object();
  std::istringstream in(line);
  std::ostringstream out, err;
  const std::vector<std::string_view> args{"batch", "--chunk", chunk};
  CHECK(conform::run(args, in, out, err) == 0);
  return out.str();
}

// One side's reading: the program's and the recorder's objects have most names in common.
struct Reading {
  struct Call {
    std::string name{}, arguments{};  // JSON without its blanks, where it is JSON
    friend bool operator==(const Call&, const Call&) = default;
  };
  std::string text{}, finish{};
  std::vector<Call> calls{};
  std::optional<std::int64_t> prompt{}, completion{};
  std::string failure{};      // the program's
  std::string error_class{};  // the recorder's
  bool error = false;

  explicit Reading(std::string_view json) {
    json::Reader in(json);
    in.object([&](std::string_view key) {
      std::int64_t tokens = 0;
      if (key == "text") in.text(text);
      else if (key == "finish_raw" || key == "finish_reason_raw") {
        if (!in.text(finish) && in.kind() == json::Kind::number) finish = in.raw();
      } else if (key == "prompt_tokens" && in.integer(tokens)) prompt = tokens;
      else if (key == "completion_tokens" && in.integer(tokens)) completion = tokens;
      else if (key == "failure") in.text(failure);
      else if (key == "tool_calls") in.array([&] { call(in); });
      else if (key == "error")
        error = in.object([&](std::string_view k) {
          if (k == "class") in.text(error_class);
        });
    });
    REQUIRE(in.done());
  }

 private:
  void call(json::Reader& in) {
    Call& made = calls.emplace_back();
    std::string parsed;
    in.object([&](std::string_view key) {
      if (key == "name") in.text(made.name);
      else if (key == "arguments_raw") in.text(made.arguments);
      else if (key == "arguments" && !in.text(made.arguments) && in.kind() == json::Kind::object) parsed = in.raw();
    });
    if (made.arguments.empty()) made.arguments = parsed;
    if (json::valid(made.arguments)) made.arguments = compact(made.arguments);
  }
  // Escapes and all; what two readers may write otherwise is left to the texts of strings.
  static std::string compact(std::string_view json) {
    std::string out;
    json::Reader in(json);
    write(in, out);
    return out;
  }
  static void write(json::Reader& in, std::string& out) {
    std::string text;
    const auto value = [&] {
      write(in, out);
      out += ',';
    };
    if (in.text(text)) {
      json::Writer(out).text(text);
    } else if (in.kind() == json::Kind::object) {
      out += '{';
      in.object([&](std::string_view key) {
        json::Writer(out).text(key);
        out += ':';
        value();
      });
      out += '}';
    } else if (in.kind() == json::Kind::array) {
      out += '[';
      in.array(value);
      out += ']';
    } else {
      out += in.raw();
    }
  }
};

bool means(std::string_view error_class, std::string_view kind) {
  struct Row {
    std::string_view error_class, kind;
  };
  static constexpr Row rows[]{{"auth", "unauthorized"},
                              {"permission", "unauthorized"},
                              {"not_found", "model_not_found"},
                              {"context_length", "context_too_long"},
                              {"too_large_for_rate_limit", "context_too_long"},
                              {"rate_limit", "rate_limited"},
                              {"quota", "quota_exhausted"},
                              {"overloaded", "overloaded"},
                              {"content_filter", "content_filtered"},
                              {"invalid_request", "request_invalid"},
                              {"model_output_invalid", "malformed_reply"},
                              {"model_output_invalid", "request_invalid"},
                              {"model_output_invalid", "server_error"},
                              {"server", "server_error"},
                              {"cancelled", "server_error"}};
  if (error_class == "ambiguous") return !kind.empty();
  for (const Row& row : rows)
    if (row.error_class == error_class && row.kind == kind) return true;
  return false;
}

}  // namespace

TEST_CASE("the program reads recorded exchanges as an independent reader reads them") {
  tests::read_recorded(99, is_faithful, [](const tests::Recorded& r) {
    const Reading expected(r.expected), got(verdict(r, "0"));
    std::string wrong;
    const auto same = [&wrong](std::string_view what, const auto& a, const auto& b) {
      if (!(a == b)) wrong.append(what).append(" ");
    };
    same("text", got.text, expected.text);
    same("finish", got.finish, expected.finish);
    same("calls", got.calls, expected.calls);
    same("prompt_tokens", got.prompt, expected.prompt);
    same("completion_tokens", got.completion, expected.completion);
    return wrong;
  });
}

TEST_CASE("the program tells of each recorded error what its class means") {
  tests::read_recorded(100, is_spoken, [](const tests::Recorded& r) {
    const Reading expected(r.expected), got(verdict(r, "0"));
    const bool good = !expected.error || means(expected.error_class, got.failure);
    return good ? std::string() : expected.error_class + " is " + (got.failure.empty() ? "no failure" : got.failure);
  });
}

TEST_CASE("the program says the same of recorded exchanges in chunks of any size") {
  tests::read_recorded(100, is_spoken, [](const tests::Recorded& r) {
    const std::string whole = verdict(r, "0");
    for (const std::string_view chunk : {"1", "7", "1000"})
      if (verdict(r, chunk) != whole) return "chunks of " + std::string(chunk);
    return std::string();
  });
}
