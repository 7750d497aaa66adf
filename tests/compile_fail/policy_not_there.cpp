// expect: this Router holds no policy of that type
// names: Widget
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Widget {};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}};
  Widget& widget = router.policy<Widget>();
  return &widget == nullptr;
}
