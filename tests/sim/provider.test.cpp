// SPDX-License-Identifier: MIT
#include "llmroute/sim/provider.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "llmroute/sim/network.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/json_reader.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using sim::Answer;
using sim::Outage;
using sim::Script;
using sim::ScriptedProvider;

namespace {

constexpr std::string_view plain_body = R"({"model":"m","messages":[{"role":"user","content":"12345678"}]})";
constexpr std::string_view stream_body =
    R"({"messages":[{"role":"user","content":"123456789"}],"stream":true,"stream_options":{"include_usage":true}})";

struct Ask {
  std::string_view body = plain_body;
  std::string_view key = "Bearer sk-sim-p";
  std::string_view path = "/chat/completions";
  std::string_view method = "POST";
  Time at{};
};

Answer ask(ScriptedProvider& p, const Ask& a = {}) {
  const std::string url = p.script().url + std::string(a.path);
  const http::Field fields[]{{"content-type", "application/json"}, {"Authorization", a.key}};
  const std::span sent(fields, a.key.empty() ? 1 : 2);
  return p.answer({.method = a.method, .url = url, .fields = sent, .body = a.body}, a.at);
}
Answer ask(ScriptedProvider&& p, const Ask& a = {}) { return ask(p, a); }

std::string field(const Answer& a, std::string_view name) {
  for (const auto& [n, v] : a.fields)
    if (n == name) return v;
  return "(none)";
}

Duration lasts(const Answer& a) {
  Duration d = a.head;
  for (const sim::Chunk& c : a.chunks) d += c.after;
  return d;
}

// What a client would take from an answer, whole or streamed.
struct Taken {
  std::string text{};
  std::string finish{};
  std::string model{};
  std::string id{};
  std::string object{};
  std::string error_code{};
  std::string error_message{};
  std::int64_t prompt = -1, completion = -1, total = -1;
  int pieces = 0;
  bool role = false, done = false, valid = true;
};

void take(std::string_view json, Taken& t) {
  json::Reader in(json);
  const auto spoken = [&] {
    in.object([&](std::string_view k) {
      if (k == "role") t.role = in.text() == "assistant";
      else if (k == "content") {
        const std::size_t before = t.text.size();
        in.append_text(t.text);
        t.pieces += t.text.size() > before;
      }
    });
  };
  in.object([&](std::string_view key) {
    if (key == "id") in.text(t.id);
    else if (key == "model") in.text(t.model);
    else if (key == "object") in.text(t.object);
    else if (key == "choices") {
      in.array([&] {
        in.object([&](std::string_view k) {
          if (k == "message" || k == "delta") spoken();
          else if (k == "finish_reason") in.text(t.finish);
        });
      });
    } else if (key == "usage") {
      in.object([&](std::string_view k) {
        if (k == "prompt_tokens") in.integer(t.prompt);
        else if (k == "completion_tokens") in.integer(t.completion);
        else if (k == "total_tokens") in.integer(t.total);
      });
    } else if (key == "error") {
      in.object([&](std::string_view k) {
        if (k == "code") in.text(t.error_code);
        else if (k == "message") in.text(t.error_message);
      });
    }
  });
  t.valid = t.valid && in.done();
}

Taken taken(const Answer& a) {
  Taken t;
  const std::string body = a.body();
  if (field(a, "content-type").substr(0, 17) != "text/event-stream") return take(body, t), t;
  std::string_view rest = body;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\n\n");
    if (end == rest.npos || rest.substr(0, 6) != "data: ") return t.valid = false, t;
    const std::string_view data = rest.substr(6, end - 6);
    if (data == "[DONE]") t.done = true;
    else take(data, t);
    rest.remove_prefix(end + 2);
  }
  return t;
}

std::int64_t words(std::string_view text) { return std::count(text.begin(), text.end(), ' ') + 1; }

