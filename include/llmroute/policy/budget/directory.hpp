// SPDX-License-Identifier: MIT
// A fixed number of places that are found by name from any thread. The first names to come have one each; all that come
// after share the last.
#ifndef LLMROUTE_POLICY_BUDGET_DIRECTORY_HPP
#define LLMROUTE_POLICY_BUDGET_DIRECTORY_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "llmroute/policy/query.hpp"
#include "llmroute/text.hpp"

namespace llmroute::budget::detail {

/// A name is known by 64 bits that are drawn from all of it, the same on every machine, and shown by its first 64 bytes.
class Directory {
 public:
  explicit Directory(std::size_t named) : places_(named) {}

  std::size_t size() const noexcept { return places_.size() + 1; }
  std::size_t others() const noexcept { return places_.size(); }

  static std::uint64_t key_of(std::string_view name) noexcept {
    std::uint64_t h = 0xCBF29CE484222325ull;  // FNV-1a
    for (char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
    h = mix(h, name.size());
    return h == 0 ? 1 : h;  // 0 is a place that is free, or the others'
  }

  /// The place of a name, which is its own from now on.
  std::size_t enter(std::uint64_t key, std::string_view name) noexcept {
    if (key == 0) return others();
    for (std::size_t i = 0, at = first(key); i < places_.size(); ++i, at = after(at)) {
      Place& p = places_[at];
      std::uint64_t taken = p.key.load(std::memory_order_relaxed);
      if (taken == 0 && p.key.compare_exchange_strong(taken, key, std::memory_order_relaxed)) {
        p.name = name;
        p.named.store(true, std::memory_order_release);
        return at;
      }
      if (taken == key) return at;
    }
    return others();
  }
  /// Nothing: it would get a place of its own, where nothing was spent.
  std::optional<std::size_t> find(std::uint64_t key) const noexcept {
    for (std::size_t i = 0, at = first(key); i < places_.size(); ++i, at = after(at)) {
      const std::uint64_t taken = places_[at].key.load(std::memory_order_relaxed);
      if (taken == key) return at;
      if (taken == 0) return std::nullopt;
    }
    return others();
  }

  std::uint64_t key(std::size_t place) const noexcept {
    return place < places_.size() ? places_[place].key.load(std::memory_order_relaxed) : 0;
  }
  std::string_view name(std::size_t place) const noexcept {
    if (place >= places_.size()) return "(others)";
    const Place& p = places_[place];
    return !p.named.load(std::memory_order_acquire) ? "(new)" : p.name.empty() ? "(no name)" : p.name.view();
  }

 private:
  struct Place {
    std::atomic<std::uint64_t> key{0};
    std::atomic<bool> named{false};
    Text<64> name{};
  };
  std::size_t first(std::uint64_t key) const noexcept {
    return places_.empty() ? 0 : static_cast<std::size_t>(key % places_.size());
  }
  std::size_t after(std::size_t at) const noexcept { return at + 1 == places_.size() ? 0 : at + 1; }

  std::vector<Place> places_;  // of a fixed size
};

}  // namespace llmroute::budget::detail

#endif
