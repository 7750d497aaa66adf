// SPDX-License-Identifier: MIT
#include "llmroute/wire/json_writer.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../allocations.hpp"
#include "../catch.hpp"

namespace json = llmroute::json;
using namespace std::string_view_literals;

namespace {

template <class Write>
std::string written(Write write) {
  std::string out;
  json::Writer w(out);
  write(w);
  return w.done() ? out : "not done: " + std::string(w.error());
}

std::string quoted(std::string_view text) {
  return written([&](json::Writer& w) { w.text(text); });
}

std::string read_back(std::string_view literal) {
  json::Reader in(literal);
  std::string text;
  in.text(text);
  return in.done() ? text : "not valid";
}

}  // namespace

TEST_CASE("a request is written as it is told, with its commas") {
  const std::string prefix = "vendor/", model = "m-1";
  std::string body = "before ";
  json::Writer w(body);
  w.begin_object();
  w.key("model").text(prefix, model);
  w.key("temperature").number(0.7);
  w.key("max_tokens").number(std::int64_t{256});
  w.key("stream").boolean(true);
  w.key("stop").null();
  w.key("messages").begin_array();
  for (const char* role : {"system", "user"}) {
    w.begin_object().key("role").text(role).key("content").text("Hi \"", role, "\"\n").end_object();
  }
  w.end_array();
  w.key("tools").begin_array().end_array();
  w.key("metadata").begin_object().end_object();
  w.key("response_format").raw(" {\"type\" : \"json_object\"} ");
  w.members(R"({ "seed": 7, "logit_bias": {"50256": -100} })");
  w.key("n").number(1);
  CHECK_FALSE(w.done());
  w.end_object();
  CHECK(w.ok());
  CHECK(w.done());
  CHECK(body == R"(before {"model":"vendor/m-1","temperature":0.7,"max_tokens":256,"stream":true,"stop":null,"messages":[)"
                R"({"role":"system","content":"Hi \"system\"\n"},{"role":"user","content":"Hi \"user\"\n"}],"tools":[],)"
                R"("metadata":{},"response_format":{"type" : "json_object"},"seed": 7, "logit_bias": {"50256": -100},"n":1})");
}

TEST_CASE("a lone value is a whole text") {
  CHECK(quoted("") == "\"\"");
  CHECK(written([](json::Writer& w) { w.text(); }) == "\"\"");
  CHECK(written([](json::Writer& w) { w.null(); }) == "null");
  CHECK(written([](json::Writer& w) { w.boolean(false); }) == "false");
  CHECK(written([](json::Writer& w) { w.begin_array().end_array(); }) == "[]");
  CHECK(written([](json::Writer& w) { w.raw("\t17\n"); }) == "17");
  CHECK(written([](json::Writer& w) {
          w.begin_array().begin_object().end_object().begin_array().null().end_array().end_array();
        }) == "[{},[null]]");
  CHECK(written([](json::Writer&) {}) == "not done: ");
}

TEST_CASE("every ASCII character is written so that it reads back") {
  for (int c = 0; c < 0x80; ++c) {
    const std::string text(1, static_cast<char>(c));
    CAPTURE(c);
    CHECK(read_back(quoted(text)) == text);
    CHECK((quoted(text).size() == 3) == (c >= 0x20 && c != '"' && c != '\\'));
  }
  CHECK(quoted("\"\\/\b\f\n\r\t\x01\x1F\x7F") == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\"");
  CHECK(quoted("\0"sv) == "\"\\u0000\"");
}

TEST_CASE("special characters are found wherever they stand in a long text") {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const char c : {'"', '\\', '\0', '\n', '\x1F'}) {
        std::string text(size, ' ');
        text[at] = c;
        REQUIRE(read_back(quoted(text)) == text);
      }
      std::string text(size, '!');
      text[at] = '\xFF';
      REQUIRE(read_back(quoted(text)) == text.substr(0, at) + "\xEF\xBF\xBD" + text.substr(at + 1));
    }
  }
}

