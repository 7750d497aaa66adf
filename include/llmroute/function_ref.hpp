// SPDX-License-Identifier: MIT
// A callable that is borrowed for the length of a call: two words, no ownership, no allocation.
#ifndef LLMROUTE_FUNCTION_REF_HPP
#define LLMROUTE_FUNCTION_REF_HPP

#include <type_traits>

namespace llmroute {

namespace detail {

/// Where a callable lies. A function's address fits a void* wherever there are shared libraries.
template <class F>
void* address_of(F& f) noexcept {
  if constexpr (std::is_function_v<F>) return reinterpret_cast<void*>(&f);
  else return const_cast<void*>(static_cast<const volatile void*>(&f));
}
template <class F>
F& callable_at(void* address) noexcept {
  return *reinterpret_cast<F*>(address);
}

}  // namespace detail

template <class Signature>
class FunctionRef;

/// Empty when default-constructed; calling an empty one is the caller's mistake. The callable must outlive it.
template <class R, class... A>
class FunctionRef<R(A...)> {
 public:
  constexpr FunctionRef() noexcept = default;

  /// The raw form, for what must not name a temporary: an object and what to call with it.
  constexpr FunctionRef(void* object, R (*call)(void*, A...)) noexcept : object_(object), call_(call) {}

  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> && std::is_invocable_r_v<R, F&, A...>)
  FunctionRef(F&& f) noexcept
      : object_(detail::address_of(f)), call_([](void* o, A... a) -> R {
          auto& function = detail::callable_at<std::remove_reference_t<F>>(o);
          if constexpr (std::is_void_v<R>) static_cast<void>(function(static_cast<A&&>(a)...));
          else return function(static_cast<A&&>(a)...);
        }) {}

  constexpr explicit operator bool() const noexcept { return call_ != nullptr; }
  R operator()(A... a) const { return call_(object_, static_cast<A&&>(a)...); }

 private:
  void* object_ = nullptr;
  R (*call_)(void*, A...) = nullptr;
};

}  // namespace llmroute

#endif
