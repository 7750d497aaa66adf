// SPDX-License-Identifier: MIT
// The JSON reader against one that works in another way: the same texts are good, and they say the same. What was read is
// written again, and says it still.
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"
#include "slow_json.hpp"
#include "target.hpp"

namespace tests::fuzz {

namespace {

namespace json = llmroute::json;
using slow::Value;

json::Kind kind_of(const Value& value) {
  switch (value.kind) {
    case Value::Kind::null: return json::Kind::null;
    case Value::Kind::boolean: return json::Kind::boolean;
    case Value::Kind::number: return json::Kind::number;
    case Value::Kind::string: return json::Kind::string;
    case Value::Kind::array: return json::Kind::array;
    case Value::Kind::object: break;
  }
  return json::Kind::object;
}

bool same(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

// Every read of another kind than the value's is refused, and costs nothing.
void refuse_wrong(json::Reader& in, const Value& value) {
  std::string text = "kept";
  std::int64_t integer = 42;
  double number = 42;
  bool boolean = true;
  const std::size_t offset = in.offset();
  bool taken = false;
  if (value.kind != Value::Kind::string) taken = taken || in.text(text) || in.append_text(text) || !in.text().empty();
  if (value.kind != Value::Kind::number) taken = taken || in.integer(integer) || in.number(number);
  if (value.kind != Value::Kind::boolean) taken = taken || in.boolean(boolean);
  if (value.kind != Value::Kind::array) taken = in.array([&] { taken = true; }) || taken;
  if (value.kind != Value::Kind::object) taken = in.object([&](std::string_view) { taken = true; }) || taken;
  expect(!taken && text == "kept" && integer == 42 && same(number, 42) && boolean, "a value is not read as another kind");
  expect(in.offset() == offset && in.kind() == kind_of(value), "a read that is refused changes nothing");
}

void compare_number(json::Reader& in, std::string_view source) {
  const auto expected = slow::to_integer(source);
  const double nearest = slow::to_double(source);
  std::int64_t integer = 42;
  double number = 42;
  std::int8_t byte = 42;
  const bool fits = expected && *expected >= -128 && *expected <= 127;
  if (!fits) expect(!in.integer(byte) && byte == 42, "an integer that does not fit is not taken");
  if (!expected) expect(!in.integer(integer) && integer == 42, "what is no integer is not taken as one");
  if (std::isinf(nearest)) {
    expect(!in.number(number) && same(number, 42), "infinity is not taken");
    return;
  }
  json::Reader again(source);
  expect(again.number(number) && same(number, nearest), "a number reads as the nearest double");
  if (fits) expect(in.integer(byte) && byte == *expected, "a small integer reads as it is");
  else if (expected) expect(in.integer(integer) && integer == *expected, "an integer reads as it is");
}

void compare(json::Reader& in, const Value& value, Plan& plan) {
  expect(in.kind() == kind_of(value), "the kind is known before the value");
  if (plan.one_in(4)) refuse_wrong(in, value);
  if (plan.one_in(8)) return;  // left lying: nothing behind it moves
  if (plan.one_in(8)) return expect(in.skip() && in.kind() == json::Kind::none, "what is skipped is gone");
  if (plan.one_in(8)) return expect(in.raw() == value.source, "raw is the value as it stands");
  std::string text = "x";
  bool truth = false;
  std::size_t count = 0;
  switch (value.kind) {
    case Value::Kind::null: break;
    case Value::Kind::boolean: expect(in.boolean(truth) && truth == value.truth, "a boolean reads as it is"); break;
    case Value::Kind::number: compare_number(in, value.source); break;
    case Value::Kind::string:
      if (plan.one_in(2)) expect(in.text() == value.text, "a string reads as it is");
      else if (plan.one_in(2)) expect(in.text(text) && text == value.text, "a string replaces");
      else expect(in.append_text(text) && text == "x" + value.text, "a string is appended");
      break;
    case Value::Kind::array:
      expect(in.array([&](std::size_t index) {
        expect(index == count && count < value.items.size(), "elements come in order");
        compare(in, value.items[count++], plan);
      }) && count == value.items.size(),
             "every element comes");
      break;
    case Value::Kind::object:
      expect(in.object([&](std::string_view key) {
        expect(count < value.keys.size() && key == value.keys[count], "keys come in order, the same twice among them");
        compare(in, value.items[count++], plan);
      }) && count == value.items.size(),
             "every member comes");
  }
}

// Of a text that may be bad: takes this and leaves that.
void wander(json::Reader& in, Plan& plan, std::size_t& steps) {
  ++steps;
  std::string text;
  double number = 0;
  if (plan.one_in(5)) return;
  if (plan.one_in(5)) return static_cast<void>(in.raw());
  in.append_text(text) || in.number(number) || in.array([&] { wander(in, plan, steps); }) ||
      in.object([&](std::string_view) { wander(in, plan, steps); });
  expect(slow::is_utf8(text), "what a string says is UTF-8, whatever follows");
}

void write(json::Writer& to, const Value& value) {
  switch (value.kind) {
    case Value::Kind::null: to.null(); break;
    case Value::Kind::boolean: to.boolean(value.truth); break;
    case Value::Kind::string: to.text(value.text); break;
    case Value::Kind::number:
      if (const auto integer = slow::to_integer(value.source)) to.number(*integer);
      else to.number(slow::to_double(value.source));
      break;
    case Value::Kind::array:
      to.begin_array();
      for (const Value& item : value.items) write(to, item);
      to.end_array();
      break;
    case Value::Kind::object:
      to.begin_object();
      for (std::size_t i = 0; i < value.items.size(); ++i) write(to.key(value.keys[i]), value.items[i]);
      to.end_object();
  }
}

void expect_same(const Value& written, const Value& read) {
  if (written.kind == Value::Kind::number && std::isinf(slow::to_double(written.source)))
    return expect(read.kind == Value::Kind::null, "infinity is written as null");
  expect(written.kind == read.kind && written.truth == read.truth && written.text == read.text && written.keys == read.keys &&
             written.items.size() == read.items.size(),
         "what is written reads back");
  if (written.kind == Value::Kind::number) {
    const auto integer = slow::to_integer(written.source);
    if (integer) expect(integer == slow::to_integer(read.source), "an integer that is written reads back");
    else expect(same(slow::to_double(written.source), slow::to_double(read.source)), "a double that is written reads back");
  }
  for (std::size_t i = 0; i < written.items.size(); ++i) expect_same(written.items[i], read.items[i]);
}

void run(std::string_view bytes) {
  Plan plan(bytes);
  const auto expected = slow::json(bytes);
  json::Reader only(bytes);
  expect(only.done() == expected.has_value(), "both readers take the same texts");
  expect(only.failed() != expected.has_value() && only.error().empty() == expected.has_value(), "what fails says why");
  expect(only.offset() <= bytes.size(), "a failure lies in the text");

  const std::size_t depth = plan.below(12);
  const auto shallow = slow::json(bytes, depth);
  expect(json::valid(bytes, depth) == shallow.has_value(), "both readers take the same depth");
  expect(shallow.has_value() == (expected && expected->depth <= depth), "the slow reader counts depth well");

  json::Reader wandering(bytes);
  std::size_t steps = 0;
  wander(wandering, plan, steps);
  expect(steps <= bytes.size() + 1, "each value is met once");
  expect(wandering.done() == expected.has_value(), "whatever is taken and left, the verdict is the same");
  if (!expected) return expect(wandering.kind() == json::Kind::none && wandering.raw().empty(), "a failure stays");

  json::Reader in(bytes);
  compare(in, *expected, plan);
  expect(in.done(), "a text that was read is done");

  std::string out;
  json::Writer to(out);
  write(to, *expected);
  expect(to.done(), "what was read can be written");
  const auto again = slow::json(out);
  expect(again.has_value(), "what is written is JSON");
  expect_same(*expected, *again);
}

constexpr std::string_view seeds[]{
    R"({"a":[1,-2.5e3,true,false,null,"x"],"b":{"c":{}},"a":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"})",
    "[\"\\ud800\",\"\\uD800\\uDC00\\uDBFF\\uDFFF\\uDBFF\\uE000\\uD7FF\\uDC00\",\"\\udc00\\ud800\",\"\\ud800\\ud800\\udc00x\",\"\xF0\x9F\x98\x80\xC3\xA9\xE2\x82\xAC\xED\x9F\xBF\xEE\x80\x80\"]",
    "\xEF\xBB\xBF[1]",
    "[\"\xED\xA0\x80\"]",
    "[\"\xC0\xAF\",\"\xF4\x90\x80\x80\",\"\xE2\x82\"]",
    "[9223372036854775807,-9223372036854775808,9223372036854775808,1e18,1.0e19,12.0e-1,0.1e1,-0,-0.0,3.0,127,128,-128,-129]",
    "[1.7976931348623157e308,1.7976931348623159e308,5e-324,2.4703282292062327e-324,2.2250738585072011e-308,1e400,-1e-400]",
    "[9007199254740993,0.1,123456789012345678901234567890,9007199254740992.999999999999999999,1e23,8.5e-324,1E+2,1e-2]",
    "[[[[[[[[[[[[[[[[{\"\":[]}]]]]]]]]]]]]]]]]",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["  // 64
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    " \t\r\n[ 0 , 1 ] \n",
    "[1,]",
    "{\"a\":1,}",
    "[01]",
    "[-]",
    "[1.]",
    "[.5]",
    "[1e]",
    "[+1]",
    "[\"\\x\"]",
    "[\"\\u12g4\"]",
    "[\"\t\"]",
    "[\"\x7F\"]",
    "nulll",
    "true false",
    "{\"a\" 1}",
    "{1:2}",
    "\"",
    "",
};

}  // namespace

const Target json_target{"json", run, seeds};

}  // namespace tests::fuzz
