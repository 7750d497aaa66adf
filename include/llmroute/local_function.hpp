// SPDX-License-Identifier: MIT
// A function that answers in a provider's place: a canned answer, a model inside of this program, a test.
#ifndef LLMROUTE_LOCAL_FUNCTION_HPP
#define LLMROUTE_LOCAL_FUNCTION_HPP

#include <atomic>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace llmroute {

struct ChatRequest;

namespace detail {
template <class T>
concept SaysText = std::convertible_to<T, std::optional<std::string>> || std::convertible_to<T, std::string_view>;
}  // namespace detail

/// Called with the request, from whichever thread sends it, also from several at once; what it returns is the reply's text.
/// An empty optional, a null pointer or an exception means that it has none, and then the next provider is asked. Copies
/// share it.
class LocalFunction {
 public:
  LocalFunction() noexcept = default;
  template <class F>
    requires(!std::same_as<F, LocalFunction> && detail::SaysText<std::invoke_result_t<F&, const ChatRequest&>>)
  LocalFunction(F function) : shared_(is_null(function) ? nullptr : new Of<F>(std::move(function))) {}

  LocalFunction(const LocalFunction& other) noexcept : shared_(other.shared_) {
    if (shared_ != nullptr) shared_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  LocalFunction(LocalFunction&& other) noexcept : shared_(other.shared_) { other.shared_ = nullptr; }
  LocalFunction& operator=(LocalFunction other) noexcept {
    Shared* const mine = shared_;
    shared_ = other.shared_;
    other.shared_ = mine;
    return *this;
  }
  ~LocalFunction() {
    if (shared_ != nullptr && shared_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete shared_;
  }

  explicit operator bool() const noexcept { return shared_ != nullptr; }
  std::optional<std::string> operator()(const ChatRequest& request) const { return shared_->answer(request); }

 private:
  template <class F>
  static bool is_null(const F& f) noexcept {  // a pointer, or a wrapper such as std::function, that points to nothing
    if constexpr (std::is_pointer_v<F> || requires { f.operator bool(); }) return !static_cast<bool>(f);
    else return false;
  }

  struct Shared {
    std::atomic<int> owners{1};
    virtual std::optional<std::string> answer(const ChatRequest&) = 0;
    virtual ~Shared() = default;
  };
  template <class F>
  struct Of final : Shared {
    explicit Of(F f) : function(std::move(f)) {}
    std::optional<std::string> answer(const ChatRequest& request) override {
      using Said = std::invoke_result_t<F&, const ChatRequest&>;
      if constexpr (std::is_pointer_v<Said>) {
        const char* text = function(request);
        return text == nullptr ? std::nullopt : std::optional<std::string>(text);
      } else if constexpr (std::convertible_to<Said, std::optional<std::string>>) {
        return function(request);
      } else {
        return std::string(std::string_view(function(request)));
      }
    }
    F function;
  };

  Shared* shared_ = nullptr;
};

}  // namespace llmroute

#endif
