// expect: a Router needs a Transport
// names: Cheapest
#include <llmroute/llmroute.hpp>

using namespace llmroute;

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, ranking::Cheapest{}};
  return !router.complete("hi");
}
