// SPDX-License-Identifier: MIT
// What `observe::Stats` has counted, as plain values: to read, to keep, or to print as a table with `<<`.
#ifndef LLMROUTE_POLICY_OBSERVER_FIGURES_HPP
#define LLMROUTE_POLICY_OBSERVER_FIGURES_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/money.hpp"
#include "llmroute/policy/observer/windows.hpp"
#include "llmroute/text.hpp"
#include "llmroute/text_table.hpp"
#include "llmroute/time.hpp"
#include "llmroute/wire/printable.hpp"

namespace llmroute::observe {

namespace detail {
constexpr std::optional<double> share(std::uint64_t good, std::uint64_t bad) noexcept {
  if (good + bad == 0) return std::nullopt;
  return static_cast<double>(good) / static_cast<double>(good + bad);
}
}  // namespace detail

/// The attempts at one provider.
struct ProviderFigures {
  ProviderName name{};
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  std::uint64_t neither = 0;      ///< another was first, the deadline came, the caller cancelled
  std::optional<Elapsed> mean{};  ///< of the successes; nothing: there are none
  std::optional<Elapsed> p50{};   ///< like p95 right within 9.1 %
  std::optional<Elapsed> p95{};
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  Money cost{};
  std::uint64_t unknown_costs = 0;  ///< attempts whose cost nobody knows, and that `cost` lacks

  constexpr std::optional<double> success_rate() const noexcept { return detail::share(successes, failures); }
};

/// The requests of one category.
struct CategoryFigures {
  ProviderName name{};
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  Money cost{};

  constexpr std::optional<double> success_rate() const noexcept { return detail::share(answered, failed); }
};

struct Figures {
  Window window = Window::all_time;
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t fallbacks = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  Money cost{};
  std::uint64_t unknown_costs = 0;
  std::string reference{};         ///< whom the savings compare with
  std::optional<Money> savings{};  ///< nothing: no reference of known price, or no requests
  std::vector<ProviderFigures> providers{};
  std::vector<CategoryFigures> categories{};

  constexpr std::optional<double> success_rate() const noexcept { return detail::share(answered, failed); }

  /// As `<<` prints it.
  std::string text() const;

  template <class Stream>
    requires requires(Stream& s) { s << std::string_view{}; }
  friend Stream& operator<<(Stream& out, const Figures& f) {
    out << std::string_view(f.text());
    return out;
  }
};

namespace detail {

inline constexpr std::string_view not_available = "N/A";

inline std::string said(const std::optional<Elapsed>& e) { return e ? e->text() : std::string(not_available); }
inline std::string said(Money m) {
  const std::string amount = m.text();
  return m < Money() ? "-$" + amount.substr(1) : '$' + amount;
}
/// Rounded down, so that 100.0 % means all of them.
inline std::string percentage(std::uint64_t good, std::uint64_t bad) {
  if (good + bad == 0) return std::string(not_available);
  const std::uint64_t tenths = bad == 0 ? 1000 : static_cast<std::uint64_t>(*share(good, bad) * 1000 + 1e-9);
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " %";
}
inline std::string counted(std::uint64_t n, std::string_view one, std::string_view several) {
  return std::to_string(n) + ' ' + std::string(n == 1 ? one : several);
}

}  // namespace detail

inline std::string Figures::text() const {
  using namespace detail;
  using Align = llmroute::detail::TextTable::Align;
  constexpr std::string_view names[]{"all time", "last minute", "last hour", "last day"};
  std::string out(names[static_cast<std::size_t>(window)]);
  out += ": " + counted(requests, "request", "requests") + ", " + std::to_string(answered) + " answered, " +
         std::to_string(failed) + " failed, " + std::to_string(cancelled) + " cancelled; success " +
         percentage(answered, failed) + "; " + counted(fallbacks, "fallback", "fallbacks") + "\n  tokens " +
         std::to_string(prompt_tokens) + " in, " + std::to_string(completion_tokens) + " out; cost " + said(cost);
  if (unknown_costs > 0) out += " and " + counted(unknown_costs, "attempt", "attempts") + " of unknown cost";
  out += "; savings ";
  if (!reference.empty()) out += "against " + printable(reference, 60) + ' ';
  if (savings && unknown_costs > 0) out += "at most ";
  out += (savings ? said(*savings) : std::string(not_available)) + '\n';

  if (!providers.empty()) {
    llmroute::detail::TextTable table(Align::right, 2);
    table.row({"provider", "ok", "failed", "neither", "success", "mean", "p50", "p95", "tokens in", "tokens out", "cost"});
    for (const ProviderFigures& p : providers) {
      std::string paid = said(p.cost);
      if (p.unknown_costs > 0) paid += " and " + std::to_string(p.unknown_costs) + " unknown";
      table.row({printable(p.name, 60), std::to_string(p.successes), std::to_string(p.failures), std::to_string(p.neither),
                 percentage(p.successes, p.failures), said(p.mean), said(p.p50), said(p.p95), std::to_string(p.prompt_tokens),
                 std::to_string(p.completion_tokens), paid});
    }
    out += table.text();
  }
  if (!categories.empty()) {
    llmroute::detail::TextTable table(Align::right, 2);
    table.row({"category", "requests", "answered", "failed", "cancelled", "success", "cost"});
    for (const CategoryFigures& c : categories)
      table.row({printable(c.name, 60), std::to_string(c.requests), std::to_string(c.answered), std::to_string(c.failed),
                 std::to_string(c.cancelled), percentage(c.answered, c.failed), said(c.cost)});
    out += table.text();
  }
  return out;
}

}  // namespace llmroute::observe

#endif
