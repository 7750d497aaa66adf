// SPDX-License-Identifier: MIT
// The main job, with no key and no network: a dozen prompts are classified, routed, rate-limited, failed over and streamed over
// simulated providers. Then each policy by itself, in a few lines from examples/demo/ that can be copied. The clock is virtual,
// so minutes take milliseconds; `--seed N` takes another course.
#include <charconv>
#include <cstdint>
#include <functional>
#include <iostream>
#include <optional>
#include <string_view>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "demo/classifier.hpp"
#include "demo/cooldown.hpp"
#include "demo/looking.hpp"
#include "demo/models.hpp"
#include "demo/narrator.hpp"
#include "demo/observers.hpp"
#include "demo/prompts.hpp"
#include "demo/ranking.hpp"
#include "demo/rests.hpp"
#include "demo/retry.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view usage = "usage: demo [--seed N]    each N takes another course; 3 if nothing is said\n";

std::optional<std::uint64_t> seed_of(int argc, char** argv) {
  std::uint64_t seed = 3;
  if (argc == 1) return seed;
  if (argc != 3 || argv[1] != std::string_view("--seed")) return std::nullopt;
  const std::string_view value = argv[2];
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seed);
  if (error != std::errc{} || end != value.data() + value.size()) return std::nullopt;
  return seed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && (argv[1] == std::string_view("--help") || argv[1] == std::string_view("-h"))) return std::cout << usage, 0;
  const std::optional<std::uint64_t> seed = seed_of(argc, argv);
  if (!seed) return std::cerr << "demo: expected nothing, or --seed and a number\n" << usage, 2;

  sim::World world{*seed};
  demo::add_providers(world);
  observe::Stats stats{{.reference = observe::Reference{.name = "universal alone", .price = demo::price_of_universal}}};
  Router router{Fleet{world.providers()}.timeouts({.attempt = 5s, .first_content = 3s}),
                sim::Network{world},
                sim::Clock{world},
                ranking::ByCategory{},
                cooldown::CircuitBreaker{.failures = 2, .open = 20s},
                classify::Keywords{},
                demo::Narrator{world},
                std::ref(stats)};

  std::cout << "llmroute, seed " << *seed << ": simulated providers, a virtual clock\n";
  const bool answered = demo::ask_a_dozen_prompts(router, world);
  demo::show_rankings(*seed);
  demo::show_cooldowns();
  demo::show_rests();
  demo::show_retries();
  demo::show_classifier();
  demo::show_models();
  demo::show_looking(*seed);
  demo::show_log(*seed);
  demo::show_figures(stats);
  demo::show_status(router);
  return answered ? 0 : 1;
}
