// Values of a record into key and row images (model/layout.h), by a binding. Appends to a slab's
// arena; what it refuses, it refuses with the column's name and never with the value.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "decode/binding.h"
#include "tidemark/change.h"

namespace tidemark {

// Thrown where a value does not fit its column but would fit a wider one: bind anew, and again.
struct TooWide {
  std::string column;
  PgType type;
  std::string source;  // the value's type there
  std::string reason;
  bool in_key = false;
};

class RowEncoder {
 public:
  // Throws Refused, TooWide. Each appends to `out` and returns what it has appended.

  // The key, from the record's key or from a key-change header.
  Span key(const Binding& binding, const FieldValues& key_values, Bytes& out);
  // The key, from a row; where the record's key has a column it is preferred. `key_values` may be
  // null.
  Span key_of_row(const Binding& binding, const FieldValues& row_values,
                  const FieldValues* key_values, Bytes& out);
  // A row. Where it has the key columns they must equal those of the key encoded before; where it
  // has not, they are taken from there.
  Span row(const Binding& binding, const FieldValues& values, Bytes& out);

  // The row with the columns that it lacks as unavailable taken from `before`, of the same layout.
  static Span fill_unavailable(Span row, Span before, Bytes& out);

  // Of the row encoded last.
  [[nodiscard]] bool has_unavailable() const { return has_unavailable_; }
  [[nodiscard]] bool has_absent() const { return has_absent_; }

 private:
  EncodeStatus element(const Binding& binding, std::size_t column, const ValuePlan& plan,
                       const JsonValue& value, Bytes& out);
  void key_element(const Binding& binding, std::size_t part, const ValuePlan& plan,
                   const JsonValue& value, Bytes& out);
  void row_key_element(const Binding& binding, std::size_t column, std::size_t at, bool lacking,
                       Bytes& out) const;

  std::vector<Span> key_elements_;  // of the key encoded last
  EncodeFailure failure_;
  bool has_unavailable_ = false;
  bool has_absent_ = false;
};

}  // namespace tidemark
