// SPDX-License-Identifier: MIT
// The JSON writer, called in any order with any bytes: it takes what the grammar allows and nothing else, and what it has
// written reads as what it was told.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
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

// A tree in one line, for comparison; numbers by their bits.
void describe(std::string& out, std::string_view text) { out.append(std::to_string(text.size())).append(":").append(text); }
void describe_number(std::string& out, double number) {
  out.append("#").append(std::to_string(std::bit_cast<std::uint64_t>(number)));
}
void describe(std::string& out, const Value& value);
void describe_items(std::string& out, const Value& value) {
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    if (!value.keys.empty()) describe(out, value.keys[i]);
    describe(out, value.items[i]);
  }
}
void describe(std::string& out, const Value& value) {
  switch (value.kind) {
    case Value::Kind::null: out += 'n'; break;
    case Value::Kind::boolean: out += value.truth ? 't' : 'f'; break;
    case Value::Kind::number: describe_number(out, slow::to_double(value.source)); break;
    case Value::Kind::string: describe(out, value.text); break;
    case Value::Kind::array:
    case Value::Kind::object:
      out += value.kind == Value::Kind::array ? '[' : '{';
      describe_items(out, value);
      out += value.kind == Value::Kind::array ? ']' : '}';
  }
}

// Which calls fit is said here once more: `open` is the stack of brackets.
class Program {
 public:
  explicit Program(std::string_view bytes) : rest_(bytes), plan_(bytes) {}

  void run() {
    while (!rest_.empty()) {
      const std::size_t size = out_.size();
      const bool fitted = fits_;
      step();
      expect(writer_.ok() == fits_ && writer_.error().empty() == fits_, "what fits is taken, and nothing else");
      expect(fitted || out_.size() == size, "behind a call that did not fit nothing is written");
      expect(writer_.done() == (fits_ && open_.empty() && !in_text_ && written_), "one whole value is done");
      expect(out_.starts_with("before"), "what stood in the string stays");
    }
    const std::string_view text = std::string_view(out_).substr(6);
    const auto read = slow::json(text);
    if (!writer_.done()) return expect(!fits_ || open_.empty() || !read, "a text that is not done passes for none");
    expect(read.has_value() && json::valid(text), "what is done is JSON");
    std::string found;
    describe(found, *read);
    expect(found == told_, "what was written reads as it was told");
  }

 private:
  bool in_object() const { return open_.ends_with('{') && !in_text_; }
  bool value_fits() const { return !in_text_ && (keyed_ || (!in_object() && (!open_.empty() || !written_))); }

  // Whether a value may stand here; if so, it does.
  bool value() {
    fits_ = fits_ && value_fits();
    if (!fits_) return false;
    keyed_ = false;
    written_ = true;
    return true;
  }

