// What writing costs before PostgreSQL does: the mix's events (support/mix_records.h), decoded
// once, 20,000 a batch, are folded, or folded and put into the arrays of a statement, again and
// again. Usage: bench_fold [fold|arrays] [millions of events]
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <numeric>
#include <string>
#include <vector>

#include "../support/mix_records.h"
#include "batch/fold.h"
#include "decode/record_decoder.h"
#include "target/parameter_arrays.h"

namespace {

void decode(tidemark::Slab& slab, tidemark::RecordDecoder& decoder,
            const std::vector<tidemark::test::MixRecord>& records) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    tidemark::RecordView view;
    view.topic = "bench.public.orders";
    view.offset = tidemark::Offset{static_cast<std::int64_t>(i)};
    view.key = records[i].key;
    if (!records[i].value.empty()) view.value = records[i].value;
    decoder.decode(view, 0, 1, slab);
  }
}

std::size_t fill(const tidemark::FoldedBatch& batch, tidemark::ParameterArrays& arrays) {
  std::size_t rows = 0;
  for (const tidemark::FoldedTable& table : batch.tables) {
    std::vector<std::uint16_t> sent(table.layout->columns.size());
    std::iota(sent.begin(), sent.end(), std::uint16_t{0});
    arrays.begin(*table.layout, sent);
    for (const tidemark::RowChange& change : table.rows) {
      if (change.remove) {
        arrays.add_key(change.key);
      } else {
        arrays.add_row(change.row);
      }
    }
    arrays.finish(table.rows.size());
    rows += table.rows.size();
  }
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string piece = argc > 1 ? argv[1] : "fold";
  const double millions = argc > 2 ? std::strtod(argv[2], nullptr) : 1.0;
  const tidemark::Config config;
  tidemark::RecordDecoder decoder(
      config, [](const tidemark::TableName&) { return tidemark::test::mix_table(); }, {});
  tidemark::Slab slab;
  decode(slab, decoder, tidemark::test::mix_records("schemaless"));
  std::vector<tidemark::EventRef> events;
  for (const tidemark::Event& event : slab.events) events.push_back({&slab, &event});
  const std::vector<tidemark::FoldPartition> partitions = {{"bench.public.orders", 0, 1}};
  tidemark::FoldContext context;
  context.partitions = &partitions;
  tidemark::Fold fold;
  tidemark::ParameterArrays arrays;
  const auto batches =
      static_cast<std::size_t>(millions * 1e6 / static_cast<double>(events.size()));
  std::size_t rows = 0;
  const std::clock_t start = std::clock();  // of this process: other load does not count
  for (std::size_t i = 0; i < batches; ++i) {
    const tidemark::FoldedBatch& folded = fold.fold(events, context);
    rows += piece == "arrays" ? fill(folded, arrays) : folded.tables.front().rows.size();
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  const std::size_t count = batches * events.size();
  std::printf("%s: %zu events in %.2f CPU s: %.0f events/s, %zu rows\n", piece.c_str(), count,
              seconds, static_cast<double>(count) / seconds, rows);
  return 0;
}
