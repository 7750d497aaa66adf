// SPDX-License-Identifier: MIT
// One immutable value that is replaced whole while others read it. Readers pin it with two atomic additions and never wait;
// writers reuse old blocks, so memory stays flat however often they write.
#ifndef LLMROUTE_ROUTE_SNAPSHOT_HPP
#define LLMROUTE_ROUTE_SNAPSHOT_HPP

#include <atomic>
#include <cstdint>

namespace llmroute {

/// Why not `std::atomic<std::shared_ptr>`: libc++ lacks it, and where it exists it locks.
template <class T>
class Snapshot {
  // A block's word counts its pins; `retired`: no longer current, freed with its last pin; `empty`: holds nothing.
  static constexpr std::uint64_t retired = 1ull << 62, empty = 1ull << 63;
  struct alignas(64) Block {
    std::atomic<std::uint64_t> word{empty};
    T* value = nullptr;
    Block* next = nullptr;
  };

 public:
  /// Keeps one value alive while it is held.
  class Pin {
   public:
    Pin() noexcept = default;
    Pin(Pin&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
    Pin& operator=(Pin&& other) noexcept {
      Block* mine = block_;
      block_ = other.block_;
      other.block_ = mine;
      return *this;
    }
    ~Pin() {
      if (block_ != nullptr) release(block_);
    }
    T& operator*() const noexcept { return *block_->value; }
    T* operator->() const noexcept { return block_->value; }

   private:
    friend Snapshot;
    explicit Pin(Block* b) noexcept : block_(b) {}
    Block* block_ = nullptr;
  };

  Snapshot() noexcept = default;
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot() {  // nobody pins any more
    while (blocks_ != nullptr) {
      Block* next = blocks_->next;
      delete blocks_->value;
      delete blocks_;
      blocks_ = next;
    }
  }

  /// Takes the value over and makes it the current one.
  void set(T* value) {
    while (writing_.test_and_set(std::memory_order_acquire)) {
    }
    const Unlock unlock{writing_};
    Block* fresh = vacant();
    fresh->value = value;
    fresh->word.fetch_and(~empty, std::memory_order_acq_rel);
    Block* old = current_.exchange(fresh, std::memory_order_seq_cst);
    if (old != nullptr && old->word.fetch_or(retired, std::memory_order_seq_cst) == 0) drop(old);
    release(fresh);  // the writer's own pin
  }

  /// The current value. Only after the first `set`.
  Pin pin() const noexcept {
    for (;;) {
      Block* b = current_.load(std::memory_order_seq_cst);
      b->word.fetch_add(1, std::memory_order_seq_cst);
      if (current_.load(std::memory_order_seq_cst) == b) return Pin(b);
      release(b);  // replaced in between: the pin may have come too late to count
    }
  }

  /// How many blocks there are: as many as values were ever alive at once.
  int blocks() const noexcept {
    int n = 0;
    for (const Block* b = blocks_; b != nullptr; b = b->next) ++n;
    return n;
  }

 private:
  struct Unlock {  // also where there is no memory for a block
    std::atomic_flag& flag;
    ~Unlock() { flag.clear(std::memory_order_release); }
  };

  // A block that nobody uses, with one pin on it, so that no reader who is late can free it while it is filled.
  Block* vacant() {
    for (Block* b = blocks_; b != nullptr; b = b->next) {
      std::uint64_t word = empty;
      if (b->word.compare_exchange_strong(word, empty + 1, std::memory_order_acq_rel)) return b;
    }
    Block* b = new Block;
    b->word.store(empty + 1, std::memory_order_relaxed);
    b->next = blocks_;
    return blocks_ = b;
  }
  static void drop(Block* b) noexcept {
    std::uint64_t word = retired;
    if (!b->word.compare_exchange_strong(word, retired | empty, std::memory_order_acq_rel))
      return;  // pinned: its last pin drops it
    delete b->value;
    b->value = nullptr;
    b->word.fetch_and(~retired, std::memory_order_release);
  }
  static void release(Block* b) noexcept {
    if (b->word.fetch_sub(1, std::memory_order_acq_rel) == (retired | 1)) drop(b);
  }

  std::atomic<Block*> current_{nullptr};
  Block* blocks_ = nullptr;  // a writer's business
  std::atomic_flag writing_ = ATOMIC_FLAG_INIT;
};

}  // namespace llmroute

#endif
