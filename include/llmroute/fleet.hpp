// SPDX-License-Identifier: MIT
// The providers that a router holds. A fleet checks itself when it is made and remembers its first problem; a router with an
// unsound one sends nothing.
#ifndef LLMROUTE_FLEET_HPP
#define LLMROUTE_FLEET_HPP

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "llmroute/health_checks.hpp"
#include "llmroute/limits.hpp"
#include "llmroute/name_index.hpp"
#include "llmroute/options.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/result.hpp"
#include "llmroute/text.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/printable.hpp"
#include "llmroute/wire/url.hpp"
#include "llmroute/wire/utf8.hpp"

namespace llmroute {

/// What a fleet is made of: a provider, or many.
template <class T>
concept ForFleet =
    std::same_as<std::remove_cvref_t<T>, Provider> || std::same_as<std::remove_cvref_t<T>, std::vector<Provider>>;

/// `Fleet{providers::groq(), providers::each(providers::openai, keys)}`. A provider that needs a key and has none is left
/// out; when none is left, that is the problem, and it names every variable that was looked for.
class Fleet {
 public:
  template <class... P>
    requires(ForFleet<P> && ...)
  explicit Fleet(P&&... providers) {
    providers_.reserve((std::size_t{0} + ... + count(providers)));
    (admit(static_cast<P&&>(providers)), ...);
    examine();
  }
  explicit Fleet(std::vector<Provider> providers) {
    providers_.reserve(providers.size());
    admit(std::move(providers));
    examine();
  }

  /// What holds for requests that do not say otherwise.
  Fleet timeouts(Timeouts t) && { return std::move(timeouts(t)); }
  Fleet& timeouts(Timeouts t) & {
    timeouts_ = t;
    examine();
    return *this;
  }
  const Timeouts& timeouts() const& noexcept { return timeouts_; }
  /// Who is asked now and then how it is: see `Router::poll`.
  Fleet health_checks(HealthChecks checks) && { return std::move(health_checks(std::move(checks))); }
  Fleet& health_checks(HealthChecks checks) & {
    health_checks_ = std::move(checks);
    examine();
    return *this;
  }
  const std::optional<HealthChecks>& health_checks() const& noexcept { return health_checks_; }
  /// Whom the router works for: what each may use, and how much of it. From then on a request may name only one of these.
  Fleet tenants(std::vector<Tenant> all) && { return std::move(tenants(std::move(all))); }
  Fleet& tenants(std::vector<Tenant> all) & {
    tenants_ = std::move(all);
    examine();
    return *this;
  }
  const std::vector<Tenant>& tenants() const& noexcept { return tenants_; }
  /// What the providers of one `Provider::quota_group` may use together.
  Fleet quota_groups(std::vector<QuotaGroup> all) && { return std::move(quota_groups(std::move(all))); }
  Fleet& quota_groups(std::vector<QuotaGroup> all) & {
    quota_groups_ = std::move(all);
    examine();
    return *this;
  }
  const std::vector<QuotaGroup>& quota_groups() const& noexcept { return quota_groups_; }

  /// A fleet that cannot be used, and says why.
  static Fleet unusable(std::string why) {
    Fleet f{std::vector<Provider>{}};
    f.problem_ = std::move(why);
    return f;
  }

  /// Sound, or the first problem: which provider, which field, what to do. Never a key.
  Result<void>(check)() const {  // parenthesised: some frameworks define check(x) as a macro
    if (problem().empty()) return {};
    Failure f;
    f.kind = Kind::misconfigured;
    f.message = problem();
    return f;
  }
  const std::string& problem() const noexcept {
    static const std::string moved_from = "the fleet was moved to somewhere else";
    return providers_.empty() && problem_.empty() ? moved_from : problem_;
  }

  const std::vector<Provider>& providers() const noexcept { return providers_; }
  /// The names of those that were left out for want of a key.
  const std::vector<std::string>& left_out() const noexcept { return left_out_; }

 private:
  static std::size_t count(const Provider&) noexcept { return 1; }
  static std::size_t count(const std::vector<Provider>& many) noexcept { return many.size(); }

