// SPDX-License-Identifier: MIT
// Header fields as providers send them: names in any case, blanks around values, and the ones that every provider means
// alike: for how long to stay away, whether to come back at all, and what kind of body this is.
#ifndef LLMROUTE_WIRE_HEADERS_HPP
#define LLMROUTE_WIRE_HEADERS_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "llmroute/http.hpp"
#include "llmroute/time.hpp"
#include "llmroute/wire/http_date.hpp"

namespace llmroute::http {

using Fields = std::span<const Field>;

/// Equal but for the case of ASCII letters, whatever the locale.
[[nodiscard]] constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
  constexpr auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

/// Without the blanks and tabs around it, which in HTTP are no part of a value. Other control characters stay.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
  constexpr auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// The trimmed value of the first field of that name.
[[nodiscard]] constexpr std::optional<std::string_view> find(Fields fields, std::string_view name) noexcept {
  for (const Field& field : fields) {
    if (iequals(field.name, name)) return trim(field.value);
  }
  return std::nullopt;
}

/// Whether a Content-Type is that type, whatever parameters follow: `is_media_type(value, "text/event-stream")`.
[[nodiscard]] constexpr bool is_media_type(std::string_view content_type, std::string_view type) noexcept {
  return iequals(trim(content_type.substr(0, content_type.find(';'))), type);
}

/// Hints are cut to this: beyond any deadline, yet safe to add to a point in time.
inline constexpr Duration longest_hint = std::chrono::hours{24 * 365 * 100};

/// So many units, written as digits with or without a fraction ("20", "0.25") and nothing else: no sign, exponent, `inf` or
/// unit. Cut to whole nanoseconds and to `longest_hint`.
[[nodiscard]] constexpr std::optional<Duration> decimal(std::string_view text, Duration unit) noexcept {
  constexpr auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::int64_t most = longest_hint / unit;
  std::int64_t whole = 0;
  std::size_t at = 0;
  for (; at < text.size() && digit(text[at]); ++at) {
    const int d = text[at] - '0';
    whole = whole > (most - d) / 10 ? most : whole * 10 + d;
  }
  if (at == 0) return std::nullopt;

  Duration fraction{};
  if (at < text.size()) {
    if (text[at] != '.' || ++at == text.size()) return std::nullopt;
    for (Duration place = unit / 10; at < text.size() && digit(text[at]); ++at, place /= 10) {
      fraction += place * (text[at] - '0');
    }
    if (at < text.size()) return std::nullopt;
  }
  return shorter(unit * whole + fraction, longest_hint);
}

/// From now until then: zero for what is past, `longest_hint` for what is further away.
[[nodiscard]] constexpr Duration until(std::chrono::sys_time<std::chrono::milliseconds> then,
                                       std::chrono::system_clock::time_point wall_now) noexcept {
  using std::chrono::milliseconds;
  const auto now = std::chrono::floor<milliseconds>(wall_now);
  const milliseconds ahead = then - now;
  // In milliseconds until it is small: a date in the year 9999 is more nanoseconds than there are.
  if (ahead <= milliseconds::zero()) return Duration::zero();
  if (ahead > std::chrono::duration_cast<milliseconds>(longest_hint)) return longest_hint;
  return Duration{ahead} - std::chrono::duration_cast<Duration>(wall_now - now);
}

/// For how long to stay away, if the provider says so: `retry-after-ms`, the same by Azure's older name, then `retry-after`
/// in seconds or as a date (in the past: zero). One that makes no sense is passed over. Providers send it with a 200, too,
/// where it is no reason to rest.
[[nodiscard]] constexpr std::optional<Duration> retry_hint(Fields fields,
                                                           std::chrono::system_clock::time_point wall_now) noexcept {
  constexpr std::array<std::string_view, 2> in_milliseconds{"retry-after-ms", "x-ms-retry-after-ms"};
  for (const std::string_view name : in_milliseconds) {
    if (const auto value = find(fields, name)) {
      if (const auto delay = decimal(*value, std::chrono::milliseconds{1})) return delay;
    }
  }
  const auto value = find(fields, "retry-after");
  if (!value) return std::nullopt;
  if (const auto delay = decimal(*value, std::chrono::seconds{1})) return delay;

  const auto date = parse_date(*value, std::chrono::floor<std::chrono::seconds>(wall_now));
  if (!date) return std::nullopt;
  return until(*date, wall_now);
}

/// What the provider says of trying it again, over any rule for the status: `x-should-retry`, exactly `true` or `false`.
[[nodiscard]] constexpr std::optional<bool> should_retry(Fields fields) noexcept {
  const auto value = find(fields, "x-should-retry");
  if (value == "true") return true;
  if (value == "false") return false;
  return std::nullopt;
}

}  // namespace llmroute::http

#endif
