// Dates, times, timestamps and intervals in all of Debezium's precisions and modes.
#include <random>
#include <string>

#include "decode/calendar.h"
#include "support/catch.h"
#include "support/encoding.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

SourceType time_type(ConnectType base, const std::string& name) {
  return source_of(base, "io.debezium.time." + name);
}

const SourceType kDate = time_type(ConnectType::int32, "Date");
const SourceType kTime = time_type(ConnectType::int32, "Time");
const SourceType kMicroTime = time_type(ConnectType::int64, "MicroTime");
const SourceType kNanoTime = time_type(ConnectType::int64, "NanoTime");
const SourceType kTimestamp = time_type(ConnectType::int64, "Timestamp");
const SourceType kMicroTimestamp = time_type(ConnectType::int64, "MicroTimestamp");
const SourceType kNanoTimestamp = time_type(ConnectType::int64, "NanoTimestamp");
const SourceType kZonedTime = time_type(ConnectType::string, "ZonedTime");
const SourceType kZonedTimestamp = time_type(ConnectType::string, "ZonedTimestamp");
const SourceType kMicroDuration = time_type(ConnectType::int64, "MicroDuration");
const SourceType kInterval = time_type(ConnectType::string, "Interval");

const PgType kPgDate = pg_type(TypeKind::date);
const PgType kPgTime = pg_type(TypeKind::time);
const PgType kPgTimestamp = pg_type(TypeKind::timestamp);
const PgType kPgTimestamptz = pg_type(TypeKind::timestamptz);
const PgType kPgTimetz = pg_type(TypeKind::timetz);
const PgType kPgInterval = pg_type(TypeKind::interval);
const PgType kText = pg_type(TypeKind::text);

SourceType structured(const std::string& name) {
  return time_type(ConnectType::structure, "Structured" + name);
}

// Day by day, without any of the calendar's formulas.
struct NaiveDay {
  int year = 1970;
  int month = 1;
  int day = 1;
  [[nodiscard]] bool leap() const { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }
  [[nodiscard]] int length() const {
    if (month == 2) return leap() ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
  }
  void next() {
    if (++day <= length()) return;
    day = 1;
    if (++month <= 12) return;
    month = 1;
    ++year;
  }
  void previous() {
    if (--day >= 1) return;
    if (--month < 1) {
      month = 12;
      --year;
    }
    day = length();
  }
};

}  // namespace

TEST_CASE("dates", "[value]") {
  CHECK(text_of(kDate, kPgDate, "17424") == "2017-09-15");
  CHECK(text_of(kDate, kPgDate, "0") == "1970-01-01");
  CHECK(text_of(kDate, kPgDate, "-735160") == "0044-03-15 BC");
  CHECK(text_of(kDate, kPgDate, "2932896") == "9999-12-31");
  CHECK(text_of(kDate, kPgDate, "-2440588") == "4714-11-24 BC");
  CHECK(text_of(kDate, kPgDate, "2145042905") == "5874897-12-31");
  CHECK(text_of(kDate, kPgDate, "2145042906") == "BAD");
  CHECK(text_of(kDate, kPgDate, "-2440589") == "BAD");
  for (const char* plus : {"-2147472692", "-622191234", "-622191233"}) {
    CHECK(text_of(kDate, kPgDate, plus) == "infinity");
  }
  for (const char* minus : {"-2147472691", "-625821272", "-625821271"}) {
    CHECK(text_of(kDate, kPgDate, minus) == "-infinity");
  }
  CHECK(text_of(kDate, kPgDate, "1.5") == "BAD");
  CHECK(text_of(kDate, kPgDate, "\"2017-09-15\"") == "BAD");
  CHECK(text_of(kDate, kPgTimestamp, "17424") == "2017-09-15 00:00:00");
  CHECK(text_of(kDate, kPgTimestamp, "-2147472692") == "infinity");
  CHECK(text_of(kDate, kPgTimestamp, "2145042905") == "BAD");
  CHECK(text_of(kDate, kText, "17424") == "2017-09-15");
  const SourceType iso = time_type(ConnectType::string, "IsoDate");
  CHECK(text_of(iso, kPgDate, "\"2017-09-15Z\"") == "2017-09-15");
  CHECK(text_of(iso, kPgDate, "\"-0043-03-15Z\"") == "0044-03-15 BC");
  CHECK(text_of(iso, kPgDate, "\"2017-02-29Z\"") == "BAD");
  CHECK(text_of(iso, kPgDate, "\"2000-02-29Z\"") == "2000-02-29");
  CHECK(text_of(iso, kPgDate, "\"1900-02-29Z\"") == "BAD");
  CHECK(text_of(schemaless(), kPgDate, "17424") == "2017-09-15");
  CHECK(text_of(schemaless(), kPgDate, "\"2017-09-15\"") == "2017-09-15");
  CHECK(text_of(schemaless(), kPgDate, "\"15.9.2017\"") == "BAD");
  CHECK(text_of(source_of(ConnectType::int32, "org.apache.kafka.connect.data.Date"), kPgDate,
                "17424") == "2017-09-15");
}

