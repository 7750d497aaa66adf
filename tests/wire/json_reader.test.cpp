// SPDX-License-Identifier: MIT
#include "llmroute/wire/json_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "llmroute/wire/json_writer.hpp"

#include "../allocations.hpp"
#include "../catch.hpp"

namespace json = llmroute::json;
using namespace std::string_view_literals;
using json::Kind;

namespace {

// A copy that ends where the text ends, so that a sanitizer sees a read behind it.
class Exact {
 public:
  explicit Exact(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
    if (size_ != 0) std::memcpy(bytes_.get(), text.data(), size_);
  }
  std::string_view text() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

// Reads everything through callbacks and writes it again without spaces. What does not fit a double becomes null.
void copy(json::Reader& in, json::Writer& out) {
  double number = 0;
  std::int64_t integer = 0;
  bool flag = false;
  switch (in.kind()) {
    case Kind::object:
      out.begin_object();
      in.object([&](std::string_view key) {
        out.key(key);
        copy(in, out);
      });
      out.end_object();
      break;
    case Kind::array:
      out.begin_array();
      in.array([&] { copy(in, out); });
      out.end_array();
      break;
    case Kind::string: out.text(in.text()); break;
    case Kind::number:
      if (in.integer(integer)) {
        out.number(integer);
      } else if (in.number(number)) {
        out.number(number);
      } else {
        out.null();
      }
      break;
    case Kind::boolean:
      in.boolean(flag);
      out.boolean(flag);
      break;
    default: out.null();
  }
}

struct Copied {
  bool valid;
  std::string text;
};
Copied copied(std::string_view text) {
  Copied result{};
  json::Reader in(text);
  json::Writer out(result.text);
  copy(in, out);
  result.valid = in.done();
  return result;
}

bool accepted(std::string_view text) {
  const Exact exact(text);
  const bool valid = json::valid(exact.text());
  CHECK(copied(exact.text()).valid == valid);  // skipping and reading agree
  return valid;
}

std::string text_of(std::string_view literal) {
  json::Reader in(literal);
  std::string text = "not a string";
  in.text(text);
  return in.done() ? text : "not valid";
}

const std::string_view reply = R"({"id": "chat-1", "object":"chat.completion" , "model":"m\/1", "created":1754400000,
  "choices": [{"index":0, "message":{"role":"assistant","content":"Gr\u00fc\u00dfe \ud83d\ude00 \u20ac","tool_calls":[
    {"id":"c1","function":{"name":"f","arguments":"{\"x\": [1, 2.5e3]}"}}]},"logprobs":null,"finish_reason":"stop"},
  {"index":1, "message":{"content":null}}], "usage":{"prompt_tokens":12,"completion_tokens":3.0,"cost":1.5e-7},
  "extra":[[],{},[{}],true,false,null,-0,"Ü 漢 😀"]} )";

}  // namespace

TEST_CASE("a caller takes what it knows, and the rest is skipped") {
  json::Reader in(reply);
  std::string model, content, arguments;
  std::uint32_t prompt = 0, completion = 0;
  double cost = 0;
  std::vector<std::size_t> indices;
  const bool is_object = in.object([&](std::string_view key) {
    if (key == "model") {
      in.text(model);
    } else if (key == "choices") {
      in.array([&](std::size_t index) {
        indices.push_back(index);
        in.object([&](std::string_view k) {
          if (k != "message") return;
          in.object([&](std::string_view m) {
            if (m == "content") in.append_text(content);
            if (m != "tool_calls") return;
            in.array([&] {
              in.object([&](std::string_view c) {
                if (c != "function") return;
                in.object([&](std::string_view f) {
                  if (f == "arguments") in.text(arguments);
                });
              });
            });
          });
        });
      });
    } else if (key == "usage") {
      in.object([&](std::string_view k) {
        if (k == "prompt_tokens") in.integer(prompt);
        if (k == "completion_tokens") in.integer(completion);
        if (k == "cost") in.number(cost);
      });
    }
  });
  CHECK(is_object);
  CHECK(in.done());
  CHECK(in.error().empty());
  CHECK(in.offset() == reply.size());
  CHECK(model == "m/1");
  CHECK(content == "Grüße 😀 €");
  CHECK(arguments == R"({"x": [1, 2.5e3]})");
  CHECK(indices == std::vector<std::size_t>{0, 1});
  CHECK(prompt == 12);
  CHECK(completion == 3);
  CHECK(cost == 1.5e-7);
}

