// SPDX-License-Identifier: MIT
// Simulated providers that follow a script: answers are made from what was really asked, with latencies, prices, rate limits,
// failures and outages, and the same seed gives the same ones.
#ifndef LLMROUTE_SIM_PROVIDER_HPP
#define LLMROUTE_SIM_PROVIDER_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/http.hpp"
#include "llmroute/money.hpp"
#include "llmroute/policy/query.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/sim/answer.hpp"
#include "llmroute/sim/script.hpp"
#include "llmroute/time.hpp"
#include "llmroute/usage.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/json_writer.hpp"

namespace llmroute::sim {

/// One provider of a world. What it answers depends on the seed, its name, how many requests it had before, and the
/// time at which this one came: not on what the rest of the world does.
class ScriptedProvider {
 public:
  ScriptedProvider(Script script, std::uint64_t seed) : script_(std::move(script)), seed_(mix(seed, hash(script_.name))) {
    std::string host;
    for (char c : script_.name) host += is_letter_or_digit(c) ? c : '-';
    if (script_.url.empty()) script_.url = "https://" + host + ".sim/v1";
    if (script_.key.empty()) script_.key = "sk-sim-" + host;
  }

  const Script& script() const noexcept { return script_; }
  /// To change while the world runs: a price, an outage, a key that was replaced.
  Script& script() noexcept { return script_; }

  /// As a fleet takes it.
  llmroute::Provider provider() const {
    llmroute::Provider p;
    p.name = script_.name;
    p.url = script_.url;
    p.vendor = script_.vendor;
    p.model = script_.model;
    p.key = Secret(script_.key);
    p.price = script_.price;
    p.expected_latency = script_.first_content;
    p.window = script_.window;
    p.capabilities = script_.capabilities;
    p.strengths = script_.strengths;
    p.tags = script_.tags;
    p.region = script_.region;
    p.weight = script_.weight;
    p.order = script_.order;
    return p;
  }

  /// Queues an answer that is given, whatever is asked, before the script goes on.
  ScriptedProvider& answer_with(Answer a) {
    queue_.push_back(std::move(a));
    return *this;
  }

  /// Decides all of an answer when its request arrives.
  Answer answer(const http::Request& request, Time now) {
    keep(request);
    const std::uint64_t ordinal = counters_.requests++;
    Answer a = decide(request, now, mix(seed_, ordinal));
    count(a);
    return a;
  }

  const Counters& counters() const noexcept { return counters_; }
  const Received& last_request() const noexcept { return last_; }

  /// For networks: a call is under way here, and is not any more.
  void call_began() noexcept {
    if (++counters_.in_flight > counters_.most_in_flight) counters_.most_in_flight = counters_.in_flight;
  }
  void call_ended() noexcept { --counters_.in_flight; }

  bool serves(std::string_view url) const noexcept {
    const std::string_view base = script_.url;
    return url.substr(0, base.size()) == base && (url.size() == base.size() || url[base.size()] == '/');
  }
  bool accepts_key_of(const http::Request& request) const noexcept {
    const auto value = http::find(request.fields, "authorization");
    return value && value->substr(0, 7) == "Bearer " && value->substr(7) == script_.key;
  }

 private:
  // What the draws of one request are for.
  enum Salt : std::uint64_t { fails, failure, at_head, at_first, length, identity, gaps = 100, words = 1u << 31 };

  // What a request says, as far as it matters here.
  struct Asked {
    std::string model{};
    std::optional<std::int64_t> max_tokens{};
    std::int64_t prompt_bytes = 0;
    bool stream = false;
    bool stream_options = false;
    bool usage_wanted = false;
    std::string problem{};
  };

  static constexpr bool is_letter_or_digit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }
  static constexpr std::uint64_t hash(std::string_view name) noexcept {
    std::uint64_t h = 0;
    for (char c : name) h = mix(h, static_cast<unsigned char>(c));
    return h;
  }

  // In integers, so that every compiler comes to the same nanosecond.
  Duration varied(Duration d, std::uint64_t bits) const noexcept {
    const std::int64_t share = static_cast<std::int64_t>(script_.jitter * 65536);
    const std::int64_t factor = 65536 + share * (2 * static_cast<std::int64_t>(bits >> 48) - 65535) / 65536;
    if (factor <= 0) return {};
    return d > std::chrono::hours(12) ? d : Duration(d.count() * factor / 65536);
  }

  Answer decide(const http::Request& request, Time now, std::uint64_t seed) {
    if (!queue_.empty()) {
      Answer a = std::move(queue_.front());
      queue_.erase(queue_.begin());
      return a;
    }
    const Duration soon = varied(script_.round_trip, mix(seed, at_head));
    for (const Outage& o : script_.outages) {
      if (now - Time{} < o.from || now - Time{} >= o.until) continue;
      switch (o.how) {
        case Outage::refuses: return Answer::refused().after(soon);
        case Outage::unreachable: return Answer::unreachable();
        case Outage::hangs: return Answer::hang();
        case Outage::answers: return failing_with(o.status).after(soon);
      }
    }
    int drawn = -1;
    if (!script_.failures.empty() && unit(mix(seed, fails)) < script_.failure_rate)
      drawn = script_.failures[mix(seed, failure) % script_.failures.size()];
    if (drawn == 0) return Answer::no_answer(http::Error::io, soon);

    Answer a = examined(request, now, seed, drawn);
    if (a.status >= 300) a.head = soon;
    if (script_.requests_per_minute > 0 && a.status != 401) a = limits_shown(std::move(a), now);
    a.fields.emplace_back("x-request-id", "req_" + hex(mix(seed, identity)));
    return a;
  }

