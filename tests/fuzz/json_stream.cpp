// SPDX-License-Identifier: MIT
// Streams of JSON objects: however the bytes are cut, the objects are the same; of bytes that came to an end every one lies in
// an object or is one that may stand between two; and of what is JSON, they are the elements that a slow reader finds.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/wire/json_stream.hpp"
#include "slow_json.hpp"
#include "target.hpp"

namespace tests::fuzz {

namespace {

namespace json_stream = llmroute::json_stream;
using json_stream::End;

struct Found {
  std::vector<std::string> values{};
  End end = End::complete;
  friend bool operator==(const Found&, const Found&) = default;
};

// Says stop at that value.
Found parse(json_stream::Parser& parser, std::string_view bytes, Cut cut, std::size_t stop_at = 0) {
  Found found;
  const auto take = [&](std::string_view value) {
    found.values.emplace_back(value);
    return found.values.size() != stop_at;
  };
  parser.reset();
  const bool open = in_pieces(bytes, cut, Plan(bytes), [&](std::string_view piece) { return parser.feed(piece, take); });
  if (!open) expect(!parser.feed("{}", take), "what has stopped takes no more");
  found.end = parser.finish();
  expect(!parser.feed("{}", take) && parser.finish() == found.end, "what is finished takes no more");
  return found;
}

Found compare(std::string_view bytes, std::size_t limit, std::size_t stop_at) {
  json_stream::Parser parser(limit);
  const Found whole = parse(parser, bytes, Cut::nowhere);
  for (const Cut cut : {Cut::everywhere, Cut::somewhere})
    expect(parse(parser, bytes, cut) == whole, "objects are the same, however the bytes are cut");
  for (const std::string& value : whole.values) expect(value.size() <= limit, "no object is larger than the limit");
  if (whole.values.empty()) return whole;
  stop_at = 1 + stop_at % whole.values.size();
  const Found stopped = parse(parser, bytes, Cut::nowhere, stop_at);
  expect(stopped == parse(parser, bytes, Cut::everywhere, stop_at), "a stop is the same, however the bytes are cut");
  expect(stopped.end == End::stopped && stopped.values.size() == stop_at, "a stop is at once");
  return whole;
}

// What stands between the objects, which must lie in the bytes in their order: a `v` for each of them.
std::string between(std::string_view bytes, const Found& found) {
  std::string out;
  const auto skip = [&](std::string_view gap) {
    for (const char c : gap)
      if (std::string_view(" \t\r\n").find(c) == std::string_view::npos) out += c;
  };
  for (const std::string& value : found.values) {
    const std::size_t at = bytes.find('{');
    expect(at != bytes.npos && bytes.substr(at).starts_with(value), "an object begins at the first bracket that is left");
    skip(bytes.substr(0, at));
    out += 'v';
    bytes.remove_prefix(at + value.size());
  }
  const std::size_t open = bytes.find('{');
  expect(found.end != End::complete || open == bytes.npos, "behind a complete stream no object is open");
  skip(bytes.substr(0, open));
  return out;
}

void account(std::string_view bytes, const Found& found) {
  const std::string gaps = between(bytes, found);
  std::string lines(found.values.size(), 'v'), array = "[";
  for (std::size_t i = 0; i < found.values.size(); ++i) array += i == 0 ? "v" : ",v";
  if (found.end == End::complete) expect(gaps == lines || gaps == array + "]", "of a complete stream every byte counts");
  if (found.end == End::truncated)
    expect(gaps == lines || gaps == array || gaps == array + ",", "of a stream that is cut every byte before the cut counts");
}

// The objects that the whole text is, by a reader that knows JSON; nothing if it is neither form.
std::optional<std::vector<std::string>> objects(std::string_view bytes) {
  std::vector<std::string> out;
  const auto add = [&out](const slow::Value& value) {
    out.emplace_back(value.source);
    return value.kind == slow::Value::Kind::object;
  };
  if (const auto all = slow::json(bytes); all && all->kind == slow::Value::Kind::array) {
    for (const slow::Value& value : all->items)
      if (!add(value)) return std::nullopt;
    return out;
  }
  slow::Reader in(bytes, 128);
  while (!in.at_end()) {
    const auto value = in.value();
    if (!value || !add(*value)) return std::nullopt;
  }
  return out;
}

void run(std::string_view bytes) {
  Plan plan(bytes);
  const std::size_t stop_at = plan.below(1024);
  const Found found = compare(bytes, std::size_t{64} << 20, stop_at);
  expect(found.end != End::too_large && found.end != End::stopped, "nobody stopped it");
  account(bytes, found);
  if (const auto expected = objects(bytes))
    expect(found.end == End::complete && found.values == *expected, "of JSON each object is found as it stands");
  compare(bytes, plan.below(bytes.size() + 2), stop_at);
}

constexpr std::string_view seeds[]{
    "{\"a\":1}\n{\"b\":[{}]}\r\n{\"c\":\"}\\\"{\"}\n",
    "[{\"a\":1}\n,\r\n{\"b\":\"\\\\\"},{}]\n",
    "[]",
    " \n",
    "[{\"a\":\"cut",
    "[{},",
    "{\"a\":\"\n{\"b\":1}",
    "[{}}]",
    "{}x{}",
    "[1]",
    "[{},,{}]",
    "[{}]{}",
    "{\"a\":[1,{\"b\":\"\xF0\x9F\x98\x80 long enough for eight bytes at once\"}]}{}",
    "{\"\\u005c\":\"\\\\\\\"\"}",
};

}  // namespace

const Target json_stream_target{"json_stream", run, seeds};

}  // namespace tests::fuzz