  std::string_view line() {
    const std::string_view line = rest_.substr(0, rest_.find('\n'));
    rest_.remove_prefix(line.size() < rest_.size() ? line.size() + 1 : line.size());
    return line;
  }
  std::uint64_t eight_bytes() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8 && !rest_.empty(); ++i, rest_.remove_prefix(1))
      value = value << 8 | static_cast<unsigned char>(rest_.front());
    return value;
  }

  void step() {
    const char call = rest_.front();
    rest_.remove_prefix(1);
    switch (call) {
      case '{':
      case '[': begin(call); break;
      case '}':
      case ']': end(call); break;
      case 'k': key(line()); break;
      case '"': text(line()); break;
      case 'b':
        if (value()) in_text_ = true, said_.clear();
        writer_.begin_text();
        break;
      case 'p': piece(line()); break;
      case 'e':
        fits_ = fits_ && in_text_;
        if (fits_) describe(told_, slow::made_utf8(said_)), in_text_ = false;
        writer_.end_text();
        break;
      case 'n':
        if (value()) told_ += 'n';
        writer_.null();
        break;
      case 't':
      case 'f':
        if (value()) told_ += call;
        writer_.boolean(call == 't');
        break;
      case 'd': number(std::bit_cast<double>(eight_bytes())); break;
      case 'i': integer(static_cast<std::int64_t>(eight_bytes())); break;
      case 'u': integer(eight_bytes()); break;
      case 's': integer(static_cast<std::int8_t>(eight_bytes())); break;
      case 'r': raw(line()); break;
      case 'm': members(line()); break;
      default: break;
    }
  }

  void begin(char bracket) {
    if (value()) {
      fits_ = open_.size() < json::max_depth;
      if (fits_) open_ += bracket, told_ += bracket, written_ = false;
    }
    bracket == '{' ? writer_.begin_object() : writer_.begin_array();
  }
  void end(char bracket) {
    fits_ = fits_ && !in_text_ && !keyed_ && open_.ends_with(bracket == '}' ? '{' : '[');
    if (fits_) open_.pop_back(), told_ += bracket, written_ = true;
    bracket == '}' ? writer_.end_object() : writer_.end_array();
  }
  void key(std::string_view name) {
    fits_ = fits_ && in_object() && !keyed_;
    if (fits_) describe(told_, slow::made_utf8(name)), keyed_ = true;
    writer_.key(name);
  }
  void text(std::string_view bytes) {
    if (value()) describe(told_, slow::made_utf8(bytes));
    const std::size_t at = plan_.below(bytes.size() + 1);
    if (plan_.one_in(2)) writer_.text(bytes);
    else writer_.text(bytes.substr(0, at), bytes.substr(at));
  }
  void piece(std::string_view bytes) {
    fits_ = fits_ && in_text_;
    if (fits_) said_ += bytes;
    writer_.piece(bytes);
  }
  void number(double value_told) {
    const bool finite = value_told - value_told == 0;
    if (value()) finite ? describe_number(told_, value_told) : static_cast<void>(told_ += 'n');
    writer_.number(value_told);
  }
  template <class Integer>
  void integer(Integer value_told) {
    if (value()) describe_number(told_, slow::to_double(std::to_string(value_told)));
    writer_.number(value_told);
  }
  void raw(std::string_view text_told) {
    const auto read = slow::json(text_told, json::max_depth - open_.size());
    if (value()) {
      fits_ = read.has_value();
      if (read) describe(told_, *read);
    }
    writer_.raw(text_told);
  }
  void members(std::string_view object) {
    fits_ = fits_ && in_object() && !keyed_;
    const auto read = slow::json(object, json::max_depth - open_.size() + 1);
    fits_ = fits_ && read && read->kind == Value::Kind::object;
    if (fits_) describe_items(told_, *read), written_ = written_ || !read->items.empty();
    writer_.members(object);
  }

  std::string_view rest_;
  Plan plan_;
  std::string out_ = "before";
  json::Writer writer_{out_};
  std::string told_{}, said_{}, open_{};
  bool fits_ = true;
  bool keyed_ = false;
  bool in_text_ = false;
  bool written_ = false;  // something stands at this level already
};

// Any bytes are a string, however they are cut.
void run_text(std::string_view bytes) {
  std::string out;
  json::Writer to(out);
  to.begin_text();
  in_pieces(bytes, Cut::somewhere, Plan(bytes), [&](std::string_view piece) { return to.piece(piece), true; });
  to.end_text();
  const auto read = slow::json(out);
  expect(to.done() && read && read->kind == Value::Kind::string, "any bytes are written as a string");
  expect(read->text == slow::made_utf8(bytes), "the string says the bytes, with U+FFFD for what is no UTF-8");
}

void run(std::string_view bytes) {
  run_text(bytes);
  Program(bytes).run();
}

using namespace std::string_view_literals;
constexpr std::string_view seeds[]{
    "{kmodel\n\"gpt\nkstop\n[\"\\n\n\"\x01\x7F\x80\n]kextra\nr {\"a\" : [1, 2]} \nm{\"b\":1, \"c\":{}}\nm {} \n}"sv,
    "[d\x3F\xB9\x99\x99\x99\x99\x99\x9A"
    "d\x7F\xF0\0\0\0\0\0\0"
    "d\0\0\0\0\0\0\0\1"
    "i\x80\0\0\0\0\0\0\0"
    "u\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
    "s\0\0\0\0\0\0\0\x80"
    "ntf]"sv,
    "bp\xE2\np\x82\np\xAC\xF0\x9F\np\x98\np\xE2\ne"sv,
    "\"\xF0\x9F\x98\x80 \xED\xA0\x80 \xC0\x80 \xF4\x90\x80\x80 \xE2\x82\x41 \xF0\x9F"sv,
    "[[[[[[[[{kx\n{}}]]]]]]]]"sv,
    "r[[[[]]]]\n"sv,
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[r[[]]\nr[]\n{kb\n{}m{\"a\":[]}\nm{\"a\":[[]]}\n"sv,  // 126 and what still fits
    "[r{\"a\":\n"sv,
    "{m[1]\n"sv,
    "{ka\nkb\n"sv,
    "{n"sv,
    "]"sv,
    "nn"sv,
    "bn"sv,
    "{ka\n}"sv,
};

}  // namespace

const Target json_writer_target{"json_writer", run, seeds};

}  // namespace tests::fuzz
