// SPDX-License-Identifier: MIT
// Tells kinds of tasks apart by the words in them: code from small talk, a design from a definition.
//
// When to use: to send easy questions to cheap models without measuring anything first.
// Not provided: word stems, other languages than those of the lists, anything learned.
//
// Looked at: the text parts of the last user turn. System prompts, tools and earlier turns say what the application is, not
// what is wanted now. The categories are asked in order, and the first that matches is the answer; the last one takes what is
// left. Each of its words counts once, however often it occurs; a word is a whole word, so that "debugging" is not "debug".
//
// | asked in this order | default rule                                                 | difficulty |
// |---------------------|--------------------------------------------------------------|------------|
// | complex             | two of its words, or more than 500 characters                | 0.9        |
// | code                | two of its words                                             | 0.6        |
// | simple              | one of its words, and fewer than 200 characters              | 0.1        |
// | medium              | what is left                                                 | 0.4        |
//
// Confidence is n / (n + 1) for n words found; a length alone says 0.5, and what is left 0.
#ifndef LLMROUTE_POLICY_CLASSIFIER_KEYWORDS_HPP
#define LLMROUTE_POLICY_CLASSIFIER_KEYWORDS_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/chat.hpp"
#include "llmroute/policy/query.hpp"

namespace llmroute::classify {

/// One kind of task. Its texts are borrowed: literals outlive every classifier.
struct Category {
  std::string_view name{};
  std::string_view words{};        ///< separated by commas: "refund, invoice, terms of service"; ASCII letters in either case
  int hits = 1;                    ///< how many different ones it takes
  std::uint32_t shorter_than = 0;  ///< characters; 0: of any length
  std::uint32_t longer_than = 0;   ///< a text of more characters is of this category whatever it says; 0: none is
  float difficulty = 0;            ///< 0 to 1, for policies that ask
};

namespace detail {

inline constexpr std::string_view complex_words =
    "analyze, analyse, compare, evaluate, design, architect, architecture, explain why, trade-off, trade-offs, optimize, "
    "optimise, strategy, distributed, scalable, scalability, fault-tolerant, high availability";
inline constexpr std::string_view code_words =
    "function, debug, error, implement, fix, refactor, code, variable, async, class, import, undefined, exception, bug, "
    "compile, segfault, stack trace, traceback, unit test, null pointer";
inline constexpr std::string_view simple_words = "what is, how to, define, list, when, where, who, convert, format";

inline constexpr Category default_categories[]{
    {.name = "complex", .words = complex_words, .hits = 2, .longer_than = 500, .difficulty = 0.9f},
    {.name = "code", .words = code_words, .hits = 2, .difficulty = 0.6f},
    {.name = "simple", .words = simple_words, .hits = 1, .shorter_than = 200, .difficulty = 0.1f},
    {.name = "medium", .difficulty = 0.4f},
};
inline constexpr std::string_view default_names[]{"complex", "code", "simple", "medium"};

}  // namespace detail

/// The categories in the order in which they are asked: the default ones, or one's own, at most 256.
class Categories {
 public:
  Categories() noexcept = default;
  Categories(std::initializer_list<Category> own) : Categories(std::vector<Category>(own)) {}
  Categories(std::vector<Category> own) : own_(std::move(own)) {
    if (own_.size() > 256) own_.resize(256);
    for (const Category& c : own_) names_.push_back(c.name);
  }

  std::span<const Category> all() const noexcept {
    if (own_.empty()) return detail::default_categories;
    return own_;
  }
  std::span<const std::string_view> names() const noexcept {
    if (own_.empty()) return detail::default_names;
    return names_;
  }

 private:
  std::vector<Category> own_;
  std::vector<std::string_view> names_;
};

/// `Keywords{}`, or `Keywords{{{.name = "legal", .words = "contract, liability", .hits = 2}, {.name = "other"}}}`.
struct Keywords {
  Categories categories{};

  std::span<const std::string_view> names() const noexcept { return categories.names(); }

