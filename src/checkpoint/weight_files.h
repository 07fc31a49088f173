// The files of weights in a model's folder, known by the names that Transformers gives them and, where PyTorch and
// TensorFlow share a name, by what is in them.
//
//   model.safetensors, model-00001-of-00002.safetensors, model.safetensors.index.json    of either framework
//   pytorch_model.bin, pytorch_model-00001-of-00002.bin, pytorch_model.bin.index.json    PyTorch's
//   model.fp16.safetensors, pytorch_model.fp16.bin, pytorch_model.bin.index.fp16.json    PyTorch's, of a variant
//   tf_model.h5, tf_model-00001-of-00002.h5, tf_model.h5.index.json                      TensorFlow's
//
// Sources: _get_resolved_checkpoint_files (modeling_utils.py) and TFPreTrainedModel.from_pretrained of Transformers
// 4.57: both take model.safetensors first, then its index, then their own format.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace crossload::checkpoint {

inline constexpr const char* kSafetensorsWeights = "model.safetensors";
inline constexpr const char* kPyTorchBinWeights = "pytorch_model.bin";
inline constexpr const char* kH5Weights = "tf_model.h5";
/// In the order in which PyTorch's from_pretrained looks for them.
inline constexpr const char* kPyTorchWeights[] = {kSafetensorsWeights, kPyTorchBinWeights};

/// "tf_model.h5.index.json", of the shards of tf_model.h5.
std::string index_of(const std::string& whole);

/// True for the weights `whole` ("tf_model.h5"), for one of its shards ("tf_model-00001-of-00002.h5"), and for their
/// index ("tf_model.h5.index.json").
bool is_file_of(std::string_view name, std::string_view whole);

/// is_file_of, or the same of a variant: "pytorch_model.fp16.bin", "pytorch_model.bin.index.fp16.json".
bool is_file_of_any_variant(std::string_view name, std::string_view whole);

/// True for safetensors whose metadata say "format": "tf", and for an index that names variables of TensorFlow. What
/// cannot be read is not TensorFlow's.
bool is_tensorflow_safetensors(const std::filesystem::path& file);

/// The files of the weights `whole` in a folder: that one, or its index and the shards that it names; empty when there
/// are none. `has` says what the folder holds, `read` gives a file of it that can be opened. Throws Error(kBadInput)
/// for an index that names what is not there.
std::vector<std::string> files_of_weights(const std::string& whole, const std::function<bool(const std::string&)>& has,
                                          const std::function<std::filesystem::path(const std::string&)>& read);

/// The files that PyTorch's from_pretrained reads in a folder of this machine. TensorFlow's model.safetensors is passed
/// over. Empty when there are none. Throws like files_of_weights.
std::vector<std::string> pytorch_files(const std::filesystem::path& folder);

}  // namespace crossload::checkpoint
