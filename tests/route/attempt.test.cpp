// SPDX-License-Identifier: MIT
#include "llmroute/route/attempt.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../recorded.hpp"
#include "llmroute/dialect/gemini.hpp"
#include "llmroute/dialect/ollama.hpp"
#include "llmroute/wire/json_reader.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

Provider groq() { return {.name = "groq", .url = "https://api.example.com/v1", .key = "sk-test-0123456789"}; }

// What a caller of a stream saw.
struct Seen {
  std::string text{}, reasoning{};
  std::vector<ToolCall> calls{};
  std::size_t deltas = 0, stop_at = 0;  // 0: never

  bool operator()(const Delta& d) {
    if (d.what == Delta::What::text) text += d.text;
    if (d.what == Delta::What::reasoning) reasoning += d.text;
    if (d.what == Delta::What::tool_call) {
      REQUIRE(d.index <= calls.size());
      if (d.index == calls.size()) calls.emplace_back();
      ToolCall& call = calls[d.index];
      call.id += d.id;
      call.name += d.name;
      call.arguments += d.text;
    }
    return ++deltas != stop_at;
  }
  friend bool operator==(const Seen&, const Seen&) = default;
};

// A provider's side of one call, and what became of it.
struct Answer {
  int status = 200;
  std::vector<http::Field> fields{};
  std::string body{};
  http::Error error = http::Error::none;
  std::string detail{};
  std::vector<std::size_t> cuts{};  // sizes of the chunks; what is left comes in one
};

struct Run {
  Attempt attempt{};
  Seen seen{};
  Ended ended{};
  bool kept_reading = true;

  explicit Run(const Answer& answer, Delivery delivery = Delivery::stream, std::size_t stop_at = 0,
               const Provider& provider = groq()) {
    seen.stop_at = stop_at;
    ChatRequest request{.messages = "Why?"};
    const Offer offer = Offer::assumed({.rest = "llama"}, provider);
    if (attempt.encode({.provider = provider, .offer = offer, .request = request, .delivery = delivery}) &&
        answer.status != 0) {
      attempt.head(answer.status, answer.fields);
      std::string_view rest = answer.body;
      for (std::size_t i = 0; kept_reading && !rest.empty(); ++i) {
        const std::string chunk(rest.substr(0, i < answer.cuts.size() ? answer.cuts[i] : rest.size()));
        rest.remove_prefix(chunk.size());
        kept_reading = attempt.body(chunk, seen);
      }
    }
    ended = attempt.finish({.error = kept_reading ? answer.error : http::Error::stopped, .detail = answer.detail}, seen);
  }
};

std::string events(std::initializer_list<std::string_view> events) {
  std::string out;
  for (const std::string_view e : events) out.append("data: ").append(e).append("\n\n");
  return out;
}

constexpr auto hello = R"({"choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]})"sv;
constexpr auto world = R"({"choices":[{"index":0,"delta":{"content":"l\u00f6 \ud83d\ude00"}}]})"sv;
constexpr auto stop = R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"sv;
constexpr auto used = R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}})"sv;
constexpr auto whole_reply =
    R"({"model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],)"
    R"("usage":{"prompt_tokens":7,"completion_tokens":1,"cost":0.00001425}})"sv;

std::string field(const http::Request& r, std::string_view name) {
  std::string all;
  for (const http::Field& f : r.fields)
    if (http::iequals(f.name, name)) all.append(all.empty() ? "" : "|").append(f.value);
  return all;
}

}  // namespace

TEST_CASE("an attempt sends the key in the field where the provider wants it") {
  Provider p = groq();
  const ChatRequest request{.messages = "Why?"};
  const Offer offer{};
  Attempt a;
  SECTION("by default as a bearer token") {
    REQUIRE(a.encode({.provider = p, .offer = offer, .request = request}));
    CHECK(field(a.request(), "Authorization") == "Bearer sk-test-0123456789");
    CHECK(field(a.request(), "content-type") == "application/json");
    CHECK(field(a.request(), "accept") == "application/json");
    CHECK(a.request().method == "POST");
    CHECK(a.request().url == "https://api.example.com/v1/chat/completions");
  }
  SECTION("or in one of its own") {
    p.key_field = {.name = "api-key", .prefix = ""};
    REQUIRE(a.encode({.provider = p, .offer = offer, .request = request}));
    CHECK(field(a.request(), "api-key") == "sk-test-0123456789");
    CHECK(field(a.request(), "authorization").empty());
  }
  SECTION("or not at all where there is none") {
    p.key = {};
    REQUIRE(a.encode({.provider = p, .offer = offer, .request = request}));
    CHECK(field(a.request(), "authorization").empty());
  }
}

TEST_CASE("fields of the provider go along and replace those of the same name") {
  Provider p = groq();
  p.fields = {{"X-Title", "mine"}, {"Accept", "*/*"}};
  const ChatRequest request{.messages = "Why?"};
  const Offer offer{};
  Attempt a;
  REQUIRE(a.encode({.provider = p, .offer = offer, .request = request, .delivery = Delivery::stream}));
  CHECK(field(a.request(), "x-title") == "mine");
  CHECK(field(a.request(), "accept") == "*/*");
}

TEST_CASE("a correlation id travels if it is given and can stand in a field") {
  const Provider p = groq();
  const ChatRequest request{.messages = "Why?"};
  const Offer offer{};
  Attempt a;
  const auto sent = [&](std::string_view id) {
    REQUIRE(a.encode({.provider = p, .offer = offer, .request = request}, id));
    return field(a.request(), "x-correlation-id");
  };
  CHECK(sent("").empty());
  CHECK(sent("order 17") == "order 17");
  CHECK(sent("17\r\nx-evil: 1").empty());
  CHECK(sent("17\x7F").empty());
  CHECK(sent("na\xC3\xAFve").empty());
}

