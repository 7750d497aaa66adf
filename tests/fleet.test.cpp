// SPDX-License-Identifier: MIT
#include "llmroute/fleet.hpp"

#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

constexpr const char* secret = "sk-very-secret";

Provider sound(std::string name) { return {.name = std::move(name), .url = "https://example.com/v1", .key = secret}; }

Provider keyless(std::string name, std::string variable, std::string page = {}) {
  Provider p = sound(std::move(name));
  p.key = {};
  p.needs_key = true;
  p.key_variable = std::move(variable);
  p.key_page = std::move(page);
  return p;
}

std::string problem(const Fleet& fleet) {
  const Result<void> checked = fleet.check();
  if (checked) return "";
  CHECK(checked.error().kind == Kind::misconfigured);
  CHECK(checked.error().message == fleet.problem());
  return checked.error().message;
}

bool one_line(const std::string& s) {
  for (char c : s)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  return true;
}

}  // namespace

TEST_CASE("a sound fleet has no problem and keeps its providers in order") {
  const Provider b = sound("b");
  const Fleet fleet{sound("a"), b, sound("c")};
  CHECK(problem(fleet) == "");
  REQUIRE(fleet.providers().size() == 3);
  CHECK(fleet.providers()[0].name == "a");
  CHECK(fleet.providers()[1].name == "b");
  CHECK(fleet.providers()[2].name == "c");
  CHECK(fleet.left_out().empty());
  CHECK(b.key.same_as(secret));  // it was copied, not taken

  CHECK(Fleet(std::vector<Provider>{sound("a"), sound("b")}).providers().size() == 2);
}

TEST_CASE("a faulty provider is named with its field, and its key never") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  const struct {
    const char* field;
    std::function<void(Provider&)> spoil;
  } faults[]{
      {"name", [](Provider& p) { p.name = std::string(32, 'n'); }},
      {"name", [](Provider& p) { p.name = "bad\nname"; }},
      {"name", [](Provider& p) { p.name = "bad\x7Fname"; }},
      {"url", [](Provider& p) { p.url.clear(); }},
      {"url", [](Provider& p) { p.url = "example.com"; }},
      {"url", [](Provider& p) { p.url = "ftp://example.com"; }},
      {"url", [](Provider& p) { p.url = "https://me:"s + secret + "@example.com"; }},
      {"url", [](Provider& p) { p.url = "https://example.com/#x"; }},
      {"url", [](Provider& p) { p.url = "https://example.com/\r\n"; }},
      {"url", [](Provider& p) { p.url = "http://example.com/v1"; }},
      {"url", [](Provider& p) { p.url = "https://example.com/{deployment}"; }},
      {"key", [](Provider& p) { p.key = secret + "\r\nX-Evil: 1"s; }},
      {"key", [](Provider& p) { p.key = secret + "\n"s; }},
      {"key", [](Provider& p) { p.key = secret + " "s; }},
      {"key", [](Provider& p) { p.key = secret + "\0"s; }},
      {"key", [](Provider& p) { p.key = secret + "\xC3\xA9"s; }},
      {"fields", [](Provider& p) { p.fields = {{"x-fine", "1"}, {"x evil", "1"}}; }},
      {"fields", [](Provider& p) { p.fields = {{"x-evil:", "1"}}; }},
      {"fields", [](Provider& p) { p.fields = {{"", "1"}}; }},
      {"fields", [](Provider& p) { p.fields = {{"x-\xC3\xA9", "1"}}; }},
      {"fields", [](Provider& p) { p.fields = {{"x-evil\r\n", "1"}}; }},
      {"fields", [](Provider& p) { p.fields = {{"x-fine", secret + "\nX-Evil: 1"s}}; }},
      {"fields", [](Provider& p) { p.fields = {{"x-fine", "\0"s}}; }},
      {"key_field.name", [](Provider& p) { p.key_field.name.clear(); }},
      {"key_field.name", [](Provider& p) { p.key_field.name = "x-key "; }},
      {"key_field.prefix", [](Provider& p) { p.key_field.prefix = "Bearer\n"; }},
      {"extra", [](Provider& p) { p.extra = "[]"; }},
      {"extra", [](Provider& p) { p.extra = R"({"a":1,})"; }},
      {"model", [](Provider& p) { p.model = "llama\r\n"; }},
      {"price", [](Provider& p) { p.price.input = per_million("-0.05"); }},
      {"price", [](Provider& p) { p.price.cached = per_million("free"); }},
      {"window", [](Provider& p) { p.window = -1; }},
      {"markup", [=](Provider& p) { p.markup = nan; }},
      {"markup", [](Provider& p) { p.markup = -0.01; }},
      {"weight", [](Provider& p) { p.weight = -1; }},
      {"weight", [=](Provider& p) { p.weight = infinite; }},
      {"free.requests_per_day", [](Provider& p) { p.free.requests_per_day = -1; }},
      {"free.tokens_per_day", [=](Provider& p) { p.free.tokens_per_day = nan; }},
      {"limits.requests_per_minute", [=](Provider& p) { p.limits.requests_per_minute = -infinite; }},
      {"limits.tokens_per_minute", [](Provider& p) { p.limits.tokens_per_minute = -1; }},
      {"limits.requests_per_day", [=](Provider& p) { p.limits.requests_per_day = nan; }},
      {"limits.in_flight", [](Provider& p) { p.limits.in_flight = -1; }},
      {"expected_latency", [](Provider& p) { p.expected_latency = -1ns; }},
      {"timeouts.deadline", [](Provider& p) { p.timeouts.deadline = -1s; }},
      {"timeouts.connect", [](Provider& p) { p.timeouts.connect = -1s; }},
      {"timeouts.attempt", [](Provider& p) { p.timeouts.attempt = -1s; }},
      {"timeouts.first_content", [](Provider& p) { p.timeouts.first_content = -1s; }},
      {"timeouts.idle", [](Provider& p) { p.timeouts.idle = -1s; }},
      {"timeouts.content_idle", [](Provider& p) { p.timeouts.content_idle = -1s; }},
  };
  for (const auto& [field, spoil] : faults) {
    Provider bad = sound("wrong");
    spoil(bad);
    const std::string name = bad.name.substr(0, 3);  // of those whose name is the fault, what can be shown
    const std::string why = problem(Fleet{sound("right"), std::move(bad), sound("also-right")});
    CAPTURE(field, why);
    CHECK_THAT(why, ContainsSubstring("\"" + name));
    CHECK_THAT(why, ContainsSubstring("\": "s + field + ' '));
    CHECK(why.find("very-secret") == why.npos);
    CHECK(why.find("right") == why.npos);
    CHECK(one_line(why));
    CHECK(why.size() < 300);
  }
}

