// harness: "Teapot" is not in the first ten lines
// expect: a teapot makes no coffee
// names: Teapot
struct Kettle {};
template <class T>
struct Brew {
  static_assert(sizeof(T) == 0, "a teapot makes no coffee");
};
Brew<Kettle> brew;
