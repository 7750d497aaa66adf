// expect: the optional `patience`
// names: Mine
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Mine {
  std::optional<Duration> retry_after(const Outcome&, const Query&) const { return {}; }
  int patience = 5;
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Mine{}};
  return !router.complete("hi");
}
