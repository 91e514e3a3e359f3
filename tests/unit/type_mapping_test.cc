// Which PostgreSQL type a source's type becomes, what it widens to, and how types are written.
#include <string>

#include "support/catch.h"
#include "support/encoding.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

std::string type_of(ConnectType base, const std::string& name = {},
                    std::map<std::string, std::string> parameters = {}) {
  return default_pg_type(source_of(base, name, std::move(parameters))).sql();
}

std::string time_of(ConnectType base, const std::string& name) {
  return type_of(base, "io.debezium.time." + name);
}

std::string propagated(ConnectType base, const std::string& name, const std::string& type,
                       const std::string& length = {}, const std::string& scale = {}) {
  std::map<std::string, std::string> parameters = {{"__debezium.source.column.type", type},
                                                   {"scale", "2"}};
  if (!length.empty()) parameters["__debezium.source.column.length"] = length;
  if (!scale.empty()) parameters["__debezium.source.column.scale"] = scale;
  return type_of(base, name, parameters);
}

std::string wider(const PgType& have, const PgType& need) {
  const auto type = widened(have, need);
  return type ? type->sql() : "none";
}

}  // namespace

TEST_CASE("types as CREATE TABLE writes them", "[types]") {
  CHECK(pg_numeric(12, 2).sql() == "numeric(12,2)");
  CHECK(pg_numeric(3, -2).sql() == "numeric(3,-2)");
  CHECK(pg_array_of(sized(TypeKind::varchar, 20)).sql() == "character varying(20)[]");
  CHECK(sized(TypeKind::bpchar, 5).sql() == "character(5)");
  CHECK(pg_type(TypeKind::bpchar).sql() == "bpchar");
  CHECK(precise(TypeKind::timestamp, 3).sql() == "timestamp(3) without time zone");
  CHECK(precise(TypeKind::interval, 0).sql() == "interval(0)");
  CHECK(pg_type(TypeKind::int8).name == "bigint");
  CHECK(named(TypeKind::enumeration, "public.mood").cast() == "::public.mood");
  CHECK(pg_type(TypeKind::int4).cast().empty());
  CHECK(sized(TypeKind::bit, 3).cast() == "::varbit");
  CHECK(pg_array_of(sized(TypeKind::bpchar, 3)).cast() == "::bpchar[]");
  CHECK(pg_array_of(pg_type(TypeKind::money)).cast() == "::numeric[]");
  CHECK(pg_array_of(pg_type(TypeKind::int4)).wire() == Wire::text);
  CHECK(wire_array_sql(Wire::timestamptz) == "timestamp with time zone[]");
  CHECK(wire_array_oid(Wire::jsonb) == 3807);
  CHECK(wire_element_oid(Wire::numeric) == 1700);
}

