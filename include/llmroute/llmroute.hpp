// SPDX-License-Identifier: MIT
// Everything but the HTTP clients in transport/ (`transport::from` is here) and the simulator in sim/.
#ifndef LLMROUTE_LLMROUTE_HPP
#define LLMROUTE_LLMROUTE_HPP

#include "llmroute/any_router.hpp"
#include "llmroute/config.hpp"
#include "llmroute/providers.hpp"
#include "llmroute/router.hpp"
#include "llmroute/transport/from.hpp"

#endif
