// SPDX-License-Identifier: MIT
// Counts what a router does: how often it succeeds, how fast and how dear each provider is, and what was saved.
//
//     observe::Stats stats;
//     Router router{Fleet{...}, transport, std::ref(stats)};
//     std::cout << stats.figures() << stats.figures(observe::Window::hour);
//
// When to use: to see at a glance what is going on, or to feed a page of one's own.
// Not provided: exact percentiles, figures by model, by tenant or by kind of failure, anything that outlives the process.
//
// | figure                          | what it counts                                                                    |
// |---------------------------------|-----------------------------------------------------------------------------------|
// | requests                        | those that have come to their end: answered, failed and cancelled                 |
// | success rate                    | answered of the answered and the failed; what the caller cancelled is in neither  |
// | fallbacks                       | answered, but not by the first attempt alone: another one was sent                |
// | of a provider                   | its attempts, as they end; those lost, cut or cancelled neither succeed nor fail  |
// | mean, p50, p95                  | whole time of the attempts that succeeded; percentiles right within 9.1 %         |
// | tokens                          | what providers reported, of all attempts                                          |
// | cost                            | of all attempts, as far as it is known; those of unknown cost are counted apart   |
// | savings                         | the answers' tokens at the reference's price, less the cost; where a provider     |
// |                                 | reported no tokens, those that its cost was estimated from                        |
//
// Its memory is made by the constructor, below 1 MB as it comes: providers and categories beyond the rows that there are share
// the row "(others)". To observe neither allocates nor locks, and takes the same time however much was counted before. All
// threads may do so at once, and read meanwhile. The events are of one clock.
#ifndef LLMROUTE_POLICY_OBSERVER_STATS_HPP
#define LLMROUTE_POLICY_OBSERVER_STATS_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "llmroute/money.hpp"
#include "llmroute/offer.hpp"
#include "llmroute/policy/clock.hpp"
#include "llmroute/policy/observer.hpp"
#include "llmroute/policy/observer/figures.hpp"
#include "llmroute/policy/observer/histogram.hpp"
#include "llmroute/policy/observer/rows.hpp"
#include "llmroute/policy/observer/windows.hpp"
#include "llmroute/provider.hpp"

namespace llmroute::observe {

/// What the same tokens would have cost elsewhere.
struct Reference {
  std::string name{};
  Price price{};
  double markup = 0;  ///< 0.055 is 5.5 %

  static Reference of(const Provider& p, const Offer& offer) {
    std::string name = p.name;
    if (!offer.model.empty()) name += ' ' + offer.model.text();
    return {.name = std::move(name), .price = offer.price, .markup = p.markup};
  }
};

struct StatsSettings {
  std::optional<Reference> reference{};  ///< not set: no savings
  std::size_t providers = 32;            ///< with a row of their own
  std::size_t categories = 16;           ///< likewise
};

class Stats {
 public:
  Stats() : Stats(StatsSettings{}) {}
  explicit Stats(StatsSettings s) : providers_(s.providers), categories_(s.categories), reference_(std::move(s.reference)) {}
  /// Not while others use it. What was moved from ignores events and reads as empty.
  Stats(Stats&&) noexcept = default;
  Stats& operator=(Stats&&) noexcept = default;

  void observe(const Event& e) noexcept {
    if (e.outcome == nullptr) return;
    if (e.what == Event::What::ended) attempt(e, *e.outcome);
    else if (e.what == Event::What::finished) request(e, *e.outcome);
  }

