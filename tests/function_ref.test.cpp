// SPDX-License-Identifier: MIT
#include "llmroute/function_ref.hpp"

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "catch.hpp"

using llmroute::FunctionRef;

namespace {

int twice(int n) { return 2 * n; }
int calls = 0;
void note() noexcept { ++calls; }

struct Counter {
  int count = 0;
  int operator()(int by) { return count += by; }
};
struct OnlyConst {
  std::string operator()(const std::string& s) const { return s + "!"; }
  std::string operator()(const std::string&) = delete;
};

int call_with_one(FunctionRef<int(int)> f) { return f(1); }

}  // namespace

TEST_CASE("an empty function reference knows that it is empty") {
  CHECK_FALSE(FunctionRef<void()>());
  CHECK_FALSE(FunctionRef<void()>{});
  CHECK(FunctionRef<int(int)>(twice));
}

TEST_CASE("lambdas, const lambdas and lambdas with a state can be borrowed") {
  int seen = 0;
  auto changes = [&seen, own = 0](int n) mutable { return seen = own += n; };
  const auto constant = [&seen](int n) { return seen + n; };
  const FunctionRef<int(int)> f = changes;
  CHECK(f(2) == 2);
  CHECK(f(3) == 5);
  CHECK(seen == 5);
  CHECK(FunctionRef<int(int)>(constant)(1) == 6);
  CHECK(call_with_one([](int n) { return n - 1; }) == 0);
}

TEST_CASE("a function object is called where it lies, not copied") {
  Counter counter;
  FunctionRef<int(int)> f = counter;
  f(2);
  const FunctionRef<int(int)> same = f;
  same(3);
  CHECK(counter.count == 5);
  f = twice;
  CHECK(f(4) == 8);
  CHECK(counter.count == 5);
}

TEST_CASE("a const object is called as a const object") {
  const OnlyConst object;
  CHECK(FunctionRef<std::string(const std::string&)>(object)("yes") == "yes!");
}

TEST_CASE("functions and pointers to them can be borrowed") {
  const FunctionRef<int(int)> by_name = twice;
  CHECK(by_name(21) == 42);
  int (*pointer)(int) = twice;
  CHECK(FunctionRef<int(int)>(pointer)(4) == 8);
  const int before = calls;
  FunctionRef<void()> nothing = note;
  nothing();
  CHECK(calls == before + 1);
}

TEST_CASE("a result that nobody asked for is dropped") {
  int seen = 0;
  auto returns = [&](int n) { return seen = n; };
  const FunctionRef<void(int)> f = returns;
  f(7);
  CHECK(seen == 7);
}

TEST_CASE("a result becomes what the signature says") {
  auto wide = [] { return "text"; };
  CHECK(FunctionRef<std::string()>(wide)() == "text");
}

TEST_CASE("arguments are handed on as they came") {
  auto takes = [](std::unique_ptr<int> p, int& counted) {
    ++counted;
    return *p;
  };
  int counted = 0;
  CHECK(FunctionRef<int(std::unique_ptr<int>, int&)>(takes)(std::make_unique<int>(9), counted) == 9);
  CHECK(counted == 1);
}

TEST_CASE("the raw form calls with the object that it was given") {
  Counter counter;
  const FunctionRef<int(int)> f(&counter, [](void* o, int n) { return static_cast<Counter*>(o)->count = n; });
  CHECK(f(5) == 5);
  CHECK(counter.count == 5);
}

TEST_CASE("a function reference is two words, and refuses what it could not call") {
  using Ref = FunctionRef<int(std::string)>;
  STATIC_REQUIRE(sizeof(Ref) == 2 * sizeof(void*));
  STATIC_REQUIRE(std::is_trivially_copyable_v<Ref>);
  STATIC_REQUIRE(!std::is_constructible_v<Ref, int>);
  STATIC_REQUIRE(!std::is_constructible_v<Ref, int (*)(int*)>);
  STATIC_REQUIRE(!std::is_constructible_v<Ref, std::string (*)(std::string)>);
  STATIC_REQUIRE(std::is_constructible_v<Ref, long (*)(const std::string&)>);
}
