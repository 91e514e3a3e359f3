// Numbers: integers, floats, and decimals in every form that Debezium writes them in.
#include <random>
#include <string>

#include "decode/base64.h"
#include "decode/numeric.h"
#include "support/catch.h"
#include "support/encoding.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

const SourceType kInt8 = source_of(ConnectType::int8);
const SourceType kInt16 = source_of(ConnectType::int16);
const SourceType kInt32 = source_of(ConnectType::int32);
const SourceType kInt64 = source_of(ConnectType::int64);
const SourceType kFloat = source_of(ConnectType::float32);
const SourceType kDouble = source_of(ConnectType::float64);
const SourceType kBoolean = source_of(ConnectType::boolean);
const SourceType kString = source_of(ConnectType::string);
const SourceType kVariable =
    source_of(ConnectType::structure, "io.debezium.data.VariableScaleDecimal");

const PgType kNumeric = pg_type(TypeKind::numeric);

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

std::string hex_of(const Encoded& encoded) {
  return hex_encoded(encoded.element);
}

// Decimal strings by school arithmetic, to check the binary form against.
std::string times_256_plus(const std::string& digits, unsigned add) {
  std::string out = digits;
  unsigned carry = add;
  for (std::size_t i = out.size(); i-- > 0;) {
    const unsigned sum = static_cast<unsigned>(out[i] - '0') * 256 + carry;
    out[i] = static_cast<char>('0' + sum % 10);
    carry = sum / 10;
  }
  for (; carry != 0; carry /= 10) out.insert(out.begin(), static_cast<char>('0' + carry % 10));
  return out;
}

std::string strip_zeros(const std::string& digits) {
  const std::size_t first = digits.find_first_not_of('0');
  return first == std::string::npos ? "0" : digits.substr(first);
}

std::string with_scale(bool negative, std::string digits, int scale) {
  digits = strip_zeros(digits);
  if (digits == "0") negative = false;
  if (scale < 0 && digits != "0") digits.append(static_cast<std::size_t>(-scale), '0');
  if (scale > 0) {
    const auto places = static_cast<std::size_t>(scale);
    if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
    digits.insert(digits.size() - places, 1, '.');
  }
  return (negative ? "-" : "") + digits;
}

}  // namespace

TEST_CASE("integers keep every digit of int64", "[value]") {
  const PgType int8 = pg_type(TypeKind::int8);
  for (const char* number : {"0", "1", "-1", "9007199254740993", "9223372036854775807",
                             "-9223372036854775808", "1000000000000000000"}) {
    CHECK(text_of(kInt64, int8, number) == number);
    CHECK(text_of(schemaless(), int8, number) == number);
    CHECK(text_of(kInt64, kNumeric, number) == number);
    CHECK(text_of(kInt64, pg_type(TypeKind::text), number) == number);
  }
  CHECK(hex_of(encode(kInt32, pg_type(TypeKind::int4), "-2")) == "00000004fffffffe");
  CHECK(hex_of(encode(kInt16, pg_type(TypeKind::int2), "258")) == "000000020102");
  CHECK(hex_of(encode(kInt8, pg_type(TypeKind::int2), "-128")) == "00000002ff80");
  CHECK(hex_of(encode(kInt64, int8, "null")) == "ffffffff");
}

TEST_CASE("integers out of the column's range ask for a wider one", "[value]") {
  CHECK(text_of(kInt32, pg_type(TypeKind::int2), "32767") == "32767");
  CHECK(text_of(kInt32, pg_type(TypeKind::int2), "32768") == "WIDEN integer");
  CHECK(text_of(kInt32, pg_type(TypeKind::int2), "-32769") == "WIDEN integer");
  CHECK(text_of(kInt64, pg_type(TypeKind::int2), "2147483648") == "WIDEN bigint");
  CHECK(text_of(kInt64, pg_type(TypeKind::int4), "2147483648") == "WIDEN bigint");
  CHECK(text_of(kInt64, pg_type(TypeKind::int4), "-2147483648") == "-2147483648");
  CHECK(text_of(schemaless(), pg_type(TypeKind::int8), "9223372036854775808") == "WIDEN numeric");
  CHECK(text_of(schemaless(), pg_type(TypeKind::int8), "18446744073709551616") == "WIDEN numeric");
  CHECK(text_of(schemaless(), kNumeric, "18446744073709551616") == "18446744073709551616");
  CHECK(text_of(kInt64, pg_type(TypeKind::oid), "4294967295") == "4294967295");
  CHECK(text_of(kInt64, pg_type(TypeKind::oid), "4294967296") == "BAD");
  CHECK(text_of(kInt64, pg_type(TypeKind::oid), "-1") == "BAD");
}

