// SPDX-License-Identifier: MIT
// Which models a vendor has now, asked of the vendor itself, and which rows of the model table it no longer has.
//
//     const auto list = providers::list_models(transport, providers::groq());
//     if (list) for (const std::string& name : list->gone) std::cout << name << " is gone\n";
//
// It is one GET, more where the list comes in pages: a client of your own has to look at the request's method.
#ifndef LLMROUTE_PROVIDERS_LIST_MODELS_HPP
#define LLMROUTE_PROVIDERS_LIST_MODELS_HPP

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "llmroute/config.hpp"
#include "llmroute/dialect/encoding.hpp"  // append_url, append_escaped
#include "llmroute/dialect/errors.hpp"    // kind_of_silence
#include "llmroute/dialect/openai.hpp"
#include "llmroute/failure.hpp"
#include "llmroute/http.hpp"
#include "llmroute/policy/model_map/table.hpp"
#include "llmroute/policy/transport.hpp"
#include "llmroute/provider.hpp"
#include "llmroute/result.hpp"
#include "llmroute/secret.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/json_reader.hpp"
#include "llmroute/wire/printable.hpp"
#include "llmroute/wire/url.hpp"

namespace llmroute::providers {

struct ModelList {
  std::vector<std::string> models{};  ///< as the vendor names them
  std::vector<std::string> gone{};    ///< of the rows for this provider or its vendor, the names that it has no longer

  /// Whether a name is listed; one that stands for the newest of several dated models is, too, and so is one with a suffix
  /// such as `:nitro`.
  bool has(std::string_view name) const noexcept {
    for (std::string_view wanted = name;; wanted = wanted.substr(0, wanted.rfind(':'))) {
      for (const std::string& model : models)
        if (model == wanted || is_dated(model, wanted)) return true;
      if (wanted.rfind(':') == wanted.npos) return false;
    }
  }

 private:
  static bool is_dated(std::string_view model, std::string_view name) noexcept {  // "name-20251001", "name-2024-07-18"
    if (!model.starts_with(name)) return false;
    const std::string_view date = model.substr(name.size());
    for (const std::string_view form : {std::string_view("-20dddddd"), std::string_view("-20dd-dd-dd")}) {
      bool fits = date.size() == form.size();
      for (std::size_t i = 0; fits && i < form.size(); ++i)
        fits = form[i] == 'd' ? date[i] >= '0' && date[i] <= '9' : date[i] == form[i];
      if (fits) return true;
    }
    return false;
  }
};

namespace detail {

/// One page of a list, as OpenAI, Anthropic and Gemini have it, and as a bare array.
struct ModelPage {
  std::vector<std::string>& models;
  std::string next{};  ///< what to ask for the next page with; empty: this is the last
  bool is_one = false;

  bool read(std::string_view body) {
    json::Reader in(body);
    if (in.kind() == json::Kind::array) {
      entries(in);
    } else {
      std::string last, token;
      bool more = false;
      const std::size_t before = models.size();
      in.object([&](std::string_view key) {
        if (key == "data" || key == "models") entries(in);
        else if (key == "has_more") in.boolean(more);
        else if (key == "last_id") in.text(last);
        else if (key == "nextPageToken") in.text(token);
      });
      if (more && last.empty() && models.size() > before) last = models.back();
      if (more && !last.empty()) dialect::detail::append_escaped(next = "after_id=", last);
      if (!token.empty()) dialect::detail::append_escaped(next = "pageToken=", token);
    }
    return in.done() && is_one;
  }

 private:
  void entries(json::Reader& in) {
    is_one = in.array([&] {
      std::string id, name;
      in.object([&](std::string_view key) {
        if (key == "id") in.text(id);
        else if (key == "name") in.text(name);
      });
      if (id.empty()) id = std::move(name);
      if (id.starts_with("models/")) id.erase(0, 7);  // Google's
      if (!id.empty()) models.push_back(std::move(id));
    });
  }
};

/// The GETs of one list, without whoever sends them.
class ModelListing {
 public:
  explicit ModelListing(const Provider& provider) : provider_(provider) { prepare(provider); }
  ModelListing(const ModelListing&) = delete;
  ModelListing& operator=(const ModelListing&) = delete;

