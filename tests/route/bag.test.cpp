// SPDX-License-Identifier: MIT
#include "llmroute/route/bag.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "llmroute/route/bag_diagnosis.hpp"

using namespace llmroute;
using detail::Bag;
using detail::Fault;
using detail::fault;
using detail::sound;

namespace {

struct Http {
  http::Done perform(const http::Call&) { return {}; }
};
struct Loop {
  struct Operation {};
  Operation start(const http::Call&, http::Completion) { return {}; }
  Operation at(Time, http::Wake) { return {}; }
};
struct EuropeFirst {
  double score(const Candidate& c, const Query&) const { return c.has_tag("eu") ? 0 : 1; }
};
struct FirstOpen {
  std::size_t pick(const auto& candidates, const Query&) const { return candidates.open(0) ? 0 : none; }
};
struct Rest {
  struct State {};
  Time rest_until(const State&, Time now) const { return now; }
  void report(State&, const Outcome&, Time) const {}
};
struct CountedRest : Rest {
  struct Permit {};
  std::optional<Permit> admit(State&, Time, Need) const { return Permit{}; }
  using Rest::report;
  void report(State&, Permit, const Outcome&, Time) const {}
};
struct Guess {
  Judgement classify(const ChatRequest&) const { return {}; }
};
struct OneModel {
  std::optional<Offer> resolve(std::string_view, const Provider&) const { return {}; }
};
struct Never {
  std::optional<Duration> retry_after(const Outcome&, const Query&) const { return {}; }
};
struct AskTwo {
  std::optional<Duration> hedge_after(const Health&, const Query&) const { return Duration{1}; }
};
struct Sundial {
  Time now() const { return {}; }
};
struct Purse {
  struct Reservation {};
  std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) { return Reservation{}; }
  void settle(Reservation, Money, Time) {}
};
struct Note {
  std::vector<int>* notes = nullptr;
  int number = 0;
  void observe(const Event&) { notes->push_back(number); }
};

// Each concept, and what it does not take.
struct OneArgument {
  double score(const Candidate&) const { return 0; }
};
struct NotConst {
  double score(const Candidate&, const Query&) { return 0; }
  Judgement classify(const ChatRequest&) { return {}; }
  std::optional<Offer> resolve(std::string_view, const Provider&) { return {}; }
  Time now() { return {}; }
};
struct SignedPick {
  int pick(const Candidates&, const Query&) const { return 0; }
};
struct NoState {
  Time rest_until(int, Time now) const { return now; }
  void report(int, const Outcome&, Time) const {}
};
struct OperationStays : Loop {
  struct Operation {
    Operation(const Operation&) = delete;
  };
};
struct Owner {
  struct Reservation {
    std::string tenant{};
  };
  std::optional<Reservation> reserve(const Query&, const Provider&, Money, Time) { return Reservation{}; }
  void settle(Reservation, Money, Time) {}
};

static_assert(Transport<Http> && !Transport<Loop> && !Transport<EuropeFirst>);
static_assert(AsyncTransport<Loop> && !AsyncTransport<Http> && !AsyncTransport<OperationStays>);
static_assert(RankingStrategy<EuropeFirst> && !RankingStrategy<OneArgument> && !RankingStrategy<NotConst>);
static_assert(RankingStrategy<FirstOpen> && !RankingStrategy<SignedPick> && !RankingStrategy<Http>);
static_assert(CooldownPolicy<Rest> && !CooldownPolicy<NoState>);
static_assert(Admits<CountedRest> && !Admits<Rest>);
static_assert(Classifier<Guess> && !Classifier<NotConst>);
static_assert(ModelMap<OneModel> && !ModelMap<NotConst>);
static_assert(RetryPolicy<Never> && !RetryPolicy<AskTwo>);
static_assert(Hedge<AskTwo> && !Hedge<Never>);
static_assert(Clock<Sundial> && !Clock<NotConst>);
static_assert(Observer<Note> && !Observer<Purse>);
static_assert(Budget<Purse> && !Budget<Owner>);

static_assert(ReferenceTo<std::reference_wrapper<Note>> && !ReferenceTo<Note> && !ReferenceTo<Note*>);
static_assert(!ReferenceTo<std::unique_ptr<Note>>);

template <class R, class... Ps>
using player = std::remove_cvref_t<decltype(std::declval<Bag<Ps...>&>().template get<R>())>;

