// SPDX-License-Identifier: MIT
// One answer of a provider, read as a router would read it, and what came of it as a JSON object.
#ifndef LLMROUTE_TESTS_CONFORMANCE_JUDGE_HPP
#define LLMROUTE_TESTS_CONFORMANCE_JUDGE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/anthropic.hpp"
#include "llmroute/dialect/gemini.hpp"
#include "llmroute/dialect/openai.hpp"
#include "llmroute/http.hpp"
#include "llmroute/offer.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/route/attempt.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/http_date.hpp"
#include "llmroute/wire/json_writer.hpp"

namespace conform {

struct DialectRow {
  std::string_view name;
  const llmroute::Dialect* dialect;
};
inline constexpr DialectRow dialects[]{
    {"openai", &llmroute::dialect::openai},
    {"anthropic", &llmroute::dialect::anthropic},
    {"gemini", &llmroute::dialect::gemini},
};
/// Null: there is none of that name.
inline const llmroute::Dialect* find_dialect(std::string_view name) {
  for (const DialectRow& row : dialects)
    if (row.name == name) return row.dialect;
  return nullptr;
}

/// Collections of recordings name some vendors by the door that was taken.
inline std::string_view vendor_called(std::string_view name) {
  constexpr std::string_view known[][2]{{"azure_openai", "azure"},   {"azure_foundry", "azure"}, {"gemini_openai", "gemini"},
                                        {"ollama_openai", "ollama"}, {"llamacpp", "llama_cpp"},  {"litellm_proxy", "litellm"},
                                        {"vercel_gateway", "vercel"}};
  for (const auto& [called, vendor] : known)
    if (called == name) return vendor;
  return name;
}

/// How the transport says that it ended: as HTTP wants it, or broken off.
enum class Connection : std::uint8_t { ended, cut };

struct Answer {
  const llmroute::Dialect* dialect = &llmroute::dialect::openai;
  std::string vendor{};
  llmroute::Delivery asked = llmroute::Delivery::whole;
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  Connection connection = Connection::ended;
  std::size_t chunk = 0;  ///< bytes that arrive at a time; 0: all at once
};

/// "name: value". False: the line is none. Blanks around the value stay: they are for whoever reads the field.
inline bool read_header(std::string_view line, std::vector<std::pair<std::string, std::string>>& to) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == line.npos) return false;
  to.emplace_back(line.substr(0, colon), line.substr(colon + 1));
  return true;
}

inline std::vector<llmroute::http::Field> fields_of(const std::vector<std::pair<std::string, std::string>>& headers) {
  std::vector<llmroute::http::Field> fields;
  for (const auto& [name, value] : headers) fields.push_back({name, value});
  return fields;
}

/// Calls `take(piece) -> bool` for each piece of the bytes. False: it wanted no more.
template <class Take>
bool in_chunks(std::string_view bytes, std::size_t chunk, Take take) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, chunk == 0 ? bytes.size() : chunk);
    if (!take(piece)) return false;
    bytes.remove_prefix(piece.size());
  }
  return true;
}

/// What the attempt holds is valid until it encodes again; what it was asked is not needed any more.
inline llmroute::Ended judge(llmroute::Attempt& attempt, const Answer& answer, std::string_view body) {
  using namespace llmroute;
  Provider provider;
  provider.name = "conform";
  provider.url = "https://conform.invalid/v1";
  provider.vendor = vendor_called(answer.vendor);
  provider.dialect = answer.dialect;
  provider.model = "model";
  const Offer offer = Offer::assumed({provider.model}, provider);
  const ChatRequest request{.messages = "?"};
  const auto content = [](const Delta&) { return true; };
  http::Done done;
  if (attempt.encode({.provider = provider, .offer = offer, .request = request, .delivery = answer.asked})) {
    const std::vector<http::Field> fields = fields_of(answer.headers);
    // A recording's own date is its present: a Retry-After that is a date means nothing at any other time.
    auto now = std::chrono::system_clock::now();
    if (const auto date = http::find(fields, "date"))
      if (const auto then = http::parse_date(*date, std::chrono::floor<std::chrono::seconds>(now))) now = *then;
    attempt.head(answer.status, fields, now);
    if (!in_chunks(body, answer.chunk, [&](std::string_view piece) { return attempt.body(piece, content); }))
      done.error = http::Error::stopped;
    else if (answer.connection == Connection::cut) done.error = http::Error::io;
  }
  return attempt.finish(done, content);
}

/// The members of the verdict, into the object at hand.
inline void write_verdict(llmroute::json::Writer& to, const llmroute::ReplyBuilder& reply, const llmroute::Ended& ended) {
  const auto text_or_null = [&to](std::string_view name, std::string_view text, bool said) {
    to.key(name);
    if (said) to.text(text);
    else to.null();
  };
  const auto number_or_null = [&to](std::string_view name, std::optional<std::int64_t> number) {
    to.key(name);
    if (number) to.number(*number);
    else to.null();
  };
  to.key("text").text(reply.text);
  to.key("reasoning").text(reply.reasoning);
  to.key("tool_calls").begin_array();
  for (const llmroute::ToolCall& call : reply.tool_calls) {
    to.begin_object();
    to.key("id").text(call.id).key("name").text(call.name).key("arguments").text(call.arguments);
    to.end_object();
  }
  to.end_array();
  const std::string& word = reply.finish_reason;
  text_or_null("finish", reply.finish ? to_string(*reply.finish) : std::string_view{}, reply.finish.has_value());
  // Google can be asked to send numbers for names.
  if (!word.empty() && word.find_first_not_of("0123456789") == word.npos && llmroute::json::valid(word))
    to.key("finish_raw").raw(word);
  else text_or_null("finish_raw", word, !word.empty());
  number_or_null("prompt_tokens", reply.counted.prompt);
  number_or_null("completion_tokens", reply.counted.completion);
  text_or_null("failure", to_string(ended.kind), !ended.ok);
  text_or_null("message", ended.message, !ended.ok);
  std::optional<std::int64_t> hint;
  if (ended.retry_after > llmroute::Duration::zero())
    hint = std::chrono::duration_cast<std::chrono::milliseconds>(ended.retry_after).count();
  number_or_null("retry_after_ms", hint);
}

}  // namespace conform

#endif
