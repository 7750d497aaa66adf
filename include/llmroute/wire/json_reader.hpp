// SPDX-License-Identifier: MIT
//
// Reads JSON (RFC 8259, strictly) straight from the bytes: no tree, no copy, no recursion of its own. The caller walks
// along and takes what it knows; what it leaves lying is skipped, and still checked.
#ifndef LLMROUTE_WIRE_JSON_READER_HPP
#define LLMROUTE_WIRE_JSON_READER_HPP

#include "llmroute/wire/json_scanner.hpp"
#include "llmroute/wire/number.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace llmroute::json {

/// Containers in containers, at most.
inline constexpr std::size_t max_depth = 128;

/// What a value is; `none` where no value is waiting to be read.
enum class Kind : std::uint8_t { none, object, array, string, number, boolean, null };

/// A walk over one JSON text, which must outlive it. At each moment at most one value waits: at first the whole text,
/// then in each callback the member or element at hand. Every read below takes that value and returns true; or it is of
/// another kind, and the read returns false, changes nothing, and leaves it for another try.
///
///     json::Reader in(body);
///     in.object([&](std::string_view key) {
///       if (key == "model") in.text(model);
///       else if (key == "usage") in.object([&](std::string_view k) { if (k == "total_tokens") in.integer(total); });
///       else if (key == "choices") in.array([&] { choices.push_back(read_choice(in)); });
///     });
///     if (!in.done()) return malformed(in.error(), in.offset());
///
/// Only malformed text makes the reader fail: then no more callbacks run, every read returns false, and that stays so.
/// What was read before still counts for nothing until done() has said that the whole text was good.
/// A key that comes twice is reported twice, so the last one wins where callbacks assign.
class Reader {
 public:
  explicit Reader(std::string_view text, std::size_t depth = max_depth) noexcept
      : scan_(text), limit_(depth < max_depth ? depth : max_depth) {
    await_value();
  }

  /// A string that dies at the end of the line is no text to walk over.
  template <std::same_as<std::string> Temporary>
  explicit Reader(Temporary&&, std::size_t = max_depth) = delete;

  [[nodiscard]] Kind kind() const noexcept { return waiting_ ? kind_of(scan_.peek()) : Kind::none; }

  /// Calls `member(key)` for each member; the key is valid until that call returns.
  template <std::invocable<std::string_view> Member>
  bool object(Member&& member) {
    if (kind() != Kind::object || !enter()) return false;
    detail::Literal key;
    std::string scratch;
    for (bool first = true; next_member(key, first); first = false) {
      member(key.text(scratch));
      skip();
    }
    return !failed();
  }

  /// Calls `element(index)`, or `element()`, for each element.
  template <class Element>
    requires std::invocable<Element&, std::size_t> || std::invocable<Element&>
  bool array(Element&& element) {
    if (kind() != Kind::array || !enter()) return false;
    for (std::size_t index = 0; next_element(index == 0); ++index) {
      if constexpr (std::invocable<Element&, std::size_t>) {
        element(index);
      } else {
        element();
      }
      skip();
    }
    return !failed();
  }

  /// Replaces `out`. What a string says is always well-formed UTF-8; half a surrogate pair in it reads as U+FFFD.
  bool text(std::string& out) {
    detail::Literal literal;
    if (!take_string(literal)) return false;
    out.clear();
    literal.append_to(out);
    return true;
  }

  /// Appends to `out`: the pieces of a stream, the parts of a message.
  bool append_text(std::string& out) {
    detail::Literal literal;
    if (!take_string(literal)) return false;
    literal.append_to(out);
    return true;
  }

  /// The string without a copy where it has no escapes; valid until the next read. Empty if the value is no string.
  [[nodiscard]] std::string_view text() {
    detail::Literal literal;
    return take_string(literal) ? literal.text(scratch_) : std::string_view();
  }

  /// Takes integral values that fit T and int64, also when they are written as 3.0 or 1e3.
  template <std::integral T>
  bool integer(T& out) noexcept {
    const std::string_view number = take_number();
    if (number.empty()) return false;
    const std::optional<std::int64_t> value = to_integer(number);
    if (!value || !std::in_range<T>(*value)) return put_back(number);
    out = static_cast<T>(*value);
    return true;
  }

  /// The nearest double. A number beyond the largest one is not taken: infinity must not leak into sums.
  bool number(double& out) noexcept {
    const std::string_view number = take_number();
    if (number.empty()) return false;
    const double value = to_double(number);
    if (!detail::is_finite(value)) return put_back(number);
    out = value;
    return true;
  }

  bool boolean(bool& out) noexcept {
    const bool value = scan_.sees('t');
    if (kind() != Kind::boolean || !skip()) return false;
    out = value;
    return true;
  }

