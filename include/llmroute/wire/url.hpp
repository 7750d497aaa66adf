// SPDX-License-Identifier: MIT
// Whether a base URL is one that a key may be sent to.
#ifndef LLMROUTE_WIRE_URL_HPP
#define LLMROUTE_WIRE_URL_HPP

#include <cstddef>
#include <string_view>

namespace llmroute::url {

enum class Plain : bool { loopback_only, anywhere };

constexpr std::string_view host_of(std::string_view url) noexcept {
  if (const std::size_t scheme = url.find("://"); scheme != url.npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const std::size_t user = url.rfind('@'); user != url.npos) url.remove_prefix(user + 1);
  if (!url.empty() && url.front() == '[') return url.substr(0, url.find(']') == url.npos ? url.npos : url.find(']') + 1);
  return url.substr(0, url.find(':'));
}

/// Plain digits as a number up to `most`, else -1.
constexpr int number(std::string_view digits, int most) noexcept {
  if (digits.empty() || digits.size() > 5) return -1;
  int value = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value <= most ? value : -1;
}

constexpr bool is_loopback(std::string_view host) noexcept {
  if (host == "localhost" || host == "[::1]") return true;
  if (host.substr(0, 4) != "127.") return false;
  for (int part = 1;; ++part) {  // four numbers and nothing else: 127.0.0.1.example.com is somebody else, 127.1.2.3.4 may be
    const std::string_view digits = host.substr(0, host.find('.'));
    if (number(digits, 255) < 0 || (digits.size() > 1 && digits.front() == '0')) return false;  // 010 is eight to some
    if (digits.size() == host.size()) return part == 4;
    host.remove_prefix(digits.size() + 1);
  }
}

constexpr bool is_host(std::string_view host) noexcept {
  const bool address = host.front() == '[';
  if (address && (host.size() < 4 || host.back() != ']')) return false;
  for (char c : address ? host.substr(1, host.size() - 2) : host) {
    const bool digit = c >= '0' && c <= '9', hex = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (address ? !(digit || hex || c == ':' || c == '.') : !(digit || letter || c == '-' || c == '.' || c == '_'))
      return false;
  }
  return true;
}

/// Stands in a path for the model's name, which is put there percent-escaped when a request is encoded.
inline constexpr std::string_view model_placeholder = "{model}";

/// Whether all braces are those of placeholders in the path.
constexpr bool is_template(std::string_view behind_host) noexcept {
  std::string_view path = behind_host.substr(0, behind_host.find('?'));
  if (behind_host.substr(path.size()).find_first_of("{}") != behind_host.npos) return false;
  for (std::size_t at = path.find_first_of("{}"); at != path.npos; at = path.find_first_of("{}")) {
    if (path.substr(at, model_placeholder.size()) != model_placeholder) return false;
    path.remove_prefix(at + model_placeholder.size());
  }
  return true;
}

/// Empty where the URL is fine, else what is wrong with it.
constexpr std::string_view problem(std::string_view url, Plain plain = Plain::loopback_only) noexcept {
  if (url.empty()) return "is empty";
  for (char c : url) {
    const auto u = static_cast<unsigned char>(c);
    if (u <= 0x20 || u == 0x7F) return "holds a space or a control character";
    if (u > 0x7E) return "holds a character outside ASCII";
    if (c == '\\') return "holds a backslash";
  }
  const bool https = url.substr(0, 8) == "https://", http = url.substr(0, 7) == "http://";
  if (!https && !http) return "must begin with https:// or http://";
  const std::string_view rest = url.substr(https ? 8 : 7);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != authority.npos) return "holds user info before an @: a key has its own field";
  if (authority.find('%') != authority.npos) return "holds a % in its host";
  if (url.find('#') != url.npos) return "holds a fragment";
  const std::string_view host = host_of(url);
  if (host.empty()) return "names no host";
  if (!is_host(host)) return "has a host that is neither a name nor an address";  // clients disagree on where such a host ends
  const std::string_view port = authority.substr(host.size());
  if (!is_template(rest.substr(authority.size()))) return "holds braces, which stand for {model} in its path and nothing else";
  if (!port.empty() && (port.front() != ':' || number(port.substr(1), 65'535) < 1)) return "has no valid port";
  if (http && plain == Plain::loopback_only && !is_loopback(host))
    return "is plain http to another host, so the key would travel readable: use https, or set allow_plain_http";
  return {};
}

}  // namespace llmroute::url

#endif
