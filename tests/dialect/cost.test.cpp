// SPDX-License-Identifier: MIT
// What an exchange costs, done by hand: each dialect's usage, whole and as it grows in a stream, at one price. Of a million
// tokens $3 in, $0.30 out of a cache, $3.75 into one, $15 out; so one token costs 3000, 300, 3750 and 15000 nano-dollars.
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "../catch.hpp"
#include "llmroute/chat.hpp"
#include "llmroute/money.hpp"
#include "llmroute/usage.hpp"
#include "wired.hpp"

using namespace llmroute;

namespace {

using tests::Answered;

constexpr Price price{
    .input = per_million("3"), .output = per_million("15"), .cached = per_million("0.30"), .cache_write = per_million("3.75")};

Provider priced(std::string_view vendor, const Dialect& dialect) {
  Provider p = tests::wired(vendor, dialect);
  p.price = price;
  return p;
}

struct Row {
  std::string_view what;
  std::string answer;
  Usage usage;
  std::int64_t nanos;
  Cost::Source source = Cost::Source::usage;
};

void check_reply(const Answered& got, const Row& row) {
  CAPTURE(row.what);
  REQUIRE(got.reply);
  const Reply& r = *got.reply;
  CHECK(r.usage.prompt == row.usage.prompt);
  CHECK(r.usage.completion == row.usage.completion);
  CHECK(r.usage.cached == row.usage.cached);
  CHECK(r.usage.cache_written == row.usage.cache_written);
  CHECK(r.usage.reasoning == row.usage.reasoning);
  CHECK(r.usage.reported);
  CHECK(r.cost.amount.nanos() == row.nanos);
  CHECK(r.cost.source == row.source);
}

void check_whole(std::string_view vendor, const Dialect& dialect, std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    CAPTURE(vendor);
    check_reply(tests::ask(priced(vendor, dialect), {.messages = "x"}, row.answer), row);
  }
}

void check_stream(std::string_view vendor, const Dialect& dialect, std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    CAPTURE(vendor);
    check_reply(tests::ask_stream(priced(vendor, dialect), {.messages = "x"}, row.answer), row);
  }
}

std::string completion(std::string_view usage) {
  return std::string(R"({"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},)")
      .append(R"("finish_reason":"stop"}],"usage":{)")
      .append(usage)
      .append("}}");
}
std::string message(std::string_view usage) {
  return std::string(
             R"({"type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn",)")
      .append(R"("usage":{)")
      .append(usage)
      .append("}}");
}
std::string candidate(std::string_view usage) {
  return std::string(R"({"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"finishReason":"STOP"}],)")
      .append(R"("usageMetadata":{)")
      .append(usage)
      .append("}}");
}

std::string chunk(std::string_view choices, std::string_view more = "") {
  return std::string("data: {\"object\":\"chat.completion.chunk\",\"choices\":[")
      .append(choices)
      .append("]")
      .append(more)
      .append("}\n\n");
}
constexpr std::string_view says = R"({"index":0,"delta":{"content":"Hi"},"finish_reason":null})";
constexpr std::string_view ends = R"({"index":0,"delta":{},"finish_reason":"stop"})";
const std::string done = "data: [DONE]\n\n";
std::string usage(std::string_view members) { return std::string(",\"usage\":{").append(members).append("}"); }

std::string event(std::string_view name, std::string_view members) {
  return std::string("event: ")
      .append(name)
      .append("\ndata: {\"type\":\"")
      .append(name)
      .append("\"")
      .append(members)
      .append("}\n\n");
}
std::string anthropic_stream(std::string_view first, std::string_view then) {
  return event("message_start", std::string(R"(,"message":{"role":"assistant","content":[],"usage":{)").append(first) + "}}") +
         event("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})") +
         event("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":"Hi"})") +
         event("content_block_stop", R"(,"index":0)") +
         event("message_delta", std::string(R"(,"delta":{"stop_reason":"end_turn"},"usage":{)").append(then) + "}") +
         event("message_stop", "");
}

}  // namespace

