// SPDX-License-Identifier: MIT
// A fixed number of rows that are found by name from any thread: the first names to come have one each, and all that come
// after share the last, "(others)".
#ifndef LLMROUTE_POLICY_OBSERVER_ROWS_HPP
#define LLMROUTE_POLICY_OBSERVER_ROWS_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "llmroute/policy/query.hpp"
#include "llmroute/text.hpp"

namespace llmroute::observe::detail {

/// A name is cut after 31 bytes, and known by 64 bits that are drawn from it. A moved-from table has no rows at all.
template <class T>
class Rows {
 public:
  explicit Rows(std::size_t named) : rows_(named + 1) {}

  /// Null: there are no rows. It takes no longer than one look at each row, and that long only once all are taken.
  T* find(std::string_view name) noexcept {
    if (rows_.empty()) return nullptr;
    const ProviderName cut = name;
    const std::uint64_t key = key_of(cut);
    const std::size_t named = rows_.size() - 1;
    for (std::size_t i = 0, at = named == 0 ? 0 : static_cast<std::size_t>(key % named); i < named;
         ++i, at = at + 1 == named ? 0 : at + 1) {
      Row& row = rows_[at];
      std::uint64_t taken = row.key.load(std::memory_order_relaxed);
      if (taken == 0 && row.key.compare_exchange_strong(taken, key, std::memory_order_relaxed)) {
        row.name = cut;
        row.order.store(rows_.back().order.fetch_add(1, std::memory_order_relaxed) + 1, std::memory_order_release);
        return &row.value;
      }
      if (taken == key) return &row.value;
    }
    return &rows_.back().value;
  }

  /// `f(name, value)`: in the order in which they came, and the others last.
  template <class F>
  void each(F&& f) const {
    if (rows_.empty()) return;
    std::vector<const Row*> ordered(rows_.size());
    for (std::size_t i = 0; i + 1 < rows_.size(); ++i)
      if (const std::size_t order = rows_[i].order.load(std::memory_order_acquire); order != 0) ordered[order - 1] = &rows_[i];
    for (const Row* row : ordered)
      if (row != nullptr) f(row->name, row->value);
    f(ProviderName("(others)"), rows_.back().value);
  }
  template <class F>
  void each_value(F&& f) {
    for (Row& row : rows_) f(row.value);
  }

  std::size_t bytes() const noexcept { return rows_.size() * sizeof(Row); }

 private:
  struct Row {
    std::atomic<std::uint64_t> key{0};
    std::atomic<std::size_t> order{0};  // 0: its name is not written yet; in the last row, how many have come
    ProviderName name{};
    T value{};
  };

  static std::uint64_t key_of(std::string_view name) noexcept {
    std::uint64_t h = 0xCBF29CE484222325ull;  // FNV-1a
    for (char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
    h = mix(h, name.size());
    return h == 0 ? 1 : h;
  }

  std::vector<Row> rows_;  // of a fixed size: its rows cannot be moved
};

}  // namespace llmroute::observe::detail

#endif
