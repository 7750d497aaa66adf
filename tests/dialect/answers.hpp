// SPDX-License-Identifier: MIT
// One answer in the words of each vendor: text, thoughts, and two calls at once, of which one takes no arguments. Whole, and
// as the stream that the vendor would send. What is private to a vendor holds the word "private".
#ifndef LLMROUTE_TESTS_DIALECT_ANSWERS_HPP
#define LLMROUTE_TESTS_DIALECT_ANSWERS_HPP

#include <string>
#include <string_view>

namespace tests {

/// Whole, and in events.
struct Answer {
  std::string_view whole;
  std::string_view stream;
};

inline constexpr Answer openai_answer{
    R"({"id":"chatcmpl-B1","object":"chat.completion","created":1741570283,"model":"gpt-4o-mini-2024-07-18","choices":[{
"index":0,"message":{"role":"assistant","content":"I look both up.","tool_calls":[
{"id":"call_pT5xY0Zb2gqk3o1V9cJmWn4d","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Paris\"}"}},
{"id":"call_8sKq2LmN7vWx0RtYb5HcZf1e","type":"function","function":{"name":"now","arguments":"{}"}}],
"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"tool_calls"}],
"usage":{"prompt_tokens":90,"completion_tokens":40,"total_tokens":130},"service_tier":"default"})",
    R"(data: {"id":"chatcmpl-B1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"obfuscation":"x9"}

data: {"id":"chatcmpl-B1","choices":[{"index":0,"delta":{"content":"I look "},"finish_reason":null}]}

data: {"id":"chatcmpl-B1","choices":[{"index":0,"delta":{"content":"both up."},"finish_reason":null}]}

data: {"id":"chatcmpl-B1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_pT5xY0Zb2gqk3o1V9cJmWn4d","type":"function","function":{"name":"weather","arguments":""}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-B1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"ci"}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-B1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"ty\":\"Paris\"}"}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-B1","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_8sKq2LmN7vWx0RtYb5HcZf1e","type":"function","function":{"name":"now","arguments":""}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-B1","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-B1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: {"id":"chatcmpl-B1","choices":[],"usage":{"prompt_tokens":90,"completion_tokens":40,"total_tokens":130}}

data: [DONE]

)"};

inline constexpr Answer mistral_answer{
    R"({"id":"c0","object":"chat.completion","created":1,"model":"magistral-small","choices":[{"index":0,
"message":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"mistral private thought"}]},
{"type":"text","text":"I look both up."}],"tool_calls":[
{"id":"D681PevKs","function":{"name":"weather","arguments":"{\"city\": \"Paris\"}"}},
{"id":"hM4pVbz0q","function":{"name":"now","arguments":""}}]},"finish_reason":"tool_calls"}],
"usage":{"prompt_tokens":90,"completion_tokens":40,"total_tokens":130}})",
    R"(data: {"id":"c0","object":"chat.completion.chunk","model":"magistral-small","choices":[{"index":0,"delta":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"mistral private "}]}]},"finish_reason":null}],"p":"abc"}

data: {"id":"c0","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"thought"}]}]},"finish_reason":null}]}

data: {"id":"c0","choices":[{"index":0,"delta":{"content":"I look both up."},"finish_reason":null}]}

data: {"id":"c0","choices":[{"index":0,"delta":{"content":"","tool_calls":[{"id":"D681PevKs","function":{"name":"weather","arguments":"{\"city\": \"Paris\"}"},"index":0},{"id":"hM4pVbz0q","function":{"name":"now","arguments":""},"index":1}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":90,"completion_tokens":40,"total_tokens":130}}

data: [DONE]

)"};

inline constexpr Answer openrouter_answer{
    R"({"id":"gen-1","provider":"Google","model":"anthropic/claude-sonnet-4","object":"chat.completion","created":1,"choices":[{
"logprobs":null,"finish_reason":"tool_calls","native_finish_reason":"tool_use","index":0,"message":{"role":"assistant",
"content":"I look both up.","refusal":null,"reasoning":"openrouter private thought","reasoning_details":[
{"type":"reasoning.text","text":"openrouter private thought","signature":"openrouter/private+sig==","format":"anthropic-claude-v1","index":0},
{"type":"reasoning.encrypted","data":"openrouter/private+data==","format":"anthropic-claude-v1","index":1}],"tool_calls":[
{"id":"toolu_vrtx_01JvYb3kQ8mDq2WcXo5PnR7tLs9AaZzEeUu123","index":0,"type":"function","function":{"name":"weather","arguments":"{\"city\":\"Paris\"}"}},
{"id":"toolu_vrtx_01JvYb3kQ8mDq2WcXo5PnR7tLs9AaZzEeUu124","index":1,"type":"function","function":{"name":"now","arguments":""}}]}}],
"usage":{"prompt_tokens":90,"completion_tokens":40,"total_tokens":130,"cost":0.00087}})",
    R"(: OPENROUTER PROCESSING

data: {"id":"gen-1","provider":"Google","model":"anthropic/claude-sonnet-4","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"openrouter private ","reasoning_details":[{"type":"reasoning.text","text":"openrouter private ","format":"anthropic-claude-v1","index":0}]},"finish_reason":null,"native_finish_reason":null}]}

: OPENROUTER PROCESSING

data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"thought","reasoning_details":[{"type":"reasoning.text","text":"thought","format":"anthropic-claude-v1","index":0}]},"finish_reason":null}]}

