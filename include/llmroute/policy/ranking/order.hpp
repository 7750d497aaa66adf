// SPDX-License-Identifier: MIT
// A ladder: all of `Provider::order` 1 before any of order 2: `Order{RoundRobin{}}`.
//
// When to use: there are first choices and stand-ins, with several of each.
// Not provided: ladders that differ by request; give providers tags, and ask for these.
//
// | what happened                                 | who is asked                                                          |
// |-----------------------------------------------|-----------------------------------------------------------------------|
// | nothing yet                                   | the lowest order in which somebody is open and wanted, in that order   |
// |                                               | whom the inner ranking wants; without one they are drawn evenly        |
// | a whole order rests, or cannot take it        | the next order, always                                                 |
// | a failure that is among `climb_on`            | the rest of the same order, then the next one                          |
// | a failure that is not                         | the rest of the same order, or of a lower one that is open; then       |
// |                                               | nobody, and the request ends with that failure                         |
//
// `Order{RoundRobin{}, {.climb_on = {Kind::timed_out, 429, statuses(500, 599)}}}`. Not set: all failures climb; `{}`: none does.
// An attempt without an answer has no status and climbs by its kind alone. Failures that end a request anyway, as
// request_invalid, reach no ranking. A hedge is no failure, and climbs when nobody else of its order is open.
#ifndef LLMROUTE_POLICY_RANKING_ORDER_HPP
#define LLMROUTE_POLICY_RANKING_ORDER_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "llmroute/failure.hpp"
#include "llmroute/policy/ranking/combined.hpp"

namespace llmroute::ranking {

/// Nobody goes before anybody else: they are drawn evenly.
struct Evenly {
  static constexpr std::string_view name = "evenly";
  double score(const Candidate&, const Query&) const noexcept { return 0; }
};

/// HTTP statuses from `first` to `last`, both among them: `statuses(500, 599)`.
struct Statuses {
  int first = 0;
  int last = 0;
};
constexpr Statuses statuses(int first, int last) noexcept { return {first, last}; }

/// Failures by kind or by HTTP status, either of which is enough: `{Kind::timed_out, 429, statuses(500, 599)}`.
class Failures {
  struct One {  // of these a list is written
    Kind kind{};
    Statuses range{};
    bool by_kind = false;
    constexpr One(Kind k) noexcept : kind(k), by_kind(true) {}
    constexpr One(int status) noexcept : range{status, status} {}
    constexpr One(Statuses s) noexcept : range(s) {}
  };

 public:
  constexpr Failures() noexcept = default;  // none
  constexpr Failures(std::initializer_list<One> list) noexcept {
    for (const One& one : list) {
      if (one.by_kind) {
        kinds_ |= bit(one.kind);
        continue;
      }
      sound_ = sound_ && first <= one.range.first && one.range.first <= one.range.last && one.range.last <= last;
      for (int s = one.range.first; sound_ && s <= one.range.last; ++s)
        statuses_[static_cast<std::size_t>(s / 64)] |= std::uint64_t{1} << (s % 64);
    }
  }
  static constexpr Failures all() noexcept {
    Failures f;
    f.kinds_ = ~f.kinds_;
    return f;
  }

  constexpr bool has(Kind kind, int status) const noexcept {
    return (kinds_ & bit(kind)) != 0 ||
           (first <= status && status <= last && (statuses_[static_cast<std::size_t>(status / 64)] >> (status % 64) & 1) != 0);
  }
  /// Every status of it is one, and every range begins before it ends.
  constexpr bool sound() const noexcept { return sound_; }

 private:
  static constexpr int first = 100, last = 599;
  static_assert(kinds.size() <= 32);
  static constexpr std::uint32_t bit(Kind k) noexcept { return std::uint32_t{1} << static_cast<unsigned>(k); }

  std::uint32_t kinds_ = 0;
  bool sound_ = true;
  std::array<std::uint64_t, last / 64 + 1> statuses_{};
};

struct Climbing {
  Failures climb_on = Failures::all();
};

template <class R = Evenly>
class Order : public detail::Parts<R> {
 public:
  static constexpr std::string_view name = "order";

  constexpr Order() : Order(R{}) {}
  constexpr explicit Order(Climbing how) : Order(R{}, how) {}
  constexpr explicit Order(R within_one, Climbing how = {}) : detail::Parts<R>(std::move(within_one)), how_(how) {}

  std::string refuse(const Query& q) const {
    if (!how_.climb_on.sound()) return "ranking::Order: climb_on has a status that is not from 100 to 599";
    return detail::Parts<R>::refuse(q);
  }
  std::string_view strategy([[maybe_unused]] const Query& q) const {
    if constexpr (NamesStrategy<R>) return this->template part<0>().strategy(q);
    else return name;
  }

  detail::Chosen choose(const auto& candidates, const Query& q) const {
    const std::int64_t highest = highest_allowed(candidates, q);
    for (std::int64_t asked = lowest_of_all;;) {
      std::int64_t rung = highest;
      bool somebody = false;
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (!candidates.open(i)) continue;
        const std::int64_t order = candidates[i].provider.order;
        if (order > asked && order <= rung) rung = order, somebody = true;
      }
      if (!somebody) return {};
      const auto wanted = [&](std::size_t i) { return candidates[i].provider.order == rung; };
      if (const detail::Chosen c = this->template ask<0>(detail::Some{candidates, wanted}, q); c.at != none) return c;
      asked = rung;  // the inner ranking wants nobody of them
    }
  }
  std::size_t pick(const auto& candidates, const Query& q) const { return choose(candidates, q).at; }

 private:
  static constexpr std::int64_t lowest_of_all = (std::numeric_limits<std::int64_t>::min)();
  static constexpr std::int64_t highest_of_all = (std::numeric_limits<std::int64_t>::max)();

  std::int64_t highest_allowed(const auto& candidates, const Query& q) const {
    if (q.last_failure == nullptr || how_.climb_on.has(q.last_failure->kind, q.last_failure->status)) return highest_of_all;
    const std::string_view failed = q.last_failure->provider;
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (const Provider& p = candidates[i].provider; p.name == failed) return p.order;
    return lowest_of_all;
  }

  Climbing how_;
};
Order() -> Order<Evenly>;
Order(Climbing) -> Order<Evenly>;
template <class R>
Order(R, Climbing = {}) -> Order<R>;

}  // namespace llmroute::ranking

#endif
