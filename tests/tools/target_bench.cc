// How many rows a second one target writes: `target_bench DSN [rows [batch]]`. The table has the
// columns of design's measurements: bigint, int, text, numeric, text, timestamptz.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "target/postgres_target.h"

using namespace tidemark;

namespace {

void put(Bytes& out, std::string_view bytes) {
  out.append_big(static_cast<std::uint32_t>(bytes.size()));
  out.append(bytes);
}

void put8(Bytes& out, std::int64_t value) {
  out.append_big<std::uint32_t>(8);
  out.append_big(static_cast<std::uint64_t>(value));
}

// A row image: id, quantity, a short text, 123.45, a longer text, a time.
void put_row(Bytes& out, std::int64_t id, std::int32_t n) {
  put8(out, id);
  out.append_big<std::uint32_t>(4);
  out.append_big(static_cast<std::uint32_t>(n));
  put(out, "customer-" + std::to_string(id % 100000));
  put(out, std::string_view("\0\2\0\0\0\0\0\2\0\173\21\224", 12));
  put(out, "a somewhat longer text about order " + std::to_string(n));
  put8(out, 700000000000000 + id);
}

struct Bench {
  Config config;
  Catalog catalog;
  PostgresTarget target;
  Layout layout;
  TakenPartition taken;
  Offset next;

  explicit Bench(const Config& c)
      : config(c), catalog(connection_settings(config)), target(config, catalog) {
    auto required = std::make_shared<Table>();
    required->name = layout.target = {"tidemark_bench", "orders"};
    required->key = {"id"};
    const std::vector<std::pair<std::string, TypeKind>> columns = {
        {"id", TypeKind::int8},       {"quantity", TypeKind::int4}, {"customer", TypeKind::text},
        {"price", TypeKind::numeric}, {"note", TypeKind::text},     {"at", TypeKind::timestamptz}};
    for (const auto& [name, kind] : columns) {
      const PgType type = pg_type(kind);
      layout.columns.push_back({name, type, type.wire(), name == "id"});
      required->columns.push_back({name, type, false, std::nullopt, false, false});
    }
    layout.key = {0};
    layout.required = required;
    taken = target.take({{"bench", Partition{0}}}).partitions.at(0);
  }

  // Seconds for writing these rows in one transaction.
  double write(std::vector<std::int64_t> ids, std::int32_t n, bool snapshot) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    Bytes rows;
    std::vector<std::size_t> starts;
    for (const std::int64_t id : ids) {
      starts.push_back(rows.size());
      put_row(rows, id, n);
    }
    FoldedBatch batch;
    FoldedTable& table = batch.tables.emplace_back();
    table.layout = &layout;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::size_t end = i + 1 < ids.size() ? starts[i + 1] : rows.size();
      RowChange& row = table.rows.emplace_back();
      row.row = rows.view(starts[i], end - starts[i]);
      row.key = row.row.substr(0, 12);
      row.born = snapshot;
    }
    const auto start = std::chrono::steady_clock::now();
    const Offset to = taken.next ? taken.next->next() : Offset{1};
    target.begin({{taken.at, taken.epoch, taken.next, to, ids.size(), 0, {}, 1}});
    target.ensure(layout);
    target.write(batch);
    target.commit();
    taken.next = to;
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  const std::int64_t rows = argc > 2 ? std::atoll(argv[2]) : 500000;
  const std::int64_t batch = argc > 3 ? std::atoll(argv[3]) : 20000;
  configure_log("text", "error", {}, false);
  Config config;
  config.pipeline = "bench";
  config.target.dsn = argv[1];
  config.target.state_schema = "tidemark_bench_state";
  Session session(connection_settings(config));
  session.open();
  std::mt19937_64 random(1);  // NOLINT(*-msc51-cpp): the same every time
  for (const bool snapshot : {true, false}) {
    session.run("DROP SCHEMA IF EXISTS tidemark_bench, tidemark_bench_state CASCADE");
    Bench bench(config);
    double seconds = 0;
    for (std::int64_t from = 0; from < rows; from += batch) {
      std::vector<std::int64_t> ids;
      for (std::int64_t i = from; i < std::min(rows, from + batch); ++i) ids.push_back(i);
      seconds += bench.write(ids, 1, snapshot);
    }
    std::printf("%s: %.0f rows/s\n", snapshot ? "COPY" : "MERGE, inserts",
                static_cast<double>(rows) / seconds);
    if (snapshot) continue;
    session.run("VACUUM ANALYZE tidemark_bench.orders");
    seconds = 0;
    std::int64_t written = 0;
    for (std::int32_t round = 0; round < 20; ++round) {
      std::vector<std::int64_t> ids;
      for (std::int64_t i = 0; i < batch; ++i) {
        ids.push_back(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(rows)));
      }
      seconds += bench.write(ids, 2 + round, false);
      written += batch;
    }
    std::printf("MERGE, random updates: %.0f rows/s\n", static_cast<double>(written) / seconds);
  }
  session.run("DROP SCHEMA IF EXISTS tidemark_bench, tidemark_bench_state CASCADE");
  return 0;
}
