// SPDX-License-Identifier: MIT
// ModelMap: what does this provider call that model, and what does it cost?
//
// | expression                    | result          | when                                                                 |
// |-------------------------------|-----------------|----------------------------------------------------------------------|
// | `m.resolve(model, provider)`  | optional<Offer> | listed names once a fleet, others in each decision; nothing: not carried |
// | `m.each_model(visit)`         | void            | optional: the names that get a place, and health, of their own       |
//
// Views in an offer point into the map, or into `model`. Without `each_model` all models of a provider share one place.
//
// | available  | when to use                                                                                            |
// |------------|--------------------------------------------------------------------------------------------------------|
// | `Table`    | one logical name, each vendor's own name and price: the presets', rows of your own, and those of a JSON file with `models::load`; the default |
// | `Identity` | all providers know the same names                                                                      |
//
// Not provided: names by pattern.
#ifndef LLMROUTE_POLICY_MODEL_MAP_HPP
#define LLMROUTE_POLICY_MODEL_MAP_HPP

#include <concepts>
#include <optional>
#include <string_view>

#include "llmroute/function_ref.hpp"
#include "llmroute/offer.hpp"

namespace llmroute {

template <class T>
concept ModelMap = requires(const T& t, std::string_view model, const Provider& p) {
  { t.resolve(model, p) } -> std::same_as<std::optional<Offer>>;
};

template <class T>
concept Enumerable = ModelMap<T> && requires(const T& t, FunctionRef<void(std::string_view)> each) { t.each_model(each); };

namespace models {

/// Every provider is asked for the name as it stands.
struct Identity {
  std::optional<Offer> resolve(std::string_view model, const Provider& p) const noexcept {
    return Offer::assumed({{}, model}, p);
  }
};

}  // namespace models
}  // namespace llmroute

#include "llmroute/policy/model_map/table.hpp"

#endif
