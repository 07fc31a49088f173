#include "export/tensor_bundle.h"

#include <leveldb/env.h>
#include <leveldb/iterator.h>
#include <leveldb/options.h>
#include <leveldb/table.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <new>
#include <protozero/pbf_reader.hpp>
#include <utility>

#include "crossload/error.h"
#include "export/crc32c.h"
#include "export/table_check.h"
#include "tf/data_type.h"
#include "tf/shape_proto.h"

namespace crossload::exporting {
namespace {

/// More files than anybody splits a checkpoint into.
constexpr std::int32_t kMaxShards = 4096;

[[noreturn]] void fail(const std::string& where, const std::string& why) {
  throw Error(ErrorKind::kBadInput, where + ": not a sound TensorBundle: " + why);
}

std::string index_name(const std::filesystem::path& prefix) { return prefix.string() + ".index"; }

/// "variables.data-00000-of-00001"
std::string shard_name(const std::filesystem::path& prefix, std::int64_t shard, std::size_t shards) {
  std::array<char, 64> suffix;
  std::snprintf(suffix.data(), suffix.size(), ".data-%05lld-of-%05zu", static_cast<long long>(shard), shards);
  return prefix.string() + suffix.data();
}

/// A mapped file as LevelDB reads it.
class MappedTableFile final : public leveldb::RandomAccessFile {
 public:
  explicit MappedTableFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  leveldb::Status Read(std::uint64_t offset, std::size_t size, leveldb::Slice* result, char*) const override {
    if (offset > bytes_.size() || size > bytes_.size() - offset) return leveldb::Status::Corruption("cut off");
    *result = leveldb::Slice(reinterpret_cast<const char*>(bytes_.data()) + offset, size);
    return leveldb::Status::OK();
  }

 private:
  std::span<const std::byte> bytes_;
};

protozero::data_view view_of(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

std::int32_t read_header(protozero::data_view message, const std::string& where) {
  std::int32_t shards = 0;
  protozero::pbf_reader reader(message);
  while (reader.next()) {
    if (reader.tag() == 1) {
      shards = reader.get_int32();
    } else if (reader.tag() == 2) {
      if (reader.get_enum() != 0) fail(where, "its tensors are big-endian");
    } else {
      reader.skip();
    }
  }
  if (shards < 1 || shards > kMaxShards) fail(where, "it has " + std::to_string(shards) + " data files");
  return shards;
}

BundleEntry read_entry(protozero::data_view message) {
  BundleEntry entry;
  protozero::pbf_reader reader(message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        entry.dtype = reader.get_enum();
        break;
      case 2:
        entry.shape = tf::parse_shape_proto(reader.get_string());
        break;
      case 3:
        entry.shard = reader.get_int32();
        break;
      case 4:
        entry.offset = reader.get_int64();
        break;
      case 5:
        entry.size = reader.get_int64();
        break;
      case 6:
        entry.crc32c = reader.get_fixed32();
        break;
      case 7:
        entry.sliced = true;
        reader.skip();
        break;
      default:
        reader.skip();
    }
  }
  return entry;
}

struct Attribute {
  std::string name;
  std::string full_name;
  std::string key;
};

/// TrackableObjectGraph.TrackableObject.SerializedTensor
Attribute read_graph_attribute(protozero::pbf_reader reader) {
  Attribute attribute;
  while (reader.next()) {
    if (reader.tag() == 1) {
      attribute.name = reader.get_string();
    } else if (reader.tag() == 2) {
      attribute.full_name = reader.get_string();
    } else if (reader.tag() == 3) {
      attribute.key = reader.get_string();
    } else {
      reader.skip();
    }
  }
  return attribute;
}

/// The attributes (field 2) of all nodes (field 1) of a TrackableObjectGraph.
std::vector<Attribute> read_object_graph(const std::string& message) {
  std::vector<Attribute> attributes;
  protozero::pbf_reader graph(message);
  while (graph.next(1)) {
    protozero::pbf_reader node = graph.get_message();
    while (node.next(2)) attributes.push_back(read_graph_attribute(node.get_message()));
  }
  return attributes;
}

}  // namespace

bool BundleEntry::dtype_of_elements(DType* dtype_out) const {
  const std::optional<DType> elements = tf::elements_of(static_cast<tf::DataType>(dtype));
  if (elements) *dtype_out = *elements;
  return elements.has_value();
}

TensorBundle TensorBundle::open(const std::filesystem::path& prefix) {
  const std::string where = index_name(prefix);
  const auto index = bytes::MappedFile::open(where);
  check_table(index->bytes(), where);
  MappedTableFile file(index->bytes());
  leveldb::Options options;
  options.paranoid_checks = true;
  leveldb::Table* opened = nullptr;
  const leveldb::Status status = leveldb::Table::Open(options, &file, index->bytes().size(), &opened);
  if (!status.ok()) fail(where, status.ToString());
  const std::unique_ptr<leveldb::Table> table(opened);
  leveldb::ReadOptions checked;
  checked.verify_checksums = true;
  const std::unique_ptr<leveldb::Iterator> row(table->NewIterator(checked));
  TensorBundle bundle(prefix);
  std::int32_t shards = 0;
  try {
    for (row->SeekToFirst(); row->Valid(); row->Next()) {
      if (row->key().empty()) {
        shards = read_header(view_of(row->value()), where);
      } else {
        bundle.entries_[row->key().ToString()] = read_entry(view_of(row->value()));
      }
    }
  } catch (const protozero::exception& error) {
    fail(where, std::string("a message cannot be read: ") + error.what());
  }
  if (!row->status().ok()) fail(where, row->status().ToString());
  if (shards == 0) fail(where, "it has no header");
  for (std::int32_t shard = 0; shard < shards; ++shard) {
    bundle.shards_.push_back(bytes::MappedFile::open(shard_name(prefix, shard, static_cast<std::size_t>(shards))));
  }
  return bundle;
}

const BundleEntry& TensorBundle::entry(const std::string& key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    throw Error(ErrorKind::kBadInput, index_name(prefix_) + ": has no tensor " + key);
  }
  return found->second;
}

