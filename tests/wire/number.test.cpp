// SPDX-License-Identifier: MIT
#include "llmroute/wire/number.hpp"

#include <bit>
#include <clocale>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <locale>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "../catch.hpp"

namespace json = llmroute::json;

namespace {

std::uint64_t bits_of(double value) { return std::bit_cast<std::uint64_t>(value); }

std::string shown(double value) {
  std::string text = "=";
  json::append_number(text, value);
  return text.substr(1);
}

std::string printed(double value, int digits) {
  char text[1100];
  std::snprintf(text, sizeof text, "%.*e", digits, value);
  return text;
}

double random_double(std::mt19937_64& random) {
  for (;;) {
    std::uint64_t bits = random();
    switch (random() % 4) {
      case 0: break;
      case 1: bits &= ~((std::uint64_t{1} << 52) - 1); break;  // powers of two
      case 2: bits &= ~(std::uint64_t{0x7FF} << 52); break;    // denormals
      default: bits = bits_of(static_cast<double>(random() % 100'000) / static_cast<double>(1 + random() % 1000));
    }
    if (const double value = std::bit_cast<double>(bits); std::isfinite(value)) return value;
  }
}

}  // namespace

TEST_CASE("a number is read as the double nearest to it") {
  struct Case {
    const char* text;
    double value;
  };
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Case cases[] = {
      {"0", 0.0},
      {"-0", -0.0},
      {"0e99999999999999999999", 0.0},
      {"0.000", 0.0},
      {"7", 7.0},
      {"0.7", 0.7},
      {"-12.5E+1", -125.0},
      {"120e-1", 12.0},
      {"1000000000000000000000000000000e-30", 1.0},
      {"0.0000025", 0x1.4f8b588e368f1p-19},
      {"9007199254740993", 9007199254740992.0},                                  // a tie, down to even
      {"9007199254740993.0000000000000000000000000000001", 9007199254740994.0},  // and a hair above it
      {"9007199254740995", 9007199254740996.0},                                  // a tie, up to even
      {"4.9406564584124654e-324", 0x1p-1074},
      {"2.4703282292062327e-324", 0.0},
      {"2.4703282292062328e-324", 0x1p-1074},
      {"2.2250738585072011e-308", 0x0.fffffffffffffp-1022},  // hung PHP and Java once
      {"2.2250738585072014e-308", 0x1p-1022},
      {"2.2250738585072012e-308", 0x1p-1022},
      {"1.7976931348623157e308", 0x1.fffffffffffffp+1023},
      {"1.7976931348623158e308", 0x1.fffffffffffffp+1023},
      {"1.7976931348623159e308", infinity},
      {"-1e309", -infinity},
      {"1e99999999999999999999", infinity},
      {"1e-99999999999999999999", 0.0},
      {"-1e-400", -0.0},
      {"123456789012345678901234567890", 0x1.8ee90ff6c373ep+96},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK(bits_of(json::to_double(c.text)) == bits_of(c.value));
  }
}

TEST_CASE("digits however far behind decide between two doubles") {
  // Half of the smallest double is 751 digits long; one more digit, or a thousand zeros and then one, tips the scale.
  char half[1200];
  std::snprintf(half, sizeof half, "%.750e", 0x1p-1074);
  // 2^-1075 = 2^-1074 / 2: done by hand on the decimal digits.
  std::string digits(half, 752), halved;
  int rest = 0;
  for (const char c : digits + "0") {
    if (c == '.') {
      halved += c;
      continue;
    }
    const int value = rest * 10 + (c - '0');
    halved += static_cast<char>('0' + value / 2);
    rest = value % 2;
  }
  CHECK(rest == 0);
  CHECK(bits_of(json::to_double(halved + "e-324")) == 0);
  CHECK(bits_of(json::to_double(halved + "1e-324")) == 1);
  CHECK(bits_of(json::to_double(halved + std::string(1000, '0') + "e-324")) == 0);
  CHECK(bits_of(json::to_double(halved + std::string(1000, '0') + "1e-324")) == 1);
  CHECK(json::to_double("0." + std::string(100'000, '0') + "25e100000") == 0.25);
  CHECK(json::to_double("25" + std::string(100'000, '0') + "e-100002") == 0.25);
  CHECK(json::to_double(std::string(100'000, '9') + "e-100000") == 1.0);
}

TEST_CASE("any decimal reads as the C library reads it") {
  INFO("seed " << tests::seed());
  std::mt19937_64 random(tests::seed());
  for (int i = 0; i < 20'000; ++i) {
    const double value = random_double(random);
    std::string text;
    switch (random() % 4) {
      case 0: text = printed(value, static_cast<int>(random() % 25)); break;
      case 1: text = printed(value, 740 + static_cast<int>(random() % 80)); break;
      case 2:
        text = std::to_string(random()) + "." + std::to_string(random()) + "e" + std::to_string(random() % 660);
        if (const std::size_t e = text.find('e'); random() % 2 == 0) text.insert(e + 1, "-");
        break;
      default: {  // the midpoint between two neighbours, or a hair beside it
        const double above = std::nextafter(value, std::numeric_limits<double>::max());
        const long double middle = (static_cast<long double>(value) + static_cast<long double>(above)) / 2;
        char digits[1100];
        std::snprintf(digits, sizeof digits, "%.780Le", middle);
        text = digits;
        if (const std::size_t e = text.find('e'); random() % 2 == 0) text.insert(e, random() % 2 == 0 ? "0001" : "00");
      }
    }
    const double expected = std::strtod(text.c_str(), nullptr);
    if (bits_of(json::to_double(text)) != bits_of(expected)) {
      CAPTURE(text);
      CHECK(json::to_double(text) == expected);
    }
  }
  SUCCEED();
}

TEST_CASE("a double is written in the fewest digits, the way people write it") {
  struct Case {
    double value;
    const char* text;
  };
  const Case cases[] = {
      {0.0, "0"},
      {-0.0, "-0"},
      {1.0, "1"},
      {-2.0, "-2"},
      {0.7, "0.7"},
      {0.1 + 0.2, "0.30000000000000004"},
      {100.0, "100"},
      {1.0 / 3.0, "0.3333333333333333"},
      {123456.789, "123456.789"},
      {0.000001, "0.000001"},
      {0.0000025, "0.0000025"},
      {0.00000025, "2.5e-7"},
      {1e-7, "1e-7"},
      {1e20, "100000000000000000000"},
      {123456789012345680000.0, "123456789012345680000"},
      {1e21, "1e+21"},
      {1e22, "1e+22"},
      {1e23, "1e+23"},
      {9007199254740993.0, "9007199254740992"},
      {5e-324, "5e-324"},
      {2.2250738585072014e-308, "2.2250738585072014e-308"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {0x1p-25, "2.9802322387695312e-8"},                  // two are equally near: the even one
      {590310000000000000000.0, "590310000000000000000"},  // the lower end of the interval, which an even mantissa owns
      {0x1p-44, "5.684341886080802e-14"},                  // the gap below a power of two is narrower
      {std::numeric_limits<double>::infinity(), "null"},
      {-std::numeric_limits<double>::infinity(), "null"},
      {std::numeric_limits<double>::quiet_NaN(), "null"},
  };
  for (const Case& c : cases) CHECK(shown(c.value) == c.text);
}

TEST_CASE("what is written reads back as the same double, and no shorter number would") {
  INFO("seed " << tests::seed());
  std::mt19937_64 random(tests::seed());
  for (int i = 0; i < 20'000; ++i) {
    const double value = random_double(random);
    const std::string text = shown(value);
    // The C library's nearest number with n digits: the first n that reads back bounds what may be written.
    int fewest = 0;
    while (std::strtod(printed(value, fewest).c_str(), nullptr) != value) ++fewest;
    std::string digits;
    for (const char c : text.substr(0, text.find('e'))) {
      if (c >= '0' && c <= '9' && !(digits.empty() && c == '0')) digits += c;
    }
    while (!digits.empty() && digits.back() == '0') digits.pop_back();
    const bool good = bits_of(json::to_double(text)) == bits_of(value) && std::strtod(text.c_str(), nullptr) == value &&
                      digits.size() <= static_cast<std::size_t>(fewest + 1);
    if (!good) {
      CAPTURE(text, digits, fewest);
      CHECK(good);
    }
  }
  SUCCEED();
}

TEST_CASE("an integer is taken whenever the number is one, however it is written") {
  using Integer = std::optional<std::int64_t>;
  struct Case {
    const char* text;
    Integer value;
  };
  const Case cases[] = {
      {"0", 0},
      {"-0", 0},
      {"0.0e5", 0},
      {"42", 42},
      {"-42", -42},
      {"3.0", 3},
      {"1e3", 1000},
      {"12.50E1", 125},
      {"1200e-2", 12},
      {"12e-1", {}},
      {"0.5", {}},
      {"9007199254740993", 9007199254740993},
      {"9223372036854775807", (std::numeric_limits<std::int64_t>::max)()},
      {"9223372036854775808", {}},
      {"-9223372036854775808", (std::numeric_limits<std::int64_t>::min)()},
      {"-9223372036854775809", {}},
      {"9999999999999999999", {}},
      {"10000000000000000000", {}},
      {"18446744073709551617", {}},
      {"922337203685477580700e-2", (std::numeric_limits<std::int64_t>::max)()},
      {"1e18", 1'000'000'000'000'000'000},
      {"1e19", {}},
      {"1e999999999999999999999999", {}},
      {"1e-999999999999999999999999", {}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK(json::to_integer(c.text) == c.value);
  }
  static_assert(json::to_integer("-12.0") == -12);
}

TEST_CASE("natural numbers are written in full") {
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{10}, std::uint64_t{1234567890},
                                    (std::numeric_limits<std::uint64_t>::max)()}) {
    std::string text;
    json::append_number(text, value);
    CHECK(text == std::to_string(value));
  }
}

TEST_CASE("a locale with other points and thousands changes no number") {
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Comma));
  const std::string c_before = std::setlocale(LC_ALL, nullptr);
  for (const char* const name : {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "German"})
    if (std::setlocale(LC_ALL, name) != nullptr) break;
  const double read = json::to_double("1234.5");
  const auto whole = json::to_integer("1234567");
  std::string written;
  json::append_number(written, 1234567.25);
  std::setlocale(LC_ALL, c_before.c_str());
  std::locale::global(before);
  CHECK(read == 1234.5);
  CHECK(whole == 1234567);
  CHECK(written == "1234567.25");
}

TEST_CASE("public tables of doubles are read to the bit") {
  const char* const folder = std::getenv("LLMROUTE_CONFORMANCE");
  if (folder == nullptr) {
    WARN("skipped: LLMROUTE_CONFORMANCE is not set");
    return;
  }
  std::ifstream table(std::string(folder) + "/json/doubles/doubles.tsv");
  REQUIRE(table);
  std::string number, bits, rest;
  std::getline(table, rest);
  int rows = 0;
  for (; std::getline(table, number, '\t') && std::getline(table, bits, '\t') && std::getline(table, rest); ++rows) {
    CAPTURE(number);
    CHECK(bits_of(json::to_double(number)) == std::stoull(bits, nullptr, 16));
  }
  CHECK(rows >= 93);
}
