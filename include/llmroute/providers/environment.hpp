// SPDX-License-Identifier: MIT
// Where keys are looked for: the process's environment, and behind it a file of `KEY=VALUE` lines, where one was read.
//
//     const auto env = providers::env_file(".env");
//     if (!env) return std::cerr << env.error() << '\n', 1;
//     Router router{providers::from_environment(*env), transport::Curl{}};
//
// | line                           | value                                                                     |
// |--------------------------------|---------------------------------------------------------------------------|
// | `KEY=value`, `export KEY=value`| without the blanks around it, up to a # behind a blank                    |
// | `KEY='value'`, KEY=`value`     | all between the quotes, over several lines, too                           |
// | `KEY="value"`                  | likewise, with \n, \r, \t, \" and \\                                      |
// | `KEY=`                         | empty                                                                     |
// | `# comment`, an empty line     | none                                                                      |
//
// Of two lines for one key the later counts. Anything else is an error with its line.
// Not provided: `$OTHER` in a value, and changes to the process's environment: other threads may be reading it.
#ifndef LLMROUTE_PROVIDERS_ENVIRONMENT_HPP
#define LLMROUTE_PROVIDERS_ENVIRONMENT_HPP

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/failure.hpp"
#include "llmroute/result.hpp"
#include "llmroute/secret.hpp"
#include "llmroute/wire/printable.hpp"
#include "llmroute/wire/text_file.hpp"

namespace llmroute::providers {

namespace detail {
class EnvironmentReader;
}

/// Names and their values, which are never printed, and wiped in the end. What the process's environment says wins, also if it
/// says "".
class Environment {
 public:
  Environment() = default;
  Environment(const Environment&) = default;
  Environment(Environment&&) noexcept = default;
  Environment& operator=(Environment other) noexcept {
    values_.swap(other.values_);
    return *this;
  }
  ~Environment() {
    for (auto& entry : values_) llmroute::detail::wipe(entry.second);
  }

  /// Reads what `env_file` reads; `source` is what a failure calls the text.
  static Result<Environment> parse(std::string_view text, std::string_view source = "environment");

  /// The value without the blanks around it, such as the line end that `export KEY=$(cat file)` may leave; empty: none.
  Secret key(const std::string& variable) const { return Secret(value(variable)); }
  /// The same of what is no secret: a URL, a region.
  std::string text(const std::string& variable) const { return std::string(value(variable)); }

 private:
  friend class detail::EnvironmentReader;

  std::string_view value(const std::string& variable) const {
    if (variable.empty()) return {};
    if (const char* set = std::getenv(variable.c_str())) return trimmed(set);  // NOLINT(concurrency-mt-unsafe)
    for (const auto& [name, value] : values_)
      if (name == variable) return trimmed(value);
    return {};
  }
  static constexpr std::string_view trimmed(std::string_view value) noexcept {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t first = value.find_first_not_of(blanks);
    return first == value.npos ? std::string_view() : value.substr(first, value.find_last_not_of(blanks) - first + 1);
  }

  std::vector<std::pair<std::string, std::string>> values_{};
};

namespace detail {

/// Walks over the text of such a file.
class EnvironmentReader {
 public:
  explicit EnvironmentReader(std::string_view text) noexcept : rest_(text) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);  // some editors begin each file so
  }

  /// What is wrong, in words that quote nothing; empty: all was read.
  std::string_view read(Environment& into) {
    std::size_t most = 1;
    for (const char c : rest_) most += is_line_end(c) ? 1 : 0;
    into.values_.reserve(most);  // nothing is left behind in memory that it has outgrown
    for (; !rest_.empty(); next_line()) {
      skip_blanks();
      if (at_end_of_line()) continue;
      line_of_entry_ = line_;
      if (const std::string_view wrong = entry(into); !wrong.empty()) return wrong;
    }
    return {};
  }
  std::size_t line() const noexcept { return line_of_entry_; }

