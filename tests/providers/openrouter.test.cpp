// SPDX-License-Identifier: MIT
#include "llmroute/providers/openrouter.hpp"

#include <string>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "llmroute/providers.hpp"
#include "llmroute/router.hpp"
#include "llmroute/transport/from.hpp"

using namespace llmroute;

TEST_CASE("OpenRouter's routing is two members of a request") {
  CHECK(openrouter::Routing{}.json() == "{}");  // an empty object would win over what the provider always says
  CHECK(openrouter::Routing{.models = {"a/b"}}.json() == R"({"models":["a/b"]})");
  CHECK(openrouter::Routing{.models = {"a/b", "c/d:free"}, .order = {"groq"}, .allow_fallbacks = false}.json() ==
        R"({"models":["a/b","c/d:free"],"provider":{"order":["groq"],"allow_fallbacks":false}})");
  CHECK(openrouter::Routing{.only = {"x"},
                            .ignore = {"y"},
                            .quantizations = {"fp8"},
                            .require_parameters = true,
                            .zdr = true,
                            .data_collection = "deny",
                            .sort = "price",
                            .max_price = {.input = per_million("0.055")}}
            .json() ==
        R"({"provider":{"only":["x"],"ignore":["y"],"quantizations":["fp8"],"require_parameters":true,"zdr":true,)"
        R"("data_collection":"deny","sort":"price","max_price":{"prompt":0.055}}})");
}

TEST_CASE("OpenRouter alone hears of its routing and of the application, and its models keep their suffix") {
  struct Asked {
    std::string url, body, title;
  };
  std::vector<Asked> asked;
  const auto refuse = [&](const http::Request& q) {
    Asked a{std::string(q.url), std::string(q.body), ""};
    for (const http::Field& f : q.fields)
      if (f.name == "x-title" || f.name == "http-referer") a.title.append(f.value).append(" ");
    asked.push_back(std::move(a));
    return http::Response{.status = 500};
  };
  Router router{
      Fleet{providers::openrouter({.key = Secret("k"), .fields = openrouter::App{"https://acme.example", "Acme"}.fields()}),
            providers::groq({.key = Secret("k")})},
      transport::from(refuse), retry::Off{}};
  ChatRequest request{.messages = "x", .model = "vendor/unlisted:free"};
  request.extra_for = {{"openrouter", openrouter::Routing{.sort = "latency"}.json()}};
  CHECK_FALSE(router.complete(request));
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].body.find(R"("provider":{"sort":"latency"})") != std::string::npos);
  CHECK(asked[0].body.find(R"("model":"vendor/unlisted:free")") != std::string::npos);
  CHECK(asked[0].title == "https://acme.example Acme ");
  CHECK(asked[1].body.find("provider") == std::string::npos);
  CHECK(asked[1].title.empty());
}
