// SPDX-License-Identifier: MIT
#include "conformance/conform.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "llmroute/wire/json_reader.hpp"

using namespace llmroute;
using namespace std::string_literals;

namespace {

struct Ran {
  int code = 0;
  std::string out{}, err{};

  Ran(std::vector<std::string_view> args, const std::string& input) {
    std::istringstream in(input);
    std::ostringstream to, errors;
    code = conform::run(args, in, to, errors);
    out = to.str();
    err = errors.str();
    std::istringstream all(out);
    if (args.empty() || args.front() != "--help")
      for (std::string line; std::getline(all, line);) CHECK(json::valid(line));
  }
};

// A folder of its own for each test, gone when it is over.
class Folder {
 public:
  Folder() {
    for (int i = 0; path_.empty(); ++i) {
      const auto path = std::filesystem::temp_directory_path() / ("llmroute_conform_" + std::to_string(i));
      if (std::filesystem::create_directory(path)) path_ = path;
    }
  }
  Folder(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string add(std::string_view name, std::string_view bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return (path_ / name).string();
  }
  std::string path(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_{};
};

std::string line(std::string_view members) { return "{" + std::string(members) + "}\n"; }

constexpr std::string_view reply_of_openai =
    R"({"model":"m","choices":[{"index":0,"message":{"content":"Hi","reasoning_content":"hm","tool_calls":[{"id":"a",)"
    R"("type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},"finish_reason":"eos"}],)"
    R"("usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":18,"completion_tokens_details":{"reasoning_tokens":3}}})";
constexpr std::string_view verdict_of_openai =
    R"("text":"Hi","reasoning":"hm","tool_calls":[{"id":"a","name":"f","arguments":"{\"x\":1}"}],"finish":"tool_calls",)"
    R"("finish_raw":"eos","prompt_tokens":10,"completion_tokens":5,"failure":null,"message":null,"retry_after_ms":null)";

std::string verdict(std::vector<std::string_view> more, std::string_view body) {
  std::vector<std::string_view> args{"reply"};
  args.insert(args.end(), more.begin(), more.end());
  const Ran ran(args, std::string(body));
  CHECK(ran.code == 0);
  CHECK(ran.err.empty());
  return ran.out;
}
std::string nothing_but(std::string_view kind, std::string_view message, std::string_view hint = "null") {
  return line(R"("text":"","reasoning":"","tool_calls":[],"finish":null,"finish_raw":null,"prompt_tokens":null,)"
              R"("completion_tokens":null,"failure":")" +
              std::string(kind) + R"(","message":")" + std::string(message) + R"(","retry_after_ms":)" + std::string(hint));
}

}  // namespace

TEST_CASE("conform json says of each file whether it is JSON") {
  const Folder folder;
  const std::string good = folder.add("good", "[1, {\"a\": null}]\n"), bad = folder.add("b\xC3\xA4 d", "[1,]");
  const std::string deep = folder.add("deep", std::string(129, '[') + std::string(129, ']'));
  const Ran ran({"json"}, good + "\n\n" + bad + "\n" + deep);
  CHECK(ran.code == 0);
  CHECK(ran.out == line("\"path\":\"" + good + "\",\"valid\":true") + line("\"path\":\"" + bad + "\",\"valid\":false") +
                       line("\"path\":\"" + deep + "\",\"valid\":false"));
}

TEST_CASE("conform json takes lines that end in CR LF") {
  const Folder folder;
  const std::string good = folder.add("good", "7"), odd = folder.add("odd\r", "[");
  const Ran ran({"json"}, good + "\r\n\r\n" + odd + "\n");
  CHECK(ran.code == 0);
  CHECK(ran.out ==
        line("\"path\":\"" + good + "\",\"valid\":true") + line("\"path\":\"" + folder.path("odd") + "\\r\",\"valid\":false"));
}

