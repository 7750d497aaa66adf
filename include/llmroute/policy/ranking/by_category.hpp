// SPDX-License-Identifier: MIT
// Each kind of task has its own providers.
//
// When to use: it is known who is good at what. It needs a Classifier, or requests that name their category.
// Not provided: finding out who is good at what.
//
// | the category    | the order                                                                                       |
// |-----------------|-------------------------------------------------------------------------------------------------|
// | has a list      | the listed providers, as they are listed; then the rest                                         |
// | has none        | those that have it among their `Provider::strengths`; then the rest                              |
//
// Among equals, `Provider::order` and then the fleet's order decide. A list names providers, or vendors for all of theirs.
#ifndef LLMROUTE_POLICY_RANKING_BY_CATEGORY_HPP
#define LLMROUTE_POLICY_RANKING_BY_CATEGORY_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/policy/query.hpp"

namespace llmroute::ranking {

/// `ByCategory{{{"code", {"cerebras", "groq"}}, {"complex", {"openai", "anthropic"}}}}`.
struct ByCategory {
  struct List {
    std::string category{};
    std::vector<std::string> providers{};
  };
  std::vector<List> lists{};

  static constexpr std::string_view name = "category";

  std::size_t pick(const auto& candidates, const Query& q) const {
    const List* list = nullptr;
    for (const List& l : lists)
      if (list == nullptr && l.category == q.category) list = &l;
    std::size_t best = none, best_place = 0;
    int best_order = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!candidates.open(i)) continue;
      const Provider& p = candidates[i].provider;
      const std::size_t place = list != nullptr ? place_in(*list, p) : p.is_good_at(q.category) ? 0 : 1;
      if (best != none && (place > best_place || (place == best_place && p.order >= best_order))) continue;
      best = i, best_place = place, best_order = p.order;
    }
    return best;
  }

 private:
  static std::size_t place_in(const List& list, const Provider& p) noexcept {
    std::size_t place = 0;
    while (place < list.providers.size() && list.providers[place] != p.name && list.providers[place] != p.vendor) ++place;
    return place;
  }
};

}  // namespace llmroute::ranking

#endif
