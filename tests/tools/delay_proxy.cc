// A network of our own: a TCP proxy on loopback that hands on every byte after half the round trip,
// in both directions, at whatever rate it comes.
//
//   delay_proxy TARGET_PORT ROUND_TRIP_MS          prints the port on which it listens
//
// One thread; each direction of a connection is a queue of pieces, each with the time at which it
// is due. What is under way is bounded (kUnderWayMax), as a network's windows do it: far above what
// 100 MB/s have under way in that time.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <deque>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr std::size_t kPieceBytes = 256U << 10;
constexpr std::size_t kUnderWayMax = 32U << 20;

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

struct Piece {
  Clock::time_point due;
  std::string bytes;  // empty: the sender has ended
  std::size_t sent = 0;
};

// Bytes from one socket to another.
struct Direction {
  int from = -1;
  int to = -1;
  std::deque<Piece> pieces;
  std::size_t under_way = 0;
  bool ended = false;    // nothing more comes
  bool closed = false;   // and all of it is sent
  bool blocked = false;  // the receiver takes nothing now
};

struct Connection {
  std::array<Direction, 2> directions;
  bool broken = false;
};

class Proxy {
 public:
  Proxy(std::uint16_t target_port, nanoseconds delay);
  [[nodiscard]] std::uint16_t port() const;
  [[noreturn]] void run();

 private:
  void watch(int socket, bool readable, bool writable, int verb);
  void update(const Connection& connection, int socket);
  void accept_one();
  void receive(Connection& connection, Direction& direction);
  static void send_due(Connection& connection, Direction& direction, Clock::time_point now);
  void serve(Connection& connection, int socket, std::uint32_t events);
  void send_all_due();
  void set_timer();
  void close_ended();

  const std::uint16_t target_port_;
  const nanoseconds delay_;
  const int epoll_;
  const int timer_;
  const int listener_;
  std::unordered_map<int, std::shared_ptr<Connection>> by_socket_;  // each under both its sockets
  std::string buffer_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int tcp_socket(int flags) {
  return checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), "socket");
}

