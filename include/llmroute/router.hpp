// SPDX-License-Identifier: MIT
// Router: what an application holds. Made of a Fleet and a bag of policies, in any order.
//
//     Router router{Fleet{providers::groq(), providers::together()}, transport::from(my_client), ranking::Cheapest{}};
//     Result<Reply> reply = router.complete("Explain gradient descent in two sentences.");
//
// It may be used from many threads at once, and neither moves nor copies: a class holds one, or a RouterRef to one.
#ifndef LLMROUTE_ROUTER_HPP
#define LLMROUTE_ROUTER_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// First, so that compilers say what is wrong with a bag before they list who includes whom.
#include "llmroute/route/bag_diagnosis.hpp"

#include "llmroute/drive/blocking.hpp"
#include "llmroute/drive/callback.hpp"
#include "llmroute/drive/health_poll.hpp"
#include "llmroute/fleet.hpp"
#include "llmroute/route/bag.hpp"
#include "llmroute/route/comparison.hpp"
#include "llmroute/route/explain.hpp"
#include "llmroute/route/status.hpp"

namespace llmroute {
namespace detail {

template <class... Ps>
class RouterOf {
  using Policies = Bag<Ps...>;
  using T = typename Core<Policies>::template Policy<role::Transport>;

 public:
  template <class... A>
  explicit RouterOf(Fleet fleet, A&&... policies) : core_(std::move(fleet), static_cast<A&&>(policies)...) {}

  /// Asks, and blocks until there is a reply or nobody is left to ask. `stopped` is asked now and then; true: the caller wants out.
  Result<Reply> complete(const ChatRequest& request, const Options& options = {}, Stopped stopped = {}) {
    return run(request, options, Delivery::whole, {}, stopped);
  }
  Result<Reply> complete(std::string_view prompt, const Options& options = {}, Stopped stopped = {}) {
    return complete(ChatRequest{.messages = prompt}, options, stopped);
  }

  template <Conversation C>
  Result<Reply> complete(const C& turns, const Options& options = {}, Stopped stopped = {}) {
    return complete(ChatRequest{.messages = turns}, options, stopped);
  }

  /// The same, and hands the reply on piece by piece as it is made. The callback may return false to stop.
  Result<Reply> stream(const ChatRequest& request, OnDelta on_delta, const Options& options = {}, Stopped stopped = {}) {
    return run(request, options, Delivery::stream, on_delta, stopped);
  }
  Result<Reply> stream(std::string_view prompt, OnDelta on_delta, const Options& options = {}, Stopped stopped = {}) {
    return stream(ChatRequest{.messages = prompt}, on_delta, options, stopped);
  }
  template <Conversation C>
  Result<Reply> stream(const C& turns, OnDelta on_delta, const Options& options = {}, Stopped stopped = {}) {
    return stream(ChatRequest{.messages = turns}, on_delta, options, stopped);
  }

  /// Begins a request over an AsyncTransport: `on_done(Result<Reply>)` is called once, on its loop. Keep what is returned until
  /// then; destroying it earlier cancels. The router outlives it. Not from inside an `on_delta`: a sink starts nothing.
  template <class OnDone>
  [[nodiscard]] auto start(ChatRequest request, OnDone on_done, Options options = {}) {
    const auto ignore = [](const Delta&) { return true; };
    return begin(std::move(request), std::move(options), Delivery::whole, ignore, std::move(on_done));
  }
  template <class OnDone>
  [[nodiscard]] auto start(std::string_view prompt, OnDone on_done, Options options = {}) {
    return start(ChatRequest{.messages = prompt}, std::move(on_done), std::move(options));
  }
  template <class OnDeltaOf, class OnDone>
  [[nodiscard]] auto start_stream(std::string_view prompt, OnDeltaOf on_delta, OnDone on_done, Options options = {}) {
    return start_stream(ChatRequest{.messages = prompt}, std::move(on_delta), std::move(on_done), std::move(options));
  }
  template <class OnDeltaOf, class OnDone>
  [[nodiscard]] auto start_stream(ChatRequest request, OnDeltaOf on_delta, OnDone on_done, Options options = {}) {
    return begin(std::move(request), std::move(options), Delivery::stream, std::move(on_delta), std::move(on_done));
  }

