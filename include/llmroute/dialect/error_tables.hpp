// SPDX-License-Identifier: MIT
// What statuses, codes and phrases in error answers mean, as tables: a provider that says something new is a new row.
#ifndef LLMROUTE_DIALECT_ERROR_TABLES_HPP
#define LLMROUTE_DIALECT_ERROR_TABLES_HPP

#include <cstdint>
#include <string_view>

#include "llmroute/failure.hpp"

namespace llmroute::dialect::detail {

// clang-format off: a row a line
struct StatusRow {
  int status;
  Kind kind;
};
// What the hundreds do not say already.
inline constexpr StatusRow statuses[]{
    {401, Kind::unauthorized},
    {402, Kind::quota_exhausted},
    {403, Kind::model_not_found},
    {404, Kind::misconfigured},
    {405, Kind::misconfigured},
    {408, Kind::server_error},
    {409, Kind::server_error},
    {413, Kind::context_too_long},
    {424, Kind::overloaded},
    {429, Kind::rate_limited},
    {498, Kind::overloaded},
    {499, Kind::timed_out},
    {501, Kind::request_invalid},
    {503, Kind::overloaded},
    {524, Kind::timed_out},
    {529, Kind::overloaded},
};

struct CodeRow {
  std::string_view code;
  Kind kind;
};
// Codes and types that mean one thing, whatever the status says.
inline constexpr CodeRow codes[]{
    {"invalid_api_key", Kind::unauthorized},
    {"authentication_error", Kind::unauthorized},
    {"invalid_authentication_error", Kind::unauthorized},
    {"account_deactivated", Kind::unauthorized},
    {"UNAUTHENTICATED", Kind::unauthorized},
    {"API_KEY_INVALID", Kind::unauthorized},
    {"PERMISSION_DENIED", Kind::unauthorized},  // Google: a model that one may not use is a 404 there
    {"forbidden", Kind::unauthorized},  // Doubleword, of a bad key
    {"insufficient_quota", Kind::quota_exhausted},
    {"insufficient_balance", Kind::quota_exhausted},
    {"exceeded_current_quota_error", Kind::quota_exhausted},  // Moonshot
    {"billing_hard_limit_reached", Kind::quota_exhausted},
    {"billing_not_active", Kind::quota_exhausted},
    {"billing_error", Kind::quota_exhausted},  // Anthropic
    {"1113", Kind::quota_exhausted},           // Z.ai
    {"rate_limit_exceeded", Kind::rate_limited},
    {"rate_limit_error", Kind::rate_limited},
    {"rate_limit_reached_error", Kind::rate_limited},
    {"RateLimitReached", Kind::rate_limited},
    {"too_many_requests", Kind::rate_limited},
    {"rate_limited", Kind::rate_limited},            // Mistral
    {"token_quota_exceeded", Kind::rate_limited},    // Cerebras, by the minute; and the next one
    {"request_quota_exceeded", Kind::rate_limited},
    {"RESOURCE_EXHAUSTED", Kind::rate_limited},
    {"1302", Kind::rate_limited},  // Z.ai
    {"overloaded_error", Kind::overloaded},
    {"engine_overloaded_error", Kind::overloaded},
    {"model_overloaded", Kind::overloaded},
    {"service_unavailable", Kind::overloaded},
    {"UNAVAILABLE", Kind::overloaded},
    {"model_not_found", Kind::model_not_found},
    {"invalid_model", Kind::model_not_found},
    {"model_decommissioned", Kind::model_not_found},
    {"DeploymentNotFound", Kind::model_not_found},
    {"1211", Kind::model_not_found},  // Z.ai
    {"unknown_url", Kind::misconfigured},
    {"context_length_exceeded", Kind::context_too_long},
    {"exceed_context_size_error", Kind::context_too_long},
    {"too_many_prompt_tokens", Kind::context_too_long},
    {"TOO_MANY_TOKENS", Kind::context_too_long},
    {"content_filter", Kind::content_filtered},
    {"content_policy_violation", Kind::content_filtered},
    {"ResponsibleAIPolicyViolation", Kind::content_filtered},
    {"data_inspection_failed", Kind::content_filtered},  // Alibaba
    {"tool_use_failed", Kind::malformed_reply},          // Groq: what the model wrote is no tool call
    {"not_supported_error", Kind::server_error},         // llama.cpp: as it was started; another server may well
    {"CANCELLED", Kind::server_error},                   // Google, of its own accord
};
// Codes that say no more than a status would: they count only where there is none, in an error inside a 200.
inline constexpr CodeRow vague_codes[]{
    {"invalid_request_error", Kind::request_invalid},
    {"INVALID_ARGUMENT", Kind::request_invalid},
    {"invalid-argument", Kind::request_invalid},  // xAI, this one and the next two
    {"Client specified an invalid argument", Kind::request_invalid},
    {"The service is currently unavailable", Kind::overloaded},
    {"permission_error", Kind::model_not_found},
    {"not_found_error", Kind::model_not_found},
    {"NOT_FOUND", Kind::model_not_found},
    {"server_error", Kind::server_error},
    {"internal_server_error", Kind::server_error},
    {"api_error", Kind::server_error},
    {"INTERNAL", Kind::server_error},
    {"timeout", Kind::timed_out},
    {"timeout_error", Kind::timed_out},
    {"DEADLINE_EXCEEDED", Kind::timed_out},
};

enum class Where : std::uint8_t { begins, ends, whole, anywhere };
struct PhraseRow {
  Kind when;  // what the status says
  Where where;
  std::string_view phrase;
  Kind kind;
};
// A message may quote the request, so words that would take a provider out or let it rest must begin or end the message;
// anywhere is for kinds that blame nobody.
inline constexpr PhraseRow phrases[]{
    {Kind::request_invalid, Where::anywhere, "maximum context length", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "exceeds the context window", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "prompt is too long", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "prompt too long", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "exceed context limit", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "input token count", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "too large for model with", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "too many tokens: size limit exceeded", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "please reduce the length of the", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "maximum prompt length is", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "total length of all messages is too long", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "exceeds the available context size", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "context length is only", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "greater than the context length", Kind::context_too_long},
    {Kind::request_invalid, Where::begins, "trying to keep the first", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "`inputs` tokens + `max_new_tokens` must be", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "more than max tokens allowed", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "range of input length should be", Kind::context_too_long},
    {Kind::request_invalid, Where::anywhere, "violating our usage policy", Kind::content_filtered},
    {Kind::request_invalid, Where::begins, "incorrect api key provided", Kind::unauthorized},
    {Kind::request_invalid, Where::begins, "api key not valid", Kind::unauthorized},
    {Kind::request_invalid, Where::begins, "user location is not supported", Kind::unauthorized},  // Google
    {Kind::model_not_found, Where::begins, "method doesn't allow unregistered callers", Kind::unauthorized},
    {Kind::request_invalid, Where::begins, "your credit balance is too low", Kind::quota_exhausted},
    {Kind::request_invalid, Where::begins, "model not found", Kind::model_not_found},
    {Kind::request_invalid, Where::begins, "the supported api model names are", Kind::model_not_found},
    {Kind::request_invalid, Where::ends, "is not a valid model id", Kind::model_not_found},
    {Kind::rate_limited, Where::begins, "service tier capacity exceeded", Kind::overloaded},
    // Larger than the limit by itself: Groq says so with a 413, OpenAI with a 429.
    {Kind::rate_limited, Where::begins, "request too large", Kind::context_too_long},
    // xAI, which has no status for it.
    {Kind::rate_limited, Where::ends, "purchase more credits or raise your spending limit.", Kind::quota_exhausted},
    {Kind::model_not_found, Where::ends, "purchase more credits or raise your spending limit.", Kind::quota_exhausted},
    {Kind::model_not_found, Where::begins, "your newly created team", Kind::quota_exhausted},
    {Kind::model_not_found, Where::begins, "you have run out of credits", Kind::quota_exhausted},
    {Kind::server_error, Where::begins, "that model is currently overloaded", Kind::overloaded},
    // A 404 in JSON that a web server or a gateway wrote, not the API behind it.
    {Kind::model_not_found, Where::whole, "not found", Kind::misconfigured},
    {Kind::model_not_found, Where::whole, "404 page not found", Kind::misconfigured},
    {Kind::model_not_found, Where::whole, "resource not found", Kind::misconfigured},
    {Kind::model_not_found, Where::begins, "no route matched", Kind::misconfigured},
    {Kind::model_not_found, Where::begins, "invalid url", Kind::misconfigured},
};
// clang-format on

}  // namespace llmroute::dialect::detail

#endif
