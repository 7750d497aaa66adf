// SPDX-License-Identifier: MIT
#include "llmroute/drive/outcome.hpp"

#include <string>

#include "../route/by_hand.hpp"
#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using tests::named;

namespace {

constexpr std::string_view answer = R"({"model":"big-2","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],)"
                                    R"("usage":{"prompt_tokens":100,"completion_tokens":50}})";
constexpr std::string_view piece = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";

/// The first attempt of an exchange, with an answer as it comes over the wire.
template <class X>
void first_attempt(X& x, Attempt& io, std::string_view bytes, Delivery how, http::Error end = http::Error::none) {
  const Step s = x.next(Time{});
  REQUIRE(s.what == Step::Do::send);
  REQUIRE(io.encode(x.outgoing(s.attempt)));
  auto deliver = [&](const Delta&) { return how == Delivery::stream && x.content(s.attempt, Time{} + 2s); };
  io.head(200, {});
  io.body(bytes, deliver);
  x.ended(s.attempt, io.finish({end, {}}, deliver), Time{} + 3s);
  CHECK(x.next(Time{} + 3s).what == Step::Do::finish);
}

}  // namespace

TEST_CASE("a winner's reply says what was answered, by whom, how long it took and what it cost") {
  auto core = tests::core_of(Fleet{named("one")});
  const ChatRequest request{.messages = "Hello", .model = "big"};
  const Options options{.category = "chat"};
  Exchange x(core, request, options, Delivery::whole, Overlap::no, Time{});
  Attempt io;
  first_attempt(x, io, answer, Delivery::whole);
  const Result<Reply> r = drive::outcome(x, &io, Time{} + 4s);
  REQUIRE(r);
  CHECK(r->text == "hi");
  CHECK(r->provider == "one");
  CHECK(r->model == "big-2");  // as the provider said
  CHECK(r->category == "chat");
  CHECK(r->strategy == "priority");
  CHECK(r->finish == Finish::stop);
  CHECK(r->latency == 4s);
  CHECK(r->first_content == r->latency);
  CHECK(r->cost.amount == Money::nanos(200'000));
  CHECK(r->id == x.query().id);
  CHECK(r->trail.size() == 1);
}

TEST_CASE("where the provider does not say its model, the reply names the one that was asked for") {
  auto core = tests::core_of(Fleet{named("one")});
  const ChatRequest request{.messages = "Hello", .model = "big"};
  const Options options{};
  Exchange x(core, request, options, Delivery::whole, Overlap::no, Time{});
  Attempt io;
  first_attempt(x, io, R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})", Delivery::whole);
  CHECK(drive::outcome(x, &io, Time{})->model == "big");
}

TEST_CASE("a stream's first content has a time of its own") {
  auto core = tests::core_of(Fleet{named("one")});
  const ChatRequest request{.messages = "Hello"};
  const Options options{};
  Exchange x(core, request, options, Delivery::stream, Overlap::no, Time{});
  Attempt io;
  first_attempt(x, io, std::string(piece) + "data: [DONE]\n\n", Delivery::stream);
  const Result<Reply> r = drive::outcome(x, &io, Time{} + 3s);
  REQUIRE(r);
  CHECK(r->first_content == 2s);
  CHECK(r->latency == 3s);
}

TEST_CASE("a broken stream's failure has what the caller had got; one that broke before has nothing") {
  auto core = tests::core_of(Fleet{named("one")}, retry::Off{});
  const ChatRequest request{.messages = "Hello"};
  const Options options{};
  for (const std::string_view bytes : {piece, std::string_view("data: {\"choi")}) {
    Exchange x(core, request, options, Delivery::stream, Overlap::no, Time{});
    Attempt io;
    first_attempt(x, io, bytes, Delivery::stream, http::Error::io);
    const Result<Reply> r = drive::outcome(x, &io, Time{} + 3s);
    REQUIRE_FALSE(r);
    CHECK(r.error().partial == (bytes == piece ? "hi" : ""));
    CHECK(r.error().kind == (bytes == piece ? Kind::stream_broken : Kind::malformed_reply));
  }
}

TEST_CASE("without any attempt there is a failure, too") {
  auto core = tests::core_of(Fleet{named("one")});
  const ChatRequest request{};
  const Options options{};
  Exchange x(core, request, options, Delivery::whole, Overlap::no, Time{});
  CHECK(x.next(Time{}).what == Step::Do::finish);
  const Result<Reply> r = drive::outcome(x, nullptr, Time{});
  REQUIRE_FALSE(r);
  CHECK(r.error().kind == Kind::request_invalid);
  CHECK(r.error().trail.empty());
}
