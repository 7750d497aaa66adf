// SPDX-License-Identifier: MIT
#include "llmroute/transport/curl.hpp"

#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "llmroute/llmroute.hpp"
#include "transport/loopback.hpp"

using namespace llmroute;
using namespace std::chrono_literals;
using tests::Asked;
using tests::Loopback;
using tests::Peer;

namespace {

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\n";
constexpr std::string_view ok_chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Something that one thread waits for and another does. Two seconds are as good as never.
class Moment {
 public:
  void come() {
    const std::lock_guard lock(mutex_);
    here_ = true;
    changed_.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 2s, [&] { return here_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool here_ = false;
};

// Whatever proxy the environment names, this machine is asked without one.
transport::CurlSettings direct() { return {.no_proxy = "*"}; }

/// One call, and all that came of it.
struct Call {
  std::string url{};
  http::Limits limits{.total = 5s};  // so that a test ends
  std::string body = "question";
  std::vector<http::Field> fields{{"content-type", "application/json"}, {"authorization", "Bearer sk-secret"}};
  std::string_view method = "POST";
  std::function<bool(std::string_view)> on_piece{};
  std::function<bool()> stopped{};

  http::Done done{};
  int status = 0;
  int heads = 0;
  std::vector<std::pair<std::string, std::string>> got_fields{};
  std::vector<std::string> pieces{};
  bool called_after_stop = false;
  Duration took{};

  std::string text() const {
    std::string all;
    for (const std::string& p : pieces) all += p;
    return all;
  }
  Call& by(transport::Curl& curl) {
    bool over = false;
    const http::Request request{.method = method, .url = url, .fields = fields, .body = body};
    auto head = [&](int s, std::span<const http::Field> fs) {
      called_after_stop |= over || !pieces.empty();
      status = s;
      ++heads;
      for (const auto& [name, value] : fs) got_fields.emplace_back(name, value);
    };
    auto take = [&](std::string_view bytes) {
      called_after_stop |= over || heads != 1;
      pieces.emplace_back(bytes);
      over = on_piece && !on_piece(bytes);
      return !over;
    };
    auto out = [&] {
      called_after_stop |= over;
      over = stopped && stopped();
      return over;
    };
    const auto start = std::chrono::steady_clock::now();
    done = curl.perform({.request = request, .limits = limits, .on_head = head, .on_body = take, .stopped = out});
    took = std::chrono::steady_clock::now() - start;
    CHECK_FALSE(called_after_stop);
    CHECK(heads <= 1);
    CHECK(done.detail.find("secret") == std::string::npos);
    return *this;
  }
  Call& by(transport::Curl&& curl) { return by(curl); }
};

const auto hang = [](Peer& p, const Asked&) { p.hang(); };

}  // namespace

TEST_CASE("a whole answer goes through the sinks, and the request arrives as it was") {
  Loopback server(
      [](Peer& p, const Asked&) { p.answer("HTTP/1.1 200 OK\r\nX-One: 1\r\nx-two:  a: b \r\nX-One: 2\r\n", "hello"); });
  Call c{.url = server.url("/v1/chat?x=1")};
  c.fields.push_back({"x-empty", " "});
  c.by(transport::Curl(direct()));
  CHECK(c.done.error == http::Error::none);
  CHECK(c.done.detail.empty());
  CHECK(c.status == 200);
  CHECK(c.text() == "hello");
  REQUIRE(c.got_fields.size() == 4);
  CHECK(c.got_fields[0] == std::pair<std::string, std::string>("X-One", "1"));
  CHECK(c.got_fields[1] == std::pair<std::string, std::string>("x-two", "a: b"));
  CHECK(c.got_fields[2] == std::pair<std::string, std::string>("X-One", "2"));

  const std::vector<Asked> asked = server.asked();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].method == "POST");
  CHECK(asked[0].path == "/v1/chat?x=1");
  CHECK(asked[0].body == "question");
  for (const char* field : {"\r\ncontent-type: application/json", "\r\nauthorization: Bearer sk-secret",
                            "\r\nx-empty:", "\r\nAccept-Encoding: identity", "\r\nUser-Agent: llmroute/"})
    CHECK_THAT(asked[0].fields, ContainsSubstring(field));
  CHECK(asked[0].fields.find("form-urlencoded") == std::string::npos);
}

