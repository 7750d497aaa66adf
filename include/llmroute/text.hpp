// SPDX-License-Identifier: MIT
// Short texts that live inside their owner: what a reply or a trail says outlives the fleet it came from, and nothing is
// allocated to say it.
#ifndef LLMROUTE_TEXT_HPP
#define LLMROUTE_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>  // is_constant_evaluated

namespace llmroute {

/// At most `N` bytes, cut at a character's edge. Trivially copyable; only the bytes in use are ever read.
template <std::size_t N>
class Text {
 public:
  constexpr Text() noexcept {
    if (std::is_constant_evaluated()) clear();  // at run time only the bytes in use are ever written
  }
  constexpr Text(std::string_view s) noexcept {
    if (std::is_constant_evaluated()) clear();
    std::size_t n = s.size();
    if (n > N) {
      n = N;
      while (n > 0 && N - n < 3 && (static_cast<unsigned char>(s[n]) & 0xC0) == 0x80) --n;  // never half a UTF-8 sequence
    }
    for (std::size_t i = 0; i < n; ++i) bytes_[i] = s[i];
    size_ = static_cast<std::uint16_t>(n);
  }

  constexpr std::string_view view() const noexcept { return {bytes_, size_}; }
  constexpr operator std::string_view() const noexcept { return view(); }
  std::string text() const { return std::string(view()); }
  constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr std::size_t size() const noexcept { return size_; }
  static constexpr std::size_t capacity() noexcept { return N; }

  friend constexpr bool operator==(const Text& a, std::string_view b) noexcept { return a.view() == b; }
  friend constexpr bool operator==(const Text& a, const Text& b) noexcept { return a.view() == b.view(); }

  template <class Stream>
    requires requires(Stream& s) { s << std::string_view{}; }
  friend Stream& operator<<(Stream& out, const Text& t) {
    out << t.view();
    return out;
  }

 private:
  static_assert(N > 0 && N < 65'536);
  constexpr void clear() noexcept {
    for (char& c : bytes_) c = 0;
  }

  char bytes_[N];
  std::uint16_t size_ = 0;
};

/// At most 31 bytes: a fleet refuses longer names.
using ProviderName = Text<31>;

}  // namespace llmroute

#endif
