// SPDX-License-Identifier: MIT
// All that the rest of the program knows of its router.
#ifndef ONE_PLACE_ROUTER_HPP
#define ONE_PLACE_ROUTER_HPP

#include <llmroute/any_router.hpp>

llmroute::RouterRef router();

#endif
