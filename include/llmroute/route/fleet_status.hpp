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
  std::optional<Kind> last_failure{};
  Elapsed last_failure_ago{};

  bool well() const noexcept { return why == Closed::open; }
};

struct FleetStatus {
  std::vector<ProviderStatus> providers{};
  std::string problem{};  ///< why nothing is sent at all; empty: nothing is wrong

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
    table.row({"provider", "model", "ok", "faults", "in a row", "latency", "in flight", "state", "last failure"});
    for (const ProviderStatus& p : providers) {
      std::string state(p.well() ? "well" : to_string(p.why));
      if (p.rests > Duration::zero()) state += ", " + p.rests.text() + " left";
      const std::string last =
          p.last_failure ? std::string(to_string(*p.last_failure)) + ", " + p.last_failure_ago.text() + " ago" : "";
      table.row({p.provider, p.model.empty() ? std::string_view("-") : p.model, std::to_string(p.successes),
                 std::to_string(p.failures), std::to_string(p.failures_in_a_row),
                 p.latency > Duration::zero() ? p.latency.text() : "-", std::to_string(p.in_flight), state, last});
    }
    return table.text();
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
