// SPDX-License-Identifier: MIT
// A value or the Failure that stands in its place. The same type with every -std, and nothing throws but `.value()`.
#ifndef LLMROUTE_RESULT_HPP
#define LLMROUTE_RESULT_HPP

#include <cstdlib>    // abort, where there are no exceptions
#include <exception>  // the base of BadResult
#include <new>
#include <type_traits>
#include <utility>

#include "llmroute/config.hpp"
#include "llmroute/failure.hpp"

namespace llmroute {

/// What `.value()` throws when there is none.
class BadResult : public std::exception {
 public:
  explicit BadResult(Failure f)
      : failure_(std::move(f)), what_(std::string(to_string(failure_.kind)) + ": " + failure_.message) {}
  const char* what() const noexcept override { return what_.c_str(); }
  const Failure& error() const noexcept { return failure_; }

 private:
  Failure failure_;
  std::string what_;
};

namespace detail {
[[noreturn]] inline void bad_result([[maybe_unused]] const Failure& f) {
#if LLMROUTE_EXCEPTIONS
  throw BadResult(f);
#else
  std::abort();
#endif
}
}  // namespace detail

/// `if (!reply) return reply.error(); use(reply->text);`
template <class T>
class [[nodiscard]] Result {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "What a Result holds must move without throwing: an assignment has already let go of the old value.");

 public:
  using value_type = T;

  Result(T value) noexcept : ok_(true) { ::new (&value_) T(std::move(value)); }
  Result(Failure failure) noexcept : ok_(false) { ::new (&failure_) Failure(std::move(failure)); }
  Result(Result&& other) noexcept : ok_(other.ok_) { take(std::move(other)); }
  Result(const Result& other)
    requires std::is_copy_constructible_v<T>
      : ok_(other.ok_) {
    take(other);
  }
  Result& operator=(Result other) noexcept {
    clear();
    ok_ = other.ok_;
    take(std::move(other));
    return *this;
  }
  ~Result() { clear(); }

  bool has_value() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }

  /// Only where there is a value.
  T& operator*() & noexcept { return value_; }
  const T& operator*() const& noexcept { return value_; }
  T&& operator*() && noexcept { return std::move(value_); }
  T* operator->() noexcept { return &value_; }
  const T* operator->() const noexcept { return &value_; }

  /// Throws BadResult where there is none; without exceptions it aborts.
  T& value() & { return ok_ ? value_ : (detail::bad_result(failure_), value_); }
  const T& value() const& { return ok_ ? value_ : (detail::bad_result(failure_), value_); }
  T&& value() && { return std::move(ok_ ? value_ : (detail::bad_result(failure_), value_)); }
  template <class U>
  T value_or(U&& other) const& {
    return ok_ ? value_ : static_cast<T>(std::forward<U>(other));
  }

  /// Only where there is no value.
  Failure& error() & noexcept { return failure_; }
  const Failure& error() const& noexcept { return failure_; }
  Failure&& error() && noexcept { return std::move(failure_); }

 private:
  template <class Other>
  void take(Other&& other) {
    if (ok_) ::new (&value_) T(std::forward<Other>(other).value_);
    else ::new (&failure_) Failure(std::forward<Other>(other).failure_);
  }
  void clear() noexcept {
    if (ok_) value_.~T();
    else failure_.~Failure();
  }

  union {
    T value_;
    Failure failure_;
  };
  bool ok_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() noexcept = default;
  Result(Failure failure) noexcept : failure_(std::move(failure)), ok_(false) {}

  bool has_value() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  void value() const {
    if (!ok_) detail::bad_result(failure_);
  }
  /// Only where it failed.
  Failure& error() & noexcept { return failure_; }
  const Failure& error() const& noexcept { return failure_; }
  Failure&& error() && noexcept { return std::move(failure_); }

 private:
  Failure failure_{};
  bool ok_ = true;
};

}  // namespace llmroute

#endif
