#include "source/kafka_source.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "source/group_offsets.h"
#include "source/kafka_client.h"
#include "source/kafka_fault.h"
#include "source/kafka_message.h"
#include "source/kafka_properties.h"
#include "source/partition_ends.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSayAwayAgain{1000};
constexpr milliseconds kSaySameAgain{30000};
constexpr milliseconds kSuspectFor{500};
constexpr milliseconds kAskForBrokersFirst{250};
constexpr milliseconds kAskForBrokersMost{1000};
constexpr milliseconds kPartitionCountAge{30000};
constexpr milliseconds kPartitionCountPatience{2000};
constexpr milliseconds kPartitionCountPatienceMost{4000};
constexpr milliseconds kPartitionCountAgain{500};
constexpr milliseconds kEndsPatience{2000};

int to_ms(milliseconds timeout) {
  return static_cast<int>(std::max<std::int64_t>(0, timeout.count()));
}

std::vector<std::string> patterns(const SourceConfig& config) {
  std::vector<std::string> out = config.topics;
  for (const std::string& regex : config.topics_regex) {
    // librdkafka tells a regular expression by its first character.
    out.push_back(regex.starts_with('^') ? regex : "^.*(" + regex + ")");
  }
  return out;
}

}  // namespace

KafkaSource::KafkaSource(const KafkaConfig& kafka, const SourceConfig& source, std::uint32_t lane)
    : config_(kafka),
      topics_(patterns(source)),
      client_(make_client(consumer_properties(kafka, lane), register_callbacks, this)),
      polled_(rd_kafka_queue_get_consumer(client_.get())),
      waker_(client_.get(), consumer_properties(kafka, lane)),
      ask_patience_(kAskForBrokersFirst),
      count_patience_(kPartitionCountPatience) {
  // One queue for records, rebalances, errors and commits: poll() serves them all.
  rd_kafka_poll_set_consumer(client_.get());
}

// Each ends the poll that it runs in, as its last deed (calls into librdkafka undo the wish): what
// follows in the queue belongs to the new assignment.
void KafkaSource::register_callbacks(rd_kafka_conf_t* conf) {
  rd_kafka_conf_set_rebalance_cb(
      conf, [](rd_kafka_t* client, rd_kafka_resp_err_t event,
               rd_kafka_topic_partition_list_t* partitions, void* owner) {
        static_cast<KafkaSource*>(owner)->on_rebalance(event, *partitions);
        rd_kafka_yield(client);
      });
  rd_kafka_conf_set_error_cb(
      conf, [](rd_kafka_t* client, int error, const char* reason, void* owner) {
        static_cast<KafkaSource*>(owner)->on_error(static_cast<rd_kafka_resp_err_t>(error), reason);
        rd_kafka_yield(client);
      });
  rd_kafka_conf_set_offset_commit_cb(
      conf, [](rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t*, void*) {
        note_reported(error);
      });
}

void KafkaSource::subscribe() {
  auto list = rdkafka::make_partition_list(topics_.size());
  for (const std::string& topic : topics_) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const rd_kafka_resp_err_t error = rd_kafka_subscribe(client_.get(), list.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw Error(ErrorKind::fatal, std::string("cannot subscribe: ") + rd_kafka_err2str(error),
                hint_of(error));
  }
}

void KafkaSource::rejoin() {
  rd_kafka_unsubscribe(client_.get());
  subscribe();
}

// ---- assignment

void KafkaSource::on_rebalance(rd_kafka_resp_err_t event,
                               const rd_kafka_topic_partition_list_t& partitions) {
  // An assignment that was lost while its positions were not yet there is not revoked.
  report_revoked();
  if (event != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    rd_kafka_assign(client_.get(), nullptr);
    return;
  }
  // Empty for now: while librdkafka waits for this call it answers no rebalance.
  const auto none = rdkafka::make_partition_list(0);
  rd_kafka_assign(client_.get(), none.get());
  PollResult result;
  result.kind = PollKind::assigned;
  for (int i = 0; i < partitions.cnt; ++i) {
    const rd_kafka_topic_partition_t& at = partitions.elems[i];
    owned_.insert({at.topic, Partition{at.partition}});
  }
  result.partitions.assign(owned_.begin(), owned_.end());
  member_ = true;
  for (auto& [topic, count] : partition_counts_) count.asked.reset();
  events_.push_back(std::move(result));
}

