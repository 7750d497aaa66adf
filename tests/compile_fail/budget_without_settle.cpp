// expect: this looks like a Budget
// names: Purse
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Purse {
  struct Reservation {};
  std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) { return Reservation{}; }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, Purse{}};
  return !router.complete("hi");
}
