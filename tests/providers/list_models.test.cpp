// SPDX-License-Identifier: MIT
// The lists of models that vendors hand out, in each of their forms and in pages; what is gone; and what goes wrong.
#include "llmroute/providers/list_models.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "llmroute/providers.hpp"
#include "llmroute/transport/from.hpp"

using namespace llmroute;

namespace {

using Strings = std::vector<std::string>;

/// Answers one request after the other, and keeps what was asked.
struct Vendor {
  struct Asked {
    std::string method{}, url{}, body{}, fields{};
  };
  std::vector<http::Response> answers{};
  std::vector<Asked> asked{};

  http::Done perform(const http::Call& call) {
    Asked a{std::string(call.request.method), std::string(call.request.url), std::string(call.request.body), {}};
    for (const auto& [name, value] : call.request.fields) a.fields.append(name).append(": ").append(value).append("\n");
    asked.push_back(a);
    REQUIRE(asked.size() <= answers.size());
    const http::Response& answer = answers[asked.size() - 1];
    call.on_head(answer.status, {});
    std::string_view rest = answer.body;
    for (std::size_t n; !rest.empty(); rest.remove_prefix(n))
      if (n = rest.size() < 7 ? rest.size() : 7; !call.on_body(rest.substr(0, n))) return {http::Error::stopped, {}};
    return {};
  }
};

Provider own(std::string vendor = {}) {
  return {.name = "own", .url = "https://h.example/v1", .vendor = std::move(vendor), .key = "sk-very-secret"};
}

Result<providers::ModelList> answered(std::string body, int status = 200, Provider p = own()) {
  Vendor v{.answers = {{.status = status, .body = std::move(body)}}};
  return providers::list_models(v, p);
}

}  // namespace

TEST_CASE("a list of models is one GET with the provider's key and fields, and no body") {
  Vendor v{.answers = {{.body = R"({"object":"list","data":[{"id":"a","object":"model"},{"id":"b","owned_by":"x"}]})"}}};
  Provider p = own();
  p.fields = {{"x-title", "tests"}};
  const auto list = providers::list_models(v, p);
  REQUIRE(list);
  CHECK(list->models == Strings{"a", "b"});
  REQUIRE(v.asked.size() == 1);
  CHECK(v.asked[0].method == "GET");
  CHECK(v.asked[0].url == "https://h.example/v1/models");
  CHECK(v.asked[0].body.empty());
  CHECK(v.asked[0].fields == "x-title: tests\naccept: application/json\nauthorization: Bearer sk-very-secret\n");
}

TEST_CASE("the URL's query stays behind the path, and Anthropic's key and version go along") {
  Vendor v{.answers = {{.body = R"({"data":[]})"}, {.body = R"({"data":[]})"}}};
  Provider p = own();
  p.url = "https://h.example/openai/v1/?api-version=preview";
  CHECK(providers::list_models(v, p));
  CHECK(v.asked[0].url == "https://h.example/openai/v1/models?api-version=preview");
  CHECK(providers::list_models(v, providers::anthropic({.key = "sk-ant"})));
  CHECK(v.asked[1].url == "https://api.anthropic.com/v1/models");
  CHECK_THAT(v.asked[1].fields,
             ContainsSubstring("anthropic-version: 2023-06-01\n") && ContainsSubstring("x-api-key: sk-ant\n"));
}

TEST_CASE("models are read in every vendor's form") {
  const auto models = [](std::string body) {
    const auto list = answered(std::move(body));
    return list ? list->models : Strings{"wrong: " + list.error().message};
  };
  CHECK(models(R"({"models":[{"name":"models/gemini-2.5-flash","displayName":"x"}]})") == Strings{"gemini-2.5-flash"});
  CHECK(models(R"({"data":[{"id":"models/gemini-2.5-pro"}]})") == Strings{"gemini-2.5-pro"});
  CHECK(models(R"([{"id":"a"},{"id":"b"}])") == Strings{"a", "b"});  // Together's
  CHECK(models(R"({"data":[{"name":"A model","id":"a"}]})") == Strings{"a"});
  CHECK(models(R"({"data":[{"id":null},{"object":"model"},{"id":"a"}]})") == Strings{"a"});
  CHECK(models(R"({"data":[]})").empty());
}

