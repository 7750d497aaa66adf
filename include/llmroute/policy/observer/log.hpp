// SPDX-License-Identifier: MIT
// A line for each attempt, to a sink of the caller's: logfmt (key=value), easy to grep, to parse, and to read at night.
//
//     observe::Log{[](std::string_view line) { std::clog << line << '\n'; }}
//
//     event=attempt request=9f3a61c27e00b4d5 attempt=1 provider=groq model=llama-70b category=code ended=failed
//     kind=rate_limited status=429 started=0.000s took=0.412s retry_after=20.000s cost=$0.00 message="Slow down, please"
//     (all of it one line)
//
// When to use: to know who was asked, how it went and what it cost. `Detail::all` also tells what was decided in between.
// Not provided: time stamps and levels, which the sink's own logger adds; sampling; anything that was asked or answered.
//
// | key                                           | what it says                                                            |
// |-----------------------------------------------|-------------------------------------------------------------------------|
// | `event`                                       | `attempt`; with `all` also the other names of Event::What               |
// | `request`, `correlation`                      | the reply's `id` in hexadecimal; the options' `correlation_id`          |
// | `attempt`, `attempts`                         | its number; of `finished`: how many were sent                           |
// | `provider`, `model`, `category`               | whom; the model as the request names it; the task                       |
// | `hedge`                                       | `yes`: sent before the one ahead of it had failed                       |
// | `ended`, `kind`, `status`                     | an Ending; of a failure its Kind; HTTP                                  |
// | `started`, `took`, `first`                    | since the request began; in all; until the first content                |
// | `retry_after`                                 | the provider's hint                                                     |
// | `prompt`, `completion`                        | tokens as the provider counted them                                     |
// | `cached`, `cache_written`, `reasoning`        | parts of these                                                          |
// | `cost`, `estimated`                           | in dollars; `yes` where it is an estimate                               |
// | `score`                                       | of the ranking, where the lowest is best; of a feedback                 |
// | `altered`                                     | what its vendor would refuse, and was left out or renamed               |
// | `message`                                     | the provider's words, or the client's                                   |
// | `sent_as`, `estimate`                         | of `sent`: the provider's name of the model; in dollars                 |
// | `rest`                                        | of `rested`: how long; `forever`: until it is replaced or enabled       |
// | `confidence`, `prompt`, `delivery`            | of `classified`: the classifier's; estimated tokens; `whole`, `stream`  |
//
// What is not known is left out. A value with blanks, quotes or other than ASCII stands in quotes, and in them whatever could
// end the line or steer a terminal is escaped as in JSON. Values that are too long end in an ellipsis, the message last.
#ifndef LLMROUTE_POLICY_OBSERVER_LOG_HPP
#define LLMROUTE_POLICY_OBSERVER_LOG_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "llmroute/chat.hpp"
#include "llmroute/failure.hpp"
#include "llmroute/money.hpp"
#include "llmroute/policy/observer.hpp"
#include "llmroute/policy/query.hpp"
#include "llmroute/time.hpp"
#include "llmroute/usage.hpp"
#include "llmroute/wire/number.hpp"
#include "llmroute/wire/utf8.hpp"

namespace llmroute {

namespace detail {

/// One line of logfmt in a buffer of its own. What is empty or not positive is taken for unknown and left out.
class LogLine {
 public:
  LogLine() noexcept {}  // NOLINT(modernize-use-equals-default): of the buffer only the bytes in use are ever written
  std::string_view view() const noexcept { return {bytes_, size_}; }

