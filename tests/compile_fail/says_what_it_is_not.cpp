// expect: `double score(const Candidate&, const Query&) const` or
// names: Learner
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Learner {
  using roles = Roles<role::Ranking, role::Observer>;
  void observe(const Event&) {}
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Learner{}};
  return !router.complete("hi");
}
