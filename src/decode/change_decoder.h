// One change, whatever form its record had, into an event: finds or makes the binding, encodes key
// and row, pairs the halves of a key change by their headers. Widens columns on the way, where a
// value does not fit and evolution allows it. Not thread-safe.
#pragma once

#include <unordered_set>

#include "decode/envelope.h"
#include "decode/record_key.h"
#include "decode/row_encoder.h"
#include "decode/topic.h"
#include "tidemark/change.h"
#include "tidemark/config.h"
#include "tidemark/record.h"

namespace tidemark {

// What a record says, taken out of its form.
struct Change {
  Op op = Op::skip;
  RowShapePtr shape;                 // of `row` and `before`
  const FieldValues* row = nullptr;  // `after`; of a flattened delete, the row that is gone
  JsonValue before;                  // an object, or not
  BinaryRow before_form;             // how it is to be read
  bool flattened = false;
  bool says_op = true;  // false: flattened without __op, an insert or an update
};

// Where it was found, and where it goes.
struct ChangePlace {
  const RecordView& record;
  Topic& topic;
  SourceTable& table;
  TargetTable& target;
  const RecordKey& key;
  Slab& slab;
  Event& event;
  bool one_partition;  // the topic's number of partitions
};

class ChangeDecoder {
 public:
  explicit ChangeDecoder(const Config& config) : config_(config) {}

  // Each fills `place.event` and appends to `place.slab`. Throws Refused.
  void decode(const Change& change, const ChangePlace& place);
  void tombstone(const ChangePlace& place);
  void truncate(const ChangePlace& place);

 private:
  const Binding& binding(const RowShapePtr& shape, const RowShapePtr& key, const FieldValues* row,
                         bool flattened, const ChangePlace& place);
  const FieldValues& old_row(const Change& change);
  [[nodiscard]] const FieldValues& checked_old_row() const;
  // `new_half`: a create may be that of a key change.
  void encode(const Change& change, const Binding& binding, const ChangePlace& place,
              bool new_half);
  void encode_keyed(const Change& change, const Binding& binding, const ChangePlace& place,
                    bool new_half);
  void encode_keyless(const Change& change, const Binding& binding, const ChangePlace& place);
  void encode_other_key(const char* header, const Binding& binding, const ChangePlace& place);
  void refuse_changed_key(const Change& change, const Binding& binding, const ChangePlace& place);
  void widen(const TooWide& problem, const ChangePlace& place) const;
  void hold(const LayoutPtr& layout, const ChangePlace& place);

  const Config& config_;
  RowEncoder encoder_;
  FieldValues old_values_;
  FieldValues header_values_;
  const Slab* held_in_ = nullptr;  // whose layouts are in `held_`
  std::unordered_set<const Layout*> held_;
};

}  // namespace tidemark