 private:
  std::string_view entry(Environment& into) {
    if (rest_.starts_with("export ") || rest_.starts_with("export\t")) {
      rest_.remove_prefix(7);
      skip_blanks();
    }
    const std::size_t size = name_size();
    if (size == 0) return "begins with no name: write KEY=VALUE";
    const std::string name(rest_.substr(0, size));
    rest_.remove_prefix(size);
    skip_blanks();
    if (!rest_.starts_with('=')) return "has no = behind its name: write KEY=VALUE";
    rest_.remove_prefix(1);
    const std::string_view behind_sign = rest_;
    skip_blanks();
    WipedText value;
    if (rest_.find_first_of("'\"`") != 0) {
      rest_ = behind_sign;  // a blank before a # counts
      plain(value);
    } else if (!quoted(value)) {
      return "opens a quote that nothing closes";
    }
    skip_blanks();
    if (!at_end_of_line()) return "goes on behind its closing quote";
    set(into, name, value.view());
    return {};
  }

  void plain(WipedText& value) {
    std::size_t end = 0;
    while (end < rest_.size() && !is_line_end(rest_[end]) && !(rest_[end] == '#' && end > 0 && is_blank(rest_[end - 1]))) ++end;
    value.append(rest_.substr(0, end));
    rest_.remove_prefix(end);
  }

  bool quoted(WipedText& value) {
    const char quote = rest_.front();
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == quote) return rest_.remove_prefix(1), true;
      if (c == '\\' && quote == '"' && rest_.size() > 1) {
        value.append(unescaped());
        continue;
      }
      if (is_line_end(c)) {
        next_line();
        value.append("\n");
        continue;
      }
      value.append(rest_.substr(0, 1));
      rest_.remove_prefix(1);
    }
    return false;
  }
  std::string_view unescaped() noexcept {
    std::string_view both = rest_.substr(0, 2);
    switch (both[1]) {
      case 'n': both = "\n"; break;
      case 'r': both = "\r"; break;
      case 't': both = "\t"; break;
      case '"':
      case '\\': both.remove_prefix(1); break;
      default:
        both = both.substr(0, 1);
        rest_.remove_prefix(1);
        return both;
    }
    rest_.remove_prefix(2);
    return both;
  }

  static void set(Environment& into, const std::string& name, std::string_view value) {
    for (auto& [known, old] : into.values_)
      if (known == name) {
        llmroute::detail::wipe(old);
        old = value;
        return;
      }
    into.values_.emplace_back(name, value);
  }

  std::size_t name_size() const noexcept {
    std::size_t size = 0;
    for (; size < rest_.size(); ++size) {
      const char c = rest_[size];
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
      if (!letter && (size == 0 || !((c >= '0' && c <= '9') || c == '.' || c == '-'))) break;
    }
    return size;
  }
  static bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }
  static bool is_line_end(char c) noexcept { return c == '\n' || c == '\r'; }
  bool at_end_of_line() const noexcept { return rest_.empty() || is_line_end(rest_.front()) || rest_.front() == '#'; }
  void skip_blanks() noexcept {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  void next_line() noexcept {
    const std::size_t end = rest_.find_first_of("\r\n");
    if (end == rest_.npos) return rest_ = {}, void();
    rest_.remove_prefix(end + (rest_.substr(end, 2) == "\r\n" ? 2 : 1));
    ++line_;
  }

  std::string_view rest_;
  std::size_t line_ = 1;
  std::size_t line_of_entry_ = 1;
};

}  // namespace detail

inline Result<Environment> Environment::parse(std::string_view text, std::string_view source) {
  Environment all;
  detail::EnvironmentReader reader(text);
  const std::string_view wrong = reader.read(all);
  if (wrong.empty()) return all;
  return Failure{
      .kind = Kind::misconfigured,
      .message =
          printable(source, 1'000).append(":").append(std::to_string(reader.line())).append(": the line ").append(wrong)};
}

/// The lines of a file of at most 1 MiB, behind the process's environment. Nobody reads one unasked.
inline Result<Environment> env_file(const std::string& path = ".env") {
  std::string text;
  Result<void> whole = read_text_file(path, std::size_t{1} << 20, text);
  if (!whole) return std::move(whole).error();
  Result<Environment> all = Environment::parse(text, path);
  llmroute::detail::wipe(text);
  return all;
}

}  // namespace llmroute::providers

#endif