TEST_CASE("conform json goes on behind a file that it cannot read, and says so in the end") {
  const Folder folder;
  const std::string good = folder.add("good", "7"), missing = folder.path("missing"), dir = folder.path(".");
  const Ran ran({"json"}, missing + "\n" + dir + "\n" + good + "\n");
  CHECK(ran.code == 2);
  CHECK_THAT(ran.err, ContainsSubstring("could not be read"));
  CHECK(ran.out == line("\"path\":\"" + missing + "\",\"error\":\"the file cannot be read\"") +
                       line("\"path\":\"" + dir + "\",\"error\":\"the file cannot be read\"") +
                       line("\"path\":\"" + good + "\",\"valid\":true"));
}

TEST_CASE("no line of conform breaks where Unicode has a line end") {
  const Ran ran({"sse"}, "data: a\xE2\x80\xA8 b\xE2\x80\xA9 c\xC2\x85 \xE2\x80\xA7\n\n");
  CHECK(ran.out == line("\"type\":\"message\",\"data\":\"a\\u2028 b\\u2029 c\\u0085 \xE2\x80\xA7\",\"id\":\"\"") +
                       line("\"end\":\"complete\""));
}

TEST_CASE("conform sse tells events, and how the stream ended, for chunks of any size") {
  struct Case {
    std::string bytes, lines, end;
  };
  const std::initializer_list<Case> cases{
      {"\xEF\xBB\xBF: hello\r\nid: 7\r\nevent: e\r\ndata: a\r\ndata:b\r\n\r\ndata: \xC3\n\n",
       line(R"("type":"e","data":"a\nb","id":"7")") + line("\"type\":\"message\",\"data\":\"\xEF\xBF\xBD\",\"id\":\"7\""),
       "complete"},
      {"data: [DONE]\n\n", line(R"("type":"message","data":"[DONE]","id":"")"), "sentinel_only"},
      {"data: a\n\ndata: [DONE]\n\n",
       line(R"("type":"message","data":"a","id":"")") + line(R"("type":"message","data":"[DONE]","id":"")"), "complete"},
      {"data: a\n", "", "truncated"},
      {"data: a", "", "truncated"},
      {"{\"error\":1}\n\n", "", "complete"},  // a field that nobody knows
      {"", "", "complete"},
  };
  for (const Case& c : cases)
    for (const std::string_view chunk : {"0", "1", "2", "1000"}) {
      const Ran ran({"sse", "--chunk", chunk}, c.bytes);
      CAPTURE(c.bytes, chunk);
      CHECK(ran.code == 0);
      CHECK(ran.out == c.lines + line("\"end\":\"" + c.end + "\""));
    }
}

TEST_CASE("conform reply says what a router would make of an answer") {
  CHECK(verdict({"--dialect", "openai"}, reply_of_openai) == line(verdict_of_openai));
  CHECK(verdict({"--dialect", "openai", "--stream", "--chunk", "1", "--vendor", "xai"}, reply_of_openai) ==
        line(verdict_of_openai));
  CHECK(verdict({"--dialect", "anthropic"},
                R"({"type":"message","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi"},)"
                R"({"type":"tool_use","id":"t","name":"f","input":{"x": 1}}],"stop_reason":"tool_use",)"
                R"("usage":{"input_tokens":10,"cache_read_input_tokens":30,"output_tokens":5}})") ==
        line(R"("text":"Hi","reasoning":"hm","tool_calls":[{"id":"t","name":"f","arguments":"{\"x\": 1}"}],)"
             R"("finish":"tool_calls","finish_raw":"tool_use","prompt_tokens":10,"completion_tokens":5,)"
             R"("failure":null,"message":null,"retry_after_ms":null)"));
  CHECK(verdict({"--dialect", "gemini"},
                R"([{"candidates":[{"content":{"parts":[{"text":"H"}]}}]},{"candidates":[{"content":{"parts":[{"text":"i"}]},)"
                R"("finishReason":1}],"usageMetadata":{"promptTokenCount":7,"thoughtsTokenCount":9}}])") ==
        line(R"("text":"Hi","reasoning":"","tool_calls":[],"finish":"stop","finish_raw":1,"prompt_tokens":7,)"
             R"("completion_tokens":null,"failure":null,"message":null,"retry_after_ms":null)"));
}

