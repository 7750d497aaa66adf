// SPDX-License-Identifier: MIT
#include "llmroute/secret.hpp"

#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "catch.hpp"

using llmroute::Secret;
using llmroute::WipedText;
using namespace std::string_literals;

namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& t) { out << t; };
template <class T>
concept Comparable = requires(const T& a, const T& b) { a == b; } || requires(const T& a) { a == "key"; } ||
                     requires(const T& a, const T& b) { a < b; };

std::string sent(const Secret& s) {
  WipedText to;
  return s.append_to(to) ? std::string(to.view()) : "refused";
}

std::string from_function() { return "from-a-function"; }

template <class T>
T& itself(T& t) {
  return t;
}

// Whether `bytes` hold `key` or a piece of it that would help somebody.
bool holds_some_of(std::string_view bytes, std::string_view key) {
  for (std::size_t i = 0; i + 4 <= key.size(); ++i)
    if (bytes.find(key.substr(i, 4)) != bytes.npos) return true;
  return false;
}

}  // namespace

TEST_CASE("a secret cannot be printed, compared or read by accident") {
  STATIC_REQUIRE(!Printable<Secret>);
  STATIC_REQUIRE(!Printable<WipedText>);
  STATIC_REQUIRE(!Comparable<Secret>);
  STATIC_REQUIRE(!std::is_convertible_v<Secret, std::string>);
  STATIC_REQUIRE(!std::is_convertible_v<Secret, std::string_view>);
  STATIC_REQUIRE(!std::is_constructible_v<std::string, Secret>);
  STATIC_REQUIRE(!std::is_constructible_v<bool, Secret>);
  STATIC_REQUIRE(!std::is_copy_constructible_v<WipedText>);
  STATIC_REQUIRE(Printable<int>);  // the concept sees what can be printed
  STATIC_REQUIRE(Comparable<std::string>);
}

TEST_CASE("a secret is made from whatever holds a key") {
  const std::string text = "sk-123";
  CHECK(sent("sk-123") == "sk-123");
  CHECK(sent(text) == "sk-123");
  CHECK(sent(std::string_view(text)) == "sk-123");
  CHECK(sent(std::string(100, 'k')) == std::string(100, 'k'));
  CHECK(text == "sk-123");
}

TEST_CASE("no key is an empty secret, also where a variable is not set") {
  const char* unset = nullptr;
  for (const Secret& s : {Secret(), Secret(unset), Secret(""), Secret(""s), Secret(std::string_view())}) {
    CHECK(s.empty());
    CHECK_FALSE(s.asked());
    CHECK(s.problem().empty());
    CHECK(sent(s) == "refused");  // "Bearer " and nothing is not sent
  }
  CHECK_FALSE(Secret("k").empty());
}

TEST_CASE("a key that would break a header is refused, in words that do not quote it") {
  for (const std::string& key :
       {"sk-1\r\nX-Evil: 1"s, "sk-1\n"s, "\tsk-1"s, "sk-1\0"s, "\0sk-1"s, "sk-1\x7F"s, " sk-1"s, "sk-1 "s, "sk 1"s,
        "sk-\xC3\xA9"s, "\xEF\xBB\xBFsk-1"s, "sk-1\x80"s, "sk-1\xFF"s, "\x1Bsk-1"s}) {
    const Secret s(key);
    CAPTURE(key.size());
    CHECK_FALSE(s.problem().empty());
    CHECK_FALSE(holds_some_of(s.problem(), "sk-1"));
    CHECK(sent(s) == "refused");
    CHECK(sent(Secret([key] { return key; })) == "refused");
  }
  CHECK_THAT(std::string(Secret("sk-1\n").problem()), ContainsSubstring("control"));
  CHECK_THAT(std::string(Secret("sk-1\x7F").problem()), ContainsSubstring("control"));
  CHECK_THAT(std::string(Secret("sk-1 ").problem()), ContainsSubstring("space"));
  CHECK_THAT(std::string(Secret("sk-\xC3\xA9").problem()), ContainsSubstring("ASCII"));
  for (const char* key : {"sk-1", "!", "~", "a:b@c/d?e#f=\"\\{}"}) {
    CAPTURE(key);
    CHECK(Secret(key).problem().empty());
    CHECK(sent(key) == key);
  }
}

TEST_CASE("a refused key leaves what was there before it") {
  WipedText to;
  to.append("Bearer ");
  CHECK_FALSE(Secret("two\nlines").append_to(to));
  CHECK_FALSE(Secret([]() -> std::string { return {}; }).append_to(to));
  CHECK_FALSE(Secret([]() -> std::string { throw std::runtime_error("the key is sk-1"); }).append_to(to));
  CHECK(to.view() == "Bearer ");
  CHECK(Secret("sk-1").append_to(to));
  CHECK(to.view() == "Bearer sk-1");
}

TEST_CASE("a function is asked each time") {
  int asked = 0;
  const Secret s([&asked] { return "token-" + std::to_string(++asked); });
  CHECK(s.asked());
  CHECK_FALSE(s.empty());
  CHECK(s.problem().empty());
  CHECK(asked == 0);
  CHECK(sent(s) == "token-1");
  CHECK(sent(s) == "token-2");
}

TEST_CASE("a function that throws, whatever it throws, gives no key") {
  CHECK(sent(Secret([]() -> std::string { throw std::runtime_error("sk-1"); })) == "refused");
  CHECK(sent(Secret([]() -> std::string { throw 42; })) == "refused");
}

