// What `run` can know to be impossible before it begins: topics whose tables meet in one of the
// target, and tables whose names none can have, as far as names tell. Joins no group and writes
// nothing.
#pragma once

#include "tidemark/config.h"

namespace tidemark {

// Throws ConfigError in the words of `check`. Names alone do not refuse: where they do not go
// together the topics' last records are looked at, and believed. A broker that is away is no
// reason, nor are records whose schemas a registry holds: then the first record of each topic will
// tell. Takes no time unless names meet or topics are selected by a pattern, and some seconds at
// most.
void check_tables_at_start(const Config& config);

}  // namespace tidemark
