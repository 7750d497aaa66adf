// harness: 2 errors, and it must be one
// expect: a teapot makes no coffee
static_assert(false, "a teapot makes no coffee");
static_assert(false, "out of beans; and of water [empty]");
