// expect: this type fills no role of a Router
// names: EuropeFirst
// What nobody can derive from, nobody can search for names: one plain sentence nevertheless.
#include <llmroute/llmroute.hpp>

using namespace llmroute;

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct EuropeFirst final {
  double score(int) const { return 1; }
  template <class T>
  double score(T, int) const {
    return 2;
  }
};

int main() {
  Router router{Fleet{Provider{.name = "a", .url = "https://a.example/v1"}}, Http{}, EuropeFirst{}};
  return !router.complete("hi");
}
