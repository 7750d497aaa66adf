// SPDX-License-Identifier: MIT
// Sends each kind of task to the providers that are good at it: a classifier tells the kinds apart, a ranking reads what it says.
#include <iostream>

#include "here.hpp"

using namespace llmroute;

int main(int argc, char** argv) {
  Here here(argc, argv);
  // Categories of one's own go before the usual ones; what no list names is ordered by the providers' strengths.
  std::vector<classify::Category> categories{{.name = "legal", .words = "contract, liability, terms of service"}};
  for (const classify::Category& usual : classify::Categories{}.all()) categories.push_back(usual);

  Router router{here.fleet(), here.transport(), here.clock(), classify::Keywords{categories},
                ranking::ByCategory{{{"legal", {"universal", "anthropic", "openai"}}}}};

  for (const char* prompt :
       {"What is a closure in JavaScript?", "Debug this async function", "Is this contract valid?",
        "Design a distributed rate limiter that handles 10K requests/sec", "Write a haiku about debugging"}) {
    const Result<Reply> reply = router.complete({.messages = prompt, .max_tokens = 30});
    if (!reply) return std::cerr << reply.error() << '\n', 1;
    std::cout << reply->category << ": " << reply->provider << "  <- " << prompt << '\n';
  }

  // A request may say what it is; then nobody is asked.
  const Result<Reply> said = router.complete({.messages = "Please summarise.", .max_tokens = 30}, {.category = "legal"});
  if (!said) return std::cerr << said.error() << '\n', 1;
  std::cout << said->category << ": " << said->provider << "  <- as the caller said\n";
  return said->category == "legal" ? 0 : 1;
}
