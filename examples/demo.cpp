// SPDX-License-Identifier: MIT
// The main job, with no key and no network: a dozen prompts are classified, routed, rate-limited, failed over and streamed over
// simulated providers. The clock is virtual, so minutes take milliseconds; `--seed N` takes another course.
#include <charconv>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

/// A fast one with a tight rate limit, a cheap one that is flaky and goes silent for half a minute, and one for everything.
void build(sim::World& world) {
  world.add({.name = "swift",
             .first_content = 130ms,
             .tokens_per_second = 800,
             .jitter = 0.3,
             .price = {.input = per_million("0.05"), .output = per_million("0.08")},
             .requests_per_minute = 2,
             .strengths = {"code", "simple"}});
  world.add({.name = "frugal",
             .first_content = 420ms,
             .tokens_per_second = 90,
             .jitter = 0.3,
             .price = {.input = per_million("0.02"), .output = per_million("0.03")},
             .failure_rate = 0.08,
             .outages = {{.from = 45s, .until = 75s, .how = sim::Outage::hangs}},
             .strengths = {"simple", "medium"}});
  world.add({.name = "universal",
             .first_content = 900ms,
             .tokens_per_second = 60,
             .jitter = 0.3,
             .price = {.input = per_million("2.50"), .output = per_million("10")},
             .strengths = {"complex"}});
}

struct Prompt {
  std::string_view text;
  Delivery how = Delivery::whole;
};
constexpr Prompt prompts[]{
    {"What is a closure in JavaScript?"},
    {"Fix this async function that has a race condition"},
    {"Design a distributed rate limiter that handles 10K requests/sec"},
    {"Debug this async function"},
    {"How to boil an egg?", Delivery::stream},
    {"The function returned undefined - what went wrong?"},
    {"Write a haiku about debugging", Delivery::stream},
    {"Convert 30 miles to kilometres"},
    {"Who painted the ceiling of the Sistine Chapel?"},
    {"Analyze and compare B-trees and LSM trees, and explain why one would choose either", Delivery::stream},
    {"Refactor this class and fix the import error"},
    {"When is the next leap year?"},
};

bool good_at(const std::vector<std::string>& strengths, std::string_view task) {
  for (const std::string& s : strengths)
    if (s == task) return true;
  return false;
}

/// The ranking: the cheapest of those that are good at the task, and then the others.
struct ByTask {
  static constexpr std::string_view name = "by task";
  double score(const Candidate& c, const Query& q) const {
    return good_at(c.provider.strengths, q.category) ? c.cost() : 1e6 + c.cost();
  }
};

/// The observer: tells each request as it runs, and who rests until when.
class Narrator {
 public:
  explicit Narrator(sim::World& world) : world_(world) {}

  void observe(const Event& e) {
    switch (e.what) {
      case Event::What::classified: return introduce(*e.query);
      case Event::What::sent: return justify(*e.candidate, *e.query);
      case Event::What::ended: return judge(std::string(e.provider), *e.outcome);
      case Event::What::rested: return rest(std::string(e.provider), e);
      default: return;
    }
  }

 private:
  struct Rest {
    Time until{};
    bool circuit = false;  // of its breaker; else the provider asked for it
    bool probe = false;    // it is asked to find out whether it works again
  };

  void introduce(const Query& q) {
    std::cout << "\n"
              << ++number_ << ". [" << q.category << (q.delivery == Delivery::stream ? ", streamed" : "") << "] \""
              << q.request.messages.back().parts.front().content << "\", " << world_.elapsed() / 1s << " s after the start\n";
    for (const auto& [name, rest] : rests_)
      if (rest.until > world_.now())
        std::cout << "   " << name << " rests for " << Elapsed(rest.until - world_.now())
                  << (rest.circuit ? ", its circuit is open\n" : ", as it asked\n");
  }