TEST_CASE("times of day", "[value]") {
  CHECK(text_of(kTime, precise(TypeKind::time, 3), "49890123") == "13:51:30.123");
  CHECK(text_of(kMicroTime, kPgTime, "49890123456") == "13:51:30.123456");
  CHECK(text_of(kNanoTime, kPgTime, "49890123456999") == "13:51:30.123456");
  CHECK(text_of(kNanoTime, kPgTime, "86399999999999") == "23:59:59.999999");
  CHECK(text_of(kMicroTime, kPgTime, "86400000000") == "24:00:00");
  CHECK(text_of(kMicroTime, kPgTime, "0") == "00:00:00");
  CHECK(text_of(kMicroTime, kPgTime, "86400000001") == "BAD");
  CHECK(text_of(kMicroTime, kPgTime, "-3020399000000") == "BAD");
  CHECK(text_of(kMicroTime, kPgInterval, "-3020399000000") == "-838:59:59");
  CHECK(text_of(kMicroTime, kText, "-3020399000000") == "-838:59:59");
  CHECK(text_of(kMicroTime, kPgTimetz, "49890123456") == "13:51:30.123456+00");
  CHECK(text_of(kMicroTime, precise(TypeKind::time, 3), "49890123456") ==
        "WIDEN time without time zone");
  CHECK(text_of(kMicroTime, precise(TypeKind::time, 0), "49890000000") == "13:51:30");
  const SourceType iso = time_type(ConnectType::string, "IsoTime");
  CHECK(text_of(iso, kPgTime, "\"04:05:11.789Z\"") == "04:05:11.789");
  CHECK(text_of(iso, kPgTime, "\"23:59:59.9999999Z\"") == "23:59:59.999999");
  CHECK(text_of(iso, kPgTime, "\"24:00:01Z\"") == "BAD");
  CHECK(text_of(iso, kPgTime, "\"23:59:60Z\"") == "BAD");
  CHECK(text_of(kZonedTime, kPgTimetz, "\"11:51:30.123789Z\"") == "11:51:30.123789+00");
  CHECK(text_of(kZonedTime, kPgTimetz, "\"24:00:00Z\"") == "24:00:00+00");
  CHECK(text_of(kZonedTime, kPgTimetz, "\"10:00+02:30\"") == "10:00:00+02:30");
  CHECK(text_of(kZonedTime, kPgTimetz, "\"10:00:00-00:44:30\"") == "10:00:00-00:44:30");
  CHECK(text_of(kZonedTime, precise(TypeKind::timetz, 3), "\"11:51:30.123789Z\"") ==
        "WIDEN time with time zone");
  CHECK(text_of(kZonedTime, kPgTime, "\"11:51:30Z\"") == "11:51:30");
  CHECK(text_of(kZonedTime, kPgTime, "\"11:51:30+01:00\"") == "BAD");
}