TEST_CASE("what is unusual but sound is let through") {
  Provider p = sound(std::string(31, 'n'));
  p.fields = {{"HTTP-Referer", "https://example.com/?q=\xC3\xA9\t!"}, {"x_!#$%&'*+-.^`|~1", ""}};
  p.key_field = {.name = "x-api-key", .prefix = ""};
  p.weight = 0;
  p.markup = 0.055;
  p.order = -1;
  p.timeouts = {.attempt = 10s};
  p.price = Price::zero();
  p.expected_latency = 250ms;
  CHECK(problem(Fleet{p}) == "");
  p.url = "http://localhost:11434/v1";
  p.key = {};
  CHECK(problem(Fleet{p}) == "");  // a local server needs no key
  p.url = "http://gpu-box:8000/v1";
  CHECK(problem(Fleet{p}) != "");
  p.allow_plain_http = true;
  CHECK(problem(Fleet{p}) == "");
}

TEST_CASE("many providers may stand beside single ones, and none of them is lost or moved away") {
  const std::vector<Provider> kept{sound("b"), keyless("c", "C_KEY"), sound("d")};
  const Fleet fleet{sound("a"), kept, std::vector<Provider>{sound("e")}, sound("f")};
  CHECK(problem(fleet) == "");
  REQUIRE(fleet.providers().size() == 5);
  std::string names;
  for (const Provider& p : fleet.providers()) names += p.name;
  CHECK(names == "abdef");
  CHECK(fleet.left_out() == std::vector<std::string>{"c"});
  CHECK(kept[0].key.same_as(secret));
  CHECK_THAT(problem(Fleet{kept, sound("b")}), ContainsSubstring("is there twice"));
  CHECK(problem(Fleet{std::vector<Provider>{}, sound("a")}) == "");
  CHECK_THAT(problem(Fleet{std::vector<Provider>{}, std::vector<Provider>{}}), ContainsSubstring("no provider"));
}

TEST_CASE("a provider that was made with a problem is refused with it, in one line") {
  Provider p = sound("odd");
  p.problem = "has no region:\nset one";
  const std::string why = problem(Fleet{sound("right"), p});
  CHECK_THAT(why, ContainsSubstring("\"odd\": has no region:"));
  CHECK(one_line(why));
}

