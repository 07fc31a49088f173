#include <leveldb/env.h>
#include <leveldb/options.h>
#include <leveldb/table_builder.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <protozero/pbf_writer.hpp>

#include "crossload/error.h"
#include "export/crc32c.h"
#include "export/tensor_bundle.h"

namespace crossload::exporting {
namespace {

[[noreturn]] void fail(const std::filesystem::path& prefix, const std::string& why) {
  throw Error(ErrorKind::kBadInput, prefix.string() + ": cannot be written: " + why);
}

std::string header_message() {
  std::string message;
  protozero::pbf_writer header(message);
  header.add_int32(1, 1);
  protozero::pbf_writer version(header, 3);
  version.add_int32(1, 1);
  return message;
}

std::string shape_message(const Shape& shape) {
  std::string message;
  protozero::pbf_writer writer(message);
  for (std::int64_t size : shape) {
    std::string dimension;
    if (size != 0) protozero::pbf_writer(dimension).add_int64(1, size);
    writer.add_message(2, dimension);
  }
  return message;
}

/// As proto3 writes it: numbers that are 0 are left out, messages that are empty are there.
std::string entry_message(const BundleEntry& entry) {
  std::string message;
  protozero::pbf_writer writer(message);
  writer.add_enum(1, entry.dtype);
  writer.add_message(2, shape_message(entry.shape));
  if (entry.offset != 0) writer.add_int64(4, entry.offset);
  if (entry.size != 0) writer.add_int64(5, entry.size);
  if (entry.crc32c != 0) writer.add_fixed32(6, entry.crc32c);
  return message;
}

/// The index is built in memory (some hundred bytes a tensor) and then written as a whole.
class StringFile final : public leveldb::WritableFile {
 public:
  leveldb::Status Append(const leveldb::Slice& data) override {
    bytes_.append(data.data(), data.size());
    return leveldb::Status::OK();
  }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

std::string varint(std::uint64_t value) {
  std::string bytes;
  protozero::write_varint(std::back_inserter(bytes), value);
  return bytes;
}

std::filesystem::path with_suffix(const std::filesystem::path& prefix, const char* suffix) {
  return prefix.string() + suffix;
}

}  // namespace

TensorBundleWriter::TensorBundleWriter(std::filesystem::path prefix)
    : prefix_(std::move(prefix)), data_(with_suffix(prefix_, ".data-00000-of-00001")) {}

BundleEntry& TensorBundleWriter::new_entry(const std::string& key) {
  const auto [entry, is_new] = entries_.emplace(key, BundleEntry{});
  if (!is_new || key.empty()) fail(prefix_, "two tensors have the key \"" + key + "\"");
  entry->second.offset = static_cast<std::int64_t>(data_.size());
  return entry->second;
}

void TensorBundleWriter::add(const std::string& key, const Shape& shape, const FloatProducer& produce, DType dtype) {
  BundleEntry& entry = new_entry(key);
  entry.dtype = static_cast<int>(tf::data_type_of(dtype));
  entry.shape = shape;
  std::uint32_t crc = 0;
  produce([&](std::span<const float> piece) {
    put_bytes(piece, dtype, [&](std::span<const std::byte> bytes) {
      crc = extend_crc32c(crc, bytes);
      data_.append(bytes);
    });
  });
  entry.crc32c = mask_crc32c(crc);
  entry.size = static_cast<std::int64_t>(data_.size()) - entry.offset;
  if (entry.size / static_cast<std::int64_t>(size_of(dtype)) != element_count(shape)) {
    fail(prefix_,
         "tensor " + key + " of shape " + to_string(shape) + " is given " + std::to_string(entry.size) + " bytes");
  }
}

void TensorBundleWriter::add(const std::string& key, const keras::Variable& variable) {
  add(
      key, variable.shape, [&variable](const FloatSink& put) { stream_float32(variable, put); }, variable.dtype);
}

void TensorBundleWriter::add_string(const std::string& key, std::string_view value) {
  if (value.size() > std::numeric_limits<std::uint32_t>::max()) fail(prefix_, "the string " + key + " is over 4 GiB");
  BundleEntry& entry = new_entry(key);
  entry.dtype = static_cast<int>(tf::DataType::kString);
  const auto length = static_cast<std::uint32_t>(value.size());
  const std::uint32_t length_crc = extend_crc32c(0, std::as_bytes(std::span(&length, 1)));
  const std::uint32_t masked = mask_crc32c(length_crc);
  const auto masked_bytes = std::as_bytes(std::span(&masked, 1));
  const auto value_bytes = std::as_bytes(std::span(value.data(), value.size()));
  data_.append(varint(value.size()));
  data_.append(masked_bytes);
  data_.append(value_bytes);
  entry.crc32c = mask_crc32c(extend_crc32c(extend_crc32c(length_crc, masked_bytes), value_bytes));
  entry.size = static_cast<std::int64_t>(data_.size()) - entry.offset;
}

void TensorBundleWriter::finish() {
  data_.close();
  leveldb::Options options;
  options.compression = leveldb::kNoCompression;
  options.block_size = 256 << 10;  // TensorFlow's default for its tables
  StringFile index;
  leveldb::TableBuilder table(options, &index);
  table.Add("", header_message());
  for (const auto& [key, entry] : entries_) table.Add(key, entry_message(entry));
  const leveldb::Status status = table.Finish();
  if (!status.ok()) fail(prefix_, status.ToString());
  bytes::write_file(with_suffix(prefix_, ".index"), index.bytes());
}

}  // namespace crossload::exporting
