// SPDX-License-Identifier: MIT
// From an error answer to a Kind, for any status and any body: a structured code decides first, then the status, then
// phrases, which are looked for only in the provider's own message. What they mean stands in error_tables.hpp.
#ifndef LLMROUTE_DIALECT_ERRORS_HPP
#define LLMROUTE_DIALECT_ERRORS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/error_tables.hpp"
#include "llmroute/failure.hpp"
#include "llmroute/http.hpp"
#include "llmroute/time.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/json_reader.hpp"

namespace llmroute::dialect {

/// What an error body says, wherever its provider puts it.
struct ErrorWords {
  bool found = false;  ///< the body has the shape of an API's error
  std::string code{};
  std::string type{};
  std::string message{};
  int status = 0;  ///< a code that is an HTTP status: what an error inside a 200 means
  Duration retry_after{};
};

namespace detail {

constexpr bool says(std::string_view message, Where where, std::string_view phrase) noexcept {
  if (message.size() < phrase.size()) return false;
  const std::size_t last = message.size() - phrase.size();
  if (where == Where::whole && last != 0) return false;
  if (where == Where::ends) return http::iequals(message.substr(last), phrase);
  constexpr std::size_t searched = 2'000;  // a message that echoes a long request must not cost a long search
  for (std::size_t at = 0; at <= (where == Where::anywhere ? last : 0) && at < searched; ++at)
    if (http::iequals(message.substr(at, phrase.size()), phrase)) return true;
  return false;
}

template <std::size_t N>
constexpr std::optional<Kind> kind_in(const CodeRow (&rows)[N], std::string_view code, std::string_view type) noexcept {
  for (const std::string_view said : {code, type})
    for (const CodeRow& row : rows)
      if (http::iequals(row.code, said)) return row.kind;
  return std::nullopt;
}

constexpr std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// What stands first counts: an outer code is rarely vaguer than an inner one, and what repeats it adds nothing.
inline void keep(json::Reader& in, std::string& word) {
  if (word.empty()) in.text(word);
}

inline void read_code(json::Reader& in, ErrorWords& words) {
  std::int64_t number = 0;
  if (in.kind() == json::Kind::string) {
    std::string text;
    in.text(text);
    for (const char c : text) number = c < '0' || c > '9' || number > 999 ? 1'000 : number * 10 + (c - '0');
    if (words.code.empty()) words.code = text;
  } else {
    in.integer(number);
  }
  if (number >= 100 && number <= 599) words.status = static_cast<int>(number);
}

inline void read_details(json::Reader& in, ErrorWords& words) {  // Google's
  in.array([&] {
    in.object([&](std::string_view key) {
      if (key == "reason") return keep(in, words.code);
      if (key != "retryDelay") return;
      std::string_view delay = in.text();
      if (delay.ends_with('s')) delay.remove_suffix(1);
      if (const auto hint = http::decimal(delay, std::chrono::seconds{1})) words.retry_after = *hint;
    });
  });
}

inline void read_words(json::Reader& in, ErrorWords& words, int depth);

// A message may be a string, a list of complaints, or JSON in a string; what that says beside it goes to `inner`.
inline void read_message(json::Reader& in, std::string& message, ErrorWords& inner, int depth) {
  std::string text;
  if (in.text(text) && !text.starts_with('{') && !text.starts_with('[')) {
    message = text;
    return;
  }
  ErrorWords said;
  json::Reader nested(text);
  read_words(text.empty() ? in : nested, said, depth + 1);
  if (said.message.empty()) said.message = text;
  if (!said.message.empty()) message = said.message;
  if (text.empty() || json::valid(text)) inner = std::move(said);
}

inline void read_words(json::Reader& in, ErrorWords& words, int depth) {
  if (depth > 4 || (words.message.empty() && in.text(words.message))) return;
  std::string title, upstream;
  ErrorWords inner, behind;
  in.array([&](std::size_t index) {
    if (index == 0) read_words(in, words, depth + 1);
  });
  in.object([&](std::string_view key) {
    if (key == "error" && in.text(title)) return;
    if (key == "error") return read_words(in, words, depth + 1);
    if (key == "message" || key == "detail" || key == "msg") {
      if (words.message.empty()) read_message(in, words.message, inner, depth);
    } else if (key == "code") {
      read_code(in, words);
    } else if (key == "type" || key == "error_type" || key == "status") {
      keep(in, words.type);
      if (words.type == "error") words.type.clear();
    } else if (key == "details") {
      read_details(in, words);
    } else if (key == "metadata") {
      in.object([&](std::string_view name) {
        if (name == "raw") read_message(in, upstream, behind, depth);
        else if (name == "flagged_input" && words.code.empty()) words.code = "content_filter";  // OpenRouter's moderation
      });
    }
  });
  if (!upstream.empty() && words.message == "Provider returned error") {  // OpenRouter
    words.message = upstream;
    inner = std::move(behind);
  }
  if (words.message.empty()) words.message = title;
  if (words.code.empty()) words.code = inner.code;
  if (words.type.empty()) words.type = inner.type;
  if (words.status == 0) words.status = inner.status;
  if (words.retry_after == Duration{}) words.retry_after = inner.retry_after;
}

}  // namespace detail

/// Reads an error body, or an object that has one in it; whatever is no JSON says nothing.
inline ErrorWords error_words(std::string_view body) {
  ErrorWords words;
  json::Reader in(body);
  detail::read_words(in, words, 0);
  words.found = !words.message.empty() || !words.code.empty() || !words.type.empty() || words.status != 0;
  return words;
}

/// What a call means that brought no answer.
constexpr Kind kind_of_silence(http::Error error) noexcept {
  switch (error) {
    case http::Error::resolve:
    case http::Error::connect:
    case http::Error::tls: return Kind::not_sent;
    case http::Error::timed_out: return Kind::timed_out;
    case http::Error::stopped: return Kind::cancelled;
    case http::Error::none: return Kind::malformed_reply;
    default: return Kind::server_error;
  }
}

/// What a status means by itself. Total: what is no status of an error is no reply either.
constexpr Kind kind_of_status(int status, bool api_error) noexcept {
  if (status == 404 && api_error) return Kind::model_not_found;
  for (const detail::StatusRow& row : detail::statuses)
    if (row.status == status) return row.kind;
  if (status < 300 || status > 599) return Kind::malformed_reply;
  return status < 400 ? Kind::misconfigured : status < 500 ? Kind::request_invalid : Kind::server_error;
}

/// What an answer with that status and those words means. A 2xx that holds an error is what its code says.
constexpr Kind kind_of(int status, bool api_error, std::string_view code, std::string_view type, std::string_view message,
                       int said_status = 0) noexcept {
  const auto sure = detail::kind_in(detail::codes, code, type);
  if (sure && *sure != Kind::rate_limited) return *sure;  // a code of a limit leaves open whether waiting helps
  const bool good = status >= 200 && status < 300;
  const auto vague = good && said_status < 300 ? detail::kind_in(detail::vague_codes, code, type) : std::nullopt;
  const Kind own = sure ? *sure : vague ? *vague : kind_of_status(good ? said_status : status, api_error);
  if (own == Kind::rate_limited && status == 413) return Kind::context_too_long;  // Groq: more than a whole minute's tokens
  // An error in a 200 that says nothing else has its words alone, which are those of a bad request.
  const Kind when = good && own == Kind::malformed_reply ? Kind::request_invalid : own;
  const std::string_view words = detail::trimmed(message);
  for (const detail::PhraseRow& row : detail::phrases)
    if (row.when == when && detail::says(words, row.where, row.phrase)) return row.kind;
  return own;
}

/// Fills `error` with what an answer of that status, a 200 among them, says of itself.
inline void set_error(int status, const ErrorWords& words, ReplyBuilder::Error& error) {
  error.seen = true;
  error.kind = kind_of(status, words.found, words.code, words.type, words.message, words.status);
  error.retry_after = words.retry_after;
  error.message = words.message.empty() ? words.code : words.message;
}

/// The same for the body of an error answer. What is no API's error, such as HTML, is handed on as it is.
inline void read_error(int status, std::string_view body, ReplyBuilder::Error& error) {
  const ErrorWords words = error_words(body);
  set_error(status, words, error);
  if (!words.found) error.message = detail::trimmed(body);
}

}  // namespace llmroute::dialect

#endif
