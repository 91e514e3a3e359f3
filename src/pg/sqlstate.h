// What a caller must do about an SQLSTATE: the one table of it. Pure and thread-safe. Callers:
// pg/session, pg/admin_connection.
#pragma once

#include <string>
#include <string_view>

#include "tidemark/error.h"

namespace tidemark {

struct SqlVerdict {
  ErrorKind kind = ErrorKind::fatal;
  bool connection_gone = false;  // the session must be made anew before it is used again
  bool prepare_again = false;    // prepared statements are no longer what they were
  const char* hint = "";         // what the user can do, "" where the message says it all
};

// `committing`: the error came while COMMIT was under way, so a lost connection means in doubt.
SqlVerdict judge_sqlstate(std::string_view sqlstate, bool committing = false);

// Class 42, 3D and 3F: the catalog is not as it was believed to be; worth reading anew once.
bool is_catalog_error(std::string_view sqlstate);

// A server's message without the text that it quotes where that is a row's value (class 22):
// `invalid input syntax for type integer: "…"`.
std::string redacted_message(std::string_view sqlstate, std::string_view message);

}  // namespace tidemark
