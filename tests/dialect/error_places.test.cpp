// SPDX-License-Identifier: MIT
// Each shape in which providers were seen to say that something went wrong, in each place where they were seen to say it,
// read by each dialect: the same words mean the same.
#include <initializer_list>
#include <string>
#include <string_view>

#include "../catch.hpp"
#include "llmroute/dialect/anthropic.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/dialect/gemini.hpp"
#include "llmroute/dialect/openai.hpp"
#include "llmroute/failure.hpp"
#include "llmroute/route/attempt.hpp"
#include "llmroute/wire/json_writer.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using K = Kind;

namespace {

constexpr const Dialect* dialects[]{&dialect::openai, &dialect::anthropic, &dialect::gemini};

struct Judged {
  bool ok;
  Kind kind;
  std::string message;
  Duration retry_after;
};

Judged judge(const Dialect& dialect, int status, std::string_view body, Delivery delivery = Delivery::whole) {
  const Provider provider{.name = "p", .url = "https://p.example/v1", .dialect = &dialect};
  const Offer offer{.model = {.rest = "model-1"}};
  const ChatRequest request{.messages = "x"};
  Attempt attempt;
  REQUIRE(attempt.encode({.provider = provider, .offer = offer, .request = request, .delivery = delivery}));
  attempt.head(status, {});
  attempt.body(body, {});
  const Ended ended = attempt.finish({});
  return {ended.ok, ended.kind, std::string(ended.message), ended.retry_after};
}

std::string quoted(std::string_view text) {
  std::string out;
  json::Writer(out).text(text);
  return out;
}

struct Shape {
  std::string_view title;
  int status;
  K kind;
  std::string_view body;
  K in_200 = kind_as_it_is;  // where the status alone says it
  static constexpr K kind_as_it_is = K::policy_failed;
};

// The 14 shapes, most of them with more than one meaning.
constexpr Shape
    shapes
        []{
            {"1 key", 401, K::unauthorized,
             R"({"error":{"message":"Incorrect API key provided: sk-x.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}})"},
            {"1 quota", 429, K::quota_exhausted,
             R"({"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}})"},
            {"1 rate", 429, K::rate_limited,
             R"({"error":{"message":"Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}})"},
            {"1 Groq too large for the rate", 413, K::context_too_long,
             R"({"error":{"message":"Request too large for model `llama-3.1-8b-instant` in organization `org_x` on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce your message size and try again.","type":"tokens","code":"rate_limit_exceeded"}})"},
            {"1 OpenAI too large for the rate", 429, K::context_too_long,
             R"({"error":{"message":"Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 40000. The input or output tokens must be reduced in order to run successfully.","type":"tokens","param":null,"code":"rate_limit_exceeded"}})"},
            {"1 context", 400, K::context_too_long,
             R"({"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})"},
            {"1 DeepSeek's useless code", 400, K::context_too_long,
             R"({"error":{"message":"This model's maximum context length is 131072 tokens. However, you requested 133034 tokens (125034 in the messages, 8000 in the completion).","type":"invalid_request_error","param":null,"code":"invalid_request_error"}})"},
            {"1 OpenAI model", 400, K::model_not_found,
             R"({"error":{"message":"The requested model 'x' does not exist.","type":"invalid_request_error","param":"model","code":"model_not_found"}})"},
            {"1 DeepSeek model", 400, K::model_not_found,
             R"({"error":{"message":"The supported API model names are deepseek-chat or deepseek-reasoner, but you passed x.","type":"invalid_request_error","param":null,"code":"invalid_request_error"}})"},
            {"1 Moonshot quota", 429, K::quota_exhausted,
             R"({"error":{"message":"Your account is suspended, please check your plan.","type":"exceeded_current_quota_error"}})"},
            {"1 Moonshot busy", 429, K::overloaded,
             R"({"error":{"message":"The engine is currently overloaded, please try again later","type":"engine_overloaded_error"}})"},
            {"1 Together's rate", 429, K::rate_limited,
             R"({"error":{"message":"You have reached the rate limit specific to this model.","type":"credit_limit","param":null,"code":null}})",
             K::malformed_reply},
            {"2 credit", 402, K::quota_exhausted,
             R"({"error":{"code":402,"message":"Insufficient credits. Add more using https://openrouter.ai/credits","metadata":{}},"user_id":"user_x"})"},
            {"2 model", 400, K::model_not_found,
             R"({"error":{"code":400,"message":"foo/bar is not a valid model ID"},"user_id":"user_x"})"},
            {"2 busy", 503, K::overloaded, R"({"error":{"code":503,"message":"No instances available"}})"},
            {"2 upstream", 429, K::rate_limited,
             R"({"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"x is temporarily rate-limited upstream.","provider_name":"P"}},"user_id":"u"})"},
            {"2 upstream context", 400, K::context_too_long,
             R"({"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"Too much.\",\"code\":\"context_length_exceeded\"}}","provider_name":"P"}},"user_id":"u"})"},
            {"3 key", 400, K::unauthorized,
             R"({"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}})"},
            {"3 key, by its words", 400, K::unauthorized,
             R"({"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}})"},
            {"3 rate", 429, K::rate_limited,
             R"({"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"26s"}]}})"},
            {"3 context", 400, K::context_too_long,
             R"({"error":{"code":400,"message":"The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}})"},
            {"3 model", 404, K::model_not_found,
             R"({"error":{"code":404,"message":"models/x is not found for API version v1beta, or is not supported for generateContent.","status":"NOT_FOUND"}})"},
            {"3 busy", 503, K::overloaded,
             R"({"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}})"},
            {"4 busy", 529, K::overloaded,
             R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_x"})"},
            {"4 rate", 429, K::rate_limited,
             R"({"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your organization's rate limit of 40,000 input tokens per minute."},"request_id":"req_x"})"},
            {"4 credit",
             400, K::quota_exhausted, R"({"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."},"request_id":"req_x"})"},
            {"4 billing", 402, K::quota_exhausted,
             R"({"type":"error","error":{"type":"billing_error","message":"Pay first."}})"},
            {"4 context", 400, K::context_too_long,
             R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 201130 tokens > 200000 maximum"}})"},
            {"4 context, with the reply", 400, K::context_too_long,
             R"({"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 150000 + 64000 > 200000"}})"},
            {"4 key", 401, K::unauthorized,
             R"({"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}})"},
            {"4 model", 404, K::model_not_found,
             R"({"type":"error","error":{"type":"not_found_error","message":"model: claude-0"}})"},
            {"4 server", 500, K::server_error,
             R"({"type":"error","error":{"type":"api_error","message":"Internal server error"}})"},
            {"5 key", 401, K::unauthorized,
             R"({"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}})"},
            {"5 deployment", 404, K::model_not_found,
             R"({"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}})"},
            {"5 rate", 429, K::rate_limited,
             R"({"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded token rate limit. Please retry after 37 seconds."}})"},
            {"5 rate, by name", 429, K::rate_limited,
             R"({"error":{"code":"RateLimitReached","message":"Rate limit of 1 per 60s exceeded."}})"},
            {"5 filter", 400, K::content_filtered,
             R"({"error":{"message":"The response was filtered due to the prompt triggering a policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}})"},
            {"5 Z.ai arrears", 429, K::quota_exhausted,
             R"({"error":{"code":"1113","message":"Insufficient balance or no resource package."}})"},
            {"5 Z.ai rate", 429, K::rate_limited, R"({"error":{"code":"1302","message":"Rate limit reached for requests"}})"},
            {"5 Z.ai model", 400, K::model_not_found,
             R"({"error":{"code":"1211","message":"Unknown Model, please check the model code."}})"},
            {"6 key", 400, K::unauthorized,
             R"({"code":"invalid-argument","error":"Incorrect API key provided: xa***lt. You can obtain an API key from https://console.x.ai."})"},
            {"6 key, by its older code", 400, K::unauthorized,
             R"({"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***lt."})"},
            {"6 model", 400, K::model_not_found, R"({"code":"invalid-argument","error":"Model not found: grok-0"})"},
            {"6 context", 400, K::context_too_long,
             R"({"code":"invalid-argument","error":"This model's maximum prompt length is 131072 but the request contains 140000 tokens."})"},
            {"6 rate that reads like context", 429, K::rate_limited,
             R"({"code":"x","error":"Too many tokens for team t and model grok-4."})", K::malformed_reply},
            {"6 busy", 503, K::overloaded,
             R"({"code":"The service is currently unavailable","error":"The model is at capacity."})"},
            {"7 model", 404, K::model_not_found, R"({"error":"model \"x\" not found, try pulling it first"})",
             K::malformed_reply},
            {"7 busy", 503, K::overloaded, R"({"error":"server busy, please try again. maximum pending requests exceeded"})",
             K::malformed_reply},
            {"7 context", 400, K::context_too_long,
             R"({"error":"The number of tokens to keep from the initial prompt is greater than the context length"})"},
            {"8 rate", 429, K::rate_limited, R"({"error":"Too Many Requests","message":"You have exceeded your rate limit."})",
             K::malformed_reply},
            {"9 model", 400, K::model_not_found,
             R"({"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500","raw_status_code":400})"},
            {"9 context", 400, K::context_too_long,
             R"({"object":"error","message":"Prompt contains 40000 tokens, too large for model with 32768 maximum context length","type":"invalid_request_prompt","param":null,"code":"3051"})"},
            {"9 old vLLM", 400, K::context_too_long,
             R"({"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.","type":"BadRequestError","param":null,"code":400})"},
            {"9 message is an object", 422, K::request_invalid,
             R"({"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted"}]},"type":"invalid_request_error","param":null,"code":null,"raw_status_code":422})"},
            {"9 message is an array", 422, K::request_invalid,
             R"({"object":"error","message":[{"msg":"Extra inputs are not permitted"}],"type":"invalid_request_error","param":null,"code":3001})"},
            {"9 message is JSON in a string", 422, K::request_invalid,
             R"({"object":"error","message":"{\"detail\":[{\"msg\":\"Extra inputs are not permitted\"}]}","type":"invalid_request_error","param":null,"code":null})"},
            {"9 rate", 429, K::rate_limited,
             R"({"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300","raw_status_code":429})"},
            {"10 key", 401, K::unauthorized, R"({"detail":"Invalid API Key"})", K::malformed_reply},
            {"10 FastAPI", 422, K::request_invalid,
             R"({"detail":[{"loc":["body","messages"],"msg":"field required","type":"value_error.missing"}]})",
             K::malformed_reply},
            {"11 context", 400, K::context_too_long,
             R"({"id":"e1","message":"too many tokens: size limit exceeded by 12 tokens. Try using shorter or fewer inputs.","error_type":"TOO_MANY_TOKENS"})"},
            {"11 key", 401, K::unauthorized, R"({"id":"e2","message":"invalid api token"})", K::malformed_reply},
            {"12 rate that reads like context", 429, K::rate_limited,
             R"({"message":"Tokens per minute limit exceeded - too many tokens processed.","type":"too_many_tokens_error","param":"quota","code":"token_quota_exceeded"})"},
            {"12 context", 400, K::context_too_long,
             R"({"message":"Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"})"},
            {"13 body", 400, K::request_invalid,
             R"({"code":400,"message":"Failed to parse the request body.","type":"Bad Request"})"},
        };

