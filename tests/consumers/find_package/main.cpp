// SPDX-License-Identifier: MIT
#include "../program.hpp"

int main() { return route_once(); }
