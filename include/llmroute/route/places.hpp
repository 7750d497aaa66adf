// SPDX-License-Identifier: MIT
// What a fleet becomes inside a router: for each model that can be named, its providers side by side, each with the place
// where what is known of it lives. Made with the fleet; a decision only reads and counts here.
#ifndef LLMROUTE_ROUTE_PLACES_HPP
#define LLMROUTE_ROUTE_PLACES_HPP

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/config.hpp"
#include "llmroute/fleet.hpp"
#include "llmroute/policy/allowance.hpp"
#include "llmroute/policy/cooldown.hpp"
#include "llmroute/policy/health.hpp"
#include "llmroute/policy/model_map.hpp"
#include "llmroute/policy/ranking/strategy.hpp"  // detail::Nothing
#include "llmroute/route/closed.hpp"

namespace llmroute {

/// A point in time that is only ever moved later, by whoever comes.
class Latest {
 public:
  Time get() const noexcept { return Time(Duration(until_.load(std::memory_order_relaxed))); }
  void extend(Time t) noexcept {
    const std::int64_t wanted = t.time_since_epoch().count();
    std::int64_t old = until_.load(std::memory_order_relaxed);
    while (old < wanted && !until_.compare_exchange_weak(old, wanted, std::memory_order_relaxed)) {
    }
  }
  void reset() noexcept { until_.store(open_, std::memory_order_relaxed); }

 private:
  static constexpr std::int64_t open_ = long_ago.time_since_epoch().count();
  std::atomic<std::int64_t> until_{open_};
};

/// Whether a provider may be asked at all: its key works, its URL is an API, nobody turned it off.
class Standing {
 public:
  enum class Why : std::uint8_t { open, unauthorized, misconfigured, disabled };

  Why why() const noexcept { return why_.load(std::memory_order_acquire); }
  /// From then on one attempt may find out whether it works again.
  Time probe_at() const noexcept { return Time(Duration(probe_at_.load(std::memory_order_relaxed))); }
  bool open(Time now) const noexcept { return why() == Why::open || (why() != Why::disabled && probe_at() <= now); }
  Closed closed(Time now) const noexcept {
    if (open(now)) return Closed::open;
    const Why w = why();
    return w == Why::unauthorized ? Closed::unauthorized : w == Why::disabled ? Closed::disabled : Closed::misconfigured;
  }

  /// Who was disabled stays disabled, whatever an attempt that still ran finds out.
  void close(Why why, Time probe_at) noexcept {
    if (why != Why::disabled) probe_at_.store(probe_at.time_since_epoch().count(), std::memory_order_relaxed);
    Why old = why_.load(std::memory_order_relaxed);
    while ((old != Why::disabled || why == Why::disabled) && !why_.compare_exchange_weak(old, why, std::memory_order_release)) {
    }
  }
  void reopen() noexcept { why_.store(Why::open, std::memory_order_release); }
  /// A key that was refused was taken after all.
  void works() noexcept {
    Why refused = Why::unauthorized;
    if (why() == refused) why_.compare_exchange_strong(refused, Why::open, std::memory_order_release);
  }

  /// Open, or this caller is the one whose attempt finds out.
  bool claim(Time now, Time next_probe) noexcept {
    if (why() == Why::open) return true;
    if (why() == Why::disabled) return false;
    std::int64_t due = probe_at_.load(std::memory_order_relaxed);
    return Time(Duration(due)) <= now &&
           probe_at_.compare_exchange_strong(due, next_probe.time_since_epoch().count(), std::memory_order_relaxed);
  }
  /// A claim after which nothing was sent.
  void give_back(Time now) noexcept { probe_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> probe_at_{0};
  std::atomic<Why> why_{Why::open};
};

/// Counted by the rosters that know it; what was learned of a provider that stays outlives its fleet.
template <class T>
struct Kept : T {
  std::atomic<std::uint32_t> owners{1};
};
template <class T>
class Keep {
 public:
  Keep() : kept_(new Kept<T>) {}
  Keep(const Keep& other) noexcept : kept_(other.kept_) { kept_->owners.fetch_add(1, std::memory_order_relaxed); }
  Keep& operator=(Keep other) noexcept {
    Kept<T>* mine = kept_;
    kept_ = other.kept_;
    other.kept_ = mine;
    return *this;
  }
  ~Keep() {
    if (kept_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete kept_;
  }
  T& operator*() const noexcept { return *kept_; }
  T* operator->() const noexcept { return kept_; }
  friend bool operator==(const Keep& a, const Keep& b) noexcept { return a.kept_ == b.kept_; }

 private:
  Kept<T>* kept_;
};

/// What the providers of a quota group share: they are one account.
struct Account : Latest {
  Allowance free{};
};

/// What is known of one provider's one model, or of all its models that nobody listed. `M`: what the ranking remembers of it.
template <CooldownPolicy C, class M = detail::Nothing>
struct Place {
  Health health{};
  LLMROUTE_NO_UNIQUE_ADDRESS typename C::State state{};
  LLMROUTE_NO_UNIQUE_ADDRESS M memory{};
  Latest asked_rest{};           ///< the provider asked for it
  std::atomic<bool> out{false};  ///< it has no such model
};

template <CooldownPolicy C, class M = detail::Nothing>
struct Lane {
  const Provider* provider;
  Offer offer;
  std::uint32_t index;  ///< of the provider in its fleet
  bool own_place;       ///< for this model alone, so that a 404 may close it
  Keep<Place<C, M>> place;
  Keep<Standing> standing;
  Keep<Account> quota;             ///< the rest of its quota group
  Allowance* allowance = nullptr;  ///< of its quota group, where the provider gives something away