  // In the order of a real gateway: where, who, how often, what; and only then whether the model behind it works.
  Answer examined(const http::Request& request, Time now, std::uint64_t seed, int drawn) {
    if (request.url.substr(script_.url.size()) != "/chat/completions") return Answer::error(404, {}, "Invalid URL.");
    if (request.method != "POST") return Answer::error(405, {}, "Only POST requests are accepted.");
    if (!http::find(request.fields, "authorization")) return Answer::error(401, {}, "You didn't provide an API key.");
    if (!accepts_key_of(request)) return Answer::error(401, "invalid_api_key", "Incorrect API key provided.");
    if (const Duration wait = admit(now); wait > Duration::zero()) return Answer::rate_limited(wait);

    Asked asked = read(request.body);
    if (!asked.problem.empty()) return Answer::error(400, {}, asked.problem);
    if (asked.model.empty()) asked.model = default_model();
    if (!serves_model(asked.model))
      return Answer::error(404, "model_not_found",
                           "The model `" + asked.model + "` does not exist or you do not have access to it.");
    const std::int64_t prompt = (asked.prompt_bytes + 3) / 4;
    if (script_.window > 0 && prompt + asked.max_tokens.value_or(0) > script_.window)
      return Answer::error(400, "context_length_exceeded",
                           "This model's maximum context length is " + std::to_string(script_.window) +
                               " tokens. However, your messages resulted in " + std::to_string(prompt) + " tokens.");
    if (drawn > 0) return failing_with(drawn);
    return completed(asked, prompt, now, seed);
  }

  static Answer failing_with(int status) {
    return status == 429 ? Answer::rate_limited(std::chrono::seconds(1)) : Answer::error(status);
  }
  static constexpr std::int64_t at_least(std::int64_t least, std::int64_t n) noexcept { return n < least ? least : n; }
  std::string_view default_model() const noexcept {
    if (!script_.model.empty()) return script_.model;
    return script_.models.empty() ? std::string_view("sim-model") : script_.models.front();
  }

  bool serves_model(std::string_view model) const noexcept {
    if (script_.models.empty() || model == script_.model) return true;
    for (const std::string& m : script_.models)
      if (m == model) return true;
    return false;
  }

  static Asked read(std::string_view body) {
    Asked asked;
    json::Reader in(body);
    std::size_t messages = 0;
    std::string problem;
    const auto content = [&] {
      asked.prompt_bytes += static_cast<std::int64_t>(in.text().size());
      in.array([&] {
        in.object([&](std::string_view key) {
          if (key == "text") asked.prompt_bytes += static_cast<std::int64_t>(in.text().size());
        });
      });
    };
    const auto message = [&] {
      bool role = false;
      in.object([&](std::string_view key) {
        if (key == "role") role = !in.text().empty();
        else if (key == "content") content();
      });
      if (!role) problem = "Missing required parameter: 'messages[" + std::to_string(messages) + "].role'.";
      ++messages;
    };
    const auto most = [&] {
      std::int64_t n = 0;
      asked.max_tokens = in.integer(n) ? n : 0;
    };
    const bool object = in.object([&](std::string_view key) {
      if (key == "model") in.text(asked.model);
      else if (key == "stream") in.boolean(asked.stream);
      else if ((key == "max_tokens" || key == "max_completion_tokens") && in.kind() != json::Kind::null) most();
      else if (key == "messages") in.array(message);
      else if (key == "stream_options") {
        asked.stream_options = in.object([&](std::string_view option) {
          if (option == "include_usage") in.boolean(asked.usage_wanted);
        });
      }
    });
    if (!object || !in.done()) problem = "We could not parse the JSON body of your request.";
    else if (messages == 0) problem = "Missing required parameter: 'messages'.";
    else if (asked.max_tokens.value_or(1) < 1) problem = "Invalid 'max_tokens': expected at least 1.";
    else if (asked.stream_options && !asked.stream)
      problem = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
    asked.problem = std::move(problem);
    return asked;
  }

