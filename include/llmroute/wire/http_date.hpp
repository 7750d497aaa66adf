// SPDX-License-Identifier: MIT
// The dates of HTTP in the three forms that RFC 9110 has recipients accept. No locale, no time zone: an HTTP date is in GMT.
#ifndef LLMROUTE_WIRE_HTTP_DATE_HPP
#define LLMROUTE_WIRE_HTTP_DATE_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace llmroute::http {

namespace detail {

// Reads a date from left to right; each step says whether the text went on as it should.
class DateReader {
 public:
  explicit constexpr DateReader(std::string_view text) noexcept : rest_(text) {}

  // "Sun, 06 Nov 1994 08:49:37 GMT"
  constexpr bool imf_fixdate() noexcept {
    return weekday(3) && skip(", ") && number(2, day_) && skip(" ") && month() && skip(" ") && number(4, year_) && skip(" ") &&
           clock() && skip(" GMT") && rest_.empty();
  }

  // "Sunday, 06-Nov-94 08:49:37 GMT"
  constexpr bool rfc850(int this_year) noexcept {
    if (!(weekday(std::string_view::npos) && skip(", ") && number(2, day_) && skip("-") && month() && skip("-") &&
          number(2, year_) && skip(" ") && clock() && skip(" GMT") && rest_.empty())) {
      return false;
    }
    year_ += this_year - this_year % 100 + 100;
    while (year_ > this_year + 50) year_ -= 100;  // RFC 9110: never more than 50 years ahead
    return true;
  }

  // "Sun Nov  6 08:49:37 1994"
  constexpr bool asctime() noexcept {
    return weekday(3) && skip(" ") && month() && skip(" ") && (skip(" ") ? number(1, day_) : number(2, day_)) && skip(" ") &&
           clock() && skip(" ") && number(4, year_) && rest_.empty();
  }

  // A second of 60 is a leap second; it counts as the one after it.
  constexpr std::optional<std::chrono::sys_seconds> point() const noexcept {
    const std::chrono::year_month_day date{std::chrono::year{year_}, std::chrono::month{month_},
                                           std::chrono::day{static_cast<unsigned>(day_)}};
    if (!date.ok() || hour_ > 23 || minute_ > 59 || second_ > 60) return std::nullopt;
    return std::chrono::sys_days{date} + std::chrono::hours{hour_} + std::chrono::minutes{minute_} +
           std::chrono::seconds{second_};
  }

 private:
  constexpr bool skip(std::string_view expected) noexcept {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  constexpr bool number(std::size_t digits, int& value) noexcept {
    if (rest_.size() < digits) return false;
    value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return false;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return true;
  }

  // Which day of the week it claims to be is not compared with the date: nothing hangs on it.
  constexpr bool weekday(std::size_t letters) noexcept {
    constexpr std::array<std::string_view, 7> names{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                    "Friday", "Saturday", "Sunday"};
    for (const std::string_view name : names) {
      if (skip(name.substr(0, letters))) return true;
    }
    return false;
  }

  constexpr bool month() noexcept {
    constexpr std::array<std::string_view, 12> names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (month_ = 1; month_ <= 12; ++month_) {
      if (skip(names[month_ - 1])) return true;
    }
    return false;
  }

  constexpr bool clock() noexcept {
    return number(2, hour_) && skip(":") && number(2, minute_) && skip(":") && number(2, second_);
  }

  std::string_view rest_;
  int year_ = 0;
  unsigned month_ = 0;
  int day_ = 0;
  int hour_ = 0;
  int minute_ = 0;
  int second_ = 0;
};

}  // namespace detail

/// An HTTP date: IMF-fixdate, RFC 850 or asctime, exactly as written there (names are case-sensitive, no other zone than
/// GMT, nothing around it). `now` decides the century of RFC 850's two-digit year.
[[nodiscard]] constexpr std::optional<std::chrono::sys_seconds> parse_date(std::string_view text,
                                                                           std::chrono::sys_seconds now) noexcept {
  const std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(now)};
  detail::DateReader imf_fixdate(text);
  if (imf_fixdate.imf_fixdate()) return imf_fixdate.point();
  detail::DateReader rfc850(text);
  if (rfc850.rfc850(static_cast<int>(today.year()))) return rfc850.point();
  detail::DateReader asctime(text);
  if (asctime.asctime()) return asctime.point();
  return std::nullopt;
}

}  // namespace llmroute::http

#endif