TEST_CASE("a value of another kind is refused, left for another try, and then skipped") {
  json::Reader in(R"({"a":null,"b":{"c":[1]},"d":"x","e":17,"f":[true]})");
  std::string text = "before";
  std::int64_t integer = -1;
  double number = -1;
  bool flag = false;
  std::string kinds;
  in.object([&](std::string_view key) {
    CHECK_FALSE(in.boolean(flag));
    if (key != "d") CHECK_FALSE(in.text(text));
    if (key != "e") CHECK_FALSE(in.integer(integer));
    if (key != "e") CHECK_FALSE(in.number(number));
    if (key != "b") CHECK_FALSE(in.object([](std::string_view) { FAIL("no object"); }));
    if (key != "f") CHECK_FALSE(in.array([] { FAIL("no array"); }));
    if (key == "e") CHECK(in.integer(integer));
    CHECK((in.kind() == Kind::none) == (key == "e"));
    CHECK_FALSE(in.failed());
    kinds += key;
  });
  CHECK(kinds == "abdef");
  CHECK(text == "before");
  CHECK(integer == 17);
  CHECK(number == -1);
  CHECK(in.done());
}

TEST_CASE("a value can be taken once") {
  json::Reader in(R"(["a", "b"])");
  std::string taken;
  in.array([&] {
    CHECK(in.append_text(taken));
    CHECK_FALSE(in.append_text(taken));
    CHECK(in.text().empty());
    CHECK(in.raw().empty());
    CHECK(in.kind() == Kind::none);
    CHECK(in.skip());
  });
  CHECK(taken == "ab");
  CHECK(in.done());
}

TEST_CASE("the kind of a value is known before it is read") {
  const std::vector<Kind> expected = {Kind::object, Kind::array,   Kind::string,  Kind::number,
                                      Kind::number, Kind::boolean, Kind::boolean, Kind::null};
  std::vector<Kind> kinds;
  json::Reader in(R"([{}, [], "", 0, -1, true, false, null])");
  CHECK(in.kind() == Kind::array);
  in.array([&](std::size_t) { kinds.push_back(in.kind()); });
  CHECK(kinds == expected);
  CHECK(in.kind() == Kind::none);
  CHECK(json::Reader("").kind() == Kind::none);
  CHECK(json::Reader("?").kind() == Kind::none);
}

TEST_CASE("a text that is a lone value is read like any other") {
  json::Reader number(" -7 ");
  int value = 0;
  CHECK(number.integer(value));
  CHECK(value == -7);
  CHECK(number.done());
  json::Reader unread("\t{\"a\" : [ ] }\r\n");
  CHECK_FALSE(unread.boolean(*std::make_unique<bool>()));
  CHECK(unread.done());
}

TEST_CASE("what nobody reads is checked all the same") {
  for (const std::string_view text : {R"({"a":{"b":[tru]}})"sv, R"({"a":"\x"})"sv, R"({"a":01})"sv, R"({"a":[1 2]})"sv}) {
    CAPTURE(text);
    json::Reader in(text);
    int members = 0;
    CHECK_FALSE(in.object([&](std::string_view) { ++members; }));
    CHECK(members == 1);
    CHECK(in.failed());
    CHECK_FALSE(in.done());
  }
}

TEST_CASE("valid texts are accepted") {
  for (const std::string_view text : {"{}"sv,
                                      "[]"sv,
                                      "null"sv,
                                      "\"\""sv,
                                      "0"sv,
                                      "-0"sv,
                                      "-0.0e-0"sv,
                                      "1E+2"sv,
                                      "10.01"sv,
                                      " [ 1 , {\"\":\"\"} ] "sv,
                                      "[[[]],[{}],{\"a\":[]}]"sv,
                                      "\"\x7F\""sv,
                                      "\"\\u0000\\\"\\\\\\/\\b\\f\\n\\r\\t\""sv,
                                      "{\"a\":1,\"a\":2}"sv,
                                      "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\""sv,
                                      "\"\\uDFAA\""sv,
                                      "1e400"sv,
                                      "-1e-400"sv,
                                      "123456789012345678901234567890"sv,
                                      "[true\n,\r\nfalse\t]"sv}) {
    CAPTURE(text);
    CHECK(accepted(text));
  }
}

