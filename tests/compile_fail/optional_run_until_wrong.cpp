// expect: the optional `run_until`
// names: Loop
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Loop {
  struct Operation {};
  Operation start(const http::Call&, http::Completion) { return {}; }
  Operation at(Time, http::Wake) { return {}; }
  void run_until(int) {}
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Loop{}};
  return !router.complete("hi");
}
