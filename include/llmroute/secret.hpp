// SPDX-License-Identifier: MIT
// A key that is never printed: it has no operator<<, compares with nothing, is wiped from memory, and knows whether it can be
// sent at all. It may also be a function that is asked before each attempt, for tokens that expire.
#ifndef LLMROUTE_SECRET_HPP
#define LLMROUTE_SECRET_HPP

#include <atomic>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "llmroute/config.hpp"
#include "llmroute/function_ref.hpp"

namespace llmroute {

namespace detail {

/// Overwrites in a way that an optimiser does not remove.
inline void wipe(char* bytes, std::size_t size) noexcept {
  volatile char* p = bytes;
  while (size-- > 0) *p++ = 0;
}
inline void wipe(std::string& s) noexcept {
  s.resize(s.capacity());  // the bytes behind the end held a key once, too
  wipe(s.data(), s.size());
  s.clear();
}

}  // namespace detail

/// A string for keys in transit: wiped when it is cleared, outgrown or destroyed.
class WipedText {
 public:
  WipedText() noexcept = default;
  WipedText(const WipedText&) = delete;
  WipedText& operator=(const WipedText&) = delete;
  ~WipedText() { detail::wipe(text_); }

  void clear() noexcept { detail::wipe(text_); }
  void append(std::string_view more) {
    if (text_.size() + more.size() > text_.capacity()) {
      std::string larger;
      larger.reserve((text_.size() + more.size()) * 2);
      larger.append(text_).append(more);  // which may be a piece of text_
      detail::wipe(text_);                // before the swap: a short text would leave its bytes behind
      text_.swap(larger);
    } else {
      text_.append(more);
    }
  }
  std::string_view view() const noexcept { return text_; }

 private:
  std::string text_;
};

/// A fixed key, a function that returns the current one, or nothing.
class Secret {
 public:
  Secret() noexcept = default;
  Secret(std::string key) : text_(key.empty() ? nullptr : new char[key.size()]), size_(key.size()) {
    for (std::size_t i = 0; i < size_; ++i) text_[i] = key[i];
    detail::wipe(key);
  }
  Secret(const char* key) : Secret(std::string(key == nullptr ? "" : key)) {}
  Secret(std::string_view key) : Secret(std::string(key)) {}

  /// `ask` is called before each attempt, from whichever thread sends it, also from several at once, and returns the key.
  template <class Ask>
    requires(!std::convertible_to<Ask, std::string_view> && std::is_invocable_r_v<std::string, Ask&>)
  Secret(Ask ask) : source_(new Asked<Ask>(std::move(ask))) {}

  Secret(const Secret& other) : Secret(other.source_ ? std::string() : std::string(other.text_view())) {
    if ((source_ = other.source_) != nullptr) source_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  Secret(Secret&& other) noexcept
      : text_(std::exchange(other.text_, nullptr)), size_(std::exchange(other.size_, 0)),
        source_(std::exchange(other.source_, nullptr)) {}
  Secret& operator=(Secret other) noexcept {
    std::swap(text_, other.text_);
    std::swap(size_, other.size_);
    std::swap(source_, other.source_);
    return *this;
  }
  ~Secret() {
    if (text_ != nullptr) detail::wipe(text_, size_);
    delete[] text_;
    if (source_ != nullptr && source_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete source_;
  }

  bool empty() const noexcept { return size_ == 0 && source_ == nullptr; }
  bool asked() const noexcept { return source_ != nullptr; }

  /// Why it cannot be sent, in words that do not quote it; empty: it can. A function's keys are looked at when they come.
  std::string_view problem() const noexcept { return problem_of(text_view()); }

  /// Appends the key. False: the function threw, or gave no key that can be sent; `to` is as it was.
  bool append_to(WipedText& to) const {
    if (source_ == nullptr) {
      if (empty() || !problem().empty()) return false;
      to.append(text_view());
      return true;
    }
#if LLMROUTE_EXCEPTIONS
    try {
      return append_asked(to);
    } catch (...) {  // whatever it says may quote the key
      return false;
    }
#else
    return append_asked(to);
#endif
  }

  /// Whether both hold the same fixed key, in a time that does not depend on where they differ.
  bool same_as(const Secret& other) const noexcept {
    if (source_ != other.source_ || size_ != other.size_) return false;
    unsigned char differ = 0;
    for (std::size_t i = 0; i < size_; ++i) differ = static_cast<unsigned char>(differ | (text_[i] ^ other.text_[i]));
    return differ == 0;
  }

  static constexpr std::string_view problem_of(std::string_view key) noexcept {
    for (char c : key) {
      const auto u = static_cast<unsigned char>(c);
      if (u < 0x20 || u == 0x7F) return "holds a control character, often a line end from a file: trim it";
      if (u == ' ') return "holds a space: trim it";
      if (u > 0x7E) return "holds a character outside ASCII";
    }
    return {};
  }

 private:
  struct Source {
    std::atomic<int> owners{1};
    virtual std::string ask() = 0;
    virtual ~Source() = default;
  };
  template <class Ask>
  struct Asked final : Source {
    explicit Asked(Ask a) : function(std::move(a)) {}
    std::string ask() override {
      if constexpr (std::is_pointer_v<std::invoke_result_t<Ask&>>) {
        const char* key = function();
        return key == nullptr ? std::string() : std::string(key);  // what std::getenv says of a variable that is not set
      } else {
        return function();
      }
    }
    Ask function;
  };

  bool append_asked(WipedText& to) const {
    std::string key = source_->ask();
    const bool usable = !key.empty() && problem_of(key).empty();
    if (usable) to.append(key);
    detail::wipe(key);
    return usable;
  }
  std::string_view text_view() const noexcept { return {text_ == nullptr ? "" : text_, size_}; }

  char* text_ = nullptr;
  std::size_t size_ = 0;
  Source* source_ = nullptr;
};

}  // namespace llmroute

#endif
