// SPDX-License-Identifier: MIT
// What the library makes of JSON, of Server-Sent Events, of answers of providers and of Retry-After: read from standard
// input, told as one JSON object a line. For people who wonder, and for suites of test cases that are not part of this
// project. The program is a function, so that tests can call it.
#ifndef LLMROUTE_TESTS_CONFORMANCE_CONFORM_HPP
#define LLMROUTE_TESTS_CONFORMANCE_CONFORM_HPP

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <istream>
#include <iterator>
#include <optional>
#include <ostream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "conformance/judge.hpp"
#include "llmroute/http.hpp"
#include "llmroute/route/attempt.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"
#include "llmroute/wire/rate_limits.hpp"
#include "llmroute/wire/sse.hpp"

namespace conform {

inline constexpr std::string_view usage = R"(conform json         < paths         {"path","valid"} for each file
conform sse          < bytes         {"type","data","id"} for each event, then {"end"}: complete, truncated or sentinel_only
conform reply        < body          {"text","reasoning","tool_calls","finish","finish_raw","prompt_tokens",
                                      "completion_tokens","failure","message","retry_after_ms"}
    --dialect openai|anthropic|gemini    whose words the body is in
    --vendor NAME                        who speaks them, where that matters
    --status N                           of HTTP; 200 if it is not given
    --stream                             a stream was asked for
    --cut                                the connection broke behind the last byte
    --headers FILE                       lines "name: value"
conform batch        < lines         the same and "dir", for each {"dir","dialect","vendor","status","stream","cut","chunk"}:
                                      DIR/response.body, and "response_headers" in DIR/meta.json if there is one
conform retry-after  < cases         {"delay_ms":N}, {"delay_ms":"max"} or {"ignored":true} for each case: "now: <unix seconds>"
                                      and header lines, up to a blank line
--chunk N: streams and bodies arrive N bytes at a time; 0: all at once
Exits with 0 if all of its input could be read, whatever it says; else with 2.
)";

