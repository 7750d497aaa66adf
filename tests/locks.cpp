// SPDX-License-Identifier: MIT
#include "locks.hpp"

namespace {
thread_local std::size_t taken = 0;
}

#ifdef LLMROUTE_COUNTS_LOCKS
#include <pthread.h>

extern "C" {
int __real_pthread_mutex_lock(pthread_mutex_t*);
int __wrap_pthread_mutex_lock(pthread_mutex_t* m) {
  ++taken;
  return __real_pthread_mutex_lock(m);
}
}
bool tests::locks_are_counted() { return true; }
#else
bool tests::locks_are_counted() { return false; }
#endif

std::size_t tests::locks_taken() { return taken; }
