// SPDX-License-Identifier: MIT
// Whom the examples ask: the real providers whose keys are in the environment, where libcurl was found, or else three simulated
// ones. `--simulated` and `--live` insist; without a key `--live` ends with status 77.
#ifndef LLMROUTE_EXAMPLES_HERE_HPP
#define LLMROUTE_EXAMPLES_HERE_HPP

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <thread>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>
#ifdef LLMROUTE_EXAMPLES_WITH_CURL
#include <llmroute/transport/curl.hpp>
#endif

class Here {
 public:
  Here(int argc, char** argv) {
    using namespace llmroute;
    using namespace std::chrono_literals;
    const std::string_view wish = argc > 1 ? argv[1] : "";
    live_ = with_curl && wish != "--simulated" && (real().check)();
    if (wish == "--live" && !live_) {
      std::cout << "skipped: " << (with_curl ? real().problem() : "built without libcurl") << '\n';
      std::exit(77);
    }
    if (live_) return;
    std::cout << "(simulated providers)\n";
    world_.add({.name = "swift",
                .model = "swift-8b",
                .first_content = 130ms,
                .jitter = 0.2,
                .price = {.input = per_million("0.05"), .output = per_million("0.08")},
                .strengths = {"code", "simple"}});
    world_.add({.name = "frugal",
                .model = "frugal-8b",
                .first_content = 420ms,
                .jitter = 0.2,
                .price = {.input = per_million("0.02"), .output = per_million("0.03")},
                .strengths = {"medium"}});
    world_.add({.name = "universal",
                .model = "universal-1",
                .first_content = 900ms,
                .jitter = 0.2,
                .price = {.input = per_million("2.50"), .output = per_million("10")},
                .strengths = {"complex"}});
  }

  bool live() const noexcept { return live_; }
  llmroute::sim::World& world() noexcept { return world_; }
  llmroute::Fleet fleet() const { return live_ ? real() : llmroute::Fleet{world_.providers()}; }

  struct Transport {
    Here* here;
    llmroute::http::Done perform(const llmroute::http::Call& call) {
#ifdef LLMROUTE_EXAMPLES_WITH_CURL
      if (here->live_) return here->curl_.perform(call);
#endif
      return llmroute::sim::Network{here->world_}.perform(call);
    }
  };
  struct Clock {
    Here* here;
    llmroute::Time now() const { return here->live_ ? llmroute::SteadyClock{}.now() : here->world_.now(); }
    void wait_until(llmroute::Time t, llmroute::Stopped stopped) const {
      if (!here->live_) return llmroute::sim::Clock{here->world_}.wait_until(t, stopped);
      while (now() < t && !(stopped && stopped())) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  };
  Transport transport() noexcept { return {this}; }
  Clock clock() noexcept { return {this}; }

 private:
#ifdef LLMROUTE_EXAMPLES_WITH_CURL
  static constexpr bool with_curl = true;
  llmroute::transport::Curl curl_{};
#else
  static constexpr bool with_curl = false;
#endif
  static llmroute::Fleet real() { return llmroute::providers::from_environment(); }

  llmroute::sim::World world_{7};
  bool live_ = false;
};

#endif
