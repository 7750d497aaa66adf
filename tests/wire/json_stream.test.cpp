// SPDX-License-Identifier: MIT
#include "llmroute/wire/json_stream.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"
#include "llmroute/wire/sse.hpp"

namespace json_stream = llmroute::json_stream;
using json_stream::End;
using namespace std::string_view_literals;

namespace {

struct Told {
  std::vector<std::string> values{};
  End end = End::complete;
  friend bool operator==(const Told&, const Told&) = default;
};

std::string shown(const Told& told) {
  std::string text = "ended " + std::to_string(static_cast<int>(told.end)) + " after";
  for (const std::string& value : told.values) text.append(" <").append(value).append(">");
  return text;
}

// Hands over each chunk in memory of its own size that is gone afterwards: a sanitizer sees whoever looks beside it or back.
Told told_in(const std::vector<std::size_t>& cuts, std::string_view bytes, std::size_t limit) {
  json_stream::Parser parser(limit);
  Told told;
  bool more = true;
  const auto feed = [&](std::string_view chunk) {
    const auto copy = std::make_unique<char[]>(chunk.size());
    if (!chunk.empty()) std::memcpy(copy.get(), chunk.data(), chunk.size());
    const bool goes_on = parser.feed({copy.get(), chunk.size()}, [&](std::string_view value) {
      told.values.emplace_back(value);
      return true;
    });
    if (!more && goes_on) FAIL("a failure did not stay");
    more = goes_on;
  };
  std::size_t from = 0;
  for (const std::size_t cut : cuts) {
    feed(bytes.substr(from, cut - from));
    from = cut;
  }
  feed(bytes.substr(from));
  told.end = parser.finish();
  return told;
}

// In one piece, cut at each place, in pieces of one byte, (when short) cut at each two places, and at random.
void check_told(std::string_view bytes, const Told& expected, std::size_t limit = 64u << 20) {
  INFO("stream: " << bytes);
  INFO("expected: " << shown(expected));
  const auto fits = [&](const std::vector<std::size_t>& cuts) {
    const Told told = told_in(cuts, bytes, limit);
    if (told == expected) return true;
    INFO("in " << cuts.size() + 1 << " chunks, the first of " << (cuts.empty() ? bytes.size() : cuts[0]));
    INFO("got: " << shown(told));
    CHECK(told == expected);
    return false;
  };
  std::vector<std::size_t> everywhere;
  for (std::size_t i = 1; i < bytes.size(); ++i) everywhere.push_back(i);
  if (!fits({}) || !fits(everywhere)) return;
  for (std::size_t i = 0; bytes.size() < 3000 && i <= bytes.size(); ++i) {
    if (!fits({i})) return;
    for (std::size_t j = i; bytes.size() < 64 && j <= bytes.size(); ++j) {
      if (!fits({i, j})) return;
    }
  }
  std::mt19937 random(tests::seed());
  INFO("seed: " << tests::seed());
  for (int round = 0; round < 20; ++round) {
    std::vector<std::size_t> cuts;
    for (auto n = random() % 20; n > 0; --n) cuts.push_back(random() % (bytes.size() + 1));
    std::sort(cuts.begin(), cuts.end());
    if (!fits(cuts)) return;
  }
}

void check_values(std::string_view bytes, std::vector<std::string> values, End end = End::complete) {
  check_told(bytes, {std::move(values), end});
}

}  // namespace

TEST_CASE("objects come one a line, whatever the line end and however many lines are blank") {
  check_values("", {});
  check_values("{\"a\":1}\n", {"{\"a\":1}"});
  check_values("{\"a\":1}\n{\"b\":2}\n{}\n", {"{\"a\":1}", "{\"b\":2}", "{}"});
  check_values("{\"a\":1}\r\n{\"b\":2}\r\n", {"{\"a\":1}", "{\"b\":2}"});
  check_values("{\"a\":1}\r{\"b\":2}\r", {"{\"a\":1}", "{\"b\":2}"});
  check_values("\n\n \t{\"a\":1} \n\r\n\n{\"b\":2}\n\n", {"{\"a\":1}", "{\"b\":2}"});
  check_values("  \n\n", {});
}

