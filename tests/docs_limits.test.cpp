// SPDX-License-Identifier: MIT
// What docs/limits.md shows and says: its code compiles and does what the page tells of it, and its table of reasons is whole.
#include <llmroute/llmroute.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

/// Answers everything, or with what it is told to.
struct Vendors {
  std::vector<std::string> bodies{};
  http::Response answer{};
  http::Response operator()(const http::Request& q) {
    bodies.emplace_back(q.body);
    if (answer.status != 200 || !answer.body.empty()) return answer;
    return {.body = R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})"};
  }
};

std::string text_of(const std::string& path) {
  std::string here = __FILE__;
  for (char& c : here) c = c == '\\' ? '/' : c;
  std::ifstream file(here.substr(0, here.rfind("tests/")) + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::map<std::string, Closed> reasons(const Explanation& e) {
  std::map<std::string, Closed> all;
  for (const Prospect& p : e.providers) all[std::string(p.provider)] = p.why;
  return all;
}

/// The words of an enumeration, in its order, as its header lists them.
std::vector<std::string> enumerators(std::string_view header, std::string_view enumeration) {
  std::vector<std::string> names;
  const std::size_t begin = header.find('{', header.find(enumeration));
  std::string name;
  for (const char c : header.substr(begin + 1, header.find('}', begin) - begin))
    if (c == ',' || c == '}') names.push_back(std::exchange(name, {}));
    else if (c != ' ' && c != '\n' && c != '\r') name += c;
  return names;
}

/// One account of which two models are two providers, and another vendor.
Fleet fleet_of_page() {
  // [readme:limits]
  Fleet fleet =
      Fleet{providers::openai({.key = "key-1", .limits = RateLimits{.requests_per_minute = 500, .in_flight = 20}}),
            providers::groq({.name = "groq-small", .model = "llama-3.1-8b-instant", .key = "key-2", .quota_group = "groq"}),
            providers::groq({.name = "groq-large", .model = "llama-3.3-70b-versatile", .key = "key-2", .quota_group = "groq"})}
          .quota_groups({{.name = "groq", .limits = {.requests_per_minute = 30, .tokens_per_minute = 6'000}}})
          .tenants({{.name = "acme", .limits = {.requests_per_minute = 60, .in_flight = 8}},
                    {.name = "guest", .limits = {.requests_per_minute = 3}, .providers = {"groq-small"}},
                    {.name = "*", .providers = {"groq-small", "groq-large"}}});  // all others, together
  // [/readme]
  return fleet;
}

}  // namespace

TEST_CASE("docs: every reason why a provider is not asked stands in the table of the limits page, and no other") {
  const std::string page = text_of("docs/limits.md"), header = text_of("include/llmroute/route/closed.hpp");
  const std::vector<std::string> names = enumerators(header, "enum class Closed");
  REQUIRE(names.size() > static_cast<std::size_t>(Closed::unwanted));
  CHECK(names.front() == "open");
  for (std::size_t i = 1; i < names.size(); ++i) {
    const std::string row = "\n| `" + names[i] + "` | " + std::string(to_string(static_cast<Closed>(i))) + " | ";
    CHECK_THAT(page, ContainsSubstring(row));
  }
  std::size_t rows = 0;
  const std::size_t table = page.find("| `Closed::` |");
  REQUIRE(table != page.npos);
  for (std::size_t at = page.find("\n| `", table); at != page.npos && at < page.find("\n\n", table);
       at = page.find("\n| `", at + 1))
    ++rows;
  CHECK(rows == names.size() - 1);
}

TEST_CASE("docs: limits of a provider, of a quota group and of tenants") {
  Vendors vendors;
  sim::World world;
  Router router{fleet_of_page(), transport::from(std::ref(vendors)), sim::Clock{world}};
  REQUIRE((router.check)());
  const ChatRequest request{.messages = "Why?"};

  CHECK(router.complete(request)->provider == "openai");
  CHECK(router.complete(request, {.tenant = "guest"})->provider == "groq-small");
  CHECK(reasons(router.explain(request, {.tenant = "guest"}))["openai"] == Closed::tenant);
  CHECK(reasons(router.explain(request, {.tenant = "somebody"}))["openai"] == Closed::tenant);
  CHECK(reasons(router.explain(request, {.tenant = "somebody"}))["groq-large"] == Closed::open);
  REQUIRE(router.complete(request, {.tenant = "guest"}));
  REQUIRE(router.complete(request, {.tenant = "guest"}));
  const auto fourth = router.complete(request, {.tenant = "guest"});
  REQUIRE_FALSE(fourth);
  CHECK(fourth.error().kind == Kind::rate_limited);
  CHECK(fourth.error().retry_after == 20s);
  CHECK(router.complete(request, {.tenant = "acme"}));

  // A 429 of one rests the whole account, of 2 s where it says so.
  vendors.answer = {.status = 429, .fields = {{"retry-after", "2"}}, .body = "{}"};
  CHECK_FALSE(router.complete(request, {.allow = {"groq-large"}, .attempts = 1}));
  vendors.answer = {};
  CHECK(reasons(router.explain(request))["groq-small"] == Closed::asked_to_rest);
  CHECK(reasons(router.explain(request))["openai"] == Closed::open);
  world.advance(2s);
  CHECK(reasons(router.explain(request))["groq-small"] == Closed::open);
}

TEST_CASE("docs: who waits for a slot gets it in time, and who may not is refused at once") {
  sim::World world;
  world.add({.name = "only"});
  Router router{Fleet{world.providers()}.tenants({{.name = "guest", .limits = {.requests_per_minute = 1}}}),
                sim::Network{world}, sim::Clock{world}};
  REQUIRE(router.complete("Why?", {.tenant = "guest"}));
  const Duration before = world.elapsed();
  CHECK_FALSE(router.complete("Why?", {.tenant = "guest"}));
  CHECK(world.elapsed() == before);
  // [readme:wait]
  const Options patient{.tenant = "guest",
                        .priority = -1,  // before those of priority 0
                        .timeouts = {.deadline = 90s},
                        .when_full = WhenFull::wait};
  Result<Reply> reply = router.complete("Why?", patient);
  // [/readme]
  REQUIRE(reply);
  CHECK(world.elapsed() > 59s);
  const auto too_late = router.complete("Why?", {.tenant = "guest", .timeouts = {.deadline = 5s}, .when_full = WhenFull::wait});
  REQUIRE_FALSE(too_late);
  CHECK(world.elapsed() < 63s);  // nobody waits for what comes too late
}

TEST_CASE("docs: what an answer says of a limit counts beside the configured one") {
  Vendors vendors;
  sim::World world;
  Router router{Fleet{providers::openai({.key = "k", .limits = RateLimits{.requests_per_minute = 100}}),
                      providers::mistral({.key = "k"})},
                transport::from(std::ref(vendors)), sim::Clock{world}};
  vendors.answer = {.status = 200,
                    .fields = {{"x-ratelimit-limit-requests", "100"}, {"x-ratelimit-remaining-requests", "0"}},
                    .body = R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})"};
  CHECK(router.complete("Why?")->provider == "openai");
  CHECK(reasons(router.explain("Why?"))["openai"] == Closed::rate_limit);  // others use the account too
  CHECK(router.complete("Why?")->provider == "mistral");
  CHECK(reasons(router.explain("Why?"))["mistral"] == Closed::open);  // of no configured limit: only rankings hear of it
  CHECK(router.status().find("mistral")->headroom < 0.01);
}

TEST_CASE("docs: filters of a request") {
  sim::World world;
  world.add({.name = "paris", .price = {per_million("1"), per_million("2")}, .tags = {"paid", "default"}, .region = "eu"});
  world.add({.name = "rome", .price = {per_million("9"), per_million("9")}, .tags = {"paid"}, .region = "eu"});
  world.add({.name = "ohio", .price = {per_million("1"), per_million("2")}, .tags = {"free"}, .region = "us"});
  world.add({.name = "oslo", .tags = {"paid"}, .region = "eu"});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}};
  // [readme:filters]
  const Options options{.any_tag = {"paid", "trusted"},                                               // one of them is enough
                        .deny = {"lyon"},                                                             // by name
                        .regions = {"eu"},                                                            // one of them
                        .price_ceiling = dollars("0.01"),                                             // this request's estimate
                        .max_price = Price{.input = per_million("3"), .output = per_million("15")}};  // the provider's prices
  Explanation why = router.explain("Why?", options);
  // [/readme]
  CHECK(reasons(why) ==
        std::map<std::string, Closed>{
            {"paris", Closed::open}, {"rome", Closed::price}, {"ohio", Closed::region}, {"oslo", Closed::price_unknown}});
  // Tagged `default`: for requests without a tag, and for those whose tags nobody has.
  for (const Options& o : {Options{}, Options{.any_tag = {"trusted"}}})
    CHECK(router.explain("Why?", o).providers[1].why == Closed::tags);
  CHECK(router.select("Why?")->provider == "paris");
}

TEST_CASE("docs: rests, out and in, by hand") {
  sim::World world;
  world.add({.name = "groq"});
  world.add({.name = "openai"});
  Router router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}};
  const auto why = [&] { return router.status().find("groq")->why; };
  const auto answer_of_groq = [&](sim::Answer a) {
    world.provider("groq").answer_with(std::move(a));
    static_cast<void>(router.complete("Why?", {.allow = {"groq"}, .attempts = 1}));
  };
  // [readme:hand]
  router.rest("groq", 10min);  // nobody asks it for so long
  router.release("groq");      // ends every rest, also one that it asked for, and closes its circuit
  router.disable("groq");      // until it is enabled
  router.enable("groq");       // also after a refused key, a wrong URL or a model that it said it has not
  // [/readme]
  CHECK(why() == Closed::open);
  router.rest("groq", 10min);
  CHECK(why() == Closed::put_to_rest);
  router.rest("groq", 1min);  // the longer one holds
  world.advance(5min);
  CHECK(why() == Closed::put_to_rest);
  router.enable("groq");  // which ends no rest
  CHECK(why() == Closed::put_to_rest);
  router.release("groq");
  CHECK(why() == Closed::open);
  router.disable("groq");
  router.release("groq");  // which brings nobody back
  CHECK(why() == Closed::disabled);
  router.enable("groq");
  CHECK(why() == Closed::open);

  answer_of_groq(sim::Answer::rate_limited(30s));
  CHECK(why() == Closed::asked_to_rest);
  router.release("groq");
  CHECK(why() == Closed::open);
  answer_of_groq(sim::Answer::error(401));
  CHECK(why() == Closed::unauthorized);
  router.enable("groq");
  CHECK(why() == Closed::open);
  CHECK_FALSE(router.rest("grok", 1s));  // false: the fleet has none of that name
}

TEST_CASE("docs: health checks find out before a user does") {
  sim::World world;
  world.add({.name = "shaky", .outages = {{.until = 2min}}});
  world.add({.name = "steady"});
  // [readme:poll]
  Router router{Fleet{world.providers()}.health_checks({.every = 60s, .timeout = 5s}), sim::Network{world}, sim::Clock{world}};
  for (int i = 0; i < 20; ++i) {       // a timer of yours
    const Time again = router.poll();  // asks whoever is due, and says when to call it again
    world.advance_to(again);
  }
  // [/readme]
  CHECK(world.provider("shaky").counters().requests > 3);
  CHECK(world.elapsed() > 2min);
  CHECK(router.status().find("shaky")->why == Closed::open);
  CHECK(router.status().find("shaky")->failures >= 3);
  CHECK(world.provider("steady").counters().completion_tokens ==
        static_cast<std::int64_t>(world.provider("steady").counters().requests));
}
