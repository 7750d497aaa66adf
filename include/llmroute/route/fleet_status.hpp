// SPDX-License-Identifier: MIT
// How the providers of a router are now: plain values that a program reads and a person prints. `router.status()` makes it.
#ifndef LLMROUTE_ROUTE_FLEET_STATUS_HPP
#define LLMROUTE_ROUTE_FLEET_STATUS_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/failure.hpp"
#include "llmroute/policy/cooldown/phase.hpp"
#include "llmroute/route/closed.hpp"
#include "llmroute/text_table.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

/// One provider, or one model of it that has a health of its own and has been used.
struct ProviderStatus {
  ProviderName provider{};
  std::string model{};        ///< its default model, or the name that was asked for; empty: all that nobody listed
  Closed why = Closed::open;  ///< open: it is well
  Elapsed rests{};            ///< so much longer; zero: not at all, or until somebody mends it
  std::uint32_t successes = 0;
  std::uint32_t failures = 0, failures_in_a_row = 0;  ///< of its own fault: a rate limit is none
  Elapsed latency{};                                  ///< mean to the first content; zero: not measured
  int in_flight = 0;
  double headroom = 1;      ///< the least share that is left of its limits; 1 where none is known
  cooldown::Phase phase{};  ///< of its circuit
  std::optional<Kind> last_failure{};
  Elapsed last_failure_ago{};

  bool well() const noexcept { return why == Closed::open; }
  /// Of its limits, in percent; "-": none is known, or nothing is used.
  std::string left() const { return headroom < 1 ? std::to_string(static_cast<int>(headroom * 100)) + " %" : "-"; }
};

/// What a tenant, or a quota group, has used of its limits.
struct LimitStatus {
  std::string name{};
  int in_flight = 0;
  double headroom = 1;        ///< the least share that is left of any limit
  Closed why = Closed::open;  ///< for a small request
  Elapsed rests{};            ///< so much longer, where time alone decides; else zero

  std::string text() const {
    std::string t = printable(name, 100) + ": " + std::to_string(in_flight) + " in flight, " +
                    std::to_string(static_cast<int>(headroom * 100)) + " % left";
    if (why != Closed::open) t.append(", ").append(to_string(why));
    if (rests > Duration::zero()) t += " (" + rests.text() + " left)";
    return t;
  }
};

struct FleetStatus {
  std::vector<ProviderStatus> providers{};
  std::vector<LimitStatus> tenants{};       ///< those that have limits
  std::vector<LimitStatus> quota_groups{};  ///< likewise
  std::string problem{};                    ///< why nothing is sent at all; empty: nothing is wrong

  const ProviderStatus* begin() const noexcept { return providers.data(); }
  const ProviderStatus* end() const noexcept { return providers.data() + providers.size(); }
  /// The first row of that name; null: there is none.
  const ProviderStatus* find(std::string_view provider) const noexcept {
    for (const ProviderStatus& p : providers)
      if (p.provider == provider) return &p;
    return nullptr;
  }

  std::string text() const {
    if (!problem.empty()) return "nothing is sent: " + problem + '\n';
    detail::TextTable table;
    table.row({"provider", "model", "ok", "faults", "in a row", "latency", "in flight", "left", "state", "last failure"});
    for (const ProviderStatus& p : providers) {
      const bool unsure = p.phase == cooldown::Phase::half_open;
      std::string state(!p.well() ? to_string(p.why) : unsure ? "a probe finds out" : "well");
      if (p.rests > Duration::zero()) state += ", " + p.rests.text() + " left";
      const std::string last =
          p.last_failure ? std::string(to_string(*p.last_failure)) + ", " + p.last_failure_ago.text() + " ago" : "";
      table.row({p.provider, p.model.empty() ? std::string_view("-") : p.model, std::to_string(p.successes),
                 std::to_string(p.failures), std::to_string(p.failures_in_a_row),
                 p.latency > Duration::zero() ? p.latency.text() : "-", std::to_string(p.in_flight), p.left(), state, last});
    }
    std::string all = table.text();
    for (const LimitStatus& t : tenants) all += "tenant " + t.text() + '\n';
    for (const LimitStatus& g : quota_groups) all += "quota group " + g.text() + '\n';
    return all;
  }
  template <class Stream>
    requires requires(Stream& s) { s << std::string_view{}; }
  friend Stream& operator<<(Stream& out, const FleetStatus& s) {
    out << std::string_view(s.text());
    return out;
  }
};

}  // namespace llmroute

#endif