// A policy whose address tells whether a bag holds it or a reference to it.
struct Learner {
  int learned = 0;
  Learner() = default;
  Learner(Learner&&) = default;
  double score(const Candidate&, const Query&) const { return learned; }
};
struct Pinned {
  int seen = 0;
  Pinned() = default;
  Pinned(const Pinned&) = delete;
  void observe(const Event&) { ++seen; }
};
struct ScoresAndWatches {
  double score(const Candidate&, const Query&) const { return 0; }
  void observe(const Event&) {}
};
struct SaysBoth : ScoresAndWatches {
  using roles = Roles<role::Ranking, role::Observer>;
};
struct SaysOne : ScoresAndWatches {
  using roles = Roles<role::Observer>;
};

}  // namespace

TEST_CASE("policies play their roles in whatever order they are given") {
  using Some = Bag<Sundial, Purse, OneModel, Never, Guess, Note, AskTwo, Rest, EuropeFirst, Loop>;
  STATIC_REQUIRE(sound<Sundial, Purse, OneModel, Never, Guess, Note, AskTwo, Rest, EuropeFirst, Loop>);
  Some bag(std::in_place, Sundial{}, Purse{}, OneModel{}, Never{}, Guess{}, Note{}, AskTwo{}, Rest{}, EuropeFirst{}, Loop{});
  STATIC_REQUIRE(std::is_same_v<decltype(bag.get<role::Transport>()), Loop&>);
  STATIC_REQUIRE(std::is_same_v<decltype(bag.get<role::Ranking>()), EuropeFirst&>);
  STATIC_REQUIRE(std::is_same_v<decltype(bag.get<role::Cooldown>()), Rest&>);
  STATIC_REQUIRE(std::is_same_v<decltype(bag.get<role::Classifier>()), Guess&>);
  STATIC_REQUIRE(std::is_same_v<decltype(bag.get<role::ModelMap>()), OneModel&>);
  STATIC_REQUIRE(std::is_same_v<decltype(bag.get<role::Retry>()), Never&>);
  STATIC_REQUIRE(std::is_same_v<decltype(bag.get<role::Hedge>()), AskTwo&>);
  STATIC_REQUIRE(std::is_same_v<decltype(std::as_const(bag).get<role::Clock>()), const Sundial&>);
  STATIC_REQUIRE(Some::count<role::Budget>() == 1);
  STATIC_REQUIRE(std::is_same_v<detail::policy_of_role<role::Ranking, Loop, EuropeFirst>, EuropeFirst>);
}

TEST_CASE("a role that nobody plays takes its default") {
  STATIC_REQUIRE(std::is_same_v<player<role::Ranking, Http>, ranking::Priority>);
  STATIC_REQUIRE(std::is_same_v<player<role::Cooldown, Http>, cooldown::CircuitBreaker>);
  STATIC_REQUIRE(std::is_same_v<player<role::Classifier, Http>, classify::Off>);
  STATIC_REQUIRE(std::is_same_v<player<role::ModelMap, Http>, models::Table>);
  STATIC_REQUIRE(std::is_same_v<player<role::Retry, Http>, retry::Backoff>);
  STATIC_REQUIRE(std::is_same_v<player<role::Hedge, Http>, hedge::Off>);
  STATIC_REQUIRE(std::is_same_v<player<role::Clock, Http>, SteadyClock>);
  STATIC_REQUIRE(Bag<Http>::count<role::Observer>() == 0);
  STATIC_REQUIRE(Bag<Http>::count<role::Ranking>() == 0);

  Bag<Http> bag(std::in_place, Http{});
  CHECK(bag.get<role::Cooldown>().failures == cooldown::CircuitBreaker{}.failures);
  CHECK(&bag.policy<cooldown::CircuitBreaker>() == &bag.get<role::Cooldown>());
  CHECK(bag.each<role::Observer>([](auto&) { FAIL("nobody observes"); }));
}

TEST_CASE("a policy that models several roles plays those that it says") {
  STATIC_REQUIRE(fault<ScoresAndWatches> == Fault::several_roles);
  STATIC_REQUIRE(sound<Http, SaysBoth> && sound<Http, SaysOne>);
  STATIC_REQUIRE(std::is_same_v<player<role::Ranking, Http, SaysBoth>, SaysBoth>);
  STATIC_REQUIRE(Bag<Http, SaysBoth>::count<role::Observer>() == 1);
  STATIC_REQUIRE(std::is_same_v<player<role::Ranking, Http, SaysOne>, ranking::Priority>);
}

