// SPDX-License-Identifier: MIT
#include "llmroute/wire/sse.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "base64.hpp"
#include "catch.hpp"
#include "llmroute/dialect/openai.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/utf8.hpp"

namespace sse = llmroute::sse;
using sse::End;
using sse::Leftover;

namespace {

struct Seen {
  std::string name{};
  std::string data{};
  std::string id{};
  friend bool operator==(const Seen&, const Seen&) = default;
};

struct Told {
  std::vector<Seen> events{};
  End end = End::complete;
  friend bool operator==(const Told&, const Told&) = default;
};

std::string shown(const Told& told) {
  std::string text = "ended " + std::to_string(static_cast<int>(told.end)) + " after";
  for (const Seen& e : told.events) text += " {" + e.name + "|" + e.data + "|" + e.id + "}";
  return text;
}

// Hands over each chunk in memory of its own size that is gone afterwards: a sanitizer sees whoever looks beside it or back.
class Reader {
 public:
  explicit Reader(std::size_t limit = 64u << 20) : parser_(limit) {}

  void feed(std::string_view chunk) {
    const auto bytes = std::make_unique<char[]>(chunk.size());
    if (!chunk.empty()) std::memcpy(bytes.get(), chunk.data(), chunk.size());
    parser_.feed({bytes.get(), chunk.size()}, [this](const sse::Event& e) { return add(e); });
  }

  Told finish(std::optional<Leftover> leftover) {
    told_.end = leftover ? parser_.finish([this](const sse::Event& e) { return add(e); }, *leftover) : parser_.finish();
    parser_.reset();
    return std::exchange(told_, {});
  }

 private:
  bool add(const sse::Event& e) {
    told_.events.push_back({std::string(e.name), std::string(e.data), std::string(e.id)});
    return true;
  }

