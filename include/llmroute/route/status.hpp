// SPDX-License-Identifier: MIT
// Reads what is known of each provider, and changes nothing.
#ifndef LLMROUTE_ROUTE_STATUS_HPP
#define LLMROUTE_ROUTE_STATUS_HPP

#include <atomic>
#include <chrono>
#include <utility>
#include <vector>

#include "llmroute/route/core.hpp"
#include "llmroute/route/fleet_status.hpp"

namespace llmroute {

namespace detail {

template <class LaneOf>
bool used(const LaneOf& l) noexcept {
  const Health& h = l.place->health;
  return h.successes.load(std::memory_order_relaxed) + h.failures.load(std::memory_order_relaxed) > 0 ||
         h.in_flight.load(std::memory_order_relaxed) > 0 ||
         h.last_failed.load(std::memory_order_relaxed) != long_ago.time_since_epoch().count();
}

// For a request of the smallest size.
template <class LaneOf>
Closed full_of(const LaneOf& l, Time now) noexcept {
  const Closed own = word_for(l.limiter->full(l.provider->limits, 0, now));
  return own != Closed::open ? own : word_for(l.account->limiter.full(*l.shared_limits, 0, now));
}
template <class LaneOf>
Time room_at(const LaneOf& l, Time now) noexcept {
  const Time own = l.limiter->free_at(l.provider->limits, 0, now), ours = l.account->limiter.free_at(*l.shared_limits, 0, now);
  return own < ours ? ours : own;
}

template <class Cooldown, class LaneOf>
ProviderStatus status_of(const Cooldown& cooldown, const LaneOf& l, Time now) {
  const Health& h = l.place->health;
  ProviderStatus s{.provider = std::string_view(l.provider->name)};
  s.successes = h.successes.load(std::memory_order_relaxed);
  s.failures = h.failures.load(std::memory_order_relaxed);
  s.failures_in_a_row = h.failures_in_a_row.load(std::memory_order_relaxed);
  s.latency = std::chrono::duration_cast<Duration>(std::chrono::duration<float, std::milli>(h.latency_ms()));
  s.in_flight = h.in_flight.load(std::memory_order_relaxed);
  if (const std::int64_t at = h.last_failed.load(std::memory_order_relaxed); at != long_ago.time_since_epoch().count()) {
    s.last_failure = h.last_failure.load(std::memory_order_relaxed);
    s.last_failure_ago = longer(now - Time(Duration(at)), Duration::zero());  // it may have failed since `now` was read
  }

  const Time asked = l.asked_rest(), policy = cooldown.rest_until(l.place->state, now);
  Time until = now;
  if ((s.why = l.standing->closed(now)) != Closed::open) until = l.standing->probe_at();
  else if (const Time ordered = l.standing->ordered_rest().get(); ordered > now) s.why = Closed::put_to_rest, until = ordered;
  else if (l.place->out.load(std::memory_order_relaxed)) s.why = Closed::no_such_model;
  else if (asked > now) s.why = Closed::asked_to_rest, until = asked < policy ? policy : asked;
  else if (policy > now) s.why = Closed::rests, until = policy;
  else if (const Closed full = full_of(l, now); full != Closed::open) s.why = full, until = room_at(l, now);
  s.headroom = l.quota.left(l.provider->limits, now);
  if constexpr (TellsPhase<Cooldown>) s.phase = cooldown.phase(l.place->state, now);
  if (until > now && until != never && s.why != Closed::disabled) s.rests = until - now;
  return s;
}

inline LimitStatus status_of(const std::string& name, const Limiter& limiter, const RateLimits& limits, Time now) {
  LimitStatus s{.name = name, .in_flight = limiter.in_flight(), .headroom = limiter.left(limits, now)};
  s.why = word_for(limiter.full(limits, 0, now));
  if (const Time at = limiter.free_at(limits, 0, now); at > now && at != never) s.rests = at - now;
  return s;
}

}  // namespace detail

template <class Policies>
FleetStatus status_of(const Core<Policies>& core) {
  const auto pin = core.pin();
  const Time now = core.template policy<role::Clock>().now();
  const auto& cooldown = core.template policy<role::Cooldown>();
  FleetStatus all;
  all.problem = pin->fleet().problem();
  struct Rows {
    std::vector<const void*> seen{};  // several names may share a place
    std::vector<ProviderStatus> rows{};
  };
  std::vector<Rows> providers(pin->fleet().providers().size());
  pin->each_lane([&](const auto& l, std::string_view model) {
    Rows& mine = providers[l.index];
    const void* place = &*l.place;
    for (const void* s : mine.seen)
      if (s == place) return;
    mine.seen.push_back(place);
    if (!mine.rows.empty() && !detail::used(l)) return;
    mine.rows.push_back(detail::status_of(cooldown, l, now));
    mine.rows.back().model = model.empty() ? l.offer.model.text() : std::string(model);
  });
  pin->each_limited_tenant([&](const Limiter& limiter, const Tenant& t) {
    all.tenants.push_back(detail::status_of(t.name, limiter, t.limits, now));
  });
  for (const QuotaGroup& g : pin->fleet().quota_groups()) {
    const Limiter* limiter = nullptr;
    pin->each_lane([&](const auto& l) {
      if (l.shared_limits == &g.limits) limiter = &l.account->limiter;
    });
    if (limiter != nullptr && g.limits.any()) all.quota_groups.push_back(detail::status_of(g.name, *limiter, g.limits, now));
  }
  for (Rows& p : providers)
    for (ProviderStatus& row : p.rows) all.providers.push_back(std::move(row));
  return all;
}

}  // namespace llmroute

#endif