  bool going() const noexcept { return !over_; }
  http::Request request() {
    asked_ = url_;
    if (!page_.empty()) asked_.append(asked_.find('?') == asked_.npos ? "?" : "&").append(page_);
    body_.clear();
    status_ = 0;
    return {.method = "GET", .url = asked_, .fields = fields_, .body = {}};
  }
  void head(int status) noexcept { status_ = status; }
  bool body(std::string_view bytes) {
    too_long_ = bytes.size() > most_bytes - body_.size();
    if (too_long_) return false;
    body_.append(bytes);
    return true;
  }
  void done(const http::Done& done) {
    if (too_long_) {
      fail(Kind::malformed_reply, "a list of models that is too long");
    } else if (done.error != http::Error::none) {
      fail(dialect::kind_of_silence(done.error),
           std::string(http::to_string(done.error)).append(done.detail.empty() ? "" : ": ") + done.detail);
    } else if (status_ < 200 || status_ >= 300) {
      const Dialect& dialect = provider_.dialect != nullptr ? *provider_.dialect : dialect::openai;
      ReplyBuilder::Error error;
      dialect.error(status_, body_, error);
      fail(error.kind, error.message.empty() ? "an error without a message" : error.message, error.retry_after);
    } else {
      take();
    }
  }
  bool failed() const noexcept { return failed_; }
  Failure& failure() noexcept { return failure_; }
  ModelList& list(std::span<const models::Row> rows) {
    for (const models::Row& row : rows) {
      if (row.provider != provider_.name && (provider_.vendor.empty() || row.provider != provider_.vendor)) continue;
      const std::string_view name = row.name.empty() ? row.model : row.name;
      if (!list_.has(name)) list_.gone.emplace_back(name);
    }
    return list_;
  }

 private:
  static constexpr std::size_t most_bytes = std::size_t{16} << 20;
  static constexpr int most_pages = 100;

  void prepare(const Provider& provider) {
    if (provider.function) return fail(Kind::misconfigured, "is a function, and has no list of models");
    if (!provider.problem.empty()) return fail(Kind::misconfigured, provider.problem);
    const url::Plain plain = provider.allow_plain_http ? url::Plain::anywhere : url::Plain::loopback_only;
    if (const auto wrong = url::problem(provider.url, plain); !wrong.empty())
      return fail(Kind::misconfigured, "has a URL that " + std::string(wrong));
    if (provider.url.find(url::model_placeholder) != provider.url.npos)
      return fail(Kind::misconfigured, "has a URL that is one model's, so there is no list of models");
    dialect::detail::append_url(url_, provider.url, "/models", {});
    if (provider.needs_key && provider.key.empty())
      return fail(Kind::unauthorized, "has no key: set " + provider.key_variable + ", or pass one");
    if (!provider.key.empty()) {
      key_.append(provider.key_field.prefix);
      if (!provider.key.append_to(key_)) return fail(Kind::not_sent, "has a key that cannot be sent");
    }
    for (const auto& [name, value] : provider.fields) fields_.push_back({name, value});
    if (!http::find(fields_, "accept")) fields_.push_back({"accept", "application/json"});
    if (!key_.view().empty() && !http::find(fields_, provider.key_field.name))
      fields_.push_back({provider.key_field.name, key_.view()});
  }
  void take() {
    ModelPage page{.models = list_.models};
    if (!page.read(body_)) return fail(Kind::malformed_reply, "no list of models");
    if (page.next.empty()) {
      over_ = true;
    } else if (++pages_ == most_pages || page.next == page_) {
      fail(Kind::malformed_reply, "a list of models that does not end");
    }
    page_ = std::move(page.next);
  }
  void fail(Kind kind, std::string_view why, Duration retry_after = {}) {
    over_ = failed_ = true;
    std::string words(why);
    hide(words, key_.view().substr(key_.view().empty() ? 0 : provider_.key_field.prefix.size()), 4);
    for (const auto& field : provider_.fields) hide(words, field.second, 8);  // shorter ones could be part of any word
    failure_.kind = kind;
    failure_.message = "provider \"" + printable(provider_.name, 40) + "\": " + printable(words, 500);
    failure_.provider = std::string_view(provider_.name);
    failure_.status = status_;
    failure_.retry_after = retry_after;
  }

  const Provider& provider_;
  std::string url_{}, asked_{}, page_{}, body_{};
  WipedText key_{};
  std::vector<http::Field> fields_{};
  int status_ = 0, pages_ = 0;
  bool over_ = false, failed_ = false, too_long_ = false;
  ModelList list_{};
  Failure failure_{};
};

}  // namespace detail

/// What the vendor lists, over a blocking transport; `rows` are compared with it: those of the presets, or your own.
template <class T>
Result<ModelList> list_models(T&& transport, const Provider& provider,
                              std::span<const models::Row> rows = models::preset_rows()) {
  static_assert(Transport<std::remove_reference_t<T>>, "llmroute: list_models takes a blocking Transport, then the provider");
  if constexpr (Transport<std::remove_reference_t<T>>) {
    detail::ModelListing listing(provider);
    while (listing.going()) {
      const http::Request request = listing.request();
      const auto head = [&](int status, std::span<const http::Field>) { listing.head(status); };
      const auto body = [&](std::string_view bytes) { return listing.body(bytes); };
      const http::Call call{.request = request,
                            .limits = {.connect = std::chrono::seconds(5), .total = std::chrono::seconds(60)},
                            .on_head = head,
                            .on_body = body};
#if LLMROUTE_EXCEPTIONS
      try {
        listing.done(transport.perform(call));
      } catch (...) {  // its words could quote the request, or the key
        listing.done({http::Error::io, "the transport threw an exception"});
      }
#else
      listing.done(transport.perform(call));
#endif
    }
    if (listing.failed()) return std::move(listing.failure());
    return std::move(listing.list(rows));
  }
}

}  // namespace llmroute::providers

#endif