  void justify(const Candidate& c, const Query& q) {
    Rest& rest = rests_[c.provider.name];
    rest.probe = rest.circuit;
    std::cout << (q.attempt == 0 ? "   asks " : "   then ") << c.provider.name << ", ";
    if (good_at(c.provider.strengths, q.category)) std::cout << "the cheapest left of those good at " << q.category << " tasks";
    else std::cout << "the cheapest of the others, as nobody good at " << q.category << " tasks is left";
    std::cout << ", est. $" << c.estimate() << (rest.probe ? "; a probe, its circuit is half-open\n" : "\n");
  }

  void judge(const std::string& name, const Outcome& o) {
    if (o.ok()) {
      if (rests_[name].probe) std::cout << "      the probe went well: its circuit closes\n";
      rests_.erase(name);
      return;
    }
    std::cout << "      fails: " << o.kind << " after " << Elapsed(o.total) << '\n';
  }

  void rest(const std::string& name, const Event& e) {
    const bool circuit = e.outcome->blame() == Blame::failure;
    rests_[name] = {.until = e.until, .circuit = circuit};
    std::cout << "      rests for " << Elapsed(e.until - e.now) << (circuit ? ": its circuit opens\n" : ", as it asked\n");
  }

  sim::World& world_;
  std::map<std::string, Rest> rests_;
  int number_ = 0;
};

void summarise(sim::World& world, Money spent, Money universal_alone) {
  std::cout << "\nprovider     asked  answered  429  failed  billed\n";
  for (const sim::ScriptedProvider& p : world) {
    const sim::Counters& n = p.counters();
    std::string row = p.script().name;
    for (const auto& [column, count] : {std::pair(13u, n.requests), {20u, n.answered}, {30u, n.limited}, {35u, n.failed}}) {
      row.resize(column, ' ');
      row += std::to_string(count);
    }
    row.resize(43, ' ');
    std::cout << row << '$' << n.billed << '\n';
  }
  std::cout << "booked $" << spent << ", with an estimate for what never answered; the same tokens from universal alone: $"
            << universal_alone << "\nAll of it took " << Elapsed(world.elapsed()) << " of virtual time.\n";
}
}  // namespace

int main(int argc, char** argv) {
  constexpr std::string_view usage = "usage: demo [--seed N]    each N takes another course; 3 if nothing is said\n";
  const std::string_view option = argc > 1 ? argv[1] : "", value = argc > 2 ? argv[2] : "";
  if (option == "--help" || option == "-h") return std::cout << usage, 0;
  std::uint64_t seed = 3;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seed);
  if (argc > 1 && (argc != 3 || option != "--seed" || error != std::errc{} || end != value.data() + value.size()))
    return std::cerr << "demo: expected --seed and a number, not \"" << option << ' ' << value << "\"\n" << usage, 2;

  sim::World world{seed};
  build(world);
  Router router{Fleet{world.providers()}.timeouts({.attempt = 5s, .first_content = 3s}),
                sim::Network{world},
                sim::Clock{world},
                ByTask{},
                cooldown::CircuitBreaker{.failures = 2, .open = 20s},
                classify::Keywords{},
                Narrator{world}};
  std::cout << "llmroute, seed " << seed << ": " << world.size() << " simulated providers, " << std::size(prompts)
            << " prompts, a virtual clock\n";

  Money spent, universal_alone;
  int answered = 0;
  for (const Prompt& prompt : prompts) {
    int pieces = 0;
    const auto reply = prompt.how == Delivery::stream ? router.stream(prompt.text, [&](const Delta&) { ++pieces; })
                                                      : router.complete(prompt.text);
    if (reply) {
      ++answered;
      spent += reply->cost.amount;
      universal_alone += world.provider("universal").script().price.of(reply->usage.prompt, reply->usage.completion);
      std::cout << "   => " << reply->provider << " answers in " << reply->latency << " for $" << reply->cost;
      if (pieces > 0) std::cout << ", in " << pieces << " pieces, the first after " << reply->first_content;
      std::cout << (pieces > 0 && reply->trail.size() > 1 ? ": its reader saw no failure\n" : "\n");
    } else {
      spent += reply.error().cost.amount;
      std::cout << "   => nobody answers: " << reply.error() << '\n';
    }
    world.advance(7s);
  }
  summarise(world, spent, universal_alone);
  return answered > 0 ? 0 : 1;
}
