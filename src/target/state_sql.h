// schemas/state.sql as it stands, with :"state_schema" still in it. A constant.
#pragma once

namespace tidemark {

extern const char* const kStateSql;

}  // namespace tidemark
