// SPDX-License-Identifier: MIT
#include "allocations.hpp"

#include <new>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

namespace {
struct alignas(64) Wide {
  char bytes[64];
};
}  // namespace

TEST_CASE("an allocation in the scope is counted, in each form of new") {
  const tests::Allocations made;
  ::operator delete(::operator new(8));
  ::operator delete[](::operator new[](8));
  ::operator delete(::operator new(8, std::nothrow));
  ::operator delete(::operator new(64, std::align_val_t{64}), std::align_val_t{64});
  const auto direct = made.count();
  const std::vector<Wide> wide(3);
  const std::string text(1000, 'a');
  const auto containers = made.count() - direct;
  // Somebody who might look at them: a compiler may leave out an allocation that nobody sees.
  const void* volatile seen = wide.data();
  seen = text.data();
  CHECK(direct == 4);
  CHECK(containers == 2);
  CHECK(seen != nullptr);
}

TEST_CASE("what allocates nothing counts nothing") {
  const tests::Allocations made;
  std::string little = "short";
  little += '!';
  const auto count = made.count();
  CHECK(count == 0);
}

TEST_CASE("another thread's allocations are its own") {
  std::size_t there = 0;
  std::thread other;
  const tests::Allocations made;
  other = std::thread([&there] {
    const tests::Allocations own;
    for (int i = 0; i < 100; ++i) ::operator delete(::operator new(8));
    there = own.count();
  });
  other.join();
  const auto here = made.count();
  CHECK(there == 100);
  CHECK(here < 10);  // starting a thread allocates a little on this side
}
