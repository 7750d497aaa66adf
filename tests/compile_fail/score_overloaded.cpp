// expect: `double score(const Candidate&, const Query&) const` cannot be called on it
// names: EuropeFirst
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct EuropeFirst {
  double score(int) const { return 1; }
  template <class T>
  double score(T, int) const {
    return 2;
  }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, EuropeFirst{}};
  return !router.complete("hi");
}
