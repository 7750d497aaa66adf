// SPDX-License-Identifier: MIT
// Random requests under limits, quota groups, tenants, waiting, rests by hand and fleets that are replaced. After every step
// what the router has counted is compared with the simplest accounts there are: buckets that leak.
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "by_hand.hpp"
#include "catch.hpp"
#include "llmroute/router.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using tests::named;

namespace {

struct Dice {
  std::uint64_t seed;
  std::uint64_t drawn = 0;
  std::uint64_t operator()(std::uint64_t n) { return mix(seed, ++drawn) % n; }
};

/// What is used leaks away evenly. The longhand of what a Meter does in one word.
struct Bucket {
  double most = 0, used = 0;  // most 0: no limit
  Duration period{};
  Time at = Time{};

  double level(Time now) const {
    const double leaked = most * static_cast<double>((now - at).count()) / static_cast<double>(period.count());
    return used > leaked ? used - leaked : 0;
  }
  bool fits(double count, Time now, double slack) const { return most <= 0 || level(now) + count <= most + slack; }
  void add(double count, Time now) {
    if (most <= 0) return;
    used = level(now) + count;
    at = now;
  }
};

/// What one limiter ought to have counted.
struct Ledger {
  const Limiter* limiter;
  RateLimits limits;
  Bucket minute{.most = limits.requests_per_minute, .period = 1min}, day{.most = limits.requests_per_day, .period = 24h},
      tokens{.most = limits.tokens_per_minute, .period = 1min};
  int in_flight = 0;
  std::int64_t reserved = 0;

  bool a_slot_is_free() const { return limits.in_flight == 0 || in_flight < limits.in_flight; }
  bool the_rate_allows(std::int64_t count, Time now, double slack) const {
    return minute.fits(1, now, slack) && day.fits(1, now, slack) &&
           tokens.fits(static_cast<double>(reserved + count), now, slack);
  }
  void take(std::int64_t count, Time now) {
    ++in_flight;
    reserved += count;
    minute.add(1, now);
    day.add(1, now);
  }
  void settle(std::int64_t count, std::int64_t used, Time now) {
    --in_flight;
    reserved -= count;
    tokens.add(static_cast<double>(used), now);
  }
};

struct Book;
/// Who hears what happens to one request.
struct Heard {
  virtual ~Heard() = default;
  virtual void hear(const Event& e) = 0;
};

/// What all of one run write down.
struct Book {
  Dice dice;
  std::vector<std::string> faults{};
  std::string trace{};
  std::map<const void*, Ledger> ledgers{};  // by limiter
  std::map<const void*, Time> rests{};      // by standing, account and place
  std::set<const void*> disabled{};         // by standing
  std::map<std::uint64_t, Heard*> rides{};  // by the request's id
  Money reserved{}, spent{}, limit = Money::nanos(8'000'000);
  int permits = 0, sent = 0, ended = 0, finished = 0;
  bool providers_tell = false;

  void expect(bool fine, const char* what) {
    if (!fine) faults.emplace_back(what);
  }
  Ledger& of(const Limiter& l, const RateLimits& limits) {
    return ledgers.try_emplace(&l, Ledger{.limiter = &l, .limits = limits}).first->second;
  }
  void rest(const void* who, Time until) {
    Time& t = rests.try_emplace(who, long_ago).first->second;
    if (t < until) t = until;
  }
  bool rests_at(const void* who, Time now) const {
    const auto found = rests.find(who);
    return found != rests.end() && found->second > now;
  }
};

/// The breaker, and a count of the probes that are out.
struct Watched {
  struct State {
    cooldown::CircuitBreaker::State inner{};
    std::map<std::uint16_t, int> probes{};  // by generation
    int out = 0;
  };
  using Permit = cooldown::CircuitBreaker::Permit;
  Book* book;
  cooldown::CircuitBreaker inner{.failures = 2, .probe_expires = 10min};

