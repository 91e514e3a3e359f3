// SQLSTATE to action, and what of a server's message is kept.
#include "pg/sqlstate.h"

#include "pg/array_literal.h"
#include "pg/conninfo.h"
#include "support/catch.h"

using namespace tidemark;

TEST_CASE("SQLSTATEs say what to do", "[sqlstate]") {
  const auto kind = [](std::string_view sqlstate) { return judge_sqlstate(sqlstate).kind; };
  for (const char* code :
       {"08006", "57P01", "57P02", "57P03", "57P05", "25P03", "58030", "40001", "40P01", "55P03",
        "57014", "53100", "53200", "53300", "25006", "26000"}) {
    INFO(code);
    CHECK(kind(code) == ErrorKind::retry);
  }
  for (const char* code : {"21000", "22003", "22P02", "22001", "23502", "23505", "23514", "23P01",
                           "54001", "54000", "44000", "P0001"}) {
    INFO(code);
    CHECK(kind(code) == ErrorKind::data);
  }
  CHECK(kind("23503") == ErrorKind::waiting);
  for (const char* code : {"42P01", "42703", "42501", "428C9", "3D000", "3F000", "28P01", "28000",
                           "XX000", "F0000", "57P04", "", "01000"}) {
    INFO(code);
    CHECK(kind(code) == ErrorKind::fatal);
  }
}

TEST_CASE("a connection lost during COMMIT is in doubt, a refused COMMIT is not", "[sqlstate]") {
  for (const char* code : {"08006", "08003", "57P01", "57P02", "25P03", "58030", "40003"}) {
    INFO(code);
    CHECK(judge_sqlstate(code, true).kind == ErrorKind::in_doubt);
    CHECK(judge_sqlstate(code, true).connection_gone);
  }
  CHECK(judge_sqlstate("40001", true).kind == ErrorKind::retry);
  CHECK(judge_sqlstate("23503", true).kind == ErrorKind::waiting);
  CHECK(judge_sqlstate("23505", true).kind == ErrorKind::data);
}

TEST_CASE("which errors need a new connection, new statements, a new catalog", "[sqlstate]") {
  CHECK(judge_sqlstate("08006").connection_gone);
  CHECK(judge_sqlstate("25006").connection_gone);
  CHECK_FALSE(judge_sqlstate("40001").connection_gone);
  CHECK(judge_sqlstate("26000").prepare_again);
  CHECK(judge_sqlstate("42P01").prepare_again);
  CHECK_FALSE(judge_sqlstate("23505").prepare_again);
  CHECK(is_catalog_error("42703"));
  CHECK(is_catalog_error("3F000"));
  CHECK_FALSE(is_catalog_error("3D000"));
}

TEST_CASE("row values do not get into messages", "[sqlstate]") {
  CHECK(redacted_message("22P02", "invalid input syntax for type integer: \"my \"secret\"\"") ==
        "invalid input syntax for type integer: \"…\"");
  CHECK(redacted_message("22003", "value \"99\" is out of range for type smallint") ==
        "value \"…\" is out of range for type smallint");
  CHECK(redacted_message("22001", "value too long for type character varying(5)") ==
        "value too long for type character varying(5)");
  CHECK(redacted_message("22P02", "invalid input syntax for type integer: \"tidemark: x\"") ==
        "invalid input syntax for type integer: \"tidemark: x\"");
  CHECK(redacted_message("23502", "null value in column \"a\" of relation \"t\"") ==
        "null value in column \"a\" of relation \"t\"");
}

TEST_CASE("connection strings: defaults under the dsn, the password over it", "[conninfo]") {
  const auto text = [](const std::string& dsn, const std::string& password = {}) {
    return conninfo_string(connection_options({dsn, password}));
  };
  CHECK(text("host=h password=a", "b'\\c").find("password='b\\'\\\\c'") != std::string::npos);
  CHECK(text("host=h connect_timeout=3").find("connect_timeout='3'") != std::string::npos);
  CHECK(text("host=h").find("connect_timeout='10'") != std::string::npos);
  // A connection of which neither end is told that it is gone must not be waited for.
  for (const char* patience : {"keepalives_idle='30'", "keepalives_interval='10'",
                               "keepalives_count='3'", "tcp_user_timeout='30000'"}) {
    CHECK(text("host=h").find(patience) != std::string::npos);
  }
  CHECK(text("host=h tcp_user_timeout=5").find("tcp_user_timeout='5'") != std::string::npos);
  CHECK(text("host=h client_encoding=LATIN1").find("LATIN1") == std::string::npos);
  CHECK(text("postgresql://u:p%23s@h/db").find("password='p#s'") != std::string::npos);
  CHECK(text("service=s").find("connect_timeout") == std::string::npos);
  CHECK(conninfo_place(connection_options({"host=h dbname=d user=u password=p", {}})) ==
        "host=h dbname=d");
  try {
    connection_options({"host=h passwordhunter2", {}});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("hunter2") == std::string::npos);
  }
}

TEST_CASE("array literals", "[conninfo]") {
  CHECK(text_array({}) == "{}");
  CHECK(text_array({"a", "", "NULL", "b\"\\,}"}) == R"({"a","","NULL","b\"\\,}"})");
  CHECK(number_array({1, -2}) == "{1,-2}");
  CHECK(bytea_array({std::string_view("\0\xFF", 2), ""}) == R"({"\\x00ff","\\x"})");
}
