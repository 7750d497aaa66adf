// SPDX-License-Identifier: MIT
// Public suites of test cases, which are not part of this project, through the program: LLMROUTE_CONFORMANCE names their
// folder. The tests of wire/ know more of each case; these see that the program tells the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base64.hpp"
#include "catch.hpp"
#include "conformance/conform.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"
#include "recorded.hpp"

using namespace llmroute;

namespace {

// Empty: there is none, and the test is to be skipped.
std::string suite_folder() {
  const char* const folder = std::getenv("LLMROUTE_CONFORMANCE");
  if (folder == nullptr) WARN("skipped: LLMROUTE_CONFORMANCE is not set");
  return folder == nullptr ? "" : folder;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> told(std::vector<std::string_view> args, const std::string& input) {
  std::istringstream in(input);
  std::ostringstream out, err;
  CHECK(conform::run(args, in, out, err) == 0);
  return lines_of(out.str());
}

std::string event_line(std::string_view type, std::string_view data, std::string_view id) {
  std::string line;
  json::Writer w(line);
  w.begin_object();
  w.key("type").text(type).key("data").text(data).key("id").text(id);
  w.end_object();
  return line;
}

}  // namespace

TEST_CASE("conform json agrees with public collections") {
  const std::string folder = suite_folder();
  if (folder.empty()) return;
  std::string paths;
  std::vector<std::string> advice;
  for (const std::string& row : lines_of(tests::file(folder + "/json/index.tsv"))) {
    if (row.starts_with("file\t")) continue;
    paths += folder + "/json/" + row.substr(0, row.find('\t')) + "\n";
    advice.push_back(row.substr(0, row.rfind('\t')));
    advice.back().erase(0, advice.back().rfind('\t') + 1);
  }
  const std::vector<std::string> lines = told({"json"}, paths);
  REQUIRE(lines.size() == advice.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CAPTURE(lines[i], advice[i]);
    const bool either = advice[i].starts_with("reject-or") || advice[i].starts_with("reject, or");
    const std::string_view valid = advice[i].starts_with("accept") ? "\"valid\":true}" : "\"valid\":false}";
    CHECK((either || lines[i].ends_with(valid)));
  }
  CHECK(lines.size() > 1'900);
}

TEST_CASE("conform sse agrees with browsers") {
  const std::string folder = suite_folder();
  if (folder.empty()) return;
  const std::vector<std::string> cases = lines_of(tests::file(folder + "/sse/cases.jsonl"));
  for (const std::string& one : cases) {
    std::string bytes, type, data, id;
    std::vector<std::string> expected;
    json::Reader in(one);
    const auto event = [&] {
      in.object([&](std::string_view key) {
        if (key == "type") in.text(type);
        else if (key == "data") in.text(data);
        else if (key == "lastEventId") in.text(id);
      });
      expected.push_back(event_line(type, data, id));
      conform::escape_line_ends(expected.back());
    };
    in.object([&](std::string_view key) {
      if (key == "input_b64") bytes = tests::from_base64(in.text());
      else if (key == "expect")
        in.object([&](std::string_view k) {
          if (k == "events") in.array(event);
        });
    });
    REQUIRE(in.done());
    CAPTURE(one);
    for (const std::string_view chunk : {"0", "1", "7"}) {
      std::vector<std::string> lines = told({"sse", "--chunk", chunk}, bytes);
      REQUIRE_FALSE(lines.empty());
      CHECK(lines.back().starts_with("{\"end\":\""));
      lines.pop_back();
      CHECK(lines == expected);
    }
  }
  CHECK(cases.size() > 200);
}

TEST_CASE("conform retry-after agrees with the clients that providers publish") {
  const std::string folder = suite_folder();
  if (folder.empty()) return;
  std::string input;
  std::vector<std::string> expected;
  const std::string cases = tests::file(folder + "/retry_after/retry_after_cases.json");
  json::Reader in(cases);
  in.array([&] {
    std::int64_t now = 0, milliseconds = 0;
    std::string headers, kind;
    in.object([&](std::string_view key) {
      if (key == "now_unix") in.integer(now);
      else if (key == "headers")
        in.object([&](std::string_view name) { headers.append(name).append(": ").append(in.text()).append("\n"); });
      else if (key == "expect")
        in.object([&](std::string_view k) {
          if (k == "kind") in.text(kind);
          else in.integer(milliseconds);
        });
    });
    input += "now: " + std::to_string(now) + "\n" + headers + "\n";
    expected.push_back(kind == "ignore"     ? "{\"ignored\":true}"
                       : kind == "delay_ms" ? "{\"delay_ms\":" + std::to_string(milliseconds) + "}"
                                            : "{\"delay_ms\":\"max\"}");
  });
  REQUIRE(in.done());
  CHECK(told({"retry-after"}, input) == expected);
  CHECK(expected.size() > 60);
}