std::string trace(ScriptedProvider& p, int requests = 30) {
  std::string all;
  for (int i = 0; i < requests; ++i) {
    const Answer a = ask(p, {.body = i % 2 ? stream_body : plain_body, .at = Time{} + i * 1s});
    all += std::to_string(a.status) + ' ' + std::to_string(a.head.count());
    for (const auto& [n, v] : a.fields) all.append(n).append(v);
    for (const sim::Chunk& c : a.chunks) all += std::to_string(c.after.count()) + c.bytes;
  }
  return all;
}
Script wild() { return {.name = "p", .jitter = 0.3, .failure_rate = 0.3, .failures = {503, 500, 0, 429}}; }

}  // namespace

TEST_CASE("a request is answered with a completion whose usage agrees with its text") {
  ScriptedProvider p({.name = "p", .price = {.input = per_million("0.05"), .output = per_million("0.08")}}, 7);
  const Answer a = ask(p);
  const Taken t = taken(a);
  CHECK(a.status == 200);
  CHECK(field(a, "content-type") == "application/json");
  CHECK(field(a, "x-request-id").size() == 20);
  CHECK(t.valid);
  CHECK(t.role);
  CHECK(t.object == "chat.completion");
  CHECK(t.model == "m");
  CHECK(t.finish == "stop");
  CHECK(t.prompt == 2);
  CHECK(t.completion == words(t.text));
  CHECK(t.total == t.prompt + t.completion);
  CHECK(t.completion >= 20);
  CHECK(t.completion <= 60);
  CHECK(a.usage == Usage{.prompt = 2, .completion = t.completion, .reported = true});
  CHECK(p.counters().prompt_tokens == 2);
  CHECK(p.counters().completion_tokens == t.completion);
  CHECK(p.counters().billed == p.script().price.of(2, t.completion));
  CHECK(p.counters().billed > Money{});
}

TEST_CASE("a stream begins with the role, ends with finish, usage and [DONE], and says what a whole reply would have") {
  ScriptedProvider streaming({.name = "p"}, 7), whole({.name = "p"}, 7);
  const Answer a = ask(streaming, {.body = stream_body});
  const Taken t = taken(a);
  CHECK(t.valid);
  CHECK(t.done);
  CHECK(t.role);
  CHECK(t.object == "chat.completion.chunk");
  CHECK(t.finish == "stop");
  CHECK(t.prompt == 3);
  CHECK(t.completion == words(t.text));
  CHECK(t.pieces == (t.completion + 3) / 4);
  CHECK(t.text == taken(ask(whole)).text);
  REQUIRE(a.chunks.size() == static_cast<std::size_t>(t.pieces) + 4);
  CHECK_THAT(a.chunks.front().bytes, ContainsSubstring("\"role\""));
  CHECK_THAT(a.chunks[a.chunks.size() - 2].bytes, ContainsSubstring("\"choices\":[]"));
  CHECK(a.chunks.back().bytes == "data: [DONE]\n\n");
}

TEST_CASE("a stream shows its usage only to those who ask for it, and is billed all the same") {
  ScriptedProvider p({.name = "p"}, 7);
  const Taken t = taken(ask(p, {.body = R"({"messages":[{"role":"user","content":"a"}],"stream":true})"}));
  CHECK(t.done);
  CHECK(t.total == -1);
  CHECK(p.counters().completion_tokens == words(t.text));
}

TEST_CASE("the times of an answer are those of its script") {
  const Script script{.name = "p", .round_trip = 20ms, .first_content = 130ms, .tokens_per_second = 800};
  const Answer a = ask(ScriptedProvider(script, 7), {.body = stream_body});
  CHECK(a.head == 20ms);
  CHECK(a.chunks[0].after == 0ms);
  CHECK(a.chunks[1].after == 110ms);
  CHECK(a.chunks[2].after == 5ms);
  const std::int64_t tokens = a.usage.completion;
  CHECK(lasts(a) == 130ms + (tokens - std::min<std::int64_t>(4, tokens)) * 1250us);
  const Answer whole = ask(ScriptedProvider(script, 7));
  CHECK(whole.head == 130ms + (tokens - 1) * 1250us);
  CHECK(lasts(whole) == whole.head);
  CHECK(ask(ScriptedProvider(script, 7), {.key = ""}).head == 20ms);
}