TEST_CASE("a key that cannot be sent ends the attempt before anything is sent") {
  Provider p = groq();
  p.key = Secret([] { return std::string(); });
  const Run none({}, Delivery::whole, 0, p);
  CHECK_FALSE(none.ended.ok);
  CHECK(none.ended.kind == Kind::not_sent);
  CHECK(none.ended.message == "the key function gave no key that can be sent");
  CHECK(none.attempt.request().fields.empty());

  p.key = Secret([] { return std::string("sk-secret\n"); });
  const Run torn({}, Delivery::whole, 0, p);
  CHECK(torn.ended.kind == Kind::not_sent);
  CHECK(torn.ended.message.find("sk-secret") == std::string_view::npos);
}

TEST_CASE("a request that cannot be said ends the attempt with the dialect's reason") {
  const Provider p = groq();
  const ChatRequest request{.messages = "Why?", .extra = "{oops"};
  const Offer offer{};
  Attempt a;
  CHECK_FALSE(a.encode({.provider = p, .offer = offer, .request = request}));
  const Ended e = a.finish({});
  CHECK(e.kind == Kind::request_invalid);
  CHECK(e.message == "extra is not a valid JSON object");
}

TEST_CASE("an attempt can be used again and remembers nothing") {
  const Provider p = groq();
  const ChatRequest request{.messages = "Why?"};
  const Offer offer{};
  Attempt a;
  Seen seen;
  REQUIRE(a.encode({.provider = p, .offer = offer, .request = request, .delivery = Delivery::stream}));
  const std::string first = std::string(a.request().body);
  a.head(500, {});
  CHECK(a.body("oh no", seen));
  CHECK(a.finish({}).kind == Kind::server_error);
  CHECK(a.finish({}).message == "oh no");  // to ask again is harmless
  CHECK(a.request().fields.empty());       // with the key in them

  REQUIRE(a.encode({.provider = p, .offer = offer, .request = request, .delivery = Delivery::stream}));
  CHECK(a.request().body == first);
  CHECK(a.status() == 0);
  a.head(200, {});
  CHECK(a.body(events({hello, stop, "[DONE]"}), seen));
  const Ended e = a.finish({});
  CHECK(e.ok);
  CHECK(e.message.empty());
  CHECK(a.reply().text == "Hel");

  SECTION("also of a stream that was given up in the middle of an event") {
    for (const std::string_view half : {"data: {\"cho", "data: garbage\n\n"}) {
      REQUIRE(a.encode({.provider = p, .offer = offer, .request = request, .delivery = Delivery::stream}));
      a.head(200, {});
      a.body(half, seen);
      CHECK_FALSE(a.finish({.error = http::Error::stopped}).ok);
    }
    REQUIRE(a.encode({.provider = p, .offer = offer, .request = request, .delivery = Delivery::stream}));
    a.head(200, {});
    CHECK(a.body(events({hello, stop, "[DONE]"}), seen));
    CHECK(a.finish({}).ok);
    CHECK(a.reply().text == "Hel");
  }
}