  Time rest_until(const State& s, Time now) const { return inner.rest_until(s.inner, now); }
  std::optional<Permit> admit(State& s, Time now, Need need) const {
    const bool rests = inner.rest_until(s.inner, now) > now;
    const auto permit = inner.admit(s.inner, now, need);
    if (!permit) return permit;
    book->expect(!rests || need == Need::last_resort, "sent to one that rests");
    book->expect(!rests || permit->probe, "sent to one that rests, and not as a probe");
    if (permit->probe) book->expect(++s.probes[permit->generation] <= 1, "two probes at once");
    ++s.out, ++book->permits;
    return permit;
  }
  void report(State& s, const Outcome&, Time) const { book->expect(s.out < 0, "reported without the permit"); }
  void report(State& s, Permit p, const Outcome& o, Time now) const {
    if (p.probe) --s.probes[p.generation];
    --s.out, --book->permits;
    inner.report(s.inner, p, o, now);
  }
  void release(State& s, Time now) const { inner.release(s.inner, now); }
};

struct Purse {
  struct Reservation {
    Money amount{};
  };
  Book* book;
  bool has_room(const Query&, const Provider&, Money worst, Time) const {
    return book->reserved + book->spent + worst <= book->limit;
  }
  std::optional<Reservation> reserve(const Query& q, const Provider& p, Money worst, Time now) {
    if (!has_room(q, p, worst, now)) return std::nullopt;
    book->reserved += worst;
    return Reservation{worst};
  }
  void settle(Reservation r, Money real, Time) {
    book->reserved -= r.amount;
    book->spent += real;
  }
};

struct Ears {
  Book* book;
  void observe(const Event& e) {
    book->sent += e.what == Event::What::sent;
    book->ended += e.what == Event::What::ended;
    book->finished += e.what == Event::What::finished;
    if (const auto ride = book->rides.find(e.id); ride != book->rides.end()) ride->second->hear(e);
  }
};

template <class Ranking>
class Run {
  using RouterT = Router<tests::NoTransport, tests::StillClock, Ranking, Watched, Purse, Ears, models::Identity>;
  template <class P>
  static P policies_of(Core<P>&);
  using Policies = decltype(policies_of(std::declval<RouterT&>().core()));
  using Pin = decltype(std::declval<Core<Policies>&>().pin());
  using LaneOf = std::remove_cvref_t<decltype(std::declval<Pin&>()->group({}).lanes[0])>;

 public:
  explicit Run(std::uint64_t seed)
      : book_{.dice = {seed}}, providers_(providers(book_.dice)), tenants_(tenants(book_.dice)), groups_(groups(book_.dice)),
        router_(fleet(), tests::NoTransport{}, tests::StillClock{}, Ranking{}, Watched{&book_}, Purse{&book_}, Ears{&book_},
                models::Identity{}) {
    router_.seed(seed);
    book_.providers_tell = book_.dice(3) == 0;
    pins_.push_back(router_.core().pin());
    rides_.resize(2 + book_.dice(5));
  }

  std::string play() {
    for (int step = 0; step < 90 && book_.faults.empty(); ++step) {
      pass(book_.dice(4) == 0 ? Duration(1ms) * static_cast<int>(book_.dice(9000)) : Duration(book_.dice(3)) * 20'000'000);
      auto& ride = rides_[book_.dice(rides_.size())];
      if (book_.dice(25) == 0) by_hand();
      if (!ride) begin(ride);
      else if (ride->finished || book_.dice(40) == 0) ride.reset();  // some are dropped in the middle
      else if (book_.dice(3) == 0) ride->random_event(now_);
      else ride->next(now_);
      look();
    }
    drain();
    rides_.clear();
    look();
    book_.expect(router_.core().in_flight() == 0 && router_.core().extra() == 0, "counts do not return to zero");
    book_.expect(book_.sent == book_.ended && book_.permits == 0 && book_.reserved == Money(), "something was not given back");
    book_.expect(router_.core().waiting().size() == 0, "somebody is still in the queue");
    for (const auto& [key, l] : book_.ledgers)
      book_.expect(l.limiter->in_flight() == 0 && l.limiter->reserved_tokens() == 0, "a limiter does not return to zero");
    if (book_.faults.empty()) all_are_asked_again();
    return book_.faults.empty() ? book_.trace : "FAULT: " + book_.faults.front();
  }

