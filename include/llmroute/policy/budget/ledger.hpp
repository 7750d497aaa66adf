// SPDX-License-Identifier: MIT
// The accounts of one rule: what of its money is committed, that is spent or reserved, and in which step of its window it was
// spent. Any number of threads; no lock, and nothing is allocated once it is made.
#ifndef LLMROUTE_POLICY_BUDGET_LEDGER_HPP
#define LLMROUTE_POLICY_BUDGET_LEDGER_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace llmroute::budget::detail {

// One number decides: `committed`, which a reservation raises by compare-exchange. What is spent is also in a ring of steps,
// always added there after it is in `committed`; a step that is over is taken out of the ring first, and then out of
// `committed`. So whatever a thread is interrupted in, `committed` is never too low. A ring has one place more than a window
// has steps, and what comes late to a step is in a later one: nothing is forgotten too soon.
class Ledger {
 public:
  Ledger(std::size_t accounts, std::size_t steps, std::size_t alerts)
      : accounts_(accounts), ring_(accounts * steps), alerts_(accounts * alerts), steps_(steps), alerts_each_(alerts) {}

  std::size_t size() const noexcept { return accounts_.size(); }
  std::size_t steps() const noexcept { return steps_; }

  /// Takes `worst` if no more than `most` is committed then; at step `step` or later.
  bool take(std::size_t account, std::int64_t worst, std::int64_t most, std::int64_t step) noexcept {
    enter(account, step);
    if (worst == 0) return true;  // costs nothing, also where others have overdrawn
    auto& committed = accounts_[account].committed;
    std::int64_t now = committed.load(std::memory_order_relaxed);
    do {
      if (now > most - worst) return false;
    } while (!committed.compare_exchange_weak(now, now + worst, std::memory_order_relaxed));
    return true;
  }
  void give_back(std::size_t account, std::int64_t worst) noexcept {
    accounts_[account].committed.fetch_sub(worst, std::memory_order_relaxed);
  }
  /// What was reserved leaves, and what it really cost is spent in this step. Beyond the end of the scale nothing counts.
  void settle(std::size_t account, std::int64_t worst, std::int64_t real, std::int64_t step) noexcept {
    enter(account, step);
    Account& a = accounts_[account];
    std::int64_t now = a.committed.load(std::memory_order_relaxed), booked = 0;
    do {
      const std::int64_t others = now - worst, room = end_of_scale - others;
      booked = real < room ? real : room > 0 ? room : 0;
    } while (!a.committed.compare_exchange_weak(now, now - worst + booked, std::memory_order_relaxed));
    if (booked == 0) return;
    if (const std::int64_t newest = a.newest.load(std::memory_order_acquire); newest >= step) {
      spent_in(account, newest).fetch_add(booked, std::memory_order_release);
      return;
    }
    std::int64_t latest = a.latest.load(std::memory_order_relaxed);
    while (latest < step && !a.latest.compare_exchange_weak(latest, step, std::memory_order_relaxed)) {
    }
    a.late.fetch_add(booked);
    begin(account, step);
  }

  /// Spent and reserved, as it would be at that step.
  std::int64_t committed(std::size_t account, std::int64_t step) const noexcept {
    const Account& a = accounts_[account];
    const std::int64_t all = a.committed.load(std::memory_order_acquire), newest = a.newest.load(std::memory_order_acquire);
    std::int64_t over = 0;
    each_over(newest, step, [&](std::int64_t s) { over += spent_in(account, s).load(std::memory_order_relaxed); });
    return all > over ? all - over : 0;
  }
  /// Of that, what was spent.
  std::int64_t spent(std::size_t account, std::int64_t step) const noexcept {
    std::int64_t all = accounts_[account].late.load(std::memory_order_relaxed), over = 0;
    for (std::size_t i = 0; i < steps_; ++i) all += ring_[account * steps_ + i].load(std::memory_order_relaxed);
    each_over(newest(account), step, [&](std::int64_t s) { over += spent_in(account, s).load(std::memory_order_relaxed); });
    return all > over ? all - over : 0;
  }
  std::int64_t newest(std::size_t account) const noexcept { return accounts_[account].newest.load(std::memory_order_acquire); }
  /// Calls `f(step, amount)` for each step of the ring in which money was spent, the oldest first.
  template <class F>
  void each_step(std::size_t account, F&& f) const {
    const std::int64_t last = newest(account);
    if (last == unused) return;
    for (std::int64_t s = last - static_cast<std::int64_t>(steps_) + 1; s <= last; ++s)
      if (const std::int64_t n = spent_in(account, s).load(std::memory_order_acquire); n != 0) f(s, n);
  }
  /// Reserved, as far as nobody else is at it.
  std::int64_t open(std::size_t account) const noexcept {
    const std::int64_t all = accounts_[account].committed.load(std::memory_order_relaxed), past = spent(account, unused);
    return all > past ? all - past : 0;
  }
  /// Whatever the limit: it was reserved before the ledger is loaded.
  void reserve(std::size_t account, std::int64_t worst) noexcept {
    std::atomic<std::int64_t>& committed = accounts_[account].committed;
    const std::int64_t room = end_of_scale - committed.load(std::memory_order_relaxed);
    committed.fetch_add(worst < room ? worst : room, std::memory_order_relaxed);
  }
  /// Puts back what was spent in a step, when the ledger is loaded. What is over by now is left out.
  void restore(std::size_t account, std::int64_t step, std::int64_t amount) noexcept {
    enter(account, step);
    if (newest(account) - step >= static_cast<std::int64_t>(steps_)) return;
    Account& a = accounts_[account];
    const std::int64_t room = end_of_scale - a.committed.load(std::memory_order_relaxed);
    if (amount > room) amount = room;
    a.committed.fetch_add(amount, std::memory_order_relaxed);
    spent_in(account, step).fetch_add(amount, std::memory_order_release);
  }

