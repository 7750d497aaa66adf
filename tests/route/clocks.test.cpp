// SPDX-License-Identifier: MIT
#include "llmroute/route/clocks.hpp"

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

TEST_CASE("the request decides before the provider, the provider before the fleet, and the library last") {
  Provider p;
  Timeouts request, fleet;
  const Offer offer;
  const auto attempt = [&] { return attempt_limits(request, p, fleet, offer, Delivery::whole).answer; };
  CHECK(attempt() == 120s);
  fleet.attempt = 40s;
  CHECK(attempt() == 40s);
  p.timeouts.attempt = 30s;
  CHECK(attempt() == 30s);
  request.attempt = 20s;
  CHECK(attempt() == 20s);
  CHECK(deadline_of(request, fleet) == 300s);
  fleet.deadline = 60s;
  CHECK(deadline_of(request, fleet) == 60s);
  request.deadline = 5s;
  CHECK(deadline_of(request, fleet) == 5s);
}

TEST_CASE("a stream waits for its first content and between content; a whole reply for its end") {
  const Provider p;
  Offer offer;
  const AttemptLimits stream = attempt_limits({}, p, {}, offer, Delivery::stream);
  CHECK(stream.answer == 60s);
  CHECK(stream.content_idle == 120s);
  CHECK(stream.idle == 30s);
  CHECK(stream.connect == 5s);
  const AttemptLimits whole = attempt_limits({}, p, {}, offer, Delivery::whole);
  CHECK(whole.answer == 120s);
  CHECK(whole.content_idle == endless);
  offer.capabilities = offer.capabilities | Capability::reasoning;
  CHECK(attempt_limits({}, p, {}, offer, Delivery::stream).answer == 300s);
  offer.capabilities = offer.capabilities.without(Capability::streaming);
  CHECK(attempt_limits({}, p, {}, offer, Delivery::stream).answer == 120s);  // it will come in one piece
}
