// Events of several partitions in the order in which the source made them, as far as can be known.
// Any order between partitions is right for the rows (batch/fold); but of this one, and of no
// other, each beginning satisfies the source's own constraints: what is cut there satisfies the
// foreign keys of the target too.
#pragma once

#include <vector>

#include "batch/fold.h"

namespace tidemark {

// By position, where all that have any have one with an order, else by commit time. The order
// inside each partition stays, so an event that is earlier at the source than one in front of it
// follows that one.
std::vector<EventRef> in_source_order(std::vector<EventRef> events);

}  // namespace tidemark