void KafkaSource::report_revoked() {
  if (!member_) return;
  member_ = false;
  // librdkafka keeps a partition paused over assignments, and this one may come back.
  std::set<StreamPartition> paused = held_;
  if (paused_) paused.insert(assigned_.begin(), assigned_.end());
  set_paused({paused.begin(), paused.end()}, false);
  paused_ = false;
  PollResult result;
  result.kind = PollKind::revoked;
  result.partitions.assign(owned_.begin(), owned_.end());
  owned_.clear();
  assigned_.clear();
  held_.clear();
  halted_.clear();
  // Events about partitions that are no longer ours say nothing any more.
  std::erase_if(events_, [](const PollResult& event) {
    return event.kind == PollKind::assigned || event.kind == PollKind::halted;
  });
  events_.push_back(std::move(result));
}

void KafkaSource::assign(
    const std::vector<std::pair<StreamPartition, std::optional<Offset>>>& from) {
  release_held();
  std::vector<StreamPartition> partitions;
  auto list = rdkafka::make_partition_list(from.size());
  for (const auto& [at, offset] : from) {
    if (!owned_.contains(at)) continue;
    rd_kafka_topic_partition_list_add(list.get(), at.stream.c_str(), at.partition.value)->offset =
        offset ? offset->value : std::int64_t{RD_KAFKA_OFFSET_BEGINNING};
    partitions.push_back(at);
  }
  const rd_kafka_resp_err_t error = rd_kafka_assign(client_.get(), list.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const auto kind = fault_of(error) == KafkaFault::fatal ? ErrorKind::fatal : ErrorKind::retry;
    throw Error(kind, std::string("cannot start to fetch: ") + rd_kafka_err2str(error),
                hint_of(error));
  }
  assigned_ = {partitions.begin(), partitions.end()};
  if (paused_) set_paused(partitions, true);
}

// What was halted stays so.
void KafkaSource::release_held() {
  std::vector<StreamPartition> released;
  std::set_difference(held_.begin(), held_.end(), halted_.begin(), halted_.end(),
                      std::back_inserter(released));
  for (const StreamPartition& at : released) held_.erase(at);
  if (!paused_) set_paused(released, false);
}

// ---- polling

PollResult KafkaSource::poll(milliseconds timeout) {
  current_.reset();
  look_for_brokers();
  if (woken_.exchange(false)) timeout = milliseconds{0};
  if (auto event = next_event()) return std::move(*event);
  // Callbacks run within and end the poll: there is a message, or there are events, never both.
  rdkafka::Message message = take(timeout);
  if (message) return result_of(std::move(message));
  return next_event().value_or(PollResult{});
}

void KafkaSource::wake() noexcept {
  woken_ = true;
  rd_kafka_queue_yield(polled_.get());
}

std::optional<PollResult> KafkaSource::next_event() {
  if (events_.empty()) return std::nullopt;
  PollResult result = std::move(events_.front());
  events_.pop_front();
  return result;
}

rdkafka::Message KafkaSource::take(milliseconds timeout) {
  if (waker_.owes()) {
    const milliseconds first = std::min(timeout, FetchWaker::kInterval);
    rdkafka::Message message(rd_kafka_consumer_poll(client_.get(), to_ms(first)));
    if (message || !events_.empty()) return message;
    waker_.wake_if_due();
    timeout = woken_ ? milliseconds{0} : timeout - first;
  }
  return rdkafka::Message(rd_kafka_consumer_poll(client_.get(), to_ms(timeout)));
}