TEST_CASE("malformed texts are rejected") {
  for (const std::string_view text : {""sv,
                                      " "sv,
                                      "{"sv,
                                      "}"sv,
                                      "["sv,
                                      "]"sv,
                                      ","sv,
                                      ":"sv,
                                      "\""sv,
                                      "{]"sv,
                                      "[}"sv,
                                      "[1}"sv,
                                      "{\"a\":1]"sv,
                                      "[,]"sv,
                                      "[1,]"sv,
                                      "[,1]"sv,
                                      "[1,,2]"sv,
                                      "[1 2]"sv,
                                      "{,}"sv,
                                      "{\"a\"}"sv,
                                      "{\"a\":}"sv,
                                      "{\"a\" 1}"sv,
                                      "{\"a\"::1}"sv,
                                      "{\"a\":1,}"sv,
                                      "{a:1}"sv,
                                      "{1:1}"sv,
                                      "{null:1}"sv,
                                      "{'a':1}"sv,
                                      "{\"a\":1 \"b\":2}"sv,
                                      "[1]]"sv,
                                      "{}{}"sv,
                                      "1 2"sv,
                                      "[1],"sv,
                                      "nul"sv,
                                      "nulll"sv,
                                      "True"sv,
                                      "tru e"sv,
                                      "NaN"sv,
                                      "Infinity"sv,
                                      "-Infinity"sv,
                                      "+1"sv,
                                      "-"sv,
                                      "--1"sv,
                                      "01"sv,
                                      "-01"sv,
                                      "1."sv,
                                      ".5"sv,
                                      "1.e3"sv,
                                      "1e"sv,
                                      "1e+"sv,
                                      "1e+-2"sv,
                                      "1ee2"sv,
                                      "0x10"sv,
                                      "1_000"sv,
                                      "1,000"sv,
                                      "\"\n\""sv,
                                      "\"\t\""sv,
                                      "\"\0\""sv,
                                      "\"\x1F\""sv,
                                      "\"\\\""sv,
                                      "\"\\a\""sv,
                                      "\"\\'\""sv,
                                      "\"\\u\""sv,
                                      "\"\\u123\""sv,
                                      "\"\\u123g\""sv,
                                      "\"\\U0041\""sv,
                                      "\"\\u 041\""sv,
                                      "\"\\u@041\""sv,
                                      "'a'"sv,
                                      "\"a"sv,
                                      "[\"a]"sv,
                                      "// c\n1"sv,
                                      "/**/1"sv,
                                      "\xEF\xBB\xBF{}"sv,
                                      "\xC2\xA0[]"sv,
                                      "[1]\0"sv,
                                      "\0"sv,
                                      "\v1"sv,
                                      "[\f]"sv,
                                      "{\"a\":1}x"sv,
                                      "\"a\"b\""sv,
                                      "\"\x80\""sv,
                                      "\"\xC0\xAF\""sv,
                                      "\"\xC3\""sv,
                                      "\"\xED\xA0\x80\""sv,
                                      "\"\xF4\x90\x80\x80\""sv,
                                      "\"\xFF\""sv,
                                      "\"\xE2\x82\""sv,
                                      "\"\xE2\x82"sv,
                                      "{\"\xFF\":1}"sv}) {
    CAPTURE(text);
    CHECK_FALSE(accepted(text));
  }
  CHECK_FALSE(json::valid(std::string_view()));
}

TEST_CASE("a bad byte is found wherever it stands in a long string") {
  for (std::size_t size = 1; size < 30; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const char bad : {'\0', '\n', '\x1F', '\x80', '\xFF', '"'}) {
        std::string text = '"' + std::string(size, '\x7F') + '"';
        REQUIRE(json::valid(text));
        text[at + 1] = bad;
        REQUIRE_FALSE(json::valid(Exact(text).text()));
      }
    }
  }
}

