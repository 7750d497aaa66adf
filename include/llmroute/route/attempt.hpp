// SPDX-License-Identifier: MIT
// One HTTP call to one provider: the bytes that are sent and all that is known of the answer. It knows wire and dialect
// and nothing of routing; whoever drives it connects it to a transport and to an exchange.
#ifndef LLMROUTE_ROUTE_ATTEMPT_HPP
#define LLMROUTE_ROUTE_ATTEMPT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/chat.hpp"
#include "llmroute/config.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/errors.hpp"  // kind_of_silence
#include "llmroute/dialect/openai.hpp"
#include "llmroute/failure.hpp"
#include "llmroute/http.hpp"
#include "llmroute/local_function.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/route/ended.hpp"
#include "llmroute/secret.hpp"
#include "llmroute/wire/delay.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/json_stream.hpp"
#include "llmroute/wire/printable.hpp"
#include "llmroute/wire/rate_limits.hpp"
#include "llmroute/wire/sse.hpp"

namespace llmroute {

/// Called in this order: encode, request, head, body, finish; and again, with the same buffers.
/// What `encode` was given is borrowed until `finish`. An attempt stays where it is: what it sends are views into itself.
class Attempt {
 public:
  using Wall = std::chrono::system_clock::time_point;

  Attempt() = default;
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  /// False: nothing is sent, and `finish` says why, or hands on what the provider's function said. An id that holds more
  /// than printable ASCII is left out.
  bool encode(const Outgoing& outgoing, std::string_view correlation_id = {}) {
    clear();
    const Provider& provider = outgoing.provider;
    dialect_ = provider.dialect != nullptr ? provider.dialect : &dialect::openai;
    stream_wanted_ = outgoing.delivery == Delivery::stream;
    if (provider.function) return answer_here(provider.function, outgoing.request);
    Outgoing wire = outgoing;
    if (!outgoing.offer.capabilities.has(Capability::streaming)) wire.delivery = Delivery::whole;
    const bool streams = wire.delivery == Delivery::stream;
    in_pieces_ = streams && dialect_->streams == Streams::events_or_objects;
    reply_.quirks = &dialect::quirks_of(provider);
    dialect_->encode(wire, draft_);
    if (!draft_.problem.empty()) return refuse(draft_.kind, draft_.problem);
    if (!provider.key.empty()) {
      key_.append(provider.key_field.prefix);
      if (!provider.key.append_to(key_))
        return refuse(Kind::not_sent,
                      provider.key.asked() ? "the key function gave no key that can be sent" : "the key cannot be sent");
      key_prefix_ = provider.key_field.prefix.size();
    }
    for (const auto& [name, value] : provider.fields) fields_.push_back({name, value});
    add_field("content-type", "application/json");
    add_field("accept", in_pieces_ ? "*/*" : streams ? "text/event-stream" : "application/json");
    if (!key_.view().empty()) add_field(provider.key_field.name, key_.view());
    correlation_id_ = correlation_id;
    if (!correlation_id.empty() && is_plain(correlation_id)) add_field("x-correlation-id", correlation_id_);
    request_ = {.method = "POST", .url = draft_.url, .fields = fields_, .body = draft_.body};
    return true;
  }

  const http::Request& request() const noexcept { return request_; }

  void head(int status, std::span<const http::Field> fields) { head(status, fields, std::chrono::system_clock::now()); }
  /// The same where a wall clock of one's own dates a Retry-After.
  void head(int status, std::span<const http::Field> fields, Wall wall_now) {
    status_ = status;
    limits_ = http::limit_report(status, fields, wall_now);
    if (limits_.retry_after)
      retry_after_ = longer(*limits_.retry_after, Duration(1));  // "0" is common, and not the same as no hint
    for (const std::string_view name : {std::string_view("x-request-id"), std::string_view("request-id")}) {
      const auto id = http::find(fields, name);
      if (id && reply_.request_id.empty()) reply_.request_id = printable(without_key(std::string(*id)), 200);
    }
  }