PollResult KafkaSource::result_of(rdkafka::Message message) {
  PollResult result;
  const rd_kafka_resp_err_t error = message->err;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    waker_.taken();
    result.kind = PollKind::record;
    result.record = view_of(*message);
    current_ = std::move(message);
    return result;
  }
  const StreamPartition at = place_of(*message);
  const char* text = rd_kafka_message_errstr(message.get());
  switch (fault_of(error)) {
    case KafkaFault::caught_up:
      if (!assigned_.contains(at)) return result;
      result.kind = PollKind::caught_up;
      result.partition = at;
      result.offset = Offset{message->offset};
      return result;
    case KafkaFault::out_of_range:
      report_halted(at, error, out_of_range_text(at, message->offset));
      break;
    case KafkaFault::partition:
    case KafkaFault::topic:
      report_unreadable(at, error, text);
      break;
    case KafkaFault::evicted:
      log_event(Level::warning, "kafka.evicted", text, {{"hint", hint_of(error)}});
      rd_kafka_assign(client_.get(), nullptr);
      report_revoked();
      break;
    case KafkaFault::fatal:
      report_fatal(text);
      break;
    case KafkaFault::brokers:
      report_unreachable(text, hint_of(error));
      break;
    case KafkaFault::none:
    case KafkaFault::stale:
      log_event(Level::debug, "kafka.error", text, {{"topic", at.stream}});
      break;
  }
  return next_event().value_or(PollResult{});
}

void KafkaSource::report_halted(const StreamPartition& partition, rd_kafka_resp_err_t error,
                                const std::string& text) {
  // Said once: librdkafka repeats some errors with each fetch, and others never.
  if (!assigned_.contains(partition) || !halted_.insert(partition).second) return;
  pause(partition);
  PollResult result;
  result.kind = PollKind::halted;
  result.partition = partition;
  result.message = text;
  result.hint = fault_of(error) == KafkaFault::out_of_range
                    ? "the changes in between are lost to tidemark: snapshot the table again, or "
                      "accept the loss: in this partition's row of pipeline_watermarks move "
                      "last_watermark and set fingerprint to null"
                    : hint_of(error);
  events_.push_back(std::move(result));
}

// librdkafka gives the place of such an error in three ways: a partition; a topic, with a partition
// that means nothing; or only as "topic [partition]: " at the beginning of the text.
void KafkaSource::report_unreadable(const StreamPartition& place, rd_kafka_resp_err_t error,
                                    const std::string& text) {
  std::vector<StreamPartition> concerned;
  for (const StreamPartition& at : assigned_) {
    const std::string prefix = at.stream + " [" + std::to_string(at.partition.value) + "]: ";
    const bool by_topic = at.stream == place.stream && fault_of(error) == KafkaFault::topic;
    if (at == place || by_topic || text.starts_with(prefix)) concerned.push_back(at);
  }
  for (const StreamPartition& at : concerned) report_halted(at, error, text);
  if (concerned.empty()) report_unreachable(text, hint_of(error));
}

std::string KafkaSource::out_of_range_text(const StreamPartition& partition, std::int64_t offset) {
  std::string text = partition.display() + ": Kafka does not hold offset " + std::to_string(offset);
  const auto answer = ask_ends(client_.get(), {partition}, kEndsPatience);
  if (const auto held = answer.ends.find(partition); held != answer.ends.end()) {
    text += ", only " + std::to_string(held->second.low.value) + " to " +
            std::to_string(held->second.high.value);
  }
  return text;
}

// ---- brokers

