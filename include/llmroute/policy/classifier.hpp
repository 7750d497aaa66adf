// SPDX-License-Identifier: MIT
// Classifier: what kind of task is this?
//
// | expression            | result                  | when                                                        |
// |-----------------------|-------------------------|-------------------------------------------------------------|
// | `c.classify(request)` | Judgement               | once a request, unless the caller named the category        |
// | `c.names()`           | span<const string_view> | optional: what the categories are called                    |
//
// | available  | when to use                                                                                            |
// |------------|--------------------------------------------------------------------------------------------------------|
// | `Off`      | nobody reads the category, or every request names its own; the default                                 |
// | `Keywords` | kinds of tasks differ by their words; lists, minimum hits and length limits are fields                  |
//
// Not provided: anything learned.
#ifndef LLMROUTE_POLICY_CLASSIFIER_HPP
#define LLMROUTE_POLICY_CLASSIFIER_HPP

#include <concepts>
#include <span>
#include <string_view>

#include "llmroute/policy/query.hpp"

namespace llmroute {

template <class T>
concept Classifier = requires(const T& t, const ChatRequest& r) {
  { t.classify(r) } -> std::convertible_to<Judgement>;
};

template <class T>
concept NamesCategories = requires(const T& t) {
  { t.names() } -> std::convertible_to<std::span<const std::string_view>>;
};

namespace classify {
struct Off {
  Judgement classify(const ChatRequest&) const noexcept { return {}; }
};
}  // namespace classify

}  // namespace llmroute

#include "llmroute/policy/classifier/keywords.hpp"

#endif
