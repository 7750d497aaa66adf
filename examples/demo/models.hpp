// SPDX-License-Identifier: MIT
// ModelMap: one name for a model, what each vendor calls it and charges for it, and a price that is corrected at run time.
#ifndef LLMROUTE_EXAMPLES_DEMO_MODELS_HPP
#define LLMROUTE_EXAMPLES_DEMO_MODELS_HPP

#include <iostream>
#include <string_view>

#include <llmroute/llmroute.hpp>
#include <llmroute/sim/network.hpp>
#include <llmroute/sim/world.hpp>

#include "print.hpp"

namespace demo {

inline void show_models() {
  using namespace llmroute;
  heading("What does each vendor call llama-3.1-8b, and what do 100 tokens in and 256 out cost there?");

  // Real vendors, which are never asked here: a price needs no key that works.
  const Fleet vendors{providers::openai({.key = "demo"}), providers::groq({.key = "demo"}),
                      providers::cerebras({.key = "demo"}), providers::together({.key = "demo"}),
                      providers::openrouter({.key = "demo"})};
  const ChatRequest request{.messages = "Name a river.", .model = "llama-3.1-8b", .max_tokens = 256};
  const Options options{.prompt_tokens = 100};

  sim::World nobody;
  const Router shipped{vendors, sim::Network{nobody}, sim::Clock{nobody}, ranking::Cheapest{}, models::Table{}};
  std::cout << shipped.explain(request, options);

  constexpr std::string_view news = R"({"models": {"llama-3.1-8b": {"together": {"input": 0.02, "output": 0.03}}}})";
  const Result<models::Table> corrected = models::parse(news);  // models::load("prices.json") reads a file
  if (!corrected) return void(std::cout << corrected.error() << '\n');
  const Router informed{vendors, sim::Network{nobody}, sim::Clock{nobody}, ranking::Cheapest{}, *corrected};
  const Result<Prospect> first = informed.select(request, options);
  std::cout << "with " << news << "\n";
  if (first) std::cout << "the cheapest is " << first->provider << ", $" << first->estimate << '\n';

  const Result<models::Table> mistaken = models::parse(R"({"models": {"llama-3.1-8b": {"groq": {"input": "five cents"}}}})");
  if (!mistaken) std::cout << "and a mistake is found: " << mistaken.error().message << '\n';
}

}  // namespace demo

#endif
