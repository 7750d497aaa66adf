// SPDX-License-Identifier: MIT
// Random events in any order, against exchanges that share one core: what DESIGN promises always is checked after every step.
#include "llmroute/route/exchange.hpp"

#include <memory>
#include <string>
#include <vector>

#include "by_hand.hpp"
#include "catch.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using tests::named;

namespace {

/// Draws, and remembers what came of it.
struct Dice {
  std::uint64_t seed;
  std::uint64_t drawn = 0;
  std::uint64_t operator()(std::uint64_t n) { return mix(seed, ++drawn) % n; }
};

/// What all policies of one run write down.
struct Book {
  Dice dice;
  bool throwing;
  std::vector<std::string> faults{};
  std::uint64_t blamed = 0;
  int permits = 0, reservations = 0, sent = 0, ended = 0, finished = 0;
  Money reserved{}, spent{}, limit = Money::nanos(2'000'000);
  std::vector<bool> settled{};
  std::string trace{};

  void expect(bool fine, const char* what) {
    if (!fine) faults.emplace_back(what);
  }
  void maybe_throw() {
#if LLMROUTE_EXCEPTIONS
    if (throwing && dice(60) == 0) throw 1;
#endif
  }
};

struct Moody {  // a ranking that refuses some, and names whom it may not
  Book* book;
  std::size_t pick(const Candidates& c, const Query& q) const {
    book->maybe_throw();
    const std::uint64_t draw = mix(q.seed, q.attempt);
    if (draw % 11 == 0) return none;
    if (draw % 13 == 0) return c.size() + draw % 3;
    std::size_t best = none;
    for (std::size_t i = 0; i < c.size(); ++i)
      if (c.open(i) && (best == none || mix(draw, i) < mix(draw, best))) best = i;
    return draw % 7 == 0 ? 0 : best;
  }
};
struct Door {  // a cooldown that counts its permits
  struct State {
    Time rests = Time::min();
    int out = 0;
  };
  struct Permit {
    std::uint32_t mark = 0;
  };
  Book* book;
  Time rest_until(const State& s, Time now) const { return s.rests > now ? s.rests : now; }
  std::optional<Permit> admit(State& s, Time now, Need need) const {
    book->maybe_throw();
    if (book->dice(20) == 0) return std::nullopt;
    book->expect(s.rests <= now || need == Need::last_resort, "sent to one that rests");
    ++s.out, ++book->permits;
    return Permit{0xBEEF};
  }
  void report(State& s, const Outcome&, Time) const { book->expect(s.out < 0, "reported without the permit"); }
  void report(State& s, Permit p, const Outcome& o, Time now) const {
    book->expect(p.mark == 0xBEEF, "a permit that was never given came back");
    book->expect(s.out > 0, "a permit came back twice");
    --s.out, --book->permits;
    if (o.blame() == Blame::failure && book->dice(2) == 0) s.rests = later(now, 5s);
    book->maybe_throw();
  }
};
struct Purse {
  struct Reservation {
    std::size_t n = 0;
    Money amount{};
  };
  Book* book;
  std::optional<Reservation> reserve(const Query&, const Provider&, Money worst, Time) {
    book->maybe_throw();
    if (book->reserved + book->spent + worst > book->limit) return std::nullopt;
    book->reserved += worst;
    ++book->reservations;
    book->settled.push_back(false);
    return Reservation{book->settled.size() - 1, worst};
  }
  void settle(Reservation r, Money real, Time) {
    book->expect(!book->settled[r.n], "a reservation was settled twice");
    book->settled[r.n] = true;
    book->reserved -= r.amount;
    book->spent += real;
    --book->reservations;
    book->maybe_throw();
  }
};
struct Second {  // refuses after the purse has agreed, so that the purse must get its reservation back
  using Reservation = char;
  Book* book;
  std::optional<char> reserve(const Query&, const Provider&, Money, Time) {
    book->maybe_throw();
    if (book->dice(15) == 0) return std::nullopt;
    return 'x';
  }
  void settle(char c, Money, Time) { book->expect(c == 'x', "another's reservation"); }
};
struct Soon {
  Book* book;
  std::optional<Duration> hedge_after(const Health&, const Query& q) const {
    book->maybe_throw();
    const std::uint64_t draw = mix(q.seed, 77u + q.attempt);
    if (draw % 3 == 0) return std::nullopt;
    return draw % 5 == 0 ? Duration(-1) : Duration(1ms) * static_cast<int>(draw % 4000);
  }
};
struct Ears {
  Book* book;
  void observe(const Event& e) {
    book->sent += e.what == Event::What::sent;
    book->ended += e.what == Event::What::ended;
    book->finished += e.what == Event::What::finished;
    if (e.what == Event::What::ended) book->blamed += e.outcome->blame() == Blame::failure;
    book->maybe_throw();
  }
};

using Bag = tests::BagWith<Moody, Door, Purse, Second, Soon, Ears, models::Identity>;

/// One exchange and what a driver of it has seen.
struct Ride {
  Book& book;
  ChatRequest request{.messages = "Hello", .max_tokens = 50};
  Options options{};
  std::unique_ptr<Exchange<Bag>> x{};
  std::vector<int> round{};  // of each attempt
  int rounds = 0;
  AttemptId heard_from{};  // whose content the caller has
  bool finished = false, cancelled = false, won = false;
  int failed_before = 0;  // before it was cancelled

