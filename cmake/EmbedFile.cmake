# Makes a source file that defines `const char name[]` (in namespace crossload) with the bytes of a text file.
function(crossload_embed_file target input name)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${input} -DOUTPUT=${output} -DNAME=${name} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${input} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    COMMENT "Embedding ${input}")
  target_sources(${target} PRIVATE ${output})
endfunction()

# The same with the texts of several files, one after the other.
function(crossload_embed_files target name)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  string(REPLACE ";" "|" inputs "${ARGN}")
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} "-DINPUT=${inputs}" -DOUTPUT=${output} -DNAME=${name} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    VERBATIM
    DEPENDS ${ARGN} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    COMMENT "Embedding ${name}")
  target_sources(${target} PRIVATE ${output})
endfunction()

# Makes a source file that defines `const char* const name[]` (in namespace crossload): for each file its path below
# `base` and its text, after the last a null pointer.
function(crossload_embed_folder target name base)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  string(REPLACE ";" "|" inputs "${ARGN}")
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} "-DINPUT=${inputs}" -DBASE=${base} -DOUTPUT=${output} -DNAME=${name}
            -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    VERBATIM
    DEPENDS ${ARGN} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    COMMENT "Embedding ${name}")
  target_sources(${target} PRIVATE ${output})
endfunction()
