// SPDX-License-Identifier: MIT
// A failure in words: what went before it, every attempt with its cause, and why the others were not asked.
#ifndef LLMROUTE_ROUTE_ACCOUNT_HPP
#define LLMROUTE_ROUTE_ACCOUNT_HPP

#include <span>
#include <string>
#include <string_view>

#include "llmroute/failure.hpp"
#include "llmroute/function_ref.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/route/eligibility.hpp"

namespace llmroute {

/// `reason`: what is wrong with the request or the router itself, where it is that. `why_not`: asked for each provider.
inline std::string account_of(const Failure& f, std::string_view reason, std::span<const Provider> providers,
                              FunctionRef<Closed(const Provider&)> why_not) {
  std::string text(reason);
  const auto add = [&](std::string_view who, std::string_view what) {
    if (!text.empty()) text += "; ";
    text.append(who).append(who.empty() ? "" : ": ").append(what);
  };
  if (f.kind == Kind::policy_failed) add({}, "a policy or a callback threw an exception");
  if (f.kind == Kind::deadline_exceeded) add({}, "its time was up");
  for (const TrailEntry& e : f.trail) {
    if (e.ending == Ending::won) continue;
    std::string what(e.ending == Ending::failed ? to_string(e.kind) : to_string(e.ending));
    if (e.status != 0) what += " (HTTP " + std::to_string(e.status) + ")";
    if (!e.message.empty()) what.append(", ").append(e.message.view());
    add(e.provider, what);
  }
  const bool limited = f.kind == Kind::rate_limited && reason.empty();
  if (f.kind == Kind::no_candidate || f.kind == Kind::over_budget || limited || !f.trail.empty()) {
    constexpr int most = 100;
    int said = 0, more = 0;
    for (const Provider& p : providers) {
      Closed why = why_not(p);
      if (why == Closed::open && f.kind == Kind::no_candidate) why = Closed::unwanted;
      if (why == Closed::tried || why == Closed::open) continue;
      if (++said <= most) add(p.name, to_string(why));
      else ++more;
    }
    if (more > 0) add("and", std::to_string(more) + " more");
  }
  if (f.retry_after > Duration::zero())
    add({}, "worth coming back in " + std::to_string((f.retry_after.count() + 999'999'999) / 1'000'000'000) + " s");
  return text;
}

}  // namespace llmroute

#endif