TEST_CASE("escapes say what RFC 8259 says they say, and half a surrogate pair is U+FFFD") {
  CHECK(text_of(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(text_of(R"("a\u0041\u00e4\u20AC\uFFFFz")") == "aA\xC3\xA4\xE2\x82\xAC\xEF\xBF\xBFz");
  CHECK(text_of(R"("\u0000")") == std::string(1, '\0'));
  CHECK(text_of(R"("\uD834\uDD1E\uDBFF\uDFFF\ud800\udc00")") == "\xF0\x9D\x84\x9E\xF4\x8F\xBF\xBF\xF0\x90\x80\x80");
  const std::string lost(llmroute::utf8::replacement);
  CHECK(text_of(R"("\uD834")") == lost);
  CHECK(text_of(R"("\uDD1E")") == lost);
  CHECK(text_of(R"("\uDD1E\uD834")") == lost + lost);
  CHECK(text_of(R"("\uDD1E\uDD1E")") == lost + lost);
  CHECK(text_of(R"("\uD834\uE000")") == lost + "\xEE\x80\x80");
  CHECK(text_of(R"("\uD834\uD834\uDD1E")") == lost + "\xF0\x9D\x84\x9E");
  CHECK(text_of(R"("\uD834x\n")") == lost + "x\n");
  CHECK(text_of(R"("\uD834\n")") == lost + "\n");
  CHECK(text_of(R"("\uD834\u0041")") == lost + "A");
  CHECK(text_of(R"("\uD834\\uDD1E")") == lost + "\\uDD1E");
}

TEST_CASE("a string without escapes is a view into the text, and reading it allocates nothing") {
  const std::string_view text =
      R"({"a long key, longer than a string keeps in place":["a value that is long, too, as it goes"]})";
  std::string_view key_seen, value_seen;
  const tests::Allocations made;
  json::Reader in(text);
  in.object([&](std::string_view key) {
    key_seen = key;
    in.array([&] { value_seen = in.text(); });
  });
  const bool done = in.done();
  const std::size_t allocations = made.count();
  CHECK(done);
  CHECK(allocations == 0);
  CHECK(key_seen.data() == text.data() + 2);
  CHECK(value_seen.data() == text.data() + text.find("a value"));
}

TEST_CASE("what is passed over and what is no string allocates nothing") {
  json::Reader in(reply);
  double number = 0, sum = 0;
  std::string_view raw;
  const tests::Allocations made;
  in.object([&](std::string_view key) {
    if (key == "created" && in.number(number)) sum += number;
    if (key == "usage") in.object([&](std::string_view) { sum += in.number(number) ? number : 0; });
    if (key == "choices") raw = in.raw();
  });
  const bool done = in.done();
  const bool deep = json::valid(
      R"({"\u0061\n, a key with escapes that is long":["\ud83d\ude00, a text of the same kind",1.7976931348623157e308]})");
  const std::size_t allocations = made.count();
  CHECK(done);
  CHECK(deep);
  CHECK(allocations == 0);
  CHECK(sum == 1754400015 + 1.5e-7);
  CHECK(raw.starts_with("[{"));
}

TEST_CASE("a key with escapes stays readable while its value is read") {
  const std::string_view text =
      R"({"k\u0065y that needs to be built, and is long":{"inn\u0065r key, which is built as well":"v\u0061lue"}})";
  json::Reader in(text);
  in.object([&](std::string_view outer) {
    in.object([&](std::string_view inner) {
      CHECK(in.text() == "value");
      CHECK(inner == "inner key, which is built as well");
    });
    CHECK(outer == "key that needs to be built, and is long");
  });
  CHECK(in.done());
}

TEST_CASE("a key that comes twice is reported twice, so that the last one wins") {
  json::Reader in(R"({"a":1,"b":2,"\u0061":3})");
  int value = 0, calls = 0;
  in.object([&](std::string_view key) {
    ++calls;
    if (key == "a") in.integer(value);
  });
  CHECK(in.done());
  CHECK(calls == 3);
  CHECK(value == 3);
}

TEST_CASE("numbers that do not fit are refused and not mangled") {
  json::Reader in(R"([300, -1, 2.5, 9223372036854775808, 1e400, -1e400, 1e-400, 9007199254740993])");
  std::uint8_t small_one = 7;
  std::int64_t integer = 7;
  double number = 7;
  std::string log;
  in.array([&](std::size_t index) {
    log += in.integer(small_one) ? 'b' : '-';
    log += in.integer(integer) ? 'i' : '-';
    log += in.number(number) ? 'd' : '-';
    if (index == 3) CHECK(number == 9223372036854775808.0);
    if (index == 4) CHECK(number == 9223372036854775808.0);
  });
  CHECK(in.done());
  CHECK(log ==
        "-i-"
        "-i-"
        "--d"
        "--d"
        "---"
        "---"
        "--d"
        "-i-");
  CHECK(small_one == 7);
  CHECK(number == 0);
  CHECK(integer == 9007199254740993);
}

TEST_CASE("raw gives a value's own text, checked and without the space around it") {
  json::Reader in(R"({"a" :  { "x" : [1,"\u00e4"] }  , "b": -1.50e+2 ,"c":nul})");
  std::vector<std::string> seen;
  in.object([&](std::string_view) { seen.emplace_back(in.raw()); });
  CHECK(seen == std::vector<std::string>{R"({ "x" : [1,"\u00e4"] })", "-1.50e+2", ""});
  CHECK(in.failed());
}

TEST_CASE("containers nest 128 deep and no deeper") {
  const auto nested = [](std::size_t depth, bool objects) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += objects && i % 3 == 0 ? "{\"a\":" : "[";
    text += "1";
    for (std::size_t i = depth; i-- > 0;) text += objects && i % 3 == 0 ? '}' : ']';
    return text;
  };
  for (const bool objects : {false, true}) {
    CHECK(accepted(nested(json::max_depth, objects)));
    CHECK_FALSE(accepted(nested(json::max_depth + 1, objects)));
    CHECK(json::valid(nested(5, objects), 5));
    CHECK_FALSE(json::valid(nested(6, objects), 5));
    CHECK(json::valid(nested(128, objects), 4000));
    CHECK_FALSE(json::valid(nested(129, objects), 4000));
  }
  CHECK(json::valid("1", 0));
  CHECK_FALSE(json::valid("[]", 0));
  const std::string too_deep = nested(129, false);
  json::Reader deep(too_deep);
  CHECK_FALSE(deep.done());
  CHECK(deep.error() == "nested too deeply");
  CHECK(deep.offset() == 128);
  CHECK_FALSE(accepted(std::string(1'000'000, '[')));
  std::string siblings = "[";
  for (int i = 0; i < 1000; ++i) siblings += "[[]],{\"a\":{}},";
  CHECK(accepted(siblings + "0]"));
}

TEST_CASE("a mismatched bracket is seen at every depth") {
  for (std::size_t depth = 1; depth <= json::max_depth; ++depth) {
    std::string text(depth, '[');
    text += std::string(depth, ']');
    REQUIRE(json::valid(text));
    text[depth + (depth - 1) / 2] = '}';
    CHECK_FALSE(accepted(text));
  }
}

TEST_CASE("after a failure no callback runs, every read says no, and that stays so") {
  json::Reader in(R"([{"a":[1,{"b":2,"c":x,"d":4},5],"e":6},7])");
  std::string log;
  const bool read = in.array([&](std::size_t index) {
    log += std::to_string(index);
    in.object([&](std::string_view key) {
      log += key;
      in.array([&] {
        log += '.';
        in.object([&](std::string_view k) { log += k; });
      });
    });
  });
  CHECK_FALSE(read);
  CHECK(log == "0a..b");
  CHECK(in.failed());
  CHECK(in.error() == "a value was expected");
  CHECK(in.offset() == 20);
  std::string text = "before";
  double number = 1;
  bool flag = true;
  CHECK(in.kind() == Kind::none);
  CHECK_FALSE(in.text(text));
  CHECK_FALSE(in.append_text(text));
  CHECK_FALSE(in.number(number));
  CHECK_FALSE(in.integer(*std::make_unique<int>(1)));
  CHECK_FALSE(in.boolean(flag));
  CHECK_FALSE(in.object([](std::string_view) { FAIL("called"); }));
  CHECK_FALSE(in.array([] { FAIL("called"); }));
  CHECK(in.raw().empty());
  CHECK_FALSE(in.skip());
  CHECK_FALSE(in.done());
  CHECK(text == "before");
  CHECK(in.offset() == 20);
}

TEST_CASE("an error says what and where, and quotes nothing") {
  struct Case {
    std::string_view text, error;
    std::size_t offset;
  };
  for (const Case& c :
       {Case{"{\"a\":", "the text ends too early", 5}, Case{"\"abc", "the text ends too early", 4},
        Case{"\"abc\xE2\x82", "the text ends too early", 6}, Case{"\"\\u12", "the text ends too early", 5},
        Case{"tr", "the text ends too early", 2}, Case{"", "the text ends too early", 0},
        Case{"[1.x]", "a digit was expected", 3}, Case{"[truth]", "true, false or null was expected", 4},
        Case{"{\"secret\" 1}", "a colon was expected", 10}, Case{"{secret:1}", "a key was expected", 1},
        Case{"[1;2]", "a comma or the end of the container was expected", 2}, Case{"\"a\\qb\"", "no such escape", 3},
        Case{"\"\\u00x0\"", "four hexadecimal digits were expected", 5},
        Case{"\"\x01\"", "a control character in a string must be escaped", 1},
        Case{"\"ab\xFFsecret\"", "a string is not UTF-8", 3}, Case{"{} {}", "there is more behind the value", 3}}) {
    CAPTURE(c.text);
    json::Reader in(c.text);
    CHECK_FALSE(in.done());
    CHECK(in.error() == c.error);
    CHECK(in.offset() == c.offset);
  }
}

TEST_CASE("done inside a callback is a no, and does no harm") {
  json::Reader in("[[1],2]");
  in.array([&] { CHECK_FALSE(in.done()); });
  CHECK(in.done());
}

TEST_CASE("callbacks may be temporaries, variables and constants") {
  json::Reader in(R"([{"a":1},{"b":2}])");
  std::string keys;
  const auto member = [&](std::string_view key) { keys += key; };
  auto element = [&](std::size_t) mutable { in.object(member); };
  in.array(element);
  CHECK(in.done());
  CHECK(keys == "ab");
}

TEST_CASE("every beginning of a valid text is rejected, and nothing behind it is read") {
  const std::string_view text = reply.substr(0, reply.rfind('}') + 1);
  CHECK(accepted(reply));
  CHECK(accepted(text));
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    const Exact exact(text.substr(0, size));
    json::Reader in(exact.text());
    CHECK_FALSE(in.done());
    CHECK(in.error() == "the text ends too early");
    CHECK(in.offset() == size);
    CHECK_FALSE(copied(exact.text()).valid);
  }
}