TEST_CASE("a large body is sent at once, and other methods are sent as such") {
  Loopback server([](Peer& p, const Asked& q) {
    if (q.method == "HEAD") p.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    else p.answer(ok, std::to_string(q.body.size()));
  });
  transport::Curl curl(direct());
  CHECK(Call{.url = server.url("/"), .body = std::string(3'000'000, 'x')}.by(curl).text() == "3000000");
  CHECK(server.asked()[0].fields.find("Expect") == std::string::npos);
  CHECK(Call{.url = server.url("/"), .body = "", .method = "GET"}.by(curl).text() == "0");
  CHECK(Call{.url = server.url("/"), .body = ""}.by(curl).text() == "0");
  CHECK(Call{.url = server.url("/"), .body = "1234", .method = "PUT"}.by(curl).text() == "4");
  CHECK(Call{.url = server.url("/"), .body = "", .method = "HEAD"}.by(curl).done.error == http::Error::none);
  const auto asked = server.asked();
  REQUIRE(asked.size() == 5);
  CHECK(asked[1].method == "GET");
  CHECK(asked[2].method == "POST");
  CHECK(asked[3].method == "PUT");
  CHECK(asked[4].method == "HEAD");
}

TEST_CASE("a vendor's list of models comes over libcurl") {
  Loopback server([](Peer& p, const Asked&) { p.answer(ok, R"({"data":[{"id":"a"},{"id":"b"}]})"); });
  transport::Curl curl(direct());
  const auto list = providers::list_models(curl, providers::ollama({.url = server.url("/v1")}));
  REQUIRE(list);
  CHECK(list->models == std::vector<std::string>{"a", "b"});
  const auto asked = server.asked();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].method == "GET");
  CHECK(asked[0].path == "/v1/models");
  CHECK(asked[0].body.empty());
  CHECK(asked[0].fields.find("Content-Type") == std::string::npos);
}

TEST_CASE("a stream arrives piece by piece, while it is being sent") {
  Moment first_is_here;
  bool in_time = false;
  Loopback server([&](Peer& p, const Asked&) {
    p.send(std::string(ok_chunked) + "d\r\ndata: first\n\n\r\n");
    in_time = first_is_here.wait();
    p.send("e\r\ndata: second\n\n\r\n0\r\nX-Trailer: 1\r\n\r\n");
  });
  Call c{.url = server.url("/")};
  c.on_piece = [&](std::string_view) { return first_is_here.come(), true; };
  c.by(transport::Curl(direct()));
  CHECK(in_time);
  CHECK(c.done.error == http::Error::none);
  CHECK(c.pieces == std::vector<std::string>{"data: first\n\n", "data: second\n\n"});
  CHECK(c.got_fields.size() == 1);
}

TEST_CASE("an answer of any status is an answer, with its fields") {
  Loopback server([](Peer& p, const Asked&) { p.answer("HTTP/1.1 429 Too Many\r\nretry-after: 7\r\n", "{}"); });
  Call c{.url = server.url("/")};
  c.by(transport::Curl(direct()));
  CHECK(c.done.error == http::Error::none);
  CHECK(c.status == 429);
  CHECK(c.got_fields[0] == std::pair<std::string, std::string>("retry-after", "7"));
  CHECK(c.text() == "{}");
}

TEST_CASE("a redirect is an answer, too, and nobody goes there") {
  Loopback server([](Peer& p, const Asked&) { p.answer("HTTP/1.1 307 Away\r\nLocation: /elsewhere\r\n", "moved"); });
  Call c{.url = server.url("/")};
  c.by(transport::Curl(direct()));
  CHECK(c.done.error == http::Error::none);
  CHECK(c.status == 307);
  CHECK(c.text() == "moved");
  CHECK(server.asked().size() == 1);
}