TEST_CASE("jitter varies times around those of the script, within its share") {
  ScriptedProvider p({.name = "p", .first_content = 1s, .tokens_per_second = 0, .jitter = 0.3}, 3);
  Duration least = 1h, most{}, sum{};
  for (int i = 0; i < 1000; ++i) {
    const Duration d = ask(p).head;
    least = shorter(least, d), most = longer(most, d), sum += d;
  }
  CHECK(least >= 700ms);
  CHECK(least < 705ms);
  CHECK(most <= 1300ms);
  CHECK(most > 1295ms);
  CHECK(sum / 1000 > 985ms);
  CHECK(sum / 1000 < 1015ms);
}

TEST_CASE("max_tokens cuts an answer, which then says so") {
  for (std::string_view name : {"max_tokens", "max_completion_tokens"}) {
    const std::string body = R"({"messages":[{"role":"user","content":"a"}],")" + std::string(name) + "\":5}";
    const Taken t = taken(ask(ScriptedProvider({.name = "p"}, 7), {.body = body}));
    CHECK(t.finish == "length");
    CHECK(t.completion == 5);
    CHECK(words(t.text) == 5);
  }
  ScriptedProvider p({.name = "p"}, 7);
  const Taken t = taken(ask(p, {.body = R"({"messages":[{"role":"user"}],"max_tokens":null})"}));
  CHECK(t.finish == "stop");
}

TEST_CASE("the size of a prompt is a quarter of its bytes, in all turns and text parts") {
  ScriptedProvider p({.name = "p"}, 7);
  const Taken t = taken(ask(p, {.body = R"({"messages":[{"role":"system","content":"1234"},
      {"role":"user","content":[{"type":"text","text":"123456"},{"type":"image_url","image_url":{"url":"https://x"}},
      {"type":"text","text":"\u00e4"}]}],"unknown":{"content":"no"}})"}));
  CHECK(t.prompt == 3);
}

TEST_CASE("who asks wrongly is told what is wrong, in the order of a real gateway") {
  ScriptedProvider p({.name = "p", .model = "m", .models = {"n"}, .window = 100}, 7);
  struct Row {
    Ask asked{};
    int status = 0;
    std::string_view code{};
    std::string_view message{};
  };
  const Row rows[]{
      {{.path = "/completions"}, 404, "", "Invalid URL"},
      {{.path = ""}, 404, "", "Invalid URL"},
      {{.method = "GET"}, 405, "", "POST"},
      {{.key = ""}, 401, "", "didn't provide"},
      {{.key = "Bearer sk-wrong"}, 401, "invalid_api_key", "Incorrect"},
      {{.key = "Basic: sk-sim-p"}, 401, "invalid_api_key", "Incorrect"},
      {{.key = "sk-sim-p"}, 401, "invalid_api_key", "Incorrect"},
      {{.body = "{\"messages\":["}, 400, "", "parse"},
      {{.body = ""}, 400, "", "parse"},
      {{.body = "[]"}, 400, "", "parse"},
      {{.body = "{} {}"}, 400, "", "parse"},
      {{.body = "{}"}, 400, "", "'messages'"},
      {{.body = R"({"messages":[]})"}, 400, "", "'messages'"},
      {{.body = R"({"messages":[{"role":"user"},{"content":"a"}]})"}, 400, "", "messages[1].role"},
      {{.body = R"({"messages":[{"role":"user"}],"max_tokens":0})"}, 400, "", "max_tokens"},
      {{.body = R"({"messages":[{"role":"user"}],"max_tokens":"9"})"}, 400, "", "max_tokens"},
      {{.body = R"({"messages":[{"role":"user"}],"stream_options":{}})"}, 400, "", "stream_options"},
      {{.body = R"({"messages":[{"role":"user"}],"model":"other"})"}, 404, "model_not_found", "other"},
      {{.body = R"({"messages":[{"role":"user"}],"model":"m","max_tokens":101})"},
       400,
       "context_length_exceeded",
       "100 tokens"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.asked.body, row.asked.path, row.asked.key);
    const Answer a = ask(p, row.asked);
    const Taken t = taken(a);
    CHECK(a.status == row.status);
    CHECK(t.valid);
    CHECK(t.error_code == row.code);
    CHECK_THAT(t.error_message, ContainsSubstring(std::string(row.message)));
    CHECK(a.head == 20ms);
    CHECK(a.usage == Usage{});
  }
  CHECK(p.counters().refused == std::size(rows));
  CHECK(p.counters().answered == 0);
  CHECK(p.counters().billed == Money{});
  CHECK(ask(p, {.body = R"({"messages":[{"role":"user"}],"model":"n","max_tokens":100})"}).status == 200);
  CHECK(taken(ask(p, {.body = R"({"messages":[{"role":"user"}]})"})).model == "m");
}

