// harness: it must compile and does not
// expect: compiles
static_assert(false, "out of beans");