 private:
  // --- what there is ---

  static RateLimits limits(Dice& dice) {
    RateLimits l;
    if (dice(2) == 0) l.requests_per_minute = static_cast<double>(1 + dice(8));
    if (dice(3) == 0) l.tokens_per_minute = static_cast<double>(60 + dice(500));
    if (dice(4) == 0) l.requests_per_day = static_cast<double>(3 + dice(20));
    if (dice(2) == 0) l.in_flight = static_cast<int>(1 + dice(3));
    return l;
  }
  static std::vector<Provider> providers(Dice& dice) {
    std::vector<Provider> all;
    for (std::uint64_t n = 1 + dice(5); all.size() < n;) {
      Provider p = named(std::string(1, static_cast<char>('a' + all.size())));
      if (dice(3) != 0) p.limits = limits(dice);
      if (dice(3) == 0) p.quota_group = dice(2) == 0 ? "account" : "other account";
      if (dice(5) == 0) p.free.requests_per_day = static_cast<double>(1 + dice(4));
      all.push_back(std::move(p));
    }
    return all;
  }
  static std::vector<Tenant> tenants(Dice& dice) {
    if (dice(2) == 0) return {};
    return {{.name = "acme", .limits = limits(dice)}, {.name = "*", .limits = limits(dice)}};
  }
  static std::vector<QuotaGroup> groups(Dice& dice) {
    std::vector<QuotaGroup> all;
    for (const char* name : {"account", "other account"})
      if (dice(4) != 0) all.push_back({.name = name, .limits = limits(dice)});
    return all;
  }
  /// The same providers, perhaps not all, in another order, some with another key.
  Fleet fleet() {
    std::vector<Provider> some = providers_;
    for (std::size_t i = some.size(); i > 1; --i) std::swap(some[i - 1], some[book_.dice(i)]);
    if (some.size() > 1 && book_.dice(3) == 0) some.pop_back();
    for (Provider& p : some)
      if (book_.dice(4) == 0) p.key = Secret(book_.dice(2) == 0 ? "sk-test" : "sk-other");
    std::vector<QuotaGroup> used;
    for (const QuotaGroup& g : groups_)
      for (const Provider& p : some)
        if (p.quota_group == g.name && (used.empty() || used.back().name != g.name)) used.push_back(g);
    return Fleet{std::move(some)}.tenants(tenants_).quota_groups(std::move(used));
  }

  /// One request, and what a driver of it has seen.
  struct Ride : Heard {
    Run& run;
    Book& book;
    Pin pin;
    ChatRequest request{.messages = "Hello"};
    Options options{};
    std::unique_ptr<Exchange<Policies>> x{};
    struct Sent {
      const LaneOf* lane;
      std::int64_t tokens;
    };
    std::vector<Sent> attempts{};
    Ledger* tenant = nullptr;
    std::int64_t tenant_tokens = 0, tenant_used = 0;
    Time until = long_ago;
    bool charged = false, finished = false, may_wait = false;

