// SPDX-License-Identifier: MIT
// Budgets as a request meets them: through an exchange that is driven by hand.
#include "llmroute/policy/budget/rules.hpp"

#include <functional>
#include <string>

#include "catch.hpp"
#include "purse.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using budget::Rules;
using tests::core_of;
using tests::good;
using tests::named;
using tests::told;
using tests::used;

namespace {

Money n(std::int64_t nanos) { return Money::nanos(nanos); }
Provider priced(std::string name, std::string_view dollars) {
  Provider p = named(std::move(name));
  p.price = {per_million(dollars), per_million(dollars), {}};
  return p;
}
Provider free_of_charge(std::string name) {
  Provider p = named(std::move(name));
  p.price = Price::zero();
  return p;
}
struct InOrder {  // of the fleet
  double score(const Candidate& c, const Query&) const { return c.index; }
};

template <class... B>
struct Play {
  tests::CoreWith<InOrder, retry::Off, B...> core;
  ChatRequest request{.messages = "Hello", .max_tokens = 100};
  Options options{};

  explicit Play(Fleet fleet, B... budgets) : core(core_of(std::move(fleet), InOrder{}, retry::Off{}, std::move(budgets)...)) {}
  template <class F>
  void run(F&& f) {
    Exchange x(core, request, options, Delivery::whole, Overlap::no, Time{});
    f(x);
  }
};

}  // namespace

TEST_CASE("the money is reserved before the send, so that requests under way at once cannot spend it twice") {
  Rules l{{.name = "all", .most = n(400'000)}};
  Play p(Fleet{priced("one", "1")}, std::ref(l));
  p.run([&](auto& first) {
    CHECK(used(l) == n(0));
    CHECK(told(first, Time{}) == "one");
    const Money worst = used(l);
    CHECK(worst > n(100'000));
    CHECK(worst < n(400'000));
    CHECK(tests::reserved(l) == worst);
    l.settle(*tests::Asking().reserve(l, (n(400'000) - worst).nanos()), n(300'000) - worst, {});  // leaves too little
    p.run([&](auto& second) {
      CHECK(told(second, Time{}) == "finish");
      CHECK(second.failure(Time{}).kind == Kind::over_budget);
    });
    first.ended({0}, good(), Time{});
    CHECK(told(first, Time{}) == "finish");
  });
  CHECK(tests::reserved(l) == n(0));
  CHECK(used(l) < n(300'000));
}

TEST_CASE("a request that a budget keeps from one provider goes to the next that is cheaper or free") {
  Rules l{{.name = "all", .most = n(60'000)}};
  Play p(Fleet{priced("dear", "10"), priced("cheap", "0.1"), free_of_charge("local")}, std::ref(l));
  p.run([&](auto& x) {
    CHECK(told(x, Time{}) == "cheap");
    x.ended({0}, good(), Time{});
  });
  l.settle(*tests::Asking().reserve(l, 30'000), n(90'000), {});  // overdrawn
  p.run([&](auto& x) {
    CHECK(told(x, Time{}) == "local");
    x.ended({0}, good(), Time{});
    CHECK(told(x, Time{}) == "finish");
  });
}

TEST_CASE("a request that no provider may be paid for, or of whose price nobody knows, is over budget") {
  Rules l{{.name = "acme", .most = n(5), .tenant = "acme"}};
  Provider unknown = named("unknown");
  unknown.price = {};
  Play p(Fleet{priced("one", "1"), priced("two", "2"), unknown}, std::ref(l));
  p.options.tenant = "acme";
  p.run([&](auto& x) {
    CHECK(told(x, Time{}) == "finish");
    CHECK(x.failure(Time{}).kind == Kind::over_budget);
  });
  CHECK(used(l, "acme") == n(0));
  p.options.tenant = "other";
  p.run([&](auto& x) { CHECK(told(x, Time{}) == "one"); });
}

TEST_CASE("however a request ends, its budgets keep nothing reserved") {
  Rules l{{.name = "all", .most = n(10'000'000)}, {.name = "each", .most = n(10'000'000), .each = budget::Each::provider}};
  Play p(Fleet{priced("one", "1"), priced("two", "1")}, std::ref(l), budget::PerRequest{.most = n(5'000'000)});
  SECTION("answered") {
    p.run([&](auto& x) {
      CHECK(told(x, Time{}) == "one");
      x.ended({0}, good(), Time{});
      CHECK(told(x, Time{}) == "finish");
    });
    CHECK(used(l) == n(150'000));  // 150 tokens
  }
  SECTION("failed over") {
    p.run([&](auto& x) {
      CHECK(told(x, Time{}) == "one");
      x.ended({0}, tests::failed(Kind::not_sent), Time{});
      CHECK(tests::reserved(l) == n(0));
      CHECK(told(x, Time{}) == "two");
      x.ended({1}, good(), Time{});
      CHECK(told(x, Time{}) == "finish");
    });
    CHECK(used(l, "each", "two") == n(150'000));
    CHECK(used(l, "each", "one") == n(0));
  }
  SECTION("cancelled") {
    p.run([&](auto& x) {
      CHECK(told(x, Time{}) == "one");
      CHECK(tests::reserved(l) > n(0));
      x.cancel();
      CHECK(told(x, Time{}) == "cancel");
      CHECK(told(x, Time{}) == "finish");
    });
  }
  SECTION("dropped in the middle") {
    p.run([&](auto& x) {
      CHECK(told(x, Time{}) == "one");
      CHECK(tests::reserved(l) > n(0));
    });
  }
  CHECK(tests::reserved(l) == n(0));
  CHECK(tests::reserved(l, "each") == n(0));
}

TEST_CASE("a ceiling for each request counts what its attempts before have cost") {
  Play p(Fleet{priced("one", "1"), priced("two", "1"), free_of_charge("local")}, budget::PerRequest{.most = n(500'000)});
  p.run([&](auto& x) {
    CHECK(told(x, Time{}) == "one");
    Ended billed = tests::failed(Kind::server_error, 500);
    billed.usage = {.prompt = 400, .completion = 0, .reported = true};
    x.ended({0}, billed, Time{});
    CHECK(told(x, Time{}) == "local");
  });
}
