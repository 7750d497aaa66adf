// SPDX-License-Identifier: MIT
// What the end of an attempt teaches about its provider: measures, rests that were asked for, and who is out.
#ifndef LLMROUTE_ROUTE_LESSONS_HPP
#define LLMROUTE_ROUTE_LESSONS_HPP

#include <chrono>

#include "llmroute/route/places.hpp"

namespace llmroute {

/// How long a refused key is left alone before it is tried once more.
inline Duration key_pause(const Provider& p) noexcept {
  return p.retry_key_after > Duration::zero() ? p.retry_key_after : endless;
}

/// A hint is believed between a second ("0" is common) and five minutes; zero: there was none.
inline Duration believed(Duration hint) noexcept {
  using std::chrono::seconds;
  return hint > Duration::zero() ? shorter(longer(hint, seconds(1)), seconds(300)) : Duration::zero();
}

/// Books an outcome at its place. `unhinted`: how long a 429 rests that brought no hint.
template <CooldownPolicy C, class M>
void learn(const Lane<C, M>& l, const Outcome& o, Duration unhinted, Time now) noexcept {
  Health& health = l.place->health;
  health.in_flight.fetch_sub(1, std::memory_order_relaxed);
  if (o.ok()) {
    health.succeeded();
    health.measured(o.first_content);
    l.standing->works();
  }
  if (o.ending == Ending::lost || o.ending == Ending::cut) health.at_least(o.total);

  if (o.failed()) health.remember(o.kind, now);
  if (!o.says_nothing()) l.standing->heard(now);

  const Duration asked = believed(o.retry_after);
  switch (o.blame()) {
    case Blame::none: break;
    case Blame::failure:
      health.failed();
      if (asked > Duration::zero()) l.place->asked_rest.extend(later(now, asked));
      break;
    case Blame::rest: {
      const Duration rest = asked > Duration::zero() ? asked : unhinted;
      l.account->extend(later(now, o.kind == Kind::quota_exhausted ? longer(rest, std::chrono::minutes(15)) : rest));
      break;
    }
    case Blame::provider_out:
      if (o.kind == Kind::unauthorized) l.standing->close(Standing::Why::unauthorized, later(now, key_pause(*l.provider)));
      else l.standing->close(Standing::Why::misconfigured, never);
      break;
    case Blame::offer_out:
      if (l.own_place) l.place->out.store(true, std::memory_order_relaxed);
      break;
  }
}

}  // namespace llmroute

#endif