    explicit Ride(Run& r) : run(r), book(r.book_), pin(r.router_.core().pin()) {
      Dice& dice = book.dice;
      request.max_tokens = static_cast<std::int64_t>(10 + dice(90));
      options.attempts = static_cast<int>(1 + dice(8));
      options.timeouts.deadline = Duration(100ms) * static_cast<int>(1 + dice(900));
      options.timeouts.attempt = Duration(1s) * static_cast<int>(1 + dice(20));
      if (dice(3) != 0) options.when_full = WhenFull::wait;
      options.priority = static_cast<int>(dice(3)) - 1;
      if (dice(2) == 0) options.tenant = dice(2) == 0 ? "acme" : "somebody";
      if (dice(8) == 0) options.fallback = Fallback::off;
      if (dice(8) == 0) options.allow = {run.providers_.front().name};
      if (const auto* place = options.tenant.empty() ? nullptr : pin->tenant(options.tenant))
        tenant = &book.of(*place->limiter, place->tenant->limits);
    }
    ~Ride() override {
      if (!x) return;
      const std::uint64_t id = x->query().id;
      x.reset();
      book.rides.erase(id);
    }

    void hear(const Event& e) override {
      if (e.what == Event::What::sent) sent(e);
      if (e.what == Event::What::ended) ended(e);
      if (e.what == Event::What::finished && charged) tenant->settle(tenant_tokens, tenant_used, e.now);
    }
    const LaneOf* lane(std::string_view name) const {
      for (const LaneOf& l : pin->group({}).lanes)
        if (l.provider->name == name) return &l;
      return nullptr;
    }
    Ledger& own(const LaneOf& l) const { return book.of(*l.limiter, l.provider->limits); }
    Ledger& shared(const LaneOf& l) const { return book.of(l.account->limiter, *l.shared_limits); }

    void sent(const Event& e) {
      const LaneOf& l = *lane(e.provider);
      const std::int64_t tokens = e.query->prompt_tokens() + e.query->completion_tokens;
      constexpr double slack = 0.01;
      for (Ledger* ledger : {&own(l), &shared(l), tenant != nullptr && !charged ? tenant : nullptr}) {
        if (ledger == nullptr) continue;
        book.expect(ledger->a_slot_is_free(), "more in flight than the ceiling");
        book.expect(ledger->the_rate_allows(tokens, e.now, slack), "more was let through than the limit");
      }
      for (const void* who :
           {static_cast<const void*>(&*l.standing), static_cast<const void*>(&*l.account), static_cast<const void*>(&*l.place)})
        book.expect(!book.rests_at(who, e.now), "sent to one that was put to rest, or asked for it");
      book.expect(!book.disabled.contains(&*l.standing), "sent to one that is disabled");
      attempts.push_back({&l, tokens});
      own(l).take(tokens, e.now);
      if (!l.provider->quota_group.empty()) shared(l).take(tokens, e.now);
      if (tenant != nullptr && !charged) tenant->take(tokens, e.now), charged = true, tenant_tokens = tokens;
    }
    void ended(const Event& e) {
      const Sent& s = attempts[e.attempt - 1u];
      const Outcome& o = *e.outcome;
      const bool refused = o.failed() && (o.kind == Kind::not_sent || e.entry->status >= 300);
      const std::int64_t used = e.usage.reported ? e.usage.total() : refused ? 0 : s.tokens;
      tenant_used += used;
      own(*s.lane).settle(s.tokens, used, e.now);
      if (!s.lane->provider->quota_group.empty()) shared(*s.lane).settle(s.tokens, used, e.now);
      if (!o.failed() || o.retry_after <= Duration::zero()) return;
      const Duration hint = shorter(longer(o.retry_after, 1s), 300s);
      if (o.blame() == Blame::rest) book.rest(&*s.lane->account, later(e.now, hint));
      if (o.blame() == Blame::failure) book.rest(&*s.lane->place, later(e.now, hint));
    }