  /// `now` counts for windows only, and is of the router's clock.
  Figures figures(Window window = Window::all_time, Time now = SteadyClock{}.now()) const {
    Figures f{.window = window};
    std::uint64_t elsewhere = 0;
    providers_.each([&](const ProviderName& name, const Attempts& tally) {
      const Attempts::Reading n = tally.read(window, now);
      ProviderFigures p{.name = name,
                        .successes = n[good],
                        .failures = n[bad],
                        .neither = n[neither],
                        .prompt_tokens = signed_of(n[prompt]),
                        .completion_tokens = signed_of(n[completion]),
                        .cost = Money::nanos(signed_of(n[paid])),
                        .unknown_costs = n[unknown]};
      if (p.successes + p.failures + p.neither == 0) return;
      if (p.successes > 0) p.mean = Duration(signed_of(n[took] / p.successes));
      const auto classes = std::span(n).subspan(latencies);
      p.p50 = LatencyClasses::percentile(classes, 50);
      p.p95 = LatencyClasses::percentile(classes, 95);
      f.prompt_tokens += p.prompt_tokens;
      f.completion_tokens += p.completion_tokens;
      f.unknown_costs += p.unknown_costs;
      elsewhere += n[at_reference];
      f.providers.push_back(p);
    });
    categories_.each([&](const ProviderName& name, const Requests& tally) {
      const Requests::Reading n = tally.read(window, now);
      const CategoryFigures c{.name = name,
                              .requests = n[answered] + n[failed] + n[cancelled],
                              .answered = n[answered],
                              .failed = n[failed],
                              .cancelled = n[cancelled],
                              .cost = Money::nanos(signed_of(n[spent]))};
      if (c.requests == 0) return;
      f.requests += c.requests;
      f.answered += c.answered;
      f.failed += c.failed;
      f.cancelled += c.cancelled;
      f.fallbacks += n[fallbacks];
      f.cost += c.cost;
      f.categories.push_back(c);
    });
    if (reference_) f.reference = reference_->name;
    if (compares() && f.requests > 0) f.savings = marked_up(Money::nanos(signed_of(elsewhere))) - f.cost;
    return f;
  }

  /// All figures begin at nothing again. The rows keep their names, and show once they count something.
  void reset() noexcept {
    const auto forget = [](auto& tally) { tally.forget(); };
    providers_.each_value(forget);
    categories_.each_value(forget);
  }

  /// What it holds; it never grows.
  std::size_t bytes() const noexcept { return providers_.bytes() + categories_.bytes(); }

 private:
  enum Attempt : std::size_t { good, bad, neither, prompt, completion, took, paid, unknown, at_reference, latencies };
  enum Request : std::size_t { answered, failed, cancelled, fallbacks, spent, all_of_request };
  using Attempts = detail::Tally<latencies, LatencyClasses::count>;
  using Requests = detail::Tally<all_of_request>;

  static constexpr std::uint64_t at_least_zero(std::int64_t n) noexcept { return n < 0 ? 0 : static_cast<std::uint64_t>(n); }
  static constexpr std::int64_t signed_of(std::uint64_t n) noexcept {
    constexpr auto most = static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)());
    return static_cast<std::int64_t>(n < most ? n : most);
  }

  void attempt(const Event& e, const Outcome& o) noexcept {
    Attempts* tally = providers_.find(e.provider);
    if (tally == nullptr) return;
    tally->enter(e.now);
    tally->add(o.ok() ? good : o.failed() ? bad : neither);
    tally->add(prompt, at_least_zero(e.usage.prompt));
    tally->add(completion, at_least_zero(e.usage.completion));
    tally->add(paid, at_least_zero(e.cost.amount.nanos()));
    if (!e.cost.known()) tally->add(unknown);
    if (!o.ok()) return;
    tally->add(took, at_least_zero(o.total.count()));
    tally->add(latencies + LatencyClasses::of(o.total));
    if (compares()) tally->add(at_reference, at_least_zero(elsewhere(e).nanos()));
  }
  void request(const Event& e, const Outcome& o) noexcept {
    const bool named = e.query != nullptr && !e.query->category.empty();
    Requests* tally = categories_.find(named ? e.query->category : "(none)");
    if (tally == nullptr) return;
    tally->enter(e.now);
    tally->add(o.ok() ? answered : o.failed() ? failed : cancelled);
    tally->add(spent, at_least_zero(e.cost.amount.nanos()));
    if (o.ok() && e.attempt > 1) tally->add(fallbacks);
  }

  bool compares() const noexcept { return reference_ && reference_->price.known(); }
  // The cost was estimated from the query's figures where the provider reported none: so is this.
  Money elsewhere(const Event& e) const noexcept {
    if (!e.usage.reported && e.query != nullptr)
      return reference_->price.of(e.query->prompt_tokens(), e.query->completion_tokens);
    return reference_->price.of(e.usage.prompt, e.usage.completion, e.usage.cached, e.usage.cache_written);
  }
  Money marked_up(Money bare) const {
    Provider as;
    as.markup = reference_->markup;
    return as.with_markup(bare);
  }

  detail::Rows<Attempts> providers_;
  detail::Rows<Requests> categories_;
  std::optional<Reference> reference_;
};

}  // namespace llmroute::observe

#endif
