// expect: `std::size_t pick(const Candidates&, const Query&) const` cannot be called on it
// names: FirstOpen
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct FirstOpen {
  int pick(const Candidates&, const Query&) const { return 0; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, FirstOpen{}};
  return !router.complete("hi");
}