void KafkaSource::on_error(rd_kafka_resp_err_t error, const std::string& reason) {
  if (fault_of(error) == KafkaFault::fatal) {
    report_fatal(reason);
  } else if (fault_of(error) == KafkaFault::partition || fault_of(error) == KafkaFault::topic) {
    report_unreadable({}, error, reason);
  } else if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    away_ = true;
    away_message_ = reason;
    away_said_ = {};
  } else if (error == RD_KAFKA_RESP_ERR__TRANSPORT) {
    // One connection, perhaps an idle one. Where it was the last, _ALL_BROKERS_DOWN follows, but
    // not always: librdkafka counts wrong where the coordinator's connection goes in the same
    // moment.
    log_event(Level::debug, "kafka.connection", reason);
    if (away_ || suspected_) return;
    suspected_ = true;
    missed_ = false;
    away_message_ = reason;
    away_said_ = Clock::now() - kSayAwayAgain + kSuspectFor;
  } else {
    report_unreachable(reason, hint_of(error));
  }
}

void KafkaSource::report_fatal(const std::string& reason) {
  std::array<char, 512> text{};
  const rd_kafka_resp_err_t cause = rd_kafka_fatal_error(client_.get(), text.data(), text.size());
  PollResult result;
  result.kind = PollKind::fatal;
  result.message = text[0] != '\0' ? text.data() : reason;
  result.hint = hint_of(cause);
  events_.push_back(std::move(result));
}

void KafkaSource::report_unreachable(const std::string& message, const std::string& hint) {
  const auto now = Clock::now();
  std::erase_if(said_, [&](const auto& said) { return now - said.second >= kSaySameAgain; });
  if (!said_.try_emplace(message, now).second) return;
  PollResult result;
  result.kind = PollKind::unreachable;
  result.message = message;
  result.hint = hint;
  events_.push_back(std::move(result));
}

// librdkafka says once that all brokers are away, and never that one is back. Each time a little
// more patiently: one that is far away is not to look like one that is gone.
void KafkaSource::look_for_brokers() {
  if (!(away_ || suspected_) || Clock::now() - away_said_ < kSayAwayAgain) return;
  const rd_kafka_metadata_t* raw = nullptr;
  const auto error = rd_kafka_metadata(client_.get(), 0, nullptr, &raw, to_ms(ask_patience_));
  const rdkafka::Metadata metadata(raw);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    suspected_ = false;
    ask_patience_ = kAskForBrokersFirst;
    if (!std::exchange(away_, false)) return;
    said_.clear();
    log_event(Level::info, "kafka.reachable", "a broker answers again");
    events_.emplace_back().kind = PollKind::reachable;
    return;
  }
  ask_patience_ = std::min(ask_patience_ * 2, kAskForBrokersMost);
  away_said_ = Clock::now();
  if (!away_ && !std::exchange(missed_, true)) return;
  away_ = true;
  PollResult result;
  result.kind = PollKind::unreachable;
  result.message = away_message_;
  result.hint = hint_of(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN);
  events_.push_back(std::move(result));
}

// ---- backpressure

void KafkaSource::set_paused(const std::vector<StreamPartition>& partitions, bool paused) {
  if (partitions.empty()) return;
  const auto list = to_list(partitions);
  if (paused) {
    rd_kafka_pause_partitions(client_.get(), list.get());
  } else {
    rd_kafka_resume_partitions(client_.get(), list.get());
    waker_.wake();
  }
}

// Only what is not paused yet is paused, and only what is paused is resumed: before librdkafka 2.4
// the position goes astray otherwise.
void KafkaSource::pause() {
  if (paused_) return;
  paused_ = true;
  std::vector<StreamPartition> partitions;
  std::set_difference(assigned_.begin(), assigned_.end(), held_.begin(), held_.end(),
                      std::back_inserter(partitions));
  set_paused(partitions, true);
}

void KafkaSource::resume() {
  if (!paused_) return;
  paused_ = false;
  std::vector<StreamPartition> partitions;
  std::set_difference(assigned_.begin(), assigned_.end(), held_.begin(), held_.end(),
                      std::back_inserter(partitions));
  set_paused(partitions, false);
}

void KafkaSource::pause(const StreamPartition& partition) {
  if (!assigned_.contains(partition) || !held_.insert(partition).second) return;
  if (!paused_) set_paused({partition}, true);
}