  /// Remembers that a threshold is passed with `used`; true: for the first time in this window. It is told by `tell`.
  bool pass(std::size_t account, std::size_t alert, std::int64_t used, std::int64_t step) noexcept {
    Alert& a = alerts_[account * alerts_each_ + alert];
    std::int64_t before = a.passed.load(std::memory_order_relaxed);
    if (before != unused && step - before < static_cast<std::int64_t>(steps_)) return false;
    if (!a.passed.compare_exchange_strong(before, step, std::memory_order_relaxed)) return false;
    a.used.store(used, std::memory_order_relaxed);
    a.pending.store(true, std::memory_order_release);
    return true;
  }
  /// Whether it is to be told, which nobody else does from now on. `used`: as it was passed.
  bool tell(std::size_t account, std::size_t alert, std::int64_t& used) noexcept {
    Alert& a = alerts_[account * alerts_each_ + alert];
    if (!a.pending.load(std::memory_order_relaxed) || !a.pending.exchange(false, std::memory_order_acquire)) return false;
    used = a.used.load(std::memory_order_relaxed);
    return true;
  }

  /// Steps up to this one begin: what is older than the window leaves. A step that was before the newest changes nothing.
  void enter(std::size_t account, std::int64_t step) noexcept {
    Account& a = accounts_[account];
    if (a.newest.load(std::memory_order_acquire) >= step) return;
    if (begin(account, step)) return;
    // Somebody does it just now; if that takes longer, this reservation does not see yet what has become free.
    for (int i = 0; i < most_looks && a.newest.load(std::memory_order_acquire) < step; ++i) {
    }
  }

 private:
  static constexpr std::int64_t unused = (std::numeric_limits<std::int64_t>::min)();
  static constexpr std::int64_t end_of_scale = std::int64_t{1} << 62;
  static constexpr int most_looks = 2'000;

  struct Account {
    std::atomic<std::int64_t> committed{0};
    std::atomic<std::int64_t> newest{unused};  // step
    std::atomic<std::int64_t> late{0};         // spent while somebody else began a step, in no step yet
    std::atomic<std::int64_t> latest{unused};  // step of what came late
    std::atomic<bool> busy{false};
  };
  struct Alert {
    std::atomic<std::int64_t> passed{unused};  // in which step
    std::atomic<std::int64_t> used{0};
    std::atomic<bool> pending{false};
  };

  // False: somebody else is at it, who will look again for what is late.
  bool begin(std::size_t account, std::int64_t step) noexcept {
    Account& a = accounts_[account];
    do {
      if (a.busy.exchange(true)) return false;
      const std::int64_t late = a.late.exchange(0);
      const std::int64_t before = a.newest.load(std::memory_order_relaxed), latest = a.latest.load(std::memory_order_relaxed);
      const std::int64_t to = step > latest ? step : latest;
      each_over(before, to, [&](std::int64_t s) {
        const std::int64_t over = spent_in(account, s).exchange(0, std::memory_order_acq_rel);
        a.committed.fetch_sub(over, std::memory_order_relaxed);
      });
      if (before < to) a.newest.store(to, std::memory_order_release);
      spent_in(account, before < to ? to : before).fetch_add(late, std::memory_order_release);
      a.busy.store(false);
    } while (a.late.load() != 0);
    return true;
  }
  std::size_t place(std::size_t account, std::int64_t step) const noexcept {
    const auto n = static_cast<std::int64_t>(steps_);
    return account * steps_ + static_cast<std::size_t>((step % n + n) % n);
  }
  std::atomic<std::int64_t>& spent_in(std::size_t account, std::int64_t step) noexcept { return ring_[place(account, step)]; }
  const std::atomic<std::int64_t>& spent_in(std::size_t account, std::int64_t step) const noexcept {
    return ring_[place(account, step)];
  }
  // Each step that is over once `step` has begun, by its place.
  template <class F>
  void each_over(std::int64_t newest, std::int64_t step, F&& f) const {
    if (newest == unused || newest >= step) return;
    const auto n = static_cast<std::int64_t>(steps_);
    for (std::int64_t s = step - newest > n ? step - n + 1 : newest + 1; s <= step; ++s) f(s);
  }

  std::vector<Account> accounts_;  // of a fixed size, like the others
  std::vector<std::atomic<std::int64_t>> ring_;
  std::vector<Alert> alerts_;
  std::size_t steps_;
  std::size_t alerts_each_;
};

}  // namespace llmroute::budget::detail

#endif