TEST_CASE("a list in pages is asked for to its end") {
  Vendor anthropic{.answers = {{.body = R"({"data":[{"id":"a"}],"has_more":true,"last_id":"id/1"})"},
                               {.body = R"({"data":[{"id":"b"}],"has_more":true,"first_id":"b"})"},
                               {.body = R"({"data":[{"id":"c"}],"has_more":false,"last_id":"c"})"}}};
  const auto list = providers::list_models(anthropic, own());
  REQUIRE(list);
  CHECK(list->models == Strings{"a", "b", "c"});
  REQUIRE(anthropic.asked.size() == 3);
  CHECK(anthropic.asked[1].url == "https://h.example/v1/models?after_id=id%2F1");
  CHECK(anthropic.asked[2].url == "https://h.example/v1/models?after_id=b");

  Vendor gemini{.answers = {{.body = R"({"models":[{"name":"models/a"}],"nextPageToken":"t&=\u00e9"})"},
                            {.body = R"({"models":[{"name":"models/b"}]})"}}};
  Provider p = providers::gemini_native({.key = "k"});
  p.url += "?x=1";
  CHECK(providers::list_models(gemini, p)->models == Strings{"a", "b"});
  CHECK(gemini.asked[1].url == "https://generativelanguage.googleapis.com/v1beta/models?x=1&pageToken=t%26%3D%C3%A9");
}

TEST_CASE("a list that does not end is a failure, and not a loop") {
  Vendor same;
  same.answers.assign(9, {.body = R"({"data":[{"id":"a"}],"has_more":true,"last_id":"a"})"});
  CHECK(providers::list_models(same, own()).error().kind == Kind::malformed_reply);
  CHECK(same.asked.size() == 2);
  Vendor ever;
  for (int i = 0; i < 200; ++i) ever.answers.push_back({.body = R"({"data":[],"nextPageToken":")" + std::to_string(i) + "\"}"});
  CHECK_THAT(providers::list_models(ever, own()).error().message, ContainsSubstring("does not end"));
  CHECK(ever.asked.size() == 100);
}

TEST_CASE("names of rows that the vendor has no longer are gone") {
  const models::Row rows[]{{.model = "one", .provider = "groq", .name = "vendor/one"},
                           {.model = "two", .provider = "groq"},
                           {.model = "three", .provider = "own", .name = "vendor/three"},
                           {.model = "four", .provider = "openai", .name = "vendor/four"}};
  Vendor v{.answers = {{.body = R"({"data":[{"id":"vendor/one"},{"id":"five"}]})"}}};
  const auto list = providers::list_models(v, own("groq"), rows);
  REQUIRE(list);
  CHECK(list->gone == Strings{"two", "vendor/three"});

  Vendor nobody{.answers = {{.body = R"({"data":[{"id":"x"}]})"}}};
  CHECK(providers::list_models(nobody, own(), std::span(rows).first(2))->gone.empty());
}

TEST_CASE("the rows of the presets are the ones that are compared where no others are given") {
  Strings expected;
  for (const models::Row& row : models::preset_rows())
    if (row.provider == "perplexity") expected.emplace_back(row.name);
  REQUIRE(expected.size() > 1);
  Vendor v{.answers = {{.body = R"({"data":[]})"}}};
  CHECK(providers::list_models(v, providers::perplexity({.key = "k"}))->gone == expected);
}

TEST_CASE("a name that stands for a dated model is there, and so is one with a suffix") {
  const providers::ModelList list{
      .models = {"claude-haiku-4-5-20251001", "gpt-4o-2024-07-18", "openai/gpt-oss-120b", "gpt-4-0613", "exact", "llama:free"}};
  for (const char* name : {"claude-haiku-4-5", "gpt-4o", "openai/gpt-oss-120b:groq", "openai/gpt-oss-120b:nitro:x", "exact",
                           "llama:free", "claude-haiku-4-5-20251001"}) {
    CAPTURE(name);
    CHECK(list.has(name));
  }
  for (const char* name : {"claude-haiku-4", "claude-haiku", "gpt-4", "gpt-4o-mini", "llama", "exac", ""}) {
    CAPTURE(name);
    CHECK_FALSE(list.has(name));
  }
}

