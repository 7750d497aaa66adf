// SPDX-License-Identifier: MIT
//
// JSON numbers to and from C++ numbers: exact, correctly rounded, the same on every standard library and in every
// locale. All of it is integer arithmetic, so neither -ffast-math nor the rounding mode can change a digit.
#ifndef LLMROUTE_WIRE_NUMBER_HPP
#define LLMROUTE_WIRE_NUMBER_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace llmroute::json {

static_assert(std::numeric_limits<double>::is_iec559, "llmroute reads and writes IEEE 754 doubles");

namespace detail {

// By the bits: -ffast-math takes the usual ways of asking away.
inline bool is_finite(double value) noexcept { return (std::bit_cast<std::uint64_t>(value) >> 52 & 0x7FF) != 0x7FF; }

// A natural number of up to 2816 bits. The largest one here has 2660: 800 digits, to be divided by a power of five.
class Natural {
 public:
  explicit Natural(std::uint64_t value = 0) noexcept {
    for (; value != 0; value >>= 32) limbs_[size_++] = static_cast<std::uint32_t>(value);
  }

  [[nodiscard]] bool is_zero() const noexcept { return size_ == 0; }
  [[nodiscard]] int bits() const noexcept {
    return size_ == 0 ? 0 : static_cast<int>(size_ * 32) - std::countl_zero(limbs_[size_ - 1]);
  }

  void multiply_add(std::uint32_t factor, std::uint32_t addend) noexcept {
    std::uint64_t carry = addend;
    for (std::size_t i = 0; i < size_; ++i) {
      carry += std::uint64_t{limbs_[i]} * factor;
      limbs_[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) limbs_[size_++] = static_cast<std::uint32_t>(carry);
  }

  void times_power_of_five(int exponent) noexcept {
    for (; exponent >= 13; exponent -= 13) multiply_add(1220703125, 0);
    for (; exponent > 0; --exponent) multiply_add(5, 0);
  }

  void times_power_of_two(int exponent) noexcept {
    if (size_ == 0 || exponent <= 0) return;
    const auto whole = static_cast<std::size_t>(exponent / 32);
    for (std::size_t i = size_; whole != 0 && i-- > 0;) limbs_[i + whole] = limbs_[i];
    for (std::size_t i = 0; i < whole; ++i) limbs_[i] = 0;
    size_ += whole;
    if (exponent % 32 != 0) multiply_add(std::uint32_t{1} << (exponent % 32), 0);
  }

  // Nothing for an exponent that is not positive, like the two above.
  void times_power_of_ten(int exponent) noexcept {
    times_power_of_five(exponent);
    times_power_of_two(exponent);
  }

  void add(const Natural& other) noexcept {
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < other.size_ || (carry != 0 && i < size_); ++i) {
      if (i == size_) limbs_[size_++] = 0;
      carry += std::uint64_t{limbs_[i]} + (i < other.size_ ? other.limbs_[i] : 0);
      limbs_[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) limbs_[size_++] = static_cast<std::uint32_t>(carry);
  }

  // Takes `other` away, which must not be larger.
  void subtract(const Natural& other) noexcept {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < other.size_ || borrow != 0; ++i) {
      const std::uint64_t less = borrow + (i < other.size_ ? other.limbs_[i] : 0);
      borrow = limbs_[i] < less ? 1 : 0;
      limbs_[i] = static_cast<std::uint32_t>(limbs_[i] - less);
    }
    while (size_ != 0 && limbs_[size_ - 1] == 0) --size_;
  }

  // Negative, zero or positive, as this number is smaller than, equal to or larger than the other.
  [[nodiscard]] int compare(const Natural& other) const noexcept {
    if (size_ != other.size_) return size_ < other.size_ ? -1 : 1;
    for (std::size_t i = size_; i-- > 0;) {
      if (limbs_[i] != other.limbs_[i]) return limbs_[i] < other.limbs_[i] ? -1 : 1;
    }
    return 0;
  }

