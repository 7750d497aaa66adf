// SPDX-License-Identifier: MIT
// What policies are asked about: one request as it is being routed, and the providers that could take it.
#ifndef LLMROUTE_POLICY_QUERY_HPP
#define LLMROUTE_POLICY_QUERY_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "llmroute/chance.hpp"
#include "llmroute/chat.hpp"
#include "llmroute/function_ref.hpp"
#include "llmroute/offer.hpp"
#include "llmroute/options.hpp"
#include "llmroute/policy/health.hpp"
#include "llmroute/policy/quota.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

/// What kind of task a request is. `category` counts in the classifier's own names.
struct Judgement {
  std::uint8_t category = 0;
  float confidence = 0;
  float difficulty = 0;
  std::array<float, 16> probabilities{};
  std::int64_t prompt_tokens = 0;  ///< 0: a quarter of the request's bytes
};

/// One request as policies see it. Borrows the request and its options.
struct Query {
  const ChatRequest& request;
  const Options& options;
  Judgement judgement{};
  std::string_view category{};           ///< by name: the caller's own, else the classifier's
  std::int64_t completion_tokens = 256;  ///< expected: the request's max_tokens where it has one
  Capabilities needs{};
  Delivery delivery = Delivery::whole;
  std::uint64_t id = 0;
  std::uint64_t seed = 0;    ///< the only source of chance: draw from `mix(seed, salt)`
  std::uint8_t attempt = 0;  ///< how many were sent before
  Money spent{};             ///< by the attempts before
  const TrailEntry* last_failure = nullptr;
  const Trail* trail = nullptr;  ///< of all attempts so far; null: there is none
  std::uint64_t turn = 0;        ///< for a ranking that takes turns: how many requests for this model came before

  std::int64_t prompt_tokens() const noexcept { return judgement.prompt_tokens; }
};

/// A provider and its offer as seen by one query. A view: a figure is read when it is asked for.
struct Candidate {
  const Provider& provider;
  Offer offer;
  const Health& health;
  const Query& query;
  std::uint32_t index;  ///< in the fleet
  Time now;
  const Quota* quota = nullptr;  ///< what its account may use; null: not known

  static constexpr double unknown_cost = 1e9;  ///< dollars: ranks last without being refused

  bool price_known() const noexcept { return offer.price.known(); }
  /// Something is left of what it gives away.
  bool is_free() const noexcept {
    return quota != nullptr && quota->allowance != nullptr && quota->allowance->left(provider.free, now);
  }
  /// The estimate for this query, markup included; meaningless where the price is not known.
  Money estimate() const noexcept {
    if (is_free()) return Money();
    return provider.with_markup(offer.price.of(query.prompt_tokens(), query.completion_tokens));
  }
  /// The same in dollars, for scores.
  double cost() const noexcept { return price_known() || is_free() ? estimate().dollars() : unknown_cost; }

  /// Mean milliseconds to the first content; until it is measured, what the provider is expected to take; 0: not known.
  double latency_ms() const noexcept {
    const float measured = health.latency_ms();
    return measured > 0 ? static_cast<double>(measured) : static_cast<double>(provider.expected_latency.count()) * 1e-6;
  }
  /// The least share that is left of its limits once it has taken this request, from 0 to 1; 1 where no limit is known.
  double headroom() const noexcept {
    return quota == nullptr
               ? 1
               : quota->headroom(provider.limits, detail::saturating_add(query.prompt_tokens(), query.completion_tokens), now);
  }
  int in_flight() const noexcept { return health.in_flight.load(std::memory_order_relaxed); }
  /// The share of its attempts that succeeded; 1 before the first.
  double success() const noexcept {
    const double good = health.successes.load(std::memory_order_relaxed), bad = health.failures.load(std::memory_order_relaxed);
    return good + bad > 0 ? good / (good + bad) : 1;
  }
  bool has_tag(std::string_view tag) const noexcept { return provider.has_tag(tag); }
};

inline constexpr std::size_t none = static_cast<std::size_t>(-1);

/// The candidates of one decision. Nothing is built: a position is looked at when it is asked for.
class Candidates {
 public:
  Candidates(FunctionRef<Candidate(std::size_t)> at, FunctionRef<bool(std::size_t)> open, std::size_t size,
             double most_weight = 1) noexcept
      : at_(at), open_(open), size_(size), most_weight_(most_weight) {}
  std::size_t size() const noexcept { return size_; }
  Candidate operator[](std::size_t i) const { return at_(i); }
  /// Capable, allowed, rested and not tried yet.
  bool open(std::size_t i) const { return open_(i); }
  /// No provider among them has more, open or not.
  double most_weight() const noexcept { return most_weight_; }

 private:
  FunctionRef<Candidate(std::size_t)> at_;
  FunctionRef<bool(std::size_t)> open_;
  std::size_t size_;
  double most_weight_;
};

}  // namespace llmroute

#endif
