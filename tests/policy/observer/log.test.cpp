// SPDX-License-Identifier: MIT
// Lines of a log: verbatim for events made by hand, for words that mean harm, and from a router that runs.
#include "llmroute/policy/observer/log.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"
#include "llmroute/router.hpp"
#include "llmroute/sim/network.hpp"
#include "llmroute/sim/world.hpp"
#include "llmroute/transport/from.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using observe::Detail;
using sim::Answer;

namespace {

/// A rate-limited attempt as the example of the header tells it, to be changed by tests.
struct Told {
  ChatRequest request{.messages = "a prompt that nobody shall see", .model = "llama-70b"};
  Options options{};
  Query query{.request = request, .options = options, .category = "code"};
  Outcome outcome{
      .ending = Ending::failed, .kind = Kind::rate_limited, .retry_after = 20s, .first_content = 412ms, .total = 412ms};
  TrailEntry entry{.status = 429, .message = std::string_view("Slow down, please")};
  Event event{.what = Event::What::ended,
              .id = 0x9f3a61c27e00b4d5,
              .query = &query,
              .provider = "groq",
              .outcome = &outcome,
              .entry = &entry,
              .attempt = 1,
              .cost = {Money(), Cost::Source::usage},
              .now = Time{} + 10s};
  Told() = default;
  Told(const Told&) = delete;

  std::string line(Detail detail = Detail::all) {
    std::string all;
    observe::Log log([&all](std::string_view l) { all.append(l).append("|"); }, detail);
    log.observe(event);
    if (!all.empty()) all.pop_back();
    return all;
  }
  std::string with_message(std::string_view words) {
    entry.message = words;
    const std::string l = line();
    return l.substr(l.find(" message=") + 9);
  }
};

using Lines = std::vector<std::string>;
auto into(Lines& lines) {
  return observe::Log([&lines](std::string_view l) { lines.emplace_back(l); });
}
std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t found = text.find(part); found != text.npos; found = text.find(part, found + 1)) ++n;
  return n;
}

/// Reads a line as a program would; empty: it is no logfmt.
std::vector<std::pair<std::string, std::string>> parsed(std::string_view line) {
  std::vector<std::pair<std::string, std::string>> all;
  for (std::size_t i = 0; i < line.size();) {
    const std::size_t equals = line.find('=', i);
    if (equals == line.npos) return {};
    std::string key(line.substr(i, equals - i)), value;
    for (const char c : key)
      if (c != '_' && (c < 'a' || c > 'z')) return {};
    i = equals + 1;
    if (i < line.size() && line[i] == '"') {
      for (++i; i < line.size() && line[i] != '"'; ++i) {
        if (line[i] == '\\') value += line[i++];
        if (i < line.size()) value += line[i];
      }
      if (i++ >= line.size()) return {};
    } else {
      for (; i < line.size() && line[i] != ' '; ++i) {
        if (line[i] == '"' || line[i] == '=' || line[i] < '!' || line[i] > '~') return {};
        value += line[i];
      }
      if (value.empty()) return {};
    }
    if (i < line.size() && line[i++] != ' ') return {};
    all.emplace_back(std::move(key), std::move(value));
  }
  return all;
}
bool is_utf8(std::string_view text) {
  for (const char* p = text.data(); p != text.data() + text.size();) {
    const auto s = utf8::sequence(p, text.data() + text.size());
    if (s.found != utf8::Found::whole) return false;
    p += s.length;
  }
  return true;
}

bool one_line(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') return false;
  return text.find("\xC2\x9B") == text.npos && text.find("\xE2\x80\xA8") == text.npos;
}

struct Quiet {
  void operator()(std::string_view) const noexcept {}
};

}  // namespace

static_assert(Observer<observe::Log<Quiet>>);
static_assert(std::is_move_constructible_v<observe::Log<Quiet>>);

TEST_CASE("log: an attempt that was rate-limited, as the header shows it") {
  Told t;
  CHECK(
      t.line() ==
      "event=attempt request=9f3a61c27e00b4d5 attempt=1 provider=groq model=llama-70b category=code ended=failed kind=rate_limited "
      "status=429 started=0.000s took=0.412s retry_after=20.000s cost=$0.00 message=\"Slow down, please\"");
}