  /// Takes bytes of the answer's body and hands on what they say, as views that last for the call. False: stop reading.
  bool body(std::string_view bytes, OnDelta content) {
    if (!good()) return collect(bytes, most_error_bytes);
    if (form_ == Form::unknown) {
      // What providers declare is not always what they send: the first byte behind blanks and a byte order mark tells.
      const std::size_t first = bytes.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
      if (first == bytes.npos) return true;
      bytes.remove_prefix(first);
      const char c = bytes.front();
      if (dialect_->streams == Streams::not_at_all) form_ = Form::whole;
      else if (c == ':' || (c >= 'a' && c <= 'z')) form_ = Form::events;
      else form_ = in_pieces_ && (c == '{' || c == '[') ? Form::objects : Form::whole;
    }
    bool more = false;
    if (form_ == Form::whole) more = collect(bytes, most_reply_bytes);
    else if (form_ == Form::objects) more = objects(bytes, content);
    else more = events_.feed(bytes, [&](const sse::Event& e) { return event(e.name, e.data, content); });
    // Where nobody wanted to stop, it cannot be read on: too long, or no JSON.
    if (!more && !unwanted_ && !reply_.error.seen && !reply_.complete) reply_.malformed = true;
    return more;
  }

  /// The call is over. What the end of the body completes goes to `content`: a last event, or all of a reply that came in
  /// one piece where a stream was asked for. The request is void from here on, the reply and the message are not.
  Ended finish(const http::Done& done, OnDelta content = {}) {
    Ended ended{.status = status_};
    if (refused_) {
      ended.kind = refusal_;
    } else if (here_) {
      close_here(content, ended);
    } else if (status_ == 0) {
      ended.kind = dialect::kind_of_silence(done.error);
      if (done.error == http::Error::none) say("no answer at all");
      else say(http::to_string(done.error), done.detail);
    } else if (!good()) {
      reply_.error = {};
      dialect_->error(status_, collected_, reply_.error);
      ended.kind = reply_.error.kind;
      ended.retry_after = longer(retry_after_, reply_.error.retry_after);
      if (ended.retry_after == Duration{}) ended.retry_after = in_words();
      if (reply_.error.message.empty()) say("an error without a message");
      else say(reply_.error.message);
    } else {
      close(done, content, ended);
    }
    ended.usage = reply_.usage;
    ended.billed = reply_.billed;
    ended.message = message_;
    ended.altered = draft_.altered;
    ended.limits = limits_;
    request_ = {};
    key_.clear();
    key_prefix_ = 0;
    return ended;
  }

  /// Of the answer; 0 as long as there is none.
  int status() const noexcept { return status_; }
  /// What is known of the answer; its text is what a caller got of a stream that broke.
  ReplyBuilder& reply() noexcept { return reply_; }
  const ReplyBuilder& reply() const noexcept { return reply_; }
  /// Whether the answer came as a stream, whatever was asked for.
  bool streamed() const noexcept { return form_ == Form::events || form_ == Form::objects; }

 private:
  enum class Form : std::uint8_t { unknown, whole, events, objects };

  static constexpr std::size_t most_error_bytes = std::size_t{1} << 20;
  static constexpr std::size_t most_reply_bytes = std::size_t{64} << 20;
  static constexpr std::size_t most_message_bytes = 500;

  bool good() const noexcept { return status_ >= 200 && status_ < 300; }

  void clear() {
    draft_.clear(), collected_.clear(), message_.clear(), fields_.clear(), key_.clear();
    reply_.clear();
    events_.reset(), objects_.reset();
    request_ = {};
    key_prefix_ = 0;
    status_ = 0;
    call_bytes_ = 0;
    retry_after_ = {};
    limits_ = {};
    form_ = Form::unknown;
    in_pieces_ = unwanted_ = refused_ = here_ = false;
  }

  bool refuse(Kind kind, std::string_view why) {
    refused_ = true;
    refusal_ = kind;
    say(why);
    return false;
  }

  // A provider that is a function has nothing to send: its answer is there at once, and `finish` hands it on.
  bool answer_here(const LocalFunction& function, const ChatRequest& request) {
#if LLMROUTE_EXCEPTIONS
    try {
      return take_here(function(request));
    } catch (...) {  // its words could quote the request
      return refuse(Kind::server_error, "the function threw an exception");
    }
#else
    return take_here(function(request));
#endif
  }
  bool take_here(std::optional<std::string> answer) {
    if (!answer) return refuse(Kind::server_error, "the function gave no answer");
    here_ = reply_.answered = reply_.complete = true;
    reply_.text = std::move(*answer);
    reply_.finish = Finish::stop;
    return false;
  }
  void close_here(OnDelta content, Ended& ended) {
    const Sink sink{*this, content};
    ended.ok = reply_.text.empty() || sink({.what = Delta::What::text, .text = reply_.text});
    if (ended.ok) return;
    ended.kind = Kind::cancelled;
    say(http::to_string(http::Error::stopped));
  }

