// expect: llmroute::Secret
// names: Out
#include <cstdio>

#include <llmroute/llmroute.hpp>

struct Out {
  Out& operator<<(std::string_view text) {
    std::printf("%zu", text.size());
    return *this;
  }
};

int main() {
  Out out;
  out << llmroute::Secret("sk-hush");
}
