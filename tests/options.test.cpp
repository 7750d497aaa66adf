// SPDX-License-Identifier: MIT
#include "llmroute/options.hpp"

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

TEST_CASE("options that say nothing decide nothing") {
  const Options o;
  CHECK_FALSE(o.attempts);
  CHECK_FALSE(o.price_ceiling);
  CHECK_FALSE(o.prompt_tokens);
  CHECK_FALSE(o.timeouts.deadline);
  CHECK_FALSE(o.timeouts.connect);
  CHECK_FALSE(o.timeouts.attempt);
  CHECK_FALSE(o.timeouts.first_content);
  CHECK_FALSE(o.timeouts.idle);
  CHECK_FALSE(o.timeouts.content_idle);
  CHECK(o.strategy.empty());
  CHECK(o.allow.empty());
  CHECK(o.hedge == Switch::as_configured);
  CHECK(o.cache == Switch::as_configured);
}

TEST_CASE("options that say nothing fall back, refuse a full house, stop a broken stream and may ask again") {
  const Options o;
  CHECK(o.fallback == Fallback::allowed);
  CHECK(o.when_full == WhenFull::refuse);
  CHECK(o.broken_stream == BrokenStream::stop);
  CHECK(o.replay == Replay::free);
  CHECK(o.also_next_on.empty());
  CHECK(o.retries.empty());
}

TEST_CASE("zero is a value, and options are written with the names of their fields") {
  const Options o{.tenant = "acme",
                  .any_tag = {"eu", "ch"},
                  .deny = {"groq"},
                  .timeouts = {.deadline = 10s, .idle = 0s},
                  .attempts = 0,
                  .also_next_on = {Kind::request_invalid},
                  .retries = {{Kind::not_sent, 1}},
                  .price_ceiling = Money{},
                  .prompt_tokens = 0};
  CHECK(o.attempts == 0);
  CHECK(o.price_ceiling == Money{});
  CHECK(o.prompt_tokens == 0);
  CHECK(o.timeouts.deadline == Duration(10s));
  CHECK(o.timeouts.idle == Duration::zero());
  CHECK(o.retries.at(0).first == Kind::not_sent);
  CHECK(o.any_tag.size() == 2);
}
