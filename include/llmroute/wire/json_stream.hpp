// SPDX-License-Identifier: MIT
// Streams of JSON objects that are not Server-Sent Events: one object a line, as Ollama sends them, or one array of them, as
// Gemini does. Bytes go in as they arrive, objects come out as views. What is in an object is for the reader to check.
#ifndef LLMROUTE_WIRE_JSON_STREAM_HPP
#define LLMROUTE_WIRE_JSON_STREAM_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "llmroute/wire/json_scanner.hpp"

namespace llmroute::json_stream {

enum class End : std::uint8_t {
  complete,   ///< no object is open, and of an array the end was seen
  truncated,  ///< in the middle of an object, or of the array
  stopped,    ///< by `on_value`, before the end
  malformed,  ///< something stood between two objects, or a line ended in a string
  too_large   ///< an object was larger than the limit
};

/// Takes a stream in chunks of any size; how it was cut changes nothing. Each byte is looked at once, and copied at most
/// once, so the work is linear even at one byte a chunk. The same to use as `sse::Parser`:
///
///     json_stream::Parser parser;
///     parser.feed(chunk, on_value);                       // for each chunk
///     const json_stream::End end = parser.finish();       // when the body is over
///
/// The first byte tells the form: `[` opens an array, whose objects stand between commas; `{` is the first of objects with
/// nothing but blanks and line ends between them. An object is handed over with its last bracket, before a line end or a
/// comma could follow, so nothing is left for the end; it may go over several lines in either form.
/// Brackets are counted outside of strings, and not told apart: whether an object is valid JSON, its reader has to say.
class Parser {
 public:
  /// The limit is on the bytes of one object, so also on what the parser holds back.
  explicit Parser(std::size_t value_limit = 64u << 20) noexcept : limit_(value_limit) {}

  /// `on_value(std::string_view) -> bool`; false means stop. The view is valid until that call returns, and one into the
  /// chunk if the object lies whole in it. Returns whether to go on: false, now and until `reset`, once `on_value` said stop
  /// (or threw), the stream was malformed, an object was too large or the stream was finished.
  template <class OnValue>
  bool feed(std::string_view bytes, OnValue&& on_value) {
    static_assert(std::is_invocable_r_v<bool, OnValue&, std::string_view>,
                  "llmroute: json_stream::Parser::feed needs a callback `bool on_value(std::string_view)`");
    if (!open_) return false;
    open_ = false;  // so that a callback that throws, or feeds, finds the parser stopped
    std::string_view value;
    while (next(bytes, value)) {
      if (!on_value(value)) return false;
    }
    open_ = end_ == End::stopped;
    return open_;
  }

  /// The body is over.
  [[nodiscard]] End finish() noexcept {
    if (!open_) return end_;
    open_ = false;
    const bool between = depth_ == 0 && (place_ == Place::start || place_ == Place::lines || place_ == Place::behind_array);
    end_ = between ? End::complete : End::truncated;
    return end_;
  }
  /// The same where one function finishes this and an `sse::Parser`; the callback is never called.
  template <class OnValue>
  [[nodiscard]] End finish(OnValue&&) noexcept {
    return finish();
  }

  /// For the next stream, with the same buffer.
  void reset() noexcept {
    open_ = true;
    end_ = End::stopped;
    place_ = Place::start;
    depth_ = 0;
    in_string_ = escaped_ = false;
    held_.clear();
  }

 private:
  enum class Place : std::uint8_t { start, lines, array, behind_object, behind_comma, behind_array };

  static constexpr std::size_t not_yet = std::string_view::npos;

  // Takes bytes off the front until an object ends; false if none does, or none ever will.
  bool next(std::string_view& bytes, std::string_view& value) {
    if (depth_ == 0 && !begin(bytes)) return false;
    const std::size_t room = limit_ - held_.size();
    const std::size_t length = end_of_object(bytes.substr(0, room));
    if (length != not_yet) {
      value = bytes.substr(0, length);
      bytes.remove_prefix(length);
      if (!held_.empty()) value = held_.append(value);
      return true;
    }
    if (end_ == End::malformed) return false;
    if (bytes.size() > room) end_ = End::too_large;
    else held_.append(bytes);
    return false;
  }

  // To the bracket that opens the next object.
  bool begin(std::string_view& bytes) noexcept {
    for (; !bytes.empty(); bytes.remove_prefix(1)) {
      const char c = bytes.front();
      if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
      if (c == '{' && place_ != Place::behind_object && place_ != Place::behind_array) {
        place_ = place_ == Place::start || place_ == Place::lines ? Place::lines : Place::behind_object;
        held_.clear();
        return true;
      }
      if (c == '[' && place_ == Place::start) place_ = Place::array;
      else if (c == ',' && place_ == Place::behind_object) place_ = Place::behind_comma;
      else if (c == ']' && (place_ == Place::array || place_ == Place::behind_object)) place_ = Place::behind_array;
      else {
        end_ = End::malformed;
        return false;
      }
    }
    return false;
  }

  // How many bytes there are up to the object's last bracket.
  std::size_t end_of_object(std::string_view bytes) noexcept {
    const char* const begin = bytes.data();
    const char* const end = begin + bytes.size();
    for (const char* at = begin; at != end; ++at) {
      if (!in_string_) {
        if (*at == '"') in_string_ = true;
        else if (*at == '{' || *at == '[') ++depth_;
        else if ((*at == '}' || *at == ']') && --depth_ == 0) return static_cast<std::size_t>(at - begin) + 1;
        continue;
      }
      if (escaped_) {
        escaped_ = false;
        continue;
      }
      at = json::detail::end_of_plain(at, end);
      if (at == end) break;
      if (*at == '"') in_string_ = false;
      else if (*at == '\\') escaped_ = true;
      else if (*at == '\n') {  // no string has one: what follows belongs to another object
        end_ = End::malformed;
        break;
      }
    }
    return not_yet;
  }

  std::size_t limit_;
  std::size_t depth_ = 0;  // of brackets; 0 between objects
  std::string held_{};     // of an object that a chunk cut, what came so far
  Place place_ = Place::start;
  bool in_string_ = false;
  bool escaped_ = false;  // behind a backslash
  bool open_ = true;
  End end_ = End::stopped;  // what `finish` says once nothing more is taken
};

}  // namespace llmroute::json_stream

#endif
