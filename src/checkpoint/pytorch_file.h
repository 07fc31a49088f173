// What torch.save writes, read without PyTorch.
//
// Since 1.6 a zip archive (see zip_archive.h) with one folder, named for the file or "archive":
//   archive/data.pkl     the object, pickled (see unpickler.h); its tensors name storages by key
//   archive/data/0       the bytes of the storage "0", ...
//   archive/byteorder    "little" or "big"; little when it is not there
//   archive/version      not needed
//
// Before, or with _use_new_zipfile_serialization=False, a stream:
//   five pickles         the magic number, the protocol 1001, facts about the system, the object, the storages' keys
//   storages             in the order of the keys: the number of elements in 8 bytes, then the elements, little-endian
//
//   auto file = PyTorchFile::open("pytorch_model.bin");
//   const TensorView& weight = file.tensors().at("bert.embeddings.word_embeddings.weight");
//
// Sources: torch/serialization.py and caffe2/serialize/inline_container.h of PyTorch 2.13.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor_view.h"

namespace crossload::checkpoint {

/// What the tensors of one file may come to that must be copied: those with other strides than row-major, and those
/// of the other byte order. All others are views. A larger file may copy as much as it has bytes, see scratch_bytes.h.
inline constexpr std::uint64_t kMaxCopiedBytes = std::uint64_t{1} << 30;

/// The tensors of a state_dict: the object itself, or what it has under "state_dict", "model_state_dict" or "model".
/// Tied tensors share their bytes. Objects that are no tensors are left out, see skipped().
class PyTorchFile {
 public:
  /// Maps the file. Throws Error(kBadInput) for a file that is not sound or names anything but tensors and containers;
  /// Error(kUnsupported) that names the tensor for a dtype without an equal in TensorFlow.
  static PyTorchFile open(const std::filesystem::path& path);
  /// The same for bytes in memory; `where` begins the errors.
  static PyTorchFile parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                           const std::string& where);

  /// By the keys of the file, which may begin with "module." or "_orig_mod.", see without_wrapper_prefixes.
  const std::map<std::string, tensor::TensorView>& tensors() const { return tensors_; }
  /// Keys beside the tensors whose values are none: numbers, text, None.
  const std::vector<std::string>& skipped() const { return skipped_; }
  /// False for the stream of PyTorch before 1.6.
  bool is_zip() const { return is_zip_; }

 private:
  std::map<std::string, tensor::TensorView> tensors_;
  std::vector<std::string> skipped_;
  bool is_zip_ = false;
};

/// What DataParallel ("module.") and torch.compile ("_orig_mod.") put before every key, as often as all have it.
std::string wrapper_prefix(const std::map<std::string, tensor::TensorView>& tensors);
/// Takes it off.
std::map<std::string, tensor::TensorView> without_wrapper_prefixes(
    const std::map<std::string, tensor::TensorView>& tensors);

}  // namespace crossload::checkpoint