// ---- what Kafka says about a partition

Reported KafkaSource::commit(const NextOffsets& next, milliseconds patience) {
  if (next.empty()) return Reported::taken;
  if (patience.count() != 0) return send_group_offsets(client_.get(), next, patience);
  send_group_offsets(client_.get(), next);
  return Reported::unknown;
}

std::vector<StreamPartition> KafkaSource::unreported(const std::vector<StreamPartition>& partitions,
                                                     milliseconds timeout) {
  const auto list = to_list(partitions);
  std::vector<StreamPartition> out;
  if (rd_kafka_committed(client_.get(), list.get(), to_ms(timeout)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return out;
  }
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& at = list->elems[i];
    if (at.offset < 0) out.push_back({at.topic, Partition{at.partition}});
  }
  return out;
}

std::optional<Offset> KafkaSource::known_end(const StreamPartition& partition) {
  std::int64_t low = RD_KAFKA_OFFSET_INVALID;
  std::int64_t high = RD_KAFKA_OFFSET_INVALID;
  if (rd_kafka_get_watermark_offsets(client_.get(), partition.stream.c_str(),
                                     partition.partition.value, &low,
                                     &high) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      high < 0) {
    return std::nullopt;
  }
  return Offset{high};
}

std::optional<std::int32_t> KafkaSource::partitions_of(std::string_view topic) {
  const auto known = partition_counts_.find(topic);
  const auto now = Clock::now();
  if (known != partition_counts_.end() && known->second.asked &&
      now - *known->second.asked < kPartitionCountAge) {
    return known->second.count;
  }
  const rdkafka::Topic handle(
      rd_kafka_topic_new(client_.get(), std::string(topic).c_str(), nullptr));
  const rd_kafka_metadata_t* raw = nullptr;
  const bool silent = now - counts_missed_ < kPartitionCountAgain;
  const auto error =
      silent ? RD_KAFKA_RESP_ERR__TIMED_OUT
             : rd_kafka_metadata(client_.get(), 0, handle.get(), &raw, to_ms(count_patience_));
  const rdkafka::Metadata metadata(raw);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR || metadata->topic_cnt != 1) {
    if (!silent) {
      counts_missed_ = Clock::now();
      count_patience_ = std::min(count_patience_ * 2, kPartitionCountPatienceMost);
    }
    // One partition may be several by now: partitions are only ever added.
    if (known != partition_counts_.end() && known->second.count > 1) return known->second.count;
    return std::nullopt;
  }
  count_patience_ = kPartitionCountPatience;
  const std::int32_t count = metadata->topics[0].partition_cnt;
  if (count > 0) partition_counts_.insert_or_assign(std::string(topic), PartitionCount{count, now});
  return count;
}

std::map<StreamPartition, PartitionEnds> KafkaSource::ends(
    const std::vector<StreamPartition>& partitions, milliseconds timeout) {
  return ask_ends(client_.get(), partitions, timeout).ends;
}

std::optional<OwnedRecord> KafkaSource::read(const StreamPartition& partition, Offset offset,
                                             milliseconds timeout) {
  if (!reader_) reader_.emplace(config_);
  return reader_->read(partition, offset, timeout);
}

// ---- leaving

void KafkaSource::close(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  current_.reset();
  reader_.reset();
  const rdkafka::Queue queue(rd_kafka_queue_new(client_.get()));
  const rdkafka::ErrorHandle error(rd_kafka_consumer_close_queue(client_.get(), queue.get()));
  // By events, not by callbacks: librdkafka aborts when a record that was still queued comes here.
  while (rd_kafka_consumer_closed(client_.get()) == 0 && Clock::now() < deadline) {
    const rdkafka::Event event(rd_kafka_queue_poll(queue.get(), 20));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE) {
      rd_kafka_assign(client_.get(), nullptr);
    }
  }
  member_ = false;
  owned_.clear();
  assigned_.clear();
  events_.clear();
}

}  // namespace tidemark