TEST_CASE("a whole reply is read whole") {
  const Run r({.fields = {{"X-Request-Id", "req_1"}}, .body = std::string(whole_reply)}, Delivery::whole);
  CHECK(r.ended.ok);
  CHECK(r.ended.status == 200);
  CHECK(r.ended.usage == Usage{.prompt = 7, .completion = 1, .reported = true});
  CHECK(r.ended.billed == Money::nanos(14'250));
  CHECK(r.attempt.reply().text == "Hi");
  CHECK(r.attempt.reply().finish == Finish::stop);
  CHECK(r.attempt.reply().model == "m-1");
  CHECK(r.attempt.reply().request_id == "req_1");
  CHECK(r.seen.deltas == 0);
  CHECK_FALSE(r.attempt.streamed());
}

TEST_CASE("a stream is handed on as it comes") {
  const Run r({.body = events({hello, world, stop, used, "[DONE]"})});
  CHECK(r.ended.ok);
  CHECK(r.seen.text == "Hell\xC3\xB6 \xF0\x9F\x98\x80");
  CHECK(r.seen.deltas == 2);
  CHECK(r.attempt.reply().text == r.seen.text);
  CHECK(r.ended.usage == Usage{.prompt = 7, .completion = 3, .reported = true});
  CHECK(r.attempt.streamed());
}

TEST_CASE("usage that nobody reported stays unreported") {
  CHECK_FALSE(Run({.body = events({hello, stop, "[DONE]"})}).ended.usage.reported);
}

TEST_CASE("a stream is whole with [DONE] or with a finish reason, and not without") {
  CHECK(Run({.body = events({hello, "[DONE]"})}).ended.ok);
  CHECK(Run({.body = events({hello, stop})}).ended.ok);
  const Run cut({.body = events({hello, world})});
  CHECK(cut.ended.kind == Kind::malformed_reply);
  CHECK(cut.ended.message == "the stream ended before the reply did");
  CHECK(cut.attempt.reply().text == cut.seen.text);

  SECTION("also if the connection stays open, or breaks, behind its end") {
    CHECK(Run({.body = events({hello, "[DONE]"}), .error = http::Error::timed_out}).ended.ok);
    CHECK(Run({.body = events({hello, stop, "[DONE]"}), .error = http::Error::io}).ended.ok);
    CHECK(Run({.body = events({hello, stop}), .error = http::Error::io}).ended.kind == Kind::malformed_reply);
    CHECK(Run({.body = events({hello, "[DONE]"}), .error = http::Error::stopped}).ended.ok);
    CHECK(Run({.body = events({hello, stop}), .error = http::Error::stopped}).ended.kind == Kind::cancelled);
  }
  SECTION("a [DONE] behind nothing is no reply") {
    CHECK(Run({.body = events({"[DONE]"})}).ended.kind == Kind::malformed_reply);
    CHECK(Run({.body = ""}).ended.kind == Kind::malformed_reply);
    CHECK(Run({.body = ": only comments\n\n"}).ended.kind == Kind::malformed_reply);
  }
}

TEST_CASE("whether a finish reason ends a stream is a matter of its vendor") {
  const auto ends = [](std::string_view vendor, std::initializer_list<std::string_view> list) {
    Provider p = groq();
    p.vendor = vendor;
    return Run({.body = events(list)}, Delivery::stream, 0, p).ended.ok;
  };
  for (const std::string_view vendor : {"groq", "openai", "vllm", "perplexity", "writer", "nobody", ""}) {
    CAPTURE(vendor);
    const bool says_so = vendor == "groq" || vendor == "openai" || vendor == "vllm";
    CHECK(ends(vendor, {hello, stop, "[DONE]"}));
    CHECK(ends(vendor, {hello, stop}) == !says_so);
    CHECK_FALSE(ends(vendor, {hello}));
  }
}

TEST_CASE("a call that broke brings no reply, however much of it came") {
  CHECK(Run({.body = std::string(whole_reply), .error = http::Error::io}, Delivery::whole).ended.kind == Kind::malformed_reply);
  const Run done({.body = "data: " + std::string(hello) + "\n\ndata: [DONE]\n", .error = http::Error::io});
  CHECK(done.ended.kind == Kind::malformed_reply);
  SECTION("but what it says of an error counts") {
    const Run error({.body = R"({"error":{"message":"no","code":"rate_limit_exceeded"}})", .error = http::Error::io});
    CHECK(error.ended.kind == Kind::rate_limited);
  }
}

TEST_CASE("the last event of a stream counts without its blank line, and without its line end") {
  std::string body = events({hello, stop});
  body += "data: ";
  body += world;
  for (const std::string_view end : {"", "\n", "\n\n"}) {
    const Run r({.body = body + std::string(end)});
    CHECK(r.ended.ok);
    CHECK(r.seen.text == "Hell\xC3\xB6 \xF0\x9F\x98\x80");
    CHECK(r.attempt.reply().text == r.seen.text);
  }
  SECTION("half of it is passed over, and says that something is missing") {
    const Run r({.body = body.substr(0, body.size() - 5)});
    CHECK(r.ended.kind == Kind::malformed_reply);
    CHECK(r.seen.text == "Hel");
    CHECK(r.attempt.reply().text == "Hel");
  }
}

TEST_CASE("however a stream is cut into chunks, its deltas join to the same") {
  const std::string body =
      "\xEF\xBB\xBF: hi\r\n\r\n" +
      events(
          {hello, R"({"choices":[{"index":0,"delta":{"reasoning":"hm\u2026"}}]})", world,
           R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":""}}]}}]})",
           R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":\"\u00e9\"}"}}]}}]})",
           stop, used, "[DONE]"});
  const Run reference({.body = body});
  REQUIRE(reference.ended.ok);
  REQUIRE(reference.seen.calls == std::vector<ToolCall>{{.id = "c1", .name = "f", .arguments = "{\"a\":\"\xC3\xA9\"}"}});
  REQUIRE(reference.seen.reasoning == "hm\xE2\x80\xA6");
  const auto check = [&](std::vector<std::size_t> cuts) {
    const Run r({.body = body, .cuts = std::move(cuts)});
    return r.ended.ok && r.seen == reference.seen && r.ended.usage == reference.ended.usage;
  };
  CHECK(check(std::vector<std::size_t>(body.size(), 1)));
  for (std::size_t at = 1; at < body.size(); ++at)
    if (!check({at})) FAIL_CHECK("cut at " << at);
  const auto seed = tests::seed();
  INFO("--rng-seed " << seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 200; ++i) {
    std::vector<std::size_t> cuts(body.size());
    for (std::size_t& c : cuts) c = 1 + random() % 40;
    CHECK(check(cuts));
  }
}

TEST_CASE("a provider that answers a stream request in one piece works, and its text comes as one delta") {
  for (const std::size_t cut : {std::size_t(0), std::size_t(1), std::size_t(40)}) {
    const Run r({.body = "\n\n " + std::string(whole_reply), .cuts = {cut + 1, cut + 1}});
    CHECK(r.ended.ok);
    CHECK(r.seen.text == "Hi");
    CHECK(r.seen.deltas == 1);
    CHECK_FALSE(r.attempt.streamed());
  }
  const Run unwanted({.body = std::string(whole_reply)}, Delivery::stream, 1);
  CHECK_FALSE(unwanted.ended.ok);
  CHECK(unwanted.ended.kind == Kind::cancelled);
}

TEST_CASE("a provider that streams to a request for a whole reply works, and nothing is handed on early") {
  const Run r({.body = events({hello, world, stop, "[DONE]"})}, Delivery::whole);
  CHECK(r.ended.ok);
  CHECK(r.seen.deltas == 0);
  CHECK(r.attempt.reply().text == "Hell\xC3\xB6 \xF0\x9F\x98\x80");
}

