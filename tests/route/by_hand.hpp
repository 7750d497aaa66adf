// SPDX-License-Identifier: MIT
// What tests that drive an exchange by hand have in common: it sees no bytes, so neither transport nor clock does anything.
#ifndef LLMROUTE_TESTS_ROUTE_BY_HAND_HPP
#define LLMROUTE_TESTS_ROUTE_BY_HAND_HPP

#include <string>
#include <utility>

#include "llmroute/route/exchange.hpp"

namespace tests {

using namespace llmroute;

struct NoTransport {
  http::Done perform(const http::Call&) { return {}; }
};
struct StillClock {  // until somebody sets it
  Time time{};
  Time now() const { return time; }
};

template <class... Ps>
using BagWith = detail::Bag<NoTransport, StillClock, Ps...>;
template <class... Ps>
using CoreWith = Core<BagWith<Ps...>>;
template <class... Ps>
CoreWith<Ps...> core_of(Fleet fleet, Ps... policies) {
  return CoreWith<Ps...>(std::move(fleet), NoTransport{}, StillClock{}, std::move(policies)...);
}

inline Provider named(std::string name) {
  Provider p;
  p.url = "https://" + name + ".example/v1";
  p.name = std::move(name);
  p.key = Secret("sk-test");
  p.price = {per_million("1"), per_million("2"), {}};
  return p;
}

inline Ended failed(Kind kind, int status = 0, Duration retry_after = {}) {
  return {.kind = kind, .status = status, .retry_after = retry_after};
}
inline Ended good() { return {.ok = true, .status = 200, .usage = {.prompt = 100, .completion = 50, .reported = true}}; }

/// What a driver is told to do next: the provider that is sent to, or the word for anything else.
template <class X>
std::string told(X& x, Time now) {
  const Step s = x.next(now);
  switch (s.what) {
    case Step::Do::send: return std::string(x.provider(s.attempt).name);
    case Step::Do::cancel: return "cancel";
    case Step::Do::wait: return "wait";
    case Step::Do::finish: break;
  }
  return "finish";
}

}  // namespace tests

#endif
