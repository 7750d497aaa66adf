// SPDX-License-Identifier: MIT
// What may be spent, by rules: any number of them at once, and all must agree.
//
//     budget::Rules limits{{.name = "month", .most = dollars("50"), .window = budget::month()},
//                           {.name = "each tenant", .most = dollars("2"), .window = budget::rolling(24h),
//                            .each = budget::Each::tenant}};
//     Router router{fleet, transport, std::ref(limits)};
//
// When to use: so that what is spent and what is reserved never exceed an amount, under any concurrency.
// Not provided: a limit on several processes together, and an account that every tenant of an open set has for sure: those
// beyond `tenants` share one.
//
//   - An attempt reserves the most that it can cost. Where the price is not known it is refused, if any rule counts it.
//   - It is spent in the window in which it is settled; the reservation leaves then, whatever window it was made in.
//   - What a provider bills beyond the reservation is spent as well, and stops all that may cost anything.
//   - A wall clock that is set back opens no window again: the one that has begun goes on until the clock has caught up.
//   - Nothing is allocated and no lock taken to reserve and to settle, unless it is durable.
#ifndef LLMROUTE_POLICY_BUDGET_RULES_HPP
#define LLMROUTE_POLICY_BUDGET_RULES_HPP

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/function_ref.hpp"
#include "llmroute/policy/budget/books.hpp"
#include "llmroute/policy/budget/journal.hpp"
#include "llmroute/policy/budget/rule.hpp"
#include "llmroute/policy/budget/status.hpp"
#include "llmroute/policy/clock.hpp"
#include "llmroute/policy/observer.hpp"  // BudgetAlert
#include "llmroute/result.hpp"

namespace llmroute::budget {

struct RulesSettings {
  /// A file of its own: each reservation is in it before anything is sent, each settlement after, and it is read when the
  /// limits are made. What cannot be written is refused. Empty: nothing outlives the process but what `save` gives.
  std::string durable{};
  std::size_t tenants = 256;   ///< with accounts of their own, where a rule is for each
  std::size_t providers = 64;  ///< likewise
  WallClock wall = wall_now;
};

class Rules {
 public:
  struct Reservation {
    std::int64_t worst = 0;
    std::uint64_t rules = 0;  // as bits
    std::uint32_t tenant = 0, provider = 0;
  };

  Rules(std::initializer_list<Rule> rules) : Rules(std::vector<Rule>(rules)) {}
  explicit Rules(Rule one) : Rules(std::vector<Rule>{std::move(one)}) {}
  explicit Rules(std::vector<Rule> rules, RulesSettings s = {}) : state_(1) {
    State& state = state_.front();
    state.problem = problem_of(rules);
    if (!state.problem.empty()) return;
    state.books.emplace(std::move(rules), s.tenants, s.providers, s.wall);
    state.durable = !s.durable.empty();
    if (state.durable) open(state, s.durable);
  }
  /// Not while others use it. What was moved from refuses everything.
  Rules(Rules&&) noexcept = default;
  Rules& operator=(Rules&&) noexcept = default;

  /// What is wrong with the rules, or with the file; empty: nothing. Until that is set right everything is refused.
  const std::string& problem() const noexcept {
    if (!state_.empty()) return state_.front().problem;
    static const std::string moved_from = "these limits were moved to somewhere else";
    return moved_from;
  }