data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":null,"reasoning_details":[{"type":"reasoning.text","signature":"openrouter/private+sig==","format":"anthropic-claude-v1","index":0}]},"finish_reason":null}]}

data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_details":[{"type":"reasoning.encrypted","data":"openrouter/private+data==","format":"anthropic-claude-v1","index":1}]},"finish_reason":null}]}

data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":"I look both up."},"finish_reason":null}]}

data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"toolu_vrtx_01JvYb3kQ8mDq2WcXo5PnR7tLs9AaZzEeUu123","type":"function","function":{"name":"weather","arguments":""}}]},"finish_reason":null}]}

data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"type":"function","function":{"arguments":"{\"city\":\"Paris\"}"}}]},"finish_reason":null}]}

data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":1,"id":"toolu_vrtx_01JvYb3kQ8mDq2WcXo5PnR7tLs9AaZzEeUu124","type":"function","function":{"name":"now","arguments":""}}]},"finish_reason":null}]}

data: {"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"tool_calls","native_finish_reason":"tool_use"}],"usage":{"prompt_tokens":90,"completion_tokens":40,"total_tokens":130,"cost":0.00087}}

data: [DONE]

)"};

// Its ids hold what others do not allow in one.
inline constexpr Answer moonshot_answer{
    R"({"id":"m-1","object":"chat.completion","created":1,"model":"kimi-k2","choices":[{"index":0,"message":{"role":"assistant",
"content":"I look both up.","reasoning_content":"moonshot private thought","tool_calls":[
{"index":0,"id":"functions.weather:0","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Paris\"}"}},
{"index":1,"id":"functions.now:1","type":"function","function":{"name":"now","arguments":"null"}}]},"finish_reason":"tool_calls"}],
"usage":{"prompt_tokens":90,"completion_tokens":40,"total_tokens":130,"cached_tokens":0}})",
    R"(data: {"id":"m-1","object":"chat.completion.chunk","model":"kimi-k2","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

data: {"id":"m-1","choices":[{"index":0,"delta":{"reasoning_content":"moonshot private thought"},"finish_reason":null}]}

data: {"id":"m-1","choices":[{"index":0,"delta":{"content":"I look both up."},"finish_reason":null}]}

data: {"id":"m-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"functions.weather:0","type":"function","function":{"name":"weather","arguments":"{\"city\":"}}]},"finish_reason":null}]}

data: {"id":"m-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"functions.now:1","type":"function","function":{"name":"now","arguments":null}}]},"finish_reason":null}]}

data: {"id":"m-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"Paris\"}"}}]},"finish_reason":null}]}

data: {"id":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":90,"completion_tokens":40,"total_tokens":130}}

data: [DONE]

)"};

