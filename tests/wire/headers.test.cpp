// SPDX-License-Identifier: MIT
#include "llmroute/wire/headers.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "llmroute/wire/json_reader.hpp"

namespace http = llmroute::http;
using llmroute::Duration;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

using Wall = std::chrono::system_clock::time_point;

constexpr Wall noon = std::chrono::sys_days{std::chrono::year{2026} / 2 / 17} + 12h;

using Field = http::Field;

std::optional<Duration> hint(std::vector<Field> fields, Wall now = noon) { return http::retry_hint(fields, now); }
std::optional<Duration> after(std::string_view value, Wall now = noon) { return hint({{"Retry-After", value}}, now); }

}  // namespace

TEST_CASE("names are equal whatever the case of their ASCII letters") {
  CHECK(http::iequals("Retry-After", "retry-AFTER"));
  CHECK(http::iequals("", ""));
  CHECK(http::iequals("azAZ", "AZaz"));
  CHECK_FALSE(http::iequals("retry-after", "retry-afte"));
  CHECK_FALSE(http::iequals("@[`{", "`{@["));
  CHECK_FALSE(http::iequals("\xC4", "\xE4"));
  STATIC_REQUIRE(http::iequals("A", "a"));
}

TEST_CASE("blanks and tabs around a value are no part of it") {
  CHECK(http::trim("  a b\t ") == "a b");
  CHECK(http::trim("").empty());
  CHECK(http::trim(" \t ").empty());
  CHECK(http::trim("\ra\n") == "\ra\n");
  CHECK(http::trim("a\0"sv) == "a\0"sv);
}

TEST_CASE("a field is found by its name in any case, the first of several") {
  const std::vector<Field> fields{{"Content-Type", " text/html "}, {"X-A", "1"}, {"x-a", "2"}, {"x-empty", ""}};
  CHECK(http::find(fields, "content-type") == "text/html");
  CHECK(http::find(fields, "x-a") == "1");
  CHECK(http::find(fields, "X-EMPTY") == "");
  CHECK(http::find(fields, "x") == std::nullopt);
  CHECK(http::find({}, "x-a") == std::nullopt);
}

TEST_CASE("a content type is known without its parameters") {
  CHECK(http::is_media_type("text/event-stream", "text/event-stream"));
  CHECK(http::is_media_type(" Text/Event-Stream ; charset=utf-8", "text/event-stream"));
  CHECK(http::is_media_type("text/event-stream;", "text/event-stream"));
  CHECK_FALSE(http::is_media_type("text/event-streams", "text/event-stream"));
  CHECK_FALSE(http::is_media_type("text/event-stream, text/html", "text/event-stream"));
  CHECK_FALSE(http::is_media_type("", "text/event-stream"));
}

