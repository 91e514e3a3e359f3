#include "source/topic_sampler.h"

#include <algorithm>
#include <utility>

#include "source/kafka_client.h"
#include "source/kafka_fault.h"
#include "source/kafka_message.h"
#include "source/kafka_properties.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

using std::chrono::milliseconds;

// For one answer of a broker; there is more than one try in a sample's time.
constexpr milliseconds kOneAnswer{3'000};

// From `at`, until so many records have come or `end` is reached.
struct Part {
  Offset at, end;
  std::int64_t records = 0;
};

milliseconds left_until(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::max(left, milliseconds(0));
}

}  // namespace

struct TopicSampler::Reading {
  SampledPartition* out = nullptr;
  rdkafka::Topic topic;
  std::vector<Part> parts;  // what is still to be read, the one at hand first
  bool started = false;

  ~Reading() { stop(); }
  Reading() = default;
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  void stop() {
    if (started) rd_kafka_consume_stop(topic.get(), out->at.partition.value);
    started = false;
  }
  void give_up(const std::string& problem) {
    out->problem = problem;
    parts.clear();
    stop();
  }
};

TopicSampler::TopicSampler(const KafkaConfig& config)
    : client_(make_client(reader_properties(config), nullptr, nullptr)) {}

// False: the partition is not to be read.
bool TopicSampler::find_ends(const SampleRequest& request, Reading& reading,
                             const EndsAnswer& answer) {
  const auto held = answer.ends.find(request.at);
  if (held == answer.ends.end()) {
    const auto failed = answer.failed.find(request.at);
    if (failed != answer.failed.end()) reading.out->problem = rd_kafka_err2str(failed->second);
    return false;
  }
  const auto [low, high] = held->second;
  reading.out->begin = std::clamp(request.from.value_or(low), low, high);
  reading.out->end = high;
  return true;
}

void TopicSampler::plan_parts(const SampleBounds& bounds, Reading& reading) const {
  const Offset begin = reading.out->begin;
  const Offset end = reading.out->end;
  const Offset tail{std::max(begin.value, end.value - bounds.last)};
  const bool apart = bounds.first < tail.value - begin.value;
  if (!apart) {
    reading.parts.push_back({begin, end, end.value - begin.value});
  } else {
    if (bounds.first > 0) reading.parts.push_back({begin, tail, bounds.first});
    if (bounds.last > 0) reading.parts.push_back({tail, end, bounds.last});
  }
  std::erase_if(reading.parts, [](const Part& part) { return part.at >= part.end; });
}

void TopicSampler::start_next_part(Reading& reading, rd_kafka_queue_t* queue) {
  const StreamPartition& at = reading.out->at;
  reading.stop();
  if (reading.parts.empty()) {
    reading.out->complete = true;
    return;
  }
  if (!reading.topic) {
    reading.topic.reset(rd_kafka_topic_new(client_.get(), at.stream.c_str(), nullptr));
  }
  if (!reading.topic || rd_kafka_consume_start_queue(reading.topic.get(), at.partition.value,
                                                     reading.parts.front().at.value, queue) != 0) {
    return reading.give_up(rd_kafka_err2str(rd_kafka_last_error()));
  }
  reading.started = true;
}

void TopicSampler::handle(const rd_kafka_message_t& message, Reading& reading,
                          rd_kafka_queue_t* queue, const Take& take) {
  if (reading.parts.empty()) return;  // it had been fetched before the reading ended
  Part& part = reading.parts.front();
  const auto end_part = [&] {
    reading.parts.erase(reading.parts.begin());
    start_next_part(reading, queue);
  };
  switch (fault_of(message.err)) {
    case KafkaFault::none:
      break;
    case KafkaFault::out_of_range:
      reading.out->removed = true;
      return end_part();
    case KafkaFault::caught_up:
      return end_part();
    case KafkaFault::brokers:
      return;
    default:
      return reading.give_up(rd_kafka_err2str(message.err));
  }
  const Offset offset{message.offset};
  if (offset < part.at) return;  // of the part before
  if (offset >= part.end) return end_part();
  take(view_of(message));
  ++reading.out->records;
  part.at = offset.next();
  if (--part.records <= 0 || part.at >= part.end) end_part();
}

std::vector<SampledPartition> TopicSampler::read(const std::vector<SampleRequest>& requests,
                                                 const SampleBounds& bounds, const Take& take) {
  const auto deadline = Clock::now() + bounds.longest;
  std::vector<SampledPartition> out(requests.size());
  const rdkafka::Queue queue(rd_kafka_queue_new(client_.get()));
  std::map<StreamPartition, Reading> readings;
  std::vector<StreamPartition> partitions;
  for (const SampleRequest& request : requests) partitions.push_back(request.at);
  const EndsAnswer ends =
      ask_ends(client_.get(), partitions, std::min(left_until(deadline), kOneAnswer));
  rd_kafka_poll(client_.get(), 0);
  if (ends.ends.empty() && !ends.failed.empty() &&
      fault_of(ends.failed.begin()->second) == KafkaFault::brokers) {
    throw Error(ErrorKind::retry, ends.problem(), hint_of(ends.failed.begin()->second));
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    out[i].at = requests[i].at;
    Reading& reading = readings[requests[i].at];
    reading.out = &out[i];
    if (!find_ends(requests[i], reading, ends)) continue;
    plan_parts(bounds, reading);
    start_next_part(reading, queue.get());
  }
  const auto is_under_way = [](const auto& entry) { return entry.second.started; };
  while (std::any_of(readings.begin(), readings.end(), is_under_way)) {
    const milliseconds left = left_until(deadline);
    if (left.count() == 0) break;
    const rdkafka::Message message(
        rd_kafka_consume_queue(queue.get(), static_cast<int>(left.count())));
    rd_kafka_poll(client_.get(), 0);
    if (!message) continue;
    const auto found = readings.find(place_of(*message));
    if (found != readings.end()) handle(*message, found->second, queue.get(), take);
  }
  return out;
}

}  // namespace tidemark
