// SPDX-License-Identifier: MIT
#include "llmroute/transport/from.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace llmroute;

namespace {

/// What went through the sinks of one call, in order.
struct Sinks {
  std::string log{};
  bool take = true, out = false;

  template <class T>
  http::Done perform(T transport) {
    const http::Field field{"x-key", "value"};
    const http::Request request{.url = "https://one.example/v1", .fields = {&field, 1}, .body = "question"};
    auto head = [&](int status, std::span<const http::Field> fields) {
      log += "head " + std::to_string(status);
      for (const auto& [name, value] : fields) log.append(" ").append(name).append("=").append(value);
    };
    auto body = [&](std::string_view bytes) { return log.append(", body ").append(bytes), take; };
    auto stopped = [&] { return out; };
    return transport.perform({.request = request, .on_head = head, .on_body = body, .stopped = stopped});
  }
};

}  // namespace

TEST_CASE("a callable is a transport: it sees the request, and its answer goes through the sinks") {
  Sinks s;
  const http::Done done = s.perform(transport::from([](const http::Request& q) {
    CHECK(q.method == "POST");
    CHECK(q.url == "https://one.example/v1");
    CHECK(q.fields.size() == 1);
    CHECK(q.body == "question");
    return http::Response{.status = 418, .fields = {{"a", "1"}, {"a", "2"}}, .body = "short and stout"};
  }));
  CHECK(done.error == http::Error::none);
  CHECK(s.log == "head 418 a=1 a=2, body short and stout");
}

TEST_CASE("an answer without a body calls no body sink") {
  Sinks s;
  CHECK(s.perform(transport::from([](const http::Request&) { return http::Response{.status = 204}; })).error ==
        http::Error::none);
  CHECK(s.log == "head 204");
}

TEST_CASE("an empty optional means that there was no answer, and no sink is called") {
  Sinks s;
  const http::Done done = s.perform(transport::from([](const http::Request&) { return std::optional<http::Response>(); }));
  CHECK(done.error != http::Error::none);
  CHECK_FALSE(done.detail.empty());
  CHECK(s.log.empty());
}

TEST_CASE("a caller who wants no more is told as stopped, and one who is gone before is not even asked for") {
  Sinks s;
  s.take = false;
  const auto answer = [](const http::Request&) { return http::Response{.body = "much"}; };
  CHECK(s.perform(transport::from(answer)).error == http::Error::stopped);
  Sinks gone;
  gone.out = true;
  int calls = 0;
  CHECK(gone.perform(transport::from([&](const http::Request&) { return ++calls, http::Response{}; })).error ==
        http::Error::stopped);
  CHECK(calls == 0);
  CHECK(gone.log.empty());
}

#if LLMROUTE_EXCEPTIONS
TEST_CASE("what the callable throws becomes no answer, and is not quoted") {
  Sinks s;
  const http::Done done =
      s.perform(transport::from([](const http::Request&) -> http::Response { throw std::runtime_error("sk-secret"); }));
  CHECK(done.error == http::Error::io);
  CHECK(done.detail.find("sk-secret") == std::string::npos);
  CHECK(s.log.empty());
}
#endif

TEST_CASE("only what can be asked with a request, and answers with a response or perhaps with one, is fit for it") {
  const auto whole = [](const http::Request&) { return http::Response{}; };
  const auto perhaps = [](const http::Request&) { return std::optional(http::Response{}); };
  const auto number = [](const http::Request&) { return 200; };
  STATIC_REQUIRE(transport::Responds<decltype(whole)>);
  STATIC_REQUIRE(transport::Responds<decltype(perhaps)>);
  STATIC_REQUIRE_FALSE(transport::Responds<decltype(number)>);
  STATIC_REQUIRE(Transport<transport::From<decltype(whole)>>);
  STATIC_REQUIRE_FALSE(AsyncTransport<transport::From<decltype(whole)>>);
  CHECK(Sinks{}.perform(transport::from(whole)).error == http::Error::none);
}
