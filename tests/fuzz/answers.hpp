// SPDX-License-Identifier: MIT
// What holds for the answers of every dialect: the bytes are the body of an answer with some status, and of a stream or of a
// whole reply as they look.
#ifndef LLMROUTE_TESTS_FUZZ_ANSWERS_HPP
#define LLMROUTE_TESTS_FUZZ_ANSWERS_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/failure.hpp"
#include "llmroute/http.hpp"
#include "llmroute/offer.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/route/attempt.hpp"
#include "llmroute/route/ended.hpp"
#include "llmroute/wire/headers.hpp"
#include "slow_json.hpp"
#include "target.hpp"

namespace tests::fuzz {

/// One body, read in many ways that all have to agree.
class Answers {
 public:
  Answers(const llmroute::Dialect& dialect, std::string_view body)
      : provider_{.name = "fuzzed", .url = "https://api.example.com/v1", .dialect = &dialect, .model = "model-1"}, body_(body),
        plan_(body) {
    static constexpr std::string_view vendors[]{"", "openai", "xai", "perplexity"};  // they end and count differently
    provider_.vendor = vendors[plan_.below(std::size(vendors))];
  }

  void run() {
    good_answer();
    cut_answers();
    refusals();
    errors();
  }

 private:
  using Delivery = llmroute::Delivery;
  using HttpError = llmroute::http::Error;

  // All that a caller may see of an answer.
  struct Read {
    llmroute::Ended ended{};
    std::string message{};
    llmroute::ReplyBuilder reply{};
    std::string text{}, reasoning{};  // as they were delivered, with the calls
    std::vector<llmroute::ToolCall> calls{};
    bool streamed = false;
    bool orderly = true;  // a piece of a call came for one that is there, or for the next one

    friend bool same_reply(const Read& a, const Read& b) {
      const llmroute::ReplyBuilder &r = a.reply, &s = b.reply;
      return r.text == s.text && r.reasoning == s.reasoning && r.refusal == s.refusal && r.tool_calls == s.tool_calls &&
             r.finish == s.finish && r.finish_reason == s.finish_reason && r.model == s.model && r.request_id == s.request_id &&
             r.thoughts == s.thoughts && r.extra == s.extra && r.usage == s.usage && r.billed == s.billed;
    }
    friend bool same_end(const Read& a, const Read& b) {
      return a.ended.ok == b.ended.ok && (a.ended.ok || a.ended.kind == b.ended.kind) && a.ended.status == b.ended.status &&
             a.ended.retry_after == b.ended.retry_after && a.message == b.message && a.ended.usage == b.ended.usage &&
             a.ended.billed == b.ended.billed && a.streamed == b.streamed;
    }
    friend bool same_delivery(const Read& a, const Read& b) {
      return a.text == b.text && a.reasoning == b.reasoning && a.calls == b.calls;
    }
  };

  // The same attempt each time, as an exchange has it: nothing of an answer may be left for the next one.
  Read read(int status, std::string_view body, Cut cut, HttpError error = HttpError::none,
            Delivery delivery = Delivery::stream) {
    using llmroute::Delta;
    Read out;
    const auto sink = [&out](const Delta& delta) {
      if (delta.what == Delta::What::text) out.text += delta.text;
      if (delta.what == Delta::What::reasoning) out.reasoning += delta.text;
      if (delta.what != Delta::What::tool_call) return;
      out.orderly = out.orderly && delta.index <= out.calls.size();
      if (!out.orderly) return;
      if (delta.index == out.calls.size()) out.calls.emplace_back();
      llmroute::ToolCall& call = out.calls[delta.index];
      call.id += delta.id, call.name += delta.name, call.arguments += delta.text;
    };
    const llmroute::Offer offer = llmroute::Offer::assumed({.rest = "model-1"}, provider_);
    const bool sent = attempt_.encode({.provider = provider_, .offer = offer, .request = request_, .delivery = delivery});
    expect(sent, "a plain request can be sent");
    const llmroute::http::Field fields[]{{"x-request-id", "request-1"}};
    attempt_.head(status, fields, llmroute::Attempt::Wall{});
    const bool more = in_pieces(body, cut, plan_, [&](std::string_view piece) { return attempt_.body(piece, sink); });
    out.ended = attempt_.finish({.error = more ? error : HttpError::stopped}, sink);
    out.message = out.ended.message;
    out.ended.message = {};
    out.reply = attempt_.reply();
    out.streamed = attempt_.streamed();
    judge(status, out, delivery);
    return out;
  }

