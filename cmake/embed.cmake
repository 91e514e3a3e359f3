# schemas/state.sql becomes a string of the program, so that there is one text of it.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/schemas/state.sql)
file(READ ${PROJECT_SOURCE_DIR}/schemas/state.sql TIDEMARK_STATE_SQL)
configure_file(${PROJECT_SOURCE_DIR}/src/target/state_sql.cc.in
  ${CMAKE_BINARY_DIR}/generated/state_sql.cc @ONLY)
target_sources(tidemark_core PRIVATE ${CMAKE_BINARY_DIR}/generated/state_sql.cc)