inline std::string all_of(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

inline std::optional<std::string> all_of(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::string bytes = all_of(in);
  return in.bad() || !in.is_open() ? std::nullopt : std::optional(std::move(bytes));
}

template <class Integer>
bool read_number(std::string_view text, Integer& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc{} && end == text.data() + text.size();
}

/// Unicode has line ends beyond those of ASCII, and some readers of lines break at them: they are written as escapes.
inline void escape_line_ends(std::string& json) {
  constexpr std::string_view ends[][2]{{"\xC2\x85", "\\u0085"}, {"\xE2\x80\xA8", "\\u2028"}, {"\xE2\x80\xA9", "\\u2029"}};
  for (const auto& [end, escape] : ends)
    for (std::size_t at = 0; (at = json.find(end, at)) != json.npos; at += escape.size()) json.replace(at, end.size(), escape);
}

/// One object, a line: `fill(writer)` writes its members.
template <class Fill>
void write_line(std::ostream& out, Fill fill) {
  std::string line;
  llmroute::json::Writer writer(line);
  writer.begin_object();
  fill(writer);
  writer.end_object();
  escape_line_ends(line);
  out << line << '\n';
}

/// False: not all of the input could be read.
inline bool run_json(std::istream& in, std::ostream& out) {
  bool good = true;
  for (std::string path; std::getline(in, path);) {
    auto text = all_of(std::filesystem::path(path));
    if (!text && path.ends_with('\r')) {  // lines may end as they do on Windows, but a name may end like that, too
      path.pop_back();
      text = all_of(std::filesystem::path(path));
    }
    if (path.empty()) continue;
    good = good && text.has_value();
    write_line(out, [&](llmroute::json::Writer& w) {
      w.key("path").text(path);
      if (text) w.key("valid").boolean(llmroute::json::valid(*text));
      else w.key("error").text("the file cannot be read");
    });
  }
  return good;
}

inline void run_sse(std::istream& in, std::ostream& out, std::size_t chunk) {
  using namespace llmroute;
  sse::Parser parser;
  const std::string bytes = all_of(in);
  const auto event = [&out](const sse::Event& e) {
    write_line(out, [&](json::Writer& w) {
      w.key("type").text(e.name.empty() ? "message" : e.name).key("data").text(e.data).key("id").text(e.id);
    });
    return true;
  };
  in_chunks(bytes, chunk, [&](std::string_view piece) { return parser.feed(piece, event); });
  const sse::End end = parser.finish();  // what the stream left open is dropped, as browsers do
  write_line(out, [&](json::Writer& w) {
    w.key("end").text(end == sse::End::complete ? "complete" : end == sse::End::sentinel_only ? "sentinel_only" : "truncated");
    if (end == sse::End::too_large) w.key("error").text("an event is larger than the limit");
  });
}

inline void run_reply(std::istream& in, std::ostream& out, Answer& answer) {
  answer.body = all_of(in);
  llmroute::Attempt attempt;
  const llmroute::Ended ended = judge(attempt, answer, answer.body);
  write_line(out, [&](llmroute::json::Writer& w) { write_verdict(w, attempt.reply(), ended); });
}

/// The fields that a recording has in "response_headers": a text each, or a list of texts. False: it is no JSON object.
inline bool read_recorded_headers(std::string_view meta, Answer& to) {
  llmroute::json::Reader in(meta);
  std::string value;
  const bool is_object = in.object([&](std::string_view key) {
    if (key != "response_headers") return;
    in.object([&](std::string_view name) {
      if (in.text(value)) to.headers.emplace_back(name, value);
      else
        in.array([&] {
          if (in.text(value)) to.headers.emplace_back(name, value);
        });
    });
  });
  return is_object && in.done();
}

/// A line of `batch`, with all that it names. Returns why it cannot be read; empty if it can.
inline std::string read_batch_line(std::string_view line, std::string& dir, Answer& answer) {
  using llmroute::json::Kind;
  llmroute::json::Reader in(line);
  std::string problem, dialect_name;
  const bool is_object = in.object([&](std::string_view key) {
    if (in.kind() == Kind::null) return;  // as good as not there
    bool flag = false, good = true;
    if (key == "dir") good = in.text(dir);
    else if (key == "dialect") good = in.text(dialect_name);
    else if (key == "vendor") good = in.text(answer.vendor);
    else if (key == "status") good = in.integer(answer.status);
    else if (key == "chunk") good = in.integer(answer.chunk);
    else if (key == "stream" && (good = in.boolean(flag)))
      answer.asked = flag ? llmroute::Delivery::stream : llmroute::Delivery::whole;
    else if (key == "cut" && (good = in.boolean(flag))) answer.connection = flag ? Connection::cut : Connection::ended;
    if (!good) problem = "\"" + std::string(key) + "\" cannot be what it is";
  });
  if (!is_object || !in.done()) return "the line is no JSON object";
  if (!problem.empty()) return problem;
  if (dir.empty()) return "\"dir\" is missing";
  answer.dialect = find_dialect(dialect_name);
  if (answer.dialect == nullptr) return "\"dialect\" is none that is known: \"" + dialect_name + "\"";

  const std::filesystem::path folder(dir);
  auto body = all_of(folder / "response.body");
  if (!body) return "response.body cannot be read";
  answer.body = std::move(*body);
  const auto meta = all_of(folder / "meta.json");
  if (meta && !read_recorded_headers(*meta, answer)) return "meta.json is no JSON object";
  return {};
}

/// False: there were lines that could not be read.
inline bool run_batch(std::istream& in, std::ostream& out, std::size_t chunk) {
  bool good = true;
  llmroute::Attempt attempt;
  for (std::string line; std::getline(in, line);) {
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    Answer answer;
    answer.chunk = chunk;
    std::string dir;
    const std::string problem = read_batch_line(line, dir, answer);
    good = good && problem.empty();
    write_line(out, [&](llmroute::json::Writer& w) {
      if (!dir.empty()) w.key("dir").text(dir);
      if (!problem.empty()) {
        w.key("error").text(problem);
        return;
      }
      const llmroute::Ended ended = judge(attempt, answer, answer.body);
      write_verdict(w, attempt.reply(), ended);
    });
  }
  return good;
}

/// The hint of one case: of retry-after and its like, else the longest that a limit takes to come back, whether or not there
/// is anything left of it.
inline std::optional<llmroute::Duration> hint_of(llmroute::http::Fields fields, std::chrono::sys_seconds now) {
  const llmroute::http::LimitReport report = llmroute::http::limit_report(429, fields, now);
  std::optional<llmroute::Duration> hint = report.retry_after;
  if (hint) return hint;
  for (const llmroute::http::Meter& meter : {report.requests, report.tokens})
    if (meter.resets_in && (!hint || *meter.resets_in > *hint)) hint = meter.resets_in;
  return hint;
}

/// False: there were cases that could not be read.
inline bool run_retry_after(std::istream& in, std::ostream& out) {
  bool good = true, any = false, more = true;
  std::optional<std::int64_t> now;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string problem;
  const auto end_case = [&] {
    if (!now && problem.empty()) problem = "\"now: <unix seconds>\" is missing";
    good = good && problem.empty();
    write_line(out, [&](llmroute::json::Writer& w) {
      if (!problem.empty()) {
        w.key("error").text(problem);
        return;
      }
      const std::vector<llmroute::http::Field> fields = fields_of(headers);
      const auto hint = hint_of(fields, std::chrono::sys_seconds(std::chrono::seconds(*now)));
      if (!hint) w.key("ignored").boolean(true);
      else if (*hint >= llmroute::http::longest_hint) w.key("delay_ms").text("max");
      else w.key("delay_ms").number(std::chrono::duration_cast<std::chrono::milliseconds>(*hint).count());
    });
    now.reset(), headers.clear(), problem.clear();
    any = false;
  };
  for (std::string line; more;) {
    more = static_cast<bool>(std::getline(in, line));
    if (!more) line.clear();
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) {
      if (any) end_case();
      continue;
    }
    any = true;
    if (!read_header(line, headers)) {
      problem = "a line is no header: " + line;
    } else if (llmroute::http::iequals(headers.back().first, "now")) {
      std::int64_t seconds = 0;
      constexpr std::int64_t most = 9'000'000'000;  // the year 2255: some clocks count nanoseconds
      if (read_number(llmroute::http::trim(headers.back().second), seconds) && seconds >= -most && seconds <= most)
        now = seconds;
      else problem = "\"now\" is no time: " + headers.back().second;
      headers.pop_back();
    }
  }
  return good;
}

