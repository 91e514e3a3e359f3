// The process's memory of what the schema registry has, so that no reader ever waits for it: find()
// answers at once or asks in the background. A registry that is away is asked for as long as it
// takes; one that lacks a schema, a few times more, because a replica may lag. Schemas are kept for
// good, that the registry lacks one only for a while. Thread-safe: one background thread serves all
// lanes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "decode/schema_lookup.h"
#include "source/registry_client.h"
#include "tidemark/config.h"

namespace tidemark {

class SchemaRegistry {
 public:
  struct Patience {
    std::chrono::milliseconds retry_min{100};  // doubled each time
    std::chrono::milliseconds retry_max{5'000};
    std::chrono::milliseconds unauthorized{30'000};
    unsigned absent_tries = 6;  // within 3 to 6 s
    std::chrono::milliseconds absent_kept{10'000};
  };

  explicit SchemaRegistry(const RegistryConfig& config) : SchemaRegistry(config, Patience{}) {}
  SchemaRegistry(const RegistryConfig& config, Patience patience);
  ~SchemaRegistry();
  SchemaRegistry(const SchemaRegistry&) = delete;
  SchemaRegistry& operator=(const SchemaRegistry&) = delete;

  // As SchemaLookup wants it.
  RegisteredSchemaPtr find(const SchemaId& id);
  // Waits until something that was asked for has arrived. True: it has, or nothing is outstanding.
  bool wait(std::chrono::milliseconds longest);
  // Is anything outstanding?
  [[nodiscard]] bool asking() const;
  // Why what was asked for does not come; empty while all is well.
  [[nodiscard]] std::string waiting_for() const;
  // The registry has refused us before it has ever let us in: the credentials are wrong.
  struct Refusal {
    std::string message;
    std::string hint;
  };
  [[nodiscard]] std::optional<Refusal> refusal() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Known {
    RegisteredSchemaPtr schema;
    std::optional<Clock::time_point> until;  // of one that the registry lacks
  };
  struct Asked {
    unsigned tries = 0;  // answered that it is absent
    Clock::time_point due;
  };

  void serve();
  void note(const SchemaId& id, RegistryReply reply);
  void note_found(const SchemaId& id, RegistryReply reply);
  void note_absent(const SchemaId& id, Asked& asked, const RegistryReply& reply);
  void note_failed(const RegistryReply& reply);
  void keep(const SchemaId& id, RegisteredSchema schema, std::optional<Clock::time_point> until);
  [[nodiscard]] std::chrono::milliseconds backoff(unsigned tries) const;
  std::chrono::milliseconds up_to(std::chrono::milliseconds longest);

  const Patience patience_;
  RegistryClient client_;                        // the background thread's, but for cancel()
  std::mt19937 random_{std::random_device{}()};  // the background thread's

  mutable std::mutex mutex_;
  std::condition_variable asked_changed_;
  std::condition_variable arrived_;
  // Guarded by mutex_:
  std::map<SchemaId, Known> known_;
  std::size_t known_bytes_ = 0;
  std::map<SchemaId, Asked> asked_;
  std::uint64_t arrivals_ = 0;
  unsigned failures_ = 0;  // since the last answer
  Clock::time_point paused_until_;
  Clock::time_point complained_;
  RegistryReply failure_;  // the last one
  bool let_in_ = false;    // it has answered a question at least once
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace tidemark
