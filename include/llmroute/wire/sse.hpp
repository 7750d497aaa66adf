// SPDX-License-Identifier: MIT
// Server-Sent Events, the framing in which providers stream: bytes go in as they arrive, events come out as views. This is
// the framing of the WHATWG standard and nothing else; what an event means is for a dialect to say. Only a stream of no more
// than OpenAI's `[DONE]` is told from a complete one.
#ifndef LLMROUTE_WIRE_SSE_HPP
#define LLMROUTE_WIRE_SSE_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace llmroute::sse {

/// Valid until `on_event` returns. The data of an event that lies whole in one chunk, in one `data:` line, is a view into
/// that chunk; any other lies in the parser's buffers.
struct Event {
  std::string_view name{};  ///< empty if the server named none; to a browser that is "message"
  std::string_view data{};  ///< several `data:` lines are joined by \n
  std::string_view id{};    ///< the last one the server sent, with this event or an earlier one
};

enum class End : std::uint8_t {
  complete,       ///< nothing is pending
  sentinel_only,  ///< the same, but no event said anything but `[DONE]`
  unterminated,   ///< of the last event only the blank line is missing: many providers end like this
  truncated,      ///< in the middle of a line
  stopped,        ///< by `on_event`, before the end
  too_large       ///< an event was larger than the limit
};

/// What `finish` makes of an event that the stream left open.
enum class Leftover : std::uint8_t {
  whole_lines,  ///< an event if its last line was ended; dropped if not
  cut_line_too  ///< an event even so, for readers who can tell from the data itself whether it is whole, as JSON can
};

/// What a line that begins with `{` is where no event is open. To a browser it is a field that nobody knows; Gemini breaks a
/// stream off with an error that stands there.
enum class BareJson : std::uint8_t {
  ignored,
  event  ///< up to a blank line
};

/// Takes a stream in chunks of any size; how it was cut changes nothing. The end of a line is looked for in new bytes only
/// and what has to wait for the next chunk is copied at most twice, so the work is linear even at one byte a chunk.
///
///     sse::Parser parser;
///     parser.feed(chunk, on_event);                  // for each chunk
///     const sse::End end = parser.finish(on_event);  // when the body is over
///
/// Bytes are not checked to be UTF-8: what reads the data has to do that anyway.
class Parser {
 public:
  /// The limit is on the bytes of an event's lines together, so also on what the parser holds back. Some providers send a
  /// picture in one event: tens of megabytes are not an attack.
  explicit Parser(std::size_t event_limit = 64u << 20, BareJson bare_json = BareJson::ignored) noexcept
      : limit_(event_limit), bare_json_(bare_json) {}

  /// `on_event(const Event&) -> bool`; false means stop. Returns whether to go on: false, now and until `reset`, once
  /// `on_event` said stop (or threw), an event was too large or the stream was finished.
  template <class OnEvent>
  bool feed(std::string_view bytes, OnEvent&& on_event) {
    static_assert(std::is_invocable_r_v<bool, OnEvent&, const Event&>,
                  "llmroute: sse::Parser::feed needs a callback `bool on_event(const sse::Event&)`");
    if (!open_) return false;
    open_ = false;  // so that a callback that throws, or feeds, finds the parser stopped
    end_ = End::stopped;
    Event event;
    while (next(bytes, event)) {
      if (!on_event(event)) return false;
    }
    open_ = end_ != End::too_large;
    return open_;
  }

  /// The body is over. What is left of an event goes to `on_event`, if it has data; its answer is not asked for.
  template <class OnEvent>
  [[nodiscard]] End finish(OnEvent&& on_event, Leftover leftover = Leftover::whole_lines) {
    Event event;
    if (close(leftover, event)) static_cast<void>(on_event(event));
    return end_;
  }

  /// The same, dropping what is left as a browser does.
  [[nodiscard]] End finish() {
    Event dropped;
    close(Leftover::whole_lines, dropped);
    return end_;
  }

  /// Ready for another stream. Buffers keep their memory: a parser that is used again soon allocates no more.
  void reset() noexcept {
    open_ = at_start_ = true;
    bare_ = line_open_ = after_cr_ = has_data_ = false;
    end_ = End::complete;
    sentinel_ = said_more_ = false;
    event_bytes_ = 0;
    data_.see({});
    name_.see({});
    id_.clear();
  }

 private:
  // A field's value: a view as long as its chunk lasts, a copy from then on.
  struct Value {
    std::string copy{};
    std::string_view seen{};
    bool copied = false;

    std::string_view view() const noexcept { return copied ? std::string_view(copy) : seen; }
    void see(std::string_view value) noexcept {
      seen = value;
      copied = false;
    }
    void keep() {
      if (copied) return;
      copy.assign(seen);
      copied = true;
    }
  };

