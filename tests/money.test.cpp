// SPDX-License-Identifier: MIT
#include "llmroute/money.hpp"

#include <cstdint>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <type_traits>

#include "catch.hpp"

using llmroute::Cost;
using llmroute::dollars;
using llmroute::Money;
using llmroute::per_1k;
using llmroute::per_million;
using llmroute::Price;
using llmroute::Rate;

namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();

constexpr Price flat(const char* dollars) { return {.input = per_million(dollars), .output = per_million(dollars)}; }

template <class T>
concept PricesTakeIt = requires(T t) { per_million(t); } || requires(T t) { per_1k(t); };

}  // namespace

TEST_CASE("a price per million tokens is exact to the nano-dollar") {
  STATIC_REQUIRE(per_million("0.05").nanos_per_million() == 50'000'000);
  STATIC_REQUIRE(per_million("0.0375").nanos_per_million() == 37'500'000);
  STATIC_REQUIRE(per_million("15").nanos_per_million() == 15'000'000'000);
  STATIC_REQUIRE(per_million(".5") == per_million("0.5"));
  STATIC_REQUIRE(per_million("5.") == per_million("5"));
  STATIC_REQUIRE(per_million("007") == per_million("7"));
  STATIC_REQUIRE(per_million("0.000000001").nanos_per_million() == 1);
  STATIC_REQUIRE(per_million("1.00000000000000") == per_million("1"));  // zeros are not finer
  STATIC_REQUIRE(per_million("9223372036.854775807").nanos_per_million() == most);
  STATIC_REQUIRE(per_million("0") == Rate::zero());
}

TEST_CASE("a price per thousand tokens is the same price per million") {
  STATIC_REQUIRE(per_1k("0.0006") == per_million("0.6"));
  STATIC_REQUIRE(per_1k("0.005") == per_million("5"));
  STATIC_REQUIRE(per_1k("0.000000000001").nanos_per_million() == 1);
  STATIC_REQUIRE(per_1k("9223372.036854775807").nanos_per_million() == most);
}

TEST_CASE("what is no price is malformed, and neither free nor merely unknown") {
  for (const char* text : {"",
                           ".",
                           "-1",
                           "-0",
                           "+1",
                           "1e-3",
                           "1.2.3",
                           "1,5",
                           " 1",
                           "1 ",
                           "$1",
                           "0x10",
                           "NaN",
                           "inf",
                           "1.0000000001",
                           "18446744074",
                           "18446744073709551617",
                           "9223372036.854775808",
                           "9223372037",
                           "99999999999999999999999999999999999999",
                           "\x30\xB2"}) {
    CAPTURE(text);
    CHECK(per_million(text).malformed());
    CHECK_FALSE(per_million(text).known());
    CHECK(per_million(text).nanos_per_million() == 0);
    CHECK(per_million(text) != Rate{});
  }
  CHECK(per_1k("0.0000000000001").malformed());
  CHECK(per_1k("9223372.036854775808").malformed());
  CHECK(Price{.cached = per_million("?")}.malformed());
  CHECK(Price{.input = per_million("?")}.malformed());
  CHECK(Price{.output = per_million("?")}.malformed());
  CHECK_FALSE(Price{}.malformed());
}

TEST_CASE("an unknown price is not zero, and a free one is known") {
  STATIC_REQUIRE(!Rate{}.known());
  STATIC_REQUIRE(!Rate{}.malformed());
  STATIC_REQUIRE(Rate::zero().known());
  STATIC_REQUIRE(Rate{} != Rate::zero());
  STATIC_REQUIRE(!Price{}.known());
  STATIC_REQUIRE(Price::zero().known());
  STATIC_REQUIRE(!Price{.input = per_million("1")}.known());
  STATIC_REQUIRE(!Price{.output = per_million("1")}.known());
  STATIC_REQUIRE(flat("1").known());
  STATIC_REQUIRE(Price::zero().of(1'000'000, 1'000'000) == Money{});
}

TEST_CASE("there is no bare number where money is meant") {
  STATIC_REQUIRE(PricesTakeIt<const char*>);
  STATIC_REQUIRE(!PricesTakeIt<double>);
  STATIC_REQUIRE(!PricesTakeIt<float>);
  STATIC_REQUIRE(!PricesTakeIt<int>);
  STATIC_REQUIRE(!PricesTakeIt<std::int64_t>);
  STATIC_REQUIRE(!std::is_constructible_v<Money, double>);
  STATIC_REQUIRE(!std::is_constructible_v<Money, std::int64_t>);
  STATIC_REQUIRE(!std::is_constructible_v<Rate, double>);
  STATIC_REQUIRE(!std::is_constructible_v<Rate, std::int64_t>);
  STATIC_REQUIRE(!std::is_convertible_v<Money, double>);
  STATIC_REQUIRE(!std::is_convertible_v<int, Price>);
}

TEST_CASE("a hundred tokens in and 256 out cost what the vendors' lists say") {
  CHECK(flat("0.06").of(100, 256).text() == "0.00002136");
  CHECK((Price{.input = per_million("0.05"), .output = per_million("0.08")}.of(100, 256).text()) == "0.00002548");
  CHECK(flat("0.18").of(100, 256).text() == "0.00006408");
}

TEST_CASE("a part of a nano-dollar is rounded up, once for the whole sum") {
  constexpr Price tiny = flat("0.000000001");
  STATIC_REQUIRE(tiny.of(0, 0) == Money{});
  STATIC_REQUIRE(tiny.of(1, 0) == Money::nanos(1));
  STATIC_REQUIRE(tiny.of(500'000, 500'000) == Money::nanos(1));
  STATIC_REQUIRE(tiny.of(500'000, 500'001) == Money::nanos(2));
  STATIC_REQUIRE(tiny.of(1'000'000, 0) == Money::nanos(1));
}

TEST_CASE("cached tokens are part of the input and cost less where the vendor says so") {
  constexpr Price p{.input = per_million("10"), .output = per_million("30"), .cached = per_million("1")};
  STATIC_REQUIRE(p.of(1'000'000, 0, 400'000) == Money::nanos(6'400'000'000));
  STATIC_REQUIRE(p.of(1'000'000, 0, 1'000'000) == Money::nanos(1'000'000'000));
  STATIC_REQUIRE(p.of(1'000'000, 0, 5'000'000) == p.of(1'000'000, 0, 1'000'000));  // more hits than input is a lie
  STATIC_REQUIRE(p.of(1'000'000, 0, -5) == p.of(1'000'000, 0));
  STATIC_REQUIRE(flat("10").of(1'000'000, 0, 400'000) == flat("10").of(1'000'000, 0));
  constexpr std::int64_t many = 1'000'000'000'000;  // at these prices more than one multiplication holds
  STATIC_REQUIRE(p.of(many, 0, many / 2) == Money::nanos(many / 2 / 1'000'000 * 11'000'000'000));
  constexpr Price free_hits{.input = per_million("10"), .output = per_million("30"), .cached = Rate::zero()};
  STATIC_REQUIRE(free_hits.of(1'000'000, 0, 1'000'000) == Money{});
}

TEST_CASE("tokens that are written to a cache are part of the input and cost more where the vendor says so") {
  constexpr Price p{
      .input = per_million("3"), .output = per_million("15"), .cached = per_million("0.3"), .cache_write = per_million("3.75")};
  STATIC_REQUIRE(p.of(1'000'000, 0, 0, 400'000) == Money::nanos(3'300'000'000));
  STATIC_REQUIRE(p.of(1'000'000, 0, 500'000, 400'000) == Money::nanos(150'000'000 + 1'500'000'000 + 300'000'000));
  STATIC_REQUIRE(p.of(1'000'000, 0, 800'000, 900'000) == p.of(1'000'000, 0, 800'000, 200'000));  // more parts than whole
  STATIC_REQUIRE(p.of(1'000'000, 0, 0, -5) == p.of(1'000'000, 0));
  STATIC_REQUIRE(flat("10").of(1'000'000, 0, 0, 400'000) == flat("10").of(1'000'000, 0));
  constexpr std::int64_t many = 1'000'000'000'000'000;  // at these prices more than one multiplication holds
  STATIC_REQUIRE(p.of(many, 0, 0, many) == Money::nanos(many / 1'000'000 * 3'750'000'000));
  STATIC_REQUIRE(Price{.cache_write = per_million("?")}.malformed());
}

TEST_CASE("no token count makes a cost negative or wraps it round") {
  constexpr Price p{.input = per_million("9223372036.854775807"), .output = per_million("9223372036.854775807")};
  STATIC_REQUIRE(p.of(most, most, most) == Money::most());
  STATIC_REQUIRE(p.of(2'000'000, 0) == Money::most());
  STATIC_REQUIRE(p.of(1'000'000, 0) == Money::most());
  STATIC_REQUIRE(p.of(least, -1, least) == Money{});
  STATIC_REQUIRE(flat("1").of(most, 0) == Money::most());
  STATIC_REQUIRE(flat("0.000000001").of(most, 0) == Money::nanos(most / 1'000'000 + 1));  // large and still exact
}

TEST_CASE("a cost is exactly what integers of any size would give") {
  const std::uint32_t seed = tests::seed();
  INFO("--rng-seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2'000; ++i) {
    // Small enough for the plain product to fit, large enough for both halves of the calculation to matter.
    const auto in = static_cast<std::int64_t>(random() % 2'000'000'000),
               out = static_cast<std::int64_t>(random() % 2'000'000'000);
    const auto rate_in = static_cast<std::int64_t>(random() % 2'000'000'000),
               rate_out = static_cast<std::int64_t>(random() % 2'000'000'000);
    const Price p{.input = per_million(Money::nanos(rate_in).text()), .output = per_million(Money::nanos(rate_out).text())};
    REQUIRE(p.input.nanos_per_million() == rate_in);
    REQUIRE(p.output.nanos_per_million() == rate_out);
    CAPTURE(in, out, rate_in, rate_out);
    CHECK(p.of(in, out).nanos() == (in * rate_in + out * rate_out + 999'999) / 1'000'000);
  }
}

TEST_CASE("a cost that is too large for one multiplication is as exact") {
  const std::uint32_t seed = tests::seed();
  INFO("--rng-seed " << seed);
  std::mt19937_64 random(seed);
  const auto below = [&random](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  for (int i = 0; i < 2'000; ++i) {
    // Whole millions of tokens and a rest: what the millions cost is an integer, the rest fits.
    const std::int64_t in = below(2'000'000'000), out = below(2'000'000'000), more_in = below(1'000'000);
    const std::int64_t more_out = below(1'000'000), rate_in = below(2'000'000'000), rate_out = below(2'000'000'000);
    const Price p{.input = per_million(Money::nanos(rate_in).text()), .output = per_million(Money::nanos(rate_out).text())};
    CAPTURE(in, out, more_in, more_out, rate_in, rate_out);
    CHECK(p.of(in * 1'000'000 + more_in, out * 1'000'000 + more_out).nanos() ==
          in * rate_in + out * rate_out + (more_in * rate_in + more_out * rate_out + 999'999) / 1'000'000);
  }
}

TEST_CASE("sums and differences of money stop at the ends of the scale") {
  constexpr Money one = Money::nanos(1), low = Money{} - Money::most();
  STATIC_REQUIRE(Money::most() + one == Money::most());
  STATIC_REQUIRE(Money::most() + Money::most() == Money::most());
  STATIC_REQUIRE(Money::most() - Money::nanos(5) + Money::nanos(6) == Money::most());
  STATIC_REQUIRE(Money::most() - Money::nanos(5) + Money::nanos(5) == Money::most());
  STATIC_REQUIRE(low + Money::nanos(5) - Money::nanos(6) == low);
  STATIC_REQUIRE(low - one == low);
  STATIC_REQUIRE(low + low == low);
  STATIC_REQUIRE(low - Money::most() == low);
  STATIC_REQUIRE(low + Money::most() == Money{});
  STATIC_REQUIRE(Money::most() - low == Money::most());
  STATIC_REQUIRE(Money::nanos(least) == low);
  STATIC_REQUIRE(Money::nanos(least) - Money::nanos(least) == Money{});
  STATIC_REQUIRE(Money::nanos(5) - Money::nanos(7) == Money::nanos(-2));
  Money sum = Money::nanos(3);
  sum += Money::nanos(4);
  sum -= one;
  CHECK(sum == Money::nanos(6));
  CHECK(low < Money{});
  CHECK(Money{} < one);
}

TEST_CASE("money is written with as many decimals as it takes, at least two") {
  CHECK(Money{}.text() == "0.00");
  CHECK(Money::nanos(1).text() == "0.000000001");
  CHECK(Money::nanos(1'500'000'000).text() == "1.50");
  CHECK(Money::nanos(12'345'000'000).text() == "12.345");
  CHECK(Money::nanos(-21'360).text() == "-0.00002136");
  CHECK(Money::most().text() == "9223372036.854775807");
  CHECK(Money::nanos(least).text() == "-9223372036.854775807");
  CHECK(Money::nanos(250'000'000).dollars() == Approx(0.25));
}

TEST_CASE("an amount is written as text, in the program or in a file") {
  STATIC_REQUIRE(dollars("0.02") == Money::nanos(20'000'000));
  STATIC_REQUIRE(dollars("3") == Money::nanos(3'000'000'000));
  CHECK(Money::parse("0.000000001") == Money::nanos(1));
  for (const char* wrong : {"", "-1", "0.0000000001", "2 cents", "1e-3", "99999999999"}) CHECK_FALSE(Money::parse(wrong));
}

TEST_CASE("a cost prints its amount, or that it is unknown") {
  std::ostringstream out;
  out << Cost{.amount = Money::nanos(21'360), .source = Cost::Source::usage} << ' ' << Cost{} << ' '
      << Money::nanos(10'000'000);
  CHECK(out.str() == "0.00002136 unknown 0.01");
}

TEST_CASE("a cost is exact when the provider reported it, and known also when it is estimated") {
  STATIC_REQUIRE(!Cost{}.known());
  STATIC_REQUIRE(!Cost{}.exact());
  STATIC_REQUIRE(Cost{.source = Cost::Source::estimated}.known());
  STATIC_REQUIRE(!Cost{.source = Cost::Source::estimated}.exact());
  STATIC_REQUIRE(Cost{.source = Cost::Source::usage}.exact());
  STATIC_REQUIRE(Cost{.source = Cost::Source::billed}.exact());
}
