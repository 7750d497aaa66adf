// SPDX-License-Identifier: MIT
// Why an attempt or a whole request did not succeed: the kinds, the one table that says what each of them means, and the
// trail of attempts that every reply and every failure carries.
#ifndef LLMROUTE_FAILURE_HPP
#define LLMROUTE_FAILURE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "llmroute/money.hpp"
#include "llmroute/text.hpp"
#include "llmroute/time.hpp"
#include "llmroute/usage.hpp"

namespace llmroute {

enum class Kind : std::uint8_t {
  not_sent,           ///< refused, DNS, TLS, connect timeout: the provider never saw it
  timed_out,          ///< its own limit: no first content, idle, or the attempt took too long
  rate_limited,       ///< 429
  quota_exhausted,    ///< out of credit
  overloaded,         ///< 503, 529
  server_error,       ///< other 5xx, 408, 409
  unauthorized,       ///< the key
  model_not_found,    ///< this provider has no such model, or not for this key
  request_invalid,    ///< 400, 422: another provider would say the same
  unsupported,        ///< nothing was sent: this provider's format has no way to say it, another one's may
  context_too_long,   ///< more tokens than the model takes
  content_filtered,   ///< refused for what it says
  malformed_reply,    ///< an answer that is none: HTML with 200, cut JSON, no choices
  stream_broken,      ///< cut after the caller had content
  cancelled,          ///< by the caller
  deadline_exceeded,  ///< the time of the whole request is up
  over_budget,        ///< the money may not be spent
  no_candidate,       ///< nobody may be asked
  misconfigured,      ///< refused configuration, a redirect, a URL that is no API
  policy_failed       ///< a user's policy threw
};

/// What the request does next.
enum class Onward : std::uint8_t { next, larger_window, other_vendor, stop };
/// What the provider gets.
enum class Blame : std::uint8_t {
  none,
  failure,       ///< counts against its health
  rest,          ///< rests as told, health is not blamed
  provider_out,  ///< out until its key changes, or it is replaced or enabled
  offer_out      ///< this model of it is out, likewise
};
/// How far the blame reaches.
enum class Scope : std::uint8_t { none, place, quota_group, provider };

struct KindRow {
  std::string_view name;
  Onward onward;
  Blame blame;
  Scope scope;
};

inline constexpr std::array<KindRow, 20> kinds{{
    {"not_sent", Onward::next, Blame::failure, Scope::place},
    {"timed_out", Onward::next, Blame::failure, Scope::place},
    {"rate_limited", Onward::next, Blame::rest, Scope::quota_group},
    {"quota_exhausted", Onward::next, Blame::rest, Scope::quota_group},
    {"overloaded", Onward::next, Blame::failure, Scope::place},
    {"server_error", Onward::next, Blame::failure, Scope::place},
    {"unauthorized", Onward::next, Blame::provider_out, Scope::provider},
    {"model_not_found", Onward::next, Blame::offer_out, Scope::place},
    {"request_invalid", Onward::stop, Blame::none, Scope::none},
    {"unsupported", Onward::next, Blame::none, Scope::none},
    {"context_too_long", Onward::larger_window, Blame::none, Scope::none},
    {"content_filtered", Onward::other_vendor, Blame::none, Scope::none},
    {"malformed_reply", Onward::next, Blame::failure, Scope::place},
    {"stream_broken", Onward::stop, Blame::failure, Scope::place},
    {"cancelled", Onward::stop, Blame::none, Scope::none},
    {"deadline_exceeded", Onward::stop, Blame::none, Scope::none},
    {"over_budget", Onward::stop, Blame::none, Scope::none},
    {"no_candidate", Onward::stop, Blame::none, Scope::none},
    {"misconfigured", Onward::next, Blame::provider_out, Scope::provider},
    {"policy_failed", Onward::stop, Blame::none, Scope::none},
}};
constexpr const KindRow& about(Kind k) noexcept { return kinds[static_cast<std::size_t>(k)]; }
constexpr std::string_view to_string(Kind k) noexcept { return about(k).name; }

/// How an attempt ended.
enum class Ending : std::uint8_t {
  running,
  won,
  failed,
  lost,      ///< another attempt was first
  cut,       ///< the deadline of the whole request came first
  cancelled  ///< by the caller
};
constexpr std::string_view to_string(Ending e) noexcept {
  constexpr std::array<std::string_view, 6> names{"running", "won", "failed", "lost", "cut", "cancelled"};
  return names[static_cast<std::size_t>(e)];
}

/// How one attempt ended, as policies see it.
struct Outcome {
  Ending ending = Ending::failed;
  Kind kind{};             ///< where it failed
  Duration retry_after{};  ///< zero: no hint
  Duration first_content{};
  Duration total{};
  std::optional<bool> should_retry{};  ///< where the provider said whether to try again
  bool content = false;                ///< some had come before it ended
  std::uint64_t seed = 0;              ///< of the attempt, for what draws

