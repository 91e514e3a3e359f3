// Base64 as Kafka Connect's JsonConverter writes bytes (RFC 4648 section 4, padded, no line feeds),
// the URL-safe alphabet of Debezium's base64-url-safe mode, and hexadecimal. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace tidemark {

// Appends the decoded bytes; false, and nothing appended, where the text is not padded base64 of
// either alphabet (bits beyond the last byte must be zero: two texts never give the same bytes).
bool append_base64_decoded(std::string_view text, Bytes& out);
// Appends the decoded bytes; false, and nothing appended, for an odd length or another character.
bool append_hex_decoded(std::string_view text, Bytes& out);

void append_hex(std::string_view bytes, Bytes& out);
std::string base64_encoded(std::string_view bytes);
std::string hex_encoded(std::string_view bytes);

}  // namespace tidemark
