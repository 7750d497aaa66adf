// SPDX-License-Identifier: MIT
// Who is closed to a request, and the reason that explain() gives for each.
#include <map>
#include <string>

#include "by_hand.hpp"
#include "catch.hpp"
#include "llmroute/route/explain.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace tests;

namespace {

Provider in(std::string name, std::string region, std::vector<std::string> tags = {}) {
  Provider p = named(std::move(name));
  p.region = std::move(region);
  p.tags = std::move(tags);
  return p;
}
const ChatRequest hello{.messages = "Hello"};

/// The reason for each, as explain() says it; those that would be asked are "open".
template <class C>
std::map<std::string, Closed> reasons(const C& core, const Options& options = {}, const ChatRequest& request = hello) {
  std::map<std::string, Closed> all;
  for (const Prospect& p : Preview(core, request, options).explain().providers) all[std::string(p.provider)] = p.why;
  return all;
}
using Reasons = std::map<std::string, Closed>;

}  // namespace

TEST_CASE("a request that names regions goes to no other") {
  auto core = core_of(Fleet{in("a", "eu-west"), in("b", "us-east"), in("c", "")});
  CHECK(reasons(core, {.regions = {"eu-west", "eu-north"}}) ==
        Reasons{{"a", Closed::open}, {"b", Closed::region}, {"c", Closed::region}});
}

TEST_CASE("tags: any of some, every one of some") {
  auto core = core_of(Fleet{in("a", "", {"fast"}), in("b", "", {"fast", "safe"}), in("c", "")});
  CHECK(reasons(core, {.any_tag = {"fast", "other"}}) ==
        Reasons{{"a", Closed::open}, {"b", Closed::open}, {"c", Closed::tags}});
  CHECK(reasons(core, {.all_tags = {"fast", "safe"}}) ==
        Reasons{{"a", Closed::tags}, {"b", Closed::open}, {"c", Closed::tags}});
  CHECK(reasons(core, {.any_tag = {"other"}}) == Reasons{{"a", Closed::tags}, {"b", Closed::tags}, {"c", Closed::tags}});
  CHECK(reasons(core) == Reasons{{"a", Closed::open}, {"b", Closed::open}, {"c", Closed::open}});
}

TEST_CASE("where some are tagged default, requests without a tag go to these, and so do those whose tag nobody has") {
  auto core = core_of(Fleet{in("a", "", {"default"}), in("b", "", {"fast"}), in("c", "")});
  CHECK(reasons(core) == Reasons{{"a", Closed::open}, {"b", Closed::tags}, {"c", Closed::tags}});
  CHECK(reasons(core, {.any_tag = {"other"}}) == Reasons{{"a", Closed::open}, {"b", Closed::tags}, {"c", Closed::tags}});
  CHECK(reasons(core, {.any_tag = {"fast"}}) == Reasons{{"a", Closed::tags}, {"b", Closed::open}, {"c", Closed::tags}});
  CHECK(reasons(core, {.all_tags = {"other"}})["a"] == Closed::tags);  // every one of them was asked for
  CHECK(reasons(core, {.allow = {"c"}}) == Reasons{{"a", Closed::denied}, {"b", Closed::denied}, {"c", Closed::open}});
}

TEST_CASE("a ceiling per million tokens closes who charges more for input or for output, markup included") {
  Provider cheap = named("cheap"), dear_in = named("dear_in"), dear_out = named("dear_out"), markup = named("markup"),
           unknown = named("unknown"), free = named("free");
  cheap.price = {per_million("1"), per_million("2")};
  dear_in.price = {per_million("1.01"), per_million("2")};
  dear_out.price = {per_million("1"), per_million("2.01")};
  markup.price = {per_million("1"), per_million("2")};
  markup.markup = 0.05;
  unknown.price = {};
  free.price = {per_million("9"), per_million("9")};
  free.free.requests_per_day = 10;
  auto core = core_of(Fleet{cheap, dear_in, dear_out, markup, unknown, free});
  const Options options{.max_price = Price{per_million("1"), per_million("2")}};
  CHECK(reasons(core, options) == Reasons{{"cheap", Closed::open},
                                          {"dear_in", Closed::price},
                                          {"dear_out", Closed::price},
                                          {"markup", Closed::price},
                                          {"unknown", Closed::price_unknown},
                                          {"free", Closed::open}});
  CHECK(reasons(core, {.max_price = Price{.output = per_million("2")}})["dear_in"] == Closed::open);
  Preview wrong(core, hello, Options{});
  const Options malformed{.max_price = Price{.input = per_million("cheap")}};
  const Explanation e = Preview(core, hello, malformed).explain();
  CHECK(e.refused == Kind::misconfigured);
  CHECK_THAT(e.reason, ContainsSubstring("options.max_price"));
}

TEST_CASE("each limit, rest and budget is a reason of its own in an explanation") {
  struct Tight {
    struct Reservation {};
    std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) { return std::nullopt; }
    void settle(Reservation, Money, Time) {}
    bool has_room(const Query&, const Provider& p, Money, Time) const { return p.name != "broke"; }
  };
  Provider busy = named("busy"), used = named("used"), small = named("small");
  busy.limits = {.in_flight = 1};
  used.limits = {.requests_per_minute = 1};
  small.limits = {.tokens_per_minute = 10};
  auto core = core_of(Fleet{busy, used, small, named("broke"), named("ordered"), named("asked"), named("well")}, Tight{});
  const auto pin = core.pin();
  for (const auto& l : pin->group({}).lanes) {
    if (l.provider->name == "busy" || l.provider->name == "used") l.limiter->take(l.provider->limits, 1, Time{});
    if (l.provider->name == "ordered") l.standing->ordered_rest().extend(Time{} + 1s);
    if (l.provider->name == "asked") l.account->extend(Time{} + 1s);
  }
  CHECK(reasons(core) == Reasons{{"busy", Closed::in_flight},
                                 {"used", Closed::rate_limit},
                                 {"small", Closed::too_large},
                                 {"broke", Closed::budget},
                                 {"ordered", Closed::put_to_rest},
                                 {"asked", Closed::asked_to_rest},
                                 {"well", Closed::open}});
}