// Where a reply is expected, an error without a member of that name is known in the words of OpenAI's imitators alone;
// elsewhere it is no reply.
bool is_known(const Dialect& d, const Shape& s) { return &d == &dialect::openai || s.body.find(R"("error":)") != s.body.npos; }

// What an error says in a 200: its own kind, unless nothing but the status had said it.
K in_200(const Shape& s) { return s.in_200 == Shape::kind_as_it_is ? s.kind : s.in_200; }

}  // namespace

TEST_CASE("each shape of an error has one meaning at its own status, whoever reads it") {
  for (const Dialect* d : dialects)
    for (const Shape& s : shapes) {
      CAPTURE(d->name, s.title);
      CHECK(to_string(judge(*d, s.status, s.body).kind) == to_string(s.kind));
      CHECK(to_string(judge(*d, s.status, "[" + std::string(s.body) + "\n]").kind) == to_string(s.kind));
      CHECK(to_string(judge(*d, s.status, "\n\n " + std::string(s.body), Delivery::stream).kind) == to_string(s.kind));
    }
}

TEST_CASE("each shape of an error means the same inside of a 200") {
  for (const Dialect* d : dialects)
    for (const Shape& s : shapes) {
      CAPTURE(d->name, s.title);
      const Judged got = judge(*d, 200, s.body), wrapped = judge(*d, 200, "[" + std::string(s.body) + "]");
      CHECK_FALSE(got.ok);
      CHECK_FALSE(wrapped.ok);
      if (is_known(*d, s)) CHECK(to_string(got.kind) == to_string(in_200(s)));
      if (is_known(*d, s) && d != &dialect::anthropic) CHECK(to_string(wrapped.kind) == to_string(in_200(s)));
    }
}

