// SPDX-License-Identifier: MIT
// What a simulated provider is like, in a few readable lines, and what is counted of it.
#ifndef LLMROUTE_SIM_SCRIPT_HPP
#define LLMROUTE_SIM_SCRIPT_HPP

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "llmroute/money.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/sim/answer.hpp"
#include "llmroute/time.hpp"

namespace llmroute::sim {

/// A time in which a provider is not itself. Answers that had begun before it are not touched.
struct Outage {
  enum How : std::uint8_t {
    refuses,      ///< no connection, said at once
    unreachable,  ///< no connection, and nobody says so
    hangs,        ///< takes the request and stays silent
    answers       ///< with the error `status`
  };
  Duration from{};  ///< since the beginning of the world
  Duration until = endless;
  How how = refuses;
  int status = 503;
};

/// What a provider is like, in a few readable lines. Whatever is left alone is an ordinary provider that never fails.
struct Script {
  std::string name{};
  std::string url{};  ///< empty: "https://<name>.sim/v1"
  std::string key{};  ///< empty: one is made up
  std::string vendor{};
  std::string model{};                ///< for requests that name none
  std::vector<std::string> models{};  ///< that it serves besides; empty: whatever it is asked for

  Duration round_trip = std::chrono::milliseconds(20);      ///< until errors and the head of a stream are there
  Duration first_content = std::chrono::milliseconds(300);  ///< since the request came
  double tokens_per_second = 100;                           ///< after that; 0: all at once
  double jitter = 0;                                        ///< 0.3: each of these times varies by up to 30 %
  std::int64_t reply_tokens = 40;                           ///< half as many to half as many more, if max_tokens allows
  std::int64_t tokens_per_piece = 4;                        ///< of a stream

  Price price{};
  std::int64_t window = 0;         ///< context tokens; beyond it: 400 context_length_exceeded. 0: no end
  double requests_per_minute = 0;  ///< beyond it: 429 with its fields. A bucket that fills evenly. 0: no limit
  double failure_rate = 0;         ///< this share of the requests fails,
  std::vector<int> failures{500};  ///< with one of these; 0: the connection breaks before an answer
  std::vector<Outage> outages{};

  std::vector<std::string> tags{};
  std::vector<std::string> strengths{};
  std::string region{};
  Capabilities capabilities = Capabilities::assumed();
  double weight = 1;
  int order = 0;
};

/// What a provider has seen and done so far.
struct Counters {
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;  ///< with a 2xx
  std::uint64_t refused = 0;   ///< with a 4xx
  std::uint64_t limited = 0;   ///< those of them that were a 429
  std::uint64_t failed = 0;    ///< with anything else, or with no answer at all
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  Money billed{};  ///< an answer that nobody reads to its end is billed as a whole
  int in_flight = 0;
  int most_in_flight = 0;
};

/// The last request that came.
struct Received {
  std::string method{};
  std::string url{};
  std::vector<std::pair<std::string, std::string>> fields{};
  std::string body{};
};

}  // namespace llmroute::sim

#endif
