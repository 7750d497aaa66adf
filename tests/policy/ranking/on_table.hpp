// SPDX-License-Identifier: MIT
// A table of candidates for rankings that are asked without an exchange: everything that a score reads can be written here.
#ifndef LLMROUTE_TESTS_POLICY_RANKING_ON_TABLE_HPP
#define LLMROUTE_TESTS_POLICY_RANKING_ON_TABLE_HPP

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "llmroute/policy/ranking/strategy.hpp"

namespace tests {

using namespace llmroute;

struct Table {
  struct Row {
    Provider provider{};
    Health health{};
    bool open = true;
  };
  ChatRequest request{.messages = "Hello"};
  Options options{};
  std::deque<Row> rows;
  Query query{request, options};
  Time now{};

  explicit Table(std::size_t n) : rows(n) {
    for (std::size_t i = 0; i < n; ++i) rows[i].provider.name = "p" + std::to_string(i);
    query.judgement.prompt_tokens = 1'000'000;
    query.completion_tokens = 0;
  }
  Table(const Table&) = delete;
  Row& operator[](std::size_t i) { return rows[i]; }
  Candidate candidate(std::size_t i) const {
    const Provider& p = rows[i].provider;
    return {p, Offer::assumed({}, p), rows[i].health, query, static_cast<std::uint32_t>(i), now};
  }
};

/// A table as one ranking sees it, with a memory for each row.
template <class R>
struct Asked {
  const R& ranking;
  Table& table;
  std::deque<detail::Memory<R>> memory;

  Asked(const R& r, Table& t) : ranking(r), table(t), memory(t.rows.size()) {}
  std::size_t size() const { return table.rows.size(); }
  bool open(std::size_t i) const { return table.rows[i].open; }
  Candidate operator[](std::size_t i) const { return table.candidate(i); }
  double most_weight() const { return 1; }
  const detail::Memory<R>& state(std::size_t i) const { return memory[i]; }

  detail::Chosen choose() const { return detail::choose(ranking, *this, table.query); }
  std::size_t pick() const { return choose().at; }
  void learn(std::size_t i, const Event& e) { ranking.learn(memory[i], e); }
};
template <class R>
Asked(const R&, Table&) -> Asked<R>;

/// What a user's ranking may answer, row by row.
struct ByRow {
  const std::vector<double>* scores;
  double score(const Candidate& c, const Query&) const { return (*scores)[c.index]; }
};

}  // namespace tests

#endif