TEST_CASE("a caller who wants no more ends the attempt as cancelled") {
  const Run r({.body = events({hello, world, stop, "[DONE]"})}, Delivery::stream, 1);
  CHECK_FALSE(r.kept_reading);
  CHECK_FALSE(r.ended.ok);
  CHECK(r.ended.kind == Kind::cancelled);
  CHECK(r.seen.text == "Hel");
  CHECK(Run({.body = events({hello}), .error = http::Error::stopped}).ended.kind == Kind::cancelled);
}

TEST_CASE("what is no reply is malformed, whatever its status says") {
  for (const std::string_view body :
       {"<html><body>Bad gateway</body></html>"sv, "{\"choices\":[{\"message\":{\"content\":\"Hi"sv, "{}"sv, "[]"sv, "null"sv,
        "42"sv, "{\"choices\":[]}"sv, "{\"choices\":[{}]}"sv, "upstream connect error"sv, ""sv, "\xFF\xFE"sv}) {
    CAPTURE(body);
    for (const Delivery d : {Delivery::whole, Delivery::stream}) {
      const Run r({.body = std::string(body)}, d);
      CHECK_FALSE(r.ended.ok);
      CHECK(r.ended.kind == Kind::malformed_reply);
      CHECK_FALSE(r.ended.message.empty());
      CHECK(r.seen.deltas == 0);
    }
  }
  CHECK(Run({.body = "<html>\n<b>x"}).ended.message == "no chat completion: <html>\\n<b>x");
  CHECK(Run({.body = events({hello, "{\"choices\":[{\"delta\":{\"content\":\"x\"}"})}).ended.kind == Kind::malformed_reply);
  CHECK(Run({.body = events({hello, "{\"choices\":[{\"delta\":{\"content\":\"x\"}"})}).attempt.reply().text == "Hel");
}

TEST_CASE("how a call failed without an answer decides its kind") {
  const auto kind = [](http::Error e) { return Run({.status = 0, .error = e, .detail = "detail"}).ended.kind; };
  CHECK(kind(http::Error::resolve) == Kind::not_sent);
  CHECK(kind(http::Error::connect) == Kind::not_sent);
  CHECK(kind(http::Error::tls) == Kind::not_sent);
  CHECK(kind(http::Error::timed_out) == Kind::timed_out);
  CHECK(kind(http::Error::stopped) == Kind::cancelled);
  CHECK(kind(http::Error::protocol) == Kind::server_error);
  CHECK(kind(http::Error::io) == Kind::server_error);
  CHECK(kind(http::Error::none) == Kind::malformed_reply);
  CHECK(Run({.status = 0, .error = http::Error::tls, .detail = "bad\ncert"}).ended.message == "TLS failed: bad\\ncert");
}

TEST_CASE("a call that breaks in the middle of a good answer") {
  const std::string half(whole_reply.substr(0, 60));
  CHECK(Run({.body = half, .error = http::Error::io}, Delivery::whole).ended.kind == Kind::malformed_reply);
  CHECK(Run({.body = half, .error = http::Error::timed_out}, Delivery::whole).ended.kind == Kind::timed_out);
  CHECK(Run({.body = half, .error = http::Error::stopped}, Delivery::whole).ended.kind == Kind::cancelled);
  CHECK(Run({.body = events({hello}), .error = http::Error::io}).ended.kind == Kind::malformed_reply);
  CHECK(Run({.body = events({hello}), .error = http::Error::timed_out}).ended.kind == Kind::timed_out);
}

TEST_CASE("an error answer is collected, judged, and never handed on") {
  const Run r({.status = 429,
               .fields = {{"Retry-After", "7"}},
               .body = R"({"error":{"message":"slow\ndown","code":"rate_limit_exceeded"}})",
               .cuts = {3, 5}});
  CHECK(r.ended.kind == Kind::rate_limited);
  CHECK(r.ended.status == 429);
  CHECK(r.ended.retry_after == 7s);
  CHECK(r.ended.message == "slow\\ndown");
  CHECK(r.seen.deltas == 0);
  CHECK(Run({.status = 503, .body = events({hello, stop, "[DONE]"})}).seen.deltas == 0);
  CHECK(Run({.status = 502, .error = http::Error::io}).ended.kind == Kind::server_error);
  CHECK_FALSE(Run({.status = 502}).ended.message.empty());
}

TEST_CASE("an error body is cut at 1 MiB") {
  const Run r({.status = 500, .body = std::string(3u << 20, 'x'), .cuts = {1u << 20, 1}});
  CHECK_FALSE(r.kept_reading);
  CHECK(r.ended.kind == Kind::server_error);
  CHECK(r.ended.message == std::string(500, 'x'));
}

TEST_CASE("a whole reply is given up at 64 MiB") {
  const Provider p = groq();
  const ChatRequest request{.messages = "Why?"};
  const Offer offer{};
  Attempt a;
  REQUIRE(a.encode({.provider = p, .offer = offer, .request = request}));
  a.head(200, {});
  const std::string mib(1u << 20, ' ');
  REQUIRE(a.body("{", {}));
  std::size_t taken = 0;
  while (taken < 100 && a.body(mib, {})) ++taken;
  CHECK(taken == 63);
  const Ended e = a.finish({.error = http::Error::stopped});
  CHECK(e.kind == Kind::malformed_reply);
}