  void admit(std::vector<Provider> many) {
    for (Provider& p : many) admit(std::move(p));
  }
  void admit(Provider p) {
    if (p.needs_key && p.key.empty()) {
      left_out_.push_back(p.name);
      std::string wanted = p.key_variable.empty() ? "a key for " + p.name : p.key_variable;
      if (!p.key_page.empty()) wanted += " (" + p.key_page + ")";
      if (wanted_.find(wanted) == wanted_.npos) wanted_ += (wanted_.empty() ? "" : ", ") + wanted;
      return;
    }
    providers_.push_back(std::move(p));
  }

  void examine() {
    problem_.clear();
    if (providers_.empty()) {
      problem_ = left_out_.empty() ? "the fleet has no provider: give it at least one"
                                   : "no provider has a key: set one of " + wanted_ + ", or pass a key to the provider";
      return;
    }
    for (const Provider& p : providers_)
      if (!examined(p)) return;
    if (const std::size_t i = detail::NameIndex(providers_).twin(); i < providers_.size())
      return say(providers_[i], "name", "is there twice: names are unique in a fleet");
    if (const char* why = health_checks_ ? health_checks_->problem() : nullptr) {
      problem_ = std::string("fleet: health_checks.") + why;
      return;
    }
    if (!examined_tenants() || !examined_groups()) return;
    if (const char* field = bad_time(timeouts_)) problem_ = std::string("fleet: timeouts.") + field + " is not positive";
  }

  bool examined_tenants() {
    const std::size_t second = detail::NameIndex(tenants_).twin();
    for (const Tenant& t : tenants_) {
      if (second < tenants_.size() && &t == &tenants_[second]) return say("tenant", t.name, "is there twice");
      if (!examined(t.name, t.limits, "tenant")) return false;
      for (const std::string& name : t.providers)
        if (!somebody_is(name))
          return say("tenant", t.name,
                     "may use \"" + printable(name, 100) + "\", which is neither a provider of this fleet nor a tag of one");
    }
    return true;
  }
  bool examined_groups() {
    const std::size_t second = detail::NameIndex(quota_groups_).twin();
    for (const QuotaGroup& g : quota_groups_) {
      if (second < quota_groups_.size() && &g == &quota_groups_[second]) return say("quota group", g.name, "is there twice");
      if (!examined(g.name, g.limits, "quota group")) return false;
      bool used = !left_out_.empty();
      for (const Provider& p : providers_) used = used || p.quota_group == g.name;
      if (!used) return say("quota group", g.name, "no provider names it as its quota_group");
    }
    return true;
  }
  bool examined(const std::string& name, const RateLimits& limits, std::string_view what) {
    if (name.empty()) return say(what, name, "has no name");
    if (const char* field = limits.problem())
      return say(what, name, std::string("limits.") + field + " is negative or no finite number");
    return true;
  }
  bool say(std::string_view what, const std::string& name, std::string_view why) {
    problem_ = std::string(what) + " \"" + printable(name, 100) + "\": " + std::string(why);
    return false;
  }
  bool somebody_is(std::string_view name) const noexcept {
    for (const Provider& p : providers_)
      if (p.name == name || p.has_tag(name)) return true;
    return !left_out_.empty();  // one that has no key today
  }

