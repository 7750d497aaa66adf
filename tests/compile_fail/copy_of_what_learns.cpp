// expect: this policy keeps what it learns, so it is not copied
// names: Learner
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Learner {
  Learner() = default;
  Learner(Learner&&) = default;
  double score(const Candidate&, const Query&) const { return 1; }
};

int main() {
  Learner learner;
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, learner};
  return !router.complete("hi");
}