TEST_CASE("well-formed UTF-8 passes as it is, and everything else becomes U+FFFD") {
  CHECK(quoted("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80") == "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"");
  const std::string lost = "\xEF\xBF\xBD";
  CHECK(quoted("a\x80z") == "\"a" + lost + "z\"");
  CHECK(quoted("\xC0\xAF") == "\"" + lost + lost + "\"");
  CHECK(quoted("\xE2\x82") == "\"" + lost + "\"");
  CHECK(quoted("\xE2\x82z") == "\"" + lost + "z\"");
  CHECK(quoted("\xED\xA0\x80") == "\"" + lost + lost + lost + "\"");
  CHECK(quoted("\xF0\x9F\x98\"") == "\"" + lost + "\\\"\"");
  CHECK(written([](json::Writer& w) { w.begin_object().key("\xFF\n").null().end_object(); }) == "{\"" + lost + "\\n\":null}");
}

TEST_CASE("a text in pieces is the text in one piece, wherever it was cut") {
  std::string text = "a\xC3\xA4\xE2\x82\xAC\"\xF0\x9F\x98\x80\n";
  text += "\xE2\x82|\xF0\x9F\x98|\xF0\x9F|\xED\xA0\x80|\xC3\xC3\xA4|\xFF\x80|\xE2\x82";
  const std::string whole = quoted(text);
  for (std::size_t a = 0; a <= text.size(); ++a) {
    for (std::size_t b = a; b <= text.size(); ++b) {
      const std::string_view all = text, first = all.substr(0, a), second = all.substr(a, b - a), third = all.substr(b);
      REQUIRE(written([&](json::Writer& w) { w.text(first, second, third); }) == whole);
    }
  }
  CHECK(written([&](json::Writer& w) {
          w.begin_text();
          for (const char& c : text) w.piece({&c, 1}).piece("");
          w.end_text();
        }) == whole);
  CHECK(written([](json::Writer& w) { w.begin_array().text("a", "\xE2").text("\x82\xAC").end_array(); }) ==
        "[\"a\xEF\xBF\xBD\",\"\xEF\xBF\xBD\xEF\xBF\xBD\"]");  // but not from one text into another
}

TEST_CASE("numbers of every type are written in full, and those that JSON lacks are null") {
  CHECK(written([](json::Writer& w) {
          w.begin_array();
          w.number(0).number(-1).number(std::uint8_t{255}).number(std::int8_t{-128});
          w.number((std::numeric_limits<std::int64_t>::min)()).number((std::numeric_limits<std::int64_t>::max)());
          w.number((std::numeric_limits<std::uint64_t>::max)()).number(std::size_t{7});
          w.number(1.5).number(-0.0).number(1e100).number(HUGE_VAL).number(-HUGE_VAL).number(std::nan(""));
          w.end_array();
        }) ==
        "[0,-1,255,-128,-9223372036854775808,9223372036854775807,18446744073709551615,7,"
        "1.5,-0,1e+100,null,null,null]");
}

TEST_CASE("raw JSON that is not exactly one valid value is refused, and nothing is written after it") {
  for (const std::string_view raw : {""sv, " "sv, "{"sv, "{}x"sv, "1,2"sv, "1]"sv, "nul"sv, "\"\xFF\""sv, "{\"a\":1,}"sv}) {
    CAPTURE(raw);
    std::string body;
    json::Writer w(body);
    w.begin_object().key("a").raw(raw);
    CHECK_FALSE(w.ok());
    CHECK(w.error() == "raw JSON is not one valid value");
    w.key("b").number(1).end_object().members("{}").begin_text().piece("x").end_text();
    CHECK_FALSE(w.done());
    CHECK(w.error() == "raw JSON is not one valid value");
    CHECK(body == "{\"a\":");
  }
}

TEST_CASE("members are spliced in wherever members can stand") {
  const auto spliced = [](std::string_view before, std::string_view members, bool more) {
    return written([&](json::Writer& w) {
      w.begin_object();
      if (!before.empty()) w.key(before).number(1);
      w.members(members);
      if (more) w.key("z").null();
      w.end_object();
    });
  };
  CHECK(spliced("", "{}", false) == "{}");
  CHECK(spliced("", " { \n } ", true) == "{\"z\":null}");
  CHECK(spliced("a", "{ }", true) == "{\"a\":1,\"z\":null}");
  CHECK(spliced("", "{\"b\":[2]}", true) == "{\"b\":[2],\"z\":null}");
  CHECK(spliced("a", "\t{ \"b\" : {} }\n", false) == "{\"a\":1,\"b\" : {}}");
  CHECK(spliced("a", "{\"b\":1,\"c\":2}", true) == "{\"a\":1,\"b\":1,\"c\":2,\"z\":null}");
  for (const std::string_view no : {""sv, "[]"sv, "null"sv, "\"{}\""sv, "{"sv, "{\"b\":1},\"c\":{}"sv, "{}}"sv, "{\"b\"}"sv}) {
    CAPTURE(no);
    CHECK(spliced("a", no, true) == "not done: raw members are not one valid object");
  }
  CHECK(written([](json::Writer& w) { w.begin_array().members("{}").end_array(); }) ==
        "not done: members where none can stand");
  CHECK(written([](json::Writer& w) { w.members("{}"); }) == "not done: members where none can stand");
  CHECK(written([](json::Writer& w) { w.begin_object().key("a").members("{}").end_object(); }) ==
        "not done: members where none can stand");
}

TEST_CASE("calls that break the grammar are refused and said") {
  using Write = void (*)(json::Writer&);
  struct Case {
    Write write;
    std::string_view error;
  };
  const Case cases[] = {
      {[](json::Writer& w) { w.null().null(); }, "a value where none can stand"},
      {[](json::Writer& w) { w.begin_object().text("a").end_object(); }, "a value where none can stand"},
      {[](json::Writer& w) { w.begin_object().key("a").key("b"); }, "a key where none can stand"},
      {[](json::Writer& w) { w.key("a"); }, "a key where none can stand"},
      {[](json::Writer& w) { w.begin_array().key("a"); }, "a key where none can stand"},
      {[](json::Writer& w) { w.begin_object().begin_array(); }, "a value where none can stand"},
      {[](json::Writer& w) { w.begin_object().key("a").end_object(); }, "an end without its beginning"},
      {[](json::Writer& w) { w.begin_object().end_array(); }, "an end without its beginning"},
      {[](json::Writer& w) { w.begin_array().end_object(); }, "an end without its beginning"},
      {[](json::Writer& w) { w.end_array(); }, "an end without its beginning"},
      {[](json::Writer& w) { w.begin_array().end_array().end_array(); }, "an end without its beginning"},
      {[](json::Writer& w) { w.begin_text().end_array(); }, "an end without its beginning"},
      {[](json::Writer& w) { w.begin_array().begin_text().null(); }, "a value where none can stand"},
      {[](json::Writer& w) { w.begin_object().key("a").begin_text().key("b"); }, "a key where none can stand"},
      {[](json::Writer& w) { w.piece("a"); }, "a piece outside of a text"},
      {[](json::Writer& w) { w.end_text(); }, "the end of a text outside of one"},
      {[](json::Writer& w) { w.begin_array(); }, ""},
      {[](json::Writer& w) { w.begin_text(); }, ""},
      {[](json::Writer& w) { w.begin_object().key("a"); }, ""},
  };
  for (const Case& c : cases) CHECK(written(c.write) == "not done: " + std::string(c.error));
}

TEST_CASE("the writer nests as deep as the reader reads, and raw JSON counts") {
  const auto nested = [](std::size_t depth, std::string_view raw) {
    return written([&](json::Writer& w) {
      for (std::size_t i = 0; i < depth; ++i) i % 3 == 0 ? w.begin_object().key("a") : w.begin_array();
      w.raw(raw);
      for (std::size_t i = depth; i-- > 0;) i % 3 == 0 ? w.end_object() : w.end_array();
    });
  };
  CHECK(json::valid(nested(128, "1")));
  CHECK(json::valid(nested(126, "[{}]")));
  CHECK(nested(127, "[{}]") == "not done: raw JSON is not one valid value");
  CHECK(nested(129, "1") == "not done: nested too deeply");
  const auto deep_members = [](std::size_t depth, std::string_view members) {
    return written([&](json::Writer& w) {
      for (std::size_t i = 1; i < depth; ++i) w.begin_array();
      w.begin_object().members(members).end_object();
      for (std::size_t i = 1; i < depth; ++i) w.end_array();
    });
  };
  CHECK(json::valid(deep_members(128, "{\"a\":1}")));
  CHECK(json::valid(deep_members(127, "{\"a\":[]}")));
  CHECK(deep_members(128, "{\"a\":[]}") == "not done: raw members are not one valid object");
}

TEST_CASE("nothing is allocated but the text itself") {
  std::string body;
  body.reserve(4096);
  const std::string text(100, 'x');
  const tests::Allocations made;
  json::Writer w(body);
  w.begin_object().key("a").text(text, "\xE2", "\x82", text).key("b").number(0.1).key("c").number(-7);
  w.key("d").raw("[[[{\"k\":[1,2,3]}]]]").members(R"({"e":"\u00e4","f":{}})").end_object();
  const bool done = w.done();
  const std::size_t allocations = made.count();
  CHECK(done);
  CHECK(allocations == 0);
}

TEST_CASE("any bytes are written as valid JSON, and what was UTF-8 comes back unchanged") {
  INFO("seed " << tests::seed());
  std::mt19937 random(tests::seed());
  for (int round = 0; round < 5'000; ++round) {
    std::string bytes, characters;
    for (std::size_t i = random() % 50; i-- > 0;) {
      bytes += static_cast<char>(random() % 4 == 0 ? random() % 256 : 0x70 + random() % 0x90);
      const char32_t limits[] = {0x20, 0x80, 0x800, 0x10000, 0x110000};
      llmroute::utf8::append(characters, static_cast<char32_t>(random() % limits[random() % 5]));
    }
    const std::string from_bytes = quoted(bytes), from_characters = quoted(characters);
    const std::string again = read_back(from_bytes);
    const bool good = json::valid(from_bytes) && read_back(from_characters) == characters && quoted(again) == from_bytes &&
                      again.size() >= bytes.size();
    if (!good) {
      CAPTURE(bytes, characters);
      CHECK(good);
    }
  }
  SUCCEED();
}

TEST_CASE("what cannot be JSON does not compile") {
  static_assert([]<class W>(W*) { return requires(W w, bool b) { w.boolean(b); }; }(static_cast<json::Writer*>(nullptr)));
  static_assert([]<class W>(W*) { return !requires(W w) { w.boolean("yes"); }; }(static_cast<json::Writer*>(nullptr)));
  static_assert([]<class W>(W*) { return !requires(W w) { w.boolean(1); }; }(static_cast<json::Writer*>(nullptr)));
  static_assert([]<class W>(W*) { return !requires(W w) { w.text(1); }; }(static_cast<json::Writer*>(nullptr)));
  SUCCEED();
}
