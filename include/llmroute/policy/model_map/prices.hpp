// SPDX-License-Identifier: MIT
// Names, prices and windows from a JSON file at run time, as rows of a `models::Table`. A price that changed is then
// corrected in a text file, and nothing is compiled again.
//
//     {"models": {
//       "llama-3.1-8b": {
//         "groq": {"input": 0.05, "output": "0.08"},
//         "my-server": {"name": "llama3.1:8b", "input": 0, "output": 0}
//       },
//       "house": {
//         "my-server": {
//           "comment": "list price of May, per thousand tokens",
//           "name": "house-v2.gguf", "per": "1k", "input": 2e-4, "output": 0.0008, "cached": 0.00005,
//           "window": 131072, "max_output": 8192, "capabilities": ["streaming", "tools", "json"]
//         }
//       }
//     }}
//
// `models::load("prices.json")` reads it. Under "models" stand logical names, under these a provider's name or its vendor,
// and under that:
//
// | field                 | what it is                                                     | left out                   |
// |-----------------------|----------------------------------------------------------------|----------------------------|
// | name                  | what the model is called there                                 | earlier row, then the same |
// | input, output         | dollars, exact: a number or a text like "0.05" or "5e-2"       | earlier row, then provider |
// | cached, cache_write   | likewise: of input that is read from a cache or written to one | earlier row, then provider |
// | per                   | what these are for: "1M" or "1k" tokens                        | "1M"                       |
// | window, max_output    | tokens, from 1 on                                              | earlier row, then provider |
// | capabilities          | a list of those that provider.hpp has: "tools", "images"...    | earlier row, then provider |
// | comment               | anything; nobody reads it. Also allowed beside "models"        |                            |
//
// The earlier row is the one for the same model and provider: of the table that was passed in, else of the presets. So
// `"groq": {"input": 0.06}` changes that one price. The presets know vendors: a row for a provider's own name says its "name".
//
// When to use: prices or models change more often than the program does, or differ from one installation to the next.
// Not provided: downloads, reloading while a router runs (make a new one), a check that some provider has such a name.
#ifndef LLMROUTE_POLICY_MODEL_MAP_PRICES_HPP
#define LLMROUTE_POLICY_MODEL_MAP_PRICES_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llmroute/failure.hpp"
#include "llmroute/money.hpp"
#include "llmroute/policy/model_map/table.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/result.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/number.hpp"
#include "llmroute/wire/printable.hpp"
#include "llmroute/wire/text_file.hpp"
#include "llmroute/wire/utf8.hpp"

