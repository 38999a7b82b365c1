/// A server on a loopback port that sends raw bytes, so it can violate HTTP in any way.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace tairitsu::test {

/// Returns a socket that listens on a loopback port that the system chooses.
inline int listen_on_loopback(int& port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener, 16) != 0 || getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("cannot listen on a loopback port");
  }
  port = ntohs(address.sin_port);
  return listener;
}

/// Returns a port that is probably free.
inline int free_port() {
  int port = 0;
  close(listen_on_loopback(port));
  return port;
}

/// Returns whether a process listens on the loopback port.
inline bool is_listening(int port) {
  const int caller = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool connected = connect(caller, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(caller);
  return connected;
}

class Connection {
 public:
  explicit Connection(int socket) : socket_(socket) {}

  /// Reads until the text contains `end` or the connection ends.
  std::string read_until(std::string_view end) {
    std::string text;
    std::array<char, 65536> buffer{};
    while (true) {
      const ssize_t count = recv(socket_, buffer.data(), buffer.size(), 0);
      if (count <= 0) return text;
      // `end` may be split between two reads.
      const std::size_t searched = text.size() < end.size() ? 0 : text.size() - end.size();
      text.append(buffer.data(), static_cast<std::size_t>(count));
      if (text.find(end, searched) != std::string::npos) return text;
    }
  }
  std::string read_head() { return read_until("\r\n\r\n"); }

  /// Returns false if the peer has closed the connection.
  bool write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  /// Waits until the peer closes the connection.
  void wait() { read_until("there is no such text"); }

 private:
  int socket_;
};

/// Serves one connection after another on its own thread until it is destroyed.
class LoopbackServer {
 public:
  using Handler = std::function<void(Connection&)>;

  explicit LoopbackServer(Handler handler)
      : handler_(std::move(handler)), listener_(listen_on_loopback(port_)) {
    thread_ = std::thread([this] { serve(); });
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  ~LoopbackServer() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);  // Wakes the thread from accept4.
    thread_.join();
    close(listener_);
  }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void serve() {
    while (!stopping_) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) continue;
      // Keeps the thread from waiting forever after the test has ended.
      timeval limit = {.tv_sec = 5, .tv_usec = 0};
      setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      ++connections_;
      Connection connection(socket);
      handler_(connection);
      close(socket);
    }
  }

  Handler handler_;
  int port_ = 0;
  int listener_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

}  // namespace tairitsu::test
