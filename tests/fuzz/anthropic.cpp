// SPDX-License-Identifier: MIT
// Answers of Anthropic's Messages API.
#include <string_view>

#include "answers.hpp"
#include "llmroute/dialect/anthropic.hpp"
#include "target.hpp"

namespace tests::fuzz {

namespace {

void run(std::string_view bytes) { Answers(llmroute::dialect::anthropic, bytes).run(); }

constexpr std::string_view seeds[]{
    R"({"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"hm",)"
    R"("signature":"s"},{"type":"text","text":"Hi \u00e9."},{"type":"tool_use","id":"t1","name":"f","input":{"x":[1]}},)"
    R"({"type":"tool_use","id":"t2","name":"g","input":{}}],"stop_reason":"tool_use","stop_sequence":null,)"
    R"("usage":{"input_tokens":7,"cache_creation_input_tokens":2,"cache_read_input_tokens":3,"output_tokens":5,)"
    R"("output_tokens_details":{"thinking_tokens":1},"cost":0.001}})",
    "event: message_start\n"
    "data: {\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n"
    "event: content_block_start\n"
    "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
    "event: ping\ndata: {\"type\": \"ping\"}\n\n"
    "event: content_block_delta\n"
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello \xC3\xA9\"}}\n\n"
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
    "event: message_delta\n"
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}}\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    "event: message_start\r\ndata: {\"message\":{\"usage\":{\"input_tokens\":7}}}\r\n\r\n"
    "event: content_block_start\r\n"
    "data: {\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}\r\n\r\n"
    "event: content_block_delta\r\n"
    "data: {\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"x\\\":\"}}\r\n\r\n"
    "event: content_block_delta\r\n"
    "data: {\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"1}\"}}\r\n\r\n"
    "event: content_block_stop\r\ndata: {\"index\":1}\r\n\r\n"
    "event: content_block_start\r\n"
    "data: {\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"u\",\"name\":\"g\",\"input\":{\"y\":2}}}\r\n\r\n"
    "event: content_block_start\r\n"
    "data: {\"index\":3,\"content_block\":{\"type\":\"tool_use\",\"id\":\"v\",\"name\":\"h\",\"input\":{\"z\":3}}}\r\n\r\n"
    "event: content_block_delta\r\n"
    "data: {\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\r\n\r\n"
    "event: message_delta\r\ndata: {\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":9}}\r\n\r\n"
    "event: message_stop\r\ndata: {}\r\n\r\n",
    "event: content_block_start\ndata: {\"content_block\":{\"type\":\"thinking\",\"thinking\":\"h\"}}\n\n"
    "event: content_block_delta\ndata: {\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"m\"}}\n\n"
    "event: content_block_delta\ndata: {\"delta\":{\"type\":\"signature_delta\",\"signature\":\"s\"}}\n\n"
    "event: content_block_start\ndata: {\"index\":1,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"x\"}}\n\n"
    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
    R"({"type":"error","error":{"type":"rate_limit_error","message":"try again in 20 seconds"},"request_id":"req_1"})",
    R"({"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}})",
    R"({"type":"message","content":[],"stop_reason":"refusal","stop_details":{"explanation":"no"},"usage":{"output_tokens":0}})",
    R"({"type":"message","content":[{"type":"tool_use","id":"a","name":"f","input":{"a":1}}],"stop_reason":"end_turn"})",
    "not JSON",
};

}  // namespace

const Target anthropic_target{"anthropic", run, seeds};

}  // namespace tests::fuzz
