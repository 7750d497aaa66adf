// SPDX-License-Identifier: MIT
// The library's version and the few macros that compilers force on it. Nothing here is meant for users but the version.
#ifndef LLMROUTE_CONFIG_HPP
#define LLMROUTE_CONFIG_HPP

#define LLMROUTE_VERSION_MAJOR 0
#define LLMROUTE_VERSION_MINOR 1
#define LLMROUTE_VERSION_PATCH 0

#if defined(_MSC_VER)
#define LLMROUTE_NO_UNIQUE_ADDRESS [[msvc::no_unique_address]]
#else
#define LLMROUTE_NO_UNIQUE_ADDRESS [[no_unique_address]]
#endif

#if defined(__cpp_exceptions)
#define LLMROUTE_EXCEPTIONS 1
#else
#define LLMROUTE_EXCEPTIONS 0
#endif

#endif
