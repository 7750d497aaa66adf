// SPDX-License-Identifier: MIT
// A session stays with the provider that answered it last, where its prompt is still cached: `Sticky{Cheapest{}}`.
//
// When to use: conversations, or many requests with one long beginning: what a provider has cached is cheaper and quicker.
// Not provided: stickiness that outlives the program, or is shared by several; finding out what is still cached.
//
// | the request                                    | it stays as                                                         |
// |------------------------------------------------|----------------------------------------------------------------------|
// | has `options.session`                          | that session                                                          |
// | has none, and `prefix_bytes` or more of text   | what begins alike: what is said before the first user turn, and that  |
// | has neither                                    | nothing; the inner ranking decides                                    |
//
// Tenants and models are kept apart. The inner ranking decides too for the first request, after `keep`, and where its provider is
// closed, has failed twice in a row, or is not wanted by the inner ranking. Whoever answers then is whom it stays with: one that
// is well again does not get it back. Within an `Order` it stays as far as the order allows.
// The table has a fixed size, and what falls on an entry of another takes it over. A decision takes no lock.
#ifndef LLMROUTE_POLICY_RANKING_STICKY_HPP
#define LLMROUTE_POLICY_RANKING_STICKY_HPP

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/policy/ranking/combined.hpp"

namespace llmroute {
namespace ranking {

struct Stickiness {
  Duration keep = std::chrono::minutes(5);  ///< since it was answered last: about as long as prompts stay cached
  std::size_t entries = 4096;               ///< sessions and prefixes at a time, 8 bytes each; rounded up to a power of two
  std::size_t prefix_bytes = 4096;          ///< about the 1,024 tokens from which on prompts are cached
};

}  // namespace ranking

namespace detail {

/// Eight bytes at a time, because prompts are long. Its length keeps "ab", "c" and "a", "bc" apart.
inline std::uint64_t hash_on(std::uint64_t hash, std::string_view text) noexcept {
  const auto take = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
    hash ^= hash >> 29;
  };
  const std::size_t size = text.size();
  for (std::uint64_t word = 0; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
    std::memcpy(&word, text.data(), sizeof word);
    take(word);
  }
  std::uint64_t last = 0;
  if (!text.empty()) std::memcpy(&last, text.data(), text.size());
  take(last);
  take(size);
  return hash;
}

/// The turns to the first of the user's, on top of a hash; 0: they have less text than that.
inline std::uint64_t hash_of_prefix(std::uint64_t hash, const Messages& turns, std::size_t least_bytes) noexcept {
  std::size_t bytes = 0;
  for (const Message& m : turns) {
    hash = mix(hash, static_cast<std::uint64_t>(m.role));
    for (const Part& p : m.parts) {
      const std::string_view content = p.content;
      if (!p.is_image()) bytes += content.size();
      // Images are long, and tell themselves apart at the end.
      hash = p.is_image() && content.size() > 256 ? hash_on(mix(hash, content.size()), content.substr(content.size() - 256))
                                                  : hash_on(hash, content);
    }
    if (m.role == Message::Role::user) break;
  }
  return bytes < least_bytes || bytes == 0 ? 0 : hash;
}

/// Who answered which key, and when: words of 64 bits, each a tag of its key, a provider and a time. A key that falls on
/// another's word takes it over.
class StickyTable {
 public:
  static constexpr std::size_t largest = std::size_t{1} << 24;

  StickyTable(std::size_t entries, Duration keep)
      : words_(rounded(entries)), unit_(keep.count() < ages ? 1 : static_cast<std::uint64_t>(keep.count()) / ages) {}

  /// Never 0.
  static std::uint32_t who(std::string_view provider) noexcept {
    const auto bits = static_cast<std::uint32_t>(hash_on(0, provider) >> (64 - who_bits));
    return bits == 0 ? 1 : bits;
  }
  /// 0: nobody, or too long ago.
  std::uint32_t recall(std::uint64_t key, Time now) const noexcept {
    if (words_.empty()) return 0;
    const std::uint64_t word = words_[at(key)].load(std::memory_order_relaxed);
    if (word >> (who_bits + time_bits) != tag(key)) return 0;
    const std::uint64_t age = (ticks(now) - word) & time_mask;
    const bool fresh = age < ages || age > time_mask - ages;  // another thread's clock may have been read a little later
    return fresh ? static_cast<std::uint32_t>(word >> time_bits & who_mask) : 0;
  }
  void remember(std::uint64_t key, std::uint32_t who, Time now) noexcept {
    if (words_.empty()) return;
    const std::uint64_t word = tag(key) << (who_bits + time_bits) | std::uint64_t{who} << time_bits | (ticks(now) & time_mask);
    std::atomic<std::uint64_t>& held = words_[at(key)];
    if (held.load(std::memory_order_relaxed) != word) held.store(word, std::memory_order_relaxed);
  }