TEST_CASE("reading everything and writing it again changes nothing but the form") {
  const Copied once = copied(reply);
  CHECK(once.valid);
  CHECK(copied(once.text).text == once.text);
  CHECK(once.text.starts_with(R"({"id":"chat-1","object":"chat.completion","model":"m/1","created":1754400000,"choices":[{)"));
  CHECK(once.text.ends_with(R"("cost":1.5e-7},"extra":[[],{},[{}],true,false,null,0,"Ü 漢 😀"]})"));
}

TEST_CASE("no bytes make the reader crash, hang, or disagree with itself") {
  INFO("seed " << tests::seed());
  std::mt19937 random(tests::seed());
  const std::string_view alphabet = "{}[]:,\"\\ut rufalsen0123456789.eE+-bD8c\n \xC3\xA4\xE2\xFF";
  std::size_t valid = 0, disagreements = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    if (round % 3 == 0) {
      text.resize(random() % 40);
      for (char& c : text) c = static_cast<char>(random() % 256);
    } else if (round % 3 == 1) {
      text.resize(random() % 12);
      for (char& c : text) c = alphabet[random() % alphabet.size()];
    } else {
      text = reply;
      for (std::size_t i = 1 + random() % 3; i-- > 0;) {
        const std::size_t at = random() % text.size();
        switch (random() % 3) {
          case 0: text[at] = alphabet[random() % alphabet.size()]; break;
          case 1: text.erase(at, 1 + random() % 4); break;
          default: text.insert(at, text.substr(random() % text.size(), random() % 20));
        }
      }
    }
    const Exact exact(text);
    const bool good = json::valid(exact.text());
    const Copied copy = copied(exact.text());
    valid += good ? 1 : 0;
    if (copy.valid != good || (good && !json::valid(copy.text)) || (good && copied(copy.text).text != copy.text)) {
      ++disagreements;
      CAPTURE(text);
      CHECK(disagreements == 0);
    }
  }
  CHECK(disagreements == 0);
  CHECK(valid > 100);  // the mutations leave something to compare
}

