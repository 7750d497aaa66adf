// expect: the optional `each_model`
// names: OneModel
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct OneModel {
  std::optional<Offer> resolve(std::string_view, const Provider&) const { return {}; }
  void each_models(FunctionRef<void(std::string_view)>) const {}
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, OneModel{}};
  return !router.complete("hi");
}
