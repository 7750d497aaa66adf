// SPDX-License-Identifier: MIT
// The umbrella once more, in every test program: a function in a header that forgot `inline` is then defined twice.
#include <llmroute/llmroute.hpp>
