// SPDX-License-Identifier: MIT
#include "llmroute/time.hpp"

#include <iomanip>
#include <sstream>
#include <string>
#include <type_traits>

#include "catch.hpp"

using namespace std::chrono_literals;
using llmroute::Duration;
using llmroute::Elapsed;
using llmroute::Time;

namespace {

std::string said(Elapsed e) {
  std::ostringstream out;
  out << e;
  return out.str();
}

}  // namespace

TEST_CASE("a time that lies beyond the scale is held at its end") {
  constexpr Time start{5s};
  STATIC_REQUIRE(llmroute::later(start, 2s) == Time{7s});
  STATIC_REQUIRE(llmroute::later(start, -2s) == Time{3s});
  STATIC_REQUIRE(llmroute::later(start, 0s) == start);
  STATIC_REQUIRE(llmroute::later(start, Duration::max()) == llmroute::never);
  STATIC_REQUIRE(llmroute::later(llmroute::never, 1ns) == llmroute::never);
  STATIC_REQUIRE(llmroute::later(llmroute::never - 1ns, 1ns) == llmroute::never);
  STATIC_REQUIRE(llmroute::later(Time{-5s}, Duration::min()) == Time::min());
  STATIC_REQUIRE(llmroute::later(Time::min(), Duration::min()) == Time::min());
  STATIC_REQUIRE(llmroute::later(Time::min(), Duration::max()) == Time{-1ns});
}

TEST_CASE("the shorter, the longer and the sooner of two are what they say") {
  STATIC_REQUIRE(llmroute::shorter(1s, 2s) == 1s);
  STATIC_REQUIRE(llmroute::shorter(2s, 1s) == 1s);
  STATIC_REQUIRE(llmroute::longer(1s, 2s) == 2s);
  STATIC_REQUIRE(llmroute::longer(2s, 1s) == 2s);
  STATIC_REQUIRE(llmroute::sooner(Time{1s}, llmroute::never) == Time{1s});
  STATIC_REQUIRE(llmroute::sooner(llmroute::never, Time{1s}) == Time{1s});
}

TEST_CASE("an elapsed time says itself in a unit that a person reads") {
  CHECK(said({}) == "0 ns");
  CHECK(said(9'999ns) == "9999 ns");
  CHECK(said(10us) == "10 us");
  CHECK(said(420ms) == "420 ms");
  CHECK(said(9'999'999us) == "9999 ms");
  CHECK(said(10s) == "10 s");
  CHECK(said(7'199s) == "7199 s");
  CHECK(said(2h) == "120 min");
  CHECK(said(10h) == "10 h");
  CHECK(said(-101h) == "-4 d");
  CHECK(said(-420ms) == "-420 ms");
}

TEST_CASE("the longest and the most negative elapsed time can be said") {
  CHECK(said(Duration::max()) == "106751 d");
  CHECK(said(Duration::min()) == "-106751 d");
}

TEST_CASE("an elapsed time is a duration like any other") {
  const Elapsed e = 1500us;
  CHECK(e < 2ms);
  CHECK(e == 1500us);
  CHECK(e + 500us == 2ms);
  CHECK(std::chrono::duration_cast<std::chrono::milliseconds>(e) == 1ms);
  STATIC_REQUIRE(std::is_trivially_copyable_v<Elapsed>);
  STATIC_REQUIRE(!std::is_convertible_v<std::chrono::duration<double>, Elapsed>);  // it would lose what lies below a nanosecond
  STATIC_REQUIRE(!std::is_convertible_v<int, Elapsed>);
}

TEST_CASE("an elapsed time is one text, so that a width holds for all of it") {
  CHECK(Elapsed(420ms).text() == "420 ms");
  std::ostringstream out;
  out << std::setw(8) << Elapsed(420ms) << '|';
  CHECK(out.str() == "  420 ms|");
}
