// SPDX-License-Identifier: MIT
// The main job, with no key and no network: a dozen prompts are classified, routed, rate-limited, failed over and streamed over
// simulated providers. The clock is virtual, so minutes take milliseconds; `--seed N` takes another course.
#include <charconv>
#include <iostream>
#include <string>
#include <string_view>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

/// Simple questions go where it is cheap, code where it is fast, the rest where the best models are.
struct ByTask {
  static constexpr std::string_view name = "by task";
  double score(const Candidate& c, const Query& q) const {
    for (const std::string& strength : c.provider.strengths)
      if (strength == q.category) return q.category == "simple" ? c.cost() : c.latency_ms() * 1e-6;
    return 1e3 + c.index;
  }
};

/// Tells each request as it runs: who is asked, why, and what comes of it.
struct Narrator {
  void observe(const Event& e) {
    switch (e.what) {
      case Event::What::classified: std::cout << '[' << e.query->category << "] " << e.query->prompt_tokens() << " tokens"; break;
      case Event::What::sent: std::cout << "\n      " << (e.query->attempt == 0 ? "asks " : "then ") << e.provider << " (score " << e.score << ')'; break;
      case Event::What::ended:
        if (e.outcome->failed()) {
          std::cout << ": " << e.outcome->kind << " after " << Elapsed(e.outcome->total);
          if (e.outcome->retry_after > Duration::zero()) std::cout << ", come back in " << Elapsed(e.outcome->retry_after);
        }
        break;
      default: break;
    }
  }
};

void build(sim::World& world) {
  world.add({.name = "swift", .first_content = 130ms, .tokens_per_second = 800, .jitter = 0.3,
             .price = {.input = per_million("0.05"), .output = per_million("0.08")}, .requests_per_minute = 2,
             .strengths = {"code", "simple"}});
  world.add({.name = "frugal", .first_content = 420ms, .tokens_per_second = 90, .jitter = 0.3,
             .price = {.input = per_million("0.02"), .output = per_million("0.03")}, .failure_rate = 0.25, .failures = {500, 503, 0},
             .outages = {{.from = 40s, .until = 75s, .how = sim::Outage::hangs}}, .strengths = {"simple"}});
  world.add({.name = "universal", .first_content = 900ms, .tokens_per_second = 60, .jitter = 0.3,
             .price = {.input = per_million("2.50"), .output = per_million("10")}, .strengths = {"complex", "medium", "code"}});
}

struct Prompt {
  std::string_view text;
  Delivery how = Delivery::whole;
};
constexpr Prompt prompts[]{
    {"What is a closure in JavaScript?"},
    {"Fix this async function that has a race condition"},
    {"Design a distributed rate limiter that handles 10K requests/sec"},
    {"How to boil an egg?", Delivery::stream},
    {"Debug this async function"},
    {"The function returned undefined - what went wrong?"},
    {"Write a haiku about debugging", Delivery::stream},
    {"Convert 30 miles to kilometres"},
    {"Who painted the ceiling of the Sistine Chapel?"},
    {"Analyze and compare B-trees and LSM trees, and explain why one would choose either", Delivery::stream},
    {"Refactor this class and fix the import error"},
    {"When is the next leap year?"},
};

std::uint64_t seed_of(int argc, char** argv) {
  std::uint64_t seed = 1;
  for (int i = 1; i + 1 < argc; ++i) {
    const std::string_view text = argv[i + 1];
    if (std::string_view(argv[i]) == "--seed") std::from_chars(text.data(), text.data() + text.size(), seed);
  }
  return seed;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = seed_of(argc, argv);
  sim::World world{seed};
  build(world);
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, ByTask{}, classify::Keywords{},
                cooldown::CircuitBreaker{.failures = 2, .open = 20s}, Narrator{}};
  std::cout << "llmroute, seed " << seed << ": three simulated providers, " << std::size(prompts) << " prompts, a virtual clock\n";

  Money spent;
  int answered = 0, number = 0;
  for (const Prompt& prompt : prompts) {
    std::cout << "\n#" << ++number << "  \"" << prompt.text << "\"\n      ";
    int pieces = 0;
    const auto reply = prompt.how == Delivery::stream ? router.stream(prompt.text, [&](const Delta&) { ++pieces; }) : router.complete(prompt.text);
    if (reply) {
      ++answered;
      spent += reply->cost.amount;
      std::cout << "\n   => " << reply->provider << " answered in " << reply->latency << " for $" << reply->cost;
      if (pieces > 0) std::cout << ", streamed in " << pieces << " pieces, the first after " << reply->first_content;
      std::cout << "\n      " << std::string_view(reply->text).substr(0, 72) << "...\n";
    } else {
      std::cout << "\n   => nobody answered: " << reply.error() << '\n';
    }
    world.advance(4s);
  }
  std::cout << '\n' << answered << " of " << number << " answered, $" << spent << " spent, " << Elapsed(world.now() - Time{}) << " of virtual time\n";
  return answered > 0 ? 0 : 1;
}
