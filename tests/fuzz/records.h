// What the fuzzers of whole records share: a decoder with a target, and what must hold of an event.
#pragma once

#include <string_view>

#include "support/decoding.h"

namespace tidemark::fuzz {

// "id:4!*,name:12": columns as name, index into all_targets(), "!" NOT NULL, "*" of the key.
TablePtr table_of(std::string_view text, const TableName& name);
// Aborts unless what the event points to is whole.
void require_event(const Event& event, const Slab& slab);

}  // namespace tidemark::fuzz
