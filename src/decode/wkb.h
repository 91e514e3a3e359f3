// Well-known binary: PostGIS's extension of it, and what of PostgreSQL's own geometric types
// Debezium writes in it. Pure functions; false, and something or nothing appended, where it is not
// of the form.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace tidemark {

// With the SRID inside, as PostGIS reads it. PostgreSQL's connector sends that already; MySQL's
// sends plain WKB and the SRID beside it.
bool append_ewkb(std::string_view wkb, std::int64_t srid, Bytes& out);

// PostgreSQL's text of a box, lseg, path or polygon, as `type` says: a line string or one ring,
// whose coordinates are exact. A ring ends with its first point, which is not the polygon's.
bool append_native_geometry(std::string_view type, bool closed, std::string_view wkb, Bytes& out);

}  // namespace tidemark