TEST_CASE("timestamps of every precision", "[value]") {
  CHECK(text_of(kTimestamp, precise(TypeKind::timestamp, 3), "1478267490123") ==
        "2016-11-04 13:51:30.123");
  CHECK(text_of(kTimestamp, kPgTimestamp, "-1") == "1969-12-31 23:59:59.999");
  CHECK(text_of(kTimestamp, kPgTimestamp, "9224318015999999") == "294276-12-31 23:59:59.999");
  CHECK(text_of(kTimestamp, kPgTimestamp, "9224318016000000") == "BAD");
  CHECK(text_of(kTimestamp, kPgTimestamp, "9223372036854775807") == "BAD");
  CHECK(text_of(kTimestamp, kPgTimestamp, "-9223372036854775808") == "BAD");
  CHECK(text_of(kMicroTimestamp, kPgTimestamp, "1505483490123456") == "2017-09-15 13:51:30.123456");
  CHECK(text_of(kMicroTimestamp, kPgTimestamp, "-2208988799999999") ==
        "1900-01-01 00:00:00.000001");
  CHECK(text_of(kMicroTimestamp, kPgTimestamp, "253402300799999999") ==
        "9999-12-31 23:59:59.999999");
  CHECK(text_of(kMicroTimestamp, kPgTimestamp, "-210831897600000001") ==
        "4713-12-31 23:59:59.999999 BC");
  CHECK(text_of(kNanoTimestamp, kPgTimestamp, "1505483490123456999") ==
        "2017-09-15 13:51:30.123456");
  CHECK(text_of(kNanoTimestamp, kPgTimestamp, "-1") == "1969-12-31 23:59:59.999999");
  CHECK(text_of(kMicroTimestamp, kPgTimestamp, "-210866803200000000") == "4714-11-24 00:00:00 BC");
  CHECK(text_of(kMicroTimestamp, kPgTimestamp, "-210866803200000001") == "BAD");
  CHECK(text_of(kMicroTimestamp, kPgTimestamp, "9223372036854775807") ==
        "294247-01-10 04:00:54.775807");
  CHECK(text_of(kMicroTimestamp, precise(TypeKind::timestamp, 3), "1505483490123456") ==
        "WIDEN timestamp without time zone");
  CHECK(text_of(kMicroTimestamp, kPgTimestamptz, "1505483490123456") ==
        "2017-09-15 13:51:30.123456+00");
  CHECK(text_of(kMicroTimestamp, kPgDate, "1505433600000000") == "2017-09-15");
  CHECK(text_of(kMicroTimestamp, kPgDate, "1505433600000001") == "BAD");
  CHECK(text_of(kMicroTimestamp, kText, "1505483490000000") == "2017-09-15 13:51:30");
  CHECK(text_of(source_of(ConnectType::int64, "org.apache.kafka.connect.data.Timestamp"),
                kPgTimestamp, "1478267490123") == "2016-11-04 13:51:30.123");
}

TEST_CASE("infinities are what Debezium makes of them", "[value]") {
  CHECK(text_of(kTimestamp, kPgTimestamp, "9223372036825200") == "infinity");
  CHECK(text_of(kTimestamp, kPgTimestamp, "-9223372036832400") == "-infinity");
  CHECK(text_of(kMicroTimestamp, kPgTimestamp, "9223372036825200000") == "infinity");
  CHECK(text_of(kMicroTimestamp, kPgTimestamp, "-9223372036832400000") == "-infinity");
  CHECK(text_of(kMicroTimestamp, kPgTimestamp, "9223372036825200001") ==
        "294247-01-10 04:00:25.200001");
  CHECK(text_of(kNanoTimestamp, kPgTimestamp, "9223372036854775807") == "infinity");
  CHECK(text_of(kNanoTimestamp, kPgTimestamp, "-9223372036854775808") == "-infinity");
  CHECK(text_of(kMicroTimestamp, precise(TypeKind::timestamp, 0), "9223372036825200000") ==
        "infinity");
  CHECK(text_of(kMicroTimestamp, kPgDate, "9223372036825200000") == "infinity");
  const SourceType iso = time_type(ConnectType::string, "IsoTimestamp");
  CHECK(text_of(iso, kPgTimestamp, "\"+294247-01-10T04:00:25.2Z\"") == "infinity");
  CHECK(text_of(iso, kPgTimestamp, "\"-290308-12-21T19:59:27.6Z\"") == "-infinity");
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"infinity\"") == "infinity");
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"-infinity\"") == "-infinity");
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"+294247-01-10T04:00:25.2Z\"") ==
        "294247-01-10 04:00:25.2+00");
}

