// harness: "a teapot makes no coffee" is not in the first ten lines
// expect: a teapot makes no coffee
static_assert(false, "out of beans");
