// SPDX-License-Identifier: MIT
// One rule of `budget::Rules`: how much money, for how long, and for whom.
//
// | member                             | the rule counts attempts                                               |
// |------------------------------------|------------------------------------------------------------------------|
// | none of those below                | all                                                                    |
// | `.provider = "groq"`               | at that provider                                                       |
// | `.tenant = "acme"`                 | of requests of that tenant                                             |
// | `.tag = "paid"`                    | at providers that carry the tag                                        |
// | `.asked_tag = "batch"`             | of requests that ask for the tag, in `any_tag` or `all_tags`           |
// | `.each = budget::Each::tenant`     | of each tenant by itself, against a `most` of its own                  |
// | `.each = budget::Each::provider`   | at each provider by itself, likewise                                   |
//
// Several of them together mean all of them.
#ifndef LLMROUTE_POLICY_BUDGET_RULE_HPP
#define LLMROUTE_POLICY_BUDGET_RULE_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/money.hpp"
#include "llmroute/policy/budget/window.hpp"
#include "llmroute/policy/query.hpp"
#include "llmroute/wire/printable.hpp"

namespace llmroute::budget {

enum class Each : std::uint8_t { together, provider, tenant };

struct Rule {
  std::string name{};  ///< 1 to 64 bytes, unique among the rules; what is saved is known by it
  Money most{};        ///< spent and reserved
  Window window{};
  std::string provider{};
  std::string tenant{};
  std::string tag{};
  std::string asked_tag{};
  Each each = Each::together;
  std::vector<double> alerts{0.5, 0.8, 1};  ///< shares of `most`, in any order; at most eight

  static constexpr std::size_t most_alerts = 8;
  static constexpr Money largest = Money::nanos(1'000'000'000'000'000'000);  // so that no sum leaves the scale

  bool counts(const Query& q, const Provider& p) const noexcept {
    return (provider.empty() || provider == p.name) && (tenant.empty() || tenant == q.options.tenant) &&
           (tag.empty() || p.has_tag(tag)) &&
           (asked_tag.empty() || among(q.options.any_tag, asked_tag) || among(q.options.all_tags, asked_tag));
  }

  /// From where on that alert is due.
  Money threshold(std::size_t alert) const noexcept {
    const double share = alerts[alert];
    return share >= 1 ? most : Money::nanos(static_cast<std::int64_t>(static_cast<double>(most.nanos()) * share));
  }

  /// What is wrong with it, and what to do; empty: nothing.
  std::string problem() const {
    const auto say = [&](std::string_view what) { return "budget " + printable(name, 64).append(": ").append(what); };
    if (name.empty()) return "a budget has no name: set .name, by which its alerts and what is saved of it are known";
    if (name.size() > 64 || printable(name, 64) != name)
      return say(".name has more than 64 bytes, or some that cannot be printed");
    if (most < Money()) return say(".most is negative: set .most = dollars(\"20\"), for example");
    if (most > largest) return say(".most is above a billion dollars: leave the rule out where there is no limit");
    if (const std::string_view wrong = window.problem(); !wrong.empty()) return say(".window ").append(wrong);
    if (each > Each::tenant) return say(".each is none: use Each::together, Each::provider or Each::tenant");
    if (alerts.size() > most_alerts) return say(".alerts are more than eight");
    for (double share : alerts)
      if (!(share > 0 && share <= 1)) return say(".alerts holds a share that is not above 0 and at most 1: 0.8 means 80 %");
    return {};
  }

 private:
  static bool among(const std::vector<std::string>& all, std::string_view wanted) noexcept {
    for (const std::string& one : all)
      if (one == wanted) return true;
    return false;
  }
};

}  // namespace llmroute::budget

#endif
