// SPDX-License-Identifier: MIT
// An HTTP server on this machine that does what a test tells it to, byte by byte, and remembers what it was asked.
#ifndef LLMROUTE_TESTS_TRANSPORT_LOOPBACK_HPP
#define LLMROUTE_TESTS_TRANSPORT_LOOPBACK_HPP

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace tests {

/// A port of 127.0.0.1, held. Nobody listens unless told to, and then whoever connects is refused.
class Port {
 public:
  Port() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, any, size) != 0 || ::getsockname(socket_, any, &size) != 0) std::abort();
    number_ = ntohs(address.sin_port);
  }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port() { ::close(socket_); }

  int socket() const { return socket_; }
  std::string url(std::string_view path, std::string_view scheme = "http") const {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(number_) + std::string(path);
  }

 private:
  int socket_;
  int number_ = 0;
};

struct Asked {
  int connection = 0;  // 1 is the first one
  std::string method{}, path{}, fields{}, body{};
};

/// The server's end of one connection.
class Peer {
 public:
  explicit Peer(int socket) : socket_(socket) {}
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), 0);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void answer(std::string_view head, std::string_view body) {
    send(std::string(head) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  }
  void close() { open_ = false; }
  /// Says nothing until the other end goes away.
  void hang() {
    while (more()) input_.clear();
  }

 private:
  friend class Loopback;
  bool more() {
    char room[4096];
    const ssize_t n = ::recv(socket_, room, sizeof room, 0);
    if (n > 0) input_.append(room, static_cast<std::size_t>(n));
    else open_ = false;
    return n > 0;
  }
  std::string until(std::string_view end) {
    while (input_.find(end) == input_.npos && more()) {
    }
    const std::size_t at = input_.find(end);
    return open_ ? take(at + end.size()).substr(0, at) : std::string();
  }
  std::string take(std::size_t size) {
    while (input_.size() < size && more()) {
    }
    std::string taken = input_.substr(0, size);
    input_.erase(0, size);
    return taken;
  }

  int socket_;
  bool open_ = true;
  std::string input_{};
};

class Loopback {
 public:
  using Script = std::function<void(Peer&, const Asked&)>;

  /// The script is called for each request, by a thread for each connection. One connection serves many requests unless closed.
  explicit Loopback(Script script) : script_(std::move(script)) {
    std::signal(SIGPIPE, SIG_IGN);
    ::listen(port_.socket(), 64);
    acceptor_ = std::thread([this] { accept(); });
  }
  ~Loopback() {
    over_ = true;
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int s : sockets_) ::shutdown(s, SHUT_RDWR);
    }
    for (std::thread& t : threads_) t.join();
    for (const int s : sockets_) ::close(s);
  }

  std::string url(std::string_view path, std::string_view scheme = "http") const { return port_.url(path, scheme); }
  std::vector<Asked> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void accept() {
    while (!over_) {
      pollfd door{port_.socket(), POLLIN, 0};
      if (::poll(&door, 1, 20) <= 0) continue;
      const int s = ::accept(port_.socket(), nullptr, nullptr);
      if (s < 0) continue;
      const int at_once = 1;  // else what is sent in two pieces waits 40 ms for the client's word that the first one came
      ::setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
      const std::lock_guard lock(mutex_);
      sockets_.push_back(s);
      threads_.emplace_back([this, s, n = static_cast<int>(sockets_.size())] { serve(s, n); });
    }
  }
  void serve(int socket, int connection) {
    Peer peer(socket);
    while (peer.open_) {
      Asked q{.connection = connection};
      q.method = peer.until(" ");
      q.path = peer.until(" ");
      q.fields = peer.until("\r\n\r\n");
      const std::size_t length = q.fields.find("Content-Length: ");
      if (length != q.fields.npos) q.body = peer.take(std::stoul(q.fields.substr(length + 16)));
      if (!peer.open_) break;
      {
        const std::lock_guard lock(mutex_);
        asked_.push_back(q);
      }
      script_(peer, q);
    }
    ::shutdown(socket, SHUT_RDWR);
  }

  Script script_;
  Port port_{};
  std::atomic<bool> over_{false};
  std::mutex mutex_{};
  std::vector<int> sockets_{};
  std::vector<Asked> asked_{};
  std::vector<std::thread> threads_{};
  std::thread acceptor_{};
};

}  // namespace tests

#endif