  bool examined(const Provider& p) {
    if (p.name.empty() || p.name.size() > ProviderName::capacity()) return say(p, "name", "must have 1 to 31 bytes"), false;
    for (char c : p.name)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return say(p, "name", "holds a control character"), false;
    for (const char *c = p.name.data(), *end = c + p.name.size(); c != end;) {
      const utf8::Sequence sequence = utf8::sequence(c, end);
      if (sequence.found != utf8::Found::whole) return say(p, "name", "is no UTF-8"), false;
      c += sequence.length;
    }
    if (!p.problem.empty()) return say(p, printable(p.problem, 300)), false;
    if (!p.function && !has_sound_url(p)) return false;
    if (auto why = p.key.problem(); !why.empty()) return say(p, "key", why), false;
    if (p.needs_key && p.key.empty()) return say(p, "key", "is empty"), false;
    for (const auto& [name, value] : p.fields) {
      if (!is_token(name)) return say(p, "fields", "has a name that HTTP does not allow"), false;
      if (!is_value(value)) return say(p, "fields", "has a value with a control character"), false;
    }
    if (!is_token(p.key_field.name)) return say(p, "key_field.name", "is no name that HTTP allows"), false;
    if (!is_value(p.key_field.prefix)) return say(p, "key_field.prefix", "holds a control character"), false;
    if (!p.extra.empty() && !is_object(p.extra)) return say(p, "extra", "is not a valid JSON object"), false;
    if (!is_value(p.model)) return say(p, "model", "holds a control character"), false;
    if (p.price.malformed()) return say(p, "price", "is no price: write dollars as text, per_million(\"0.05\")"), false;
    if (p.window < 0) return say(p, "window", "is negative"), false;
    if (const char* field = bad_number(p)) return say(p, field, "is negative or no finite number"), false;
    if (!(p.quality >= 0 && p.quality <= 1)) return say(p, "quality", "is not between 0 and 1"), false;
    if (const char* field = p.limits.problem())
      return say(p, (std::string("limits.") + field).c_str(), "is negative or no finite number"), false;
    if (p.expected_latency < Duration::zero()) return say(p, "expected_latency", "is negative"), false;
    if (const char* field = bad_time(p.timeouts))
      return say(p, (std::string("timeouts.") + field).c_str(), "is not positive"), false;
    return true;
  }

  bool has_sound_url(const Provider& p) {
    if (auto why = url::problem(p.url, p.allow_plain_http ? url::Plain::anywhere : url::Plain::loopback_only); !why.empty())
      return say(p, "url", why), false;
    if (std::string_view(p.url).substr(0, p.url.find_first_of("?#")).ends_with("/chat/completions"))
      return say(p, "url", "ends in /chat/completions, which is added to it: give what stands before that"), false;
    return true;
  }

  void say(const Provider& p, const char* field, std::string_view what) { say(p, std::string(field).append(" ").append(what)); }
  void say(const Provider& p, std::string_view what) {
    std::string name;  // whatever it holds, the message stays one readable line
    const Text<40> cut(p.name);
    for (char c : cut.view()) name += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    const std::string who = name.empty() ? "number " + std::to_string(&p - providers_.data() + 1) : '"' + name + '"';
    problem_ = "provider " + who + ": " + std::string(what);
  }

  static bool is_object(std::string_view json) {
    json::Reader in(json);
    return in.kind() == json::Kind::object && in.done();
  }
  static bool is_token(std::string_view s) noexcept {
    for (char c : s)
      if (c <= ' ' || c >= 0x7F || std::string_view("\"(),/:;<=>?@[\\]{}").find(c) != std::string_view::npos) return false;
    return !s.empty();
  }
  static bool is_value(std::string_view s) noexcept {
    for (char c : s)
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) return false;
    return true;
  }
  static bool fine(double d) noexcept { return d >= 0 && d <= 1e300; }  // false for NaN too
  static const char* bad_number(const Provider& p) noexcept {
    if (!fine(p.markup)) return "markup";
    if (!fine(p.weight)) return "weight";
    if (!fine(p.free.requests_per_day)) return "free.requests_per_day";
    if (!fine(p.free.tokens_per_day)) return "free.tokens_per_day";
    return nullptr;
  }
  static const char* bad_time(const Timeouts& t) noexcept {
    return t.deadline && *t.deadline <= Duration::zero() ? "deadline" : without_time(t);
  }
  std::vector<Provider> providers_;
  std::vector<std::string> left_out_;
  std::string wanted_, problem_;
  Timeouts timeouts_{};
  std::optional<HealthChecks> health_checks_{};
  std::vector<Tenant> tenants_{};
  std::vector<QuotaGroup> quota_groups_{};
};

}  // namespace llmroute

#endif
