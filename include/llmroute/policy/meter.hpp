// SPDX-License-Identifier: MIT
// One limit that refills evenly, as the generic cell rate algorithm counts: all that is remembered is when it will be full
// again. So there are no windows at whose edges twice the limit gets through.
#ifndef LLMROUTE_POLICY_METER_HPP
#define LLMROUTE_POLICY_METER_HPP

#include <atomic>
#include <cstdint>

#include "llmroute/time.hpp"

namespace llmroute {

/// No request is believed to use more: so that sums of counts stay far from their ends.
inline constexpr std::int64_t most_counted_tokens = 1'000'000'000'000;

/// What is counted of a number that was estimated or told.
constexpr std::int64_t counted_tokens(std::int64_t tokens) noexcept {
  if (tokens < 0) return 0;
  return tokens > most_counted_tokens ? most_counted_tokens : tokens;
}

/// How long `until` is away; zero where it has passed. Never overflows, however far apart the two are.
constexpr std::uint64_t time_until(Time until, Time now) noexcept {
  if (until <= now) return 0;
  return static_cast<std::uint64_t>(until.time_since_epoch().count()) -
         static_cast<std::uint64_t>(now.time_since_epoch().count());
}

/// How a limit refills, in time: what one costs, and how long it takes from empty to full.
class Refill {
 public:
  /// A limit that is not above 0 limits nothing; one below 1 lets one through as often as it says.
  constexpr Refill(double limit, Duration period) noexcept {
    if (!(limit > 0) || limit > 1e15 || period <= Duration::zero()) return;
    each_ = static_cast<double>(period.count()) / limit;
    // Whole nanoseconds, rounded up: then the last of seven fits exactly, and no eighth. Where one costs too little for that
    // to be right within a thousandth, nobody misses one.
    if (!(each_ < longest)) each_ = longest;
    if (each_ >= 1024) each_ = static_cast<double>(rounded_up(each_));
    capacity_ = static_cast<std::int64_t>((limit < 1 ? each_ : limit * each_) + 0.5);
  }
  constexpr bool limits() const noexcept { return capacity_ > 0; }
  constexpr double each() const noexcept { return each_; }
  constexpr Duration capacity() const noexcept { return Duration(capacity_); }
  constexpr Duration cost(std::int64_t count) const noexcept {
    const double exact = static_cast<double>(count) * each_;
    return Duration(exact < longest ? rounded_up(exact - 0.05) : static_cast<std::int64_t>(longest));
  }

  /// Is there room for what costs so much, in a bucket that is full again by then?
  constexpr bool fits(Time full_at, Duration cost, Time now) const noexcept {
    const std::uint64_t used = time_until(full_at, now), capacity = static_cast<std::uint64_t>(capacity_);
    if (used > capacity || static_cast<std::uint64_t>(cost.count()) > capacity - used) return false;
    return (full_at < now ? now : full_at) <= never - cost;  // at the end of time nothing refills
  }
  /// From when on it fits; `never` if it does not fit into a full bucket either.
  constexpr Time fits_at(Time full_at, Duration cost, Time now) const noexcept {
    if (fits(full_at, cost, now)) return now;
    if (cost > capacity() || (full_at < now ? now : full_at) > never - cost) return never;
    return later(full_at, cost - capacity());
  }

 private:
  static constexpr double longest = 0x1p60;  // 36 years

  static constexpr std::int64_t rounded_up(double x) noexcept {
    if (x <= 0) return 0;
    const auto whole = static_cast<std::int64_t>(x);
    return static_cast<double>(whole) < x ? whole + 1 : whole;
  }

  double each_ = 0;
  std::int64_t capacity_ = 0;
};

/// Counts what is used as soon as it is taken: requests. The limit is passed in: it may change, what was used stays.
class Meter {
 public:
  bool take(const Refill& refill, std::int64_t count, Time now) noexcept {
    if (!refill.limits()) return true;
    const Duration cost = refill.cost(count);
    Time at = full_at();
    do {
      if (!refill.fits(at, cost, now)) return false;
    } while (!replace(at, later(at < now ? now : at, cost)));
    return true;
  }
  /// Those that were taken then are not used after all. What has refilled since does not come back a second time: at worst
  /// as much as time has passed.
  void give_back(const Refill& refill, std::int64_t count, Time taken, Time now) noexcept {
    if (!refill.limits()) return;
    const auto cost = static_cast<std::uint64_t>(refill.cost(count).count()), refilled = time_until(now, taken);
    if (refilled >= cost) return;
    const Duration back(static_cast<std::int64_t>(cost - refilled));
    Time at = full_at();
    while (!replace(at, later(at, -back))) {
    }
  }
  /// Used whether or not there was room.
  void book(const Refill& refill, std::int64_t count, Time now) noexcept {
    if (!refill.limits() || count <= 0) return;
    Time at = full_at();
    while (!replace(at, later(at < now ? now : at, refill.cost(count)))) {
    }
  }
  /// No more than this is left of it. To hear of more gives nothing.
  void at_most(const Refill& refill, double left, Time now) noexcept {
    const double spare = left * refill.each();
    if (!refill.limits() || !(spare < static_cast<double>(refill.capacity().count()))) return;
    const Time least = later(now, refill.capacity() - Duration(static_cast<std::int64_t>(spare > 0 ? spare : 0)));
    Time at = full_at();
    while (at < least && !replace(at, least)) {
    }
  }

