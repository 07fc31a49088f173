#include "export/stored_weights.h"

#include <set>
#include <utility>
#include <vector>

#include "checkpoint/safetensors.h"
#include "checkpoint/shard_index.h"
#include "checkpoint/weight_files.h"
#include "crossload/error.h"
#include "export/h5_reader.h"
#include "export/tensor_bundle.h"
#include "export/variable_names.h"
#include "tensor/layout.h"

namespace crossload::exporting {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& where, const std::string& why) {
  throw Error(ErrorKind::kBadInput, where + ": " + why);
}

/// The files of an artifact: the single one, or the shards of the index beside it.
struct Parts {
  std::vector<fs::path> files;
  fs::path index;                                 // empty for a single file
  std::map<std::string, std::string> weight_map;  // stored name -> shard's file name
};

Parts find_parts(const fs::path& folder, const std::string& file_name) {
  if (fs::exists(folder / file_name)) return {{folder / file_name}, {}, {}};
  Parts parts;
  parts.index = folder / checkpoint::index_of(file_name);
  if (!fs::exists(parts.index))
    fail(folder.string(), "has neither " + file_name + " nor " + checkpoint::index_of(file_name));
  std::set<std::string> shards;
  for (const auto& [full, shard] : checkpoint::read_shard_index(parts.index)) {
    if (!parts.weight_map.emplace(stored_name_of_full_name(full), shard).second) {
      fail(parts.index.string(), "names the variable " + full + " twice");
    }
    shards.insert(shard);
  }
  for (const std::string& shard : shards) {
    std::error_code ignored;  // a name that the system refuses is not there either
    if (!fs::exists(folder / shard, ignored))
      fail(parts.index.string(), "names the shard " + shard + ", which is not there");
    parts.files.push_back(folder / shard);
  }
  return parts;
}

/// The variables of a shard must be those that the index puts there. Called for each variable that a file holds.
void check_place(const Parts& parts, const std::string& name, const fs::path& file) {
  if (parts.index.empty()) return;
  const auto entry = parts.weight_map.find(name);
  if (entry == parts.weight_map.end() || entry->second != file.filename().string()) {
    fail(file.string(), "holds " + name + ", which " + parts.index.filename().string() + " does not put there");
  }
}

/// And all that the index names must have been found.
void check_complete(const Parts& parts, const std::map<std::string, StoredTensor>& tensors) {
  for (const auto& [name, shard] : parts.weight_map) {
    if (!tensors.contains(name)) fail(parts.index.string(), "puts " + name + " into " + shard + ", which lacks it");
  }
}

class H5Weights final : public StoredWeights {
 public:
  explicit H5Weights(const fs::path& folder) : StoredWeights(folder.string()) {
    const Parts parts = find_parts(folder, checkpoint::kH5Weights);
    const H5Kind kind = parts.index.empty() ? H5Kind::kSingle : H5Kind::kShard;
    for (const fs::path& path : parts.files) {
      files_.push_back(H5File::open(path, kind));
      for (const auto& [stored, tensor] : files_.back().tensors()) {
        const std::string name =
            kind == H5Kind::kSingle ? stored_name_of_full_name(stored) : stored_name_of_key(stored);
        check_place(parts, name, path);
        add(name, tensor);
        places_[name] = {files_.size() - 1, stored};
      }
    }
    check_complete(parts, tensors());
  }

 private:
  void read_range(const std::string& name, std::int64_t first, std::span<float> out) const override {
    const auto& [file, stored] = places_.at(name);
    files_[file].read(stored, first, out);
  }

  std::vector<H5File> files_;
  std::map<std::string, std::pair<std::size_t, std::string>> places_;
};

void widen_range(const tensor::TensorView& view, std::int64_t first, std::span<float> out) {
  const std::byte* begin = view.bytes.data() + static_cast<std::size_t>(first) * size_of(view.dtype);
  tensor::widen_to_float32(view.dtype, begin, static_cast<std::int64_t>(out.size()), out.data());
}

