// SPDX-License-Identifier: MIT
#include "llmroute/http.hpp"

#include <set>
#include <span>
#include <string>
#include <string_view>

#include "catch.hpp"

namespace http = llmroute::http;
using http::Error;

TEST_CASE("each way in which a call goes wrong has its own words") {
  std::set<std::string_view> words;
  for (Error e : {Error::none, Error::resolve, Error::connect, Error::tls, Error::timed_out, Error::stopped, Error::protocol,
                  Error::io}) {
    CHECK_FALSE(http::to_string(e).empty());
    words.insert(http::to_string(e));
  }
  CHECK(words.size() == 8);
  STATIC_REQUIRE(http::to_string(Error::io) == "connection broken");
}

TEST_CASE("a request posts, an answer is a success and a call has no limits unless they are given") {
  CHECK(http::Request{}.method == "POST");
  CHECK(http::Response{}.status == 200);
  CHECK(http::Done{}.error == Error::none);
  constexpr http::Limits none{};
  STATIC_REQUIRE(none.connect == llmroute::Duration::zero());
  STATIC_REQUIRE(none.first_byte == llmroute::Duration::zero());
  STATIC_REQUIRE(none.idle == llmroute::Duration::zero());
  STATIC_REQUIRE(none.total == llmroute::Duration::zero());
}

TEST_CASE("an answer goes through the sinks of its call") {
  const http::Field sent[]{{"accept", "text/plain"}};
  const http::Request request{.url = "https://example.com/", .fields = sent, .body = "question"};
  int status = 0;
  std::string seen;
  auto head = [&](int s, std::span<const http::Field> fields) {
    status = s;
    for (const http::Field& f : fields) seen += std::string(f.name) + "=" + std::string(f.value) + ' ';
  };
  auto body = [&](std::string_view bytes) { return seen += bytes, seen.size() < 20; };
  auto out = [] { return false; };
  const http::Call call{request, {}, head, body, out};

  const http::Field answered[]{{"content-type", "text/plain"}};
  call.on_head(200, answered);
  CHECK_FALSE(call.on_body("more"));
  CHECK_FALSE(call.stopped());
  CHECK(status == 200);
  CHECK(seen == "content-type=text/plain more");
  CHECK(call.request.fields[0].name == "accept");
}
