// SPDX-License-Identifier: MIT
#include <string>

#include "../catch.hpp"
#include "../recorded.hpp"
#include "llmroute/dialect/anthropic.hpp"

using namespace llmroute;

namespace {

std::string difference(const tests::Expected& expected, const tests::Replay& replay) {
  tests::Differences d;
  if (const auto kind = tests::kind_of_class(expected.error_class))
    return d.failed(replay, expected.error_class, *kind), d.words;
  if (!expected.error_class.empty()) return "class " + expected.error_class;
  if (!replay.ended.ok) return std::string(to_string(replay.ended.kind)).append(": ").append(replay.ended.message);
  d.same_reply(expected, replay);
  const Usage& u = replay.attempt.reply().usage;
  const auto cached = tests::or_zero(expected.cached), written = tests::or_zero(expected.cache_written);
  d.same("prompt-tokens", u.prompt, tests::or_zero(expected.prompt) + cached + written);
  d.same("completion-tokens", u.completion, tests::or_zero(expected.completion));
  d.same("cached-tokens", u.cached, cached);
  if (expected.thoughts >= 0) d.same("reasoning-tokens", u.reasoning, expected.thoughts);
  d.same("reported", u.reported, true);
  return d.words;
}

}  // namespace

TEST_CASE("recorded exchanges with the Messages API read as an independent reader reads them") {
  const auto wanted = [](const tests::Recorded& r) {
    return r.api == "anthropic_messages" || (r.api == "error_only" && r.provider == "anthropic");
  };
  tests::read_recorded(98, wanted,
                       [](const tests::Recorded& r) { return tests::however_cut(dialect::anthropic, r, difference); });
}
