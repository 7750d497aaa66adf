// SPDX-License-Identifier: MIT
// Looks into the JSON that a dialect has written.
#ifndef LLMROUTE_TESTS_DIALECT_JSON_PATH_HPP
#define LLMROUTE_TESTS_DIALECT_JSON_PATH_HPP

#include <cstddef>
#include <string>
#include <string_view>

#include "llmroute/wire/json_reader.hpp"

namespace tests {

/// The member at a path as JSON, all of its occurrences: "messages.0.content".
inline std::string at(std::string_view text, std::string_view path) {
  if (path.empty()) return std::string(text);
  const std::string_view step = path.substr(0, path.find('.'));
  const std::string_view rest = step.size() == path.size() ? std::string_view{} : path.substr(step.size() + 1);
  std::string out;
  llmroute::json::Reader in(text);
  in.array([&](std::size_t i) {
    if (std::to_string(i) == step) out += at(in.raw(), rest);
  });
  in.object([&](std::string_view key) {
    if (key == step) out += at(in.raw(), rest);
  });
  return out;
}

}  // namespace tests

#endif
