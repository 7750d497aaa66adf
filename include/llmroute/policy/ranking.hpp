// SPDX-License-Identifier: MIT
// RankingStrategy: whom to try first? Asked again for each further attempt; those already tried are closed by then.
//
// | expression                   | result      | when                                                                    |
// |------------------------------|-------------|-------------------------------------------------------------------------|
// | `r.score(candidate, query)`  | double      | for each open candidate; the lowest goes first, ties are drawn by seed, +infinity and NaN mean "not this one" |
// | `r.pick(candidates, query)`  | std::size_t | instead: a position, or `none`. Take `const auto&` to have it inlined   |
// | `r.refuse(query)`            | std::string | optional: before anything is sent; not empty: why not                   |
// | `R::name`                    | string_view | optional: what replies call the strategy                                |
// | `r.strategy(query)`          | string_view | optional: the same, where one of several answers                        |
// | `r.takes_turn(query)`        | bool        | optional: true: `query.turn` counts this model's requests               |
// | `R::chooses_by_name`         | bool        | optional: whether it looks at `options.strategy` itself; else: if it has `strategy` |
// | `R::watches_load`            | bool        | optional: true: asked again when somebody else was sent while it chose  |
//
// A ranking that remembers something of each place has a `State` as well, which the router makes and keeps:
//
// | expression                   | result      | when                                                                    |
// |------------------------------|-------------|-------------------------------------------------------------------------|
// | `R::State`                   | type        | one a place, default-constructed, never moved                           |
// | `r.learn(state, event)`      | void        | for each attempt of the place: as it is `sent`, at its `first_content`, and when it has `ended` |
// | `r.score(candidate, query, state)` | double | instead of the one above                                               |
// | `candidates.state(i)`        | const State& | in a `pick` that takes `const auto&`                                   |
//
// | available      | when to use                                                                                     |
// |----------------|-------------------------------------------------------------------------------------------------|
// | `Priority`     | the fleet is written in the order of preference; the default                                    |
// | `Cheapest`     | money decides                                                                                   |
// | `Fastest`      | somebody waits for the answer: for its first content, or for its tokens                         |
// | `PeakEwma`     | the same, under load, and over any number of providers                                          |
// | `LeastBusy`    | providers slow down as they fill up                                                             |
// | `Headroom`     | rate limits are what ends first                                                                 |
// | `Weighted`     | the load is to be spread in given shares, or by who is reliable, costs little, or has high limits |
// | `RoundRobin`   | the load is to be spread evenly                                                                 |
// | `ByCategory`   | different tasks are for different providers; needs a classifier, or requests that say theirs    |
// | `Choice`       | the caller decides, request by request                                                          |
// | `Then`         | one figure decides, and where it makes little difference another: within 20 % of the cheapest, the fastest |
// | `Blend`        | cost, latency, quality and load matter at once, in given weights                                |
// | `Order`        | there are first choices and stand-ins: all of order 1 before any of order 2                     |
// | `Sticky`       | a session, or a long prompt that comes again, is to stay with its provider and what that has cached |
//
// Not provided: a ranking that learns who answers which task well.
#ifndef LLMROUTE_POLICY_RANKING_HPP
#define LLMROUTE_POLICY_RANKING_HPP

#include "llmroute/policy/ranking/blend.hpp"
#include "llmroute/policy/ranking/by_category.hpp"
#include "llmroute/policy/ranking/cheapest.hpp"
#include "llmroute/policy/ranking/choice.hpp"
#include "llmroute/policy/ranking/fastest.hpp"
#include "llmroute/policy/ranking/headroom.hpp"
#include "llmroute/policy/ranking/least_busy.hpp"
#include "llmroute/policy/ranking/order.hpp"
#include "llmroute/policy/ranking/peak_ewma.hpp"
#include "llmroute/policy/ranking/priority.hpp"
#include "llmroute/policy/ranking/round_robin.hpp"
#include "llmroute/policy/ranking/sticky.hpp"
#include "llmroute/policy/ranking/strategy.hpp"
#include "llmroute/policy/ranking/then.hpp"
#include "llmroute/policy/ranking/weighted.hpp"

#endif
