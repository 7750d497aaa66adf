// expect: the optional `watches_load`
// names: Choosy
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Choosy {
  double score(const Candidate&, const Query&) const { return 1; }
  bool watches_load = true;
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Choosy{}};
  return !router.complete("hi");
}