struct Options {
  std::string_view command{};
  Answer answer{};
  std::string dialect_name{};
};

/// Returns what is wrong with the arguments; empty if nothing is.
inline std::string read_options(std::span<const std::string_view> args, Options& to) {
  if (args.empty()) return "what to read is missing: json, sse, reply, batch or retry-after";
  to.command = args.front();
  args = args.subspan(1);
  bool known = false;
  for (const std::string_view name : {"json", "sse", "reply", "batch", "retry-after"}) known = known || name == to.command;
  if (!known) return "it is not known how to read " + std::string(to.command);
  const bool reply = to.command == "reply";
  bool dialect_said = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string_view option = args[i];
    if (reply && option == "--stream") {
      to.answer.asked = llmroute::Delivery::stream;
      continue;
    }
    if (reply && option == "--cut") {
      to.answer.connection = Connection::cut;
      continue;
    }
    const bool of_reply = option == "--dialect" || option == "--vendor" || option == "--status" || option == "--headers";
    if (option != "--chunk" && !(reply && of_reply)) return std::string(to.command) + " has no option " + std::string(option);
    if (++i == args.size()) return std::string(option) + " needs a value";
    const std::string value(args[i]);
    if (option == "--chunk" && !read_number(value, to.answer.chunk)) return "--chunk is no number of bytes: " + value;
    if (option == "--status" && !read_number(value, to.answer.status)) return "--status is no number: " + value;
    if (option == "--vendor") to.answer.vendor = value;
    if (option == "--dialect") {
      dialect_said = true;
      to.answer.dialect = find_dialect(value);
      if (to.answer.dialect == nullptr) return "--dialect is none that is known: " + value;
    }
    if (option == "--headers") {
      const auto text = all_of(std::filesystem::path(value));
      if (!text) return "--headers: cannot read " + value;
      std::istringstream lines(*text);
      for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line == "\r" || line.starts_with("HTTP/")) continue;  // as curl writes them
        if (!read_header(line, to.answer.headers)) return "--headers: a line of " + value + " is no header: " + line;
      }
    }
  }
  if (reply && !dialect_said) return "reply needs --dialect";
  return {};
}

/// The exit code: 0, or 2 where the arguments or a part of the input cannot be read.
inline int run(std::span<const std::string_view> args, std::istream& in, std::ostream& out, std::ostream& err) {
  if (!args.empty() && (args[0] == "--help" || args[0] == "-h")) {
    out << usage;
    return 0;
  }
  Options options;
  if (const std::string problem = read_options(args, options); !problem.empty()) {
    err << "conform: " << problem << "\n\n" << usage;
    return 2;
  }
  bool good = true;
  if (options.command == "json") good = run_json(in, out);
  else if (options.command == "sse") run_sse(in, out, options.answer.chunk);
  else if (options.command == "reply") run_reply(in, out, options.answer);
  else if (options.command == "batch") good = run_batch(in, out, options.answer.chunk);
  else good = run_retry_after(in, out);
  out.flush();
  if (!good) err << "conform: a part of the input could not be read; see \"error\"\n";
  return good && out ? 0 : 2;
}

}  // namespace conform

#endif
