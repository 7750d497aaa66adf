// SPDX-License-Identifier: MIT
// How budgets are written down: lines of words, first a head that says how things stand, then, in a file that is written
// ahead, a line for each reservation and each settlement since.
//
//     llmroute budget 1                                the format
//     tenant 9f86d081884c7d65 acme                     a name and the key that it is known by; likewise "provider"
//     rule month:60min euro month                      its window and its name
//     account 0000000000000000 0.25                    of the rule above: of whom (0: all, or the others), and reserved
//     spent 24310 17.3125                              of the account above: in which step of the window
//     end a3f1c0de                                     checks the head
//     5d41402a reserve 1 9f86d081884c7d65 0000000000000000 0.25            check, rules as bits, tenant, provider, worst case
//     7d793037 settle 1 9f86d081884c7d65 0000000000000000 0.25 0.01 1760000000000000000    likewise; real cost, when
#ifndef LLMROUTE_POLICY_BUDGET_SAVED_HPP
#define LLMROUTE_POLICY_BUDGET_SAVED_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "llmroute/failure.hpp"
#include "llmroute/money.hpp"
#include "llmroute/result.hpp"
#include "llmroute/wire/printable.hpp"

namespace llmroute::budget::detail {

inline constexpr std::string_view format_line = "llmroute budget 1\n";

inline constexpr std::int64_t most_step = 1'000'000'000'000'000;

inline std::string hex(std::uint64_t n, int digits) {
  std::string out(static_cast<std::size_t>(digits), '0');
  for (auto at = out.rbegin(); at != out.rend(); ++at, n >>= 4) *at = "0123456789abcdef"[n & 15];
  return out;
}
inline std::string check_of(std::string_view text) {
  std::uint64_t h = 0xCBF29CE484222325ull;  // FNV-1a
  for (char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
  return hex(h ^ h >> 32, 8);
}
/// A line behind the head.
inline std::string checked(const std::string& words) { return check_of(words) + ' ' + words + '\n'; }

/// What is left of a line, word by word. Once a word is not what it is to be, nothing is.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  std::string_view next() {
    const std::size_t n = rest_.find(' ');
    const std::string_view word = rest_.substr(0, n);
    rest_ = n == rest_.npos ? std::string_view() : rest_.substr(n + 1);
    if (word.empty()) sound_ = false;
    return word;
  }
  std::string_view rest() { return sound_ = sound_ && !rest_.empty(), std::exchange(rest_, {}); }
  std::uint64_t key() {
    std::uint64_t n = 0;
    const std::string_view word = next();
    for (char c : word) {
      const bool digit = c >= '0' && c <= '9';
      if (!digit && (c < 'a' || c > 'f')) sound_ = false;
      n = n << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
    }
    if (word.size() != 16) sound_ = false;
    return n;
  }
  std::int64_t integer() {
    std::string_view word = next();
    const bool negative = word.starts_with('-');
    if (negative) word.remove_prefix(1);
    const std::int64_t n = word.find('.') == word.npos ? llmroute::detail::decimal(word, 0) : -1;
    if (n < 0) sound_ = false;
    return negative ? -n : n;
  }
  std::int64_t amount() {
    const auto m = Money::parse(next());
    if (!m) sound_ = false;
    return m.value_or(Money()).nanos();
  }
  bool sound() const noexcept { return sound_; }
  bool done() const noexcept { return sound_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool sound_ = true;
};

/// One reservation as a file has it; when it is settled, with the real cost and the time.
struct Entry {
  std::uint64_t rules = 0, tenant = 0, provider = 0;
  std::int64_t worst = 0;
  std::int64_t real = 0, when = 0;

  std::string line(bool settled) const {
    std::string words = (settled ? "settle " : "reserve ") + hex(rules, 16) + ' ' + hex(tenant, 16) + ' ' + hex(provider, 16) +
                        ' ' + Money::nanos(worst).text();
    if (settled) words += ' ' + Money::nanos(real).text() + ' ' + std::to_string(when);
    return checked(words);
  }
};

/// Reads it all and tells `sink`, in the order of the lines. A last line that was cut off is left out: a reservation was not
/// sent then, and a settlement leaves its reservation open.
template <class Sink>
Result<void> read_saved(std::string_view text, Sink&& sink) {
  const auto wrong = [](std::size_t line, std::string_view what) {
    return Failure{.kind = Kind::misconfigured,
                   .message = "saved budgets, line " + std::to_string(line) + ": " + std::string(what)};
  };
  if (text.empty()) return wrong(1, "there is nothing: remove what is empty to begin with nothing spent");
  if (!text.starts_with(format_line))
    return wrong(1, "does not read \"llmroute budget 1\": give what this version, or an older one, has saved");
  std::size_t at = format_line.size(), line = 1;
  bool head = true, in_rule = false, in_account = false;
  while (at < text.size()) {
    ++line;
    const std::size_t end = text.find('\n', at);
    const bool last = end == text.npos || end + 1 == text.size();
    const std::string_view whole = text.substr(at, end == text.npos ? end : end - at);
    Words w(whole);
    if (!head && (w.next() != check_of(whole.substr(whole.size() < 9 ? whole.size() : 9)) || whole.size() < 9)) {
      if (last) return {};
      return wrong(line, "is damaged: restore it from a copy, or take it out and count it as spent elsewhere");
    }
    const std::string_view what = w.next();
    if (what == "tenant" || what == "provider") {
      const std::uint64_t key = w.key();
      const std::string_view name = w.rest();
      if (!w.done()) return wrong(line, "is no key and name");
      sink.named(what == "tenant", key, name);
    } else if (head && what == "rule") {
      const std::string_view window = w.next(), name = w.rest();
      if (!w.done()) return wrong(line, "is no window and name of a rule");
      sink.rule(window, name);
      in_rule = true, in_account = false;
    } else if (head && in_rule && what == "account") {
      const std::uint64_t key = w.key();
      const std::int64_t reserved = w.amount();
      if (!w.done()) return wrong(line, "is no key and amount of an account");
      sink.account(key, reserved);
      in_account = true;
    } else if (head && in_account && what == "spent") {
      const std::int64_t step = w.integer(), amount = w.amount();
      if (!w.done() || step < -most_step || step > most_step) return wrong(line, "is no step and amount of what was spent");
      sink.spent(step, amount);
    } else if (head && what == "end") {
      if (w.next() != check_of(text.substr(0, at)) || !w.done() || end == text.npos)
        return wrong(line, "shows that the lines above were changed or cut: restore them from a copy");
      head = false;
    } else if (!head && (what == "reserve" || what == "settle")) {
      Entry e;
      e.rules = w.key(), e.tenant = w.key(), e.provider = w.key(), e.worst = w.amount();
      const bool settled = what == "settle";
      if (settled) e.real = w.amount(), e.when = w.integer();
      if (!w.done()) return wrong(line, "is no reservation and no settlement");
      sink.entry(e, settled);
    } else {
      return wrong(line, "begins with an unknown word, \"" + printable(what, 40) + "\": give what this version has saved");
    }
    at = end == text.npos ? text.size() : end + 1;
  }
  if (head) return wrong(line + 1, "is missing, and all that follows: restore it from a copy");
  return {};
}

}  // namespace llmroute::budget::detail

#endif
