// harness: it compiles and must not
// expect: a teapot makes no coffee
struct Teapot {};