TEST_CASE("every row of the type table", "[types]") {
  CHECK(type_of(ConnectType::int8) == "smallint");
  CHECK(type_of(ConnectType::int16) == "smallint");
  CHECK(type_of(ConnectType::int32) == "integer");
  CHECK(type_of(ConnectType::int64) == "bigint");
  CHECK(type_of(ConnectType::float32) == "real");
  CHECK(type_of(ConnectType::float64) == "double precision");
  CHECK(type_of(ConnectType::boolean) == "boolean");
  CHECK(type_of(ConnectType::string) == "text");
  CHECK(type_of(ConnectType::bytes) == "bytea");
  CHECK(type_of(ConnectType::map) == "jsonb");
  CHECK(type_of(ConnectType::structure) == "jsonb");
  CHECK(time_of(ConnectType::int32, "Date") == "date");
  CHECK(time_of(ConnectType::int32, "Time") == "time(3) without time zone");
  CHECK(time_of(ConnectType::int64, "MicroTime") == "time without time zone");
  CHECK(time_of(ConnectType::int64, "NanoTime") == "time without time zone");
  CHECK(time_of(ConnectType::int64, "Timestamp") == "timestamp(3) without time zone");
  CHECK(time_of(ConnectType::int64, "MicroTimestamp") == "timestamp without time zone");
  CHECK(time_of(ConnectType::string, "ZonedTime") == "time with time zone");
  CHECK(time_of(ConnectType::string, "ZonedTimestamp") == "timestamp with time zone");
  CHECK(time_of(ConnectType::string, "IsoDate") == "date");
  CHECK(time_of(ConnectType::structure, "StructuredZonedTimestamp") == "timestamp with time zone");
  CHECK(time_of(ConnectType::structure, "StructuredDate") == "date");
  CHECK(time_of(ConnectType::int64, "MicroDuration") == "interval");
  CHECK(time_of(ConnectType::string, "Interval") == "interval");
  CHECK(time_of(ConnectType::int32, "Year") == "integer");
  const std::string decimal = "org.apache.kafka.connect.data.Decimal";
  CHECK(type_of(ConnectType::bytes, decimal,
                {{"scale", "2"}, {"connect.decimal.precision", "12"}}) == "numeric(12,2)");
  CHECK(type_of(ConnectType::bytes, decimal, {{"scale", "2"}}) == "numeric");
  CHECK(type_of(ConnectType::structure, "io.debezium.data.VariableScaleDecimal") == "numeric");
  CHECK(type_of(ConnectType::bytes, "io.debezium.data.Bits", {{"length", "7"}}) == "bit(7)");
  CHECK(type_of(ConnectType::string, "io.debezium.data.Json") == "jsonb");
  CHECK(type_of(ConnectType::string, "io.debezium.data.Uuid") == "uuid");
  CHECK(type_of(ConnectType::string, "io.debezium.data.Xml") == "xml");
  CHECK(type_of(ConnectType::string, "io.debezium.data.Ltree") == "text");
  CHECK(type_of(ConnectType::string, "io.debezium.data.Enum") == "text");
  CHECK(type_of(ConnectType::string, "io.debezium.data.Tsvector") == "tsvector");
  CHECK(type_of(ConnectType::structure, "io.debezium.data.geometry.Point") == "point");
  CHECK(type_of(ConnectType::structure, "io.debezium.data.geometry.Geometry") == "bytea");
  CHECK(default_pg_type(array_of(source_of(ConnectType::int32))).sql() == "integer[]");
  CHECK(default_pg_type(array_of(array_of(source_of(ConnectType::int32)))).sql() == "jsonb");
  SourceType vector = array_of(source_of(ConnectType::float32));
  vector.name = "io.debezium.data.FloatVector";
  CHECK(default_pg_type(vector).sql() == "real[]");
  std::string loss;
  default_pg_type(source_of(ConnectType::int64, "io.debezium.time.NanoTimestamp"), &loss);
  CHECK(loss ==
        "nanoseconds are cut to microseconds; before 1677-09-21 and after 2262-04-11 null is sent");
  default_pg_type(source_of(ConnectType::int64), &loss);
  CHECK(loss.empty());
}

TEST_CASE("every default type takes the values of its source", "[types]") {
  for (const char* name : {"Date", "Time", "MicroTime", "Timestamp", "MicroTimestamp", "ZonedTime",
                           "ZonedTimestamp", "IsoDate", "IsoTime", "IsoTimestamp", "Interval",
                           "StructuredDate", "StructuredDuration", "MicroDuration", "Year"}) {
    for (const ConnectType base :
         {ConnectType::int32, ConnectType::int64, ConnectType::string, ConnectType::structure}) {
      const SourceType source = source_of(base, std::string("io.debezium.time.") + name);
      std::string reason;
      CHECK(plan_value(source, default_pg_type(source), {}, reason).has_value());
    }
  }
  for (const char* name : {"Json", "Xml", "Uuid", "Ltree", "Tsvector", "Enum", "EnumSet", "Bits",
                           "VariableScaleDecimal", "geometry.Point", "geometry.Geometry",
                           "geometry.Circle", "geometry.Line", "SparseDoubleVector"}) {
    for (const ConnectType base :
         {ConnectType::string, ConnectType::bytes, ConnectType::structure}) {
      const SourceType source = source_of(base, std::string("io.debezium.data.") + name);
      std::string reason;
      CHECK(plan_value(source, default_pg_type(source), {}, reason).has_value());
    }
  }
}

TEST_CASE("propagated column types", "[types]") {
  CHECK(propagated(ConnectType::string, "", "VARCHAR", "40") == "character varying(40)");
  CHECK(propagated(ConnectType::string, "", "VARCHAR", "2147483647") == "text");
  CHECK(propagated(ConnectType::string, "", "BPCHAR", "5") == "character(5)");
  CHECK(propagated(ConnectType::string, "", "CITEXT", "2147483647") == "text");
  CHECK(propagated(ConnectType::string, "", "INET") == "inet");
  CHECK(propagated(ConnectType::string, "", "INT4RANGE") == "int4range");
  CHECK(propagated(ConnectType::string, "", "NUMERIC", "10", "2") == "numeric(10,2)");
  CHECK(propagated(ConnectType::string, "", "NUMERIC", "131089", "0") == "numeric");
  CHECK(propagated(ConnectType::string, "io.debezium.data.Json", "JSON") == "json");
  CHECK(propagated(ConnectType::string, "io.debezium.data.Json", "HSTORE") == "jsonb");
  CHECK(propagated(ConnectType::bytes, "org.apache.kafka.connect.data.Decimal", "MONEY") ==
        "money");
  CHECK(propagated(ConnectType::int64, "", "OID") == "oid");
  CHECK(propagated(ConnectType::int64, "", "BIGINT UNSIGNED") == "bigint");
  CHECK(type_of(ConnectType::bytes, "io.debezium.data.Bits",
                {{"length", "10"}, {"__debezium.source.column.type", "VARBIT"}}) ==
        "bit varying(10)");
}