TEST_CASE("heads of interim answers are skipped with their fields") {
  Loopback server([](Peer& p, const Asked&) {
    p.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    p.answer(ok, "done");
  });
  Call c{.url = server.url("/")};
  c.by(transport::Curl(direct()));
  CHECK(c.done.error == http::Error::none);
  CHECK(c.status == 200);
  CHECK(c.got_fields.size() == 1);
  CHECK(c.text() == "done");
}

TEST_CASE("an answer may end with its connection") {
  Loopback server([](Peer& p, const Asked&) { p.send(std::string(ok) + "\r\nall of it"), p.close(); });
  Call c{.url = server.url("/")};
  c.by(transport::Curl(direct()));
  CHECK(c.done.error == http::Error::none);
  CHECK(c.text() == "all of it");
}

TEST_CASE("what never reached the provider says so") {
  const tests::Port nobody;
  transport::Curl curl(direct());
  Call refused{.url = nobody.url("/v1?key=secret")};
  CHECK(refused.by(curl).done.error == http::Error::connect);
  CHECK_FALSE(refused.done.detail.empty());
  CHECK(Call{.url = "http://no-such-host.invalid/"}.by(curl).done.error == http::Error::resolve);

  Loopback silent(hang);
  Call late{.url = silent.url("/", "https"), .limits = {.connect = 100ms, .total = 5s}};  // it never says a word of TLS
  CHECK(late.by(curl).done.error == http::Error::connect);
  CHECK(late.took < 1s);
  CHECK(late.status == 0);

  transport::CurlSettings untrusting = direct();
  untrusting.ca_file = "/no/such/file";
  CHECK(Call{.url = silent.url("/", "https")}.by(transport::Curl(untrusting)).done.error == http::Error::tls);
  transport::CurlSettings through{.proxy = "nonsense://user:secret@127.0.0.1:1"};
  CHECK(Call{.url = silent.url("/")}.by(transport::Curl(through)).done.error == http::Error::connect);
}

TEST_CASE("only HTTP is spoken, and no field may smuggle in another one") {
  transport::Curl curl(direct());
  CHECK(Call{.url = "file:///etc/hostname"}.by(curl).done.detail == "Unsupported protocol");
  CHECK(Call{.url = "http://"}.by(curl).done.error == http::Error::protocol);
  Loopback server([](Peer& p, const Asked&) { p.answer(ok, "x"); });
  for (const http::Field bad : {http::Field{"a", "secret\r\nb: c"}, http::Field{"a b", "c"}, http::Field{"a:b", "c"},
                                http::Field{"", "c"}, http::Field{"a", std::string_view("b\0c", 3)}})
    CHECK(Call{.url = server.url("/"), .fields = {bad}}.by(curl).done.error == http::Error::protocol);
  for (const std::string_view bad : {"", "GE T", "POST /other HTTP/1.1\r\nx: y\r\nz:"})
    CHECK(Call{.url = server.url("/"), .method = bad}.by(curl).done.error == http::Error::protocol);
  CHECK(Call{.url = server.url(std::string_view("/\0/b", 4))}.by(curl).done.error == http::Error::protocol);
  CHECK(server.asked().empty());
}

TEST_CASE("a URL that names no scheme is not asked readably") {
  Loopback server([](Peer& p, const Asked&) { p.answer(ok, "x"); });
  Call c{.url = server.url("/").substr(std::string_view("http://").size()), .limits = {.connect = 100ms, .total = 5s}};
  c.by(transport::Curl(direct()));
  CHECK((c.done.error == http::Error::tls || c.done.error == http::Error::connect));
  CHECK(server.asked().empty());
}