TEST_CASE("timestamps as ISO text", "[value]") {
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"2016-11-04T11:51:30.123456Z\"") ==
        "2016-11-04 11:51:30.123456+00");
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"2016-11-04T11:51Z\"") ==
        "2016-11-04 11:51:00+00");
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"2016-11-04T01:51:30+02:00\"") ==
        "2016-11-03 23:51:30+00");
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"-4713-12-31T23:59:59.999999Z\"") ==
        "4714-12-31 23:59:59.999999+00 BC");
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"+21016-11-04T06:51:30.123456Z\"") ==
        "21016-11-04 06:51:30.123456+00");
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"1969-12-31T23:59:59.9999999Z\"") ==
        "1969-12-31 23:59:59.999999+00");
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"+294276-12-31T23:59:59.999999Z\"") ==
        "294276-12-31 23:59:59.999999+00");
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"+294277-01-01T00:00:00Z\"") == "BAD");
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"-4713-11-23T23:59:59Z\"") == "BAD");
  CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"0000-01-01T00:00:00Z\"") ==
        "0001-01-01 00:00:00+00 BC");
  CHECK(text_of(kZonedTimestamp, kPgTimestamp, "\"2016-11-04T01:51:30+02:00\"") ==
        "2016-11-03 23:51:30");
  CHECK(text_of(kZonedTimestamp, kPgDate, "\"2016-11-04T01:51:30Z\"") == "NO PLAN");
  for (const char* wrong : {"", "2016-13-01T00:00:00Z", "2016-11-04T25:00:00Z",
                            "2016-11-04T11:51:30ZZ", "2016-11-04T11:51:30.Z", "16-11-04T11:51:30Z",
                            "2016-11-04T11:60:00Z", "2016-11-04 11:51:30 Europe/Paris"}) {
    CHECK(text_of(kZonedTimestamp, kPgTimestamptz, "\"" + std::string(wrong) + "\"") == "BAD");
  }
  const SourceType iso = time_type(ConnectType::string, "IsoTimestamp");
  CHECK(text_of(iso, kPgTimestamp, "\"2019-07-09T02:28:57.1Z\"") == "2019-07-09 02:28:57.1");
}

TEST_CASE("schemaless times are counted as time-unit says, or not at all", "[value]") {
  const PgType ms = precise(TypeKind::timestamp, 3);
  for (const PgType& type :
       {ms, kPgTimestamp, kPgTimestamptz, precise(TypeKind::time, 3), kPgTime, kPgInterval}) {
    INFO(type.sql());
    CHECK(text_of(schemaless(), type, "49890123") == "BAD");
  }
  CHECK(text_of(schemaless(), kPgDate, "17424") == "2017-09-15");
  ValueSettings settings;
  settings.time_unit = TimeUnitMode::adaptive;
  CHECK(text_of(schemaless(), ms, "1505483490123", settings) == "2017-09-15 13:51:30.123");
  CHECK(text_of(schemaless(), kPgTimestamp, "1505483490123456", settings) ==
        "2017-09-15 13:51:30.123456");
  CHECK(text_of(schemaless(), precise(TypeKind::time, 3), "49890123", settings) == "13:51:30.123");
  CHECK(text_of(schemaless(), kPgTime, "49890123456", settings) == "13:51:30.123456");
  CHECK(text_of(schemaless(), ms, "253402300799999", settings) == "9999-12-31 23:59:59.999");
  CHECK(text_of(schemaless(), precise(TypeKind::interval, 3), "3600000000", settings) ==
        "01:00:00");
  settings.time_unit = TimeUnitMode::adaptive_time_microseconds;
  CHECK(text_of(schemaless(), ms, "1505483490123", settings) == "2017-09-15 13:51:30.123");
  CHECK(text_of(schemaless(), precise(TypeKind::time, 0), "49890000000", settings) == "13:51:30");
  settings.time_unit = TimeUnitMode::ns;
  CHECK(text_of(schemaless(), ms, "1505483490123000000", settings) == "2017-09-15 13:51:30.123");
  CHECK(text_of(schemaless(), kPgInterval, "3600000000000", settings) == "BAD");
  settings.time_unit = TimeUnitMode::us;
  CHECK(text_of(schemaless(), ms, "1505483490123456", settings) ==
        "WIDEN timestamp without time zone");
  CHECK(text_of(schemaless(), kPgInterval, "3600000000", settings) == "01:00:00");
  CHECK(text_of(schemaless(), kPgTimestamp, "\"2017-09-15T13:51:30\"") == "2017-09-15 13:51:30");
  CHECK(text_of(schemaless(), kPgTimestamptz, "\"2017-09-15T11:51:30.123456Z\"") ==
        "2017-09-15 11:51:30.123456+00");
  CHECK(text_of(schemaless(), kPgTimetz, "\"10:00:00Z\"") == "10:00:00+00");
  CHECK(text_of(schemaless(), kPgInterval, "\"P1Y2M3DT4H5M6.789S\"") == "P1Y2M3DT4H5M6.789S");
  CHECK(text_of(schemaless(), kPgTimestamp, "{}") == "BAD");
}

