// SPDX-License-Identifier: MIT
// Money and prices, exact: whole nano-dollars, saturating, and prices that are written as text so that none is rounded.
#ifndef LLMROUTE_MONEY_HPP
#define LLMROUTE_MONEY_HPP

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace llmroute {

namespace detail {

inline constexpr std::int64_t int64_most = (std::numeric_limits<std::int64_t>::max)();

constexpr std::int64_t saturating_add(std::int64_t a, std::int64_t b) noexcept {
  if (b > 0 && a > int64_most - b) return int64_most;
  if (b < 0 && a < -int64_most - b) return -int64_most;
  return a + b;
}
constexpr std::int64_t saturating_multiply(std::int64_t a, std::int64_t b) noexcept {  // neither is negative
  return a != 0 && b > int64_most / a ? int64_most : a * b;
}

inline void this_is_no_amount_of_dollars() {}  // no constant calls it: compilers print its name

/// "12.345" as an integer of 10^-`decimals`, or -1: not a plain decimal number, negative, too large, or finer than that.
constexpr std::int64_t decimal(std::string_view text, int decimals) noexcept {
  std::int64_t value = 0;
  int places = -1;  // digits seen after the point, -1 before it
  bool digits = false;
  for (char c : text) {
    if (c == '.' && places < 0) {
      places = 0;
      continue;
    }
    if (c < '0' || c > '9') return -1;
    digits = true;
    if (places >= 0 && ++places > decimals) {
      if (c != '0') return -1;
      continue;
    }
    if (value > (int64_most - (c - '0')) / 10) return -1;
    value = value * 10 + (c - '0');
  }
  if (!digits) return -1;
  for (int p = places < 0 ? 0 : places; p < decimals; ++p) {
    if (value > int64_most / 10) return -1;
    value *= 10;
  }
  return value;
}

}  // namespace detail

/// An amount in whole nano-dollars. Sums and differences stop at the ends of the scale.
class Money {
 public:
  constexpr Money() noexcept = default;
  static constexpr Money nanos(std::int64_t n) noexcept { return Money(n < -detail::int64_most ? -detail::int64_most : n); }
  static constexpr Money most() noexcept { return Money(detail::int64_most); }
  /// Dollars as text from a file or a user; nothing: it is no amount, or finer than a nano-dollar.
  static constexpr std::optional<Money> parse(std::string_view dollars) noexcept {
    const std::int64_t n = detail::decimal(dollars, 9);
    return n < 0 ? std::nullopt : std::optional<Money>(Money(n));
  }

  constexpr std::int64_t nanos() const noexcept { return nanos_; }
  constexpr double dollars() const noexcept { return static_cast<double>(nanos_) * 1e-9; }

  friend constexpr Money operator+(Money a, Money b) noexcept { return Money(detail::saturating_add(a.nanos_, b.nanos_)); }
  friend constexpr Money operator-(Money a, Money b) noexcept { return Money(detail::saturating_add(a.nanos_, -b.nanos_)); }
  constexpr Money& operator+=(Money b) noexcept { return *this = *this + b; }
  constexpr Money& operator-=(Money b) noexcept { return *this = *this - b; }
  friend constexpr auto operator<=>(Money, Money) noexcept = default;

  /// "0.00002136": dollars with as many decimals as it takes, at least two.
  std::string text() const {
    const std::uint64_t n =
        nanos_ < 0 ? std::uint64_t(0) - static_cast<std::uint64_t>(nanos_) : static_cast<std::uint64_t>(nanos_);
    std::string fraction = std::to_string(1'000'000'000 + n % 1'000'000'000).substr(1);
    while (fraction.size() > 2 && fraction.back() == '0') fraction.pop_back();
    return (nanos_ < 0 ? "-" : "") + std::to_string(n / 1'000'000'000) + '.' + fraction;
  }

  template <class Stream>
    requires requires(Stream& s) { s << std::string_view{}; }
  friend Stream& operator<<(Stream& out, Money m) {
    out << std::string_view(m.text());
    return out;
  }

 private:
  constexpr explicit Money(std::int64_t n) noexcept : nanos_(n) {}
  std::int64_t nanos_ = 0;
};

/// `dollars("0.02")`: an amount that stands in the program; one that is none does not compile.
consteval Money dollars(std::string_view amount) {
  const std::optional<Money> parsed = Money::parse(amount);
  if (!parsed) detail::this_is_no_amount_of_dollars();
  return *parsed;
}
Money dollars(double) = delete;  // a bare number is rounded before anybody sees it: write "0.02"

/// What one million tokens cost, in nano-dollars. Made by `per_million`, `per_1k` or `Rate::zero`; unknown until then.
class Rate {
 public:
  constexpr Rate() noexcept = default;
  static constexpr Rate zero() noexcept { return Rate(0); }

  constexpr bool known() const noexcept { return nanos_ >= 0; }
  /// The text that it was made from is no price; a fleet that holds such a price refuses to send.
  constexpr bool malformed() const noexcept { return nanos_ == malformed_; }
  constexpr std::int64_t nanos_per_million() const noexcept { return known() ? nanos_ : 0; }

  friend constexpr bool operator==(Rate, Rate) noexcept = default;
  friend constexpr Rate per_million(std::string_view dollars) noexcept;
  friend constexpr Rate per_1k(std::string_view dollars) noexcept;

 private:
  static constexpr std::int64_t unknown_ = -1, malformed_ = -2;
  constexpr explicit Rate(std::int64_t n) noexcept : nanos_(n < 0 ? malformed_ : n) {}
  std::int64_t nanos_ = unknown_;
};

/// `per_million("0.05")`: five cents a million tokens, to the nano-dollar. Finer, negative or no number at all: malformed.
constexpr Rate per_million(std::string_view dollars) noexcept { return Rate(detail::decimal(dollars, 9)); }
/// `per_1k("0.0006")`: the same for prices that are quoted per thousand tokens.
constexpr Rate per_1k(std::string_view dollars) noexcept { return Rate(detail::decimal(dollars, 12)); }

Rate per_million(double) = delete;  // a bare number is rounded before anybody sees it: write "0.05"
Rate per_1k(double) = delete;

/// What an offer charges. Input that is read from a cache or written to one costs what other input does, where the vendor
/// names no price for it.
struct Price {
  Rate input{};
  Rate output{};
  Rate cached{};
  Rate cache_write{};

  constexpr bool known() const noexcept { return input.known() && output.known(); }
  constexpr bool malformed() const noexcept {
    return input.malformed() || output.malformed() || cached.malformed() || cache_write.malformed();
  }
  static constexpr Price zero() noexcept { return {Rate::zero(), Rate::zero(), Rate::zero(), Rate::zero()}; }

  /// What that many tokens cost, rounded up to a nano-dollar. `cached_tokens` and `written_tokens` are parts of
  /// `input_tokens`.
  constexpr Money of(std::int64_t input_tokens, std::int64_t output_tokens, std::int64_t cached_tokens = 0,
                     std::int64_t written_tokens = 0) const noexcept {
    const std::int64_t all = input_tokens < 0 ? 0 : input_tokens, out = output_tokens < 0 ? 0 : output_tokens;
    const std::int64_t hit = part(cached_tokens, all), written = part(written_tokens, all - hit), in = all - written;
    const Rate cached_rate = cached.known() ? cached : input, written_rate = cache_write.known() ? cache_write : input;
#if defined(__GNUC__)
    // Almost always all of it fits into 64 bits, and a score asks often.
    std::int64_t a = 0, b = 0, c = 0, d = 0;
    if (!__builtin_mul_overflow(in - hit, input.nanos_per_million(), &a) &&
        !__builtin_mul_overflow(hit, cached_rate.nanos_per_million(), &b) &&
        !__builtin_mul_overflow(out, output.nanos_per_million(), &c) &&
        !__builtin_mul_overflow(written, written_rate.nanos_per_million(), &d) && !__builtin_add_overflow(a, b, &a) &&
        !__builtin_add_overflow(a, c, &a) && !__builtin_add_overflow(a, d, &a))
      return Money::nanos(a / 1'000'000 + (a % 1'000'000 != 0));
#endif
    std::int64_t whole = 0, parts = 0;  // parts: millionths of a nano-dollar
    add(whole, parts, in - hit, input);
    add(whole, parts, hit, cached_rate);
    add(whole, parts, written, written_rate);
    add(whole, parts, out, output);
    return Money::nanos(detail::saturating_add(whole, parts / 1'000'000 + (parts % 1'000'000 != 0)));
  }

  friend constexpr bool operator==(const Price&, const Price&) noexcept = default;

 private:
  static constexpr std::int64_t part(std::int64_t tokens, std::int64_t of) noexcept {
    return tokens < 0 ? 0 : tokens > of ? of : tokens;
  }
  static constexpr void add(std::int64_t& whole, std::int64_t& parts, std::int64_t tokens, Rate rate) noexcept {
    const std::int64_t nanos = rate.nanos_per_million();
    whole = detail::saturating_add(whole, detail::saturating_multiply(tokens, nanos / 1'000'000));
    whole = detail::saturating_add(whole, detail::saturating_multiply(tokens / 1'000'000, nanos % 1'000'000));
    parts += tokens % 1'000'000 * (nanos % 1'000'000);
  }
};

/// What a request cost, and how well that is known.
struct Cost {
  enum class Source : std::uint8_t {
    unknown,    ///< the offer names no price, or the answer no usage and nothing could be estimated
    estimated,  ///< the price is known, the usage was estimated
    usage,      ///< price times the usage that the provider reported
    billed      ///< the provider's own cost field
  };
  Money amount{};
  Source source = Source::unknown;

  constexpr bool known() const noexcept { return source != Source::unknown; }
  constexpr bool exact() const noexcept { return source == Source::usage || source == Source::billed; }

  template <class Stream>
    requires requires(Stream& s) { s << std::string_view{}; }
  friend Stream& operator<<(Stream& out, const Cost& c) {
    if (c.known()) out << c.amount;
    else out << std::string_view("unknown");
    return out;
  }
};

}  // namespace llmroute

#endif
