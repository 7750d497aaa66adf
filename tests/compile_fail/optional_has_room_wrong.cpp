// expect: the optional `has_room`
// names: Mine
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Mine {
  struct Reservation {};
  std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) { return Reservation{}; }
  void settle(Reservation, Money, Time) {}
  bool has_room(const Query&, Money, Time) const { return true; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Mine{}};
  return !router.complete("hi");
}