  /// What would happen to a request: the category, who would be asked in which order, why the others would not, and what each
  /// would cost. Sends, counts and reserves nothing, and takes no half-open circuit's probe.
  Explanation explain(const ChatRequest& request, const Options& options = {}) const {
    return Preview<Policies>(core_, request, options).explain();
  }
  Explanation explain(std::string_view prompt, const Options& options = {}) const {
    return explain(ChatRequest{.messages = prompt}, options);
  }
  template <Conversation C>
  Explanation explain(const C& turns, const Options& options = {}) const {
    return explain(ChatRequest{.messages = turns}, options);
  }
  /// Whom the next such request would go to, for callers that send it themselves.
  Result<Prospect> select(const ChatRequest& request, const Options& options = {}) const {
    return Preview<Policies>(core_, request, options).select();
  }
  Result<Prospect> select(std::string_view prompt, const Options& options = {}) const {
    return select(ChatRequest{.messages = prompt}, options);
  }
  template <Conversation C>
  Result<Prospect> select(const C& turns, const Options& options = {}) const {
    return select(ChatRequest{.messages = turns}, options);
  }
  /// How each provider is: well or resting and why, until when, its measures and its last failure.
  FleetStatus status() const { return status_of(core_); }

  /// Asks the providers of which nothing was heard for a while how they are (`Fleet::health_checks`), one after another, and
  /// blocks meanwhile. Returns when to call again, for a timer of the caller's; `never`: there is nothing to check.
  Time poll(Time now) {
    static_assert(Transport<T> || Runnable<T>, "llmroute: poll() blocks, and this AsyncTransport has no `run_until(done)`");
    return drive::health_poll(core_, now, [this](const ChatRequest& request, const Options& options) {
      static_cast<void>(complete(request, options));
    });
  }
  Time poll() { return poll(now()); }

  /// Asks every provider that the options allow, one after another, and blocks until all have answered. Each is asked once.
  Comparison compare(const ChatRequest& request, const Options& options = {}, Stopped stopped = {}) {
    Comparison all;
    for (const std::string& name : allowed(options)) {
      Options one = options;
      one.allow = {name};
      one.attempts = 1;
      all.rows.push_back({.provider = std::string_view(name), .reply = complete(request, one, stopped)});
      if (Comparison::Row& row = all.rows.back(); !row.reply) row.failure = failure_of(name, row.reply.error(), request, one);
    }
    if (all.rows.empty()) all.problem = nobody_to_compare();
    return all;
  }
  Comparison compare(std::string_view prompt, const Options& options = {}, Stopped stopped = {}) {
    return compare(ChatRequest{.messages = prompt}, options, stopped);
  }
  template <Conversation C>
  Comparison compare(const C& turns, const Options& options = {}, Stopped stopped = {}) {
    return compare(ChatRequest{.messages = turns}, options, stopped);
  }

  /// Puts another fleet in place of this one; requests in flight keep theirs, and what was learned of a provider that stays (the
  /// same name, URL and dialect) is kept. An unsound fleet is refused and changes nothing.
  Result<void> replace(Fleet fleet) { return core_.replace(std::move(fleet)); }
  /// Whether the fleet is sound; while it is not, every request is answered with this.
  Result<void>(check)() const {
    const auto places = core_.pin();
    return (places->fleet().check)();
  }
  /// Takes a provider out, or back in whatever took it out. False: the fleet has none of that name.
  bool disable(std::string_view provider) { return set_standing(provider, Standing::Why::disabled); }
  bool enable(std::string_view provider) { return set_standing(provider, Standing::Why::open); }
  /// Nobody asks it for so long, whatever it does; a longer rest stays. False: likewise.
  bool rest(std::string_view provider, Duration how_long) {
    const Time until = later(now(), how_long);
    return each_lane_of(provider, [&](const auto& lane) { lane.standing->ordered_rest().extend(until); });
  }
  /// Ends every rest of it, also one that it asked for, which all providers of its quota group keep. False: likewise.
  bool release(std::string_view provider) {
    const auto& cooldown = core_.template policy<role::Cooldown>();
    return each_lane_of(provider, [&](const auto& lane) {
      lane.standing->ordered_rest().reset();
      lane.place->asked_rest.reset();
      lane.account->reset();
      if constexpr (Releases<std::remove_cvref_t<decltype(cooldown)>>) cooldown.release(lane.place->state, now());
    });
  }

  /// What the caller thinks of a reply, for policies that learn: `reply.id`, and a score between 0 and 1.
  void feedback(std::uint64_t id, double score) {
    const Event e{.what = Event::What::feedback, .id = id, .score = score, .now = now()};
    core_.tell(e);
  }

  /// The policy of that type inside the router.
  template <class P>
  auto& policy() noexcept {
    return core_.policies().template policy<P>();
  }
  /// From now on the same requests draw the same chances.
  void seed(std::uint64_t s) noexcept { core_.seed(s); }
  Core<Policies>& core() noexcept { return core_; }

