// SPDX-License-Identifier: MIT
#include "llmroute/wire/rate_limits.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"

namespace http = llmroute::http;
using http::Field;
using http::LimitReport;
using http::Meter;
using http::Verdict;
using llmroute::Duration;
using namespace std::chrono_literals;
using Wall = std::chrono::system_clock::time_point;

namespace {

constexpr Wall now{std::chrono::seconds{1'790'000'000}};  // 2026-09-21T14:13:20Z

LimitReport report(const std::vector<Field>& fields, int status = 200) { return http::limit_report(status, fields, now); }

// One field is enough to see which meter a name belongs to, and what it tells.
std::string place_of(std::string_view name) {
  const LimitReport r = report({{name, "7"}});
  std::string place;
  for (const auto& [meter, word] : {std::pair{r.requests, "requests"}, std::pair{r.tokens, "tokens"}}) {
    if (meter.limit == 7) place.append(word).append(" limit");
    if (meter.remaining == 7) place.append(word).append(" remaining");
    if (meter.resets_in == 7s) place.append(word).append(" reset");
    if (meter.period == 7s) place.append(word).append(" period");
  }
  return place;
}

}  // namespace

TEST_CASE("limits as OpenAI tells them") {
  const LimitReport r = report({{"x-ratelimit-limit-requests", "10000"},
                                {"x-ratelimit-limit-tokens", "2000000"},
                                {"x-ratelimit-remaining-requests", "9998"},
                                {"x-ratelimit-remaining-tokens", "1500000"},
                                {"x-ratelimit-reset-requests", "6ms"},
                                {"x-ratelimit-reset-tokens", "6m0s"},
                                {"x-ratelimit-limit-input-images", "50"},
                                {"x-request-id", "7"}});
  CHECK(r.requests == Meter{.limit = 10000, .remaining = 9998, .resets_in = 6ms});
  CHECK(r.tokens == Meter{.limit = 2000000, .remaining = 1500000, .resets_in = 6min});
  CHECK(r.tokens.share_left() == 0.75);
  CHECK(r.retry_after == std::nullopt);
  CHECK(r.verdict == Verdict::nothing_said);
}

TEST_CASE("of a project's and an account's limit the tighter one is told") {
  std::vector<Field> fields{{"x-ratelimit-limit-tokens", "1000"},
                            {"x-ratelimit-remaining-tokens", "500"},
                            {"x-ratelimit-limit-project-tokens", "100"},
                            {"x-ratelimit-remaining-project-tokens", "40"},
                            {"x-ratelimit-reset-project-tokens", "1s"}};
  CHECK(report(fields).tokens == Meter{.limit = 100, .remaining = 40, .resets_in = 1s});
  fields[3].value = "60";
  CHECK(report(fields).tokens == Meter{.limit = 1000, .remaining = 500});
  CHECK(report({{"x-ratelimit-limit-tokens", "1000"},
                {"x-ratelimit-remaining-tokens", "500"},
                {"x-ratelimit-limit-tokens_usage_based", "100"},
                {"x-ratelimit-remaining-tokens_usage_based", "1"}})
            .tokens == Meter{.limit = 100, .remaining = 1});
}

TEST_CASE("limits as Groq tells them") {
  const LimitReport r = report({{"x-ratelimit-limit-requests", "14400"},
                                {"x-ratelimit-limit-tokens", "18000"},
                                {"x-ratelimit-remaining-requests", "14370"},
                                {"x-ratelimit-remaining-tokens", "0"},
                                {"x-ratelimit-reset-requests", "2m59.56s"},
                                {"x-ratelimit-reset-tokens", "17.399999999s"},
                                {"retry-after", "18"}},
                               429);
  CHECK(r.requests == Meter{.limit = 14400, .remaining = 14370, .resets_in = 179'560ms});
  CHECK(r.tokens == Meter{.limit = 18000, .remaining = 0, .resets_in = 17'399'999'999ns});
  CHECK(r.tokens.share_left() == 0);
  CHECK(r.retry_after == 18s);
}

TEST_CASE("limits as Anthropic tells them, with input and output folded into tokens") {
  std::vector<Field> fields{{"anthropic-ratelimit-requests-limit", "50"},
                            {"anthropic-ratelimit-requests-remaining", "49"},
                            {"anthropic-ratelimit-requests-reset", "2026-09-21T14:13:21Z"},
                            {"anthropic-ratelimit-input-tokens-limit", "50000"},
                            {"anthropic-ratelimit-input-tokens-remaining", "50000"},
                            {"anthropic-ratelimit-input-tokens-reset", "2026-09-21T14:13:20Z"},
                            {"anthropic-ratelimit-output-tokens-limit", "10000"},
                            {"anthropic-ratelimit-output-tokens-remaining", "2500"},
                            {"anthropic-ratelimit-output-tokens-reset", "2026-09-21T14:14:20Z"},
                            {"anthropic-ratelimit-tokens-limit", "60000"},
                            {"anthropic-ratelimit-tokens-remaining", "52500"},
                            {"anthropic-ratelimit-tokens-reset", "2026-09-21T14:13:20Z"},
                            {"retry-after", "13"}};
  LimitReport r = report(fields);
  CHECK(r.requests == Meter{.limit = 50, .remaining = 49, .resets_in = 1s});
  CHECK(r.tokens == Meter{.limit = 10000, .remaining = 2500, .resets_in = 60s});
  CHECK(r.retry_after == std::nullopt);
  fields.push_back({"x-should-retry", "false"});
  r = report(fields, 429);
  CHECK(r.retry_after == 13s);
  CHECK(r.verdict == Verdict::do_not_retry);
}

TEST_CASE("a limit as Anthropic's other door tells it: by the meter alone") {
  const LimitReport r = report({{"x-ratelimit-requests", "50"},
                                {"x-ratelimit-remaining-requests", "49"},
                                {"x-ratelimit-reset-requests", "0s"},
                                {"x-ratelimit-tokens", "80000"},
                                {"x-ratelimit-remaining-tokens", "79000"}});
  CHECK(r.requests == Meter{.limit = 50, .remaining = 49, .resets_in = 0s});
  CHECK(r.tokens == Meter{.limit = 80000, .remaining = 79000});
}

TEST_CASE("limits as Azure tells them") {
  const LimitReport r = report({{"x-ratelimit-limit-requests", "100"},
                                {"x-ratelimit-remaining-requests", "0"},
                                {"x-ratelimit-reset-requests", "1"},
                                {"x-ratelimit-renewalperiod-requests", "60"},
                                {"x-ratelimit-limit-tokens", "-1"},
                                {"x-ratelimit-remaining-tokens", "-1"},
                                {"x-ratelimit-reset-tokens", "500"},
                                {"x-ratelimit-abusepenalty-active", "False"},
                                {"x-ratelimit-key", "7"},
                                {"Retry-After", "1"},
                                {"Retry-After-Ms", "1500"}},
                               429);
  CHECK(r.requests == Meter{.limit = 100, .remaining = 0, .resets_in = 1s, .period = 60s});
  CHECK(r.tokens == Meter{.resets_in = 500s});
  CHECK(r.retry_after == 1500ms);
  const LimitReport zero = report({{"x-ratelimit-limit-tokens", "0"}, {"x-ratelimit-remaining-tokens", "0"}});
  CHECK(zero.tokens == Meter{});
}

TEST_CASE("limits as OpenRouter tells them, the moment in milliseconds since 1970") {
  const std::vector<Field> fields{
      {"X-RateLimit-Limit", "20"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "1790000042500"}};
  const LimitReport r = report(fields, 429);
  CHECK(r.requests == Meter{.limit = 20, .remaining = 0, .resets_in = 42'500ms});
  CHECK(r.tokens == Meter{});
  CHECK(r.retry_after == 42'500ms);
  CHECK(report(fields, 500).retry_after == std::nullopt);
  CHECK(report(fields, 200).retry_after == std::nullopt);
}

TEST_CASE("limits as Mistral tells them") {
  const LimitReport r = report({{"x-ratelimit-limit-req-minute", "60"},
                                {"x-ratelimit-remaining-req-minute", "30"},
                                {"x-ratelimit-limit-req-10-second", "10"},
                                {"x-ratelimit-remaining-req-10-second", "9"},
                                {"x-ratelimit-limit-tokens-minute", "500000"},
                                {"x-ratelimit-remaining-tokens-minute", "490000"},
                                {"x-ratelimit-limit-tokens-month", "1000000000"},
                                {"x-ratelimit-remaining-tokens-month", "100000000"},
                                {"x-ratelimit-tokens-query-cost", "7"}});
  CHECK(r.requests == Meter{.limit = 60, .remaining = 30, .period = 1min});
  CHECK(r.tokens == Meter{.limit = 1e9, .remaining = 1e8, .period = 30 * 24h});
  const LimitReport older = report({{"ratelimitbysize-limit", "500000"},
                                    {"ratelimitbysize-remaining", "499000"},
                                    {"ratelimitbysize-reset", "32"},
                                    {"ratelimitbysize-query-cost", "7"},
                                    {"x-ratelimitbysize-limit-month", "1000"},
                                    {"x-ratelimitbysize-remaining-month", "999"}});
  CHECK(older.requests == Meter{});
  CHECK(older.tokens == Meter{.limit = 500000, .remaining = 499000, .resets_in = 32s});
}

TEST_CASE("limits as Together tells them, of which more may remain than there is") {
  const LimitReport r = report({{"x-ratelimit", "false"},
                                {"x-ratelimit-limit", "10"},
                                {"x-ratelimit-remaining", "19"},
                                {"x-ratelimit-reset", "1"},
                                {"x-ratelimit-limit-tokens", "3000"},
                                {"x-ratelimit-remaining-tokens", "6000"},
                                {"Retry-After", "2"}});
  CHECK(r.requests == Meter{.limit = 10, .remaining = 19, .resets_in = 1s});
  CHECK(r.requests.share_left() == 1.9);
  CHECK(r.tokens.share_left() == 2);
  CHECK(r.retry_after == std::nullopt);
}

TEST_CASE("limits as Cerebras tells them, beyond 64 bits and without a limit") {
  const LimitReport r = report({{"x-ratelimit-remaining-requests-minute", "9223372036854775808"},
                                {"x-ratelimit-remaining-requests-hour", "899"},
                                {"x-ratelimit-remaining-requests-day", "14399"},
                                {"x-ratelimit-remaining-tokens-minute", "18446744073709551616"},
                                {"x-ratelimit-remaining-tokens-day", "9223372036854767616"}});
  CHECK(r.requests == Meter{.remaining = 899, .period = 1h});
  CHECK(r.requests.share_left() == std::nullopt);
  CHECK(r.tokens == Meter{.remaining = r.tokens.remaining, .period = 24h});
  CHECK(r.tokens.remaining.value() == Approx(9223372036854767616.0));
}

TEST_CASE("limits as a gateway tells them beside those of whoever is behind it") {
  const LimitReport r = report({{"ratelimit-limit", "1000"},
                                {"ratelimit-remaining", "100"},
                                {"ratelimit-reset", "30"},
                                {"x-ratelimit-limit-minute", "60"},
                                {"x-ratelimit-remaining-minute", "59"},
                                {"retry-after", "30"}});
  CHECK(r.requests == Meter{.limit = 1000, .remaining = 100, .resets_in = 30s});
  const LimitReport mirrored = report({{"x-ratelimit-limit-tokens", "100"},
                                       {"x-ratelimit-remaining-tokens", "50"},
                                       {"llm_provider-x-ratelimit-limit-tokens", "1000"},
                                       {"llm_provider-x-ratelimit-remaining-tokens", "20"}});
  CHECK(mirrored.tokens == Meter{.limit = 1000, .remaining = 20});
}

TEST_CASE("limits as Fireworks and Cohere tell them") {
  CHECK(report({{"X-Ratelimit-Limit-Tokens-Prompt", "60000"}, {"X-Ratelimit-Limit-Tokens-Generated", "6000"}}).tokens ==
        Meter{.limit = 6000});
  CHECK(report({{"x-trial-endpoint-call-remaining", "37"}}).requests == Meter{.remaining = 37});
}

TEST_CASE("a name is known in any case and no other name is") {
  CHECK(place_of("X-RATELIMIT-REMAINING-TOKENS") == "tokens remaining");
  CHECK(place_of("x-RateLimit-Reset-Requests") == "requests reset");
  CHECK(place_of("Anthropic-Ratelimit-Tokens-Limit") == "tokens limit");
  CHECK(place_of("anthropic-ratelimit-limit-tokens") == "tokens limit");
  CHECK(place_of("x-ratelimit-limit-tokens-usage-based") == "tokens limit");
  CHECK(place_of("x-ratelimit-renewalperiod-tokens") == "tokens period");
  CHECK(place_of("LLM_Provider-x-ratelimit-reset-tokens-day") == "tokens reset");
  CHECK(place_of("x-ratelimitbysize-remaining-minute") == "tokens remaining");
  for (const std::string_view name : {"",
                                      "x-ratelimit",
                                      "x-ratelimit-",
                                      "ratelimit-",
                                      "x-ratelimit--",
                                      "x-ratelimit-limit-",
                                      "x-ratelimit--limit",
                                      "x-ratelimit-limit-input-images",
                                      "x-ratelimit-limits-tokens",
                                      "x-ratelimit-limittokens",
                                      "x-ratelimit-tokenslimit",
                                      "x-ratelimit-limit-tokens-",
                                      "xratelimit-limit",
                                      "-ratelimit-limit",
                                      "x-ratelimit-policy",
                                      "ratelimit-policy",
                                      "x-ratelimit-limit-limit-tokens",
                                      "x-ratelimit-key",
                                      "limit",
                                      "remaining-tokens",
                                      "retry-after",
                                      "llm_provider-",
                                      "llm_provider-remaining",
                                      "llm_provider-llm_provider-x-ratelimit-limit",
                                      "anthropic-ratelimit-unified-status",
                                      "x-ratelimitbysize-query-cost",
                                      "x-ratelimit-tokens-query-cost",
                                      " x-ratelimit-limit"}) {
    INFO(name);
    CHECK(place_of(name).empty());
  }
}

TEST_CASE("of two limits that are alike the one that takes longer to come back is told") {
  const LimitReport r = report({{"x-ratelimit-limit-requests-minute", "10"},
                                {"x-ratelimit-remaining-requests-minute", "0"},
                                {"x-ratelimit-reset-requests-minute", "12"},
                                {"x-ratelimit-limit-requests-day", "100"},
                                {"x-ratelimit-remaining-requests-day", "0"},
                                {"x-ratelimit-reset-requests-day", "3600"},
                                {"x-ratelimit-limit-tokens-day", "100"},
                                {"x-ratelimit-remaining-tokens-day", "100"},
                                {"x-ratelimit-reset-tokens-day", "86400"}},
                               429);
  CHECK(r.requests == Meter{.limit = 100, .remaining = 0, .resets_in = 3600s, .period = 24h});
  CHECK(r.retry_after == 3600s);
  CHECK(report({{"x-ratelimit-remaining-requests-minute", "0"}, {"x-ratelimit-remaining-requests-day", "0"}}).requests.period ==
        24h);
}

TEST_CASE("a limit whose share is known is told before one of which less is") {
  CHECK(report({{"x-ratelimit-remaining-requests-minute", "3"},
                {"x-ratelimit-limit-requests-day", "100"},
                {"x-ratelimit-remaining-requests-day", "99"}})
            .requests.period == 24h);
  CHECK(report({{"x-ratelimit-limit-requests-minute", "3"}, {"x-ratelimit-remaining-requests-day", "99"}}).requests.period ==
        24h);
  CHECK(report({{"x-ratelimit-reset-requests-minute", "3"}, {"x-ratelimit-limit-requests-day", "99"}}).requests.period == 24h);
  CHECK(report({{"x-ratelimit-limit-requests-minute", "x"}, {"x-ratelimit-reset-requests-day", "9"}}).requests.period == 24h);
}

TEST_CASE("a value that makes no sense is passed over, and the next field of that name counts") {
  for (const char* nonsense : {"", "-1", "many", "1e9", "inf", "nan", "10, 10;w=60", "0x10", "--", "1-"}) {
    INFO(nonsense);
    const LimitReport r = report({{"x-ratelimit-limit-tokens", nonsense},
                                  {"x-ratelimit-remaining-tokens", nonsense},
                                  {"x-ratelimit-reset-tokens", nonsense},
                                  {"x-ratelimit-renewalperiod-tokens", nonsense}});
    CHECK(r.tokens == Meter{});
  }
  const LimitReport r =
      report({{"x-ratelimit-limit-tokens", "?"}, {"x-ratelimit-limit-tokens", "\t9 "}, {"x-ratelimit-limit-tokens", "8"}});
  CHECK(r.tokens == Meter{.limit = 9});
  CHECK(report({{"x-ratelimit-remaining-tokens", "9"}, {"x-ratelimit-remaining-tokens", "8"}}).tokens == Meter{.remaining = 9});
}

TEST_CASE("only an answer that is no success asks to stay away") {
  const std::vector<Field> fields{{"Retry-After", "Mon, 21 Sep 2026 14:13:30 GMT"}, {"X-Should-Retry", "true"}};
  for (const int status : {200, 201, 204, 299}) {
    CHECK(report(fields, status).retry_after == std::nullopt);
    CHECK(report(fields, status).verdict == Verdict::nothing_said);
  }
  for (const int status : {0, 199, 300, 408, 413, 429, 500, 503, 529}) {
    CHECK(report(fields, status).retry_after == 10s);
    CHECK(report(fields, status).verdict == Verdict::retry);
  }
  const LimitReport nothing = report({}, 429);
  CHECK(nothing.retry_after == std::nullopt);
  CHECK(nothing.verdict == Verdict::nothing_said);
  CHECK(nothing.requests == Meter{});
  SECTION("what the provider asks for comes before what its limits say") {
    std::vector<Field> both{{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "60"}, {"retry-after", "2"}};
    CHECK(report(both, 429).retry_after == 2s);
    both[2].value = "soon";
    CHECK(report(both, 429).retry_after == 60s);
    both[0].value = "1";
    CHECK(report(both, 429).retry_after == std::nullopt);
  }
}

TEST_CASE("limits are read at compile time too, so nothing is allocated and no locale is asked") {
  static constexpr std::array<Field, 3> fields{Field{"X-RateLimit-Limit-Tokens", "6000"},
                                               Field{"x-ratelimit-remaining-tokens", "1500"},
                                               Field{"x-ratelimit-reset-tokens", "45s"}};
  constexpr LimitReport r = http::limit_report(200, fields, now);
  STATIC_REQUIRE(r.tokens == Meter{.limit = 6000, .remaining = 1500, .resets_in = 45s});
  STATIC_REQUIRE(r.tokens.share_left() == 0.25);
  STATIC_REQUIRE(noexcept(http::limit_report(200, fields, now)));
}

TEST_CASE("more limits than there is room for are passed over") {
  std::vector<std::string> names;
  for (const char* beginning : {"x-ratelimit-remaining-", "ratelimit-remaining-", "anthropic-ratelimit-remaining-"})
    for (const char* meter : {"second", "minute", "hour", "day", "month", "requests", "project-requests"})
      names.push_back(std::string(beginning) + meter);
  std::vector<std::string> values;
  for (std::size_t i = 0; i < names.size(); ++i) values.push_back(std::to_string(100 - i));
  std::vector<Field> fields;
  for (std::size_t i = 0; i < names.size(); ++i) fields.push_back({names[i], values[i]});
  CHECK(report(fields).requests.remaining == 100 - 15);
}

TEST_CASE("no fields make the reading of limits fail") {
  INFO("seed: " << tests::seed());
  std::mt19937 random(tests::seed());
  constexpr std::string_view names[]{"x-ratelimit-limit-requests",
                                     "x-ratelimit-remaining-requests",
                                     "X-RateLimit-Reset",
                                     "x-ratelimit-reset-tokens",
                                     "anthropic-ratelimit-tokens-reset",
                                     "x-ratelimit-remaining-tokens",
                                     "x-ratelimit-limit-tokens",
                                     "retry-after",
                                     "retry-after-ms",
                                     "x-ratelimit-renewalperiod-tokens",
                                     "x-should-retry"};
  constexpr std::string_view alphabet = "00123456789999..hmsun-:TZ+eE ,true";
  constexpr std::string_view values[]{"9223372036854775807",
                                      "9223372036854775808",
                                      "99999999999999999999999999",
                                      "0",
                                      "1e400",
                                      "2026-09-21T14:13:21Z",
                                      "9999-12-31T23:59:59Z",
                                      "Fri, 31 Dec 9999 23:59:59 GMT",
                                      "1790000042500"};
  std::size_t wrong = 0, told = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::vector<std::string> texts;
    for (auto n = random() % 8; n > 0; --n) {
      std::string name(names[random() % std::size(names)]), value(values[random() % std::size(values)]);
      if (random() % 10 == 0 && !name.empty()) name[random() % name.size()] = static_cast<char>(random() % 256);
      if (random() % 2 == 0) {
        value.clear();
        for (auto m = random() % 24; m > 0; --m)
          value += random() % 20 == 0 ? static_cast<char>(random() % 256) : alphabet[random() % alphabet.size()];
      }
      texts.push_back(std::move(name));
      texts.push_back(std::move(value));
    }
    std::vector<Field> fields;
    for (std::size_t i = 0; i < texts.size(); i += 2) fields.push_back({texts[i], texts[i + 1]});
    const Wall when{std::chrono::seconds{static_cast<std::int64_t>(random()) * 4 - 8'000'000'000}};
    const tests::Allocations made;
    const LimitReport r = http::limit_report(static_cast<int>(random() % 600), fields, when);
    bool good = made.count() == 0;
    for (const Meter& m : {r.requests, r.tokens}) {
      good = good && (!m.limit || (*m.limit > 0 && *m.limit < 1e302)) &&
             (!m.remaining || (*m.remaining >= 0 && *m.remaining < 1e302));
      good = good && (!m.resets_in || (*m.resets_in >= 0s && *m.resets_in <= http::longest_hint)) && m.period >= 0s;
      good = good && (!m.share_left() || *m.share_left() >= 0);
      if (m != Meter{}) ++told;
    }
    good = good && (!r.retry_after || (*r.retry_after >= 0s && *r.retry_after <= http::longest_hint));
    if (!good) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(told > 1'000);
}
