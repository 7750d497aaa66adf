// SPDX-License-Identifier: MIT
// A ranking and an observer of one's own: plain structs, with no base class and no registration.
#include <iostream>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

using namespace llmroute;
using namespace std::chrono_literals;

// [readme:own_policy]
struct EuropeFirst {  // the lowest score is tried first
  double score(const Candidate& c, const Query&) const { return c.has_tag("eu") ? 0 : 1 + c.cost(); }
};
static_assert(RankingStrategy<EuropeFirst>);

struct Narrator {
  void observe(const Event& e) {
    if (e.what == Event::What::sent) std::cout << "asking " << e.provider << '\n';
    if (e.what == Event::What::ended && e.outcome->failed()) std::cout << e.provider << " failed: " << e.outcome->kind << '\n';
  }
};
static_assert(Observer<Narrator>);
// [/readme]

int main() {
  sim::World world;
  world.add({.name = "virginia", .price = {.input = per_million("0.05"), .output = per_million("0.05")}});
  world.add({.name = "frankfurt", .price = {.input = per_million("0.50"), .output = per_million("0.50")}, .tags = {"eu"}});
  world.provider("frankfurt").answer_with(sim::Answer::rate_limited(20s));

  // [readme:use_own_policy]
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, EuropeFirst{}, Narrator{}};
  // [/readme]
  for (int i = 0; i < 2; ++i) {
    const auto reply = router.complete("Who answers?");
    if (!reply) return std::cerr << reply.error() << '\n', 1;
    std::cout << reply->provider << " answered\n";
    world.advance(30s);  // frankfurt has rested by then
  }
}