TEST_CASE("a proxy is asked in its own way, and its heads are not the provider's") {
  Loopback proxy([](Peer& p, const Asked& q) {
    if (q.path == "refused:443") return p.answer("HTTP/1.1 407 Who Are You\r\nX-Proxy: 1\r\n", "no");
    if (q.method == "CONNECT") return p.send("HTTP/1.1 200 Connected\r\nX-Proxy: 1\r\n\r\n"), p.hang();
    p.answer(ok, "by proxy");
  });
  transport::Curl curl({.proxy = proxy.url("")});
  CHECK(Call{.url = "http://some.example/v1"}.by(curl).text() == "by proxy");
  CHECK(proxy.asked()[0].path == "http://some.example/v1");
  for (const char* url : {"https://refused/v1", "https://silent/v1"}) {
    Call c{.url = url, .limits = {.connect = 100ms, .total = 5s}};
    CHECK(c.by(curl).done.error == http::Error::connect);
    CHECK(c.heads == 0);
  }
  for (const Asked& q : proxy.asked()) CHECK((q.method == "POST" || q.fields.find("secret") == std::string::npos));
}

TEST_CASE("each limit ends a call") {
  Loopback server([](Peer& p, const Asked& q) {
    if (q.path == "/idle") p.send(std::string(ok_chunked) + "3\r\nabc\r\n");
    if (q.path == "/drip")
      for (int i = 0; i < 40; ++i) {
        p.send(i == 0 ? ok_chunked : "1\r\nx\r\n");
        std::this_thread::sleep_for(10ms);
      }
    p.hang();
  });
  transport::Curl curl(direct());
  const auto timed_out = [&](Call c, int status) {
    c.by(curl);
    CHECK(c.done.error == http::Error::timed_out);
    CHECK_FALSE(c.done.detail.empty());
    CHECK(c.status == status);
    CHECK(c.took >= 150ms);
    CHECK(c.took < 1s);
  };
  timed_out({.url = server.url("/hang"), .limits = {.first_byte = 150ms, .idle = 10ms}}, 0);
  timed_out({.url = server.url("/idle"), .limits = {.first_byte = 5s, .idle = 150ms}}, 200);
  timed_out({.url = server.url("/drip"), .limits = {.first_byte = 5s, .idle = 5s, .total = 150ms}}, 200);
}

TEST_CASE("the time that a caller takes over a piece is not the provider's") {
  Moment taken;
  Loopback server([&](Peer& p, const Asked&) {
    p.send(std::string(ok_chunked) + "3\r\nabc\r\n");
    taken.wait();
    p.send("3\r\ndef\r\n0\r\n\r\n");
  });
  Call c{.url = server.url("/"), .limits = {.idle = 100ms}};
  c.on_piece = [&](std::string_view) { return std::this_thread::sleep_for(150ms), taken.come(), true; };
  CHECK(c.by(transport::Curl(direct())).done.error == http::Error::none);
}

TEST_CASE("a caller who wants out gets out, while connecting, waiting and reading") {
  Loopback server([](Peer& p, const Asked& q) {
    if (q.path == "/read") p.send(std::string(ok_chunked) + "3\r\nabc\r\n");
    p.hang();
  });
  transport::Curl curl(direct());
  for (const std::string& url : {server.url("/wait"), server.url("/read"), server.url("/", "https")}) {
    CAPTURE(url);
    std::atomic<bool> out = false;
    Moment waiting;
    std::chrono::steady_clock::time_point since;
    std::thread other([&] {
      waiting.wait();
      since = std::chrono::steady_clock::now();
      out = true;
    });
    Call c{.url = url};
    int asked = 0;
    c.stopped = [&] {
      if (++asked > 4 && (url.find("/read") == url.npos || !c.pieces.empty())) waiting.come();
      return out.load();
    };
    c.by(curl);
    const auto now = std::chrono::steady_clock::now();
    other.join();
    CHECK(c.done.error == http::Error::stopped);
    CHECK(now - since < 300ms);
  }
  Call gone{.url = server.url("/")};
  gone.stopped = [] { return true; };
  const std::size_t before = server.asked().size();
  CHECK(gone.by(curl).done.error == http::Error::stopped);
  CHECK(server.asked().size() == before);
}

TEST_CASE("a caller who has enough of the body gets no more of it") {
  Loopback server([](Peer& p, const Asked&) { p.send(std::string(ok_chunked) + "3\r\nabc\r\n"), p.hang(); });
  Call c{.url = server.url("/")};
  c.on_piece = [](std::string_view) { return false; };
  c.by(transport::Curl(direct()));
  CHECK(c.done.error == http::Error::stopped);
  CHECK(c.pieces.size() == 1);
  CHECK(c.took < 1s);
}

