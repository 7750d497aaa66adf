// SPDX-License-Identifier: MIT
// CooldownPolicy: one provider is silent for a minute and a half, and each of the cooldowns that ship lives through it.
#ifndef LLMROUTE_EXAMPLES_DEMO_COOLDOWN_HPP
#define LLMROUTE_EXAMPLES_DEMO_COOLDOWN_HPP

#include <chrono>
#include <iomanip>
#include <iostream>
#include <optional>
#include <string_view>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "print.hpp"

namespace demo {

template <llmroute::CooldownPolicy Cooldown>
void live_through_an_outage(std::string_view name, Cooldown cooldown) {
  using namespace llmroute;
  using namespace std::chrono_literals;
  constexpr Duration down = 10s, back = 100s, patience = 3s;

  sim::World world;
  world.add({.name = "favourite", .outages = {{.from = down, .until = back, .how = sim::Outage::hangs}}});
  world.add({.name = "spare"});
  Router router{Fleet{world.providers()}.timeouts({.attempt = patience}), sim::Network{world}, sim::Clock{world}, cooldown};

  std::optional<Duration> used_again;
  for (Duration next{}; !used_again && next < 10min; next += 5s) {
    world.advance_to(Time{} + next);
    const Result<Reply> reply = router.complete("Anything.");
    if (next >= back && reply && reply->provider == "favourite") used_again = next - back;
  }
  const auto wasted = world.provider("favourite").counters().failed;
  std::cout << std::left << std::setw(33) << name << std::right << std::setw(6) << wasted << std::setw(7)
            << wasted * (patience / 1s) << " s";
  if (used_again) std::cout << std::setw(7) << *used_again / 1s << " s after it was back\n";
  else std::cout << "   never\n";
}

inline void show_cooldowns() {
  using namespace llmroute;
  using namespace std::chrono_literals;
  heading("Who must rest, and until when? The favourite hangs for 90 s, a request comes every 5 s");
  std::cout << "cooldown                         wasted   waited   used again\n";
  live_through_an_outage("Off", cooldown::Off{});
  live_through_an_outage("Fixed, 60 s after each failure", cooldown::Fixed{.after_failure = 60s});
  live_through_an_outage("ConsecutiveFailures, 3 then 60 s", cooldown::ConsecutiveFailures{});
  live_through_an_outage("CircuitBreaker, 3 then 5 s, 10 s", cooldown::CircuitBreaker{});
}

}  // namespace demo

#endif
