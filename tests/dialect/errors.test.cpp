// SPDX-License-Identifier: MIT
#include "llmroute/dialect/errors.hpp"

#include <chrono>
#include <climits>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

ReplyBuilder::Error judge(int status, std::string_view body) {
  ReplyBuilder::Error error;
  dialect::read_error(status, body, error);
  return error;
}
Kind kind(int status, std::string_view body) { return judge(status, body).kind; }
std::string message(std::string_view body) { return judge(500, body).message; }

// The shape that most providers imitate.
std::string openai(std::string_view message, std::string_view code = "null", std::string_view type = "null") {
  std::string out = "{\"error\":{\"message\":\"";
  return out.append(message).append("\",\"type\":").append(type).append(",\"param\":null,\"code\":").append(code).append("}}");
}

}  // namespace

static_assert(dialect::kind_of(429, true, "insufficient_quota", "", "") == Kind::quota_exhausted);

TEST_CASE("a status by itself has one kind, whatever number it is") {
  using K = Kind;
  struct Row {
    int status;
    K kind;
  };
  const std::initializer_list<Row> rows{
      {400, K::request_invalid},  {401, K::unauthorized},    {402, K::quota_exhausted},     {403, K::model_not_found},
      {404, K::misconfigured},    {405, K::misconfigured},   {408, K::server_error},        {409, K::server_error},
      {413, K::context_too_long}, {415, K::request_invalid}, {422, K::request_invalid},     {424, K::overloaded},
      {429, K::rate_limited},     {451, K::request_invalid}, {498, K::overloaded},          {499, K::timed_out},
      {500, K::server_error},     {501, K::request_invalid}, {502, K::server_error},        {503, K::overloaded},
      {504, K::server_error},     {520, K::server_error},    {524, K::timed_out},           {529, K::overloaded},
      {599, K::server_error},     {300, K::misconfigured},   {301, K::misconfigured},       {308, K::misconfigured},
      {399, K::misconfigured},    {200, K::malformed_reply}, {100, K::malformed_reply},     {0, K::malformed_reply},
      {-1, K::malformed_reply},   {600, K::malformed_reply}, {INT_MAX, K::malformed_reply}, {INT_MIN, K::malformed_reply}};
  for (const Row& row : rows) {
    CAPTURE(row.status);
    CHECK(dialect::kind_of_status(row.status, false) == row.kind);
    CHECK(kind(row.status, "") == row.kind);
    CHECK(kind(row.status, "<html>nginx</html>") == row.kind);
  }
}

TEST_CASE("a 404 is the model's only if the API itself says so") {
  CHECK(kind(404, openai("The model `x` does not exist", "\"model_not_found\"")) == Kind::model_not_found);
  CHECK(kind(404, R"({"error":"model 'x' not found"})") == Kind::model_not_found);
  CHECK(kind(404, R"({"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404})") ==
        Kind::model_not_found);
  CHECK(kind(404, R"({"error":{"code":"DeploymentNotFound","message":"The API deployment does not exist."}})") ==
        Kind::model_not_found);
  CHECK(kind(404, "404 page not found") == Kind::misconfigured);
  CHECK(kind(404, R"({"detail":"Not Found"})") == Kind::misconfigured);
  CHECK(kind(404, R"({"error":{"code":"404","message":"Resource not found"}})") == Kind::misconfigured);
  CHECK(kind(404, R"({"statusCode":404,"message":"Resource not found"})") == Kind::misconfigured);
  CHECK(kind(404, openai("Invalid URL (POST /v1/chat)", "null", "\"invalid_request_error\"")) == Kind::misconfigured);
  CHECK(kind(404, openai("Unknown request URL", "\"unknown_url\"")) == Kind::misconfigured);
  CHECK(kind(404, "{}") == Kind::misconfigured);
}

