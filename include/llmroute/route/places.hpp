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
#include "llmroute/limits.hpp"
#include "llmroute/name_index.hpp"
#include "llmroute/policy/allowance.hpp"
#include "llmroute/policy/cooldown.hpp"
#include "llmroute/policy/health.hpp"
#include "llmroute/policy/model_map.hpp"
#include "llmroute/policy/quota.hpp"
#include "llmroute/policy/ranking/strategy.hpp"  // detail::Nothing
#include "llmroute/route/standing.hpp"

namespace llmroute {

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
  Limiter limiter{};
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
  Keep<Limiter> limiter;                         ///< of its provider
  Keep<Account> account;                         ///< of its quota group
  const RateLimits* shared_limits = &no_limits;  ///< of its quota group
  Quota quota{};                                 ///< the two, as rankings see them

  bool is_limited() const noexcept { return shared_limits->any() || provider->limits.any(); }
  /// Null: it has no quota group.
  Limiter* group_limiter() const noexcept { return quota.shared == nullptr ? nullptr : &account->limiter; }
  Allowance* allowance() const noexcept { return quota.allowance == nullptr ? nullptr : &account->free; }
  /// Until when the provider asked for a rest.
  Time asked_rest() const noexcept { return latest(place->asked_rest.get(), account->get()); }
  /// The same, or somebody ordered it.
  Time told_to_rest() const noexcept { return latest(asked_rest(), standing->ordered_rest().get()); }
};

/// How many requests have taken their turn, for rankings that go round.
struct Turns {
  std::atomic<std::uint64_t> taken{0};
};

/// What a tenant has used.
struct TenantPlace {
  std::string_view name{};
  const Tenant* tenant;
  Keep<Limiter> limiter{};
};

/// The providers of one model.
template <CooldownPolicy C, class M = detail::Nothing>
struct Group {
  std::string model{};
  bool resolved = true;  ///< offers are known; else each decision asks the map
  std::vector<Lane<C, M>> lanes{};
  double most_weight = 0;  ///< of its providers
  bool has_default_tag = false;
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
    for (const Tenant& t : fleet_.tenants()) {
      const TenantPlace* old = before == nullptr ? nullptr : before->listed_tenant(t.name);
      tenants_.push_back({.name = t.name, .tenant = &t, .limiter = old == nullptr ? Keep<Limiter>() : old->limiter});
    }
    tenants_by_name_ = detail::NameIndex(tenants_);
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
  /// Null: the fleet has no such tenant, nor a place for those whom it does not list.
  const TenantPlace* tenant(std::string_view name) const noexcept {
    const TenantPlace* listed = listed_tenant(name);
    return listed != nullptr ? listed : listed_tenant("*");
  }
  /// Calls `f(limiter, tenant)` for each tenant that has limits.
  template <class F>
  void each_limited_tenant(F&& f) const {
    for (const TenantPlace& t : tenants_)
      if (t.tenant->limits.any()) f(*t.limiter, *t.tenant);
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
    Keep<Limiter> limiter{};
    Keep<Account> account{};
    const RateLimits* shared_limits = &no_limits;  // of its quota group
    bool unchanged = false;                        // nothing that could mend a refusal
    std::uint32_t was = 0;                         // its index in the fleet before, and one; 0: it was not there
  };

  const TenantPlace* listed_tenant(std::string_view name) const noexcept {
    const std::size_t i = tenants_by_name_.find(name);
    return i < tenants_.size() ? &tenants_[i] : nullptr;
  }
  // By halves, because fleets may be long: lanes are in the fleet's order.
  static const LaneOf* lane_of(const GroupOf& g, std::uint32_t index) noexcept {
    std::size_t low = 0, high = g.lanes.size();
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (g.lanes[middle].index < index) low = middle + 1;
      else high = middle;
    }
    return low < g.lanes.size() && g.lanes[low].index == index ? &g.lanes[low] : nullptr;
  }

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
    for (const LaneOf& l : g.lanes) {
      if (g.most_weight < l.provider->weight) g.most_weight = l.provider->weight;
      g.has_default_tag = g.has_default_tag || l.provider->has_tag(default_tag);
    }
  }
  static bool stays(const Provider& a, const Provider& b) noexcept {
    return a.name == b.name && a.url == b.url && a.dialect == b.dialect;
  }
  Member member(const Provider& p, const Roster* before) const {
    Member m;
    for (const QuotaGroup& g : fleet_.quota_groups())
      if (g.name == p.quota_group) m.shared_limits = &g.limits;
    if (!p.quota_group.empty())
      for (std::size_t i = 0; i < members_.size(); ++i)
        if (fleet_.providers()[i].quota_group == p.quota_group) m.account = members_[i].account;
    if (before == nullptr) return m;
    for (std::size_t i = 0; i < before->members_.size(); ++i) {
      const Provider& old = before->fleet_.providers()[i];
      const Member& kept = before->members_[i];
      if (!p.quota_group.empty() && old.quota_group == p.quota_group) m.account = kept.account;
      if (!stays(p, old)) continue;
      m.was = static_cast<std::uint32_t>(i + 1);
      m.place = kept.place;
      m.limiter = kept.limiter;
      if (p.quota_group == old.quota_group) m.account = kept.account;
      m.unchanged = p.key.same_as(old.key) && p.fields == old.fields && p.key_field.name == old.key_field.name &&
                    p.key_field.prefix == old.key_field.prefix;
      // Another key begins anew, whatever attempts with the old one still find out.
      if (m.unchanged) m.standing = kept.standing;
      else if (kept.standing->why() == Standing::Why::disabled) m.standing->close(Standing::Why::disabled, never);
      if (!m.unchanged) m.standing->ordered_rest().extend(kept.standing->ordered_rest().get());  // somebody ordered both
    }
    return m;
  }

  LaneOf lane(std::uint32_t i, const Offer& offer, bool own, const Keep<PlaceOf>& place) const {
    const Member& m = members_[i];
    const Provider& p = fleet_.providers()[i];
    const bool gives = p.free.requests_per_day > 0 || p.free.tokens_per_day > 0, shares = !p.quota_group.empty();
    return {.provider = &p,
            .offer = offer,
            .index = i,
            .own_place = own,
            .place = place,
            .standing = m.standing,
            .limiter = m.limiter,
            .account = m.account,
            .shared_limits = m.shared_limits,
            .quota = {.allowance = gives ? &m.account->free : nullptr,
                      .own = &*m.limiter,
                      .shared = shares ? &m.account->limiter : nullptr,
                      .shared_limits = m.shared_limits}};
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
      if (old != nullptr && members_[i].was > 0)
        if (const LaneOf* l = lane_of(*old, members_[i].was - 1)) place = l->place;
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
          if (const LaneOf* l = lane_of(g, i); l != nullptr && l->offer.model.text() == offer->model.text())
            return lane(i, *offer, true, l->place);
        return lane(i, *offer, false, members_[i].place);
      }
    return lane(i, Offer::assumed({{}, p.model}, p), false, members_[i].place);
  }

  Fleet fleet_;
  std::vector<Member> members_;
  std::vector<TenantPlace> tenants_;
  detail::NameIndex tenants_by_name_;
  GroupOf default_, other_;
  std::vector<GroupOf> listed_;  // by name
};

}  // namespace llmroute

#endif
