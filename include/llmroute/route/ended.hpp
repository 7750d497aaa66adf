// SPDX-License-Identifier: MIT
// How one HTTP call to a provider ended, in the terms that an exchange understands: no bytes and no wire format.
#ifndef LLMROUTE_ROUTE_ENDED_HPP
#define LLMROUTE_ROUTE_ENDED_HPP

#include <optional>
#include <string_view>

#include "llmroute/failure.hpp"
#include "llmroute/money.hpp"
#include "llmroute/time.hpp"
#include "llmroute/usage.hpp"
#include "llmroute/wire/rate_limits.hpp"

namespace llmroute {

/// What an attempt hands to the exchange when its call is over.
struct Ended {
  bool ok = false;
  Kind kind{};                 ///< where it is not ok
  int status = 0;              ///< HTTP; 0: there was no answer
  Duration retry_after{};      ///< zero: no hint
  std::string_view message{};  ///< the provider's words, or why there are none; until the attempt encodes again
  std::string_view altered{};  ///< what of the request was left out or renamed; likewise
  Usage usage{};
  http::LimitReport limits{};     ///< what the fields said of the provider's limits, as of its head
  std::optional<Money> billed{};  ///< the provider's own cost field
};

}  // namespace llmroute

#endif
