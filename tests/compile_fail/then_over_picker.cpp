// expect: the first of a Then gives scores, and this one picks
// names: AnyOfThem
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct AnyOfThem {
  std::size_t pick(const Candidates& c, const Query& q) const { return q.seed % c.size(); }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{},
                ranking::Then{AnyOfThem{}, ranking::within(0.20), ranking::Fastest{}}};
  return !router.complete("hi");
}
