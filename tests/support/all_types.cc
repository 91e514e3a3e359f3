#include "support/all_types.h"

#include "support/encoding.h"

namespace tidemark::test {

std::vector<SourceType> all_sources() {
  std::vector<SourceType> sources;
  for (int base = 0; base <= static_cast<int>(ConnectType::structure); ++base) {
    sources.push_back(source_of(static_cast<ConnectType>(base)));
  }
  for (const char* name : {"io.debezium.time.Date",
                           "io.debezium.time.Time",
                           "io.debezium.time.MicroTime",
                           "io.debezium.time.NanoTime",
                           "io.debezium.time.Timestamp",
                           "io.debezium.time.MicroTimestamp",
                           "io.debezium.time.NanoTimestamp",
                           "io.debezium.time.ZonedTime",
                           "io.debezium.time.ZonedTimestamp",
                           "io.debezium.time.IsoDate",
                           "io.debezium.time.IsoTime",
                           "io.debezium.time.IsoTimestamp",
                           "io.debezium.time.StructuredDate",
                           "io.debezium.time.StructuredTime",
                           "io.debezium.time.StructuredTimestamp",
                           "io.debezium.time.StructuredZonedTime",
                           "io.debezium.time.StructuredZonedTimestamp",
                           "io.debezium.time.StructuredDuration",
                           "io.debezium.time.MicroDuration",
                           "io.debezium.time.NanoDuration",
                           "io.debezium.time.Interval",
                           "org.apache.kafka.connect.data.Decimal",
                           "io.debezium.data.VariableScaleDecimal",
                           "io.debezium.data.Bits",
                           "io.debezium.data.Json",
                           "io.debezium.data.Uuid",
                           "io.debezium.data.geometry.Point",
                           "io.debezium.data.geometry.Geometry",
                           "io.debezium.data.geometry.Circle",
                           "io.debezium.data.geometry.Line",
                           "io.debezium.data.SparseDoubleVector"}) {
    for (const ConnectType base : {ConnectType::int32, ConnectType::int64, ConnectType::string,
                                   ConnectType::bytes, ConnectType::structure}) {
      sources.push_back(source_of(base, name, {{"scale", "2"}, {"length", "9"}}));
    }
  }
  const std::size_t scalars = sources.size();
  for (std::size_t i = 0; i < scalars; i += 3) sources.push_back(array_of(sources[i]));
  return sources;
}

std::vector<PgType> all_targets() {
  std::vector<PgType> targets;
  for (int kind = 0; kind <= static_cast<int>(TypeKind::other); ++kind) {
    targets.push_back(pg_type(static_cast<TypeKind>(kind)));
    targets.push_back(pg_array_of(targets.back()));
  }
  for (const TypeKind kind :
       {TypeKind::varchar, TypeKind::bpchar, TypeKind::bit, TypeKind::varbit}) {
    targets.push_back(sized(kind, 5));
  }
  for (const TypeKind kind : {TypeKind::time, TypeKind::timetz, TypeKind::timestamp,
                              TypeKind::timestamptz, TypeKind::interval}) {
    targets.push_back(precise(kind, 3));
  }
  targets.push_back(pg_numeric(5, 2));
  targets.push_back(named(TypeKind::other, "public.geometry"));
  return targets;
}

}  // namespace tidemark::test