  // What holds for an answer by itself.
  static void judge(int status, const Read& read, Delivery delivery) {
    const llmroute::Ended& ended = read.ended;
    const llmroute::ReplyBuilder& reply = read.reply;
    for (const std::string* word :
         {&reply.text, &reply.reasoning, &reply.refusal, &reply.finish_reason, &reply.model, &reply.request_id, &read.message})
      expect(slow::is_utf8(*word), "what an answer says is UTF-8");
    for (const llmroute::ToolCall& call : reply.tool_calls)
      expect(
          slow::is_utf8(call.id) && slow::is_utf8(call.name) && slow::is_utf8(call.arguments) && slow::is_utf8(call.signature),
          "what a call says is UTF-8");
    expect(reply.thoughts.empty() || slow::json(reply.thoughts), "thoughts are JSON after each step");
    expect(read.message.size() <= 500, "a message is short");
    for (const char c : read.message) expect(c < 0 || (c >= 0x20 && c < 0x7F), "a message is one line without controls");
    expect(ended.ok == read.message.empty(), "what is no success says why");
    expect(ended.retry_after >= llmroute::Duration{} && ended.retry_after <= llmroute::http::longest_hint,
           "a hint is not endless");
    expect(static_cast<std::size_t>(ended.kind) < llmroute::kinds.size(), "a kind is one of the table");
    const llmroute::Usage& usage = ended.usage;
    expect((std::min)({usage.prompt, usage.completion, usage.cached, usage.reasoning}) >= 0, "no count is negative");
    expect(!ended.billed || ended.billed->nanos() >= 0, "nobody is paid to ask");
    expect(ended.status == status, "the status is the answer's");
    if (status < 200 || status > 299) return expect(!ended.ok, "an error's status is an error");
    if (ended.ok) expect(reply.answered && !reply.malformed && !reply.error.seen, "a success is an answer");
    for (const char c : reply.finish_reason)
      expect(!ended.ok || reply.finish.has_value() || c == '\0', "a reason to finish is a finish");
    expect(read.orderly, "calls are delivered in their order");
    if (delivery == Delivery::whole) return expect(read.text.empty() && read.calls.empty(), "a whole reply comes at once");
    if (ended.ok || read.streamed)
      expect(read.text == reply.text && read.reasoning == reply.reasoning, "what was delivered is what the reply says");
    if (!ended.ok) return;
    std::vector<llmroute::ToolCall> calls = reply.tool_calls;
    for (llmroute::ToolCall& call : calls) call.signature.clear();  // no delta has it
    expect(read.calls == calls, "the calls that were delivered are those of the reply");
  }

  void good_answer() {
    whole_ = read(200, body_, Cut::nowhere);
    for (const Cut cut : {Cut::everywhere, Cut::somewhere}) {
      const Read pieces = read(200, body_, cut);
      expect(same_end(whole_, pieces), "an answer ends alike, however the bytes are cut");
      expect(same_reply(whole_, pieces), "an answer says the same, however the bytes are cut");
      expect(same_delivery(whole_, pieces), "an answer delivers the same, however the bytes are cut");
    }
    const std::size_t first = (std::min)(body_.find_first_not_of(" \t\r\n\xEF\xBB\xBF"), body_.size());
    if (whole_.ended.ok && !whole_.streamed) expect(slow::json(body_.substr(first)).has_value(), "a whole reply is JSON");
    const Read asked_whole = read(200, body_, Cut::somewhere, HttpError::none, Delivery::whole);
    // JSON that is read object by object in a stream is judged as a whole there, and may fail for other reasons.
    const bool by_object =
        provider_.dialect->streams == llmroute::Streams::events_or_objects && whole_.streamed && !asked_whole.streamed;
    if (!by_object || (whole_.ended.ok && asked_whole.ended.ok))
      expect((by_object || same_end(whole_, asked_whole)) && same_reply(whole_, asked_whole),
             "an answer is the same where no stream was asked for");
  }