  /// Until when the provider asked for a rest.
  Time asked_rest() const noexcept {
    const Time own = place->asked_rest.get(), shared = quota->get();
    return own < shared ? shared : own;
  }
};

/// How many requests have taken their turn, for rankings that go round.
struct Turns {
  std::atomic<std::uint64_t> taken{0};
};

/// The providers of one model.
template <CooldownPolicy C, class M = detail::Nothing>
struct Group {
  std::string model{};
  bool resolved = true;  ///< offers are known; else each decision asks the map
  std::vector<Lane<C, M>> lanes{};
  double most_weight = 0;  ///< of its providers
  Keep<Turns> turns{};
};

template <CooldownPolicy C, class M = detail::Nothing>
class Roster {
  using LaneOf = Lane<C, M>;
  using GroupOf = Group<C, M>;
  using PlaceOf = Place<C, M>;

 public:
  template <ModelMap Map>
  Roster(Fleet fleet, const Map& map, const Roster* before) : fleet_(std::move(fleet)) {
    if (!fleet_.problem().empty()) return;
    other_.resolved = false;
    if constexpr (Enumerable<Map>) {
      auto each = [this](std::string_view model) { listed_.push_back({.model = std::string(model)}); };
      map.each_model(each);
      sort();
    }
    members_.reserve(fleet_.providers().size());
    for (const Provider& p : fleet_.providers()) members_.push_back(member(p, before));
    for (GroupOf& g : listed_) fill(g, map, before);  // names are all in place: offers may point into them
    for (std::uint32_t i = 0; i < members_.size(); ++i) {
      const Provider& p = fleet_.providers()[i];
      other_.lanes.push_back(lane(i, Offer::assumed({}, p), false, members_[i].place));
      default_.lanes.push_back(default_lane(i, map));
    }
    weigh(default_);
    weigh(other_);
    for (GroupOf& g : listed_) weigh(g);
    if (before != nullptr) {
      default_.turns = before->default_.turns;
      other_.turns = before->other_.turns;
    }
    each_lane([this](const LaneOf& l) {  // last: a map that throws changes nothing
      if (!members_[l.index].unchanged) l.place->out.store(false, std::memory_order_relaxed);
    });
  }
  Roster(const Roster&) = delete;
  Roster& operator=(const Roster&) = delete;

  const Fleet& fleet() const noexcept { return fleet_; }
  /// The providers to choose from for a model name; the empty name means each provider's default.
  const GroupOf& group(std::string_view model) const noexcept {
    if (model.empty()) return default_;
    const GroupOf* g = listed(model);
    return g != nullptr ? *g : other_;
  }
  /// Every lane of every group, the defaults first: `f(lane)`, or `f(lane, model)` with the name of a listed model.
  template <class F>
  void each_lane(F&& f) const {
    const auto all = [&f](const GroupOf& g) {
      for (const LaneOf& l : g.lanes)
        if constexpr (requires { f(l, g.model); }) f(l, g.model);
        else f(l);
    };
    all(default_);
    all(other_);
    for (const GroupOf& g : listed_) all(g);
  }