  /// The value as it stands in the text, checked: to hand it on, or for a reader of its own. Empty if none waits.
  [[nodiscard]] std::string_view raw() noexcept {
    const std::size_t from = scan_.offset();
    return waiting_ && skip() ? scan_.since(from) : std::string_view();
  }

  /// Passes over the value, if one waits. Callbacks need not: what they leave is skipped behind them.
  bool skip() noexcept {
    const std::size_t outside = depth_;
    std::uint64_t objects[max_depth / 64] = {};  // a bit a level: 1 for an object, 0 for an array
    for (detail::Literal key; waiting_;) {
      const Kind kind = this->kind();
      bool more = false;
      if (kind == Kind::object || kind == Kind::array) {
        if (!enter()) return false;
        const std::uint64_t bit = std::uint64_t{1} << ((depth_ - 1) % 64);
        std::uint64_t& level = objects[(depth_ - 1) / 64];
        level = kind == Kind::object ? level | bit : level & ~bit;
        more = kind == Kind::object ? next_member(key, true) : next_element(true);
      } else {
        take_scalar(kind, key);
      }
      while (!more && !failed() && depth_ != outside) {
        const bool in_object = (objects[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1) != 0;
        more = in_object ? next_member(key, false) : next_element(false);
      }
    }
    return !failed();
  }

  /// Whether the text was one valid JSON value and nothing else; what nobody has read is checked first.
  [[nodiscard]] bool done() noexcept {
    if (depth_ != 0 || !skip()) return false;
    scan_.skip_space();
    return scan_.at_end() || scan_.fail("there is more behind the value");
  }

  [[nodiscard]] bool failed() const noexcept { return scan_.failed(); }
  /// What is wrong with the text, as a constant that quotes nothing of it; empty as long as nothing is.
  [[nodiscard]] std::string_view error() const noexcept { return scan_.error(); }
  /// Where that is, in bytes from the start; before a failure, how far the reader has come.
  [[nodiscard]] std::size_t offset() const noexcept { return scan_.offset(); }

 private:
  static Kind kind_of(char first) noexcept {
    switch (first) {
      case '{': return Kind::object;
      case '[': return Kind::array;
      case '"': return Kind::string;
      case 't':
      case 'f': return Kind::boolean;
      case 'n': return Kind::null;
      default: return first == '-' || detail::is_digit(first) ? Kind::number : Kind::none;
    }
  }

  bool await_value() noexcept {
    scan_.skip_space();
    waiting_ = kind_of(scan_.peek()) != Kind::none;
    return waiting_ || scan_.fail("a value was expected");
  }

  bool enter() noexcept {
    waiting_ = false;
    if (depth_ == limit_) return scan_.fail("nested too deeply");
    ++depth_;
    return scan_.take('{') || scan_.take('[');
  }

  // In a container: to the next element or key. False behind its end, and after a failure.
  bool advance(char closing, bool first) noexcept {
    scan_.skip_space();
    if (scan_.take(closing)) {
      --depth_;
      return false;
    }
    if (!first && !scan_.take(',')) return scan_.fail("a comma or the end of the container was expected");
    scan_.skip_space();
    return true;
  }
  bool next_element(bool first) noexcept { return advance(']', first) && await_value(); }
  bool next_member(detail::Literal& key, bool first) noexcept {
    if (!advance('}', first)) return false;
    if (!scan_.sees('"')) return scan_.fail("a key was expected");
    if (!scan_.string(key)) return false;
    scan_.skip_space();
    return scan_.take(':') ? await_value() : scan_.fail("a colon was expected");
  }

  bool take_scalar(Kind kind, detail::Literal& literal) noexcept {
    waiting_ = false;
    switch (kind) {
      case Kind::string: return scan_.string(literal);
      case Kind::number: return scan_.number();
      case Kind::null: return scan_.word("null");
      default: return scan_.word(scan_.sees('t') ? "true" : "false");
    }
  }
  bool take_string(detail::Literal& literal) noexcept { return kind() == Kind::string && take_scalar(Kind::string, literal); }
  // Empty if the value is no number.
  std::string_view take_number() noexcept { return kind() == Kind::number ? raw() : std::string_view(); }
  // A number that is not what the caller can take waits again.
  bool put_back(std::string_view number) noexcept {
    scan_.back_to(scan_.offset() - number.size());
    waiting_ = true;
    return false;
  }

  detail::Scanner scan_;
  std::size_t limit_;
  std::size_t depth_ = 0;
  bool waiting_ = false;  // a value lies where scan_ is, or what begins like one
  std::string scratch_;
};

/// Whether the text is one JSON value, nested at most so deeply.
[[nodiscard]] inline bool valid(std::string_view text, std::size_t depth = max_depth) noexcept {
  return Reader(text, depth).done();
}

}  // namespace llmroute::json

#endif