std::span<const std::byte> TensorBundle::bytes_of(const std::string& key, const BundleEntry& entry) const {
  if (entry.sliced) {
    throw Error(ErrorKind::kUnsupported, index_name(prefix_) + ": " + key + " is a partitioned variable");
  }
  if (entry.shard < 0 || entry.shard >= static_cast<std::int64_t>(shards_.size())) {
    fail(index_name(prefix_),
         key + " is in data file " + std::to_string(entry.shard) + " of " + std::to_string(shards_.size()));
  }
  const auto data = shards_[static_cast<std::size_t>(entry.shard)]->bytes();
  const auto size = static_cast<std::int64_t>(data.size());
  if (entry.offset < 0 || entry.size < 0 || entry.offset > size || entry.size > size - entry.offset) {
    fail(shard_name(prefix_, entry.shard, shards_.size()), key + " begins at byte " + std::to_string(entry.offset) +
                                                               " and has " + std::to_string(entry.size) + " of " +
                                                               std::to_string(size) + " (cut off?)");
  }
  return data.subspan(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(entry.size));
}

tensor::TensorView TensorBundle::tensor(const std::string& key) const {
  const BundleEntry& found = entry(key);
  tensor::TensorView view;
  if (!found.dtype_of_elements(&view.dtype)) {
    throw Error(ErrorKind::kUnsupported, index_name(prefix_) + ": " + key + " has TensorFlow's type " +
                                             std::to_string(found.dtype) + ", which is no type of numbers");
  }
  view.shape = found.shape;
  view.bytes = bytes_of(key, found);
  const std::string where = shard_name(prefix_, found.shard, shards_.size());
  const std::size_t size = size_of(view.dtype);
  std::int64_t count = 0;
  try {
    count = element_count(view.shape);
  } catch (const Error& error) {
    fail(where, key + ": " + error.what());
  }
  if (view.bytes.size() % size != 0 || view.bytes.size() / size != static_cast<std::size_t>(count)) {
    fail(where, key + " of shape " + to_string(view.shape) + " has " + std::to_string(view.bytes.size()) + " bytes");
  }
  if (mask_crc32c(extend_crc32c(0, view.bytes)) != found.crc32c) fail(where, key + " has a wrong checksum");
  view.owner = shards_[static_cast<std::size_t>(found.shard)];
  return view;
}

std::string TensorBundle::string(const std::string& key) const {
  const BundleEntry& found = entry(key);
  if (static_cast<tf::DataType>(found.dtype) != tf::DataType::kString || element_count(found.shape) != 1)
    fail(index_name(prefix_), key + " is no string scalar");
  const auto bytes = bytes_of(key, found);
  const std::string where = shard_name(prefix_, found.shard, shards_.size());
  const char* at = reinterpret_cast<const char*>(bytes.data());
  const char* const end = at + bytes.size();
  std::uint64_t length = 0;
  try {
    length = protozero::decode_varint(&at, end);
  } catch (const protozero::exception&) {
    fail(where, key + " has no length");
  }
  std::uint32_t length_sum = 0;
  if (end - at < 4 || length != static_cast<std::uint64_t>(end - at) - 4) {
    fail(where, key + " has length " + std::to_string(length) + " in " + std::to_string(bytes.size()) + " bytes");
  }
  std::memcpy(&length_sum, at, 4);
  // The lengths count with 4 bytes, from 4 GiB on with 8.
  const auto length_bytes = std::as_bytes(std::span(&length, 1)).first(length >> 32U == 0 ? 4 : 8);
  const std::uint32_t length_crc = extend_crc32c(0, length_bytes);
  const auto rest = bytes.subspan(bytes.size() - static_cast<std::size_t>(length) - 4);
  if (mask_crc32c(length_crc) != length_sum || mask_crc32c(extend_crc32c(length_crc, rest)) != found.crc32c) {
    fail(where, key + " has a wrong checksum");
  }
  return {at + 4, static_cast<std::size_t>(length)};
}

std::map<std::string, std::string> TensorBundle::variable_names() const {
  std::map<std::string, std::string> names;
  try {
    for (const Attribute& attribute : read_object_graph(string(std::string(kObjectGraphKey)))) {
      if (attribute.name == "VARIABLE_VALUE" && !attribute.full_name.empty())
        names[attribute.key] = attribute.full_name;
    }
  } catch (const protozero::exception& error) {
    fail(index_name(prefix_), std::string("its object graph cannot be read: ") + error.what());
  }
  return names;
}

}  // namespace crossload::exporting
