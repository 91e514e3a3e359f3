#include "pipeline/letter_replay.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>

#include "base/log.h"
#include "batch/row_image.h"

namespace tidemark {
namespace {

constexpr std::int64_t kHeadsMost = 1'000'000;  // ids of one replay: what is left is for the next
constexpr std::size_t kLettersMost = 1000;      // of one transaction
constexpr std::uint64_t kBytesMost = 16U << 20U;
constexpr int kTriesMost = 8;
constexpr std::chrono::milliseconds kPauseFirst{50};

std::vector<std::int64_t> ids_of(const std::vector<LetterHead>& heads) {
  std::vector<std::int64_t> ids;
  for (const LetterHead& head : heads) ids.push_back(head.id);
  return ids;
}

std::vector<StreamPartition> partitions_of(const std::vector<LetterHead>& heads) {
  std::set<StreamPartition> all;
  for (const LetterHead& head : heads) all.insert(head.at);
  return {all.begin(), all.end()};
}

// Calls `work` with as many heads at once as a transaction takes.
template <typename Work>
void in_parts(const std::vector<LetterHead>& heads, const Work& work) {
  for (auto begin = heads.begin(); begin != heads.end();) {
    std::uint64_t bytes = 0;
    auto end = begin;
    while (end != heads.end() && (end == begin || (bytes + end->bytes <= kBytesMost &&
                                                   end - begin < std::ptrdiff_t{kLettersMost}))) {
      bytes += (end++)->bytes;
    }
    work(std::vector<LetterHead>(begin, end));
    begin = end;
  }
}

// While the server is busy or somebody else holds a lock, for some seconds.
template <typename Work>
void with_retries(const Work& work) {
  auto pause = kPauseFirst;
  for (int tries = 1;; ++tries, pause *= 2) {
    try {
      return work();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::retry || tries >= kTriesMost) throw;
      log_event(Level::debug, "target.retry", "PostgreSQL cannot take the letters now",
                {{"retries", tries}, {"sqlstate", error.sqlstate()}, {"error", error.what()}});
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

std::uint64_t drop_letters(const Config& config, const LetterSelection& selection) {
  Catalog catalog(connection_settings(config));
  PostgresTarget target(config, catalog);
  AdminConnection admin(connection_settings(config));
  const LetterStore store(target.text_query(), config.target.state_schema, config.pipeline);
  const LetterStore outside(text_query(admin), config.target.state_schema, config.pipeline);
  std::uint64_t dropped = 0;
  if (!outside.exists()) return dropped;
  in_parts(outside.list(selection, kHeadsMost), [&](const std::vector<LetterHead>& heads) {
    with_retries([&] {
      target.begin_letters(selection.replayed ? std::vector<StreamPartition>()
                                              : partitions_of(heads));
      store.drop(ids_of(heads));
      target.commit();
    });
    dropped += heads.size();
  });
  return dropped;
}

LetterReplay::LetterReplay(const Config& config)
    : config_(config),
      admin_(connection_settings(config)),
      catalog_(connection_settings(config)),
      target_(config, catalog_),
      store_(target_.text_query(), config.target.state_schema, config.pipeline),
      outside_(text_query(admin_), config.target.state_schema, config.pipeline),
      applier_(target_, config),
      registry_(config.source.registry) {}

ReplaySummary LetterReplay::run(const LetterSelection& selection) {
  if (!outside_.exists()) return summary_;
  make_decoder();
  in_parts(outside_.list(selection, kHeadsMost),
           [this](const std::vector<LetterHead>& heads) { replay(heads); });
  return summary_;
}

void LetterReplay::make_decoder() {
  decoder_ = std::make_unique<RecordDecoder>(
      config_,
      [this](const TableName& name) -> std::optional<TablePtr> {
        return read_table(text_query(admin_), name);
      },
      registry_.lookup());
}

void LetterReplay::replay(const std::vector<LetterHead>& heads) {
  with_retries([&] {
    const auto failed = failed_;
    try {
      ReplaySummary more;
      attempt(heads, more);
      summary_.replayed += more.replayed;
      summary_.applied += more.applied;
      summary_.skipped += more.skipped;
      summary_.failed += more.failed;
      summary_.behind += more.behind;
    } catch (const Error& error) {
      target_.rollback();
      failed_ = failed;
      make_decoder();
      if (error.kind() != ErrorKind::in_doubt) throw;
      // Marked as replayed or not, in one transaction: asking again does nothing twice.
      throw Error(ErrorKind::retry, error.what(), error.hint(), error.sqlstate());
    }
  });
}

void LetterReplay::attempt(const std::vector<LetterHead>& heads, ReplaySummary& summary) {
  partitions_ = partitions_of(heads);
  const Assignment assignment = target_.begin_letters(partitions_);
  counts_.clear();
  std::vector<FoldPartition> of_fold;
  for (const StreamPartition& at : partitions_) {
    counts_.push_back(std::max(1, store_.partitions_of(at.stream)));
    of_fold.push_back({at.stream, at.partition.value, counts_.back()});
  }
  applier_.adopt(std::move(of_fold), assignment.hints);
  slab_ = std::make_unique<Slab>();
  std::vector<Item> items;
  for (Letter& letter : store_.read(ids_of(heads), true)) {
    Item& item = items.emplace_back();
    item.letter = std::move(letter);
    const auto at = std::lower_bound(partitions_.begin(), partitions_.end(), item.letter.at);
    if (!refuse_early(item)) decode(item, static_cast<std::uint32_t>(at - partitions_.begin()));
  }
  refuse_passed(items, assignment);
  apply_in_order(items);
  mark(items, summary);
  target_.commit();
}

bool LetterReplay::refuse_early(Item& item) {
  if (!item.letter.not_kept.empty()) {
    item.error = Error(ErrorKind::data, "it cannot be replayed: " + item.letter.not_kept,
                       "correct the row in the target by hand, then tidemark dlq drop it");
  } else if (item.letter.passed) {
    item.error =
        Error(ErrorKind::data, "a later event of its key is applied: a replay would go back",
              "compare the row with the source's, then tidemark dlq drop it");
  }
  return item.error.has_value();
}

void LetterReplay::decode(Item& item, std::uint32_t partition) {
  const Letter& letter = item.letter;
  decoder_->note_restart();  // each stands alone
  decoder_->decode(letter.record.view(letter.at, letter.offset), partition, counts_[partition],
                   *slab_);
  item.event = slab_->events.size() - 1;
  item.decoded = true;
  const Event& event = slab_->events.back();
  if (event.op == Op::bad) {
    const BadRecord& bad = slab_->bad[event.bad];
    item.error = Error(ErrorKind::data, bad.message, bad.hint);
    item.letter.kind = "decode";
  } else if (event.op == Op::truncate) {
    item.error =
        Error(ErrorKind::data, "a truncate is not replayed: rows that came after it would go too",
              "delete the rows that were there before it by hand, then tidemark dlq drop it");
  }
  item.skipped = event.op == Op::skip;
}

// R3, for letters that hold no key.
void LetterReplay::refuse_passed(std::vector<Item>& items, const Assignment& assignment) {
  for (std::size_t p = 0; p < partitions_.size(); ++p) {
    std::vector<LaterEvents::Question> questions;
    std::vector<Item*> asked;
    for (Item& item : items) {
      if (item.letter.at != partitions_[p] || item.error || item.skipped) continue;
      const EventRef event = ref(item);
      const bool keyless = event.event->layout->keyless();
      if (!item.letter.row_key.empty() && !keyless) continue;
      if (keyless && event.event->row.length == 0) continue;  // takes a row away: nothing goes back
      questions.push_back(
          {item.letter.offset,
           event.event->layout->target,
           keyless ? std::string(event.row()) : lasting_key(*event.event->layout, event.key()),
           keyless,
           false,
           {}});
      asked.push_back(&item);
    }
    if (questions.empty() || !assignment.partitions[p].next) continue;
    LetterSelection all;
    all.stream = partitions_[p].stream;
    std::vector<std::int64_t> letters;
    for (const LetterHead& head : store_.list(all, kHeadsMost)) {
      if (head.at == partitions_[p]) letters.push_back(head.offset.value);
    }
    std::sort(letters.begin(), letters.end());
    LaterEvents(config_, *decoder_, counts_[p])
        .answer(partitions_[p], *assignment.partitions[p].next, letters, questions);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (questions[i].changed) {
        asked[i]->letter.passed = true;
        refuse_early(*asked[i]);
      } else if (!questions[i].unknown.empty()) {
        asked[i]->error = Error(
            ErrorKind::data,
            "whether later events have changed its row cannot be told: " + questions[i].unknown,
            "compare the row with the source's, correct it by hand, then tidemark dlq drop it");
      }
    }
  }
}

// In runs that hold no two layouts of a table.
void LetterReplay::apply_in_order(std::vector<Item>& items) {
  Items run;
  std::vector<const Layout*> layouts;
  const auto flush = [&] {
    if (run.empty()) return;
    applier_.begin();
    for (const Layout* layout : layouts) target_.ensure(*layout);
    apply_halves(run);
    applier_.committed();
    run.clear();
    layouts.clear();
  };
  for (Item& item : items) {
    if (item.error) {
      flush();
      note_failure(item, *item.error);
      continue;
    }
    if (item.skipped) {
      item.done = true;
      continue;
    }
    const Layout* layout = ref(item).event->layout;
    const auto same = [&](const Layout* have) { return have->target == layout->target; };
    const auto have = std::find_if(layouts.begin(), layouts.end(), same);
    if (have != layouts.end() && *have != layout) flush();
    if (std::find(layouts.begin(), layouts.end(), layout) == layouts.end()) {
      layouts.push_back(layout);
    }
    run.push_back(&item);
  }
  flush();
}

void LetterReplay::apply_halves(const Items& items) {
  Items open;
  for (Item* item : items) {
    item->behind = is_behind_failed(*item);
    if (!item->behind) open.push_back(item);
  }
  if (open.empty()) return;
  std::vector<EventRef> events;
  for (const Item* item : open) events.push_back(ref(*item));
  target_.savepoint();
  try {
    applier_.apply(events);
    target_.release_savepoint();
    for (Item* item : open) item->done = true;
    return;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data && error.kind() != ErrorKind::waiting) throw;
    target_.rollback_to_savepoint();
    if (open.size() == 1) {
      open.front()->letter.kind = "data";
      note_failure(*open.front(), applier_.with_column(events.front(), error));
      return;
    }
  }
  const auto middle = open.begin() + static_cast<std::ptrdiff_t>(open.size() / 2);
  apply_halves({open.begin(), middle});
  apply_halves({middle, open.end()});
}

// R2: by the key as it was known then, and as it is now: its column may have another type.
void LetterReplay::note_failure(Item& item, const Error& error) {
  item.behind = item.letter.behind != 0 || is_behind_failed(item);
  item.error = error;
  if (item.letter.passed) return;
  for (const std::string& key : {item.letter.row_key, item.letter.next_key}) {
    if (!key.empty()) failed_.emplace(item.letter.table, key);
  }
  if (!item.decoded) return;
  const EventRef event = ref(item);
  if (event.event->layout == nullptr || event.event->key.length == 0) return;
  const std::string table = event.event->layout->target.display();
  const Layout& layout = *event.event->layout;
  failed_.emplace(table, lasting_key(layout, event.key()));
  if (event.is_key_change()) failed_.emplace(table, lasting_key(layout, event.other_key()));
}

bool LetterReplay::is_behind_failed(const Item& item) const {
  if (item.letter.behind != 0) return true;
  if (failed_.contains({item.letter.table, item.letter.row_key})) return true;
  if (!item.decoded) return false;
  const EventRef event = ref(item);
  return event.event->layout != nullptr &&
         failed_.contains({event.event->layout->target.display(),
                           lasting_key(*event.event->layout, event.key())});
}

void LetterReplay::mark(std::vector<Item>& items, ReplaySummary& summary) {
  std::vector<std::int64_t> done;
  for (const Item& item : items) {
    if (item.done) {
      done.push_back(item.letter.id);
      ++(item.skipped ? summary.skipped : summary.applied);
    } else if (item.behind) {
      ++summary.behind;
    } else if (item.error) {
      store_.fail(item.letter.id, item.letter.kind, item.error->sqlstate(), item.error->what(),
                  item.error->hint());
      ++summary.failed;
    }
  }
  store_.settle(done);
  summary.replayed += done.size();
}

}  // namespace tidemark
