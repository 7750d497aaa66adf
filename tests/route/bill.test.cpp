// SPDX-License-Identifier: MIT
#include "llmroute/route/bill.hpp"

#include "catch.hpp"

using namespace llmroute;

namespace {

const Price dollar_two{per_million("1"), per_million("2"), per_million("0.5")};
Offer priced(const Price& p) {
  Offer o;
  o.price = p;
  return o;
}
Outcome won() { return {.ending = Ending::won}; }
Outcome failed(Kind k) { return {.ending = Ending::failed, .kind = k}; }

}  // namespace

TEST_CASE("a cost is what the provider bills, else price times usage, else an estimate that says so") {
  const Provider p;
  Ended e{.ok = true, .status = 200, .usage = {.prompt = 100, .completion = 50, .cached = 40, .reported = true}};
  CHECK(cost_of(p, priced(dollar_two), Money::nanos(9), e, won()).amount == Money::nanos(60'000 + 20'000 + 100'000));
  CHECK(cost_of(p, priced(dollar_two), Money::nanos(9), e, won()).source == Cost::Source::usage);
  e.billed = Money::nanos(77);
  CHECK(cost_of(p, priced(dollar_two), Money::nanos(9), e, won()).amount == Money::nanos(77));
  CHECK(cost_of(p, priced(dollar_two), Money::nanos(9), e, won()).source == Cost::Source::billed);
  const Cost guess = cost_of(p, priced(dollar_two), Money::nanos(9), {.ok = true, .status = 200}, won());
  CHECK(guess.amount == Money::nanos(9));
  CHECK(guess.source == Cost::Source::estimated);
}

TEST_CASE("an unknown price is an unknown cost, and a price of zero a known one") {
  const Provider p;
  const Ended e{.ok = true, .status = 200, .usage = {.prompt = 100, .completion = 50, .reported = true}};
  CHECK_FALSE(cost_of(p, priced({}), Money(), e, won()).known());
  const Cost nothing = cost_of(p, priced(Price::zero()), Money(), {.ok = true, .status = 200}, won());
  CHECK(nothing.exact());
  CHECK(nothing.amount == Money());
}

TEST_CASE("what was refused or never sent costs nothing; what may have been worked on costs its estimate") {
  const Provider p;
  const Money estimate = Money::nanos(500);
  CHECK(cost_of(p, priced(dollar_two), estimate, {.status = 429}, failed(Kind::rate_limited)).amount == Money());
  CHECK(cost_of(p, priced(dollar_two), estimate, {}, failed(Kind::not_sent)).amount == Money());
  CHECK(cost_of(p, priced(dollar_two), estimate, {}, failed(Kind::timed_out)).amount == estimate);
  CHECK(cost_of(p, priced(dollar_two), estimate, {}, {.ending = Ending::lost}).amount == estimate);
}

TEST_CASE("a sum is known as well as its least known part") {
  Bill bill;
  CHECK_FALSE(bill.total().known());
  bill.add({Money::nanos(5), Cost::Source::billed});
  CHECK(bill.total().source == Cost::Source::billed);
  bill.add({Money::nanos(7), Cost::Source::estimated});
  bill.add({Money::nanos(1), Cost::Source::usage});
  CHECK(bill.total().amount == Money::nanos(13));
  CHECK(bill.total().source == Cost::Source::estimated);
}
