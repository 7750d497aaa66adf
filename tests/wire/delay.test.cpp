// SPDX-License-Identifier: MIT
#include "llmroute/wire/delay.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"
#include "llmroute/wire/json_reader.hpp"

namespace http = llmroute::http;
using llmroute::Duration;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using Wall = std::chrono::system_clock::time_point;

namespace {

constexpr Wall at_unix(std::int64_t seconds) { return Wall{std::chrono::seconds{seconds}}; }
constexpr Wall now = at_unix(1'790'000'000);

}  // namespace

TEST_CASE("a duration of Go is a sum of numbers with units") {
  CHECK(http::go_duration("6m0s") == 6min);
  CHECK(http::go_duration("26ms") == 26ms);
  CHECK(http::go_duration("2m59.56s") == 179'560ms);
  CHECK(http::go_duration("17.399999999s") == 17'399'999'999ns);
  CHECK(http::go_duration("0s") == 0ns);
  CHECK(http::go_duration("1h2m3s4ms5us6ns") == 1h + 2min + 3s + 4ms + 5us + 6ns);
  CHECK(http::go_duration("7\xC2\xB5s") == 7us);
  CHECK(http::go_duration("7\xCE\xBCs") == 7us);
  CHECK(http::go_duration("1.5h") == 90min);
  CHECK(http::go_duration("0.1234567891s") == 123'456'789ns);
  CHECK(http::go_duration("876000h") == std::nullopt);  // a century
  CHECK(http::go_duration("875999h59m59s") == 875'999h + 59min + 59s);
  for (const std::string_view text : {""sv,
                                      "s"sv,
                                      "1"sv,
                                      "1.s"sv,
                                      ".5s"sv,
                                      "1..5s"sv,
                                      "-1s"sv,
                                      "+1s"sv,
                                      "1x"sv,
                                      "1S"sv,
                                      "1 s"sv,
                                      " 1s"sv,
                                      "1s "sv,
                                      "1s2"sv,
                                      "1m-2s"sv,
                                      "1d"sv,
                                      "1e3s"sv,
                                      "s1"sv,
                                      "ms"sv,
                                      "1\xC2s"sv,
                                      "9999999999999999h"sv,
                                      "9223372036854775808s"sv,
                                      "875999h1h1h"sv,
                                      "inf"sv,
                                      "1s\0"sv}) {
    INFO(text);
    CHECK(http::go_duration(text) == std::nullopt);
  }
}

TEST_CASE("a count is digits, however many") {
  CHECK(http::amount("0") == 0);
  CHECK(http::amount("007") == 7);
  CHECK(http::amount("12.5") == 12.5);
  CHECK(http::amount("9007199254740992") == 9007199254740992.0);
  CHECK(http::amount("9223372036854767616").value() == Approx(9223372036854767616.0));
  CHECK(http::amount("18446744073709551616000").value() == Approx(1.8446744073709552e22));
  CHECK(http::amount("0." + std::string(1000, '9')).value() == Approx(1));
  for (const std::string_view text : {""sv, "-1"sv, "+1"sv, "."sv, "1."sv, ".1"sv, "1.2.3"sv, "1e5"sv, "inf"sv, "nan"sv,
                                      "0x1"sv, "1,000"sv, "10, 10;w=1"sv, " 1"sv, "1 "sv, "false"sv, "1\0"sv}) {
    INFO(text);
    CHECK(http::amount(text) == std::nullopt);
  }
  CHECK(http::amount(std::string(400, '9')) == std::nullopt);
}

TEST_CASE("a moment of RFC 3339 is read in any zone") {
  const auto unix_ms = [](std::string_view text) -> std::optional<std::int64_t> {
    const auto moment = http::parse_timestamp(text);
    return moment ? std::optional(std::int64_t{moment->time_since_epoch().count()}) : std::nullopt;
  };
  CHECK(unix_ms("1970-01-01T00:00:00Z") == 0);
  CHECK(unix_ms("2026-08-19T14:34:13Z") == 1'787'150'053'000);
  CHECK(unix_ms("2026-08-19t14:34:13z") == 1'787'150'053'000);
  CHECK(unix_ms("2026-08-19 14:34:13Z") == 1'787'150'053'000);
  CHECK(unix_ms("2026-08-19T14:34:13.5Z") == 1'787'150'053'500);
  CHECK(unix_ms("2026-08-19T14:34:13.123456789Z") == 1'787'150'053'123);
  CHECK(unix_ms("2026-08-19T16:34:13+02:00") == 1'787'150'053'000);
  CHECK(unix_ms("2026-08-19T09:04:13.25-05:30") == 1'787'150'053'250);
  CHECK(unix_ms("2026-12-31T23:59:60Z") == 1'798'761'600'000);
  CHECK(unix_ms("2028-02-29T00:00:00Z"));
  CHECK(unix_ms("0000-01-01T00:00:00Z"));
  CHECK(unix_ms("9999-12-31T23:59:59Z") == 253'402'300'799'000);
  for (const std::string_view text : {""sv,
                                      "2026-08-19"sv,
                                      "2026-08-19T14:34:13"sv,
                                      "2026-08-19T14:34Z"sv,
                                      "2026-02-30T00:00:00Z"sv,
                                      "2027-02-29T00:00:00Z"sv,
                                      "2026-00-01T00:00:00Z"sv,
                                      "2026-13-01T00:00:00Z"sv,
                                      "2026-01-00T00:00:00Z"sv,
                                      "2026-08-19T24:00:00Z"sv,
                                      "2026-08-19T14:60:00Z"sv,
                                      "2026-08-19T14:34:61Z"sv,
                                      "2026-08-19T14:34:13.Z"sv,
                                      "2026-08-19T14:34:13.5"sv,
                                      "2026-08-19T14:34:13+0200"sv,
                                      "2026-08-19T14:34:13+02:0"sv,
                                      "2026-08-19T14:34:13+24:00"sv,
                                      "2026-08-19T14:34:13+02:60"sv,
                                      "2026-08-19T14:34:13ZZ"sv,
                                      "2026-08-19T14:34:13Z "sv,
                                      "2026/08/19T14:34:13Z"sv,
                                      "2026-08-19X14:34:13Z"sv,
                                      "2026-8-19T14:34:13.0Z"sv,
                                      "-026-08-19T14:34:13Z"sv,
                                      "2026-08-19T14:34:-1Z"sv,
                                      "2026-08-19T14:34:13\xE2\x88\x92"
                                      "02:00"sv}) {
    INFO(text);
    CHECK(unix_ms(text) == std::nullopt);
  }
  const std::string whole = "2026-08-19T14:34:13.25+02:00";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<char> exact(whole.data(), whole.data() + size);  // a sanitizer sees whoever reads behind it
    CHECK(unix_ms({exact.data(), exact.size()}) == std::nullopt);
    CHECK(unix_ms({exact.data(), size < 19 ? size : 19}) == std::nullopt);
  }
}

TEST_CASE("when a limit resets is told in seconds, as a duration or as a moment") {
  CHECK(http::delay("0", now) == 0s);
  CHECK(http::delay("500", now) == 500s);
  CHECK(http::delay("59.5", now) == 59'500ms);
  CHECK(http::delay("999999999", now) == 999'999'999s);
  CHECK(http::delay("1790000060", now) == 60s);
  CHECK(http::delay("1789999999", now) == 0s);
  CHECK(http::delay("1790000060.5", now) == 60'500ms);
  CHECK(http::delay("1790000060250", now) == 60'250ms);
  CHECK(http::delay("1790000060250", now + 250ms) == 60s);
  CHECK(http::delay("1754667660000", now) == 0s);
  CHECK(http::delay("99999999999", now) == http::longest_hint);
  CHECK(http::delay("100000000000", now) == 0s);  // of milliseconds: 1973
  CHECK(http::delay("99999999999999", now) == http::longest_hint);
  CHECK(http::delay("100000000000000", now) == std::nullopt);
  CHECK(http::delay("9223372036854775808", now) == std::nullopt);
  CHECK(http::delay("6m0s", now) == 6min);
  CHECK(http::delay("2026-09-21T14:13:30Z", now) == 10s);
  CHECK(http::delay("2020-01-01T00:00:00Z", now) == 0s);
  CHECK(http::delay("9999-12-31T23:59:59Z", now) == http::longest_hint);
  CHECK(http::delay("Mon, 21 Sep 2026 14:13:30 GMT", now) == 10s);
  for (const std::string_view text : {""sv, "-1"sv, "soon"sv, "1x"sv, "-1s"sv, "60 s"sv})
    CHECK(http::delay(text, now) == std::nullopt);
}

TEST_CASE("the delay in a provider's message is found in the words that providers use") {
  const auto in_words = http::delay_in_words;
  CHECK(in_words(
            "Rate limit reached for model in organization org on tokens per min (TPM): Limit 6000, Used 5900, Requested 900. "
            "Please try again in 1m2.5s. Need more tokens?") == 62'500ms);
  CHECK(in_words("Please try again in 59.977s.") == 59'977ms);
  CHECK(in_words("Limit 3 / min. Please try again in 20s. Contact us") == 20s);
  CHECK(in_words("please try again in 644ms") == 644ms);
  CHECK(in_words("TRY AGAIN IN 6m0s!") == 6min);
  CHECK(in_words("Please retry after 37 seconds. To increase your limit") == 37s);
  CHECK(in_words("please try again after 1 seconds") == 1s);
  CHECK(in_words("Please retry in 26.5s.") == 26'500ms);
  CHECK(in_words("Try again in 1 minute.") == 1min);
  CHECK(in_words("try again in 1.5 Hours") == 90min);
  CHECK(in_words("try again in 20 SECS, or later") == 20s);
  CHECK(in_words("try again in 250 ms") == 250ms);
  CHECK(in_words("try again in 3 milliseconds") == 3ms);
  CHECK(in_words("try again in 2 min\nor so") == 2min);
  SECTION("no longer than a day is believed") {
    CHECK(in_words("try again in 30h") == 24h);
    CHECK(in_words("try again in 30 days") == 24h);
    CHECK(in_words("try again in 99999999999999999999 seconds") == 24h);
  }
  SECTION("where it says no delay there is none") {
    for (const std::string_view text :
         {""sv, "try again in"sv, "try again in "sv, "Please try again later."sv, "try again in a few seconds"sv,
          "try again in 20"sv, "try again in 20 apples"sv, "try again in seconds"sv, "try again in -5s"sv,
          "retry after -1 seconds"sv, "in 20s"sv, "try again in 1x"sv, "try again in 5 secondss"sv, "try again in s"sv,
          "try again in  5s"sv}) {
      INFO(text);
      CHECK(in_words(text) == std::nullopt);
    }
  }
  SECTION("far behind a long echo nobody looks") {
    CHECK(in_words(std::string(1'999, 'x') + "try again in 5s") == 5s);
    CHECK(in_words(std::string(2'000, 'x') + "try again in 5s") == std::nullopt);
  }
}

TEST_CASE("no text makes the reading of a delay fail") {
  INFO("seed: " << tests::seed());
  std::mt19937 random(tests::seed());
  constexpr std::string_view alphabet = "0123456789..hmsunT:-+Z \xC2\xB5,GMT";
  constexpr std::string_view starts[]{"",        "try again in ",       "2026-08-19T",
                                      "1790000", "9223372036854775807", "2026-08-19T14:34:13"};
  std::size_t found = 0, wrong = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string text(starts[random() % std::size(starts)]);
    for (auto n = random() % 12; n > 0; --n)
      text += random() % 20 == 0 ? static_cast<char>(random() % 256) : alphabet[random() % alphabet.size()];
    const Wall when{std::chrono::seconds{static_cast<std::int64_t>(random()) * 4 - 8'000'000'000}};
    const tests::Allocations made;
    const auto span = http::delay(text, when);
    const auto words = http::delay_in_words(text);
    const auto count = http::amount(text);
    if (span) ++found;
    if (made.count() != 0 || (span && (*span < 0s || *span > http::longest_hint)) || (words && (*words < 0s || *words > 24h)) ||
        (count && !(*count >= 0 && *count < 1e302))) {
      CAPTURE(text);
      CHECK(++wrong == 0);
    }
  }
  CHECK(wrong == 0);
  CHECK(found > 1'000);
}

TEST_CASE("resets of the conformance suite are understood") {
  const char* const folder = std::getenv("LLMROUTE_CONFORMANCE");
  if (folder == nullptr) {
    WARN("skipped: LLMROUTE_CONFORMANCE is not set");
    return;
  }
  std::ifstream file(std::string(folder) + "/retry_after/ratelimit_reset_cases.json");
  REQUIRE(file);
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  llmroute::json::Reader in(json);
  int cases = 0;
  in.array([&] {
    std::int64_t unix_now = 0, milliseconds = -1;
    std::string name, value;
    in.object([&](std::string_view key) {
      if (key == "now_unix") in.integer(unix_now);
      else if (key == "name") in.text(name);
      else if (key == "value") in.text(value);
      else if (key == "expect_ms") in.integer(milliseconds);  // null: nothing
    });
    INFO(name << ": " << value);
    const auto span = http::delay(value, at_unix(unix_now));
    REQUIRE(span.has_value() == (milliseconds >= 0));
    if (span) CHECK(std::chrono::floor<std::chrono::milliseconds>(*span).count() == milliseconds);
    ++cases;
  });
  REQUIRE(in.done());
  CHECK(cases == 17);
}
