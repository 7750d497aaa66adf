// SPDX-License-Identifier: MIT
// What `budget::Rules` keeps: its rules, their ledgers, who is known by name, and how all of it is written and read.
#ifndef LLMROUTE_POLICY_BUDGET_BOOKS_HPP
#define LLMROUTE_POLICY_BUDGET_BOOKS_HPP

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/policy/budget/directory.hpp"
#include "llmroute/policy/budget/ledger.hpp"
#include "llmroute/policy/budget/rule.hpp"
#include "llmroute/policy/budget/saved.hpp"
#include "llmroute/time.hpp"
#include "llmroute/wire/printable.hpp"

namespace llmroute::budget {

/// What the time is on the wall. One that is set back opens no window again.
using WallClock = std::chrono::system_clock::time_point (*)();
inline std::chrono::system_clock::time_point wall_now() { return std::chrono::system_clock::now(); }

namespace detail {

/// A time twice: `rolling` runs on steadily from where the wall clock was at first, and `wall` is what that says by now.
struct Moment {
  std::int64_t rolling = 0, wall = 0;
};

class Books {
 public:
  struct Page {
    Rule rule;
    Ledger ledger;
  };

  Books(std::vector<Rule> rules, std::size_t tenants, std::size_t providers, WallClock clock)
      : tenants_(any(rules, Each::tenant) ? tenants : 0), providers_(any(rules, Each::provider) ? providers : 0),
        wall_(clock == nullptr ? wall_now : clock) {
    pages_.reserve(rules.size());
    for (Rule& r : rules) {
      const std::size_t accounts = r.each == Each::tenant ? tenants_.size() : r.each == Each::provider ? providers_.size() : 1;
      Ledger ledger(accounts, r.window.steps(), r.alerts.size());
      pages_.push_back({std::move(r), std::move(ledger)});
    }
  }

  std::vector<Page>& pages() noexcept { return pages_; }
  const std::vector<Page>& pages() const noexcept { return pages_; }
  Directory& tenants() noexcept { return tenants_; }
  Directory& providers() noexcept { return providers_; }
  const Directory& of(Each each) const noexcept { return each == Each::tenant ? tenants_ : providers_; }

  std::int64_t wall() const { return std::chrono::duration_cast<std::chrono::nanoseconds>(wall_().time_since_epoch()).count(); }
  Moment moment(Time now) {
    const std::int64_t wall_ns = wall(), ns = now.time_since_epoch().count();
    std::int64_t ahead = ahead_.load(std::memory_order_relaxed);
    if (ahead == unset) {
      const std::int64_t mine = llmroute::detail::saturating_add(wall_ns, ns < -llmroute::detail::int64_most ? 0 : -ns);
      ahead = ahead_.compare_exchange_strong(ahead, mine, std::memory_order_relaxed) ? mine : ahead;
    }
    return {llmroute::detail::saturating_add(ns, ahead), wall_ns};
  }
  Moment moment(Time now) const {
    const std::int64_t wall_ns = wall(), ahead = ahead_.load(std::memory_order_relaxed);
    if (ahead == unset) return {wall_ns, wall_ns};
    return {llmroute::detail::saturating_add(now.time_since_epoch().count(), ahead), wall_ns};
  }
  static std::int64_t step(const Rule& r, Moment m) noexcept {
    return r.window.step(r.window.kind == Window::Kind::rolling ? m.rolling : m.wall);
  }

  /// Nothing is spent and nothing reserved, in no account.
  bool untouched() const noexcept {
    for (const Page& p : pages_)
      for (std::size_t i = 0; i < p.ledger.size(); ++i)
        if (p.ledger.committed(i, (std::numeric_limits<std::int64_t>::min)()) != 0) return false;
    return true;
  }

  std::string saved() const {
    std::string out(format_line);
    for (const auto& [word, d] : {std::pair<const char*, const Directory*>{"tenant ", &tenants_}, {"provider ", &providers_}})
      for (std::size_t i = 0; i < d->others(); ++i)
        if (const std::uint64_t key = d->key(i); key != 0) out += word + named_line(key, d->name(i)) + '\n';
    for (const Page& p : pages_) {
      out += "rule " + p.rule.window.text() + ' ' + p.rule.name + '\n';
      for (std::size_t i = 0; i < p.ledger.size(); ++i) save(p, i, out);
    }
    return out + "end " + check_of(out) + '\n';
  }
  static std::string named_line(std::uint64_t key, std::string_view name) { return hex(key, 16) + ' ' + printable(name, 64); }

