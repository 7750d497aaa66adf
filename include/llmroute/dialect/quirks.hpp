// SPDX-License-Identifier: MIT
// How vendors deviate from the dialect that they speak: data, a row a vendor, and no code that asks for one by its name.
// What a row does not name is as the dialect has it. An endpoint that has deviations of its own points to a row of its own:
//
//     constexpr Quirks mine{.members = {{"seed"}, {"max_tokens", "max_completion_tokens"}}};
//     Provider p = providers::openai_compatible({.url = "https://llm.example/v1", .quirks = &mine});
#ifndef LLMROUTE_DIALECT_QUIRKS_HPP
#define LLMROUTE_DIALECT_QUIRKS_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace llmroute {

/// What becomes of one member of a request.
struct MemberRule {
  enum class Of : std::uint8_t { all_models, models_that_reason };

  std::string_view member{};  ///< as its dialect calls it
  std::string_view name{};    ///< what it is called there; empty: it would be refused, and is left out
  Of of = Of::all_models;
};

/// Ids of tool calls that another vendor gave.
enum class CallIds : std::uint8_t { any, up_to_40, nine_letters_and_digits };

/// Whether the tokens of thoughts are part of the completion's.
enum class Thoughts : std::uint8_t { in_completion, beside_completion };

/// What ends a stream that is whole.
enum class StreamEnd : std::uint8_t {
  said,              ///< always the dialect's own end, such as [DONE]
  may_go_without_it  ///< a finish reason will do, if the connection ends well
};

/// How it is told how much to think.
enum class EffortWord : std::uint8_t {
  reasoning_effort,          ///< "reasoning_effort": "low"; nothing for off
  reasoning_effort_or_none,  ///< likewise, and "none"
  reasoning,                 ///< "reasoning": {"effort": "low"}
  thinking,                  ///< "thinking": {"type": "enabled"}, and no degrees
  missing
};

struct Quirks {
  std::string_view vendor{};
  MemberRule members[7]{};
  std::string_view thinkers[4]{};  ///< how the names of its models begin that reason, where nobody described them
  std::string_view adds{};         ///< a JSON object: members that each request takes along
  bool asks_for_usage = true;      ///< whether a stream has to ask for it, and may
  EffortWord effort = EffortWord::reasoning_effort;
  CallIds call_ids = CallIds::any;
  Thoughts thoughts = Thoughts::in_completion;
  bool hears_thoughts = false;         ///< a turn that called a tool is refused without the `reasoning_content` behind it
  std::string_view unsigned_call{};    ///< what stands for the signature of a call that another vendor's model made
  std::string_view unfinished_turn{};  ///< a flag, without which a last turn of the assistant's is refused
  std::size_t most_stops = 0;          ///< 0: not known
  StreamEnd stream_end = StreamEnd::said;

  constexpr bool is_thinker(std::string_view model) const noexcept {
    for (const std::string_view begin : thinkers)
      if (!begin.empty() && model.starts_with(begin)) return true;
    return false;
  }
  constexpr const MemberRule* rule(std::string_view member, bool reasons) const noexcept {
    for (const MemberRule& r : members)
      if (r.member == member && (reasons || r.of == MemberRule::Of::all_models)) return &r;
    return nullptr;
  }
};

