// expect: what a policy plays is llmroute::Roles<...>
// names: EuropeFirst
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct EuropeFirst {
  using roles = role::Ranking;
  double score(const Candidate& c, const Query&) const { return c.has_tag("eu") ? 0 : 1; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, EuropeFirst{}};
  return !router.complete("hi");
}
