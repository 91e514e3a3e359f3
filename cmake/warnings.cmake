# What every file is compiled with. A warning is an error.
add_library(tidemark_flags INTERFACE)
target_compile_options(tidemark_flags INTERFACE
  -Wall -Wextra -Werror
  -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wuseless-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wformat=2 -Wnull-dereference
  -Wduplicated-cond -Wlogical-op -Wimplicit-fallthrough -Wunused)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # clang does not know three of GCC's.
  get_target_property(flags tidemark_flags INTERFACE_COMPILE_OPTIONS)
  list(REMOVE_ITEM flags -Wuseless-cast -Wduplicated-cond -Wlogical-op)
  set_target_properties(tidemark_flags PROPERTIES INTERFACE_COMPILE_OPTIONS "${flags}")
endif()
# -Wnull-dereference and the hardening of the library need optimisation and see through inlining:
# false findings inside libstdc++ under sanitizers are why it is left out there.
# Of UBSan's checks those of each pointer's use are left out: they double the time to build, ASan sees
# a null, memory is read by memcpy (base/bytes.h), and the fuzzers are built with all of them.
if(TIDEMARK_SANITIZE)
  set(unchecked)
  if(TIDEMARK_SANITIZE MATCHES undefined)
    set(unchecked -fno-sanitize=null,alignment,object-size,vptr)
  endif()
  target_compile_options(tidemark_flags INTERFACE -fsanitize=${TIDEMARK_SANITIZE} ${unchecked}
    -fno-omit-frame-pointer -fno-sanitize-recover=all -Wno-null-dereference -Wno-maybe-uninitialized)
  target_link_options(tidemark_flags INTERFACE -fsanitize=${TIDEMARK_SANITIZE})
else()
  target_compile_definitions(tidemark_flags INTERFACE _GLIBCXX_ASSERTIONS)
  # Nothing of ours is replaced by a library at run time, so calls within a file may be inlined.
  target_compile_options(tidemark_flags INTERFACE -fstack-protector-strong -fstack-clash-protection
    -fno-semantic-interposition)
  target_link_options(tidemark_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
