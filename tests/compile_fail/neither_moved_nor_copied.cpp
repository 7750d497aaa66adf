// expect: pass std::ref(policy)
// names: Count
#include <atomic>

#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Count {
  std::atomic<int> n{0};
  void observe(const Event&) { ++n; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Count{}};
  return !router.complete("hi");
}
