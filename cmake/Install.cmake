# `cmake --install` puts the program, the libraries of all rooms, the headers and the package `crossload` in place:
#
#   find_package(crossload REQUIRED)
#   target_link_libraries(mine PRIVATE crossload::crossload)
include(CMakePackageConfigHelpers)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/crossload)

get_property(rooms GLOBAL PROPERTY CROSSLOAD_ROOMS)
foreach(room ${rooms})
  string(REGEX REPLACE "^crossload_" "" name ${room})
  set_target_properties(${room} PROPERTIES EXPORT_NAME ${name})
endforeach()
install(TARGETS ${rooms} EXPORT crossload ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT crossload NAMESPACE crossload:: FILE crossload-targets.cmake DESTINATION ${config_dir})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/crossload DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

configure_package_config_file(cmake/crossload-config.cmake.in ${CMAKE_BINARY_DIR}/crossload-config.cmake
                              INSTALL_DESTINATION ${config_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/crossload-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/crossload-config.cmake ${CMAKE_BINARY_DIR}/crossload-config-version.cmake
        DESTINATION ${config_dir})
