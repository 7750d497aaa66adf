// SPDX-License-Identifier: MIT
#include "llmroute/route/waiting.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using Ticket = Waiting::Ticket;
using Key = Waiting::Key;

namespace {

constexpr Time now = Time{} + 1000h;
constexpr Time later_on = now + 30s;
const int limiters[12]{};
Key key(std::size_t i) { return &limiters[i]; }

void wait_for(Ticket& ticket, Waiting& queue, std::size_t which, int priority = 0, Time deadline = later_on) {
  const Key keys[]{key(which)};
  ticket.wait_for(queue, priority, deadline, keys);
}

}  // namespace

TEST_CASE("where nobody waits nobody is overtaken") {
  Waiting queue;
  Ticket ticket;
  CHECK(queue.size() == 0);
  CHECK_FALSE(queue.someone_before(nullptr, 0, key(0), now));
  CHECK_FALSE(queue.someone_before(&ticket, 0, key(0), now));
  CHECK_FALSE(ticket.waits());
  ticket.leave();
  CHECK(queue.size() == 0);
}

TEST_CASE("a newcomer stands behind all of its priority, those in line keep their order") {
  Waiting queue;
  Ticket first, second;
  wait_for(first, queue, 0);
  wait_for(second, queue, 0);
  CHECK(queue.size() == 2);
  CHECK(queue.someone_before(nullptr, 0, key(0), now));
  CHECK_FALSE(queue.someone_before(&first, 0, key(0), now));
  CHECK(queue.someone_before(&second, 0, key(0), now));
  first.leave();
  CHECK_FALSE(queue.someone_before(&second, 0, key(0), now));
  CHECK(queue.someone_before(nullptr, 0, key(0), now));
  wait_for(first, queue, 0);  // back again, and behind
  CHECK(queue.someone_before(&first, 0, key(0), now));
  second.leave();
  first.leave();
  CHECK_FALSE(queue.someone_before(nullptr, 0, key(0), now));
  CHECK(queue.size() == 0);
}

TEST_CASE("the lowest priority goes first, whoever came first") {
  Waiting queue;
  Ticket late_but_urgent, middle, patient, also_urgent;
  wait_for(patient, queue, 0, 5);
  wait_for(middle, queue, 0, 0);
  wait_for(late_but_urgent, queue, 0, -5);
  wait_for(also_urgent, queue, 0, -5);
  CHECK_FALSE(queue.someone_before(&late_but_urgent, -5, key(0), now));
  CHECK(queue.someone_before(&also_urgent, -5, key(0), now));
  CHECK(queue.someone_before(&middle, 0, key(0), now));
  late_but_urgent.leave();
  also_urgent.leave();
  CHECK_FALSE(queue.someone_before(&middle, 0, key(0), now));
  CHECK(queue.someone_before(&patient, 5, key(0), now));
  CHECK_FALSE(queue.someone_before(nullptr, -1, key(0), now));  // a newcomer of more weight
  CHECK(queue.someone_before(nullptr, 0, key(0), now));
  CHECK(queue.someone_before(nullptr, 1, key(0), now));
  middle.leave();
  CHECK_FALSE(queue.someone_before(nullptr, 4, key(0), now));
  CHECK(queue.someone_before(nullptr, 5, key(0), now));
}

TEST_CASE("who waits for something else is overtaken by nobody") {
  Waiting queue;
  Ticket first, second, nothing;
  const Key two[]{key(1), key(2)};
  first.wait_for(queue, 0, later_on, two);
  nothing.wait_for(queue, 0, later_on, {});
  wait_for(second, queue, 3);
  CHECK_FALSE(queue.someone_before(nullptr, 0, key(0), now));
  CHECK(queue.someone_before(nullptr, 0, key(1), now));
  CHECK(queue.someone_before(nullptr, 0, key(2), now));
  CHECK_FALSE(queue.someone_before(&second, 0, key(3), now));
  CHECK(queue.someone_before(&second, 0, key(2), now));
}

TEST_CASE("who waits for more than eight waits for whatever there is") {
  Waiting queue;
  std::array<Key, 9> keys{};
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = key(i);
  Ticket eight, nine;
  eight.wait_for(queue, 0, later_on, std::span(keys).first(8));
  CHECK(queue.someone_before(nullptr, 0, key(7), now));
  CHECK_FALSE(queue.someone_before(nullptr, 0, key(8), now));
  CHECK_FALSE(queue.someone_before(nullptr, 0, key(11), now));
  nine.wait_for(queue, 0, later_on, keys);
  CHECK(queue.someone_before(nullptr, 0, key(8), now));
  CHECK(queue.someone_before(nullptr, 0, key(11), now));
}

TEST_CASE("a waiter whose time is up no longer counts, though it never left") {
  Waiting queue;
  Ticket expired, waiting;
  wait_for(expired, queue, 0, -1, now + 1s);
  wait_for(waiting, queue, 0, 0, now + 3s);
  CHECK(queue.someone_before(&waiting, 0, key(0), now + 1s - 1ns));
  CHECK_FALSE(queue.someone_before(&waiting, 0, key(0), now + 1s));
  CHECK(queue.someone_before(nullptr, 0, key(0), now + 1s));
  CHECK_FALSE(queue.someone_before(nullptr, 0, key(0), now + 3s));
  CHECK(queue.size() == 2);
  wait_for(expired, queue, 0, -1, never);  // it was given more time
  CHECK(queue.someone_before(&waiting, 0, key(0), now + 2s));
}

