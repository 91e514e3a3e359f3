#include "pipeline/later_events.h"

#include <algorithm>

#include "batch/fold.h"
#include "batch/row_image.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

constexpr std::chrono::milliseconds kTimeout{10'000};

}  // namespace

LaterEvents::LaterEvents(const Config& config, RecordDecoder& decoder,
                         std::int32_t partitions_of_topic)
    : config_(config), decoder_(decoder), partitions_(partitions_of_topic) {}

void LaterEvents::answer(const StreamPartition& at, Offset next,
                         const std::vector<std::int64_t>& letters,
                         std::vector<Question>& questions) {
  if (questions.empty()) return;
  const auto first =
      std::min_element(questions.begin(), questions.end(),
                       [](const Question& a, const Question& b) { return a.offset < b.offset; });
  const Offset from = first->offset.next();
  if (from >= next) return;
  const auto refuse = [&](const std::string& why) {
    for (Question& question : questions) question.unknown = why;
  };
  const auto [ends, problem] = TopicEnds(config_.kafka, config_.source).ask(kTimeout);
  const auto here = ends.find(at);
  if (here == ends.end() && !problem.empty()) {
    throw Error(ErrorKind::retry, "Kafka does not answer: " + problem);
  }
  if (here == ends.end() || here->second.low > from) {
    return refuse("Kafka does not hold what came after it any more");
  }
  if (next.value - from.value > kRecordsMost) {
    return refuse("more than " + std::to_string(kRecordsMost) + " records came after it");
  }
  read(at, from, next, letters, questions);
}

void LaterEvents::read(const StreamPartition& at, Offset from, Offset next,
                       const std::vector<std::int64_t>& letters, std::vector<Question>& questions) {
  KafkaReader reader(config_.kafka);
  for (Offset offset = from; offset < next; offset = offset.next()) {
    const auto record = reader.read(at, offset, kTimeout);
    if (!record || std::binary_search(letters.begin(), letters.end(), offset.value)) continue;
    Slab slab;
    decoder_.note_restart();  // what is left out in between may be half of a key change
    decoder_.decode(record->view(at, offset), 0, partitions_, slab);
    if (!slab.events.empty()) compare(slab, offset, questions);
  }
}

void LaterEvents::compare(const Slab& slab, Offset offset, std::vector<Question>& questions) {
  const EventRef ref{&slab, &slab.events.front()};
  const Event& event = *ref.event;
  if (event.layout == nullptr || event.op == Op::bad || event.op == Op::skip) return;
  for (Question& question : questions) {
    if (question.offset >= offset || question.table != event.layout->target) continue;
    const bool same = question.keyless
                          ? ref.before() == question.key
                          : lasting_key(*event.layout, ref.key()) == question.key ||
                                lasting_key(*event.layout, ref.other_key()) == question.key;
    question.changed = question.changed || same || event.op == Op::truncate;
  }
}

}  // namespace tidemark
