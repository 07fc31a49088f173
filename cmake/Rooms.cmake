# One static library for each folder of src/. The order of dependencies is the order of the rooms: a room links only
# what is below it, so the linker notices an arrow that points upwards.
add_library(crossload_options INTERFACE)
target_compile_options(crossload_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                       -Werror)
# Modules know their place in the sources; where the repository lies must not change a program.
target_compile_options(crossload_options INTERFACE -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of GCC 12 on std::string (its bug 105651).
  target_compile_options(crossload_options INTERFACE -Wno-restrict)
endif()

function(crossload_room name)
  cmake_parse_arguments(ROOM "" "" "USES;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  add_library(crossload_${name} STATIC ${sources})
  target_include_directories(
    crossload_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(crossload_${name} PUBLIC ${ROOM_USES} PRIVATE ${ROOM_PRIVATE}
                                                 $<BUILD_INTERFACE:crossload_options>)
  set_property(GLOBAL APPEND PROPERTY CROSSLOAD_ROOMS crossload_${name})
endfunction()
