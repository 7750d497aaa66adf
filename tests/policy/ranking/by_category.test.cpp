// SPDX-License-Identifier: MIT
#include "llmroute/policy/ranking/by_category.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "llmroute/policy/ranking.hpp"
#include "route/by_hand.hpp"

using namespace llmroute;
using namespace tests;

namespace {

Provider good_at(std::string name, std::vector<std::string> strengths, std::string vendor = {}) {
  Provider p = named(std::move(name));
  p.strengths = std::move(strengths);
  p.vendor = std::move(vendor);
  return p;
}
/// All that are asked, in order, when each of them fails.
std::string order(auto& core, std::string category) {
  const ChatRequest request{.messages = "Hello"};
  const Options options{.category = std::move(category), .attempts = 8};
  Exchange x(core, request, options, Delivery::whole, Overlap::no, Time{});
  std::string all;
  for (Step s = x.next(Time{}); s.what == Step::Do::send; s = x.next(Time{})) {
    all += (all.empty() ? "" : " ") + std::string(x.provider(s.attempt).name);
    x.ended(s.attempt, failed(Kind::server_error, 500), Time{});
  }
  return all;
}
Fleet four() { return Fleet{named("groq"), named("cerebras"), named("anthropic"), named("openai")}; }

}  // namespace

static_assert(RankingStrategy<ranking::ByCategory> && Picks<ranking::ByCategory> && !Scores<ranking::ByCategory>);

TEST_CASE("a category's list is asked in its order, and the rest after it") {
  auto core = core_of(four(),
                      ranking::ByCategory{{{"simple", {"groq", "cerebras"}},
                                           {"code", {"cerebras", "groq"}},
                                           {"medium", {"groq", "anthropic", "openai"}},
                                           {"complex", {"openai", "anthropic"}},
                                           {"creative", {"anthropic", "openai"}},
                                           {"multilingual", {"google", "anthropic"}}}},
                      cooldown::Off{}, retry::Off{});
  CHECK(order(core, "simple") == "groq cerebras anthropic openai");
  CHECK(order(core, "code") == "cerebras groq anthropic openai");
  CHECK(order(core, "medium") == "groq anthropic openai cerebras");
  CHECK(order(core, "complex") == "openai anthropic groq cerebras");
  CHECK(order(core, "creative") == "anthropic openai groq cerebras");
  CHECK(order(core, "multilingual") == "anthropic groq cerebras openai");  // google is not in this fleet
  CHECK(order(core, "unheard of") == "groq cerebras anthropic openai");
  CHECK(order(core, "") == "groq cerebras anthropic openai");
}

TEST_CASE("without a list the strengths of the providers decide") {
  auto core =
      core_of(Fleet{good_at("openai", {"reasoning", "complex", "creative"}), good_at("groq", {"simple", "code", "fast"}),
                    good_at("cerebras", {"code", "fast", "simple"}), good_at("anthropic", {"reasoning", "complex"})},
              ranking::ByCategory{}, cooldown::Off{}, retry::Off{});
  CHECK(order(core, "code") == "groq cerebras openai anthropic");
  CHECK(order(core, "complex") == "openai anthropic groq cerebras");
  CHECK(order(core, "") == "openai groq cerebras anthropic");
}

TEST_CASE("a list may name a vendor, and order decides among its providers") {
  Provider spare = good_at("groq-1", {}, "groq"), main = good_at("groq-2", {}, "groq");
  spare.order = 1;
  auto core =
      core_of(Fleet{named("openai"), spare, main}, ranking::ByCategory{{{"code", {"groq"}}}}, cooldown::Off{}, retry::Off{});
  CHECK(order(core, "code") == "groq-2 groq-1 openai");
}