TEST_CASE("each shape of an error means the same in a stream, as data, as an event of its own and bare") {
  constexpr std::string_view begun[]{R"(data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]})",
                                     "event: message_start\n"
                                     R"(data: {"type":"message_start","message":{"content":[]}})",
                                     R"(data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]})"};
  for (std::size_t i = 0; i < 3; ++i)
    for (const Shape& s : shapes) {
      CAPTURE(dialects[i]->name, s.title);
      const std::string body(s.body), front = std::string(begun[i]) + "\n\n";
      const bool known = is_known(*dialects[i], s), lists = dialects[i] == &dialect::openai;
      for (const std::string& stream :
           {"data: " + body + "\n\n", "event: error\ndata: " + body + "\n\n", front + "data: " + body + "\n\ndata: [DONE]\n\n",
            front + "event: error\ndata: " + body + "\n\n", front + body + "\n", front + "data: [" + body + "]\n\n"}) {
        CAPTURE(stream);
        const Judged got = judge(*dialects[i], 200, stream, Delivery::stream);
        CHECK_FALSE(got.ok);
        if (known && (lists || stream.find("data: [{") == stream.npos)) CHECK(to_string(got.kind) == to_string(in_200(s)));
      }
    }
}

TEST_CASE("each shape of an error means the same as JSON in a string of another one") {
  for (const Dialect* d : dialects)
    for (const Shape& s : shapes) {
      CAPTURE(d->name, s.title);
      const std::string inner = quoted(s.body), status = std::to_string(s.status);
      CHECK(to_string(judge(*d, s.status, R"({"object":"error","message":)" + inner + R"(,"type":null,"code":null})").kind) ==
            to_string(s.kind));
      if (s.body.find(R"("raw":)") != s.body.npos) continue;  // that would be a string in a string
      CHECK(to_string(judge(*d, s.status,
                            R"({"error":{"message":"Provider returned error","code":)" + status + R"(,"metadata":{"raw":)" +
                                inner + R"(,"provider_name":"P"}}})")
                          .kind) == to_string(s.kind));
    }
}