  // Takes lines off the front of `bytes` until one ends an event with data; false if there is none before the bytes end.
  bool next(std::string_view& bytes, Event& event) {
    while (!bytes.empty()) {
      if (after_cr_ && bytes.front() == '\n') bytes.remove_prefix(1);
      after_cr_ = false;
      const std::size_t length = line_length(bytes);
      if (length > limit_ - event_bytes_ - (line_open_ ? line_.size() : 0)) {
        end_ = End::too_large;
        return false;
      }
      if (length == bytes.size()) {
        hold(bytes);
        return false;
      }
      std::string_view line = bytes.substr(0, length);
      after_cr_ = bytes[length] == '\r';  // the line ends here even if the \n that may follow never comes
      bytes.remove_prefix(length + 1);
      if (line_open_) {
        line_.append(line);
        line_open_ = false;
        line = line_;
      }
      if (at_start_) line = without_mark(line);
      at_start_ = false;
      if (!line.empty()) take(line);
      else if (dispatch(event)) return true;
    }
    hold({});
    return false;
  }

  // Up to \n, \r or the end. In blocks, as each of the two is sought by itself: a search for \n that ran on would run to the
  // end of the chunk for each line that \r ends.
  static std::size_t line_length(std::string_view bytes) noexcept {
    constexpr std::size_t block = 256;
    for (std::size_t at = 0; at < bytes.size(); at += block) {
      const std::string_view part = bytes.substr(at, block);
      const std::string_view line = part.substr(0, part.find('\n'));
      const std::size_t cr = line.find('\r');
      const std::size_t length = cr == std::string_view::npos ? line.size() : cr;
      if (length < part.size()) return at + length;
    }
    return bytes.size();
  }

  static std::string_view without_mark(std::string_view line) noexcept {
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    return line;
  }

  // The chunk is over: what is needed from it is copied. A value may be a view into `line_`, so values go first.
  void hold(std::string_view rest) {
    data_.keep();
    name_.keep();
    if (rest.empty()) return;
    if (!line_open_) line_.clear();
    line_.append(rest);
    line_open_ = true;
  }

  void take(std::string_view line) {
    if (line.front() == ':') return;
    event_bytes_ += line.size();
    bare_ = bare_ || (bare_json_ == BareJson::event && line.front() == '{' && !has_data_);
    if (bare_) return take_data(line);
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") take_data(value);
    else if (field == "event") name_.see(value);
    else if (field == "id" && value.find('\0') == std::string_view::npos) id_.assign(value);
    // `retry` tells a browser when to reconnect: nothing to do for a request that cannot be resumed.
  }

  void take_data(std::string_view value) {
    if (!has_data_) {
      has_data_ = true;
      data_.see(value);
      return;
    }
    data_.keep();
    data_.copy += '\n';
    data_.copy += value;
  }

  // A blank line. An event without data is none, but its name is forgotten and its id stays.
  bool dispatch(Event& event) noexcept {
    const bool has_data = has_data_;
    event = {name_.view(), data_.view(), id_};
    if (has_data) (event.data == "[DONE]" ? sentinel_ : said_more_) = true;
    name_.see({});
    data_.see({});
    has_data_ = bare_ = false;
    event_bytes_ = 0;
    return has_data;
  }

  bool close(Leftover leftover, Event& event) {
    if (!open_) return false;
    open_ = false;
    std::string_view line = line_open_ ? std::string_view(line_) : std::string_view{};
    if (at_start_) line = without_mark(line);
    if (line.empty()) {
      end_ = has_data_ || !name_.view().empty() ? End::unterminated
             : sentinel_ && !said_more_         ? End::sentinel_only
                                                : End::complete;
    } else {
      end_ = End::truncated;
      if (leftover == Leftover::whole_lines) return false;
      take(line);
    }
    return dispatch(event);
  }

  std::size_t limit_;
  BareJson bare_json_;
  std::size_t event_bytes_ = 0;
  Value data_{};
  Value name_{};
  std::string id_{};
  std::string line_{};      // of a line that a chunk cut, what came so far
  bool line_open_ = false;  // `line_` may outlive this as what a value views
  bool after_cr_ = false;   // a \n now belongs to the \r before it
  bool has_data_ = false;
  bool bare_ = false;  // the open event is JSON without a field
  bool sentinel_ = false;
  bool said_more_ = false;
  bool at_start_ = true;  // only the first line may open with a byte order mark
  bool open_ = true;
  End end_ = End::complete;
};

}  // namespace llmroute::sse

#endif
