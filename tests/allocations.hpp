// SPDX-License-Identifier: MIT
// Counts what operator new is asked for, so that a test can say that a piece of code allocates nothing.
#ifndef LLMROUTE_TESTS_ALLOCATIONS_HPP
#define LLMROUTE_TESTS_ALLOCATIONS_HPP

#include <cstddef>

namespace tests {

/// Allocations of the calling thread since the program began. Other threads do not disturb it.
std::size_t allocations_so_far() noexcept;

/// The allocations that this thread makes while it lives:
///     tests::Allocations made;  ranking.score(candidate, query);  CHECK(made.count() == 0);
/// Read the count before the assertion where it matters: the framework allocates too.
class Allocations {
 public:
  Allocations() noexcept : before_(allocations_so_far()) {}
  [[nodiscard]] std::size_t count() const noexcept { return allocations_so_far() - before_; }

 private:
  std::size_t before_;
};

}  // namespace tests

#endif