  Answer completed(const Asked& asked, std::int64_t prompt, Time now, std::uint64_t seed) const {
    const std::int64_t usual = at_least(1, script_.reply_tokens);
    std::int64_t tokens = at_least(1, usual / 2);
    tokens += static_cast<std::int64_t>(mix(seed, length) % static_cast<std::uint64_t>(usual + 1));
    const bool cut = asked.max_tokens && *asked.max_tokens < tokens;
    if (cut) tokens = *asked.max_tokens;
    const std::string_view finish = cut ? "length" : "stop";
    const Usage usage{.prompt = prompt, .completion = tokens, .reported = true};
    const std::string id = "chatcmpl-" + hex(mix(seed, identity));
    const detail::Completion completion{id, asked.model, 1'700'000'000 + (now - Time{}) / std::chrono::seconds(1)};

    const Duration first = varied(script_.first_content, mix(seed, at_first));
    const double speed = script_.tokens_per_second;
    const Duration each = speed > 0 ? Duration(static_cast<std::int64_t>(1e9 / speed)) : Duration{};
    if (!asked.stream) {
      std::string text;
      for (std::int64_t i = 0; i < tokens; ++i) append_word(text, i, seed);
      const Duration rest = varied(each * (tokens - 1), mix(seed, gaps));
      return Answer::json(200, completion.whole(text, finish, usage)).after(first + rest).booked(usage);
    }
    Answer a = Answer::of_type("text/event-stream; charset=utf-8").booked(usage);
    a.head = shorter(varied(script_.round_trip, mix(seed, at_head)), first);
    a.chunks.push_back({{}, completion.role()});
    Duration wait = first - a.head;
    const std::int64_t step = at_least(1, script_.tokens_per_piece);
    for (std::int64_t i = 0; i < tokens; i += step) {
      std::string piece;
      std::int64_t n = 0;
      for (; n < step && i + n < tokens; ++n) append_word(piece, i + n, seed);
      if (i > 0) wait = varied(each * n, mix(seed, gaps + static_cast<std::uint64_t>(i)));
      a.chunks.push_back({wait, completion.piece(piece)});
    }
    a.chunks.push_back({{}, completion.finish(finish)});
    if (asked.usage_wanted) a.chunks.push_back({{}, completion.counts(usage)});
    a.chunks.push_back({{}, completion.done()});
    return a;
  }

  // Word for word a sentence without a meaning, each word a token: "Quiet rivers carry green letters."
  static void append_word(std::string& text, std::int64_t i, std::uint64_t seed) {
    constexpr std::string_view lists[3][8]{
        {"quiet", "bright", "small", "patient", "green", "early", "honest", "warm"},
        {"rivers", "lanterns", "teachers", "engines", "gardens", "letters", "harbours", "violins"},
        {"carry", "follow", "answer", "remember", "welcome", "repair", "outlast", "surround"}};
    constexpr std::array<std::size_t, 5> grammar{0, 1, 2, 0, 1};
    const auto place = static_cast<std::size_t>(i % 5);
    if (i > 0) text += ' ';
    const std::size_t begin = text.size();
    text += lists[grammar[place]][mix(seed, words + static_cast<std::uint64_t>(i)) % 8];
    if (place == 0) text[begin] = static_cast<char>(text[begin] - 'a' + 'A');
    if (place == 4) text += '.';
  }
  static std::string hex(std::uint64_t bits) {
    std::string text(16, '0');
    for (char& c : text) c = "0123456789abcdef"[bits & 15], bits >>= 4;
    return text;
  }

  // A bucket of one minute's requests that fills evenly, as the time at which it is full again (GCRA).
  Duration interval() const noexcept { return Duration(static_cast<std::int64_t>(6e10 / script_.requests_per_minute)); }
  std::int64_t burst() const noexcept { return at_least(1, static_cast<std::int64_t>(script_.requests_per_minute)); }
  Duration admit(Time now) noexcept {
    if (!(script_.requests_per_minute > 0)) return {};
    const Time full = (full_at_ < now ? now : full_at_) + interval();
    const Duration wait = full - now - interval() * burst();
    if (wait <= Duration::zero()) full_at_ = full;
    return wait;
  }
  Answer limits_shown(Answer a, Time now) const {
    const Duration until_full = full_at_ < now ? Duration{} : full_at_ - now;
    const std::int64_t remaining = burst() - (until_full + interval() - Duration(1)) / interval();
    a.fields.emplace_back("x-ratelimit-limit-requests", std::to_string(burst()));
    a.fields.emplace_back("x-ratelimit-remaining-requests", std::to_string(at_least(0, remaining)));
    a.fields.emplace_back("x-ratelimit-reset-requests", detail::go_duration(until_full));
    return a;
  }

  void keep(const http::Request& request) {
    last_.method.assign(request.method);
    last_.url.assign(request.url);
    last_.body.assign(request.body);
    last_.fields.clear();
    for (const http::Field& f : request.fields) last_.fields.emplace_back(f.name, f.value);
  }
  void count(const Answer& a) {
    if (a.status >= 200 && a.status < 300 && a.head != endless && a.connect != endless) ++counters_.answered;
    else if (a.status >= 400 && a.status < 500) ++counters_.refused;
    else ++counters_.failed;
    if (a.status == 429) ++counters_.limited;
    counters_.prompt_tokens += a.usage.prompt;
    counters_.completion_tokens += a.usage.completion;
    counters_.billed += script_.price.of(a.usage.prompt, a.usage.completion, a.usage.cached, a.usage.cache_written);
  }

  Script script_;
  std::uint64_t seed_;
  std::vector<Answer> queue_{};
  Time full_at_{};
  Counters counters_{};
  Received last_{};
};

}  // namespace llmroute::sim

#endif
