// expect: compiles
// Without a case that compiles, a wrong include path would make all others "fail as they must".
#include <llmroute/llmroute.hpp>

int main() { return sizeof(llmroute::Fleet) == 0; }
