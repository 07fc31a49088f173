#include "checkpoint/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "bytes/scratch_bytes.h"
#include "crossload/error.h"

namespace crossload::checkpoint {
namespace {

constexpr std::uint32_t kEntrySignature = 0x04034b50;
constexpr std::uint32_t kDirectorySignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::size_t kEntryBytes = 30;
constexpr std::size_t kDirectoryBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLocator64Bytes = 20;
constexpr std::size_t kMaxComment = 0xffff;
constexpr std::uint16_t kZip64Extra = 1;
constexpr std::uint16_t kEncrypted = 1;  // bit 0 of the flags
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
/// Deflate cannot do better than this, see zlib's technical notes: 1032:1.
constexpr std::uint64_t kMaxDeflateRatio = 1032;

[[noreturn]] void fail(const std::string& where, const std::string& why) {
  throw Error(ErrorKind::kBadInput, where + ": not a sound zip archive: " + why + "; download or save the file again");
}

/// For an error's one line.
std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (char c : name.substr(0, 200)) text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return text + "\"";
}

/// Little-endian integers at checked offsets.
class Fields {
 public:
  Fields(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  std::span<const std::byte> span(std::uint64_t offset, std::uint64_t size, const char* what) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      fail(where_, std::string(what) + " lies at byte " + std::to_string(offset) + " of " +
                       std::to_string(bytes_.size()) + " and does not fit (cut off?)");
    }
    return bytes_.subspan(offset, size);
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& where_;
};

template <typename T>
T get(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.subspan(offset, sizeof(T)).data(), sizeof(T));
  return value;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Directory {
  std::uint64_t offset;
  std::uint64_t size;
  std::uint64_t count;
};

/// The end is looked for from the back, behind it at most a comment that fills the file.
std::size_t find_end(std::span<const std::byte> bytes, const std::string& where) {
  if (bytes.size() < kEndBytes) {
    fail(where, "it has " + std::to_string(bytes.size()) + " bytes, too few for the end of a directory (cut off?)");
  }
  const std::size_t last = bytes.size() - kEndBytes;
  const std::size_t first = last > kMaxComment ? last - kMaxComment : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (get<std::uint32_t>(bytes, at) == kEndSignature && get<std::uint16_t>(bytes, at + 20) == last - at) return at;
  }
  fail(where, "it has no directory at its end (cut off?)");
}

Directory find_directory(std::span<const std::byte> bytes, const std::string& where) {
  const Fields fields(bytes, where);
  const std::size_t end = find_end(bytes, where);
  const auto record = bytes.subspan(end, kEndBytes);
  Directory directory{get<std::uint32_t>(record, 16), get<std::uint32_t>(record, 12), get<std::uint16_t>(record, 10)};
  std::uint64_t limit = end;
  const bool has_locator =
      end >= kLocator64Bytes && get<std::uint32_t>(bytes, end - kLocator64Bytes) == kLocator64Signature;
  if (has_locator) {
    const std::uint64_t at = get<std::uint64_t>(bytes, end - kLocator64Bytes + 8);
    const auto record64 = fields.span(at, kEnd64Bytes, "the zip64 end of the directory");
    if (get<std::uint32_t>(record64, 0) != kEnd64Signature) fail(where, "its zip64 end of the directory is not there");
    if (get<std::uint32_t>(record64, 16) != 0 || get<std::uint32_t>(record64, 20) != 0) {
      fail(where, "it is a part of several");
    }
    directory = {get<std::uint64_t>(record64, 48), get<std::uint64_t>(record64, 40), get<std::uint64_t>(record64, 32)};
    limit = std::min<std::uint64_t>(at, end - kLocator64Bytes);
  } else if (get<std::uint16_t>(record, 4) != 0 || get<std::uint16_t>(record, 6) != 0) {
    fail(where, "it is a part of several");
  }
  if (directory.count > kMaxZipEntries) {
    fail(where, "its directory says it has " + std::to_string(directory.count) + " entries, the limit is " +
                    std::to_string(kMaxZipEntries));
  }
  if (directory.offset > limit || directory.size > limit - directory.offset) {
    fail(where, "its directory of " + std::to_string(directory.size) + " bytes at byte " +
                    std::to_string(directory.offset) + " does not fit the file (cut off?)");
  }
  return directory;
}

