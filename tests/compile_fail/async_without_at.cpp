// expect: this looks like an AsyncTransport
// names: Client
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Client {
  struct Operation {};
  http::Done perform(const http::Call&) { return {}; }
  Operation start(const http::Call&, http::Completion) { return {}; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Client{}};
  return !router.complete("hi");
}
