// SPDX-License-Identifier: MIT
// Who runs, until when, and who has won: the part of an exchange that knows time and attempts, and no policy.
#ifndef LLMROUTE_ROUTE_RACE_HPP
#define LLMROUTE_ROUTE_RACE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "llmroute/chat.hpp"  // Delivery
#include "llmroute/failure.hpp"
#include "llmroute/http.hpp"
#include "llmroute/text.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

/// An attempt's place in the trail. Never used again: what comes late is inert.
struct AttemptId {
  std::uint8_t n = 255;
  constexpr explicit operator bool() const noexcept { return n != 255; }
  friend constexpr bool operator==(AttemptId, AttemptId) noexcept = default;
};

/// What a driver does next.
struct Step {
  enum class Do : std::uint8_t {
    send,    ///< begin a call for `attempt`
    cancel,  ///< stop the call of `attempt`: it is settled already
    wait,    ///< until `until`, or until something is heard
    finish   ///< the outcome is there
  };
  Do what{};
  AttemptId attempt{};
  Time until = never;
};

/// How long one attempt may take, and be silent.
struct AttemptLimits {
  Duration connect{};
  Duration answer{};                ///< to the first content of a stream, or to the end of a whole reply
  Duration idle{};                  ///< between bytes, once there were any
  Duration content_idle = endless;  ///< between content, likewise
};

/// A limit that ends at a time holds for all of that nanosecond: what arrives then has arrived.
class Race {
 public:
  enum class Want : std::uint8_t { pick, cancel, wait, finish };
  struct Turn {
    Want want{};
    AttemptId attempt{};
    Time until = never;
    bool hedge = false;
  };

  Race(Duration deadline, int attempts, Delivery delivery, Time now) noexcept
      : begun_(now), deadline_(later(now, deadline)), most_(static_cast<std::uint8_t>(attempts < 1   ? 1
                                                                                      : attempts > 8 ? 8
                                                                                                     : attempts)),
        delivery_(delivery) {}

  /// What must happen next. Asked until it says wait or finish.
  Turn advance(Time now) noexcept {
    if (!decided_ && cancelled_) decide(Kind::cancelled);
    for (std::uint8_t i = 0; i < trail_.count && !decided_; ++i) expire(i, now);
    if (!decided_ && !committed_ && now > deadline_) decide(Kind::deadline_exceeded);
    for (std::uint8_t i = 0; i < trail_.count; ++i) {
      if (decided_ && runs_[i].live) close(i, now, ending_of_the_rest(), decided_kind_, Onward::next, true);
      if (runs_[i].to_cancel) {
        runs_[i].to_cancel = false;
        return {Want::cancel, {i}};
      }
    }
    if (decided_) return {Want::finish};
    if (committed_) return {Want::wait, {}, next_due()};
    const int live = running();
    if (live == 0) {
      if (trail_.count >= most_) return decide(last_.value_or(Kind::no_candidate)), Turn{Want::finish};
      if (now < not_before_) return {Want::wait, {}, not_before_ < deadline_ ? not_before_ : after(deadline_)};
      return {Want::pick};
    }
    if (live == 1 && now >= hedge_at_) {
      hedge_at_ = never;
      if (trail_.count < most_ && deadline_ - now >= least_time()) return {Want::pick, {}, never, true};
    }
    return {Want::wait, {}, next_due()};
  }

  static_assert(max_attempts == 8);

  /// No attempt starts with less than that left: a second, or half of a deadline that is shorter than two.
  Duration least_time() const noexcept {
    return longer(Duration(1), shorter(std::chrono::seconds(1), (deadline_ - begun_) / 2));
  }
  /// What may have been worked on is not asked again.
  void never_twice() noexcept { after_time_out_ = Onward::stop; }

  AttemptId launched(std::string_view who, double score, const AttemptLimits& limits, std::optional<Duration> hedge_after,
                     bool hedge, Time now) noexcept {
    const AttemptId id{trail_.count++};
    TrailEntry& e = trail_.entries[id.n];
    e.provider = who;
    e.score = score;
    e.hedge = hedge;
    e.started = now - begun_;
    Run& r = runs_[id.n];
    r.live = true;
    r.started = now;
    r.limits = limits;
    r.due = later(now, limits.answer);
    if (!hedge && hedge_after) hedge_at_ = later(now, *hedge_after);
    return id;
  }

  /// Nobody is asked before then.
  void pause(Time until) noexcept { not_before_ = until; }
  /// The outcome is this, whoever still runs.
  void decide(Kind kind) noexcept {
    if (decided_) return;
    decided_ = true;
    decided_kind_ = kind;
  }
  /// Nobody can be asked: the outcome is the last failure, or this where there was none.
  void give_up(Kind kind) noexcept { decide(last_.value_or(kind)); }
  void cancel() noexcept { cancelled_ = true; }
  void note(AttemptId id, int status, std::string_view message, std::string_view altered = {}) noexcept {
    TrailEntry& e = trail_.entries[id.n];
    e.status = status;
    e.message = message;
    if (!altered.empty()) e.altered = altered;
  }

