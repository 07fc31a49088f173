#include "export/safetensors_writer.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "bytes/json.h"
#include "bytes/output_file.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/weight_files.h"
#include "crossload/error.h"
#include "export/shards.h"
#include "export/variable_names.h"
#include "export/weights.h"

namespace crossload::exporting {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are passed on as the processor holds them");

constexpr std::string_view kFileName = checkpoint::kSafetensorsWeights;
constexpr std::string_view kMetadata = "__metadata__";
constexpr std::size_t kAlignment = 8;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& why) {
  throw Error(ErrorKind::kBadInput, path.string() + ": cannot be written: " + why);
}

std::uint64_t bytes_of(const TensorToWrite& tensor, const std::filesystem::path& path) {
  const auto count = static_cast<std::uint64_t>(element_count(tensor.shape));
  const std::uint64_t size = size_of(tensor.dtype);
  if (count > std::numeric_limits<std::int64_t>::max() / size) fail(path, "the size of " + tensor.name + " overflows");
  return count * size;
}

std::string header_text(const std::vector<TensorToWrite>& tensors, const std::map<std::string, std::string>& metadata,
                        const std::filesystem::path& path) {
  bytes::Json header = bytes::Json::object();
  if (!metadata.empty()) {
    bytes::Json object = bytes::Json::object();
    for (const auto& [key, value] : metadata) object.set(key, value);
    header.set(std::string(kMetadata), object);
  }
  std::uint64_t offset = 0;
  for (const TensorToWrite& tensor : tensors) {
    if (tensor.name == kMetadata || header.contains(tensor.name)) {
      fail(path, "two entries are named \"" + tensor.name + "\"");
    }
    bytes::Json shape = bytes::Json::array();
    for (std::int64_t size : tensor.shape) shape.push_back(size);
    bytes::Json offsets = bytes::Json::array();
    offsets.push_back(offset);
    offset += bytes_of(tensor, path);
    offsets.push_back(offset);
    bytes::Json entry = bytes::Json::object();
    entry.set("dtype", name_of(tensor.dtype));
    entry.set("shape", shape);
    entry.set("data_offsets", offsets);
    header.set(tensor.name, entry);
  }
  std::string text = header.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  if (text.size() > checkpoint::kMaxSafetensorsHeader) {
    fail(path, "its header would have " + std::to_string(text.size()) + " bytes, the limit is " +
                   std::to_string(checkpoint::kMaxSafetensorsHeader));
  }
  return text;
}

TensorToWrite tensor_of(const keras::Variable& variable, std::string_view scope) {
  return {key_of_full_name(full_name(scope, variable.name)), variable.dtype, variable.shape,
          [&variable](const ByteSink& put) {
            stream_float32(variable, [&](std::span<const float> piece) { put_bytes(piece, variable.dtype, put); });
          }};
}

void write_part(const std::filesystem::path& path, std::string_view scope,
                const std::vector<const keras::Variable*>& variables) {
  std::vector<TensorToWrite> tensors;
  for (const keras::Variable* variable : variables) tensors.push_back(tensor_of(*variable, scope));
  write_safetensors(path, std::move(tensors), {{"format", "tf"}});
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorToWrite& a, const TensorToWrite& b) {
    return a.dtype != b.dtype ? a.dtype > b.dtype : a.name < b.name;  // DType's order is the reference's
  });
  const std::string header = header_text(tensors, metadata, path);
  const std::uint64_t length = header.size();
  bytes::OutputFile file(path);
  file.append(std::as_bytes(std::span(&length, 1)));
  file.append(header);
  for (const TensorToWrite& tensor : tensors) {
    const std::uint64_t begin = file.size();
    tensor.produce([&file](std::span<const std::byte> bytes) { file.append(bytes); });
    const std::uint64_t wanted = bytes_of(tensor, path);
    if (file.size() - begin != wanted) {
      fail(path, "tensor " + tensor.name + " has " + std::to_string(file.size() - begin) + " bytes where " +
                     std::to_string(wanted) + " are expected");
    }
  }
  file.close();
}

std::vector<std::string> write_tf_safetensors(const std::filesystem::path& folder, std::string_view scope,
                                              const std::vector<keras::TopLayer>& layers, std::int64_t max_shard_size) {
  const auto shards = plan_shards(model_weights(layers), max_shard_size);
  if (shards.size() == 1) {
    write_part(folder / kFileName, scope, shards[0]);
    return {std::string(kFileName)};
  }
  return write_shards(folder, kFileName, scope, shards, write_part);
}

}  // namespace crossload::exporting
