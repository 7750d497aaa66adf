// SPDX-License-Identifier: MIT
// libcurl as a Transport: blocking, streaming, from as many threads as like, connections kept alive. It needs libcurl 7.68 or
// newer: `-lcurl`, or in CMake `find_package(CURL)` and CURL::libcurl beside llmroute::llmroute.
//
// When to use: a program that blocks, or has a thread for each request, and no HTTP client yet.
// Not provided: an AsyncTransport, so no hedging; a user and a password for anybody but a proxy; compressed answers.
//
// A program with threads whose libcurl is older than 7.84 makes its first Curl before they use libcurl in other ways. One
// whose libcurl is older than 7.87 ignores SIGPIPE, and there a silent name server holds back who wants out.
#ifndef LLMROUTE_TRANSPORT_CURL_HPP
#define LLMROUTE_TRANSPORT_CURL_HPP

#include <curl/curl.h>

#include <chrono>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "llmroute/config.hpp"
#include "llmroute/http.hpp"
#include "llmroute/policy/clock.hpp"
#include "llmroute/policy/transport.hpp"
#include "llmroute/secret.hpp"
#include "llmroute/time.hpp"
#include "llmroute/wire/headers.hpp"
#include "llmroute/wire/url.hpp"

namespace llmroute::transport {

/// Where a text is empty libcurl does what it does by itself.
struct CurlSettings {
  std::string proxy{};     ///< "http://host:port"; else the environment's https_proxy, http_proxy, all_proxy
  std::string no_proxy{};  ///< hosts that are asked without one, between commas; "*": all
  std::string ca_file{};   ///< whom to trust, and nobody else, as PEM
  std::string client_certificate{};
  std::string client_key{};
  std::string user_agent = "llmroute/" + std::to_string(LLMROUTE_VERSION_MAJOR) + '.' + std::to_string(LLMROUTE_VERSION_MINOR);
  std::size_t most_head_bytes = std::size_t{256} << 10;  ///< of all heads of an answer, 1xx and trailers with them
  std::size_t most_body_bytes = std::size_t{64} << 20;
};

namespace detail {

inline bool curl_is_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

/// A handle for one exchange at a time, and its connections, which live in the multi handle.
struct CurlLine {
  CURL* easy = nullptr;
  CURLM* multi = nullptr;

  CurlLine() = default;
  CurlLine(CURL* e, CURLM* m) noexcept : easy(e), multi(m) {}
  CurlLine(CurlLine&& other) noexcept : easy(std::exchange(other.easy, nullptr)), multi(std::exchange(other.multi, nullptr)) {}
  CurlLine& operator=(CurlLine&& other) noexcept {
    std::swap(easy, other.easy);
    std::swap(multi, other.multi);
    return *this;
  }
  ~CurlLine() {
    if (easy != nullptr) curl_easy_cleanup(easy);
    if (multi != nullptr) curl_multi_cleanup(multi);
  }
};

/// The fields of a request as libcurl takes them. They hold the key, so they are wiped; what libcurl has sent is its own.
class CurlFields {
 public:
  CurlFields() = default;
  CurlFields(const CurlFields&) = delete;
  CurlFields& operator=(const CurlFields&) = delete;
  ~CurlFields() {
    for (const curl_slist* f = list_; f != nullptr; f = f->next) llmroute::detail::wipe(f->data, std::strlen(f->data));
    curl_slist_free_all(list_);
  }

  /// Between name and value libcurl knows three things: ": ", ";" for a value that is empty, ":" for a field not to send.
  bool add(std::string_view name, std::string_view between, std::string_view value = {}) {
    line_.clear();
    line_.append(name);
    line_.append(between);
    line_.append(value);
    line_.append({"\0", 1});
    const char* const ended = line_.view().data();  // NOLINT(bugprone-suspicious-stringview-data-usage): it ends itself
    curl_slist* const longer = curl_slist_append(list_, ended);
    if (longer != nullptr) list_ = longer;
    return longer != nullptr;
  }
  bool add(const http::Field& field) {
    const std::string_view value = http::trim(field.value);
    return add(field.name, value.empty() ? ";" : ": ", value);
  }
  curl_slist* list() const noexcept { return list_; }