TEST_CASE("who looks again keeps the place, and waits for what was full this time") {
  Waiting queue, other;
  Ticket first, second;
  wait_for(first, queue, 0);
  wait_for(second, queue, 0);
  wait_for(first, queue, 1);
  CHECK_FALSE(queue.someone_before(&second, 0, key(0), now));
  CHECK(queue.someone_before(&second, 0, key(1), now));
  wait_for(first, queue, 0);
  CHECK(queue.someone_before(&second, 0, key(0), now));
  CHECK_FALSE(queue.someone_before(&first, 0, key(0), now));
  wait_for(first, queue, 0, 1);  // of another priority it lines up anew
  CHECK_FALSE(queue.someone_before(&second, 0, key(0), now));
  CHECK(queue.someone_before(&first, 0, key(0), now));
  wait_for(second, other, 0);
  CHECK(queue.size() == 1);
  CHECK(other.size() == 1);
  CHECK(queue.someone_before(&second, 1, key(0), now));  // here it is a newcomer
}

TEST_CASE("a ticket that ends leaves the line, first, last or between") {
  Waiting queue;
  for (std::size_t ends = 0; ends < 3; ++ends) {
    std::array<std::optional<Ticket>, 3> tickets;
    for (auto& t : tickets) wait_for(t.emplace(), queue, 0);
    tickets[ends].reset();
    CHECK(queue.size() == 2);
    const std::size_t ahead = ends == 0 ? 1 : 0, behind = ends == 2 ? 1 : 2;
    CHECK_FALSE(queue.someone_before(&*tickets[ahead], 0, key(0), now));
    CHECK(queue.someone_before(&*tickets[behind], 0, key(0), now));
    tickets[ahead].reset();
    CHECK_FALSE(queue.someone_before(&*tickets[behind], 0, key(0), now));
  }
  CHECK(queue.size() == 0);
  CHECK_FALSE(queue.someone_before(nullptr, 0, key(0), now));
}

TEST_CASE("the line is as a sorted list says, whatever happens") {
  const std::uint32_t seed = tests::seed();
  INFO("seed " << seed);
  struct Row {
    Ticket* ticket;
    int priority;
    Time deadline;
    std::vector<Key> keys;
    bool waits_for(Key k, Time at) const {
      return deadline > at && (keys.size() > 8 || std::find(keys.begin(), keys.end(), k) != keys.end());
    }
  };
  int before = 0, not_before = 0;
  for (std::uint32_t round = 0; round < 300; ++round) {
    std::mt19937 draws(seed + round);
    const auto draw = [&draws](std::uint32_t below) { return static_cast<std::uint32_t>(draws() % below); };
    Waiting queue;
    std::vector<std::unique_ptr<Ticket>> tickets(8);
    for (auto& t : tickets) t = std::make_unique<Ticket>();
    std::vector<Row> model;
    Time at = now;
    for (int i = 0; i < 200; ++i) {
      at += std::chrono::seconds(draw(2));
      auto& ticket = tickets[draw(8)];
      auto row = std::find_if(model.begin(), model.end(), [&](const Row& r) { return r.ticket == ticket.get(); });
      if (draw(3) == 0) {
        if (row != model.end()) model.erase(row);
        if (draw(2) == 0) ticket->leave();
        else ticket = std::make_unique<Ticket>();
      } else {
        Row wanted{ticket.get(), static_cast<int>(draw(3)) - 1, at + std::chrono::seconds(draw(30)), {}};
        for (std::uint32_t k = draw(20) == 0 ? 12 : draw(3); k > 0; --k) wanted.keys.push_back(key(draw(4)));
        ticket->wait_for(queue, wanted.priority, wanted.deadline, wanted.keys);
        if (row != model.end() && row->priority == wanted.priority) {
          *row = wanted;
        } else {
          if (row != model.end()) model.erase(row);
          model.insert(std::find_if(model.begin(), model.end(), [&](const Row& r) { return r.priority > wanted.priority; }),
                       wanted);
        }
      }
      if (queue.size() != model.size()) FAIL("round " << round << ": the size is wrong");
      const Ticket* asks = draw(4) == 0 ? nullptr : tickets[draw(8)].get();
      const int priority = static_cast<int>(draw(4)) - 1;
      const Key wants = key(draw(4));
      const auto mine = std::find_if(model.begin(), model.end(), [&](const Row& r) { return r.ticket == asks; });
      const auto end = mine != model.end()
                           ? mine
                           : std::find_if(model.begin(), model.end(), [&](const Row& r) { return r.priority > priority; });
      const bool expected = std::any_of(model.begin(), end, [&](const Row& r) { return r.waits_for(wants, at); });
      ++(expected ? before : not_before);
      if (queue.someone_before(asks, priority, wants, at) != expected) FAIL("round " << round << ": the order is wrong");
    }
  }
  CHECK(before > 5'000);
  CHECK(not_before > 5'000);
}

TEST_CASE("waiting allocates nothing") {
  Waiting queue;
  tests::Allocations made;
  {
    Ticket first, second;
    wait_for(first, queue, 0);
    wait_for(second, queue, 0);
    queue.someone_before(&second, 0, key(0), now);
  }
  const std::size_t count = made.count();
  CHECK(count == 0);
}