TEST_CASE("only<role> keeps a policy to one role, also where it says more, and two of one type apart") {
  Bag bag = [] {
    auto ranks = only<role::Ranking>(SaysBoth{});
    auto watches = only<role::Observer>(ScoresAndWatches{});
    STATIC_REQUIRE(sound<Http, decltype(ranks), decltype(watches)>);
    return Bag<Http, decltype(ranks), decltype(watches)>(std::in_place, Http{}, ranks, watches);
  }();
  STATIC_REQUIRE(std::is_same_v<decltype(bag.get<role::Ranking>()), SaysBoth&>);
  STATIC_REQUIRE(bag.count<role::Observer>() == 1);

  using Ranks = Only<role::Ranking, ScoresAndWatches>;
  using Watches = Only<role::Observer, ScoresAndWatches>;
  STATIC_REQUIRE(sound<Http, Ranks, Watches>);
  Bag<Http, Ranks, Watches> both(std::in_place, Http{}, Ranks{}, Watches{});
  both.each<role::Observer>([&](auto& o) { CHECK(static_cast<void*>(&o) != static_cast<void*>(&both.get<role::Ranking>())); });
}

TEST_CASE("std::ref keeps a policy the caller's") {
  Pinned pinned;
  Learner learner;
  Http http;
  using Refs =
      Bag<std::reference_wrapper<Http>, std::reference_wrapper<Pinned>, Only<role::Ranking, std::reference_wrapper<Learner>>>;
  Refs bag(std::in_place, std::ref(http), std::ref(pinned), only<role::Ranking>(std::ref(learner)));
  CHECK(&bag.policy<Pinned>() == &pinned);
  CHECK(&bag.policy<Learner>() == &learner);
  CHECK(&bag.get<role::Transport>() == &http);
  CHECK(&std::as_const(bag).get<role::Ranking>() == &learner);
  bag.each<role::Observer>([](auto& o) { o.observe(Event{}); });
  CHECK(pinned.seen == 1);

  const EuropeFirst constant;
  STATIC_REQUIRE(sound<Http, std::reference_wrapper<const EuropeFirst>>);
  Bag<Http, std::reference_wrapper<const EuropeFirst>> looks(std::in_place, Http{}, std::cref(constant));
  CHECK(&looks.get<role::Ranking>() == &constant);
}

TEST_CASE("several observers are asked in the order in which they are given") {
  std::vector<int> notes;
  STATIC_REQUIRE(sound<Note, Http, Note, Note>);
  Bag<Note, Http, Note, Note> bag(std::in_place, Note{&notes, 1}, Http{}, Note{&notes, 2}, Note{&notes, 3});
  CHECK(bag.each<role::Observer>([](auto& o) { o.observe(Event{}); }));
  CHECK(notes == std::vector<int>{1, 2, 3});

  std::vector<int> asked;
  CHECK_FALSE(bag.each<role::Observer>([&](Note& o) {
    asked.push_back(o.number);
    return o.number < 2;
  }));
  CHECK(asked == std::vector<int>{1, 2});
}

TEST_CASE("what learns is moved in, and reached by its type") {
  Learner learner;
  learner.learned = 7;
  Bag<Http, Learner> bag(std::in_place, Http{}, std::move(learner));
  CHECK(bag.policy<Learner>().learned == 7);
  CHECK(&bag.policy<Learner>() == &bag.get<role::Ranking>());
  bag.policy<Learner>().learned = 8;
  CHECK(std::as_const(bag).get<role::Ranking>().learned == 8);
}

TEST_CASE("a policy without state adds no byte") {
  STATIC_REQUIRE(sizeof(Bag<Http, Rest, OneModel, retry::Off>) == 1);
  STATIC_REQUIRE(sizeof(Bag<Http, Rest, OneModel, retry::Off, EuropeFirst, Guess, Sundial, Purse, hedge::Off>) == 1);
  STATIC_REQUIRE(sizeof(Bag<Http, Rest, OneModel, retry::Off, Only<role::Ranking, ScoresAndWatches>>) == 1);
  STATIC_REQUIRE(sizeof(Bag<Http, Rest, OneModel>) == sizeof(retry::Backoff));
  STATIC_REQUIRE(sizeof(Bag<Http, OneModel, EuropeFirst, observe::Off>) == sizeof(Bag<Http, OneModel>));
}

