#include "export/h5_writer.h"

#include <hdf5.h>

#include <algorithm>

#include "bytes/output_file.h"
#include "checkpoint/weight_files.h"
#include "crossload/error.h"
#include "export/h5_driver.h"
#include "export/h5_library.h"
#include "export/shards.h"
#include "export/variable_names.h"
#include "export/weights.h"

namespace crossload::exporting {
namespace {

constexpr std::string_view kFileName = checkpoint::kH5Weights;
constexpr const char* kBackend = "tensorflow";
constexpr const char* kKerasVersion = "2.21.0";

std::vector<hsize_t> dimensions(const Shape& shape) { return {shape.begin(), shape.end()}; }

/// HDF5's type of the elements, float32, or float16 as h5py describes it.
H5Handle element_type(DType dtype) {
  H5Handle type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  if (dtype == DType::kF32) return type;
  if (dtype != DType::kF16) throw Error(ErrorKind::kUsage, "HDF5 has no " + std::string(name_of(dtype)));
  constexpr std::size_t kSign = 15, kExponent = 10, kExponentBits = 5, kMantissa = 0, kMantissaBits = 10;
  constexpr std::size_t kBias = 15;
  H5Tset_fields(type.get(), kSign, kExponent, kExponentBits, kMantissa, kMantissaBits);
  H5Tset_size(type.get(), size_of(dtype));
  H5Tset_ebias(type.get(), kBias);
  return type;
}

/// One file being written.
class H5Output {
 public:
  explicit H5Output(const std::filesystem::path& path)
      : path_(path.string()), file_(create()), links_(link_options()) {}
  H5Output(const H5Output&) = delete;
  H5Output& operator=(const H5Output&) = delete;

  H5Id root() const { return file_.get(); }

