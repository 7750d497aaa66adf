// SPDX-License-Identifier: MIT
// Asks the vendors whose keys are in the environment, the cheapest first, and prints the answer as it is made; at the end, who
// gave it. Without a key it asks stand-ins on this machine, over HTTP all the same. `./dev chat` runs it.
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <llmroute/llmroute.hpp>
#include <llmroute/transport/curl.hpp>

#include "stand_ins.hpp"

using namespace llmroute;

int main(int argc, char** argv) {
  ChatRequest request;
  std::string prompt;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--model" && i + 1 < argc) request.model = argv[++i];
    else if (word == "--system" && i + 1 < argc) request.messages.push_back(Message::system(argv[++i]));
    else if (word.starts_with("--")) return std::cerr << "usage: curl_chat [--model M] [--system TEXT] [question]\n", 2;
    else prompt.append(prompt.empty() ? "" : " ").append(word);
  }
  request.messages.push_back(Message::user(prompt.empty() ? "Why is the sky blue?" : prompt));

  Fleet fleet = providers::from_environment();
  std::optional<StandIns> stand_ins;
  if (fleet.providers().empty()) {
    std::cerr << "(no key such as GROQ_API_KEY is set: stand-ins on this machine are asked)\n";
    fleet = stand_ins.emplace().fleet();
  }
  Router router{std::move(fleet), transport::Curl{}, ranking::Cheapest{}, retry::Off{}};  // each is asked once

  const Result<Reply> reply = router.stream(request, [](const Delta& piece) {
    if (piece.what == Delta::What::text) std::cout << piece.text << std::flush;
  });
  if (reply || !reply.error().partial.empty()) std::cout << '\n';
  if (!reply) return std::cerr << reply.error() << '\n', 1;

  std::cerr << "-- " << reply->provider << ", " << reply->model << ", " << reply->latency << ", first word after "
            << reply->first_content << ", " << reply->usage.prompt << " + " << reply->usage.completion << " tokens, "
            << (reply->cost.known() ? "$" : "cost ") << reply->cost;
  for (const TrailEntry& attempt : reply->trail)
    if (attempt.ending == Ending::failed) std::cerr << "; " << attempt.provider << " failed: " << attempt.kind;
  std::cerr << '\n';
}
