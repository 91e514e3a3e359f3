// One SQL statement over several lines, for reading: the same statement but for white space.
// Pure; any thread.
#pragma once

#include <string>

namespace tidemark {

// Breaks what is longer than a line: the columns of a CREATE TABLE, the parts of an ALTER TABLE,
// the arms of a MERGE. Each new line begins with `indent`.
std::string broken_into_lines(const std::string& statement, const std::string& indent);

}  // namespace tidemark