TEST_CASE("an error of a list of models is what the provider's dialect says it is, without the key") {
  const auto refused =
      answered(R"({"error":{"message":"Incorrect API key provided: sk-very-secret","code":"invalid_api_key"}})", 401);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Kind::unauthorized);
  CHECK(refused.error().status == 401);
  CHECK(refused.error().provider.view() == "own");
  CHECK_THAT(refused.error().message, ContainsSubstring("\"own\"") && ContainsSubstring("Incorrect API key provided: ***"));

  Provider two = own();
  two.fields = {{"x-second-key", "sk-second-456"}};
  CHECK_THAT(answered(R"({"error":{"message":"bad sk-second-456"}})", 403, two).error().message, ContainsSubstring("bad ***"));

  Provider gemini = own();
  gemini.dialect = &dialect::gemini;
  const char* body = R"([{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED",
                          "details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"26s"}]}}])";
  const auto limited = answered(body, 429, gemini);
  CHECK(limited.error().kind == Kind::rate_limited);
  CHECK(limited.error().retry_after == Duration(std::chrono::seconds(26)));
  CHECK(answered("", 503).error().kind == Kind::overloaded);
}

TEST_CASE("what is no list of models is a malformed reply") {
  for (const char* body :
       {"", "<html>", R"({"data":[{"id":"a"})", R"({"object":"list"})", R"({"data":{"id":"a"}})", "[1] x", "null"}) {
    CAPTURE(body);
    const auto list = answered(body);
    REQUIRE_FALSE(list);
    CHECK(list.error().kind == Kind::malformed_reply);
  }
  const auto long_one = answered(R"({"data":[{"id":")" + std::string(17u << 20, 'a') + "\"}]}");
  CHECK(long_one.error().kind == Kind::malformed_reply);
  CHECK_THAT(long_one.error().message, ContainsSubstring("too long"));
}

TEST_CASE("a provider that cannot be asked is not asked for its models") {
  Vendor silent;
  const auto asked = [&](const Provider& p) { return providers::list_models(silent, p).error(); };
  CHECK(asked(providers::local("f", [](const ChatRequest&) { return "x"; })).kind == Kind::misconfigured);
  CHECK_THAT(asked(Provider{.name = "own", .url = "http://far.example/v1"}).message, ContainsSubstring("https"));
  CHECK_THAT(asked(providers::azure({.url = "https://a.example/d/{model}", .key = "k"})).message,
             ContainsSubstring("one model's"));
  CHECK_THAT(asked(providers::groq({.key_variable = "LLMROUTE_TEST_NO_KEY"})).message,
             ContainsSubstring("LLMROUTE_TEST_NO_KEY"));
  CHECK(asked(own().free_tier()).kind == Kind::misconfigured);
  Provider bad = own();
  bad.key = Secret("with\nline");
  CHECK(asked(bad).kind == Kind::not_sent);
  CHECK(silent.asked.empty());
}

TEST_CASE("a callable can be asked for the models, and one that has no answer has not sent anything") {
  std::string method;
  auto client = transport::from([&](const http::Request& q) -> std::optional<http::Response> {
    method = q.method;
    return http::Response{.body = R"({"data":[{"id":"a"}]})"};
  });
  CHECK(providers::list_models(client, own())->models == Strings{"a"});
  CHECK(method == "GET");
  CHECK(providers::list_models(transport::from([](const http::Request&) { return std::optional<http::Response>(); }), own())
            .error()
            .kind == Kind::not_sent);
#if LLMROUTE_EXCEPTIONS
  struct Throws {
    http::Done perform(const http::Call&) { throw std::runtime_error("sk-very-secret"); }
  };
  const Failure thrown = providers::list_models(Throws{}, own()).error();
  CHECK(thrown.kind == Kind::server_error);
  CHECK(thrown.message.find("secret") == std::string::npos);
#endif
}
