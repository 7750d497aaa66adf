// expect: this_is_no_amount_of_dollars
#include <llmroute/llmroute.hpp>

int main() { return llmroute::dollars("2 cents").nanos() > 0; }