TEST_CASE("Retry-After counts for errors only, and the longer hint wins") {
  CHECK(Run({.fields = {{"retry-after", "13"}}, .body = std::string(whole_reply)}).ended.retry_after == 0s);
  const std::string google = R"([{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"26.5s"}]}}])";
  CHECK(Run({.status = 429, .body = google}).ended.retry_after == 26'500ms);
  CHECK(Run({.status = 429, .fields = {{"retry-after", "60"}}, .body = google}).ended.retry_after == 60s);

  const Provider p = groq();
  const ChatRequest request{.messages = "Why?"};
  const Offer offer{};
  Attempt a;
  REQUIRE(a.encode({.provider = p, .offer = offer, .request = request}));
  const http::Field date{"retry-after", "Tue, 17 Feb 2026 12:00:30 GMT"};
  a.head(503, {&date, 1}, std::chrono::sys_days{std::chrono::year{2026} / 2 / 17} + 12h);
  CHECK(a.finish({}).retry_after == 30s);
}

TEST_CASE("an error inside of a 200 fails the attempt") {
  const Run whole({.body = R"({"error":{"code":429,"message":"upstream is busy"}})"}, Delivery::whole);
  CHECK(whole.ended.kind == Kind::rate_limited);
  CHECK(whole.ended.message == "upstream is busy");
  const Run stream(
      {.body = events(
           {hello,
            R"({"error":{"code":502,"message":"lost it"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]})",
            "[DONE]"})});
  CHECK(stream.ended.kind == Kind::server_error);
  CHECK(stream.ended.message == "lost it");
  CHECK(stream.ended.status == 200);
  CHECK(stream.seen.text == "Hel");
}

TEST_CASE("what comes with an error is counted all the same") {
  const Run r({.body = events({hello, used, R"({"error":{"message":"x","type":"server_error"}})"})});
  CHECK(r.ended.kind == Kind::server_error);
  CHECK(r.ended.usage.prompt == 7);
}

TEST_CASE("a key is never in a message, whoever quotes it") {
  constexpr auto key = "sk-test-0123456789"sv;
  const auto clean = [&](const Run& r) {
    CAPTURE(r.ended.message);
    CHECK(r.ended.message.find("***") != std::string_view::npos);
    CHECK(r.ended.message.find("0123456789") == std::string_view::npos);
  };
  clean(Run(
      {.status = 401,
       .body = R"({"error":{"message":"Incorrect API key provided: sk-test-0123456789. Yes, Bearer sk-test-0123456789."}})"}));
  clean(Run({.status = 401, .body = R"({"error":{"message":"sk-test-\u0030123456789"}})"}));
  clean(Run({.status = 500, .body = "<p>" + std::string(key)}));
  clean(Run({.body = "<p>" + std::string(key)}));
  clean(Run({.body = events({R"({"error":{"message":"sk-test-0123456789"}})"})}));
  clean(Run({.status = 0, .error = http::Error::io, .detail = "sent " + std::string(key)}));
  // Where the words are cut, no half of it stays.
  std::string long_one;
  while (long_one.size() < 2'000) long_one.append(key);
  clean(Run({.status = 500, .body = long_one}));
  const Run edge({.status = 500, .body = std::string(490, 'x') + std::string(key)});
  CHECK(edge.ended.message == std::string(490, 'x') + "***");
}

TEST_CASE("a message is 500 bytes at most, printable, and valid") {
  const Run r({.status = 500, .body = "{\"message\":\"" + std::string(499, 'x') + "\xC3\xA9\"}"});
  CHECK(r.ended.message == std::string(499, 'x'));
  CHECK(Run({.status = 500, .body = "a\x1B[31m\xFF"}).ended.message == "a\\x1B[31m\xEF\xBF\xBD");
}

TEST_CASE("a request id is the first that comes, printable") {
  const Run r({.status = 500, .fields = {{"request-id", "a\nb"}, {"other", "x"}}});
  CHECK(r.attempt.reply().request_id == "a\\nb");
  const Run echo({.status = 500, .fields = {{"x-request-id", "r-sk-test-0123456789"}}});
  CHECK(echo.attempt.reply().request_id == "r-***");
}

// Streams of JSON objects: a line each, as Ollama sends them, or one array, as Gemini does where alt=sse got lost.
namespace {

Provider speaks(const Dialect& dialect) {
  Provider p = groq();
  p.dialect = &dialect;
  return p;
}

struct Stream {
  const Dialect& dialect;
  std::string body;
  std::size_t whole;  // how much of it must be there
};

Stream lines() {
  std::string body =
      R"({"model":"m-1","created_at":"t0","message":{"role":"assistant","content":"","thinking":"h}m\u2026"},"done":false})"
      "\r\n\r\n"
      R"({"model":"m-1","created_at":"t1","message":{"role":"assistant","content":"Hel{\"\\"},"done":false})"
      "\n \n"
      R"({"model":"m-1","created_at":"t2","message":{"role":"assistant","content":"l\u00f6"},"done":false})"
      "\n"
      R"({"model":"m-1","created_at":"t3","message":{"role":"assistant","content":"","tool_calls":[)"
      R"({"id":"c1","function":{"name":"f","arguments":{"a":["]"]}}}]},"done":false})"
      "\n"
      R"({"model":"m-1","created_at":"t4","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",)"
      R"("prompt_eval_count":7,"eval_count":3})";
  const std::size_t whole = body.size();
  return {dialect::ollama, std::move(body) + "\r\n\n", whole};
}

