// SPDX-License-Identifier: MIT
#include "llmroute/route/reservations.hpp"

#include <string>
#include <vector>

#include "by_hand.hpp"
#include "catch.hpp"

using namespace llmroute;
using tests::named;

namespace {

struct Log {
  std::vector<std::string> lines{};
  int agree = 1'000;  // calls of reserve, over all budgets
};
template <char Name>
struct Purse {
  struct Reservation {
    char from = 0;
    std::int64_t worst = 0;
  };
  Log* log;
  std::optional<Reservation> reserve(const Query&, const Provider&, Money worst, Time) {
    log->lines.push_back(std::string("reserve ") + Name);
    if (log->agree-- <= 0) return std::nullopt;
    return Reservation{Name, worst.nanos()};
  }
  void settle(Reservation r, Money real, Time) {
    log->lines.push_back(std::string("settle ") + Name + (r.from == Name ? " " : " of another: ") +
                         std::to_string(real.nanos()));
  }
};

using Bag = tests::BagWith<Purse<'a'>, Purse<'b'>, Purse<'c'>>;
using Lines = std::vector<std::string>;

struct Fixture {
  Log log{};
  Bag bag{std::in_place, tests::NoTransport{}, tests::StillClock{}, Purse<'a'>{&log}, Purse<'b'>{&log}, Purse<'c'>{&log}};
  ChatRequest request{.messages = "Hello"};
  Options options{};
  Query query{.request = request, .options = options};
  Provider provider = named("one");
  Offer offer = Offer::assumed({}, provider);
  std::optional<std::int64_t> max_tokens{};
  Reservations<Bag> held{};

  bool take() { return held.take(bag, query, provider, offer, false, max_tokens, Time{}); }
};

}  // namespace

TEST_CASE("all budgets are asked in the order given, and each gets its own reservation back, once") {
  Fixture f;
  CHECK(f.take());
  CHECK(f.log.lines == Lines{"reserve a", "reserve b", "reserve c"});
  f.log.lines.clear();
  f.held.settle(f.bag, Money::nanos(7), Time{});
  CHECK(f.log.lines == Lines{"settle a 7", "settle b 7", "settle c 7"});
  f.held.settle(f.bag, Money::nanos(7), Time{});
  CHECK(f.log.lines.size() == 3);
}

TEST_CASE("where one refuses, those before it get theirs back with nothing spent, and those behind it are not asked") {
  for (const auto& [agree, expected] : {std::pair<int, Lines>{0, {"reserve a"}},
                                        {1, {"reserve a", "reserve b", "settle a 0"}},
                                        {2, {"reserve a", "reserve b", "reserve c", "settle a 0", "settle b 0"}}}) {
    Fixture f;
    f.log.agree = agree;
    CHECK_FALSE(f.take());
    CHECK(f.log.lines == expected);
    f.held.settle(f.bag, Money(), Time{});
    CHECK(f.log.lines == expected);
  }
}

TEST_CASE("a budget bounds the answer: by the request, else by the model, else by 4096 tokens") {
  Fixture own, model, neither;
  own.max_tokens = 77;
  model.offer.max_output = 8'192;
  for (Fixture* f : {&own, &model, &neither}) CHECK(f->take());
  CHECK(own.max_tokens == 77);
  CHECK(model.max_tokens == 8'192);
  CHECK(neither.max_tokens == 4'096);
}

TEST_CASE("without a budget nothing is bounded and nothing is reserved") {
  using NoBudget = tests::BagWith<>;
  NoBudget bag{std::in_place, tests::NoTransport{}, tests::StillClock{}};
  Fixture f;
  Reservations<NoBudget> held;
  CHECK(held.take(bag, f.query, f.provider, f.offer, false, f.max_tokens, Time{}));
  CHECK_FALSE(f.max_tokens.has_value());
}

TEST_CASE("what nobody knows the price of is reserved as all the money there is") {
  struct Sees {
    using Reservation = char;
    Money* worst;
    std::optional<char> reserve(const Query&, const Provider&, Money w, Time) { return *worst = w, 'x'; }
    void settle(char, Money, Time) {}
  };
  using One = tests::BagWith<Sees>;
  Money worst;
  One bag{std::in_place, tests::NoTransport{}, tests::StillClock{}, Sees{&worst}};
  Fixture f;
  f.max_tokens = 100;
  Reservations<One> held;
  CHECK(held.take(bag, f.query, f.provider, f.offer, false, f.max_tokens, Time{}));
  CHECK(worst >= Money::nanos(205'000));  // a token a byte of the prompt, and all of the answer
  CHECK(worst < Money::nanos(1'000'000));
  f.offer.price = {};
  Reservations<One> unknown;
  CHECK(unknown.take(bag, f.query, f.provider, f.offer, false, f.max_tokens, Time{}));
  CHECK(worst == Money::most());
}

#if LLMROUTE_EXCEPTIONS
TEST_CASE("a budget that throws when it settles keeps the others from nothing") {
  struct Thrower {
    using Reservation = char;
    std::optional<char> reserve(const Query&, const Provider&, Money, Time) { return 'x'; }
    void settle(char, Money, Time) { throw 42; }
  };
  using Two = tests::BagWith<Thrower, Purse<'b'>>;
  Fixture f;
  Two bag{std::in_place, tests::NoTransport{}, tests::StillClock{}, Thrower{}, Purse<'b'>{&f.log}};
  Reservations<Two> held;
  CHECK(held.take(bag, f.query, f.provider, f.offer, false, f.max_tokens, Time{}));
  held.settle(bag, Money::nanos(5), Time{});
  CHECK(f.log.lines == Lines{"reserve b", "settle b 5"});
}
#endif
