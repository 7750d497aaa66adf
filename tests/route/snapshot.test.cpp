// SPDX-License-Identifier: MIT
#include "llmroute/route/snapshot.hpp"

#include <utility>
#include <vector>

#include "catch.hpp"

using llmroute::Snapshot;

namespace {
struct Counted {
  static inline int alive = 0;
  int n;
  explicit Counted(int number) : n(number) { ++alive; }
  ~Counted() {
    n = -1;
    --alive;
  }
};
}  // namespace

TEST_CASE("a snapshot is whatever was set last, and frees what nobody pins") {
  {
    Snapshot<Counted> s;
    for (int i = 0; i < 100; ++i) {
      s.set(new Counted(i));
      CHECK(s.pin()->n == i);
      CHECK(Counted::alive == 1);
    }
    CHECK(s.blocks() == 2);
  }
  CHECK(Counted::alive == 0);
}

TEST_CASE("each pin keeps its own value, in whatever order they go") {
  Snapshot<Counted> s;
  std::vector<Snapshot<Counted>::Pin> pins;
  for (int i = 0; i < 6; ++i) {
    s.set(new Counted(i));
    pins.push_back(s.pin());
    pins.push_back(s.pin());
  }
  CHECK(Counted::alive == 6);
  for (int i = 0; i < 12; ++i) CHECK(pins[static_cast<std::size_t>(i)]->n == i / 2);
  for (const std::size_t gone : {4u, 5u, 0u, 11u, 1u}) pins[gone] = {};
  CHECK(Counted::alive == 4);  // 2 and 0 are gone; 5 is the current one
  pins.clear();
  CHECK(Counted::alive == 1);
  const int before = s.blocks();
  for (int i = 0; i < 20; ++i) s.set(new Counted(i));
  CHECK(s.blocks() == before);  // blocks are used again
}

TEST_CASE("a pin that was moved from holds nothing, and moving pins frees nothing twice") {
  Snapshot<Counted> s;
  s.set(new Counted(1));
  auto first = s.pin();
  auto second = std::move(first);
  s.set(new Counted(2));
  CHECK(second->n == 1);
  first = s.pin();
  first = std::move(second);
  CHECK(first->n == 1);
  CHECK(Counted::alive == 2);
  first = {};
  CHECK(Counted::alive == 1);
}
