// SPDX-License-Identifier: MIT
#include "llmroute/wire/http_date.hpp"

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

namespace http = llmroute::http;

namespace {

using Seconds = std::chrono::sys_seconds;

constexpr Seconds at(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  return std::chrono::sys_days{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day)} +
         std::chrono::hours{hour} + std::chrono::minutes{minute} + std::chrono::seconds{second};
}

constexpr Seconds today = at(2026, 2, 17, 12);

void is_date(std::string_view text, Seconds expected, Seconds now = today) {
  INFO(text);
  const std::optional<Seconds> date = http::parse_date(text, now);
  CHECK(date == expected);
}

void is_no_date(std::string_view text) {
  INFO(text);
  CHECK_FALSE(http::parse_date(text, today));
}

}  // namespace

TEST_CASE("a date is read in each of the three forms of HTTP") {
  is_date("Tue, 17 Feb 2026 12:34:56 GMT", at(2026, 2, 17, 12, 34, 56));
  is_date("Tuesday, 17-Feb-26 12:34:56 GMT", at(2026, 2, 17, 12, 34, 56));
  is_date("Tue Feb 17 12:34:56 2026", at(2026, 2, 17, 12, 34, 56));
  is_date("Sun Feb  1 00:00:00 2026", at(2026, 2, 1));
  STATIC_REQUIRE(http::parse_date("Sat, 29 Feb 2020 00:00:00 GMT", today) == at(2020, 2, 29));
}