TEST_CASE("what is no integer is not made one", "[value]") {
  const PgType int4 = pg_type(TypeKind::int4);
  CHECK(text_of(schemaless(), int4, "1e3") == "1000");
  CHECK(text_of(schemaless(), int4, "5.00") == "5");
  CHECK(text_of(schemaless(), int4, "\"42\"") == "42");
  CHECK(text_of(schemaless(), int4, "1.5") == "WIDEN numeric");
  CHECK(text_of(schemaless(), int4, "1e99") == "WIDEN numeric");
  CHECK(text_of(schemaless(), int4, "\"NaN\"") == "BAD");
  CHECK(text_of(schemaless(), int4, "\"abc\"") == "BAD");
  CHECK(text_of(schemaless(), int4, "true") == "BAD");
  CHECK(text_of(schemaless(), int4, "[1]") == "BAD");
  CHECK(text_of(kInt32, int4, "\"42\"") == "BAD");
  CHECK(text_of(kInt32, int4, "true") == "BAD");
  CHECK(text_of(kInt32, pg_type(TypeKind::date), "1") == "NO PLAN");
  CHECK(text_of(source_of(ConnectType::structure), int4, "{}") == "NO PLAN");
  CHECK(encode(kInt32, int4, "true").reason == "expected an integer, found a boolean");
}

TEST_CASE("booleans", "[value]") {
  const PgType boolean = pg_type(TypeKind::boolean);
  CHECK(hex_of(encode(kBoolean, boolean, "true")) == "0000000101");
  CHECK(hex_of(encode(kBoolean, boolean, "false")) == "0000000100");
  CHECK(text_of(kBoolean, boolean, "1") == "BAD");
  CHECK(text_of(kBoolean, sized(TypeKind::bit, 1), "true") == "1");
  CHECK(text_of(kBoolean, sized(TypeKind::bit, 2), "true") == "NO PLAN");
  CHECK(text_of(kBoolean, pg_type(TypeKind::text), "false") == "false");
  CHECK(text_of(kBoolean, pg_type(TypeKind::int4), "true") == "NO PLAN");
  CHECK(text_of(kInt16, boolean, "1") == "true");
  CHECK(text_of(kInt16, boolean, "2") == "BAD");
  CHECK(text_of(schemaless(), boolean, "0") == "false");
  CHECK(text_of(schemaless(), boolean, "0.5") == "BAD");
  CHECK(text_of(schemaless(), boolean, "\"true\"") == "BAD");
}