  void heard(AttemptId id, Time now) noexcept {
    if (over(id, now)) return;  // what comes too late brings nothing back
    Run& r = runs_[id.n];
    r.idle_due = later(now, r.limits.idle);
  }
  /// Content is here. True: it is the caller's. False: drop it and stop.
  bool content(AttemptId id, Time now) noexcept {
    if (over(id, now)) return false;
    heard(id, now);
    Run& r = runs_[id.n];
    r.due = later(now, r.limits.content_idle);
    if (!committed_) {
      committed_ = id;
      hedge_at_ = never;
      for (std::uint8_t i = 0; i < trail_.count; ++i)
        if (i != id.n && runs_[i].live) close(i, now, Ending::lost, {}, Onward::next, true);
    }
    return committed_ == id;
  }
  /// The call of a live attempt is over. A stop has no meaning of its own: this side asked for it, and knows why.
  void ended(AttemptId id, bool ok, Kind kind, Onward onward, Time now) noexcept {
    if (decided_) return close(id.n, now, ending_of_the_rest(), decided_kind_, Onward::next, false);
    if (ok) {
      close(id.n, now, Ending::won, {}, onward, false);
      decided_ = true;
      winner_ = id;
      return;
    }
    if (cancelled_) return close(id.n, now, Ending::cancelled, Kind::cancelled, onward, false);
    const bool stopped = kind == Kind::cancelled || kind == Kind::timed_out;
    if (committed_ == id) return close(id.n, now, Ending::failed, Kind::stream_broken, Onward::stop, false);
    if (stopped && now >= deadline_ && own_end(id.n) >= deadline_)
      return close(id.n, now, Ending::cut, Kind::deadline_exceeded, onward, false);
    close(id.n, now, Ending::failed, stopped ? Kind::timed_out : kind, stopped ? after_time_out_ : onward, false);
  }

  bool live(AttemptId id) const noexcept { return id.n < trail_.count && runs_[id.n].live; }
  /// For transports that block: is this attempt's time up, or is it no longer wanted?
  bool over(AttemptId id, Time now) const noexcept {
    if (!live(id) || decided_ || cancelled_ || (!committed_ && now > deadline_)) return true;
    return now > own_end(id.n);
  }
  http::Limits limits(AttemptId id, Time now) const noexcept {
    const Run& r = runs_[id.n];
    const auto at_least_some = [](Duration d) { return longer(d, Duration(1)); };  // there, zero would mean: none
    const Duration left = deadline_ - now, answer = at_least_some(shorter(r.due - now, left));
    const Duration connect = at_least_some(shorter(r.limits.connect, left)), idle = at_least_some(r.limits.idle);
    return {connect, answer, idle, delivery_ == Delivery::stream ? Duration::zero() : answer};
  }

  int running() const noexcept {
    int n = 0;
    for (std::uint8_t i = 0; i < trail_.count; ++i) n += runs_[i].live;
    return n;
  }
  const Trail& trail() const noexcept { return trail_; }
  AttemptId winner() const noexcept { return winner_; }
  AttemptId committed() const noexcept { return committed_; }
  bool decided() const noexcept { return decided_; }
  std::optional<Kind> failure() const noexcept { return winner_ ? std::nullopt : std::optional<Kind>(decided_kind_); }
  std::optional<Kind> last_failure() const noexcept { return last_; }
  Time begun() const noexcept { return begun_; }
  Time deadline() const noexcept { return deadline_; }

 private:
  struct Run {
    bool live = false;
    bool to_cancel = false;
    Time started{};
    Time due = never;  // of the answer, later of the next content
    Time idle_due = never;
    AttemptLimits limits{};
  };

  static Time after(Time t) noexcept { return later(t, Duration(1)); }

  Ending ending_of_the_rest() const noexcept {
    if (winner_) return Ending::lost;
    if (cancelled_ || decided_kind_ == Kind::policy_failed) return Ending::cancelled;
    return decided_kind_ == Kind::deadline_exceeded ? Ending::cut : Ending::lost;
  }
  void close(std::uint8_t i, Time now, Ending ending, Kind kind, Onward onward, bool to_cancel) noexcept {
    Run& r = runs_[i];
    r.live = false;
    r.to_cancel = to_cancel;
    TrailEntry& e = trail_.entries[i];
    e.ending = ending;
    e.kind = kind;
    e.took = now - r.started;
    if (ending == Ending::cut) last_ = Kind::deadline_exceeded;
    if (ending != Ending::failed) return;
    last_ = kind;
    if (onward == Onward::stop) decide(kind);
    else if (running() == 0) hedge_at_ = never;  // the next one is asked anyway
  }
  Time own_end(std::uint8_t i) const noexcept { return sooner(runs_[i].due, runs_[i].idle_due); }
  void expire(std::uint8_t i, Time now) noexcept {
    if (!runs_[i].live || now <= own_end(i)) return;
    const bool broken = committed_.n == i;
    if (!broken && own_end(i) >= deadline_) return;  // the deadline came first
    close(i, now, Ending::failed, broken ? Kind::stream_broken : Kind::timed_out, broken ? Onward::stop : after_time_out_,
          true);
  }
  Time next_due() const noexcept {
    Time due = committed_ ? never : deadline_;
    for (std::uint8_t i = 0; i < trail_.count; ++i)
      if (runs_[i].live) due = sooner(due, own_end(i));
    return sooner(after(due), hedge_at_);
  }

  Trail trail_{};
  std::array<Run, max_attempts> runs_{};
  Time begun_, deadline_, hedge_at_ = never, not_before_ = long_ago;
  std::optional<Kind> last_{};
  Kind decided_kind_ = Kind::no_candidate;
  AttemptId committed_{}, winner_{};
  Onward after_time_out_ = Onward::next;
  std::uint8_t most_;
  bool decided_ = false, cancelled_ = false;
  Delivery delivery_;
};

}  // namespace llmroute

#endif