    Step next(Time now) {
      const int finishes = book.finished;
      const Step s = x->next(now);
      book.trace += std::to_string(static_cast<int>(s.what)) + std::to_string(s.attempt.n) + ' ';
      if (finished) {
        book.expect(s.what == Step::Do::finish && book.finished == finishes, "more after the end");
        return s;
      }
      const Race& race = x->race();
      const bool late = now > race.deadline() && !race.committed();
      if (s.what == Step::Do::send || s.what == Step::Do::wait) book.expect(!late, "goes on after its deadline");
      if (s.what == Step::Do::wait) {
        book.expect(s.until > now, "waits for what is past");
        book.expect(race.committed() || s.until <= later(race.deadline(), Duration(1)), "waits beyond its deadline");
        until = s.until;
      }
      may_wait = s.what == Step::Do::wait && race.running() == 0 && options.when_full == WhenFull::wait;
      if (s.what == Step::Do::finish) {
        finished = true;
        book.expect(book.finished == finishes + 1, "the outcome is not told exactly once");
        if (!race.winner()) {
          const Failure f = x->failure(now);
          book.expect(!f.message.empty() || f.kind == Kind::cancelled || f.kind == Kind::deadline_exceeded,
                      "a failure that says nothing");
          book.trace += to_string(f.kind);
        }
      }
      return s;
    }
    void random_event(Time now) {
      if (attempts.empty() && book.dice(8) != 0) return static_cast<void>(next(now));
      const AttemptId id{static_cast<std::uint8_t>(attempts.empty() ? 0 : book.dice(attempts.size()))};
      const auto what = book.dice(20);
      if (what == 0) x->cancel();
      else if (what == 1) x->abandon();
      else if (what < 4) static_cast<void>(x->content(id, now));
      else static_cast<void>(x->ended(id, random_end(), now));
    }
    Ended random_end() {
      Dice& dice = book.dice;
      constexpr Kind kinds[]{Kind::not_sent,     Kind::timed_out,    Kind::rate_limited,    Kind::rate_limited,
                             Kind::overloaded,   Kind::server_error, Kind::quota_exhausted, Kind::request_invalid,
                             Kind::unauthorized, Kind::cancelled};
      Ended e{.ok = true, .status = 200};
      if (dice(2) == 0) {
        const Kind kind = kinds[dice(10)];
        const bool answered = kind != Kind::not_sent && kind != Kind::timed_out && kind != Kind::cancelled;
        e = {.kind = kind,
             .status = answered ? 400 + static_cast<int>(dice(129)) : 0,
             .retry_after = dice(2) == 0 ? Duration(1ms) * static_cast<int>(dice(20'000)) : Duration{}};
      }
      if (e.ok || dice(4) == 0) e.usage = {.prompt = 2, .completion = static_cast<std::int64_t>(dice(120)), .reported = true};
      if (book.providers_tell && dice(2) == 0) {
        const RateLimits& own_limits = run.providers_.front().limits;
        const double limit = dice(2) == 0 ? own_limits.requests_per_minute : 100;
        e.limits.requests = {.limit = limit, .remaining = static_cast<double>(dice(100)), .resets_in = Duration(1s)};
      }
      return e;
    }
  };

  // --- what happens ---

  void pass(Duration d) {
    now_ += d;
    router_.core().template policy<role::Clock>().time = now_;
  }
  void begin(std::unique_ptr<Ride>& place) {
    place = std::make_unique<Ride>(*this);
    Ride& ride = *place;
    const bool ask = book_.dice(2) == 0;
    const Explanation e = ask ? router_.explain(ride.request, ride.options) : Explanation{};
    ride.x = std::make_unique<Exchange<Policies>>(router_.core(), ride.request, ride.options,
                                                  !ask && book_.dice(2) ? Delivery::stream : Delivery::whole, Overlap::yes,
                                                  now_);  // explain speaks of whole replies
    book_.rides[ride.x->query().id] = &ride;
    if (!ask) return;
    believe(e, ride);
    const Step first = ride.next(now_);
    if (e.refused) return book_.expect(first.what == Step::Do::finish, "explain says refused, and it is not");
    if (e.open() == 0) return book_.expect(first.what != Step::Do::send, "explain names nobody, and somebody is asked");
    // Whether somebody went early already is the policy's to know, and it says so only when it is asked for a permit.
    if (e.providers.front().last_resort && first.what != Step::Do::send) return;
    book_.expect(first.what == Step::Do::send, "explain names somebody, and nobody is asked");
    if (first.what == Step::Do::send)
      book_.expect(e.providers.front().provider.view() == ride.x->provider(first.attempt).name,
                   "explain names another than who is asked");
  }
  /// What `explain` calls full is full: nobody is turned away while there is room.
  void believe(const Explanation& e, const Ride& ride) {
    const std::int64_t tokens = e.prompt_tokens + e.completion_tokens;
    bool somebody_waits = false;
    for (const auto& other : rides_) somebody_waits = somebody_waits || (other && other->may_wait);
    for (const Prospect& p : e.providers) {
      const LaneOf* l = ride.lane(p.provider);
      if (l == nullptr) continue;
      const Ledger &own = ride.own(*l), &shared = ride.shared(*l);
      constexpr double slack = -0.01;
      if (p.why == Closed::in_flight)
        book_.expect(!own.a_slot_is_free() || !shared.a_slot_is_free(), "said to be full, and a slot is free");
      if (p.why == Closed::rate_limit && !book_.providers_tell)
        book_.expect(!own.the_rate_allows(tokens, now_, slack) || !shared.the_rate_allows(tokens, now_, slack),
                     "said to have used up its rate limit, and there is room");
      if (p.why == Closed::queue) book_.expect(somebody_waits, "said to have a queue, and nobody waits");
      if (p.why == Closed::tenant_limit)
        book_.expect(somebody_waits || (ride.tenant != nullptr &&
                                        (!ride.tenant->a_slot_is_free() || !ride.tenant->the_rate_allows(tokens, now_, slack))),
                     "a tenant is said to have used up its limits, and has not");
    }
  }
  void by_hand() {
    const std::string& name = providers_[book_.dice(providers_.size())].name;
    const LaneOf* l = nullptr;
    for (const LaneOf& one : pins_.back()->group({}).lanes)
      if (one.provider->name == name) l = &one;
    const Duration rest = Duration(1s) * static_cast<int>(1 + book_.dice(30));
    switch (book_.dice(5)) {
      case 0:
        book_.expect(router_.rest(name, rest) == (l != nullptr), "rest does not know whom it rests");
        if (l != nullptr) book_.rest(&*l->standing, later(now_, rest));
        break;
      case 1:
        book_.expect(router_.release(name) == (l != nullptr), "release does not know whom it releases");
        if (l == nullptr) break;
        book_.rests.erase(&*l->standing);
        book_.rests.erase(&*l->account);
        book_.rests.erase(&*l->place);
        break;
      case 2:
        if (router_.disable(name)) book_.disabled.insert(&*l->standing);
        break;
      case 3:
        if (router_.enable(name)) book_.disabled.erase(&*l->standing);
        break;
      default: replace(); break;
    }
  }
  void replace() {
    book_.expect(bool(router_.replace(fleet())), "a sound fleet is refused");
    pins_.push_back(router_.core().pin());
    // What was ordered of a provider that stays holds for its new key, too.
    for (const LaneOf& l : pins_.back()->group({}).lanes)
      for (const LaneOf& old : pins_[pins_.size() - 2]->group({}).lanes) {
        if (l.provider->name != old.provider->name) continue;
        if (book_.disabled.contains(&*old.standing)) book_.disabled.insert(&*l.standing);
        if (book_.rests_at(&*old.standing, now_)) book_.rest(&*l.standing, book_.rests[&*old.standing]);
      }
  }

  void look() {
    int in_flight = 0;
    std::set<const void*> seen;
    for (const Pin& pin : pins_)
      pin->each_lane([&](const auto& l) {
        if (seen.insert(&*l.place).second) in_flight += l.place->health.in_flight.load();
      });
    book_.expect(in_flight == book_.sent - book_.ended, "in-flight counts and attempts differ");
    book_.expect(in_flight == book_.permits, "permits and attempts differ");
    book_.expect(book_.reserved + book_.spent <= book_.limit, "over budget");
    for (const auto& [key, l] : book_.ledgers)
      book_.expect(l.limiter->in_flight() == l.in_flight && l.limiter->reserved_tokens() == l.reserved,
                   "a limiter has counted something else");
    std::size_t waiters = 0;
    for (const auto& ride : rides_) waiters += ride && ride->may_wait;
    book_.expect(router_.core().waiting().size() <= waiters, "somebody is in the queue who does not wait");
  }
  /// Whoever runs is done; those who wait come to their end by themselves, in the order of their time.
  void drain() {
    for (auto& ride : rides_)
      if (ride && !ride->finished && !ride->may_wait) ride.reset();
    for (int turns = 0; book_.faults.empty(); ++turns) {
      Ride* next = nullptr;
      for (auto& ride : rides_)
        if (ride && !ride->finished && (next == nullptr || ride->until < next->until)) next = ride.get();
      if (next == nullptr) return;
      if (next->until > now_) pass(next->until - now_);
      const Step s = next->next(now_);
      if (s.what == Step::Do::send)
        book_.expect(next->x->ended(s.attempt, tests::good(), now_), "sent, answered, and has not won"), next->until = now_;
      book_.expect(turns < 100'000, "waits without an end");
      look();
    }
  }
  /// Faults off: whoever may be asked is asked again, in a bounded time.
  void all_are_asked_again() {
    book_.limit = Money::most();
    book_.disabled.clear();
    if (!router_.replace(Fleet{providers_})) return book_.expect(false, "a sound fleet is refused");
    for (const Provider& p : providers_) {
      router_.enable(p.name);
      pass(48h);
      Ride ride(*this);
      ride.options = {.allow = {p.name}};
      ride.request.max_tokens = 10;
      ride.tenant = nullptr;
      ride.x =
          std::make_unique<Exchange<Policies>>(router_.core(), ride.request, ride.options, Delivery::whole, Overlap::no, now_);
      book_.rides[ride.x->query().id] = &ride;
      const Step s = ride.next(now_);
      book_.expect(s.what == Step::Do::send && ride.x->ended(s.attempt, tests::good(), now_),
                   "a healthy provider is never asked again");
    }
  }

  Book book_;
  std::vector<Provider> providers_;
  std::vector<Tenant> tenants_;
  std::vector<QuotaGroup> groups_;
  RouterT router_;
  std::vector<Pin> pins_{};  // so that no address is used twice
  Time now_ = Time{} + 1000h;
  std::vector<std::unique_ptr<Ride>> rides_{};
};

template <class Ranking>
void play_all(std::uint64_t salt, std::uint64_t runs) {
  const std::uint32_t base = tests::seed();
  std::uint64_t events = 0;
  for (std::uint64_t i = 0; i < runs; ++i) {
    const std::uint64_t seed = mix(base, salt + i);
    const std::string trace = Run<Ranking>(seed).play();
    if (trace.starts_with("FAULT")) {
      INFO("--rng-seed " << base << ", run " << i);
      CHECK(trace == "no fault");
      return;
    }
    events += trace.size();
    if (i % 100 == 0) CHECK(Run<Ranking>(seed).play() == trace);  // the same seed, the same trace
  }
  CHECK(events > runs * 50);
}

}  // namespace

TEST_CASE("limits, tenants, waiting and rests keep their promises in any order, whoever is asked first") {
  SECTION("who has most room") { play_all<ranking::Headroom>(0x1'0000, 1000); }
  SECTION("who is least busy") { play_all<ranking::LeastBusy>(0x2'0000, 1000); }
  SECTION("of two random ones the faster") { play_all<ranking::PeakEwma>(0x3'0000, 1000); }
}
