# Debian packages, found here and nowhere else. Keep in step with cmake/crossload-config.cmake.in and tools/setup.sh.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(leveldb REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(hdf5 REQUIRED IMPORTED_TARGET hdf5)
pkg_check_modules(libcrypto REQUIRED IMPORTED_TARGET libcrypto)
