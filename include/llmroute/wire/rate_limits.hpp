// SPDX-License-Identifier: MIT
// What an answer's fields say of the limits that a provider keeps: how much is left of requests and of tokens, when it comes
// back, for how long to stay away, and whether to try again. For every provider at once: no two mean other things by a name.
#ifndef LLMROUTE_WIRE_RATE_LIMITS_HPP
#define LLMROUTE_WIRE_RATE_LIMITS_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "llmroute/time.hpp"
#include "llmroute/wire/delay.hpp"
#include "llmroute/wire/headers.hpp"

namespace llmroute::http {

/// One limit, as far as it was told.
struct Meter {
  std::optional<double> limit{};
  std::optional<double> remaining{};    ///< may be more than the limit: some add what was saved up
  std::optional<Duration> resets_in{};  ///< from the answer on
  Duration period{};                    ///< what the limit is counted over; zero: the name does not tell

  /// What is left of it, from 0 for nothing; only where that was told.
  [[nodiscard]] constexpr std::optional<double> share_left() const noexcept {
    if (remaining && *remaining <= 0) return 0.0;
    return limit && remaining ? std::optional(*remaining / *limit) : std::nullopt;
  }
  friend constexpr bool operator==(const Meter&, const Meter&) noexcept = default;
};

/// What a provider says of trying again, over any rule for the status.
enum class Verdict : std::uint8_t { nothing_said, retry, do_not_retry };

struct LimitReport {
  Meter requests{};
  Meter tokens{};
  std::optional<Duration> retry_after{};  ///< never of a 2xx, where some send one and mean nothing by it
  Verdict verdict = Verdict::nothing_said;
};

namespace detail {

enum class Counted : std::uint8_t { requests, tokens };
enum class Told : std::uint8_t { limit, remaining, resets_in, period };

// A name is a beginning, what is told and a meter, the latter two in either order: x-ratelimit-remaining-tokens,
// anthropic-ratelimit-tokens-remaining. A meter alone is its limit: x-ratelimit-requests.
struct BeginningRow {
  std::string_view name;
  bool by_size = false;  // all its meters count tokens
};
inline constexpr BeginningRow beginnings[]{
    {"x-ratelimit-"},      {"anthropic-ratelimit-"},     {"ratelimit-"},
    {"x-trial-endpoint-"}, {"x-ratelimitbysize-", true}, {"ratelimitbysize-", true},
};
struct ToldRow {
  std::string_view name;
  Told told;
};
inline constexpr ToldRow told_rows[]{
    {"limit", Told::limit},
    {"remaining", Told::remaining},
    {"reset", Told::resets_in},
    {"renewalperiod", Told::period},
};
struct MeterRow {
  std::string_view name;
  Counted counted;
  Duration period{};
};
inline constexpr Duration one_day = std::chrono::hours{24};
inline constexpr MeterRow meters[]{
    {"", Counted::requests},
    {"requests", Counted::requests},
    {"tokens", Counted::tokens},
    {"input-tokens", Counted::tokens},
    {"output-tokens", Counted::tokens},
    {"project-requests", Counted::requests},
    {"project-tokens", Counted::tokens},
    {"tokens-usage-based", Counted::tokens},
    {"tokens_usage_based", Counted::tokens},
    {"tokens-prompt", Counted::tokens},
    {"tokens-generated", Counted::tokens},
    {"call", Counted::requests},
    {"req-10-second", Counted::requests, std::chrono::seconds{10}},
    {"req-minute", Counted::requests, std::chrono::minutes{1}},
    {"requests-minute", Counted::requests, std::chrono::minutes{1}},
    {"requests-hour", Counted::requests, std::chrono::hours{1}},
    {"requests-day", Counted::requests, one_day},
    {"tokens-minute", Counted::tokens, std::chrono::minutes{1}},
    {"tokens-hour", Counted::tokens, std::chrono::hours{1}},
    {"tokens-day", Counted::tokens, one_day},
    {"tokens-month", Counted::tokens, 30 * one_day},
    {"second", Counted::requests, std::chrono::seconds{1}},
    {"minute", Counted::requests, std::chrono::minutes{1}},
    {"hour", Counted::requests, std::chrono::hours{1}},
    {"day", Counted::requests, one_day},
    {"month", Counted::requests, 30 * one_day},
};

struct LimitName {
  std::uint16_t key = 0;  // of the meter: what its fields have in common
  Counted counted{};
  Told told = Told::limit;
  Duration period{};
};

// What is told stands first or last; it is taken away.
constexpr Told take_told(std::string_view& words) noexcept {
  for (const ToldRow& row : told_rows) {
    const std::size_t size = row.name.size();
    if (iequals(words, row.name)) {
      words = {};
      return row.told;
    }
    if (words.size() <= size + 1) continue;
    if (words[size] == '-' && iequals(words.substr(0, size), row.name)) {
      words.remove_prefix(size + 1);
      return row.told;
    }
    const std::size_t rest = words.size() - size - 1;
    if (words[rest] == '-' && iequals(words.substr(rest + 1), row.name)) {
      words = words.substr(0, rest);
      return row.told;
    }
  }
  return Told::limit;
}

constexpr std::optional<LimitName> limit_name(std::string_view name) noexcept {
  constexpr std::string_view mirrored = "llm_provider-";  // LiteLLM's, beside limits of its own
  constexpr auto begins = [](std::string_view text, std::string_view with) {
    return text.size() > with.size() && iequals(text.substr(0, with.size()), with);
  };
  const bool is_mirrored = begins(name, mirrored);
  if (is_mirrored) name.remove_prefix(mirrored.size());
  for (std::size_t b = 0; b < std::size(beginnings); ++b) {
    if (!begins(name, beginnings[b].name)) continue;
    std::string_view words = name.substr(beginnings[b].name.size());
    const Told told = take_told(words);
    for (std::size_t m = 0; m < std::size(meters); ++m) {
      if (!iequals(meters[m].name, words)) continue;
      const std::size_t key = (b * std::size(meters) + m) * 2 + (is_mirrored ? 1 : 0);
      const Counted counted = beginnings[b].by_size ? Counted::tokens : meters[m].counted;
      return LimitName{static_cast<std::uint16_t>(key), counted, told, meters[m].period};
    }
    return std::nullopt;
  }
  return std::nullopt;
}

// Takes the first value that makes sense; -1 is what some say where they do not count.
constexpr void take(Meter& meter, Told told, std::string_view value, std::chrono::system_clock::time_point wall_now) noexcept {
  switch (told) {
    case Told::limit:
      if (!meter.limit) meter.limit = amount(value);
      break;
    case Told::remaining:
      if (!meter.remaining) meter.remaining = amount(value);
      break;
    case Told::resets_in:
      if (!meter.resets_in) meter.resets_in = delay(value, wall_now);
      break;
    case Told::period:
      if (const auto period = decimal(value, std::chrono::seconds{1})) meter.period = *period;
  }
}

// Which of two meters will stop a caller sooner: the one with the least share left; one whose share is not known only where
// none is, by the count that was told. Between two that are alike the one that takes longer to come back.
constexpr bool tighter(const Meter& a, const Meter& b) noexcept {
  struct Rank {
    int known;
    double left;
  };
  constexpr auto rank = [](const Meter& m) {
    if (const auto share = m.share_left()) return Rank{0, *share};
    if (m.remaining) return Rank{1, *m.remaining};
    if (m.limit) return Rank{2, *m.limit};
    return Rank{m.resets_in ? 3 : 4, 0};
  };
  const Rank of_a = rank(a), of_b = rank(b);
  if (of_a.known != of_b.known) return of_a.known < of_b.known;
  if (of_a.left < of_b.left || of_b.left < of_a.left) return of_a.left < of_b.left;
  return a.resets_in.value_or(a.period) > b.resets_in.value_or(b.period);
}

}  // namespace detail

/// Reads the fields of one answer. Names that are not known and values that make no sense are passed over. Where several
/// limits of a kind are told (a minute's and a day's, a project's and an account's, of input and of output), the report has
/// the one with the least share left. A limit of 0 is none. Of more than 16 limits the rest is passed over.
/// The delay is what `retry_hint` finds, else on a 429 the longest that a limit with nothing left takes to come back.
[[nodiscard]] constexpr LimitReport limit_report(int status, Fields fields,
                                                 std::chrono::system_clock::time_point wall_now) noexcept {
  struct Slot {
    std::uint16_t key = 0;
    detail::Counted counted{};
    Meter meter{};
  };
  std::array<Slot, 16> found{};
  std::size_t used = 0;
  for (const Field& field : fields) {
    const auto name = detail::limit_name(field.name);
    if (!name) continue;
    std::size_t at = 0;
    while (at < used && found[at].key != name->key) ++at;
    if (at == found.size()) continue;
    if (at == used) found[used++] = {name->key, name->counted, {.period = name->period}};
    detail::take(found[at].meter, name->told, trim(field.value), wall_now);
  }

  LimitReport report;
  std::optional<Duration> refill;
  for (std::size_t at = 0; at < used; ++at) {
    Meter& meter = found[at].meter;
    if (meter.limit && *meter.limit <= 0) {
      meter.limit.reset();
      if (meter.remaining && *meter.remaining <= 0) meter.remaining.reset();
    }
    if (meter.share_left() == 0.0 && meter.resets_in) refill = longer(*meter.resets_in, refill.value_or(Duration::zero()));
    Meter& kept = found[at].counted == detail::Counted::requests ? report.requests : report.tokens;
    if (detail::tighter(meter, kept)) kept = meter;
  }
  if (status >= 200 && status < 300) return report;
  report.retry_after = retry_hint(fields, wall_now);
  if (!report.retry_after && status == 429) report.retry_after = refill;
  if (const auto retry = should_retry(fields)) report.verdict = *retry ? Verdict::retry : Verdict::do_not_retry;
  return report;
}

}  // namespace llmroute::http

#endif