  Judgement classify(const ChatRequest& request) const noexcept {
    const Message* turn = nullptr;
    for (const Message& m : request.messages)
      if (m.role == Message::Role::user) turn = &m;

    const std::span<const Category> all = categories.all();
    const Glance seen = turn == nullptr ? Glance{} : glance(*turn);
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
      const Category& c = all[i];
      if (c.longer_than != 0 && seen.characters > c.longer_than) return answer(i, 0.5f);
      if (c.shorter_than != 0 && seen.characters >= c.shorter_than) continue;
      const int found = hits(turn, seen, c.words);
      if (found > 0 && found >= c.hits) return answer(i, static_cast<float>(found) / static_cast<float>(found + 1));
    }
    return answer(all.size() - 1, 0);
  }

 private:
  Judgement answer(std::size_t category, float confidence) const noexcept {
    Judgement j;
    j.category = static_cast<std::uint8_t>(category);
    j.confidence = confidence;
    j.difficulty = categories.all()[category].difficulty;
    return j;
  }

  /// What one pass over the text tells: most words of a list need not be looked for, as no word begins like them.
  struct Glance {
    std::size_t characters = 0;  // not bytes
    std::uint32_t initials = 0;
  };
  static Glance glance(const Message& turn) noexcept {
    Glance g;
    for (const Part& part : turn.parts) {
      if (part.is_image()) continue;
      const std::string_view text = part.content;
      for (std::size_t i = 0; i < text.size(); ++i) {
        if (continues(text[i])) continue;
        ++g.characters;
        if (!letter_before(text, i)) g.initials |= initial(text[i]);
      }
    }
    return g;
  }

  static int hits(const Message* turn, Glance seen, std::string_view words) noexcept {
    int n = 0;
    while (turn != nullptr && !words.empty()) {
      const std::size_t comma = words.find(',');
      const std::string_view word = trimmed(words.substr(0, comma));
      words.remove_prefix(comma == words.npos ? words.size() : comma + 1);
      if (!word.empty() && (seen.initials & initial(word.front())) != 0 && holds(*turn, word)) ++n;
    }
    return n;
  }
  static bool holds(const Message& turn, std::string_view word) noexcept {
    for (const Part& part : turn.parts)
      if (!part.is_image() && holds(std::string_view(part.content), word)) return true;
    return false;
  }
  static bool holds(std::string_view text, std::string_view word) noexcept {
    const char first = lower(word.front());
    for (std::size_t i = 0; i < text.size(); ++i)
      if (lower(text[i]) == first && !letter_before(text, i) && begins(text.substr(i), word)) return true;
    return false;
  }
  // A space in `word` stands for any white space, and a word ends where it ends.
  static bool begins(std::string_view text, std::string_view word) noexcept {
    std::size_t i = 0;
    bool spaced = false;
    for (char c : word) {
      if (std::exchange(spaced, blank(c)) && spaced) continue;
      if (spaced) {
        if (i >= text.size() || !blank(text[i])) return false;
        while (i < text.size() && blank(text[i])) ++i;
      } else {
        if (i >= text.size() || lower(text[i]) != lower(c)) return false;
        ++i;
      }
    }
    return i >= text.size() || !letter(text[i]);
  }

  static std::string_view trimmed(std::string_view s) noexcept {
    while (!s.empty() && blank(s.front())) s.remove_prefix(1);
    while (!s.empty() && blank(s.back())) s.remove_suffix(1);
    return s;
  }
  static constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
  static constexpr bool blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }
  static constexpr bool continues(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
  // Of UTF-8 the two-byte letters join words, as in "définé"; what takes more bytes is punctuation, or needs no spaces.
  static constexpr bool letter(char c) noexcept {
    const auto u = static_cast<unsigned char>(c);
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || (u >= 0xC3 && u <= 0xDF);
  }
  static bool letter_before(std::string_view text, std::size_t i) noexcept {
    if (i == 0) return false;
    --i;
    while (i > 0 && continues(text[i])) --i;
    return letter(text[i]);
  }
  static constexpr std::uint32_t initial(char c) noexcept {
    return lower(c) >= 'a' && lower(c) <= 'z' ? std::uint32_t{1} << (lower(c) - 'a') : std::uint32_t{1} << 31;
  }
};

}  // namespace llmroute::classify

#endif