TEST_CASE("floats", "[value]") {
  const PgType real = pg_type(TypeKind::float4);
  const PgType wide = pg_type(TypeKind::float8);
  for (const char* number : {"0.1", "1e+300", "5e-324", "1.7976931348623157e+308", "-0", "0",
                             "123456789012345", "1e+15", "0.0001", "1e-05"}) {
    CHECK(text_of(kDouble, wide, number) == number);
    CHECK(text_of(schemaless(), wide, number) == number);
  }
  CHECK(text_of(kDouble, wide, "4.9E-324") == "5e-324");
  CHECK(text_of(kFloat, real, "3.4028235E38") == "3.4028235e+38");
  CHECK(text_of(schemaless(), real, "3.4028235E38") == "3.4028235e+38");
  CHECK(text_of(kFloat, real, "0.1") == "0.1");
  CHECK(text_of(kFloat, wide, "0.1") == "0.10000000149011612");
  CHECK(text_of(kDouble, real, "1.5") == "1.5");
  CHECK(text_of(kDouble, real, "0.1") == "WIDEN double precision");
  CHECK(text_of(schemaless(), real, "0.12345678901") == "WIDEN double precision");
  CHECK(text_of(schemaless(), real, "1e39") == "WIDEN double precision");
  CHECK(text_of(schemaless(), wide, "1e400") == "BAD");
  CHECK(text_of(schemaless(), wide, "1e-400") == "BAD");
  for (const char* word : {"NaN", "Infinity", "-Infinity"}) {
    CHECK(text_of(kDouble, wide, quoted(word)) == word);
    CHECK(text_of(kFloat, real, quoted(word)) == word);
    CHECK(text_of(schemaless(), real, quoted(word)) == word);
    CHECK(text_of(kDouble, kNumeric, quoted(word)) == word);
  }
  CHECK(text_of(kDouble, kNumeric, "10.1111") == "10.1111");
  CHECK(text_of(kDouble, pg_numeric(10, 2), "10.1111") == "WIDEN numeric(12,4)");
  CHECK(text_of(kDouble, pg_type(TypeKind::int4), "10.0") == "10");
  CHECK(text_of(kDouble, pg_type(TypeKind::text), "1.50") == "1.5");
  CHECK(text_of(kFloat, pg_type(TypeKind::text), "0.1") == "0.1");
  CHECK(text_of(kInt64, wide, "9007199254740993") == "BAD");
  CHECK(text_of(kInt64, wide, "9007199254740992") == "9.007199254740992e+15");
  CHECK(text_of(kInt64, wide, "-9223372036854775808") == "-9.223372036854776e+18");
  CHECK(text_of(kInt64, real, "16777217") == "BAD");
}

TEST_CASE("a Decimal by its scale", "[value]") {
  CHECK(text_of(decimal_of(2), kNumeric, "\"MDk=\"") == "123.45");
  CHECK(text_of(decimal_of(-2), kNumeric, "\"ew==\"") == "12300");
  CHECK(text_of(decimal_of(2), kNumeric, "\"+w==\"") == "-0.05");
  CHECK(text_of(decimal_of(0), kNumeric, "\"AA==\"") == "0");
  CHECK(text_of(decimal_of(2), kNumeric, "\"AA==\"") == "0.00");
  CHECK(text_of(decimal_of(0), kNumeric, "\"AP//////////\"") == "18446744073709551615");
  CHECK(text_of(decimal_of(2), kNumeric, "\"bg==\"") == "1.10");
  CHECK(text_of(decimal_of(2), kNumeric, "123.450") == "123.450");  // decimal.format=NUMERIC
  CHECK(text_of(decimal_of(-3), kNumeric, "1E+3") == "1000");
  CHECK(text_of(decimal_of(10), pg_numeric(38, 10), "\"CUmw9vACMxPESZBOzGdFFQ==\"") ==
        "1234567890123456789012345678.0123456789");
  CHECK(text_of(decimal_of(2), kNumeric, "\"\"") == "BAD");
  CHECK(text_of(decimal_of(2), kNumeric, "\"MDk\"") == "BAD");
  CHECK(text_of(source_of(ConnectType::bytes, "org.apache.kafka.connect.data.Decimal"), kNumeric,
                "\"AA==\"") == "NO PLAN");
  CHECK(text_of(kVariable, kNumeric, R"({"scale":4,"value":"AYr3"})") == "10.1111");
  CHECK(text_of(kVariable, kNumeric, R"({"value":"AYr3","scale":-1})") == "1011110");
  CHECK(text_of(schemaless(), kNumeric, R"({"scale":4,"value":"AYr3"})") == "10.1111");
  CHECK(text_of(kVariable, kNumeric, R"({"scale":4})") == "BAD");
  CHECK(hex_of(encode(decimal_of(2), kNumeric, "\"+w==\"")) == "0000000a0001ffff4000000201f4");
}

