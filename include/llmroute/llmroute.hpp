// SPDX-License-Identifier: MIT
// Everything but the HTTP clients in transport/ (`transport::from` is here) and the simulator in sim/.
#ifndef LLMROUTE_LLMROUTE_HPP
#define LLMROUTE_LLMROUTE_HPP

#include "llmroute/any_router.hpp"
#include "llmroute/config.hpp"
#include "llmroute/policy/budget/rules.hpp"
#include "llmroute/policy/model_map/prices.hpp"
#include "llmroute/policy/observer/log.hpp"
#include "llmroute/policy/observer/stats.hpp"
#include "llmroute/providers.hpp"
#include "llmroute/router.hpp"
#include "llmroute/transport/from.hpp"

#endif
