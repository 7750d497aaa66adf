// SPDX-License-Identifier: MIT
// What the dialects need alike to write a request: URLs, and a look into JSON that the caller wrote.
#ifndef LLMROUTE_DIALECT_ENCODING_HPP
#define LLMROUTE_DIALECT_ENCODING_HPP

#include <cstddef>
#include <string>
#include <string_view>

#include "llmroute/wire/json_reader.hpp"

namespace llmroute::dialect::detail {

/// Appends `base` + `path`; a query in the base (Azure's api-version) stays behind the path.
inline void join_url(std::string& url, std::string_view base, std::string_view path) {
  const std::size_t query = base.find('?');
  std::string_view front = base.substr(0, query);
  while (front.ends_with('/')) front.remove_suffix(1);
  url.append(front).append(path);
  if (query != base.npos) url.append(base.substr(query));
}

/// A valid JSON object and nothing behind it.
inline bool is_object(std::string_view text) {
  json::Reader in(text);
  return in.kind() == json::Kind::object && in.done();
}

inline bool has_member(std::string_view object, std::string_view name) {
  bool found = false;
  json::Reader in(object);
  in.object([&](std::string_view key) { found = found || key == name; });
  return found;
}

}  // namespace llmroute::dialect::detail

#endif
