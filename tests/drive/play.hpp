// SPDX-License-Identifier: MIT
// Plays the same requests in the same world through the blocking and through the callback driver, for tests that compare
// what came of it.
#ifndef LLMROUTE_TESTS_DRIVE_PLAY_HPP
#define LLMROUTE_TESTS_DRIVE_PLAY_HPP

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "llmroute/router.hpp"
#include "llmroute/sim/network.hpp"
#include "llmroute/sim/world.hpp"

namespace tests {

using namespace llmroute;

/// What a caller has seen of one request.
struct Seen {
  bool ok = false;
  Kind kind{};
  std::string text{};      // of the reply, or what there was of it
  std::string streamed{};  // piece by piece
  std::string provider{};
  std::string message{};
  Duration latency{};
  Duration retry_after{};
  Cost cost{};
  Trail trail{};
  Time begun{};

  static Seen of(const Result<Reply>& r, std::string streamed) {
    Seen s;
    s.ok = r.has_value();
    s.streamed = std::move(streamed);
    s.trail = r ? r->trail : r.error().trail;
    s.cost = r ? r->cost : r.error().cost;
    s.provider = std::string(r ? r->provider.view() : r.error().provider.view());
    s.text = r ? r->text : r.error().partial;
    if (r) {
      s.latency = r->latency;
    } else {
      s.kind = r.error().kind;
      s.message = r.error().message;
      s.retry_after = r.error().retry_after;
    }
    return s;
  }

  /// "swift rate_limited 429, cheap won 200": the trail without its times.
  std::string path() const {
    std::string text_of_it;
    for (const TrailEntry& e : trail) {
      text_of_it += (text_of_it.empty() ? "" : ", ") + std::string(e.provider.view()) + ' ';
      text_of_it += e.ending == Ending::failed ? to_string(e.kind) : to_string(e.ending);
      if (e.status != 0) text_of_it += ' ' + std::to_string(e.status);
      if (e.hedge) text_of_it += " hedge";
    }
    return text_of_it;
  }
};

struct Ask {
  ChatRequest request{.messages = "Why is the sky blue?"};
  Options options{};
  Delivery delivery = Delivery::whole;
  std::size_t stop_after = 0;  // pieces; 0: the caller wants all of it
  Duration cancel_after{};     // zero: never
  Duration pause{};            // before the next request
};

/// Through the blocking driver.
template <class... Policies>
std::vector<Seen> play_blocking(sim::World& world, const std::vector<Ask>& asks, Policies... policies) {
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, std::move(policies)...};
  std::vector<Seen> all;
  for (const Ask& a : asks) {
    std::string streamed;
    std::size_t pieces = 0;
    const Time begun = world.now();
    auto stopped = [&] { return a.cancel_after > Duration::zero() && world.now() - begun >= a.cancel_after; };
    auto on_delta = [&](const Delta& d) {
      streamed += d.text;
      return ++pieces != a.stop_after;
    };
    const auto r = a.delivery == Delivery::stream ? router.stream(a.request, on_delta, a.options, stopped)
                                                  : router.complete(a.request, a.options, stopped);
    all.push_back(Seen::of(r, streamed));
    all.back().begun = begun;
    world.advance(a.pause);
  }
  return all;
}

/// Through the callback driver. Each request begins when it began in `like`, so that what one driver notices a tick later than
/// the other does not add up.
template <class... Policies>
std::vector<Seen> play_callback(sim::World& world, const std::vector<Ask>& asks, const std::vector<Seen>& like,
                                Policies... policies) {
  sim::Network network{world};
  Router router{Fleet{world.providers()}, network, sim::Clock{world}, std::move(policies)...};
  std::vector<Seen> all;
  for (std::size_t i = 0; i < asks.size(); ++i) {
    const Ask& a = asks[i];
    if (i < like.size() && world.now() < like[i].begun) world.advance_to(like[i].begun);
    std::string streamed;
    std::size_t pieces = 0;
    std::optional<Seen> seen;
    auto on_delta = [&](const Delta& d) {
      streamed += d.text;
      return ++pieces != a.stop_after;
    };
    auto on_done = [&](Result<Reply> r) { seen = Seen::of(r, streamed); };
    const auto follow = [&](auto pending_of) {
      auto pending = pending_of();
      auto cancel = [&] { pending.cancel(); };
      const http::Wake wake = cancel;
      sim::Network::Operation timer;
      if (a.cancel_after > Duration::zero()) timer = network.at(world.now() + a.cancel_after, wake);
      network.run_until([&] { return seen.has_value(); });
    };
    if (a.delivery == Delivery::stream) follow([&] { return router.start_stream(a.request, on_delta, on_done, a.options); });
    else follow([&] { return router.start(a.request, on_done, a.options); });
    all.push_back(seen ? *seen : Seen{.message = "the handler was never called"});
    if (like.empty()) world.advance(a.pause);
  }
  return all;
}

}  // namespace tests

#endif
