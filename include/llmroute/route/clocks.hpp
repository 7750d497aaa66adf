// SPDX-License-Identifier: MIT
// How long a request and its attempts may take: the request decides before the provider, and the provider before the fleet.
#ifndef LLMROUTE_ROUTE_CLOCKS_HPP
#define LLMROUTE_ROUTE_CLOCKS_HPP

#include <chrono>
#include <optional>

#include "llmroute/chat.hpp"
#include "llmroute/offer.hpp"
#include "llmroute/options.hpp"
#include "llmroute/route/race.hpp"

namespace llmroute {

inline Duration deadline_of(const Timeouts& request, const Timeouts& fleet) noexcept {
  return request.deadline.value_or(fleet.deadline.value_or(std::chrono::seconds(300)));
}

inline AttemptLimits attempt_limits(const Timeouts& request, const Provider& p, const Timeouts& fleet, const Offer& offer,
                                    Delivery delivery) noexcept {
  const auto chosen = [&](std::optional<Duration> Timeouts::* which, Duration otherwise) {
    return (request.*which).value_or((p.timeouts.*which).value_or((fleet.*which).value_or(otherwise)));
  };
  using std::chrono::seconds;
  const bool stream = delivery == Delivery::stream && offer.capabilities.has(Capability::streaming);
  const bool reasons = offer.capabilities.has(Capability::reasoning);
  return {.connect = chosen(&Timeouts::connect, seconds(5)),
          .answer =
              stream ? chosen(&Timeouts::first_content, seconds(reasons ? 300 : 60)) : chosen(&Timeouts::attempt, seconds(120)),
          .idle = chosen(&Timeouts::idle, seconds(30)),
          .content_idle = stream ? chosen(&Timeouts::content_idle, seconds(120)) : endless};
}

}  // namespace llmroute

#endif