namespace dialect {

namespace detail {

inline constexpr auto thinkers = MemberRule::Of::models_that_reason;

/// Of an endpoint that nobody described: it is taken at its word.
inline constexpr Quirks undescribed{.stream_end = StreamEnd::may_go_without_it};

// As of 2026-08, out of recorded exchanges and the vendors' documentation.
inline constexpr Quirks quirks[]{
    {.vendor = "openai",
     .members = {{"max_tokens", "max_completion_tokens"},
                 {"temperature", {}, thinkers},
                 {"top_p", {}, thinkers},
                 {"presence_penalty", {}, thinkers},
                 {"frequency_penalty", {}, thinkers},
                 {"stop", {}, thinkers}},
     .thinkers = {"o1", "o3", "o4", "gpt-5"},
     .call_ids = CallIds::up_to_40,
     .most_stops = 4},
    // Mistral's models there know the old name alone.
    {.vendor = "azure",
     .members = {{"max_tokens", "max_completion_tokens", thinkers},
                 {"temperature", {}, thinkers},
                 {"top_p", {}, thinkers},
                 {"presence_penalty", {}, thinkers},
                 {"frequency_penalty", {}, thinkers},
                 {"stop", {}, thinkers}},
     .thinkers = {"o1", "o3", "o4", "gpt-5"},
     .call_ids = CallIds::up_to_40,
     .most_stops = 4},
    {.vendor = "groq", .most_stops = 4},
    {.vendor = "together"},
    {.vendor = "openrouter", .adds = R"({"usage":{"include":true}})", .effort = EffortWord::reasoning},
    {.vendor = "cerebras", .members = {{"presence_penalty"}, {"frequency_penalty"}}},
    // It answers 422 to whatever it does not know, and a stream brings its usage unasked.
    {.vendor = "mistral",
     .members = {{"seed", "random_seed"}},
     .asks_for_usage = false,
     .effort = EffortWord::missing,
     .call_ids = CallIds::nine_letters_and_digits,
     .unfinished_turn = "prefix"},
    {.vendor = "xai",
     .members = {{"presence_penalty", {}, thinkers}, {"frequency_penalty", {}, thinkers}, {"stop", {}, thinkers}},
     .thoughts = Thoughts::beside_completion},
    {.vendor = "deepseek", .members = {{"seed"}}, .effort = EffortWord::thinking, .hears_thoughts = true},
    // It would shorten the reply to what is left of the window, and say nothing.
    {.vendor = "fireworks", .adds = R"({"context_length_exceeded_behavior":"error"})"},
    {.vendor = "perplexity", .asks_for_usage = false, .stream_end = StreamEnd::may_go_without_it},
    {.vendor = "gemini",
     .effort = EffortWord::reasoning_effort_or_none,
     .thoughts = Thoughts::beside_completion,
     .unsigned_call = "skip_thought_signature_validator"},
    {.vendor = "cohere",
     .asks_for_usage = false,
     .stream_end = StreamEnd::may_go_without_it},  // its endpoint for OpenAI's words
    {.vendor = "huggingface", .stream_end = StreamEnd::may_go_without_it},
    {.vendor = "writer", .stream_end = StreamEnd::may_go_without_it},
    {.vendor = "gpustack", .stream_end = StreamEnd::may_go_without_it},
    // Of the rest it is known that they say [DONE].
    {.vendor = "alibaba"},
    {.vendor = "avian"},
    {.vendor = "cloudflare"},
    {.vendor = "crusoe"},
    {.vendor = "databricks"},
    {.vendor = "doubleword"},
    {.vendor = "github_copilot"},
    {.vendor = "litellm"},
    {.vendor = "llama_cpp"},
    {.vendor = "lm_studio"},
    {.vendor = "mistralrs"},
    // Of its models that think each has a temperature of its own, and refuses any other.
    {.vendor = "moonshot",
     .members = {{"temperature", {}, thinkers},
                 {"top_p", {}, thinkers},
                 {"presence_penalty", {}, thinkers},
                 {"frequency_penalty", {}, thinkers}},
     .effort = EffortWord::thinking,
     .hears_thoughts = true},
    {.vendor = "ollama", .effort = EffortWord::reasoning_effort_or_none},
    {.vendor = "snowflake"},
    {.vendor = "venice"},
    {.vendor = "vercel"},
    {.vendor = "vllm"},
    {.vendor = "zai", .effort = EffortWord::thinking},
};

}  // namespace detail

/// How a vendor's chat completions deviate from OpenAI's.
constexpr const Quirks& quirks_of(std::string_view vendor) noexcept {
  for (const Quirks& row : detail::quirks)
    if (row.vendor == vendor) return row;
  return detail::undescribed;
}

}  // namespace dialect
}  // namespace llmroute

#endif