TEST_CASE("the reader takes what it is meant to take, at compile time") {
  static_assert(std::is_constructible_v<json::Reader, std::string_view>);
  static_assert(std::is_constructible_v<json::Reader, const char*>);
  static_assert(std::is_constructible_v<json::Reader, std::string&>);
  static_assert(std::is_constructible_v<json::Reader, const std::string&, std::size_t>);
  static_assert(!std::is_constructible_v<json::Reader, std::string>);
  static_assert(!std::is_convertible_v<std::string_view, json::Reader>);
  static_assert([]<class R>(R*) { return !requires(R in) { in.object([] {}); }; }(static_cast<json::Reader*>(nullptr)));
  static_assert([]<class R>(R*) { return !requires(R in, double d) { in.integer(d); }; }(static_cast<json::Reader*>(nullptr)));
  SUCCEED();
}

TEST_CASE("public collections of JSON texts are accepted and rejected as labelled") {
  const char* const folder = std::getenv("LLMROUTE_CONFORMANCE");
  if (folder == nullptr) {
    WARN("skipped: LLMROUTE_CONFORMANCE is not set");
    return;
  }
  const std::string root = std::string(folder) + "/json/";
  std::ifstream index(root + "index.tsv");
  REQUIRE(index);
  std::string line;
  std::getline(index, line);
  int rows = 0, must_accept = 0, must_reject = 0, may_accept = 0, may_reject = 0;
  while (std::getline(index, line)) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, '\t');) cells.push_back(cell);
    REQUIRE(cells.size() >= 8);
    const std::string &file = cells[0], &label = cells[1], &advice = cells[7];
    CAPTURE(file, label, advice);
    std::ifstream bytes(root + file, std::ios::binary);
    REQUIRE(bytes);
    const std::string text{std::istreambuf_iterator<char>(bytes), std::istreambuf_iterator<char>()};
    // Where there is a choice: half a surrogate pair is replaced, and a number that is too large is not a number.
    const bool replaced = advice.find("U+FFFD") != std::string::npos;
    const bool too_large = advice.starts_with("reject-or-null-number");
    const bool accept = advice.starts_with("accept") || replaced || too_large;
    if (label == "valid" || label == "roundtrip") CHECK(accept);
    if (label == "invalid" || label == "adversarial") CHECK_FALSE(accept);
    CHECK(accepted(text) == accept);
    const std::string_view name = std::string_view(file).substr(file.rfind('/') + 1);
    if (file.find("/test_parsing/") != std::string::npos) {  // JSONTestSuite, whose names say what it asks for
      if (name.starts_with("y_")) must_accept += json::valid(text) ? 1 : -1000;
      if (name.starts_with("n_")) must_reject += json::valid(text) ? -1000 : 1;
      if (name.starts_with("i_")) ++(json::valid(text) ? may_accept : may_reject);
    }
    const tests::Allocations made;
    static_cast<void>(json::valid(text));
    const std::size_t allocations = made.count();
    CHECK(allocations == 0);
    if (accept) {
      const Copied copy = copied(text);
      CHECK(json::valid(copy.text));
      CHECK(copied(copy.text).text == copy.text);
      if (replaced) CHECK(copy.text.find(llmroute::utf8::replacement) != std::string::npos);
      if (too_large) CHECK(copy.text.find("null") != std::string::npos);
      if (label == "roundtrip") CHECK(copied(copy.text).text == copy.text);
    }
    ++rows;
  }
  CHECK(rows >= 1968);
  CHECK(must_accept == 95);
  CHECK(must_reject == 188);
  CHECK(may_accept + may_reject == 35);
  INFO("JSONTestSuite leaves " << may_accept << " texts to us to accept and " << may_reject << " to reject");
}
