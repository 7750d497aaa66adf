// SPDX-License-Identifier: MIT
// What one provider charges for one model, and what that model can do.
#ifndef LLMROUTE_OFFER_HPP
#define LLMROUTE_OFFER_HPP

#include <cstdint>
#include <string>
#include <string_view>

#include "llmroute/money.hpp"
#include "llmroute/provider.hpp"

namespace llmroute {

/// What a provider calls a model, in two borrowed pieces that are joined only when they are written.
struct ModelName {
  std::string_view prefix{};
  std::string_view rest{};

  bool empty() const noexcept { return prefix.empty() && rest.empty(); }
  std::string text() const { return std::string(prefix).append(rest); }
  friend bool operator==(const ModelName& a, std::string_view b) noexcept {
    return b.size() == a.prefix.size() + a.rest.size() && b.substr(0, a.prefix.size()) == a.prefix &&
           b.substr(a.prefix.size()) == a.rest;
  }
};

struct Offer {
  ModelName model{};
  Price price{};
  std::int64_t window = 0;      ///< context tokens; 0: not known
  std::int64_t max_output = 0;  ///< completion tokens; 0: not known
  Capabilities capabilities = Capabilities::assumed();

  /// What a provider's own fields say of a model that nobody listed.
  static Offer assumed(ModelName model, const Provider& p) noexcept {
    return {.model = model, .price = p.price, .window = p.window, .capabilities = p.capabilities};
  }
};

}  // namespace llmroute

#endif