TEST_CASE("a key that was replaced is not accepted any more") {
  ScriptedProvider p({.name = "p", .key = "old"}, 7);
  CHECK(ask(p, {.key = "Bearer old"}).status == 200);
  p.script().key = "new";
  CHECK(ask(p, {.key = "Bearer old"}).status == 401);
  CHECK(ask(p, {.key = "Bearer new"}).status == 200);
}

TEST_CASE("beyond its rate a provider answers 429, and whoever waits as long as it says gets in") {
  ScriptedProvider p({.name = "p", .requests_per_minute = 3}, 7);
  for (int i = 0; i < 3; ++i) {
    const Answer a = ask(p);
    CHECK(a.status == 200);
    CHECK(field(a, "x-ratelimit-limit-requests") == "3");
    CHECK(field(a, "x-ratelimit-remaining-requests") == std::to_string(2 - i));
    const std::string_view resets[]{"20s", "40s", "1m0s"};
    CHECK(field(a, "x-ratelimit-reset-requests") == resets[i]);
    CHECK(field(a, "retry-after") == "(none)");
  }
  const Answer refused = ask(p, {.at = Time{} + 500ms});
  CHECK(refused.status == 429);
  CHECK(field(refused, "retry-after") == "20");
  CHECK(field(refused, "x-ratelimit-remaining-requests") == "0");
  CHECK(field(refused, "x-ratelimit-reset-requests") == "59.5s");
  CHECK(taken(refused).error_code == "rate_limit_exceeded");
  CHECK_THAT(taken(refused).error_message, ContainsSubstring("19.5s"));
  CHECK(ask(p, {.at = Time{} + 20s - 1ns}).status == 429);
  CHECK(ask(p, {.at = Time{} + 20s}).status == 200);
  CHECK(ask(p, {.at = Time{} + 20s}).status == 429);
  for (int i = 0; i < 3; ++i) CHECK(ask(p, {.at = Time{} + 200s}).status == 200);
  CHECK(ask(p, {.at = Time{} + 200s}).status == 429);
  CHECK(p.counters().limited == 4);
}

TEST_CASE("a wrong key costs nobody a place within the rate, a wrong body does") {
  ScriptedProvider p({.name = "p", .requests_per_minute = 0.5}, 7);
  const Answer stranger = ask(p, {.key = "Bearer x"}), faulty = ask(p, {.body = "{"});
  CHECK(stranger.status == 401);
  CHECK(field(stranger, "x-ratelimit-limit-requests") == "(none)");
  CHECK(faulty.status == 400);
  CHECK(field(faulty, "x-ratelimit-remaining-requests") == "0");
  CHECK(ask(p).status == 429);
  CHECK(field(ask(p), "retry-after") == "120");
}

TEST_CASE("an outage begins and ends on the clock") {
  ScriptedProvider p({.name = "p",
                      .outages = {{.from = 10s, .until = 20s, .how = Outage::refuses},
                                  {.from = 30s, .until = 40s, .how = Outage::hangs},
                                  {.from = 50s, .until = 60s, .how = Outage::answers, .status = 529},
                                  {.from = 70s, .how = Outage::unreachable}}},
                     7);
  const auto at = [&](Duration d) { return ask(p, {.at = Time{} + d}); };
  CHECK(at(10s - 1ns).status == 200);
  CHECK(at(10s).end == http::Error::connect);
  CHECK(at(10s).head == 20ms);
  CHECK(at(20s - 1ns).status == 0);
  CHECK(at(20s).status == 200);
  CHECK(at(30s).head == endless);
  CHECK(at(40s).status == 200);
  CHECK(at(50s).status == 529);
  CHECK(at(60s).status == 200);
  CHECK(at(700s).connect == endless);
  CHECK(p.counters().answered == 4);
  CHECK(p.counters().failed == 6);
  CHECK(p.counters().requests == 10);
}