 private:
  Result<Reply> run(const ChatRequest& request, const Options& options, Delivery delivery, OnDelta on_delta, Stopped stopped) {
    // Only a transport that runs two calls at once can hedge, so one that can do both is driven that way where a Hedge wants it.
    constexpr bool hedges = !std::is_same_v<typename Core<Policies>::template Policy<role::Hedge>, hedge::Off>;
    if constexpr (Transport<T> && !(hedges && Runnable<T>)) {
      return drive::blocking(core_, request, options, delivery, on_delta, stopped);
    } else {
      static_assert(Runnable<T>,
                    "llmroute: complete() and stream() block, and this AsyncTransport has no `run_until(done)` to drive "
                    "its loop meanwhile: use start(), or give it one");
      return run_until_done(request, options, delivery, on_delta, stopped);
    }
  }
  Result<Reply> run_until_done(const ChatRequest& request, const Options& options, Delivery delivery, OnDelta on_delta,
                               Stopped stopped) {
    drive::Caller caller(on_delta, stopped);
    std::optional<Result<Reply>> result;
    auto pending = begin(
        request, options, delivery, [&](const Delta& d) { return caller.takes(d); },
        [&](Result<Reply> r) { result.emplace(std::move(r)); });
    core_.template policy<role::Transport>().run_until([&] {
      if (!result && caller.wants_out()) pending.cancel();
      return result.has_value();
    });
    if (!result) pending.cancel();  // the loop has ended with nothing left that could happen
    caller.rethrow();
    return std::move(*result);
  }
  template <class OnDeltaOf, class OnDone>
  auto begin(ChatRequest request, Options options, Delivery delivery, OnDeltaOf on_delta, OnDone on_done) {
    if constexpr (AsyncTransport<T>) {
      return drive::Pending<Policies, OnDone, OnDeltaOf>(core_, std::move(request), std::move(options), delivery,
                                                         std::move(on_delta), std::move(on_done));
    } else {
      static_assert(AsyncTransport<T>,
                    "llmroute: start() needs an AsyncTransport (`start` and `at`), and this Transport is blocking");
      return impossible<Anything>();
    }
  }
  std::vector<std::string> allowed(const Options& options) const {
    const auto lists = [](const std::vector<std::string>& list, const std::string& name) {
      for (const std::string& one : list)
        if (one == name) return true;
      return false;
    };
    std::vector<std::string> names;
    const auto places = core_.pin();
    for (const Provider& p : places->fleet().providers())
      if ((options.allow.empty() || lists(options.allow, p.name)) && !lists(options.deny, p.name)) names.push_back(p.name);
    return names;
  }
  std::string nobody_to_compare() const {
    const Result<void> sound = (check)();
    return sound ? "the request allows none of the fleet's providers" : sound.error().message;
  }
  // The failure's own message tells of the other providers too.
  std::string failure_of(std::string_view provider, const Failure& f, const ChatRequest& request,
                         const Options& options) const {
    if (!f.trail.empty()) {
      const TrailEntry& e = f.trail[f.trail.size() - 1];
      return std::string(to_string(f.kind)) + (e.message.empty() ? "" : ", ") + detail::shortened(e.message, 60);
    }
    if (f.kind == Kind::no_candidate)
      for (const Prospect& p : explain(request, options).providers)
        if (p.provider == provider && !p.asked()) return "not asked: " + p.reason();
    return std::string(to_string(f.kind)) + ", " + detail::shortened(f.message, 60);
  }
  bool set_standing(std::string_view provider, Standing::Why why) {
    return each_lane_of(provider, [&](const auto& lane) {
      if (why != Standing::Why::open) return lane.standing->close(why, never);
      lane.standing->reopen();
      lane.place->out.store(false, std::memory_order_relaxed);
    });
  }
  // Were there any?
  template <class F>
  bool each_lane_of(std::string_view provider, F&& f) const {
    const auto places = core_.pin();
    bool found = false;
    places->each_lane([&](const auto& lane) {
      if (lane.provider->name == provider) found = true, f(lane);
    });
    return found;
  }
  Time now() const { return core_.template policy<role::Clock>().now(); }

  Core<Policies> core_;
};

}  // namespace detail

template <class... Ps>
class Router : public detail::RouterFor<detail::RouterOf, Ps...>::type {
  using Base = typename detail::RouterFor<detail::RouterOf, Ps...>::type;

 public:
  template <class F, class... A>
    requires(!std::is_base_of_v<Router, std::remove_cvref_t<F>>)
  explicit Router(F&& fleet, A&&... policies) : Base(static_cast<F&&>(fleet), static_cast<A&&>(policies)...) {
    static_cast<void>(sizeof(detail::Arguments<Router, A...>));  // one sentence where an argument does not become its policy
  }
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;
};

template <class F, class... A>
  requires std::is_same_v<std::remove_cvref_t<F>, Fleet>
Router(F&&, A&&...) -> Router<std::decay_t<A>...>;
template <class F, class... A>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Fleet>)
Router(F&&, A&&...) -> Router<detail::NoFleet<std::remove_cvref_t<F>>>;

}  // namespace llmroute

#endif
