// SPDX-License-Identifier: MIT
// What the attempts of a request have cost, and how well that is known.
#ifndef LLMROUTE_ROUTE_BILL_HPP
#define LLMROUTE_ROUTE_BILL_HPP

#include "llmroute/offer.hpp"
#include "llmroute/route/ended.hpp"

namespace llmroute {

/// Of one attempt. `estimate`: what it was expected to cost before it was sent.
inline Cost cost_of(const Provider& p, const Offer& offer, Money estimate, const Ended& e, const Outcome& o) noexcept {
  if (e.billed) return {*e.billed, Cost::Source::billed};
  const Price& price = offer.price;
  if (e.usage.reported) {
    if (!price.known()) return {};
    return {p.with_markup(price.of(e.usage.prompt, e.usage.completion, e.usage.cached, e.usage.cache_written)),
            Cost::Source::usage};
  }
  // An answer that refuses costs nothing, and neither does what was never sent.
  const bool refused_here = o.kind == Kind::request_invalid || o.kind == Kind::unsupported;
  const bool sent = o.kind != Kind::not_sent && (!refused_here || e.status != 0);
  if (o.failed() && (!sent || e.status >= 300)) return {Money(), Cost::Source::usage};
  if (!price.known()) return {};
  return {estimate, price == Price::zero() ? Cost::Source::usage : Cost::Source::estimated};
}

/// A sum that is known as well as its least known part.
class Bill {
 public:
  void add(const Cost& c) noexcept {
    total_.amount += c.amount;
    if (empty_ || c.source < total_.source) total_.source = c.source;
    empty_ = false;
  }
  Cost total() const noexcept { return total_; }

 private:
  Cost total_{};
  bool empty_ = true;
};

}  // namespace llmroute

#endif