  sse::Parser parser_;
  Told told_{};
};

struct Stream {
  std::string_view bytes{};
  std::optional<Leftover> leftover{};
  std::size_t limit = 64u << 20;
};

// In one piece, cut at each place, in pieces of one byte, and (when short) cut at each two places, (when not) at random.
void check_in_any_chunks(const Stream& stream, const Told& expected) {
  const std::string_view bytes = stream.bytes;
  INFO("stream: " << bytes);
  INFO("expected: " << shown(expected));
  Reader reader(stream.limit);
  const auto check_cut_at = [&](const std::vector<std::size_t>& cuts) {
    std::size_t from = 0;
    for (const std::size_t cut : cuts) {
      reader.feed(bytes.substr(from, cut - from));
      from = cut;
    }
    reader.feed(bytes.substr(from));
    const Told told = reader.finish(stream.leftover);
    if (told == expected) return true;
    std::string places;
    for (const std::size_t cut : cuts) places += std::to_string(cut) + " ";
    INFO("cut at: " << places);
    INFO("got: " << shown(told));
    CHECK(told == expected);
    return false;
  };

  std::vector<std::size_t> everywhere;
  for (std::size_t i = 1; i < bytes.size(); ++i) everywhere.push_back(i);
  if (!check_cut_at({}) || !check_cut_at(everywhere)) return;
  if (bytes.size() < 3000) {
    for (std::size_t i = 0; i <= bytes.size(); ++i) {
      if (!check_cut_at({i})) return;
    }
  }
  if (bytes.size() < 64) {
    for (std::size_t i = 0; i <= bytes.size(); ++i) {
      for (std::size_t j = i; j <= bytes.size(); ++j) {
        if (!check_cut_at({i, j})) return;
      }
    }
    return;
  }
  std::mt19937 random(tests::seed());
  INFO("seed: " << tests::seed());
  for (int round = 0; round < 50; ++round) {
    std::vector<std::size_t> cuts;
    for (auto n = random() % 20; n > 0; --n) cuts.push_back(random() % (bytes.size() + 1));
    std::sort(cuts.begin(), cuts.end());
    if (!check_cut_at(cuts)) return;
  }
}

void check_events(std::string_view bytes, std::vector<Seen> events, End end = End::complete) {
  check_in_any_chunks({bytes}, {std::move(events), end});
}

using namespace std::string_view_literals;

using tests::from_base64;

// The conformance suite expects text as a browser would show it.
std::string as_browser_text(std::string_view bytes) {
  std::string text;
  const char* const end = bytes.data() + bytes.size();
  for (const char* at = bytes.data(); at != end;) {
    const llmroute::utf8::Sequence next = llmroute::utf8::sequence(at, end);
    if (next.found == llmroute::utf8::Found::whole) text.append(at, next.length);
    else text.append(llmroute::utf8::replacement);
    at += next.length;
  }
  return text;
}

std::vector<Seen> as_browser_events(std::vector<Seen> events) {
  for (Seen& e : events) {
    e = {e.name.empty() ? "message" : as_browser_text(e.name), as_browser_text(e.data), as_browser_text(e.id)};
  }
  return events;
}

void read_expected(llmroute::json::Reader& in, std::vector<Seen>& events) {
  in.object([&](std::string_view key) {
    if (key != "events") return;
    in.array([&] {
      Seen& e = events.emplace_back();
      in.object([&](std::string_view field) {
        if (field == "type") in.text(e.name);
        else if (field == "data") in.text(e.data);
        else if (field == "lastEventId") in.text(e.id);
      });
    });
  });
}

std::string whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  INFO(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("an event is its data lines up to a blank line") {
  check_events("", {});
  check_events("data: one\n\n", {{"", "one"}});
  check_events("data: one\n\ndata: two\n\n", {{"", "one"}, {"", "two"}});
  check_events("data: one\ndata: two\ndata: three\n\n", {{"", "one\ntwo\nthree"}});
  check_events("data\n\n", {{"", ""}});
  check_events("data:\n\n", {{"", ""}});
  check_events("data\ndata\n\n", {{"", "\n"}});
  check_events("data:\ndata: x\ndata:\n\n", {{"", "\nx\n"}});
  check_events("\n\n\n\ndata: late\n\n\n\n", {{"", "late"}});
}

TEST_CASE("a line of a stream ends with LF, CRLF or CR, and with nothing else") {
  check_events("data: a\ndata: b\n\n", {{"", "a\nb"}});
  check_events("data: a\r\ndata: b\r\n\r\n", {{"", "a\nb"}});
  check_events("data: a\rdata: b\r\r", {{"", "a\nb"}});
  check_events("data: a\r\ndata: b\rdata: c\n\r\ndata: d\r\r\n", {{"", "a\nb\nc"}, {"", "d"}});
  check_events("data: a\n\rdata: b\n\n\rdata: c\r\n\r\n", {{"", "a"}, {"", "b"}, {"", "c"}});
  check_events(
      "data: a\vb\fc\xC2\x85"
      "d\xE2\x80\xA8"
      "e\n\n",
      {{"",
        "a\vb\fc\xC2\x85"
        "d\xE2\x80\xA8"
        "e"}});
}

TEST_CASE("the end of a line is found at any length of the line") {
  for (std::size_t length = 0; length < 1100; ++length) {
    const std::string value(length, 'x');
    for (const std::string& end : std::vector<std::string>{"\n", "\r", "\r\n"}) {
      const std::string line = "data:" + value + end;
      Reader reader;
      reader.feed(line + line + end + line + end);
      const Told told = reader.finish({});
      INFO(length << " bytes and " << end.size());
      REQUIRE(told == Told{{{"", value + "\n" + value}, {"", value}}, End::complete});
    }
  }
}

TEST_CASE("an event is handed over with the CR that ends it, before a LF could follow") {
  sse::Parser parser;
  int events = 0;
  const auto count = [&](const sse::Event&) { return ++events != 0; };
  parser.feed("data: x\r\n\r", count);
  CHECK(events == 1);
  parser.feed("\ndata: y\r\n\r\n", count);
  CHECK(events == 2);
  CHECK(parser.finish() == End::complete);
}

TEST_CASE("one blank after the colon is no part of a value, any more are") {
  check_events("data:x\n\n", {{"", "x"}});
  check_events("data: x\n\n", {{"", "x"}});
  check_events("data:  x \n\n", {{"", " x "}});
  check_events("data:\tx\n\n", {{"", "\tx"}});
  check_events("data: \n\n", {{"", ""}});
  check_events("data:  \n\n", {{"", " "}});
  check_events("data: {\"url\": \"https://a.example/:x\"}\n\n", {{"", "{\"url\": \"https://a.example/:x\"}"}});
  check_events("data::x\n\n", {{"", ":x"}});
}

TEST_CASE("an event's name is the last one before its blank line, and does not reach the next event") {
  check_events("event: delta\ndata: x\n\ndata: y\n\n", {{"delta", "x"}, {"", "y"}});
  check_events("data: x\nevent:delta\n\n", {{"delta", "x"}});
  check_events("event: first\nevent: second\ndata: x\n\n", {{"second", "x"}});
  check_events("event: first\nevent\ndata: x\n\n", {{"", "x"}});
  check_events("event: ping\n\ndata: x\n\n", {{"", "x"}});
}

TEST_CASE("an event without data is none") {
  check_events("event: ping\n\n", {});
  check_events("id: 4\n\n: only a comment\n\n", {});
}

TEST_CASE("an id stays until the server sends another one") {
  check_events("data: x\n\nid: 7\ndata: y\n\ndata: z\n\nid\ndata: w\n\n",
               {{"", "x", ""}, {"", "y", "7"}, {"", "z", "7"}, {"", "w", ""}});
  check_events("id: 7\n\ndata: x\n\n", {{"", "x", "7"}});
  check_events("id: 7\nid: 8\0\ndata: x\n\n"sv, {{"", "x", "7"}});
}

TEST_CASE("comments, unknown fields and retry are passed over") {
  check_events(": keep-alive\n\n: keep-alive\n\ndata: x\n\n", {{"", "x"}});
  check_events("data: x\n:\n: y\n:data: z\ndata: w\n\n", {{"", "x\nw"}});
  check_events("retry: 3000\nfoo: bar\nbar\nDATA: x\ndata : x\n data: x\ndatax: x\ndat: x\n\ndata: y\n\n", {{"", "y"}});
}

TEST_CASE("bytes are handed on as they are") {
  check_events("data: \0a\0\n\n"sv, {{"", std::string("\0a\0", 3)}});
  check_events("data: gr\xC3\xBC\xC3\x9F dich \xF0\x9F\x98\x80\n\n", {{"", "gr\xC3\xBC\xC3\x9F dich \xF0\x9F\x98\x80"}});
  check_events("data: \xFF\xC3\ndata: \x80\n\n", {{"", "\xFF\xC3\n\x80"}});
}

TEST_CASE("a byte order mark is skipped at the start of the stream and nowhere else") {
  check_events(
      "\xEF\xBB\xBF"
      "data: x\n\n",
      {{"", "x"}});
  check_events(
      "\xEF\xBB\xBF\n\n"
      "data: x\n\n",
      {{"", "x"}});
  check_events("\xEF\xBB\xBF: comment\ndata: x\n\n", {{"", "x"}});
  check_events(
      "\xEF\xBB\xBF\xEF\xBB\xBF"
      "data: x\n\ndata: y\n\n",
      {{"", "y"}});
  check_events(
      "\n\xEF\xBB\xBF"
      "data: x\n\ndata: y\n\n",
      {{"", "y"}});
  check_events(
      "\xEF\xBB"
      "data: x\n\ndata: y\n\n",
      {{"", "y"}});
  check_events("\xEF\xBB\xBF", {});
  check_events("\xEF\xBB", {}, End::truncated);
}

TEST_CASE("the end of a stream says what was pending") {
  SECTION("nothing") {
    check_events("data: x\n\n", {{"", "x"}}, End::complete);
    check_events("data: x\r\r", {{"", "x"}}, End::complete);
    check_events("data: x\n\n: comment\n", {{"", "x"}}, End::complete);
    check_events("data: x\n\nid: 4\nfoo: bar\n", {{"", "x"}}, End::complete);
  }
  SECTION("only a blank line was missing") {
    check_events("data: x\n\ndata: y\n", {{"", "x"}}, End::unterminated);
    check_events("data: x\r", {}, End::unterminated);
    check_events("event: ping\n", {}, End::unterminated);
  }
  SECTION("the end of a line was missing") {
    check_events("data: x\n\ndata: y", {{"", "x"}}, End::truncated);
    check_events("data: x\n\ndata: y\nd", {{"", "x"}}, End::truncated);
    check_events("data: x\n\n: comm", {{"", "x"}}, End::truncated);
  }
}

TEST_CASE("a stream that says nothing but [DONE] is told from one that says something") {
  check_events("data: [DONE]\n\n", {{"", "[DONE]"}}, End::sentinel_only);
  check_events(": ping\n\nevent: end\r\ndata:[DONE]\r\n\r\n", {{"end", "[DONE]"}}, End::sentinel_only);
  check_events("data: [DONE]\n\ndata: [DONE]\n\n", {{"", "[DONE]"}, {"", "[DONE]"}}, End::sentinel_only);
  check_events("data: x\n\ndata: [DONE]\n\n", {{"", "x"}, {"", "[DONE]"}}, End::complete);
  check_events("data: [DONE]\n\ndata: x\n\n", {{"", "[DONE]"}, {"", "x"}}, End::complete);
  check_events("data: [DONE] \n\n", {{"", "[DONE] "}}, End::complete);
  check_events("data: [done]\n\n", {{"", "[done]"}}, End::complete);
  check_events("data\n\n", {{"", ""}}, End::complete);
  check_events("data: [DONE]\n\ndata: x\n", {{"", "[DONE]"}}, End::unterminated);
  check_events("data: [DONE]\n\nd", {{"", "[DONE]"}}, End::truncated);
  check_events("data: [DONE]\n", {}, End::unterminated);

  const auto take = [](const sse::Event&) { return true; };
  sse::Parser parser;
  parser.feed("data: x\n\n", take);
  parser.reset();
  parser.feed("data: [DONE]\n\n", take);
  CHECK(parser.finish() == End::sentinel_only);
  parser.reset();
  CHECK(parser.finish() == End::complete);
}

TEST_CASE("an event that lacks only its blank line is handed over at the end if asked for") {
  const auto at_end = [](std::string_view bytes, std::vector<Seen> events, End end) {
    check_in_any_chunks({bytes, Leftover::whole_lines}, {std::move(events), end});
  };
  at_end("data: x\n\ndata: [DONE]\n", {{"", "x"}, {"", "[DONE]"}}, End::unterminated);
  at_end("id: 3\nevent: stop\ndata: {}\ndata: {}\n", {{"stop", "{}\n{}", "3"}}, End::unterminated);
  at_end("data\r", {{"", ""}}, End::unterminated);
  at_end("event: ping\n", {}, End::unterminated);
  at_end("data: x\n\n", {{"", "x"}}, End::complete);
  at_end("data: x\ndata: y", {}, End::truncated);
  at_end("data: [DONE]", {}, End::truncated);
}

TEST_CASE("an event whose last line was cut is handed over at the end only to those who can tell") {
  const auto at_end = [](std::string_view bytes, std::vector<Seen> events, End end) {
    check_in_any_chunks({bytes, Leftover::cut_line_too}, {std::move(events), end});
  };
  at_end("data: x\n\ndata: [DONE]", {{"", "x"}, {"", "[DONE]"}}, End::truncated);
  at_end("event: stop\ndata: {}\ndata: {", {{"stop", "{}\n{"}}, End::truncated);
  at_end("data: {}\ndat", {{"", "{}"}}, End::truncated);
  at_end("data: x\n", {{"", "x"}}, End::unterminated);
  at_end(
      "\xEF\xBB\xBF"
      "data: x",
      {{"", "x"}}, End::truncated);
  at_end("event: st", {}, End::truncated);
  at_end(": comm", {}, End::truncated);
}

TEST_CASE("a finished parser takes nothing more, and says the same again when asked again") {
  sse::Parser parser;
  int events = 0;
  const auto count = [&](const sse::Event&) { return ++events != 0; };
  parser.feed("data: x\n", count);
  CHECK(parser.finish(count) == End::unterminated);
  CHECK(events == 1);
  CHECK_FALSE(parser.feed("\ndata: y\n\n", count));
  CHECK(parser.finish(count) == End::unterminated);
  CHECK(events == 1);
}

TEST_CASE("a callback that says stop hears nothing more until the parser is reset") {
  sse::Parser parser;
  std::string heard;
  const auto until_done = [&](const sse::Event& e) {
    heard += e.data;
    return e.data != "[DONE]";
  };
  CHECK(parser.feed("data: a\n\nda", until_done));
  CHECK_FALSE(parser.feed("ta: [DONE]\n\ndata: b\n\n", until_done));
  CHECK_FALSE(parser.feed("data: c\n\n", until_done));
  CHECK(parser.finish(until_done) == End::stopped);
  CHECK(heard == "a[DONE]");

  parser.reset();
  CHECK(parser.feed("data: d\n\n", until_done));
  CHECK(parser.finish(until_done) == End::complete);
  CHECK(heard == "a[DONE]d");
}

TEST_CASE("a callback that feeds its own parser is refused") {
  sse::Parser parser;
  int events = 0;
  bool inner = true;
  parser.feed("data: a\n\ndata: b\n\n", [&](const sse::Event&) {
    ++events;
    inner = parser.feed("data: c\n\n", [](const sse::Event&) { return true; });
    return true;
  });
  CHECK(events == 2);
  CHECK_FALSE(inner);
}

#if defined(__cpp_exceptions)
TEST_CASE("a callback that throws stops the parser") {
  sse::Parser parser;
  CHECK_THROWS(parser.feed("event: e\ndata: a\n\ndata: b\n\n", [](const sse::Event&) -> bool { throw 1; }));
  int events = 0;
  const auto count = [&](const sse::Event&) { return ++events != 0; };
  CHECK_FALSE(parser.feed("data: c\n\n", count));
  CHECK(parser.finish(count) == End::stopped);
  CHECK(events == 0);
}
#endif

TEST_CASE("an event larger than the limit ends the stream, however it was cut") {
  const auto limited = [](std::string_view bytes, std::size_t limit, std::vector<Seen> events, End end) {
    check_in_any_chunks({bytes, {}, limit}, {std::move(events), end});
  };
  limited("data: 34\n\ndata: 78\n\n", 8, {{"", "34"}, {"", "78"}}, End::complete);
  limited("data: 34\n\ndata: 789\n\ndata: 34\n\n", 8, {{"", "34"}}, End::too_large);
  limited("data: 34\n\ndata: 789", 8, {{"", "34"}}, End::too_large);
  limited("data:6\ndata:2\n\ndata:6\n\n", 12, {{"", "6\n2"}, {"", "6"}}, End::complete);
  limited("data:6\ndata:2\nx\n\ndata:6\n\n", 12, {}, End::too_large);
  limited("event: abcde\n\n", 12, {}, End::complete);
  limited("event: abcdef\n\n", 12, {}, End::too_large);
  limited(": 345678\n: 345678\n: 345678\ndata:678\n\n", 8, {{"", "678"}}, End::complete);
  limited(": 3456789\ndata:678\n\n", 8, {}, End::too_large);
  limited("data\n\n", 0, {}, End::too_large);
  limited("\r\n\r\n\n", 0, {}, End::complete);
  limited("data: x\n\n", static_cast<std::size_t>(-1), {{"", "x"}}, End::complete);
}

TEST_CASE("too large stays too large until the parser is reset") {
  sse::Parser parser(10);
  int events = 0;
  const auto count = [&](const sse::Event&) { return ++events != 0; };
  CHECK(parser.feed("data: 7", count));
  CHECK_FALSE(parser.feed("89012", count));
  CHECK_FALSE(parser.feed("\n\ndata: x\n\n", count));
  CHECK(parser.finish(count, Leftover::cut_line_too) == End::too_large);
  CHECK(events == 0);
  parser.reset();
  CHECK(parser.feed("data: x\n\n", count));
  CHECK(events == 1);
}

TEST_CASE("the limit is 64 MiB unless another is given") {
  const std::string chunk(1u << 20, 'x');
  const auto ignore = [](const sse::Event&) { return true; };
  sse::Parser parser;
  REQUIRE(parser.feed("data: ", ignore));
  for (int i = 0; i < 63; ++i) REQUIRE(parser.feed(chunk, ignore));
  REQUIRE(parser.feed(std::string_view(chunk).substr(6), ignore));
  CHECK_FALSE(parser.feed("x", ignore));
  CHECK(parser.finish() == End::too_large);
}

TEST_CASE("a one-line event inside a chunk is a view into that chunk") {
  const std::string chunk = "event: delta\ndata: inside\n\n: comment\ndata: again\r\n\r\n";
  const auto is_inside = [&](std::string_view view) {
    return view.data() >= chunk.data() && view.data() + view.size() <= chunk.data() + chunk.size();
  };
  int events = 0;
  sse::Parser parser;
  const tests::Allocations made;
  parser.feed(chunk, [&](const sse::Event& e) {
    ++events;
    if (events == 1) return is_inside(e.name) && is_inside(e.data);
    return is_inside(e.data);
  });
  const std::size_t allocations = made.count();
  CHECK(events == 2);
  CHECK(parser.finish() == End::complete);
  CHECK(allocations == 0);
}

TEST_CASE("a parser that was used before allocates nothing") {
  std::string stream = "\xEF\xBB\xBF: comment that is long enough to be no small string\n\n";
  for (int i = 0; i < 20; ++i) {
    stream +=
        "id: an id that is long enough to be no small string\nevent: a name that is long enough, too\r\n"
        "data: {\"text\": \"a line of data that is long enough\"}\ndata: and another line of it, as long\r\n\r\n";
  }
  sse::Parser parser;
  std::size_t bytes = 0;
  const auto add = [&](const sse::Event& e) { return (bytes += e.data.size()) != 0; };
  const auto run = [&](std::size_t step) {
    parser.reset();
    for (std::size_t at = 0; at < stream.size(); at += step) parser.feed(std::string_view(stream).substr(at, step), add);
    return parser.finish(add);
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
  CHECK(bytes > 0);
}

TEST_CASE("a parser that was reset remembers nothing of the stream before") {
  std::string heard;
  const auto listen = [&](const sse::Event& e) {
    heard.append(e.name).append(":").append(e.data).append(":").append(e.id).append(" ");
    return true;
  };
  for (const std::string_view before :
       {"id: 1\nevent: e\ndata: a\nda", "id: 1\nevent: e\ndata: a\r", "\r", "d", "\xEF\xBB", "id: 1\n\n"}) {
    for (const std::string_view after : {"data: b\n\n",
                                         "\xEF\xBB\xBF"
                                         "data: b\n\n",
                                         "\n\xEF\xBB\xBF"
                                         "data: a\n\ndata: b\n\n"}) {
      INFO(before << " / " << after);
      heard.clear();
      sse::Parser parser(100);
      parser.feed(before, listen);
      parser.reset();
      parser.feed(after, listen);
      CHECK(heard == ":b: ");
      CHECK(parser.finish() == End::complete);
    }
  }
}

// What is pending is copied when it is first held back and once more when its line is whole, never for each chunk: memory
// is asked for as often as it doubles. The lengths are such that work in their square would not end while anybody waits.
TEST_CASE("a stream that comes byte by byte takes linear work") {
  constexpr std::size_t length = 1u << 20;
  const auto byte_by_byte = [](std::string_view stream) {
    sse::Parser parser;
    std::size_t bytes = 0;
    const tests::Allocations made;
    for (std::size_t at = 0; at < stream.size(); ++at) {
      parser.feed(stream.substr(at, 1), [&](const sse::Event& e) { return (bytes += e.data.size()) != 0; });
    }
    const std::size_t allocations = made.count();
    CHECK(allocations < 80);
    return bytes;
  };
  CHECK(byte_by_byte("data: " + std::string(length, 'x') + "\n\n") == length);
  CHECK(byte_by_byte("foo" + std::string(length, 'x') + "\ndata: x\n\n") == 1);

  std::string lines;
  for (std::size_t i = 0; i < length / 8; ++i) lines += "data: y\n";
  CHECK(byte_by_byte(lines + "\n") == length / 4 - 1);
}

TEST_CASE("a chunk of very many lines takes linear work") {
  for (const std::string_view line_end : {"\n", "\r", "\r\n"}) {
    constexpr std::size_t count = 1u << 19;
    std::string stream;
    for (std::size_t i = 0; i < count; ++i) stream.append("data").append(line_end).append(line_end);
    sse::Parser parser;
    std::size_t events = 0;
    CHECK(parser.feed(stream, [&](const sse::Event&) { return ++events != 0; }));
    CHECK(events == count);
  }
}

TEST_CASE("a parser can be copied and moved between two chunks") {
  std::string heard;
  const auto listen = [&](const sse::Event& e) {
    heard.append(e.name).append(":").append(e.data).append(" ");
    return true;
  };
  sse::Parser first;
  first.feed("event: e\ndata: a\ndata: b", listen);
  sse::Parser copy = first;
  sse::Parser moved = std::move(first);
  copy.feed("c\n\n", listen);
  moved.feed("d\n\n", listen);
  CHECK(heard == "e:a\nbc e:a\nbd ");
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<sse::Parser>);
}

TEST_CASE("JSON that stands between events without a field is one, where it is asked for") {
  const auto read = [](const std::string& stream, std::size_t step, sse::BareJson bare) {
    sse::Parser parser(64u << 20, bare);
    std::vector<std::string> data;
    const auto keep = [&](const sse::Event& e) { return data.emplace_back(e.data), true; };
    for (std::size_t i = 0; i < stream.size(); i += step) parser.feed(std::string_view(stream).substr(i, step), keep);
    static_cast<void>(parser.finish(keep, sse::Leftover::cut_line_too));
    return data;
  };
  using Data = std::vector<std::string>;
  for (const std::string end : {"\n", "\r\n", "\r"})
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
      const std::string one = "data: 1" + end + end;
      const std::string stream = one + "{" + end + "  \"a\": 1" + end + "}" + end + end + one;
      CHECK(read(stream, step, sse::BareJson::event) == Data{"1", "{\n  \"a\": 1\n}", "1"});
      CHECK(read(stream, step, sse::BareJson::ignored) == Data{"1", "1"});
      CHECK(read(one + "{\"a\":1}", step, sse::BareJson::event) == Data{"1", "{\"a\":1}"});
      CHECK(read("data: 1" + end + "{}" + end + end, step, sse::BareJson::event) == Data{"1"});  // in an event it is a field
    }
}

TEST_CASE("streams drawn at random mean the same however they are cut") {
  constexpr std::string_view pieces[]{"data", "data: ",   "data:x", "event: e", "id: 1", ": c",  "foo",      ":",
                                      " ",    "\n",       "\n",     "\n\n",     "\r",    "\r\n", "\r\n\r\n", "\xEF\xBB\xBF",
                                      "\xEF", "\xC3\xBC", "x",      "{}"};
  INFO("seed: " << tests::seed());
  std::mt19937 random(tests::seed());
  for (int round = 0; round < 300; ++round) {
    std::string stream;
    for (auto n = random() % 14; n > 0; --n) stream += pieces[random() % std::size(pieces)];
    const std::size_t limit = random() % 4 == 0 ? random() % 20 : 1000;
    for (const std::optional<Leftover> leftover :
         {std::optional<Leftover>{}, std::optional(Leftover::whole_lines), std::optional(Leftover::cut_line_too)}) {
      Reader whole(limit);
      whole.feed(stream);
      check_in_any_chunks({stream, leftover, limit}, whole.finish(leftover));
    }
  }
}

TEST_CASE("streams of the conformance suite mean what a browser makes of them") {
  const char* const folder = std::getenv("LLMROUTE_CONFORMANCE");
  if (folder == nullptr) {
    WARN("skipped: LLMROUTE_CONFORMANCE is not set");
    return;
  }
  std::ifstream file(std::string(folder) + "/sse/cases.jsonl");
  REQUIRE(file);
  int cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    std::string id;
    std::string input;
    std::vector<std::string> chunks;
    std::vector<Seen> expected;
    llmroute::json::Reader in(line);
    in.object([&](std::string_view key) {
      if (key == "id") in.text(id);
      else if (key == "input_b64") input = from_base64(in.text());
      else if (key == "chunks_b64") in.array([&] { chunks.push_back(from_base64(in.text())); });
      else if (key == "expect") read_expected(in, expected);
    });
    REQUIRE(in.done());
    INFO(id);
    Reader reader;
    reader.feed(input);
    const Told whole = reader.finish({});
    CHECK(as_browser_events(whole.events) == expected);
    for (const std::string& chunk : chunks) reader.feed(chunk);
    if (!chunks.empty()) CHECK(reader.finish({}) == whole);
    check_in_any_chunks({input}, whole);
  }
  CHECK(cases > 200);
}

