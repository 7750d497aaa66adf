// SPDX-License-Identifier: MIT
// Answers of Gemini's generateContent.
#include <string_view>

#include "answers.hpp"
#include "llmroute/dialect/gemini.hpp"
#include "target.hpp"

namespace tests::fuzz {

namespace {

void run(std::string_view bytes) { Answers(llmroute::dialect::gemini, bytes).run(); }

constexpr std::string_view seeds[]{
    R"({"candidates":[{"content":{"parts":[{"text":"hm","thought":true,"thoughtSignature":"t"},{"text":"Hi \u00e9."},)"
    R"({"functionCall":{"name":"f","args":{"x":1}},"thoughtSignature":"s"},{"functionCall":{"id":"i","name":"g"}}],"role":"model"},)"
    R"("finishReason":"STOP","index":0},{"content":{"parts":[{"text":"no"}]},"index":1}],)"
    R"("usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":3,"thoughtsTokenCount":2,"cachedContentTokenCount":4,)"
    R"("toolUsePromptTokenCount":1,"totalTokenCount":15},"modelVersion":"m","responseId":"r"})",
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Hello \xC3\xA9\"}],\"role\": \"model\"}}],"
    "\"usageMetadata\": {\"promptTokenCount\": 4,\"totalTokenCount\": 4},\"modelVersion\": \"m\"}\r\n\r\n"
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"functionCall\": {\"name\": \"f\",\"args\": {}}}]},"
    "\"finishReason\": \"STOP\"}],\"usageMetadata\": {\"promptTokenCount\": 4,\"candidatesTokenCount\": 2}}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"MAX_TOKENS\"}]}\n\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"b\"}]}}]}\n\n"
    "data: {\"candidates\":[{\"finishReason\":2}]}\n\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"half\"}]}}]}\n\n"
    "{\"error\":{\n\"code\":503,\n\"message\":\"The model is overloaded.\",\n\"status\":\"UNAVAILABLE\"\n}\n}\n\n",
    "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"one \"}]}}]}\n,\r\n"
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"two\"}]},\"finishReason\":\"STOP\"}]}\n]",
    R"({"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"no"},"usageMetadata":{"promptTokenCount":4}})",
    R"({"error":{"code":429,"message":"Quota exceeded. Please retry in 26.7s.","status":"RESOURCE_EXHAUSTED","details":[)"
    R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"RequestsPerDayPerProject"}]},)"
    R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"26.7s"}]}})",
    R"([{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}])",
    R"({"error":{"code":504,"message":"Deadline expired","status":"DEADLINE_EXCEEDED"}})",
    R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","willContinue":true}}]}}]})",
    R"({"candidates":[{"finishReason":"PROHIBITED_CONTENT"}]})",
    "not JSON",
};

}  // namespace

const Target gemini_target{"gemini", run, seeds};

}  // namespace tests::fuzz
