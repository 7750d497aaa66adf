// SPDX-License-Identifier: MIT
// Files of variables: what counts as a line, whose value wins, and that a mistake is named with its line and without its
// secret.
#include "llmroute/providers/environment.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <type_traits>

#include "catch.hpp"
#include "environment_variable.hpp"

using namespace llmroute;
using providers::Environment;
using tests::Variable;

namespace {

// Not a name that anybody sets.
std::string value(std::string_view text) {
  const auto all = Environment::parse(text);
  if (!all) return "wrong: " + all.error().message;
  return all->text("LLMROUTE_T");
}

std::string wrong(std::string_view text) {
  const auto all = Environment::parse(text, "my.env");
  if (all) return "";
  CHECK(all.error().kind == Kind::misconfigured);
  return all.error().message;
}

}  // namespace

TEST_CASE("each line of a file of variables is read as dotenv reads it") {
  const struct {
    std::string_view text, value;
  } lines[]{
      {"LLMROUTE_T=plain", "plain"},
      {"LLMROUTE_T=plain\n", "plain"},
      {"LLMROUTE_T=plain\r\n", "plain"},
      {"LLMROUTE_T=plain\rOTHER=1", "plain"},
      {"\xEF\xBB\xBFLLMROUTE_T=plain", "plain"},
      {"export LLMROUTE_T=plain", "plain"},
      {"  export\tLLMROUTE_T=plain", "plain"},
      {"  LLMROUTE_T  =  plain  ", "plain"},
      {"LLMROUTE_T=", ""},
      {"LLMROUTE_T=\nOTHER=x", ""},
      {"LLMROUTE_T=plain # of mine", "plain"},
      {"LLMROUTE_T=plain#not", "plain#not"},
      {"LLMROUTE_T=#not", "#not"},
      {"LLMROUTE_T= # nothing", ""},
      {"LLMROUTE_T=a=b==", "a=b=="},
      {"LLMROUTE_T=it's", "it's"},
      {"LLMROUTE_T='single'", "single"},
      {"LLMROUTE_T='single' # of mine", "single"},
      {"LLMROUTE_T='a#b'", "a#b"},
      {"LLMROUTE_T='a\\nb'", "a\\nb"},
      {"LLMROUTE_T=\"double\"", "double"},
      {"LLMROUTE_T=  \"double\"  # of mine", "double"},
      {"LLMROUTE_T=\"a\\\"b\\\\c\"", "a\"b\\c"},
      {"LLMROUTE_T=\"a\\db\"", "a\\db"},
      {"LLMROUTE_T=`back'\"tick`", "back'\"tick"},
      {"# a comment\n\n   \n\t# another\nLLMROUTE_T=last", "last"},
      {"LLMROUTE_T=first\nLLMROUTE_T=second", "second"},
      {"exportX=1\nexport=2\nLLMROUTE_T=3", "3"},
      {"", ""},
      {"OTHER=x", ""},
  };
  for (const auto& [text, expected] : lines) {
    CAPTURE(text);
    CHECK(value(text) == expected);
  }
}

TEST_CASE("a quoted value goes on over lines, and an escape is what it stands for") {
  const auto key = [](std::string_view text) {
    const auto all = Environment::parse(text);
    REQUIRE(all);
    return all->key("LLMROUTE_T");
  };
  CHECK(key("LLMROUTE_T=\"a\nb\"").same_as(Secret("a\nb")));
  CHECK(key("LLMROUTE_T=\"a\r\nb\"").same_as(Secret("a\nb")));
  CHECK(key("LLMROUTE_T='a\nb'\nOTHER=1").same_as(Secret("a\nb")));
  CHECK(key("LLMROUTE_T=\"a\\nb\\rc\\td\"").same_as(Secret("a\nb\rc\td")));
}

TEST_CASE("a malformed line is named with its number, and its text is not") {
  const struct {
    std::string_view text;
    const char *where, *why;
  } lines[]{
      {"sk-secret", "my.env:1:", "no ="},
      {"A=1\nB=2\nsk-secret-3\n", "my.env:3:", "no ="},
      {"A=1\r\n\r\nsecret key\r\n", "my.env:3:", "no ="},
      {"A=1\r\r=secret", "my.env:3:", "name"},
      {"1A=secret", "my.env:1:", "name"},
      {"export =secret", "my.env:1:", "name"},
      {"A B=secret", "my.env:1:", "no ="},
      {"A='secret", "my.env:1:", "quote"},
      {"A=1\nB=\"secret\n\n\nC=2", "my.env:2:", "quote"},
      {"A=\"secret\\", "my.env:1:", "quote"},
      {"A='secret'more", "my.env:1:", "closing quote"},
      {"A=\"multi\nline\"\nB", "my.env:3:", "no ="},
  };
  for (const auto& [text, where, why] : lines) {
    CAPTURE(text);
    const std::string message = wrong(text);
    CHECK(message.starts_with(where));
    CHECK_THAT(message, ContainsSubstring(why));
    CHECK(message.find("secret") == message.npos);
  }
}

TEST_CASE("the environment wins over a file, also with an empty value, and is left as it is") {
  const auto file = Environment::parse("LLMROUTE_T=from-file");
  REQUIRE(file);
  const Variable gone("LLMROUTE_T", nullptr);
  CHECK(file->text("LLMROUTE_T") == "from-file");
  CHECK(std::getenv("LLMROUTE_T") == nullptr);
  {
    const Variable set("LLMROUTE_T", " from-environment\r\n");
    CHECK(file->text("LLMROUTE_T") == "from-environment");
    CHECK(Environment{}.text("LLMROUTE_T") == "from-environment");
  }
  {
    const Variable empty("LLMROUTE_T", "");
    CHECK(file->key("LLMROUTE_T").empty());
  }
  CHECK(Environment{}.key("LLMROUTE_T").empty());
  CHECK(file->key("").empty());
}

TEST_CASE("a file of variables is read where it is asked for, and one that cannot be read says so") {
  const auto folder = std::filesystem::temp_directory_path() / ("llmroute-env-" + std::to_string(tests::seed()));
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "keys.env").string();
  CHECK_THAT(providers::env_file(path).error().message, ContainsSubstring(path) && ContainsSubstring("no such file"));
  std::ofstream(path, std::ios::binary) << "A=1\r\nexport LLMROUTE_T='k'\r\n";
  const auto file = providers::env_file(path);
  REQUIRE(file);
  CHECK(file->text("LLMROUTE_T") == "k");
  std::ofstream(path, std::ios::binary) << "A=1\nnonsense\n";
  CHECK_THAT(providers::env_file(path).error().message, ContainsSubstring(path + ":2:"));
  std::ofstream(path, std::ios::binary) << std::string((std::size_t{1} << 20) + 1, '\n');
  CHECK_THAT(providers::env_file(path).error().message, ContainsSubstring("larger than 1 MiB"));
  CHECK_FALSE(providers::env_file(folder.string()));
  std::filesystem::remove_all(folder);
}

TEST_CASE("an environment cannot be printed") {
  STATIC_REQUIRE_FALSE(std::is_convertible_v<Environment, std::string>);
  const auto printable = [](const auto& value) { return requires(std::ofstream& out) { out << value; }; };
  CHECK_FALSE(printable(Environment{}));
}
