// SPDX-License-Identifier: MIT
#include "llmroute/route/snapshot.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "catch.hpp"

using llmroute::Snapshot;

namespace {
struct Counted {
  static inline std::atomic<int> alive{0};
  int a, b;
  explicit Counted(int n) : a(n), b(-n) { ++alive; }
  ~Counted() {
    a = b = 1;  // whoever still reads it sees that
    --alive;
  }
};
}  // namespace

TEST_CASE("readers see whole values while writers replace them, and memory stays flat") {
  {
    Snapshot<Counted> current;
    current.set(new Counted(0));
    std::atomic<bool> stop{false};
    std::atomic<int> torn{0}, reads{0};
    std::vector<std::thread> threads;
    for (int r = 0; r < 3; ++r)
      threads.emplace_back([&] {
        while (!stop) {
          const auto pin = current.pin();
          if (pin->a != -pin->b) ++torn;
          ++reads;
        }
      });
    for (int w = 0; w < 2; ++w)
      threads.emplace_back([&, w] {
        for (int i = 1; i < 5'000; ++i) current.set(new Counted(w * 10'000 + i));
      });
    threads[3].join();
    threads[4].join();
    stop = true;
    for (int r = 0; r < 3; ++r) threads[static_cast<std::size_t>(r)].join();
    CHECK(torn == 0);
    CHECK(reads > 0);
    CHECK(Counted::alive == 1);
    CHECK(current.blocks() < 16);
  }
  CHECK(Counted::alive == 0);
}

TEST_CASE("a value that is pinned outlives its replacement, and no longer") {
  Snapshot<Counted> current;
  current.set(new Counted(1));
  {
    auto old = current.pin();
    current.set(new Counted(2));
    CHECK(old->a == 1);
    CHECK(current.pin()->a == 2);
    CHECK(Counted::alive == 2);
  }
  CHECK(Counted::alive == 1);
}
