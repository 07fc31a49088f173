// Zip archives, and every way in which one can be wrong: a sentence for each, and the error that it must give.
#include <gmock/gmock.h>
#include <zlib.h>

#include <optional>

#include "checkpoint/pytorch_file.h"
#include "checkpoint/zip_archive.h"
#include "test_support.h"

namespace crossload {
namespace {

template <class T>
std::string le(T value) {
  return bytes_of(std::vector<T>{value});
}

using U16 = std::uint16_t;
using U32 = std::uint32_t;
using U64 = std::uint64_t;

/// One entry; what is not set is as it should be.
struct Entry {
  std::string name;
  std::string data;
  U16 method = 0;
  U16 flags = 0;
  std::optional<U32> size = {};
  std::optional<U32> stored = {};
  std::optional<U32> crc = {};
  std::optional<U32> header = {};
  std::optional<U16> name_size = {};
  std::optional<std::string> local_name = {};
  std::string extra = {};
  U32 local_signature = 0x04034b50;
  U32 directory_signature = 0x02014b50;
};

struct End {
  std::optional<U16> count = {};
  std::optional<U32> size = {};
  std::optional<U32> offset = {};
  U16 disk = 0;
  std::string before = {};  // records of zip64
  std::string behind = {};
};

std::string zip(const std::vector<Entry>& entries, const End& end = {}) {
  std::string bytes;
  std::string directory;
  for (const Entry& entry : entries) {
    const auto size = entry.size.value_or(static_cast<U32>(entry.data.size()));
    const auto stored = entry.stored.value_or(static_cast<U32>(entry.data.size()));
    const auto header = entry.header.value_or(static_cast<U32>(bytes.size()));
    const U32 crc = entry.crc.value_or(0);
    const std::string local_name = entry.local_name.value_or(entry.name);
    const auto name_size = entry.name_size.value_or(static_cast<U16>(entry.name.size()));
    bytes += le(entry.local_signature) + le<U16>(20) + le(entry.flags) + le(entry.method) + le<U32>(0) + le(crc) +
             le(stored) + le(size) + le(static_cast<U16>(local_name.size())) + le<U16>(0) + local_name + entry.data;
    directory += le(entry.directory_signature) + le<U32>(0x00140014) + le(entry.flags) + le(entry.method) + le<U32>(0) +
                 le(crc) + le(stored) + le(size) + le(name_size) + le(static_cast<U16>(entry.extra.size())) +
                 le<U16>(0) + le<U16>(0) + le<U16>(0) + le<U32>(0) + le(header) + entry.name + entry.extra;
  }
  const auto count = end.count.value_or(static_cast<U16>(entries.size()));
  const auto size = end.size.value_or(static_cast<U32>(directory.size()));
  const auto offset = end.offset.value_or(static_cast<U32>(bytes.size()));
  return bytes + directory + end.before + le<U32>(0x06054b50) + le(end.disk) + le<U16>(0) + le(count) + le(count) +
         le(size) + le(offset) + le<U16>(0) + end.behind;
}

std::string deflate_of(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

U32 crc_of(const std::string& text) {
  return static_cast<U32>(crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

Entry deflated(const std::string& text) {
  Entry entry{"a", deflate_of(text), 8};
  entry.size = static_cast<U32>(text.size());
  entry.crc = crc_of(text);
  return entry;
}

/// The record of zip64 that replaces the end's fields, and the locator that points to it.
std::string end64(U64 count, U64 size, U64 offset, U32 signature = 0x06064b50, U64 at = 0) {
  return le(signature) + le<U64>(44) + le<U16>(45) + le<U16>(45) + le<U32>(0) + le<U32>(0) + le(count) + le(count) +
         le(size) + le(offset) + le<U32>(0x07064b50) + le<U32>(0) + le(at) + le<U32>(1);
}

/// Parses and reads all.
void read_all(const std::string& bytes) {
  const auto copy = std::make_shared<std::vector<char>>(bytes.begin(), bytes.end());
  const checkpoint::ZipArchive archive =
      checkpoint::ZipArchive::parse(std::as_bytes(std::span<const char>(*copy)), copy, "x.zip");
  for (const auto& [name, entry] : archive.entries()) archive.read(name);
}

struct Malformed {
  std::string problem;
  std::string bytes;
  std::string text;
  ErrorKind kind = ErrorKind::kBadInput;
};

Entry entry_with(const std::function<void(Entry*)>& change) {
  Entry entry{"a", "data"};
  change(&entry);
  return entry;
}

std::vector<Malformed> malformed_archives() {
  const std::string sound = zip({{"a", "data"}});
  const std::string extra64 = le<U16>(1) + le<U16>(8);
  const auto one = [](const std::function<void(Entry*)>& change) { return zip({entry_with(change)}); };
  const std::string big(std::size_t{2} << 20, 'x');
  return {
      {"nothing", "", "it has 0 bytes, too few for the end of a directory (cut off?)"},
      {"less than an end", std::string(21, 'x'), "it has 21 bytes, too few"},
      {"no end", std::string(100, 'x'), "it has no directory at its end (cut off?)"},
      {"the last byte is missing", sound.substr(0, sound.size() - 1), "it has no directory at its end"},
      {"a byte behind the end", sound + "x", "it has no directory at its end"},
      {"the first half", sound.substr(0, sound.size() / 2), "it has no directory at its end"},
      {"the second of several files", zip({{"a", ""}}, {.disk = 1}), "it is a part of several"},
      {"more entries than there are", zip({{"a", ""}}, {.count = 2}), "entry 1 of 2 is not in the directory"},
      {"a directory behind the end", zip({{"a", ""}}, {.offset = 1000}), "at byte 1000 does not fit the file"},
      {"a directory of 4 GiB", zip({{"a", ""}}, {.size = 0xffffffff}), "its directory of 4294967295 bytes"},
      {"offset and size that overflow", zip({{"a", ""}}, {.size = 0xffffffff, .offset = 0xffffffff}),
       "its directory of 4294967295 bytes at byte 4294967295 does not fit"},
      {"an entry of the directory without its mark", one([](Entry* e) { e->directory_signature = 1; }),
       "entry 0 of 1 is not in the directory"},
      {"a name that is longer than the directory", one([](Entry* e) { e->name_size = 500; }),
       "entry 0 does not fit the directory"},
      {"an encrypted entry", one([](Entry* e) { e->flags = 1; }), "entry \"a\" is encrypted", ErrorKind::kUnsupported},
      {"an entry packed by bzip2", one([](Entry* e) { e->method = 12; }), "\"a\" is packed by method 12; stored and",
       ErrorKind::kUnsupported},
      {"an entry packed by LZMA", one([](Entry* e) { e->method = 14; }), "is packed by method 14",
       ErrorKind::kUnsupported},
      {"an entry without its own mark", one([](Entry* e) { e->local_signature = 0; }),
       "\"a\" does not begin at byte 0"},
      {"an entry that has another name in its place", one([](Entry* e) { e->local_name = "b"; }),
       "entry \"a\" calls itself \"b\""},
      {"an entry behind the data", one([](Entry* e) { e->header = 35; }), "the header of an entry lies at byte 35"},
      {"an entry at 4 GiB", one([](Entry* e) { e->header = 0xfffffffe; }),
       "the header of an entry lies at byte 4294967294"},
      {"data that reaches into the directory", one([](Entry* e) { e->stored = e->size = 5; }),
       "the data of an entry lies at byte 31 of 35 and does not fit"},
      {"data of 4 GiB", one([](Entry* e) { e->stored = e->size = 0xfffffffe; }),
       "the data of an entry lies at byte 31"},
      {"a stored entry of two sizes", one([](Entry* e) { e->size = 3; }), "is stored, but its two sizes differ"},
      {"one name twice", zip({{"a", "x"}, {"a", "y"}}), "it has two entries \"a\""},
      {"an entry inside another", zip({{"outer", zip({{"in", "x"}}).substr(0, 33)}, entry_with([](Entry* e) {
                                         *e = {"in", "x"};
                                         e->header = 35;
                                       })}),
       "entry \"in\" begins at byte 35 inside \"outer\""},
      {"zip64 sizes without a field for them", one([](Entry* e) { e->stored = e->size = 0xffffffff; }),
       "entry \"a\" lacks its zip64 sizes"},
      {"a zip64 field that is too short", one([&](Entry* e) {
         e->size = e->stored = 0xffffffff;
         e->extra = extra64 + le<U64>(4);
       }),
       "entry \"a\" lacks its zip64 sizes"},
      {"an extra field that is longer than all", one([](Entry* e) {
         e->size = e->stored = 0xffffffff;
         e->extra = le<U16>(9) + le<U16>(50);
       }),
       "entry \"a\" has an extra field that does not fit"},
      {"a zip64 offset beyond 2^63", one([&](Entry* e) {
         e->header = 0xffffffff;
         e->extra = extra64 + le(~U64{0});
       }),
       "the header of an entry lies at byte 18446744073709551615"},
      {"zip64 sizes of 2^64 - 1", one([&](Entry* e) {
         e->size = e->stored = 0xffffffff;
         e->extra = le<U16>(1) + le<U16>(16) + le(~U64{0}) + le(~U64{0});
       }),
       "the data of an entry lies at byte 31"},
      {"a zip64 end that lies outside", zip({{"a", "data"}}, {.before = end64(1, 47, 35, 0x06064b50, 99999)}),
       "the zip64 end of the directory lies at byte 99999"},
      {"a zip64 end without its mark", zip({{"a", "data"}}, {.before = end64(1, 47, 35, 7, 82)}),
       "its zip64 end of the directory is not there"},
      {"a zip64 end of 2^64 - 1 entries", zip({{"a", "data"}}, {.before = end64(~U64{0}, 47, 35, 0x06064b50, 82)}),
       "its directory says it has 18446744073709551615 entries, the limit is 1000000"},
      {"a zip64 directory whose offset and size overflow",
       zip({{"a", "data"}}, {.before = end64(1, ~U64{0}, ~U64{0}, 0x06064b50, 82)}), "does not fit the file"},
      {"a bomb: more than deflate can pack", one([](Entry* e) {
         e->method = 8;
         e->size = 1'000'000'000;
       }),
       "entry \"a\" says that 4 bytes unfold into 1000000000, more than deflate can do"},
      {"a bomb: a packed entry of 1.9 GB", one([&](Entry* e) {
         e->data = big;
         e->method = 8;
         e->size = 1'900'000'000;
       }),
       "its deflated entries unfold into more than the limit of 1073741824 bytes"},
      {"a bomb: many packed entries",
       zip({entry_with([&](Entry* e) {
              *e = {"a", big, 8};
              e->size = 600'000'000;
            }),
            entry_with([&](Entry* e) {
              *e = {"b", big, 8};
              e->size = 600'000'000;
            })}),
       "its deflated entries unfold into more than the limit"},
      {"packed bytes that are none", one([](Entry* e) { e->method = 8; }),
       "entry \"a\" does not unfold into its 4 bytes"},
      {"a packed entry that is shorter than it says", zip({entry_with([](Entry* e) {
         *e = deflated("text");
         ++*e->size;
       })}),
       "entry \"a\" does not unfold into its 5 bytes"},
      {"a packed entry that is longer than it says", zip({entry_with([](Entry* e) {
         *e = deflated("text");
         --*e->size;
       })}),
       "entry \"a\" does not unfold into its 3 bytes"},
      {"a packed entry with another checksum", zip({entry_with([](Entry* e) {
         *e = deflated("text");
         ++*e->crc;
       })}),
       "entry \"a\" does not have the checksum it should"},
  };
}

TEST(MalformedZip, IsRefusedWithTheReason) {
  int cases = 0;
  for (const Malformed& file : malformed_archives()) {
    SCOPED_TRACE(file.problem);
    EXPECT_ERROR(read_all(file.bytes), file.kind, file.text);
    EXPECT_ERROR(read_all(file.bytes), file.kind, "x.zip: ");
    ++cases;
  }
  std::printf("%d malformed archives\n", cases);
}

TEST(Zip, SoundArchivesAreRead) {
  EXPECT_NO_THROW(read_all(zip({})));
  EXPECT_NO_THROW(read_all(zip({{"c", "data"}, {"b", ""}, deflated("text")})));
  const std::string text(100'000, 'x');
  EXPECT_NO_THROW(read_all(zip({deflated(text)})));
  EXPECT_NO_THROW(read_all(zip({deflated("")})));
  // zip64 throughout, as PyTorch writes for large storages.
  Entry large{"a", "data"};
  large.size = large.stored = 0xffffffff;
  large.extra = le<U16>(7) + le<U16>(1) + "x" + le<U16>(1) + le<U16>(16) + le<U64>(4) + le<U64>(4);
  EXPECT_NO_THROW(
      read_all(zip({large}, {.size = 0xffffffff, .offset = 0xffffffff, .before = end64(1, 72, 35, 0x06064b50, 107)})));
}

}  // namespace
}  // namespace crossload