 private:
  std::array<std::uint32_t, 88> limbs_;  // the first size_ are set
  std::size_t size_ = 0;
};

// What a JSON number says: `digits` * 10^`exponent`.
struct Decimal {
  std::string_view digits;    // from the first to the last that is not 0; the point may be among them
  std::int64_t count = 0;     // of those digits; none for zero
  std::int64_t exponent = 0;  // of the last of them
  bool negative = false;
};

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

constexpr Decimal decimal(std::string_view number) noexcept {
  Decimal result;
  std::size_t at = 0, first = 0, last = 0;
  std::int64_t seen = 0, before_point = -1, seen_first = 0, seen_last = -1;
  if (!number.empty() && number[0] == '-') {
    result.negative = true;
    ++at;
  }
  for (; at < number.size() && (is_digit(number[at]) || number[at] == '.'); ++at) {
    if (number[at] == '.') {
      before_point = seen;
      continue;
    }
    if (number[at] != '0') {
      if (seen_last < 0) first = at, seen_first = seen;
      last = at, seen_last = seen;
    }
    ++seen;
  }
  if (seen_last < 0) return result;
  std::int64_t exponent = 0;
  if (at < number.size()) {  // at the e
    const bool minus = ++at < number.size() && number[at] == '-';
    if (at < number.size() && !is_digit(number[at])) ++at;
    for (; at < number.size() && is_digit(number[at]); ++at) {
      // Saturates far above what a text's own length could make up for.
      if (exponent < 1'000'000'000'000'000) exponent = exponent * 10 + (number[at] - '0');
    }
    if (minus) exponent = -exponent;
  }
  result.digits = number.substr(first, last - first + 1);
  result.count = seen_last - seen_first + 1;
  result.exponent = exponent + (before_point < 0 ? seen : before_point) - 1 - seen_last;
  return result;
}

// `mantissa` * 2^`exponent`, rounded half to even; the mantissa is not 0, and its lowest bit may stand for many.
inline double assemble(std::uint64_t mantissa, int exponent) noexcept {
  const int zeros = std::countl_zero(mantissa);
  mantissa <<= zeros;
  const int top = exponent - zeros + 63;  // 2^top <= value < 2^(top + 1)
  const int dropped = top < -1022 ? 11 - 1022 - top : 11;
  if (top > 1023) return std::numeric_limits<double>::infinity();
  if (dropped > 64) return 0;
  std::uint64_t kept = dropped == 64 ? 0 : mantissa >> dropped;
  const std::uint64_t rest = dropped == 64 ? mantissa : mantissa << (64 - dropped);
  constexpr std::uint64_t half = std::uint64_t{1} << 63;
  if (rest > half || (rest == half && (kept & 1) != 0)) ++kept;
  // The leading bit of a normal number adds 1 to the exponent, and so does a carry out of the rounding.
  if (top >= -1022) kept += static_cast<std::uint64_t>(top + 1022) << 52;
  return std::bit_cast<double>(kept);
}

inline double nearest_double(const Decimal& number) noexcept {
  const std::int64_t magnitude = number.exponent + number.count;  // 10^(magnitude - 1) <= value < 10^magnitude
  if (number.count == 0 || magnitude < -323) return 0;
  if (magnitude > 309) return std::numeric_limits<double>::infinity();
  // No double and no midpoint of two has more than 768 digits: behind 799 only "and something more" can matter.
  constexpr std::int64_t most = 799;
  Natural dividend;
  std::uint32_t chunk = 0, scale = 1;
  std::int64_t taken = 0;
  for (const char c : number.digits) {
    if (c == '.') continue;
    chunk = chunk * 10 + static_cast<std::uint32_t>(taken == most ? 1 : c - '0');
    scale *= 10;
    if (++taken > most) break;
    if (scale == 1'000'000'000) {
      dividend.multiply_add(scale, chunk);
      chunk = 0, scale = 1;
    }
  }
  dividend.multiply_add(scale, chunk);
  const auto exponent = static_cast<int>(number.exponent + number.count - taken);
  Natural divisor(1);
  dividend.times_power_of_five(exponent);
  divisor.times_power_of_five(-exponent);
  const int shift = divisor.bits() - dividend.bits();
  dividend.times_power_of_two(shift);
  divisor.times_power_of_two(-shift);
  std::uint64_t quotient = 0;  // of two numbers of equal length, so 63 of its 64 bits count at least
  for (int i = 0; i < 64; ++i) {
    quotient <<= 1;
    if (dividend.compare(divisor) >= 0) {
      dividend.subtract(divisor);
      quotient |= 1;
    }
    dividend.times_power_of_two(1);
  }
  return assemble(quotient | (dividend.is_zero() ? 0 : 1), exponent - shift - 63);
}

// The fewest digits that read back as `value`, which is finite and not 0: 0.DIGITS * 10^point.
struct Shortest {
  std::array<char, 17> digits;
  std::size_t count = 0;
  int point = 0;
};

// Steele and White's algorithm as Burger and Dybvig have it. The value is rest / unit, and whatever lies less than
// low / unit below it or high / unit above it (or exactly there, if the mantissa is even) reads back as the value.
inline Shortest shortest(double value) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto biased = static_cast<int>(bits >> 52 & 0x7FF);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  const std::uint64_t mantissa = biased == 0 ? fraction : fraction | std::uint64_t{1} << 52;
  const int exponent = (biased == 0 ? 1 : biased) - 1075;
  const int wider = fraction == 0 && biased > 1 ? 1 : 0;  // the gap above a power of two is twice the one below
  const int if_even = mantissa % 2 == 0 ? 1 : 0;
  Natural rest(mantissa), unit(1), low(1), high(1);
  for (Natural* number : {&rest, &low, &high}) number->times_power_of_two(exponent);
  unit.times_power_of_two(-exponent);
  for (Natural* number : {&rest, &unit}) number->times_power_of_two(1 + wider);
  high.times_power_of_two(wider);

  const auto reaches_unit = [&] {
    Natural upper = rest;
    upper.add(high);
    return upper.compare(unit) >= 1 - if_even;
  };
  Shortest result;
  // Where the point belongs, by the logarithm (1233 / 4096 is log10(2)): never too far right, at most 2 too far left.
  result.point = ((exponent + 63 - std::countl_zero(mantissa)) * 1233) >> 12;
  unit.times_power_of_ten(result.point);
  for (Natural* number : {&rest, &low, &high}) number->times_power_of_ten(-result.point);
  for (; reaches_unit(); ++result.point) unit.multiply_add(10, 0);

  for (bool more = true; more; ++result.count) {
    for (Natural* number : {&rest, &low, &high}) number->multiply_add(10, 0);
    int digit = 0;
    for (; rest.compare(unit) >= 0; ++digit) rest.subtract(unit);
    const bool down = rest.compare(low) < if_even;
    const bool up = reaches_unit();
    more = !down && !up;
    if (down && up) rest.times_power_of_two(1);  // both will do: the nearer one, or the even one of two equally near
    if (up && (!down || rest.compare(unit) >= 1 - digit % 2)) ++digit;
    result.digits[result.count] = static_cast<char>('0' + digit);
  }
  return result;
}

}  // namespace detail