TEST_CASE("a decimal is digits with or without a fraction") {
  CHECK(http::decimal("0", 1s) == Duration{});
  CHECK(http::decimal("20", 1s) == Duration{20s});
  CHECK(http::decimal("0007", 1ms) == Duration{7ms});
  CHECK(http::decimal("17.399999999", 1s) == 17'399'999'999ns);
  CHECK(http::decimal("0.25", 1ms) == Duration{250us});
  CHECK(http::decimal("1.5", 1h) == Duration{90min});
  CHECK(http::decimal("1.9", 1ns) == 1ns);
  STATIC_REQUIRE(http::decimal("1.5", 1s) == Duration{1500ms});
  for (const std::string_view text : {"",    ".",   "1.", ".5",   "-1",   "+1",   "-0", "1e3", "0x10",     "inf", "nan",
                                      "1 0", "1,5", "5s", "1.5.", "1.5s", "1.-5", " 1", "1 ",  "\xD9\xA1", "abc"}) {
    CAPTURE(text);
    CHECK(http::decimal(text, 1s) == std::nullopt);
  }
  CHECK(http::decimal("5\0"sv, 1s) == std::nullopt);
}

TEST_CASE("a decimal beyond all bounds is cut to the longest hint") {
  CHECK(http::decimal("3153600000", 1s) == http::longest_hint);
  CHECK(http::decimal("3153599999.5", 1s) == http::longest_hint - 500ms);
  CHECK(http::decimal("3153600000.5", 1s) == http::longest_hint);
  CHECK(http::decimal("3153600001", 1s) == http::longest_hint);
  CHECK(http::decimal("9223372036854775807", 1ns) == http::longest_hint);
  CHECK(http::decimal("9223372036854775808", 1ns) == http::longest_hint);
  CHECK(http::decimal("9999999999999999", 1h) == http::longest_hint);
  CHECK(http::decimal(std::string(1000, '9'), 1s) == http::longest_hint);
  CHECK(http::decimal(std::string(1000, '9') + "x", 1s) == std::nullopt);
  CHECK(http::decimal(std::string(1000, '0') + "1", 1s) == Duration{1s});
  CHECK(http::decimal("1." + std::string(1000, '9'), 1s) == 1'999'999'999ns);
}

TEST_CASE("the longest hint can be added to any point in time of this millennium") {
  CHECK(noon + std::chrono::duration_cast<Wall::duration>(http::longest_hint) > noon);
  STATIC_REQUIRE(http::longest_hint < Duration::max() / 2);
}

TEST_CASE("a provider says in seconds for how long to stay away") {
  CHECK(after("0") == Duration{});
  CHECK(after("13") == Duration{13s});
  CHECK(after("1.5") == Duration{1500ms});
  CHECK(after(" 7\t") == Duration{7s});
  CHECK(hint({{"date", "Tue, 17 Feb 2026 12:00:00 GMT"}, {"rEtRy-aFtEr", "3"}}) == Duration{3s});
}

TEST_CASE("a provider says with a date for how long to stay away") {
  CHECK(after("Tue, 17 Feb 2026 12:00:20 GMT") == Duration{20s});
  CHECK(after("Tuesday, 17-Feb-26 12:01:00 GMT") == Duration{60s});
  CHECK(after("Wed Feb 18 12:00:00 2026") == Duration{24h});
  CHECK(after("Tue, 17 Feb 2026 12:00:20 GMT", noon + 250ms) == Duration{19'750ms});
}

TEST_CASE("a date in the past means now, however long ago") {
  CHECK(after("Tue, 17 Feb 2026 12:00:00 GMT") == Duration{});
  CHECK(after("Tue, 17 Feb 2026 12:00:00 GMT", noon + 1ms) == Duration{});
  CHECK(after("Fri, 31 Dec 1999 23:59:59 GMT") == Duration{});
  CHECK(after("Sat, 01 Jan 0000 00:00:00 GMT") == Duration{});
}

TEST_CASE("a date beyond all bounds is cut to the longest hint") {
  CHECK(after("Fri, 31 Dec 9999 23:59:59 GMT") == http::longest_hint);
  CHECK(after("Tue, 17 Feb 2426 12:00:00 GMT") == http::longest_hint);
}

TEST_CASE("the clock may be before 1970") {
  const Wall early = std::chrono::sys_days{std::chrono::year{1969} / 12 / 31} + 23h + 59min + 59s + 500ms;
  CHECK(after("Thu, 01 Jan 1970 00:00:01 GMT", early) == Duration{1500ms});
}

TEST_CASE("milliseconds are believed before seconds, and what makes no sense is passed over") {
  CHECK(hint({{"retry-after", "10"}, {"retry-after-ms", "250"}}) == Duration{250ms});
  CHECK(hint({{"Retry-After", "1"}, {"Retry-After-Ms", "0"}}) == Duration{});
  CHECK(hint({{"retry-after-ms", "1500.5"}}) == Duration{1'500'500us});
  CHECK(hint({{"x-ms-retry-after-ms", "750"}}) == Duration{750ms});
  CHECK(hint({{"x-ms-retry-after-ms", "750"}, {"retry-after-ms", "250"}}) == Duration{250ms});
  CHECK(hint({{"retry-after-ms", "soon"}, {"x-ms-retry-after-ms", "750"}, {"retry-after", "10"}}) == Duration{750ms});
  CHECK(hint({{"retry-after-ms", "-1"}, {"retry-after", "10"}}) == Duration{10s});
  CHECK(hint({{"retry-after-ms", "Tue, 17 Feb 2026 12:00:20 GMT"}}) == std::nullopt);
  CHECK(hint({}) == std::nullopt);
  for (const std::string_view value :
       {"", "soon", "-10", "+5", "5s", "5, 10", "inf", "Tue, 17 Feb 2026 12:00:20 PST", "2026-02-17T12:00:20Z"}) {
    CAPTURE(value);
    CHECK(after(value) == std::nullopt);
  }
}

TEST_CASE("a provider says whether to try it again in exactly two ways") {
  const auto said = [](std::string_view value) {
    const std::vector<Field> fields{{"X-Should-Retry", value}};
    return http::should_retry(fields);
  };
  CHECK(said("true") == true);
  CHECK(said(" false ") == false);
  CHECK(said("TRUE") == std::nullopt);
  CHECK(said("1") == std::nullopt);
  CHECK(said("") == std::nullopt);
  CHECK(http::should_retry({}) == std::nullopt);
}

TEST_CASE("hints of the conformance suite are understood") {
  const char* const folder = std::getenv("LLMROUTE_CONFORMANCE");
  if (folder == nullptr) {
    WARN("skipped: LLMROUTE_CONFORMANCE is not set");
    return;
  }
  std::ifstream file(std::string(folder) + "/retry_after/retry_after_cases.json");
  REQUIRE(file);
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  llmroute::json::Reader in(json);
  int cases = 0;
  in.array([&] {
    std::int64_t now = 0;
    std::vector<std::pair<std::string, std::string>> texts;
    std::string kind;
    std::int64_t milliseconds = 0;
    in.object([&](std::string_view key) {
      if (key == "now_unix") in.integer(now);
      else if (key == "headers") in.object([&](std::string_view name) { texts.emplace_back(name, in.text()); });
      else if (key == "expect") {
        in.object([&](std::string_view k) { k == "kind" ? in.text(kind) : in.integer(milliseconds); });
      }
    });
    std::vector<Field> fields;
    std::string shown;
    for (const auto& [name, value] : texts) {
      fields.push_back({name, value});
      shown += name + ": " + value + "\n";
    }
    INFO(shown << kind << " " << milliseconds);
    const std::optional<Duration> delay = hint(fields, Wall{std::chrono::seconds{now}});
    if (kind == "ignore") {
      CHECK(delay == std::nullopt);
    } else {
      REQUIRE(delay);
      if (kind == "delay_ms") CHECK(std::chrono::floor<std::chrono::milliseconds>(*delay).count() == milliseconds);
      else CHECK(*delay == http::longest_hint);
    }
    ++cases;
  });
  REQUIRE(in.done());
  CHECK(cases > 60);
}

TEST_CASE("content types of the conformance suite are told apart") {
  const char* const folder = std::getenv("LLMROUTE_CONFORMANCE");
  if (folder == nullptr) {
    WARN("skipped: LLMROUTE_CONFORMANCE is not set");
    return;
  }
  std::ifstream file(std::string(folder) + "/sse/mime_cases.json");
  REQUIRE(file);
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  llmroute::json::Reader in(json);
  int cases = 0;
  in.array([&] {
    std::string type;
    bool is_stream = false;
    in.object([&](std::string_view key) {
      if (key == "content_type") in.text(type);
      else if (key == "accept_as_sse") in.boolean(is_stream);
    });
    INFO(type);
    CHECK(http::is_media_type(type, "text/event-stream") == is_stream);
    ++cases;
  });
  REQUIRE(in.done());
  CHECK(cases > 15);
}