namespace llmroute::models {
namespace detail {

inline constexpr std::size_t most_price_rows = 5'000;                     // a table is searched row by row
inline constexpr std::size_t largest_price_file = std::size_t{16} << 20;  // ten times what so many rows need

inline Failure no_prices(std::string_view source, std::string_view what) {
  return {.kind = Kind::misconfigured, .message = printable(source, 1'000).append(what)};
}

/// What is wrong with a JSON number as a price, or nothing. `decimals`: of a nano-dollar for a million tokens, in dollars
/// for as many as are quoted: 9 per million, 12 per thousand, 15 per token.
inline std::string_view read_rate(std::string_view number, int decimals, Rate& out) {
  const json::detail::Decimal price = json::detail::decimal(number);
  std::int64_t zeros = price.exponent + decimals;
  if (price.count == 0) return out = Rate::zero(), std::string_view();
  if (price.negative) return "is negative";
  if (zeros < 0) return "is finer than a nano-dollar for a million tokens";
  if (zeros + price.count > 19) return "is too large";
  std::uint64_t nanos = 0;  // below 10^19, which fits
  for (const char c : price.digits)
    if (c != '.') nanos = nanos * 10 + static_cast<std::uint64_t>(c - '0');
  for (; zeros > 0; --zeros) nanos *= 10;
  if (nanos > static_cast<std::uint64_t>(llmroute::detail::int64_most)) return "is too large";
  out = per_million(Money::nanos(static_cast<std::int64_t>(nanos)).text());
  return {};
}

/// One walk over a text. The first fault counts; behind it nothing is read any more.
class PriceReader {
 public:
  PriceReader(std::string_view text, Table base, std::string_view source) noexcept
      : text_(text), source_(source), in_(text), table_(std::move(base)) {}

  /// Our own form. Another one has other members, but quotes and settles its rows likewise.
  Result<Table> read() && {
    bool listed = false;
    members("must be an object that has \"models\"", [&](std::string_view key) {
      if (key == "comment") return;
      if (key != "models") return refuse("is unknown here: known are models, comment");
      listed = true;
      members("must be an object of models", [&](std::string_view model) {
        const std::size_t at = in_.offset(), before = rows_;
        members("must be an object of providers, as {\"groq\": {\"input\": 0.05, \"output\": 0.08}}",
                [&](std::string_view provider) { row(model, provider); });
        if (rows_ == before) refuse("has no provider: write {\"groq\": {}}", at);
      });
    });
    if (!listed) refuse("has no \"models\": write {\"models\": {...}}");
    if (fault_.empty() && !in_.done()) fault_ = place(in_.offset()).append(no_json());
    if (!fault_.empty()) return no_prices(source_, fault_);
    return std::move(table_);
  }

 private:
  struct Quote {
    std::string number{};
    std::size_t at = 0;
  };
  struct Draft {
    Row row{};
    std::string name{};
    Quote input{}, output{}, cached{}, cache_write{};
    int decimals = 9;
  };

  void row(std::string_view model, std::string_view provider) {
    const std::size_t at = in_.offset();
    if (++rows_ > most_price_rows) return refuse("is one row too many: a text has 5000 at most");
    Draft draft{.row = table_.row(model, provider)};
    members("must be an object of fields: name, input, output, ...", [&](std::string_view key) { field(key, draft); });
    settle(draft, at);
  }
  void settle(Draft& draft, std::size_t at) {
    rate("input", draft.input, draft.decimals, draft.row.price.input);
    rate("output", draft.output, draft.decimals, draft.row.price.output);
    rate("cached", draft.cached, draft.decimals, draft.row.price.cached);
    rate("cache_write", draft.cache_write, draft.decimals, draft.row.price.cache_write);
    const Price& price = draft.row.price;
    if (price != Price{} && !price.known() && !price.malformed())  // the table would take the provider's, and say nothing
      refuse(price.input.known() ? "has no price for output: add \"output\"" : "has no price for input: add \"input\"", at);
    if (!draft.name.empty()) draft.row.name = draft.name;
    if (fault_.empty() && !in_.failed()) table_.add(draft.row);
  }

  void field(std::string_view key, Draft& draft) {
    if (key == "name") text(draft.name);
    else if (key == "input") quote(draft.input);
    else if (key == "output") quote(draft.output);
    else if (key == "cached") quote(draft.cached);
    else if (key == "cache_write") quote(draft.cache_write);
    else if (key == "per") per(draft.decimals);
    else if (key == "window") tokens(draft.row.window);
    else if (key == "max_output") tokens(draft.row.max_output);
    else if (key == "capabilities") capabilities(draft.row.capabilities);
    else if (key != "comment")
      refuse("is unknown: known are name, input, output, cached, cache_write, per, window, max_output, capabilities, comment");
  }

  void text(std::string& out) {
    const std::size_t at = in_.offset();
    if (!in_.text(out) || out.empty()) refuse("must be a text that is not empty; or leave it out", at);
  }
  void quote(Quote& out) {
    out.at = in_.offset();
    if (in_.kind() == json::Kind::number) out.number = in_.raw();
    else if (in_.kind() != json::Kind::string || !in_.text(out.number) || !is_number(out.number))
      refuse("is no price: write dollars as 0.05 or \"0.05\"; or leave it out", out.at);
  }
  void per(int& decimals) {
    const std::size_t at = in_.offset();
    const std::string_view said = in_.text();
    if (said == "1k") decimals = 12;
    else if (said != "1M") refuse("must be \"1M\" or \"1k\": for how many tokens the prices are", at);
  }
  void tokens(std::int64_t& out) {
    const std::size_t at = in_.offset();
    if (!in_.integer(out) || out < 1) refuse("is no number of tokens: write a whole one from 1 on; or leave it out", at);
  }
  void capabilities(std::optional<Capabilities>& out) {
    constexpr std::string_view wanted =
        "must be a list of: streaming, tools, images, json, json_schema, reasoning, prefix, effort";
    if (in_.kind() != json::Kind::array) return refuse(wanted);
    out.emplace();
    in_.array([&] {
      const std::size_t at = in_.offset();
      const std::string_view name = in_.text();
      std::uint32_t bit = 1;
      for (const std::string_view known :
           {"streaming", "tools", "images", "json", "json_schema", "reasoning", "prefix", "effort"}) {
        if (name == known) return void(out = *out | static_cast<Capability>(bit));
        bit *= 2;
      }
      refuse(wanted, at);
    });
  }

  void rate(std::string_view key, const Quote& quoted, int decimals, Rate& out) {
    if (quoted.number.empty()) return;
    const std::string_view wrong = read_rate(quoted.number, decimals, out);
    if (!wrong.empty()) within(key, [&] { refuse("is no price: it " + std::string(wrong), quoted.at); });
  }
  static bool is_number(const std::string& said) noexcept {
    json::Reader in(said);
    return in.kind() == json::Kind::number && in.raw() == said;
  }

  // Calls `each` for the members of an object: each key once, and none of them empty.
  template <class Each>
  void members(std::string_view wanted, Each each) {
    if (in_.kind() != json::Kind::object) return refuse(wanted);
    std::vector<std::string> seen;
    in_.object([&](std::string_view key) {
      if (!fault_.empty()) return;
      within(key, [&] {
        if (key.empty()) return refuse("has a member without a name");
        for (const std::string& earlier : seen)
          if (earlier == key) return refuse("is there twice: keep one");
        seen.emplace_back(key);
        each(std::string_view(seen.back()));
      });
    });
  }
  template <class Do>
  void within(std::string_view key, Do what) {
    const std::size_t outer = path_.size();
    if (outer != 0 && !key.empty()) path_.push_back('.');
    append_printable(path_, key, 100);
    what();
    path_.resize(outer);
  }

  std::string no_json() const {
    const std::size_t at = in_.offset();
    if (at < text_.size() && utf8::sequence(text_.data() + at, text_.data() + text_.size()).found != utf8::Found::whole)
      return "is not UTF-8: save it as that";
    return std::string("is no JSON: ").append(in_.error());
  }
  void refuse(std::string_view what) { refuse(what, in_.offset()); }
  void refuse(std::string_view what, std::size_t at) {
    // Where the text itself is broken, the reader knows better.
    if (fault_.empty() && !in_.failed()) fault_ = place(at).append(path_).append(path_.empty() ? "" : " ").append(what);
  }
  // As compilers and editors write it; columns are characters.
  std::string place(std::size_t at) const {
    std::size_t line = 1, column = 1;
    for (const char c : text_.substr(0, at)) {
      column += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      if (c == '\n') ++line, column = 1;
    }
    return ":" + std::to_string(line).append(":").append(std::to_string(column)).append(": ");
  }

  std::string_view text_, source_;
  json::Reader in_;
  Table table_;
  std::size_t rows_ = 0;
  std::string path_;   // "models.llama-3.1-8b.groq.input"
  std::string fault_;  // with its place
};

}  // namespace detail

/// `base` with the rows of a JSON text added, or what is wrong with it and where, and then no row of it counts.
/// `source` is what a failure calls the text.
inline Result<Table> parse(std::string_view text, Table base = {}, std::string_view source = "prices") {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // some editors begin each file so
  return detail::PriceReader(text, std::move(base), source).read();
}

/// The same from a file of at most 16 MiB. The path is as `std::fopen` takes it.
inline Result<Table> load(const std::string& path, Table base = {}) {
  std::string text;
  Result<void> all = read_text_file(path, detail::largest_price_file, text);
  if (!all) return std::move(all).error();
  return parse(text, std::move(base), path);
}

}  // namespace llmroute::models

#endif
