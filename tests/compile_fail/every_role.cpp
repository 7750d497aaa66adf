// expect: compiles
// The near misses of the other cases, right: every role and every optional member, and a policy of each way to be passed.
#include <functional>

#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Choosy final {
  using roles = Roles<role::Ranking, role::Observer>;
  static constexpr std::string_view name = "choosy";
  Choosy() = default;
  Choosy(Choosy&&) = default;
  double score(const Candidate& c, const Query&) const { return c.has_tag("eu") ? 0 : 1; }
  std::string refuse(const Query&) const { return {}; }
  void observe(const Event&) {}
};
struct Rest {
  struct State {};
  struct Permit {};
  Time rest_until(const State&, Time now) const { return now; }
  void report(State&, const Outcome&, Time) const {}
  std::optional<Permit> admit(State&, Time, Need) const { return Permit{}; }
  void report(State&, Permit, const Outcome&, Time) const {}
  Duration rest_for(const Outcome&) const { return {}; }
  void release(State&, Time) const {}
  cooldown::Phase phase(const State&, Time) const { return {}; }
};
struct Guess {
  Judgement classify(const ChatRequest&) const { return {}; }
  std::span<const std::string_view> names() const { return {}; }
};
struct OneModel {
  std::optional<Offer> resolve(std::string_view, const Provider&) const { return {}; }
  void each_model(FunctionRef<void(std::string_view)>) const {}
};
struct Sundial {
  Time now() const { return {}; }
  void wait_until(Time, Stopped) const {}
};
struct Purse {
  struct Reservation {};
  std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) { return Reservation{}; }
  void settle(Reservation, Money, Time) {}
};
struct Count {
  int events = 0;
  Count() = default;
  Count(const Count&) = delete;
  void observe(const Event&) { ++events; }
};
struct Both {
  Judgement classify(const ChatRequest&) const { return {}; }
  void observe(const Event&) {}
};

int main() {
  Count count;
  Choosy choosy;
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}},
                Purse{},
                std::ref(count),
                Sundial{},
                Rest{},
                OneModel{},
                Guess{},
                Http{},
                std::move(choosy),
                only<role::Observer>(Both{}),
                hedge::Off{},
                retry::Off{},
                Purse{}};
  return &router.policy<Count>() != &count;
}