TEST_CASE("widening holds all values of both", "[types]") {
  const PgType int2 = pg_type(TypeKind::int2);
  const PgType int4 = pg_type(TypeKind::int4);
  const PgType int8 = pg_type(TypeKind::int8);
  const PgType text = pg_type(TypeKind::text);
  const PgType real = pg_type(TypeKind::float4);
  const PgType wide = pg_type(TypeKind::float8);
  CHECK(wider(int4, int8) == "bigint");
  CHECK(wider(int8, int4) == "bigint");
  CHECK(wider(sized(TypeKind::varchar, 20), text) == "text");
  CHECK(wider(text, sized(TypeKind::varchar, 20)) == "text");
  CHECK(wider(sized(TypeKind::varchar, 20), sized(TypeKind::varchar, 40)) ==
        "character varying(40)");
  CHECK(wider(sized(TypeKind::varchar, 40), sized(TypeKind::varchar, 20)) ==
        "character varying(40)");
  CHECK(wider(pg_numeric(10, 2), pg_numeric(12, 4)) == "numeric(12,4)");
  CHECK(wider(pg_numeric(10, 2), pg_numeric(5, 4)) == "numeric(12,4)");
  CHECK(wider(pg_numeric(10, 2), pg_type(TypeKind::numeric)) == "numeric");
  CHECK(wider(int4, pg_numeric(5, 2)) == "numeric(12,2)");
  CHECK(wider(pg_numeric(20, 0), int8) == "numeric(20,0)");
  CHECK(wider(real, wide) == "double precision");
  CHECK(wider(int4, real) == "double precision");
  CHECK(wider(int2, real) == "real");
  CHECK(wider(int8, wide) == "none");
  CHECK(wider(precise(TypeKind::timestamp, 3), pg_type(TypeKind::timestamp)) ==
        "timestamp without time zone");
  CHECK(wider(pg_type(TypeKind::date), pg_type(TypeKind::timestamp)) ==
        "timestamp without time zone");
  CHECK(wider(sized(TypeKind::bit, 3), sized(TypeKind::bit, 5)) == "bit varying(5)");
  CHECK(wider(named(TypeKind::citext, "public.citext"), text) == "public.citext");
  CHECK(wider(pg_type(TypeKind::timestamp), pg_type(TypeKind::timestamptz)) == "none");
  CHECK(wider(pg_type(TypeKind::uuid), text) == "text");
  CHECK(wider(pg_array_of(int4), pg_array_of(int8)) == "bigint[]");
  CHECK(wider(pg_array_of(int4), int8) == "none");
  CHECK(wider(int4, text) == "text");
  CHECK(wider(text, int4) == "text");
  CHECK(wider(int4, sized(TypeKind::varchar, 20)) == "none");
  CHECK(wider(int4, pg_type(TypeKind::boolean)) == "none");
}

TEST_CASE("defaults as SQL", "[types]") {
  const auto sql = [](SourceType source, const PgType& target, const char* json) {
    source.default_json = json;
    return default_sql(source, target, {}).value_or("none");
  };
  CHECK(sql(source_of(ConnectType::string), pg_type(TypeKind::text), "\"it's\"") ==
        "'it''s'::text");
  CHECK(sql(source_of(ConnectType::int32), pg_type(TypeKind::int4), "-7") == "'-7'::integer");
  CHECK(sql(decimal_of(2), pg_numeric(10, 2), "\"bg==\"") == "'1.10'::numeric(10,2)");
  CHECK(sql(source_of(ConnectType::int32, "io.debezium.time.Date"), pg_type(TypeKind::date), "0") ==
        "'1970-01-01'::date");
  CHECK(sql(source_of(ConnectType::boolean), pg_type(TypeKind::boolean), "true") ==
        "'true'::boolean");
  CHECK(sql(array_of(source_of(ConnectType::int32)), pg_array_of(pg_type(TypeKind::int4)), "[1]") ==
        "'{1}'::integer[]");
  CHECK(sql(source_of(ConnectType::string), pg_type(TypeKind::text), "null") == "none");
  CHECK(sql(source_of(ConnectType::string), sized(TypeKind::varchar, 2), "\"abc\"") == "none");
  CHECK(default_sql(source_of(ConnectType::string), pg_type(TypeKind::text), {}) == std::nullopt);
}