TEST_CASE("the last object of a stream of lines needs no line end") {
  check_values("{\"a\":1}\n{\"b\":2}", {"{\"a\":1}", "{\"b\":2}"});
  check_values("{\"a\":1}", {"{\"a\":1}"});
}

TEST_CASE("an object over several lines is one object") {
  check_values("{\n  \"a\": [\n    1\n  ]\n}\n{\"b\":\r\n2}", {"{\n  \"a\": [\n    1\n  ]\n}", "{\"b\":\r\n2}"});
  check_values("{\"a\":1}{\"b\":2} {}", {"{\"a\":1}", "{\"b\":2}", "{}"});
}

TEST_CASE("objects come in one array, pretty-printed or not") {
  check_values("[]", {});
  check_values(" [ \n ] \n", {});
  check_values("[{\"a\":1}]", {"{\"a\":1}"});
  check_values("[{\"a\":1},{\"b\":[2,{}]},{}]", {"{\"a\":1}", "{\"b\":[2,{}]}", "{}"});
  check_values("[{\n  \"a\": 1\n}\n,\r\n{\n  \"b\": {\"c\": 2}\n}\n]\n", {"{\n  \"a\": 1\n}", "{\n  \"b\": {\"c\": 2}\n}"});
}

TEST_CASE("brackets, quotes and escapes in strings are no structure") {
  check_values(R"([{"a":"]},{["},{"}\"{":"\\"},{"\\\"":"\\\\\""}])",
               {R"({"a":"]},{["})", R"({"}\"{":"\\"})", R"({"\\\"":"\\\\\""})"});
  check_values(R"({"a":"\u007d}\n"})"
               "\n"
               R"({"":""})",
               {R"({"a":"\u007d}\n"})", R"({"":""})"});
  check_values("{\"gr\xC3\xBC\xC3\x9F\xE6\xBC\xA2\xF0\x9F\x98\x80\":\"\xFF}\"}\n",
               {"{\"gr\xC3\xBC\xC3\x9F\xE6\xBC\xA2\xF0\x9F\x98\x80\":\"\xFF}\"}"});
}

TEST_CASE("the end of a stream of objects says whether it was whole") {
  check_values("{\"a\":1}\n{\"b\":", {"{\"a\":1}"}, End::truncated);
  check_values("{", {}, End::truncated);
  check_values("{\"a", {}, End::truncated);
  check_values("{\"a\\", {}, End::truncated);
  check_values("[", {}, End::truncated);
  check_values("[{\"a\":1}", {"{\"a\":1}"}, End::truncated);
  check_values("[{\"a\":1},", {"{\"a\":1}"}, End::truncated);
  check_values("[{\"a\":1},{\"b\":[1]", {"{\"a\":1}"}, End::truncated);
}

TEST_CASE("what stands between two objects, or in place of one, is malformed") {
  for (const std::string_view junk : {"x"sv, "null"sv, "1"sv, "\"a\""sv, "data: {}"sv, ","sv, "]"sv, "}"sv, ":"sv, "<html>"sv,
                                      "\0"sv, "\v"sv, "\xEF\xBB\xBF{}"sv}) {
    check_values(junk, {}, End::malformed);
    check_values("{\"a\":1}\n" + std::string(junk) + "\n{\"b\":2}", {"{\"a\":1}"}, End::malformed);
  }
  check_values("{\"a\":1},{\"b\":2}", {"{\"a\":1}"}, End::malformed);
  check_values("{\"a\":1}\n[{\"b\":2}]", {"{\"a\":1}"}, End::malformed);
  check_values("{\"a\":1}}", {"{\"a\":1}"}, End::malformed);
  check_values("[,{}]", {}, End::malformed);
  check_values("[{},]", {"{}"}, End::malformed);
  check_values("[{},,{}]", {"{}"}, End::malformed);
  check_values("[{} {}]", {"{}"}, End::malformed);
  check_values("[{}]]", {"{}"}, End::malformed);
  check_values("[{}]{}", {"{}"}, End::malformed);
  check_values("[{}] [{}]", {"{}"}, End::malformed);
  check_values("[[{}]]", {}, End::malformed);
  check_values("[1,2]", {}, End::malformed);
  check_values("[{}x,{}]", {"{}"}, End::malformed);
}