TEST_CASE("a structured code decides before the status") {
  CHECK(kind(429, openai("You exceeded your quota", "\"insufficient_quota\"", "\"insufficient_quota\"")) ==
        Kind::quota_exhausted);
  CHECK(kind(429, openai("You exceeded your quota", "null", "\"insufficient_quota\"")) == Kind::quota_exhausted);
  CHECK(kind(429, openai("Rate limit reached", "\"rate_limit_exceeded\"", "\"tokens\"")) == Kind::rate_limited);
  CHECK(kind(413, openai("Request too large", "\"rate_limit_exceeded\"", "\"tokens\"")) == Kind::context_too_long);
  CHECK(kind(400, openai("x", "\"invalid_api_key\"")) == Kind::unauthorized);
  CHECK(kind(400, openai("x", "\"model_not_found\"")) == Kind::model_not_found);
  CHECK(kind(400, openai("x", "\"context_length_exceeded\"")) == Kind::context_too_long);
  CHECK(kind(400, openai("x", "\"content_filter\"")) == Kind::content_filtered);
  CHECK(kind(400, openai("x", "\"content_policy_violation\"")) == Kind::content_filtered);
  CHECK(kind(500, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})") == Kind::overloaded);
  CHECK(kind(429, R"({"error":{"code":"1113","message":"x"}})") == Kind::quota_exhausted);
  CHECK(kind(403, openai("Forbidden", "\"forbidden\"", "\"invalid_request_error\"")) == Kind::unauthorized);
  CHECK(kind(403, openai("No.", "\"PERMISSION_DENIED\"")) == Kind::unauthorized);
  CHECK(kind(501, openai("No audio here.", "501", "\"not_supported_error\"")) == Kind::server_error);
  CHECK(kind(400, R"([{"error":{"code":400,"message":"API key not valid.","details":[{"reason":"API_KEY_INVALID"}]}}])") ==
        Kind::unauthorized);
}

TEST_CASE("a code that says little leaves it to the status") {
  CHECK(kind(401, openai("x", "\"invalid_request_error\"", "\"api_error\"")) == Kind::unauthorized);
  CHECK(kind(503, openai("x", "null", "\"server_error\"")) == Kind::overloaded);
  CHECK(kind(400, R"({"error":{"code":429,"message":"x"}})") == Kind::request_invalid);
}

TEST_CASE("an error inside a 200 is what its code says, by name or by number, else no reply") {
  CHECK(kind(200, openai("x", "429")) == Kind::rate_limited);
  CHECK(kind(200, openai("x", "\"503\"")) == Kind::overloaded);
  CHECK(kind(200, openai("x", "\"rate_limit_exceeded\"")) == Kind::rate_limited);
  CHECK(kind(200, openai("x", "\"rate_limit_exceeded\"", "\"invalid_request_error\"")) == Kind::rate_limited);
  CHECK(kind(200, openai("x", "null", "\"server_error\"")) == Kind::server_error);
  CHECK(kind(200, openai("x", "null", "\"invalid_request_error\"")) == Kind::request_invalid);
  CHECK(kind(200, openai("This model's maximum context length is 8", "400", "\"invalid_request_error\"")) ==
        Kind::context_too_long);
  CHECK(kind(200, openai("something", "null", "null")) == Kind::malformed_reply);
  CHECK(kind(200, openai("x", "200")) == Kind::malformed_reply);
  CHECK(kind(200, R"([{"error":{"code":429}},{"error":{"code":500}}])") == Kind::rate_limited);
  CHECK(kind(200, openai("x", "1302000")) == Kind::malformed_reply);
  CHECK(kind(200, openai("x", "\"99999999999999999999\"")) == Kind::malformed_reply);
}

TEST_CASE("wordings for a context that is too long are known, on a 400 and its like only") {
  for (const std::string_view words :
       {"This model's maximum context length is 8 tokens. However, your messages resulted in 9 tokens."sv,
        "Your input exceeds the context window of this model."sv, "prompt is too long: 9 tokens > 8 maximum"sv,
        "input length and `max_tokens` exceed context limit: 4 + 5 > 8"sv,
        "The input token count (9) exceeds the maximum number of tokens allowed (8)."sv,
        "Prompt contains 9 tokens, too large for model with 8 maximum context length"sv,
        "too many tokens: size limit exceeded by 1 tokens."sv,
        "Please reduce the length of the messages or completion. Current length is 9 while limit is 8"sv,
        "This model's maximum prompt length is 8 but the request contains 9 tokens."sv,
        "The total length of all messages is too long."sv,
        "request (9 tokens) exceeds the available context size (8 tokens), try increasing it"sv,
        "You passed 9 input tokens and requested 1. However, the model's context length is only 8 tokens"sv,
        "prompt too long; exceeded max context length by 1"sv,
        "The number of tokens to keep from the initial prompt is greater than the context length"sv,
        "Trying to keep the first 9 tokens when context the overflows."sv, "`inputs` tokens + `max_new_tokens` must be <= 8"sv,
        "tokens in request more than max tokens allowed"sv, "Range of input length should be [1, 8]"sv}) {
    CAPTURE(words);
    CHECK(kind(400, openai(words)) == Kind::context_too_long);
    CHECK(kind(422, openai(words)) == Kind::context_too_long);
    CHECK(kind(413, openai(words)) == Kind::context_too_long);
    CHECK(kind(429, openai(words)) == Kind::rate_limited);
    CHECK(kind(500, openai(words)) == Kind::server_error);
    CHECK(kind(400, words) == Kind::request_invalid);  // not said in an error field
  }
  CHECK(kind(429, openai("Tokens per minute limit exceeded - too many tokens processed.")) == Kind::rate_limited);
}