TEST_CASE("functions of all forms can be asked") {
  CHECK(sent(Secret(from_function)) == "from-a-function");
  CHECK(sent(Secret(&from_function)) == "from-a-function");
  CHECK(sent(Secret([] { return "a literal"s.substr(2); })) == "literal");
  CHECK(sent(Secret([] { return "char-pointer"; })) == "char-pointer");
  CHECK(sent(Secret([n = 0]() mutable { return std::to_string(++n); })) == "1");
  CHECK(sent(Secret([only = std::make_unique<std::string>("moved")] { return *only; })) == "moved");
}

TEST_CASE("a function that asks for a variable that is not set gives no key") {
  CHECK(sent(Secret([]() -> const char* { return nullptr; })) == "refused");
}

TEST_CASE("copies of a key live apart, copies of a function share it") {
  auto alive = std::make_shared<int>(0);
  {
    Secret fixed("sk-1"), copy = fixed;
    fixed = Secret("sk-2");
    CHECK(sent(copy) == "sk-1");
    CHECK(sent(fixed) == "sk-2");

    Secret function([alive] { return "t" + std::to_string(++*alive); });
    Secret shared = function;
    CHECK(sent(function) == "t1");
    CHECK(sent(shared) == "t2");
    function = Secret();
    CHECK(sent(shared) == "t3");
    fixed = shared;
    CHECK(sent(fixed) == "t4");
    CHECK(fixed.asked());
    shared = copy;
    CHECK(sent(shared) == "sk-1");
    CHECK_FALSE(shared.asked());
    CHECK(alive.use_count() == 2);
  }
  CHECK(alive.use_count() == 1);
}

TEST_CASE("a secret that was moved away is empty, and one assigned to itself is what it was") {
  Secret a("sk-1");
  Secret b = std::move(a);
  CHECK(a.empty());  // NOLINT: that is what is tested
  CHECK(sent(b) == "sk-1");
  b = itself(b);
  CHECK(sent(b) == "sk-1");
  b = std::move(itself(b));
  CHECK(sent(b) == "sk-1");
  Secret f([] { return "t"s; });
  f = itself(f);
  f = std::move(itself(f));
  CHECK(sent(f) == "t");
  std::swap(b, f);
  CHECK(sent(b) == "t");
  CHECK(sent(f) == "sk-1");
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Secret>);
  STATIC_REQUIRE(std::is_nothrow_move_assignable_v<Secret>);
}

TEST_CASE("two secrets are the same when key or function are") {
  const Secret a("sk-1"), f([] { return "sk-1"s; });
  CHECK(a.same_as(a));
  CHECK(a.same_as(Secret("sk-1")));
  CHECK_FALSE(a.same_as(Secret("sk-2")));
  CHECK_FALSE(a.same_as(Secret("Sk-1")));
  CHECK_FALSE(a.same_as(Secret("sk-11")));
  CHECK_FALSE(a.same_as(Secret()));
  CHECK_FALSE(a.same_as(f));
  CHECK(f.same_as(Secret(f)));
  CHECK_FALSE(f.same_as(Secret([] { return "sk-1"s; })));
  CHECK(Secret().same_as(Secret()));
}

TEST_CASE("the bytes of a key are overwritten") {
  char key[] = "sk-12345678";
  llmroute::detail::wipe(key, sizeof key);
  CHECK(std::string_view(key, sizeof key) == std::string(sizeof key, '\0'));

  for (std::size_t size : {11u, 400u}) {  // inside the string and on the heap
    std::string text = std::string(size, 'k') + "sk-12345678";
    text.resize(size / 2);  // the key lies behind the end now
    const char* bytes = text.data();
    const std::size_t capacity = text.capacity();
    llmroute::detail::wipe(text);
    CHECK(text.empty());
    REQUIRE(text.data() == bytes);
    CHECK(std::string_view(bytes, capacity).find_first_not_of('\0') == std::string_view::npos);
  }
}

TEST_CASE("a text that is to be wiped leaves nothing in the memory that it lay in") {
  constexpr std::string_view key = "sk-987654321abc";  // just short enough to lie inside a string
  alignas(WipedText) unsigned char room[sizeof(WipedText)] = {};
  const auto bytes = [&room] { return std::string_view(reinterpret_cast<const char*>(room), sizeof room); };
  auto* text = ::new (room) WipedText;
  text->append(key);
  const bool inside = holds_some_of(bytes(), key);
  SECTION("when it is destroyed") { std::destroy_at(text); }
  SECTION("when it is cleared") {
    text->clear();
    CHECK(text->view().empty());
    CHECK_FALSE(holds_some_of(bytes(), key));
    std::destroy_at(text);
  }
  SECTION("when it outgrows its room") {
    text->append(std::string(100, 'x'));
    CHECK_FALSE(holds_some_of(bytes(), key));
    CHECK(text->view().substr(0, key.size()) == key);
    std::destroy_at(text);
  }
  CHECK(inside);  // else this test has looked at nothing
  CHECK_FALSE(holds_some_of(bytes(), key));
}

TEST_CASE("a text that is to be wiped grows like a string, also by a piece of itself") {
  WipedText text;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string more(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26));
    text.append(more);
    expected += more;
    REQUIRE(text.view() == expected);
  }
  for (int i = 0; i < 4; ++i) {
    text.append(text.view());
    expected += std::string(expected);
    REQUIRE(text.view() == expected);
  }
  text.clear();
  CHECK(text.view().empty());
  text.append("again");
  CHECK(text.view() == "again");
}