  std::optional<Reservation> reserve(const Query& q, const Provider& p, Money worst, Time now) {
    if (!problem().empty() || worst < Money()) return std::nullopt;
    State& state = state_.front();
    Reservation r{.worst = worst.nanos(), .rules = counting(q, p)};
    if (r.rules == 0) return r;
    if (worst == Money::most()) return std::nullopt;  // nobody knows the price
    Books& books = *state.books;
    const Guard guard(state);
    r.tenant = place(books.tenants(), q.options.tenant);
    r.provider = place(books.providers(), p.name);
    const Moment m = books.moment(now);
    if (!taken(r, m)) return std::nullopt;
    if (state.durable && r.worst > 0 && !written(r, entry(r), false)) {
      each(r.rules, [&](Page& page) { page.ledger.give_back(account(page.rule, r), r.worst); });
      return std::nullopt;
    }
    each(r.rules, [&](Page& page) { look(page, account(page.rule, r), m); });
    return r;
  }
  void settle(Reservation r, Money real, Time now) {
    if (!problem().empty() || r.rules == 0) return;
    State& state = state_.front();
    const std::int64_t cost = real < Money() ? 0 : real.nanos();
    const Guard guard(state);
    const Moment m = state.books->moment(now);
    each(r.rules, [&](Page& page) {
      page.ledger.settle(account(page.rule, r), r.worst, cost, Books::step(page.rule, m));
      look(page, account(page.rule, r), m);
    });
    if (!state.durable || (r.worst == 0 && cost == 0)) return;
    detail::Entry e = entry(r);
    e.real = cost, e.when = m.rolling > m.wall ? m.rolling : m.wall;
    written(r, e, true);
  }
  /// What `reserve` would say, as far as nobody else comes first.
  bool has_room(const Query& q, const Provider& p, Money worst, Time now) const {
    if (!problem().empty() || worst < Money()) return false;
    const std::uint64_t rules = counting(q, p);
    if (rules == 0 || worst == Money()) return true;
    const Books& books = *state_.front().books;
    const Moment m = books.moment(now);
    for (std::uint64_t left = rules; left != 0; left &= left - 1) {
      const Page& page = books.pages()[static_cast<std::size_t>(std::countr_zero(left))];
      const Each whose = page.rule.each;
      std::optional<std::size_t> at = 0;
      if (whose != Each::together)
        at = books.of(whose).find(detail::Directory::key_of(whose == Each::tenant ? q.options.tenant : p.name));
      const std::int64_t used = at ? page.ledger.committed(*at, Books::step(page.rule, m)) : 0;
      if (worst > page.rule.most || used > (page.rule.most - worst).nanos()) return false;
    }
    return true;
  }
  /// Calls `f` for each threshold that was passed since: once in each window, whoever asks. Of a window that rolls, once in
  /// its length.
  void each_alert(FunctionRef<void(const BudgetAlert&)> f) {
    if (state_.empty() || !state_.front().pending.load(std::memory_order_relaxed)) return;
    if (!state_.front().pending.exchange(false, std::memory_order_acq_rel)) return;
    for (Page& page : state_.front().books->pages())
      for (std::size_t i = 0; i < page.ledger.size(); ++i)
        for (std::size_t a = 0; a < page.rule.alerts.size(); ++a)
          if (std::int64_t used = 0; page.ledger.tell(i, a, used)) {
            std::string name = page.rule.name;
            if (page.rule.each != Each::together) name.append(" (").append(whose(page.rule, i)).append(1, ')');
            f(BudgetAlert{
                .budget = name, .threshold = page.rule.alerts[a], .used = Money::nanos(used), .most = page.rule.most});
          }
  }

  RulesStatus status(Time now = SteadyClock{}.now()) const {
    RulesStatus s{.problem = problem()};
    if (!s.problem.empty()) return s;
    const Moment m = state_.front().books->moment(now);
    for (const Page& page : state_.front().books->pages()) {
      const std::int64_t step = Books::step(page.rule, m);
      for (std::size_t i = 0; i < page.ledger.size(); ++i) {
        const std::int64_t all = page.ledger.committed(i, step), past = page.ledger.spent(i, step);
        if (page.rule.each != Each::together && all == 0) continue;
        s.accounts.push_back({.name = page.rule.name,
                              .of = page.rule.each == Each::together ? std::string() : std::string(whose(page.rule, i)),
                              .spent = Money::nanos(past),
                              .reserved = Money::nanos(all > past ? all - past : 0),
                              .most = page.rule.most,
                              .ends_in = ends_in(page, i, m)});
      }
    }
    return s;
  }

  /// What is spent and reserved, in a text to keep. Others may use it meanwhile; what they do just then may be left out.
  std::string save() const { return problem().empty() ? state_.front().books->saved() : std::string(); }
  /// Goes on from there, before anything is reserved. What was reserved is spent now, as nobody knows what became of it.
  /// Rules are known by their names: what is saved of one that is no more is left out. Where it fails nothing has changed.
  Result<void> load(std::string_view text) {
    if (!problem().empty()) return Failure{.kind = Kind::misconfigured, .message = problem()};
    State& state = state_.front();
    const Guard guard(state);
    auto loaded = state.books->load(text);
    if (loaded && state.durable && !state.journal.replace(state.books->saved())) state.problem = unwritable(state);
    return loaded;
  }

 private:
  using Books = detail::Books;
  using Page = Books::Page;
  using Moment = detail::Moment;

  struct State {
    std::optional<Books> books{};
    std::string problem{};
    std::atomic<bool> pending{false};
    bool durable = false;
    std::vector<bool> named{};  // whose names are in the file: tenants, then providers
    std::mutex mutex{};         // while it is durable
    detail::Journal journal{};
  };
  class Guard {
   public:
    explicit Guard(State& s) : mutex_(s.durable ? &s.mutex : nullptr) {
      if (mutex_ != nullptr) mutex_->lock();
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard() {
      if (mutex_ != nullptr) mutex_->unlock();
    }

   private:
    std::mutex* mutex_;
  };

  static constexpr std::size_t most_rules = 64;
  static constexpr std::size_t most_growth = std::size_t{1} << 20;

