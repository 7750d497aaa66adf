// SPDX-License-Identifier: MIT
#include "llmroute/result.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "catch.hpp"

using namespace llmroute;

namespace {

Failure failure(std::string why) { return {.kind = Kind::rate_limited, .message = std::move(why)}; }

// Counts how many of it are alive: whoever forgets one, or destroys one twice, shows.
struct Alive {
  inline static int count = 0;
  int* heap = new int(7);  // a sanitizer sees the same
  Alive() { ++count; }
  Alive(const Alive& other) : heap(new int(*other.heap)) { ++count; }
  Alive(Alive&& other) noexcept : heap(std::exchange(other.heap, nullptr)) { ++count; }
  Alive& operator=(Alive) = delete;
  ~Alive() {
    delete heap;
    --count;
  }
};

struct ThrowsWhenCopied {
  ThrowsWhenCopied() = default;
  ThrowsWhenCopied(const ThrowsWhenCopied&) { throw 42; }
  ThrowsWhenCopied(ThrowsWhenCopied&&) noexcept {}
  std::string text = "kept";
};

template <class T>
T& itself(T& t) {  // a compiler that sees through a self-assignment warns
  return t;
}

Result<std::string> ask(bool works) {
  if (works) return std::string("a value that does not fit into a small string");
  return failure("a reason that does not fit into a small string");
}

}  // namespace

TEST_CASE("a result holds a value or the failure in its place") {
  const Result<std::string> good = ask(true), bad = ask(false);
  REQUIRE(good);
  CHECK(good.has_value());
  CHECK(*good == "a value that does not fit into a small string");
  CHECK(good->size() == 45);
  CHECK(good.value() == *good);
  REQUIRE_FALSE(bad);
  CHECK_FALSE(bad.has_value());
  CHECK(bad.error().kind == Kind::rate_limited);
  CHECK(bad.error().message == "a reason that does not fit into a small string");
}

TEST_CASE("a result can be copied and moved, whatever it holds") {
  for (bool works : {true, false}) {
    CAPTURE(works);
    Result<std::string> first = ask(works);
    Result<std::string> copy = first;
    CHECK(copy.has_value() == works);
    CHECK(first.has_value() == works);
    Result<std::string> moved = std::move(first);
    CHECK(moved.has_value() == works);
    CHECK((works ? *moved : moved.error().message) == (works ? *copy : copy.error().message));
  }
}

TEST_CASE("a result can be assigned over each other kind") {
  for (bool from : {true, false})
    for (bool to : {true, false}) {
      CAPTURE(from, to);
      Result<std::string> source = ask(from), target = ask(to);
      target = source;
      CHECK(target.has_value() == from);
      target = ask(to);
      CHECK(target.has_value() == to);
      target = std::move(source);
      CHECK(target.has_value() == from);
      CHECK((from ? target->size() : target.error().message.size()) == (from ? 45u : 46u));
    }
  Result<std::string> r = ask(false);
  r = std::string("plain");
  CHECK(*r == "plain");
  r = failure("again");
  CHECK(r.error().message == "again");
}

TEST_CASE("a result may be assigned to itself") {
  for (bool works : {true, false}) {
    CAPTURE(works);
    Result<std::string> r = ask(works);
    r = itself(r);
    CHECK((works ? r->size() : r.error().message.size()) == (works ? 45u : 46u));
    r = std::move(itself(r));
    CHECK((works ? r->size() : r.error().message.size()) == (works ? 45u : 46u));
  }
}

TEST_CASE("what a result holds is destroyed once") {
  const int before = Alive::count;
  {
    Result<Alive> a = Alive(), b = failure("no"), c = a;
    b = a;
    a = failure("no");
    a = itself(a);
    c = std::move(b);
    c = itself(c);
    std::swap(a, c);
    const Alive taken = *std::move(a);
    CHECK(Alive::count > before);
    CHECK(*taken.heap == 7);
  }
  CHECK(Alive::count == before);
}

TEST_CASE("a value whose copy throws leaves the result that was to receive it as it was") {
  Result<ThrowsWhenCopied> source = ThrowsWhenCopied(), target = ThrowsWhenCopied();
  CHECK_THROWS_AS(target = source, int);
  REQUIRE(target);
  CHECK(target->text == "kept");
  CHECK_THROWS_AS(Result<ThrowsWhenCopied>(source), int);
}

TEST_CASE("what can only be moved makes a result that can only be moved") {
  using R = Result<std::unique_ptr<int>>;
  R r = std::make_unique<int>(4);
  R moved = std::move(r);
  CHECK(**moved == 4);
  CHECK(*std::move(moved).value() == 4);
  STATIC_REQUIRE(!std::is_copy_constructible_v<R>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<R>);
  STATIC_REQUIRE(std::is_nothrow_move_assignable_v<R>);
  STATIC_REQUIRE(std::is_copy_constructible_v<Result<std::string>>);
}

TEST_CASE("asking a failure for its value throws, and what is thrown says why") {
  Result<std::string> bad = ask(false);
  const Result<std::string>& seen = bad;
  CHECK_THROWS_AS(bad.value(), BadResult);
  CHECK_THROWS_AS(seen.value(), BadResult);
  CHECK_THROWS_AS(ask(false).value(), BadResult);
  try {
    std::string unused = bad.value();
    FAIL("it did not throw");
  } catch (const std::exception& e) {
    CHECK_THAT(e.what(), ContainsSubstring("rate_limited") && ContainsSubstring("a reason that"));
    const auto* which = dynamic_cast<const BadResult*>(&e);
    REQUIRE(which != nullptr);
    CHECK(which->error().kind == Kind::rate_limited);
  }
  CHECK(bad.error().message.size() == 46);  // it is still there
}

TEST_CASE("a caller may bring a value of its own for a failure") {
  CHECK(ask(false).value_or("mine") == "mine");
  CHECK(ask(true).value_or("mine").size() == 45);
}

TEST_CASE("a result without a value is sound or says why not") {
  Result<void> fine, bad = failure("no");
  CHECK(fine);
  CHECK_NOTHROW(fine.value());
  CHECK_FALSE(bad);
  CHECK_THROWS_AS(bad.value(), BadResult);
  fine = bad;
  CHECK_FALSE(fine);
  CHECK(fine.error().message == "no");
  CHECK(std::move(bad).error().message == "no");
}

TEST_CASE("nothing but a value or a failure becomes a result by itself") {
  STATIC_REQUIRE(std::is_convertible_v<std::string, Result<std::string>>);
  STATIC_REQUIRE(std::is_convertible_v<Failure, Result<std::string>>);
  STATIC_REQUIRE(!std::is_convertible_v<Result<std::string>, bool>);  // only in a condition
  STATIC_REQUIRE(!std::is_default_constructible_v<Result<std::string>>);
  STATIC_REQUIRE(!std::is_convertible_v<int, Result<void>>);
}
