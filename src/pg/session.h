// One libpq connection with everything pinned that could change the meaning of a value or a name:
// the data path. libpq and not libpqxx, because libpqxx 6.4.5 has no binary results, no COPY in
// binary form, no cancel and no way to tell a COMMIT that was lost from one that failed.
//
// Promises:
//  - The server is PostgreSQL 15 or later with a UTF8 database, else open() throws fatal.
//  - Never reconnects by itself: what is lost is noticed, and the next open() makes it anew.
//  - Every failure is a tidemark::Error by pg/sqlstate.h. Its message never holds DETAIL or
//  CONTEXT.
//  - commit() throws in_doubt if the connection was lost while COMMIT was under way.
//  - A server that does not answer is said in the log (target.slow), and cancel() ends the wait for
//    it within a second or so, whether it answers or not; for good.
//  - Another server than before, or the same one promoted, is said in the log (target.changed).
// One thread uses a Session; only cancel() may come from another.
#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pg/conninfo.h"
#include "pg/sqlstate.h"
#include "pg/text_rows.h"

namespace tidemark {

// The result of a statement. Views into it live as long as it does.
class Result {
 public:
  Result() = default;
  explicit Result(PGresult* result) : result_(result, &PQclear) {}
  [[nodiscard]] int rows() const { return PQntuples(result_.get()); }
  [[nodiscard]] int columns() const { return PQnfields(result_.get()); }
  [[nodiscard]] bool is_null(int row, int column) const {
    return PQgetisnull(result_.get(), row, column) != 0;
  }
  // The value's bytes, in the format that was asked for; empty for null.
  [[nodiscard]] std::string_view value(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  // Rows that the statement touched, by its command tag.
  [[nodiscard]] std::uint64_t affected() const;
  [[nodiscard]] PGresult* get() const { return result_.get(); }

 private:
  std::unique_ptr<PGresult, decltype(&PQclear)> result_{nullptr, &PQclear};
};

// The parameters of one statement, in order. Points to bytes that others own, but for numbers.
class Parameters {
 public:
  void clear();
  // A value in PostgreSQL's binary form.
  // (A null pointer would be taken for null.)
  void binary(std::string_view bytes) {
    add(bytes.data() == nullptr ? "" : bytes.data(), bytes.size(), 1);
  }
  // A value as text; it must end with '\0', and hold none.
  void text(const std::string& value) { add(value.c_str(), value.size(), 0); }
  void null() { add(nullptr, 0, 0); }
  void number(std::int64_t value);
  [[nodiscard]] int count() const { return static_cast<int>(values_.size()); }

 private:
  friend class Session;
  void add(const char* at, std::size_t size, int format);

  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
  std::vector<std::unique_ptr<std::string>> numbers_;
};

enum class ResultFormat { text = 0, binary = 1 };

// Aside: a connection for questions beside the data path's. It gives a statement up after a minute,
// and leaves it to the data path to say that the server is another one.
enum class SessionUse { data_path, aside };

class Session {
 public:
  explicit Session(ConnectionSettings settings, SessionUse use = SessionUse::data_path);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Connects if need be.
  void open();
  void close() noexcept;
  [[nodiscard]] bool is_open() const { return connection_ != nullptr; }
  [[nodiscard]] bool in_transaction() const;

  // One or more statements without parameters.
  void run(const std::string& sql);
  // A statement that is prepared once a connection, by its text.
  Result execute(const std::string& sql, const Parameters& parameters,
                 ResultFormat format = ResultFormat::text);
  // A statement that is not worth preparing.
  Result query(const std::string& sql, const Parameters& parameters,
               ResultFormat format = ResultFormat::text);
  TextRows query_text(const std::string& sql, const std::vector<std::string>& parameters = {});

  // COPY … FROM STDIN: start, any number of pieces, finish. `sql` may hold statements before and
  // after it, which need no trip of their own.
  void copy_begin(const std::string& sql);
  void copy_data(std::string_view bytes);
  std::uint64_t copy_end();

  void commit();
  // Leaves the session without a transaction, if need be without a connection.
  void rollback() noexcept;

  // Makes prepared statements anew, because what they name has changed.
  void forget_prepared() { prepared_stale_ = true; }

  // How long the calls above have waited so far: from a statement's sending to its answer.
  [[nodiscard]] std::chrono::nanoseconds waited() const { return waited_; }

  // Called now and then while an answer is waited for, until it says that it is done; it must not
  // use the session, nor throw. Null: nothing is. Whoever sets it takes it back before it is gone.
  void set_meanwhile(const std::function<bool()>* work) { meanwhile_ = work; }

  // Once while it lives, in one of the waits, and before what set_meanwhile() has given.
  class First {
   public:
    First(Session& session, std::function<void()> work) : session_(session) {
      session_.first_ = std::move(work);
    }
    ~First() { session_.first_ = nullptr; }
    First(const First&) = delete;
    First& operator=(const First&) = delete;

   private:
    Session& session_;
  };

  // From any thread: ends what the session waits for, a connection attempt too. Whatever is tried
  // with it afterwards fails at once.
  void cancel() noexcept;

 private:
  struct Wait;

  void connect();
  void await_connection(int timeout_seconds);
  void check_server();
  void note_identity();
  Result answer(int sent);
  PGresult* next_result(Wait& wait);
  void send_all(Wait& wait);
  bool await(Wait& wait, short events, std::chrono::milliseconds longest);
  [[noreturn]] void abandon();
  [[noreturn]] void give_up();
  [[noreturn]] void fail_connect();
  const std::string& prepared(const std::string& sql);
  Result checked(PGresult* raw);
  void require_open();
  [[noreturn]] void fail(const PGresult* result);

  const ConnectionSettings settings_;
  const SessionUse use_;
  PGconn* connection_ = nullptr;
  std::unordered_map<std::string, std::string> prepared_;  // by text: name
  std::uint64_t prepared_count_ = 0;
  bool prepared_stale_ = false;
  bool committing_ = false;
  std::chrono::nanoseconds waited_{};
  const std::function<bool()>* meanwhile_ = nullptr;
  std::function<void()> first_;
  std::string identity_;  // of the server that we were last connected to

  // Shared with cancel().
  std::mutex cancel_mutex_;
  std::shared_ptr<PGcancel> cancel_handle_;  // guarded by cancel_mutex_
  std::atomic<bool> interrupted_ = false;
};

}  // namespace tidemark
