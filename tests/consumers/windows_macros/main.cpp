// SPDX-License-Identifier: MIT
// The umbrella after the macros of <windows.h>, <X11/Xlib.h>, Unreal and Qt. The standard headers come first, as they do
// in such programs: it is our names that are tried, not theirs.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <compare>
#include <concepts>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// <windows.h>
#define ABSOLUTE 1
#define ALTERNATE 1
#define CALLBACK
#define CONST const
#define CreateFile CreateFileW
#define DELETE 0x00010000L
#define DIFFERENCE 11
#define DOMAIN 1
#define ERROR 0
#define ERROR_TIMEOUT 1460L
#define FAR
#define FALSE 0
#define GetCurrentTime() GetTickCount()
#define GetMessage GetMessageW
#define GetObject GetObjectW
#define IGNORE 0
#define IN
#define INFINITE 0xFFFFFFFF
#define NEAR
#define NO_ERROR 0L
#define NULL_BRUSH 5
#define OPAQUE 2
#define OPTIONAL
#define OUT
#define OVERFLOW 3
#define PASCAL
#define RELATIVE 2
#define SendMessage SendMessageW
#define STRICT 1
#define TRANSPARENT 1
#define TRUE 1
#define VOID void
#define far
#define interface struct
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define near
#define pascal
#define small char

// <X11/Xlib.h>
#define Above 0
#define Always 2
#define Below 1
#define Bool int
#define Complex 0
#define Convex 2
#define CurrentTime 0L
#define DestroyAll 0
#define Expose 12
#define False 0
#define None 0L
#define Success 0
#define Status int
#define True 1
#define Unsorted 0

// Unreal Engine
#define PI (3.14f)
#define TEXT(x) L##x
#define check(x) ((void)(x))
#define checkf(x, ...) ((void)(x))
#define ensure(x) (!!(x))
#define verify(x) ((void)(x))
#define verifyf(x, ...) ((void)(x))

// Qt
#define emit
#define foreach(variable, container) for (variable : container)
#define forever for (;;)
#define signals public
#define slots

// POSIX: what <unistd.h>, <sys/types.h> and <signal.h> have defined here and there
#define major(x) (x)
#define minor(x) (x)
#define linux 1
#define unix 1

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "../program.hpp"

int main() { return route_once(); }
