// SPDX-License-Identifier: MIT
// The queue of those that wait until a limit has room for them: by priority, then first come.
#ifndef LLMROUTE_ROUTE_WAITING_HPP
#define LLMROUTE_ROUTE_WAITING_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <span>

#include "llmroute/time.hpp"

namespace llmroute {

/// It wakes nobody: it says whose turn it is. It must outlive its tickets. Nothing is allocated: the tickets are the queue.
class Waiting {
 public:
  /// What is waited for: the address of a limiter.
  using Key = const void*;
  static constexpr std::size_t most_keys = 8;

  /// One that waits, for any of some keys. Used by one thread at a time.
  class Ticket {
   public:
    Ticket() noexcept = default;
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { leave(); }

    /// Lines up, with the lowest priority first; of more keys than `most_keys` it waits for whatever there is. Who waits
    /// already keeps the place, unless it is for another priority or another queue. Look once more after this, before
    /// sleeping: the room may have come in between.
    void wait_for(Waiting& queue, int priority, Time deadline, std::span<const Key> keys) noexcept {
      if (queue_ != nullptr && (queue_ != &queue || priority_ != priority)) leave();
      const Lock lock(queue);
      deadline_ = deadline;
      key_count_ = keys.size();
      for (std::size_t i = 0; i < keys.size() && i < most_keys; ++i) keys_[i] = keys[i];
      if (queue_ != nullptr) return;
      queue_ = &queue;
      priority_ = priority;
      queue.link(*this);
    }
    /// Its turn has come, or it waits no longer.
    void leave() noexcept {
      if (queue_ == nullptr) return;
      const Lock lock(*queue_);
      queue_->unlink(*this);
      queue_ = nullptr;
    }
    bool waits() const noexcept { return queue_ != nullptr; }

   private:
    friend class Waiting;
    bool waits_for(Key key, Time now) const noexcept {
      if (deadline_ <= now) return false;  // its time is up, and it only has not noticed yet
      if (key_count_ > most_keys) return true;
      for (std::size_t i = 0; i < key_count_; ++i)
        if (keys_[i] == key) return true;
      return false;
    }

    Waiting* queue_ = nullptr;
    Ticket *before_ = nullptr, *behind_ = nullptr;
    Time deadline_{};
    std::size_t key_count_ = 0;
    int priority_ = 0;
    std::array<Key, most_keys> keys_{};
  };

  Waiting() noexcept = default;
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  /// Would taking a slot of `key` now overtake somebody who waits for it in a better place? A newcomer, who has no ticket in
  /// this queue, stands behind all of the same priority; who has one stands where that is, whatever priority is passed.
  bool someone_before(const Ticket* mine, int priority, Key key, Time now) const noexcept {
    if (size() == 0) return false;
    const bool in_line = mine != nullptr && mine->queue_ == this;
    const Lock lock(*this);
    for (const Ticket* t = first_; t != nullptr; t = t->behind_) {
      if (in_line ? t == mine : t->priority_ > priority) return false;
      if (t->waits_for(key, now)) return true;
    }
    return false;
  }
  /// How many are in line, with those whose time is up.
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  // Held for a walk along the queue at most, and only by those that wait or would overtake.
  class Lock {
   public:
    explicit Lock(const Waiting& queue) noexcept : busy_(queue.busy_) {
      while (busy_.exchange(true, std::memory_order_acquire))
        while (busy_.load(std::memory_order_relaxed)) {
        }
    }
    ~Lock() { busy_.store(false, std::memory_order_release); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    std::atomic<bool>& busy_;
  };

  void link(Ticket& t) noexcept {
    Ticket* before = last_;
    while (before != nullptr && before->priority_ > t.priority_) before = before->before_;
    t.before_ = before;
    t.behind_ = before != nullptr ? before->behind_ : first_;
    (t.before_ != nullptr ? t.before_->behind_ : first_) = &t;
    (t.behind_ != nullptr ? t.behind_->before_ : last_) = &t;
    size_.fetch_add(1, std::memory_order_relaxed);
  }
  void unlink(Ticket& t) noexcept {
    (t.before_ != nullptr ? t.before_->behind_ : first_) = t.behind_;
    (t.behind_ != nullptr ? t.behind_->before_ : last_) = t.before_;
    t.before_ = t.behind_ = nullptr;
    size_.fetch_sub(1, std::memory_order_relaxed);
  }

  mutable std::atomic<bool> busy_{false};
  std::atomic<std::size_t> size_{0};
  Ticket *first_ = nullptr, *last_ = nullptr;
};

}  // namespace llmroute

#endif
