// expect: this type fills no role of a Router
// names: Widget
// Whatever the program does with a router that could not be made, nothing more is reported.
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Widget {
  int x = 0;
};

bool ask(RouterRef router) { return router.complete("hi").has_value(); }

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Widget{}};
  if (!(router.check)() || !router.replace(Fleet{Provider{.name = "b", .url = "https://b.example/v1"}})) return 1;
  Result<Reply> reply = router.complete({.messages = "hi", .model = "small"}, {.strategy = "cost"});
  if (!reply) return 1;
  router.feedback(reply->id, 0.5);
  if (!router.stream("hi", [](const Delta&) { return true; })) return 1;
  auto pending = router.start({.messages = "hi"}, [](Result<Reply>) {});
  static_cast<void>(pending);
  router.policy<Widget>().x = 1;
  return router.disable("a") && ask(router);
}