/// The double nearest to a JSON number, infinite if there is none that large. The text must follow the grammar.
[[nodiscard]] inline double to_double(std::string_view number) noexcept {
  const detail::Decimal decimal = detail::decimal(number);
  const double result = detail::nearest_double(decimal);
  return decimal.negative ? -result : result;
}

/// The integer that a JSON number is, also when it is written as 3.0 or 1e3; nothing if it is none or does not fit.
[[nodiscard]] constexpr std::optional<std::int64_t> to_integer(std::string_view number) noexcept {
  const detail::Decimal decimal = detail::decimal(number);
  if (decimal.count == 0) return 0;
  if (decimal.exponent < 0 || decimal.exponent + decimal.count > 19) return std::nullopt;
  std::uint64_t value = 0;  // below 10^19, which fits
  for (const char c : decimal.digits) {
    if (c != '.') value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  for (std::int64_t i = 0; i < decimal.exponent; ++i) value *= 10;
  if (value > (std::uint64_t{1} << 63) - (decimal.negative ? 0 : 1)) return std::nullopt;
  return static_cast<std::int64_t>(decimal.negative ? 0 - value : value);
}

/// Appends a natural number.
inline void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  std::size_t first = digits.size();
  do {
    digits[--first] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  out.append(digits.data() + first, digits.size() - first);
}

/// Appends the shortest number that reads back as the same double; `null` for an infinite one or NaN, which JSON lacks.
inline void append_number(std::string& out, double value) {
  if (!detail::is_finite(value)) {
    out.append("null");
    return;
  }
  const auto bits = std::bit_cast<std::uint64_t>(value);
  if (bits >> 63 != 0) out.push_back('-');
  if (bits << 1 == 0) {
    out.push_back('0');
    return;
  }
  const detail::Shortest shortest = detail::shortest(value);
  const std::string_view digits(shortest.digits.data(), shortest.count);
  const int point = shortest.point;
  const auto whole = static_cast<std::size_t>(point > 0 ? point : 0);
  // What people would not write out gets an exponent; where that begins is the rule of ECMAScript.
  if (point > 21 || point < -5) {
    out.push_back(digits[0]);
    if (digits.size() > 1) out.append(".").append(digits.substr(1));
    out.append(point > 0 ? "e+" : "e-");
    append_number(out, static_cast<std::uint64_t>(point > 0 ? point - 1 : 1 - point));
  } else if (point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else if (whole >= digits.size()) {
    out.append(digits).append(whole - digits.size(), '0');
  } else {
    out.append(digits.substr(0, whole)).append(".").append(digits.substr(whole));
  }
}

}  // namespace llmroute::json

#endif
