#include "export/h5_reader.h"

#define H5_USE_110_API  // later versions have other forms of H5Literate and H5O_info_t
#include <hdf5.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include "crossload/error.h"
#include "export/h5_library.h"

namespace crossload::exporting {
namespace {

/// More dimensions than TensorFlow has.
constexpr int kMaxRank = 32;

/// Deeper than the names of any model.
constexpr int kMaxDepth = 64;

/// The copies of a shared variable are compared in pieces of so many elements.
constexpr std::size_t kPieceElements = std::size_t{1} << 20U;

std::vector<hsize_t> dimensions(const Shape& shape) { return {shape.begin(), shape.end()}; }

[[noreturn]] void fail(const std::string& where, const std::string& why) {
  throw Error(ErrorKind::kBadInput, where + ": " + why);
}

H5Handle open_file(const std::string& path) {
  silence_h5_errors();
  const H5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  H5Pset_file_locking(access.get(), /*use_file_locking=*/false, /*ignore_when_disabled=*/true);
  H5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
  if (!file.ok()) fail(path, "cannot be opened as an HDF5 file: " + h5_reason());
  return file;
}

struct Link {
  std::string name;
  bool is_hard;
};

/// Called by the library for each member of a group; nothing may be thrown through it.
herr_t collect_link(hid_t, const char* name, const H5L_info_t* info, void* links) noexcept {
  static_cast<std::vector<Link>*>(links)->push_back({name, info->type == H5L_TYPE_HARD});
  return 0;
}

/// The members of a group, sorted by name.
std::vector<Link> links_of(H5Id group, const std::string& where) {
  std::vector<Link> links;
  if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_link, &links) < 0) {
    fail(where, "cannot be listed: " + h5_reason());
  }
  return links;
}

/// float16, float32 or float64 of IEEE 754, in any order of bytes.
DType float_type(H5Id dataset, const std::string& where) {
  const H5Handle type(H5Dget_type(dataset), H5Tclose);
  std::size_t sign = 0, exponent = 0, exponent_bits = 0, mantissa = 0, mantissa_bits = 0;
  if (H5Tget_class(type.get()) == H5T_FLOAT &&
      H5Tget_fields(type.get(), &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) >= 0) {
    const std::size_t size = H5Tget_size(type.get());
    if (size == 2 && exponent_bits == 5 && mantissa_bits == 10) return DType::kF16;
    if (size == 4 && exponent_bits == 8 && mantissa_bits == 23) return DType::kF32;
    if (size == 8 && exponent_bits == 11 && mantissa_bits == 52) return DType::kF64;
  }
  fail(where, "is no array of float16, float32 or float64");
}

Shape shape_of(H5Id dataset, const std::string& where) {
  const H5Handle space(H5Dget_space(dataset), H5Sclose);
  const H5S_class_t kind = H5Sget_simple_extent_type(space.get());
  if (kind != H5S_SCALAR && kind != H5S_SIMPLE) fail(where, "has no shape");
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (rank < 0 || rank > kMaxRank) fail(where, "has " + std::to_string(rank) + " dimensions");
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr);
  Shape shape;
  for (hsize_t size : sizes) {
    if (static_cast<std::int64_t>(size) < 0) fail(where, "has a dimension that does not fit 63 bits");
    shape.push_back(static_cast<std::int64_t>(size));
  }
  return shape;
}

/// The bytes of the dataset must be there: what is then allocated for its values is never more than the file.
void check_storage(H5Id dataset, const StoredTensor& tensor, std::uint64_t file_size, const std::string& where) {
  const H5Handle options(H5Dget_create_plist(dataset), H5Pclose);
  if (H5Pget_layout(options.get()) != H5D_CONTIGUOUS || H5Pget_external_count(options.get()) != 0) {
    throw Error(ErrorKind::kUnsupported, where +
                                             ": is stored in chunks, compressed or in another file; only the "
                                             "contiguous arrays that Keras writes are read");
  }
  std::int64_t count = 0;
  try {
    count = element_count(tensor.shape);
  } catch (const Error& error) {
    fail(where, error.what());
  }
  const std::uint64_t stored = H5Dget_storage_size(dataset);
  const haddr_t offset = H5Dget_offset(dataset);
  const std::uint64_t size = size_of(tensor.dtype);
  if (count > 0 && (stored / size != static_cast<std::uint64_t>(count) || stored % size != 0 || offset == HADDR_UNDEF ||
                    offset > file_size || stored > file_size - offset)) {
    fail(where, "has shape " + to_string(tensor.shape) + " and " + std::to_string(stored) +
                    " bytes, which do not fit or are not in the file (cut off?)");
  }
}

}  // namespace

/// The datasets of each name, in the groups of one or more layers.
struct H5File::Contents {
  std::string path;
  H5Handle file;
  H5Kind kind;
  std::uint64_t file_size = 0;
  std::map<std::string, StoredTensor> tensors;
  std::map<std::string, std::vector<std::string>> datasets;

  /// Adds the datasets below a group. `group_path` ends in "/" and `prefix` is what their names begin with.
  void walk(H5Id group, const std::string& group_path, const std::string& prefix, int depth, std::set<haddr_t>* seen);
  void add(H5Id dataset, const std::string& name, const std::string& dataset_path);
  void read_dataset(const std::string& dataset_path, std::int64_t first, std::span<float> out) const;
  void check_copy(const std::vector<std::string>& paths, std::size_t copy, std::int64_t first,
                  std::span<const float> wanted) const;
};

