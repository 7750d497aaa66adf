// SPDX-License-Identifier: MIT
// Everybody was asked once, rests, has no room, or cannot: is it worth waiting for room, or for another round?
#ifndef LLMROUTE_ROUTE_ROUNDS_HPP
#define LLMROUTE_ROUTE_ROUNDS_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <type_traits>

#include "llmroute/policy/retry.hpp"
#include "llmroute/route/race.hpp"
#include "llmroute/route/selection.hpp"
#include "llmroute/route/waiting.hpp"

namespace llmroute {

/// Of one request. All is borrowed.
template <class Policies>
class Rounds {
  using CoreOf = Core<Policies>;
  using SelectionOf = Selection<Policies>;

 public:
  Rounds(CoreOf& core, const Query& query, SelectionOf& selection, Race& race) noexcept
      : core_(core), query_(query), selection_(selection), race_(race) {
    selection_.stand_at(ticket_);
  }
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  void failed(const Outcome& o) noexcept {
    if (!last_ || may_pass(o) || !may_pass(*last_)) last_ = o;
  }
  /// Somebody was asked.
  void launched() noexcept {
    ticket_.leave();
    round_at_.reset();
  }
  /// The request is over.
  void leave() noexcept { ticket_.leave(); }

  /// There is somebody well, who only has no room, and the request may wait.
  bool waits_for_slot(Time now) const {
    return may_wait() && leaves_time(selection_.worth_waiting_until(now, SelectionOf::Waits::for_room_alone));
  }
  /// Nobody can be asked now. True: it goes on later.
  bool goes_on(Time now) {
    const Time round = next_round(now);
    if (may_wait() && round > now && wait_for_room(now, round)) return true;
    ticket_.leave();
    if (round == never) return false;
    selection_.new_round();
    round_at_.reset();
    race_.pause(round > now ? round : later(now, Duration(1)));
    return true;
  }

 private:
  static bool may_pass(const Outcome& o) noexcept {
    return about(o.kind).onward == Onward::next || o.should_retry.value_or(false);
  }
  bool may_wait() const noexcept { return query_.options.when_full == WhenFull::wait; }

  // When everybody may be asked once more; `never`: not again. Found out once a round, whoever is waited for meanwhile.
  Time next_round(Time now) {
    if (!last_ || !selection_.round_has_begun()) return never;
    if (!round_at_) {
      round_at_ = never;
      if (const auto pause = another_round()) {
        const Time rested = selection_.next_round_at(now), again = later(now, *pause);
        const Time begin = rested > again ? rested : again;
        if (leaves_time(begin) && begin - now <= patience()) round_at_ = begin;
      }
    }
    return *round_at_;
  }
  std::optional<Duration> another_round() const {
    const auto pause = core_.template policy<role::Retry>().retry_after(*last_, query_);
    for (const auto& [kind, times] : query_.options.retries)
      if (kind == last_->kind && times > 0) return pause.value_or(Duration::zero());
    return pause;
  }
  bool wait_for_room(Time now, Time at_most) {
    const Time at = selection_.worth_waiting_until(now);
    // What frees a slot is not always time: somebody gives it back, or ends a rest by hand.
    constexpr Duration soon = std::chrono::milliseconds(20), longest = std::chrono::seconds(1);
    const Time until = at > now ? at : later(now, soon);
    if (at == never || !leaves_time(until)) return false;
    // Of more it holds its place with the first: "whatever there is" would keep others from what it cannot use.
    std::array<Waiting::Key, Waiting::most_keys> keys{};
    std::size_t n = 0;
    selection_.each_full(now, [&](Waiting::Key key) {
      if (n < keys.size()) keys[n++] = key;
    });
    ticket_.wait_for(core_.waiting(), query_.options.priority, race_.deadline(), {keys.data(), n});
    race_.pause(sooner(sooner(until, later(now, longest)), at_most));
    return true;
  }
  bool leaves_time(Time begin) const noexcept {
    return begin < race_.deadline() && race_.deadline() - begin >= race_.least_time();
  }
  // The longest wait before another round.
  Duration patience() const {
    const auto& policy = core_.template policy<role::Retry>();
    if constexpr (Patient<std::remove_cvref_t<decltype(policy)>>) return policy.patience;
    else return endless;
  }

  CoreOf& core_;
  const Query& query_;
  SelectionOf& selection_;
  Race& race_;
  Waiting::Ticket ticket_{};
  std::optional<Outcome> last_{};   // the last failure that may pass, else the last
  std::optional<Time> round_at_{};  // of the next round
};

}  // namespace llmroute

#endif