TEST_CASE("a line that was cut in a string does not swallow the lines behind it") {
  check_values("{\"a\":\"b\n{\"c\":1}\n", {}, End::malformed);
  check_values("{\"a\":1}\n{\"b\":\"\xC3\xBC\n{}", {"{\"a\":1}"}, End::malformed);
}

TEST_CASE("whether an object is valid JSON is left to its reader") {
  check_values("{]\n{a}\n{\"a\":[}}\n", {"{]", "{a}", "{\"a\":[}}"});
  check_values("{'}'}", {"{'}"}, End::malformed);
}

TEST_CASE("an object is handed over with its last bracket") {
  for (const std::string_view start : {""sv, "["sv}) {
    json_stream::Parser parser;
    int values = 0;
    const auto count = [&](std::string_view) { return ++values != 0; };
    CHECK(parser.feed(start, count));
    CHECK(parser.feed("{\"a\":{}", count));
    CHECK(values == 0);
    CHECK(parser.feed("}", count));
    CHECK(values == 1);
  }
}

TEST_CASE("an object larger than the limit ends the stream, however it was cut") {
  check_told("{\"a\":1}\n{\"b\":2}", {{"{\"a\":1}", "{\"b\":2}"}, End::complete}, 7);
  check_told("{\"a\":1}\n{\"b\":23}\n{}", {{"{\"a\":1}"}, End::too_large}, 7);
  check_told("[{\"a\":1}, {\"b\":234", {{"{\"a\":1}"}, End::too_large}, 7);
  check_told("[{\"a\":1}, {\"b\":2", {{"{\"a\":1}"}, End::truncated}, 7);
  check_told("{\"a\":\"bcdef\n", {{}, End::too_large}, 7);
  check_told("{\"a\":\"b\ncdef", {{}, End::malformed}, 8);
  check_told("{}", {{}, End::too_large}, 1);
  check_told("{}", {{}, End::too_large}, 0);
  check_told("\n \n[ \r\n ]", {{}, End::complete}, 0);
  check_told("{}", {{"{}"}, End::complete}, static_cast<std::size_t>(-1));
}

TEST_CASE("the limit on an object is 64 MiB unless another is given, and no more is ever held") {
  const std::string chunk(1u << 20, '[');
  const auto ignore = [](std::string_view) { return true; };
  json_stream::Parser parser;
  REQUIRE(parser.feed("{", ignore));
  for (int i = 0; i < 63; ++i) REQUIRE(parser.feed(chunk, ignore));
  REQUIRE(parser.feed(std::string_view(chunk).substr(1), ignore));
  CHECK_FALSE(parser.feed("]", ignore));
  CHECK(parser.finish() == End::too_large);
}

TEST_CASE("a failure stays until the parser is reset, which forgets everything") {
  int values = 0;
  const auto count = [&](std::string_view) { return ++values != 0; };
  for (const std::string_view before : {"x"sv, "{\"a\":1234567890}"sv, "[{"sv, "[{\"a\\"sv, "[{}"sv, "[]"sv, "{}"sv, "["sv}) {
    INFO(before);
    json_stream::Parser parser(12);
    const bool more = parser.feed(before, count);
    const End end = parser.finish(count);
    CHECK_FALSE(parser.feed("{}", count));
    CHECK(parser.finish() == end);
    CHECK(more == (end == End::complete || end == End::truncated));
    parser.reset();
    values = 0;
    CHECK(parser.feed("[{\"a\":\"}\"},", count));
    CHECK(parser.feed("{}]", count));
    CHECK(values == 2);
    CHECK(parser.finish() == End::complete);
    parser.reset();
    CHECK(parser.finish() == End::complete);
  }
}

TEST_CASE("a callee that says stop hears nothing more") {
  json_stream::Parser parser;
  std::string heard;
  const auto once = [&](std::string_view value) {
    heard += value;
    return false;
  };
  CHECK_FALSE(parser.feed("{\"a\":1}{\"b\":2}", once));
  CHECK_FALSE(parser.feed("{\"c\":3}", once));
  CHECK(parser.finish() == End::stopped);
  CHECK(heard == "{\"a\":1}");
  parser.reset();
  CHECK_FALSE(parser.feed("[{}", once));
  CHECK(heard == "{\"a\":1}{}");
}

