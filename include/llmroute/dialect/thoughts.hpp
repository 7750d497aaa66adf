// SPDX-License-Identifier: MIT
// Thoughts that only their vendor understands, such as signed ones, as a reply builder keeps them: a JSON array that is
// valid after each step.
#ifndef LLMROUTE_DIALECT_THOUGHTS_HPP
#define LLMROUTE_DIALECT_THOUGHTS_HPP

#include <string>
#include <string_view>

#include "llmroute/dialect/dialect.hpp"

namespace llmroute::dialect::detail {

class ThoughtList {
 public:
  explicit ThoughtList(ReplyBuilder& to) noexcept : all_(to.thoughts), growing_(to.growing_thought) {}

  /// One that is whole.
  void add(std::string_view object) {
    if (!all_.starts_with('[')) all_ = "[";  // nothing yet, or a signature alone
    else all_.back() = ',';
    all_.append(object).append("]");
    growing_.clear();
  }
  /// One whose last member is an empty text, and grows.
  void begin(std::string_view object, std::string_view name) {
    add(object);
    growing_ = name;
  }
  bool grows(std::string_view name) const noexcept {
    return !growing_.empty() && growing_ == name && all_.starts_with('[');  // a signature alone may have taken its place
  }
  /// By a text that is JSON already.
  void grow(std::string_view text) {
    if (!is_text(text)) return;
    all_.resize(all_.size() - 3);  // what a text is followed by: "}]
    all_.append(text.substr(1, text.size() - 2)).append("\"}]");
  }
  /// What grows now is another member.
  void member(std::string_view name) {
    all_.resize(all_.size() - 2);
    all_.append(",\"").append(name).append("\":\"\"}]");
  }

  static bool is_text(std::string_view json) noexcept { return json.size() >= 2 && json.front() == '"'; }

 private:
  std::string& all_;
  std::string& growing_;
};

}  // namespace llmroute::dialect::detail

#endif
