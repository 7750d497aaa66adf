// SPDX-License-Identifier: MIT
// How many mutexes were locked: the linker puts a counting function in the place of pthread_mutex_lock, where it can.
#ifndef LLMROUTE_TESTS_LOCKS_HPP
#define LLMROUTE_TESTS_LOCKS_HPP

#include <cstddef>

namespace tests {

/// Whether anything is counted.
bool locks_are_counted();
/// By this thread.
std::size_t locks_taken();

}  // namespace tests

#endif
