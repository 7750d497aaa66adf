// SPDX-License-Identifier: MIT
// What `budget::Rules` says of itself, as plain values: to read, or to print as a table with `<<`.
#ifndef LLMROUTE_POLICY_BUDGET_STATUS_HPP
#define LLMROUTE_POLICY_BUDGET_STATUS_HPP

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/money.hpp"
#include "llmroute/text_table.hpp"
#include "llmroute/time.hpp"

namespace llmroute::budget {

/// One rule, or one tenant or provider of a rule for each of them.
struct AccountStatus {
  std::string name{};  ///< of the rule
  std::string of{};    ///< whose, where the rule is for each
  Money spent{};
  Money reserved{};  ///< by attempts that are under way
  Money most{};
  std::optional<Elapsed> ends_in{};  ///< the window; of one that rolls, the first step of it in which money was spent

  Money left() const noexcept { return most > spent + reserved ? most - spent - reserved : Money(); }
};

struct RulesStatus {
  std::string problem{};  ///< why everything is refused; empty: nothing is wrong
  std::vector<AccountStatus> accounts{};

  /// As `<<` prints it.
  std::string text() const {
    if (!problem.empty()) return "refuses everything: " + printable(problem, 1'000) + '\n';
    Table t(Table::Align::right);
    t.row({"budget", "spent", "reserved", "left", "of", "ends in"});
    for (const AccountStatus& a : accounts)
      t.row({a.of.empty() ? a.name : a.name + " (" + a.of + ')', '$' + a.spent.text(), '$' + a.reserved.text(),
             '$' + a.left().text(), '$' + a.most.text(), a.ends_in ? a.ends_in->text() : "-"});
    return t.text();
  }
  template <class Stream>
    requires requires(Stream& s) { s << std::string_view{}; }
  friend Stream& operator<<(Stream& out, const RulesStatus& s) {
    out << std::string_view(s.text());
    return out;
  }

 private:
  using Table = llmroute::detail::TextTable;
};

}  // namespace llmroute::budget

#endif