  Ride(Core<Bag>& core, Book& b, Time now) : book(b) {
    options.attempts = static_cast<int>(1 + b.dice(10));
    options.timeouts.deadline = Duration(100ms) * static_cast<int>(1 + b.dice(400));
    options.timeouts.attempt = Duration(1s) * static_cast<int>(1 + b.dice(20));
    if (b.dice(6) == 0) options.also_next_on = {Kind::request_invalid, Kind::content_filtered};
    if (b.dice(8) == 0) options.replay = Replay::only_if_not_sent;
    if (b.dice(8) == 0) options.fallback = Fallback::off;
    x = std::make_unique<Exchange<Bag>>(core, request, options, b.dice(2) ? Delivery::stream : Delivery::whole, Overlap::yes,
                                        now);
  }

  void next(Time now) {
    const int finishes = book.finished;
    const Step s = x->next(now);
    book.trace += std::to_string(static_cast<int>(s.what)) + std::to_string(s.attempt.n) + ' ';
    if (finished) return book.expect(s.what == Step::Do::finish && book.finished == finishes, "more after the end");
    const bool late = now > x->race().deadline() && !x->race().committed();
    switch (s.what) {
      case Step::Do::send: {
        book.expect(!late && !cancelled && !won, "sent after the end");
        book.expect(s.attempt.n == round.size(), "an attempt's place in the trail was used again");
        for (std::size_t i = 0; i < round.size(); ++i)
          if (&x->provider({static_cast<std::uint8_t>(i)}) == &x->provider(s.attempt)) {
            book.expect(round[i] != rounds, "asked twice before everybody was asked once");
            book.expect(!x->live({static_cast<std::uint8_t>(i)}), "asked twice at once");
          }
        round.push_back(rounds);
        break;
      }
      case Step::Do::cancel: book.expect(!x->live(s.attempt), "still live, and cancelled"); break;
      case Step::Do::wait:
        book.expect(!late && s.until > now, "waits for what is past");
        rounds += x->race().running() == 0;
        break;
      case Step::Do::finish:
        finished = true;
        book.expect(book.finished == finishes + 1, "the outcome is not told exactly once");
        break;
    }
    book.expect(!cancelled || failed() == failed_before, "a provider is blamed for what the caller cancelled");
    const Race& race = x->race();
    book.expect(race.running() <= (race.committed() ? 1 : 2), "too many at once");
    book.expect(race.trail().count <= (*options.attempts < 8 ? *options.attempts : 8), "too many attempts");
    if (finished) {
      int winners = 0;
      for (const TrailEntry& e : race.trail()) {
        winners += e.ending == Ending::won;
        book.expect(e.ending != Ending::running, "the outcome is there and somebody still runs");
      }
      book.expect(winners == (won ? 1 : 0) && bool(race.winner()) == won, "not exactly one winner");
      if (!won) {
        const Failure f = x->failure(now);
        book.expect(f.trail.count == race.trail().count &&
                        (!f.message.empty() || f.kind == Kind::cancelled || f.kind == Kind::deadline_exceeded),
                    "a failure that says nothing");
        book.trace += to_string(f.kind);
      }
    }
  }
  int failed() const {
    int n = 0;
    for (const TrailEntry& e : x->race().trail()) n += e.ending == Ending::failed;
    return n;
  }
  void random_event(Time now) {
    const AttemptId id{static_cast<std::uint8_t>(book.dice(round.size() + 2))};  // stale, live, or never sent
    const bool was_live = x->live(id), over = x->over(id, now);
    switch (book.dice(8)) {
      case 0: x->head(id, 200, now); break;
      case 1: x->heard(id, now); break;
      case 2:
      case 3:
        if (x->content(id, now)) {
          book.expect(was_live && !over && !finished, "content of one that is not live is the caller's");
          book.expect(!heard_from || heard_from == id, "two attempts deliver");
          heard_from = id;
        }
        break;
      case 4:
      case 5: {
        constexpr Kind kinds_of[]{Kind::not_sent,        Kind::timed_out,        Kind::rate_limited,     Kind::quota_exhausted,
                                  Kind::overloaded,      Kind::server_error,     Kind::unauthorized,     Kind::model_not_found,
                                  Kind::request_invalid, Kind::context_too_long, Kind::content_filtered, Kind::malformed_reply,
                                  Kind::cancelled};
        Ended e{.kind = kinds_of[book.dice(13)],
                .status = book.dice(2) ? 400 : 0,
                .retry_after = book.dice(3) == 0 ? Duration(3s) : Duration{}};
        if (book.dice(3) == 0) e = tests::good();
        const bool decided = x->race().decided();
        if (x->ended(id, e, now)) {
          book.expect(e.ok && was_live && !decided && !finished && !won, "won out of turn");
          book.expect(!heard_from || heard_from == id, "another has won than the one that delivered");
          won = true;
        }
        break;
      }
      case 6:
        if (book.dice(6) != 0) break;
        x->cancel();
        if (!cancelled) failed_before = failed();
        cancelled = true;
        break;
      default:
        if (book.dice(12) == 0) x->abandon();
        break;
    }
  }
};

struct Totals {
  int in_flight = 0;
  std::uint64_t failures = 0;
};
Totals totals(Core<Bag>& core) {
  Totals t;
  const auto places = core.pin();
  for (const auto& lane : places->group({}).lanes) {
    t.in_flight += lane.place->health.in_flight.load();
    t.failures += lane.place->health.failures.load();
  }
  return t;
}

std::string play(std::uint64_t seed) {
  Book book{.dice = {seed}, .throwing = false};
  book.throwing = book.dice(3) == 0;
  std::vector<Provider> providers;
  for (std::uint64_t n = 1 + book.dice(4); providers.size() < n;) {
    providers.push_back(named(std::string(1, static_cast<char>('a' + providers.size()))));
    if (book.dice(4) == 0) providers.back().quota_group = "shared";
    if (book.dice(4) == 0) providers.back().vendor = "same";
  }
  Core<Bag> core(Fleet{providers}, tests::NoTransport{}, tests::StillClock{}, Moody{&book}, Door{&book}, Purse{&book},
                 Second{&book}, Soon{&book}, Ears{&book}, models::Identity{});
  core.seed(seed);
  Time now = Time{} + 1h;
  std::vector<std::unique_ptr<Ride>> rides(1 + book.dice(3));
  for (int step = 0; step < 60 && book.faults.empty(); ++step) {
    now += book.dice(4) == 0 ? Duration(1ms) * static_cast<int>(book.dice(8000)) : Duration(book.dice(2));
    auto& ride = rides[book.dice(rides.size())];
    if (!ride) ride = std::make_unique<Ride>(core, book, now);
    if (ride->finished && book.dice(3) == 0) ride.reset();
    else if (book.dice(50) == 0) ride.reset();  // dropped in the middle
    else if (book.dice(3) == 0) ride->random_event(now);
    else ride->next(now);

    const Totals t = totals(core);
    book.expect(t.failures == book.blamed, "a provider's health says what no outcome said");
    book.expect(t.in_flight == book.sent - book.ended, "in-flight counts and attempts differ");
    book.expect(t.in_flight == book.permits && t.in_flight == book.reservations, "permits, reservations and attempts differ");
    book.expect(book.reserved + book.spent <= book.limit, "over budget");
    book.expect(core.extra() >= 0 && core.extra() <= 3, "too many extra attempts");
  }
  rides.clear();
  const Totals t = totals(core);
  book.expect(t.in_flight == 0 && core.in_flight() == 0 && core.extra() == 0, "counts do not return to zero");
  book.expect(book.permits == 0 && book.reservations == 0 && book.reserved == Money(), "something was not given back");

  // Faults off: whoever may be asked again is, in a bounded time.
  book.throwing = false;
  book.limit = Money::most();
  now += 16min;
  const auto places = core.pin();
  for (const auto& lane : places->group({}).lanes) {
    if (lane.standing->why() == Standing::Why::misconfigured) continue;
    bool again = false;
    for (int tries = 0; tries < 40 && !again; ++tries) {  // the policies refuse now and then
      ChatRequest request{.messages = "Hello"};
      const Options options{.allow = {lane.provider->name}};
      Exchange<Bag> x(core, request, options, Delivery::whole, Overlap::yes, now);
      again = x.next(now).what == Step::Do::send && x.ended({0}, tests::good(), now);
      now += 16min;
    }
    book.expect(again, "a healthy provider is never asked again");
  }
  return book.faults.empty() ? book.trace : "FAULT: " + book.faults.front();
}

}  // namespace

TEST_CASE("whatever comes in whatever order, an exchange keeps its promises") {
  const std::uint32_t base = tests::seed();
  std::uint64_t sent = 0;
  for (std::uint64_t i = 0; i < 4'000; ++i) {
    const std::uint64_t seed = mix(base, i);
    const std::string trace = play(seed);
    if (trace.starts_with("FAULT")) {
      INFO("--rng-seed " << base << ", run " << i);
      CHECK(trace == "no fault");
      break;
    }
    sent += trace.size();
    if (i % 100 != 0) continue;
    CHECK(play(seed) == trace);  // the same seed, the same trace
  }
  CHECK(sent > 100'000);
}
