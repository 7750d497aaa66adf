// harness: "a teapot makes no coffee" is not in the first ten lines
// expect: a teapot makes no coffee
#warning "out of beans"
#warning "out of water"
#warning "out of cups"
#warning "out of milk"
static_assert(false, "a teapot makes no coffee");
