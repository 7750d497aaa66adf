// SPDX-License-Identifier: MIT
// Ids of tool calls when a conversation goes on at another vendor: some take nine letters and digits alone, some gave the
// same id twice or none at all.
#ifndef LLMROUTE_DIALECT_CALL_IDS_HPP
#define LLMROUTE_DIALECT_CALL_IDS_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "llmroute/chat.hpp"

namespace llmroute::dialect::detail {

inline bool is_taken(std::string_view id, const std::vector<ToolCall>& calls) noexcept {
  for (const ToolCall& call : calls)
    if (call.id == id) return true;
  return false;
}

/// For a call that came without one. Nine letters and digits, which every provider takes, should the conversation go on
/// elsewhere (Mistral takes no others); another one in each `reply`, as Anthropic wants them; the same each time that the
/// same is read.
inline void make_id(ToolCall& call, std::string_view reply, const std::vector<ToolCall>& others) {
  std::uint64_t hash = 14'695'981'039'346'656'037u;  // FNV-1a
  for (const std::string_view word : {reply, std::string_view(call.name), std::string_view(call.arguments)})
    for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211u;
  std::string id;
  do {
    id = "c";
    std::uint64_t rest = hash++ % 2'821'109'907'456u;  // 36 to the 8th
    for (int i = 0; i < 8; ++i, rest /= 36) id += "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36];
  } while (is_taken(id, others));
  call.id = id;
}

/// Which ids a vendor takes.
struct IdShape {
  std::string_view letters{};  ///< empty: whatever there is
  std::size_t least = 1;
  std::size_t most = 64;
};

inline constexpr std::string_view letters_digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

/// Gives each call of a conversation an id that its vendor takes, another one each, and its result the same. An id that
/// fits already stays.
class ShapedIds {
 public:
  explicit ShapedIds(IdShape shape) noexcept : shape_(shape) {}

  std::string of_call(std::string_view id) { return shaped(id, calls_); }
  /// Results of calls that have one id belong to them in their order.
  std::string of_result(std::string_view id) { return shaped(id, results_); }

 private:
  std::string shaped(std::string_view id, std::vector<std::string_view>& before) const {
    std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a: what is cut or replaced must not make two ids one
    const auto mix = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3U; };
    bool again = false;
    for (const std::string_view other : before)
      if (other == id) mix('#'), again = true;
    before.push_back(id);
    const bool fits = id.size() >= shape_.least && id.size() <= shape_.most &&
                      (shape_.letters.empty() || id.find_first_not_of(shape_.letters) == id.npos);
    if (fits && !again) return std::string(id);
    for (const char c : id) mix(static_cast<unsigned char>(c));
    constexpr std::string_view digits = letters_digits.substr(0, 62);
    constexpr std::size_t unique = 11;  // digits of base 62 that hold 64 bits
    std::string out;
    if (shape_.most > unique + 1) {  // some of the old one, so that people find it again
      out = id.empty() ? std::string_view("call") : id.substr(0, shape_.most - unique - 1);
      for (char& c : out)
        if (letters_digits.find(c) == letters_digits.npos) c = '_';
      out.push_back('_');
    }
    for (std::size_t i = 0; i < unique && out.size() < shape_.most; ++i, hash /= digits.size())
      out.push_back(digits[hash % digits.size()]);
    return out;
  }

  IdShape shape_;
  std::vector<std::string_view> calls_{}, results_{};
};

}  // namespace llmroute::dialect::detail

#endif