TEST_CASE("what an exchange costs in OpenAI's dialect, by hand") {
  check_whole("openai", dialect::openai,
              {// 100 x 3000 + 20 x 15000
               {"plain",
                completion(R"("prompt_tokens":100,"completion_tokens":20,"total_tokens":120)"),
                {.prompt = 100, .completion = 20},
                600'000},
               // 600 of the 1000 were cached: 400 x 3000 + 600 x 300 + 20 x 15000
               {"cached",
                completion(R"("prompt_tokens":1000,"completion_tokens":20,"total_tokens":1020,)"
                           R"("prompt_tokens_details":{"cached_tokens":600,"audio_tokens":0})"),
                {.prompt = 1000, .completion = 20, .cached = 600},
                1'680'000},
               // 300 of the 320 were thoughts: 100 x 3000 + 320 x 15000
               {"reasoning",
                completion(R"("prompt_tokens":100,"completion_tokens":320,"total_tokens":420,)"
                           R"("completion_tokens_details":{"reasoning_tokens":300,"audio_tokens":0})"),
                {.prompt = 100, .completion = 320, .reasoning = 300},
                5'100'000}});
  check_stream(
      "openai", dialect::openai,
      {{"cached, in a chunk of its own",
        chunk(says, ",\"usage\":null") + chunk(ends, ",\"usage\":null") +
            chunk("", usage(R"("prompt_tokens":1000,"completion_tokens":20,"prompt_tokens_details":{"cached_tokens":600})")) +
            done,
        {.prompt = 1000, .completion = 20, .cached = 600},
        1'680'000}});
}

TEST_CASE("what an exchange costs in Anthropic's dialect, by hand") {
  check_whole(
      "anthropic", dialect::anthropic,
      {// 100 x 3000 + 20 x 15000
       {"plain", message(R"("input_tokens":100,"output_tokens":20)"), {.prompt = 100, .completion = 20}, 600'000},
       // 1000 beside the 100: 100 x 3000 + 1000 x 300 + 20 x 15000
       {"cached",
        message(R"("input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":1000,"output_tokens":20)"),
        {.prompt = 1100, .completion = 20, .cached = 1000},
        900'000},
       // and 200 that were written to it: 200 x 3750 more
       {"cached and written",
        message(R"("input_tokens":100,"cache_creation_input_tokens":200,"cache_read_input_tokens":1000,)"
                R"("cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":0},"output_tokens":20)"),
        {.prompt = 1300, .completion = 20, .cached = 1000, .cache_written = 200},
        1'650'000},
       // 300 of the 320 were thoughts: 100 x 3000 + 320 x 15000
       {"reasoning",
        message(R"("input_tokens":100,"output_tokens":320,"output_tokens_details":{"thinking_tokens":300})"),
        {.prompt = 100, .completion = 320, .reasoning = 300},
        5'100'000}});
  check_stream(
      "anthropic", dialect::anthropic,
      {{"input said once",
        anthropic_stream(
            R"("input_tokens":100,"cache_creation_input_tokens":200,"cache_read_input_tokens":1000,"output_tokens":1)",
            R"("output_tokens":20)"),
        {.prompt = 1300, .completion = 20, .cached = 1000, .cache_written = 200},
        1'650'000},
       {"input said twice",
        anthropic_stream(
            R"("input_tokens":100,"cache_creation_input_tokens":200,"cache_read_input_tokens":1000,"output_tokens":1)",
            R"("input_tokens":100,"cache_creation_input_tokens":200,"cache_read_input_tokens":1000,"output_tokens":20)"),
        {.prompt = 1300, .completion = 20, .cached = 1000, .cache_written = 200},
        1'650'000},
       {"thoughts, at the end",
        anthropic_stream(R"("input_tokens":100,"output_tokens":1)",
                         R"("output_tokens":320,"output_tokens_details":{"thinking_tokens":300})"),
        {.prompt = 100, .completion = 320, .reasoning = 300},
        5'100'000}});
}

TEST_CASE("what an exchange costs in Gemini's dialect, by hand") {
  check_whole(
      "gemini", dialect::gemini,
      {// 100 x 3000 + 20 x 15000
       {"plain",
        candidate(R"("promptTokenCount":100,"candidatesTokenCount":20,"totalTokenCount":120)"),
        {.prompt = 100, .completion = 20},
        600'000},
       // 600 of the 1000 were cached: 400 x 3000 + 600 x 300 + 20 x 15000
       {"cached",
        candidate(R"("promptTokenCount":1000,"cachedContentTokenCount":600,"candidatesTokenCount":20,"totalTokenCount":1020)"),
        {.prompt = 1000, .completion = 20, .cached = 600},
        1'680'000},
       // 300 thoughts beside the 20: 100 x 3000 + 320 x 15000
       {"reasoning",
        candidate(R"("promptTokenCount":100,"candidatesTokenCount":20,"thoughtsTokenCount":300,"totalTokenCount":420)"),
        {.prompt = 100, .completion = 320, .reasoning = 300},
        5'100'000},
       // no candidates' count means none: 100 x 3000 + 300 x 15000
       {"nothing but thoughts",
        candidate(R"("promptTokenCount":100,"thoughtsTokenCount":300,"totalTokenCount":400)"),
        {.prompt = 100, .completion = 300, .reasoning = 300},
        4'800'000},
       // what its own tools read is input: 150 x 3000 + 20 x 15000
       {"its own tools",
        candidate(R"("promptTokenCount":100,"toolUsePromptTokenCount":50,"candidatesTokenCount":20,"totalTokenCount":170)"),
        {.prompt = 150, .completion = 20},
        750'000}});
  const auto line = [](std::string_view text, std::string_view figures, std::string_view end = "") {
    return std::string(R"(data: {"candidates":[{"content":{"parts":[{"text":")")
        .append(text)
        .append("\"}]}")
        .append(end)
        .append("}],\"usageMetadata\":{")
        .append(figures)
        .append("}}\r\n\r\n");
  };
  // The prompt's count may change, the others grow: 1000 of which 600 cached, 20, 300.
  // 400 x 3000 + 600 x 300 + 320 x 15000
  check_stream(
      "gemini", dialect::gemini,
      {{"growing",
        line("H", R"("promptTokenCount":990,"thoughtsTokenCount":300,"totalTokenCount":1290)") +
            line("i", R"("promptTokenCount":990,"candidatesTokenCount":9,"thoughtsTokenCount":300,"totalTokenCount":1299)") +
            line("",
                 R"("promptTokenCount":1000,"cachedContentTokenCount":600,"candidatesTokenCount":20,)"
                 R"("thoughtsTokenCount":300,"totalTokenCount":1320)",
                 R"(,"finishReason":"STOP")"),
        {.prompt = 1000, .completion = 320, .cached = 600, .reasoning = 300},
        6'180'000}});
}

TEST_CASE("what vendors count in ways of their own costs the same") {
  // 300 thoughts beside the completion's 20, told by their total: 100 x 3000 + 320 x 15000
  check_whole("xai", dialect::openai,
              {{"thoughts beside the completion",
                completion(R"("prompt_tokens":100,"completion_tokens":20,"total_tokens":420,"num_sources_used":0,)"
                           R"("completion_tokens_details":{"reasoning_tokens":300})"),
                {.prompt = 100, .completion = 320, .reasoning = 300},
                5'100'000},
               {"no thoughts",
                completion(R"("prompt_tokens":100,"completion_tokens":20,"total_tokens":120,)"
                           R"("completion_tokens_details":{"reasoning_tokens":0})"),
                {.prompt = 100, .completion = 20},
                600'000}});
  // 35 x 3000 + (109 - 35) x 15000: the thoughts are in the total alone
  check_whole("gemini", dialect::openai,
              {{"thoughts in the total alone",
                completion(R"("completion_tokens":12,"prompt_tokens":35,"total_tokens":109)"),
                {.prompt = 35, .completion = 74, .reasoning = 62},
                1'215'000}});
  // 400 x 3000 + 600 x 300 + 20 x 15000, under each vendor's name for it
  check_whole("mistral", dialect::openai,
              {{"plain",
                completion(R"("prompt_tokens":100,"completion_tokens":20,"total_tokens":120)"),
                {.prompt = 100, .completion = 20},
                600'000},
               {"cached",
                completion(R"("prompt_tokens":1000,"completion_tokens":20,"total_tokens":1020,"num_cached_tokens":600)"),
                {.prompt = 1000, .completion = 20, .cached = 600},
                1'680'000}});
  check_whole(
      "deepseek", dialect::openai,
      {{"cached",
        completion(
            R"("prompt_tokens":1000,"completion_tokens":20,"total_tokens":1020,)"
            R"("prompt_tokens_details":{"cached_tokens":600},"prompt_cache_hit_tokens":600,"prompt_cache_miss_tokens":400)"),
        {.prompt = 1000, .completion = 20, .cached = 600},
        1'680'000}});
  check_whole("together", dialect::openai,
              {{"cached",
                completion(R"("prompt_tokens":1000,"completion_tokens":20,"total_tokens":1020,"cached_tokens":600)"),
                {.prompt = 1000, .completion = 20, .cached = 600},
                1'680'000}});
}

TEST_CASE("usage that a stream repeats or lets grow is paid once") {
  constexpr std::string_view plain = R"("prompt_tokens":100,"completion_tokens":20,"total_tokens":120)";
  constexpr std::string_view less = R"("prompt_tokens":100,"completion_tokens":1,"total_tokens":101)";
  const std::string x_groq = std::string(R"(,"x_groq":{"id":"req_1","usage":{"queue_time":0.01,)").append(plain) + "}}";
  const Usage counted{.prompt = 100, .completion = 20};
  check_stream(
      "groq", dialect::openai,
      {{"at the finish", chunk(says) + chunk(ends, x_groq) + done, counted, 600'000},
       {"and once more behind it", chunk(says) + chunk(ends, x_groq) + chunk("", usage(plain)) + done, counted, 600'000}});
  check_stream("mistral", dialect::openai,
               {{"at the finish", chunk(says) + chunk(ends, usage(plain)) + done, counted, 600'000}});
  check_stream(
      "perplexity", dialect::openai,
      {{"growing", chunk(says, usage(less)) + chunk(says, usage(less)) + chunk(ends, usage(plain)), counted, 600'000}});
  // 100 x 3000 + 320 x 15000
  check_stream(
      "xai", dialect::openai,
      {{"growing, thoughts beside it",
        chunk(
            says,
            usage(
                R"("prompt_tokens":100,"completion_tokens":1,"total_tokens":401,"completion_tokens_details":{"reasoning_tokens":300})")) +
            chunk(
                ends,
                usage(
                    R"("prompt_tokens":100,"completion_tokens":20,"total_tokens":420,"completion_tokens_details":{"reasoning_tokens":300})")) +
            done,
        {.prompt = 100, .completion = 320, .reasoning = 300},
        5'100'000}});
  // 35 x 3000 + (109 - 35) x 15000
  check_stream("gemini", dialect::openai,
               {{"growing, thoughts in the total alone",
                 chunk(says, usage(R"("completion_tokens":4,"prompt_tokens":35,"total_tokens":90)")) +
                     chunk(ends, usage(R"("completion_tokens":12,"prompt_tokens":35,"total_tokens":109)")) + done,
                 {.prompt = 35, .completion = 74, .reasoning = 62},
                 1'215'000}});
}

TEST_CASE("what the vendor says that it bills is the cost, whatever the price says") {
  constexpr std::string_view counted =
      R"("prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"is_byok":false,"cost":)";
  const auto costing = [&](std::string_view cost) { return std::string(counted).append(cost); };
  check_whole(
      "openrouter", dialect::openai,
      {{"a number", completion(costing("0.00123")), {.prompt = 100, .completion = 20}, 1'230'000, Cost::Source::billed},
       {"in scientific form", completion(costing("9.5e-07")), {.prompt = 100, .completion = 20}, 950, Cost::Source::billed},
       {"nothing", completion(costing("0")), {.prompt = 100, .completion = 20}, 0, Cost::Source::billed},
       {"none", completion(costing("null")), {.prompt = 100, .completion = 20}, 600'000}});
  check_stream("openrouter", dialect::openai,
               {{"at the end",
                 ": OPENROUTER PROCESSING\n\n" + chunk(says) + chunk(ends, usage(costing("0.00123"))) + done,
                 {.prompt = 100, .completion = 20},
                 1'230'000,
                 Cost::Source::billed}});
}