TEST_CASE("a provider that is a function needs no URL, and what else it has is examined") {
  Provider p{.name = "f", .function = [](const ChatRequest&) { return "x"; }};
  CHECK(problem(Fleet{p}) == "");
  p.markup = -1;
  CHECK_THAT(problem(Fleet{p}), ContainsSubstring("markup"));
  CHECK_THAT(problem(Fleet{Provider{.name = "f"}}), ContainsSubstring("url is empty"));
}

TEST_CASE("a provider without a name is found by its number") {
  CHECK_THAT(problem(Fleet{sound("a"), sound("")}), ContainsSubstring("number 2: name "));
  CHECK_THAT(problem(Fleet{sound(""), sound("")}), ContainsSubstring("number 1: name "));
}

TEST_CASE("two providers of one name are refused, however many lie between them") {
  CHECK_THAT(problem(Fleet{sound("a"), sound("b"), sound("a")}), ContainsSubstring("provider \"a\": name is there twice"));
  CHECK(problem(Fleet{sound("a"), sound("A")}) == "");
  std::vector<Provider> many;
  for (int i = 0; i < 3'000; ++i) many.push_back(sound("p" + std::to_string(i)));
  CHECK(problem(Fleet(many)) == "");
  many.push_back(sound("p17"));
  CHECK_THAT(problem(Fleet(many)), ContainsSubstring("\"p17\": name is there twice"));
}

TEST_CASE("a fleet of nobody is refused") {
  CHECK_THAT(problem(Fleet{}), ContainsSubstring("no provider"));
  CHECK_THAT(problem(Fleet(std::vector<Provider>{})), ContainsSubstring("no provider"));
}

TEST_CASE("a provider whose key is not set is left out, and the others answer") {
  Provider unset = keyless("groq", "GROQ_API_KEY");
  unset.url = "nonsense";  // nobody is going to call it
  const Fleet fleet{unset, sound("together"), keyless("openrouter", "OPENROUTER_API_KEY")};
  CHECK(problem(fleet) == "");
  REQUIRE(fleet.providers().size() == 1);
  CHECK(fleet.providers()[0].name == "together");
  CHECK(fleet.left_out() == std::vector<std::string>{"groq", "openrouter"});
}

TEST_CASE("a key that is there, or is asked for, is not left out") {
  Provider p = keyless("groq", "GROQ_API_KEY");
  p.key = [] { return "later"s; };
  CHECK(Fleet{p}.providers().size() == 1);
  p.key = secret;
  CHECK(Fleet{p}.providers().size() == 1);
  p.key = "";
  CHECK(Fleet{p}.providers().empty());
}

TEST_CASE("when nobody has a key, each variable is listed with the page that gives one out") {
  const std::string why =
      problem(Fleet{keyless("groq", "GROQ_API_KEY", "https://console.groq.com/keys"),
                    keyless("together", "TOGETHER_API_KEY", "https://api.together.xyz/settings/api-keys"), keyless("own", "")});
  for (const char* part : {"GROQ_API_KEY", "https://console.groq.com/keys", "TOGETHER_API_KEY",
                           "https://api.together.xyz/settings/api-keys", "own"})
    CHECK_THAT(why, ContainsSubstring(part));
}

TEST_CASE("a fleet's own time limits are kept and checked") {
  const Fleet fleet = Fleet{sound("a")}.timeouts({.deadline = 20s});
  CHECK(problem(fleet) == "");
  CHECK(fleet.timeouts().deadline == Duration(20s));
  CHECK_FALSE(fleet.timeouts().idle);
  CHECK_THAT(problem(Fleet{sound("a")}.timeouts({.idle = -1s})), ContainsSubstring("timeouts.idle"));
  CHECK_THAT(problem(Fleet{sound("")}.timeouts({.idle = 1s})), ContainsSubstring("name"));  // the first problem stays
  CHECK_THAT(problem(Fleet{}.timeouts({.idle = 1s})), ContainsSubstring("no provider"));
  const auto& kept = Fleet{sound("a")}.timeouts({.deadline = 30s});  // a value: the reference prolongs it
  CHECK(kept.timeouts().deadline == Duration(30s));
}

TEST_CASE("a fleet is a value, and one that was moved away is not sound") {
  Fleet first{sound("a"), keyless("b", "B")};
  const Fleet copy = first;
  Fleet moved = std::move(first);
  CHECK(problem(copy) == "");
  CHECK(problem(moved) == "");
  CHECK(moved.providers().size() == 1);
  CHECK(moved.left_out().size() == 1);
  CHECK(problem(first) != "");  // NOLINT: that is what is tested
  first = moved;
  CHECK(problem(first) == "");
  Fleet bad{sound("")};
  first = std::move(bad);
  CHECK_THAT(problem(first), ContainsSubstring("name"));
}