TEST_CASE("each day of the week and each month has its name in a date") {
  constexpr std::string_view days[]{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
  for (int i = 0; i < 7; ++i) {
    const std::string day = std::to_string(16 + i);
    const std::string name(days[i]);
    is_date(name.substr(0, 3) + ", " + day + " Feb 2026 00:00:00 GMT", at(2026, 2, 16 + static_cast<unsigned>(i)));
    is_date(name + ", " + day + "-Feb-26 00:00:00 GMT", at(2026, 2, 16 + static_cast<unsigned>(i)));
  }
  constexpr std::string_view months[]{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  for (unsigned i = 0; i < 12; ++i) {
    is_date("Tue, 05 " + std::string(months[i]) + " 2026 00:00:00 GMT", at(2026, i + 1, 5));
  }
}

TEST_CASE("a date that names the wrong day of the week is read all the same") {
  is_date("Mon, 17 Feb 2026 12:34:56 GMT", at(2026, 2, 17, 12, 34, 56));
}

TEST_CASE("a year of two digits is at most fifty years ahead") {
  is_date("Tuesday, 17-Feb-76 00:00:00 GMT", at(2076, 2, 17));
  is_date("Tuesday, 17-Feb-77 00:00:00 GMT", at(1977, 2, 17));
  is_date("Tuesday, 17-Feb-99 00:00:00 GMT", at(1999, 2, 17));
  is_date("Tuesday, 17-Feb-00 00:00:00 GMT", at(2000, 2, 17));
  is_date("Tuesday, 17-Feb-05 00:00:00 GMT", at(2105, 2, 17), at(2090, 1, 1));
  is_date("Tuesday, 17-Feb-49 00:00:00 GMT", at(2049, 2, 17), at(1999, 12, 31));
  is_date("Tuesday, 17-Feb-50 00:00:00 GMT", at(1950, 2, 17), at(1999, 12, 31));
}

TEST_CASE("the edges of the calendar are kept") {
  is_date("Thu, 29 Feb 2024 23:59:59 GMT", at(2024, 2, 29, 23, 59, 59));
  is_date("Tue, 29 Feb 2000 00:00:00 GMT", at(2000, 2, 29));
  is_date("Fri, 31 Dec 9999 23:59:59 GMT", at(9999, 12, 31, 23, 59, 59));
  is_date("Sat, 01 Jan 0000 00:00:00 GMT", at(0, 1, 1));
  is_date("Wed, 31 Dec 2025 23:59:60 GMT", at(2026, 1, 1));
  is_no_date("Sat, 29 Feb 2025 00:00:00 GMT");
  is_no_date("Thu, 29 Feb 1900 00:00:00 GMT");
  is_no_date("Fri, 31 Apr 2026 00:00:00 GMT");
  is_no_date("Tue, 00 Feb 2026 00:00:00 GMT");
  is_no_date("Tue, 32 Jan 2026 00:00:00 GMT");
  is_no_date("Tue, 17 Feb 2026 24:00:00 GMT");
  is_no_date("Tue, 17 Feb 2026 12:60:00 GMT");
  is_no_date("Tue, 17 Feb 2026 12:00:61 GMT");
}

TEST_CASE("what is nearly a date is none") {
  for (const std::string_view text : {"",
                                      "Tue",
                                      "17 Feb 2026 12:34:56 GMT",
                                      "Tue, 17 Feb 2026 12:34:56",
                                      "Tue, 17 Feb 2026 12:34:56 UTC",
                                      "Tue, 17 Feb 2026 12:34:56 gmt",
                                      "tue, 17 Feb 2026 12:34:56 GMT",
                                      "Tue, 17 feb 2026 12:34:56 GMT",
                                      "Tue, 17 Feb 2026 12:34:56 GMT ",
                                      " Tue, 17 Feb 2026 12:34:56 GMT",
                                      "Tue, 17 Feb 2026 12:34:56 +0000",
                                      "Tue, 17 Feb 2026 12:34:56 GMT+1",
                                      "Tue, 7 Feb 2026 12:34:56 GMT",
                                      "Tue, 17 Feb 26 12:34:56 GMT",
                                      "Tue, 17 Feb 20266 12:34:56 GMT",
                                      "Tue, 17 Feb -026 12:34:56 GMT",
                                      "Tue, 17 Feb 2026 12:34 GMT",
                                      "Tue, 17 Feb 2026 2:34:56 GMT",
                                      "Tue,17 Feb 2026 12:34:56 GMT",
                                      "Tue, 17-Feb-2026 12:34:56 GMT",
                                      "Xyz, 17 Feb 2026 12:34:56 GMT",
                                      "Tue, 17 Foo 2026 12:34:56 GMT",
                                      "Tue, 17-Feb-26 12:34:56 GMT",
                                      "Tuesday, 17-Feb-2026 12:34:56 GMT",
                                      "Tuesday, 17 Feb 2026 12:34:56 GMT",
                                      "Tuesday, 17-Feb-26 12:34:56 GMT ",
                                      "Tuesday, 17-Feb-26 12:34:56 GMT+1",
                                      "Tue Feb 1 12:34:56 2026",
                                      "Tue Feb 17 12:34:56 2026 GMT",
                                      "Tue Feb 17 12:34:56 26",
                                      "2026-02-17T12:34:56Z",
                                      "1771331696"}) {
    is_no_date(text);
  }
}

TEST_CASE("a date that is cut anywhere is none, and nothing behind it is looked at") {
  for (const std::string_view date :
       {"Tue, 17 Feb 2026 12:34:56 GMT", "Tuesday, 17-Feb-26 12:34:56 GMT", "Tue Feb 17 12:34:56 2026"}) {
    for (std::size_t length = 0; length < date.size(); ++length) {
      const std::vector<char> alone(date.begin(), date.begin() + static_cast<std::ptrdiff_t>(length));
      is_no_date({alone.data(), alone.size()});
    }
  }
}

TEST_CASE("dates of the conformance suite are read strictly") {
  const char* const folder = std::getenv("LLMROUTE_CONFORMANCE");
  if (folder == nullptr) {
    WARN("skipped: LLMROUTE_CONFORMANCE is not set");
    return;
  }
  std::ifstream file(std::string(folder) + "/retry_after/curl_getdate.tsv");
  REQUIRE(file);
  int cases = 0;
  std::string line;
  std::getline(file, line);
  // The text, what a lenient reader makes of it, and, where it is a date of HTTP, its time.
  while (std::getline(file, line)) {
    const std::size_t time = line.rfind('\t') + 1;
    const std::size_t lenient = line.rfind('\t', time - 2) + 1;
    const std::string text = line.substr(0, lenient - 1);
    if (time == line.size()) is_no_date(text);
    else is_date(text, Seconds{std::chrono::seconds{std::stoll(line.substr(time))}});
    ++cases;
  }
  CHECK(cases > 100);
}
