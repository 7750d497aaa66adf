// SPDX-License-Identifier: MIT
// Server-Sent Events: however the bytes are cut, the events are those of a reader that has all of them and takes one line
// after the other.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/wire/sse.hpp"
#include "target.hpp"

namespace tests::fuzz {

namespace {

namespace sse = llmroute::sse;

struct Said {
  std::string name{}, data{}, id{};
  friend bool operator==(const Said&, const Said&) = default;
};

struct Heard {
  std::vector<Said> events{};
  sse::End end = sse::End::complete;
  friend bool operator==(const Heard&, const Heard&) = default;
};

struct Setting {
  std::size_t limit = std::size_t{64} << 20;
  sse::BareJson bare_json = sse::BareJson::ignored;
  sse::Leftover leftover = sse::Leftover::whole_lines;
};

// The rules of the WHATWG, with the two settings above.
class SlowParser {
 public:
  Heard read(std::string_view bytes, const Setting& setting) {
    std::size_t event_bytes = 0;
    bool first = true, cut = false;
    while (!bytes.empty() && !cut) {
      const std::size_t end = bytes.find_first_of("\r\n");
      cut = end == bytes.npos;
      std::string line(bytes.substr(0, end));
      if (line.size() > setting.limit - event_bytes) return heard_.end = sse::End::too_large, heard_;
      bytes.remove_prefix(cut ? bytes.size() : bytes.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
      if (first && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
      first = false;
      if (cut && !line.empty()) {
        heard_.end = sse::End::truncated;
        if (setting.leftover == sse::Leftover::whole_lines) return heard_;
      }
      if (line.empty() && !cut) {
        dispatch();
        event_bytes = 0;
      } else if (!line.empty() && line[0] != ':') {
        event_bytes += line.size();
        field(line, setting);
      }
    }
    if (heard_.end != sse::End::truncated) {
      bool sentinel = false, more = false;
      for (const Said& event : heard_.events) (event.data == "[DONE]" ? sentinel : more) = true;
      if (has_data_ || !now_.name.empty()) heard_.end = sse::End::unterminated;
      else if (sentinel && !more) heard_.end = sse::End::sentinel_only;
    }
    dispatch();
    return heard_;
  }

 private:
  void field(const std::string& line, const Setting& setting) {
    if (setting.bare_json == sse::BareJson::event && line[0] == '{' && !has_data_) bare_ = true;
    const std::size_t colon = bare_ ? line.npos : line.find(':');
    const std::string name = bare_ ? "data" : line.substr(0, colon);
    std::string value = bare_ ? line : colon == line.npos ? std::string() : line.substr(colon + 1);
    if (!bare_ && value.starts_with(' ')) value.erase(0, 1);
    if (name == "data") {
      if (has_data_) now_.data += '\n';
      now_.data += value;
      has_data_ = true;
    } else if (name == "event") {
      now_.name = value;
    } else if (name == "id" && value.find('\0') == value.npos) {
      now_.id = value;
    }
  }
  void dispatch() {
    if (has_data_) heard_.events.push_back(now_);
    now_.name.clear();
    now_.data.clear();
    has_data_ = bare_ = false;
  }

  Heard heard_{};
  Said now_{};
  bool has_data_ = false;
  bool bare_ = false;
};

// Says stop at that event.
Heard parse(sse::Parser& parser, std::string_view bytes, Cut cut, const Setting& setting, std::size_t stop_at) {
  Heard heard;
  const auto take = [&](const sse::Event& event) {
    heard.events.push_back({std::string(event.name), std::string(event.data), std::string(event.id)});
    return heard.events.size() != stop_at;
  };
  parser.reset();
  const bool open = in_pieces(bytes, cut, Plan(bytes), [&](std::string_view piece) { return parser.feed(piece, take); });
  if (!open) expect(!parser.feed("data: more\n\n", take), "what has stopped takes no more");
  heard.end = parser.finish(take, setting.leftover);
  expect(!parser.feed("data: more\n\n", take), "what is finished takes no more");
  return heard;
}

void compare(std::string_view bytes, const Setting& setting, std::size_t stop_at) {
  sse::Parser parser(setting.limit, setting.bare_json);
  const Heard expected = SlowParser().read(bytes, setting);
  for (const Cut cut : {Cut::nowhere, Cut::everywhere, Cut::somewhere})
    expect(parse(parser, bytes, cut, setting, 0) == expected, "events are those of a slow reader, however the bytes are cut");

  if (expected.events.empty()) return;
  stop_at = 1 + stop_at % expected.events.size();
  const Heard stopped = parse(parser, bytes, Cut::nowhere, setting, stop_at);
  expect(stopped == parse(parser, bytes, Cut::everywhere, setting, stop_at), "a stop is the same, however the bytes are cut");
  expect(stopped == parse(parser, bytes, Cut::somewhere, setting, stop_at), "a stop is the same, however the bytes are cut");
  expect(stopped.events.size() == stop_at && stopped.events.back() == expected.events[stop_at - 1], "a stop is at once");
  const bool at_the_end =
      stop_at == expected.events.size() && (expected.end == sse::End::unterminated || expected.end == sse::End::truncated);
  expect(stopped.end == sse::End::stopped || (at_the_end && stopped.end == expected.end), "a stop is told from an end");
}

void run(std::string_view bytes) {
  Plan plan(bytes);
  const std::size_t stop_at = plan.below(1024);
  compare(bytes, {}, stop_at);
  compare(bytes, {.bare_json = sse::BareJson::event, .leftover = sse::Leftover::cut_line_too}, stop_at);
  compare(bytes, {.limit = plan.below(bytes.size() + 2), .leftover = sse::Leftover::cut_line_too}, stop_at);
}

using namespace std::string_view_literals;
constexpr std::string_view seeds[]{
    "data: one\n\ndata: two\n\ndata: [DONE]\n\n"sv,
    "\xEF\xBB\xBF: hello\r\nevent: delta\r\ndata: {\"a\":1}\r\ndata\r\ndata:x\r\nid: 7\r\n\r\nid\r\ndata:  \r\n\r\n"sv,
    "data: a\rdata: b\r\revent: only a name\r\r\ndata: c\n\r"sv,
    "data: [DONE]\n\n"sv,
    "data: [DONE]\n"sv,
    "data: cut"sv,
    "{\"error\":{\n\"code\":1}}\n\ndata: x\n{\"no\":0}\n\n"sv,
    "id: a\0b\ndata\n\nretry: 100\nunknown: x\n:\n\n"sv,
    "event: x\n"sv,
    "\xEF\xBB\xBF"sv,
    "\xEF\xBB\xBF\xEF\xBB\xBF"
    "data: x\n\n"sv,
    "\r\n\r\n\n\r\r\n"sv,
};

}  // namespace

const Target sse_target{"sse", run, seeds};

}  // namespace tests::fuzz