TEST_CASE("heads and bodies beyond their limits are not taken") {
  Loopback server([](Peer& p, const Asked& q) {
    if (q.path == "/body") return p.answer(ok, std::string(1001, 'x'));
    if (q.path == "/fits") return p.answer(ok, std::string(1000, 'x'));
    p.send(ok);
    for (int i = 0; i < 20; ++i) p.send("X-Much: " + std::string(100, 'x') + "\r\n");
    p.answer("", "");
  });
  transport::CurlSettings settings = direct();
  settings.most_body_bytes = settings.most_head_bytes = 1000;
  transport::Curl curl(settings);
  CHECK(Call{.url = server.url("/fits")}.by(curl).done.error == http::Error::none);
  for (const char* path : {"/body", "/head"}) {
    Call c{.url = server.url(path)};
    c.by(curl);
    CHECK(c.done.error == http::Error::protocol);
    CHECK_THAT(c.done.detail, ContainsSubstring("too large"));
    CHECK(c.text().size() <= 1000);
  }
}

TEST_CASE("an answer that is cut, or none, is never a success") {
  const std::string answer = GENERATE(as<std::string>{},
                                      "",                                                 // closed at once
                                      "HTTP/1.1 200 OK\r\nContent-",                      // in the head
                                      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123",  // in the body
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
                                      "HTTP/1.1 100 Continue\r\n\r\n",  // and then nothing
                                      "HTTP/1.1 101 Switching Protocols\r\n\r\nnonsense", "HTTP/1.1 hello\r\n\r\n",
                                      "nonsense\r\n\r\n", "\x16\x03\x01");
  CAPTURE(answer);
  Loopback server([&](Peer& p, const Asked&) { p.send(answer), p.close(); });
  Call c{.url = server.url("/")};
  c.by(transport::Curl(direct()));
  CHECK((c.done.error == http::Error::io || c.done.error == http::Error::protocol));
  CHECK_FALSE(c.done.detail.empty());
}

TEST_CASE("connections are kept, also by what was moved, and those of calls that were left are not") {
  Loopback server([](Peer& p, const Asked& q) {
    if (q.path == "/hang") return p.send(std::string(ok_chunked) + "3\r\nabc\r\n"), p.hang();
    p.answer(ok, q.body);
  });
  transport::Curl first(direct());
  CHECK(Call{.url = server.url("/1"), .body = "a"}.by(first).text() == "a");
  transport::Curl second(std::move(first));
  CHECK(Call{.url = server.url("/2"), .body = "b"}.by(second).text() == "b");
  Call left{.url = server.url("/hang")};
  left.on_piece = [](std::string_view) { return false; };
  CHECK(left.by(second).done.error == http::Error::stopped);
  second = transport::Curl(std::move(second));
  CHECK(Call{.url = server.url("/3"), .body = "c"}.by(second).text() == "c");
  const auto asked = server.asked();
  REQUIRE(asked.size() == 4);
  CHECK(asked[1].connection == 1);
  CHECK(asked[2].connection == 1);
  CHECK(asked[3].connection == 2);
}

TEST_CASE("when a kept connection breaks, nothing is sent a second time") {
  Loopback server([](Peer& p, const Asked& q) {
    if (q.path == "/1") p.answer(ok, "fine");
    else p.close();
  });
  transport::Curl curl(direct());
  CHECK(Call{.url = server.url("/1")}.by(curl).done.error == http::Error::none);
  Call c{.url = server.url("/2")};
  c.by(curl);
  CHECK(c.done.error == http::Error::io);
  CHECK_THAT(c.done.detail, ContainsSubstring("kept connection"));
  CHECK(server.asked().size() == 2);

  for (const char* method : {"GET", "POST"}) {
    const std::size_t before = server.asked().size();
    CHECK(Call{.url = server.url("/1")}.by(curl).done.error == http::Error::none);
    CHECK(Call{.url = server.url("/2"), .body = "", .method = method}.by(curl).done.error == http::Error::io);
    CHECK(server.asked().size() == before + 2);
  }
}