TEST_CASE("a callee that feeds its own parser of objects is refused") {
  json_stream::Parser parser;
  int values = 0;
  bool inner = true;
  parser.feed("{}{}", [&](std::string_view) {
    ++values;
    inner = parser.feed("{}", [](std::string_view) { return true; });
    return true;
  });
  CHECK(values == 2);
  CHECK_FALSE(inner);
}

#if defined(__cpp_exceptions)
TEST_CASE("a callee that throws stops the parser of objects") {
  json_stream::Parser parser;
  CHECK_THROWS(parser.feed("{}{}", [](std::string_view) -> bool { throw 1; }));
  CHECK_FALSE(parser.feed("{}", [](std::string_view) { return true; }));
  CHECK(parser.finish() == End::stopped);
}
#endif

TEST_CASE("an object that lies whole in a chunk is a view into it, and nothing is allocated") {
  const std::string chunk =
      "[{\"text\":\"long enough to be no small string\"}\n,\n{\"text\":\"as long as the first one, or longer\"}]";
  int values = 0;
  bool inside = true;
  json_stream::Parser parser;
  const tests::Allocations made;
  const bool more = parser.feed(chunk, [&](std::string_view value) {
    inside = inside && value.data() >= chunk.data() && value.data() + value.size() <= chunk.data() + chunk.size();
    return ++values != 0;
  });
  const End end = parser.finish();
  const std::size_t allocations = made.count();
  CHECK(more);
  CHECK(end == End::complete);
  CHECK(values == 2);
  CHECK(inside);
  CHECK(allocations == 0);
}

TEST_CASE("a parser of objects that was used before allocates nothing") {
  std::string stream;
  for (int i = 0; i < 20; ++i) stream += "{\"text\": \"a line of data that is no small string\"}\n";
  json_stream::Parser parser;
  std::size_t bytes = 0;
  const auto add = [&](std::string_view value) { return (bytes += value.size()) != 0; };
  const auto run = [&](std::size_t step) {
    parser.reset();
    for (std::size_t at = 0; at < stream.size(); at += step) parser.feed(std::string_view(stream).substr(at, step), add);
    return parser.finish();
  };
  REQUIRE(run(1) == End::complete);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{100}, stream.size()}) {
    const tests::Allocations made;
    const End end = run(step);
    const std::size_t allocations = made.count();
    CAPTURE(step);
    CHECK(end == End::complete);
    CHECK(allocations == 0);
  }
}

// Of such a length that work in its square would not end while anybody waits.
TEST_CASE("a stream of objects that comes byte by byte takes linear work") {
  constexpr std::size_t length = 1u << 20;
  const auto byte_by_byte = [](std::string_view stream) {
    json_stream::Parser parser;
    std::size_t values = 0;
    const tests::Allocations made;
    for (std::size_t at = 0; at < stream.size(); ++at)
      parser.feed(stream.substr(at, 1), [&](std::string_view) { return ++values != 0; });
    const std::size_t allocations = made.count();
    CHECK(parser.finish() == End::complete);
    CHECK(allocations < 80);
    return values;
  };
  CHECK(byte_by_byte("{\"a\":\"" + std::string(length, 'x') + "\"}") == 1);
  CHECK(byte_by_byte("[{\"a\":" + std::string(length, '[') + std::string(length, ']') + "}]") == 1);
  CHECK(byte_by_byte(std::string(length, '\n') + "{}") == 1);
  std::string many = "[{}";
  for (std::size_t i = 0; i < length / 4; ++i) many += ",\n{}";
  CHECK(byte_by_byte(many + "]") == length / 4 + 1);
  json_stream::Parser parser;
  std::size_t values = 0;
  CHECK(parser.feed(many, [&](std::string_view) { return ++values != 0; }));
  CHECK(values == length / 4 + 1);
}

