// SPDX-License-Identifier: MIT
// What a simulated provider says, byte by byte and with all its times: answers as they come over the wire, whole or streamed,
// with the errors that real ones have.
#ifndef LLMROUTE_SIM_ANSWER_HPP
#define LLMROUTE_SIM_ANSWER_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/http.hpp"
#include "llmroute/time.hpp"
#include "llmroute/usage.hpp"
#include "llmroute/wire/json_writer.hpp"

namespace llmroute::sim {

namespace detail {

// What all parts of one completion have in common.
struct Completion {
  std::string_view id = "chatcmpl-sim";
  std::string_view model = "sim-model";
  std::int64_t created = 1'700'000'000;

  std::string whole(std::string_view text, std::string_view finish, const Usage& usage) const {
    std::string out;
    json::Writer w(out);
    open(w, "chat.completion");
    w.key("choices").begin_array().begin_object().key("index").number(0);
    w.key("message").begin_object().key("role").text("assistant").key("content").text(text).end_object();
    w.key("finish_reason").text(finish).end_object().end_array();
    if (usage.reported) write(w, usage);
    w.end_object();
    return out;
  }

  std::string role() const {
    return event([](json::Writer& w) { w.key("role").text("assistant").key("content").text(""); });
  }
  std::string piece(std::string_view text) const {
    return event([text](json::Writer& w) { w.key("content").text(text); });
  }
  std::string finish(std::string_view reason) const {
    return event([](json::Writer&) {}, reason);
  }
  std::string counts(const Usage& usage) const {
    std::string out = "data: ";
    json::Writer w(out);
    open(w, "chat.completion.chunk");
    w.key("choices").begin_array().end_array();
    write(w, usage);
    w.end_object();
    return out += "\n\n";
  }
  static std::string done() { return "data: [DONE]\n\n"; }

