// SPDX-License-Identifier: MIT
// Catch2 2 or 3, whichever is there, reduced to what both have: TEST_CASE, TEMPLATE_TEST_CASE, SECTION, CHECK, REQUIRE,
// STATIC_REQUIRE, CHECK_THAT, GENERATE, INFO, CAPTURE, WARN, Approx, ContainsSubstring, and seed().
#ifndef LLMROUTE_TESTS_CATCH_HPP
#define LLMROUTE_TESTS_CATCH_HPP

// A failed STATIC_REQUIRE stops the build in both; Catch must not turn it into a check at run time because of a flag.
#undef CATCH_CONFIG_RUNTIME_STATIC_REQUIRE

#include <cstdint>
#include <string>

#if __has_include(<catch2/catch_test_macros.hpp>)

#include <catch2/catch_approx.hpp>
#include <catch2/catch_get_random_seed.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

namespace tests {
inline std::uint32_t seed() { return Catch::getSeed(); }
}  // namespace tests

#else

#include <catch2/catch.hpp>

inline auto ContainsSubstring(const std::string& part) { return Catch::Matchers::Contains(part); }

namespace tests {
/// What `--rng-seed N` says; tests that draw print it with INFO, so that a failure can be had again.
inline std::uint32_t seed() { return Catch::rngSeed(); }
}  // namespace tests

#endif

#endif