  static std::string problem_of(const std::vector<Rule>& rules) {
    if (rules.empty()) return "there is no rule: give at least one, or leave the limits out";
    if (rules.size() > most_rules) return "there are more than 64 rules: give the others to a second Rules";
    for (const Rule& r : rules) {
      if (std::string wrong = r.problem(); !wrong.empty()) return wrong;
      for (const Rule* other = rules.data(); other != &r; ++other)
        if (other->name == r.name) return "budget " + r.name + ": .name is there twice: what is saved is known by it";
    }
    return {};
  }
  static std::string unwritable(const State& s) {
    return printable(s.journal.path(), 1'000) + ": cannot be written: may this program write to it and beside it?";
  }
  static void open(State& s, const std::string& path) {
    std::string text;
    Result<void> read = s.journal.read(path, text);
    const bool fresh = read && text.empty() && !s.journal.found();
    if (read && !fresh) read = s.books->load(text);
    if (!read) s.problem = read.error().message + " (" + printable(path, 1'000) + ')';
    else if (!s.journal.replace(s.books->saved())) s.problem = unwritable(s);
  }

  static std::uint32_t place(detail::Directory& d, std::string_view name) noexcept {
    return d.others() == 0 ? 0 : static_cast<std::uint32_t>(d.enter(detail::Directory::key_of(name), name));
  }
  static std::size_t account(const Rule& rule, const Reservation& r) noexcept {
    return rule.each == Each::tenant ? r.tenant : rule.each == Each::provider ? r.provider : 0;
  }
  std::string_view whose(const Rule& rule, std::size_t account) const noexcept {
    return state_.front().books->of(rule.each).name(account);
  }
  std::uint64_t counting(const Query& q, const Provider& p) const noexcept {
    std::uint64_t rules = 0, bit = 1;
    for (const Page& page : state_.front().books->pages()) {
      if (page.rule.counts(q, p)) rules |= bit;
      bit <<= 1;
    }
    return rules;
  }
  template <class F>
  void each(std::uint64_t rules, F&& f) {
    for (; rules != 0; rules &= rules - 1) f(state_.front().books->pages()[static_cast<std::size_t>(std::countr_zero(rules))]);
  }
  // From all of them or from none.
  bool taken(const Reservation& r, Moment m) noexcept {
    std::uint64_t agreed = 0;
    bool all = true;
    for (std::uint64_t left = r.rules; left != 0 && all; left &= left - 1) {
      Page& page = state_.front().books->pages()[static_cast<std::size_t>(std::countr_zero(left))];
      all = page.ledger.take(account(page.rule, r), r.worst, page.rule.most.nanos(), Books::step(page.rule, m));
      if (all) agreed |= left & (~left + 1);
    }
    if (!all) each(agreed, [&](Page& page) { page.ledger.give_back(account(page.rule, r), r.worst); });
    return all;
  }
  // Has it passed a threshold?
  void look(Page& page, std::size_t at, Moment m) noexcept {
    const std::int64_t begun = page.ledger.newest(at), ours = Books::step(page.rule, m), step = begun > ours ? begun : ours;
    const std::int64_t used = page.ledger.committed(at, step);
    for (std::size_t i = 0; i < page.rule.alerts.size() && used > 0; ++i)
      if (used >= page.rule.threshold(i).nanos() && page.ledger.pass(at, i, used, step))
        state_.front().pending.store(true, std::memory_order_release);
  }
  static std::optional<Elapsed> ends_in(const Page& page, std::size_t at, Moment m) {
    const Window& w = page.rule.window;
    const std::int64_t step = Books::step(page.rule, m);
    if (w.of_calendar()) {
      const std::int64_t begun = page.ledger.newest(at);
      return Elapsed(Duration(w.begin((begun > step ? begun : step) + 1) - m.wall));
    }
    std::optional<Elapsed> ends;
    if (w.kind == Window::Kind::rolling)
      page.ledger.each_step(at, [&](std::int64_t s, std::int64_t) {
        const std::int64_t over = s + static_cast<std::int64_t>(w.steps());
        if (!ends && over > step) ends = Elapsed(Duration(w.begin(over) - m.rolling));
      });
    return ends;
  }

  detail::Entry entry(const Reservation& r) const {
    const Books& b = *state_.front().books;
    return {.rules = r.rules,
            .tenant = b.of(Each::tenant).key(r.tenant),
            .provider = b.of(Each::provider).key(r.provider),
            .worst = r.worst};
  }
  std::string new_names(const Reservation& r) {
    State& s = state_.front();
    std::string lines;
    std::size_t first = 0;
    for (const auto& [each, at] : {std::pair{Each::tenant, r.tenant}, std::pair{Each::provider, r.provider}}) {
      const detail::Directory& d = s.books->of(each);
      s.named.resize(first + d.size());
      if (at < d.others() && !s.named[first + at]) {
        s.named[first + at] = true;
        lines += detail::checked((each == Each::tenant ? "tenant " : "provider ") + Books::named_line(d.key(at), d.name(at)));
      }
      first += d.size();
    }
    return lines;
  }
  // With the lock held, and what it says done: a file that is written anew is then right too.
  bool written(const Reservation& r, const detail::Entry& entry, bool settled) {
    State& s = state_.front();
    if (s.journal.is_open() && s.journal.grown() < most_growth && s.journal.append(new_names(r) + entry.line(settled)))
      return true;
    return s.journal.replace(s.books->saved());
  }

  std::vector<State> state_;
};

}  // namespace llmroute::budget

#endif
