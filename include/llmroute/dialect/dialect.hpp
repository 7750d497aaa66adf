// SPDX-License-Identifier: MIT
// A dialect is a wire format, and a wire format is data: four functions that a provider points to.
//
// One of your own is a struct with these static members, and `provider.dialect = &dialect::table<Mine>`.
// An answer whose first letter is lower case, or that begins with a colon, is read as Server-Sent Events; any other, whole,
// unless the dialect says of its `streams` that they come in other ways, or not at all.
#ifndef LLMROUTE_DIALECT_DIALECT_HPP
#define LLMROUTE_DIALECT_DIALECT_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/chat.hpp"
#include "llmroute/dialect/quirks.hpp"
#include "llmroute/failure.hpp"
#include "llmroute/offer.hpp"
#include "llmroute/provider.hpp"

namespace llmroute {

/// What one attempt sends.
struct Outgoing {
  const Provider& provider;
  const Offer& offer;
  const ChatRequest& request;
  Delivery delivery = Delivery::whole;
  std::optional<std::int64_t> max_tokens{};  ///< the request's, or what a budget needs
};

/// What a dialect makes of a request. An attempt keeps it, and its buffers.
struct Draft {
  std::string url{};
  std::string body{};
  std::string problem{};  ///< why it cannot be sent; empty: it can
  Kind kind{};            ///< of the problem: `request_invalid`, or `unsupported` where another provider may have a way
  std::string altered{};  ///< "without seed, max_tokens as max_completion_tokens": what the trail says of it

  /// The first problem is kept.
  void refuse(Kind of, std::string why) {
    if (!problem.empty()) return;
    kind = of;
    problem = std::move(why);
  }
  void left_out(std::string_view member) { alter("without ", member, {}); }
  void alter(std::string_view member, std::string_view how, std::string_view what) {
    altered.append(altered.empty() ? "" : ", ").append(member).append(how).append(what);
  }
  void clear() { url.clear(), body.clear(), problem.clear(), altered.clear(); }
};

/// What is known of an answer so far. A dialect fills it, an attempt keeps it.
struct ReplyBuilder {
  std::string text{};
  std::string reasoning{};
  std::string refusal{};
  std::vector<ToolCall> tool_calls{};
  std::optional<Finish> finish{};
  std::string finish_reason{};
  std::string model{};
  std::string request_id{};
  Usage usage{};
  struct Counted {
    std::optional<std::int64_t> prompt{}, completion{};
  } counted{};                    ///< as this provider counts them; `usage` means the same of all
  std::string thoughts{};         ///< JSON that only its own vendor understands; see `Message::thoughts`
  std::string growing_thought{};  ///< which of them is not whole yet
  std::vector<std::pair<std::string, std::string>> extra{};  ///< see `Reply::extra`: a member, and its JSON
  std::optional<Money> billed{};                             ///< the provider's own cost field
  bool complete = false;                                     ///< a stream said by itself that it is whole
  bool answered = false;                                     ///< there was a choice, whatever it said
  bool says_end = false;                                     ///< that it would say so: a finish reason alone makes it not whole

  struct Error {  ///< an error in the body, also of a 200 or in the middle of a stream
    bool seen = false;
    Kind kind = Kind::server_error;
    Duration retry_after{};
    std::string message{};
  } error{};
  bool malformed = false;  ///< bytes that the dialect could not read

  /// What an event added to a tool call: `size` bytes of its arguments from `from` on; its id and name if they are new.
  struct Piece {
    std::size_t call = 0;
    std::size_t from = 0;
    std::size_t size = 0;
    bool id = false;
    bool name = false;
  };
  std::vector<Piece> pieces{};               ///< of the event at hand
  std::vector<std::int64_t> call_indices{};  ///< the number that the provider gave each of `tool_calls`; -1: none
  const Quirks* quirks = nullptr;            ///< of who answers; null: not known

  /// Keeps a member for `Reply::extra`. What comes again takes its place.
  void keep(std::string_view name, std::string_view json) {
    if (std::string* const value = kept(name)) value->assign(json);
    else extra.emplace_back(name, json);
  }
  /// Likewise, of a list that comes in pieces: the values of this one.
  void keep_more(std::string_view name, std::string_view values) {
    if (values.empty()) return;
    std::string* value = kept(name);
    if (value == nullptr) value = &extra.emplace_back(name, "[]").second;
    value->back() = ',';
    if (value->size() == 2) value->pop_back();
    value->append(values).append("]");
  }
  std::string* kept(std::string_view name) noexcept {
    for (auto& member : extra)
      if (member.first == name) return &member.second;
    return nullptr;
  }

  void clear() {
    text.clear(), reasoning.clear(), refusal.clear(), tool_calls.clear(), finish.reset(), finish_reason.clear();
    model.clear(), request_id.clear(), usage = {}, counted = {}, thoughts.clear(), growing_thought.clear(), extra.clear();
    billed.reset();
    complete = answered = says_end = malformed = false, quirks = nullptr;
    error.seen = false, error.retry_after = {}, error.message.clear(), pieces.clear(), call_indices.clear();
  }
};

/// How the streams of a dialect come.
enum class Streams : std::uint8_t {
  events,             ///< as Server-Sent Events: what is JSON is a reply in one piece
  events_or_objects,  ///< or as JSON objects, a line each or in one array; each is an event without a name
  not_at_all          ///< each answer is whole, whatever it begins with
};

struct Dialect {
  std::string_view name;
  /// Writes URL and body into an empty draft, or why it cannot.
  void (*encode)(const Outgoing&, Draft&);
  /// One event of a stream, with its name where the server gave one. False: stop reading (the caller wants no more, or
  /// `builder` holds an error).
  bool (*event)(std::string_view name, std::string_view data, ReplyBuilder& builder, OnDelta deliver);
  /// A whole reply. False: it is none.
  bool (*whole)(std::string_view body, ReplyBuilder& builder);
  /// The body of an error answer: what kind it is, the provider's words and its hint go to `error`.
  void (*error)(int status, std::string_view body, ReplyBuilder::Error& error);
  Streams streams = Streams::events;
};

namespace dialect {

namespace detail {

template <class D>
constexpr Streams streams_of() noexcept {
  if constexpr (requires { D::streams; }) return D::streams;
  else return Streams::events;
}

}  // namespace detail

template <class D>
inline constexpr Dialect table{D::name, &D::encode, &D::event, &D::whole, &D::error, detail::streams_of<D>()};

/// How that provider deviates: as it says itself, else as its vendor's chat completions are known to.
inline const Quirks& quirks_of(const Provider& p) noexcept {
  const bool usual = p.dialect == nullptr || p.dialect->name == "openai";
  return p.quirks != nullptr ? *p.quirks : quirks_of(usual ? std::string_view(p.vendor) : std::string_view());
}

}  // namespace dialect

}  // namespace llmroute

#endif