  /// Whether it stays one word of a head.
  static bool is_word(std::string_view text) noexcept {
    for (const char c : text)
      if (c <= ' ' || c > '~' || c == ':' || c == ';') return false;
    return !text.empty();
  }
  /// Whether it stays one field on the wire.
  static bool can_be_sent(const http::Field& field) noexcept {
    return is_word(field.name) && field.value.find_first_of(std::string_view("\r\n\0", 3)) == field.value.npos;
  }

 private:
  curl_slist* list_ = nullptr;
  WipedText line_{};
};

/// One exchange. libcurl's callbacks come back to it, so it stays where it is.
class CurlExchange {
 public:
  CurlExchange(const CurlSettings& settings, const http::Call& call, const CurlLine& line) noexcept
      : settings_(settings), call_(call), easy_(line.easy), multi_(line.multi), unsent_(call.request.body) {}
  CurlExchange(const CurlExchange&) = delete;
  CurlExchange& operator=(const CurlExchange&) = delete;
  ~CurlExchange() {
    curl_multi_remove_handle(multi_, easy_);
    curl_easy_reset(easy_);  // it points into this exchange; connections stay
  }

  http::Done run() {
    if (wanted_no_more() || !prepare()) return done();
    if (curl_multi_add_handle(multi_, easy_) != CURLM_OK) return {http::Error::io, "libcurl takes no further call"};
    for (;;) {
      int running = 0;
      const CURLMcode driven = curl_multi_perform(multi_, &running);
      if (error_ != http::Error::none) return done();
      if (driven != CURLM_OK) return {http::Error::io, curl_multi_strerror(driven)};
      if (running == 0) return ended();
      if (wanted_no_more()) return done();
      const Time now = clock_.now(), due = next_limit();
      if (now >= due) return {http::Error::timed_out, late_};
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(shorter(due - now, slice));
      const CURLMcode waited = curl_multi_poll(multi_, nullptr, 0, static_cast<int>(wait.count()), nullptr);
      if (waited != CURLM_OK) return {http::Error::io, curl_multi_strerror(waited)};  // to ask on would be to spin
    }
  }

 private:
  static constexpr Duration slice = std::chrono::milliseconds(50);  // `stopped` is to be asked every 100 ms

  template <class T>
  bool set(CURLoption option, T value) noexcept {
    static_assert(std::is_pointer_v<T> || std::is_same_v<T, long> || std::is_same_v<T, curl_off_t>, "as libcurl reads it");
    return curl_easy_setopt(easy_, option, value) == CURLE_OK;
  }
  bool set_unless_empty(CURLoption option, const std::string& text) noexcept {
    return text.empty() || set(option, text.c_str());
  }

  bool prepare() {
    // libcurl writes a method into the head as it is, and takes a URL for as long as it is a C string.
    if (!CurlFields::is_word(call_.request.method) || call_.request.url.find('\0') != std::string_view::npos)
      return fail(http::Error::protocol, "the method or the URL of the request cannot be sent");
    for (const http::Field& field : call_.request.fields)
      if (!CurlFields::can_be_sent(field)) return fail(http::Error::protocol, "a field of the request cannot be sent");
    if (!set_up() || !set_request()) return fail(http::Error::io, "libcurl lacks an option, or memory");
    return true;
  }