// What its dialect makes of the events decides; the parser's own word is for a stream of nothing but the sentinel.
TEST_CASE("ends of streams of the conformance suite are told apart") {
  const char* const folder = std::getenv("LLMROUTE_CONFORMANCE");
  if (folder == nullptr) {
    WARN("skipped: LLMROUTE_CONFORMANCE is not set");
    return;
  }
  const std::string json = whole_file(std::string(folder) + "/sse/sentinel_cases.json");
  llmroute::json::Reader in(json);
  int cases = 0;
  in.array([&] {
    std::string id, input, outcome;
    in.object([&](std::string_view key) {
      if (key == "id") in.text(id);
      else if (key == "input_b64") input = from_base64(in.text());
      else if (key == "outcome") in.text(outcome);
    });
    if (id.starts_with("anthropic")) return;  // another dialect's
    // Blanks behind the sentinel are forgiven here.
    if (id == "suffix-space" || id == "suffix-tab") outcome = "complete";
    INFO(id);
    llmroute::ReplyBuilder reply;
    const auto read = [&](const sse::Event& e) { return llmroute::dialect::openai.event(e.name, e.data, reply, {}); };
    sse::Parser parser;
    for (const char& c : input) parser.feed({&c, 1}, read);
    const End end = parser.finish(read);
    std::string told = "truncated";
    if (reply.error.seen) told = "provider_error";
    else if (reply.malformed) told = "protocol_error";
    else if (reply.complete) told = "complete";
    else if (reply.finish) told = "complete_no_sentinel";
    CHECK(told == outcome);
    if (id.starts_with("exact") || id == "named-event-exact") CHECK(end == End::sentinel_only);
    else CHECK(end != End::sentinel_only);
    ++cases;
  });
  REQUIRE(in.done());
  CHECK(cases == 17);
}