  /// Nothing has changed where it fails. What is open is spent now.
  Result<void> load(std::string_view text) {
    if (!untouched())
      return Failure{.kind = Kind::misconfigured, .message = "saved budgets: load them before anything is reserved or spent"};
    struct Nobody {
      void named(bool, std::uint64_t, std::string_view) {}
      void rule(std::string_view, std::string_view) {}
      void account(std::uint64_t, std::int64_t) {}
      void spent(std::int64_t, std::int64_t) {}
      void entry(const Entry&, bool) {}
    };
    if (auto sound = read_saved(text, Nobody{}); !sound) return sound;
    Loader loader{*this, wall()};
    if (auto read = read_saved(text, loader); !read) return read;
    for (Page& p : pages_)
      for (std::size_t i = 0; i < p.ledger.size(); ++i) begin(p, i, loader.now);
    return {};
  }

 private:
  static constexpr std::int64_t unset = (std::numeric_limits<std::int64_t>::min)();

  struct Loader {
    Books& books;
    std::int64_t now;
    std::vector<Page*> rules{};  // in the order of the file; null: is no more
    bool same_window = false;
    std::size_t at = 0;

    Page* page() noexcept { return rules.empty() ? nullptr : rules.back(); }
    void named(bool tenant, std::uint64_t key, std::string_view name) {
      (tenant ? books.tenants_ : books.providers_).enter(key, name);
    }
    void rule(std::string_view window, std::string_view name) {
      rules.push_back(nullptr);
      for (Page& p : books.pages_)
        if (p.rule.name == name) rules.back() = &p, same_window = p.rule.window.text() == window;
    }
    void account(std::uint64_t key, std::int64_t reserved) {
      if (page() == nullptr) return;
      at = books.place(page()->rule.each, key, key);
      if (reserved > 0) page()->ledger.reserve(at, reserved);
    }
    void spent(std::int64_t step, std::int64_t amount) {
      if (page() == nullptr) return;
      const std::int64_t current = step_of(page()->rule, now);
      // Where its window was changed nobody knows when it was: now. No clock of a window that rolls is ahead of the wall's.
      const bool ahead = page()->rule.window.kind == Window::Kind::rolling && step > current;
      page()->ledger.restore(at, same_window && !ahead ? step : current, amount);
    }
    void entry(const Entry& e, bool settled) {
      for (std::size_t i = 0; i < rules.size() && i < 64; ++i) {
        if ((e.rules >> i & 1) == 0 || rules[i] == nullptr) continue;
        Page& p = *rules[i];
        const std::size_t account = books.place(p.rule.each, e.tenant, e.provider);
        if (!settled) {
          p.ledger.reserve(account, e.worst);
          continue;
        }
        const std::int64_t open = p.ledger.open(account);
        p.ledger.give_back(account, e.worst < open ? e.worst : open);
        const std::int64_t when = p.rule.window.kind == Window::Kind::rolling && e.when > now ? now : e.when;
        p.ledger.restore(account, step_of(p.rule, when), e.real);
      }
    }
    static std::int64_t step_of(const Rule& r, std::int64_t when) noexcept { return r.window.step(when); }
  };

  static bool any(const std::vector<Rule>& rules, Each each) noexcept {
    for (const Rule& r : rules)
      if (r.each == each) return true;
    return false;
  }
  std::size_t place(Each each, std::uint64_t tenant, std::uint64_t provider) noexcept {
    return each == Each::tenant     ? tenants_.enter(tenant, "(unnamed)")
           : each == Each::provider ? providers_.enter(provider, "(unnamed)")
                                    : 0;
  }
  void save(const Page& p, std::size_t account, std::string& out) const {
    const Ledger& l = p.ledger;
    const std::int64_t committed = l.committed(account, unset);
    std::string steps;
    std::int64_t spent = 0;
    l.each_step(account, [&](std::int64_t step, std::int64_t amount) {
      spent += amount;
      steps += "spent " + std::to_string(step) + ' ' + Money::nanos(amount).text() + '\n';
    });
    if (committed == 0 && spent == 0) return;
    const std::uint64_t key = p.rule.each == Each::together ? 0 : of(p.rule.each).key(account);
    out += "account " + hex(key, 16) + ' ' + Money::nanos(committed > spent ? committed - spent : 0).text() + '\n' + steps;
  }
  // What was open when it was written is spent in the step that now is; thresholds that are passed by now were told.
  void begin(Page& p, std::size_t account, std::int64_t now) {
    const std::int64_t step = p.rule.window.step(now);
    p.ledger.enter(account, step);
    if (const std::int64_t open = p.ledger.open(account); open > 0) {
      p.ledger.give_back(account, open);
      p.ledger.restore(account, p.ledger.newest(account), open);
    }
    const std::int64_t used = p.ledger.committed(account, step);
    for (std::size_t i = 0; i < p.rule.alerts.size(); ++i)
      if (used > 0 && used >= p.rule.threshold(i).nanos() && p.ledger.pass(account, i, used, p.ledger.newest(account))) {
        std::int64_t told = 0;
        p.ledger.tell(account, i, told);
      }
  }

  std::vector<Page> pages_;
  Directory tenants_, providers_;
  WallClock wall_;
  std::atomic<std::int64_t> ahead_{unset};
};

}  // namespace detail
}  // namespace llmroute::budget

#endif