TEST_CASE("decimals as text keep what they show", "[value]") {
  for (const char* number :
       {"10.1111", "0", "0.00", "1.10", "-0.05", "123456789.123456789", "99999999.99", "10000",
        "0.0001", "0.00001", "100000000", "-99999999999999999999999999.5", "0.10000",
        "12345678901234567890123456789012345678"}) {
    CHECK(text_of(kString, kNumeric, quoted(number)) == number);
    CHECK(text_of(schemaless(), kNumeric, quoted(number)) == number);
    CHECK(text_of(schemaless(), kNumeric, number) == number);
  }
  CHECK(text_of(schemaless(), kNumeric, "1E+3") == "1000");
  CHECK(text_of(schemaless(), kNumeric, "1.50e-3") == "0.00150");
  CHECK(text_of(schemaless(), kNumeric, "1.234e2") == "123.4");
  CHECK(text_of(schemaless(), kNumeric, "0e10") == "0");
  CHECK(text_of(schemaless(), kNumeric, "-0.0") == "0.0");
  for (const char* word : {"NaN", "NAN"}) CHECK(text_of(kString, kNumeric, quoted(word)) == "NaN");
  CHECK(text_of(kString, kNumeric, "\"POSITIVE_INFINITY\"") == "Infinity");
  CHECK(text_of(kString, kNumeric, "\"NEGATIVE_INFINITY\"") == "-Infinity");
  CHECK(text_of(kString, pg_numeric(10, 2), "\"POSITIVE_INFINITY\"") == "BAD");
  CHECK(text_of(kString, pg_numeric(10, 2), "\"NAN\"") == "NaN");
  for (const char* wrong : {"", "-", ".", "1e", "1e+", "1.2.3", "0x10", " 1", "1 ", "MDk=", "e5"}) {
    CHECK(text_of(kString, kNumeric, quoted(wrong)) == "BAD");
  }
  CHECK(encode(schemaless(), pg_numeric(10, 2), "\"MDk=\"").remedy == Remedy::decimal_form);
  CHECK(text_of(schemaless(), kNumeric, "true") == "BAD");
}

TEST_CASE("decimals of any size, up to numeric's own limits", "[value]") {
  const std::string thousand(1000, '7');
  CHECK(text_of(kString, kNumeric, quoted(thousand)) == thousand);
  CHECK(text_of(kString, kNumeric, quoted("-0." + thousand)) == "-0." + thousand);
  const std::string most(131072, '9');
  CHECK(text_of(kString, kNumeric, quoted(most)) == most);
  CHECK(text_of(kString, kNumeric, quoted(most + "9")) == "BAD");
  CHECK(text_of(kString, kNumeric, "\"1e131071\"") == "1" + std::string(131071, '0'));
  CHECK(text_of(kString, kNumeric, "\"1e131072\"") == "BAD");
  CHECK(text_of(kString, kNumeric, "\"1e-16383\"") == "0." + std::string(16382, '0') + "1");
  CHECK(text_of(kString, kNumeric, "\"1e-16384\"") == "BAD");
  CHECK(text_of(kString, kNumeric, "\"1e99999999999999999999\"") == "BAD");
}

TEST_CASE("numeric's precision and scale", "[value]") {
  const PgType two = pg_numeric(5, 2);
  CHECK(text_of(kString, two, "\"999.99\"") == "999.99");
  CHECK(text_of(kString, two, "\"1.1\"") == "1.1");
  CHECK(text_of(kString, two, "\"1.1000\"") == "1.1000");  // zeros are no digits to lose
  CHECK(text_of(kString, two, "\"1000\"") == "WIDEN numeric(6,2)");
  CHECK(text_of(kString, two, "\"-1.125\"") == "WIDEN numeric(6,3)");
  CHECK(text_of(kString, two, "\"12345.6789\"") == "WIDEN numeric(9,4)");
  CHECK(text_of(kString, two, "\"0.00001\"") == "WIDEN numeric(8,5)");
  CHECK(text_of(kString, pg_numeric(1000, 0), quoted(std::string(1000, '1') + ".5")) ==
        "WIDEN numeric");
  const PgType hundreds = pg_numeric(3, -2);
  CHECK(text_of(kString, hundreds, "\"99900\"") == "99900");
  CHECK(text_of(kString, hundreds, "\"12345\"") == "WIDEN numeric(5,0)");
  CHECK(text_of(kString, hundreds, "\"0\"") == "0");
  const PgType small = pg_numeric(2, 4);
  CHECK(text_of(kString, small, "\"0.0099\"") == "0.0099");
  CHECK(text_of(kString, small, "\"0.01\"") == "WIDEN numeric(3,4)");
  CHECK(text_of(kInt32, pg_numeric(3, 0), "1000") == "WIDEN numeric(4,0)");
  CHECK(text_of(decimal_of(2), pg_type(TypeKind::money), "\"AeJA\"") == "1234.56");
  CHECK(text_of(kString, pg_type(TypeKind::money), "\"-92233720368547758.08\"") ==
        "-92233720368547758.08");
  CHECK(text_of(kString, pg_type(TypeKind::money), "\"0.001\"") == "BAD");
  CHECK(text_of(kString, pg_type(TypeKind::money), "\"NaN\"") == "BAD");
}