TEST_CASE("conform reply tells what came of a stream before it failed") {
  const std::string hi = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
  const std::string text = R"("text":"Hi","reasoning":"","tool_calls":[],"finish":null,"finish_raw":null,)"
                           R"("prompt_tokens":null,"completion_tokens":null,"failure":)";
  for (const std::string_view chunk : {"0", "1", "7"}) {
    CHECK(verdict({"--dialect", "openai", "--stream", "--chunk", chunk}, hi) ==
          line(text + R"("malformed_reply","message":"the stream ended before the reply did","retry_after_ms":null)"));
    CHECK(verdict({"--dialect", "openai", "--stream", "--chunk", chunk, "--cut"}, hi) ==
          line(text + R"("malformed_reply","message":"connection broken","retry_after_ms":null)"));
    // Behind the error nothing is read, as a router would close the connection.
    CHECK(verdict({"--dialect", "openai", "--stream", "--chunk", chunk},
                  hi + "data: {\"error\":{\"message\":\"Full\",\"code\":503}}\n\n" + hi) ==
          line(text + R"("overloaded","message":"Full","retry_after_ms":null)"));
  }
}

TEST_CASE("conform reply reads errors by their status, and hints in fields, bodies and words") {
  const Folder folder;
  const std::string body = R"({"error":{"message":"Try again in 1.5s","type":"tokens","code":"rate_limit_exceeded"}})";
  CHECK(verdict({"--dialect", "openai", "--status", "429"}, body) == nothing_but("rate_limited", "Try again in 1.5s", "1500"));
  std::string headers = folder.add("headers", "HTTP/1.1 429 Too Many Requests\r\nRetry-After:  20 \r\n\r\n");
  CHECK(verdict({"--dialect", "openai", "--status", "429", "--headers", headers}, body) ==
        nothing_but("rate_limited", "Try again in 1.5s", "20000"));
  // A date is one of the recording's days.
  headers = folder.add("dated", "date: Fri, 29 Sep 2023 16:26:37 GMT\nretry-after: Fri, 29 Sep 2023 16:26:57 GMT\n");
  CHECK(verdict({"--dialect", "anthropic", "--status", "529", "--headers", headers}, "") ==
        nothing_but("overloaded", "an error without a message", "20000"));
  headers = folder.add("now", "retry-after: 0");
  CHECK(verdict({"--dialect", "openai", "--status", "503", "--headers", headers}, "Busy") ==
        nothing_but("overloaded", "Busy", "0"));
  headers = folder.add("of no error", "retry-after: 13");
  CHECK(verdict({"--dialect", "openai", "--headers", headers}, reply_of_openai) == line(verdict_of_openai));
}

TEST_CASE("conform batch reads folders, and a line may say how") {
  const Folder folder;
  folder.add("a/response.body", reply_of_openai);
  folder.add("b/response.body", R"({"error":{"message":"no"}})");
  folder.add("b/meta.json", R"({"status":200,"response_headers":{"x":null,"set-cookie":"a","Retry-After":["3","4"]}})");
  const std::string stream = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
  folder.add("c/response.body", stream);
  const std::string a = folder.path("a"), b = folder.path("b"), c = folder.path("c");
  const auto of = [](const std::string& dir, const std::string& verdict_line) {
    return "{\"dir\":\"" + dir + "\"," + verdict_line.substr(1);
  };
  const std::string told = line("\"dir\":\"" + a + R"(","dialect":"openai","vendor":"groq","status":200,"stream":false)") +
                           "\n" + line("\"status\":429,\"dialect\":\"openai\",\"vendor\":null,\"dir\":\"" + b + "\"") +
                           line("\"dir\":\"" + c + R"(","dialect":"openai","stream":true,"cut":true,"chunk":1)") +
                           line("\"dir\":\"" + c + R"(","dialect":"openai","stream":true)");
  const auto cut_short = [&](std::string_view why) {
    return line(R"("text":"Hi","reasoning":"","tool_calls":[],"finish":null,"finish_raw":null,"prompt_tokens":null,)"
                R"("completion_tokens":null,"failure":"malformed_reply","message":")" +
                std::string(why) + R"(","retry_after_ms":null)");
  };
  for (const std::string_view chunk : {"0", "1", "7"}) {
    const Ran ran({"batch", "--chunk", chunk}, told);
    CHECK(ran.code == 0);
    CHECK(ran.out == of(a, line(verdict_of_openai)) + of(b, nothing_but("rate_limited", "no", "3000")) +
                         of(c, cut_short("connection broken")) + of(c, cut_short("the stream ended before the reply did")));
  }
}

