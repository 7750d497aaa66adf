// SPDX-License-Identifier: MIT
// What rankings that are made of rankings have in common: each part has its own memory, everything is passed on to it, and it
// sees all of the candidates or only some. A part is any RankingStrategy, and may be made of others itself.
#ifndef LLMROUTE_POLICY_RANKING_COMBINED_HPP
#define LLMROUTE_POLICY_RANKING_COMBINED_HPP

#include <cstddef>
#include <string>
#include <utility>

#include "llmroute/config.hpp"
#include "llmroute/policy/ranking/strategy.hpp"

namespace llmroute::detail {

// By number, so that two parts of one type are kept apart.
template <std::size_t I, class R>
struct Component {
  LLMROUTE_NO_UNIQUE_ADDRESS R ranking;
};
template <std::size_t I, class R>
constexpr const R& part_of(const Component<I, R>& p) noexcept {
  return p.ranking;
}
template <std::size_t I, class R>
struct ComponentMemory {
  LLMROUTE_NO_UNIQUE_ADDRESS Memory<R> memory{};
};
template <std::size_t I, class R>
constexpr const Memory<R>& memory_of(const ComponentMemory<I, R>& m) noexcept {
  return m.memory;
}
template <std::size_t I, class R>
constexpr Memory<R>& memory_of(ComponentMemory<I, R>& m) noexcept {
  return m.memory;
}

/// The candidates as a part sees them: with its own of what is remembered.
template <std::size_t I, class R, class Group>
struct SeenBy {
  const Group& all;
  std::size_t size() const noexcept { return all.size(); }
  bool open(std::size_t i) const { return all.open(i); }
  Candidate operator[](std::size_t i) const { return all[i]; }
  double most_weight() const noexcept { return all.most_weight(); }
  const Memory<R>& state(std::size_t i) const noexcept { return memory_of<I, R>(all.state(i)); }
};

/// Only those of the open ones that are wanted are open. `wanted` is asked about open ones alone.
template <class Group, class Wanted>
struct Some {
  const Group& all;
  const Wanted& wanted;
  std::size_t size() const noexcept { return all.size(); }
  bool open(std::size_t i) const { return all.open(i) && wanted(i); }
  Candidate operator[](std::size_t i) const { return all[i]; }
  double most_weight() const noexcept { return all.most_weight(); }
  const auto& state(std::size_t i) const noexcept { return all.state(i); }
};
template <class Group, class Wanted>
Some(const Group&, const Wanted&) -> Some<Group, Wanted>;

/// Only one is open, which is known to be.
template <class Group>
struct JustOne {
  const Group& all;
  std::size_t one;
  std::size_t size() const noexcept { return all.size(); }
  bool open(std::size_t i) const noexcept { return i == one; }
  Candidate operator[](std::size_t i) const { return all[i]; }
  double most_weight() const noexcept { return all.most_weight(); }
  const auto& state(std::size_t i) const noexcept { return all.state(i); }
};
template <class Group>
JustOne(const Group&, std::size_t) -> JustOne<Group>;

template <class Indices, class... R>
class PartsOf;
/// The parts, and all that is passed on to them. What a combined ranking does otherwise, it says itself.
template <class... R>
using Parts = PartsOf<std::index_sequence_for<R...>, R...>;

template <std::size_t... I, class... R>
class PartsOf<std::index_sequence<I...>, R...> : Component<I, R>... {
  static_assert((RankingStrategy<R> && ...),
                "llmroute: each part of a combined ranking is a RankingStrategy: it has a score(candidate, query) or a "
                "pick(candidates, query)");

 public:
  static constexpr bool watches_load = (detail::watches_load<R>() || ...);
  static constexpr bool chooses_by_name = (detail::chooses_by_name<R>() || ...);

  struct State : ComponentMemory<I, R>... {};

  constexpr explicit PartsOf(R... parts) : Component<I, R>{std::move(parts)}... {}

  /// The first reason that one of them has.
  std::string refuse([[maybe_unused]] const Query& q) const {
    std::string why;
    ((why.empty() ? void(why = refusal_of(part<I>(), q)) : void()), ...);
    return why;
  }
  bool takes_turn(const Query& q) const { return (detail::takes_turn(part<I>(), q) || ...); }
  /// All of them learn, whoever was asked.
  void learn(State& s, const Event& e) const { (learn_one<I, R>(s, e), ...); }

 protected:
  template <std::size_t K>
  constexpr const auto& part() const noexcept {
    return part_of<K>(*this);
  }
  /// Whom that part wants of these candidates.
  template <std::size_t K>
  Chosen ask(const auto& candidates, const Query& q) const {
    return detail::choose(part<K>(), seen_by<K>(part<K>(), candidates), q);
  }
  template <std::size_t K>
  double score(const auto& candidates, std::size_t i, const Query& q) const {
    return score_of(part<K>(), seen_by<K>(part<K>(), candidates), i, q);
  }

 private:
  template <std::size_t K, class S, class Group>
  static constexpr SeenBy<K, S, Group> seen_by(const S&, const Group& candidates) noexcept {
    return {candidates};
  }
  template <class S>
  static std::string refusal_of([[maybe_unused]] const S& part, [[maybe_unused]] const Query& q) {
    if constexpr (Refuses<S>) return part.refuse(q);
    else return {};
  }
  template <std::size_t K, class S>
  void learn_one([[maybe_unused]] State& s, [[maybe_unused]] const Event& e) const {
    if constexpr (Remembers<S>) part<K>().learn(memory_of<K, S>(s), e);
  }
};

}  // namespace llmroute::detail

#endif