  bool set_up() noexcept {
#if LIBCURL_VERSION_NUM >= 0x075500
    bool good = set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    bool good = set(CURLOPT_PROTOCOLS, long{CURLPROTO_HTTP | CURLPROTO_HTTPS});
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    good = good && set(CURLOPT_QUICK_EXIT, 1L);  // to leave without waiting for the name server
#endif
    if (!settings_.ca_file.empty())
      set<const char*>(CURLOPT_CAPATH, nullptr);  // whom the system trusts; not all builds have it
    return good && set(CURLOPT_DEFAULT_PROTOCOL, "https") && set(CURLOPT_NOSIGNAL, 1L) && set(CURLOPT_FOLLOWLOCATION, 0L) &&
           set(CURLOPT_SSL_VERIFYPEER, 1L) && set(CURLOPT_SSL_VERIFYHOST, 2L) &&
           set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2}) && set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) &&
           set(CURLOPT_TCP_KEEPALIVE, 1L) && set(CURLOPT_ERRORBUFFER, said_) &&
           set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(call_.limits.connect)) &&
           set_unless_empty(CURLOPT_PROXY, settings_.proxy) && set_unless_empty(CURLOPT_NOPROXY, settings_.no_proxy) &&
           set_unless_empty(CURLOPT_CAINFO, settings_.ca_file) &&
           set_unless_empty(CURLOPT_SSLCERT, settings_.client_certificate) &&
           set_unless_empty(CURLOPT_SSLKEY, settings_.client_key) && set_unless_empty(CURLOPT_USERAGENT, settings_.user_agent);
  }

  bool set_request() {
    const http::Request& q = call_.request;
    bool good = fields_.add("Expect", ":");  // else a large body waits for a 100 that many servers never send
    if (!http::find(q.fields, "accept-encoding")) good = good && fields_.add("Accept-Encoding", ": ", "identity");
    if (!http::find(q.fields, "content-type")) good = good && fields_.add("Content-Type", ":");
    for (const http::Field& field : q.fields) good = good && fields_.add(field);

    // What breaks with a kept connection libcurl sends once more by itself, and nobody knows whether the first one was worked
    // on. It cannot where a body comes from a callback that does not go back, nor where the connection is a new one.
    if (q.body.empty()) good = good && set(CURLOPT_FRESH_CONNECT, 1L);

    if (q.method == "HEAD") {
      good = good && set(CURLOPT_NOBODY, 1L);
    } else if (q.method != "GET" || !q.body.empty()) {
      good = good && set(CURLOPT_POST, 1L) && set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(q.body.size())) &&
             set(CURLOPT_CUSTOMREQUEST, std::string(q.method).c_str());
    }
    return good && set(CURLOPT_URL, std::string(q.url).c_str()) && set(CURLOPT_HTTPHEADER, fields_.list()) &&
           set(CURLOPT_READFUNCTION, &CurlExchange::give) && set(CURLOPT_READDATA, static_cast<void*>(this)) &&
           set(CURLOPT_HEADERFUNCTION, &CurlExchange::take<&CurlExchange::head_line>) &&
           set(CURLOPT_HEADERDATA, static_cast<void*>(this)) &&
           set(CURLOPT_WRITEFUNCTION, &CurlExchange::take<&CurlExchange::body>) &&
           set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  }

  // To libcurl zero is five minutes, so none is a day.
  static long milliseconds(Duration d) noexcept {
    constexpr Duration day = std::chrono::hours(24);
    return static_cast<long>(
        std::chrono::ceil<std::chrono::milliseconds>(d > Duration::zero() ? shorter(d, day) : day).count());
  }

  // Nothing flies through libcurl, which is C.
  template <bool (CurlExchange::*Sink)(std::string_view)>
  static std::size_t take(char* bytes, std::size_t size, std::size_t count, void* self) noexcept {
    CurlExchange& x = *static_cast<CurlExchange*>(self);
    if (x.error_ != http::Error::none) return 0;
#if LLMROUTE_EXCEPTIONS
    try {
      return (x.*Sink)({bytes, size * count}) ? size * count : 0;
    } catch (...) {  // its words could quote the answer
      x.fail(http::Error::io, "an exception while the answer was read");
      return 0;
    }
#else
    return (x.*Sink)({bytes, size * count}) ? size * count : 0;
#endif
  }
  static std::size_t give(char* room, std::size_t size, std::size_t count, void* self) noexcept {
    std::string_view& unsent = static_cast<CurlExchange*>(self)->unsent_;
    const std::size_t n = unsent.copy(room, size * count);
    unsent.remove_prefix(n);
    return n;
  }

  bool head_line(std::string_view line) {
    if (line.size() > settings_.most_head_bytes - head_bytes_) return fail(http::Error::protocol, "the head is too large");
    head_bytes_ += line.size();
    if (headed_) return true;  // a trailer
    head_.append(line);
    return (line != "\r\n" && line != "\n") || head_over();
  }

  bool head_over() {
    std::string_view rest = head_;
    const std::string_view first = next_line(rest);
    const int status = url::number(first.substr(first.find(' ') + 1).substr(0, 3), 999);
    if (status < 100) return fail(http::Error::protocol, "a head without a status");
    if (status < 200) return head_.clear(), true;
    std::vector<http::Field> fields;
    while (!rest.empty()) {
      const std::string_view line = next_line(rest);
      const std::size_t colon = line.find(':');
      if (colon == 0 || colon == line.npos || line.front() == ' ' || line.front() == '\t') continue;  // a folded line, say
      fields.push_back({line.substr(0, colon), http::trim(line.substr(colon + 1))});
    }
    headed_ = true;
    if (call_.on_head) call_.on_head(status, fields);
    heard_ = clock_.now();
    return true;
  }
  static std::string_view next_line(std::string_view& rest) noexcept {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + (line.size() < rest.size() ? 1 : 0));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
  }

  bool body(std::string_view bytes) {
    if (!headed_) return fail(http::Error::protocol, "a body without a head");
    if (bytes.size() > settings_.most_body_bytes - body_bytes_) return fail(http::Error::protocol, "the body is too large");
    body_bytes_ += bytes.size();
    if (!bytes.empty() && call_.on_body && !call_.on_body(bytes)) return fail(http::Error::stopped, "");
    heard_ = clock_.now();  // the time that the caller took is not the provider's
    return true;
  }

  bool wanted_no_more() { return call_.stopped && call_.stopped() && !fail(http::Error::stopped, ""); }

  /// Of those that libcurl does not keep. Only the connect limit means that nothing was sent, and that one it knows best.
  Time next_limit() noexcept {
    Time due = never;
    const auto limit = [&](Duration d, Time from, const char* late) {
      if (d <= Duration::zero() || later(from, d) >= due) return;
      due = later(from, d);
      late_ = late;
    };
    if (headed_) limit(call_.limits.idle, heard_, "no further byte in time");
    else limit(call_.limits.first_byte, begun_, "no first byte in time");
    limit(call_.limits.total, begun_, "not finished in time");
    return due;
  }

  // False, so that it can be returned.
  bool fail(http::Error error, const char* detail) noexcept {
    error_ = error;
    detail_ = detail;
    return false;
  }
  http::Done done() const { return {error_, detail_}; }

  http::Done ended() const {
    int left = 0;
    const CURLMsg* const message = curl_multi_info_read(multi_, &left);
    if (message == nullptr || message->msg != CURLMSG_DONE) return {http::Error::io, "libcurl does not say how it ended"};
    const CURLcode code = message->data.result;
    if (code == CURLE_OK && !headed_) return {http::Error::protocol, "no answer but interim ones"};
    if (code == CURLE_OK) return {};
    if (code == CURLE_SEND_FAIL_REWIND) return {http::Error::io, "a kept connection broke, and nothing is sent twice"};
    http::Error error = error_of(code);
    if (error == http::Error::io && nothing_sent()) error = http::Error::connect;  // a proxy that wants no tunnel, say
    // Only before anything is sent do libcurl's own words tell more than the code, and those could quote a proxy's password.
    const std::string_view said = said_;
    const bool connecting = error == http::Error::resolve || error == http::Error::connect || error == http::Error::tls;
    const bool quotable = connecting && !said.empty() && said.find_first_of("@?") == said.npos;
    return {error, std::string(quotable ? said : std::string_view(curl_easy_strerror(code)))};
  }

  bool nothing_sent() const noexcept {
    curl_off_t sending_since = 0;
    return unsent_.size() == call_.request.body.size() &&
           curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &sending_since) == CURLE_OK && sending_since == 0;
  }

  static http::Error error_of(CURLcode code) noexcept {
    switch (code) {
      case CURLE_COULDNT_RESOLVE_HOST:
      case CURLE_COULDNT_RESOLVE_PROXY: return http::Error::resolve;
#if LIBCURL_VERSION_NUM >= 0x074900
      case CURLE_PROXY:
#endif
      case CURLE_OPERATION_TIMEDOUT:  // the connect limit: libcurl was given no other
      case CURLE_COULDNT_CONNECT: return http::Error::connect;
#if LIBCURL_VERSION_NUM >= 0x074D00
      case CURLE_SSL_CLIENTCERT:
#endif
      case CURLE_SSL_CONNECT_ERROR:
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CERTPROBLEM:
      case CURLE_SSL_CIPHER:
      case CURLE_SSL_CACERT_BADFILE:
      case CURLE_SSL_CRL_BADFILE:
      case CURLE_SSL_ISSUER_ERROR:
      case CURLE_SSL_ENGINE_NOTFOUND:
      case CURLE_SSL_ENGINE_SETFAILED:
      case CURLE_SSL_ENGINE_INITFAILED:
      case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      case CURLE_SSL_INVALIDCERTSTATUS:
      case CURLE_USE_SSL_FAILED: return http::Error::tls;
      case CURLE_UNSUPPORTED_PROTOCOL:
      case CURLE_URL_MALFORMAT:
      case CURLE_WEIRD_SERVER_REPLY:
      case CURLE_HTTP2:
      case CURLE_HTTP2_STREAM: return http::Error::protocol;
      default: return http::Error::io;
    }
  }

  const CurlSettings& settings_;
  const http::Call& call_;
  CURL* easy_;
  CURLM* multi_;
  std::string_view unsent_;
  CurlFields fields_{};
  std::string head_{};
  std::size_t head_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  bool headed_ = false;
  SteadyClock clock_{};
  Time begun_ = clock_.now();
  Time heard_ = begun_;
  const char* late_ = "";
  http::Error error_ = http::Error::none;
  const char* detail_ = "";
  char said_[CURL_ERROR_SIZE] = {};
};

}  // namespace detail

