// SPDX-License-Identifier: MIT
// An observer of one's own: it tells each request as it runs, and who rests until when.
#ifndef LLMROUTE_EXAMPLES_DEMO_NARRATOR_HPP
#define LLMROUTE_EXAMPLES_DEMO_NARRATOR_HPP

#include <chrono>
#include <iostream>
#include <map>
#include <string>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/world.hpp>

namespace demo {

class Narrator {
 public:
  explicit Narrator(llmroute::sim::World& world) : world_(world) {}

  void observe(const llmroute::Event& e) {
    using What = llmroute::Event::What;
    switch (e.what) {
      case What::classified: return introduce(*e.query);
      case What::sent: return justify(*e.candidate, *e.query);
      case What::ended: return judge(std::string(e.provider), *e.outcome);
      case What::rested: return rest(std::string(e.provider), e);
      default: return;
    }
  }

 private:
  struct Rest {
    llmroute::Time until{};
    bool circuit = false;  // of its breaker; else the provider asked for it
    bool probe = false;    // it is asked to find out whether it works again
  };

  void introduce(const llmroute::Query& q) {
    std::cout << ++number_ << ". [" << q.category << (q.delivery == llmroute::Delivery::stream ? ", streamed" : "") << "] \""
              << q.request.messages.back().parts.front().content << "\", " << world_.elapsed() / std::chrono::seconds(1)
              << " s after the start\n";
    for (const auto& [name, rest] : rests_)
      if (rest.until > world_.now())
        std::cout << "   " << name << " rests for " << llmroute::Elapsed(rest.until - world_.now())
                  << (rest.circuit ? ", its circuit is open\n" : ", as it asked\n");
  }

  void justify(const llmroute::Candidate& c, const llmroute::Query& q) {
    Rest& rest = rests_[c.provider.name];
    rest.probe = rest.circuit;
    std::cout << (q.attempt == 0 ? "   asks " : "   then ") << c.provider.name << ", ";
    if (c.provider.is_good_at(q.category)) std::cout << "good at " << q.category << " tasks";
    else std::cout << "as nobody good at " << q.category << " tasks is left";
    std::cout << ", est. $" << c.estimate() << (rest.probe ? "; a probe, its circuit is half-open\n" : "\n");
  }

  void judge(const std::string& name, const llmroute::Outcome& o) {
    if (o.ok()) {
      if (rests_[name].probe) std::cout << "      the probe went well: its circuit closes\n";
      rests_.erase(name);
      return;
    }
    std::cout << "      fails: " << o.kind << " after " << llmroute::Elapsed(o.total) << '\n';
  }

  void rest(const std::string& name, const llmroute::Event& e) {
    const bool circuit = e.outcome->blame() == llmroute::Blame::failure;
    rests_[name] = {.until = e.until, .circuit = circuit};
    std::cout << "      rests for " << llmroute::Elapsed(e.until - e.now)
              << (circuit ? ": its circuit opens\n" : ", as it asked\n");
  }

  llmroute::sim::World& world_;
  std::map<std::string, Rest> rests_;
  int number_ = 0;
};
static_assert(llmroute::Observer<Narrator>);

}  // namespace demo

#endif
