// SPDX-License-Identifier: MIT
// What outlives requests: the policies, the places of the current fleet, and a few counts.
#ifndef LLMROUTE_ROUTE_CORE_HPP
#define LLMROUTE_ROUTE_CORE_HPP

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "llmroute/config.hpp"
#include "llmroute/route/bag.hpp"
#include "llmroute/route/places.hpp"
#include "llmroute/route/snapshot.hpp"
#include "llmroute/route/waiting.hpp"

namespace llmroute {

template <class Policies>
class Core {
 public:
  template <class R>
  using Policy = std::remove_cvref_t<decltype(std::declval<Policies&>().template get<R>())>;
  using Cooldown = Policy<role::Cooldown>;
  using Ranking = Policy<role::Ranking>;
  using Places = Roster<Cooldown, detail::Memory<Ranking>>;

  template <class... A>
  explicit Core(Fleet fleet, A&&... policies) : policies_(std::in_place, static_cast<A&&>(policies)...) {
    roster_.set(made(std::move(fleet), nullptr));
    seed(mix(static_cast<std::uint64_t>(policy<role::Clock>().now().time_since_epoch().count()), 0x5EED));
  }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  template <class R>
  auto& policy() noexcept {
    return policies_.template get<R>();
  }
  template <class R>
  const auto& policy() const noexcept {
    return policies_.template get<R>();
  }
  Policies& policies() noexcept { return policies_; }
  const Policies& policies() const noexcept { return policies_; }
  /// Who waits for a slot.
  Waiting& waiting() noexcept { return waiting_; }
  const Waiting& waiting() const noexcept { return waiting_; }
  typename Snapshot<Places>::Pin pin() const noexcept { return roster_.pin(); }

  Result<void> replace(Fleet fleet) {
    if (Result<void> sound = (fleet.check)(); !sound) return sound;
    const auto before = roster_.pin();
    Places* fresh = made(std::move(fleet), &*before);
    if (const std::string& problem = fresh->fleet().problem(); !problem.empty()) {
      Failure f;
      f.kind = Kind::policy_failed;
      f.message = problem;
      delete fresh;
      return f;
    }
    roster_.set(fresh);
    return {};
  }

  /// From then on the same requests have the same ids, and draw the same chances.
  void seed(std::uint64_t s) noexcept {
    seed_.store(s, std::memory_order_relaxed);
    sequence_.store(0, std::memory_order_relaxed);
  }
  /// One a request; the same seed gives the same ids in the same order.
  std::uint64_t next_id() noexcept {
    return mix(seed_.load(std::memory_order_relaxed), sequence_.fetch_add(1, std::memory_order_relaxed));
  }
  /// What the next request will have.
  std::uint64_t coming_id() const noexcept {
    return mix(seed_.load(std::memory_order_relaxed), sequence_.load(std::memory_order_relaxed));
  }

  void begin() noexcept { in_flight_.fetch_add(1, std::memory_order_relaxed); }
  void end() noexcept { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  int in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }

  /// Attempts that amplify (the same provider again, hedges) are at most 3, or a fifth of the requests in flight.
  bool take_extra() noexcept {
    const int fifth = in_flight() / 5, most = fifth > 3 ? fifth : 3;
    if (extra_.fetch_add(1, std::memory_order_relaxed) < most) return true;
    give_extra();
    return false;
  }
  void give_extra() noexcept { extra_.fetch_sub(1, std::memory_order_relaxed); }
  int extra() const noexcept { return extra_.load(std::memory_order_relaxed); }

  /// How many attempts were sent; counted for rankings that watch the load.
  std::uint64_t launches() const noexcept { return launches_.load(std::memory_order_acquire); }
  /// Counts one more, unless somebody else was sent since.
  bool launch(std::uint64_t seen) noexcept {
    return launches_.compare_exchange_strong(seen, seen + 1, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  void tell(const Event& e) noexcept {
    policies_.template each<role::Observer>([&](auto& observer) {
#if LLMROUTE_EXCEPTIONS
      try {
        observer.observe(e);
      } catch (...) {  // an observer never harms a request
        observer_throws_.fetch_add(1, std::memory_order_relaxed);
      }
#else
      observer.observe(e);
#endif
    });
  }
  std::uint64_t observer_throws() const noexcept { return observer_throws_.load(std::memory_order_relaxed); }

 private:
  Places* made(Fleet fleet, const Places* before) {
#if LLMROUTE_EXCEPTIONS
    try {
      return new Places(std::move(fleet), policy<role::ModelMap>(), before);
    } catch (...) {  // a map of the user's own
      return new Places(Fleet::unusable("the model map threw an exception while the fleet was taken over"),
                        policy<role::ModelMap>(), nullptr);
    }
#else
    return new Places(std::move(fleet), policy<role::ModelMap>(), before);
#endif
  }

  Policies policies_;
  Snapshot<Places> roster_;
  Waiting waiting_{};
  std::atomic<std::uint64_t> seed_{0};
  std::atomic<std::uint64_t> sequence_{0}, launches_{0}, observer_throws_{0};
  std::atomic<int> in_flight_{0}, extra_{0};
};

}  // namespace llmroute

#endif
