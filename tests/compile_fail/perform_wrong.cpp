// expect: `http::Done perform(const http::Call&)` cannot be called on it
// names: Client
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Client {
  int perform(const http::Call&) { return 1; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Client{}};
  return !router.complete("hi");
}
