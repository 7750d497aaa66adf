// SPDX-License-Identifier: MIT
// Asks the providers of which nothing was heard for a while, one after another.
#ifndef LLMROUTE_DRIVE_HEALTH_POLL_HPP
#define LLMROUTE_DRIVE_HEALTH_POLL_HPP

#include "llmroute/chat.hpp"
#include "llmroute/options.hpp"
#include "llmroute/route/core.hpp"

namespace llmroute::drive {

/// When a provider is to be asked next; `never`: not before somebody enables it.
template <class Policies, class LaneOf>
Time check_due(const Core<Policies>& core, const LaneOf& l, const HealthChecks& checks, Time now) {
  if (l.standing->why() == Standing::Why::disabled) return never;
  const bool ill = l.place->health.failures_in_a_row.load(std::memory_order_relaxed) > 0;
  Time due = later(l.standing->heard_of(), ill ? checks.again : checks.every);
  if (l.standing->why() != Standing::Why::open) due = latest(due, l.standing->probe_at());
  return latest(latest(due, l.told_to_rest()), core.template policy<role::Cooldown>().rest_until(l.place->state, now));
}

/// `ask(request, options)` sends one, and blocks. Returns when to call again; `never`: there is nothing to check.
template <class Policies, class Ask>
Time health_poll(Core<Policies>& core, Time now, Ask&& ask) {
  const auto places = core.pin();
  const auto& checks = places->fleet().health_checks();
  if (!checks || !places->fleet().problem().empty()) return never;
  const ChatRequest request{.messages = checks->prompt, .max_tokens = checks->max_tokens};
  Options options{.category = HealthChecks::category,
                  .timeouts = {.connect = checks->timeout, .attempt = checks->timeout},
                  .attempts = 1,
                  .fallback = Fallback::off,
                  .hedge = Switch::off};
  Time next = never;
  for (const auto& l : places->group({}).lanes) {
    Time due = check_due(core, l, *checks, now);
    if (due <= now) {
      if (l.standing->take_check(now)) {  // else somebody else is at it
        options.allow = {l.provider->name};
        ask(request, options);
      }
      now = core.template policy<role::Clock>().now();
      due = check_due(core, l, *checks, now);
      if (due <= now) due = later(now, checks->again);  // it could not be asked
    }
    next = sooner(next, due);
  }
  return next;
}

}  // namespace llmroute::drive

#endif