Stream array() {
  std::string body =
      "[{\n  \"candidates\": [{\"content\": {\"parts\": [{\"text\": \"h}m\\u2026\", \"thought\": true}]}}]\n}\n,\r\n"
      R"({"candidates":[{"content":{"parts":[{"text":"Hel{\"\\"}]}}]})"
      "\n,\n\n"
      R"({"candidates":[{"content":{"parts":[{"text":"l\u00f6"}]}}]},)"
      R"({"candidates":[{"content":{"parts":[{"functionCall":{"id":"c1","name":"f","args":{"a":["]"]}}}]},)"
      R"("finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":3}})"
      "\n]";
  const std::size_t whole = body.size();
  return {dialect::gemini, std::move(body) + "\n", whole};
}

}  // namespace

TEST_CASE("a stream of JSON objects is handed on object by object") {
  for (const Stream& s : {lines(), array()}) {
    CAPTURE(s.dialect.name);
    const Run r({.body = s.body}, Delivery::stream, 0, speaks(s.dialect));
    CHECK(r.ended.ok);
    CHECK(r.kept_reading);
    CHECK(r.seen.reasoning == "h}m\xE2\x80\xA6");
    CHECK(r.seen.text == "Hel{\"\\l\xC3\xB6");
    CHECK(r.seen.calls == std::vector<ToolCall>{{.id = "c1", .name = "f", .arguments = R"({"a":["]"]})"}});
    CHECK(r.seen.deltas == 4);
    CHECK(r.attempt.streamed());
    CHECK(r.attempt.reply().finish == Finish::tool_calls);
    CHECK(r.ended.usage == Usage{.prompt = 7, .completion = 3, .reported = true});
    // A caller hears of each when it is there, not at the end.
    const Run half({.body = s.body.substr(0, s.body.find("l\\u00f6"))}, Delivery::stream, 0, speaks(s.dialect));
    CHECK(half.seen.text == "Hel{\"\\");
    CHECK(half.ended.message == "the stream ended before the reply did");
  }
}

TEST_CASE("however a stream of JSON objects is cut into chunks, its deltas join to the same") {
  for (const Stream& s : {lines(), array()}) {
    CAPTURE(s.dialect.name);
    const Run reference({.body = s.body}, Delivery::stream, 0, speaks(s.dialect));
    const auto alike = [&](std::vector<std::size_t> cuts) {
      const Run r({.body = s.body, .cuts = std::move(cuts)}, Delivery::stream, 0, speaks(s.dialect));
      return r.ended.ok && r.seen == reference.seen && r.ended.usage == reference.ended.usage;
    };
    CHECK(alike(std::vector<std::size_t>(s.body.size(), 1)));
    for (std::size_t at = 1; at < s.body.size(); ++at)
      if (!alike({at})) FAIL_CHECK("cut at " << at);
  }
}

TEST_CASE("a stream of JSON objects that ends too early is no reply, wherever") {
  for (const Stream& s : {lines(), array()}) {
    CAPTURE(s.dialect.name);
    for (const http::Error error : {http::Error::none, http::Error::io})
      for (std::size_t size = 0; size < s.whole; ++size) {
        const Run r({.body = s.body.substr(0, size), .error = error}, Delivery::stream, 0, speaks(s.dialect));
        if (r.ended.ok || r.ended.kind != Kind::malformed_reply) FAIL_CHECK("cut at " << size);
      }
    CHECK(Run({.body = s.body.substr(0, s.whole)}, Delivery::stream, 0, speaks(s.dialect)).ended.ok);
  }
  SECTION("where the connection breaks behind its end, it counts if the reply said by itself that it was one") {
    const Stream said = lines(), unsaid = array();
    for (const http::Error error : {http::Error::io, http::Error::timed_out, http::Error::stopped}) {
      CHECK(Run({.body = said.body, .error = error}, Delivery::stream, 0, speaks(said.dialect)).ended.ok);
      CHECK_FALSE(Run({.body = unsaid.body, .error = error}, Delivery::stream, 0, speaks(unsaid.dialect)).ended.ok);
    }
  }
  SECTION("an array that is closed without a finish reason, or empty, is none") {
    const Provider p = speaks(dialect::gemini);
    const auto kind = [&](std::string_view body) {
      return Run({.body = std::string(body)}, Delivery::stream, 0, p).ended.kind;
    };
    CHECK(kind(R"([{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}])") == Kind::malformed_reply);
    CHECK(kind("[]") == Kind::malformed_reply);
    CHECK(kind("[1]") == Kind::malformed_reply);
  }
}

TEST_CASE("an error among JSON objects, or in place of them, fails the attempt") {
  const Provider p = speaks(dialect::ollama), g = speaks(dialect::gemini);
  const Stream s = lines();
  const std::string begun = s.body.substr(0, s.body.find("\n \n") + 1);
  const std::string error = R"({"error":"llama runner process has terminated"})";
  for (const std::size_t cut : {std::size_t{1000}, std::size_t{1}}) {
    const Run middle({.body = begun + error + "\n", .cuts = std::vector<std::size_t>(500, cut)}, Delivery::stream, 0, p);
    CHECK_FALSE(middle.kept_reading);
    CHECK(middle.ended.kind == Kind::server_error);
    CHECK(middle.ended.message == "llama runner process has terminated");
    CHECK(middle.seen.text == "Hel{\"\\");
    const Run alone({.body = error, .cuts = std::vector<std::size_t>(500, cut)}, Delivery::stream, 0, p);
    CHECK(alone.ended.kind == Kind::server_error);
    CHECK(alone.ended.message == "llama runner process has terminated");
    CHECK(alone.seen.deltas == 0);
  }
  const std::string google = R"({"error":{"code":503,"message":"The model is overloaded","status":"UNAVAILABLE"}})";
  for (const std::string& body : {google, "[" + google + "]", "[" + google}) {
    const Run r({.body = body, .error = http::Error::io}, Delivery::stream, 0, g);
    CHECK(r.ended.kind == Kind::overloaded);
    CHECK(r.ended.message == "The model is overloaded");
  }
}

