// SPDX-License-Identifier: MIT
// What a dialect makes of a request.
#ifndef LLMROUTE_TESTS_DIALECT_SAID_HPP
#define LLMROUTE_TESTS_DIALECT_SAID_HPP

#include <string>
#include <utility>

#include "../catch.hpp"
#include "llmroute/dialect/dialect.hpp"
#include "llmroute/wire/json_reader.hpp"

namespace tests {

struct Said {
  bool ok = false;
  std::string url{};
  std::string body{};  ///< where it cannot be said: why
  llmroute::Kind kind{};
  std::string altered{};
};

inline Said said_by(const llmroute::Dialect& dialect, const llmroute::Outgoing& outgoing) {
  llmroute::Draft draft;
  dialect.encode(outgoing, draft);
  const bool ok = draft.problem.empty();
  if (ok) REQUIRE(llmroute::json::valid(draft.body));
  return {.ok = ok,
          .url = std::move(draft.url),
          .body = ok ? std::move(draft.body) : std::move(draft.problem),
          .kind = draft.kind,
          .altered = std::move(draft.altered)};
}

}  // namespace tests

#endif