  /// A word of ours, which needs no quotes.
  void word(std::string_view key, std::string_view value) noexcept {
    begin(key);
    put(value);
  }
  /// Anybody's words, in at most `room` bytes without their quotes.
  void text(std::string_view key, std::string_view value, std::size_t room = 120) noexcept {
    if (value.empty() || key.size() + least_text > left()) return;
    begin(key);
    if (value.size() <= room && value.size() <= left() && is_plain(value)) return put(value);
    put("\"");
    quoted(value, size_ + (room < left() - 1 ? room : left() - 1));
    put("\"");
  }
  void id(std::string_view key, std::uint64_t value) noexcept {
    begin(key);
    for (int shift = 60; shift >= 0; shift -= 4) put(hex.substr(value >> shift & 15u, 1));
  }
  void count(std::string_view key, std::int64_t value) noexcept {
    if (value <= 0) return;
    begin(key);
    digits(static_cast<std::uint64_t>(value), 1);
  }
  void seconds(std::string_view key, Duration value) noexcept {
    const auto ms = static_cast<std::uint64_t>(longer(value, Duration::zero()).count()) / 1'000'000;
    begin(key);
    digits(ms / 1000, 1);
    put(".");
    digits(ms % 1000, 3);
    put("s");
  }
  void dollars(std::string_view key, Money value) noexcept {
    const std::int64_t n = value.nanos();
    const std::uint64_t nanos = n < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);
    std::uint64_t fraction = nanos % 1'000'000'000;
    std::size_t places = 9;
    for (; places > 2 && fraction % 10 == 0; --places) fraction /= 10;
    begin(key);
    put(n < 0 ? "-$" : "$");
    digits(nanos / 1'000'000'000, 1);
    put(".");
    digits(fraction, places);
  }
  /// To nine digits: a score has no more that mean anything, and 0.1 + 0.2 would have seventeen.
  void real(std::string_view key, double value) noexcept {
    if (!json::detail::is_finite(value)) return;
    const auto bits = std::bit_cast<std::uint64_t>(value);
    begin(key);
    if (bits << 1 == 0) return put("0");
    if (bits >> 63 != 0) put("-");
    json::detail::Shortest number = json::detail::shortest(value);
    round(number, 9);
    decimal(std::string_view(number.digits.data(), number.count), number.point);
  }

 private:
  static constexpr std::size_t capacity = 1200;  // the known values fill 950 at worst, so a message has always some room
  static constexpr std::string_view hex = "0123456789abcdef";
  static constexpr std::string_view ellipsis = "\xE2\x80\xA6";
  static constexpr std::size_t least_text = 4 + ellipsis.size();  // a blank, =, two quotes

  std::size_t left() const noexcept { return capacity - size_; }
  void put(std::string_view piece) noexcept {
    if (piece.size() > left()) return;
    for (const char c : piece) bytes_[size_++] = c;
  }
  void begin(std::string_view key) noexcept {
    if (size_ != 0) put(" ");
    put(key);
    put("=");
  }
  void digits(std::uint64_t value, std::size_t least) noexcept {
    std::array<char, 20> text;
    std::size_t first = text.size();
    do {
      text[--first] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0 || text.size() - first < least);
    put({text.data() + first, text.size() - first});
  }