/// `Router{fleet, transport::Curl{}}`, or `transport::Curl{{.proxy = "http://proxy:3128"}}`. Not to be moved during a call.
class Curl {
 public:
  using Settings = CurlSettings;

  Curl() : Curl(CurlSettings()) {}
  explicit Curl(CurlSettings settings) : settings_(std::move(settings)), ready_(detail::curl_is_ready()) {}
  Curl(Curl&& other) noexcept : settings_(std::move(other.settings_)), ready_(other.ready_), idle_(std::move(other.idle_)) {}
  Curl& operator=(Curl&& other) noexcept {
    settings_ = std::move(other.settings_);
    ready_ = other.ready_;
    idle_ = std::move(other.idle_);
    return *this;
  }

  http::Done perform(const http::Call& call) {
    if (!ready_) return {http::Error::io, "libcurl could not be initialised"};
    detail::CurlLine line = take();
    if (line.easy == nullptr || line.multi == nullptr) return {http::Error::io, "libcurl gave no handle"};
    http::Done done = detail::CurlExchange(settings_, call, line).run();
    put(std::move(line));
    return done;
  }

 private:
  static constexpr std::size_t most_idle = 64;

  // The one that was used last: its connections are the freshest.
  detail::CurlLine take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        detail::CurlLine line = std::move(idle_.back());
        idle_.pop_back();
        return line;
      }
    }
    detail::CurlLine line(curl_easy_init(), curl_multi_init());
    if (line.multi != nullptr) curl_multi_setopt(line.multi, CURLMOPT_MAXCONNECTS, 16L);  // else four: fleets are larger
    return line;
  }
  void put(detail::CurlLine&& line) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < most_idle) idle_.push_back(std::move(line));
  }

  CurlSettings settings_;
  bool ready_;
  std::mutex mutex_{};
  std::vector<detail::CurlLine> idle_{};
};

static_assert(Transport<Curl> && !AsyncTransport<Curl>);

}  // namespace llmroute::transport

#endif