TEST_CASE("a fault is the first of its policy, and has the name of what is missing") {
  struct Widget {};
  STATIC_REQUIRE(fault<Http> == Fault::none);
  STATIC_REQUIRE(fault<Widget> == Fault::fills_no_role);
  STATIC_REQUIRE(fault<OneArgument> == Fault::score);
  STATIC_REQUIRE(fault<SignedPick> == Fault::pick);
  STATIC_REQUIRE(fault<NoState> == Fault::state);
  STATIC_REQUIRE(fault<Owner> == Fault::reserve);
  STATIC_REQUIRE(fault<OperationStays> == Fault::start);
  STATIC_REQUIRE(fault<Pinned> == Fault::immovable);
  STATIC_REQUIRE(fault<Http*> == Fault::is_pointer);
  STATIC_REQUIRE(fault<std::unique_ptr<Http>> == Fault::is_pointer);
  STATIC_REQUIRE(fault<http::Response (*)(const http::Request&)> == Fault::is_callable);
  STATIC_REQUIRE(fault<int> == Fault::fills_no_role);
  STATIC_REQUIRE(fault<const char*> == Fault::is_pointer);
  STATIC_REQUIRE(fault<std::string> == Fault::fills_no_role);
  STATIC_REQUIRE(fault<std::vector<Provider>> == Fault::fills_no_role);
  STATIC_REQUIRE(fault<Only<role::Classifier, EuropeFirst>> == Fault::classify);
  STATIC_REQUIRE(fault<Only<int, EuropeFirst>> == Fault::bad_roles);
  STATIC_REQUIRE_FALSE(sound<Http, EuropeFirst, ranking::Cheapest>);
  STATIC_REQUIRE_FALSE(sound<EuropeFirst>);
  STATIC_REQUIRE_FALSE(sound<>);
  STATIC_REQUIRE_FALSE(sound<detail::NoFleet<Http>>);
}

TEST_CASE("a hedge needs a transport that runs two calls at once") {
  STATIC_REQUIRE(sound<Loop, AskTwo>);
  STATIC_REQUIRE(sound<Http, hedge::Off>);
  STATIC_REQUIRE_FALSE(sound<Http, AskTwo>);
  STATIC_REQUIRE_FALSE(sound<Http, std::reference_wrapper<const AskTwo>>);
}

namespace {
struct HelperInPrivate : Guess {
 private:
  [[maybe_unused]] int names = 0;
};
struct OwnName : EuropeFirst {
  static constexpr std::string_view name = "europe";
};
struct NameOfEach : EuropeFirst {
  std::string name{};
};
struct TwoNames : Sundial {  // the documented one is there, so the other is a helper
  void wait_until(Time, Stopped) const {}
  void sleep_until(Time) const {}
};
struct ScoreIsAHelper : FirstOpen {
  double score(std::size_t) const { return 0; }
};
struct FinalNames final {
  Judgement classify(const ChatRequest&) const { return {}; }
  int names() const { return 0; }
};
}  // namespace

TEST_CASE("an optional member counts by its name, and by that alone") {
  STATIC_REQUIRE(fault<Guess> == Fault::none);
  STATIC_REQUIRE(fault<HelperInPrivate> == Fault::names);
  STATIC_REQUIRE(fault<FinalNames> == Fault::names);
  STATIC_REQUIRE(fault<OwnName> == Fault::none);
  STATIC_REQUIRE(fault<NameOfEach> == Fault::name);
  STATIC_REQUIRE(fault<CountedRest> == Fault::none);
  STATIC_REQUIRE(fault<TwoNames> == Fault::none);
  STATIC_REQUIRE(fault<ScoreIsAHelper> == Fault::none);
  STATIC_REQUIRE(fault<cooldown::CircuitBreaker> == Fault::none);
  STATIC_REQUIRE(fault<cooldown::Off> == Fault::none);
  STATIC_REQUIRE(fault<models::Table> == Fault::none);
  STATIC_REQUIRE(fault<models::Identity> == Fault::none);
  STATIC_REQUIRE(fault<ranking::Cheapest> == Fault::none);
  STATIC_REQUIRE(fault<budget::Off> == Fault::none);
}