TEST_CASE("log: an attempt that won, with all that is known of it") {
  Told t;
  t.options.correlation_id = "order-17";
  t.outcome = {.ending = Ending::won, .first_content = 130ms, .total = 61'999'999us};
  t.entry.message = {};
  t.entry.hedge = true;
  t.entry.status = 200;
  t.entry.score = 2.1360000000000003e-05;
  t.entry.started = 1500ms;
  t.entry.altered = std::string_view("without seed");
  t.event.usage = {.prompt = 100, .completion = 256, .cached = 64, .cache_written = 3, .reasoning = 32, .reported = true};
  t.event.cost = {Money::nanos(21'360), Cost::Source::usage};
  CHECK(
      t.line() ==
      "event=attempt request=9f3a61c27e00b4d5 attempt=1 correlation=order-17 provider=groq model=llama-70b category=code hedge=yes "
      "ended=won status=200 started=1.500s took=61.999s first=0.130s prompt=100 completion=256 cached=64 cache_written=3 reasoning=32 "
      "cost=$0.00002136 score=0.00002136 altered=\"without seed\"");
}

TEST_CASE("log: what is not known is left out, and an estimate is called one") {
  Told t;
  t.request.model.clear();
  t.query.category = {};
  t.event.id = 0;
  t.outcome = {.ending = Ending::cut, .kind = Kind::deadline_exceeded, .first_content = 3s, .total = 3s};
  t.entry = {};
  t.event.usage = {.prompt = 100};  // not reported
  t.event.cost = {};
  CHECK(t.line() == "event=attempt request=0000000000000000 attempt=1 provider=groq ended=cut started=0.000s took=3.000s");
  t.event.cost = {dollars("1.5"), Cost::Source::estimated};
  CHECK_THAT(t.line(), ContainsSubstring(" cost=$1.50 estimated=yes"));
}

TEST_CASE("log: only ended attempts are told, unless all is asked for") {
  Told t;
  for (const auto what : {Event::What::classified, Event::What::sent, Event::What::rested, Event::What::budget,
                          Event::What::finished, Event::What::feedback}) {
    t.event.what = what;
    CHECK(t.line(Detail::attempts).empty());
    CHECK_FALSE(t.line(Detail::all).empty());
  }
  t.event.what = Event::What::ended;
  CHECK_FALSE(t.line(Detail::attempts).empty());
}

TEST_CASE("log: the other events, verbatim") {
  const std::string head = " request=9f3a61c27e00b4d5 attempt=1 ", whose = "model=llama-70b category=code";
  Told t;
  SECTION("classified") {
    t.event.what = Event::What::classified;
    t.event.provider = {};
    t.event.attempt = 0;
    t.query.judgement = {.confidence = 0.75f, .prompt_tokens = 1200};
    t.query.delivery = Delivery::stream;
    CHECK(t.line() == "event=classified request=9f3a61c27e00b4d5 " + whose + " confidence=0.75 prompt=1200 delivery=stream");
  }
  SECTION("sent") {
    Provider p;
    Health health;
    const Offer offer{.model = {"meta/", "llama-3.3-70b"}, .price = {per_million("1"), per_million("2"), {}}};
    t.query.judgement.prompt_tokens = 1000;
    const Candidate candidate{p, offer, health, t.query, 0, Time{}};
    t.event.what = Event::What::sent;
    t.event.candidate = &candidate;
    t.entry = {.score = 1000001, .started = 250ms};
    CHECK(t.line() == "event=sent" + head + "provider=groq " + whose +
                          " sent_as=meta/llama-3.3-70b started=0.250s score=1000001 estimate=$0.001512");
  }
  SECTION("rested") {
    t.event.what = Event::What::rested;
    t.event.attempt = 0;
    t.event.until = Time{} + 30s;
    CHECK(t.line() == "event=rested request=9f3a61c27e00b4d5 provider=groq " + whose +
                          " ended=failed kind=rate_limited status=429 rest=20.000s");
    t.event.until = never;
    CHECK_THAT(t.line(), ContainsSubstring(" rest=forever"));
  }
  SECTION("budget") {
    t.event.attempt = 0;
    t.event.what = Event::What::budget;
    CHECK(t.line() == "event=budget request=9f3a61c27e00b4d5 provider=groq " + whose);
  }
  SECTION("finished") {
    t.event.what = Event::What::finished;
    t.event.cost = {dollars("0.25"), Cost::Source::billed};
    CHECK(t.line() == "event=finished request=9f3a61c27e00b4d5 attempts=1 provider=groq " + whose +
                          " ended=failed kind=rate_limited status=429 took=0.412s cost=$0.25");
  }
  SECTION("feedback") {
    const Event feedback{.what = Event::What::feedback, .id = t.event.id, .score = 0};
    t.event = feedback;
    CHECK(t.line() == "event=feedback request=9f3a61c27e00b4d5 score=0");
  }
}

TEST_CASE("log: whatever an event lacks, there is a line") {
  for (int what = 0; what < 8; ++what) {
    Told t;
    const Event bare{.what = static_cast<Event::What>(what)};
    t.event = bare;
    CHECK_FALSE(parsed(t.line()).empty());
  }
}

TEST_CASE("log: values with blanks, quotes or signs of equality are quoted, and a line is always one line") {
  Told t;
  CHECK(t.with_message("plain") == "plain");
  CHECK(t.with_message("two words") == "\"two words\"");
  CHECK(t.with_message("a=b") == "\"a=b\"");
  CHECK(t.with_message("say \"no\"") == R"("say \"no\"")");
  CHECK(t.with_message("back\\") == R"("back\\")");
  CHECK(t.with_message("one\ntwo\r\n\tthree") == R"("one\ntwo\r\n\tthree")");
  CHECK(t.with_message("x\nevent=attempt ended=won") == R"("x\nevent=attempt ended=won")");
  CHECK(t.with_message("\x1B[31mred\x1B]0;title\x07") == R"("\u001b[31mred\u001b]0;title\u0007")");
  CHECK(t.with_message("\xC2\x9B"
                       "2J and \x7F") == R"("\u009b2J and \u007f")");
  CHECK(t.with_message(std::string_view("nul\0nul", 7)) == R"("nul\u0000nul")");
  CHECK(t.with_message("\xE2\x80\xA8 \xE2\x80\xAE \xE2\x81\xA6") == R"("\u2028 \u202e \u2066")");
  CHECK(t.with_message("gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80") == "\"gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\"");
  CHECK(t.with_message("broken \xFF\xC3") == "\"broken \xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST_CASE("log: the caller's own words and names are escaped too") {
  Told t;
  t.request.model = "my model\n";
  t.query.category = "c\"";
  t.options.correlation_id = "\x1B[2J";
  t.event.provider = "a b";
  CHECK_THAT(t.line(), ContainsSubstring(R"( correlation="\u001b[2J" provider="a b" model="my model\n" category="c\"" )"));
}

TEST_CASE("log: a value that is too long is cut between characters, ends in an ellipsis, and what stands behind it is there") {
  Told t;
  t.request.model = std::string(120, 'm');
  CHECK_THAT(t.line(), ContainsSubstring(" model=" + std::string(120, 'm') + " category=code"));
  t.request.model = std::string(121, 'm');
  CHECK_THAT(t.line(), ContainsSubstring(" model=\"" + std::string(117, 'm') + "\xE2\x80\xA6\" category=code"));
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "\xC3\xBC";
  t.request.model = umlauts;
  CHECK_THAT(t.line(), ContainsSubstring(" model=\"" + umlauts.substr(0, 116) + "\xE2\x80\xA6\" category=code"));
  t.request.model = std::string(200, '\n');  // an escape is not cut either
  CHECK(count(t.line(), "\\n") == 58);
  t.query.category = std::string_view(umlauts).substr(0, 120);
  CHECK_THAT(t.line(), ContainsSubstring(" category=\"" + umlauts.substr(0, 120) + "\" ended"));
}

TEST_CASE("log: at its longest a line still says everything but the end of the message") {
  Told t;
  const std::string worst(1000, '\x01');
  t.options.correlation_id = t.request.model = worst;
  t.query.category = t.event.provider = worst;
  t.entry.message = std::string_view(worst);
  t.entry.hedge = true;
  t.entry.status = std::numeric_limits<int>::max();
  t.entry.score = -123456789e-13;
  t.entry.started = endless;
  t.outcome = {.ending = Ending::failed,
               .kind = Kind::deadline_exceeded,
               .retry_after = endless,
               .first_content = endless - 1ns,
               .total = endless};
  constexpr std::int64_t all = std::numeric_limits<std::int64_t>::max();
  t.event.usage = {.prompt = all, .completion = all, .cached = all, .reasoning = all, .reported = true};
  t.event.cost = {Money::nanos(-all), Cost::Source::estimated};
  const std::string line = t.line();
  CAPTURE(line);
  CHECK(line.size() <= 1200);
  CHECK(line.size() > 1180);
  CHECK_THAT(line, ContainsSubstring(" took=9223372036.854s first=9223372036.854s retry_after=9223372036.854s "
                                     "prompt=9223372036854775807 completion=9223372036854775807 cached=9223372036854775807 "
                                     "reasoning=9223372036854775807 cost=-$9223372036.854775807 estimated=yes "
                                     "score=-0.0000123456789 message=\"\\u0001"));
  CHECK(line.substr(line.size() - 10) == "\\u0001\xE2\x80\xA6\"");
  CHECK(parsed(line).size() == 23);
}

TEST_CASE("log: scores are written to nine digits, in any size") {
  Told t;
  const auto score = [&](double s) {
    t.entry.score = s;
    const std::string l = t.line();
    const std::size_t found = l.find(" score=");
    return found == l.npos ? "" : l.substr(found + 7, l.find(' ', found + 1) - found - 7);
  };
  CHECK(score(0).empty());
  CHECK(score(std::numeric_limits<double>::infinity()).empty());
  CHECK(score(std::numeric_limits<double>::quiet_NaN()).empty());
  CHECK(score(1) == "1");
  CHECK(score(-0.5) == "-0.5");
  CHECK(score(0.1 + 0.2) == "0.3");
  CHECK(score(1e6) == "1000000");
  CHECK(score(123.456) == "123.456");
  CHECK(score(0.9999999999) == "1");
  CHECK(score(99999999.96) == "100000000");
  CHECK(score(123456789.4) == "123456789");
  CHECK(score(1.0000000001) == "1");
  CHECK(score(2.0 / 3) == "0.666666667");
  CHECK(score(1e20) == "100000000000000000000");
  CHECK(score(1e22) == "1e+22");
  CHECK(score(1.5e300) == "1.5e+300");
  CHECK(score(-5e-324) == "-5e-324");
}

TEST_CASE("log: whatever the words, the line is one line of UTF-8 that a program can read") {
  std::mt19937_64 random(tests::seed());
  INFO("seed " << tests::seed());
  const std::string_view pieces[]{"a",    " ",    "\"",   "\\",           "=", "\n",   "\x1B",         "\xC2\x9B",
                                  "\xFF", "\xC3", "\xBC", "\xE2\x80\xA8", "",  "\xF0", "\x9F\x98\x80", "word"};
  const auto words = [&] {
    std::string all;
    for (std::uint64_t n = random() % 100 + (random() % 10 == 0 ? 500 : 0); n > 0; --n)
      all += pieces[random() % std::size(pieces)];
    return all;
  };
  for (int i = 0; i < 2000; ++i) {
    Told t;
    t.request.model = words(), t.options.correlation_id = words(), t.entry.message = std::string_view(words());
    const std::string category = words(), provider = words();
    t.query.category = category, t.event.provider = provider;
    const std::string line = t.line();
    CAPTURE(line);
    REQUIRE(line.size() <= 1200);
    REQUIRE(is_utf8(line));
    REQUIRE(one_line(line));
    const auto all = parsed(line);
    std::string keys;
    for (const auto& [key, value] : all) keys += key + ' ';
    const std::size_t ended = keys.find("ended kind status started took retry_after cost ");
    REQUIRE(ended != keys.npos);
    REQUIRE(keys.find("event request ") == 0);
  }
}

TEST_CASE("log: a line allocates nothing") {
  Told t;
  t.entry.score = 1.0 / 3;
  t.entry.message = std::string_view("a message that is longer than any string that keeps its text in itself, with a \n in it");
  std::size_t bytes = 0;
  observe::Log log([&bytes](std::string_view l) { bytes += l.size(); }, Detail::all);
  const tests::Allocations made;
  for (int what = 0; what < 7; ++what) {
    t.event.what = static_cast<Event::What>(what);
    log.observe(t.event);
  }
  const std::size_t allocations = made.count();
  CHECK(allocations == 0);
  CHECK(bytes > 500);
}

TEST_CASE("log: a sink may be a function, a reference, or one that can only be moved") {
  static Lines lines;
  lines.clear();
  struct MoveOnly {
    explicit MoveOnly(Lines& l) : to(l) {}
    MoveOnly(MoveOnly&&) = default;
    bool operator()(std::string_view line) { return to.emplace_back(line), true; }
    Lines& to;
  };
  Told t;
  MoveOnly sink(lines);
  observe::Log by_reference(std::ref(sink));
  observe::Log by_function(+[](std::string_view l) { lines.emplace_back(l); });
  observe::Log owned(MoveOnly{lines});
  observe::Log moved(std::move(owned));
  by_reference.observe(t.event), by_function.observe(t.event), moved.observe(t.event);
  CHECK(lines == Lines(3, t.line()));
}

namespace {

struct Fixture {
  sim::World world{3};
  Fixture() {
    world.add({.name = "one", .key = "sk-a-key-of-one", .price = {per_million("1"), per_million("1"), {}}});
    world.add({.name = "two", .key = "sk-a-key-of-two", .price = {per_million("1"), per_million("2"), {}}, .order = 1});
  }
  template <class Log>
  auto router(Log&& log) {
    return Router{Fleet{world.providers()}, sim::Network{world}, sim::Clock{world}, std::forward<Log>(log)};
  }
};

}  // namespace

TEST_CASE("log: a router prints a line for each attempt, with the failover") {
  Fixture f;
  f.world.provider("one").answer_with(Answer::error(500));
  f.world.provider("two").answer_with(Answer::reply("an answer that nobody shall see"));
  Lines lines;
  auto router = f.router(into(lines));
  router.seed(7);
  const auto reply = router.complete("a prompt that nobody shall see");
  REQUIRE(reply);
  REQUIRE(lines.size() == 2);
  const std::string id = parsed(lines[0])[1].second;
  CHECK(lines[0] ==
        "event=attempt request=" + id +
            " attempt=1 provider=one ended=failed kind=server_error status=500 started=0.000s took=0.010s cost=$0.00 "
            "message=\"The server had an error while processing your request.\"");
  CHECK(lines[1] == "event=attempt request=" + id +
                        " attempt=2 provider=two ended=won status=200 started=0.010s took=0.010s prompt=12 completion=8 "
                        "cost=$0.000028 score=1000001");
  CHECK(std::stoull(id, nullptr, 16) == reply->id);
}

TEST_CASE("log: with all, a router tells a request from its beginning to its end") {
  Fixture f;
  f.world.provider("one").answer_with(Answer::rate_limited(20s));
  Lines lines;
  observe::Log log([&lines](std::string_view l) { lines.emplace_back(l); }, Detail::all);
  auto router = f.router(std::ref(log));
  const auto reply = router.stream("hello", [](const Delta&) {});
  REQUIRE(reply);
  router.feedback(reply->id, 0.5);
  std::string order;
  for (const std::string& l : lines) order += parsed(l)[0].second + ' ';
  CHECK(order == "classified sent attempt rested sent first_content attempt finished feedback ");
  CHECK_THAT(lines[1], ContainsSubstring(" attempt=1 "));
  CHECK_THAT(lines[3], ContainsSubstring("provider=one ended=failed kind=rate_limited status=429 rest=20.000s"));
  CHECK_THAT(lines[4], ContainsSubstring(" attempt=2 "));
  CHECK_THAT(lines[5], ContainsSubstring(" attempt=2 provider=two after=0.300s"));
  CHECK_THAT(lines[6], ContainsSubstring(" first="));
  CHECK_THAT(lines[7], ContainsSubstring(" attempts=2 provider=two ended=won status=200 took="));
  CHECK_THAT(lines[8], ContainsSubstring(" score=0.5"));
}

TEST_CASE("log: a key that a provider echoes appears in no line, nor does what was asked or answered") {
  Fixture f;
  const std::string key = f.world.provider("one").script().key;
  for (const int status : {401, 500, 429, 400})
    f.world.provider("one").answer_with(
        Answer::error(status, {}, "Bearer " + key + " \x1B[31m is wrong\nkey=" + key).with("x-request-id", key));
  Lines lines;
  observe::Log log([&lines](std::string_view l) { lines.emplace_back(l); }, Detail::all);
  auto router = f.router(log);
  for (int i = 0; i < 4; ++i) {
    const auto reply = router.complete("a prompt that nobody shall see");
    if (reply) router.feedback(reply->id, 1);
    f.world.advance(1h);
  }
  bool echoed = false;
  for (const std::string& l : lines) {
    CHECK(l.find("sk-a-key") == l.npos);
    CHECK(l.find("nobody shall see") == l.npos);
    CHECK(l.find('\x1B') == l.npos);
    echoed = echoed || l.find("***") != l.npos;
  }
  CHECK(echoed);
}

TEST_CASE("log: a sink that throws harms no request") {
  Fixture f;
  auto router = f.router(observe::Log([](std::string_view) { throw 1; }, Detail::all));
  CHECK(router.complete("hello"));
}
