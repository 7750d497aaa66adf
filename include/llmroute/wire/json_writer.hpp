// SPDX-License-Identifier: MIT
//
// Writes JSON to the end of a string, piece by piece as the caller names it. Whatever bytes it is given, what comes out
// is valid JSON in valid UTF-8, or ok() is false.
#ifndef LLMROUTE_WIRE_JSON_WRITER_HPP
#define LLMROUTE_WIRE_JSON_WRITER_HPP

#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_scanner.hpp"
#include "llmroute/wire/number.hpp"
#include "llmroute/wire/utf8.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace llmroute::json {

/// Writes one value to the end of a string, which must outlive it; commas come by themselves.
///
///     json::Writer w(body);
///     w.begin_object();
///     w.key("model").text(prefix, model);
///     w.key("temperature").number(0.7);
///     w.key("stop").begin_array().text("\n").end_array();
///     w.members(extra);
///     w.end_object();
///     if (!w.done()) return refused(w.error());
///
/// Bytes that are no UTF-8 become U+FFFD. A call that would break the grammar, and raw JSON that is not valid, make
/// ok() false: nothing is written from there on, so a torn text can never pass for a whole one.
/// Allocates nothing but what the string itself grows by.
class Writer {
 public:
  explicit Writer(std::string& out) noexcept : out_(out) {}

  Writer& begin_object() { return open('{', true); }
  Writer& end_object() { return close('}', true); }
  Writer& begin_array() { return open('[', false); }
  Writer& end_array() { return close(']', false); }

  /// Names the member whose value comes next. Does not look for a key that was there before: readers take the last.
  Writer& key(std::string_view name) {
    if (!ok() || !expect(in_object() && !keyed_, "a key where none can stand")) return *this;
    separate();
    quote(name);
    out_.push_back(':');
    keyed_ = true;
    return *this;
  }

  /// One string of all the pieces, joined; a UTF-8 sequence may run from one into the next.
  template <std::convertible_to<std::string_view>... Pieces>
  Writer& text(const Pieces&... pieces) {
    begin_text();
    (piece(pieces), ...);
    return end_text();
  }

  /// The same by hand, for pieces that come out of a loop: begin_text(), any number of piece(), end_text().
  Writer& begin_text() {
    if (begin_value()) {
      out_.push_back('"');
      in_text_ = true;
    }
    return *this;
  }
  Writer& piece(std::string_view bytes) {
    if (ok() && expect(in_text_, "a piece outside of a text")) escape(bytes);
    return *this;
  }
  Writer& end_text() {
    if (!ok() || !expect(in_text_, "the end of a text outside of one")) return *this;
    end_quote();
    in_text_ = false;
    return *this;
  }

  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  Writer& number(Integer value) {
    if (!begin_value()) return *this;
    const auto bits = static_cast<std::uint64_t>(value);
    if (value < Integer{0}) out_.push_back('-');
    append_number(out_, value < Integer{0} ? 0 - bits : bits);
    return *this;
  }

  /// The shortest form that reads back as the same double. JSON has no infinity and no NaN: those become null.
  Writer& number(double value) {
    if (begin_value()) append_number(out_, value);
    return *this;
  }

  Writer& boolean(std::same_as<bool> auto value) { return word(value ? "true" : "false"); }
  Writer& null() { return word("null"); }

  /// A value that is JSON already.
  Writer& raw(std::string_view json) {
    if (!begin_value()) return *this;
    Reader in(json, max_depth - depth_);
    const std::string_view value = in.raw();
    if (expect(in.done(), "raw JSON is not one valid value")) out_.append(value);
    return *this;
  }

  /// The members of an object that is JSON already, into the object at hand: settings that this library does not know.
  Writer& members(std::string_view object) {
    if (!ok() || !expect(in_object() && !keyed_, "members where none can stand")) return *this;
    Reader in(object, max_depth - depth_ + 1);
    const bool is_object = in.kind() == Kind::object;
    std::string_view inside = in.raw();
    if (!expect(in.done() && is_object, "raw members are not one valid object")) return *this;
    inside = inside.substr(1, inside.size() - 2);
    const std::size_t first = inside.find_first_not_of(" \n\r\t");
    if (first == std::string_view::npos) return *this;
    separate();
    out_.append(inside.substr(first, inside.find_last_not_of(" \n\r\t") - first + 1));
    written_ = true;
    return *this;
  }