  bool has_room(const Refill& refill, std::int64_t count, Time now) const noexcept {
    return !refill.limits() || refill.fits(full_at(), refill.cost(count), now);
  }
  Time free_at(const Refill& refill, std::int64_t count, Time now) const noexcept {
    return refill.limits() ? refill.fits_at(full_at(), refill.cost(count), now) : now;
  }
  /// The share that would be left after so many more, from 0 to 1.
  double left(const Refill& refill, std::int64_t count, Time now) const noexcept {
    if (!refill.limits()) return 1;
    const double used = static_cast<double>(time_until(full_at(), now)) + static_cast<double>(refill.cost(count).count());
    const double share = 1 - used / static_cast<double>(refill.capacity().count());
    return share > 0 ? share : 0;
  }
  Time full_at() const noexcept { return Time(Duration(full_at_.load(std::memory_order_acquire))); }

 private:
  bool replace(Time& expected, Time desired) noexcept {
    std::int64_t was = expected.time_since_epoch().count();
    const bool done = full_at_.compare_exchange_weak(was, desired.time_since_epoch().count(), std::memory_order_acq_rel);
    expected = Time(Duration(was));
    return done;
  }

  std::atomic<std::int64_t> full_at_{long_ago.time_since_epoch().count()};
};

/// Counts what is known only afterwards: tokens. What is reserved is held in full, however long it takes, and what was used
/// begins to refill when it is settled. (A reserve that refilled meanwhile and were then refunded would let too much through.)
class ReservingMeter {
 public:
  /// May refuse in the instant in which somebody else settles, who is counted twice then; never takes too much.
  bool take(const Refill& refill, std::int64_t count, Time now) noexcept {
    if (!refill.limits()) {
      reserved_.fetch_add(count, std::memory_order_acq_rel);
      return true;
    }
    for (;;) {
      std::int64_t reserved = reserved_.load(std::memory_order_acquire);
      const Time full_at = used_.full_at();
      if (!refill.fits(full_at, refill.cost(reserved + count), now)) return false;
      if (!reserved_.compare_exchange_weak(reserved, reserved + count, std::memory_order_acq_rel)) continue;
      // What is booked never shrinks. So if it is the same as before, it was so all the while; else what was free may be gone,
      // though as much is reserved as before.
      if (used_.full_at() == full_at) return true;
      if (refill.fits(used_.full_at(), refill.cost(this->reserved()), now)) return true;
      reserved_.fetch_sub(count, std::memory_order_acq_rel);
    }
  }
  /// What was reserved becomes what was used, more or less.
  void settle(const Refill& refill, std::int64_t reserved, std::int64_t used, Time now) noexcept {
    used_.book(refill, used, now);  // first, so that nobody sees room between the two
    reserved_.fetch_sub(reserved, std::memory_order_acq_rel);
  }
  /// No more than this is left, beside what is reserved.
  void at_most(const Refill& refill, double left, Time now) noexcept {
    used_.at_most(refill, left + static_cast<double>(reserved()), now);
  }

  bool has_room(const Refill& refill, std::int64_t count, Time now) const noexcept {
    return used_.has_room(refill, reserved() + count, now);
  }
  /// Where too much is reserved for time to help: when there is room if all of that comes back.
  Time free_at(const Refill& refill, std::int64_t count, Time now, bool if_all_comes_back = false) const noexcept {
    const Time at = if_all_comes_back ? never : used_.free_at(refill, reserved() + count, now);
    return at == never ? used_.free_at(refill, count, now) : at;
  }
  double left(const Refill& refill, std::int64_t count, Time now) const noexcept {
    return used_.left(refill, reserved() + count, now);
  }
  std::int64_t reserved() const noexcept { return reserved_.load(std::memory_order_acquire); }

 private:
  Meter used_{};
  std::atomic<std::int64_t> reserved_{0};
};

}  // namespace llmroute

#endif
