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
  /// Asks every budget for the attempt's declared worst case: all must agree. A budget makes `max_tokens` bounded.
  bool take(Policies& policies, const Query& q, const Provider& p, const Offer& offer, std::optional<std::int64_t>& max_tokens,
            Time now) {
    if constexpr (count_ > 0) {
      if (!max_tokens) max_tokens = offer.max_output > 0 ? offer.max_output : 4096;
      const Money worst =
          offer.price.known() ? p.with_markup(offer.price.of(most_prompt_tokens(q), *max_tokens)) : Money::most();
      bool agreed = true;
      policies.template each<role::Budget>([&](auto& budget) {
        using R = typename std::remove_cvref_t<decltype(budget)>::Reservation;
        static_assert(sizeof(R) <= size_, "llmroute: a Budget's Reservation has at most 32 bytes");
        if (!agreed) return;
        const std::optional<R> r = budget.reserve(q, p, worst, now);
        agreed = r.has_value();
        if (agreed) std::memcpy(bytes_[taken_++].data(), &*r, sizeof(R));
      });
      if (!agreed) settle(policies, Money(), now);
      return agreed;
    } else {
      return true;
    }
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
  std::array<std::array<std::byte, size_>, count_> bytes_{};
  std::size_t taken_ = 0;
};

}  // namespace llmroute

#endif
