#include "export/h5_driver.h"

#include <fcntl.h>
#include <hdf5.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace crossload::exporting {
namespace {

/// The properties' own record, copied by the library.
struct Settings {
  int* error;
};

/// An open file; the library knows the first member.
struct File {
  H5FD_t base;
  int fd;
  haddr_t end_of_allocation;
  haddr_t end_of_file;
  int* error;
};

File* file_of(H5FD_t* base) { return reinterpret_cast<File*>(base); }
const File* file_of(const H5FD_t* base) { return reinterpret_cast<const File*>(base); }

void remember(const File& file, int error) {
  if (*file.error == 0) *file.error = error;
}

H5FD_t* open_file(const char* name, unsigned flags, hid_t access, haddr_t) {
  const auto* settings = static_cast<const Settings*>(H5Pget_driver_info(access));
  if (settings == nullptr) return nullptr;
  int mode = O_CLOEXEC | ((flags & H5F_ACC_RDWR) != 0 ? O_RDWR : O_RDONLY);
  if ((flags & H5F_ACC_TRUNC) != 0) mode |= O_TRUNC;
  if ((flags & H5F_ACC_CREAT) != 0) mode |= O_CREAT;
  if ((flags & H5F_ACC_EXCL) != 0) mode |= O_EXCL;
  const int fd = ::open(name, mode, 0666);
  // The library tries to open a file before it creates it: only the last failure counts.
  *settings->error = fd < 0 ? errno : 0;
  if (fd < 0) return nullptr;
  const off_t size = ::lseek(fd, 0, SEEK_END);
  return &(new File{{}, fd, 0, static_cast<haddr_t>(std::max<off_t>(size, 0)), settings->error})->base;
}

herr_t close_file(H5FD_t* base) {
  File* file = file_of(base);
  if (::close(file->fd) != 0) remember(*file, errno);
  delete file;
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* features) {
  *features = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
              H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

haddr_t end_of_allocation(const H5FD_t* base, H5FD_mem_t) { return file_of(base)->end_of_allocation; }

herr_t set_end_of_allocation(H5FD_t* base, H5FD_mem_t, haddr_t end) {
  file_of(base)->end_of_allocation = end;
  return 0;
}

haddr_t end_of_file(const H5FD_t* base, H5FD_mem_t) { return file_of(base)->end_of_file; }

/// What lies beyond the end, or was not taken by the disk, reads as zeros.
herr_t read_bytes(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* buffer) {
  const File& file = *file_of(base);
  auto* to = static_cast<char*>(buffer);
  while (size > 0) {
    const ssize_t count = ::pread(file.fd, to, size, static_cast<off_t>(address));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) remember(file, errno);
    if (count <= 0) break;
    to += count;
    address += static_cast<haddr_t>(count);
    size -= static_cast<size_t>(count);
  }
  std::memset(to, 0, size);
  return 0;
}

herr_t write_bytes(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, size_t size, const void* buffer) {
  File& file = *file_of(base);
  const auto* from = static_cast<const char*>(buffer);
  while (size > 0 && *file.error == 0) {
    const ssize_t count = ::pwrite(file.fd, from, size, static_cast<off_t>(address));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      remember(file, errno);
      break;
    }
    from += count;
    address += static_cast<haddr_t>(count);
    size -= static_cast<size_t>(count);
  }
  file.end_of_file = std::max(file.end_of_file, address + size);
  return 0;
}

herr_t truncate_file(H5FD_t* base, hid_t, hbool_t) {
  File& file = *file_of(base);
  if (file.end_of_file == file.end_of_allocation) return 0;
  if (::ftruncate(file.fd, static_cast<off_t>(file.end_of_allocation)) != 0) remember(file, errno);
  file.end_of_file = file.end_of_allocation;
  return 0;
}

H5FD_class_t make_driver() {
  H5FD_class_t driver{};
#if H5_VERSION_GE(1, 13, 0)
  driver.version = H5FD_CLASS_VERSION;
  driver.value = static_cast<H5FD_class_value_t>(H5_VFD_RESERVED + 1);
#endif
  driver.name = "crossload";
  driver.maxaddr = (haddr_t{1} << 63U) - 1;
  driver.fc_degree = H5F_CLOSE_WEAK;
  driver.fapl_size = sizeof(Settings);
  driver.open = open_file;
  driver.close = close_file;
  driver.query = query;
  driver.get_eoa = end_of_allocation;
  driver.set_eoa = set_end_of_allocation;
  driver.get_eof = end_of_file;
  driver.read = read_bytes;
  driver.write = write_bytes;
  driver.truncate = truncate_file;
  // Two lists of free space, metadata and data, as the library's own driver for files has.
  constexpr H5FD_mem_t kMap[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
  std::copy(std::begin(kMap), std::end(kMap), driver.fl_map);
  return driver;
}

}  // namespace

bool use_h5_output_driver(H5Id access, int* error) {
  static const H5FD_class_t driver = make_driver();
  static const H5Id id = H5FDregister(&driver);
  *error = 0;
  const Settings settings{error};
  return H5Pset_driver(access, id, &settings) >= 0;
}

}  // namespace crossload::exporting
