// SPDX-License-Identifier: MIT
// What would happen to a request: plain values that a program reads and a person prints. `router.explain(request)` makes one.
#ifndef LLMROUTE_ROUTE_EXPLANATION_HPP
#define LLMROUTE_ROUTE_EXPLANATION_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/failure.hpp"
#include "llmroute/money.hpp"
#include "llmroute/route/closed.hpp"
#include "llmroute/text_table.hpp"
#include "llmroute/time.hpp"

namespace llmroute {

/// One provider as a request would meet it.
struct Prospect {
  ProviderName provider{};
  std::string model{};  ///< what it would be asked for; empty: the field is left out
  Closed why = Closed::open;
  bool last_resort = false;  ///< it rests like everybody, and would be asked all the same
  Cost estimate{};           ///< zero while something is left of its free allowance
  Elapsed latency{};         ///< measured, else expected; zero: neither
  double score = 0;          ///< the ranking's; 0 from one that picks
  Elapsed rests{};           ///< so much longer; zero: not at all, or nobody knows

  bool asked() const noexcept { return why == Closed::open || last_resort; }
  /// Why it is out, and for how much longer; empty: nothing is to be said.
  std::string reason() const {
    std::string text = last_resort ? "everybody rests: asked early" : asked() ? "" : std::string(to_string(why));
    if (rests > Duration::zero()) text += " (" + rests.text() + " left)";
    return text;
  }
};

struct Explanation {
  std::string category{};
  float confidence = 0;  ///< the classifier's
  std::string strategy{};
  std::int64_t prompt_tokens = 0, completion_tokens = 0;  ///< estimated
  std::optional<Kind> refused{};                          ///< the request would end with this before anybody is asked
  std::string reason{};                                   ///< why
  std::vector<Prospect> providers{};                      ///< those that would be asked, in order; then the others

  /// How many would be asked, if each one before failed.
  std::size_t open() const noexcept {
    std::size_t n = 0;
    for (const Prospect& p : providers) n += p.asked();
    return n;
  }

  std::string text() const {
    std::string head = "category " + (category.empty() ? "none" : printable(category, 100)) + ", strategy " +
                       (strategy.empty() ? "unnamed" : printable(strategy, 100)) + ", about " + std::to_string(prompt_tokens) +
                       " + " + std::to_string(completion_tokens) + " tokens\n";
    if (refused) return head + "refused: " + std::string(to_string(*refused)) + ", " + printable(reason, 1'000) + '\n';
    detail::TextTable table;
    int place = 0;
    for (const Prospect& p : providers) {
      table.row({p.asked() ? std::to_string(++place) + "." : "-", p.provider, p.model,
                 p.estimate.known() ? "$" + p.estimate.amount.text() : "$?",
                 p.latency > Duration::zero() ? p.latency.text() : "", p.reason()});
    }
    return head + table.text();
  }
  template <class Stream>
    requires requires(Stream& s) { s << std::string_view{}; }
  friend Stream& operator<<(Stream& out, const Explanation& e) {
    out << std::string_view(e.text());
    return out;
  }
};

}  // namespace llmroute

#endif