TEST_CASE("a share of the requests fails, in each of the ways that are listed and in no other") {
  ScriptedProvider p({.name = "p", .failure_rate = 0.25, .failures = {503, 500, 0}}, 11);
  int failed[3]{}, good = 0, other = 0;
  for (int i = 0; i < 4000; ++i) {
    const Answer a = ask(p);
    if (a.status == 503) ++failed[0];
    else if (a.status == 500) ++failed[1];
    else if (a.status == 0 && a.end == http::Error::io) ++failed[2];
    else if (a.status == 200) ++good;
    else ++other;
  }
  CHECK(other == 0);
  CHECK(good > 2900);
  CHECK(good < 3100);
  for (int n : failed) CHECK(n > 270);
  CHECK(p.counters().failed == 4000 - p.counters().answered);
}

TEST_CASE("the same seed gives the same trace, another seed or another name another one") {
  ScriptedProvider a(wild(), 7), b(wild(), 7), other_seed(wild(), 8);
  Script renamed = wild();
  renamed.url = a.script().url, renamed.key = a.script().key, renamed.name = "q";
  ScriptedProvider other_name(renamed, 7);
  const std::string expected = trace(a);
  CHECK(trace(b) == expected);
  CHECK(trace(other_seed) != expected);
  CHECK(trace(other_name) != expected);
  CHECK(trace(a) != expected);
}

TEST_CASE("what a provider says does not depend on its neighbours") {
  sim::World alone{21}, among{21};
  ScriptedProvider& a = alone.add(wild());
  for (int i = 0; i < 5; ++i) among.add({.name = "n" + std::to_string(i)});
  CHECK(trace(a) == trace(among.add(wild())));
}