TEST_CASE("what is no JSON is judged by its status, and in a 200 it is no reply") {
  for (const Dialect* d : dialects)
    for (const std::string_view body :
         {"<html><body>502 Bad Gateway</body></html>", "Not Found", "upstream connect error", "", "null", "\"\"", "{", "[]"}) {
      CAPTURE(d->name, body);
      CHECK(judge(*d, 502, body).kind == K::server_error);
      CHECK(judge(*d, 401, body).kind == K::unauthorized);
      CHECK(judge(*d, 402, body).kind == K::quota_exhausted);
      CHECK(judge(*d, 404, body).kind == K::misconfigured);
      CHECK(judge(*d, 413, body).kind == K::context_too_long);
      CHECK(judge(*d, 429, body).kind == K::rate_limited);
      CHECK(judge(*d, 529, body).kind == K::overloaded);
      CHECK(judge(*d, 200, body).kind == K::malformed_reply);
      const Judged event = judge(*d, 200, "data: " + std::string(body) + "\n\n", Delivery::stream);
      CHECK_FALSE(event.ok);
      CHECK(event.kind == K::malformed_reply);
    }
}

TEST_CASE("an error's hint when to come back is found wherever the error stands") {
  constexpr std::string_view google =
      R"({"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"26s"}]}})";
  constexpr std::string_view groq =
      R"({"error":{"message":"Rate limit reached. Please try again in 1m2.5s.","type":"tokens","code":"rate_limit_exceeded"}})";
  struct Row {
    std::string_view body;
    Duration hint;
  };
  for (const Row& row : {Row{google, 26s}, Row{groq, 62'500ms}})
    for (const Dialect* d : dialects) {
      const std::string body(row.body);
      CAPTURE(d->name, body);
      CHECK(judge(*d, 429, body).retry_after == row.hint);
      CHECK(judge(*d, 429, "[" + body + "]").retry_after == row.hint);
      CHECK(judge(*d, 200, body).retry_after == row.hint);
      CHECK(judge(*d, 200, "data: " + body + "\n\n", Delivery::stream).retry_after == row.hint);
      CHECK(judge(*d, 429, R"({"message":)" + quoted(body) + "}").retry_after == row.hint);
    }
}
