// expect: per_million
// names: double
#include <llmroute/llmroute.hpp>

int main() { return llmroute::per_million(0.05).known(); }
