// An element in the wire form as PostgreSQL's output functions would write it: for array literals,
// for columns of text, and for defaults. Pure functions.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "model/pg_type.h"

namespace tidemark {

// `payload` is a whole element without its length. Floats in the shortest form that reads back the
// same (PostgreSQL's own now and then has a digit more), dates and times in ISO style and UTC,
// bytea as \x hexadecimal, booleans as true and false.
void append_text_form(Wire wire, std::string_view payload, Bytes& out);

void append_float_text(float value, Bytes& out);
void append_double_text(double value, Bytes& out);

}  // namespace tidemark
