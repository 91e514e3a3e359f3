// Values against a real PostgreSQL: random source values are encoded, sent as the binary array
// parameters that the writer sends, stored in a column of the target's type with the writer's cast,
// and read back as text, which must be what tidemark's own text form says (or, of floats, what
// PostgreSQL makes of it: its shortest form sometimes has a digit more than is needed).
//
//   value_check DSN [ROUNDS [SEED]]      exit code 0: all equal
//
// Writes to temporary tables only.
#include <libpq-fe.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "decode/base64.h"
#include "decode/calendar.h"
#include "decode/text_form.h"
#include "decode/value.h"

namespace tidemark {
namespace {

using Random = std::mt19937_64;
using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

struct Case {
  SourceType source;
  PgType target;
  std::function<std::string(Random&)> json;
};

SourceType source_of(ConnectType base, std::string name = {}) {
  SourceType type;
  type.base = base;
  type.name = std::move(name);
  return type;
}

SourceType with_parameter(SourceType type, const std::string& name, std::int64_t value) {
  type.parameters[name] = std::to_string(value);
  return type;
}

SourceType array_of(SourceType items) {
  SourceType type = source_of(ConnectType::array);
  type.items = std::make_shared<const SourceType>(std::move(items));
  return type;
}

SourceType decimal_of(int scale) {
  return with_parameter(source_of(ConnectType::bytes, "org.apache.kafka.connect.data.Decimal"),
                        "scale", scale);
}

std::int64_t between(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

std::string in_quotes(const std::string& text) {
  return "\"" + text + "\"";
}

std::string random_bytes(Random& random, std::int64_t longest) {
  std::string bytes(static_cast<std::size_t>(between(random, 0, longest)), '\0');
  for (char& byte : bytes) byte = static_cast<char>(between(random, 0, 255));
  return bytes;
}

std::string random_decimal(Random& random, std::int64_t whole, std::int64_t fraction) {
  std::string text = between(random, 0, 1) == 0 ? "-" : "";
  text += static_cast<char>('1' + between(random, 0, 8));
  for (std::int64_t i = between(random, 1, whole); i > 1; --i) {
    text += static_cast<char>('0' + (between(random, 0, 2) == 0 ? 0 : between(random, 0, 9)));
  }
  const std::int64_t places = between(random, 0, fraction);
  if (places > 0) text += '.';
  for (std::int64_t i = 0; i < places; ++i) {
    text += static_cast<char>('0' + (between(random, 0, 2) == 0 ? 0 : between(random, 0, 9)));
  }
  return text;
}

// A JSON string with everything that text may hold, some of it escaped.
std::string random_text(Random& random, std::int64_t longest) {
  constexpr std::array<const char*, 16> kPieces = {
      "a",    "Z",   " ", ",", "{", "}",       "\\\"",
      "\\\\", "\\n", "é", "☃", "😀", "\\u00e9", "\\ud83d\\ude00",
      "NULL", "'"};
  std::string text;
  for (std::int64_t i = between(random, 0, longest); i > 0; --i) {
    text += kPieces.at(static_cast<std::size_t>(between(random, 0, 15)));
  }
  return in_quotes(text);
}

// 64 random bits as a floating-point number, the finite ones.
template <typename T, typename Bits>
std::string random_float(Random& random) {
  for (;;) {
    const auto bits = static_cast<Bits>(random());
    const T value = std::bit_cast<T>(bits);
    if (!std::isfinite(value)) continue;  // neither infinity nor NaN
    Bytes text;
    if constexpr (sizeof(T) == 4) {
      append_float_text(value, text);
    } else {
      append_double_text(value, text);
    }
    return std::string(text.view());
  }
}

std::string random_zoned(Random& random) {
  const std::int64_t us = between(random, kPgTimestampMin, kPgTimestampEnd - 1);
  const std::int64_t days = us / kUsPerDay - (us % kUsPerDay < 0 ? 1 : 0);
  const CivilDate date = civil_of(days + kPgEpochDays);
  Bytes time;
  append_time_text(us - days * kUsPerDay, time);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "\"%s%04lld-%02u-%02uT%sZ\"",
                date.year < 0      ? "-"
                : date.year > 9999 ? "+"
                                   : "",
                std::abs(static_cast<long long>(date.year)), date.month, date.day,
                std::string(time.view()).c_str());
  return text.data();
}

std::string random_list(Random& random, const std::function<std::string(Random&)>& item) {
  std::string list = "[";
  for (std::int64_t i = between(random, 0, 5); i > 0; --i) {
    if (list.size() > 1) list += ',';
    list += between(random, 0, 4) == 0 ? "null" : item(random);
  }
  return list + "]";
}

PgType sized(TypeKind kind, int length) {
  PgType type = pg_type(kind);
  type.length = length;
  return type;
}

std::function<std::string(Random&)> integers(std::int64_t low, std::int64_t high) {
  return [=](Random& random) { return std::to_string(between(random, low, high)); };
}

std::string random_unscaled(Random& random) {
  const std::string bytes = random_bytes(random, 40);
  return in_quotes(base64_encoded(bytes.empty() ? std::string(1, '\0') : bytes));
}

void add_numbers(std::vector<Case>& cases) {
  const auto add = [&](SourceType source, PgType target, auto json) {
    cases.push_back({std::move(source), std::move(target), json});
  };
  add(source_of(ConnectType::boolean), pg_type(TypeKind::boolean),
      [](Random& random) { return std::string(random() % 2 == 0 ? "true" : "false"); });
  add(source_of(ConnectType::int16), pg_type(TypeKind::int2), integers(-32768, 32767));
  add(source_of(ConnectType::int32), pg_type(TypeKind::int4), integers(INT32_MIN, INT32_MAX));
  add(source_of(ConnectType::int64), pg_type(TypeKind::int8), integers(INT64_MIN, INT64_MAX));
  add(source_of(ConnectType::int64), pg_type(TypeKind::numeric), integers(INT64_MIN, INT64_MAX));
  add(source_of(ConnectType::int64), pg_type(TypeKind::oid), integers(0, UINT32_MAX));
  add(source_of(ConnectType::float32), pg_type(TypeKind::float4),
      random_float<float, std::uint32_t>);
  add(source_of(ConnectType::float64), pg_type(TypeKind::float8),
      random_float<double, std::uint64_t>);
  for (const int scale : {-7, -4, -1, 0, 1, 2, 3, 4, 5, 30, 100}) {
    add(decimal_of(scale), pg_type(TypeKind::numeric), random_unscaled);
  }
  add(source_of(ConnectType::string), pg_type(TypeKind::numeric),
      [](Random& random) { return in_quotes(random_decimal(random, 60, 60)); });
  add({}, pg_type(TypeKind::numeric), [](Random& random) {
    return random_decimal(random, 9, 9) + "e" + std::to_string(between(random, -40, 40));
  });
  add(array_of(decimal_of(2)), pg_array_of(pg_type(TypeKind::numeric)),
      [](Random& random) { return random_list(random, random_unscaled); });
  add(array_of(source_of(ConnectType::float64)), pg_array_of(pg_type(TypeKind::float8)),
      [](Random& random) { return random_list(random, random_float<double, std::uint64_t>); });
}

void add_times(std::vector<Case>& cases) {
  const auto add = [&](ConnectType base, const char* name, TypeKind kind, auto json) {
    cases.push_back(
        {source_of(base, std::string("io.debezium.time.") + name), pg_type(kind), json});
  };
  add(ConnectType::int32, "Date", TypeKind::date, integers(kEpochDayMin, kEpochDayMax));
  add(ConnectType::int32, "Time", TypeKind::time, integers(0, 86400000));
  add(ConnectType::int64, "MicroTime", TypeKind::time, integers(0, kUsPerDay));
  add(ConnectType::int64, "MicroTime", TypeKind::timetz, integers(0, kUsPerDay));
  add(ConnectType::int64, "NanoTime", TypeKind::time, integers(0, kUsPerDay * 1000));
  add(ConnectType::int64, "Timestamp", TypeKind::timestamp,
      integers(-210866803200000, 9223372036854775));
  add(ConnectType::int64, "MicroTimestamp", TypeKind::timestamp,
      integers(kPgTimestampMin + kPgEpochUs, INT64_MAX));
  add(ConnectType::int64, "MicroTimestamp", TypeKind::timestamptz,
      integers(-4102444800000000, 4102444800000000));
  add(ConnectType::int64, "NanoTimestamp", TypeKind::timestamp, integers(INT64_MIN, INT64_MAX));
  add(ConnectType::string, "ZonedTimestamp", TypeKind::timestamptz, random_zoned);
  add(ConnectType::string, "ZonedTimestamp", TypeKind::timestamp, random_zoned);
  add(ConnectType::int64, "MicroDuration", TypeKind::interval, integers(INT64_MIN, INT64_MAX));
  cases.push_back({array_of(source_of(ConnectType::string, "io.debezium.time.ZonedTimestamp")),
                   pg_array_of(pg_type(TypeKind::timestamptz)),
                   [](Random& random) { return random_list(random, random_zoned); }});
  cases.push_back({array_of(source_of(ConnectType::int32, "io.debezium.time.Date")),
                   pg_array_of(pg_type(TypeKind::date)), [](Random& random) {
                     return random_list(random, integers(kEpochDayMin, kEpochDayMax));
                   }});
}

void add_text(std::vector<Case>& cases) {
  const SourceType string = source_of(ConnectType::string);
  const SourceType bytes = source_of(ConnectType::bytes);
  const auto text = [](Random& random) { return random_text(random, 12); };
  const auto base64 = [](Random& random) {
    return in_quotes(base64_encoded(random_bytes(random, 40)));
  };
  cases.push_back({string, pg_type(TypeKind::text), text});
  cases.push_back({string, sized(TypeKind::varchar, 60), text});
  cases.push_back({string, sized(TypeKind::bpchar, 60), text});
  cases.push_back({bytes, pg_type(TypeKind::bytea), base64});
  cases.push_back({array_of(string), pg_array_of(pg_type(TypeKind::text)),
                   [=](Random& random) { return random_list(random, text); }});
  cases.push_back({array_of(bytes), pg_array_of(pg_type(TypeKind::bytea)),
                   [=](Random& random) { return random_list(random, base64); }});
  cases.push_back({bytes, pg_type(TypeKind::uuid), [](Random& random) {
                     std::string uuid(16, '\0');
                     for (char& byte : uuid) byte = static_cast<char>(between(random, 0, 255));
                     return in_quotes(base64_encoded(uuid));
                   }});
  cases.push_back({source_of(ConnectType::string, "io.debezium.data.Json"),
                   pg_type(TypeKind::jsonb), [](Random& random) {
                     return "\"[" + std::to_string(random()) +
                            ", {\\\"a\\\": " + random_decimal(random, 20, 20) + "}]\"";
                   }});
  cases.push_back({source_of(ConnectType::structure, "io.debezium.data.geometry.Point"),
                   pg_type(TypeKind::point), [](Random& random) {
                     return "{\"x\":" + random_float<double, std::uint64_t>(random) +
                            ",\"y\":" + random_float<double, std::uint64_t>(random) + "}";
                   }});
  for (const int length : {1, 7, 64, 65}) {
    cases.push_back(
        {with_parameter(source_of(ConnectType::bytes, "io.debezium.data.Bits"), "length", length),
         sized(TypeKind::bit, length), [=](Random& random) {
           std::string bits = random_bytes(random, length / 8);
           return in_quotes(base64_encoded(bits));
         }});
  }
}

// One dimension of elements, in the form that array_recv reads.
std::string binary_array(Wire wire, std::int64_t count, const Bytes& elements) {
  Bytes array;
  for (const std::uint32_t word :
       {1U, 1U, wire_element_oid(wire), static_cast<std::uint32_t>(count), 1U}) {
    array.append_big(word);
  }
  array.append(elements.view());
  return std::string(array.view());
}

Result run(PGconn* connection, const std::string& sql,
           const std::vector<std::pair<Oid, std::string>>& parameters = {}) {
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const auto& [type, value] : parameters) {
    types.push_back(type);
    values.push_back(value.data());
    lengths.push_back(static_cast<int>(value.size()));
    formats.push_back(1);
  }
  Result result(PQexecParams(connection, sql.c_str(), static_cast<int>(parameters.size()),
                             types.data(), values.data(), lengths.data(), formats.data(), 0),
                PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    throw std::runtime_error(sql + ": " + PQerrorMessage(connection));
  }
  return result;
}

struct Sent {
  std::string json;
  std::string text;
};

// Encodes `rounds` values; what was refused is counted as wrong, for all of them are good.
std::vector<Sent> encode_all(const Case& one, const ValuePlan& plan, std::int64_t rounds,
                             Random& random, Bytes& elements) {
  std::vector<Sent> sent;
  for (std::int64_t i = 0; i < rounds; ++i) {
    Sent value{one.json(random), {}};
    JsonReader reader(value.json, 64);
    JsonValue json;
    EncodeFailure why;
    const std::size_t at = elements.size();
    if (!reader.value(json) || encode_value(plan, json, elements, why) != EncodeStatus::ok) {
      throw std::runtime_error(value.json + " was refused: " + why.reason);
    }
    Bytes text;
    append_text_form(plan.wire, elements.view(at + 4, elements.size() - at - 4), text);
    value.text = std::string(text.view());
    sent.push_back(std::move(value));
  }
  return sent;
}

// The text as PostgreSQL itself writes that value.
std::string respelled(PGconn* connection, const PgType& type, const std::string& text) {
  const bool floats = type.kind == TypeKind::float4 || type.kind == TypeKind::float8 ||
                      type.kind == TypeKind::point;
  if (!floats) return text;
  const Result result = run(connection, "SELECT $1::text::" + type.sql() + "::text",
                            {{wire_element_oid(Wire::text), text}});
  return PQgetvalue(result.get(), 0, 0);
}

std::int64_t check(PGconn* connection, const Case& one, std::int64_t rounds, Random& random) {
  std::string reason;
  const auto plan = plan_value(one.source, one.target, {}, reason);
  if (!plan) throw std::runtime_error(reason);
  Bytes elements;
  const std::vector<Sent> sent = encode_all(one, *plan, rounds, random, elements);
  run(connection, "DROP TABLE IF EXISTS value_check");
  run(connection, "CREATE TEMPORARY TABLE value_check (i serial, c " + one.target.sql() + ")");
  run(connection,
      "INSERT INTO value_check (c) SELECT s.c" + one.target.cast() +
          " FROM unnest($1::" + std::string(wire_array_sql(plan->wire)) + ") s(c)",
      {{wire_array_oid(plan->wire), binary_array(plan->wire, rounds, elements)}});
  const Result stored = run(connection, "SELECT c::text FROM value_check ORDER BY i");
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < rounds; ++i) {
    const std::string got = PQgetvalue(stored.get(), static_cast<int>(i), 0);
    const Sent& value = sent.at(static_cast<std::size_t>(i));
    if (got == value.text || got == respelled(connection, one.target, value.text)) continue;
    if (++wrong <= 3) {
      std::printf("%s: from %s expected %s, stored %s\n", one.target.sql().c_str(),
                  value.json.c_str(), value.text.c_str(), got.c_str());
    }
  }
  std::printf("%-6s %8lld  %s <- %s\n", wrong == 0 ? "ok" : "WRONG", static_cast<long long>(rounds),
              one.target.sql().c_str(), one.source.name.c_str());
  return wrong;
}

int main_of(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: value_check DSN [ROUNDS [SEED]]\n");
    return 64;
  }
  const std::int64_t rounds = argc > 2 ? std::atoll(argv[2]) : 2000;
  Random random(argc > 3 ? static_cast<std::uint64_t>(std::atoll(argv[3])) : 1);
  const Connection connection(PQconnectdb(argv[1]), PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    throw std::runtime_error(PQerrorMessage(connection.get()));
  }
  run(connection.get(), "SET client_min_messages = warning");
  run(connection.get(), "SET TimeZone = 'UTC'");
  run(connection.get(), "SET DateStyle = 'ISO'");
  run(connection.get(), "SET client_encoding = 'UTF8'");
  std::vector<Case> cases;
  add_numbers(cases);
  add_times(cases);
  add_text(cases);
  std::int64_t wrong = 0;
  for (const Case& one : cases) wrong += check(connection.get(), one, rounds, random);
  return wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) {
  try {
    return tidemark::main_of(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "value_check: %s\n", error.what());
    return 70;
  }
}
