// SPDX-License-Identifier: MIT
// Answers in OpenAI's words.
#include <string_view>

#include "answers.hpp"
#include "llmroute/dialect/openai.hpp"
#include "target.hpp"

namespace tests::fuzz {

namespace {

void run(std::string_view bytes) { Answers(llmroute::dialect::openai, bytes).run(); }

constexpr std::string_view seeds[]{
    R"({"id":"c-1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi.",)"
    R"("reasoning":"hm","refusal":null},"finish_reason":"stop"},{"index":1,"message":{"content":"no"}}],)"
    R"("usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":4},)"
    R"("completion_tokens_details":{"reasoning_tokens":2},"cost":0.00012}})",
    R"({"choices":[{"message":{"content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f",)"
    R"("arguments":"{\"x\":1}"}},{"id":"b","function":{"name":"g","arguments":{"y":2}}}]},"finish_reason":"tool_calls"}]})",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\\u0021 \xC3\xA9\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}\n\n"
    "data: [DONE]\n\n",
    ": PROCESSING\r\n\r\n"
    "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"think\",\"reasoning\":\"think\"}}]}\r\n\r\n"
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\r\n\r\n"
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\":\"}}]}}]}\r\n\r\n"
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}},"
    "{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":{}}}]}}]}\r\n\r\n"
    "data: {\"choices\":[{\"delta\":{\"content\":null},\"finish_reason\":\"tool_calls\"}],\"x_groq\":{\"usage\":"
    "{\"prompt_tokens\":1,\"completion_tokens\":1}}}\r\n\r\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n"
    "data: {\"error\":{\"message\":\"Overloaded, try again in 2s\",\"code\":503}}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"length\"}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"content\":\"y\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}]}}]}\n",
    R"({"error":{"message":"Rate limit reached. Please try again in 1m2.5s.","type":"requests","code":"rate_limit_exceeded"}})",
    R"({"error":{"message":"{\"error\":{\"message\":\"inner\",\"code\":\"insufficient_quota\"}}","metadata":{"raw":"x"}}})",
    R"([{"error":{"code":400,"message":"maximum context length is 8192 tokens","status":"INVALID_ARGUMENT"}}])",
    R"({"object":"error","message":"The model `x` does not exist","type":"NotFoundError","code":404})",
    R"({"detail":[{"loc":["body"],"msg":"field required"}]})",
    R"({"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"text":"hm"}]},{"type":"text","text":"yes"}]}}]})",
    "data: {\"choices\":[{\"delta\":{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"a\",\"index\":0}]}}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"b\",\"signature\":\"s\",\"index\":0}]}}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"extra_content\":{\"google\":{\"thought_signature\":\"t\"}}},\"finish_reason\":\"stop\"}]}\n\n"
    "data: [DONE]\n\n",
    R"({"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]} {})",
    "<html><body>502 Bad Gateway</body></html>",
    "data: [DONE]\n\n",
    "\xEF\xBB\xBF \n",
};

}  // namespace

const Target openai_target{"openai", run, seeds};

}  // namespace tests::fuzz
