// SPDX-License-Identifier: MIT
// Why a provider is not asked, in one word for programs and in one sentence for people.
#ifndef LLMROUTE_ROUTE_CLOSED_HPP
#define LLMROUTE_ROUTE_CLOSED_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "llmroute/policy/limiter.hpp"

namespace llmroute {

/// Why a candidate is closed.
enum class Closed : std::uint8_t {
  open,
  not_carried,
  no_tools,
  no_images,
  no_json,
  no_json_schema,
  window,
  larger_window,
  tags,
  denied,
  region,
  tenant,
  price,
  price_unknown,
  filtered,
  unauthorized,
  misconfigured,
  disabled,
  put_to_rest,
  no_such_model,
  rests,
  asked_to_rest,
  in_flight,
  rate_limit,
  too_large,
  queue,
  tenant_limit,
  budget,
  tried,
  other_provider,
  no_attempt_left,
  refused,
  unwanted
};

constexpr std::string_view to_string(Closed c) noexcept {
  constexpr std::string_view names[]{"open",
                                     "does not carry the model",
                                     "its model takes no tools",
                                     "its model takes no images",
                                     "its model has no JSON mode",
                                     "its model takes no JSON schema",
                                     "the request is longer than its context window",
                                     "its context window is no larger than the one that was too small",
                                     "lacks a tag that the request asks for",
                                     "the request does not allow it",
                                     "is not of a region that the request asks for",
                                     "the request's tenant may not use it",
                                     "costs more than the request allows",
                                     "its price is not known, and the request or a budget sets a ceiling",
                                     "is of a vendor whose content filter refused this request",
                                     "its key was refused: replace it, or enable the provider",
                                     "its URL is no API that answers: correct it, or enable the provider",
                                     "is disabled",
                                     "was put to rest",
                                     "it said that it has no such model",
                                     "rests after failures",
                                     "asked for a rest",
                                     "has as many requests in flight as it may",
                                     "has used up its rate limit",
                                     "the request is larger than its tokens per minute",
                                     "others wait for its next slot",
                                     "the request's tenant has used up its limits",
                                     "a budget has no room for it",
                                     "was asked already",
                                     "the request allows no fallback",
                                     "the request has no attempt left for it",
                                     "was refused when it was to be taken",
                                     "is not wanted by the ranking"};
  return names[static_cast<std::size_t>(c)];
}

/// What a limiter says, as a reason.
constexpr Closed word_for(Limiter::Full full) noexcept {
  using Full = Limiter::Full;
  return full == Full::no          ? Closed::open
         : full == Full::in_flight ? Closed::in_flight
         : full == Full::too_large ? Closed::too_large
                                   : Closed::rate_limit;
}

}  // namespace llmroute

#endif