 private:
  struct Member {  // one a provider
    Keep<PlaceOf> place{};
    Keep<Standing> standing{};
    Keep<Account> quota{};
    bool unchanged = false;  // nothing that could mend a refusal
  };

  const GroupOf* listed(std::string_view model) const noexcept {
    std::size_t low = 0, high = listed_.size();
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (listed_[middle].model < model) low = middle + 1;
      else high = middle;
    }
    return low < listed_.size() && listed_[low].model == model ? &listed_[low] : nullptr;
  }
  void sort() {  // a few dozen names: <algorithm> would cost more than it saves
    for (std::size_t i = 1; i < listed_.size(); ++i)
      for (std::size_t k = i; k > 0 && listed_[k].model < listed_[k - 1].model; --k) std::swap(listed_[k], listed_[k - 1]);
    for (std::size_t i = listed_.size(); i-- > 1;)
      if (listed_[i].model == listed_[i - 1].model) listed_.erase(listed_.begin() + static_cast<std::ptrdiff_t>(i));
  }

  static void weigh(GroupOf& g) noexcept {
    for (const LaneOf& l : g.lanes)
      if (g.most_weight < l.provider->weight) g.most_weight = l.provider->weight;
  }
  static bool stays(const Provider& a, const Provider& b) noexcept {
    return a.name == b.name && a.url == b.url && a.dialect == b.dialect;
  }
  Member member(const Provider& p, const Roster* before) const {
    Member m;
    if (!p.quota_group.empty())
      for (std::size_t i = 0; i < members_.size(); ++i)
        if (fleet_.providers()[i].quota_group == p.quota_group) m.quota = members_[i].quota;
    if (before == nullptr) return m;
    for (std::size_t i = 0; i < before->members_.size(); ++i) {
      const Provider& old = before->fleet_.providers()[i];
      const Member& kept = before->members_[i];
      if (!p.quota_group.empty() && old.quota_group == p.quota_group) m.quota = kept.quota;
      if (!stays(p, old)) continue;
      m.place = kept.place;
      if (p.quota_group == old.quota_group) m.quota = kept.quota;
      m.unchanged = p.key.same_as(old.key) && p.fields == old.fields && p.key_field.name == old.key_field.name &&
                    p.key_field.prefix == old.key_field.prefix;
      // Another key begins anew, whatever attempts with the old one still find out.
      if (m.unchanged) m.standing = kept.standing;
      else if (kept.standing->why() == Standing::Why::disabled) m.standing->close(Standing::Why::disabled, never);
    }
    return m;
  }

  LaneOf lane(std::uint32_t i, const Offer& offer, bool own, const Keep<PlaceOf>& place) const {
    const Member& m = members_[i];
    const Provider& p = fleet_.providers()[i];
    const bool gives = p.free.requests_per_day > 0 || p.free.tokens_per_day > 0;
    return {&p, offer, i, own, place, m.standing, m.quota, gives ? &m.quota->free : nullptr};
  }
  template <class Map>
  void fill(GroupOf& g, const Map& map, const Roster* before) {
    const GroupOf* old = before == nullptr ? nullptr : before->listed(g.model);
    if (old != nullptr) g.turns = old->turns;
    for (std::uint32_t i = 0; i < members_.size(); ++i) {
      const Provider& p = fleet_.providers()[i];
      const auto offer = map.resolve(g.model, p);
      if (!offer) continue;
      Keep<PlaceOf> place;
      if (old != nullptr)
        for (const LaneOf& l : old->lanes)
          if (stays(*l.provider, p)) place = l.place;
      g.lanes.push_back(lane(i, *offer, true, place));
    }
  }
  // A default model that some listed name stands for shares that name's place: it is one and the same model.
  template <class Map>
  LaneOf default_lane(std::uint32_t i, const Map& map) const {
    const Provider& p = fleet_.providers()[i];
    if (!p.model.empty())
      if (const auto offer = map.resolve(p.model, p)) {
        for (const GroupOf& g : listed_)
          for (const LaneOf& l : g.lanes)
            if (l.index == i && l.offer.model.text() == offer->model.text()) return lane(i, *offer, true, l.place);
        return lane(i, *offer, false, members_[i].place);
      }
    return lane(i, Offer::assumed({{}, p.model}, p), false, members_[i].place);
  }

  Fleet fleet_;
  std::vector<Member> members_;
  GroupOf default_, other_;
  std::vector<GroupOf> listed_;  // by name
};

}  // namespace llmroute

#endif
