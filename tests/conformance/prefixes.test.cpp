// SPDX-License-Identifier: MIT
// Recorded answers that end too early: what is not all there must not pass for a reply.
#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "conformance/judge.hpp"
#include "llmroute/route/attempt.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/sse.hpp"
#include "recorded.hpp"

using namespace llmroute;

namespace {

constexpr std::size_t small = 400;      // bytes: each prefix is tried
constexpr std::size_t positions = 200;  // of larger bodies

conform::Answer answer_of(const tests::Recorded& r) {
  conform::Answer answer;
  answer.dialect = conform::find_dialect(r.api == "openai_chat"          ? "openai"
                                         : r.api == "anthropic_messages" ? "anthropic"
                                                                         : "gemini");
  answer.vendor = r.provider;
  answer.asked = r.streaming ? Delivery::stream : Delivery::whole;
  answer.status = r.status;
  return answer;
}

// Spread over the body; the last bytes are where an end is easily taken for granted.
std::vector<std::size_t> cuts_of(std::string_view body) {
  std::vector<std::size_t> cuts;
  const std::size_t step = body.size() <= small ? 1 : body.size() / positions + 1;
  for (std::size_t at = 0; at < body.size(); at += step) cuts.push_back(at);
  for (std::size_t back = 1; back <= 40 && back < body.size(); ++back) cuts.push_back(body.size() - back);
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  return cuts;
}

bool has_finish_reason(std::string_view chunk) {
  bool found = false;
  json::Reader in(chunk);
  in.object([&](std::string_view key) {
    if (key != "candidates" && key != "choices") return;
    in.array([&] {
      in.object([&](std::string_view k) {
        if (k != "finishReason" && k != "finish_reason") return;
        const bool said = in.kind() == json::Kind::number || !in.text().empty();
        found = found || said;
      });
    });
  });
  return found;
}

// What the dialect itself says of its end.
struct End {
  bool sentinel = false;  // [DONE], or message_stop
  bool finish = false;    // a finish reason in a chunk that is whole
};
End end_of(std::string_view stream, sse::Leftover leftover) {
  End end;
  sse::Parser parser;
  const auto event = [&end](const sse::Event& e) {
    const std::string_view data = http::trim(e.data);
    if (data == "[DONE]") end.sentinel = true;
    if (!json::valid(data)) return true;
    json::Reader in(data);
    in.object([&](std::string_view key) {
      if (key == "type" && in.text() == "message_stop") end.sentinel = true;
    });
    end.finish = end.finish || has_finish_reason(data);
    return true;
  };
  parser.feed(stream, event);
  if (leftover == sse::Leftover::cut_line_too) static_cast<void>(parser.finish(event, leftover));
  return end;
}

bool is_wanted(const tests::Recorded& r) {
  return r.status == 200 && (r.api == "openai_chat" || r.api == "anthropic_messages" || r.api == "gemini");
}

// How many prefixes pass for a reply, as the connection is said to have ended, though `may(prefix)` says that none does.
template <class May>
std::size_t wrongly_good(const tests::Recorded& r, conform::Connection connection, May may) {
  static Attempt attempt;
  conform::Answer answer = answer_of(r);
  if (!judge(attempt, answer, r.body).ok) return 0;  // only what is a reply can be cut
  answer.connection = connection;
  std::size_t wrong = 0;
  for (const std::size_t size : cuts_of(r.body)) {
    const std::string_view prefix = std::string_view(r.body).substr(0, size);
    if (judge(attempt, answer, prefix).ok && !may(prefix)) ++wrong;
  }
  return wrong;
}

std::string in_words(const tests::Recorded& r, std::size_t wrong) {
  if (wrong == 0) return {};
  return r.provider + " " + r.kind + ": " + std::to_string(wrong) + " prefixes pass for a reply";
}

}  // namespace

// Behind a whole [DONE] or message_stop some bodies go on, with nothing that counts.
TEST_CASE("no prefix of a recorded reply is a reply where the connection was cut before its end") {
  tests::read_recorded(100, is_wanted, [](const tests::Recorded& r) {
    return in_words(r, wrongly_good(r, conform::Connection::cut, [&](std::string_view prefix) {
                      return r.kind == "sse" && end_of(prefix, sse::Leftover::whole_lines).sentinel;
                    }));
  });
}

TEST_CASE("a prefix of a recorded reply is a reply only with its dialect's end, where its vendor sends one") {
  tests::read_recorded(100, is_wanted, [](const tests::Recorded& r) {
    const Quirks& quirks = dialect::quirks_of(conform::vendor_called(r.provider));
    const bool sends_sentinel =
        r.api == "anthropic_messages" || (r.api == "openai_chat" && quirks.stream_end == StreamEnd::said);
    return in_words(r, wrongly_good(r, conform::Connection::ended, [&](std::string_view prefix) {
                      if (r.kind != "sse") return json::valid(prefix);
                      const End end = end_of(prefix, sse::Leftover::cut_line_too);
                      return end.sentinel || (end.finish && !sends_sentinel);
                    }));
  });
}