  // What a provider's own fields say comes first: a name must not come twice.
  void add_field(std::string_view name, std::string_view value) {
    if (!http::find(fields_, name)) fields_.push_back({name, value});
  }

  static bool is_plain(std::string_view text) noexcept {
    for (const char c : text)
      if (c < 0x20 || c > 0x7E) return false;
    return true;
  }

  // False: it is full; what fits is kept.
  bool collect(std::string_view bytes, std::size_t most) {
    const std::size_t room = most - collected_.size();
    collected_.append(bytes.substr(0, room));
    return bytes.size() <= room;
  }

  // Notes whether somebody down the line wanted no more, which is no fault of the provider.
  struct Sink {
    Attempt& attempt;
    OnDelta content;
    bool operator()(const Delta& delta) const {
      if (!attempt.stream_wanted_ || !content) return true;  // whoever asked for a whole reply gets a whole reply
      attempt.unwanted_ = !content(delta);
      return !attempt.unwanted_;
    }
  };

  bool event(std::string_view name, std::string_view data, OnDelta content) {
    if (data.empty()) return true;
    const Sink sink{*this, content};
    reply_.pieces.clear();
    const bool more = dialect_->event(name, data, reply_, sink);
    for (const ReplyBuilder::Piece& piece : reply_.pieces) {
      const ToolCall& call = reply_.tool_calls[piece.call];
      call_bytes_ += piece.size + (piece.id ? call.id.size() : 0) + (piece.name ? call.name.size() + call.signature.size() : 0);
    }
    if (held() <= most_reply_bytes) return more;
    reply_.malformed = true;
    return false;
  }

  // What follows the end of a stream may be anything: the connection is left to end by itself, so that it can be used again.
  bool objects(std::string_view bytes, OnDelta content) {
    bool wanted = true;
    const bool open = objects_.feed(bytes, [&](std::string_view object) { return wanted = event({}, object, content); });
    return open || (wanted && reply_.complete);
  }

  // What a stream without end would fill the memory with.
  std::size_t held() const noexcept {
    std::size_t bytes =
        call_bytes_ + reply_.text.size() + reply_.reasoning.size() + reply_.refusal.size() + reply_.thoughts.size();
    for (const auto& member : reply_.extra) bytes += member.second.size();
    return bytes;
  }

  // The last resort: a provider that asks for a pause in its message alone.
  Duration in_words() const noexcept {
    if (reply_.error.kind != Kind::rate_limited && reply_.error.kind != Kind::overloaded) return {};
    const auto delay = http::delay_in_words(reply_.error.message);
    return delay ? longer(*delay, Duration(1)) : Duration{};
  }

  // A 2xx is over: what it is worth.
  void close(const http::Done& done, OnDelta content, Ended& ended) {
    const bool clean = done.error == http::Error::none;
    bool whole = false;
    if (done.error != http::Error::stopped) whole = streamed() ? flush(content, clean) : read_whole(content, clean);
    // Some keep the connection open behind their [DONE], or break it there.
    if (streamed() && reply_.complete) whole = reply_.answered;
    if (reply_.error.seen) {
      ended.kind = reply_.error.kind;
      ended.retry_after = reply_.error.retry_after;
      if (ended.retry_after == Duration{}) ended.retry_after = in_words();
      if (reply_.error.message.empty()) say("an error without a message in an answer that began well");
      else say(reply_.error.message);
    } else if (whole && !reply_.malformed && !unwanted_) {
      ended.ok = true;
    } else if (unwanted_ || (done.error == http::Error::stopped && !reply_.malformed)) {
      ended.kind = Kind::cancelled;
      say(http::to_string(http::Error::stopped));
    } else if (done.error == http::Error::timed_out) {
      ended.kind = Kind::timed_out;
      say(http::to_string(done.error), done.detail);
    } else {
      ended.kind = Kind::malformed_reply;
      explain(done);
    }
  }

