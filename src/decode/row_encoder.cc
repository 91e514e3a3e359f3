#include "decode/row_encoder.h"

#include <utility>

#include "decode/refused.h"

namespace tidemark {

namespace {

std::string display(const Layout& layout, std::size_t column) {
  return "column " + layout.target.display() + "." + layout.columns[column].name + " (" +
         layout.columns[column].type.sql() + ")";
}

[[noreturn]] void refuse_key(const Layout& layout, std::size_t column, const char* what) {
  throw Refused(
      display(layout, column) + " is in the key, and the record's value for it is " + what,
      "every column of a key must have a value; set key in [table." + layout.source_table + "]");
}

std::string remedy_text(Remedy remedy, const Layout& layout) {
  switch (remedy) {
    case Remedy::time_unit:
      return "set time-unit in [table." + layout.source_table +
             "]: us, ms or ns as time.precision.mode at the source has it, or adaptive or "
             "adaptive_time_microseconds by their names, for example time-unit = us";
    case Remedy::interval_form:
      return "set interval.handling.mode=string or, for MySQL's TIME, "
             "time.precision.mode=microseconds at the source, and time-unit = us in [table." +
             layout.source_table + "]";
    case Remedy::decimal_form:
      return "set decimal.handling.mode=string at the source, for MySQL's bigint unsigned "
             "bigint.unsigned.handling.mode=long, or turn schemas on there "
             "(value.converter.schemas.enable=true)";
    case Remedy::row_or_column:
      break;
  }
  return "correct the row at the source, or the column's type in the target";
}

Span span_from(std::size_t begin, const Bytes& out) {
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(out.size() - begin)};
}

void append_mark(std::int32_t mark, Bytes& out) {
  out.append_big(static_cast<std::uint32_t>(mark));
}

}  // namespace

EncodeStatus RowEncoder::element(const Binding& binding, std::size_t column, const ValuePlan& plan,
                                 const JsonValue& value, Bytes& out) {
  const EncodeStatus status = encode_value(plan, value, out, failure_);
  if (status == EncodeStatus::ok || status == EncodeStatus::unavailable) return status;
  const Layout& layout = *binding.layout;
  if (status == EncodeStatus::too_wide) {
    throw TooWide{layout.columns[column].name, failure_.wider, describe(plan.source),
                  failure_.reason, layout.columns[column].key};
  }
  throw Refused(display(layout, column) + " cannot hold the record's value (" +
                    describe(plan.source) + "): " + failure_.reason,
                remedy_text(std::exchange(failure_.remedy, Remedy::row_or_column), layout));
}

void RowEncoder::key_element(const Binding& binding, std::size_t part, const ValuePlan& plan,
                             const JsonValue& value, Bytes& out) {
  const std::size_t column = binding.key[part].column;
  if (!value.is_present()) refuse_key(*binding.layout, column, "missing");
  if (value.is_null()) refuse_key(*binding.layout, column, "null");
  const std::size_t begin = out.size();
  if (element(binding, column, plan, value, out) == EncodeStatus::unavailable) {
    refuse_key(*binding.layout, column, "Debezium's placeholder for an unavailable one");
  }
  key_elements_.push_back(span_from(begin, out));
}

Span RowEncoder::key(const Binding& binding, const FieldValues& key_values, Bytes& out) {
  key_elements_.clear();
  const std::size_t begin = out.size();
  for (std::size_t i = 0; i < binding.key.size(); ++i) {
    const auto field = static_cast<std::size_t>(binding.key[i].key_field);
    key_element(binding, i, binding.key[i].key_plan, key_values.at(field), out);
  }
  return span_from(begin, out);
}

Span RowEncoder::key_of_row(const Binding& binding, const FieldValues& row_values,
                            const FieldValues* key_values, Bytes& out) {
  key_elements_.clear();
  const std::size_t begin = out.size();
  for (std::size_t i = 0; i < binding.key.size(); ++i) {
    const KeySource& source = binding.key[i];
    if (key_values != nullptr && source.key_field >= 0) {
      key_element(binding, i, source.key_plan,
                  key_values->at(static_cast<std::size_t>(source.key_field)), out);
      continue;
    }
    if (source.row_field < 0) refuse_key(*binding.layout, source.column, "missing");
    key_element(binding, i, binding.columns[source.column].plan,
                row_values.at(static_cast<std::size_t>(source.row_field)), out);
  }
  return span_from(begin, out);
}

Span RowEncoder::fill_unavailable(Span row, Span before, Bytes& out) {
  const auto length_at = [&out](std::size_t at) {
    return static_cast<std::int32_t>(load_big<std::uint32_t>(out.data() + at));
  };
  const auto size_of = [](std::int32_t length) {
    return 4 + (length > 0 ? static_cast<std::size_t>(length) : std::size_t{0});
  };
  const std::size_t begin = out.size();
  std::size_t old = before.at;
  for (std::size_t at = row.at; at < std::size_t{row.at} + row.length;) {
    const std::size_t own_size = size_of(length_at(at));
    const std::size_t old_size = size_of(length_at(old));
    const bool taken = length_at(at) == kElementUnavailable;
    const std::size_t size = taken ? old_size : own_size;
    char* const place = out.extend(size);
    std::memcpy(place, out.data() + (taken ? old : at), size);
    at += own_size;
    old += old_size;
  }
  return span_from(begin, out);
}

// The element of a key column has been appended at `at`, unless the row lacks it.
void RowEncoder::row_key_element(const Binding& binding, std::size_t column, std::size_t at,
                                 bool lacking, Bytes& out) const {
  std::size_t part = 0;
  while (binding.key[part].column != column) ++part;
  const Span key = key_elements_[part];
  if (lacking) {
    out.truncate(at);
    char* const place = out.extend(key.length);
    std::memcpy(place, out.data() + key.at, key.length);
  } else if (out.view().substr(at) != out.view(key.at, key.length)) {
    throw Refused(
        display(*binding.layout, column) + " has another value in the row than in the record's key",
        "look at message.key.columns and the transforms of the source connector");
  }
}

Span RowEncoder::row(const Binding& binding, const FieldValues& values, Bytes& out) {
  const std::size_t begin = out.size();
  has_unavailable_ = false;
  has_absent_ = false;
  for (std::size_t i = 0; i < binding.columns.size(); ++i) {
    const ColumnSource& source = binding.columns[i];
    const std::size_t at = out.size();
    const JsonValue* value =
        source.field < 0 ? nullptr : &values.at(static_cast<std::size_t>(source.field));
    EncodeStatus status = EncodeStatus::ok;
    const bool absent = value == nullptr || !value->is_present();
    if (!absent) status = element(binding, i, source.plan, *value, out);
    const bool unavailable = status == EncodeStatus::unavailable;
    if (binding.layout->columns[i].key) {
      row_key_element(binding, i, at, absent || unavailable, out);
      continue;
    }
    if (absent) append_mark(kElementAbsent, out);
    has_absent_ = has_absent_ || absent;
    has_unavailable_ = has_unavailable_ || unavailable;
  }
  return span_from(begin, out);
}

}  // namespace tidemark
