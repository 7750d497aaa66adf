// SPDX-License-Identifier: MIT
// Asks the policies what they would do with a request. Nothing is sent, counted, reserved or told to observers, and the next
// request draws the same chances as if nobody had asked.
#ifndef LLMROUTE_ROUTE_EXPLAIN_HPP
#define LLMROUTE_ROUTE_EXPLAIN_HPP

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "llmroute/config.hpp"
#include "llmroute/result.hpp"
#include "llmroute/route/account.hpp"
#include "llmroute/route/clocks.hpp"
#include "llmroute/route/explanation.hpp"
#include "llmroute/route/question.hpp"
#include "llmroute/route/selection.hpp"

namespace llmroute {

template <class Policies>
class Preview {
  using CoreOf = Core<Policies>;
  using SelectionOf = Selection<Policies>;

 public:
  Preview(const CoreOf& core, const ChatRequest& request, const Options& options)
      : core_(core), pin_(core.pin()), query_{.request = request, .options = options}, selection_(core, *pin_, query_),
        now_(core.template policy<role::Clock>().now()) {
    put(query_, core.coming_id(), Delivery::whole);
    selection_.begin();
  }

  Explanation explain() {
    Explanation e;
    guarded([&] {
      if (judged()) order(e.providers);
    });
    if (refusal_) e.providers.clear(), e.refused = refusal_->kind, e.reason = refusal_->why;
    e.category = query_.category;
    e.confidence = query_.judgement.confidence;
    e.strategy = detail::strategy_of(core_.template policy<role::Ranking>(), query_);
    e.prompt_tokens = query_.prompt_tokens();
    e.completion_tokens = query_.completion_tokens;
    return e;
  }

  Result<Prospect> select() {
    std::optional<Prospect> first;
    guarded([&] {
      if (judged()) first = chosen();
    });
    if (first && !refusal_) return std::move(*first);
    Failure f;
    f.id = query_.id;
    guarded([&] {
      f.kind = refusal_ ? refusal_->kind : selection_.kind_of_nobody(now_);
      if (!refusal_ && f.kind == Kind::rate_limited) refusal_ = Refusal{f.kind, selection_.why_rate_limited(now_)};
      const Time t = selection_.soonest(now_);
      if (t != never && t > now_) f.retry_after = t - now_;
      const auto why_not = [&](const Provider& p) { return selection_.why_not(p, now_); };
      f.message = account_of(f, refusal_ ? refusal_->why : std::string(), pin_->fleet().providers(), why_not);
    });
    if (refusal_) f.kind = refusal_->kind;
    return f;
  }

 private:
  template <class F>
  void guarded(F&& f) {
#if LLMROUTE_EXCEPTIONS
    try {
      f();
    } catch (...) {
      refusal_ = Refusal{Kind::policy_failed, "a policy threw an exception"};
    }
#else
    f();
#endif
  }

  bool judged() {
    refusal_ = refused_at_sight(core_, pin_->fleet(), query_, selection_.tenant());
    if (!refusal_ && deadline_of(query_.options.timeouts, pin_->fleet().timeouts()) <= Duration::zero())
      refusal_ = Refusal{Kind::deadline_exceeded, "there is no time left"};
    if (refusal_) return false;
    judge(core_, query_);
    refusal_ = refused_by_ranking(core_, query_);
    query_.turn = selection_.turns().taken.load(std::memory_order_relaxed);
    return !refusal_;
  }

  // Each is what the ranking would want if all before it had failed.
  void order(std::vector<Prospect>& all) {
    bool last_resort = false;
    while (query_.attempt < attempts_of(query_.options) && !last_resort) {
      const auto next = chosen();
      if (!next) break;
      all.push_back(*next);
      ++query_.attempt;
      last_resort = next->last_resort;
    }
    const Closed why = selection_.choose(now_).at == none ? Closed::unwanted : Closed::no_attempt_left;
    query_.attempt = 0;
    std::size_t at = 0;  // lanes are in the fleet's order
    for (const Provider& p : pin_->fleet().providers()) {
      if (at == selection_.size() || selection_.lane(at).provider != &p)
        all.push_back(Prospect{.provider = std::string_view(p.name), .why = Closed::not_carried});
      else if (const std::size_t i = at++; !selection_.was_asked(selection_.lane(i))) all.push_back(closed(i, why));
    }
  }
  std::optional<Prospect> chosen() {
    detail::Chosen choice = selection_.choose(now_);
    const bool last_resort = choice.at == none && query_.attempt == 0;
    if (last_resort) choice = selection_.least_ill(now_);
    if (choice.at == none) return std::nullopt;
    Prospect p = prospect(choice.at);
    p.score = choice.score;
    p.last_resort = last_resort;
    if (last_resort) p.why = selection_.why_not(choice.at, now_);
    selection_.take(choice.at);
    selection_.asked(selection_.lane(choice.at));
    return p;
  }
  Prospect closed(std::size_t at, Closed otherwise) const {
    Prospect p = prospect(at);
    p.why = selection_.why_not(at, now_);
    if (p.why == Closed::open) p.why = otherwise;
    return p;
  }
  Prospect prospect(std::size_t at) const {
    const auto& lane = selection_.lane(at);
    const Offer offer = selection_.offer(lane);
    const Candidate c = selection_.candidate(lane, offer, now_);
    Prospect p{.provider = std::string_view(c.provider.name), .model = offer.model.text()};
    if (c.price_known() || c.is_free()) p.estimate = {c.estimate(), Cost::Source::estimated};
    p.latency = c.provider.expected_latency;
    if (const float ms = c.health.latency_ms(); ms > 0)
      p.latency = std::chrono::duration_cast<Duration>(std::chrono::duration<float, std::milli>(ms));
    Time until = selection_.back_at(lane, now_);
    if (until == never) until = selection_.rest_until(lane, now_);  // what is closed for good may rest as well
    if (until > now_ && until != never) p.rests = until - now_;
    return p;
  }

  const CoreOf& core_;
  typename Snapshot<typename CoreOf::Places>::Pin pin_;
  Query query_;
  SelectionOf selection_;
  Time now_;
  std::optional<Refusal> refusal_{};
};

}  // namespace llmroute

#endif