TEST_CASE("phrases in a message that refine a status") {
  CHECK(kind(400, R"({"code":"invalid-argument","error":"Incorrect API key provided: ab***cd"})") == Kind::unauthorized);
  CHECK(kind(400, R"({"code":"invalid-argument","error":"Model not found: x"})") == Kind::model_not_found);
  CHECK(kind(400, openai("foo/bar is not a valid model ID", "400")) == Kind::model_not_found);
  CHECK(kind(400, openai("Your credit balance is too low to access the API.")) == Kind::quota_exhausted);
  CHECK(kind(429, R"({"object":"error","message":"Service tier capacity exceeded for this model.","type":"x","code":null})") ==
        Kind::overloaded);
  CHECK(kind(403, openai("Method doesn't allow unregistered callers (x).", "403")) == Kind::unauthorized);
}

TEST_CASE("a request that is larger than the rate limit by itself is too long, not one to send again") {
  for (const int status : {413, 429, 200}) {
    CHECK(kind(status, openai("Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000",
                              "\"rate_limit_exceeded\"", "\"tokens\"")) == Kind::context_too_long);
    CHECK(kind(status, openai("Rate limit reached: 'Request too large'", "\"rate_limit_exceeded\"", "\"tokens\"")) ==
          (status == 413 ? Kind::context_too_long : Kind::rate_limited));  // the status says it by itself
  }
  CHECK(kind(429, openai("Request too large for gpt-x")) == Kind::context_too_long);
}

TEST_CASE("xAI says with a 403 or a 429 that there is no credit left") {
  const auto xai = [](int status, std::string_view words) {
    return kind(status, std::string("{\"code\":\"Some words\",\"error\":\"").append(words).append("\"}"));
  };
  constexpr auto spent =
      "Your team has used all credits. To go on, please purchase more credits or raise your spending limit."sv;
  CHECK(xai(429, spent) == Kind::quota_exhausted);
  CHECK(xai(403, spent) == Kind::quota_exhausted);
  CHECK(xai(400, spent) == Kind::request_invalid);
  CHECK(xai(403, "Your newly created teams doesn't have any credits yet. See x.") == Kind::quota_exhausted);
  CHECK(xai(403, "You have run out of credits or need a subscription.") == Kind::quota_exhausted);
  CHECK(xai(403, "Bad: 'you have run out of credits'") == Kind::model_not_found);
  CHECK(xai(429, "Too many tokens for team x") == Kind::rate_limited);
}

TEST_CASE("OpenRouter says in an error's metadata that its moderation stopped the request") {
  CHECK(kind(403, R"({"error":{"code":403,"message":"no","metadata":{"reasons":["violence"],"flagged_input":"x"}}})") ==
        Kind::content_filtered);
  CHECK(kind(403, R"({"error":{"metadata":{"flagged_input":"x"},"code":403,"message":"no"}})") == Kind::content_filtered);
  CHECK(kind(429, R"({"error":{"code":"rate_limit_exceeded","message":"no","metadata":{"flagged_input":"x"}}})") ==
        Kind::rate_limited);
  CHECK(kind(403, R"({"error":{"code":403,"message":"flagged_input","flagged_input":"x","metadata":{"raw":"no"}}})") ==
        Kind::model_not_found);
}

