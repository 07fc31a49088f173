#include "checkpoint/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <vector>

#include "bytes/json.h"
#include "bytes/mapped_file.h"
#include "checkpoint/foreign.h"
#include "crossload/error.h"

namespace crossload::checkpoint {
namespace {

constexpr std::size_t kLengthBytes = 8;

struct Range {
  std::size_t begin;
  std::size_t end;
  std::string name;
};

[[noreturn]] void fail(const std::string& where, const std::string& why) {
  throw Error(ErrorKind::kBadInput,
              where + ": not a sound safetensors file: " + why + "; download or save the file again");
}

std::size_t offset_from(const bytes::Json& value, const std::string& where, const std::string& name) {
  if (!value.is_integer() || value.as_integer() < 0) {
    fail(where, "tensor \"" + name + "\" has a data offset that is no size");
  }
  return static_cast<std::size_t>(value.as_integer());
}

tensor::TensorView read_tensor(const std::string& name, const bytes::Json& entry, std::span<const std::byte> data,
                               const std::string& where, Range* range) {
  tensor::TensorView view;
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets")) {
    fail(where, "tensor \"" + name + "\" lacks dtype, shape or data_offsets");
  }
  const std::string dtype = entry.at("dtype").as_string();
  const bool is_complex = dtype == "C64";  // pairs of F32
  if (is_complex) view.dtype = DType::kF32;
  if (!is_complex && !parse_dtype(dtype, &view.dtype)) {
    throw Error(ErrorKind::kUnsupported, where + ": tensor \"" + name + "\" has dtype " + dtype +
                                             ", which TensorFlow variables cannot hold; save it as F32, F16 or BF16");
  }
  for (const bytes::Json& size : entry.at("shape").elements()) view.shape.push_back(size.as_integer());
  if (is_complex) view.shape.push_back(2);
  const bytes::Json offsets = entry.at("data_offsets");
  if (!offsets.is_array() || offsets.size() != 2) fail(where, "tensor \"" + name + "\" needs two data offsets");
  range->begin = offset_from(offsets.at(0), where, name);
  range->end = offset_from(offsets.at(1), where, name);
  range->name = name;
  if (range->begin > range->end || range->end > data.size()) {
    fail(where, "tensor \"" + name + "\" lies at bytes " + std::to_string(range->begin) + " to " +
                    std::to_string(range->end) + " of " + std::to_string(data.size()) + " (cut off?)");
  }
  std::size_t wanted = 0;
  try {
    const auto count = static_cast<std::size_t>(element_count(view.shape));
    if (count > std::numeric_limits<std::size_t>::max() / size_of(view.dtype)) {
      throw Error(ErrorKind::kBadInput, "shape " + to_string(view.shape) + ": the number of bytes overflows");
    }
    wanted = count * size_of(view.dtype);
  } catch (const Error& error) {
    fail(where, "tensor \"" + name + "\": " + error.what());
  }
  if (wanted != range->end - range->begin) {
    fail(where, "tensor \"" + name + "\" " + dtype + " " + to_string(view.shape) + " needs " + std::to_string(wanted) +
                    " bytes and has " + std::to_string(range->end - range->begin));
  }
  view.bytes = data.subspan(range->begin, wanted);
  return view;
}

/// Where a string of valid JSON ends: behind its second quotation mark.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  std::size_t at = begin + 1;
  while (text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return at + 1;
}

/// The reference reader takes the last of several tensors with one name, and refuses a second `__metadata__` and a
/// second dtype, shape or data_offsets of a tensor. `text` is valid JSON, an object.
void refuse_repeated_fields(std::string_view text, const std::string& where) {
  std::set<std::string> top, fields;
  std::size_t depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '{' || c == '[') {
      if (++depth == 2) fields.clear();
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == '"') {
      const std::size_t end = end_of_string(text, at);
      const std::size_t next = text.find_first_not_of(" \t\r\n", end);
      if (depth <= 2 && next != std::string_view::npos && text[next] == ':') {
        const std::string name = bytes::Json::parse_strict(text.substr(at, end - at), where).as_string();
        const bool counts =
            depth == 1 ? name == "__metadata__" : name == "dtype" || name == "shape" || name == "data_offsets";
        if (counts && !(depth == 1 ? top : fields).insert(name).second) {
          fail(where, "it has the field \"" + name + "\" twice in one place");
        }
      }
      at = end - 1;
    }
  }
}

void check_coverage(std::vector<Range> ranges, std::size_t data_size, const std::string& where) {
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  std::size_t at = 0;
  for (const Range& range : ranges) {
    if (range.begin != at) {
      fail(where, "tensor \"" + range.name + "\" begins at byte " + std::to_string(range.begin) +
                      (range.begin < at ? " inside the one before it" : " after a gap") + ", expected " +
                      std::to_string(at));
    }
    at = range.end;
  }
  if (at != data_size) {
    fail(where, std::to_string(data_size - at) + " bytes at the end belong to no tensor");
  }
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  std::shared_ptr<const bytes::MappedFile> file = bytes::MappedFile::open(path);
  return parse(file->bytes(), file, path.string());
}

SafetensorsFile SafetensorsFile::parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                       const std::string& where) {
  std::uint64_t header_size = 0;
  if (bytes.size() >= kLengthBytes) std::memcpy(&header_size, bytes.data(), kLengthBytes);
  const bool has_header = bytes.size() > kLengthBytes && header_size > 0 && header_size <= bytes.size() - kLengthBytes;
  if (!has_header) {
    const std::string cause = foreign_file(bytes);
    if (!cause.empty()) throw Error(ErrorKind::kBadInput, where + ": not a sound safetensors file: " + cause);
  }
  if (bytes.size() < kLengthBytes) {
    fail(where, "it has " + std::to_string(bytes.size()) + " bytes, too few for the header's length");
  }
  if (header_size > kMaxSafetensorsHeader) {
    fail(where, "its header says it is " + std::to_string(header_size) + " bytes long, the limit is " +
                    std::to_string(kMaxSafetensorsHeader));
  }
  if (header_size > bytes.size() - kLengthBytes) {
    fail(where, "its header of " + std::to_string(header_size) + " bytes does not fit the file (cut off?)");
  }
  const std::span<const std::byte> header_bytes = bytes.subspan(kLengthBytes, header_size);
  const std::span<const std::byte> data = bytes.subspan(kLengthBytes + header_size);
  const std::string_view text(reinterpret_cast<const char*>(header_bytes.data()), header_bytes.size());
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || text[begin] != '{') fail(where, "its header does not begin with '{'");
  const bytes::Json header = bytes::Json::parse_strict(text, where);
  refuse_repeated_fields(text, where);

  SafetensorsFile file;
  std::vector<Range> ranges;
  for (const auto& [name, entry] : header.members()) {
    if (name == "__metadata__") {
      if (entry.is_null()) continue;
      for (const auto& [key, value] : entry.members()) file.metadata_[key] = value.as_string();
      continue;
    }
    Range range;
    tensor::TensorView view = read_tensor(name, entry, data, where, &range);
    view.owner = owner;
    ranges.push_back(std::move(range));
    file.tensors_.emplace(name, std::move(view));
  }
  check_coverage(std::move(ranges), data.size(), where);
  return file;
}

}  // namespace crossload::checkpoint