TEST_CASE("a whole reply in place of JSON objects works, and so does what came as objects unasked") {
  const Run one({.body = "{\n \"message\": {\"content\": \"Hi\"},\n \"done\": true,\n \"done_reason\": \"stop\"\n}"},
                Delivery::stream, 0, speaks(dialect::ollama));
  CHECK(one.ended.ok);
  CHECK(one.seen.text == "Hi");
  CHECK(one.seen.deltas == 1);
  const Run google({.body = R"({"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]})"},
                   Delivery::stream, 0, speaks(dialect::gemini));
  CHECK(google.ended.ok);
  CHECK(google.seen.text == "Hi");
  for (const Stream& s : {lines(), array()}) {
    CAPTURE(s.dialect.name);
    const Run r({.body = s.body}, Delivery::whole, 0, speaks(s.dialect));
    CHECK(r.ended.ok);
    CHECK_FALSE(r.attempt.streamed());
    CHECK(r.seen.deltas == 0);
    CHECK(r.attempt.reply().text == "Hel{\"\\l\xC3\xB6");
    CHECK(r.ended.usage == Usage{.prompt = 7, .completion = 3, .reported = true});
  }
  SECTION("a dialect that has none of them reads JSON as one reply") {
    const Run openai({.body = std::string(whole_reply)});
    CHECK(openai.ended.ok);
    CHECK_FALSE(openai.attempt.streamed());
  }
  SECTION("and events stay events") {
    const Run r({.body = events({R"({"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]})"})},
                Delivery::stream, 0, speaks(dialect::gemini));
    CHECK(r.ended.ok);
    CHECK(r.seen.text == "Hi");
  }
}

