// harness: as expected: a teapot makes no coffee
// expect: a teapot makes no coffee
// names: Teapot
struct Teapot {};
template <class T>
struct Brew {
  static_assert(sizeof(T) == 0, "a teapot makes no coffee");
};
Brew<Teapot> brew;