  /// Whether all calls so far fitted together.
  [[nodiscard]] bool ok() const noexcept { return error_.empty(); }
  /// Whether one whole value has been written.
  [[nodiscard]] bool done() const noexcept { return ok() && depth_ == 0 && written_ && !in_text_; }
  /// The first thing that did not fit, as a constant; empty as long as ok().
  [[nodiscard]] std::string_view error() const noexcept { return error_; }

 private:
  [[nodiscard]] bool in_object() const noexcept {
    return depth_ != 0 && !in_text_ && (objects_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1) != 0;
  }

  bool expect(bool fits, std::string_view otherwise) noexcept {
    if (!fits) error_ = otherwise;
    return fits;
  }

  void separate() {
    if (written_) out_.push_back(',');
  }

  // Whether a value may stand here; the comma in front of it, if so.
  bool begin_value() {
    if (!ok()) return false;
    const bool fits = keyed_ || (!in_text_ && !in_object() && (depth_ != 0 || !written_));
    if (!expect(fits, "a value where none can stand")) return false;
    if (!keyed_) separate();
    keyed_ = false;
    written_ = true;
    return true;
  }

  Writer& open(char bracket, bool object) {
    if (!begin_value() || !expect(depth_ != max_depth, "nested too deeply")) return *this;
    const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
    std::uint64_t& level = objects_[depth_ / 64];
    level = object ? level | bit : level & ~bit;
    ++depth_;
    written_ = false;
    out_.push_back(bracket);
    return *this;
  }
  Writer& close(char bracket, bool object) {
    const bool fits = depth_ != 0 && !in_text_ && !keyed_ && in_object() == object;
    if (!ok() || !expect(fits, "an end without its beginning")) return *this;
    --depth_;
    written_ = true;
    out_.push_back(bracket);
    return *this;
  }

  Writer& word(std::string_view letters) {
    if (begin_value()) out_.append(letters);
    return *this;
  }

  void quote(std::string_view bytes) {
    out_.push_back('"');
    escape(bytes);
    end_quote();
  }
  void end_quote() {
    if (cut_size_ != 0) out_.append(utf8::replacement);
    cut_size_ = 0;
    out_.push_back('"');
  }

  void escape(std::string_view bytes) {
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (cut_size_ != 0 && at != end) {  // the last piece ended inside of a sequence
      cut_[cut_size_] = *at;
      const utf8::Sequence sequence = utf8::sequence(cut_.data(), cut_.data() + cut_size_ + 1);
      if (sequence.found != utf8::Found::broken) ++at;
      if (sequence.found == utf8::Found::cut) {
        ++cut_size_;
        continue;
      }
      const bool whole = sequence.found == utf8::Found::whole;
      out_.append(whole ? std::string_view(cut_.data(), sequence.length) : utf8::replacement);
      cut_size_ = 0;
    }
    while (at != end) {
      const char* const plain = at;
      at = detail::end_of_plain(at, end);
      out_.append(plain, static_cast<std::size_t>(at - plain));
      if (at == end) return;
      if (static_cast<unsigned char>(*at) < 0x80) {
        escape_ascii(*at++);
        continue;
      }
      const utf8::Sequence sequence = utf8::sequence(at, end);
      if (sequence.found == utf8::Found::cut) {
        for (; at != end; ++at) cut_[cut_size_++] = *at;
        return;
      }
      out_.append(sequence.found == utf8::Found::whole ? std::string_view(at, sequence.length) : utf8::replacement);
      at += sequence.length;
    }
  }

  void escape_ascii(char c) {
    constexpr std::string_view special = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt", hex = "0123456789abcdef";
    const std::size_t index = special.find(c);
    if (index != std::string_view::npos) {
      out_.push_back('\\');
      out_.push_back(letters[index]);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out_.append("\\u00");
      out_.push_back(hex[byte / 16]);
      out_.push_back(hex[byte % 16]);
    }
  }

  std::string& out_;
  std::string_view error_;
  std::uint64_t objects_[max_depth / 64] = {};  // a bit a level: 1 for an object, 0 for an array
  std::size_t depth_ = 0;
  bool written_ = false;  // something stands at this level already
  bool keyed_ = false;    // a key waits for its value
  bool in_text_ = false;
  std::array<char, 4> cut_{};  // the bytes of a sequence that goes on in the next piece
  std::size_t cut_size_ = 0;
};

}  // namespace llmroute::json

#endif