TEST_CASE("what stands between JSON objects makes them unreadable, what stands behind the end does not") {
  const Provider p = speaks(dialect::ollama);
  const Stream s = lines();
  const std::string begun = s.body.substr(0, s.body.find("\n \n") + 1);
  for (const std::string_view rest :
       {"oops\n"sv, ",{}"sv, "]"sv, "{\"message\":{\"content\":\"x\n\"}}"sv, "{\"message\":oops}\n"sv})
    for (const std::size_t cut : {std::size_t{1000}, std::size_t{1}}) {
      CAPTURE(rest, cut);
      const Run r({.body = begun + std::string(rest), .cuts = std::vector<std::size_t>(500, cut)}, Delivery::stream, 0, p);
      CHECK_FALSE(r.kept_reading);
      CHECK(r.ended.kind == Kind::malformed_reply);
      CHECK(r.ended.message == "a stream that cannot be read");
      CHECK(r.seen.text == "Hel{\"\\");
    }
  for (const std::string_view rest : {"oops"sv, "{\"message\":{\"content\":\"more\"}}"sv, "{"sv})
    for (const std::size_t cut : {std::size_t{10'000}, std::size_t{1}}) {
      CAPTURE(rest, cut);
      const Run r({.body = s.body + std::string(rest), .cuts = std::vector<std::size_t>(2'000, cut)}, Delivery::stream, 0, p);
      CHECK(r.kept_reading);
      CHECK(r.ended.ok);
      CHECK(r.seen.text == "Hel{\"\\l\xC3\xB6");
    }
}

TEST_CASE("a caller who wants no more of JSON objects ends the attempt as cancelled") {
  for (const Stream& s : {lines(), array()})
    for (std::size_t stop_at = 1; stop_at <= 4; ++stop_at) {
      const Run r({.body = s.body}, Delivery::stream, stop_at, speaks(s.dialect));
      CHECK_FALSE(r.kept_reading);
      CHECK(r.ended.kind == Kind::cancelled);
      CHECK(r.seen.deltas == stop_at);
    }
}

TEST_CASE("a stream whose one event passes 64 MiB is given up, and it is the provider's fault") {
  for (const auto& [dialect, begins] : {std::pair<const Dialect*, std::string_view>{&dialect::ollama, "{\"x\":\""},
                                        {&dialect::gemini, "[{\"x\":\""},
                                        {&dialect::openai, "data: "}}) {
    CAPTURE(begins);
    const Provider p = speaks(*dialect);
    const ChatRequest request{.messages = "Why?", .model = "m"};
    const Offer offer = Offer::assumed({.rest = "m"}, p);
    Attempt a;
    REQUIRE(a.encode({.provider = p, .offer = offer, .request = request, .delivery = Delivery::stream}));
    a.head(200, {});
    REQUIRE(a.body(begins, {}));
    const std::string mib(1u << 20, 'x');
    std::size_t taken = 0;
    while (taken < 100 && a.body(mib, {})) ++taken;
    CHECK(taken == 63);
    CHECK_FALSE(a.body(mib, {}));
    const Ended e = a.finish({.error = http::Error::stopped});
    CHECK(e.kind == Kind::malformed_reply);
    CHECK(e.message == "a stream that cannot be read");
  }
}

TEST_CASE("a stream that may come in two forms is asked for in any") {
  const auto accept = [](const Provider& p, Delivery delivery) {
    const ChatRequest request{.messages = "Why?"};
    const Offer offer = Offer::assumed({.rest = "m"}, p);
    Attempt a;
    REQUIRE(a.encode({.provider = p, .offer = offer, .request = request, .delivery = delivery}));
    return field(a.request(), "accept");
  };
  CHECK(accept(speaks(dialect::ollama), Delivery::stream) == "*/*");
  CHECK(accept(speaks(dialect::gemini), Delivery::stream) == "*/*");
  CHECK(accept(speaks(dialect::ollama), Delivery::whole) == "application/json");
  CHECK(accept(groq(), Delivery::stream) == "text/event-stream");
}

TEST_CASE("an attempt that gave up half an object remembers nothing of it") {
  const Provider p = speaks(dialect::ollama);
  const ChatRequest request{.messages = "Why?"};
  const Offer offer = Offer::assumed({.rest = "m"}, p);
  Attempt a;
  for (const std::string_view half : {R"({"message":{"content":")"sv, "{}oops"sv}) {
    REQUIRE(a.encode({.provider = p, .offer = offer, .request = request, .delivery = Delivery::stream}));
    a.head(200, {});
    a.body(half, {});
    CHECK_FALSE(a.finish({.error = http::Error::stopped}).ok);
  }
  REQUIRE(a.encode({.provider = p, .offer = offer, .request = request, .delivery = Delivery::stream}));
  a.head(200, {});
  CHECK(a.body(lines().body, {}));
  CHECK(a.finish({}).ok);
  CHECK(a.reply().text == "Hel{\"\\l\xC3\xB6");
}

namespace {

struct Mine {
  static constexpr std::string_view name = "mine";
  static void encode(const Outgoing& o, Draft& draft) {
    draft.url = o.provider.url + "/x";
    draft.body = "ping";
  }
  static bool event(std::string_view, std::string_view, ReplyBuilder&, OnDelta) { return true; }
  static bool whole(std::string_view body, ReplyBuilder& b) {
    b.text = body;
    return true;
  }
  static void error(int, std::string_view, ReplyBuilder::Error& e) { e.kind = Kind::overloaded; }
};
// Its streams end for good.
struct Ends : Mine {
  static bool event(std::string_view, std::string_view data, ReplyBuilder& b, OnDelta) {
    b.text += data;
    b.answered = true;
    b.complete = data == "end";
    return !b.complete;
  }
};
static_assert(dialect::table<Mine>.streams == Streams::events);
static_assert(dialect::ollama.streams == Streams::events_or_objects);

}  // namespace

TEST_CASE("a dialect of one's own is used where a provider names it") {
  Provider p = groq();
  p.dialect = &dialect::table<Mine>;
  CHECK(Run({.body = "{pong"}, Delivery::whole, 0, p).attempt.reply().text == "{pong");
  CHECK(Run({.status = 400}, Delivery::whole, 0, p).ended.kind == Kind::overloaded);
  p.dialect = &dialect::table<Ends>;
  CHECK(Run({.body = events({"a", "end"})}, Delivery::stream, 0, p).ended.ok);
}

// Exchanges recorded from real providers, where somebody has them; see what the folder must hold below.
namespace {

// What differs, in words; empty: nothing.
std::string difference(const tests::Expected& expected, const Run& run) {
  const ReplyBuilder& got = run.attempt.reply();
  std::string out;
  const auto same = [&](std::string_view what, const auto& a, const auto& b) {
    if (!(a == b)) out.append(what).append(" ");
  };
  if (!expected.error_class.empty()) {
    const auto kind = tests::kind_of_class(expected.error_class);
    if (kind && (run.ended.ok || *kind != run.ended.kind))
      out.append(expected.error_class).append(" is ").append(run.ended.ok ? "ok" : to_string(run.ended.kind));
    return out;
  }
  if (!run.ended.ok) return "failed: " + std::string(to_string(run.ended.kind)) + ": " + std::string(run.ended.message);
  same("text", got.text, expected.text);
  same("reasoning", got.reasoning, expected.reasoning);
  same("refusal", got.refusal, expected.refusal);
  same("finish", got.finish_reason, expected.finish);
  std::vector<ToolCall> calls = expected.calls;
  for (std::size_t i = 0; i < calls.size(); ++i) calls[i].arguments = expected.arguments_as_said[i];
  same("tool-calls", got.tool_calls, calls);
  if (expected.prompt >= 0) same("prompt-tokens", got.usage.prompt, expected.prompt);
  // xAI counts thoughts apart, this library within.
  if (expected.completion >= 0 && got.usage.completion != expected.completion + got.usage.reasoning)
    same("completion-tokens", got.usage.completion, expected.completion);
  if (expected.cached >= 0) same("cached-tokens", got.usage.cached, expected.cached);
  if (expected.thoughts >= 0) same("reasoning-tokens", got.usage.reasoning, expected.thoughts);
  if (run.attempt.streamed()) {
    same("delivered-text", run.seen.text, got.text);
    same("delivered-reasoning", run.seen.reasoning, got.reasoning);
    same("delivered-calls", run.seen.calls, got.tool_calls);
  }
  return out;
}

}  // namespace

TEST_CASE("recorded exchanges read as an independent reader reads them") {
  const auto wanted = [](const tests::Recorded& r) { return r.api == "openai_chat" || r.api == "error_only"; };
  tests::read_recorded(98, wanted, [](const tests::Recorded& r) {
    const Answer answer{.status = r.status, .body = r.body};
    const Run run(answer, r.kind == "sse" ? Delivery::stream : Delivery::whole);
    std::string wrong = difference(tests::Expected(r.expected), run);
    if (run.attempt.streamed() &&
        Run({.status = r.status, .body = r.body, .cuts = std::vector<std::size_t>(r.body.size(), 7)}).seen != run.seen)
      wrong += "chunking ";
    return wrong;
  });
}
