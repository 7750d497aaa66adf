// SPDX-License-Identifier: MIT
// Recorded answers of Gemini and Vertex, read as an independent reader reads them. Skipped where there are none.
#include <cstdint>
#include <string>

#include "../catch.hpp"
#include "../recorded.hpp"
#include "llmroute/dialect/gemini.hpp"

using namespace llmroute;

namespace {

std::string difference(const tests::Expected& expected, const tests::Replay& replay) {
  tests::Differences d;
  if (const auto kind = tests::kind_of_class(expected.error_class))
    return d.failed(replay, expected.error_class, *kind), d.words;
  if (!expected.error_class.empty()) return "class " + expected.error_class;
  if (!expected.blocked.empty()) d.failed(replay, "blocked", Kind::content_filtered);
  // An answer with no candidate, or a stream whose candidate never came to an end, is none.
  else if (expected.choices == 0 || expected.finish.empty()) d.failed(replay, "nothing", Kind::malformed_reply);
  else if (!replay.ended.ok) return std::string(to_string(replay.ended.kind)).append(": ").append(replay.ended.message);
  d.same_reply(expected, replay);
  // Back to the figures of the wire: what tools added to the prompt has no name there, but the total tells.
  const Usage& u = replay.attempt.reply().usage;
  const std::int64_t prompt = tests::or_zero(expected.prompt), completion = tests::or_zero(expected.completion);
  const std::int64_t thoughts = tests::or_zero(expected.thoughts), sum = prompt + completion + thoughts;
  d.same("prompt-tokens", u.prompt - (expected.total > sum ? expected.total - sum : 0), prompt);
  d.same("completion-tokens", u.completion - u.reasoning, completion);
  d.same("reasoning-tokens", u.reasoning, thoughts);
  d.same("cached-tokens", u.cached, tests::or_zero(expected.cached));
  return d.words;
}

}  // namespace

TEST_CASE("recorded answers of Gemini read as an independent reader reads them") {
  const auto wanted = [](const tests::Recorded& r) {
    return r.api == "gemini" || (r.api == "error_only" && (r.provider == "gemini" || r.provider == "vertex_gemini"));
  };
  tests::read_recorded(94, wanted, [](const tests::Recorded& r) { return tests::however_cut(dialect::gemini, r, difference); });
}
