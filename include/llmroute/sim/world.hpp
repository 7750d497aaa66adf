// SPDX-License-Identifier: MIT
// A world to try a router in: virtual time, and providers that follow a script, all of it drawn from one seed. A
// program that runs in it opens no socket, waits for nothing, and does the same each time. For one thread alone.
//
//     sim::World world{7};
//     world.add({.name = "swift", .first_content = 130ms, .requests_per_minute = 3});
//     world.add({.name = "steady", .first_content = 600ms});
//     Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}};
#ifndef LLMROUTE_SIM_WORLD_HPP
#define LLMROUTE_SIM_WORLD_HPP

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/http.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/sim/clock.hpp"
#include "llmroute/sim/provider.hpp"

namespace llmroute::sim {

/// Outlives the clocks, networks and operations that were made from it.
class World : public Timeline {
 public:
  explicit World(std::uint64_t seed = 1) : seed_(seed), nobody_({.name = "nobody"}, seed) {}

  std::uint64_t seed() const noexcept { return seed_; }

  /// The reference stays good for as long as the world does.
  ScriptedProvider& add(Script script) { return providers_.emplace_back(std::move(script), seed_); }

  /// By its name; a name that was never added gives a provider that no request can reach.
  ScriptedProvider& provider(std::string_view name) noexcept {
    for (ScriptedProvider& p : providers_)
      if (p.script().name == name) return p;
    return nobody_;
  }

  /// As a fleet takes them: simulated endpoints, each with a key that it accepts.
  std::vector<llmroute::Provider> providers() const {
    std::vector<llmroute::Provider> all;
    all.reserve(providers_.size());
    for (const ScriptedProvider& p : providers_) all.push_back(p.provider());
    return all;
  }

  /// Whom a request reaches. Where several accounts share an endpoint, its key tells; null: no such host.
  ScriptedProvider* find(const http::Request& request) noexcept {
    ScriptedProvider* first = nullptr;
    for (ScriptedProvider& p : providers_) {
      if (!p.serves(request.url)) continue;
      if (p.accepts_key_of(request)) return &p;
      if (first == nullptr) first = &p;
    }
    return first;
  }

  /// Whether a sink of an asynchronous call is running. Networks keep it, to catch drivers that do too much there.
  bool in_sink = false;

  auto begin() noexcept { return providers_.begin(); }
  auto end() noexcept { return providers_.end(); }
  std::size_t size() const noexcept { return providers_.size(); }

 private:
  std::uint64_t seed_;
  std::deque<ScriptedProvider> providers_{};  // a deque, because calls in flight point into it
  ScriptedProvider nobody_;
};

}  // namespace llmroute::sim

#endif
