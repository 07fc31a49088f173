# One static library for each folder of src/, with an include path of its own: build/rooms/<room> holds nothing but a
# link to the room's folder. So `#include "keras/module.h"` is found by the rooms that use keras and by no other, and the
# compiler notices an arrow that points upwards. tests/rooms_test.py says which, and looks at the public headers too.
add_library(crossload_options INTERFACE)
# A warning is an error in the presets alone: who packages this may have a compiler that warns of more.
target_compile_options(crossload_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
# Modules know their place in the sources, in headers too; where the repository lies must not change a program.
target_compile_options(crossload_options INTERFACE -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=
                                                   -fmacro-prefix-map=${CMAKE_BINARY_DIR}/=)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of GCC 12 on std::string (its bug 105651).
  target_compile_options(crossload_options INTERFACE -Wno-restrict)
  # What ccache wants where headers are precompiled.
  set(CROSSLOAD_PRECOMPILED -fpch-preprocess)
endif()

# USES: the rooms below it. PRIVATE: other libraries. TARGET: what it is called when not crossload_<name>.
function(crossload_room name)
  cmake_parse_arguments(ROOM "" "TARGET" "USES;PRIVATE" ${ARGN})
  if(NOT ROOM_TARGET)
    set(ROOM_TARGET crossload_${name})
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  add_library(${ROOM_TARGET} STATIC ${sources})
  set(door ${CMAKE_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${door})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${name} ${door}/${name} SYMBOLIC)
  target_include_directories(
    ${ROOM_TARGET} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<BUILD_INTERFACE:${door}>
                          $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${ROOM_TARGET} PUBLIC ${ROOM_USES} PRIVATE ${ROOM_PRIVATE}
                                              $<BUILD_INTERFACE:crossload_options>)
  set_property(GLOBAL APPEND PROPERTY CROSSLOAD_ROOMS ${ROOM_TARGET})
endfunction()