  // A connection that breaks, at the end of the body or before.
  void cut_answers() {
    const std::size_t last_byte = body_.find_last_not_of("\r\n") + 1;
    for (const std::size_t size : {body_.size(), last_byte, plan_.below(body_.size() + 1), plan_.below(body_.size() + 1)}) {
      const std::string_view part = body_.substr(0, size);
      const Read broken = read(200, part, Cut::nowhere, HttpError::io);
      const Read pieces = read(200, part, Cut::somewhere, HttpError::io);
      expect(same_end(broken, pieces) && same_reply(broken, pieces), "a cut answer is the same, however the bytes are cut");
      if (broken.streamed) half_a_line(part, broken);
      if (!broken.ended.ok) continue;
      const Read ended = read(200, part, Cut::nowhere);
      expect(ended.ended.ok && same_reply(ended, broken), "the same bytes are no better for being cut");
      expect(broken.streamed && broken.reply.complete, "a connection may break only behind an end that was said");
      expect(whole_.ended.ok && same_reply(whole_, broken), "a part of an answer passes for no other answer");
    }
  }

  // What a stream that broke says of itself hangs on its whole lines.
  void half_a_line(std::string_view part, const Read& broken) {
    const std::size_t line = part.find_last_of("\r\n") + 1;  // 0: there is none
    const std::string_view before = part.substr(0, line), half = part.substr(line);
    if (half.empty()) return;
    const Read whole_lines = read(200, before, Cut::nowhere, HttpError::io);
    expect(!broken.ended.ok || whole_lines.ended.ok, "half a line is no end");
    const bool alone = before.empty() || before.ends_with("\n\n") || before.ends_with("\r\n\r\n");
    if (!alone || !half.starts_with("data:") || slow::json(half.substr(5))) return;
    const bool end = half.find("[DONE]") != half.npos;
    expect(end || (same_reply(broken, whole_lines) && same_delivery(broken, whole_lines)), "half an event leaves no trace");
  }

  void refusals() {
    static constexpr int statuses[]{400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529, 302, 100, 999};
    const int status = statuses[plan_.below(std::size(statuses))];
    const Read whole = read(status, body_, Cut::nowhere), pieces = read(status, body_, Cut::somewhere, HttpError::io);
    expect(same_end(whole, pieces), "an error is the same, however it is cut");
    expect(whole.text.empty() && whole.calls.empty(), "an error delivers nothing");
    llmroute::ReplyBuilder::Error error;
    provider_.dialect->error(status, body_, error);
    expect(error.seen && error.kind == whole.ended.kind, "an error is what the dialect says it is");
  }

  // The dialect's reading of errors is total, and the same however a body is wrapped.
  void errors() {
    const int status = static_cast<int>(plan_.below(700)) - 50;
    const auto plain = error_of(status, body_);
    const auto tree = slow::json(body_);
    if (!tree) return;
    expect(slow::is_utf8(plain.message), "the words of an error that is JSON are UTF-8");
    const auto padded = error_of(status, " \r\n\t" + std::string(body_) + "\n");
    expect(same(plain, padded), "blanks around an error mean nothing");
    if (tree->kind != slow::Value::Kind::object || tree->depth > 3 || body_.find("\\\"") != body_.npos) return;
    const auto in_array = error_of(status, "[" + std::string(body_) + "]");
    const bool quoted = plain.message.starts_with('{');  // what has no words is handed on as it is
    expect(quoted ? plain.kind == in_array.kind : same(plain, in_array), "an error in an array is that error");
  }
  llmroute::ReplyBuilder::Error error_of(int status, std::string_view body) {
    llmroute::ReplyBuilder::Error error;
    provider_.dialect->error(status, body, error);
    expect(error.seen && static_cast<std::size_t>(error.kind) < llmroute::kinds.size(), "every error has a kind");
    expect(error.retry_after >= llmroute::Duration{} && error.retry_after <= llmroute::http::longest_hint,
           "a hint is not endless");
    return error;
  }
  static bool same(const llmroute::ReplyBuilder::Error& a, const llmroute::ReplyBuilder::Error& b) {
    return a.kind == b.kind && a.retry_after == b.retry_after && a.message == b.message;
  }

  llmroute::Provider provider_;
  const llmroute::ChatRequest request_{.messages = "Why?"};
  std::string_view body_;
  Plan plan_;
  llmroute::Attempt attempt_{};
  Read whole_{};
};

}  // namespace tests::fuzz

#endif