  // The last event may lack its end. Whether the stream is whole: some never send their [DONE].
  bool flush(OnDelta content, bool clean) {
    if (form_ == Form::objects) {
      const bool ended = objects_.finish() == json_stream::End::complete;  // of an array, its bracket too
      return ended && reply_.answered && clean && reply_.finish.has_value() && !reply_.says_end;
    }
    const bool malformed = reply_.malformed, complete = reply_.complete;
    bool heard = false;
    const auto last = [&](const sse::Event& e) { return heard = !e.data.empty(), event(e.name, e.data, content); };
    const sse::End end = events_.finish(last, sse::Leftover::cut_line_too);
    if (end == sse::End::truncated) {
      clean = clean && heard && reply_.malformed == malformed;
      reply_.malformed = malformed;  // half a line may well be no JSON
    }
    if (end == sse::End::too_large) reply_.malformed = true;
    reply_.complete = clean ? reply_.complete : complete;
    return reply_.answered && clean && reply_.finish.has_value() && !reply_.says_end;
  }

  bool read_whole(OnDelta content, bool clean) {
    if (reply_.malformed || collected_.empty() || !dialect_->whole(collected_, reply_) || !clean) return false;
    const Sink sink{*this, content};
    if (!reply_.reasoning.empty() && !sink({.what = Delta::What::reasoning, .text = reply_.reasoning})) return false;
    if (!reply_.text.empty() && !sink({.what = Delta::What::text, .text = reply_.text})) return false;
    if (!reply_.refusal.empty() && !sink({.what = Delta::What::refusal, .text = reply_.refusal})) return false;
    std::size_t index = 0;
    for (const ToolCall& call : reply_.tool_calls) {
      const Delta delta{
          .what = Delta::What::tool_call, .text = call.arguments, .index = index++, .id = call.id, .name = call.name};
      if (!sink(delta)) return false;
    }
    return true;
  }

  void explain(const http::Done& done) {
    if (form_ == Form::whole && collected_.size() == most_reply_bytes) return say("an answer that is too long");
    if (streamed() && held() > most_reply_bytes) return say("an answer that is too long");
    if (streamed() && reply_.malformed) return say("a stream that cannot be read");
    if (done.error != http::Error::none) return say(http::to_string(done.error), done.detail);
    if (form_ == Form::unknown) return say("an empty answer");
    if (form_ == Form::whole && collected_.front() == '{') return say("no chat completion, or only a part of one");
    if (form_ == Form::whole) return say("no chat completion", collected_);
    say(reply_.answered ? "the stream ended before the reply did" : "a stream without a reply");
  }

  // Without the key and what other fields hold, whoever quoted it. Shorter ones are placeholders of local servers, and could
  // be part of any word.
  std::string without_key(std::string words) const {
    const std::string_view key = key_.view().substr(key_prefix_);
    hide(words, key, 4);
    for (const http::Field& f : fields_)
      if (f.value != "application/json" && f.value != "text/event-stream") hide(words, f.value, 8);
    return words;
  }

  // A provider's words go out through here alone.
  void say(std::string_view words, std::string_view more = {}) {
    std::string all(words);
    if (!more.empty()) all.append(": ").append(more);
    message_.clear();
    append_printable(message_, without_key(std::move(all)), most_message_bytes);
  }

  const Dialect* dialect_ = nullptr;
  Draft draft_{};
  std::string correlation_id_{};
  WipedText key_{};  // behind what stands before it in its field
  std::size_t key_prefix_ = 0;
  std::vector<http::Field> fields_{};
  http::Request request_{};

  int status_ = 0;
  std::size_t call_bytes_ = 0;
  Duration retry_after_{};
  http::LimitReport limits_{};
  Form form_ = Form::unknown;
  bool stream_wanted_ = false;
  bool in_pieces_ = false;  // a stream may come as JSON objects
  bool unwanted_ = false;
  bool refused_ = false;
  bool here_ = false;  // a function has answered
  Kind refusal_{};
  sse::Parser events_{64u << 20, sse::BareJson::event};
  json_stream::Parser objects_{64u << 20};
  std::string collected_{};  // a whole reply, or the body of an error
  std::string message_{};
  ReplyBuilder reply_{};
};

}  // namespace llmroute

#endif
