// SPDX-License-Identifier: MIT
#include "llmroute/wire/url.hpp"

#include <string>
#include <string_view>

#include "../catch.hpp"

namespace url = llmroute::url;
using url::Plain;
using namespace std::string_literals;

TEST_CASE("a key may be sent to https anywhere") {
  for (const char* u : {"https://api.groq.com/openai/v1", "https://api.groq.com", "https://api.groq.com/", "https://h:8443/v1",
                        "https://h:1", "https://h:65535", "https://10.1.2.3/v1", "https://[2001:db8::1]/v1",
                        "https://[2001:db8::1]:8443/v1", "https://[::ffff:1.2.3.4]", "https://with_underscore.and-dash.example",
                        "https://h/v1/%7Eme/@x/a:b", "https://localhost"}) {
    CAPTURE(u);
    CHECK(url::problem(u) == "");
    CHECK(url::problem(u, Plain::anywhere) == "");
  }
}

TEST_CASE("plain http is for this machine, unless a provider allows it") {
  for (const char* u : {"http://localhost", "http://localhost:11434/v1", "http://127.0.0.1", "http://127.0.0.1:8080/v1",
                        "http://127.255.255.254/", "http://[::1]", "http://[::1]:8080/v1"}) {
    CAPTURE(u);
    CHECK(url::problem(u) == "");
  }
  for (const char* u : {"http://api.groq.com/v1",
                        "http://127.0.0.1.evil.com/v1",
                        "http://127.0.0.1evil.com",
                        "http://127.evil.com",
                        "http://127.",
                        "http://127.0.0",
                        "http://127.0.0.",
                        "http://127.0.0.1.",
                        "http://127.0.0.1.5",
                        "http://127.0.0.256",
                        "http://127.0.0.1000",
                        "http://127..0.1",
                        "http://127.0.0.010",
                        "http://128.0.0.1",
                        "http://1270.0.0.1",
                        "http://10.0.0.1",
                        "http://169.254.169.254/latest",
                        "http://0.0.0.0",
                        "http://localhost.evil.com",
                        "http://evil.localhost",
                        "http://notlocalhost",
                        "http://[::2]",
                        "http://[::]",
                        "http://[::1:1]",
                        "http://evil.com/localhost",
                        "http://evil.com/?http://localhost",
                        "http://2130706433"}) {
    CAPTURE(u);
    CHECK_THAT(std::string(url::problem(u)), ContainsSubstring("https"));
    CHECK(url::problem(u, Plain::anywhere) == "");
  }
}

TEST_CASE("a URL that could go elsewhere than it seems to is refused, with a reason") {
  const struct {
    std::string url;
    const char* why;
  } refused[]{
      {"", "empty"},
      {"api.groq.com/v1", "https://"},
      {"ftp://h", "https://"},
      {"//h", "https://"},
      {"https:/h", "https://"},
      {"https:h", "https://"},
      {"file:///etc/passwd", "https://"},
      {"javascript://localhost", "https://"},
      {" https://h", "space"},
      {"https://h /", "space"},
      {"https://h/v1 ", "space"},
      {"https://h/\tv1", "control"},
      {"https://h/v1\r\nX-Evil: 1", "control"},
      {"https://h/v1\n", "control"},
      {"https://h/\0v1"s, "control"},
      {"https://h/\x7F", "control"},
      {"https://h\xC3\xB6st/", "ASCII"},
      {"https://h/\xFF", "ASCII"},
      {"https://h\\@evil.com/", "backslash"},
      {"https://user:pw@h/", "user info"},
      {"https://user@h/", "user info"},
      {"https://@h/", "user info"},
      {"http://localhost@evil.com/", "user info"},
      {"http://localhost:80@evil.com/", "user info"},
      {"https://h%2F10.0.0.1/", "% in its host"},
      {"https://h%2f.evil.com/", "% in its host"},
      {"https://%68/", "% in its host"},
      {"https://h/#frag", "fragment"},
      {"https://h#@evil.com", "fragment"},
      {"https://", "no host"},
      {"https:///v1", "no host"},
      {"https://:443/v1", "no host"},
      {"https://?x", "no host"},
      {"https://[", "host"},
      {"https://[]", "host"},
      {"https://[::1", "host"},
      {"https://[evil.com]", "host"},
      {"https://[::1%25eth0]", "host"},
      {"https://a,b", "host"},
      {"https://a;b", "host"},
      {"https://a|b", "host"},
      {"https://${HOST}/v1", "host"},
      {"https://<host>/v1", "host"},
      {"https://h:", "port"},
      {"https://h:0", "port"},
      {"https://h:65536", "port"},
      {"https://h:99999999999999999999", "port"},
      {"https://h:4294967376", "port"},
      {"https://h:80a", "port"},
      {"https://h:-1", "port"},
      {"https://h:+80", "port"},
      {"https://h:80:90", "port"},
      {"https://[::1]evil.com", "port"},
      {"https://[::1]880", "port"},
      {"https://[::1].evil.com", "port"},
      {"https://[::1]:", "port"},
  };
  for (const auto& [u, why] : refused)
    for (Plain plain : {Plain::loopback_only, Plain::anywhere}) {
      CAPTURE(u);
      CHECK_THAT(std::string(url::problem(u, plain)), ContainsSubstring(why));
    }
  CHECK(url::problem("https://::1/v1") != "");  // an address without its brackets
}

TEST_CASE("a path may hold a place for the model's name, and no other braces") {
  for (const char* u : {"https://h/openai/deployments/{model}?api-version=2024-10-21", "https://h/{model}",
                        "https://h/a/{model}/b", "https://h/{model}/{model}"}) {
    CAPTURE(u);
    CHECK(url::problem(u) == "");
  }
  for (const char* u : {"https://h/{deployment}", "https://h/{}", "https://h/{model", "https://h/model}", "https://h/{{model}}",
                        "https://h/{model}}", "https://h/{Model}", "https://h/v1?m={model}", "https://h/{model}?v={v}",
                        "https://h?{model}", "https://h/{ model}"}) {
    CAPTURE(u);
    CHECK(url::problem(u) != "");
  }
  CHECK_THAT(std::string(url::problem("https://h/{x}")), ContainsSubstring("{model}"));
  CHECK_THAT(std::string(url::problem("https://{model}/v1")), ContainsSubstring("host"));
  CHECK_THAT(std::string(url::problem("https://h:{model}/v1")), ContainsSubstring("port"));
}

TEST_CASE("what is wrong with a URL is said without quoting it") {
  CHECK(url::problem("https://me:secret@h/").find("secret") == std::string_view::npos);
}

TEST_CASE("the host of a URL is what a client would call") {
  STATIC_REQUIRE(url::host_of("https://api.groq.com/openai/v1") == "api.groq.com");
  STATIC_REQUIRE(url::host_of("https://api.groq.com:443?x=/") == "api.groq.com");
  STATIC_REQUIRE(url::host_of("http://localhost@evil.com:80/") == "evil.com");
  STATIC_REQUIRE(url::host_of("http://localhost:80@evil.com/") == "evil.com");
  STATIC_REQUIRE(url::host_of("https://[::1]:8080/v1") == "[::1]");
  STATIC_REQUIRE(url::host_of("https://h#@evil.com") == "h");
  STATIC_REQUIRE(url::host_of("https:///v1").empty());
  STATIC_REQUIRE(url::host_of("").empty());
}