void without_delay(int socket) {
  const int on = 1;
  checked(setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
}

Proxy::Proxy(std::uint16_t target_port, nanoseconds delay)
    : target_port_(target_port),
      delay_(delay),
      epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll")),
      timer_(checked(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd")),
      listener_(tcp_socket(0)),
      buffer_(kPieceBytes, '\0') {
  const sockaddr_in address = loopback(0);
  checked(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  checked(listen(listener_, 64), "listen");
  watch(listener_, true, false, EPOLL_CTL_ADD);
  watch(timer_, true, false, EPOLL_CTL_ADD);
}

std::uint16_t Proxy::port() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  checked(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  return ntohs(address.sin_port);
}

void Proxy::watch(int socket, bool readable, bool writable, int verb) {
  epoll_event event{};
  event.events = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U);
  event.data.fd = socket;
  checked(epoll_ctl(epoll_, verb, socket, &event), "epoll_ctl");
}

// A socket is the `from` of one direction and the `to` of the other.
void Proxy::update(const Connection& connection, int socket) {
  bool readable = false;
  bool writable = false;
  for (const Direction& direction : connection.directions) {
    if (direction.from == socket) readable = !direction.ended && direction.under_way < kUnderWayMax;
    if (direction.to == socket) writable = direction.blocked;
  }
  watch(socket, readable, writable, EPOLL_CTL_MOD);
}

void Proxy::accept_one() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client < 0) return;
  const int server = tcp_socket(0);
  const sockaddr_in address = loopback(target_port_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    close(client);
    close(server);
    return;
  }
  const auto connection = std::make_shared<Connection>();
  for (const int socket : {client, server}) {
    without_delay(socket);
    by_socket_[socket] = connection;
    watch(socket, true, false, EPOLL_CTL_ADD);
  }
  connection->directions[0].from = connection->directions[1].to = client;
  connection->directions[1].from = connection->directions[0].to = server;
}

void Proxy::receive(Connection& connection, Direction& direction) {
  const ssize_t got = recv(direction.from, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (got < 0) {
    connection.broken = errno != EAGAIN && errno != EINTR;
    return;
  }
  direction.ended = got == 0;
  direction.under_way += static_cast<std::size_t>(got);
  direction.pieces.push_back(
      {Clock::now() + delay_, buffer_.substr(0, static_cast<std::size_t>(got))});
}

void Proxy::send_due(Connection& connection, Direction& direction, Clock::time_point now) {
  while (!direction.pieces.empty() && direction.pieces.front().due <= now) {
    Piece& piece = direction.pieces.front();
    if (piece.bytes.empty()) {
      shutdown(direction.to, SHUT_WR);
      direction.closed = true;
      direction.pieces.pop_front();
      continue;
    }
    const ssize_t sent = send(direction.to, piece.bytes.data() + piece.sent,
                              piece.bytes.size() - piece.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    direction.blocked = sent < 0 && errno == EAGAIN;
    if (sent < 0) {
      connection.broken = errno != EAGAIN && errno != EINTR;
      return;
    }
    piece.sent += static_cast<std::size_t>(sent);
    direction.under_way -= static_cast<std::size_t>(sent);
    if (piece.sent == piece.bytes.size()) direction.pieces.pop_front();
  }
}

void Proxy::serve(Connection& connection, int socket, std::uint32_t events) {
  for (Direction& direction : connection.directions) {
    const bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    if (direction.from == socket && readable && !direction.ended) receive(connection, direction);
    if (direction.to == socket && (events & EPOLLOUT) != 0) direction.blocked = false;
  }
}

void Proxy::send_all_due() {
  const Clock::time_point now = Clock::now();
  for (const auto& [socket, connection] : by_socket_) {
    for (Direction& direction : connection->directions) {
      if (direction.to == socket && !direction.blocked) send_due(*connection, direction, now);
    }
  }
  for (const auto& [socket, connection] : by_socket_) update(*connection, socket);
}

// For what is due first. (A time that is over fires at once; zero would never.)
void Proxy::set_timer() {
  auto first = Clock::time_point::max();
  for (const auto& [socket, connection] : by_socket_) {
    for (const Direction& direction : connection->directions) {
      if (direction.blocked || direction.pieces.empty()) continue;
      first = std::min(first, direction.pieces.front().due);
    }
  }
  itimerspec when{};
  if (first != Clock::time_point::max()) {
    const auto since = std::max<std::int64_t>(1, first.time_since_epoch() / nanoseconds{1});
    when.it_value.tv_sec = since / 1000000000;
    when.it_value.tv_nsec = since % 1000000000;
  }
  checked(timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr), "timerfd_settime");
}

void Proxy::close_ended() {
  std::vector<int> gone;
  for (const auto& [socket, connection] : by_socket_) {
    const auto& [to, back] = connection->directions;
    if (connection->broken || (to.closed && back.closed)) gone.push_back(socket);
  }
  for (const int socket : gone) {
    close(socket);
    by_socket_.erase(socket);
  }
}

void Proxy::run() {
  std::array<epoll_event, 64> events{};
  while (true) {
    const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
    if (count < 0 && errno != EINTR) checked(count, "epoll_wait");
    for (int i = 0; i < count; ++i) {
      const int socket = events.at(static_cast<std::size_t>(i)).data.fd;
      if (socket == listener_) {
        accept_one();
      } else if (socket == timer_) {
        std::uint64_t fired = 0;
        static_cast<void>(!read(timer_, &fired, sizeof fired));
      } else if (const auto found = by_socket_.find(socket); found != by_socket_.end()) {
        serve(*found->second, socket, events.at(static_cast<std::size_t>(i)).events);
      }
    }
    send_all_due();
    close_ended();
    set_timer();
  }
}

template <typename Number>
Number number(std::string_view text) {
  Number out{};
  if (std::from_chars(text.data(), text.data() + text.size(), out).ec != std::errc{}) {
    throw std::runtime_error("not a number: " + std::string(text));
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: delay_proxy TARGET_PORT ROUND_TRIP_MS\n";
    return 64;
  }
  try {
    const auto round_trip = nanoseconds(std::int64_t(number<double>(argv[2]) * 1e6));
    Proxy proxy(number<std::uint16_t>(argv[1]), round_trip / 2);
    std::cout << proxy.port() << std::endl;  // NOLINT(performance-avoid-endl): it is waited for
    proxy.run();
  } catch (const std::exception& error) {
    std::cerr << "delay_proxy: " << error.what() << '\n';
    return 1;
  }
}