  static bool is_plain(std::string_view text) noexcept {
    for (const char c : text)
      if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\') return false;
    return true;
  }
  void quoted(std::string_view text, std::size_t end_of_room) noexcept {
    const char* const end = text.data() + text.size();
    std::size_t cut = size_;  // the last place where an ellipsis still fits
    for (const char* at = text.data(); at != end;) {
      const utf8::Sequence sequence = utf8::sequence(at, end);
      std::array<char, 6> escape{'\\', 'u', '0', '0', '0', '0'};
      const std::string_view piece =
          sequence.found == utf8::Found::whole ? escaped({at, sequence.length}, escape) : utf8::replacement;
      at += sequence.length;
      if (size_ + piece.size() > end_of_room) {
        size_ = cut;
        return put(ellipsis);
      }
      put(piece);
      if (size_ + ellipsis.size() <= end_of_room) cut = size_;
    }
  }
  static std::string_view escaped(std::string_view character, std::array<char, 6>& escape) noexcept {
    switch (character[0]) {
      case '"': return "\\\"";
      case '\\': return "\\\\";
      case '\n': return "\\n";
      case '\r': return "\\r";
      case '\t': return "\\t";
      default: break;
    }
    unsigned code = static_cast<unsigned char>(character[0]);
    if (character.size() > 1) code &= character.size() == 2 ? 0x1Fu : 0xFu;
    for (const char c : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3Fu);
    // Control characters of both blocks, the two other ends of a line, and what turns the direction of the text behind it.
    const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
    const bool steers = (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    if (character.size() > 3 || (!control && !steers)) return character;
    for (std::size_t i = 0; i < 4; ++i) escape[5 - i] = hex[code >> 4 * i & 15u];
    return {escape.data(), escape.size()};
  }

  static void round(json::detail::Shortest& number, std::size_t places) noexcept {
    if (number.count <= places) return;
    bool up = number.digits[places] >= '5';
    for (number.count = places; number.count > 0; --number.count) {
      char& last = number.digits[number.count - 1];
      if (up && last != '9') ++last, up = false;
      if (!up && last != '0') return;
    }
    number.digits[0] = '1';  // they were all nines
    number.count = 1;
    ++number.point;
  }
  // 0.DIGITS * 10^point. What people would not write out gets an exponent, as in JSON.
  void decimal(std::string_view number, int point) noexcept {
    const auto whole = static_cast<std::size_t>(point > 0 ? point : 0);
    if (point > 21 || point < -5) {
      put(number.substr(0, 1));
      if (number.size() > 1) put("."), put(number.substr(1));
      put(point > 0 ? "e+" : "e-");
      return digits(static_cast<std::uint64_t>(point > 0 ? point - 1 : 1 - point), 1);
    }
    if (whole == 0) put("0.");
    for (int i = point; i < 0; ++i) put("0");
    put(number.substr(0, whole));
    for (std::size_t i = number.size(); i < whole; ++i) put("0");
    if (whole == 0 || whole >= number.size()) return put(whole == 0 ? number : std::string_view());
    put(".");
    put(number.substr(whole));
  }

  char bytes_[capacity];
  std::size_t size_ = 0;
};

inline void log_outcome(LogLine& line, const Outcome& o, const TrailEntry* entry) noexcept {
  line.word("ended", to_string(o.ending));
  if (o.failed()) line.word("kind", to_string(o.kind));
  if (entry != nullptr) line.count("status", entry->status);
}
inline void log_times(LogLine& line, const Outcome& o) noexcept {
  line.seconds("took", o.total);
  if (o.first_content < o.total) line.seconds("first", o.first_content);  // the same: there was none
}
inline void log_cost(LogLine& line, const Cost& cost) noexcept {
  if (cost.known()) line.dollars("cost", cost.amount);
  if (cost.source == Cost::Source::estimated) line.word("estimated", "yes");
}
inline void log_attempt(LogLine& line, const Event& e) noexcept {
  if (e.entry != nullptr && e.entry->hedge) line.word("hedge", "yes");
  if (e.outcome != nullptr) log_outcome(line, *e.outcome, e.entry);
  if (e.entry != nullptr) line.seconds("started", e.entry->started);
  if (e.outcome != nullptr) {
    log_times(line, *e.outcome);
    if (e.outcome->retry_after > Duration::zero()) line.seconds("retry_after", e.outcome->retry_after);
  }
  if (e.usage.reported) {
    line.count("prompt", e.usage.prompt);
    line.count("completion", e.usage.completion);
    line.count("cached", e.usage.cached);
    line.count("cache_written", e.usage.cache_written);
    line.count("reasoning", e.usage.reasoning);
  }
  log_cost(line, e.cost);
  if (e.entry == nullptr) return;
  if (e.entry->score != 0) line.real("score", e.entry->score);
  line.text("altered", e.entry->altered);
  line.text("message", e.entry->message, e.entry->message.capacity() * 6);
}
inline void log_sent(LogLine& line, const Event& e) noexcept {
  if (e.candidate != nullptr) {
    const ModelName& model = e.candidate->offer.model;
    std::array<char, 121> name;  // one more than a value may have, so that the cut shows
    std::size_t size = 0;
    for (const std::string_view part : {model.prefix, model.rest})
      for (const char c : part.substr(0, name.size() - size)) name[size++] = c;
    line.text("sent_as", {name.data(), size});
  }
  if (e.entry != nullptr) {
    if (e.entry->hedge) line.word("hedge", "yes");
    line.seconds("started", e.entry->started);
    if (e.entry->score != 0) line.real("score", e.entry->score);
  }
  if (e.candidate != nullptr && e.candidate->price_known()) line.dollars("estimate", e.candidate->estimate());
}

/// All that a line says of an event.
inline void log_event(LogLine& line, const Event& e) noexcept {
  constexpr std::array<std::string_view, 8> names{"classified", "sent",   "first_content", "attempt",
                                                  "rested",     "budget", "finished",      "feedback"};
  const auto what = static_cast<std::size_t>(e.what);
  line.word("event", what < names.size() ? names[what] : std::string_view("other"));
  line.id("request", e.id);
  line.count(e.what == Event::What::finished ? "attempts" : "attempt", e.attempt);
  if (e.query != nullptr) line.text("correlation", e.query->options.correlation_id);
  line.text("provider", e.provider);
  if (e.query != nullptr) {
    line.text("model", e.query->request.model);
    line.text("category", e.query->category);
  }
  switch (e.what) {
    case Event::What::classified:
      if (e.query == nullptr) return;
      if (e.query->judgement.confidence > 0) line.real("confidence", static_cast<double>(e.query->judgement.confidence));
      line.count("prompt", e.query->prompt_tokens());
      return line.word("delivery", e.query->delivery == Delivery::stream ? "stream" : "whole");
    case Event::What::sent: return log_sent(line, e);
    case Event::What::first_content: return line.seconds("after", e.entry == nullptr ? Duration::zero() : e.now - e.began);
    case Event::What::ended: return log_attempt(line, e);
    case Event::What::rested:
      if (e.outcome != nullptr) log_outcome(line, *e.outcome, e.entry);
      if (e.until == never) return line.word("rest", "forever");
      return line.seconds("rest", e.until - e.now);
    case Event::What::budget:
      if (e.alert == nullptr) return;
      line.text("budget", e.alert->budget);
      line.dollars("used", e.alert->used);
      line.dollars("most", e.alert->most);
      return line.real("threshold", e.alert->threshold);
    case Event::What::finished:
      if (e.outcome != nullptr) {
        log_outcome(line, *e.outcome, e.entry);
        log_times(line, *e.outcome);
      }
      return log_cost(line, e.cost);
    case Event::What::feedback: return line.real("score", e.score);
  }
}

}  // namespace detail

namespace observe {

enum class Detail : std::uint8_t {
  attempts,  ///< a line for each attempt that has ended
  all        ///< one for each event
};

/// Hands each line, without an end of its own, to `sink`, which is called from whichever thread runs the request, also from
/// several at once. The view lasts for the call. The Log itself allocates nothing and keeps no lock.
template <class Sink>
class Log {
  static_assert(std::is_invocable_v<Sink&, std::string_view>,
                "llmroute: the sink of an observe::Log is called with each line, a std::string_view");

 public:
  explicit Log(Sink sink, Detail detail = Detail::attempts) : sink_(std::move(sink)), detail_(detail) {}

  void observe(const Event& e) {
    if (detail_ == Detail::attempts && e.what != Event::What::ended) return;
    llmroute::detail::LogLine line;
    llmroute::detail::log_event(line, e);
    static_cast<void>(sink_(line.view()));
  }

 private:
  Sink sink_;
  Detail detail_;
};

}  // namespace observe
}  // namespace llmroute

#endif
