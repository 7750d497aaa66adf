// SPDX-License-Identifier: MIT
// For how long a budget counts what was spent: for ever, for a length of time that rolls on, or until a day, a week or a
// month of the calendar is over.
//
// | window                | what was spent counts                                                                      |
// |-----------------------|--------------------------------------------------------------------------------------------|
// | `all_time()`          | always                                                                                     |
// | `rolling(24h)`        | for at least that long, and a sixtieth longer at most: it goes in sixty steps              |
// | `day()`               | until midnight, UTC; `day(2h)`: where midnight comes two hours earlier, as in winter Helsinki |
// | `week()`, `month()`   | until Monday, or the first of the next month, begins; likewise                             |
//
// Not provided: summer time. An offset is fixed, so a window of the calendar ends an hour off where clocks are changed.
#ifndef LLMROUTE_POLICY_BUDGET_WINDOW_HPP
#define LLMROUTE_POLICY_BUDGET_WINDOW_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "llmroute/time.hpp"

namespace llmroute::budget {

struct Window {
  enum class Kind : std::uint8_t { all_time, rolling, day, week, month };
  Kind kind = Kind::all_time;
  Duration length{};                  ///< of one that rolls
  std::chrono::minutes utc_offset{};  ///< of the calendar: what local clocks are ahead of UTC

  friend constexpr bool operator==(const Window&, const Window&) noexcept = default;

  constexpr bool of_calendar() const noexcept { return kind >= Kind::day; }
  /// What is wrong with it, and what to do; empty: nothing.
  constexpr std::string_view problem() const noexcept {
    if (kind > Kind::month) return "is none: use all_time(), rolling(24h), day(), week() or month()";
    if (kind == Kind::rolling && length < std::chrono::milliseconds(1)) return "is empty: give rolling() 1 ms or more";
    if (kind == Kind::rolling && length > std::chrono::hours(24 * 3'660)) return "is longer than ten years: use all_time()";
    if (utc_offset < -std::chrono::hours(18) || utc_offset > std::chrono::hours(18)) return "is more than 18 hours off UTC";
    return {};
  }

  // Time is counted in steps, and each has a number. A window is so many of them, and one more that is in progress.
  constexpr std::size_t steps() const noexcept { return kind == Kind::rolling ? 61 : 1; }
  constexpr Duration step_length() const noexcept { return Duration((length.count() + 59) / 60); }

  /// The number of the step at that time, which is in nanoseconds since 1970, UTC.
  constexpr std::int64_t step(std::int64_t wall) const noexcept {
    namespace c = std::chrono;
    if (kind == Kind::all_time) return 0;
    if (kind == Kind::rolling) return floored(wall, step_length().count());
    const std::int64_t local = floored(wall, nanos_per_second) + c::duration_cast<c::seconds>(utc_offset).count();
    const std::int64_t days_since = floored(local, 86'400);
    if (kind == Kind::day) return days_since;
    if (kind == Kind::week) return floored(days_since + 3, 7);  // 1970 began on a Thursday
    const c::year_month_day date{c::sys_days(c::days(days_since))};
    return std::int64_t{static_cast<int>(date.year())} * 12 + static_cast<unsigned>(date.month()) - 1;
  }
  /// When the step of that number begins. Of `all_time()` there is none.
  constexpr std::int64_t begin(std::int64_t number) const noexcept {
    namespace c = std::chrono;
    if (kind == Kind::rolling) return times(number, step_length().count());
    std::int64_t days_since = number;
    if (kind == Kind::week) days_since = number * 7 - 3;
    if (kind == Kind::month) {
      const std::int64_t year = floored(number, 12);
      const c::year_month_day first{c::year(static_cast<int>(year)), c::month(static_cast<unsigned>(number - year * 12 + 1)),
                                    c::day(1)};
      days_since = c::sys_days(first).time_since_epoch().count();
    }
    return times(days_since * 86'400 - c::duration_cast<c::seconds>(utc_offset).count(), nanos_per_second);
  }

  /// "month", "day:120min", "rolling:86400000000000ns": one word, by which what was saved is known again.
  std::string text() const {
    if (kind == Kind::all_time) return "all-time";
    if (kind == Kind::rolling) return "rolling:" + std::to_string(length.count()) + "ns";
    const std::string name = kind == Kind::day ? "day" : kind == Kind::week ? "week" : "month";
    return utc_offset.count() == 0 ? name : name + ':' + std::to_string(utc_offset.count()) + "min";
  }

 private:
  static constexpr std::int64_t nanos_per_second = 1'000'000'000;
  static constexpr std::int64_t floored(std::int64_t n, std::int64_t by) noexcept { return n / by - (n % by < 0); }
  static constexpr std::int64_t times(std::int64_t n, std::int64_t by) noexcept {  // held at the ends of the scale
    constexpr std::int64_t end = endless.count();
    return n > end / by ? end : n < -end / by ? -end : n * by;
  }
};

constexpr Window all_time() noexcept { return {}; }
constexpr Window rolling(Duration length) noexcept { return {.kind = Window::Kind::rolling, .length = length}; }
constexpr Window day(std::chrono::minutes utc_offset = {}) noexcept {
  return {.kind = Window::Kind::day, .utc_offset = utc_offset};
}
constexpr Window week(std::chrono::minutes utc_offset = {}) noexcept {
  return {.kind = Window::Kind::week, .utc_offset = utc_offset};
}
constexpr Window month(std::chrono::minutes utc_offset = {}) noexcept {
  return {.kind = Window::Kind::month, .utc_offset = utc_offset};
}

}  // namespace llmroute::budget

#endif