 private:
  void open(json::Writer& w, std::string_view object) const {
    w.begin_object().key("id").text(id).key("object").text(object);
    w.key("created").number(created).key("model").text(model);
  }
  template <class Delta>
  std::string event(Delta&& delta, std::string_view finish_reason = {}) const {
    std::string out = "data: ";
    json::Writer w(out);
    open(w, "chat.completion.chunk");
    w.key("choices").begin_array().begin_object().key("index").number(0).key("delta").begin_object();
    delta(w);
    w.end_object().key("finish_reason");
    if (finish_reason.empty()) w.null();
    else w.text(finish_reason);
    w.end_object().end_array().end_object();
    return out += "\n\n";
  }
  static void write(json::Writer& w, const Usage& u) {
    w.key("usage").begin_object();
    w.key("prompt_tokens").number(u.prompt).key("completion_tokens").number(u.completion);
    w.key("total_tokens").number(u.total());
    w.key("prompt_tokens_details").begin_object().key("cached_tokens").number(u.cached).end_object();
    w.key("completion_tokens_details").begin_object().key("reasoning_tokens").number(u.reasoning).end_object();
    w.end_object();
  }
};

// "120ms", "20s", "1m3.5s": how OpenAI and Groq write the time until a limit is whole again. Rounded up.
inline std::string go_duration(Duration d) {
  const std::int64_t ms = (d.count() + 999'999) / 1'000'000;
  if (ms < 1000) return std::to_string(ms) + "ms";
  std::string out;
  if (ms >= 3'600'000) out += std::to_string(ms / 3'600'000) + 'h';
  if (ms >= 60'000) out += std::to_string(ms / 60'000 % 60) + 'm';
  out += std::to_string(ms / 1000 % 60);
  if (ms % 1000 != 0) {
    std::string fraction = std::to_string(1000 + ms % 1000);
    fraction[0] = '.';
    while (fraction.back() == '0') fraction.pop_back();
    out += fraction;
  }
  return out + 's';
}
inline std::string whole_seconds(Duration d) { return std::to_string((d.count() + 999'999'999) / 1'000'000'000); }

}  // namespace detail

/// Bytes that arrive together, so long after those before them.
struct Chunk {
  Duration after{};
  std::string bytes{};
};

/// One answer as it comes over the wire, with all its times: what a network plays. Made by hand, or by a maker below
/// and then bent: `Answer::stream({"Hel", "lo"}, 20ms).cut_after(1)`.
struct Answer {
  Duration connect{};                             ///< until there is a connection; `endless`: nobody answers there
  Duration head = std::chrono::milliseconds(10);  ///< until status and fields; `endless`: connected, and silent
  int status = 200;  ///< 0: no HTTP answer, the call ends with `end` where the head would have come
  std::vector<std::pair<std::string, std::string>> fields{};
  std::vector<Chunk> chunks{};
  http::Error end = http::Error::none;  ///< how the connection ends
  Duration end_after{};
  bool hangs = false;    ///< after the last chunk nothing more comes, not even an end
  bool at_once = false;  ///< takes no time, and an asynchronous call completes inside start()
  Usage usage{};         ///< what the provider books for it

  static constexpr Usage some_usage{.prompt = 12, .completion = 8, .reported = true};

  /// A whole reply. Usage that is not `reported` is left out.
  static Answer reply(std::string_view text, const Usage& u = some_usage) {
    return json(200, detail::Completion{}.whole(text, "stop", u)).booked(u);
  }
  /// A reply in pieces, each so long after the one before.
  static Answer stream(std::span<const std::string_view> pieces, Duration every, const Usage& u = some_usage) {
    const detail::Completion completion;
    Answer a = of_type("text/event-stream; charset=utf-8").booked(u);
    a.chunks.push_back({{}, completion.role()});
    for (std::string_view piece : pieces) a.chunks.push_back({every, completion.piece(piece)});
    a.chunks.push_back({{}, completion.finish("stop")});
    if (u.reported) a.chunks.push_back({{}, completion.counts(u)});
    a.chunks.push_back({{}, completion.done()});
    return a;
  }
  static Answer stream(std::initializer_list<std::string_view> pieces, Duration every, const Usage& u = some_usage) {
    return stream(std::span(pieces.begin(), pieces.size()), every, u);
  }
  /// OpenAI's error object. Without a code it says `null` there, as OpenAI does.
  static Answer error(int status_code, std::string_view code = {}, std::string_view message = {}) {
    const std::string_view type = status_code == 429   ? "requests"
                                  : status_code >= 500 ? "server_error"
                                                       : "invalid_request_error";
    if (message.empty()) {
      message = status_code == 503 || status_code == 529 ? "The engine is currently overloaded, please try again later."
                : status_code >= 500                     ? "The server had an error while processing your request."
                                                         : "Your request could not be processed.";
    }
    std::string body;
    json::Writer w(body);
    w.begin_object().key("error").begin_object().key("message").text(message).key("type").text(type);
    w.key("param").null().key("code");
    if (code.empty()) w.null();
    else w.text(code);
    w.end_object().end_object();
    return json(status_code, std::move(body));
  }
  /// 429 with a Retry-After in whole seconds, rounded up.
  static Answer rate_limited(Duration retry_after) {
    const std::string wait = detail::go_duration(retry_after);
    return error(429, "rate_limit_exceeded", "Rate limit reached for requests. Please try again in " + wait + '.')
        .with("retry-after", detail::whole_seconds(retry_after));
  }
  static Answer no_answer(http::Error why, Duration after = std::chrono::milliseconds(1)) {
    Answer a;
    a.head = after;
    a.status = 0;
    a.end = why;
    return a;
  }
  static Answer refused() { return no_answer(http::Error::connect); }
  static Answer unresolved() { return no_answer(http::Error::resolve); }
  /// Packets are lost: no connection, and no refusal either.
  static Answer unreachable() {
    Answer a;
    a.connect = endless;
    return a;
  }
  /// Connected, and then nothing.
  static Answer hang() { return Answer{}.after(endless); }
  /// A page of somebody in between, where JSON was expected.
  static Answer html(int status_code = 200) {
    Answer a = of_type("text/html; charset=utf-8");
    a.status = status_code;
    a.chunks.push_back({{}, "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>"});
    return a;
  }
  /// A stream that keeps itself alive and says nothing: so many comments, and then silence.
  static Answer pings(Duration every, std::size_t count) {
    Answer a = of_type("text/event-stream");
    a.chunks.assign(count, {every, ": keep-alive\n\n"});
    a.hangs = true;
    return a;
  }

  /// The same with another time until the head.
  [[nodiscard]] Answer after(Duration d) const {
    Answer a = *this;
    a.head = d;
    return a;
  }
  /// The same with a further field.
  [[nodiscard]] Answer with(std::string name, std::string value) const {
    Answer a = *this;
    a.fields.emplace_back(std::move(name), std::move(value));
    return a;
  }
  /// The same, booked at the provider with other figures than those that it shows.
  [[nodiscard]] Answer booked(const Usage& u) const {
    Answer a = *this;
    a.usage = u;
    return a;
  }
  /// Of a stream: its role and its first `pieces` arrive, then the connection breaks.
  [[nodiscard]] Answer cut_after(std::size_t pieces) const {
    Answer a = *this;
    if (a.chunks.size() > pieces + 1) a.chunks.resize(pieces + 1);
    a.end = http::Error::io;
    return a;
  }
  /// The same bytes, so many at a time and so long after one another; the times that they had are gone.
  [[nodiscard]] Answer drip(Duration every, std::size_t bytes = 1) const {
    Answer a = *this;
    a.chunks.clear();
    const std::string all = body();
    for (std::size_t i = 0; i < all.size(); i += bytes) a.chunks.push_back({every, all.substr(i, bytes)});
    return a;
  }
  /// The same, completing inside start().
  [[nodiscard]] Answer inside_start() const {
    Answer a = *this;
    a.at_once = true;
    return a;
  }

  std::string body() const {
    std::string all;
    for (const Chunk& c : chunks) all += c.bytes;
    return all;
  }
  static Answer of_type(std::string_view content_type) {
    Answer a;
    a.fields.emplace_back("content-type", content_type);
    return a;
  }
  static Answer json(int status_code, std::string body) {
    Answer a = of_type("application/json");
    a.status = status_code;
    a.chunks.push_back({{}, std::move(body)});
    return a;
  }
};

}  // namespace llmroute::sim

#endif