 private:
  // Time wraps after 4,096 times as long as it is kept; an entry that seems fresh then does no harm.
  static constexpr int who_bits = 20, time_bits = 22;
  static constexpr std::uint64_t who_mask = (1u << who_bits) - 1, time_mask = (1u << time_bits) - 1;
  static constexpr std::int64_t ages = 1024;  // what `keep` is divided into

  static std::size_t rounded(std::size_t entries) noexcept {
    if (entries == 0 || entries > largest) return 0;  // which is refused
    std::size_t n = 1;
    while (n < entries) n *= 2;
    return n;
  }
  static std::uint64_t tag(std::uint64_t key) noexcept { return key >> (who_bits + time_bits); }
  std::size_t at(std::uint64_t key) const noexcept { return static_cast<std::size_t>(key) & (words_.size() - 1); }
  std::uint64_t ticks(Time now) const noexcept {  // also before the clock's zero
    return (static_cast<std::uint64_t>(now.time_since_epoch().count()) + (std::uint64_t{1} << 63)) / unit_;
  }

  std::vector<std::atomic<std::uint64_t>> words_;
  std::uint64_t unit_;  // nanoseconds
};

}  // namespace detail

namespace ranking {

template <class R>
class Sticky : public detail::Parts<R> {
  using Base = detail::Parts<R>;

 public:
  static constexpr std::string_view name = "sticky";

  explicit Sticky(R inner, Stickiness how = {}) : Base(std::move(inner)), how_(how), table_(how.entries, how.keep) {}
  Sticky(Sticky&&) noexcept = default;
  Sticky& operator=(Sticky&&) noexcept = default;

  struct State : Base::State {
    std::atomic<std::uint32_t> who{0};  // its provider, once it has answered, so that no name is hashed to find it
  };

  std::string refuse(const Query& q) const {
    if (how_.keep <= Duration::zero()) return "ranking::Sticky: keep is not longer than zero";
    if (how_.entries == 0 || how_.entries > detail::StickyTable::largest)
      return "ranking::Sticky: entries is not from 1 to 16,777,216";
    return Base::refuse(q);
  }
  std::string_view strategy([[maybe_unused]] const Query& q) const {
    if constexpr (NamesStrategy<R>) return this->template part<0>().strategy(q);
    else return name;
  }

  void learn(State& s, const Event& e) const {
    Base::learn(s, e);
    if (e.what != Event::What::ended || !e.outcome->ok() || e.query == nullptr) return;
    const std::uint32_t who = detail::StickyTable::who(e.provider);
    if (s.who.load(std::memory_order_relaxed) != who) s.who.store(who, std::memory_order_relaxed);
    if (const std::uint64_t key = key_of(*e.query); key != 0) table_.remember(key, who, e.now);
  }

  detail::Chosen choose(const auto& candidates, const Query& q) const {
    // Asked about that one alone, so that whom it never wants stays unwanted.
    if (const std::size_t kept = kept_by(candidates, q); kept != none)
      if (const detail::Chosen c = this->template ask<0>(detail::JustOne{candidates, kept}, q); c.at != none) return c;
    return this->template ask<0>(candidates, q);
  }
  std::size_t pick(const auto& candidates, const Query& q) const { return choose(candidates, q).at; }

 private:
  /// 0: there is nothing as which it could stay.
  std::uint64_t key_of(const Query& q) const noexcept {
    const Options& o = q.options;
    std::uint64_t key = detail::hash_on(detail::hash_on(0, o.tenant), q.request.model);
    if (!o.session.empty()) key = detail::hash_on(mix(key, 1), o.session);
    else key = detail::hash_of_prefix(mix(key, 2), q.request.messages, how_.prefix_bytes);
    return key == 0 ? 0 : mix(key, 3);
  }
  /// With whom the request stays, where there is a choice.
  std::size_t kept_by(const auto& candidates, const Query& q) const {
    std::size_t first = none;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!candidates.open(i)) continue;
      if (first != none) return kept_by(candidates, q, candidates[first].now);
      first = i;
    }
    return none;  // and no prompt is hashed for it
  }
  std::size_t kept_by(const auto& candidates, const Query& q, Time now) const {
    const std::uint64_t key = key_of(q);
    const std::uint32_t who = key == 0 ? 0 : table_.recall(key, now);
    if (who == 0) return none;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (candidates.state(i).who.load(std::memory_order_relaxed) != who || !candidates.open(i)) continue;
      const auto failures = candidates[i].health.failures_in_a_row.load(std::memory_order_relaxed);
      return failures < 2 ? i : none;  // one is an accident
    }
    return none;
  }

  Stickiness how_;
  mutable detail::StickyTable table_;
};

}  // namespace ranking
}  // namespace llmroute

#endif