/// Replaces the fields that are all ones by those of the zip64 extra field, in their order there.
void read_zip64(std::span<const std::byte> extra, const std::string& name, const std::string& where, ZipEntry* entry,
                std::uint64_t* header) {
  constexpr std::uint64_t kElsewhere = 0xffffffff;
  std::vector<std::uint64_t*> wanted;
  for (std::uint64_t* field : {&entry->size, &entry->stored, header}) {
    if (*field == kElsewhere) wanted.push_back(field);
  }
  while (!wanted.empty()) {
    if (extra.size() < 4) fail(where, "entry " + quoted(name) + " lacks its zip64 sizes");
    const auto id = get<std::uint16_t>(extra, 0);
    const auto size = get<std::uint16_t>(extra, 2);
    extra = extra.subspan(4);
    if (size > extra.size()) fail(where, "entry " + quoted(name) + " has an extra field that does not fit");
    if (id == kZip64Extra) {
      if (size < wanted.size() * 8) fail(where, "entry " + quoted(name) + " lacks its zip64 sizes");
      for (std::size_t i = 0; i < wanted.size(); ++i) *wanted[i] = get<std::uint64_t>(extra, i * 8);
      return;
    }
    extra = extra.subspan(size);
  }
}

struct Range {
  std::uint64_t begin;
  std::uint64_t end;
  const std::string* name;
};

/// Overlapping entries are how small archives unfold into endless ones.
void check_overlaps(std::vector<Range> ranges, const std::string& where) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].begin < ranges[i - 1].end) {
      fail(where, "entry " + quoted(*ranges[i].name) + " begins at byte " + std::to_string(ranges[i].begin) +
                      " inside " + quoted(*ranges[i - 1].name));
    }
  }
}

}  // namespace

bool ZipArchive::looks_like(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && get<std::uint32_t>(bytes, 0) == kEntrySignature;
}

