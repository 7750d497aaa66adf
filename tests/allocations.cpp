// SPDX-License-Identifier: MIT
#include "allocations.hpp"

#include <cstdlib>
#include <new>

namespace {

constinit thread_local std::size_t made = 0;

// malloc and free stay those of the sanitizer where there is one, so it still sees leaks and overruns.
[[maybe_unused]] void* take(std::size_t size) noexcept {
  ++made;
  return std::malloc(size == 0 ? 1 : size);
}

[[maybe_unused]] void* take(std::size_t size, std::align_val_t align) noexcept {
  ++made;
  const auto step = static_cast<std::size_t>(align);
  return std::aligned_alloc(step, (size + step) / step * step);
}

// Out of memory ends the test program: there is nothing to test beyond it, and it needs no exceptions this way.
[[maybe_unused]] void* sure(void* p) noexcept {
  if (p == nullptr) std::abort();
  return p;
}

}  // namespace

namespace tests {
std::size_t allocations_so_far() noexcept { return made; }
}  // namespace tests

// Clang's thread sanitizer brings these itself and takes no others: there nothing is counted, and the same tests count in
// all other builds.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LLMROUTE_TESTS_NEW_IS_TAKEN
#endif
#endif
#ifndef LLMROUTE_TESTS_NEW_IS_TAKEN

// All forms, because a sanitizer's own ones do not call each other as those of the standard library do.
void* operator new(std::size_t n) { return sure(take(n)); }
void* operator new[](std::size_t n) { return sure(take(n)); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return take(n); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return take(n); }
void* operator new(std::size_t n, std::align_val_t a) { return sure(take(n, a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return sure(take(n, a)); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return take(n, a); }
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return take(n, a); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { std::free(p); }

#endif
