// SPDX-License-Identifier: MIT
// Observer: who wants to know? Any number of them; one that throws harms no request.
//
// | expression         | result | when                                                                                   |
// |--------------------|--------|----------------------------------------------------------------------------------------|
// | `o.observe(event)` | void   | as things happen, from whichever thread runs the request; an Event's views last the call |
//
// | available | when to use                                                                                            |
// |-----------|---------------------------------------------------------------------------------------------------------|
// | `Stats`   | figures by provider and by category: success, latency, tokens, cost, savings; all time, minute, hour, day |
// | `Log`     | a line for each attempt, to a sink of your own                                                          |
// | `Off`     | a role that is to be filled and do nothing                                                              |
//
// Both are in headers of their own, policy/observer/stats.hpp and log.hpp. Not provided: formats of monitoring systems.
#ifndef LLMROUTE_POLICY_OBSERVER_HPP
#define LLMROUTE_POLICY_OBSERVER_HPP

#include <cstdint>
#include <string_view>

#include "llmroute/failure.hpp"
#include "llmroute/policy/query.hpp"

namespace llmroute {

/// A budget has passed one of its thresholds.
struct BudgetAlert {
  std::string_view budget{};  ///< by name
  double threshold = 0;       ///< 0.8: 80 % of it are spent or reserved
  Money used{};               ///< spent and reserved
  Money most{};
};

struct Event {
  enum class What : std::uint8_t {
    classified,     ///< the request is known: `query`
    sent,           ///< an attempt begins: `candidate`, `entry`
    first_content,  ///< the first content of an attempt is here
    ended,          ///< an attempt ended: `outcome`, `entry`, `usage`, `cost`
    rested,         ///< a provider is not asked `until` then, because of `outcome`
    budget,         ///< a budget refused; or, with `alert`, has passed a threshold
    finished,       ///< the request has its one outcome: `outcome`, and the attempt that decided it in `entry`
    feedback        ///< the caller judged a reply: `score`
  };
  What what{};
  std::uint64_t id = 0;          ///< of the request
  const Query* query = nullptr;  ///< null with feedback
  std::string_view provider{};
  const Candidate* candidate = nullptr;  ///< as the ranking saw it
  const Outcome* outcome = nullptr;
  const TrailEntry* entry = nullptr;  ///< with status, message, score
  const BudgetAlert* alert = nullptr;
  std::uint8_t attempt = 0;  ///< of sent and ended: its number, from 1; of finished: how many were sent
  Usage usage{};
  Cost cost{};       ///< of the attempt; of all of them when it is finished
  double score = 0;  ///< of the feedback
  Time began{};      ///< of first_content: when its attempt was sent
  Time until{};
  Time now{};
};

template <class T>
concept Observer = requires(T& t, const Event& e) { t.observe(e); };

namespace observe {
struct Off {
  void observe(const Event&) const noexcept {}
};
}  // namespace observe

}  // namespace llmroute

#endif