ZipArchive ZipArchive::parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                             const std::string& where) {
  const Directory directory = find_directory(bytes, where);
  const Fields fields(bytes.first(directory.offset), where);  // data lies in front of the directory
  std::span<const std::byte> rest = bytes.subspan(directory.offset, directory.size);

  ZipArchive archive;
  archive.bytes_ = bytes;
  archive.owner_ = std::move(owner);
  archive.where_ = where;
  std::vector<Range> ranges;
  std::uint64_t inflated = 0;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    if (rest.size() < kDirectoryBytes || get<std::uint32_t>(rest, 0) != kDirectorySignature) {
      fail(where, "entry " + std::to_string(i) + " of " + std::to_string(directory.count) + " is not in the directory");
    }
    const auto flags = get<std::uint16_t>(rest, 8);
    const auto method = get<std::uint16_t>(rest, 10);
    const std::size_t name_size = get<std::uint16_t>(rest, 28);
    const std::size_t extra_size = get<std::uint16_t>(rest, 30);
    const std::size_t comment_size = get<std::uint16_t>(rest, 32);
    if (name_size + extra_size + comment_size > rest.size() - kDirectoryBytes) {
      fail(where, "entry " + std::to_string(i) + " does not fit the directory");
    }
    const std::string name(text_of(rest.subspan(kDirectoryBytes, name_size)));
    ZipEntry entry;
    entry.crc = get<std::uint32_t>(rest, 16);
    entry.stored = get<std::uint32_t>(rest, 20);
    entry.size = get<std::uint32_t>(rest, 24);
    std::uint64_t header = get<std::uint32_t>(rest, 42);
    read_zip64(rest.subspan(kDirectoryBytes + name_size, extra_size), name, where, &entry, &header);
    rest = rest.subspan(kDirectoryBytes + name_size + extra_size + comment_size);

    if ((flags & kEncrypted) != 0) {
      throw Error(ErrorKind::kUnsupported, where + ": entry " + quoted(name) + " is encrypted; save the file anew");
    }
    if (method != kStored && method != kDeflated) {
      throw Error(ErrorKind::kUnsupported, where + ": entry " + quoted(name) + " is packed by method " +
                                               std::to_string(method) + "; stored and deflated ones are read");
    }
    entry.deflated = method == kDeflated;
    const auto local = fields.span(header, kEntryBytes, "the header of an entry");
    if (get<std::uint32_t>(local, 0) != kEntrySignature) {
      fail(where, "entry " + quoted(name) + " does not begin at byte " + std::to_string(header));
    }
    const std::size_t local_name_size = get<std::uint16_t>(local, 26);
    const std::size_t local_extra_size = get<std::uint16_t>(local, 28);
    // A file of at most 2^63 bytes: these sums do not overflow.
    const auto local_name = fields.span(header + kEntryBytes, local_name_size, "the name of an entry");
    if (text_of(local_name) != name) {
      fail(where, "entry " + quoted(name) + " calls itself " + quoted(text_of(local_name)));
    }
    entry.offset = header + kEntryBytes + local_name_size + local_extra_size;
    fields.span(entry.offset, entry.stored, "the data of an entry");
    if (!entry.deflated && entry.stored != entry.size) {
      fail(where, "entry " + quoted(name) + " is stored, but its two sizes differ");
    }
    if (entry.deflated) {
      if (entry.size / kMaxDeflateRatio > entry.stored) {
        fail(where, "entry " + quoted(name) + " says that " + std::to_string(entry.stored) + " bytes unfold into " +
                        std::to_string(entry.size) + ", more than deflate can do");
      }
      if (entry.size > kMaxInflatedBytes - inflated) {
        fail(where, "its deflated entries unfold into more than the limit of " + std::to_string(kMaxInflatedBytes) +
                        " bytes; store them unpacked");
      }
      inflated += entry.size;
    }
    const auto [at, is_new] = archive.entries_.emplace(name, entry);
    if (!is_new) fail(where, "it has two entries " + quoted(name));
    ranges.push_back({header, entry.offset + entry.stored, &at->first});
  }
  check_overlaps(std::move(ranges), where);
  return archive;
}

ZipContent ZipArchive::read(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) fail(where_, "it has no entry " + quoted(name));
  const ZipEntry& entry = found->second;
  const std::span<const std::byte> packed = bytes_.subspan(entry.offset, entry.stored);
  if (!entry.deflated) return {packed, owner_};

  const auto scratch = bytes::ScratchBytes::make(entry.size);
  const std::span<std::byte> content = scratch->bytes();
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail(where_, "zlib does not start");  // negative: no zlib header
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, inflateEnd);
  std::size_t in = 0;
  std::size_t out = 0;
  int status = Z_OK;
  while (status == Z_OK) {  // zlib counts in 32 bits
    constexpr std::size_t kStep = std::size_t{1} << 30;
    const std::size_t in_step = std::min(kStep, packed.size() - in);
    const std::size_t out_step = std::min(kStep, content.size() - out);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + in));
    stream.avail_in = static_cast<uInt>(in_step);
    Bytef nothing = 0;
    stream.next_out = content.empty() ? &nothing : reinterpret_cast<Bytef*>(content.data() + out);
    stream.avail_out = static_cast<uInt>(out_step);
    status = inflate(&stream, Z_NO_FLUSH);
    in += in_step - stream.avail_in;
    out += out_step - stream.avail_out;
  }
  if (status != Z_STREAM_END || out != content.size() || in != packed.size()) {
    fail(where_, "entry " + quoted(name) + " does not unfold into its " + std::to_string(entry.size) + " bytes");
  }
  const uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
  if (crc != entry.crc) fail(where_, "entry " + quoted(name) + " does not have the checksum it should");
  return {content, scratch};
}

}  // namespace crossload::checkpoint
