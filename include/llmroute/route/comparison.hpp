// SPDX-License-Identifier: MIT
// The same request answered by each provider, side by side. `router.compare(request)` makes it.
#ifndef LLMROUTE_ROUTE_COMPARISON_HPP
#define LLMROUTE_ROUTE_COMPARISON_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/chat.hpp"
#include "llmroute/result.hpp"
#include "llmroute/text_table.hpp"

namespace llmroute {

struct Comparison {
  struct Row {
    ProviderName provider{};
    Result<Reply> reply;
    /// Why it gave no answer, in one line; empty: it gave one.
    std::string failure{};
  };
  std::vector<Row> rows{};
  std::string problem{};  ///< why nobody was asked at all; empty: somebody was

  const Row* begin() const noexcept { return rows.data(); }
  const Row* end() const noexcept { return rows.data() + rows.size(); }

  std::string text() const {
    if (!problem.empty()) return "nobody is asked: " + printable(problem, 1'000) + '\n';
    detail::TextTable table;
    table.row({"provider", "latency", "cost", "answer"});
    for (const Row& r : rows) {
      if (!r.reply) table.row({r.provider, "FAILED", "-", r.failure});
      else
        table.row({r.provider, r.reply->latency.text(), r.reply->cost.known() ? "$" + r.reply->cost.amount.text() : "unknown",
                   detail::shortened(r.reply->text.empty() ? r.reply->refusal : r.reply->text, 35)});
    }
    return table.text();
  }
  template <class Stream>
    requires requires(Stream& s) { s << std::string_view{}; }
  friend Stream& operator<<(Stream& out, const Comparison& c) {
    out << std::string_view(c.text());
    return out;
  }
};

}  // namespace llmroute

#endif
