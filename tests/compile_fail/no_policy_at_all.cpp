// expect: a Router needs a Transport
#include <llmroute/llmroute.hpp>

using namespace llmroute;

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}};
  return !router.complete("hi");
}
