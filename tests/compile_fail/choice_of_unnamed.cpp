// expect: a strategy in a Choice has a `static constexpr std::string_view name`, or is given one
// names: Unnamed
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Unnamed {
  double score(const Candidate&, const Query&) const { return 1; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{},
                ranking::Choice{ranking::Cheapest{}, Unnamed{}}};
  return !router.complete("hi");
}