#if defined(__linux__) && LIBCURL_VERSION_NUM >= 0x075400  // before, libcurl does not say that it cannot wait
TEST_CASE("where nobody can wait, the call ends instead of spinning") {
  Loopback server([](Peer& p, const Asked&) { p.send(std::string(ok) + "\r\n"), p.hang(); });
  rlimit as_it_was{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &as_it_was) == 0);
  rlimit one = as_it_was;
  one.rlim_cur = 1;  // poll() then refuses to look at two
  Call c{.url = server.url("/"), .limits = {.total = 2s}};
  c.stopped = [&] { return c.heads == 1 && ::setrlimit(RLIMIT_NOFILE, &one) != 0; };
  c.by(transport::Curl(direct()));
  ::setrlimit(RLIMIT_NOFILE, &as_it_was);
  CHECK(c.done.error == http::Error::io);
  CHECK_FALSE(c.done.detail.empty());
}
#endif

#if LLMROUTE_EXCEPTIONS
TEST_CASE("an exception does not fly through libcurl") {
  Loopback server([](Peer& p, const Asked&) { p.answer(ok, "body"); });
  Call c{.url = server.url("/")};
  c.on_piece = [](std::string_view) -> bool { throw std::runtime_error("sk-secret"); };
  CHECK(c.by(transport::Curl(direct())).done.error == http::Error::io);
}
#endif

TEST_CASE("one Curl serves many threads, with a connection for each at most") {
  Loopback server([](Peer& p, const Asked& q) { p.answer(ok, q.body); });
  transport::Curl curl(direct());
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string body = std::to_string(t) + ' ' + std::to_string(i), url = server.url("/");
        const http::Request request{.url = url, .body = body};
        std::string got;
        auto take = [&](std::string_view bytes) { return got += bytes, true; };
        right += curl.perform({.request = request, .limits = {.total = 5s}, .on_body = take}).error == http::Error::none &&
                 got == body;
      }
    });
  for (std::thread& t : threads) t.join();
  CHECK(right == 100);
  const auto asked = server.asked();
  CHECK(asked.size() == 100);
  for (const Asked& q : asked) CHECK(q.connection <= 4);
}

TEST_CASE("a router goes from a dead port to a live server, for whole replies and for streams") {
  Loopback server([](Peer& p, const Asked& q) {
    if (q.body.find("\"stream\":true") == std::string::npos)
      return p.answer("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
                      R"({"choices":[{"message":{"content":"Hello!"},"finish_reason":"stop"}]})");
    p.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    p.send("data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n");
    p.send("data: {\"choices\":[{\"delta\":{\"content\":\"lo!\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    p.close();
  });
  const tests::Port nobody;
  const auto at = [](std::string name, std::string url, int order) {
    return providers::openai_compatible(
        {.name = std::move(name), .url = std::move(url), .model = "m", .key = "sk-secret", .order = order});
  };
  Router router{Fleet{at("dead", nobody.url("/v1"), 1), at("live", server.url("/v1"), 2)}, transport::Curl(direct()),
                ranking::Priority{}};
  const Result<Reply> whole = router.complete("Say hello.");
  REQUIRE(whole);
  CHECK(whole->text == "Hello!");
  CHECK(whole->provider == "live");
  REQUIRE(whole->trail.size() == 2);
  CHECK(whole->trail[0].kind == Kind::not_sent);
  CHECK(whole->trail[0].message.view().find("secret") == std::string_view::npos);

  std::string text;
  const Result<Reply> streamed = router.stream("Say hello.", [&](const Delta& d) { return text += d.text, true; });
  REQUIRE(streamed);
  CHECK(text == "Hello!");
  CHECK(streamed->text == "Hello!");

  const auto asked = server.asked();
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].path == "/v1/chat/completions");
  CHECK_THAT(asked[0].fields, ContainsSubstring("Bearer sk-secret"));
}