  H5Handle group(const std::string& name) const {
    H5Handle group(H5Gcreate2(root(), name.c_str(), links_.get(), H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
    require(group.ok(), name);
    return group;
  }

  void names(H5Id object, const std::string& attribute, const std::vector<std::string>& names) const {
    require(write_h5_names(object, attribute, names), attribute);
  }

  void text(const std::string& attribute, const std::string& text) const {
    require(write_h5_text(root(), attribute, text), attribute);
  }

  /// `name` may have levels; their groups are made.
  void dataset(H5Id group, const std::string& name, const keras::Variable& variable) const {
    const std::vector<hsize_t> sizes = dimensions(variable.shape);
    const H5Handle space(
        sizes.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
        H5Sclose);
    // Without a time, so that the same model gives the same bytes.
    const H5Handle options(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    require(space.ok() && H5Pset_obj_track_times(options.get(), false) >= 0, name);
    const H5Handle type = element_type(variable.dtype);
    H5Handle dataset(H5Dcreate2(group, name.c_str(), type.get(), space.get(), links_.get(), options.get(), H5P_DEFAULT),
                     H5Dclose);
    require(dataset.ok(), name);
    std::int64_t written = 0;
    stream_float32(variable, [&](std::span<const float> piece) {
      put_bytes(piece, variable.dtype, [&](std::span<const std::byte> bytes) {
        write_elements({dataset.get(), type.get(), space.get()}, name, variable.shape, {written, piece.size()}, bytes);
      });
      written += static_cast<std::int64_t>(piece.size());
    });
    require(dataset.close() >= 0, name);
  }

  void close() { require(file_.close() >= 0, "the end of the file"); }

 private:
  H5Handle create() {
    silence_h5_errors();
    const H5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
    require(use_h5_output_driver(access.get(), &write_error_), "the file");
    H5Handle file(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose);
    require(file.ok(), "the file");
    return file;
  }

  static H5Handle link_options() {
    H5Handle options(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(options.get(), 1);
    return options;
  }

  struct Target {
    H5Id dataset, type, space;
  };
  struct Range {
    std::int64_t first;
    std::size_t count;
  };

  /// The bytes are as the file has them, so that HDF5 converts nothing.
  void write_elements(const Target& to, const std::string& name, const Shape& shape, const Range& range,
                      std::span<const std::byte> bytes) const {
    if (shape.empty()) {
      require(H5Dwrite(to.dataset, to.type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) >= 0, name);
      return;
    }
    const std::byte* from = bytes.data();
    const std::size_t width = bytes.size() / range.count;
    const auto write_block = [&](const Shape& start, const Shape& size) {
      const std::vector<hsize_t> counts = dimensions(size);
      const hsize_t count = static_cast<hsize_t>(element_count(size));
      const H5Handle memory(H5Screate_simple(1, &count, nullptr), H5Sclose);
      require(H5Sselect_hyperslab(to.space, H5S_SELECT_SET, dimensions(start).data(), nullptr, counts.data(),
                                  nullptr) >= 0 &&
                  H5Dwrite(to.dataset, to.type, memory.get(), to.space, H5P_DEFAULT, from) >= 0,
              name);
      from += count * width;
    };
    for_each_h5_block(shape, range.first, static_cast<std::int64_t>(range.count), write_block);
  }

  void require(bool ok, const std::string& what) const {
    if (ok && write_error_ == 0) return;
    throw Error(ErrorKind::kEnvironment, path_ + ": " + what + " cannot be written: " +
                                             (write_error_ != 0 ? bytes::write_failure(write_error_) : h5_reason()));
  }

  std::string path_;
  int write_error_ = 0;  // errno, see h5_driver.h
  H5Handle file_;
  H5Handle links_;
};

void write_layer(const H5Output& file, std::string_view scope, const keras::TopLayer& layer) {
  const std::vector<const keras::Variable*> variables = layer_weights(layer);
  std::vector<std::string> names;
  for (const keras::Variable* variable : variables) names.push_back(full_name(scope, variable->name));
  const H5Handle group = file.group(layer.name);
  file.names(group.get(), "weight_names", names);
  for (std::size_t i = 0; i < names.size(); ++i) file.dataset(group.get(), names[i], *variables[i]);
}

void write_single(const std::filesystem::path& path, std::string_view scope, std::vector<keras::TopLayer> layers) {
  const auto is_top_level = [](const keras::TopLayer& layer) { return layer.name == kTopLevelWeights; };
  keras::TopLayer top_level{std::string(kTopLevelWeights), {}};
  if (const auto found = std::find_if(layers.begin(), layers.end(), is_top_level); found != layers.end()) {
    top_level = *found;
    layers.erase(found);
  }
  std::vector<std::string> names;
  for (const keras::TopLayer& layer : layers) names.push_back(layer.name);
  H5Output file(path);
  file.names(file.root(), "layer_names", names);
  file.text("backend", kBackend);
  file.text("keras_version", kKerasVersion);
  std::sort(layers.begin(), layers.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const keras::TopLayer& layer : layers) write_layer(file, scope, layer);
  write_layer(file, scope, top_level);
  file.close();
}

void write_shard(const std::filesystem::path& path, std::string_view scope,
                 std::vector<const keras::Variable*> variables) {
  const auto by_full_name = [scope](const keras::Variable* a, const keras::Variable* b) {
    return full_name(scope, a->name) < full_name(scope, b->name);
  };
  std::sort(variables.begin(), variables.end(), by_full_name);
  H5Output file(path);
  std::vector<std::string> keys;
  for (const keras::Variable* variable : variables) {
    keys.push_back(key_of_full_name(full_name(scope, variable->name)));
    file.dataset(file.root(), keys.back(), *variable);
  }
  file.names(file.root(), "layer_names", keys);
  file.close();
}

}  // namespace

std::vector<std::string> write_h5(const std::filesystem::path& folder, std::string_view scope,
                                  const std::vector<keras::TopLayer>& layers, std::int64_t max_shard_size) {
  const auto shards = plan_shards(model_weights(layers), max_shard_size);
  if (shards.size() > 1) return write_shards(folder, kFileName, scope, shards, write_shard);
  write_single(folder / kFileName, scope, layers);
  return {std::string(kFileName)};
}

}  // namespace crossload::exporting