TEST_CASE("a Decimal into other numbers, exactly or not at all", "[value]") {
  CHECK(text_of(decimal_of(2), pg_type(TypeKind::int4), "\"J2A=\"") == "WIDEN numeric");  // 100.80
  CHECK(text_of(decimal_of(2), pg_type(TypeKind::int4), "\"JxA=\"") == "100");
  CHECK(text_of(decimal_of(0), pg_type(TypeKind::int8), "\"AP//////////\"") == "WIDEN numeric");
  CHECK(text_of(decimal_of(0), pg_type(TypeKind::int8), "\"gAAAAAAAAAA=\"") ==
        "-9223372036854775808");
  CHECK(text_of(decimal_of(1), pg_type(TypeKind::float8), "\"AQ==\"") == "0.1");
  CHECK(text_of(decimal_of(10), pg_type(TypeKind::float8), "\"CUmw9vACMxPESZBOzGdFFQ==\"") ==
        "BAD");
  CHECK(text_of(kString, pg_type(TypeKind::float8), "\"NaN\"") == "NaN");
  CHECK(text_of(decimal_of(2), pg_type(TypeKind::text), "\"bg==\"") == "1.10");
  CHECK(text_of(decimal_of(2), sized(TypeKind::varchar, 3), "\"bg==\"") == "WIDEN text");
  CHECK(text_of(decimal_of(2), pg_type(TypeKind::boolean), "\"bg==\"") == "NO PLAN");
}

TEST_CASE("random decimals against school arithmetic", "[value]") {
  std::mt19937 random(20260822);  // NOLINT: repeatable
  for (int round = 0; round < 4000; ++round) {
    const std::size_t size = 1 + random() % (round % 10 == 0 ? 90 : 18);
    std::string magnitude;
    for (std::size_t i = 0; i < size; ++i) magnitude += static_cast<char>(random() % 256);
    magnitude[0] = static_cast<char>(magnitude[0] & 0x7f);
    if (random() % 4 == 0) magnitude[size - 1] = '\0';
    std::string digits = "0";
    for (const char c : magnitude) digits = times_256_plus(digits, static_cast<unsigned char>(c));
    const bool negative = random() % 2 == 0;
    std::string bytes = magnitude;
    if (negative) {  // two's complement
      unsigned carry = 1;
      for (std::size_t i = size; i-- > 0;) {
        carry += static_cast<unsigned char>(~magnitude[i]);
        bytes[i] = static_cast<char>(carry & 0xff);
        carry >>= 8;
      }
      if (strip_zeros(digits) == "0") bytes.assign(size, '\0');
    }
    const int scale = static_cast<int>(random() % 60) - 20;
    const std::string expected = with_scale(negative, digits, scale);
    REQUIRE(text_of(decimal_of(scale), kNumeric, quoted(base64_encoded(bytes))) == expected);
    const Encoded from_text = encode(kString, kNumeric, quoted(expected));
    REQUIRE(from_text.text() == expected);
    REQUIRE(from_text.element ==
            encode(decimal_of(scale), kNumeric, quoted(base64_encoded(bytes))).element);
    const std::string exponent = strip_zeros(digits) + "e" + std::to_string(-scale);
    REQUIRE(text_of(schemaless(), kNumeric, (negative ? "-" : "") + exponent) == expected);
  }
}
