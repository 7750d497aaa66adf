// SPDX-License-Identifier: MIT
// Classifier: what kind of task a prompt is, by its words. One word alone is not enough to call something code.
#ifndef LLMROUTE_EXAMPLES_DEMO_CLASSIFIER_HPP
#define LLMROUTE_EXAMPLES_DEMO_CLASSIFIER_HPP

#include <iomanip>
#include <iostream>

#include <llmroute/llmroute.hpp>

#include "print.hpp"

namespace demo {

inline void show_classifier() {
  using namespace llmroute;
  heading("What kind of task is it? By its words, and how sure that is (0.00: no list claims it)");
  const auto judge = [](const classify::Keywords& keywords, const char* prompt) {
    const Judgement j = keywords.classify({.messages = prompt});
    std::cout << std::left << std::setw(9) << keywords.names()[j.category] << std::fixed << std::setprecision(2) << j.confidence
              << std::defaultfloat << "  " << prompt << '\n';
  };

  const classify::Keywords keywords;
  judge(keywords, "What is a closure in JavaScript?");
  judge(keywords, "Debug this async function");
  judge(keywords, "Design a distributed rate limiter that handles 10K requests/sec");
  judge(keywords, "Can you analyze the function of mitochondria in cell biology?");
  judge(keywords, "Write a haiku about debugging");

  const classify::Keywords of_my_own{{{.name = "legal", .words = "contract, liability"}, {.name = "other"}}};
  judge(of_my_own, "Is this contract valid?");
}

}  // namespace demo

#endif
