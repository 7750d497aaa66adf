// SPDX-License-Identifier: MIT
// Hedge: is it worth asking a second provider before the first has failed? Needs a transport that runs two calls at once.
//
// | expression                     | result             | when                                                        |
// |--------------------------------|--------------------|-------------------------------------------------------------|
// | `h.hedge_after(health, query)` | optional<Duration> | as an attempt is sent: ask another when it has no content by then |
#ifndef LLMROUTE_POLICY_HEDGE_HPP
#define LLMROUTE_POLICY_HEDGE_HPP

#include <concepts>
#include <optional>

#include "llmroute/policy/query.hpp"

namespace llmroute {

template <class T>
concept Hedge = requires(const T& t, const Health& h, const Query& q) {
  { t.hedge_after(h, q) } -> std::same_as<std::optional<Duration>>;
};

namespace hedge {
struct Off {
  std::optional<Duration> hedge_after(const Health&, const Query&) const noexcept { return std::nullopt; }
};
}  // namespace hedge

}  // namespace llmroute

#endif
