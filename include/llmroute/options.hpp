// SPDX-License-Identifier: MIT
// What a request may say beyond the chat itself. A field that is not set decides nothing; zero is a value.
#ifndef LLMROUTE_OPTIONS_HPP
#define LLMROUTE_OPTIONS_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "llmroute/failure.hpp"
#include "llmroute/money.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

/// The clocks of a request and of its attempts. Not set: the provider's, then the fleet's, then the library's.
struct Timeouts {
  std::optional<Duration> deadline{};       ///< of the whole request: 300 s; a stream that has begun may run on
  std::optional<Duration> connect{};        ///< 5 s
  std::optional<Duration> attempt{};        ///< of one whole reply: 120 s
  std::optional<Duration> first_content{};  ///< of a stream: 60 s, or 300 s for a model that reasons
  std::optional<Duration> idle{};           ///< between bytes: 30 s
  std::optional<Duration> content_idle{};   ///< between content: 120 s, so that pings alone keep nothing alive
};

/// The first of the clocks that leaves no time at all, by its name; null: none does. The deadline is not looked at.
inline const char* without_time(const Timeouts& t) noexcept {
  const auto none = [](const std::optional<Duration>& d) { return d && *d <= Duration::zero(); };
  return none(t.connect)         ? "connect"
         : none(t.attempt)       ? "attempt"
         : none(t.first_content) ? "first_content"
         : none(t.idle)          ? "idle"
         : none(t.content_idle)  ? "content_idle"
                                 : nullptr;
}

enum class Fallback : std::uint8_t { allowed, off };
enum class Switch : std::uint8_t { as_configured, off, on };
enum class WhenFull : std::uint8_t { refuse, wait };
enum class BrokenStream : std::uint8_t { stop, restart, continue_with_prefix };
enum class Replay : std::uint8_t { free, only_if_not_sent };

struct Options {
  std::string strategy{};               ///< by name, of a ranking that offers several
  std::string category{};               ///< said by the caller: no classifier is asked
  std::string tenant{};                 ///< for whom it is asked: one of the fleet's, where that lists any
  std::string session{};                ///< requests of one session may stay with one provider
  int priority = 0;                     ///< of those that wait for a slot the lowest goes first
  std::vector<std::string> any_tag{};   ///< providers with at least one of them; who has none: see `default_tag`
  std::vector<std::string> all_tags{};  ///< providers with every one of them
  std::vector<std::string> allow{};     ///< these providers only
  std::vector<std::string> deny{};      ///< none of these
  std::vector<std::string> regions{};   ///< providers of these regions only
  Timeouts timeouts{};
  std::optional<int> attempts{};  ///< at most; 5, and never more than 8
  Fallback fallback = Fallback::allowed;
  std::vector<Kind> also_next_on{};             ///< kinds that would stop the request and shall not
  std::vector<std::pair<Kind, int>> retries{};  ///< how often a failure of that kind may be asked again in a later round
  std::optional<Money> price_ceiling{};         ///< no provider whose estimate is above it
  std::optional<Price> max_price{};             ///< per million tokens: none that charges more for input or for output
  Switch hedge = Switch::as_configured;
  Switch cache = Switch::as_configured;
  WhenFull when_full = WhenFull::refuse;
  BrokenStream broken_stream = BrokenStream::stop;
  Replay replay = Replay::free;
  std::string correlation_id{};                 ///< sent along as x-correlation-id, where it is printable ASCII
  std::optional<std::int64_t> prompt_tokens{};  ///< the caller's own count; else a quarter of the bytes
};

}  // namespace llmroute

#endif
