// SPDX-License-Identifier: MIT
// What the budgets of a router have reserved for one attempt: taken all or not at all, settled exactly once.
#ifndef LLMROUTE_ROUTE_RESERVATIONS_HPP
#define LLMROUTE_ROUTE_RESERVATIONS_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

#include "llmroute/config.hpp"
#include "llmroute/policy/budget.hpp"
#include "llmroute/route/bag.hpp"
#include "llmroute/route/eligibility.hpp"

namespace llmroute {

template <class Policies>
class Reservations {
  static constexpr std::size_t count_ = Policies::template count<role::Budget>();
  static constexpr std::size_t size_ = 32;

 public:
  /// Whether there are budgets to be asked.
  static constexpr bool any = count_ > 0;

  /// The first budget that is wrong in itself says how; empty: none is.
  static std::string_view problem(const Policies& policies) {
    std::string_view found;
    if constexpr (any)
      policies.template each<role::Budget>([&](const auto& budget) {
        if constexpr (TellsProblem<std::remove_cvref_t<decltype(budget)>>)
          if (found.empty()) found = budget.problem();
      });
    return found;
  }
  /// What every budget would say, as far as it can be asked. Nothing is taken.
  static bool has_room(const Policies& policies, const Query& q, const Provider& p, const Offer& offer, bool free, Time now) {
    if constexpr (any) {
      const Money worst = worst_of(q, p, offer, free, bound_of(offer, q.request.max_tokens));
      return policies.template each<role::Budget>([&](const auto& budget) -> bool {
        if constexpr (TellsRoom<std::remove_cvref_t<decltype(budget)>>) return budget.has_room(q, p, worst, now);
        else return true;
      });
    } else {
      return true;
    }
  }
  /// Asks every budget for the attempt's declared worst case, which is nothing where it is `free`: all must agree. A budget
  /// makes `max_tokens` bounded.
  bool take(Policies& policies, const Query& q, const Provider& p, const Offer& offer, bool free,
            std::optional<std::int64_t>& max_tokens, Time now) {
    if constexpr (any) {
      max_tokens = bound_of(offer, max_tokens);
      worst_ = worst_of(q, p, offer, free, *max_tokens);
      bool agreed = true;
      policies.template each<role::Budget>([&](auto& budget) {
        using R = typename std::remove_cvref_t<decltype(budget)>::Reservation;
        static_assert(sizeof(R) <= size_, "llmroute: a Budget's Reservation has at most 32 bytes");
        if (!agreed) return;
        const std::optional<R> r = budget.reserve(q, p, worst_, now);
        agreed = r.has_value();
        if (agreed) std::memcpy(bytes_[taken_++].data(), &*r, sizeof(R));
      });
      if (!agreed) settle(policies, Money(), now);
      return agreed;
    } else {
      return true;
    }
  }
  /// The most that the attempt can cost; zero without a budget.
  Money worst() const noexcept { return worst_; }
  /// Tells each threshold that a budget has passed.
  template <class F>
  static void each_alert(Policies& policies, [[maybe_unused]] F&& f) {
    if constexpr (any)
      policies.template each<role::Budget>([&](auto& budget) {
        if constexpr (Alerts<std::remove_cvref_t<decltype(budget)>>) budget.each_alert(f);
      });
  }
  void settle(Policies& policies, Money real, Time now) noexcept {
    if constexpr (count_ > 0) {
      std::size_t i = 0;
      policies.template each<role::Budget>([&](auto& budget) {
        using R = typename std::remove_cvref_t<decltype(budget)>::Reservation;
        if (i >= taken_) return;
        std::array<std::byte, sizeof(R)> raw;
        std::memcpy(raw.data(), bytes_[i++].data(), sizeof(R));
#if LLMROUTE_EXCEPTIONS
        try {
          budget.settle(std::bit_cast<R>(raw), real, now);
        } catch (...) {  // NOLINT(bugprone-empty-catch): the others are settled all the same
        }
#else
        budget.settle(std::bit_cast<R>(raw), real, now);
#endif
      });
      taken_ = 0;
    }
  }

 private:
  static std::int64_t bound_of(const Offer& offer, const std::optional<std::int64_t>& max_tokens) noexcept {
    return max_tokens.value_or(offer.max_output > 0 ? offer.max_output : 4096);
  }
  static Money worst_of(const Query& q, const Provider& p, const Offer& offer, bool free, std::int64_t completion) noexcept {
    if (free) return Money();
    if (!offer.price.known()) return Money::most();
    const std::int64_t prompt = most_prompt_tokens(q);
    const Money read = offer.price.of(prompt, completion), written = offer.price.of(prompt, completion, 0, prompt);
    return p.with_markup(read < written ? written : read);  // some charge more for what they put into a cache
  }

  std::array<std::array<std::byte, size_>, count_> bytes_{};
  std::size_t taken_ = 0;
  Money worst_{};
};

}  // namespace llmroute

#endif
