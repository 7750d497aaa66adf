// SPDX-License-Identifier: MIT
// Header fields, one `name: value` a line, and every way to write a time: no value makes them fail, results stay within
// bounds, what is later or longer never counts for less, and what is written by the rules is read as it was meant.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/time.hpp"
#include "llmroute/wire/delay.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/http_date.hpp"
#include "llmroute/wire/rate_limits.hpp"
#include "target.hpp"

namespace tests::fuzz {

namespace {

namespace http = llmroute::http;
using llmroute::Duration;
using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using Wall = std::chrono::system_clock::time_point;

void expect_hint(const std::optional<Duration>& hint, Duration longest = http::longest_hint) {
  expect(!hint || (*hint >= Duration::zero() && *hint <= longest), "a hint is no less than nothing and not endless");
}

bool same(const http::LimitReport& a, const http::LimitReport& b) {
  return a.requests == b.requests && a.tokens == b.tokens && a.retry_after == b.retry_after && a.verdict == b.verdict;
}

std::string shouted(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

void expect_meter(const http::Meter& meter) {
  for (const auto& told : {meter.limit, meter.remaining})
    expect(!told || (*told >= 0 && *told <= 1e302), "an amount is finite and not negative");
  expect(!meter.limit || *meter.limit > 0, "a limit of 0 is none");
  expect_hint(meter.resets_in);
  expect_hint(meter.period);
  const auto share = meter.share_left();
  expect(!share || (*share >= 0 && *share <= 1e302), "a share is finite and not negative");
}

void run_fields(std::string_view bytes, Wall now, Plan& plan) {
  std::vector<http::Field> fields;
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(line.size() < bytes.size() ? line.size() + 1 : line.size());
    const std::size_t colon = line.find(':');
    fields.push_back({line.substr(0, colon), colon == line.npos ? std::string_view() : line.substr(colon + 1)});
  }
  const http::LimitReport limited = http::limit_report(429, fields, now), good = http::limit_report(200, fields, now),
                          other = http::limit_report(503, fields, now);
  for (const http::Meter* meter : {&limited.requests, &limited.tokens}) expect_meter(*meter);
  expect(limited.requests == good.requests && limited.tokens == good.tokens && limited.requests == other.requests,
         "what is left does not hang on the status");
  expect(!good.retry_after && good.verdict == http::Verdict::nothing_said, "a good answer asks for no pause");
  const auto hint = http::retry_hint(fields, now);
  expect_hint(hint);
  expect_hint(limited.retry_after);
  expect(other.retry_after == hint && (!hint || limited.retry_after == hint), "a hint of its own goes before all else");
  if (const auto later = http::retry_hint(fields, now + std::chrono::hours{1}))
    expect(hint && *later <= *hint, "a hint does not grow with time");
  expect(hint.has_value() == http::retry_hint(fields, now + std::chrono::hours{1}).has_value(), "a hint does not expire");

  // The case of names, blanks around values and what nobody knows make no difference.
  std::vector<std::string> kept;
  kept.reserve(2 * fields.size());
  std::vector<http::Field> changed;
  for (const http::Field& field : fields) {
    if (plan.one_in(3)) changed.push_back({"x-nobody-knows", "1"});
    const std::string_view name = kept.emplace_back(shouted(field.name));
    changed.push_back({name, kept.emplace_back(" \t" + std::string(field.value) + "\t ")});
  }
  expect(same(limited, http::limit_report(429, changed, now)), "the case of names and blanks around values do not count");
  if (plan.one_in(2) && !fields.empty()) {
    changed.assign(fields.begin(), fields.end());
    changed.insert(changed.end(), fields.begin(), fields.end());
    expect(same(limited, http::limit_report(429, changed, now)), "fields that come again say nothing new");
  }
}

void run_value(std::string_view value, Wall now) {
  for (const Duration unit : {Duration(1), Duration(milliseconds{1}), Duration(seconds{1}), Duration(std::chrono::hours{24})}) {
    const auto span = http::decimal(value, unit);
    expect_hint(span);
    if (!span) continue;
    const bool point = value.find('.') != value.npos;
    const auto longer = http::decimal(std::string(value) + "9", unit);
    expect(longer && *longer >= *span, "another digit makes nothing shorter");
    expect(!point || *longer - *span <= unit, "a digit behind the point adds less than a unit");
    expect(http::decimal("0" + std::string(value), unit) == span, "a 0 in front changes nothing");
    expect(http::amount(value).has_value() || value.size() > 300, "what is a delay is an amount");
  }
  if (const auto amount = http::amount(value)) expect(*amount >= 0 && *amount <= 1e302, "an amount is finite");
  const auto delay = http::delay(value, now);
  expect_hint(delay);
  const auto later = http::delay(value, now + milliseconds{1'500});
  expect(delay.has_value() == later.has_value() && (!delay || *later <= *delay), "a delay does not grow with time");
  const auto span = http::go_duration(value);
  expect_hint(span);
  if (span) {
    const auto more = http::go_duration(std::string(value) + "1ns");
    expect(!more || *more == *span + Duration(1), "parts of a span are added up");
  }
  const auto date = http::parse_date(value, std::chrono::floor<seconds>(now));
  if (date) expect(delay && *delay == http::until(*date, now), "a date is a delay");
  if (const auto moment = http::parse_timestamp(value))
    expect(delay && *delay == http::until(*moment, now), "a moment is a delay");

  const auto words = http::delay_in_words(value);
  expect_hint(words, std::chrono::hours{24});
  expect(http::delay_in_words(shouted(value)).has_value() || !words || span || value.size() > 0, "words count in any case");
  expect(http::delay_in_words(std::string(value) + " and so on").has_value() || !words, "words count in the middle, too");
}

std::string format(const char* pattern, auto... values) {
  char out[80];
  const int size = std::snprintf(out, sizeof out, pattern, values...);
  return {out, static_cast<std::size_t>(size)};
}

// A moment in each form in which it may be written.
void run_moment(sys_seconds moment, sys_seconds now) {
  static constexpr const char* names[]{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
  static constexpr const char* months[]{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<days>(moment);
  const std::chrono::year_month_day date(day);
  const std::string name = names[std::chrono::weekday(day).c_encoding()];
  const std::string short_name = name.substr(0, 3);
  const char* const month = months[static_cast<unsigned>(date.month()) - 1];
  const int year = static_cast<int>(date.year()), of_month = static_cast<int>(static_cast<unsigned>(date.day()));
  const int second = static_cast<int>((moment - day).count());
  const std::string clock = format("%02d:%02d:%02d", second / 3600, second / 60 % 60, second % 60);
  const std::string imf = format("%s, %02d %s %04d %s GMT", short_name.c_str(), of_month, month, year, clock.c_str());
  const std::string rfc850 = format("%s, %02d-%s-%02d %s GMT", name.c_str(), of_month, month, year % 100, clock.c_str());
  const std::string asctime = format("%s %s %2d %s %04d", short_name.c_str(), month, of_month, clock.c_str(), year);
  expect(http::parse_date(imf, now) == moment && http::parse_date(asctime, now) == moment, "a date reads as it is written");
  const auto short_year = http::parse_date(rfc850, now);
  const std::chrono::year_month_day today(std::chrono::floor<days>(now));
  const int ahead = year - static_cast<int>(today.year());
  // The other century may lack the day: 29 February of 1900.
  if (ahead > -50 && ahead <= 50) expect(short_year == moment, "two digits are the nearest such year");
  expect(!short_year || *short_year <= now + days{51 * 366}, "two digits are no date far ahead");

  const auto stamp = [&](const char* zone) {
    return format("%04d-%02u-%02dT%s%s", year, static_cast<unsigned>(date.month()), of_month, clock.c_str(), zone);
  };
  using Moment = std::chrono::sys_time<milliseconds>;
  expect(http::parse_timestamp(stamp("Z")) == Moment(moment), "a moment reads as it is written");
  expect(http::parse_timestamp(stamp(".250+01:30")) == Moment(moment) + milliseconds{250} - std::chrono::minutes{90},
         "a moment of a zone is one of GMT");
}

void run_span(std::int64_t nanos) {
  const auto number = static_cast<long long>(nanos);
  const std::string as_go = format("%lldh%lldm%lld.%09llds", number / 3'600'000'000'000, number / 60'000'000'000 % 60,
                                   number / 1'000'000'000 % 60, number % 1'000'000'000);
  expect(http::go_duration(as_go) == Duration(nanos), "a span reads as Go writes it");
  const std::string as_decimal = format("%lld.%09lld", number / 1'000'000'000, number % 1'000'000'000);
  expect(http::decimal(as_decimal, seconds{1}) == Duration(nanos), "seconds read as they are written");
  const auto words = http::delay_in_words("Rate limit reached. Please try again in " + as_go + ".");
  expect(words == (std::min)(Duration(nanos), Duration(std::chrono::hours{24})), "a message is read as it is meant");
}

void run(std::string_view bytes) {
  Plan plan(bytes);
  const Wall now{seconds{1'000'000'000 + static_cast<std::int64_t>(plan.below(2'000'000'000))} +
                 milliseconds{static_cast<std::int64_t>(plan.below(1'000))}};
  run_fields(bytes, now, plan);
  for (std::string_view rest = bytes; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : line.size());
    const std::size_t colon = line.find(": ");
    run_value(line, now);
    if (colon != line.npos) run_value(http::trim(line.substr(colon + 1)), now);
  }
  const auto year_9999 = static_cast<std::size_t>(253'402'300'800);
  run_moment(sys_seconds{seconds{static_cast<std::int64_t>(plan.below(year_9999))}}, std::chrono::floor<seconds>(now));
  run_moment(std::chrono::floor<seconds>(now) + seconds{static_cast<std::int64_t>(plan.below(3'000'000'000)) - 1'500'000'000},
             std::chrono::floor<seconds>(now));
  run_span(static_cast<std::int64_t>(plan.next() % 3'000'000'000'000'000'000u >> plan.below(60)));
}

constexpr std::string_view seeds[]{
    "retry-after: 20\nx-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 6m0s\n"
    "x-ratelimit-limit-tokens: 150000\nx-ratelimit-remaining-tokens: 149984\nx-ratelimit-reset-tokens: 26ms\n",
    "Retry-After: Fri, 13 Nov 2026 08:49:37 GMT\nx-should-retry: true\n",
    "retry-after: Friday, 13-Nov-26 08:49:37 GMT\nx-should-retry: false\n",
    "retry-after: Fri Nov  6 08:49:37 2026\n",
    "retry-after-ms: 1500.5\nretry-after: 2\n",
    "x-ms-retry-after-ms: 99999999999999999999\n",
    "anthropic-ratelimit-requests-limit: 50\nanthropic-ratelimit-requests-remaining: 49\n"
    "anthropic-ratelimit-requests-reset: 2026-08-19T14:34:13Z\nanthropic-ratelimit-tokens-reset: 2026-08-19T16:34:13.250+02:00\n",
    "x-ratelimit-limit: 9223372036854767616\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1798761600000\n",
    "x-ratelimit-remaining-tokens-minute: 0\nx-ratelimit-limit-tokens-minute: 0\nx-ratelimit-reset-tokens-day: 17.399999999s\n",
    "x-ratelimitbysize-remaining-month: 5\nx-ratelimitbysize-limit-month: 10\nratelimit-reset: 1798761600\n",
    "llm_provider-x-ratelimit-remaining-requests: -1\nllm_provider-x-ratelimit-limit-requests: 0.5\n",
    "Please try again in 1m2.5s.\nPlease retry after 37 seconds.\nretry in 3 Days!\ntry again in 250ms\nretry after 2 mins\n",
    "2h45m30.000000001s\n1\xC2\xB5s\n1\xCE\xBCs\n3us4ns\n.5s\n1.s\n5\n",
    "2024-02-29 23:59:60z\n2023-02-29T00:00:00Z\n9999-12-31T23:59:59.999999-23:59\n0000-01-01T00:00:00Z\n",
    "Mon, 29 Feb 2100 00:00:00 GMT\nThu, 01 Jan 1970 00:00:00 GMT\nTuesday, 29-Feb-00 23:59:60 GMT\n",
    "retry-after:\nretry-after: 1e3\nretry-after: -1\n: x\n\n",
};

}  // namespace

const Target headers_target{"headers", run, seeds};

}  // namespace tests::fuzz
