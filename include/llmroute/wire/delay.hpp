// SPDX-License-Identifier: MIT
// How long from now: the ways in which providers write it where HTTP does not rule, in rate limits and in plain words.
// What makes no sense is nothing; no text makes them fail, and they agree in every locale.
#ifndef LLMROUTE_WIRE_DELAY_HPP
#define LLMROUTE_WIRE_DELAY_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "llmroute/time.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/http_date.hpp"

namespace llmroute::http {

namespace detail {

struct UnitRow {
  std::string_view name;
  Duration unit;
};
inline constexpr UnitRow go_units[]{
    {"h", std::chrono::hours{1}},
    {"m", std::chrono::minutes{1}},
    {"s", std::chrono::seconds{1}},
    {"ms", std::chrono::milliseconds{1}},
    {"us", std::chrono::microseconds{1}},
    {"\xC2\xB5s", std::chrono::microseconds{1}},
    {"\xCE\xBCs", std::chrono::microseconds{1}},
    {"ns", std::chrono::nanoseconds{1}},
};
// With or without an s behind them.
inline constexpr UnitRow unit_words[]{
    {"ms", std::chrono::milliseconds{1}}, {"millisecond", std::chrono::milliseconds{1}},
    {"second", std::chrono::seconds{1}},  {"sec", std::chrono::seconds{1}},
    {"minute", std::chrono::minutes{1}},  {"min", std::chrono::minutes{1}},
    {"hour", std::chrono::hours{1}},      {"day", std::chrono::hours{24}},
};
inline constexpr std::string_view delay_words[]{"try again in ", "try again after ", "retry after ", "retry in "};

// Digits alone, four at most, else -1.
constexpr int natural(std::string_view digits) noexcept {
  int value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace detail

/// A count: digits with or without a fraction and nothing else. A double, because some say 9223372036854767616.
[[nodiscard]] constexpr std::optional<double> amount(std::string_view text) noexcept {
  double value = 0, place = 1;
  bool digits = false, point = false;
  for (const char c : text) {
    if (c == '.' && digits && !point) {
      point = true;
      digits = false;
      continue;
    }
    if (c < '0' || c > '9' || value > 1e300) return std::nullopt;
    digits = true;
    if (point) value += (place /= 10) * (c - '0');
    else value = value * 10 + (c - '0');
  }
  return digits ? std::optional(value) : std::nullopt;
}

/// A duration as Go writes it: "6m0s", "26ms", "2m59.56s", "17.399999999s". Not a negative one, nor one of a century.
[[nodiscard]] constexpr std::optional<Duration> go_duration(std::string_view text) noexcept {
  constexpr std::string_view digits = "0123456789.";
  if (text.empty()) return std::nullopt;
  Duration sum{};
  while (!text.empty()) {
    const std::size_t number = text.find_first_not_of(digits);
    if (number == text.npos) return std::nullopt;
    const std::size_t end = text.find_first_of(digits, number);
    const std::string_view name = text.substr(number, end == text.npos ? text.npos : end - number);
    std::optional<Duration> part;
    for (const detail::UnitRow& row : detail::go_units)
      if (row.name == name) part = decimal(text.substr(0, number), row.unit);
    if (!part) return std::nullopt;
    sum += *part;  // two of a century still fit
    if (sum >= longest_hint) return std::nullopt;
    text.remove_prefix(number + name.size());
  }
  return sum;
}

/// A moment of RFC 3339: "2026-08-19T14:34:13Z", "2026-08-19T16:34:13.250+02:00". To the millisecond.
[[nodiscard]] constexpr std::optional<std::chrono::sys_time<std::chrono::milliseconds>> parse_timestamp(
    std::string_view text) noexcept {
  using namespace std::chrono;
  const auto part = [text](std::size_t at, std::size_t digits) { return detail::natural(text.substr(at, digits)); };
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':') return std::nullopt;
  if (text[10] != 'T' && text[10] != 't' && text[10] != ' ') return std::nullopt;
  const int year_said = part(0, 4), month_said = part(5, 2), day_said = part(8, 2);
  const int hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
  if (year_said < 0 || month_said < 0 || day_said < 0) return std::nullopt;
  const year_month_day date{year{year_said}, month{static_cast<unsigned>(month_said)}, day{static_cast<unsigned>(day_said)}};
  // A second of 60 is a leap second; it counts as the one after it.
  if (!date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;

  std::size_t at = 19;
  milliseconds fraction{};
  if (text[at] == '.') {
    const std::size_t from = ++at;
    for (milliseconds place{100}; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, place /= 10)
      fraction += place * (text[at] - '0');
    if (at == from) return std::nullopt;
  }
  minutes east{};
  const std::string_view zone = text.substr(at);
  if (zone != "Z" && zone != "z") {
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
    const int zone_hour = part(at + 1, 2), zone_minute = part(at + 4, 2);
    if (zone_hour < 0 || zone_hour > 23 || zone_minute < 0 || zone_minute > 59) return std::nullopt;
    east = hours{zone_hour} + minutes{zone_minute};
    if (zone[0] == '-') east = -east;
  }
  return sys_days{date} + hours{hour} + minutes{minute} + seconds{second} + fraction - east;
}

/// When a limit resets, in any form that a provider was seen to write it. The same name comes with different ones, so the
/// value tells: a Go duration, RFC 3339, an HTTP date, or a bare number. That is of seconds, but where these would be more
/// than 30 years it is the moment in seconds since 1970, and from 10^11 on in milliseconds.
[[nodiscard]] constexpr std::optional<Duration> delay(std::string_view text,
                                                      std::chrono::system_clock::time_point wall_now) noexcept {
  if (const auto number = amount(text)) {
    if (*number < 1e9) return decimal(text, std::chrono::seconds{1});
    if (*number >= 1e14) return std::nullopt;  // the year 5138
    const double milliseconds = *number < 1e11 ? *number * 1000 : *number;
    using Moment = std::chrono::sys_time<std::chrono::milliseconds>;
    return until(Moment{std::chrono::milliseconds{static_cast<std::int64_t>(milliseconds)}}, wall_now);
  }
  if (const auto span = go_duration(text)) return span;
  if (const auto moment = parse_timestamp(text)) return until(*moment, wall_now);
  if (const auto date = parse_date(text, std::chrono::floor<std::chrono::seconds>(wall_now))) return until(*date, wall_now);
  return std::nullopt;
}

/// What a message says in words, where nothing else does: "Please try again in 1m2.5s.", "Please retry after 37 seconds".
/// Cut to a day: a message may quote the request, and words are no more than words.
[[nodiscard]] constexpr std::optional<Duration> delay_in_words(std::string_view message) noexcept {
  constexpr std::size_t searched = 2'000;  // a message that echoes a long request must not cost a long search
  constexpr Duration most = std::chrono::hours{24};
  const auto next_word = [&message] {
    std::string_view word = message.substr(0, message.find_first_of(" \n"));
    message.remove_prefix(word.size() < message.size() ? word.size() + 1 : word.size());
    while (!word.empty() && std::string_view(".,;:!)\"'").find(word.back()) != word.npos) word.remove_suffix(1);
    return word;
  };
  for (std::size_t at = 0; at < searched && at < message.size(); ++at) {
    for (const std::string_view words : detail::delay_words) {
      if (!iequals(message.substr(at, words.size()), words)) continue;
      message.remove_prefix(at + words.size());
      const std::string_view number = next_word();
      if (const auto span = go_duration(number)) return shorter(*span, most);
      std::string_view unit = next_word();
      for (const detail::UnitRow& row : detail::unit_words) {
        const bool plural = unit.size() == row.name.size() + 1 && (unit.back() == 's' || unit.back() == 'S');
        if (!iequals(plural ? unit.substr(0, row.name.size()) : unit, row.name)) continue;
        const auto span = decimal(number, row.unit);
        return span ? std::optional(shorter(*span, most)) : std::nullopt;
      }
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace llmroute::http

#endif
