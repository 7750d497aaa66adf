// SPDX-License-Identifier: MIT
#include "llmroute/failure.hpp"

#include <array>
#include <cstddef>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;

namespace {

struct Row {
  Kind kind;
  std::string_view name;
  Onward onward;
  Blame blame;
  Scope scope;
};

// The design's table, row by row.
constexpr std::array<Row, 20> promised{{
    {Kind::not_sent, "not_sent", Onward::next, Blame::failure, Scope::place},
    {Kind::timed_out, "timed_out", Onward::next, Blame::failure, Scope::place},
    {Kind::rate_limited, "rate_limited", Onward::next, Blame::rest, Scope::quota_group},
    {Kind::quota_exhausted, "quota_exhausted", Onward::next, Blame::rest, Scope::quota_group},
    {Kind::overloaded, "overloaded", Onward::next, Blame::failure, Scope::place},
    {Kind::server_error, "server_error", Onward::next, Blame::failure, Scope::place},
    {Kind::unauthorized, "unauthorized", Onward::next, Blame::provider_out, Scope::provider},
    {Kind::misconfigured, "misconfigured", Onward::next, Blame::provider_out, Scope::provider},
    {Kind::model_not_found, "model_not_found", Onward::next, Blame::offer_out, Scope::place},
    {Kind::request_invalid, "request_invalid", Onward::stop, Blame::none, Scope::none},
    {Kind::unsupported, "unsupported", Onward::next, Blame::none, Scope::none},
    {Kind::context_too_long, "context_too_long", Onward::larger_window, Blame::none, Scope::none},
    {Kind::content_filtered, "content_filtered", Onward::other_vendor, Blame::none, Scope::none},
    {Kind::malformed_reply, "malformed_reply", Onward::next, Blame::failure, Scope::place},
    {Kind::stream_broken, "stream_broken", Onward::stop, Blame::failure, Scope::place},
    {Kind::cancelled, "cancelled", Onward::stop, Blame::none, Scope::none},
    {Kind::deadline_exceeded, "deadline_exceeded", Onward::stop, Blame::none, Scope::none},
    {Kind::over_budget, "over_budget", Onward::stop, Blame::none, Scope::none},
    {Kind::no_candidate, "no_candidate", Onward::stop, Blame::none, Scope::none},
    {Kind::policy_failed, "policy_failed", Onward::stop, Blame::none, Scope::none},
}};

template <class T>
std::string said(const T& t) {
  std::ostringstream out;
  out << t;
  return out.str();
}

constexpr Outcome ended(Ending e, Kind k) { return {.ending = e, .kind = k}; }

}  // namespace

TEST_CASE("each kind of failure means what the design's table says") {
  std::set<Kind> seen;
  for (const Row& row : promised) {
    CAPTURE(row.name);
    CHECK(seen.insert(row.kind).second);
    CHECK(about(row.kind).name == row.name);
    CHECK(about(row.kind).onward == row.onward);
    CHECK(about(row.kind).blame == row.blame);
    CHECK(about(row.kind).scope == row.scope);
    CHECK(to_string(row.kind) == row.name);
    CHECK(said(row.kind) == row.name);
  }
  CHECK(seen.size() == kinds.size());
}

TEST_CASE("the table can be asked while the program is compiled") {
  STATIC_REQUIRE(about(Kind::rate_limited).blame == Blame::rest);
  STATIC_REQUIRE(to_string(Kind::policy_failed) == "policy_failed");
}

TEST_CASE("whoever is blamed is blamed somewhere, and nobody else is") {
  for (const KindRow& row : kinds) {
    CAPTURE(row.name);
    CHECK((row.blame == Blame::none) == (row.scope == Scope::none));
  }
}

TEST_CASE("each ending has its own name") {
  std::set<std::string_view> names;
  for (Ending e : {Ending::running, Ending::won, Ending::failed, Ending::lost, Ending::cut, Ending::cancelled})
    names.insert(to_string(e));
  CHECK(names.size() == 6);
  CHECK(said(Ending::cancelled) == "cancelled");
}

TEST_CASE("what was lost, cut or cancelled says nothing about health and blames nobody") {
  for (Ending e : {Ending::running, Ending::lost, Ending::cut, Ending::cancelled}) {
    CAPTURE(to_string(e));
    CHECK(ended(e, Kind::server_error).says_nothing());
    CHECK(ended(e, Kind::server_error).blame() == Blame::none);
    CHECK_FALSE(ended(e, Kind::server_error).ok());
    CHECK_FALSE(ended(e, Kind::server_error).failed());
  }
  CHECK(ended(Ending::won, {}).ok());
  CHECK_FALSE(ended(Ending::won, {}).says_nothing());
  CHECK(ended(Ending::won, Kind::server_error).blame() == Blame::none);
  CHECK(ended(Ending::failed, Kind::server_error).failed());
  CHECK(ended(Ending::failed, Kind::server_error).blame() == Blame::failure);
  CHECK(ended(Ending::failed, Kind::request_invalid).blame() == Blame::none);
  CHECK_FALSE(ended(Ending::failed, Kind::server_error).says_nothing());
}

TEST_CASE("a trail holds eight attempts by value and walks those that were made") {
  STATIC_REQUIRE(std::is_trivially_copyable_v<Trail>);
  STATIC_REQUIRE(max_attempts == 8);
  Trail trail;
  CHECK(trail.empty());
  CHECK(trail.begin() == trail.end());
  trail.entries[trail.count++] = {
      .provider = ProviderName("groq"), .ending = Ending::failed, .kind = Kind::rate_limited, .status = 429};
  trail.entries[trail.count++] = {.provider = ProviderName("together"), .ending = Ending::won, .status = 200, .took = 420ms};
  const Trail copy = trail;
  trail = {};
  std::string names;
  for (const TrailEntry& e : copy) names += std::string(e.provider) + ' ';
  CHECK(names == "groq together ");
  CHECK(copy.size() == 2);
  CHECK(copy[0].status == 429);
  CHECK(copy[1].took == 420ms);
}

TEST_CASE("a full trail ends behind its eighth attempt") {
  Trail trail;
  trail.count = max_attempts;
  CHECK(trail.end() - trail.begin() == 8);
}

TEST_CASE("a failure says itself in one line") {
  CHECK(said(Failure{.kind = Kind::over_budget}) == "over_budget");
  CHECK(said(Failure{.kind = Kind::rate_limited, .message = "groq: slow down"}) == "rate_limited: groq: slow down");
}

TEST_CASE("a failure moves without throwing, so that a result can hold it") {
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Failure>);
  STATIC_REQUIRE(std::is_nothrow_move_assignable_v<Failure>);
}
