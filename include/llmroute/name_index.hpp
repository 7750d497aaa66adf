// SPDX-License-Identifier: MIT
// Finds what has a name among thousands. It borrows the names.
#ifndef LLMROUTE_NAME_INDEX_HPP
#define LLMROUTE_NAME_INDEX_HPP

#include <cstddef>
#include <string_view>
#include <vector>

namespace llmroute::detail {

/// Made once, of a vector whose elements have a `name` and stay where they are. Positions in it, or `nowhere`.
class NameIndex {
 public:
  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

  NameIndex() = default;
  template <class T>
  explicit NameIndex(const std::vector<T>& all) {
    std::size_t room = 1;
    while (room < all.size() * 2) room *= 2;
    table_.resize(room);
    for (std::size_t i = 0; i < all.size(); ++i) add(all[i].name, i);
  }

  std::size_t find(std::string_view name) const noexcept { return table_.empty() ? nowhere : table_[place(name)].at; }
  /// The first that bears the name of one before it; `nowhere`: all names are different.
  std::size_t twin() const noexcept { return twin_; }

 private:
  struct Entry {
    std::string_view name{};
    std::size_t at = nowhere;
  };

  void add(std::string_view name, std::size_t at) {
    Entry& e = table_[place(name)];
    if (e.at == nowhere) e = {name, at};
    else if (twin_ == nowhere) twin_ = at;
  }
  std::size_t place(std::string_view name) const noexcept {
    std::size_t i = std::hash<std::string_view>{}(name) & (table_.size() - 1);
    while (table_[i].at != nowhere && table_[i].name != name) i = (i + 1) & (table_.size() - 1);
    return i;
  }

  std::vector<Entry> table_{};
  std::size_t twin_ = nowhere;
};

}  // namespace llmroute::detail

#endif