namespace {

void write_random(llmroute::json::Writer& out, std::mt19937& random, int depth) {
  constexpr std::string_view pieces[]{"{", "}", "[", "]", "\"", "\\", ",", "\n", "a", "\xC3\xBC", "\xF0\x9F\x98\x80", ": "};
  const auto text = [&] {
    std::string words;
    for (auto n = random() % 8; n > 0; --n) words += pieces[random() % std::size(pieces)];
    return words;
  };
  switch (depth == 0 ? 0 : depth > 4 ? 2 + random() % 3 : random() % 5) {
    case 0:
      out.begin_object();
      for (auto n = random() % 4; n > 0; --n) {
        out.key(text());
        write_random(out, random, depth + 1);
      }
      out.end_object();
      break;
    case 1:
      out.begin_array();
      for (auto n = random() % 4; n > 0; --n) write_random(out, random, depth + 1);
      out.end_array();
      break;
    case 2: out.text(text()); break;
    case 3: out.number(static_cast<int>(random() % 1000) - 500); break;
    default: out.null();
  }
}

}  // namespace

TEST_CASE("objects drawn at random are found in either form, however the stream is cut") {
  INFO("seed: " << tests::seed());
  std::mt19937 random(tests::seed());
  const auto blanks = [&](std::string_view some) {
    std::string out;
    for (auto n = random() % 3; n > 0; --n) out += some[random() % some.size()];
    return out;
  };
  for (int round = 0; round < 150; ++round) {
    std::vector<std::string> values(random() % 5);
    for (std::string& value : values) {
      llmroute::json::Writer out(value);
      write_random(out, random, 0);
      REQUIRE(out.done());
    }
    const bool array = random() % 2 == 0;
    std::string stream = blanks(" \n\r\t") + (array ? "[" : "");
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i != 0) stream += array ? "," : "\n";
      stream += blanks(" \n\r\t") + values[i] + blanks(" \n\r\t");
    }
    if (array) stream += "]" + blanks("\n ");
    check_values(stream, values);
    if (array) check_values(stream.substr(0, stream.rfind(']')), values, End::truncated);
    if (array) CHECK(llmroute::json::valid(stream));
  }
}

TEST_CASE("no bytes make the parser of objects crash, or depend on how they were cut") {
  INFO("seed: " << tests::seed());
  std::mt19937 random(tests::seed());
  constexpr std::string_view alphabet = "{{{}}}[],,\"\"\\\n ax1:";
  for (int round = 0; round < 1500; ++round) {
    std::string stream = round % 4 == 0 ? "[{" : round % 4 == 1 ? "{" : "";
    for (auto n = random() % 20; n > 0; --n)
      stream += round % 8 == 7 ? static_cast<char>(random() % 256) : alphabet[random() % alphabet.size()];
    const std::size_t limit = random() % 3 == 0 ? random() % 10 : 1000;
    const Told whole = told_in({}, stream, limit);
    for (const std::string& value : whole.values) {
      REQUIRE(value.size() >= 2);
      REQUIRE(value.size() <= limit);
      REQUIRE(value.front() == '{');
    }
    // What is valid JSON is taken: no byte of a good stream is lost to caution.
    if (llmroute::json::valid(stream) && stream.front() == '{' && limit == 1000)
      REQUIRE(whole == Told{{stream}, End::complete});
    check_told(stream, whole, limit);
  }
}

namespace {

// What an attempt does with either parser, whatever comes out of it.
template <class Parser, class Read>
int fed_to(Parser& parser, std::string_view bytes, Read read) {
  parser.reset();
  const bool more = parser.feed(bytes, read);
  static_cast<void>(parser.finish(read));
  return more ? 1 : 0;
}

}  // namespace

TEST_CASE("events and objects are read through the same calls") {
  std::string heard;
  llmroute::sse::Parser events;
  CHECK(fed_to(events, "data: a\n\n", [&](const llmroute::sse::Event& e) { return !(heard += e.data).empty(); }) == 1);
  json_stream::Parser objects;
  CHECK(fed_to(objects, "[{}", [&](std::string_view value) { return !(heard += value).empty(); }) == 1);
  CHECK(heard == "a{}");
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<json_stream::Parser>);
}