class SafetensorsWeights final : public StoredWeights {
 public:
  explicit SafetensorsWeights(const fs::path& folder) : StoredWeights(folder.string()) {
    const Parts parts = find_parts(folder, checkpoint::kSafetensorsWeights);
    for (const fs::path& path : parts.files) {
      const checkpoint::SafetensorsFile file = checkpoint::SafetensorsFile::open(path);
      const auto format = file.metadata().find("format");
      if (format == file.metadata().end() || format->second != "tf") {
        fail(path.string(), "its metadata do not say \"format\": \"tf\"; these are no weights of a TensorFlow model");
      }
      for (const auto& [key, view] : file.tensors()) {
        const std::string name = stored_name_of_key(key);
        if (!is_floating(view.dtype)) fail(path.string(), name + " is of type " + std::string(name_of(view.dtype)));
        check_place(parts, name, path);
        add(name, {view.dtype, view.shape});
        views_.emplace(name, view);
      }
    }
    check_complete(parts, tensors());
  }

 private:
  void read_range(const std::string& name, std::int64_t first, std::span<float> out) const override {
    widen_range(views_.at(name), first, out);
  }

  std::map<std::string, tensor::TensorView> views_;
};

class BundleWeights final : public StoredWeights {
 public:
  explicit BundleWeights(const fs::path& prefix) : StoredWeights(prefix.string()), bundle_(TensorBundle::open(prefix)) {
    for (const auto& [key, full] : bundle_.variable_names()) {
      const auto entry = bundle_.entries().find(key);
      if (entry == bundle_.entries().end()) fail(prefix.string(), "its object graph names " + key + ", which it lacks");
      DType dtype;
      // A save counter or an optimizer's step is no weight.
      if (!entry->second.dtype_of_elements(&dtype) || !is_floating(dtype)) continue;
      const std::string name = stored_name_of_full_name(full);
      add(name, {dtype, entry->second.shape});
      keys_[name] = key;
    }
  }

 private:
  void read_range(const std::string& name, std::int64_t first, std::span<float> out) const override {
    widen_range(view_of(name), first, out);
  }

  /// Taking the view checks the checksum of all its bytes: once for each tensor.
  const tensor::TensorView& view_of(const std::string& name) const {
    const auto known = views_.find(name);
    if (known != views_.end()) return known->second;
    return views_.emplace(name, bundle_.tensor(keys_.at(name))).first->second;
  }

  TensorBundle bundle_;
  std::map<std::string, std::string> keys_;
  mutable std::map<std::string, tensor::TensorView> views_;
};

}  // namespace

void StoredWeights::add(const std::string& name, const StoredTensor& tensor) {
  if (!tensors_.emplace(name, tensor).second) fail(where_, "holds the variable " + name + " twice");
}

void StoredWeights::read(const std::string& name, std::span<float> out) const {
  const auto found = tensors_.find(name);
  if (found != tensors_.end() && element_count(found->second.shape) != static_cast<std::int64_t>(out.size())) {
    fail(where_, "variable " + name + " of shape " + to_string(found->second.shape) + " is read as " +
                     std::to_string(out.size()) + " elements");
  }
  read(name, 0, out);
}

void StoredWeights::read(const std::string& name, std::int64_t first, std::span<float> out) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) fail(where_, "has no variable " + name);
  const std::int64_t count = element_count(found->second.shape);
  if (first < 0 || first > count || static_cast<std::int64_t>(out.size()) > count - first) {
    fail(where_, "variable " + name + " has " + std::to_string(count) + " elements; " + std::to_string(out.size()) +
                     " from " + std::to_string(first) + " on are asked for");
  }
  if (!out.empty()) read_range(name, first, out);
}

std::unique_ptr<StoredWeights> open_h5_weights(const fs::path& folder) { return std::make_unique<H5Weights>(folder); }

std::unique_ptr<StoredWeights> open_safetensors_weights(const fs::path& folder) {
  return std::make_unique<SafetensorsWeights>(folder);
}

std::unique_ptr<StoredWeights> open_bundle_weights(const fs::path& prefix) {
  return std::make_unique<BundleWeights>(prefix);
}

}  // namespace crossload::exporting
