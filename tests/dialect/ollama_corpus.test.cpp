// SPDX-License-Identifier: MIT
#include <string>

#include "../catch.hpp"
#include "../recorded.hpp"
#include "llmroute/dialect/ollama.hpp"

using namespace llmroute;

namespace {

std::string difference(const tests::Expected& expected, const tests::Replay& replay) {
  tests::Differences d;
  if (const auto kind = tests::kind_of_class(expected.error_class))
    return d.failed(replay, expected.error_class, *kind), d.words;
  if (!expected.error_class.empty()) return "class " + expected.error_class;
  if (!replay.ended.ok) return std::string(to_string(replay.ended.kind)).append(": ").append(replay.ended.message);
  d.same_reply(expected, replay);
  const ReplyBuilder& got = replay.attempt.reply();
  const Usage& u = got.usage;
  d.same("counted-prompt", got.counted.prompt.value_or(-1), expected.prompt);
  d.same("counted-completion", got.counted.completion.value_or(-1), expected.completion);
  d.same("prompt-tokens", u.prompt, tests::or_zero(expected.prompt));
  d.same("completion-tokens", u.completion, tests::or_zero(expected.completion));
  d.same("reported", u.reported, expected.prompt >= 0 || expected.completion >= 0);
  return d.words;
}

}  // namespace

TEST_CASE("recorded exchanges with Ollama read as an independent reader reads them") {
  const auto wanted = [](const tests::Recorded& r) {
    return r.api == "ollama" || (r.api == "error_only" && r.provider == "ollama");
  };
  tests::read_recorded(100, wanted,
                       [](const tests::Recorded& r) { return tests::however_cut(dialect::ollama, r, difference); });
}