TEST_CASE("conform feeds pieces of the size that it is told, until one is refused") {
  const auto pieces = [](std::string_view bytes, std::size_t chunk, std::size_t most) {
    std::string all;
    const bool wanted = conform::in_chunks(bytes, chunk, [&](std::string_view piece) {
      all.append(piece).append("|");
      return --most != 0;
    });
    return all + (wanted ? "" : "stopped");
  };
  CHECK(pieces("abcdefg", 3, 9) == "abc|def|g|");
  CHECK(pieces("abcdef", 3, 9) == "abc|def|");
  CHECK(pieces("abc", 1, 9) == "a|b|c|");
  CHECK(pieces("abc", 0, 9) == "abc|");
  CHECK(pieces("abc", 1'000, 9) == "abc|");
  CHECK(pieces("", 0, 9).empty());
  CHECK(pieces("abcdefg", 3, 2) == "abc|def|stopped");
  const Folder folder;
  folder.add("a/response.body", "x");
  conform::Answer answer;
  std::string dir;
  CHECK(conform::read_batch_line("{\"chunk\":7,\"dialect\":\"gemini\",\"dir\":\"" + folder.path("a") + "\"}", dir, answer)
            .empty());
  CHECK(answer.chunk == 7);
  CHECK(answer.dialect == &dialect::gemini);
}

TEST_CASE("conform batch says what is wrong with a line, and goes on") {
  const Folder folder;
  folder.add("a/response.body", reply_of_openai);
  folder.add("torn/response.body", reply_of_openai);
  folder.add("torn/meta.json", "{\"response_headers\":");
  const std::string a = folder.path("a"), none_there = folder.path("none"), torn = folder.path("torn");
  const std::string dialect = R"("dialect":"openai")", dir = "\"dir\":\"" + a + "\"";
  struct Case {
    std::string line, problem;
  };
  const std::initializer_list<Case> cases{
      {"{", "the line is no JSON object"},
      {"[]", "the line is no JSON object"},
      {"{" + dialect + "}", "\\\"dir\\\" is missing"},
      {"{" + dir + "}", "\\\"dialect\\\" is none that is known: \\\"\\\""},
      {"{" + dir + R"(,"dialect":"klingon"})", "\\\"dialect\\\" is none that is known: \\\"klingon\\\""},
      {"{" + dir + "," + dialect + R"(,"status":"ok"})", "\\\"status\\\" cannot be what it is"},
      {"{" + dir + "," + dialect + R"(,"chunk":-1})", "\\\"chunk\\\" cannot be what it is"},
      {"{" + dir + "," + dialect + R"(,"cut":1})", "\\\"cut\\\" cannot be what it is"},
      {"{\"dir\":\"" + none_there + "\"," + dialect + "}", "response.body cannot be read"},
      {"{\"dir\":\"" + torn + "\"," + dialect + "}", "meta.json is no JSON object"},
  };
  for (const Case& c : cases) {
    const Ran ran({"batch"}, c.line + "\n{" + dir + "," + dialect + "}\n");
    CAPTURE(c.line);
    CHECK(ran.code == 2);
    CHECK_THAT(ran.err, ContainsSubstring("could not be read"));
    CHECK_THAT(ran.out, ContainsSubstring("\"error\":\"" + c.problem + "\"}\n"));
    CHECK_THAT(ran.out, ContainsSubstring("}\n{\"dir\":\"" + a + "\"," + std::string(verdict_of_openai) + "}\n"));
  }
}

TEST_CASE("conform retry-after tells the hint of each case") {
  const Ran ran({"retry-after"},
                "now: 1696004797\nretry-after: 20\n\n"
                "now: 1696004797\r\nRetry-After: Fri, 29 Sep 2023 16:26:57 GMT\r\n\r\n"
                "\n\nretry-after-ms: 1500.9\nretry-after: 7\nnow:0\n\n"
                "now: 1\n\n"
                "now: 1\nretry-after: soon\n\n"
                "now: 1\nretry-after: 99999999999999999999\n\n"
                "now: 1\nretry-after: 5\0\n\n"
                "now: 1\nx-ratelimit-reset-requests: 1s\nx-ratelimit-reset-tokens: 6m0s\n\n"
                "now: 1\nretry-after: 3"s);
  CHECK(ran.code == 0);
  CHECK(ran.out == line("\"delay_ms\":20000") + line("\"delay_ms\":20000") + line("\"delay_ms\":1500") +
                       line("\"ignored\":true") + line("\"ignored\":true") + line("\"delay_ms\":\"max\"") +
                       line("\"ignored\":true") + line("\"delay_ms\":360000") + line("\"delay_ms\":3000"));
  const Ran wrong({"retry-after"}, "retry-after: 1\n\nnow: never\n\nnow: 1\nno header\n\nnow: 1\nretry-after: 2\n");
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.err, ContainsSubstring("could not be read"));
  CHECK(wrong.out == line(R"("error":"\"now: <unix seconds>\" is missing")") + line(R"("error":"\"now\" is no time:  never")") +
                         line("\"error\":\"a line is no header: no header\"") + line("\"delay_ms\":2000"));
}

TEST_CASE("conform refuses arguments that it does not know, in words") {
  struct Case {
    std::vector<std::string_view> args;
    std::string_view problem;
  };
  const Folder folder;
  const std::string missing = folder.path("missing"), torn = folder.add("torn", "no header\n");
  const std::initializer_list<Case> cases{
      {{}, "what to read is missing"},
      {{"xml"}, "it is not known how to read xml"},
      {{"sse", "--cut"}, "sse has no option --cut"},
      {{"json", "--dialect", "openai"}, "json has no option --dialect"},
      {{"reply"}, "reply needs --dialect"},
      {{"reply", "--dialect"}, "--dialect needs a value"},
      {{"reply", "--dialect", "klingon"}, "--dialect is none that is known: klingon"},
      {{"reply", "--dialect", "openai", "--status", "ok"}, "--status is no number: ok"},
      {{"sse", "--chunk", "7 bytes"}, "--chunk is no number of bytes: 7 bytes"},
      {{"sse", "--chunk", "-1"}, "--chunk is no number of bytes: -1"},
      {{"reply", "--dialect", "openai", "--headers", missing}, "--headers: cannot read "},
      {{"reply", "--dialect", "openai", "--headers", torn}, "is no header: no header"},
      {{"reply", "--dialect", "openai", "more"}, "reply has no option more"},
  };
  for (const Case& c : cases) {
    const Ran ran(c.args, "data: a\n\n");
    CAPTURE(c.problem);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK_THAT(ran.err, ContainsSubstring("conform: ") && ContainsSubstring(std::string(c.problem)) &&
                            ContainsSubstring("conform retry-after"));
  }
  const Ran help({"--help"}, "");
  CHECK(help.code == 0);
  CHECK(help.out == conform::usage);
}