TEST_CASE("recorded streams of the conformance suite end with the event that ends the message") {
  const char* const folder = std::getenv("LLMROUTE_CONFORMANCE");
  if (folder == nullptr) {
    WARN("skipped: LLMROUTE_CONFORMANCE is not set");
    return;
  }
  const std::string streams = std::string(folder) + "/sse/streams/";
  std::ifstream index(streams + "index.tsv");
  REQUIRE(index);
  std::string line;
  std::getline(index, line);
  int files = 0;
  for (; std::getline(index, line); ++files) {
    const std::string name = line.substr(0, line.find('\t'));
    INFO(name);
    const std::string input = whole_file(streams + name);
    const std::string json = whole_file(streams + name + ".expected.json");
    std::vector<Seen> expected;
    llmroute::json::Reader in(json);
    read_expected(in, expected);
    REQUIRE(in.done());
    Reader reader;
    reader.feed(input);
    CHECK(as_browser_events(reader.finish({}).events) == expected);

    reader.feed(input);
    const Told with_leftover = reader.finish(Leftover::cut_line_too);
    REQUIRE_FALSE(with_leftover.events.empty());
    CHECK(with_leftover.events.back().name == "message_stop");
    check_in_any_chunks({input, Leftover::cut_line_too}, with_leftover);
  }
  CHECK(files == 10);
}