void H5File::Contents::walk(H5Id group, const std::string& group_path, const std::string& prefix, int depth,
                            std::set<haddr_t>* seen) {
  for (const Link& link : links_of(group, path + ": " + group_path)) {
    const std::string member = group_path + link.name;
    const std::string where = path + ": " + member;
    if (!link.is_hard) fail(where, "is a link to another place; only objects of the file are read");
    if (depth > kMaxDepth) fail(where, "lies over " + std::to_string(kMaxDepth) + " groups deep");
    const H5Handle object(H5Oopen(group, link.name.c_str(), H5P_DEFAULT), H5Oclose);
    H5O_info_t info;
    if (!object.ok() || H5Oget_info2(object.get(), &info, H5O_INFO_BASIC) < 0) {
      fail(where, "cannot be opened: " + h5_reason());
    }
    if (!seen->insert(info.addr).second) fail(where, "is in the file under two names");
    if (info.type == H5O_TYPE_DATASET) {
      add(object.get(), prefix + link.name, member);
    } else if (info.type == H5O_TYPE_GROUP) {
      const bool is_layer = depth == 0 && kind == H5Kind::kSingle;
      walk(object.get(), member + "/", is_layer ? "" : prefix + link.name + "/", depth + 1, seen);
    } else {
      fail(where, "is neither group nor dataset");
    }
  }
}

void H5File::Contents::add(H5Id dataset, const std::string& name, const std::string& dataset_path) {
  const std::string where = path + ": " + dataset_path;
  StoredTensor tensor{float_type(dataset, where), shape_of(dataset, where)};
  check_storage(dataset, tensor, file_size, where);
  const auto [known, is_new] = tensors.emplace(name, tensor);
  if (!is_new && known->second.shape != tensor.shape) {
    fail(where, "has shape " + to_string(tensor.shape) + ", and " + to_string(known->second.shape) +
                    " in the group of another layer");
  }
  datasets[name].push_back(dataset_path);
}

void H5File::Contents::read_dataset(const std::string& dataset_path, std::int64_t first, std::span<float> out) const {
  const H5Handle dataset(H5Dopen2(file.get(), dataset_path.c_str(), H5P_DEFAULT), H5Dclose);
  const H5Handle space(H5Dget_space(dataset.get()), H5Sclose);
  const std::string where = path + ": " + dataset_path;
  const auto require = [&](bool ok) {
    if (!ok) fail(where, "cannot be read: " + h5_reason());
  };
  require(dataset.ok() && space.ok());
  const Shape shape = shape_of(dataset.get(), where);
  if (shape.empty()) {
    require(H5Dread(dataset.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) >= 0);
    return;
  }
  float* to = out.data();
  for_each_h5_block(shape, first, static_cast<std::int64_t>(out.size()), [&](const Shape& start, const Shape& size) {
    const auto count = static_cast<hsize_t>(element_count(size));
    const H5Handle memory(H5Screate_simple(1, &count, nullptr), H5Sclose);
    require(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, dimensions(start).data(), nullptr, dimensions(size).data(),
                                nullptr) >= 0);
    require(H5Dread(dataset.get(), H5T_NATIVE_FLOAT, memory.get(), space.get(), H5P_DEFAULT, to) >= 0);
    to += count;
  });
}

void H5File::Contents::check_copy(const std::vector<std::string>& paths, std::size_t copy, std::int64_t first,
                                  std::span<const float> wanted) const {
  std::vector<float> piece(std::min(wanted.size(), kPieceElements));
  for (std::size_t at = 0; at < wanted.size(); at += piece.size()) {
    const std::span<float> part = std::span(piece).first(std::min(piece.size(), wanted.size() - at));
    read_dataset(paths[copy], first + static_cast<std::int64_t>(at), part);
    if (std::memcmp(part.data(), wanted.data() + at, part.size_bytes()) != 0) {
      fail(path, paths[copy] + " and " + paths[0] + " are one variable with different values");
    }
  }
}

H5File::H5File(std::unique_ptr<Contents> contents) : contents_(std::move(contents)) {}
H5File::H5File(H5File&&) noexcept = default;
H5File::~H5File() = default;

H5File H5File::open(const std::filesystem::path& path, H5Kind kind) {
  const std::string where = path.string();
  auto contents = std::make_unique<Contents>(Contents{where, open_file(where), kind, 0, {}, {}});
  std::error_code error;
  contents->file_size = std::filesystem::file_size(path, error);
  if (error) fail(where, "cannot be read: " + error.message());
  std::set<haddr_t> seen;
  contents->walk(contents->file.get(), "/", "", 0, &seen);
  return H5File(std::move(contents));
}

const std::map<std::string, StoredTensor>& H5File::tensors() const { return contents_->tensors; }

void H5File::read(const std::string& name, std::int64_t first, std::span<float> out) const {
  const auto found = contents_->datasets.find(name);
  if (found == contents_->datasets.end()) fail(contents_->path, "has no variable " + name);
  const std::int64_t count = element_count(contents_->tensors.at(name).shape);
  const auto wanted = static_cast<std::int64_t>(out.size());
  if (first < 0 || first > count || wanted > count - first) {
    fail(contents_->path, name + " has " + std::to_string(count) + " elements; " + std::to_string(wanted) + " from " +
                              std::to_string(first) + " on are asked for");
  }
  if (out.empty()) return;
  contents_->read_dataset(found->second[0], first, out);
  for (std::size_t i = 1; i < found->second.size(); ++i) contents_->check_copy(found->second, i, first, out);
}

}  // namespace crossload::exporting