TEST_CASE("a script plays alike for a blocking and for an asynchronous caller") {
  const auto run = [](bool blocking) {
    sim::World world{21};
    world.add(wild());
    sim::Network network(world);
    std::string heard;
    const auto note = [&](std::string_view what) { heard.append(what).append(std::to_string(world.elapsed().count())); };
    const http::Field fields[]{{"authorization", "Bearer sk-sim-p"}};
    for (int i = 0; i < 40; ++i) {
      const http::Request request{
          .url = "https://p.sim/v1/chat/completions", .fields = fields, .body = i % 3 ? stream_body : plain_body};
      auto head = [&](int status, std::span<const http::Field>) { note(std::to_string(status)); };
      auto body = [&](std::string_view bytes) { return note(bytes), true; };
      auto stopped = [] { return false; };
      const http::Call call{.request = request, .on_head = head, .on_body = body, .stopped = stopped};
      http::Done done;
      if (blocking) {
        done = network.perform(call);
      } else {
        bool over = false;
        auto completion = [&](http::Done d) { done = std::move(d), over = true; };
        const auto operation = network.start(call, completion);
        network.run_until([&] { return over; });
      }
      note(to_string(done.error));
    }
    return heard;
  };
  const std::string heard = run(true);
  CHECK(heard.size() > 10'000);
  CHECK(heard == run(false));
}

TEST_CASE("answers that were queued come first, whatever is asked, and then the script goes on") {
  ScriptedProvider p({.name = "p", .requests_per_minute = 1, .outages = {{.from = 0s, .until = 1s}}}, 7);
  p.answer_with(Answer::error(418));
  p.answer_with(Answer::reply("queued", {.prompt = 3, .completion = 4, .reported = true}));
  CHECK(ask(p, {.body = "nonsense", .key = ""}).status == 418);
  CHECK(taken(ask(p)).text == "queued");
  CHECK(p.counters().prompt_tokens == 3);
  CHECK(ask(p).status == 0);
  CHECK(ask(p, {.at = Time{} + 1s}).status == 200);
  CHECK(ask(p, {.at = Time{} + 1s}).status == 429);
}

TEST_CASE("what is booked for an answer is billed at the script's prices, cached tokens at theirs") {
  const Price price{.input = per_million("2"), .output = per_million("8"), .cached = per_million("0.5")};
  ScriptedProvider p({.name = "p", .price = price}, 7);
  p.answer_with(Answer::reply("a", {.prompt = 100, .completion = 10, .cached = 40, .reported = true}));
  p.answer_with(Answer::reply("a", {.prompt = 1, .reported = true}).booked({.prompt = 2}));
  ask(p), ask(p);
  CHECK(p.counters().billed == price.of(100, 10, 40) + price.of(2, 0));
}

TEST_CASE("the last request can be looked at") {
  ScriptedProvider p({.name = "p"}, 7);
  ask(p, {.body = stream_body});
  ask(p);
  CHECK(p.last_request().body == plain_body);
  CHECK(p.last_request().url == "https://p.sim/v1/chat/completions");
  CHECK(p.last_request().method == "POST");
  REQUIRE(p.last_request().fields.size() == 2);
  CHECK(p.last_request().fields[1].second == "Bearer sk-sim-p");
}

TEST_CASE("made answers are what they say") {
  const Taken reply = taken(Answer::reply("say \"hi\"\n"));
  CHECK(reply.valid);
  CHECK(reply.text == "say \"hi\"\n");
  CHECK(reply.total == 20);
  CHECK(taken(Answer::reply("a", {})).total == -1);

  const Answer stream = Answer::stream({"Hel", "lo"}, 20ms);
  const Taken streamed = taken(stream);
  CHECK(streamed.valid);
  CHECK(streamed.text == "Hello");
  CHECK(streamed.done);
  CHECK(streamed.total == 20);
  CHECK(lasts(stream) == 50ms);

  const Answer cut = stream.cut_after(1);
  CHECK(taken(cut).text == "Hel");
  CHECK_FALSE(taken(cut).done);
  CHECK(cut.end == http::Error::io);

  const Answer drip = stream.drip(1s, 3);
  CHECK(drip.body() == stream.body());
  CHECK(drip.chunks.size() == (stream.body().size() + 2) / 3);
  CHECK(drip.chunks[0].after == 1s);

  const Answer error = Answer::error(401, "invalid_api_key", "no");
  CHECK(error.status == 401);
  CHECK(taken(error).error_code == "invalid_api_key");
  CHECK(taken(error).error_message == "no");
  CHECK_THAT(Answer::error(503).body(), ContainsSubstring("\"code\":null") && ContainsSubstring("overloaded"));
  CHECK_THAT(Answer::error(500).body(), ContainsSubstring("server_error"));

  CHECK(field(Answer::rate_limited(1500ms), "retry-after") == "2");
  CHECK(field(Answer::rate_limited(20s), "retry-after") == "20");
  CHECK(Answer::refused().end == http::Error::connect);
  CHECK(field(Answer::html(), "content-type") == "text/html; charset=utf-8");
  CHECK(Answer::html(502).status == 502);
  CHECK(Answer::pings(1s, 3).body() == ": keep-alive\n\n: keep-alive\n\n: keep-alive\n\n");
  CHECK(Answer::pings(1s, 3).hangs);
}

TEST_CASE("times until a limit is whole are written as OpenAI writes them, rounded up") {
  using sim::detail::go_duration;
  CHECK(go_duration(0ns) == "0ms");
  CHECK(go_duration(1ns) == "1ms");
  CHECK(go_duration(120ms) == "120ms");
  CHECK(go_duration(1s) == "1s");
  CHECK(go_duration(17'400ms) == "17.4s");
  CHECK(go_duration(59'999ms + 1ns) == "1m0s");
  CHECK(go_duration(63'005ms) == "1m3.005s");
  CHECK(go_duration(1h) == "1h0m0s");
}