TEST_CASE("durations and intervals", "[value]") {
  CHECK(text_of(kMicroDuration, kPgInterval, "31557600000000") == "8766:00:00");
  CHECK(text_of(kMicroDuration, kPgInterval, "-1") == "-00:00:00.000001");
  CHECK(text_of(kMicroDuration, kPgInterval, "-9223372036854775808") == "-2562047788:00:54.775808");
  CHECK(text_of(time_type(ConnectType::int64, "NanoDuration"), kPgInterval, "-1") ==
        "-00:00:00.000001");
  CHECK(text_of(kMicroDuration, precise(TypeKind::interval, 3), "1") == "WIDEN interval");
  CHECK(text_of(kInterval, kPgInterval, "\"P-1Y-2M0DT-4H0M0S\"") == "P-1Y-2M0DT-4H0M0S");
  CHECK(text_of(kInterval, kPgInterval, "\"PT0.1234567S\"") == "BAD");
  CHECK(text_of(kInterval, precise(TypeKind::interval, 3), "\"PT0.1234S\"") == "WIDEN interval");
  CHECK(text_of(kInterval, precise(TypeKind::interval, 3), "\"PT0.1234567S\"") == "BAD");
  CHECK(text_of(kInterval, kText, "\"PT0.1234567S\"") == "PT0.1234567S");
}

TEST_CASE("structured times", "[value]") {
  CHECK(text_of(structured("Date"), kPgDate, R"({"year":2017,"month":9,"day":15})") ==
        "2017-09-15");
  CHECK(text_of(structured("Date"), kPgDate, R"({"year":0,"month":0,"day":0})") == "BAD");
  CHECK(text_of(structured("Date"), kPgDate,
                R"({"year":null,"month":null,"specialValue":"NEGATIVE_INFINITY"})") == "-infinity");
  CHECK(text_of(structured("Time"), kPgTime,
                R"({"hour":24,"minute":0,"second":0,"nanos":0,"precision":6})") == "24:00:00");
  CHECK(text_of(structured("Timestamp"), kPgTimestamp,
                R"({"year":-43,"month":3,"day":15,"hour":1,"minute":2,"second":3,
                    "picoseconds":123456789012})") == "0044-03-15 01:02:03.123456 BC");
  CHECK(text_of(structured("Timestamp"), kPgTimestamp, R"({"specialValue":"POSITIVE_INFINITY"})") ==
        "infinity");
  CHECK(text_of(structured("ZonedTimestamp"), kPgTimestamptz,
                R"({"year":2017,"month":9,"day":15,"hour":13,"minute":51,"second":30,
                    "nanos":123456000,"offsetSeconds":7200,"zoneId":"Europe/Paris"})") ==
        "2017-09-15 11:51:30.123456+00");
  CHECK(text_of(structured("ZonedTimestamp"), kPgTimestamptz,
                R"({"year":2017,"month":9,"day":15,"zoneId":"Europe/Paris"})") == "BAD");
  CHECK(text_of(structured("ZonedTime"), kPgTimetz,
                R"({"hour":13,"minute":51,"second":30,"nanos":0,"offsetSeconds":-12600})") ==
        "13:51:30-03:30");
  CHECK(text_of(structured("Duration"), kPgInterval,
                R"({"years":1,"months":-2,"days":3,"hours":4,"minutes":5,"seconds":-6,
                    "picoseconds":-789000000000})") == "P1Y-2M3DT4H5M-6.789000S");
}

TEST_CASE("the calendar against counting days", "[value]") {
  NaiveDay forward;
  NaiveDay backward;
  for (std::int64_t days = 0; days < 1200000; ++days) {
    for (const bool ahead : {true, false}) {
      const NaiveDay& naive = ahead ? forward : backward;
      const std::int64_t epoch_days = ahead ? days : -days;
      const CivilDate date = civil_of(epoch_days);
      if (date.year != naive.year || static_cast<int>(date.month) != naive.month ||
          static_cast<int>(date.day) != naive.day || epoch_days_of(date) != epoch_days) {
        FAIL("day " << epoch_days);
      }
    }
    forward.next();
    backward.previous();
  }
  std::mt19937_64 random(7);  // NOLINT: repeatable
  for (int i = 0; i < 100000; ++i) {
    const std::int64_t days =
        kEpochDayMin + static_cast<std::int64_t>(
                           random() % static_cast<std::uint64_t>(kEpochDayMax - kEpochDayMin + 1));
    const CivilDate date = civil_of(days);
    REQUIRE(is_date(date));
    REQUIRE(epoch_days_of(date) == days);
  }
}