inline constexpr Answer gemini_compat_answer{
    R"({"choices":[{"finish_reason":"stop","index":0,"message":{"content":"I look both up.",
"extra_content":{"google":{"thought_signature":"gemini/private+text=="}},"role":"assistant","tool_calls":[
{"extra_content":{"google":{"thought_signature":"gemini/private+call=="}},"function":{"arguments":"{\"city\":\"Paris\"}","name":"weather"},"id":"","type":"function"},
{"function":{"arguments":"{}","name":"now"},"id":"","type":"function"}]}}],"created":1,"id":"","model":"gemini-3-pro-preview",
"object":"chat.completion","usage":{"completion_tokens":40,"prompt_tokens":90,"total_tokens":130}})",
    R"(data: {"choices":[{"delta":{"content":"I look both up.","extra_content":{"google":{"thought_signature":"gemini/private+text=="}},"role":"assistant"},"index":0}],"created":1,"model":"gemini-3-pro-preview","object":"chat.completion.chunk","usage":{"completion_tokens":9,"prompt_tokens":90,"total_tokens":99}}

data: {"choices":[{"delta":{"role":"assistant","tool_calls":[{"extra_content":{"google":{"thought_signature":"gemini/private+call=="}},"function":{"arguments":"{\"city\":\"Paris\"}","name":"weather"},"id":"","type":"function"},{"function":{"arguments":"{}","name":"now"},"id":"","type":"function"}]},"finish_reason":"stop","index":0}],"created":1,"model":"gemini-3-pro-preview","object":"chat.completion.chunk","usage":{"completion_tokens":40,"prompt_tokens":90,"total_tokens":130}}

data: [DONE]

)"};

inline constexpr Answer anthropic_answer{
    R"({"id":"msg_01","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[
{"type":"thinking","thinking":"anthropic private \"thought\"","signature":"anthropic/private+sig=="},
{"type":"redacted_thinking","data":"anthropic/private+data=="},
{"type":"text","text":"I look both up."},
{"type":"tool_use","id":"toolu_01T1x1fJ34qAmk2tNTrN7Up6","name":"weather","input":{"city":"Paris"}},
{"type":"tool_use","id":"toolu_01Nb3Rr9QwErTyUiOpAsDfGh","name":"now","input":{}}],
"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":90,"output_tokens":40}})",
    R"(event: message_start
data: {"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":90,"output_tokens":1}}   }

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}  }

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"anthropic private "}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\"thought\""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"anthropic/private+sig=="}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"anthropic/private+data=="}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"I look both up."}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_01T1x1fJ34qAmk2tNTrN7Up6","name":"weather","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"city\": \"Pa"}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"ris\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":3}

event: content_block_start
data: {"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"toolu_01Nb3Rr9QwErTyUiOpAsDfGh","name":"now","input":{}}}

event: content_block_stop
data: {"type":"content_block_stop","index":4}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":90,"output_tokens":40}}

event: message_stop
data: {"type":"message_stop"}

)"};

inline constexpr Answer gemini_answer{
    R"({"candidates":[{"content":{"parts":[{"text":"gemini private thought","thought":true},
{"text":"I look both up.","thoughtSignature":"gemini/private+text=="},
{"functionCall":{"name":"weather","args":{"city":"Paris"}},"thoughtSignature":"gemini/private+call=="},
{"functionCall":{"name":"now"}}],"role":"model"},"finishReason":"STOP","index":0}],
"usageMetadata":{"promptTokenCount":90,"candidatesTokenCount":20,"thoughtsTokenCount":20,"totalTokenCount":130},
"modelVersion":"gemini-3-pro-preview","responseId":"r1"})",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"gemini private thought\",\"thought\":true}],\"role\":\"model\"},"
    "\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":90,\"thoughtsTokenCount\":20,\"totalTokenCount\":110}}\r\n\r\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"I look \"}],\"role\":\"model\"},\"index\":0}]}\r\n\r\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"both up.\"}],\"role\":\"model\"},\"index\":0}]}\r\n\r\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\",\"thoughtSignature\":\"gemini/private+text==\"}],"
    "\"role\":\"model\"},\"index\":0}]}\r\n\r\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"weather\",\"args\":{\"city\":\"Paris\"}},"
    "\"thoughtSignature\":\"gemini/private+call==\"},{\"functionCall\":{\"name\":\"now\"}}],\"role\":\"model\"},\"index\":0}]}\r\n\r\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}],"
    "\"usageMetadata\":{\"promptTokenCount\":90,\"candidatesTokenCount\":20,\"thoughtsTokenCount\":20,\"totalTokenCount\":130}}\r\n\r\n"};

}  // namespace tests

#endif