  constexpr bool ok() const noexcept { return ending == Ending::won; }
  constexpr bool failed() const noexcept { return ending == Ending::failed; }
  /// About health. Lost and cut still mean "at least this slow".
  constexpr bool says_nothing() const noexcept { return !ok() && !failed(); }
  constexpr Blame blame() const noexcept { return failed() ? about(kind).blame : Blame::none; }
};

/// One attempt of a request, by value: a trail outlives the fleet it tells of.
struct TrailEntry {
  ProviderName provider{};
  Ending ending = Ending::running;
  Kind kind{};         ///< where it failed
  bool hedge = false;  ///< sent before the one ahead of it had failed
  int status = 0;      ///< HTTP; 0: there was no answer
  double score = 0;    ///< what the ranking gave it; 0 from one that picks
  Elapsed started{};   ///< since the request began
  Elapsed took{};
  Text<500> message{};  ///< the provider's words, control characters escaped
  Text<120> altered{};  ///< what this vendor would refuse and was sent without: "without seed"
};

inline constexpr std::size_t max_attempts = 8;

/// The attempts of one request, in the order in which they were sent.
struct Trail {
  std::array<TrailEntry, max_attempts> entries{};
  std::uint8_t count = 0;

  constexpr const TrailEntry* begin() const noexcept { return entries.data(); }
  constexpr const TrailEntry* end() const noexcept { return entries.data() + count; }
  constexpr std::size_t size() const noexcept { return count; }
  constexpr bool empty() const noexcept { return count == 0; }
  constexpr const TrailEntry& operator[](std::size_t i) const noexcept { return entries[i]; }
};

/// Why a request did not succeed. Says it in one line: `std::cerr << reply.error()`.
struct Failure {
  Kind kind = Kind::no_candidate;
  std::string message{};    ///< every cause, and what to do
  ProviderName provider{};  ///< the last one asked, if any
  int status = 0;           ///< its HTTP status, if any
  Elapsed retry_after{};    ///< the earliest time that it may be worth coming back; zero: unknown
  std::string partial{};    ///< what the caller had already got of a stream
  Usage usage{};
  Cost cost{};  ///< of all attempts, as far as it is known
  std::uint64_t id = 0;
  Trail trail{};

  template <class Stream>
    requires requires(Stream& s) { s << std::string_view{}; }
  friend Stream& operator<<(Stream& out, const Failure& f) {
    out << to_string(f.kind);
    if (!f.message.empty()) out << std::string_view(": ") << std::string_view(f.message);
    return out;
  }
};

template <class Stream>
  requires requires(Stream& s) { s << std::string_view{}; }
Stream& operator<<(Stream& out, Kind k) {
  out << to_string(k);
  return out;
}

template <class Stream>
  requires requires(Stream& s) { s << std::string_view{}; }
Stream& operator<<(Stream& out, Ending e) {
  out << to_string(e);
  return out;
}

}  // namespace llmroute

#endif