TEST_CASE("text of the request that an error quotes cannot take a provider out") {
  for (const std::string_view quoted :
       {"Invalid 'messages[0]': 'Incorrect API key provided'"sv, "Bad value 'api key not valid'"sv,
        "Bad: your credit balance is too low"sv, "Bad: model not found"sv, "'x is not a valid model ID' is not allowed"sv}) {
    CAPTURE(quoted);
    CHECK(kind(400, openai(quoted)) == Kind::request_invalid);
  }
  CHECK(kind(400, R"({"detail":[{"type":"x","loc":["body"],"msg":"Bad","input":"maximum context length"}]})") ==
        Kind::request_invalid);
  CHECK(kind(400, R"({"error":{"message":"Bad","param":"maximum context length","failed_generation":"prompt is too long"}})") ==
        Kind::request_invalid);
  CHECK(kind(500, R"({"request":{"error":{"code":"invalid_api_key"}},"message":"x"})") == Kind::server_error);
  CHECK(kind(400, "{\"choices\":[{\"message\":{\"content\":\"maximum context length\"}}]}") == Kind::request_invalid);
}

TEST_CASE("the provider's words are found in every shape") {
  CHECK(message(openai("words")) == "words");
  CHECK(message(R"({"error":"words"})") == "words");
  CHECK(message(R"({"error":"Too Many Requests","message":"words"})") == "words");
  CHECK(message(R"({"message":"words","error":"Too Many Requests"})") == "words");
  CHECK(message(R"({"code":"x","error":"words"})") == "words");
  CHECK(message(R"({"object":"error","message":"words","type":"x","param":null,"code":3001})") == "words");
  CHECK(message(R"({"object":"error","message":{"detail":[{"loc":["a"],"msg":"words"},{"msg":"more"}]},"code":null})") ==
        "words");
  CHECK(message(R"({"object":"error","message":["words"],"code":null})") == "words");
  CHECK(message(R"({"message":"{\"error\":{\"message\":\"words\"}}"})") == "words");
  CHECK(message(R"({"message":"{no json"})") == "{no json");
  CHECK(message(R"({"detail":"words"})") == "words");
  CHECK(message(R"({"detail":[{"type":"missing","loc":["body"],"msg":"words"}]})") == "words");
  CHECK(message(R"([{"error":{"code":400,"message":"words","status":"INVALID_ARGUMENT"}}])") == "words");
  CHECK(message(R"({"error":{"error":{"message":"words","code":402},"code":402}})") == "words");
  CHECK(message(R"({"error":{"code":429,"message":"Provider returned error","metadata":{"raw":"words"}}})") == "words");
  CHECK(
      message(R"({"error":{"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"message\":\"words\"}}"}}})") ==
      "words");
  CHECK(message(R"({"error":{"message":"own words","metadata":{"raw":"other"}}})") == "own words");
  CHECK(message(R"({"error":{"code":"some_code"}})") == "some_code");
  CHECK(message(" Not Found\r\n") == "Not Found");
  CHECK(message("").empty());
}

TEST_CASE("Google's hint when to come back is read") {
  CHECK(judge(429, R"([{"error":{"code":429,"details":[{"@type":"x"},{"retryDelay":"26s"}]}}])").retry_after == 26s);
  CHECK(judge(429, R"({"error":{"details":[{"retryDelay":"0.5s"}]}})").retry_after == 500ms);
  CHECK(judge(429, R"({"error":{"details":[{"retryDelay":"soon"}]}})").retry_after == 0s);
}

TEST_CASE("no body makes it fail, however it is torn or nested") {
  const std::string good =
      R"([{"error":{"code":429,"message":"{\"a\":[1]}","status":"X","details":[{"retryDelay":"26s"}],"metadata":{"raw":"[]"}}}])";
  for (std::size_t n = 0; n <= good.size(); ++n) CHECK(kind(429, good.substr(0, n)) == Kind::rate_limited);
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += "{\"error\":";
  CHECK(kind(429, deep) == Kind::rate_limited);
  CHECK(kind(429, std::string(100'000, '[')) == Kind::rate_limited);
  const auto seed = tests::seed();
  INFO("--rng-seed " << seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 5'000; ++i) {
    std::string body = good;
    for (int k = 0; k < 4; ++k) body[random() % body.size()] = static_cast<char>(static_cast<unsigned char>(random() % 128));
    const Kind k = kind(503, body);
    REQUIRE(static_cast<std::size_t>(k) < kinds.size());
  }
}
